//! A profile taken apart: which source it draws on, and which roles lie on top.
//!
//! The rules are the AWS CLI's (botocore 1.43, `credentials.py`: `AssumeRoleProvider`, and the
//! providers of `ProfileProviderBuilder` in their order). A differential test holds them to it.

#[cfg(test)]
mod tests;

use crate::config::parse_external_id;
use crate::env::Env;
use crate::registry::MfaDevice;
use crate::secret::Secret;

use super::Role;
use super::aws_files::{AwsFiles, Profile};
use super::error::{EnvironmentError, ProfileError};
use super::source::{Container, InstanceMetadata, Keys, Login, Process, Source, Sso, WebIdentity};

/// Whether variables may name a part of a profile's web identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WebIdentityVariables {
    /// As in the AWS CLI without `--profile`.
    Read,
    /// As in the AWS CLI with `--profile`, and for every `source_profile`.
    Ignored,
}

/// Follows a profile to its source; `None` if it names none.
pub(super) fn resolve(
    first: &Profile<'_>,
    files: &AwsFiles,
    env: &Env,
    variables: WebIdentityVariables,
) -> Result<Option<(Source, Vec<Role>)>, ProfileError> {
    let mut source_profiles: Vec<Profile<'_>> = Vec::new();
    let mut roles = Vec::new();
    let source = loop {
        let profile = source_profiles.last().unwrap_or(first);
        let is_first = source_profiles.is_empty();
        let role_arn = profile
            .get("role_arn")
            // A web identity's role is the source itself, not a role on top of it.
            .filter(|_| profile.get("web_identity_token_file").is_none())
            // Of a source profile, keys come before a role.
            .filter(|_| is_first || !has_keys(profile));
        let Some(role_arn) = role_arn else {
            let variables = if is_first {
                variables
            } else {
                WebIdentityVariables::Ignored
            };
            match own_source(profile, files, env, variables)? {
                Some(source) => break source,
                None if is_first => return Ok(None),
                None => {
                    return Err(ProfileError::NoCredentials {
                        profile: profile.name().to_owned(),
                    });
                }
            }
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
            (None, Some(source)) => break credential_source(profile, source, env)?,
            (Some(name), None) => {
                let chain: Vec<&str> = std::iter::once(first)
                    .chain(&source_profiles)
                    .map(Profile::name)
                    .collect();
                let next = source_profile(&chain, name, files)?;
                source_profiles.push(next);
            }
        }
    };
    roles.reverse();
    Ok(Some((source, roles)))
}

/// The profile that the last one of a chain names as its source. It may be itself, if it has keys.
fn source_profile<'a>(
    chain: &[&str],
    name: &str,
    files: &'a AwsFiles,
) -> Result<Profile<'a>, ProfileError> {
    let by = chain.last().copied();
    let next = files
        .profile(name)
        .ok_or_else(|| missing(name, by, files))?;
    let is_itself = by == Some(name) && has_keys(&next);
    if chain.contains(&name) && !is_itself {
        let circle = [chain, &[name]].concat().join(" → ");
        return Err(ProfileError::Circular {
            profile: chain.first().copied().unwrap_or(name).to_owned(),
            circle,
        });
    }
    Ok(next)
}

/// No file has a profile of this name, which the profile `by` refers to.
pub(super) fn missing(name: &str, by: Option<&str>, files: &AwsFiles) -> ProfileError {
    ProfileError::Missing {
        profile: name.to_owned(),
        by: by.map(str::to_owned),
        files: files.places(),
    }
}

/// Whether a profile has a key, or half of one.
fn has_keys(profile: &Profile<'_>) -> bool {
    ["aws_access_key_id", "aws_secret_access_key"]
        .iter()
        .any(|key| profile.get(key).is_some())
}

fn role(profile: &Profile<'_>, role_arn: &str) -> Result<Role, ProfileError> {
    Ok(Role {
        arn: ProfileError::parse(profile, "role_arn", role_arn)?,
        external_id: external_id(profile)?,
        session_name: ProfileError::session_name(profile)?,
        duration: ProfileError::duration(profile)?,
        mfa_device: mfa_device(profile)?,
    })
}

/// The rules are those of `external_id` in config.toml. AWS repeats a value that it refuses.
fn external_id(profile: &Profile<'_>) -> Result<Option<Secret>, ProfileError> {
    let id = profile
        .get("external_id")
        .map(parse_external_id)
        .transpose();
    id.map_err(|problem| ProfileError::malformed(profile, "external_id", format!("it {problem}")))
}

fn mfa_device(profile: &Profile<'_>) -> Result<Option<MfaDevice>, ProfileError> {
    let device = profile.get("mfa_serial");
    device
        .map(|device| ProfileError::parse(profile, "mfa_serial", device))
        .transpose()
}

/// The source that a profile names itself, the AWS CLI's order.
fn own_source(
    profile: &Profile<'_>,
    files: &AwsFiles,
    env: &Env,
    variables: WebIdentityVariables,
) -> Result<Option<Source>, ProfileError> {
    let env_of_web_identity = (variables == WebIdentityVariables::Read).then_some(env);
    if let Some(web) = WebIdentity::from_settings(profile, env_of_web_identity)? {
        return Ok(Some(Source::WebIdentity(web)));
    }
    if let Some(sso) = Sso::from_profile(profile, files)? {
        return Ok(Some(Source::Sso(sso)));
    }
    if let Some(keys) = Keys::from_settings(profile, &profile.credentials)? {
        return Ok(Some(Source::Keys(keys)));
    }
    if let Some(login) = Login::from_profile(profile, env)? {
        return Ok(Some(Source::Login(login)));
    }
    if let Some(process) = Process::from_profile(profile)? {
        return Ok(Some(Source::Process(process)));
    }
    let keys = Keys::from_settings(profile, &profile.config)?;
    Ok(keys.map(Source::Keys))
}

fn credential_source(profile: &Profile<'_>, name: &str, env: &Env) -> Result<Source, ProfileError> {
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
        "ec2instancemetadata" => InstanceMetadata::from_settings(env, profile)
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
