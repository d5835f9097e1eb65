//! `endpoint_url` and `sts_endpoint_url`: where an API is asked, given by hand.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use super::error::Problem;
use crate::redaction::shown_url;

/// A URL that credentials may travel to: `https://HOST[:PORT][/PATH]`, or `http://` to this
/// machine itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointUrl(String);

impl EndpointUrl {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for EndpointUrl {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        match UrlParts::parse(text) {
            Some(url) if (url.secure || url.is_loopback()) && !text.contains(['?', '#']) => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(Problem::EndpointUrl(shown_url(text))),
        }
    }
}

/// A URL taken apart, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UrlParts<'a> {
    pub secure: bool,
    /// The host; an IPv6 address is in brackets.
    pub host: &'a str,
}

impl<'a> UrlParts<'a> {
    /// Takes `http[s]://HOST[:PORT]`, with whatever path behind it, apart; `None` when it is
    /// something else. The SDK would find out late, and show the whole request.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (secure, rest) = match text.strip_prefix("https://") {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix("http://")?),
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !authority.ends_with(']') => (host, Some(port)),
            _ => (authority, None),
        };
        let is_odd = |byte: u8| match byte {
            b'<' | b'>' | b'"' | b'{' | b'}' | b'|' | b'\\' | b'^' | b'`' => true,
            byte => !byte.is_ascii_graphic(),
        };
        // A user part would go into the signed `Host`, and AWS would blame the secret key.
        let is_url = is_host(host)
            && !authority.contains('@')
            && !text.bytes().any(is_odd)
            && port.is_none_or(|port| port.parse::<u16>().is_ok());
        is_url.then_some(Self { secure, host })
    }

    fn is_loopback(self) -> bool {
        let address = self.host.trim_start_matches('[').trim_end_matches(']');
        self.host.eq_ignore_ascii_case("localhost")
            || address
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_loopback())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_or_this_machine_itself() {
        for (text, expected) in [
            (
                "https://vpce-0abc.api.ecr.eu-west-1.vpce.amazonaws.com",
                true,
            ),
            ("https://10.0.0.5:8443/ecr", true),
            ("http://localhost:4566", true),
            ("http://LOCALHOST", true),
            ("http://127.0.0.1:4566/", true),
            ("http://127.8.9.10", true),
            ("http://[::1]:4566", true),
            ("http://10.0.0.5", false),
            ("http://localhost.example.com", false),
            ("http://127.0.0.1.example.com", false),
            ("http://127.0.0.1@example.com", false),
            ("http://[2001:db8::1]", false),
            ("https://alice:secret@example.com", false),
            ("https://example.com?x=y", false),
            ("https://example.com/#x", false),
            ("https://", false),
            ("https://example.com:port", false),
            ("example.com", false),
            ("HTTPS://example.com", false),
            ("ftp://example.com", false),
            ("https://exa mple.com", false),
            ("https://example..com", false),
            ("https://[::1", false),
            ("http://[[::1]]:80", false),
            ("http://::1", false),
            ("https://[example.com]", false),
        ] {
            assert_eq!(EndpointUrl::from_str(text).is_ok(), expected, "{text}");
        }
    }

    #[test]
    fn a_password_is_not_repeated() {
        for text in [
            "https://alice:secret@example.com",
            "https://alice:secret",
            "https://example.com?key=secret",
        ] {
            let error = EndpointUrl::from_str(text).unwrap_err();
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
