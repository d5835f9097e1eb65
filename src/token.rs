//! An ECR authorization token.
//!
//! On the wire it is `base64("AWS:<password>")`, today 2–4 KB long, and `expiresAt` is 12 hours
//! ahead (Amazon ECR API reference, `AuthorizationData`).

use std::time::Duration;

use base64_simd::STANDARD;
use time::OffsetDateTime;

use crate::secret::Secret;

/// The user name in every ECR token, and the only one that is ever answered.
pub(crate) const USERNAME: &str = "AWS";

/// A longer token is not believed. Real ones have 2–4 KB.
const MAX_TOKEN_LENGTH: usize = 64 * 1024;

/// A pull that begins with a token may take as long, and asks the registry to the end.
const LAST_MINUTES: time::Duration = time::Duration::minutes(5);

/// How far ahead the clock of another machine with the same home may be.
const CLOCK_TOLERANCE: time::Duration = time::Duration::minutes(5);

/// An authorization token and its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AuthorizationToken {
    encoded: Secret,
    password: Secret,
    /// When it was issued, by the local clock.
    pub obtained_at: OffsetDateTime,
    /// When ECR stops taking it, by AWS's clock.
    pub expires_at: OffsetDateTime,
}

/// When a token that ECR still takes is to be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Renewal {
    HalfLife,
    /// At this age, or at half its life when that comes first.
    Age(Duration),
    /// Shortly before it expires, as the next request needs an MFA code from the user; or at this
    /// age, if that comes first.
    Expiry {
        /// What is asked for by hand, which may well be more than half of its life.
        max_age: Option<Duration>,
    },
}

/// Why a text is no authorization token. Never holds the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenError {
    /// Not base64, or not UTF-8 beneath it.
    #[error("the authorization token is not base64 text")]
    Encoding,
    /// Not `AWS:` and a password.
    #[error("the authorization token does not have the form AWS:<password>")]
    Shape,
    /// Over 64 KiB.
    #[error("the authorization token is longer than 64 KiB")]
    Length,
}

impl AuthorizationToken {
    /// Takes the token as AWS encodes it.
    pub(crate) fn decode(
        encoded: &str,
        obtained_at: OffsetDateTime,
        expires_at: OffsetDateTime,
    ) -> Result<Self, TokenError> {
        if encoded.len() > MAX_TOKEN_LENGTH {
            return Err(TokenError::Length);
        }
        let text = STANDARD
            .decode_to_vec(encoded)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or(TokenError::Encoding)?;
        match text.split_once(':') {
            Some((USERNAME, password)) if !password.is_empty() && is_printable(password) => {
                Ok(Self {
                    encoded: Secret::new(encoded),
                    password: Secret::new(password),
                    obtained_at,
                    expires_at,
                })
            }
            _ => Err(TokenError::Shape),
        }
    }

    /// The token as AWS encoded it, for the cache.
    pub(crate) fn encoded(&self) -> &Secret {
        &self.encoded
    }

    /// The password to log in with.
    pub(crate) fn password(&self) -> &Secret {
        &self.password
    }

    /// Whether ECR no longer takes it.
    pub(crate) fn is_expired(&self, now: OffsetDateTime) -> bool {
        now >= self.expires_at
    }

    /// When it should be replaced.
    pub(crate) fn refresh_at(&self, renewal: Renewal) -> OffsetDateTime {
        let life: time::Duration = self.expires_at - self.obtained_at;
        let at_most = |most: time::Duration, age| {
            time::Duration::try_from(age).map_or(most, |age| most.min(age))
        };
        let age = match renewal {
            Renewal::HalfLife => life / 2,
            Renewal::Age(age) => at_most(life / 2, age),
            Renewal::Expiry { max_age } => {
                let whole = life - LAST_MINUTES.min(life / 2);
                max_age.map_or(whole, |age| at_most(whole, age))
            }
        };
        self.obtained_at.saturating_add(age)
    }

    /// Whether it may be answered without asking AWS. A token from the future (a clock that was
    /// set back) is not fresh: its age cannot be known. Five minutes are forgiven, as machines
    /// that share a home do not share a clock.
    pub(crate) fn is_fresh(&self, now: OffsetDateTime, renewal: Renewal) -> bool {
        self.obtained_at <= now.saturating_add(CLOCK_TOLERANCE)
            && now < self.refresh_at(renewal)
            && !self.is_expired(now)
    }
}

/// When an ECR token that a client has saved expires, by the payload of its password:
/// `base64({"payload": …, "expiration": SECONDS, …})`. AWS does not document it. `None` if the text
/// is not `base64("AWS:PASSWORD")`, or its password has no such payload.
pub(crate) fn saved_expiry(encoded: &str) -> Option<OffsetDateTime> {
    #[derive(serde::Deserialize)]
    struct Payload {
        expiration: i64,
    }
    let unknown = OffsetDateTime::UNIX_EPOCH;
    let token = AuthorizationToken::decode(encoded, unknown, unknown).ok()?;
    let payload = STANDARD.decode_to_vec(token.password().expose()).ok()?;
    let payload: Payload = serde_json::from_slice(&payload).ok()?;
    OffsetDateTime::from_unix_timestamp(payload.expiration).ok()
}

/// Whether a text is printable ASCII, as every password of ECR is. Folded without an early end,
/// so that the compiler makes vector code of it: this is a part of the warm path.
fn is_printable(text: &str) -> bool {
    text.bytes()
        .fold(true, |all, byte| all & (b' '..=b'~').contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn at(seconds: i64) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(seconds).unwrap()
    }

    fn token(obtained: i64, expires: i64) -> AuthorizationToken {
        // AWS:secret
        AuthorizationToken::decode("QVdTOnNlY3JldA==", at(obtained), at(expires)).unwrap()
    }

    #[test]
    fn a_saved_login_expires_when_its_payload_says() {
        let saved = |payload: &str| {
            let password = STANDARD.encode_to_string(payload);
            saved_expiry(&STANDARD.encode_to_string(format!("AWS:{password}")))
        };
        let payload = r#"{"payload":"x","datakey":"y","version":"2","type":"DATA_KEY","expiration":1800000000}"#;
        let expected = OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap();
        assert_eq!(saved(payload), Some(expected));
        for unknown in [
            "",
            "old",
            "{}",
            r#"{"expiration":"soon"}"#,
            r#"{"expiration":9223372036854775807}"#,
        ] {
            assert_eq!(saved(unknown), None, "{unknown}");
        }
        // Another user name, and a plain password.
        for login in ["alice:secret", "AWS:old", "AWS:", ""] {
            let encoded = STANDARD.encode_to_string(login);
            assert_eq!(saved_expiry(&encoded), None, "{login}");
        }
    }

    #[test]
    fn decodes_to_the_password() {
        assert_eq!(token(0, 1).password().expose(), "secret");
    }

    #[test]
    fn refuses_what_is_not_aws_and_a_password() {
        // "" / no colon / other user / no password / control character / not base64
        for (encoded, error) in [
            ("", TokenError::Shape),
            ("QVdT", TokenError::Shape),
            ("Ym9iOnNlY3JldA==", TokenError::Shape),
            ("QVdTOg==", TokenError::Shape),
            ("QVdTOmEKYg==", TokenError::Shape),
            ("%%%", TokenError::Encoding),
            ("/////w==", TokenError::Encoding),
        ] {
            let result = AuthorizationToken::decode(encoded, at(0), at(1));
            assert_eq!(result.unwrap_err(), error, "{encoded}");
        }
    }

    #[test]
    fn is_fresh_for_half_its_life() {
        let token = token(0, 12 * 3600);
        assert!(token.is_fresh(at(0), Renewal::HalfLife));
        assert!(token.is_fresh(at(6 * 3600 - 1), Renewal::HalfLife));
        assert!(!token.is_fresh(at(6 * 3600), Renewal::HalfLife));
        assert!(!token.is_expired(at(12 * 3600 - 1)));
        assert!(token.is_expired(at(12 * 3600)));
    }

    #[test]
    fn max_age_shortens_and_lengthens_up_to_half_life_only() {
        let token = token(0, 12 * 3600);
        assert!(token.is_fresh(at(3599), Renewal::Age(HOUR)));
        assert!(!token.is_fresh(at(3600), Renewal::Age(HOUR)));
        assert!(!token.is_fresh(at(6 * 3600), Renewal::Age(10 * HOUR)));
    }

    #[test]
    fn a_token_that_took_a_code_is_fresh_until_it_expires() {
        let token = token(0, 12 * 3600);
        let renewal = |max_age| Renewal::Expiry { max_age };
        for max_age in [None, Some(12 * HOUR), Some(24 * HOUR)] {
            assert!(token.is_fresh(at(12 * 3600 - 301), renewal(max_age)));
            assert!(!token.is_fresh(at(12 * 3600 - 300), renewal(max_age)));
        }
        for hours in [1, 10] {
            let max_age = Some(HOUR * hours);
            let seconds = i64::from(hours) * 3600;
            assert!(token.is_fresh(at(seconds - 1), renewal(max_age)));
            assert!(!token.is_fresh(at(seconds), renewal(max_age)));
        }
    }

    #[test]
    fn a_token_from_the_future_is_not_fresh() {
        assert!(!token(1000, 44_200).is_fresh(at(699), Renewal::HalfLife));
        assert!(token(1000, 44_200).is_fresh(at(700), Renewal::HalfLife));
    }

    #[test]
    fn debug_shows_no_secret() {
        let shown = format!("{:?}", token(0, 1));
        assert!(
            !shown.contains("secret") && !shown.contains("QVdT"),
            "{shown}"
        );
    }
}
