//! `HTTPS_PROXY` and `NO_PROXY`.
//!
//! The value is taken apart here, not by the SDK: hyper-util's matcher drops what it cannot
//! parse without a word, takes the first `@` for the end of the password, and knows neither
//! ports nor `*.` in `NO_PROXY`. The rules are those of Go's `httpproxy`, which the tools around
//! us follow (docker, podman, the established helper).
//!
//! `HTTP_PROXY` and `ALL_PROXY` play no part: AWS is asked over https, and plain http goes to
//! metadata endpoints, which no proxy may see.

use std::fmt::{self, Write as _};
use std::net::Ipv6Addr;

use http::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

use crate::net::{Authority, NoProxy, split_scheme};

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
    #[error("HTTPS_PROXY: the port is not a number from 1 to 65535")]
    Port,
    #[error("HTTPS_PROXY: encode / ? and # in the user name or password as %2F %3F %23")]
    UserInfo,
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
        let (scheme, rest) = match split_scheme(value) {
            (Some(scheme), rest) if scheme.eq_ignore_ascii_case("http") => ("http", rest),
            (Some(scheme), rest) if scheme.eq_ignore_ascii_case("https") => ("https", rest),
            // A password may hold "://".
            (Some(before), _) if !before.contains(['@', ':']) => return Err(ProxyError::Scheme),
            _ => ("http", value),
        };
        let (authority, after) = Authority::split(rest);
        if after.contains('@') {
            return Err(ProxyError::UserInfo);
        }
        let address = checked_address(authority)?;
        let mut url = format!("{scheme}://");
        if let Some(user_info) = authority.user {
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

/// `HOST[:PORT]` of a proxy; the port loses its leading zeros.
fn checked_address(Authority { host, port, .. }: Authority<'_>) -> Result<String, ProxyError> {
    let is_host = match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        Some(v6) => v6.parse::<Ipv6Addr>().is_ok(),
        None => {
            let in_names = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            !host.is_empty() && host.bytes().all(in_names)
        }
    };
    if !is_host {
        return Err(ProxyError::Host);
    }
    let Some(port) = port else {
        return Ok(host.to_owned());
    };
    match port.parse::<u16>() {
        // `u16::from_str` takes a plus sign.
        Ok(number) if number > 0 && !port.starts_with('+') => Ok(format!("{host}:{number}")),
        _ => Err(ProxyError::Port),
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
}
