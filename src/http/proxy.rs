//! `HTTPS_PROXY` and `NO_PROXY`.
//!
//! The value is taken apart here, not by the SDK: hyper-util's matcher drops what it cannot
//! parse without a word, takes the first `@` for the end of the password, and knows neither
//! ports nor `*.` in `NO_PROXY`. The rules are those of Go's `httpproxy`, which the tools around
//! us follow (docker, podman, the established helper), with one of curl's: `.example.com` covers
//! `example.com` too.
//!
//! `HTTP_PROXY` and `ALL_PROXY` play no part: AWS is asked over https, and plain http goes to
//! metadata endpoints, which no proxy may see.

use std::fmt::{self, Write as _};
use std::net::IpAddr;

use http::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

use crate::redaction::shown_url;

/// Why the value of `HTTPS_PROXY` is no proxy. Never shows any of it: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// Another scheme, `socks5://` for one.
    #[error("HTTPS_PROXY: only http:// and https:// proxies are supported")]
    Scheme,
    /// There is no host, or it holds what no host name holds.
    #[error("HTTPS_PROXY: no valid host; expected http://[USER:PASSWORD@]HOST:PORT")]
    Host,
    /// The port is no number from 1 to 65535.
    #[error("HTTPS_PROXY: the port is not a number from 1 to 65535")]
    Port,
    /// A `/`, `?` or `#` stands before the `@`.
    #[error("HTTPS_PROXY: write / ? and # in the user name or password as %2F %3F %23")]
    UserInfo,
    /// White space or control characters.
    #[error("HTTPS_PROXY: contains white space or control characters")]
    Characters,
}

/// `SCHEME://HOST:PORT` of the proxy that a value of `HTTPS_PROXY` names, without user name and
/// password. `None` when it names none.
///
/// # Errors
/// When the value is malformed.
pub fn shown_proxy(value: &str) -> Result<Option<String>, ProxyError> {
    let proxy = Proxy::parse(value, "")?;
    Ok(proxy.map(|proxy| proxy.url()))
}

/// A value of `NO_PROXY` for a message. Its entries may be URLs by mistake, with a password.
pub fn shown_no_proxy(list: &str) -> String {
    let entries: Vec<String> = entries(list).map(shown_url).collect();
    entries.join(", ")
}

/// The proxy for https, and the hosts that go without.
pub(super) struct Proxy {
    intercept: Intercept,
    address: String,
    except: NoProxy,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `intercept` holds the password.
        f.debug_struct("Proxy")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Proxy {
    /// Reads the two variables. An empty `HTTPS_PROXY` is none.
    pub(super) fn parse(value: &str, no_proxy: &str) -> Result<Option<Self>, ProxyError> {
        let value = value.trim();
        if value.is_empty() {
            return Ok(None);
        }
        if value.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(ProxyError::Characters);
        }
        // curl, Go and Python all take `host:port` for an http proxy.
        let (scheme, rest) = match value.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => ("http", rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => ("https", rest),
            // A password may hold "://".
            Some((before, _)) if !before.contains('@') && !before.contains(':') => {
                return Err(ProxyError::Scheme);
            }
            _ => ("http", value),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, after) = rest.split_at(end);
        if after.contains('@') {
            return Err(ProxyError::UserInfo);
        }
        let (user_info, address) = match authority.rsplit_once('@') {
            Some((user_info, address)) => (Some(user_info), address),
            None => (None, authority),
        };
        let address = checked_address(address)?;
        let mut url = format!("{scheme}://");
        if let Some(user_info) = user_info {
            push_user_info(&mut url, user_info);
        }
        url.push_str(&address);
        // Without exceptions: those are ours. What we let through, the matcher must take.
        let intercept = Matcher::builder()
            .https(url)
            .build()
            .intercept(&Uri::from_static("https://any.invalid"))
            .ok_or(ProxyError::Host)?;
        Ok(Some(Self {
            intercept,
            address,
            except: NoProxy::parse(no_proxy),
        }))
    }

    /// `HOST:PORT` as configured, without user name and password.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// `SCHEME://HOST:PORT` as configured, without user name and password.
    pub(super) fn url(&self) -> String {
        let scheme = self.intercept.uri().scheme_str().unwrap_or("http");
        format!("{scheme}://{}", self.address)
    }

    /// Whether requests to this host go through the proxy. Never those to this very machine.
    pub(super) fn serves(&self, host: &str, port: u16) -> bool {
        !self.except.contains(host, port)
    }

    /// As hyper-util wants it: where it is, and the login.
    pub(super) fn intercept(&self) -> &Intercept {
        &self.intercept
    }
}

fn checked_address(address: &str) -> Result<String, ProxyError> {
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if !address.ends_with(']') => (host, Some(port)),
        _ => (address, None),
    };
    let valid = match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
        }
    };
    if !valid {
        return Err(ProxyError::Host);
    }
    match port {
        // `u16::from_str` takes a plus sign.
        Some(port) if !port.starts_with('+') => match port.parse::<u16>() {
            Ok(port) if port > 0 => Ok(format!("{host}:{port}")),
            _ => Err(ProxyError::Port),
        },
        Some(_) => Err(ProxyError::Port),
        None => Ok(host.to_owned()),
    }
}

/// Writes `USER[:PASSWORD]@` with everything escaped that a URL would not take. What is escaped
/// already stays.
fn push_user_info(url: &mut String, user_info: &str) {
    let bytes = user_info.as_bytes();
    let mut in_user = true;
    for (at, &byte) in bytes.iter().enumerate() {
        let escape = byte == b'%'
            && bytes
                .get(at + 1..at + 3)
                .is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit));
        let separator = in_user && byte == b':';
        in_user &= !separator;
        if escape || separator || byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            url.push(byte.into());
        } else {
            let _ = write!(url, "%{byte:02X}"); // a String takes everything
        }
    }
    url.push('@');
}

/// The list in `NO_PROXY`.
#[derive(Debug, Default, PartialEq)]
struct NoProxy(Vec<Rule>);

fn entries(list: &str) -> impl Iterator<Item = &str> {
    let entries = list.split(|c: char| c == ',' || c.is_whitespace());
    entries.filter(|entry| !entry.is_empty())
}

#[derive(Debug, PartialEq)]
enum Rule {
    /// `*`
    Everything,
    /// A domain and all below it, on this port or on any.
    Domain(String, Option<u16>),
    /// An address, on this port or on any.
    Address(IpAddr, Option<u16>),
    /// `10.0.0.0/8`
    Network(IpAddr, u8),
}

impl NoProxy {
    /// What makes no sense is passed over, as everywhere.
    fn parse(list: &str) -> Self {
        Self(
            entries(list)
                .filter_map(|entry| Rule::parse(&entry.to_ascii_lowercase()))
                .collect(),
        )
    }

    fn contains(&self, host: &str, port: u16) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let address = host.trim_matches(['[', ']']).parse::<IpAddr>().ok();
        let address = address.map(|address| address.to_canonical());
        host == "localhost"
            || address.is_some_and(|address| address.is_loopback())
            || self.0.iter().any(|rule| rule.covers(&host, address, port))
    }
}

impl Rule {
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
        if let Ok(address) = entry.trim_matches(['[', ']']).parse::<IpAddr>() {
            return Some(Self::Address(address.to_canonical(), None));
        }
        let (host, port) = match entry.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok()?)),
            None => (entry, None),
        };
        if let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
            return Some(Self::Address(address.to_canonical(), port));
        }
        let domain = host.strip_prefix('*').unwrap_or(host);
        let domain = domain.trim_start_matches('.').trim_end_matches('.');
        (!domain.is_empty()).then(|| Self::Domain(domain.to_owned(), port))
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
            Self::Network(network, bits) => match (network, address) {
                (IpAddr::V4(network), Some(IpAddr::V4(address))) => {
                    let apart = network.to_bits() ^ address.to_bits();
                    apart.leading_zeros() >= u32::from(*bits)
                }
                (IpAddr::V6(network), Some(IpAddr::V6(address))) => {
                    let apart = network.to_bits() ^ address.to_bits();
                    apart.leading_zeros() >= u32::from(*bits)
                }
                _ => false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_usual_form_of_a_proxy_is_read() {
        for (value, url, address) in [
            ("http://proxy:3128", "http://proxy:3128", "proxy:3128"),
            ("HTTP://Proxy.Corp", "http://Proxy.Corp", "Proxy.Corp"),
            ("https://proxy:3129/", "https://proxy:3129", "proxy:3129"),
            (
                "proxy.corp:3128",
                "http://proxy.corp:3128",
                "proxy.corp:3128",
            ),
            ("  10.0.0.1:8080\n", "http://10.0.0.1:8080", "10.0.0.1:8080"),
            ("http://[::1]:3128/x", "http://[::1]:3128", "[::1]:3128"),
            ("[::1]", "http://[::1]", "[::1]"),
            ("http://u:p@proxy:1", "http://u:p@proxy:1", "proxy:1"),
            ("u:p@proxy:1", "http://u:p@proxy:1", "proxy:1"),
            ("http://u@proxy", "http://u@proxy", "proxy"),
            (
                "http://u:p@ss:w@proxy:1",
                "http://u:p%40ss%3Aw@proxy:1",
                "proxy:1",
            ),
            (
                "http://u:a%40b%2@proxy:1",
                "http://u:a%40b%252@proxy:1",
                "proxy:1",
            ),
            (
                "http://dom\\u:pä@proxy:1",
                "http://dom%5Cu:p%C3%A4@proxy:1",
                "proxy:1",
            ),
            ("u:x://y@proxy:1", "", ""),
        ] {
            if url.is_empty() {
                assert_eq!(Proxy::parse(value, "").unwrap_err(), ProxyError::UserInfo);
                continue;
            }
            let proxy = Proxy::parse(value, "").unwrap().unwrap();
            let expected = Matcher::builder().https(url).build();
            let expected = expected.intercept(&Uri::from_static("https://any.invalid"));
            let parts = |proxy: &Intercept| (proxy.uri().clone(), proxy.basic_auth().cloned());
            assert_eq!(
                (parts(proxy.intercept()), proxy.address()),
                (parts(&expected.unwrap()), address),
                "{value}"
            );
        }
    }

    #[test]
    fn empty_means_unset() {
        assert!(Proxy::parse("", "").unwrap().is_none());
        assert!(Proxy::parse(" \t", "").unwrap().is_none());
    }

    #[test]
    fn malformed_proxy_is_an_error_that_never_shows_the_value() {
        for (value, error) in [
            ("socks5://hunter2@proxy:1080", ProxyError::Scheme),
            ("ftp://proxy", ProxyError::Scheme),
            ("http://", ProxyError::Host),
            ("http:/hunter2", ProxyError::Port),
            ("http://u:hunter2@", ProxyError::Host),
            ("http://:3128", ProxyError::Host),
            ("http://pro%20xy:1", ProxyError::Host),
            ("http://a:b:1", ProxyError::Host),
            ("http://[::g]:1", ProxyError::Host),
            ("http://pröxy:1", ProxyError::Host),
            ("http://proxy:", ProxyError::Port),
            ("http://proxy:0", ProxyError::Port),
            ("http://proxy:+1", ProxyError::Port),
            ("http://proxy:65536", ProxyError::Port),
            ("http://u:hunter2", ProxyError::Port),
            ("http://u:12/hunter2@proxy:1", ProxyError::UserInfo),
            ("http://u:12#hunter2@proxy:1", ProxyError::UserInfo),
            ("http://u:hun ter2@proxy:1", ProxyError::Characters),
            ("http://proxy:1\0", ProxyError::Characters),
        ] {
            let found = Proxy::parse(value, "").unwrap_err();
            assert_eq!(found, error, "{value:?}");
            let text = format!("{found} {found:?}");
            assert!(
                text.contains("HTTPS_PROXY") && !text.contains("hunter2"),
                "{text}"
            );
        }
    }

    #[test]
    fn password_is_never_in_debug() {
        let proxy = Proxy::parse("http://u:hunter2@proxy:1", "").unwrap();
        assert_eq!(
            format!("{proxy:?}"),
            "Some(Proxy { address: \"proxy:1\", .. })"
        );
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
            let proxy = Proxy::parse("http://proxy:1", list).unwrap().unwrap();
            assert_eq!(!proxy.serves(host, port), direct, "{list:?} {host}:{port}");
        }
    }
}
