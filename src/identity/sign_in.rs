//! A sign-in on disk, in the format that `aws sso login` and `aws login` write (botocore 1.43,
//! `tokens.py`; aws-config 1.13, `login/cache.rs`).

use std::fs::{Metadata, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::digest::DigestParts;
use crate::fs::{self, Pipes, ReadError};
use crate::secret::Secret;

/// A longer file is not read. One of `aws sso login` has some 4 KiB.
const MAX_SIGN_IN_LENGTH: u64 = 1 << 20;

/// A sign-in that a source draws on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SignIn {
    path: PathBuf,
    exists: bool,
    origin: Option<Vec<u8>>,
    is_renewed: bool,
}

/// What is to be expected of a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignInState {
    Absent,
    /// It has expired, and only the user can renew it.
    Expired,
    /// It is not a file of a sensible size, and must not be read.
    Unreadable,
    /// It is valid, or may be renewed.
    Usable,
}

/// What the file of an SSO sign-in says.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SsoToken {
    /// What the portal takes; botocore refuses a file without it.
    pub access_token: Option<Secret>,
    expires_at: Option<String>,
    refresh_token: Option<Secret>,
    client_id: Option<String>,
    client_secret: Option<Secret>,
    registration_expires_at: Option<String>,
}

/// What a sign-in is renewed with, and until when it can be.
pub(crate) struct SsoRenewal<'a> {
    pub refresh_token: &'a Secret,
    pub client_id: &'a str,
    pub client_secret: &'a Secret,
    pub registration_expires_at: OffsetDateTime,
}

/// What the OIDC service gave for a renewal.
pub(crate) struct RenewedSso {
    pub access_token: Secret,
    pub expires_at: OffsetDateTime,
    /// A new refresh token; without one, the old one stays.
    pub refresh_token: Option<Secret>,
}

impl SsoToken {
    pub(crate) fn expires_at(&self) -> Option<OffsetDateTime> {
        moment(self.expires_at.as_deref()?)
    }

    /// The means to renew it, if all of them are known (botocore, `SSOTokenProvider`).
    pub(crate) fn renewal(&self) -> Option<SsoRenewal<'_>> {
        Some(SsoRenewal {
            refresh_token: self.refresh_token.as_ref()?,
            client_id: self.client_id.as_deref()?,
            client_secret: self.client_secret.as_ref()?,
            registration_expires_at: moment(self.registration_expires_at.as_deref()?)?,
        })
    }
}

impl SignIn {
    /// The sign-in that is kept in this file. `origin` is what the next sign-in under the same name
    /// does not share, if the file's name does not say whose it is.
    pub(super) fn at(path: PathBuf, origin: fn(&Path, &Metadata) -> Option<Vec<u8>>) -> Self {
        let file = std::fs::metadata(&path).ok();
        Self {
            exists: file.is_some(),
            origin: file.and_then(|file| origin(&path, &file)),
            is_renewed: true,
            path,
        }
    }

    /// Whether there is a sign-in at all, expired or not.
    pub(crate) fn exists(&self) -> bool {
        self.exists
    }

    /// Feeds what tells this sign-in from the next one under the same name; nothing where the
    /// file's name says whose it is.
    pub(super) fn fingerprint(&self, parts: &mut DigestParts) {
        parts.optional_bytes(self.origin.as_deref());
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The same, never renewed: the AWS CLI does not renew SSO without an `sso_session`.
    pub(super) fn without_renewal(self) -> Self {
        Self {
            is_renewed: false,
            ..self
        }
    }

    /// What its file says. Only SSO's says when it ends for good; of the other, AWS knows.
    pub(crate) fn state(&self, now: OffsetDateTime) -> SignInState {
        let text = match self.read() {
            Ok(text) => text,
            Err(ReadError::Io(_)) => return SignInState::Absent,
            Err(_) => return SignInState::Unreadable,
        };
        match self.end(&text) {
            Some(end) if end <= now => SignInState::Expired,
            _ => SignInState::Usable,
        }
    }

    /// When it ends for good, where its file says so: SSO's does, and is renewed until then if it
    /// can be.
    pub(crate) fn ends_at(&self) -> Option<OffsetDateTime> {
        self.end(&self.read().ok()?)
    }

    fn end(&self, text: &[u8]) -> Option<OffsetDateTime> {
        let token = self.parse(text)?;
        let own = token.expires_at()?;
        let renewable = token.renewal().map(|with| with.registration_expires_at);
        Some(renewable.map_or(own, |last| last.max(own)))
    }

    /// What the file of an SSO sign-in says; `None` for any other content.
    pub(crate) fn sso_token(&self) -> Option<SsoToken> {
        self.parse(&self.read().ok()?)
    }

    /// Leaves out a refresh token that is not used.
    fn parse(&self, text: &[u8]) -> Option<SsoToken> {
        let token: SsoToken = serde_json::from_slice(text).ok()?;
        Some(SsoToken {
            refresh_token: token.refresh_token.filter(|_| self.is_renewed),
            ..token
        })
    }

    /// Writes a renewed SSO sign-in into its file, whose other fields stay. The file is not
    /// replaced: its birth time tells this sign-in from another user's.
    pub(crate) fn save(&self, renewed: &RenewedSso) -> io::Result<()> {
        let mut fields: Map<String, Value> = serde_json::from_slice(&self.read()?)?;
        // The AWS CLI of version 1 writes whole seconds only.
        let whole = renewed.expires_at.replace_nanosecond(0);
        let expires_at = whole.map_err(io::Error::other)?.format(&Rfc3339);
        let mut set = |name: &str, text: &str| fields.insert(name.to_owned(), text.into());
        set("accessToken", renewed.access_token.expose());
        set("expiresAt", &expires_at.map_err(io::Error::other)?);
        if let Some(token) = &renewed.refresh_token {
            set("refreshToken", token.expose());
        }
        let text = serde_json::to_vec(&fields)?;
        let mut file = OpenOptions::new().write(true).open(&self.path)?;
        file.write_all(&text)?;
        file.set_len(text.len() as u64)
    }

    /// The file's bytes: another sign-in, other bytes.
    pub(crate) fn contents(&self) -> Vec<u8> {
        self.read().unwrap_or_default()
    }

    /// A pipe would be empty for the SDK and for the AWS CLI, which read the file again.
    fn read(&self) -> Result<Vec<u8>, ReadError> {
        fs::read(&self.path, MAX_SIGN_IN_LENGTH, Pipes::Refused)
    }
}

/// A time in a sign-in file, in the forms of RFC 3339 that botocore reads (`dateutil.parser`) and
/// that tools write: `2026-11-29T12:00:00Z`, `…UTC`, `…+00:00`, `…+0000`, with a space before the
/// time, with fractions. Without a zone it is not a time, as for botocore.
fn moment(text: &str) -> Option<OffsetDateTime> {
    let text = text.trim();
    let utc = ["UTC", "GMT"]
        .iter()
        .find_map(|zone| text.strip_suffix(zone));
    let mut text = match utc {
        Some(time) => format!("{}Z", time.trim_end()),
        None => text.to_owned(),
    };
    if text.get(10..11) == Some(" ") {
        text.replace_range(10..11, "T");
    }
    // An offset of four digits.
    let split = text
        .len()
        .checked_sub(5)
        .and_then(|at| text.split_at_checked(at));
    if let Some((time, offset)) = split
        && offset.starts_with(['+', '-'])
        && offset[1..].bytes().all(|byte| byte.is_ascii_digit())
    {
        text = format!("{time}{}:{}", &offset[..3], &offset[3..]);
    }
    OffsetDateTime::parse(&text, &Rfc3339).ok()
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
            exists: true,
            origin: None,
            is_renewed: true,
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
                r#"{"expiresAt":"2027-01-01T00:00:00Z","refreshToken":"r","clientId":"c","clientSecret":"s","registrationExpiresAt":"2027-02-01T00:00:00Z"}"#,
                SignInState::Usable,
            ),
            (
                r#"{"expiresAt":"2027-01-01T00:00:00Z","refreshToken":"r","clientId":"c","clientSecret":"s","registrationExpiresAt":"2027-01-02T00:00:00Z"}"#,
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
                r#"{"expiresAt":"2027-01-01T00:00:00Z","refreshToken":"r","clientId":"c","clientSecret":"s","registrationExpiresAt":"2027-02-01T00:00:00Z"}"#,
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
    fn a_time_is_read_in_every_form_that_tools_write() {
        for text in [
            "2027-01-15T08:00:00Z",
            "2027-01-15T08:00:00UTC",
            "2027-01-15T08:00:00 UTC",
            "2027-01-15T08:00:00GMT",
            "2027-01-15T08:00:00+00:00",
            "2027-01-15T08:00:00+0000",
            "2027-01-15T09:30:00+0130",
            "2027-01-15T08:00:00.000000Z",
            "2027-01-15 08:00:00+00:00",
            " 2027-01-15T08:00:00Z\n",
        ] {
            let moment = moment(text).map(OffsetDateTime::unix_timestamp);
            assert_eq!(moment, Some(1_800_000_000), "{text}");
        }
        for text in [
            "",
            "soon",
            "2027-01-15",
            "2027-01-15T08:00:00",
            "2027-01-15T08:00:00é+00",
        ] {
            assert_eq!(moment(text), None, "{text}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_renewed_sign_in_keeps_its_file_and_its_other_fields() {
        use std::os::unix::fs::MetadataExt as _;

        let file = tempfile::NamedTempFile::new().unwrap();
        let old = r#"{"accessToken":"a long one","expiresAt":"2027-01-15T08:00:00UTC","refreshToken":"r","other":[1]}"#;
        std::fs::write(file.path(), old).unwrap();
        let before = file.path().metadata().unwrap().ino();
        let sign_in = SignIn::at(file.path().to_owned(), |_, _| None);
        let renewed = RenewedSso {
            access_token: Secret::new("a"),
            expires_at: OffsetDateTime::from_unix_timestamp(1_800_003_600).unwrap(),
            refresh_token: None,
        };
        sign_in.save(&renewed).unwrap();
        let text = std::fs::read_to_string(file.path()).unwrap();
        let expected = r#"{"accessToken":"a","expiresAt":"2027-01-15T09:00:00Z","other":[1],"refreshToken":"r"}"#;
        assert_eq!(text, expected);
        assert_eq!(file.path().metadata().unwrap().ino(), before);
    }

    #[test]
    fn an_absent_file_is_no_sign_in() {
        let sign_in = SignIn {
            path: "/nonexistent/x.json".into(),
            exists: false,
            origin: None,
            is_renewed: true,
        };
        assert_eq!(
            sign_in.state(OffsetDateTime::now_utc()),
            SignInState::Absent
        );
    }
}
