//! The instance profile of EC2, from instance metadata.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use crate::digest::DigestParts;
use crate::env::{Env, says_true, var};
use crate::identity::aws_files::Profile;
use crate::identity::error::EnvironmentError;
use crate::identity::local_state::{LocalState, machine};
use crate::net::{HttpUrl, Url};
use crate::redaction::{Redactor, shown_url};
use crate::registry::Partition;

use super::{CredentialSource, Lineage, Properties, Trouble, UNKNOWN_PRINCIPAL_MAX_AGE};

/// The hint where there is no instance metadata, or no role.
pub(crate) const ON_EC2: &str =
    "On EC2, attach a role to the instance; for containers, set the metadata hop limit to 2";

/// Where instance metadata is asked.
#[derive(Clone, Debug)]
pub(crate) struct InstanceMetadata {
    /// `http://…`, without a path.
    pub endpoint: String,
    /// Whether it may be asked without a session token (IMDSv1) if it gives none.
    pub version_1: bool,
    /// How long each response is waited for.
    pub timeout: Duration,
    /// How often each request is sent at most.
    pub attempts: u32,
}

impl InstanceMetadata {
    /// Instance metadata, unless it is switched off. Its addresses are in the EC2 user guide.
    pub(crate) fn from_settings(
        env: &Env,
        profile: &Profile<'_>,
    ) -> Result<Option<Self>, EnvironmentError> {
        if env.is_true(var::AWS_EC2_METADATA_DISABLED) {
            return Ok(None);
        }
        let setting = |variable: &'static str, key: &'static str| {
            env.get(variable)
                .map(|value| (variable, value))
                .or_else(|| Some((key, profile.get(key)?.to_owned())))
        };
        let version_1_disabled = setting(
            var::AWS_EC2_METADATA_V1_DISABLED,
            "ec2_metadata_v1_disabled",
        );
        let version_1 = !version_1_disabled.is_some_and(|(_, value)| says_true(&value));
        let number = |variable, key| match setting(variable, key) {
            None => Ok(1),
            Some((variable, value)) => match value.trim().parse() {
                Ok(number) if number > 0 => Ok(number),
                _ => Err(EnvironmentError::Number { variable, value }),
            },
        };
        let seconds = number(
            var::AWS_METADATA_SERVICE_TIMEOUT,
            "metadata_service_timeout",
        )?;
        let attempts = number(
            var::AWS_METADATA_SERVICE_NUM_ATTEMPTS,
            "metadata_service_num_attempts",
        )?;
        let at = |endpoint: &str| Self {
            endpoint: endpoint.to_owned(),
            version_1,
            timeout: Duration::from_secs(seconds.into()),
            attempts,
        };
        if let Some((variable, endpoint)) = setting(
            var::AWS_EC2_METADATA_SERVICE_ENDPOINT,
            "ec2_metadata_service_endpoint",
        ) {
            let endpoint = endpoint.trim();
            return match HttpUrl::parse(&without_user_part(endpoint)) {
                Some(_) => Ok(Some(at(endpoint))),
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
        Ok(Some(at(endpoint)))
    }
}

/// A URL without its user part, which instance metadata does not ask for and does not mind.
fn without_user_part(url: &str) -> Cow<'_, str> {
    match Url::split(url) {
        Some(parts) if parts.authority.user.is_some() => {
            let (scheme, address, after) = (parts.scheme, parts.authority.address, parts.after);
            format!("{scheme}://{address}{after}").into()
        }
        _ => url.into(),
    }
}

impl CredentialSource for InstanceMetadata {
    fn properties(&self) -> Properties<'_> {
        Properties {
            kind: "instance_metadata",
            remark: "",
            lineage: Lineage::Same,
            max_age: Some(UNKNOWN_PRINCIPAL_MAX_AGE),
            sign_in: None,
            token_file: None,
            web_identity: None,
            role: None,
            access_key_id: None,
            local_endpoint: Some(&self.endpoint),
            runs_a_program: false,
        }
    }

    fn fingerprint(&self, parts: &mut DigestParts) {
        parts.text("instance-metadata");
        parts.text(&self.endpoint);
    }

    fn local_state(&self, env: &Env) -> LocalState {
        LocalState {
            machine: machine(env),
            ..LocalState::default()
        }
    }

    fn foreign_part(&self, _: Partition, _: &str) -> Option<(String, Partition)> {
        None
    }

    fn is_from(&self, _: &str, _: bool, _: &Env) -> bool {
        false
    }

    fn add_secrets(&self, redactor: &mut Redactor) {
        redactor.add_url(&self.endpoint);
    }

    fn hints(&self, trouble: Trouble, _: Option<&str>) -> Vec<String> {
        match trouble {
            Trouble::NoCredentials | Trouble::NoAnswer | Trouble::MalformedAnswer => {
                vec![ON_EC2.to_owned()]
            }
            // An unreachable endpoint is reported as `NotSignedIn`.
            Trouble::Unreachable | Trouble::UnknownKey => Vec::new(),
        }
    }
}

impl fmt::Display for InstanceMetadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "instance metadata at {}", shown_url(&self.endpoint))
    }
}
