//! The registries that are configured, by rules of `config.toml` and by `credHelpers` entries, with
//! the identity of each: what `whoami` and `config show` print without a host.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::PathBuf;

use serde::Serialize;

use crate::config::{Config, Match};
use crate::configure::clients::{ClientConfig, ClientConfigError, ContainerClient};
use crate::env::Env;
use crate::error::Error;
use crate::get::Tokens;
use crate::helper_name;
use crate::identity::LayerName;
use crate::registry::{Lookup, Registry, RepositoryPattern};

use super::facts::{SignInFacts, USABLE};
use super::page::CheckMark;
use super::{Page, Target, Verdict};

/// The registries that are configured.
#[derive(Default)]
pub(super) struct ConfiguredRegistries {
    /// In the order of the rules and entries.
    registries: Vec<ConfiguredRegistry>,
    /// The index of each in `registries`.
    indexes: HashMap<(String, Helper), usize>,
    /// Why clients' files cannot be read.
    unreadable: Vec<ClientConfigError>,
}

/// A host or a rule that is configured.
struct ConfiguredRegistry {
    /// The host, or the rule's `match` if it matches several registries.
    name: String,
    helper: Helper,
    matches: Matches,
    configured_in: Vec<String>,
    is_in_client_file: bool,
}

enum Matches {
    One(Registry),
    /// A rule that matches repositories of a registry.
    Repositories(Registry, RepositoryPattern),
    /// A rule that matches several registries.
    Several,
    /// A host that is not an ECR registry.
    NoRegistry,
}

/// The helper that clients run for a host.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Helper {
    /// This program, also by a link `docker-credential-ecrx-NAME`.
    Own { name: Option<String> },
    /// `docker-credential-NAME`.
    Other { program: String },
}

impl Helper {
    /// Reads a helper's name from a client's file.
    fn parse(helper: &str) -> Self {
        let program = format!("{}{helper}", helper_name::PREFIX);
        if helper_name::is_ours(helper) {
            let name = helper_name::called_as(OsStr::new(&program));
            Self::Own { name }
        } else {
            Self::Other { program }
        }
    }

    fn is_own(&self) -> bool {
        matches!(self, Self::Own { .. })
    }

    /// The NAME of `docker-credential-ecrx-NAME`.
    fn run_as(&self) -> Option<&str> {
        match self {
            Self::Own { name } => name.as_deref(),
            Self::Other { .. } => None,
        }
    }

    fn program(&self) -> String {
        match self {
            Self::Own { name } => {
                let helper = helper_name::in_client_files(name.as_deref());
                format!("{}{helper}", helper_name::PREFIX)
            }
            Self::Other { program } => program.clone(),
        }
    }
}

impl ConfiguredRegistries {
    pub(super) fn read(env: &Env, config: &Config) -> Self {
        let mut found = Self::default();
        for (rule, written) in config.rules().iter().zip(config.matches_as_written()) {
            let registry = Target::registry_of_rule(rule, &written, config);
            let name = match &registry {
                Some(registry) => registry.to_string(),
                None => rule.registries().to_string(),
            };
            found.add(ConfiguredRegistry {
                name,
                helper: Helper::Own { name: None },
                matches: match (registry, rule.registries()) {
                    (Some(registry), _) => Matches::One(registry),
                    (None, Match::Repositories(account, region, pattern)) => {
                        let registry = Registry::from_account(account.clone(), region.clone());
                        Matches::Repositories(registry, pattern.clone())
                    }
                    (None, _) => Matches::Several,
                },
                configured_in: vec![rule.origin().to_string()],
                is_in_client_file: false,
            });
        }
        for file in client_files(env) {
            match ClientConfig::read_file(&file) {
                Ok(Some(client)) => found.add_entries(&client, config),
                Ok(None) => {}
                Err(error) => found.unreadable.push(error),
            }
        }
        found
    }

    /// Adds the ECR registries of a client's file, and other hosts that use this program.
    fn add_entries(&mut self, client: &ClientConfig, config: &Config) {
        for (host, helper) in client.cred_helpers() {
            let helper = Helper::parse(helper);
            let registry = config.registry(host);
            if registry.is_some() || helper.is_own() {
                self.add(ConfiguredRegistry {
                    name: host.to_owned(),
                    helper,
                    matches: registry.map_or(Matches::NoRegistry, Matches::One),
                    configured_in: vec![client.path().display().to_string()],
                    is_in_client_file: true,
                });
            }
        }
    }

    fn add(&mut self, configured: ConfiguredRegistry) {
        let key = (configured.name.clone(), configured.helper.clone());
        let next = self.registries.len();
        let index = *self.indexes.entry(key).or_insert(next);
        match self.registries.get_mut(index) {
            Some(known) => {
                known.configured_in.extend(configured.configured_in);
                known.is_in_client_file |= configured.is_in_client_file;
            }
            None => self.registries.push(configured),
        }
    }

    /// The hosts of ECR registries, for shell completions.
    pub(super) fn into_hosts(self) -> Vec<String> {
        let registries = self.registries.into_iter();
        registries
            .filter(|configured| matches!(configured.matches, Matches::One(_)))
            .map(|configured| configured.name)
            .collect()
    }
}

/// The configuration files of all clients, each once.
fn client_files(env: &Env) -> Vec<PathBuf> {
    let clients = [ContainerClient::Docker, ContainerClient::Podman];
    let mut files: Vec<PathBuf> = Vec::new();
    for file in clients.iter().flat_map(|client| client.files(env)) {
        if !files.contains(&file) {
            files.push(file);
        }
    }
    files
}

/// Why clients cannot run a program, if it is known which folders they search.
#[cfg(unix)]
fn missing_program(env: &Env, program: &str) -> Option<String> {
    let folders = env.search_folders();
    let is_missing = !folders.is_empty() && crate::child::find(program, &folders).is_err();
    is_missing.then(|| format!("{program} is not on PATH, so clients cannot run it"))
}

#[cfg(not(unix))]
fn missing_program(_: &Env, _: &str) -> Option<String> {
    None
}

/// The registries that are configured, and the identity that is used for each.
#[derive(Serialize)]
pub(super) struct RegistriesReport {
    registries: Vec<RegistryFacts>,
    /// Why clients' files cannot be read.
    errors: Vec<String>,
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
    /// Why clients do not use this program.
    warning: Option<String>,
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
        config.index_rules();
        let configured = ConfiguredRegistries::read(env, config);
        let mut report = Self {
            registries: Vec::new(),
            errors: configured
                .unreadable
                .iter()
                .map(ToString::to_string)
                .collect(),
        };
        // The AWS files and PATH are read once for each helper, not for each registry.
        let mut helpers: Vec<&Helper> = Vec::new();
        for registry in &configured.registries {
            if !helpers.contains(&&registry.helper) {
                helpers.push(&registry.helper);
            }
        }
        let environments: Vec<Env> = helpers
            .iter()
            .map(|helper| match helper.run_as() {
                Some(name) => env.clone().called_as(Some(name.to_owned())),
                None => env.clone(),
            })
            .collect();
        let details: HashMap<&Helper, HelperDetails<'_>> = helpers
            .into_iter()
            .zip(&environments)
            .map(|(helper, env)| (helper, HelperDetails::read(helper, env, config)))
            .collect();
        for registry in &configured.registries {
            let details = &details[&registry.helper];
            let facts = RegistryFacts::read(registry, details, config);
            report.registries.push(facts);
        }
        report
    }

    /// Prints the report as a table or as JSON.
    pub(super) fn show(&self, columns: Columns, json: bool, page: &mut Page) -> Verdict {
        if json {
            page.json(self);
        } else {
            self.print(columns, page);
        }
        let is_usable = |facts: &RegistryFacts| facts.error.is_none();
        Verdict::good_if(self.errors.is_empty() && self.registries.iter().all(is_usable))
    }

    fn print(&self, columns: Columns, page: &mut Page) {
        if !self.registries.is_empty() {
            self.print_table(columns, page);
        } else if self.errors.is_empty() {
            page.paragraph(0, "no registries are configured");
            page.paragraph(0, "Run: docker-credential-ecrx configure-docker HOST");
        }
        for error in &self.errors {
            page.marked(CheckMark::Bad, error);
        }
    }

    fn print_table(&self, columns: Columns, page: &mut Page) {
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
    fn read(configured: &ConfiguredRegistry, helper: &HelperDetails<'_>, config: &Config) -> Self {
        let mut facts = Self {
            registry: configured.name.clone(),
            run_as: configured.helper.run_as().map(str::to_owned),
            configured_in: configured.configured_in.clone(),
            layer: None,
            identity: None,
            chosen_by: None,
            error: None,
            warning: None,
        };
        match (&configured.matches, &helper.tokens) {
            (Matches::One(registry), Some(tokens)) => facts.add_identity(registry.into(), tokens),
            (Matches::Repositories(registry, pattern), Some(tokens)) => {
                let repository = Some(pattern.as_str());
                let lookup = Lookup {
                    registry,
                    repository,
                };
                facts.add_identity(lookup, tokens);
            }
            (Matches::One(_) | Matches::Repositories(..), None) => {
                let program = configured.helper.program();
                facts.warning = Some(format!(
                    "clients run {program} for this registry, not docker-credential-ecrx"
                ));
            }
            (Matches::NoRegistry, _) => facts.add_other_helper(config),
            (Matches::Several, _) => {}
        }
        if configured.is_in_client_file && helper.missing.is_some() {
            facts.warning.clone_from(&helper.missing);
        }
        facts
    }

    fn add_identity(&mut self, lookup: Lookup<'_>, tokens: &Tokens<'_>) {
        match tokens.identity(lookup) {
            Ok(identity) => {
                let sign_in = SignInFacts::from_identity(&identity);
                let sign_in = sign_in.filter(|sign_in| sign_in.state != USABLE);
                self.error = sign_in.map(|sign_in| sign_in.text);
                self.layer = Some(identity.chosen_by.layer());
                self.chosen_by = Some(identity.chosen_by.to_string());
                self.identity = Some(identity.to_string());
            }
            Err(error) => self.error = Some(Error::line(&error)),
        }
    }

    /// The facts of a host that is not an ECR registry.
    fn add_other_helper(&mut self, config: &Config) {
        match &config.other_registries_helper {
            Some(helper) => {
                self.identity = Some(format!("a login saved by {}", helper.program()));
                self.chosen_by = Some(format!("other_registries_helper at {}", helper.origin()));
            }
            None => {
                let text =
                    "not an ECR registry, so docker-credential-ecrx has no credentials for it";
                self.warning = Some(text.to_owned());
            }
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
        lines.extend(self.warning.iter().map(|warning| format!("! {warning}")));
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
        let mut rows = vec![vec![self.name(), layer, self.configured_in.join(", ")]];
        let warning = self.warning.iter();
        rows.extend(warning.map(|text| vec![String::new(), String::new(), format!("! {text}")]));
        rows
    }
}

/// What is the same for all registries that use a helper.
struct HelperDetails<'a> {
    /// `None` if the helper is another program.
    tokens: Option<Tokens<'a>>,
    /// Why clients cannot run it.
    missing: Option<String>,
}

impl<'a> HelperDetails<'a> {
    fn read(helper: &Helper, env: &'a Env, config: &'a Config) -> Self {
        Self {
            tokens: helper.is_own().then(|| Tokens::new(env, config)),
            missing: missing_program(env, &helper.program()),
        }
    }
}
