//! A credential source: where the first credentials come from, before any role.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::redaction::shown_url;
use crate::registry::{RoleArn, ServerName};
use crate::secret::Secret;

use super::DEFAULT_SESSION_NAME;
use super::fingerprint::Hasher;

/// How long a token is trusted when it cannot be known offline who bought it.
const UNKNOWN_PRINCIPAL_MAX_AGE: Duration = Duration::from_secs(3600);

/// One way to get credentials, with everything that its provider is built from.
#[derive(Clone, Debug)]
pub enum Source {
    /// An access key.
    Keys(Keys),
    /// IAM Identity Center, signed in by `aws sso login`.
    Sso(Sso),
    /// The console's sign-in, by `aws login`.
    Login {
        /// The profile that says it.
        profile: String,
        /// `login_session` of the profile: the ARN that signed in.
        session_arn: String,
        /// The region whose sign-in service renews it.
        region: Option<String>,
    },
    /// `credential_process` of a profile.
    Process {
        /// The command line, run by a shell. May hold secrets.
        command: Secret,
    },
    /// A role taken with an OIDC token.
    WebIdentity(WebIdentity),
    /// The container credential endpoint of ECS, EKS Pod Identity and their like.
    Container(Container),
    /// The instance profile, from instance metadata.
    InstanceMetadata {
        /// `http://…`, without a path.
        endpoint: String,
    },
}

/// An access key, of a user or of a session.
#[derive(Clone, Debug)]
pub struct Keys {
    /// `AKIA…` or `ASIA…`.
    pub access_key_id: String,
    /// The secret that goes with it.
    pub secret_access_key: Secret,
    /// There when the key belongs to a session.
    pub session_token: Option<Secret>,
}

/// What an SSO profile and its session say.
#[derive(Clone, Debug)]
pub struct Sso {
    /// The profile that says it.
    pub profile: String,
    /// `sso_account_id`.
    pub account_id: String,
    /// `sso_role_name`.
    pub role_name: String,
    /// `sso_start_url`.
    pub start_url: String,
    /// `sso_region`.
    pub region: String,
    /// `sso_session`; `None` in the old form.
    pub session: Option<String>,
}

/// What `AssumeRoleWithWebIdentity` needs.
#[derive(Clone, Debug)]
pub struct WebIdentity {
    /// The file with the OIDC token, read when it is used: its owner renews it.
    pub token_file: PathBuf,
    /// The role.
    pub role_arn: RoleArn,
    /// The session's name.
    pub session_name: Option<String>,
    /// How long the session lives; AWS's default is an hour.
    pub duration: Option<Duration>,
}

/// What names a container credential endpoint. The SDK's provider reads the same variables.
#[derive(Clone, Debug)]
pub struct Container {
    /// `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`, which wins, or `…_FULL_URI`.
    pub uri: String,
    /// `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE`, which wins.
    pub token_file: Option<String>,
    /// `AWS_CONTAINER_AUTHORIZATION_TOKEN`.
    pub token: Option<Secret>,
}

impl WebIdentity {
    /// The session's name, never absent.
    pub fn session_name(&self) -> &str {
        self.session_name.as_deref().unwrap_or(DEFAULT_SESSION_NAME)
    }
}

impl Source {
    /// The longest age of a token from this source; `None` where the configuration says for
    /// sure who asks.
    pub fn max_age(&self) -> Option<Duration> {
        match self {
            Source::Keys(keys) if keys.session_token.is_none() => None,
            Source::Sso(_) | Source::Login { .. } | Source::WebIdentity(_) => None,
            Source::Keys(_)
            | Source::Process { .. }
            | Source::Container(_)
            | Source::InstanceMetadata { .. } => Some(UNKNOWN_PRINCIPAL_MAX_AGE),
        }
    }

    /// Whether it is something on this machine, which on another may be somebody else.
    pub(super) fn is_of_this_machine(&self) -> bool {
        matches!(
            self,
            Source::Process { .. } | Source::Container(_) | Source::InstanceMetadata { .. }
        )
    }

    /// Whether its successors are known by the profile alone.
    pub(super) fn is_known_by_profile(&self) -> bool {
        self.is_session() || matches!(self, Source::Process { .. })
    }

    /// Whether it is an access key of a session, which another one will follow.
    fn is_session(&self) -> bool {
        matches!(self, Source::Keys(keys) if keys.session_token.is_some())
    }

    /// The host of a credential endpoint that is meant to be near: no proxy stands before it.
    pub fn local_host(&self) -> Option<String> {
        let url = match self {
            Source::Container(container) => &container.uri,
            Source::InstanceMetadata { endpoint } => endpoint,
            _ => return None,
        };
        let (_, rest) = url.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next()?;
        Some(ServerName::parse(authority)?.host)
    }

    /// Feeds everything that decides who this is.
    pub(super) fn fingerprint(&self, hasher: &mut Hasher) {
        match self {
            Source::Keys(keys) => {
                hasher.text("keys");
                hasher.text(&keys.access_key_id);
                hasher.text(keys.secret_access_key.expose());
                hasher.option(keys.session_token.as_ref().map(Secret::expose));
            }
            Source::Sso(sso) => {
                hasher.text("sso");
                hasher.text(&sso.account_id);
                hasher.text(&sso.role_name);
                hasher.text(&sso.start_url);
                hasher.text(&sso.region);
                hasher.option(sso.session.as_deref());
            }
            Source::Login { session_arn, .. } => {
                hasher.text("login");
                hasher.text(session_arn);
            }
            Source::Process { command } => {
                hasher.text("process");
                hasher.text(command.expose());
            }
            Source::WebIdentity(web) => {
                hasher.text("web-identity");
                hasher.bytes(web.token_file.as_os_str().as_encoded_bytes());
                hasher.text(web.role_arn.as_str());
                hasher.text(web.session_name());
            }
            Source::Container(container) => {
                hasher.text("container");
                hasher.text(&container.uri);
                hasher.option(container.token_file.as_deref());
                hasher.option(container.token.as_ref().map(Secret::expose));
            }
            Source::InstanceMetadata { endpoint } => {
                hasher.text("instance-metadata");
                hasher.text(endpoint);
            }
        }
    }

    /// Feeds only what stays when temporary credentials are renewed, or when what is seen of a
    /// source changes that cannot be known offline, so that the entry of the old one can be found
    /// and dropped.
    pub(super) fn lineage(&self, hasher: &mut Hasher) {
        match self {
            _ if self.is_session() => hasher.text("session-keys"),
            Source::Process { .. } => hasher.text("process"),
            // Local servers have another port or path each time.
            Source::Container(_) => hasher.text("container"),
            other => other.fingerprint(hasher),
        }
    }
}

/// What a person would call the source.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Keys(keys) => write!(f, "the access key {}", keys.access_key_id),
            Source::Sso(sso) => {
                write!(
                    f,
                    "SSO, role {} in account {}",
                    sso.role_name, sso.account_id
                )?;
                match &sso.session {
                    Some(session) => write!(f, ", session {session}"),
                    None => Ok(()),
                }
            }
            Source::Login { session_arn, .. } => write!(f, "aws login as {session_arn}"),
            Source::Process { .. } => f.write_str("its credential_process"),
            Source::WebIdentity(web) => write!(
                f,
                "the web identity token {} for {}",
                web.token_file.display(),
                web.role_arn
            ),
            Source::Container(_) => f.write_str("the container credential endpoint"),
            Source::InstanceMetadata { endpoint } => {
                write!(f, "instance metadata at {}", shown_url(endpoint))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credential_endpoints_have_a_host_that_no_proxy_stands_before() {
        for (uri, host) in [
            (
                "https://Credentials.example:8443/v1?x=y",
                Some("credentials.example"),
            ),
            ("https://credentials.example", Some("credentials.example")),
            ("http://127.0.0.1:80/v1", Some("127.0.0.1")),
            // A path alone is below an address of ECS, in plain http.
            ("/v2/credentials/1", None),
            ("https://", None),
        ] {
            let source = Source::Container(Container {
                uri: uri.to_owned(),
                token_file: None,
                token: None,
            });
            assert_eq!(source.local_host().as_deref(), host, "{uri}");
        }
    }
}
