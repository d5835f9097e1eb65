//! Why no identity can be determined, and what to do about it.

use std::borrow::Cow;
use std::str::FromStr;
use std::time::Duration;

use crate::config::{ConfigError, Origin, Problem};
use crate::env::{Env, var};
use crate::registry::{ParseError, Partition};

use super::aws_files::{AwsFilesError, Place, Profile};
use super::chosen_by::{ChosenBy, LayerName};
use super::misspelled::Misspelled;
use super::searched_files::SearchedFiles;
use super::source::{SsoSessionError, WebIdentityTokenError};

/// What to do if no credentials are found.
pub(crate) const SIGN_IN: &str = "Sign in with `aws sso login`, `aws login` or `aws configure`, or select a profile in config.toml or AWS_PROFILE";

/// Why no identity can be determined.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IdentityError {
    /// Nothing names any credentials.
    #[error(
        "no AWS credentials found: configuration, variables and the default profile have none, and instance metadata is disabled{}",
        .searched.remark()
    )]
    NotSignedIn {
        searched: SearchedFiles,
        /// The variables and files that do not count, and why.
        passed_over: Vec<Cow<'static, str>>,
    },
    /// The configuration's role template does not fit, or crosses partitions.
    #[error(transparent)]
    Config(ConfigError),
    #[error("{cause} (selected by {chosen_by})")]
    Profile {
        cause: ProfileError,
        chosen_by: ChosenBy,
        known: Vec<String>,
    },
    #[error(transparent)]
    Files(AwsFilesError),
    #[error(transparent)]
    Environment(EnvironmentError),
    /// The `sso_session` of a table of `config.toml`.
    #[error("[sso-session {session}] {cause} (selected by {chosen_by})")]
    SsoSession {
        session: String,
        cause: SsoSessionError,
        chosen_by: ChosenBy,
    },
    /// The `web_identity` of a table of `config.toml`.
    #[error("{cause} (selected by {chosen_by})")]
    WebIdentity {
        cause: WebIdentityTokenError,
        chosen_by: ChosenBy,
    },
    /// The name that the program was called by is neither an identity nor a profile.
    #[error(
        "called as docker-credential-ecrx-{name}, but neither [identity.{name}] in config.toml nor an AWS profile `{name}` in {files} exists"
    )]
    Name {
        /// The part after `docker-credential-ecrx-`.
        name: String,
        /// Where profiles were looked for.
        files: String,
        /// The identities that do exist.
        identities: Vec<String>,
        profiles: Vec<String>,
    },
    #[error("the variable {variable}: {problem}")]
    Variable {
        variable: String,
        /// What is wrong with its value.
        problem: Problem,
    },
    /// The name of an `ECRX_*` variable.
    #[error("{0}")]
    Misspelled(Misspelled),
    /// A role, sign-in or profile of another partition than the registry.
    #[error(
        "{what} is in the partition {theirs}, but the registry {registry} is in {ours}; roles, keys and tokens work only in their own partition (selected by {chosen_by})"
    )]
    Partition {
        /// The role, sign-in or profile.
        what: String,
        theirs: Partition,
        registry: String,
        /// The registry's partition.
        ours: Partition,
        chosen_by: ChosenBy,
    },
    /// A rule limits the tokens, but the credentials are not those of a role that is assumed.
    #[error(
        "access = \"{word}\" at {origin} needs a role, but no role is assumed: the credentials are those of {credentials} (selected by {chosen_by})"
    )]
    AccessWithoutRole {
        /// The place of the rule.
        origin: Origin,
        word: &'static str,
        /// The credential source.
        credentials: String,
        chosen_by: ChosenBy,
    },
    /// An endpoint of another partition than the registry.
    #[error(
        "the endpoint {url} is in the partition {theirs}, but the registry {registry} is in {ours}; keys and tokens work only in their own partition"
    )]
    EndpointPartition {
        /// What was given, by a rule, a variable or a profile.
        url: String,
        theirs: Partition,
        registry: String,
        /// The registry's partition.
        ours: Partition,
    },
    /// An endpoint that is no URL.
    #[error(
        "the endpoint `{url}` from {from} is invalid: expected a URL such as https://HOST or http://HOST:PORT"
    )]
    EndpointUrl { url: String, from: String },
}

impl IdentityError {
    pub(crate) fn hints(&self) -> Vec<String> {
        match self {
            IdentityError::NotSignedIn { searched, passed_over } => {
                let mut hints = vec![SIGN_IN.to_owned()];
                hints.extend(searched.hints());
                if !passed_over.is_empty() {
                    hints.push(format!("Not used: {}", passed_over.join(", ")));
                }
                hints
            }
            IdentityError::Profile { cause: ProfileError::Missing { profile, .. }, known, .. } => {
                let mut hints = vec!["To list the profiles, run: aws configure list-profiles".to_owned()];
                hints.extend(quoted_header(profile));
                hints.extend(list_known("profiles", known));
                hints
            }
            IdentityError::Name { name, identities, profiles, .. } => {
                let mut hints = vec![
                    "Correct the name in the client's configuration, or define the identity in config.toml".to_owned(),
                ];
                hints.extend(quoted_header(name));
                hints.extend(list_known("identities", identities));
                hints.extend(list_known("profiles", profiles));
                hints
            }
            IdentityError::Misspelled(misspelled) => vec![misspelled.hint()],
            IdentityError::Files(error) => error.hints(),
            IdentityError::SsoSession { .. } => {
                vec!["To add or correct the session, run: aws configure sso-session".to_owned()]
            }
            IdentityError::WebIdentity { cause, .. } => vec![cause.hint()],
            IdentityError::Partition { ours, chosen_by, .. } => vec![match chosen_by.layer() {
                // These come before every rule.
                LayerName::Name => "Set another helper for this registry in the client's configuration (credHelpers)".to_owned(),
                LayerName::EcrxVariables => single_account_hint(),
                LayerName::Workload => format!(
                    "Set the annotation to a role in the registry's partition ({ours})"
                ),
                LayerName::Rules | LayerName::AwsVariables | LayerName::Defaults | LayerName::Sdk => format!(
                    "Add a rule for the registry's partition to config.toml, for example match = \"{ours}\""
                ),
            }],
            IdentityError::AccessWithoutRole { .. } => vec![
                "Add role_arn to the rule, or select a profile with role_arn: AWS limits only the session of an assumed role".to_owned(),
            ],
            IdentityError::EndpointPartition { theirs, .. } => vec![format!(
                "Set the endpoint only in a config.toml rule for its partition, for example match = \"{theirs}\""
            )],
            // Their messages say what to do.
            IdentityError::Config(_)
            | IdentityError::Profile { .. }
            | IdentityError::Environment(_)
            | IdentityError::Variable { .. }
            | IdentityError::EndpointUrl { .. } => Vec::new(),
        }
    }
}

/// The AWS CLI passes over a section whose header has more than two words.
fn quoted_header(name: &str) -> Option<String> {
    let has_space = name.contains(char::is_whitespace);
    has_space.then(|| {
        format!(r#"In ~/.aws/config, a name with spaces needs quotes: [profile "{name}"]"#)
    })
}

fn single_account_hint() -> String {
    "Set ECRX_PROFILE_<account> and ECRX_ROLE_ARN_<account> for single accounts instead, or use rules in config.toml".to_owned()
}

fn list_known(what: &str, names: &[String]) -> Option<String> {
    (!names.is_empty()).then(|| format!("Known {what}: {}", names.join(", ")))
}

/// Why a profile gives no credentials. Every message names the profile.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum ProfileError {
    #[error("the AWS profile `{profile}`{} does not exist in {files}", referenced(.by))]
    Missing {
        profile: String,
        /// The profile whose `source_profile` names it.
        by: Option<String>,
        /// Where it was looked for.
        files: String,
    },
    /// The profile exists but has no credentials.
    #[error(
        "the AWS profile `{profile}` has no credentials: it sets no keys, role, SSO, aws login, web identity or credential_process"
    )]
    NoCredentials { profile: String },
    /// The profile has one setting without another that is required with it.
    #[error("the AWS profile `{profile}`{} is incomplete: {what}", at(.place))]
    Incomplete {
        profile: String,
        place: Option<Place>,
        /// What is missing or contradicts itself.
        what: String,
    },
    /// A variable that a profile's web identity draws on.
    #[error(transparent)]
    Environment(EnvironmentError),
    /// `source_profile` leads in a circle.
    #[error("the AWS profile `{profile}` has a circular source_profile chain: {circle}")]
    Circular {
        /// The profile that began it.
        profile: String,
        /// `a → b → a`.
        circle: String,
    },
    /// A role ARN, an external id, a duration or an MFA device that is not one.
    #[error("the AWS profile `{profile}`{} has an invalid {key}: {why}", at(.place))]
    Malformed {
        profile: String,
        place: Option<Place>,
        key: &'static str,
        why: String,
    },
}

fn at(place: &Option<Place>) -> String {
    place
        .as_ref()
        .map(|place| format!(" ({place})"))
        .unwrap_or_default()
}

fn referenced(by: &Option<String>) -> String {
    by.as_ref()
        .map(|by| format!(" (source_profile of `{by}`)"))
        .unwrap_or_default()
}

impl ProfileError {
    pub(super) fn incomplete(profile: &Profile<'_>, what: impl Into<String>) -> Self {
        Self::Incomplete {
            profile: profile.name().to_owned(),
            place: profile.place(),
            what: what.into(),
        }
    }

    pub(super) fn malformed(
        profile: &Profile<'_>,
        key: &'static str,
        why: impl Into<String>,
    ) -> Self {
        Self::Malformed {
            profile: profile.name().to_owned(),
            place: profile.place_of(key),
            key,
            why: why.into(),
        }
    }

    /// Reads a setting of a profile.
    pub(super) fn parse<T: FromStr<Err = ParseError>>(
        profile: &Profile<'_>,
        key: &'static str,
        text: &str,
    ) -> Result<T, Self> {
        text.parse()
            .map_err(|error: ParseError| Self::malformed(profile, key, error.to_string()))
    }

    /// Checks what the SDK would put into a host name or into the path of a request as it is.
    pub(super) fn check<T: FromStr<Err = ParseError>>(
        profile: &Profile<'_>,
        key: &'static str,
        text: &str,
    ) -> Result<(), Self> {
        Self::parse::<T>(profile, key, text).map(|_| ())
    }

    pub(super) fn refuse_blank(
        profile: &Profile<'_>,
        env: &Env,
        names: &[&'static str],
    ) -> Result<(), Self> {
        refuse_blank(env, names).map_err(|error| Self::incomplete(profile, error.to_string()))
    }

    /// Reads `duration_seconds`. The limits are STS's, for `DurationSeconds`. What is not a number
    /// counts for nothing, as in the AWS CLI.
    pub(super) fn duration(profile: &Profile<'_>) -> Result<Option<Duration>, Self> {
        let Some(text) = profile.get("duration_seconds") else {
            return Ok(None);
        };
        match text.parse::<i64>() {
            Ok(seconds @ 900..=43_200) => Ok(Some(Duration::from_secs(seconds.unsigned_abs()))),
            Ok(_) => {
                let why = format!("`{text}` is not a number of seconds from 900 to 43200");
                Err(Self::malformed(profile, "duration_seconds", why))
            }
            Err(_) => {
                let profile = profile.name();
                log::warn!(
                    "duration_seconds of the AWS profile `{profile}` is not used; it is not a number"
                );
                Ok(None)
            }
        }
    }

    /// Reads `role_session_name`; blank, it counts for nothing. The limit is STS's, for
    /// `RoleSessionName`.
    pub(super) fn session_name(profile: &Profile<'_>) -> Result<Option<String>, Self> {
        match profile.get("role_session_name") {
            Some("") => Ok(None),
            Some(name) if name.len() < 2 => Err(Self::malformed(
                profile,
                "role_session_name",
                "it has fewer than 2 characters",
            )),
            name => Ok(name.map(str::to_owned)),
        }
    }
}

/// Why variables that are set provide no credentials.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum EnvironmentError {
    #[error("{set} is set but {unset} is not; both are required")]
    Half {
        /// The variable that is set.
        set: &'static str,
        /// The variable that is not set.
        unset: &'static str,
    },
    #[error("{} is invalid", var::AWS_ROLE_ARN)]
    RoleArn(#[source] ParseError),
    /// The SDK reads it too, and takes it for a value.
    #[error("{0} is set but empty, which the AWS SDK does not treat as unset; unset it")]
    Blank(&'static str),
    /// The address of a credential endpoint is not one. It may hold secrets.
    #[error("{variable} is invalid: expected {expected}")]
    Address {
        /// The variable or profile setting.
        variable: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// The endpoint's mode is neither of the two.
    #[error("{variable} is `{value}`; expected IPv4 or IPv6")]
    EndpointMode {
        /// The variable or profile setting.
        variable: &'static str,
        value: String,
    },
    /// A count or a number of seconds is not one.
    #[error("{variable} is `{value}`; expected a whole number above 0")]
    Number {
        /// The variable or profile setting.
        variable: &'static str,
        value: String,
    },
}

/// Refuses variables that are set but blank, if the SDK reads them itself: it panics on an empty
/// URL (aws-smithy-types 1.9, `endpoint.rs`), and takes an empty path for the working folder.
pub(super) fn refuse_blank(env: &Env, names: &[&'static str]) -> Result<(), EnvironmentError> {
    match names.iter().find(|name| env.is_set_but_blank(name)) {
        Some(name) => Err(EnvironmentError::Blank(name)),
        None => Ok(()),
    }
}
