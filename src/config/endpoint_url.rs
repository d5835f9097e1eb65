//! `endpoint_url` and `sts_endpoint_url`: where an API is asked, given by hand.

use std::fmt;
use std::str::FromStr;

use super::error::Problem;
use crate::net::{HttpUrl, is_loopback};
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
        match HttpUrl::parse(text) {
            Some(url) if (url.is_https || is_loopback(url.host)) && !text.contains(['?', '#']) => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(Problem::EndpointUrl(shown_url(text))),
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
