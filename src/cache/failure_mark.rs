//! A mark: something that need not be tried again for a while.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::entry::{Key, VERSION, doubt_of_unreadable, read_key, read_moment};
use super::error::Doubt;
use crate::digest::Digest;

/// A mark that claims to last longer is not believed.
const MAX_LIFE: Duration = Duration::hours(1);

/// A longer message is cut.
const MAX_MESSAGE: usize = 4096;

/// A remembered failure, or "public ECR gives no token here". It spares the next process the
/// wait for an answer that would be the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FailureMark {
    /// When it was made, by the local clock. Stored in whole seconds.
    pub made_at: OffsetDateTime,
    /// When it ends, at most an hour later. Stored in whole seconds.
    pub until: OffsetDateTime,
    /// A digest of what the user would change to fix the failure: the sign-in, the keys, the
    /// configuration. A mark made in another state is void.
    pub state: Digest,
    /// Why the request failed. Contains no secret; at most 4 KiB are stored.
    pub message: String,
    /// How to fix it. At most 4 KiB are stored, in whole hints.
    pub hints: Vec<String>,
}

#[derive(Deserialize, Serialize)]
struct MarkFile<'a> {
    version: u64,
    slot: &'a str,
    owner: &'a str,
    state: &'a str,
    made_at: i64,
    until: i64,
    #[serde(borrow)]
    message: Cow<'a, str>,
    /// Earlier versions of this program neither write nor read them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    hints: Vec<Cow<'a, str>>,
}

impl<'a> MarkFile<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, Doubt> {
        let file: Self = serde_json::from_slice(bytes).map_err(|_| doubt_of_unreadable(bytes))?;
        match file.version {
            VERSION => Ok(file),
            other => Err(Doubt::Version(other)),
        }
    }
}

impl FailureMark {
    /// Whether it still counts. A mark from the future does not: the clock was set back, so it
    /// cannot be known when the mark ends.
    pub(crate) fn holds(&self, state: &Digest, now: OffsetDateTime) -> bool {
        self.state == *state
            && self.made_at <= now
            && now < self.until
            && self.until - self.made_at <= MAX_LIFE
    }

    /// Reads a file's bytes; `None` for a mark of another key.
    pub(super) fn read(bytes: &[u8], key: &Key) -> Result<Option<Self>, Doubt> {
        let file = MarkFile::read(bytes)?;
        if read_key(file.slot, file.owner)? != *key {
            return Ok(None);
        }
        Ok(Some(Self {
            made_at: read_moment(file.made_at)?,
            until: read_moment(file.until)?,
            state: file.state.parse().map_err(|_| Doubt::Damaged)?,
            message: file.message.into_owned(),
            hints: file.hints.into_iter().map(Cow::into_owned).collect(),
        }))
    }

    /// When a mark ends, and what it says, whosever it is, whose file's name says that it belongs
    /// to `slot`.
    pub(super) fn read_end(bytes: &[u8], slot: Digest) -> Result<(OffsetDateTime, String), Doubt> {
        let file = MarkFile::read(bytes)?;
        if read_key(file.slot, file.owner)?.slot() != slot {
            return Err(Doubt::Renamed);
        }
        let (made_at, until) = (read_moment(file.made_at)?, read_moment(file.until)?);
        if until - made_at <= MAX_LIFE {
            Ok((until, file.message.into_owned()))
        } else {
            Err(Doubt::Life)
        }
    }

    /// The first hints, as many as fit.
    fn hints_to_store(&self) -> Vec<Cow<'_, str>> {
        let mut length = 0;
        let fits = |hint: &&String| {
            length += hint.len();
            length <= MAX_MESSAGE
        };
        let hints = self.hints.iter().take_while(fits);
        hints.map(|hint| hint.as_str().into()).collect()
    }

    pub(super) fn to_bytes(&self, key: &Key) -> Result<Vec<u8>, Doubt> {
        let end = self.message.floor_char_boundary(MAX_MESSAGE);
        let (slot, owner) = (key.slot().to_string(), key.owner().to_string());
        let state = self.state.to_string();
        let file = MarkFile {
            version: VERSION,
            slot: &slot,
            owner: &owner,
            state: &state,
            made_at: self.made_at.unix_timestamp(),
            until: self.until.unix_timestamp(),
            message: self.message[..end].into(),
            hints: self.hints_to_store(),
        };
        serde_json::to_vec(&file).map_err(|_| Doubt::Damaged)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::super::tests::{at, key};
    use super::*;

    /// The content of a file.
    const FILE: &str = r#"{"version":1,"slot":"@SLOT@","owner":"@SLOT@","state":"@STATE@","made_at":1700000000,"until":1700000060,"message":"the SSO session has expired"}"#;

    fn state() -> Digest {
        Key::digest(&[b"signed in on Monday"])
    }

    fn file() -> String {
        FILE.replace("@SLOT@", &key().to_string())
            .replace("@STATE@", &state().to_string())
    }

    fn mark() -> FailureMark {
        FailureMark {
            made_at: at(1_700_000_000),
            until: at(1_700_000_060),
            state: state(),
            message: "the SSO session has expired".to_owned(),
            hints: Vec::new(),
        }
    }

    #[test]
    fn a_mark_is_written_and_read_as_this_text() {
        assert_eq!(
            String::from_utf8(mark().to_bytes(&key()).unwrap()).unwrap(),
            file()
        );
        assert_eq!(
            FailureMark::read(file().as_bytes(), &key()),
            Ok(Some(mark()))
        );
    }

    #[test]
    fn hints_are_stored_with_a_mark_as_far_as_they_fit() {
        let sign_in = "Run: aws sso login --profile work".to_owned();
        let mark = FailureMark {
            hints: vec![sign_in.clone(), "x".repeat(MAX_MESSAGE)],
            ..mark()
        };
        let bytes = mark.to_bytes(&key()).unwrap();
        let read = FailureMark::read(&bytes, &key()).unwrap().unwrap();
        assert_eq!(read.hints, [sign_in]);
    }

    #[test]
    fn a_mark_of_another_key_is_none() {
        assert_eq!(
            FailureMark::read(file().as_bytes(), &Key::stable(&[b"other"])),
            Ok(None)
        );
        let stable: &[&[u8]] = &[b"registry", b"profile"];
        assert_eq!(
            FailureMark::read(file().as_bytes(), &Key::rotating(stable, &[b"x"])),
            Ok(None)
        );
    }

    #[test]
    fn a_damaged_or_newer_mark_is_not_believed() {
        let file = file();
        for length in 0..file.len() {
            let cut = FailureMark::read(&file.as_bytes()[..length], &key());
            assert_eq!(cut, Err(Doubt::Damaged), "{length}");
        }
        let newer = file.replacen(":1,", ":2,", 1);
        assert_eq!(
            FailureMark::read(newer.as_bytes(), &key()),
            Err(Doubt::Version(2))
        );
        let state = file.replace(&state().to_string(), "x");
        assert_eq!(
            FailureMark::read(state.as_bytes(), &key()),
            Err(Doubt::Damaged)
        );
    }

    #[test]
    fn a_mark_holds_only_in_its_state_and_time() {
        let signed_in = Key::digest(&[b"signed in on Tuesday"]);
        for (seconds, state, holds) in [
            (0, state(), true),
            (59, state(), true),
            (60, state(), false),
            (-1, state(), false), // the clock was set back
            (0, signed_in, false),
        ] {
            let now = at(1_700_000_000 + seconds);
            assert_eq!(mark().holds(&state, now), holds, "{seconds} {state}");
        }
        let eternal = FailureMark {
            until: at(1_700_003_601),
            ..mark()
        };
        assert!(!eternal.holds(&state(), at(1_700_000_000)));
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let mark = FailureMark {
            message: format!("x{}", "é".repeat(4096)),
            ..mark()
        };
        let bytes = mark.to_bytes(&key()).unwrap();
        let message = FailureMark::read(&bytes, &key()).unwrap().unwrap().message;
        assert_eq!(message.len(), 4095);
    }
}
