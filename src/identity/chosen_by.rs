//! What selected the identity: a layer of the configuration, and its exact place.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;

use crate::config::Origin;

/// The layers that can select the identity, the most explicit first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LayerName {
    /// The name that the program was called by.
    Name,
    EcrxVariables,
    /// The rules of `config.toml`.
    Rules,
    AwsVariables,
    /// `[defaults]` of `config.toml`.
    Defaults,
    /// The default profile, then instance metadata.
    Sdk,
    /// The service account of a pod, for kubelet. No other layer is asked.
    Workload,
}

impl fmt::Display for LayerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LayerName::Name => "helper name",
            LayerName::EcrxVariables => "ECRX_ variables",
            LayerName::Rules => "rules",
            LayerName::AwsVariables => "AWS_ variables",
            LayerName::Defaults => "[defaults]",
            LayerName::Sdk => "AWS default chain",
            LayerName::Workload => "service account",
        })
    }
}

/// What selected the identity, the most explicit first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ChosenBy {
    /// The name that the program was called by.
    Name {
        /// The part after `docker-credential-ecrx-`.
        name: String,
        /// Where `[identity.NAME]` is; without one, the name is an AWS profile's.
        origin: Option<Origin>,
    },
    /// A `[[registry]]` rule.
    Rule(Origin),
    /// An `ECRX_*` or `AWS_*` variable.
    Variable(Cow<'static, str>),
    /// `ECRX_PROFILE` and `ECRX_ROLE_ARN`, each with or without `_<account>`.
    Variables {
        /// The variable that names the profile.
        profile: String,
        /// The variable that names the role.
        role: String,
    },
    Defaults(Origin),
    /// No configuration: the same as in every AWS tool.
    Default,
    /// An annotation of a pod's service account.
    Annotation(String),
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
            ChosenBy::Variables { profile, role } => {
                write!(f, "the variables {profile} and {role}")
            }
            ChosenBy::Defaults(origin) => write!(f, "[defaults] at {origin}"),
            ChosenBy::Default => f.write_str("the default AWS credential chain"),
            ChosenBy::Annotation(key) => write!(f, "the annotation {key} of the service account"),
        }
    }
}

impl ChosenBy {
    /// The layer that it belongs to.
    pub(crate) fn layer(&self) -> LayerName {
        match self {
            ChosenBy::Name { .. } => LayerName::Name,
            ChosenBy::Rule(_) => LayerName::Rules,
            ChosenBy::Variables { .. } => LayerName::EcrxVariables,
            ChosenBy::Variable(name) if name.starts_with("ECRX_") => LayerName::EcrxVariables,
            ChosenBy::Variable(_) => LayerName::AwsVariables,
            ChosenBy::Defaults(_) => LayerName::Defaults,
            ChosenBy::Default => LayerName::Sdk,
            ChosenBy::Annotation(_) => LayerName::Workload,
        }
    }
}
