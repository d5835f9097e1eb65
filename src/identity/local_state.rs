//! What the identity depends on besides the configuration. It is read from the machine at the same
//! moment as the configuration, and without network.
//!
//! The SDK's errors about a sign-in cannot be told apart by type, so its file is judged here, in
//! the format that `aws sso login` and `aws login` write (aws-config 1.13, `sso/cache.rs` and
//! `login/cache.rs`).

use std::fs::{File, Metadata};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::digest::{Digest, DigestParts};
use crate::env::Env;
use crate::fs::{self, Pipes, ReadError};

/// A longer token file is not read. STS takes 20,000 characters at most.
pub(crate) const MAX_TOKEN_LENGTH: u64 = 64 << 10;

/// A longer file is not read. One of `aws sso login` has some 4 KiB.
const MAX_SIGN_IN_LENGTH: u64 = 1 << 20;

/// What a source depends on besides the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LocalState {
    /// The sign-in on disk that the source draws on.
    pub sign_in: Option<SignIn>,
    /// Which machine this is, since when, where the source is something on this machine: a cache
    /// that came with a machine image or a shared home is another machine's.
    pub(super) machine: Option<String>,
    /// A digest of what a token file says: the tokens of two pods or two CI jobs differ, while
    /// the names of their files do not.
    pub(super) token: Option<Digest>,
    /// A digest of the variables that other programs read to determine the identity; and of the
    /// working folder, if the identity depends on it.
    pub(super) variables: Option<Digest>,
}

impl LocalState {
    /// Feeds what tells two identities apart that have the same configuration.
    pub(super) fn fingerprint(&self, parts: &mut DigestParts) {
        if let Some(sign_in) = &self.sign_in {
            sign_in.fingerprint(parts);
        }
        let own: [Option<&[u8]>; 3] = [
            self.machine.as_deref().map(str::as_bytes),
            self.token.as_ref().map(Digest::as_bytes),
            self.variables.as_ref().map(Digest::as_bytes),
        ];
        for part in own {
            parts.optional_bytes(part);
        }
    }
}

/// A sign-in that a source draws on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SignIn {
    path: PathBuf,
    exists: bool,
    began_at: Option<Duration>,
    is_renewed: bool,
}

/// What is to be expected of a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignInState {
    Absent,
    /// It has expired, and only the user can renew it.
    Expired,
    /// It is not a file of a sensible size, and the SDK must not read it.
    Unreadable,
    /// It is valid, or the SDK can try to renew it.
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
    /// The sign-in that is kept in this file. `began_at` says when it began, if the file's name
    /// does not say whose it is.
    pub(super) fn at(path: PathBuf, began_at: fn(&Metadata) -> Option<SystemTime>) -> Self {
        let file = std::fs::metadata(&path).ok();
        let began_at = file.as_ref().and_then(began_at);
        Self {
            exists: file.is_some(),
            began_at: began_at.and_then(|moment| moment.duration_since(UNIX_EPOCH).ok()),
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
        let began_at = self.began_at.map(|moment| moment.as_nanos().to_le_bytes());
        parts.optional_bytes(began_at.as_ref().map(|bytes| bytes.as_slice()));
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
        let Some(token) = self.sso_token(&text) else {
            return SignInState::Usable;
        };
        let over = |text: &Option<String>| moment(text).is_some_and(|moment| moment <= now);
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
        let token = self.sso_token(&text)?;
        let own = moment(&token.expires_at)?;
        let renewable = moment(&token.refresh_token.and(token.registration_expires_at));
        Some(renewable.map_or(own, |last| last.max(own)))
    }

    /// What an SSO file says, without a refresh token that is not used.
    fn sso_token(&self, text: &[u8]) -> Option<SsoToken> {
        let token: SsoToken = serde_json::from_slice(text).ok()?;
        Some(SsoToken {
            refresh_token: token.refresh_token.filter(|_| self.is_renewed),
            ..token
        })
    }

    /// The file's bytes: another sign-in, other bytes.
    pub(crate) fn contents(&self) -> Vec<u8> {
        self.read().unwrap_or_default()
    }

    /// A pipe would be empty for the SDK, which reads the file again.
    fn read(&self) -> Result<Vec<u8>, ReadError> {
        fs::read(&self.path, MAX_SIGN_IN_LENGTH, Pipes::Refused)
    }
}

/// A time in a sign-in file.
fn moment(text: &Option<String>) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text.as_deref()?, &Rfc3339).ok()
}

/// A digest of variables that other programs read to determine the identity, and of the folder that
/// they run in, if the identity depends on it.
pub(super) fn values(names: &[&str], working_folder: Option<&Path>, env: &Env) -> Digest {
    let mut parts = DigestParts::named("variables");
    for name in names {
        let value = env.get_os(name);
        parts.optional_bytes(value.as_ref().map(|value| value.as_encoded_bytes()));
    }
    if let Some(folder) = working_folder {
        parts.add(folder.as_os_str().as_encoded_bytes());
    }
    parts.digest()
}

/// The bytes of a token's file, unless it is something else.
pub(super) fn read_token(path: &Path) -> Option<Vec<u8>> {
    // A pipe is left to the code that sends the token.
    fs::read(path, MAX_TOKEN_LENGTH, Pipes::Refused).ok()
}

/// Which machine this is, since when.
///
/// Linux draws an id anew at each boot, which no image carries along (`random(4)`).
#[cfg(target_os = "linux")]
pub(super) fn machine(env: &Env) -> Option<String> {
    boot_id().or_else(|| node_name(env))
}

/// The kernel gives such a file in one read.
#[cfg(target_os = "linux")]
fn boot_id() -> Option<String> {
    let mut id = [0; 64];
    let length = File::open("/proc/sys/kernel/random/boot_id")
        .and_then(|mut file| file.read(&mut id))
        .ok()?;
    let id = str::from_utf8(id.get(..length)?).ok()?;
    (!id.is_empty()).then(|| id.to_owned())
}

#[cfg(not(target_os = "linux"))]
pub(super) fn machine(env: &Env) -> Option<String> {
    node_name(env)
}

#[cfg(unix)]
fn node_name(_: &Env) -> Option<String> {
    let names = rustix::system::uname();
    Some(names.nodename().to_string_lossy().into_owned())
}

#[cfg(not(unix))]
fn node_name(env: &Env) -> Option<String> {
    env.get("COMPUTERNAME")
}

#[cfg(test)]
impl LocalState {
    /// A digest of this alone.
    pub(super) fn digest(&self) -> Digest {
        let mut parts = DigestParts::named("test");
        self.fingerprint(&mut parts);
        parts.digest()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_machine(name: &str) -> LocalState {
        LocalState {
            machine: Some(name.to_owned()),
            ..LocalState::default()
        }
    }

    #[test]
    fn another_machine_is_another_identity() {
        let here = on_machine("here").digest();
        assert_ne!(here, on_machine("there").digest());
        assert_ne!(here, LocalState::default().digest());
    }

    #[test]
    fn a_machine_knows_which_it_is() {
        let machine = machine(&Env::from_variables([]));
        assert!(machine.is_some_and(|id| !id.trim().is_empty()));
    }

    /// What is found of a sign-in whose file says this.
    fn find_in<T>(text: &str, find: impl FnOnce(&SignIn) -> T) -> T {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        find(&SignIn {
            path: file.path().to_owned(),
            exists: true,
            began_at: None,
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
            exists: false,
            began_at: None,
            is_renewed: true,
        };
        assert_eq!(
            sign_in.state(OffsetDateTime::now_utc()),
            SignInState::Absent
        );
    }
}
