//! An access key, of a user or of a session.

use std::fmt;

use crate::digest::DigestParts;
use crate::env::{Env, var};
use crate::identity::aws_files::{Profile, Settings};
use crate::identity::error::{EnvironmentError, ProfileError};
use crate::identity::local_state::LocalState;
use crate::redaction::Redactor;
use crate::registry::Partition;
use crate::secret::Secret;
use crate::shell_word::shell_word;

use super::{CredentialSource, Lineage, Properties, Trouble, UNKNOWN_PRINCIPAL_MAX_AGE};

/// An access key, of a user or of a session.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    /// `AKIA…` or `ASIA…`.
    pub access_key_id: String,
    pub secret_access_key: Secret,
    /// There if the key belongs to a session.
    pub session_token: Option<Secret>,
    /// `AWS_CREDENTIAL_EXPIRATION`, which some tools set with the variables of a session.
    pub expiration: Option<String>,
}

impl Keys {
    /// The access key in the environment (botocore, `EnvProvider`). A secret without its id counts
    /// for nothing; an id without its secret is an error.
    pub(crate) fn from_env(env: &Env) -> Result<Option<Self>, EnvironmentError> {
        let Some(access_key_id) = env.get(var::AWS_ACCESS_KEY_ID) else {
            return Ok(None);
        };
        let secret = env
            .get(var::AWS_SECRET_ACCESS_KEY)
            .ok_or(EnvironmentError::Half {
                set: var::AWS_ACCESS_KEY_ID,
                unset: var::AWS_SECRET_ACCESS_KEY,
            })?;
        let token = [var::AWS_SECURITY_TOKEN, var::AWS_SESSION_TOKEN]
            .into_iter()
            .find_map(|variable| env.get(variable));
        Ok(Some(Self {
            access_key_id,
            secret_access_key: Secret::new(secret),
            session_token: token.map(|token| Secret::new(token.trim())),
            expiration: env.get(var::AWS_CREDENTIAL_EXPIRATION),
        }))
    }

    /// The access key of a profile in one of the two files (botocore, `SharedCredentialProvider`
    /// and `ConfigProvider`). A secret without its id counts for nothing.
    pub(crate) fn from_settings(
        profile: &Profile<'_>,
        settings: &Settings<'_>,
    ) -> Result<Option<Self>, ProfileError> {
        let Some(access_key_id) = settings.get("aws_access_key_id") else {
            return Ok(None);
        };
        let incomplete = |what: &str| Err(ProfileError::incomplete(profile, what));
        let secret = match settings.get("aws_secret_access_key") {
            None => return incomplete("aws_secret_access_key is missing"),
            Some("") => return incomplete("aws_secret_access_key is empty"),
            Some(secret) => secret,
        };
        if access_key_id.is_empty() {
            return incomplete("aws_access_key_id is empty");
        }
        let token = settings
            .get("aws_security_token")
            .or_else(|| settings.get("aws_session_token"))
            .filter(|token| !token.is_empty());
        Ok(Some(Self {
            access_key_id: access_key_id.to_owned(),
            secret_access_key: Secret::new(secret),
            session_token: token.map(Secret::new),
            expiration: None,
        }))
    }
}

/// The next step where the AWS CLI has the same credentials.
pub(super) fn try_the_cli(profile: Option<&str>) -> String {
    let profile = match profile {
        Some(profile) => format!(" --profile {}", shell_word(profile)),
        None => String::new(),
    };
    format!("To test these credentials, run: aws sts get-caller-identity{profile}")
}

impl CredentialSource for Keys {
    fn properties(&self) -> Properties<'_> {
        let (kind, remark, lineage, max_age) = match self.session_token {
            None => ("keys", "", Lineage::Same, None),
            // Another key of a session will follow.
            Some(_) => (
                "session_keys",
                ", of a session",
                Lineage::KindInProfile("session-keys"),
                Some(UNKNOWN_PRINCIPAL_MAX_AGE),
            ),
        };
        Properties {
            kind,
            remark,
            lineage,
            max_age,
            sign_in: None,
            token_file: None,
            web_identity: None,
            role: None,
            access_key_id: Some(&self.access_key_id),
            local_endpoint: None,
            runs_a_program: false,
        }
    }

    fn fingerprint(&self, parts: &mut DigestParts) {
        parts.text("keys");
        parts.text(&self.access_key_id);
        parts.text(self.secret_access_key.expose());
        parts.option(self.session_token.as_ref().map(Secret::expose));
    }

    fn local_state(&self, _: &Env) -> LocalState {
        LocalState::default()
    }

    fn foreign_part(&self, _: Partition, _: &str) -> Option<(String, Partition)> {
        None
    }

    fn is_from(&self, variable: &str, _: bool, env: &Env) -> bool {
        variable == var::AWS_ACCESS_KEY_ID
            && env.get(variable).as_ref() == Some(&self.access_key_id)
    }

    fn add_secrets(&self, redactor: &mut Redactor) {
        redactor.add(self.secret_access_key.expose());
        if let Some(token) = &self.session_token {
            redactor.add(token.expose());
        }
    }

    fn hints(&self, trouble: Trouble, profile: Option<&str>) -> Vec<String> {
        let is_of_session = self.access_key_id.starts_with("ASIA");
        match trouble {
            Trouble::NoCredentials => vec![try_the_cli(profile)],
            Trouble::UnknownKey if is_of_session => vec![
                match self.session_token {
                    None => "Check that the session token is set; a key that begins with ASIA requires one",
                    Some(_) => "Check that the session token belongs to this key",
                }
                .to_owned(),
            ],
            Trouble::UnknownKey
            | Trouble::NoAnswer
            | Trouble::MalformedAnswer
            | Trouble::Unreachable => Vec::new(),
        }
    }
}

impl fmt::Display for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the access key {}", self.access_key_id)
    }
}
