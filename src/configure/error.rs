//! Why a configuration was not changed.

use std::path::PathBuf;

use crate::config::{ConfigError, Origin};

/// Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConfigureError {
    /// Nobody would read it.
    #[error(
        "called as docker-credential-{name} it asks as [identity.{end}] of config.toml or as the profile `{end}`, whatever rules say: --profile and --role-arn would have no effect"
    )]
    NamedIdentity { name: String, end: String },
    #[error(
        "there is no home folder, and so no place for config.toml: set HOME, or ECRX_CONFIG to a file that is there"
    )]
    NoConfigFile,
    #[error(
        "{origin}: a rule for {registry} is there already, and names somebody else: it asks as {who}"
    )]
    OtherRule {
        origin: Origin,
        registry: String,
        who: String,
    },
    #[error("{} has its rules in one list, to which no [[registry]] can be added: add to it {rule}", file.display())]
    InlineRules { file: PathBuf, rule: String },
    #[error("the rule for {registry} could not be used, and is not written")]
    UnusableRule {
        registry: String,
        #[source]
        cause: ConfigError,
    },
    #[error("with the rule added, {registry} would still be asked for by somebody else")]
    RuleWithoutEffect { registry: String },
    #[error(
        "{} names another helper already: credsStore is `{store}`, which keeps the logins of other registries", file.display()
    )]
    OtherStore { file: PathBuf, store: String },
    #[error(
        "{origin} names {program} as other_registries_helper, and credsStore of {} is `{store}`: one of the two has to give way", file.display()
    )]
    TwoStores {
        file: PathBuf,
        store: String,
        program: String,
        origin: Origin,
    },
    #[error(
        "{} holds logins that docker would ignore with a credsStore: {}", file.display(), keys.join(", ")
    )]
    Logins { file: PathBuf, keys: Vec<String> },
    #[error("the login for {key} is in a form that no helper keeps")]
    OddLogin { key: String },
    #[error("the login for {key} stays in {}: it was not moved", file.display())]
    NotMoved {
        key: String,
        file: PathBuf,
        #[source]
        cause: crate::docker::other_helper::OtherHelperError,
    },
}
