//! Keys: where an entry lives, and whose it is.

use std::fmt;
use std::str::FromStr;

use crate::digest;

/// What every digest begins with, so that it equals no digest made elsewhere or by a later,
/// different rule. Short, so that most keys fit into two blocks of the digest.
const DOMAIN: &[u8] = b"ecrx cache 1\0";

/// A SHA-256 over parts, shown as 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Digest([u8; 32]);

impl Digest {
    /// Digests parts. Each goes in behind its length, so `["ab", "c"]` and `["a", "bc"]` differ.
    pub(crate) fn of(parts: &[&[u8]]) -> Self {
        let mut all = digest::Parts::of(DOMAIN);
        for part in parts {
            all.add(part);
        }
        Self(all.sha256())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&digest::hex(&self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// The text is not 64 lower-case hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a digest has 64 lower-case hex digits")]
pub(crate) struct DigestError;

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(DigestError),
        };
        if text.len() != 64 {
            return Err(DigestError);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(Self(bytes))
    }
}

/// The key of an entry or a mark.
///
/// It has two halves. The *slot* names the file, and digests all that stays the same while
/// credentials rotate: service, account, region, endpoint, the credential source, the roles on
/// top. The *owner* stands inside the file, and digests the rest too, such as the temporary
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
    /// The key of an identity none of whose parts rotate.
    pub(crate) fn of(stable: &[&[u8]]) -> Self {
        let slot = Digest::of(stable);
        Self { slot, owner: slot }
    }

    /// The key of an identity of which `rotating` is expected to change, while `stable` is what
    /// its successors will have in common with it.
    pub(crate) fn rotating(stable: &[&[u8]], rotating: &[&[u8]]) -> Self {
        let slot = Digest::of(stable);
        let mut parts: Vec<&[u8]> = vec![&slot.0];
        parts.extend(rotating);
        let owner = Digest::of(&parts);
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

    /// What stands in the file.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_what_sha256sum_says() {
        // printf 'ecrx cache 1\0\2ab\0' | sha256sum
        let expected = "6ca38d7322be930f8e90fe51d1f67f6f80224ce696cf471a9a04c54f3ddba37d";
        let digest = Digest::of(&[b"ab", b""]);
        assert_eq!(digest.to_string(), expected);
        assert_eq!(expected.parse(), Ok(digest));
    }

    #[test]
    fn where_parts_end_matters() {
        let digests = [
            Digest::of(&[]),
            Digest::of(&[b""]),
            Digest::of(&[b"", b""]),
            Digest::of(&[b"ab", b"c"]),
            Digest::of(&[b"a", b"bc"]),
            Digest::of(&[b"abc"]),
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
            Key::of(&[b"registry", b"environment"]).slot()
        );
        assert_ne!(monday, Key::of(&[b"registry", b"environment"]));
        assert_eq!(monday.to_string(), monday.slot().to_string());
    }

    #[test]
    fn only_64_lower_case_hex_digits_are_a_digest() {
        let long = "a".repeat(65);
        let upper = "A".repeat(64);
        let short = "a".repeat(63);
        let wide = format!("{}é", "a".repeat(62));
        for text in ["", &long, &upper, &short, &wide] {
            assert_eq!(text.parse::<Digest>(), Err(DigestError), "{text}");
        }
    }
}
