//! Digests, by `ring`, which is here for TLS anyway. They stand on the warm path: where the CPU
//! has no instructions for SHA, ring's vector code takes half as many as portable code does.

use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};

/// More than nearly all that is digested has, in bytes: it is gathered, and digested at once, as
/// each update of a digest in the making costs more than a copy.
const USUAL_LENGTH: usize = 1024;

/// Parts to be digested, such that no two lists of them look alike.
pub(crate) struct Parts(Vec<u8>);

impl Parts {
    /// None yet, behind the name of what they are.
    pub(crate) fn of(domain: &[u8]) -> Self {
        let mut parts = Vec::with_capacity(USUAL_LENGTH);
        parts.extend_from_slice(domain);
        Self(parts)
    }

    /// Adds bytes behind their length: seven bits of it in each byte, the lowest first, and the
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

    /// Adds one byte as it is, where a part may be absent: a mark of that.
    pub(crate) fn mark(&mut self, byte: u8) {
        self.0.push(byte);
    }

    pub(crate) fn sha256(&self) -> [u8; 32] {
        sha256(&self.0)
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
    fn each_part_stands_behind_its_length() {
        let mut parts = Parts::of(b"x");
        parts.add(b"");
        parts.add(b"ab");
        parts.mark(7);
        parts.add(&[9; 127]);
        parts.add(&[9; 300]);
        let nines = |count| vec![9; count];
        let expected = [
            b"x\x00\x02ab\x07\x7f".to_vec(),
            nines(127),
            vec![0xac, 0x02],
            nines(300),
        ];
        assert_eq!(parts.0, expected.concat());
        assert_eq!(parts.sha256(), sha256(&expected.concat()));
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
}
