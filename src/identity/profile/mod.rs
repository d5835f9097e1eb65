//! A profile taken apart: which source it draws on, and which roles lie on top.
//!
//! The rules are the SDK's (aws-config 1.13, `profile/credentials/repr.rs`), and a differential
//! test holds them to it. Where the SDK would go on to another source in silence (a misspelled
//! name, half an SSO profile), this is an error.

#[cfg(test)]
mod tests;

use std::str::FromStr;
use std::time::Duration;

use aws_config::profile::Profile;

use crate::config::parse_external_id;
use crate::env::{Env, var};
use crate::registry::{AccountId, MfaDevice, ParseError, Region, RoleArn};
use crate::secret::Secret;

use super::aws_files::AwsFiles;
use super::source::{Keys, Source, Sso, WebIdentity};
use super::{Role, environment};

/// Why a profile gives no credentials. Every message names the profile.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ProfileError {
    /// There is no such profile.
    #[error("the AWS profile `{profile}`{} does not exist in {files}", referenced(.by))]
    Missing {
        /// The profile's name.
        profile: String,
        /// The profile whose `source_profile` names it.
        by: Option<String>,
        /// Where it was looked for.
        files: String,
    },
    /// There is a profile, and nothing in it says who it is.
    #[error(
        "the AWS profile `{profile}` holds no credentials: neither keys nor a role, SSO, aws login, a web identity or a credential_process"
    )]
    NoCredentials {
        /// The profile's name.
        profile: String,
    },
    /// Something is there, and something that belongs to it is not.
    #[error("the AWS profile `{profile}` is incomplete: {what}")]
    Incomplete {
        /// The profile's name.
        profile: String,
        /// What is missing or contradicts itself.
        what: String,
    },
    /// `source_profile` leads in a circle.
    #[error("the AWS profile `{profile}` goes in a circle by its source_profile: {circle}")]
    Circular {
        /// The profile that began it.
        profile: String,
        /// `a → b → a`.
        circle: String,
    },
    /// A role ARN, an external id, a duration or an MFA device that is not one.
    #[error("the AWS profile `{profile}` has a wrong {key}: {why}")]
    Malformed {
        /// The profile's name.
        profile: String,
        /// The setting.
        key: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

fn referenced(by: &Option<String>) -> String {
    by.as_ref()
        .map(|by| format!(", which `{by}` names as its source_profile,"))
        .unwrap_or_default()
}

/// Follows a profile to its source.
pub(super) fn resolve(
    name: &str,
    files: &AwsFiles,
    env: &Env,
) -> Result<(Source, Vec<Role>), ProfileError> {
    let mut visited: Vec<&str> = Vec::new();
    let mut roles = Vec::new();
    let mut next = name;
    let source = loop {
        let profile = files.profile(next).ok_or_else(|| {
            let (config, credentials) = files.paths();
            ProfileError::Missing {
                profile: next.to_owned(),
                by: visited.last().map(|by| (*by).to_owned()),
                files: format!("{} and {}", config.display(), credentials.display()),
            }
        })?;
        if visited.contains(&next) {
            let mut circle = visited.join(" → ");
            circle.push_str(" → ");
            circle.push_str(next);
            return Err(ProfileError::Circular {
                profile: name.to_owned(),
                circle,
            });
        }
        visited.push(next);
        // Behind the first profile, keys come before a role.
        if visited.len() > 1
            && let Some(keys) = keys(profile)?
        {
            break Source::Keys(keys);
        }
        // A web identity's role is the source itself, not a role on top of it.
        let role_arn = profile
            .get("role_arn")
            .filter(|_| profile.get("web_identity_token_file").is_none());
        let Some(role_arn) = role_arn else {
            break base(profile, files, env)?;
        };
        roles.push(role(profile, role_arn)?);
        match (
            profile.get("source_profile"),
            profile.get("credential_source"),
        ) {
            (Some(_), Some(_)) => {
                return Err(incomplete(
                    profile,
                    "it has both source_profile and credential_source, and only one can be meant",
                ));
            }
            (None, None) => {
                return Err(incomplete(
                    profile,
                    "role_arn needs a source_profile or a credential_source beside it",
                ));
            }
            (Some(source), None) if source != profile.name() => next = source,
            _ => break base(profile, files, env)?,
        }
    };
    roles.reverse();
    Ok((source, roles))
}

/// Whether a profile says anything about credentials. The default profile often holds a region
/// only, and then the next source has its turn.
pub(super) fn names_credentials(profile: &Profile) -> bool {
    const KEYS: [&str; 13] = [
        "role_arn",
        "credential_source",
        "web_identity_token_file",
        "sso_session",
        "sso_account_id",
        "sso_role_name",
        "sso_start_url",
        "sso_region",
        "login_session",
        "credential_process",
        "aws_access_key_id",
        "aws_secret_access_key",
        "aws_session_token",
    ];
    KEYS.iter().any(|key| profile.get(key).is_some())
}

fn incomplete(profile: &Profile, what: impl Into<String>) -> ProfileError {
    ProfileError::Incomplete {
        profile: profile.name().to_owned(),
        what: what.into(),
    }
}

fn role(profile: &Profile, role_arn: &str) -> Result<Role, ProfileError> {
    Ok(Role {
        arn: parse_role_arn(profile, role_arn)?,
        external_id: external_id(profile)?,
        session_name: profile.get("role_session_name").map(str::to_owned),
        duration: duration(profile)?,
        mfa_device: mfa_device(profile)?,
    })
}

/// The rules are those of `external_id` in config.toml. AWS repeats a value that it refuses.
fn external_id(profile: &Profile) -> Result<Option<Secret>, ProfileError> {
    let id = profile
        .get("external_id")
        .map(parse_external_id)
        .transpose();
    id.map_err(|problem| ProfileError::Malformed {
        profile: profile.name().to_owned(),
        key: "external_id",
        why: format!("it {problem}"),
    })
}

fn mfa_device(profile: &Profile) -> Result<Option<MfaDevice>, ProfileError> {
    let device = profile.get("mfa_serial").map(str::parse).transpose();
    device.map_err(|error: ParseError| ProfileError::Malformed {
        profile: profile.name().to_owned(),
        key: "mfa_serial",
        why: error.to_string(),
    })
}

/// The limits are STS's, for `DurationSeconds`.
fn duration(profile: &Profile) -> Result<Option<Duration>, ProfileError> {
    let Some(text) = profile.get("duration_seconds") else {
        return Ok(None);
    };
    match text.parse() {
        Ok(seconds @ 900..=43_200) => Ok(Some(Duration::from_secs(seconds))),
        _ => Err(ProfileError::Malformed {
            profile: profile.name().to_owned(),
            key: "duration_seconds",
            why: format!("`{text}` is not a number of seconds from 900 to 43200"),
        }),
    }
}

fn parse_role_arn(profile: &Profile, text: &str) -> Result<RoleArn, ProfileError> {
    text.parse().map_err(|error| ProfileError::Malformed {
        profile: profile.name().to_owned(),
        key: "role_arn",
        why: format!("{error}"),
    })
}

/// What the SDK's provider for SSO reads itself.
const READ_FOR_SSO: [&str; 3] = [
    var::AWS_ENDPOINT_URL,
    var::AWS_ENDPOINT_URL_SSO,
    var::AWS_ENDPOINT_URL_SSO_OIDC,
];

/// What the SDK's provider for `aws login` reads itself.
const READ_FOR_LOGIN: [&str; 3] = [
    var::AWS_ENDPOINT_URL,
    var::AWS_ENDPOINT_URL_SIGNIN,
    var::AWS_LOGIN_CACHE_DIRECTORY,
];

fn refuse_blank(profile: &Profile, env: &Env, names: &[&'static str]) -> Result<(), ProfileError> {
    environment::refuse_blank(env, names).map_err(|error| incomplete(profile, error.to_string()))
}

/// Checks what the SDK would put into a host name or into the path of a request as it is.
fn check<T: FromStr<Err = ParseError>>(
    profile: &Profile,
    key: &'static str,
    text: &str,
) -> Result<(), ProfileError> {
    match text.parse::<T>() {
        Ok(_) => Ok(()),
        Err(error) => Err(malformed(profile, key, error.to_string())),
    }
}

fn malformed(profile: &Profile, key: &'static str, why: String) -> ProfileError {
    ProfileError::Malformed {
        profile: profile.name().to_owned(),
        key,
        why,
    }
}

/// The source that a profile names itself, in the SDK's order.
fn base(profile: &Profile, files: &AwsFiles, env: &Env) -> Result<Source, ProfileError> {
    if let Some(source) = profile.get("credential_source") {
        return credential_source(profile, source, env);
    }
    if let Some(token_file) = profile.get("web_identity_token_file") {
        let role_arn = profile.get("role_arn").ok_or_else(|| {
            incomplete(
                profile,
                "web_identity_token_file needs a role_arn beside it",
            )
        })?;
        return Ok(Source::WebIdentity(WebIdentity {
            token_file: token_file.into(),
            role_arn: parse_role_arn(profile, role_arn)?,
            session_name: profile.get("role_session_name").map(str::to_owned),
            duration: duration(profile)?,
        }));
    }
    if let Some(sso) = sso(profile, files)? {
        refuse_blank(profile, env, &READ_FOR_SSO)?;
        return Ok(Source::Sso(sso));
    }
    if let Some(session_arn) = profile.get("login_session") {
        refuse_blank(profile, env, &READ_FOR_LOGIN)?;
        if let Some(region) = profile.get("region") {
            check::<Region>(profile, "region", region)?;
        }
        return Ok(Source::Login {
            profile: profile.name().to_owned(),
            session_arn: session_arn.to_owned(),
            region: profile.get("region").map(str::to_owned),
        });
    }
    if let Some(command) = profile.get("credential_process") {
        return Ok(Source::Process {
            command: Secret::new(command),
        });
    }
    keys(profile)?
        .map(Source::Keys)
        .ok_or_else(|| ProfileError::NoCredentials {
            profile: profile.name().to_owned(),
        })
}

fn credential_source(profile: &Profile, name: &str, env: &Env) -> Result<Source, ProfileError> {
    let absent =
        |what: &str| incomplete(profile, format!("credential_source is {name}, and {what}"));
    // In any case, as the SDK and the AWS CLI take it.
    match name.to_ascii_lowercase().as_str() {
        "environment" => environment::keys(env)
            .map_err(|error| incomplete(profile, error.to_string()))?
            .map(Source::Keys)
            .ok_or_else(|| absent("AWS_ACCESS_KEY_ID is not set")),
        "ecscontainer" => environment::container(env)
            .map_err(|error| incomplete(profile, error.to_string()))?
            .map(Source::Container)
            .ok_or_else(|| absent("no AWS_CONTAINER_CREDENTIALS_… variable is set")),
        "ec2instancemetadata" => environment::instance_metadata(env, Some(profile))
            .map_err(|error| incomplete(profile, error.to_string()))?
            .ok_or_else(|| absent("AWS_EC2_METADATA_DISABLED is true")),
        _ => Err(incomplete(
            profile,
            format!(
                "credential_source is `{name}`; it can be Environment, Ec2InstanceMetadata or EcsContainer"
            ),
        )),
    }
}

fn sso(profile: &Profile, files: &AwsFiles) -> Result<Option<Sso>, ProfileError> {
    let get = |key| profile.get(key);
    let session = get("sso_session");
    let (mut start_url, mut region) = (get("sso_start_url"), get("sso_region"));
    let (account_id, role_name) = (get("sso_account_id"), get("sso_role_name"));
    if [session, start_url, region, account_id, role_name]
        .iter()
        .all(Option::is_none)
    {
        return Ok(None);
    }
    if let Some(session) = session {
        for (key, value) in [("sso_start_url", start_url), ("sso_region", region)] {
            if value.is_some() {
                return Err(incomplete(
                    profile,
                    format!("{key} belongs into [sso-session {session}], not beside sso_session"),
                ));
            }
        }
        let setting = |key| {
            files.sso_session(session, key).ok_or_else(|| {
                incomplete(
                    profile,
                    format!("there is no section [sso-session {session}]"),
                )
            })
        };
        start_url = setting("sso_start_url")?;
        region = setting("sso_region")?;
    }
    let required = |key: &str, value: Option<&str>| {
        value
            .map(str::to_owned)
            .ok_or_else(|| incomplete(profile, format!("{key} is missing")))
    };
    let sso = Sso {
        profile: profile.name().to_owned(),
        account_id: required("sso_account_id", account_id)?,
        role_name: required("sso_role_name", role_name)?,
        start_url: required("sso_start_url", start_url)?,
        region: required("sso_region", region)?,
        session: session.map(str::to_owned),
    };
    check::<AccountId>(profile, "sso_account_id", &sso.account_id)?;
    check::<Region>(profile, "sso_region", &sso.region)?;
    if !is_role_name(&sso.role_name) {
        let why = format!("`{}` is not the name of a role", sso.role_name);
        return Err(malformed(profile, "sso_role_name", why));
    }
    Ok(Some(sso))
}

/// Whether IAM allows it as the name of a role.
fn is_role_name(text: &str) -> bool {
    let in_names = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
    (1..=64).contains(&text.len()) && text.bytes().all(in_names)
}

fn keys(profile: &Profile) -> Result<Option<Keys>, ProfileError> {
    let get = |key| profile.get(key);
    let session_token = get("aws_session_token");
    match (get("aws_access_key_id"), get("aws_secret_access_key")) {
        (Some(access_key_id), Some(secret)) => Ok(Some(Keys {
            access_key_id: access_key_id.to_owned(),
            secret_access_key: Secret::new(secret),
            session_token: session_token.map(Secret::new),
        })),
        (None, None) if session_token.is_none() => Ok(None),
        (None, _) => Err(incomplete(profile, "aws_access_key_id is missing")),
        (_, None) => Err(incomplete(profile, "aws_secret_access_key is missing")),
    }
}
