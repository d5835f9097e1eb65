//! The sign-in on disk behind SSO and `aws login`, and whether it still holds.
//!
//! The SDK's errors about it cannot be told apart by type, so it is judged here, from the file
//! that `aws sso login` and `aws login` write. Shapes: aws-config 1.13,
//! `sso/cache.rs` and `login/cache.rs`.

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::fs::{self, Pipes, ReadError};

use crate::digest::DigestParts;

/// A longer file is not read. One of `aws sso login` has some 4 KiB.
const MAX_LENGTH: u64 = 1 << 20;

/// A sign-in that a source draws on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SignIn {
    path: PathBuf,
    is_there: bool,
    began_at: Option<Duration>,
}

/// What is to be expected of a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignInState {
    Absent,
    /// It is over, and cannot be renewed without a person.
    Expired,
    /// Something is there that is not a file of a sensible size, and the SDK must not read it.
    Unreadable,
    /// It holds, or the SDK can try to renew it.
    Usable,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SsoToken {
    expires_at: Option<String>,
    refresh_token: Option<String>,
    registration_expires_at: Option<String>,
}

impl SignIn {
    /// The sign-in that is kept in this file. `began_at` says when it began, if the file's name does
    /// not say whose it is.
    pub(super) fn at(path: PathBuf, began_at: fn(&Metadata) -> Option<SystemTime>) -> Self {
        let file = std::fs::metadata(&path).ok();
        let began_at = file.as_ref().and_then(began_at);
        Self {
            is_there: file.is_some(),
            began_at: began_at.and_then(|moment| moment.duration_since(UNIX_EPOCH).ok()),
            path,
        }
    }

    /// Whether somebody is signed in at all, for however long.
    pub(crate) fn is_there(&self) -> bool {
        self.is_there
    }

    /// Feeds what tells this sign-in from the next one under the same name; nothing where the
    /// file's name says whose it is.
    pub(super) fn fingerprint(&self, parts: &mut DigestParts) {
        let began_at = self.began_at.map(|moment| moment.as_nanos().to_le_bytes());
        parts.optional_bytes(began_at.as_ref().map(|bytes| bytes.as_slice()));
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What its file says. Only SSO's says when it ends for good; of the other, AWS knows.
    pub(crate) fn state(&self, now: OffsetDateTime) -> SignInState {
        let text = match self.read() {
            Ok(text) => text,
            Err(ReadError::Io(_)) => return SignInState::Absent,
            Err(_) => return SignInState::Unreadable,
        };
        let Ok(token) = serde_json::from_slice::<SsoToken>(&text) else {
            return SignInState::Usable;
        };
        let over = |moment: &Option<String>| {
            moment
                .as_deref()
                .and_then(|moment| OffsetDateTime::parse(moment, &Rfc3339).ok())
                .is_some_and(|moment| moment <= now)
        };
        let renewable = token.refresh_token.is_some() && !over(&token.registration_expires_at);
        if over(&token.expires_at) && !renewable {
            SignInState::Expired
        } else {
            SignInState::Usable
        }
    }

    /// When it ends for good, where its file says so: SSO's does, and renews itself until then
    /// where it can.
    pub(crate) fn ends_at(&self) -> Option<OffsetDateTime> {
        let text = self.read().ok()?;
        let token: SsoToken = serde_json::from_slice(&text).ok()?;
        let moment = |text: &str| OffsetDateTime::parse(text, &Rfc3339).ok();
        let own = token.expires_at.as_deref().and_then(moment)?;
        let renewable = token
            .refresh_token
            .and(token.registration_expires_at)
            .as_deref()
            .and_then(moment);
        Some(renewable.map_or(own, |last| last.max(own)))
    }

    /// The file's bytes: another sign-in, other bytes.
    pub(crate) fn contents(&self) -> Vec<u8> {
        self.read().unwrap_or_default()
    }

    /// A pipe would be empty for the SDK, which reads the file again.
    fn read(&self) -> Result<Vec<u8>, ReadError> {
        fs::read(&self.path, MAX_LENGTH, Pipes::Refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found of a sign-in whose file says this.
    fn find_in<T>(text: &str, find: impl FnOnce(&SignIn) -> T) -> T {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        find(&SignIn {
            path: file.path().to_owned(),
            is_there: true,
            began_at: None,
        })
    }

    fn state(text: &str) -> SignInState {
        let now = OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap();
        find_in(text, |sign_in| sign_in.state(now))
    }

    #[test]
    fn sso_files_are_judged() {
        // 1_800_000_000 is 2027-01-15.
        let table = [
            (
                r#"{"accessToken":"x","expiresAt":"2027-02-01T00:00:00Z"}"#,
                SignInState::Usable,
            ),
            (
                r#"{"accessToken":"x","expiresAt":"2027-01-01T00:00:00Z"}"#,
                SignInState::Expired,
            ),
            (
                r#"{"expiresAt":"2027-01-01T00:00:00Z","refreshToken":"r","registrationExpiresAt":"2027-02-01T00:00:00Z"}"#,
                SignInState::Usable,
            ),
            (
                r#"{"expiresAt":"2027-01-01T00:00:00Z","refreshToken":"r","registrationExpiresAt":"2027-01-02T00:00:00Z"}"#,
                SignInState::Expired,
            ),
            ("not json", SignInState::Usable),
        ];
        for (text, expected) in table {
            assert_eq!(state(text), expected, "{text}");
        }
    }

    #[test]
    fn a_sign_in_that_renews_itself_ends_with_its_registration() {
        for (text, expected) in [
            (
                r#"{"expiresAt":"2027-01-01T00:00:00Z"}"#,
                Some(1_798_761_600),
            ),
            (
                r#"{"expiresAt":"2027-01-01T00:00:00Z","refreshToken":"r","registrationExpiresAt":"2027-02-01T00:00:00Z"}"#,
                Some(1_801_440_000),
            ),
            (
                r#"{"expiresAt":"2027-01-01T00:00:00Z","refreshToken":"r"}"#,
                Some(1_798_761_600),
            ),
            (
                r#"{"accessToken":{"expiresAt":"2027-01-01T00:00:00Z"}}"#,
                None,
            ),
        ] {
            let ends_at = find_in(text, SignIn::ends_at).map(OffsetDateTime::unix_timestamp);
            assert_eq!(ends_at, expected, "{text}");
        }
    }

    #[test]
    fn an_absent_file_is_no_sign_in() {
        let sign_in = SignIn {
            path: "/nonexistent/x.json".into(),
            is_there: false,
            began_at: None,
        };
        assert_eq!(
            sign_in.state(OffsetDateTime::now_utc()),
            SignInState::Absent
        );
    }
}
