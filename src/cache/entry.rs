//! An entry: its key, which says where it is and whose it is, and the format of its file.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime, PrimitiveDateTime};

use super::error::Doubt;
use super::folder::MAX_LENGTH;
use crate::digest::{Digest, DigestParts};
use crate::token::AuthorizationToken;

/// The format of entries and marks. Fields may be added under the same number.
pub(super) const VERSION: u64 = 1;

/// ECR tokens live 12 hours; the rest is room for two clocks that differ.
const MAX_LIFE: Duration = Duration::hours(13);

/// How far the clock of another machine with the same home may be ahead.
pub(super) const MAX_CLOCK_DIFFERENCE: Duration = Duration::minutes(5);

/// The time to read entries of any date at: none is dated ahead of it.
pub(crate) const END_OF_TIME: OffsetDateTime = PrimitiveDateTime::MAX.assume_utc();

/// What every digest begins with, so that it equals no digest made elsewhere or by a later,
/// different rule. Short, so that most keys fit into two blocks of the digest.
const DOMAIN: &[u8] = b"ecrx cache 1\0";

/// The key of an entry or a mark.
///
/// It has two halves. The *slot* names the file, and digests all that stays the same while
/// credentials rotate: service, account, region, endpoint, the credential source, the roles on
/// top. The *owner* is written into the file, and digests the rest too, such as the temporary
/// access key of the day. An entry is only answered when both agree, so it never goes to another
/// identity; and as a slot holds one entry, a rotated key's entry replaces its predecessor. That
/// is the whole of pruning: a cache holds at most one entry per registry and source, without
/// ever being listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    slot: Digest,
    owner: Digest,
}

impl Key {
    /// Digests parts. Each follows its length, so `["ab", "c"]` and `["a", "bc"]` differ.
    pub(crate) fn digest(parts: &[&[u8]]) -> Digest {
        let mut all = DigestParts::new(DOMAIN);
        for part in parts {
            all.add(part);
        }
        all.digest()
    }

    /// The key of an identity none of whose parts rotate.
    pub(crate) fn stable(stable: &[&[u8]]) -> Self {
        let slot = Self::digest(stable);
        Self { slot, owner: slot }
    }

    /// The key of an identity of which `rotating` is expected to change, while `stable` is what
    /// its successors will have in common with it.
    pub(crate) fn rotating(stable: &[&[u8]], rotating: &[&[u8]]) -> Self {
        let slot = Self::digest(stable);
        let mut parts: Vec<&[u8]> = vec![slot.as_bytes()];
        parts.extend(rotating);
        let owner = Self::digest(&parts);
        Self { slot, owner }
    }

    /// A key as read from a file.
    pub(super) fn from_halves(slot: Digest, owner: Digest) -> Self {
        Self { slot, owner }
    }

    /// What names the file.
    pub(crate) fn slot(&self) -> Digest {
        self.slot
    }

    /// What is written into the file.
    pub(crate) fn owner(&self) -> Digest {
        self.owner
    }
}

/// The slot, which is how the file is called.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.slot.fmt(f)
    }
}

/// What is stored under one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The canonical host of the registry that the token was issued for.
    pub registry: String,
    /// The identity that requested it, as the user knows it: a profile, a role. Nothing secret.
    pub identity: String,
    /// The token. Its moments are stored in whole seconds, rounded down.
    pub token: AuthorizationToken,
}

/// The file, byte for byte. Moments are epoch seconds, which parse fastest. Only the
/// descriptive fields can need JSON escapes, so the others are borrowed from what was read.
#[derive(Deserialize, Serialize)]
struct EntryFile<'a> {
    version: u64,
    slot: &'a str,
    owner: &'a str,
    #[serde(borrow)]
    registry: Cow<'a, str>,
    #[serde(borrow)]
    identity: Cow<'a, str>,
    obtained_at: i64,
    expires_at: i64,
    token: &'a str,
}

/// The one field that every version will have.
#[derive(Deserialize)]
struct Head {
    version: u64,
}

/// Why a text is not of this format: a newer one or nothing at all.
pub(super) fn doubt_of_unreadable(bytes: &[u8]) -> Doubt {
    match serde_json::from_slice::<Head>(bytes) {
        Ok(head) if head.version != VERSION => Doubt::Version(head.version),
        _ => Doubt::Damaged,
    }
}

/// Reads the halves of a key.
pub(super) fn read_key(slot: &str, owner: &str) -> Result<Key, Doubt> {
    let digest = |text: &str| text.parse::<Digest>().map_err(|_| Doubt::Damaged);
    Ok(Key::from_halves(digest(slot)?, digest(owner)?))
}

/// Reads epoch seconds.
pub(super) fn read_moment(seconds: i64) -> Result<OffsetDateTime, Doubt> {
    OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| Doubt::Damaged)
}

impl Entry {
    /// Reads a file's bytes, whose name says that they belong to `slot`.
    pub(super) fn read(
        bytes: &[u8],
        slot: Digest,
        now: OffsetDateTime,
    ) -> Result<(Key, Self), Doubt> {
        let file: EntryFile<'_> =
            serde_json::from_slice(bytes).map_err(|_| doubt_of_unreadable(bytes))?;
        if file.version != VERSION {
            return Err(Doubt::Version(file.version));
        }
        let key = read_key(file.slot, file.owner)?;
        if key.slot() != slot {
            return Err(Doubt::Renamed);
        }
        let obtained_at = read_moment(file.obtained_at)?;
        if obtained_at > now.saturating_add(MAX_CLOCK_DIFFERENCE) {
            return Err(Doubt::Future);
        }
        let expires_at = read_moment(file.expires_at)?;
        let token = AuthorizationToken::decode(file.token, obtained_at, expires_at)?;
        let entry = Self {
            registry: file.registry.into_owned(),
            identity: file.identity.into_owned(),
            token,
        };
        entry.check_life()?;
        Ok((key, entry))
    }

    /// The bytes of the file. Fails for what `read` would not believe.
    pub(super) fn to_bytes(&self, key: &Key) -> Result<Vec<u8>, Doubt> {
        self.check_life()?;
        let (slot, owner) = (key.slot().to_string(), key.owner().to_string());
        let file = EntryFile {
            version: VERSION,
            slot: &slot,
            owner: &owner,
            registry: self.registry.as_str().into(),
            identity: self.identity.as_str().into(),
            obtained_at: self.token.obtained_at.unix_timestamp(),
            expires_at: self.token.expires_at.unix_timestamp(),
            token: self.token.encoded().expose(),
        };
        let bytes = serde_json::to_vec(&file).map_err(|_| Doubt::Damaged)?;
        if bytes.len() as u64 > MAX_LENGTH {
            return Err(Doubt::TooLarge);
        }
        Ok(bytes)
    }

    fn check_life(&self) -> Result<(), Doubt> {
        let life = self.token.expires_at - self.token.obtained_at;
        if life > Duration::ZERO && life <= MAX_LIFE {
            Ok(())
        } else {
            Err(Doubt::Life)
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::super::tests::{at, key};
    use super::*;
    use crate::token::TokenError;

    /// The content of a file. `QVdTOnNlY3JldA==` is `AWS:secret`.
    const FILE: &str = r#"{"version":1,"slot":"@SLOT@","owner":"@SLOT@","registry":"111122223333.dkr.ecr.eu-west-1.amazonaws.com","identity":"profile \"work\"","obtained_at":1700000000,"expires_at":1700043200,"token":"QVdTOnNlY3JldA=="}"#;

    fn file() -> String {
        FILE.replace("@SLOT@", &key().to_string())
    }

    fn read(text: &str) -> Result<(Key, Entry), Doubt> {
        Entry::read(text.as_bytes(), key().slot(), at(1_700_000_100))
    }

    fn entry() -> Entry {
        Entry {
            registry: "111122223333.dkr.ecr.eu-west-1.amazonaws.com".to_owned(),
            identity: "profile \"work\"".to_owned(),
            token: AuthorizationToken::decode(
                "QVdTOnNlY3JldA==",
                at(1_700_000_000),
                at(1_700_043_200),
            )
            .unwrap(),
        }
    }

    #[test]
    fn an_entry_is_written_and_read_as_this_text() {
        let bytes = entry().to_bytes(&key()).unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), file());
        assert_eq!(read(&file()), Ok((key(), entry())));
    }

    #[test]
    fn fields_may_be_added() {
        let file = file().replacen('{', r#"{"colour":["blue"],"#, 1);
        assert_eq!(read(&file), Ok((key(), entry())));
    }

    #[test]
    fn an_entry_cut_short_anywhere_is_damaged() {
        let file = file();
        for length in 0..file.len() {
            assert_eq!(read(&file[..length]), Err(Doubt::Damaged), "{length}");
            // What some file systems show after a power cut.
            let zeros = format!("{}{}", &file[..length], "\0".repeat(file.len() - length));
            assert_eq!(read(&zeros), Err(Doubt::Damaged), "{length}");
        }
    }

    #[test]
    fn what_cannot_be_true_is_not_believed() {
        let slot = key().to_string();
        let other = Key::stable(&[b"other"]).to_string();
        for (from, to, doubt) in [
            (r#""version":1"#, r#""version":2"#, Doubt::Version(2)),
            (r#""version":1"#, r#""version":0"#, Doubt::Version(0)),
            (r#""version":1"#, r#""version":-1"#, Doubt::Damaged),
            (r#""version":1,"#, "", Doubt::Damaged),
            (
                r#""version":1"#,
                r#""version":1,"version":1"#,
                Doubt::Damaged,
            ),
            (
                &format!(r#""slot":"{slot}""#),
                &format!(r#""slot":"{other}""#),
                Doubt::Renamed,
            ),
            (
                &format!(r#""slot":"{slot}""#),
                r#""slot":"abc""#,
                Doubt::Damaged,
            ),
            (
                &format!(r#""owner":"{slot}""#),
                r#""owner":"abc""#,
                Doubt::Damaged,
            ),
            // one second over 13 hours, no life, less than none
            ("1700043200", "1700046801", Doubt::Life),
            ("1700043200", "1700000000", Doubt::Life),
            ("1700043200", "1", Doubt::Life),
            ("1700043200", "9223372036854775807", Doubt::Damaged),
            ("1700043200", "1e400", Doubt::Damaged),
            // one second over 5 minutes ahead of the clock
            ("1700000000", "1700000401", Doubt::Future),
            ("QVdTOnNlY3JldA==", "QVdT", Doubt::Token(TokenError::Shape)),
            (
                "QVdTOnNlY3JldA==",
                "%%%",
                Doubt::Token(TokenError::Encoding),
            ),
            ("}", "} x", Doubt::Damaged),
        ] {
            let file = file();
            assert!(file.contains(from), "{from}");
            assert_eq!(
                read(&file.replacen(from, to, 1)),
                Err(doubt),
                "{from} → {to}"
            );
        }
        for text in [
            "",
            "null",
            "[]",
            "{}",
            "\u{feff}{}",
            "\0",
            r#"{"version":{}}"#,
        ] {
            assert_eq!(read(text), Err(Doubt::Damaged), "{text:?}");
        }
        // A version of the future may have nothing else in common with this one.
        assert_eq!(read(r#"{"version":7,"tokens":{}}"#), Err(Doubt::Version(7)));
        let invalid = b"{\"version\":1,\"slot\":\"\xff\"}";
        assert_eq!(
            Entry::read(invalid, key().slot(), at(0)),
            Err(Doubt::Damaged)
        );
    }

    #[test]
    fn the_edges_of_belief() {
        for (from, to) in [("1700043200", "1700046800"), ("1700000000", "1700000400")] {
            assert!(read(&file().replacen(from, to, 1)).is_ok(), "{to}");
        }
    }

    #[test]
    fn what_would_not_be_believed_is_not_written() {
        let mut eternal = entry();
        eternal.token.expires_at = at(1_800_000_000);
        assert_eq!(eternal.to_bytes(&key()), Err(Doubt::Life));
        let mut talkative = entry();
        talkative.identity = "x".repeat(128 * 1024);
        assert_eq!(talkative.to_bytes(&key()), Err(Doubt::TooLarge));
    }

    #[test]
    fn the_longest_token_fits() {
        use base64::Engine as _;
        let text = format!("AWS:{}", "x".repeat(49_148));
        let encoded = base64::engine::general_purpose::STANDARD.encode(text);
        assert_eq!(encoded.len(), 64 * 1024);
        let token = AuthorizationToken::decode(&encoded, at(0), at(60)).unwrap();
        let entry = Entry { token, ..entry() };
        let bytes = entry.to_bytes(&key()).unwrap();
        assert_eq!(Entry::read(&bytes, key().slot(), at(0)), Ok((key(), entry)));
    }

    #[test]
    fn parts_of_a_second_are_dropped() {
        let mut exact = entry();
        exact.token.obtained_at += Duration::milliseconds(900);
        exact.token.expires_at += Duration::milliseconds(900);
        let bytes = exact.to_bytes(&key()).unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), file());
    }

    #[test]
    fn debug_shows_no_token() {
        let shown = format!("{:?}", entry());
        assert!(
            !shown.contains("secret") && !shown.contains("QVdT"),
            "{shown}"
        );
    }
}

/// An entry that is believed is written as it is read.
#[cfg(any(test, fuzzing))]
pub(crate) fn fuzz(bytes: &[u8]) {
    // The slot in the file, as if its name were right.
    let slot = serde_json::from_slice::<EntryFile<'_>>(bytes).map(|file| file.slot.parse());
    let Ok(Ok(slot)) = slot else {
        return;
    };
    let now = OffsetDateTime::UNIX_EPOCH + Duration::days(20_000);
    if let Ok((key, entry)) = Entry::read(bytes, slot, now) {
        assert_eq!(key.slot(), slot);
        let life = entry.token.expires_at - entry.token.obtained_at;
        assert!(life > Duration::ZERO && life <= MAX_LIFE);
        // Only one that is too large is not written again.
        let Ok(bytes) = entry.to_bytes(&key) else {
            return;
        };
        let again = Entry::read(&bytes, slot, now);
        assert!(again.is_ok_and(|again| again == (key, entry)));
    }
}

#[cfg(test)]
mod key_tests {
    use super::*;

    #[test]
    fn a_digest_is_what_sha256sum_says() {
        // printf 'ecrx cache 1\0\2ab\0' | sha256sum
        let expected = "6ca38d7322be930f8e90fe51d1f67f6f80224ce696cf471a9a04c54f3ddba37d";
        let digest = Key::digest(&[b"ab", b""]);
        assert_eq!(digest.to_string(), expected);
        assert_eq!(expected.parse(), Ok(digest));
    }

    #[test]
    fn where_parts_end_matters() {
        let digests = [
            Key::digest(&[]),
            Key::digest(&[b""]),
            Key::digest(&[b"", b""]),
            Key::digest(&[b"ab", b"c"]),
            Key::digest(&[b"a", b"bc"]),
            Key::digest(&[b"abc"]),
        ];
        for (index, digest) in digests.iter().enumerate() {
            assert!(!digests[index + 1..].contains(digest), "{index}");
        }
    }

    #[test]
    fn rotation_changes_the_owner_and_not_the_slot() {
        let monday = Key::rotating(&[b"registry", b"environment"], &[b"ASIAMONDAY"]);
        let tuesday = Key::rotating(&[b"registry", b"environment"], &[b"ASIATUESDAY"]);
        assert_eq!(monday.slot(), tuesday.slot());
        assert_ne!(monday.owner(), tuesday.owner());
        assert_eq!(
            monday.slot(),
            Key::stable(&[b"registry", b"environment"]).slot()
        );
        assert_ne!(monday, Key::stable(&[b"registry", b"environment"]));
        assert_eq!(monday.to_string(), monday.slot().to_string());
    }
}
