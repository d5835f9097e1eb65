//! The container credential endpoint of ECS, EKS Pod Identity and their like.

use std::fmt;
use std::path::Path;

use crate::digest::{Digest, DigestParts};
use crate::env::{Env, var};
use crate::identity::error::{EnvironmentError, refuse_blank};
use crate::identity::local_state::{LocalState, machine, read_token};
use crate::net::HttpUrl;
use crate::redaction::Redactor;
use crate::registry::Partition;
use crate::secret::Secret;

use super::{CredentialSource, Lineage, Properties, Trouble, UNKNOWN_PRINCIPAL_MAX_AGE};

/// What names a container credential endpoint. The SDK's provider reads the same variables.
#[derive(Clone, Debug)]
pub(crate) struct Container {
    /// `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`, which wins, or `…_FULL_URI`.
    pub uri: String,
    /// `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE`, which wins.
    pub token_file: Option<String>,
    /// `AWS_CONTAINER_AUTHORIZATION_TOKEN`.
    pub token: Option<Secret>,
}

impl Container {
    pub(crate) fn from_env(env: &Env) -> Result<Option<Self>, EnvironmentError> {
        // For the AWS CLI, too, a blank one is set.
        refuse_blank(env, &[var::AWS_CONTAINER_CREDENTIALS_RELATIVE_URI])?;
        let Some(uri) = uri(env)? else {
            refuse_blank(env, &[var::AWS_CONTAINER_CREDENTIALS_FULL_URI])?;
            return Ok(None);
        };
        refuse_blank(env, &[var::AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE])?;
        Ok(Some(Self {
            uri,
            token_file: env.get(var::AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE),
            token: env
                .get(var::AWS_CONTAINER_AUTHORIZATION_TOKEN)
                .map(Secret::new),
        }))
    }

    /// The variable that names the endpoint, where one does.
    pub(crate) fn variable(env: &Env) -> &'static str {
        match env.get(var::AWS_CONTAINER_CREDENTIALS_RELATIVE_URI) {
            Some(_) => var::AWS_CONTAINER_CREDENTIALS_RELATIVE_URI,
            None => var::AWS_CONTAINER_CREDENTIALS_FULL_URI,
        }
    }

    /// A digest of the token's file: the tokens of two pods differ, while the names of their files
    /// do not.
    fn token_digest(&self) -> Option<Digest> {
        let mut parts = DigestParts::named("token");
        parts.add(&read_token(self.token_file.as_ref()?.as_ref())?);
        Some(parts.digest())
    }
}

/// The SDK panics on a URL without a scheme (aws-config 1.13, `ecs.rs`), and puts what is meant to
/// be a path directly after a host name.
fn uri(env: &Env) -> Result<Option<String>, EnvironmentError> {
    let is_uri = |text: &str| text.parse::<http::Uri>().is_ok();
    let (variable, expected, uri, is_right) =
        if let Some(path) = env.get(var::AWS_CONTAINER_CREDENTIALS_RELATIVE_URI) {
            let is_right = path.starts_with('/') && is_uri(&path);
            let expected = "a path that begins with /";
            let variable = var::AWS_CONTAINER_CREDENTIALS_RELATIVE_URI;
            (variable, expected, path, is_right)
        } else if let Some(url) = env.get(var::AWS_CONTAINER_CREDENTIALS_FULL_URI) {
            let is_right = HttpUrl::parse(&url).is_some() && is_uri(&url);
            let expected = "a URL such as http://localhost:8080/credentials";
            let variable = var::AWS_CONTAINER_CREDENTIALS_FULL_URI;
            (variable, expected, url, is_right)
        } else {
            return Ok(None);
        };
    if is_right {
        Ok(Some(uri))
    } else {
        Err(EnvironmentError::Address { variable, expected })
    }
}

impl CredentialSource for Container {
    fn properties(&self) -> Properties<'_> {
        Properties {
            kind: "container",
            remark: "",
            // Local servers have another port or path each time.
            lineage: Lineage::Kind("container"),
            max_age: Some(UNKNOWN_PRINCIPAL_MAX_AGE),
            sign_in: None,
            token_file: self.token_file.as_deref().map(Path::new),
            web_identity: None,
            role: None,
            access_key_id: None,
            local_endpoint: Some(&self.uri),
            runs_a_program: false,
        }
    }

    fn fingerprint(&self, parts: &mut DigestParts) {
        parts.text("container");
        parts.text(&self.uri);
        parts.option(self.token_file.as_deref());
        parts.option(self.token.as_ref().map(Secret::expose));
    }

    fn local_state(&self, env: &Env) -> LocalState {
        LocalState {
            machine: machine(env),
            token: self.token_digest(),
            ..LocalState::default()
        }
    }

    fn foreign_part(&self, _: Partition, _: &str) -> Option<(String, Partition)> {
        None
    }

    fn is_from(&self, variable: &str, _: bool, env: &Env) -> bool {
        variable == Self::variable(env)
    }

    fn add_secrets(&self, redactor: &mut Redactor) {
        if let Some(token) = &self.token {
            redactor.add(token.expose());
        }
        redactor.add_url(&self.uri);
    }

    fn hints(&self, trouble: Trouble, _: Option<&str>) -> Vec<String> {
        match trouble {
            Trouble::NoCredentials
            | Trouble::NoAnswer
            | Trouble::MalformedAnswer
            | Trouble::Unreachable => vec![
                "Check that the task or pod has a role, and that AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or AWS_CONTAINER_CREDENTIALS_FULL_URI has its original value".to_owned(),
            ],
            Trouble::UnknownKey => Vec::new(),
        }
    }
}

impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the container credential endpoint")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_pods_token_is_another_identity() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let of = |token: &str| {
            std::fs::write(file.path(), token).unwrap();
            let container = Container {
                uri: "http://127.0.0.1/v1/credentials".into(),
                token_file: Some(file.path().display().to_string()),
                token: None,
            };
            container.local_state(&Env::from_variables([])).digest()
        };
        assert_eq!(of("one"), of("one"));
        assert_ne!(of("one"), of("other"));
    }
}
