//! Why it cannot be said who asks, and what to do about it.

use crate::config::{ConfigError, Problem};
use crate::registry::Partition;

use super::{AwsFilesError, ChosenBy, EnvironmentError, Misspelled, ProfileError};

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
    /// The name of an `ECRX_*` variable.
    #[error("{0}")]
    Misspelled(Misspelled),
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
            IdentityError::Misspelled(misspelled) => vec![misspelled.hint()],
            IdentityError::Partition { ours, chosen_by, .. } => vec![match chosen_by {
                // These come before every rule.
                ChosenBy::Name { .. } => "name another helper for this registry in the client's configuration (credHelpers)".to_owned(),
                ChosenBy::Variables { .. } => of_single_accounts(),
                ChosenBy::Variable(name) if name.starts_with("ECRX_") => of_single_accounts(),
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

fn of_single_accounts() -> String {
    "set ECRX_PROFILE and ECRX_ROLE_ARN for single accounts (_<account> behind the name), or let rules in config.toml choose".to_owned()
}

fn list_known(what: &str, names: &[String]) -> Option<String> {
    (!names.is_empty()).then(|| format!("known {what}: {}", names.join(", ")))
}
