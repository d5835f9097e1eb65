//! Credential sources: where the first credentials come from, before any role.
//!
//! Each kind has a file, which holds all that is said of it. What must be said of every kind is
//! [`CredentialSource`]; only how the AWS SDK is asked for the credentials is in `aws::credentials`.

mod container;
mod instance_metadata;
mod keys;
mod login;
mod process;
mod sso;
mod web_identity;

use std::fmt;
use std::path::Path;
use std::time::Duration;

use crate::env::Env;
use crate::redaction::Redactor;
use crate::registry::{Partition, RoleArn, ServerName};
use crate::shell_word::shell_word;

use super::local_state::LocalState;
use crate::digest::DigestParts;

pub(crate) use container::Container;
pub(crate) use instance_metadata::{InstanceMetadata, ON_EC2};
pub(super) use keys::Keys;
pub(super) use login::Login;
pub(super) use process::Process;
pub(crate) use sso::{Sso, SsoSessionError};
pub(crate) use web_identity::{
    DEFAULT_SESSION_NAME, GitHubRequest, ServiceAccount, WebIdentity, WebIdentityToken,
    WebIdentityTokenError,
};

/// How long a token is trusted if it cannot be known offline whose it is.
const UNKNOWN_PRINCIPAL_MAX_AGE: Duration = Duration::from_secs(3600);

/// The hint for calls that took too long.
pub(crate) const MORE_TIME: &str = "Increase timeout_seconds in config.toml";

/// One way to get credentials, with everything that its provider is built from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    Keys(Keys),
    Sso(Sso),
    Login(Login),
    Process(Process),
    WebIdentity(WebIdentity),
    Container(Container),
    InstanceMetadata(InstanceMetadata),
}

/// What is said of every kind of source. Nothing here has a default: a kind that leaves something
/// out does not compile, as what is forgotten may give a token to another identity.
pub(crate) trait CredentialSource: fmt::Display {
    fn properties(&self) -> Properties<'_>;

    /// Feeds everything in the configuration that decides whose credentials these are.
    fn fingerprint(&self, parts: &mut DigestParts);

    /// What else decides whose credentials these are, and is not in the configuration.
    fn local_state(&self, env: &Env) -> LocalState;

    /// What belongs to another partition than `ours`, and to which one, as far as it is known
    /// offline. `profile` names the source.
    fn foreign_part(&self, ours: Partition, profile: &str) -> Option<(String, Partition)>;

    /// Whether it comes from this variable. `has_profile`: a profile named the source.
    fn is_from(&self, variable: &str, has_profile: bool, env: &Env) -> bool;

    /// Adds its secrets, and what is shown of it anyway.
    fn add_secrets(&self, redactor: &mut Redactor);

    /// The next steps after a trouble. None: those that fit every source.
    fn hints(&self, trouble: Trouble, profile: Option<&str>) -> Vec<String>;
}

/// What can be said of a source without looking at anything. All of it, as with the methods.
pub(crate) struct Properties<'a> {
    /// What `whoami --json` calls the kind.
    pub kind: &'static str,
    /// What follows its name where a command describes the identity.
    pub remark: &'static str,
    pub lineage: Lineage,
    /// The longest age of a token; `None` if the configuration says for sure whose it is.
    pub max_age: Option<Duration>,
    /// The sign-in that it needs.
    pub sign_in: Option<SignInMethod<'a>>,
    /// The file of the token that it sends, which a platform renews.
    pub token_file: Option<&'a Path>,
    /// The token of a web identity.
    pub web_identity: Option<&'a WebIdentityToken>,
    /// The role that its credentials are those of, if that is assumed at STS.
    pub role: Option<&'a RoleArn>,
    /// The access key id, if that is known offline.
    pub access_key_id: Option<&'a str>,
    /// The URL of a credential endpoint on this machine or near it, which is reached without a
    /// proxy.
    pub local_endpoint: Option<&'a str>,
    /// Whether a program is run, which may run this one.
    pub runs_a_program: bool,
}

/// Which sources of other times are this one, with temporary credentials that were renewed or a
/// setting that changes by itself. Their tokens are dropped once it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lineage {
    /// Those with the same fingerprint.
    Same,
    /// All of this kind in the same profile.
    KindInProfile(&'static str),
    /// All of this kind.
    Kind(&'static str),
}

/// What went wrong while the credentials were fetched, or with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    NoCredentials,
    NoAnswer,
    /// The answer cannot be understood.
    MalformedAnswer,
    /// The endpoint cannot be reached.
    Unreachable,
    /// AWS does not know the key.
    UnknownKey,
}

/// How the user signs in for a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SignInMethod<'a> {
    /// `SSO` or `aws login`.
    pub name: &'static str,
    /// The command of the AWS CLI, without options.
    command: &'static str,
    /// The profile that is signed in; `None` if `config.toml` names the sign-in.
    pub profile: Option<&'a str>,
    /// The `sso-session`.
    pub session: Option<&'a str>,
    /// The start URL of SSO.
    pub start_url: Option<&'a str>,
}

impl SignInMethod<'_> {
    /// What to run.
    pub(crate) fn command(&self) -> String {
        let (option, name) = match (self.profile, self.session) {
            (Some(profile), _) => ("--profile", shell_word(profile)),
            (None, Some(session)) => ("--sso-session", shell_word(session)),
            // The AWS CLI signs in to a start URL by a profile alone.
            (None, None) => ("--profile", "PROFILE".into()),
        };
        format!("{} {option} {name}", self.command)
    }

    /// What also helps.
    pub(crate) fn hint(&self) -> Option<String> {
        let command = self.command;
        match (self.profile, self.session, self.start_url) {
            (Some(_), Some(session), _) => {
                let session = shell_word(session);
                Some(format!(
                    "To sign in for every profile of the session, run: {command} --sso-session {session}"
                ))
            }
            (None, None, Some(url)) => Some(format!(
                "Replace PROFILE with a profile of ~/.aws/config that has sso_start_url = {url}, and no sso_session"
            )),
            _ => None,
        }
    }
}

impl Source {
    pub(crate) fn get(&self) -> &dyn CredentialSource {
        match self {
            Source::Keys(keys) => keys,
            Source::Sso(sso) => sso,
            Source::Login(login) => login,
            Source::Process(process) => process,
            Source::WebIdentity(web) => web,
            Source::Container(container) => container,
            Source::InstanceMetadata(metadata) => metadata,
        }
    }

    pub(crate) fn properties(&self) -> Properties<'_> {
        self.get().properties()
    }

    /// The host of its local endpoint.
    pub(crate) fn local_host(&self) -> Option<String> {
        Some(ServerName::parse(self.properties().local_endpoint?)?.host)
    }

    /// Feeds only what stays when temporary credentials are renewed, or when what is seen of a
    /// source changes that cannot be known offline, so that the entry of the old one can be found
    /// and dropped.
    pub(super) fn feed_lineage(&self, parts: &mut DigestParts, profile: Option<&str>) {
        let profile = match self.properties().lineage {
            Lineage::Same => {
                self.get().fingerprint(parts);
                None
            }
            Lineage::KindInProfile(kind) => {
                parts.text(kind);
                profile
            }
            Lineage::Kind(kind) => {
                parts.text(kind);
                None
            }
        };
        parts.option(profile);
    }
}

/// The source as the user knows it.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

/// The other partition, if there is one.
fn foreign(partition: Option<Partition>, ours: Partition) -> Option<Partition> {
    partition.filter(|partition| *partition != ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_a_credential_endpoint_is_reached_without_a_proxy() {
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
