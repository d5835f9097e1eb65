//! IAM Identity Center, signed in by `aws sso login`.

use std::fmt;
use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::config::{SsoSettings, SsoSignIn, is_role_name};
use crate::digest::DigestParts;
use crate::digest::sha1_hex;
use crate::env::Env;
use crate::identity::aws_files::{AwsFiles, Profile, Settings};
use crate::identity::error::ProfileError;
use crate::identity::local_state::LocalState;
use crate::identity::sign_in::SignIn;
use crate::redaction::Redactor;
use crate::registry::{AccountId, ParseError, Partition, Region};

use super::keys::try_the_cli;
use super::{CredentialSource, Lineage, Properties, SignInMethod, Trouble, foreign};

/// What an SSO profile or a table of `config.toml` says, and the session that it names.
#[derive(Clone, Debug)]
pub(crate) struct Sso {
    /// The profile that names it; `None` if `config.toml` does.
    pub profile: Option<String>,
    pub account_id: String,
    pub role_name: String,
    pub start_url: String,
    pub region: Region,
    /// `sso_session`; `None` in the old form.
    pub session: Option<String>,
}

impl Sso {
    /// The sign-in that a profile names (botocore, `SSOProvider`): with an account or a role it
    /// does. An `sso_session` alone is for tokens of other services.
    pub(crate) fn from_profile(
        profile: &Profile<'_>,
        files: &AwsFiles,
    ) -> Result<Option<Self>, ProfileError> {
        let [account_id, role_name] =
            ["sso_account_id", "sso_role_name"].map(|key| profile.get(key));
        if account_id.is_none() && role_name.is_none() {
            return Ok(None);
        }
        let incomplete = |what: String| ProfileError::incomplete(profile, what);
        let session = profile.get("sso_session");
        let settings = Self::session_settings(profile, files)?;
        for (key, value) in settings.iter().flat_map(Settings::iter) {
            if profile.get(key).is_some_and(|own| own != value) {
                let name = session.unwrap_or_default();
                return Err(incomplete(format!(
                    "{key} is not the same in the profile and in [sso-session {name}]"
                )));
            }
        }
        let required = |key: &str| {
            let of_session = settings.as_ref().and_then(|settings| settings.get(key));
            of_session
                .or_else(|| profile.get(key))
                .map(str::to_owned)
                .ok_or_else(|| incomplete(format!("{key} is missing")))
        };
        let sso = Self {
            profile: Some(profile.name().to_owned()),
            account_id: required("sso_account_id")?,
            role_name: required("sso_role_name")?,
            start_url: required("sso_start_url")?,
            region: ProfileError::parse(profile, "sso_region", &required("sso_region")?)?,
            session: session.map(str::to_owned),
        };
        ProfileError::check::<AccountId>(profile, "sso_account_id", &sso.account_id)?;
        if !is_role_name(&sso.role_name) {
            let why = format!("`{}` is not the name of a role", sso.role_name);
            return Err(ProfileError::malformed(profile, "sso_role_name", why));
        }
        Ok(Some(sso))
    }

    /// The sign-in and the role that a table of `config.toml` names.
    pub(in crate::identity) fn from_config(
        settings: &SsoSettings,
        files: &AwsFiles,
    ) -> Result<Self, SsoSessionError> {
        let (start_url, region, session) = match &settings.sign_in {
            SsoSignIn::StartUrl { url, region } => (url.as_str().to_owned(), region.clone(), None),
            SsoSignIn::Session(name) => {
                let section = files.sso_session(name);
                let section = section.ok_or(SsoSessionError::Missing)?;
                let get = |key| section.get(key).ok_or(SsoSessionError::Incomplete(key));
                let region = get("sso_region")?.parse();
                let region = region.map_err(SsoSessionError::Region)?;
                (get("sso_start_url")?.to_owned(), region, Some(name.clone()))
            }
        };
        let account_id = settings.account_id.as_ref();
        Ok(Self {
            profile: None,
            account_id: account_id.map(ToString::to_string).unwrap_or_default(),
            role_name: settings.role_name.clone(),
            start_url,
            region,
            session,
        })
    }

    /// Refuses a profile whose session does not exist or is incomplete, as the AWS CLI does even if
    /// other credentials come first (botocore, `SSOTokenProvider`).
    pub(in crate::identity) fn check_session(
        profile: &Profile<'_>,
        files: &AwsFiles,
    ) -> Result<(), ProfileError> {
        Self::session_settings(profile, files).map(drop)
    }

    /// The section that `sso_session` names, with the start URL and the region: those of the profile
    /// do not count for a session.
    fn session_settings<'f>(
        profile: &Profile<'_>,
        files: &'f AwsFiles,
    ) -> Result<Option<Settings<'f>>, ProfileError> {
        let Some(name) = profile.get("sso_session") else {
            return Ok(None);
        };
        let section = files.sso_session(name).ok_or_else(|| {
            let what = format!("the section [sso-session {name}] does not exist");
            ProfileError::incomplete(profile, what)
        })?;
        for key in ["sso_start_url", "sso_region"] {
            if section.get(key).is_none() {
                let what = format!("{key} is missing in [sso-session {name}]");
                return Err(ProfileError::incomplete(profile, what));
            }
        }
        Ok(Some(section))
    }

    /// Where the sign-in is kept (botocore 1.43, `utils.py`, `SSOTokenLoader`).
    fn sign_in_path(&self, env: &Env) -> Option<PathBuf> {
        let name = self.session.as_deref().unwrap_or(&self.start_url);
        let folder = env.home()?.join(".aws/sso/cache");
        Some(folder.join(sha1_hex(name.as_bytes()) + ".json"))
    }
}

/// Why the `[sso-session]` that `config.toml` names cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum SsoSessionError {
    #[error("does not exist in ~/.aws/config")]
    Missing,
    #[error("has no {0}")]
    Incomplete(&'static str),
    #[error("has an invalid sso_region: {0}")]
    Region(ParseError),
}

/// What tells a sign-in from the next one. Nothing in SSO's file says which user has signed in, and
/// another may have signed in since. Signing out deletes the file, so the file's birth time identifies
/// the sign-in. (The refresh token would not: AWS may change it whenever a sign-in is renewed.)
///
/// This program and the SDK for Rust write a renewed sign-in into the same file (aws-config 1.13,
/// `save_cached_token`), which keeps the birth time. botocore 1.43 and the SDK for Go replace the
/// file, and so does every `aws sso login`. Offline, these two cannot be told apart, and one more
/// request for a token does no harm.
///
/// If the file system has no birth times, the time of the last change is used.
fn origin(path: &Path, file: &Metadata) -> Option<Vec<u8>> {
    let bytes = |moment: io::Result<SystemTime>| {
        let since = moment.ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some(since.as_nanos().to_le_bytes().to_vec())
    };
    let birth = bytes(file.created()).zip(file_index(path));
    birth
        .map(|(birth, index)| [birth, index].concat())
        .or_else(|| bytes(file.modified()))
}

/// On Windows, a new file inherits the birth time of one that had the same name up to 15 seconds
/// before ("file system tunneling"), but never its index. `None` if the file has no index.
#[cfg(windows)]
fn file_index(path: &Path) -> Option<Vec<u8>> {
    let file = winapi_util::Handle::from_path(path).ok()?;
    let index = winapi_util::file::information(&file).ok()?.file_index();
    Some(index.to_le_bytes().to_vec())
}

#[cfg(not(windows))]
fn file_index(_: &Path) -> Option<Vec<u8>> {
    Some(Vec::new())
}

impl CredentialSource for Sso {
    fn properties(&self) -> Properties<'_> {
        Properties {
            kind: "sso",
            remark: "",
            lineage: Lineage::Same,
            max_age: None,
            sign_in: Some(SignInMethod {
                name: "SSO",
                command: "aws sso login",
                profile: self.profile.as_deref(),
                session: self.session.as_deref(),
                start_url: Some(&self.start_url),
            }),
            token_file: None,
            web_identity: None,
            // Identity Center's portal gives its credentials, not STS.
            role: None,
            access_key_id: None,
            local_endpoint: None,
            runs_a_program: false,
        }
    }

    fn fingerprint(&self, parts: &mut DigestParts) {
        parts.text("sso");
        parts.text(&self.account_id);
        parts.text(&self.role_name);
        parts.text(&self.start_url);
        parts.text(self.region.as_str());
        parts.option(self.session.as_deref());
    }

    fn local_state(&self, env: &Env) -> LocalState {
        LocalState {
            sign_in: self.sign_in_path(env).map(|path| {
                let sign_in = SignIn::at(path, origin);
                match self.session {
                    Some(_) => sign_in,
                    None => sign_in.without_renewal(),
                }
            }),
            ..LocalState::default()
        }
    }

    fn foreign_part(&self, ours: Partition, profile: &str) -> Option<(String, Partition)> {
        let partition = foreign(Some(Partition::of_region(&self.region)), ours)?;
        let what = match profile {
            "" => format!("the SSO sign-in ({})", self.region),
            profile => format!("the SSO sign-in for profile {profile} ({})", self.region),
        };
        Some((what, partition))
    }

    fn is_from(&self, _: &str, _: bool, _: &Env) -> bool {
        false
    }

    fn add_secrets(&self, _: &mut Redactor) {}

    fn hints(&self, trouble: Trouble, profile: Option<&str>) -> Vec<String> {
        match trouble {
            // Without a profile, the AWS CLI would use other credentials.
            Trouble::NoCredentials => profile
                .map(|name| try_the_cli(Some(name)))
                .into_iter()
                .collect(),
            Trouble::NoAnswer
            | Trouble::MalformedAnswer
            | Trouble::Unreachable
            | Trouble::UnknownKey => Vec::new(),
        }
    }
}

impl fmt::Display for Sso {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            role_name,
            account_id,
            ..
        } = self;
        write!(f, "the SSO role {role_name} in account {account_id}")?;
        match &self.session {
            Some(session) => write!(f, " through session {session}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;

    use super::*;

    fn birth(path: &Path) -> Option<SystemTime> {
        fs::metadata(path).unwrap().created().ok()
    }

    #[test]
    fn a_sign_in_that_is_renewed_keeps_its_origin_and_a_new_file_has_another() {
        let folder = tempfile::tempdir().unwrap();
        let [path, old] = ["x.json", "old.json"].map(|name| folder.path().join(name));
        let origin = || origin(&path, &fs::metadata(&path).unwrap());
        fs::write(&path, "one").unwrap();
        let (first, birth) = (origin(), birth(&path));
        // Longer than a tick of the file system's clock.
        std::thread::sleep(std::time::Duration::from_millis(50));
        let mut file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.write_all(b"another").unwrap();
        drop(file);
        // Some file systems have no birth times, and Wine has those of the last change.
        if birth.is_none() || self::birth(&path) != birth {
            return;
        }
        assert_eq!(origin(), first);
        // The old file keeps its index, so that the new one cannot get it.
        fs::rename(&path, &old).unwrap();
        fs::write(&path, "one").unwrap();
        assert_ne!(origin(), first);
    }

    #[test]
    fn the_file_is_where_the_aws_cli_puts_it() {
        let env = Env::from_variables([("HOME", "/home/alice")]);
        let sso = Sso {
            profile: Some("work".into()),
            account_id: "111122223333".into(),
            role_name: "dev".into(),
            start_url: "https://d-abc123.awsapps.com/start".into(),
            region: "us-east-1".parse().unwrap(),
            session: Some("my-sso".into()),
        };
        // printf my-sso | sha1sum
        let expected = "/home/alice/.aws/sso/cache/0ad374308c5a4e22f723adf10145eafad7c4031c.json";
        assert_eq!(sso.sign_in_path(&env).as_deref(), Some(Path::new(expected)));
    }
}
