//! The registries that are configured, by rules of `config.toml` and by `credHelpers` entries, with
//! the identity of each: what `whoami` and `config show` print without a host.

use std::ffi::OsStr;

use serde::Serialize;

use crate::config::Config;
use crate::configure::clients::helper_entries;
use crate::env::Env;
use crate::error::Error;
use crate::get::Tokens;
use crate::helper_name;
use crate::identity::LayerName;
use crate::registry::Registry;

use super::facts::{SignInFacts, USABLE};
use super::{Page, Target, Verdict};

/// A registry that is configured, or a rule for several registries.
pub(super) struct ConfiguredRegistry {
    /// The host, or the rule's `match` if it matches several registries.
    name: String,
    /// `None` for a rule that matches several registries.
    registry: Option<Registry>,
    /// The NAME of `docker-credential-ecrx-NAME`, which clients run for this host.
    run_as: Option<String>,
    configured_in: Vec<String>,
}

/// The registries that are configured, in the order of the rules and entries.
pub(super) fn configured(env: &Env, config: &Config) -> Vec<ConfiguredRegistry> {
    let mut found = Vec::new();
    for (rule, written) in config.rules().iter().zip(config.matches_as_written()) {
        let registry = Target::registry_of_rule(rule, &written, config);
        let name = match &registry {
            Some(registry) => registry.to_string(),
            None => rule.registries().to_string(),
        };
        add(&mut found, name, registry, None, rule.origin().to_string());
    }
    for entry in helper_entries(env) {
        if let Some(registry) = config.registry(&entry.host) {
            let program = format!("{}{}", helper_name::PREFIX, entry.helper);
            let run_as = helper_name::called_as(OsStr::new(&program));
            let place = entry.file.display().to_string();
            add(&mut found, entry.host, Some(registry), run_as, place);
        }
    }
    found
}

/// The names of the hosts among them, for shell completions.
pub(super) fn hosts(env: &Env, config: &Config) -> Vec<String> {
    let found = configured(env, config).into_iter();
    found
        .filter(|configured| configured.registry.is_some())
        .map(|configured| configured.name)
        .collect()
}

fn add(
    found: &mut Vec<ConfiguredRegistry>,
    name: String,
    registry: Option<Registry>,
    run_as: Option<String>,
    place: String,
) {
    let known = found
        .iter_mut()
        .find(|known| known.name == name && known.run_as == run_as);
    match known {
        Some(known) => known.configured_in.push(place),
        None => found.push(ConfiguredRegistry {
            name,
            registry,
            run_as,
            configured_in: vec![place],
        }),
    }
}

/// The registries that are configured, and the identity that is used for each.
#[derive(Serialize)]
pub(super) struct RegistriesReport {
    registries: Vec<RegistryFacts>,
}

#[derive(Serialize)]
struct RegistryFacts {
    /// The host, or the rule's `match` if it matches several registries.
    registry: String,
    /// The NAME of `docker-credential-ecrx-NAME`, which clients run for this host.
    run_as: Option<String>,
    configured_in: Vec<String>,
    /// `None` for a rule that matches several registries, and if there is no identity.
    layer: Option<LayerName>,
    identity: Option<String>,
    chosen_by: Option<String>,
    /// Why the identity cannot be used.
    error: Option<String>,
}

/// What a table shows of each registry.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Columns {
    /// The identity, and why it is used.
    Identity,
    /// The layer that selects the identity, and the files that name the registry.
    Configuration,
}

impl RegistriesReport {
    pub(super) fn read(env: &Env, config: &Config) -> Self {
        let tokens = Tokens::new(env, config);
        let registries = configured(env, config)
            .into_iter()
            .map(|configured| match &configured.run_as {
                None => RegistryFacts::read(configured, &tokens),
                Some(name) => {
                    let env = env.clone().called_as(Some(name.clone()));
                    RegistryFacts::read(configured, &Tokens::new(&env, config))
                }
            })
            .collect();
        Self { registries }
    }

    /// Prints the report as a table or as JSON.
    pub(super) fn show(&self, columns: Columns, json: bool, page: &mut Page) -> Verdict {
        if json {
            page.json(self);
        } else if self.registries.is_empty() {
            page.paragraph(0, "No registry is configured.");
            page.paragraph(0, "Run: docker-credential-ecrx configure-docker HOST");
        } else {
            self.print(columns, page);
        }
        let is_usable = |facts: &RegistryFacts| facts.error.is_none();
        Verdict::good_if(self.registries.iter().all(is_usable))
    }

    fn print(&self, columns: Columns, page: &mut Page) {
        let rows: Vec<Vec<String>> = self
            .registries
            .iter()
            .flat_map(|facts| match columns {
                Columns::Identity => facts.identity_rows(),
                Columns::Configuration => facts.configuration_rows(),
            })
            .collect();
        match columns {
            Columns::Identity => page.table(&["REGISTRY", "IDENTITY"], &rows),
            Columns::Configuration => {
                page.table(&["REGISTRY", "SELECTED BY", "CONFIGURED IN"], &rows);
            }
        }
    }
}

impl RegistryFacts {
    fn read(configured: ConfiguredRegistry, tokens: &Tokens<'_>) -> Self {
        let identity = configured
            .registry
            .as_ref()
            .map(|registry| tokens.identity(registry));
        let (identity, error) = match identity {
            None => (None, None),
            Some(Ok(identity)) => {
                let sign_in = SignInFacts::from_identity(&identity);
                let sign_in = sign_in.filter(|sign_in| sign_in.state != USABLE);
                (Some(identity), sign_in.map(|sign_in| sign_in.text))
            }
            Some(Err(error)) => (None, Some(Error::line(&error))),
        };
        Self {
            registry: configured.name,
            run_as: configured.run_as,
            configured_in: configured.configured_in,
            layer: identity.as_ref().map(|identity| identity.chosen_by.layer()),
            chosen_by: identity
                .as_ref()
                .map(|identity| identity.chosen_by.to_string()),
            identity: identity.map(|identity| identity.to_string()),
            error,
        }
    }

    fn name(&self) -> String {
        match &self.run_as {
            Some(name) => format!("{} (as {name})", self.registry),
            None => self.registry.clone(),
        }
    }

    fn identity_rows(&self) -> Vec<Vec<String>> {
        let mut lines: Vec<String> = self.identity.iter().cloned().collect();
        let chosen_by = self.chosen_by.iter();
        lines.extend(chosen_by.map(|place| format!("selected by {place}")));
        lines.extend(self.error.iter().map(|error| format!("✗ {error}")));
        if lines.is_empty() {
            lines.push("depends on the registry".to_owned());
        }
        let names = std::iter::once(self.name()).chain(std::iter::repeat(String::new()));
        names
            .zip(lines)
            .map(|(name, line)| vec![name, line])
            .collect()
    }

    fn configuration_rows(&self) -> Vec<Vec<String>> {
        let layer = match (self.layer, &self.error) {
            (Some(layer), _) => layer.to_string(),
            (None, Some(_)) => "✗ no identity".to_owned(),
            (None, None) => "-".to_owned(),
        };
        vec![vec![self.name(), layer, self.configured_in.join(", ")]]
    }
}
