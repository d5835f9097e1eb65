//! What each layer says of a registry, for people: also those that were passed over.

use std::fmt;

use serde::Serialize;

use super::layers::{Chosen, Layer, Layers};
use super::{ChosenBy, IdentityError, Resolver};
use crate::config::IdentitySettings;
use crate::registry::Registry;

/// The layers that may choose who asks, the most explicit first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LayerName {
    /// The name that the program was called by.
    Name,
    /// The `ECRX_*` variables.
    EcrxVariables,
    /// The rules of `config.toml`.
    Rules,
    /// The `AWS_*` variables.
    AwsVariables,
    /// `[defaults]` of `config.toml`.
    Defaults,
    /// The default profile, then instance metadata.
    Sdk,
}

impl fmt::Display for LayerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LayerName::Name => "name called by",
            LayerName::EcrxVariables => "ECRX_ variables",
            LayerName::Rules => "rules",
            LayerName::AwsVariables => "AWS_ variables",
            LayerName::Defaults => "[defaults]",
            LayerName::Sdk => "AWS's defaults",
        })
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
        }
    }
}

/// What one layer says.
#[derive(Debug)]
pub(crate) struct LayerSays {
    /// Which.
    pub layer: LayerName,
    /// `None` where it is silent; an error where it speaks and is wrong.
    pub says: Result<Option<Said>, IdentityError>,
}

/// Who would ask, if this layer decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    /// Where exactly that stands.
    pub chosen_by: ChosenBy,
    /// The profile or source, and the roles on top.
    pub who: String,
}

impl Resolver<'_> {
    /// What each of the six layers says of this registry.
    pub(crate) fn layers(&self, registry: &Registry) -> [LayerSays; 6] {
        let layers = &self.layers;
        let config = layers.config;
        let wrong = IdentityError::Config;
        [
            (LayerName::Name, layers.name_says(registry)),
            (
                LayerName::EcrxVariables,
                layers
                    .refuse_misspelled(registry)
                    .and_then(|()| layers.ecrx_variables(registry))
                    .map(|layer| layer.map(Said::of_layer)),
            ),
            (
                LayerName::Rules,
                said(config.rule_for(registry).map_err(wrong), ChosenBy::Rule),
            ),
            (
                LayerName::AwsVariables,
                layers
                    .of_variables()
                    .map(|chosen| chosen.map(Said::of_chosen)),
            ),
            (
                LayerName::Defaults,
                said(
                    config.defaults_for(registry).map_err(wrong),
                    ChosenBy::Defaults,
                ),
            ),
            (
                LayerName::Sdk,
                match layers.of_the_sdk() {
                    Ok(chosen) => Ok(Some(Said::of_chosen(chosen))),
                    Err(IdentityError::NotSignedIn) => Ok(None),
                    Err(error) => Err(error),
                },
            ),
        ]
        .map(|(layer, says)| LayerSays { layer, says })
    }
}

impl Layers<'_> {
    fn name_says(&self, registry: &Registry) -> Result<Option<Said>, IdentityError> {
        let Some(name) = self.env.name() else {
            return Ok(None);
        };
        let settings = self.config.identity_for(self.meant(name), registry);
        match settings.map_err(IdentityError::Config)? {
            Some(settings) => said(Ok(Some(settings)), |origin| ChosenBy::Name {
                name: name.to_owned(),
                origin: Some(origin),
            }),
            None => self
                .of_name(name, registry)
                .map(|chosen| Some(Said::of_chosen(chosen))),
        }
    }
}

/// What a table of `config.toml` says.
fn said(
    settings: Result<Option<IdentitySettings>, IdentityError>,
    chosen_by: impl FnOnce(crate::config::Origin) -> ChosenBy,
) -> Result<Option<Said>, IdentityError> {
    Ok(settings?.map(|settings| {
        let chosen_by = chosen_by(settings.origin.clone());
        Said::of_layer(Layer::of(settings, chosen_by))
    }))
}

impl Said {
    fn of_layer(layer: Layer) -> Self {
        let below = layer.profile.is_none();
        let profile = layer.profile.map(|profile| format!("profile {profile}"));
        let roles = layer.roles.iter().map(|role| format!("role {}", role.arn));
        let mut who = profile
            .into_iter()
            .chain(roles)
            .collect::<Vec<_>>()
            .join(", then ");
        if below {
            who.push_str(", assumed from what comes below");
        }
        Self {
            chosen_by: layer.chosen_by,
            who,
        }
    }

    fn of_chosen(chosen: Chosen) -> Self {
        let mut who = match &chosen.profile {
            Some(profile) => format!("profile {profile} ({})", chosen.source),
            None => chosen.source.to_string(),
        };
        for role in &chosen.roles {
            who.push_str(&format!(", then role {}", role.arn));
        }
        Self {
            chosen_by: chosen.chosen_by,
            who,
        }
    }
}
