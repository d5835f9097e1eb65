//! Who asks for a registry's token: exactly one credential source, the roles on top of it, and
//! the layer of configuration that chose them. Resolved before anything else happens, offline.

mod aws_files;
mod endpoint;
mod environment;
mod fingerprint;
mod layers;
mod profile;
mod resolver;
mod sign_in;
mod source;
mod surroundings;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

pub use aws_files::AwsFilesError;
pub use endpoint::Endpoint;
pub use environment::EnvironmentError;
pub use fingerprint::Fingerprint;
pub use profile::ProfileError;
pub use resolver::Resolver;
pub use sign_in::{SignIn, SignInState};
pub use source::{Container, Keys, Source, Sso, WebIdentity};
pub use surroundings::Surroundings;

use crate::config::{ConfigError, Origin, Problem};
use crate::env::Env;
use crate::registry::{MfaDevice, Partition, RoleArn};
use crate::secret::Secret;

use fingerprint::Hasher;

/// The session name of roles for which nothing else is configured: what an administrator will
/// read in CloudTrail.
pub const DEFAULT_SESSION_NAME: &str = "docker-credential-ecrx";

/// A role to assume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// The role.
    pub arn: RoleArn,
    /// What the role's trust policy may ask for.
    pub external_id: Option<Secret>,
    /// The session's name.
    pub session_name: Option<String>,
    /// How long the session lives; AWS's default is an hour.
    pub duration: Option<Duration>,
    /// The device whose code AWS is to be told.
    pub mfa_device: Option<MfaDevice>,
}

impl Role {
    /// The session's name, never absent.
    pub fn session_name(&self) -> &str {
        self.session_name.as_deref().unwrap_or(DEFAULT_SESSION_NAME)
    }
}

/// What decided who asks, the most explicit first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChosenBy {
    /// The name that the program was called by.
    Name {
        /// What stands behind `docker-credential-ecrx-`.
        name: String,
        /// Where `[identity.NAME]` is; without one, the name is an AWS profile's.
        origin: Option<Origin>,
    },
    /// A `[[registry]]` rule.
    Rule(Origin),
    /// An `ECRX_*` or `AWS_*` variable.
    Variable(Cow<'static, str>),
    /// `[defaults]`.
    Defaults(Origin),
    /// Nothing: what every AWS tool would do.
    Default,
}

impl fmt::Display for ChosenBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChosenBy::Name { name, origin } => {
                write!(f, "the name docker-credential-ecrx-{name}")?;
                match origin {
                    Some(origin) => write!(f, " and [identity.{name}] at {origin}"),
                    None => Ok(()),
                }
            }
            ChosenBy::Rule(origin) => write!(f, "the rule at {origin}"),
            ChosenBy::Variable(name) => write!(f, "the variable {name}"),
            ChosenBy::Defaults(origin) => write!(f, "[defaults] at {origin}"),
            ChosenBy::Default => f.write_str("no configuration at all"),
        }
    }
}

/// Who asks.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The layer that chose.
    pub chosen_by: ChosenBy,
    /// The profile that was chosen, when one was.
    pub profile: Option<String>,
    /// Where the first credentials come from.
    pub source: Source,
    /// The roles on top, the first to be assumed first.
    pub roles: Vec<Role>,
    /// Where ECR is asked.
    pub api: Endpoint,
    /// Where roles are assumed; there when one is.
    pub sts: Option<Endpoint>,
    /// Where the SDK's sign-in providers ask. Of a URL they know only those in variables.
    pub sign_in_api: Endpoint,
    /// What else decides who that is, on this machine.
    pub surroundings: Surroundings,
    /// `ca_bundle` of the profile.
    pub ca_bundle: Option<std::path::PathBuf>,
    /// Variables that would have chosen, had nothing more explicit spoken.
    pub passed_over: Vec<Cow<'static, str>>,
}

/// Why it cannot be said who asks.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// Nothing names any credentials.
    #[error(
        "nobody is signed in to AWS: no configuration, variable or default profile names credentials, and instance metadata is switched off"
    )]
    NotSignedIn,
    /// The configuration's role template does not fit, or crosses partitions.
    #[error(transparent)]
    Config(ConfigError),
    /// A profile.
    #[error("{cause} (chosen by {chosen_by})")]
    Profile {
        /// What is wrong with it.
        cause: ProfileError,
        /// What chose it.
        chosen_by: ChosenBy,
        /// Profiles that do exist.
        known: Vec<String>,
    },
    /// The AWS files.
    #[error(transparent)]
    Files(AwsFilesError),
    /// Variables.
    #[error(transparent)]
    Environment(EnvironmentError),
    /// The program was called by a name that stands for nobody.
    #[error(
        "called as docker-credential-ecrx-{name}, but there is neither [identity.{name}] in config.toml nor an AWS profile `{name}` in {files}"
    )]
    Name {
        /// What stands behind `docker-credential-ecrx-`.
        name: String,
        /// Where profiles were looked for.
        files: String,
        /// The identities that do exist.
        identities: Vec<String>,
        /// Profiles that do exist.
        profiles: Vec<String>,
    },
    /// An `ECRX_*` variable.
    #[error("the variable {variable}: {problem}")]
    Variable {
        /// Its name.
        variable: String,
        /// What is wrong with its value.
        problem: Problem,
    },
    /// A role, sign-in or profile of another partition than the registry.
    #[error(
        "{what} is in the partition {theirs}, the registry {registry} in {ours}: no role, key or token crosses partitions (chosen by {chosen_by})"
    )]
    Partition {
        /// The role, sign-in or profile.
        what: String,
        /// Its partition.
        theirs: Partition,
        /// The registry.
        registry: String,
        /// The registry's partition.
        ours: Partition,
        /// What chose it.
        chosen_by: ChosenBy,
    },
    /// An endpoint of another partition than the registry.
    #[error(
        "the endpoint {url} is in the partition {theirs}, the registry {registry} in {ours}: no key or token crosses partitions"
    )]
    EndpointPartition {
        /// What was given, by a rule, a variable or a profile.
        url: String,
        /// Its partition.
        theirs: Partition,
        /// The registry.
        registry: String,
        /// The registry's partition.
        ours: Partition,
    },
    /// An endpoint that is no URL.
    #[error(
        "the endpoint `{url}` from {from} is wrong: it must be a URL such as https://HOST or http://HOST:PORT"
    )]
    EndpointUrl {
        /// What was given.
        url: String,
        /// By what.
        from: String,
    },
}

impl IdentityError {
    /// What to do about it.
    pub fn hints(&self) -> Vec<String> {
        match self {
            IdentityError::NotSignedIn => vec![
                "sign in (`aws sso login`, `aws login`, `aws configure`), or name a profile in config.toml or AWS_PROFILE".to_owned(),
            ],
            IdentityError::Profile { cause: ProfileError::Missing { profile, .. }, known, .. } => {
                let mut hints = vec!["`aws configure list-profiles` lists the profiles there are".to_owned()];
                hints.extend(unreadable_name(profile));
                hints.extend(list_known("profiles", known));
                hints
            }
            IdentityError::Name { name, identities, profiles, .. } => {
                let mut hints = vec![
                    "correct the name in the client's configuration, or write the identity into config.toml".to_owned(),
                ];
                hints.extend(unreadable_name(name));
                hints.extend(list_known("identities", identities));
                hints.extend(list_known("profiles", profiles));
                hints
            }
            IdentityError::Partition { ours, chosen_by, .. } => vec![match chosen_by {
                // These come before every rule.
                ChosenBy::Name { .. } => "name another helper for this registry in the client's configuration (credHelpers)".to_owned(),
                ChosenBy::Variable(name) if name.starts_with("ECRX_") => "set ECRX_PROFILE and ECRX_ROLE_ARN for single accounts (_<account> behind the name), or let rules in config.toml choose".to_owned(),
                _ => format!(
                    "write a rule for the registry's partition in config.toml, e.g. match = \"{ours}\""
                ),
            }],
            IdentityError::EndpointPartition { theirs, .. } => vec![format!(
                "write it into a rule for its partition alone in config.toml, e.g. match = \"{theirs}\""
            )],
            _ => Vec::new(),
        }
    }
}

/// The SDK's parser passes over profiles by other names, which the AWS CLI knows (aws-runtime 1,
/// `env_config/normalize.rs`).
fn unreadable_name(name: &str) -> Option<String> {
    let is_read = |c: char| c.is_ascii_alphanumeric() || "_-/.%@:+".contains(c);
    (!name.chars().all(is_read)).then(|| {
        "AWS profiles are found by names of A-Z a-z 0-9 and _-/.%@:+ alone: rename it if it is there"
            .to_owned()
    })
}

fn list_known(what: &str, names: &[String]) -> Option<String> {
    (!names.is_empty()).then(|| format!("known {what}: {}", names.join(", ")))
}

impl Identity {
    /// The digest of who asks. It covers the source with its surroundings, the roles and where
    /// they are assumed; not where ECR is asked, which is part of the cache key beside it.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut hasher = Hasher::new("identity");
        self.source.fingerprint(&mut hasher);
        self.surroundings.fingerprint(&mut hasher);
        self.feed_roles(&mut hasher);
        hasher.finish()
    }

    /// As [`Identity::fingerprint`], without what changes when temporary credentials are renewed.
    pub fn lineage(&self) -> Fingerprint {
        let mut hasher = Hasher::new("lineage");
        self.source.lineage(&mut hasher);
        // Session keys or processes of two profiles are no successors of each other.
        let is_known_by_profile = self.source.is_known_by_profile();
        hasher.option(self.profile.as_deref().filter(|_| is_known_by_profile));
        self.feed_roles(&mut hasher);
        hasher.finish()
    }

    /// The digest of the source alone, whatever roles lie on top.
    pub fn source_fingerprint(&self) -> Fingerprint {
        let mut hasher = Hasher::new("source");
        self.source.fingerprint(&mut hasher);
        hasher.finish()
    }

    fn feed_roles(&self, hasher: &mut Hasher) {
        for role in &self.roles {
            hasher.text("role");
            hasher.text(role.arn.as_str());
            hasher.option(role.external_id.as_ref().map(Secret::expose));
            hasher.text(role.session_name());
            hasher.option(role.mfa_device.as_ref().map(MfaDevice::as_str));
        }
        if let Some(sts) = &self.sts {
            hasher.text("sts");
            hasher.text(sts.region.as_str());
            hasher.option(sts.url.as_deref());
            hasher.bytes(&[u8::from(sts.fips), u8::from(sts.dual_stack)]);
        }
    }

    /// Whom the first credentials belong to: the identity without the roles on top.
    pub fn first_caller(&self) -> String {
        match &self.profile {
            Some(profile) => format!("profile {profile} ({})", self.source),
            None => self.source.to_string(),
        }
    }

    /// Who chose, and what was passed over: the line that belongs below every credential error.
    pub fn explain(&self) -> String {
        let mut text = format!("asked as: {self}; chosen by {}", self.chosen_by);
        if !self.passed_over.is_empty() {
            text.push_str("; passed over: ");
            text.push_str(&self.passed_over.join(", "));
        }
        text
    }

    /// The sign-in on disk that the source draws on.
    pub fn sign_in(&self) -> Option<&SignIn> {
        self.surroundings.sign_in.as_ref()
    }

    /// Whether the sign-in that the source draws on is gone: nobody is signed in any more, and
    /// what the one who was has bought is nobody's.
    pub fn is_signed_out(&self) -> bool {
        self.sign_in().is_some_and(|sign_in| !sign_in.is_there())
    }

    /// Whether what decides beside the configuration is still as it was when this was resolved.
    /// It is read once more by who gives the credentials, and may be another's by then.
    pub fn is_where_it_was(&self, env: &Env) -> bool {
        self.surroundings == Surroundings::of(&self.source, env)
    }

    /// The roles that want a code, with their devices.
    pub fn codes_wanted(&self) -> impl Iterator<Item = (&Role, &MfaDevice)> {
        self.roles
            .iter()
            .filter_map(|role| Some((role, role.mfa_device.as_ref()?)))
    }
}

/// What a person would call the identity: no secrets.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.first_caller())?;
        for role in &self.roles {
            write!(f, ", then role {}", role.arn)?;
        }
        Ok(())
    }
}
