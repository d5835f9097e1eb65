//! Logins to registries: with a password, or with a Bearer token. A realm issues that token for the
//! password, or without one (public ECR).

use std::iter;

use base64_simd::STANDARD;
use http::{HeaderValue, header};
use serde::Deserialize;

use crate::error::one_line;
use crate::http::Received;
use crate::secret::Secret;
use crate::token::USERNAME;

/// The parts of `WWW-Authenticate` that are used (RFC 9110, section 11.6.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    pub scheme: Scheme,
    /// For Basic a name, for Bearer the URL that gives tokens.
    pub realm: Option<String>,
    /// The audience of such a token. ECR sends it with Basic, too.
    pub service: Option<String>,
    pub scope: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// User and password: private ECR, and registries with a password file.
    Basic,
    /// A token that the realm issues: public ECR, Docker Hub.
    Bearer,
    Other(String),
}

impl Challenge {
    /// The login that a response requires.
    pub(super) fn from_response(received: &Received) -> Option<Self> {
        let value = received.headers.get(header::WWW_AUTHENTICATE);
        let value = value.filter(|_| received.status == 401)?;
        Self::parse(value.to_str().ok()?)
    }

    fn parse(value: &str) -> Option<Self> {
        let (scheme, rest) = value.trim().split_once(' ').unwrap_or((value.trim(), ""));
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "" => return None,
            "basic" => Scheme::Basic,
            "bearer" => Scheme::Bearer,
            _ => Scheme::Other(one_line(scheme)),
        };
        let parameter = |name: &str| {
            let mut parameters = parameters(rest);
            let found = parameters.find(|(key, _)| key.eq_ignore_ascii_case(name));
            found.map(|(_, value)| one_line(&value))
        };
        Some(Self {
            scheme,
            realm: parameter("realm"),
            service: parameter("service"),
            scope: parameter("scope"),
        })
    }

    /// The query of a request to the realm: empty, or `?` and parameters.
    pub(super) fn query(&self) -> String {
        let mut query = String::new();
        for (name, value) in [("service", &self.service), ("scope", &self.scope)] {
            if let Some(value) = value {
                query.push(if query.is_empty() { '?' } else { '&' });
                query.push_str(&format!("{name}={}", percent_encoded(value)));
            }
        }
        query
    }
}

/// Parses `key="value", key=value`, up to the first part of another form.
fn parameters(text: &str) -> impl Iterator<Item = (&str, String)> {
    let mut rest = text;
    iter::from_fn(move || {
        let (key, after) = rest
            .trim_start_matches(|c: char| c == ',' || c.is_whitespace())
            .split_once('=')?;
        let Some(quoted) = after.strip_prefix('"') else {
            let end = after.find(',').unwrap_or(after.len());
            rest = &after[end..];
            return Some((key.trim(), after[..end].trim().to_owned()));
        };
        let mut value = String::new();
        let mut characters = quoted.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    rest = &quoted[at + 1..];
                    return Some((key.trim(), value));
                }
                '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
                _ => value.push(character),
            }
        }
        None
    })
}

/// The response of a Bearer challenge's realm. The field has an older and a newer name.
#[derive(Deserialize)]
struct Exchanged {
    #[serde(alias = "access_token")]
    token: String,
}

/// The `Authorization` header with the token that a realm gives.
pub(super) fn bearer(received: &Received) -> Option<HeaderValue> {
    let exchanged: Exchanged = serde_json::from_slice(&received.body).ok()?;
    login("Bearer", &exchanged.token)
}

pub(super) fn basic(password: &Secret) -> HeaderValue {
    let pair = format!("{USERNAME}:{}", password.expose());
    login("Basic", &STANDARD.encode_to_string(pair)).expect("base64 is printable")
}

/// `None` if the token contains a character that headers do not allow.
fn login(scheme: &str, token: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(format!("{scheme} {token}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:/,".contains(&byte) {
            encoded.push(char::from(byte))
        } else {
            encoded.push_str(&format!("%{byte:02X}"))
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(value: &str) -> Option<String> {
        Some(value.to_owned())
    }

    #[test]
    fn challenges_of_registries_are_read() {
        let ecr = r#"Basic realm="https://999999999999.dkr.ecr.us-west-2.amazonaws.com/",service="ecr.amazonaws.com""#;
        assert_eq!(
            Challenge::parse(ecr),
            Some(Challenge {
                scheme: Scheme::Basic,
                realm: text("https://999999999999.dkr.ecr.us-west-2.amazonaws.com/"),
                service: text("ecr.amazonaws.com"),
                scope: None,
            })
        );
        let public =
            r#"Bearer realm="https://public.ecr.aws/token/",service="public.ecr.aws",scope="aws""#;
        assert_eq!(
            Challenge::parse(public),
            Some(Challenge {
                scheme: Scheme::Bearer,
                realm: text("https://public.ecr.aws/token/"),
                service: text("public.ecr.aws"),
                scope: text("aws"),
            })
        );
    }

    #[test]
    fn odd_ones_are_read_as_far_as_they_go() {
        let parse = |value| Challenge::parse(value).map(|found| (found.scheme, found.realm));
        assert_eq!(parse(""), None);
        assert_eq!(parse("BASIC"), Some((Scheme::Basic, None)));
        assert_eq!(
            parse(r#"basic REALM = lab , charset="UTF-8""#),
            Some((Scheme::Basic, text("lab")))
        );
        assert_eq!(
            parse("basic realm=lab, charset=x"),
            Some((Scheme::Basic, text("lab")))
        );
        assert_eq!(
            parse(r#"Basic realm="say \"hi\", twice", x=y"#),
            Some((Scheme::Basic, text(r#"say "hi", twice"#)))
        );
        assert_eq!(
            parse(r#"Basic realm="never ends"#),
            Some((Scheme::Basic, None))
        );
        assert_eq!(
            parse("Negotiate"),
            Some((Scheme::Other("Negotiate".to_owned()), None))
        );
        assert_eq!(
            parse("Basic realm=\"a\u{1b}[31mb\""),
            Some((Scheme::Basic, text("a[31mb")))
        );
    }

    proptest! {
        #[test]
        fn a_written_challenge_is_read_as_the_same_value(realm in r#"[ -!#-\[\]-~]{1,20}"#, rest in r"\PC{0,20}") {
            let value = format!("Basic realm=\"{realm}\",x={rest}");
            let found = Challenge::parse(&value).unwrap();
            prop_assert_eq!(found.realm, Some(one_line(&realm)));
            // Other parameters have no effect.
            let _ = Challenge::parse(&rest);
        }
    }
}
