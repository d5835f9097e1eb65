//! URLs and the hosts in them: taken apart in one way, which hosts are this machine or its
//! network's own, and `NO_PROXY`.
//!
//! [`Url`] and [`Authority`] only split. Which texts a place accepts is its own rule: a registry's
//! host is not an endpoint's, and a proxy may have a user part. What is not a URL at all, but may
//! hold a password, is taken apart by [`crate::redaction`].

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::redaction::shown_input;

/// The scheme of a URL, and what follows `://`; without that, the whole text follows.
pub(crate) fn split_scheme(text: &str) -> (Option<&str>, &str) {
    match text.split_once("://") {
        Some((scheme, rest)) => (Some(scheme), rest),
        None => (None, text),
    }
}

/// `SCHEME://AUTHORITY`, with whatever path, query and fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Url<'a> {
    pub(crate) scheme: &'a str,
    pub(crate) authority: Authority<'a>,
    /// Path, query and fragment: empty, or begins with `/`, `?` or `#`.
    pub(crate) after: &'a str,
}

impl<'a> Url<'a> {
    /// `None` without a scheme.
    pub(crate) fn split(text: &'a str) -> Option<Self> {
        let (scheme, rest) = split_scheme(text);
        let (authority, after) = Authority::split(rest);
        scheme.map(|scheme| Self {
            scheme,
            authority,
            after,
        })
    }
}

/// `[USER@]HOST[:PORT]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Authority<'a> {
    /// Up to the last `@`, as a password may hold one.
    pub(crate) user: Option<&'a str>,
    /// `HOST[:PORT]`.
    pub(crate) address: &'a str,
    /// An IPv6 address is in brackets.
    pub(crate) host: &'a str,
    /// As written: not every text here is a number.
    pub(crate) port: Option<&'a str>,
}

impl<'a> Authority<'a> {
    /// Splits what follows a scheme into the authority and the path, query and fragment after it.
    pub(crate) fn split(text: &'a str) -> (Self, &'a str) {
        let end = text.find(['/', '?', '#']).unwrap_or(text.len());
        let (authority, after) = text.split_at(end);
        let (user, address) = match authority.rsplit_once('@') {
            Some((user, address)) => (Some(user), address),
            None => (None, authority),
        };
        let (host, port) = split_port(address);
        let authority = Self {
            user,
            address,
            host,
            port,
        };
        (authority, after)
    }
}

/// `HOST[:PORT]`.
fn split_port(address: &str) -> (&str, Option<&str>) {
    match address.rsplit_once(':') {
        Some((host, port)) if !address.ends_with(']') => (host, Some(port)),
        _ => (address, None),
    }
}

/// A URL that a request can be sent to: `http[s]://HOST[:PORT]`, with whatever path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HttpUrl<'a> {
    pub(crate) is_https: bool,
    /// An IPv6 address is in brackets.
    pub(crate) host: &'a str,
}

impl<'a> HttpUrl<'a> {
    /// `None` when it is something else. The SDK would find out late, and show the whole request.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let Url {
            scheme, authority, ..
        } = Url::split(text)?;
        let is_odd = |byte: u8| match byte {
            b'<' | b'>' | b'"' | b'{' | b'}' | b'|' | b'\\' | b'^' | b'`' => true,
            byte => !byte.is_ascii_graphic(),
        };
        let is_port = |port: &str| port.parse::<u16>().is_ok();
        // A user part would go into the signed `Host`, and AWS would blame the secret key.
        let is_http_url = matches!(scheme, "http" | "https")
            && authority.user.is_none()
            && is_host(authority.host)
            && authority.port.is_none_or(is_port)
            && !text.bytes().any(is_odd);
        is_http_url.then_some(Self {
            is_https: scheme == "https",
            host: authority.host,
        })
    }
}

/// A name, an IPv4 address, or an IPv6 address in brackets.
fn is_host(host: &str) -> bool {
    match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').is_some_and(|address| {
            let address = address.split('%').next().unwrap_or_default();
            address.parse::<Ipv6Addr>().is_ok()
        }),
        None => {
            let in_names = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            let mut labels = host.strip_suffix('.').unwrap_or(host).split('.');
            labels.all(|label| !label.is_empty() && label.bytes().all(in_names))
        }
    }
}

/// The address that a host is written as, with brackets or without.
fn ip_address(host: &str) -> Option<IpAddr> {
    host.trim_matches(['[', ']']).parse().ok()
}

/// Whether a host is this machine by its usual name, or by an address.
pub(crate) fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || ip_address(host).is_some_and(|address| address.is_loopback())
}

/// Whether a host is this machine, or one that only its own network knows, however it is written:
/// instance metadata is at 169.254.169.254 and fd00:ec2::254.
pub(crate) fn is_internal(host: &str) -> bool {
    if let Some(address) = ip_address(host) {
        return match address.to_canonical() {
            IpAddr::V4(address) => is_internal_v4(address),
            IpAddr::V6(address) => is_internal_v6(address),
        };
    }
    let name = host.trim_matches(['[', ']']).trim_end_matches('.');
    let name = name.to_ascii_lowercase();
    // What reads like a number (`0x7f.1`, `2130706433`) is an address for the C library.
    let is_number =
        |label: &str| label.bytes().all(|byte| byte.is_ascii_digit()) || label.starts_with("0x");
    name == "localhost"
        || name.ends_with(".localhost")
        || name.rsplit('.').next().is_some_and(is_number)
}

fn is_internal_v4(address: Ipv4Addr) -> bool {
    address.is_loopback()
        || address.is_link_local()
        || address.is_unspecified()
        || address.is_broadcast()
        || address.is_multicast()
}

fn is_internal_v6(address: Ipv6Addr) -> bool {
    address.is_loopback()
        || address.is_unspecified()
        || address.is_unicast_link_local()
        || address.is_unique_local()
        || address.is_multicast()
}

/// The hosts that `NO_PROXY` lists. The rules are those of Go's `httpproxy`, which docker, podman
/// and the established helper follow, with one of curl's: `.example.com` covers `example.com` too.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct NoProxy(Vec<ProxyException>);

#[derive(Debug, PartialEq)]
enum ProxyException {
    /// `*`
    Everything,
    /// A domain and all below it, on this port or on any.
    Domain(String, Option<u16>),
    Address(IpAddr, Option<u16>),
    /// `10.0.0.0/8`
    Network(IpAddr, u8),
}

impl NoProxy {
    /// What makes no sense is passed over, as everywhere.
    pub(crate) fn parse(list: &str) -> Self {
        let entries = no_proxy_entries(list).map(str::to_ascii_lowercase);
        Self(
            entries
                .filter_map(|entry| ProxyException::parse(&entry))
                .collect(),
        )
    }

    /// Whether this host is asked without a proxy. This machine always is.
    pub(crate) fn contains(&self, host: &str, port: u16) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let address = ip_address(&host).map(|address| address.to_canonical());
        host == "localhost"
            || address.is_some_and(|address| address.is_loopback())
            || self.0.iter().any(|rule| rule.covers(&host, address, port))
    }
}

/// A value of `NO_PROXY` for a message. Its entries may be URLs by mistake, with a password. As that
/// may hold commas, nothing is shown after an entry without a host, and nothing at all if an `@`
/// follows.
pub(crate) fn shown_no_proxy(list: &str) -> String {
    let mut shown = Vec::new();
    for entry in no_proxy_entries(list) {
        let part = shown_input(entry);
        let lacks_host = part != entry && !part.contains("…@");
        shown.push(part);
        if lacks_host {
            break;
        }
    }
    let is_late = |entry: &str| entry.contains('@') && !entry.contains("://");
    if no_proxy_entries(list).any(is_late) && list.contains("://") {
        return "…".to_owned();
    }
    if shown.len() < no_proxy_entries(list).count() {
        shown.push("…".to_owned());
    }
    shown.join(", ")
}

fn no_proxy_entries(list: &str) -> impl Iterator<Item = &str> {
    let entries = list.split(|c: char| c == ',' || c.is_whitespace());
    entries.filter(|entry| !entry.is_empty())
}

impl ProxyException {
    fn parse(entry: &str) -> Option<Self> {
        if entry == "*" {
            return Some(Self::Everything);
        }
        if let Some((network, bits)) = entry.split_once('/') {
            let network = network.parse::<IpAddr>().ok()?;
            let bits = bits.parse().ok()?;
            let width = if network.is_ipv4() { 32 } else { 128 };
            return (bits <= width).then_some(Self::Network(network, bits));
        }
        // An IPv6 address may lack its brackets, and then its end is not a port.
        if let Some(address) = ip_address(entry) {
            return Some(Self::Address(address.to_canonical(), None));
        }
        let (host, port) = split_port(entry);
        let port = port.map(str::parse).transpose().ok()?;
        if let Some(address) = ip_address(host) {
            return Some(Self::Address(address.to_canonical(), port));
        }
        let domain = host.strip_prefix('*').unwrap_or(host);
        let domain = domain.trim_start_matches('.').trim_end_matches('.');
        let is_name = !domain.is_empty() && !domain.contains(':');
        is_name.then(|| Self::Domain(domain.to_owned(), port))
    }

    fn covers(&self, host: &str, address: Option<IpAddr>, to: u16) -> bool {
        let on = |port: &Option<u16>| port.is_none_or(|port| port == to);
        match self {
            Self::Everything => true,
            Self::Domain(domain, port) => {
                let below = host.strip_suffix(domain.as_str());
                on(port) && below.is_some_and(|below| below.is_empty() || below.ends_with('.'))
            }
            Self::Address(one, port) => on(port) && address == Some(*one),
            Self::Network(network, bits) => {
                let common = address.and_then(|address| common_bits(*network, address));
                common.is_some_and(|common| common >= u32::from(*bits))
            }
        }
    }
}

/// How many bits two addresses begin with alike; `None` between IPv4 and IPv6.
fn common_bits(one: IpAddr, other: IpAddr) -> Option<u32> {
    match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            Some((one.to_bits() ^ other.to_bits()).leading_zeros())
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => {
            Some((one.to_bits() ^ other.to_bits()).leading_zeros())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn authority(text: &str) -> (Option<&str>, &str, Option<&str>) {
        let Authority {
            user, host, port, ..
        } = Authority::split(text).0;
        (user, host, port)
    }

    #[test]
    fn authority_table() {
        for (text, user, host, port) in [
            ("", None, "", None),
            ("a.test", None, "a.test", None),
            ("a.test:8443", None, "a.test", Some("8443")),
            ("a.test:", None, "a.test", Some("")),
            ("[::1]", None, "[::1]", None),
            ("[::1]:80", None, "[::1]", Some("80")),
            ("u:p@a.test:1", Some("u:p"), "a.test", Some("1")),
            ("u@p@[::1]", Some("u@p"), "[::1]", None),
            ("a.test:x/y:z@w", None, "a.test", Some("x")),
            ("a.test?x@y", None, "a.test", None),
            ("a.test#:1", None, "a.test", None),
        ] {
            assert_eq!(authority(text), (user, host, port), "{text}");
        }
    }

    #[test]
    fn a_url_has_a_scheme() {
        let url = Url::split("s3://u@a.test:1/b?c#d").unwrap();
        assert_eq!((url.scheme, url.after), ("s3", "/b?c#d"));
        assert_eq!(url.authority.address, "a.test:1");
        for text in ["a.test", "/x", "http:/a.test", ""] {
            assert_eq!(Url::split(text), None, "{text}");
            assert_eq!(split_scheme(text), (None, text));
        }
    }

    #[test]
    fn internal_hosts_are_more_than_this_machine() {
        for (host, loopback, internal) in [
            ("localhost", true, true),
            ("LOCALHOST", true, true),
            ("127.8.9.10", true, true),
            ("[::1]", true, true),
            ("x.localhost", false, true),
            ("[::ffff:127.0.0.1]", false, true),
            ("169.254.169.254", false, true),
            ("[fd00:ec2::254]", false, true),
            ("0x7f.1", false, true),
            ("10.0.0.5", false, false),
            ("[2001:db8::1]", false, false),
            ("localhost.example.com", false, false),
        ] {
            assert_eq!(is_loopback(host), loopback, "{host}");
            assert_eq!(is_internal(host), internal, "{host}");
        }
    }

    #[test]
    fn no_proxy_table() {
        for (list, host, port, direct) in [
            ("", "sts.amazonaws.com", 443, false),
            ("amazonaws.com", "sts.amazonaws.com", 443, true),
            (".amazonaws.com", "sts.amazonaws.com", 443, true),
            ("*.amazonaws.com", "sts.amazonaws.com", 443, true),
            (".amazonaws.com", "amazonaws.com", 443, true),
            ("amazonaws.com", "notamazonaws.com", 443, false),
            ("amazonaws.com", "amazonaws.com.cn", 443, false),
            ("AmazonAWS.com", "STS.amazonaws.COM", 443, true),
            ("amazonaws.com.", "sts.amazonaws.com", 443, true),
            ("amazonaws.com", "sts.amazonaws.com.", 443, true),
            (
                "a.example, amazonaws.com ,b",
                "sts.amazonaws.com",
                443,
                true,
            ),
            ("a.example amazonaws.com", "sts.amazonaws.com", 443, true),
            (",,", "sts.amazonaws.com", 443, false),
            ("*", "sts.amazonaws.com", 443, true),
            ("*", "10.1.2.3", 443, true),
            ("vpce.example:8443", "x.vpce.example", 8443, true),
            ("vpce.example:8443", "x.vpce.example", 443, false),
            ("vpce.example:x", "vpce.example", 443, false),
            ("10.1.2.3", "10.1.2.3", 443, true),
            ("10.1.2.3:443", "10.1.2.3", 443, true),
            ("10.1.2.3:80", "10.1.2.3", 443, false),
            ("10.1.2.3", "10.1.2.30", 443, false),
            ("10.0.0.0/8", "10.1.2.3", 443, true),
            ("10.0.0.0/8", "11.1.2.3", 443, false),
            ("10.1.2.0/23", "10.1.3.255", 443, true),
            ("10.1.2.0/23", "10.1.4.0", 443, false),
            ("0.0.0.0/0", "10.1.4.0", 443, true),
            ("10.0.0.0/33", "10.1.2.3", 443, false),
            ("10.0.0.0/8", "ten.example", 443, false),
            ("fd00::/8", "[fd12::1]", 443, true),
            ("fd00::/8", "[fe80::1]", 443, false),
            ("fd00::1", "[fd00::1]", 443, true),
            ("[fd00::1]:443", "[fd00::1]", 443, true),
            ("[fd00::1]", "[fd00::1]", 443, true),
            ("10.0.0.0/8", "[::ffff:10.1.2.3]", 443, true),
            // This machine is never asked through a proxy, as in Go.
            ("", "localhost", 443, true),
            ("", "127.0.0.2", 443, true),
            ("", "[::1]", 443, true),
        ] {
            let found = NoProxy::parse(list).contains(host, port);
            assert_eq!(found, direct, "{list:?} {host}:{port}");
        }
    }

    proptest! {
        #[test]
        fn nothing_of_a_url_is_lost(text in r"(https?://)?[-a-z0-9.:@\[\]%]{0,24}([/?#]\PC{0,12})?") {
            let (scheme, rest) = split_scheme(&text);
            let (authority, after) = Authority::split(rest);
            let mut again = scheme.map_or(String::new(), |scheme| format!("{scheme}://"));
            if let Some(user) = authority.user {
                again.push_str(user);
                again.push('@');
            }
            prop_assert!(authority.address.starts_with(authority.host));
            again.push_str(authority.host);
            if let Some(port) = authority.port {
                again.push(':');
                again.push_str(port);
            }
            again.push_str(after);
            prop_assert_eq!(again, text);
        }
    }

    #[test]
    fn a_password_in_no_proxy_is_not_shown() {
        for list in [
            "http://alice:x,vexed7",
            "http://alice:x vexed7 b.example",
            "http://alice:x,vexed7@host",
            "a.example,alice:x,vexed7",
            "wJalrXUtnFEMI/K7MDENG/vexed7",
        ] {
            let shown = shown_no_proxy(list);
            assert!(!shown.contains("vexed7"), "{list}: {shown}");
        }
        let plain = "localhost, 10.0.0.0/8, .example.com, *.corp:8080, fd00::/8";
        assert_eq!(shown_no_proxy(plain), plain);
        assert_eq!(
            shown_no_proxy("a.example alice:x b.example"),
            "a.example, …, …"
        );
    }
}
