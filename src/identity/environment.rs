//! Credentials that `AWS_*` variables name.

use std::borrow::Cow;

use aws_config::profile::Profile;

use crate::config::UrlParts;
use crate::env::{Env, var};
use crate::registry::ParseError;
use crate::secret::Secret;

use super::source::{Container, Keys, Source, WebIdentity};

/// Why variables that are there name no credentials.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EnvironmentError {
    /// Half of a pair.
    #[error("{set} is set and {unset} is not: half of a pair gives no credentials")]
    Half {
        /// The one that is there.
        set: &'static str,
        /// The one that is not.
        unset: &'static str,
    },
    /// `AWS_ROLE_ARN` is no role ARN.
    #[error("{} is wrong", var::AWS_ROLE_ARN)]
    RoleArn(#[source] ParseError),
    /// The SDK reads it too, and takes it for a value.
    #[error("{0} is set but empty, which the AWS SDK does not take as unset: unset it")]
    Blank(&'static str),
    /// The address of a credential endpoint is not one. It may hold secrets.
    #[error("{variable} is wrong: expected {expected}")]
    Address {
        /// The variable or profile setting.
        variable: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// The endpoint's mode is neither of the two.
    #[error("{variable} is `{value}`; it can be IPv4 or IPv6")]
    EndpointMode {
        /// The variable or profile setting.
        variable: &'static str,
        /// What it says.
        value: String,
    },
}

/// The access key in the environment. The SDK goes on to the next source when it finds half of
/// it, and so to another principal; this is an error here.
pub(super) fn keys(env: &Env) -> Result<Option<Keys>, EnvironmentError> {
    let access_key_id = env.get(var::AWS_ACCESS_KEY_ID);
    let secret = env.get(var::AWS_SECRET_ACCESS_KEY).or_else(|| {
        env.get(var::SECRET_ACCESS_KEY)
            .filter(|_| access_key_id.is_some())
    });
    match (access_key_id, secret) {
        (Some(access_key_id), Some(secret)) => Ok(Some(Keys {
            access_key_id,
            secret_access_key: Secret::new(secret),
            session_token: env
                .get(var::AWS_SESSION_TOKEN)
                .map(|token| Secret::new(token.trim())),
        })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(EnvironmentError::Half {
            set: var::AWS_ACCESS_KEY_ID,
            unset: var::AWS_SECRET_ACCESS_KEY,
        }),
        (None, Some(_)) => Err(EnvironmentError::Half {
            set: var::AWS_SECRET_ACCESS_KEY,
            unset: var::AWS_ACCESS_KEY_ID,
        }),
    }
}

/// The web identity in the environment. `AWS_ROLE_ARN` alone is no half of anything: other
/// tools read it for other ends.
pub(super) fn web_identity(env: &Env) -> Result<Option<WebIdentity>, EnvironmentError> {
    let Some(token_file) = env.get_os(var::AWS_WEB_IDENTITY_TOKEN_FILE) else {
        return Ok(None);
    };
    let role_arn = env
        .get(var::AWS_ROLE_ARN)
        .ok_or(EnvironmentError::Half {
            set: var::AWS_WEB_IDENTITY_TOKEN_FILE,
            unset: var::AWS_ROLE_ARN,
        })?
        .parse()
        .map_err(EnvironmentError::RoleArn)?;
    Ok(Some(WebIdentity {
        token_file: token_file.into(),
        role_arn,
        session_name: env.get(var::AWS_ROLE_SESSION_NAME),
        duration: None,
    }))
}

/// The container endpoint in the environment.
pub(super) fn container(env: &Env) -> Result<Option<Container>, EnvironmentError> {
    let Some(uri) = container_uri(env)? else {
        return Ok(None);
    };
    refuse_blank(
        env,
        &[
            var::AWS_CONTAINER_CREDENTIALS_RELATIVE_URI,
            var::AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE,
        ],
    )?;
    Ok(Some(Container {
        uri,
        token_file: env.get(var::AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE),
        token: env
            .get(var::AWS_CONTAINER_AUTHORIZATION_TOKEN)
            .map(Secret::new),
    }))
}

/// The SDK panics on a URL without a scheme (aws-config 1.13, `ecs.rs`), and puts what is meant to
/// be a path right behind the name of a host.
fn container_uri(env: &Env) -> Result<Option<String>, EnvironmentError> {
    let is_uri = |text: &str| text.parse::<http::Uri>().is_ok();
    let (variable, expected, uri, is_right) =
        if let Some(path) = env.get(var::AWS_CONTAINER_CREDENTIALS_RELATIVE_URI) {
            let is_right = path.starts_with('/') && is_uri(&path);
            let expected = "a path that begins with /";
            let variable = var::AWS_CONTAINER_CREDENTIALS_RELATIVE_URI;
            (variable, expected, path, is_right)
        } else if let Some(url) = env.get(var::AWS_CONTAINER_CREDENTIALS_FULL_URI) {
            let is_right = UrlParts::parse(&url).is_some() && is_uri(&url);
            let expected = "a URL such as http://localhost:8080/credentials";
            let variable = var::AWS_CONTAINER_CREDENTIALS_FULL_URI;
            (variable, expected, url, is_right)
        } else {
            return Ok(None);
        };
    match is_right {
        true => Ok(Some(uri)),
        false => Err(EnvironmentError::Address { variable, expected }),
    }
}

/// Refuses variables that are set but blank, if the SDK reads them itself: it panics on an empty
/// URL (aws-smithy-types 1.9, `endpoint.rs`), and takes an empty path for the working folder.
pub(super) fn refuse_blank(env: &Env, names: &[&'static str]) -> Result<(), EnvironmentError> {
    match names.iter().find(|name| env.is_set_but_blank(name)) {
        Some(name) => Err(EnvironmentError::Blank(name)),
        None => Ok(()),
    }
}

/// A URL without its user part, which instance metadata does not ask for and does not mind.
fn without_user_part(url: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.into();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]).into(),
        None => url.into(),
    }
}

/// Instance metadata, unless it is switched off. Its addresses are in the EC2 user guide.
pub(super) fn instance_metadata(
    env: &Env,
    profile: Option<&Profile>,
) -> Result<Option<Source>, EnvironmentError> {
    if env.is_true(var::AWS_EC2_METADATA_DISABLED) {
        return Ok(None);
    }
    let setting = |variable: &'static str, key: &'static str| {
        env.get(variable)
            .map(|value| (variable, value))
            .or_else(|| {
                let value = profile?.get(key)?;
                Some((key, value.to_owned()))
            })
    };
    if let Some((variable, endpoint)) = setting(
        var::AWS_EC2_METADATA_SERVICE_ENDPOINT,
        "ec2_metadata_service_endpoint",
    ) {
        let endpoint = endpoint.trim();
        return match UrlParts::parse(&without_user_part(endpoint)) {
            Some(_) => Ok(Some(Source::InstanceMetadata {
                endpoint: endpoint.to_owned(),
            })),
            None => Err(EnvironmentError::Address {
                variable,
                expected: "a URL such as http://HOST:PORT",
            }),
        };
    }
    let mode = setting(
        var::AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE,
        "ec2_metadata_service_endpoint_mode",
    );
    let endpoint = match mode {
        None => "http://169.254.169.254",
        Some((_, mode)) if mode.trim().eq_ignore_ascii_case("ipv4") => "http://169.254.169.254",
        Some((_, mode)) if mode.trim().eq_ignore_ascii_case("ipv6") => "http://[fd00:ec2::254]",
        Some((variable, value)) => {
            return Err(EnvironmentError::EndpointMode { variable, value });
        }
    };
    Ok(Some(Source::InstanceMetadata {
        endpoint: endpoint.to_owned(),
    }))
}
