//! The credential source of an identity: a profile, a sign-in to IAM Identity Center, or a web
//! identity token. An identity has at most one of them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::error::{ConfigError, Problem};
use super::section::Section;
use crate::net::HttpUrl;
use crate::redaction::shown_url;
use crate::registry::{AccountId, Region};

/// The audience that AWS's trust policies for OIDC tokens expect.
const DEFAULT_AUDIENCE: &str = "sts.amazonaws.com";

/// The keys of each kind of source. The first one selects the kind in errors.
const KINDS: [&[&str]; 3] = [
    &["profile", "source_profile"],
    &[
        "sso_session",
        "sso_start_url",
        "sso_region",
        "sso_role_name",
        "sso_account_id",
    ],
    &["web_identity", "web_identity_audience"],
];

/// Where the first credentials of an identity come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceSettings {
    /// A profile of `~/.aws/config`.
    Profile(String),
    Sso(SsoSettings),
    /// The first role is assumed with this token.
    WebIdentity(WebIdentitySettings),
}

/// A role of IAM Identity Center, for a sign-in without a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SsoSettings {
    pub sign_in: SsoSignIn,
    pub role_name: String,
    /// `None`: the registry's account.
    pub account_id: Option<AccountId>,
}

impl SsoSettings {
    /// The name of the `[sso-session]`, if it names one.
    pub fn session(&self) -> Option<&str> {
        match &self.sign_in {
            SsoSignIn::Session(name) => Some(name),
            SsoSignIn::StartUrl { .. } => None,
        }
    }
}

/// What the user signs in to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SsoSignIn {
    /// An `[sso-session]` of `~/.aws/config`.
    Session(String),
    StartUrl {
        url: StartUrl,
        region: Region,
    },
}

/// The token of a web identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebIdentitySettings {
    /// The token that GitHub issues to the job, with this audience.
    GitHub {
        audience: String,
    },
    /// The value of a variable.
    Variable(String),
    File(PathBuf),
}

impl SourceSettings {
    /// Reads the source of a table; `None` if it has none. Mistakes are recorded in `section`.
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        // Each `get` reads all rules, of which there may be a thousand, and most have only a profile.
        if !section.has_key_with(&["sso_", "web_identity"]) {
            return section.keep_some(read_profile(section)).map(Self::Profile);
        }
        section.keep(check_one_kind(section))?;
        let profile = section.keep_some(read_profile(section));
        let sso = section.keep_some(SsoSettings::read(section));
        let web_identity = section.keep_some(WebIdentitySettings::read(section));
        profile
            .map(Self::Profile)
            .or(sso.map(Self::Sso))
            .or(web_identity.map(Self::WebIdentity))
    }

    /// Refuses settings of roles that contradict the source.
    pub(super) fn check_roles(
        &self,
        section: &Section<'_>,
        roles: usize,
    ) -> Result<(), ConfigError> {
        let Self::WebIdentity(_) = self else {
            return Ok(());
        };
        if roles == 0 {
            return Err(section.error("web_identity", Problem::WebIdentityWithoutRole));
        }
        // `AssumeRoleWithWebIdentity` takes neither. A later role of a chain takes an external ID.
        let refused = [("mfa_serial", true), ("external_id", roles == 1)];
        match refused
            .iter()
            .find(|(key, is_refused)| *is_refused && section.has(key))
        {
            Some((key, _)) => Err(section.error(key, Problem::NotWithWebIdentity)),
            None => Ok(()),
        }
    }

    /// Whether it depends on the registry's account.
    pub(super) fn has_account(&self) -> bool {
        matches!(self, Self::Sso(sso) if sso.account_id.is_none())
    }

    pub(super) fn region(&self) -> Option<&Region> {
        match self {
            Self::Sso(SsoSettings {
                sign_in: SsoSignIn::StartUrl { region, .. },
                ..
            }) => Some(region),
            _ => None,
        }
    }

    /// The source for a registry of this account.
    ///
    /// # Errors
    /// If it requires an account and there is none, as for public ECR.
    pub(super) fn expand(&self, account: Option<&AccountId>) -> Result<Self, Problem> {
        let mut source = self.clone();
        if let Self::Sso(sso) = &mut source {
            let account = sso.account_id.as_ref().or(account);
            sso.account_id = Some(account.ok_or(Problem::SsoAccountOfPublic)?.clone());
        }
        Ok(source)
    }

    pub fn profile(&self) -> Option<&str> {
        match self {
            Self::Profile(profile) => Some(profile),
            Self::Sso(_) | Self::WebIdentity(_) => None,
        }
    }
}

impl fmt::Display for SourceSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Profile(profile) => write!(f, "profile {profile}"),
            Self::Sso(SsoSettings {
                sign_in,
                role_name,
                account_id,
            }) => {
                write!(f, "the SSO role {role_name} in ")?;
                match account_id {
                    Some(account) => write!(f, "account {account}")?,
                    None => f.write_str("the registry's account")?,
                }
                match sign_in {
                    SsoSignIn::Session(session) => write!(f, " through session {session}"),
                    SsoSignIn::StartUrl { url, .. } => write!(f, " through {url}"),
                }
            }
            Self::WebIdentity(WebIdentitySettings::GitHub { .. }) => {
                f.write_str("the web identity token from GitHub")
            }
            Self::WebIdentity(WebIdentitySettings::Variable(name)) => {
                write!(f, "the web identity token in {name}")
            }
            Self::WebIdentity(WebIdentitySettings::File(path)) => {
                write!(f, "the web identity token {}", path.display())
            }
        }
    }
}

/// Refuses keys of two kinds of sources.
fn check_one_kind(section: &Section<'_>) -> Result<(), ConfigError> {
    let mut found = KINDS.iter().filter_map(|keys| {
        let key = keys.iter().find(|key| section.has(key));
        key.copied()
    });
    match (found.next(), found.next()) {
        (Some(other), Some(key)) => Err(section.error(key, Problem::TwoSources { other })),
        _ => Ok(()),
    }
}

/// `source_profile` is another name for `profile`: `~/.aws/config` has it for profiles with a role.
fn read_profile(section: &Section<'_>) -> Result<Option<String>, ConfigError> {
    if section.has("profile") && section.has("source_profile") {
        return Err(section.error("source_profile", Problem::TwoProfiles));
    }
    let profile = match section.text("profile")? {
        None => section.text("source_profile")?,
        profile => profile,
    };
    Ok(profile.map(|text| text.text.to_owned()))
}

impl SsoSettings {
    fn read(section: &Section<'_>) -> Result<Option<Self>, ConfigError> {
        let sign_in = SsoSignIn::read(section)?;
        let role_name = section.parsed::<SsoRoleName>("sso_role_name")?;
        let account_id = section.parsed("sso_account_id")?;
        let Some(sign_in) = sign_in else {
            let keys = ["sso_region", "sso_role_name", "sso_account_id"];
            return match keys.iter().find(|key| section.has(key)) {
                Some(key) => Err(section.error(key, Problem::WithoutSignIn)),
                None => Ok(None),
            };
        };
        match role_name {
            Some(SsoRoleName(role_name)) => Ok(Some(Self {
                sign_in,
                role_name,
                account_id,
            })),
            None => Err(section.error("sso_role_name", Problem::MissingSsoRole)),
        }
    }
}

impl SsoSignIn {
    fn read(section: &Section<'_>) -> Result<Option<Self>, ConfigError> {
        if let Some(session) = section.text("sso_session")? {
            let others = ["sso_start_url", "sso_region"];
            return match others.iter().find(|key| section.has(key)) {
                Some(key) => Err(section.error(key, Problem::SetBySession)),
                None => Ok(Some(Self::Session(session.text.to_owned()))),
            };
        }
        let Some(url) = section.parsed("sso_start_url")? else {
            return Ok(None);
        };
        match section.parsed("sso_region")? {
            Some(region) => Ok(Some(Self::StartUrl { url, region })),
            None => Err(section.error("sso_region", Problem::MissingSsoRegion)),
        }
    }
}

impl WebIdentitySettings {
    fn read(section: &Section<'_>) -> Result<Option<Self>, ConfigError> {
        let mut read = section.parsed::<Self>("web_identity")?;
        let Some(text) = section.text("web_identity_audience")? else {
            return Ok(read);
        };
        match &mut read {
            Some(Self::GitHub { audience }) => text.text.clone_into(audience),
            _ => return Err(section.error("web_identity_audience", Problem::AudienceOfGitHub)),
        }
        Ok(read)
    }
}

impl FromStr for WebIdentitySettings {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        if text == "github" {
            let audience = DEFAULT_AUDIENCE.to_owned();
            return Ok(Self::GitHub { audience });
        }
        match text.strip_prefix("env:") {
            Some(name) if is_variable_name(name) => Ok(Self::Variable(name.to_owned())),
            None if Path::new(text).is_absolute() => Ok(Self::File(text.into())),
            _ => Err(Problem::WebIdentity(text.to_owned())),
        }
    }
}

fn is_variable_name(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !text.is_empty() && text.bytes().all(is_word) && !text.starts_with(|c: char| c.is_ascii_digit())
}

/// The start URL of IAM Identity Center. The name of the sign-in's file is its digest, so it is
/// kept as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartUrl(String);

impl StartUrl {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StartUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown_url(&self.0))
    }
}

impl FromStr for StartUrl {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        match HttpUrl::parse(text) {
            Some(url) if url.is_https => Ok(Self(text.to_owned())),
            _ => Err(Problem::StartUrl(shown_url(text))),
        }
    }
}

struct SsoRoleName(String);

impl FromStr for SsoRoleName {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        if is_role_name(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Problem::SsoRoleName(text.to_owned()))
        }
    }
}

/// Whether IAM allows it as the name of a role.
pub(crate) fn is_role_name(text: &str) -> bool {
    let in_names = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
    (1..=64).contains(&text.len()) && text.bytes().all(in_names)
}
