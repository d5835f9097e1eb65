//! Keys: where an entry lives, and whose it is.

use std::fmt;

use crate::digest::{Digest, DigestParts};

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

#[cfg(test)]
mod tests {
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
