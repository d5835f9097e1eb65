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
    /// At 90 to 100 % of half its life, or of this age when that comes first. The token itself decides
    /// the share, so that tokens that were issued together are not renewed together, and every process
    /// renews a token at the same time.
    Spread { max_age: Option<Duration> },
    /// At this age exactly, or at half its life when that comes first.
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
            Renewal::Spread { max_age } => {
                let most = max_age.map_or(life / 2, |age| at_most(life / 2, age));
                most - self.part_of(most / 10)
            }
            Renewal::Age(age) => at_most(life / 2, age),
            Renewal::Expiry { max_age } => {
                let whole = life - LAST_MINUTES.min(life / 2);
                max_age.map_or(whole, |age| at_most(whole, age))
            }
        };
        self.obtained_at.saturating_add(age)
    }

    /// A part of this time, in whole seconds. It is spread evenly over all tokens, and always the same for
    /// one of them.
    fn part_of(&self, whole: time::Duration) -> time::Duration {
        /// 2^64 divided by the golden ratio: the product's first bits depend on all bits of a factor.
        const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

        // Folded by eight bytes, so that the compiler makes vector code of it.
        let (words, _) = self.password.expose().as_bytes().as_chunks();
        let sum = words.iter().fold(0u64, |sum, &word| {
            sum.wrapping_add(u64::from_le_bytes(word))
        });
        let share = i64::from((sum.wrapping_mul(MIX) >> 48) as u16);
        time::Duration::seconds(whole.whole_seconds().saturating_mul(share) >> 16)
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
    const SPREAD: Renewal = Renewal::Spread { max_age: None };

    fn at(seconds: i64) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(seconds).unwrap()
    }

    fn token(obtained: i64, expires: i64) -> AuthorizationToken {
        with_password("secret", obtained, expires)
    }

    fn with_password(password: &str, obtained: i64, expires: i64) -> AuthorizationToken {
        let encoded = STANDARD.encode_to_string(format!("AWS:{password}"));
        AuthorizationToken::decode(&encoded, at(obtained), at(expires)).unwrap()
    }

    /// Passwords of the form of ECR's, which differ in encrypted bytes only.
    fn passwords() -> impl Iterator<Item = String> {
        let mut random = fastrand::Rng::with_seed(1);
        (0..2000).map(move |_| {
            let mut bytes = [0; 150];
            random.fill(&mut bytes);
            let payload = STANDARD.encode_to_string(bytes);
            STANDARD.encode_to_string(format!(
                r#"{{"payload":"{payload}","version":"2","type":"DATA_KEY","expiration":1800043200}}"#
            ))
        })
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
    fn tokens_that_were_issued_together_are_renewed_between_45_and_50_percent_of_their_life() {
        let ages = |max_age, most: i64| {
            let renewal = Renewal::Spread { max_age };
            let mut tenths = [0; 10];
            for password in passwords() {
                let token = with_password(&password, 1_800_000_000, 1_800_043_200);
                let age = (token.refresh_at(renewal) - token.obtained_at).whole_seconds();
                assert!((most * 9 / 10..=most).contains(&age), "{age} s");
                // The same in each process, whatever the clock says.
                assert!(token.is_fresh(at(1_800_000_000 + age - 1), renewal));
                assert!(!token.is_fresh(at(1_800_000_000 + age), renewal));
                let tenth = usize::try_from((most - age) * 100 / most).unwrap();
                tenths[tenth.min(9)] += 1;
            }
            tenths
        };
        for (max_age, most) in [
            (None, 6 * 3600),
            (Some(HOUR), 3600),
            (Some(10 * HOUR), 6 * 3600),
        ] {
            let tenths = ages(max_age, most);
            // Of 2000, about 200 each.
            assert!(
                tenths.iter().all(|count| (140..260).contains(count)),
                "{tenths:?}"
            );
        }
    }

    #[test]
    fn an_age_that_the_user_sets_is_exact() {
        for password in passwords().take(20) {
            let token = with_password(&password, 0, 12 * 3600);
            assert_eq!(token.refresh_at(Renewal::Age(HOUR)), at(3600));
            assert_eq!(token.refresh_at(Renewal::Age(12 * HOUR)), at(6 * 3600));
        }
    }

    #[test]
    fn is_fresh_for_half_its_life() {
        let token = token(0, 12 * 3600);
        assert!(token.is_fresh(at(0), SPREAD));
        assert!(token.is_fresh(at(6 * 3600 - 1), SPREAD));
        assert!(!token.is_fresh(at(6 * 3600), SPREAD));
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
        assert!(!token(1000, 44_200).is_fresh(at(699), SPREAD));
        assert!(token(1000, 44_200).is_fresh(at(700), SPREAD));
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
