//! A digest of who would ask: the same for one identity however its files are written, and
//! another for every other identity that AWS could tell from it.

use crate::digest::Parts;

/// SHA-256 over an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Feeds parts to the digest so that no two lists of parts look alike: each with its length,
/// absent ones with a mark of their own.
pub(crate) struct Hasher(Parts);

impl Hasher {
    /// Starts with the name of what is hashed.
    pub(crate) fn new(domain: &str) -> Self {
        let mut parts = Parts::of(b"");
        parts.add(domain.as_bytes());
        Self(parts)
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.0.add(bytes);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// Feeds text that may be absent.
    pub(crate) fn option(&mut self, text: Option<&str>) {
        self.optional_bytes(text.map(str::as_bytes));
    }

    /// Feeds bytes that may be absent.
    pub(crate) fn optional_bytes(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => {
                self.0.mark(1);
                self.bytes(bytes);
            }
            None => self.0.mark(0),
        }
    }

    pub(crate) fn finish(self) -> Fingerprint {
        Fingerprint(self.0.sha256())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(parts: &[Option<&str>]) -> Fingerprint {
        let mut hasher = Hasher::new("test");
        for part in parts {
            hasher.option(*part);
        }
        hasher.finish()
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
                assert_eq!(of(one) == of(other), i == j, "{one:?} {other:?}");
            }
        }
    }
}
