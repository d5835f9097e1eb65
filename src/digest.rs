//! Digests, by `ring`, which is needed for TLS anyway. They are a part of the warm path: on a CPU
//! without SHA instructions, ring's vector code takes half as many instructions as portable code.

use std::fmt;
use std::str::FromStr;

use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};

/// More than nearly all that is digested has, in bytes: it is gathered, and digested at once, as
/// each update of a digest in the making costs more than a copy.
const USUAL_LENGTH: usize = 1024;

/// Parts to be digested, framed such that no two lists of them look alike.
pub(crate) struct DigestParts(Vec<u8>);

impl DigestParts {
    /// No parts yet, after the name of what they are.
    pub(crate) fn new(domain: &[u8]) -> Self {
        let mut parts = Vec::with_capacity(USUAL_LENGTH);
        parts.extend_from_slice(domain);
        Self(parts)
    }

    /// Adds bytes after their length: seven bits of it in each byte, the lowest first, and the
    /// eighth bit of all but the last (LEB128), as each byte more is work for the digest.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        let mut length = bytes.len();
        while length > 0x7f {
            self.0.push(length as u8 | 0x80);
            length >>= 7;
        }
        self.0.push(length as u8);
        self.0.extend_from_slice(bytes);
    }

    /// No parts yet, after a name that is framed like a part.
    pub(crate) fn named(name: &str) -> Self {
        let mut parts = Self::new(b"");
        parts.text(name);
        parts
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.add(text.as_bytes());
    }

    /// Adds text that may be absent.
    pub(crate) fn option(&mut self, text: Option<&str>) {
        self.optional_bytes(text.map(str::as_bytes));
    }

    /// Adds bytes that may be absent, after a byte that says so.
    pub(crate) fn optional_bytes(&mut self, bytes: Option<&[u8]>) {
        self.0.push(u8::from(bytes.is_some()));
        if let Some(bytes) = bytes {
            self.add(bytes);
        }
    }

    pub(crate) fn digest(&self) -> Digest {
        Digest(sha256(&self.0))
    }
}

/// A SHA-256 over parts, shown as 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Digest([u8; 32]);

impl Digest {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
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

/// The SHA-256 of bytes.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut array = [0; 32];
    array.copy_from_slice(digest(&SHA256, bytes).as_ref());
    array
}

/// The SHA-1 of bytes, in hex digits: a name that the AWS CLI gives, nothing that must be secure.
pub(crate) fn sha1_hex(bytes: &[u8]) -> String {
    hex(digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref())
}

/// Lower-case hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_follows_its_length() {
        let mut parts = DigestParts::new(b"x");
        parts.add(b"");
        parts.add(b"ab");
        parts.option(None);
        parts.option(Some(""));
        parts.add(&[9; 127]);
        parts.add(&[9; 300]);
        let nines = |count| vec![9; count];
        let expected = [
            b"x\x00\x02ab\x00\x01\x00\x7f".to_vec(),
            nines(127),
            vec![0xac, 0x02],
            nines(300),
        ];
        assert_eq!(parts.0, expected.concat());
        assert_eq!(parts.digest().0, sha256(&expected.concat()));
    }

    #[test]
    fn digests_are_what_the_standard_says() {
        // FIPS 180-4's examples, of "abc".
        assert_eq!(
            hex(&sha256(b"abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(sha1_hex(b"abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
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

    fn digest(parts: &[Option<&str>]) -> Digest {
        let mut all = DigestParts::named("test");
        for part in parts {
            all.option(*part);
        }
        all.digest()
    }

    #[test]
    fn no_two_lists_look_alike() {
        let lists: [&[Option<&str>]; 7] = [
            &[],
            &[None],
            &[Some("")],
            &[Some("ab"), Some("c")],
            &[Some("a"), Some("bc")],
            &[Some("abc")],
            &[Some("abc"), None],
        ];
        for (i, one) in lists.iter().enumerate() {
            for (j, other) in lists.iter().enumerate() {
                assert_eq!(digest(one) == digest(other), i == j, "{one:?} {other:?}");
            }
        }
    }
}
