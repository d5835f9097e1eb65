//! A profile taken apart: which source it draws on, and which roles lie on top.
//!
//! The rules are the SDK's (aws-config 1.13, `profile/credentials/repr.rs`), and a differential
//! test holds them to it. Where the SDK would go on to another source in silence (a misspelled
//! name, half an SSO profile), this is an error.

#[cfg(test)]
mod tests;

use aws_config::profile::Profile;

use crate::config::parse_external_id;
use crate::env::Env;
use crate::registry::MfaDevice;
use crate::secret::Secret;

use super::Role;
use super::aws_files::AwsFiles;
use super::error::{EnvironmentError, ProfileError};
use super::source::{Container, InstanceMetadata, Keys, Login, Process, Source, Sso, WebIdentity};

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
            && let Some(keys) = Keys::from_profile(profile)?
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
                return Err(ProfileError::incomplete(
                    profile,
                    "it sets both source_profile and credential_source; only one is allowed",
                ));
            }
            (None, None) => {
                return Err(ProfileError::incomplete(
                    profile,
                    "role_arn requires a source_profile or a credential_source in the same profile",
                ));
            }
            (Some(source), None) if source != profile.name() => next = source,
            _ => break base(profile, files, env)?,
        }
    };
    roles.reverse();
    Ok((source, roles))
}

/// A kind of source that a profile can name by settings of its own.
struct ProfileSource {
    /// Those settings. The source is read from the same list, so that none is forgotten.
    settings: &'static [&'static str],
    read: ReadSource,
}

/// `None` if the profile does not name the source.
type ReadSource = fn(&Profile, &AwsFiles, &Env) -> Result<Option<Source>, ProfileError>;

/// In the SDK's order.
const SOURCES: [ProfileSource; 5] = [
    ProfileSource {
        settings: &WebIdentity::SETTINGS,
        read: |profile, _, _| Ok(WebIdentity::from_profile(profile)?.map(Source::WebIdentity)),
    },
    ProfileSource {
        settings: &Sso::SETTINGS,
        read: |profile, files, env| Ok(Sso::from_profile(profile, files, env)?.map(Source::Sso)),
    },
    ProfileSource {
        settings: &Login::SETTINGS,
        read: |profile, _, env| Ok(Login::from_profile(profile, env)?.map(Source::Login)),
    },
    ProfileSource {
        settings: &Process::SETTINGS,
        read: |profile, _, _| Ok(Process::from_profile(profile).map(Source::Process)),
    },
    ProfileSource {
        settings: &Keys::SETTINGS,
        read: |profile, _, _| Ok(Keys::from_profile(profile)?.map(Source::Keys)),
    },
];

/// Whether a profile says anything about credentials. The default profile often holds a region
/// only, and then the next source has its turn.
pub(super) fn names_credentials(profile: &Profile) -> bool {
    let is_set = |key: &&str| profile.get(key).is_some();
    ["role_arn", "credential_source"].iter().any(is_set)
        || SOURCES
            .iter()
            .any(|source| source.settings.iter().any(is_set))
}

fn role(profile: &Profile, role_arn: &str) -> Result<Role, ProfileError> {
    Ok(Role {
        arn: ProfileError::parse(profile, "role_arn", role_arn)?,
        external_id: external_id(profile)?,
        session_name: profile.get("role_session_name").map(str::to_owned),
        duration: ProfileError::duration(profile)?,
        mfa_device: mfa_device(profile)?,
    })
}

/// The rules are those of `external_id` in config.toml. AWS repeats a value that it refuses.
fn external_id(profile: &Profile) -> Result<Option<Secret>, ProfileError> {
    let id = profile
        .get("external_id")
        .map(parse_external_id)
        .transpose();
    id.map_err(|problem| ProfileError::malformed(profile, "external_id", format!("it {problem}")))
}

fn mfa_device(profile: &Profile) -> Result<Option<MfaDevice>, ProfileError> {
    let device = profile.get("mfa_serial");
    device
        .map(|device| ProfileError::parse(profile, "mfa_serial", device))
        .transpose()
}

/// The source that a profile names itself.
fn base(profile: &Profile, files: &AwsFiles, env: &Env) -> Result<Source, ProfileError> {
    if let Some(source) = profile.get("credential_source") {
        return credential_source(profile, source, env);
    }
    for source in &SOURCES {
        if let Some(source) = (source.read)(profile, files, env)? {
            return Ok(source);
        }
    }
    Err(ProfileError::NoCredentials {
        profile: profile.name().to_owned(),
    })
}

fn credential_source(profile: &Profile, name: &str, env: &Env) -> Result<Source, ProfileError> {
    let wrong = |error: EnvironmentError| ProfileError::incomplete(profile, error.to_string());
    let absent = |what: &str| {
        ProfileError::incomplete(profile, format!("credential_source is {name}, but {what}"))
    };
    // In any case, as the SDK and the AWS CLI take it.
    match name.to_ascii_lowercase().as_str() {
        "environment" => Keys::from_env(env)
            .map_err(wrong)?
            .map(Source::Keys)
            .ok_or_else(|| absent("AWS_ACCESS_KEY_ID is not set")),
        "ecscontainer" => Container::from_env(env)
            .map_err(wrong)?
            .map(Source::Container)
            .ok_or_else(|| absent("no AWS_CONTAINER_CREDENTIALS_… variable is set")),
        "ec2instancemetadata" => InstanceMetadata::from_settings(env, Some(profile))
            .map_err(wrong)?
            .map(Source::InstanceMetadata)
            .ok_or_else(|| absent("AWS_EC2_METADATA_DISABLED is true")),
        _ => Err(ProfileError::incomplete(
            profile,
            format!(
                "credential_source is `{name}`; expected Environment, Ec2InstanceMetadata or EcsContainer"
            ),
        )),
    }
}
