//! The configuration files, read and taken together.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, Origin};
use super::excerpt::Excerpt;
use super::identity::{IdentitySettings, IdentityTemplate};
use super::rule::{Match, RegistrySettings, Rule};
use super::section::ConfigText;
use super::settings::{FileSettings, OtherHelperName};
use crate::env::{Env, var};
use crate::registry::{Region, Registry, ServerName};
use crate::secret::Secret;

/// How long a whole `get` may take when no file says otherwise.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a connection may take to come about when no file says otherwise.
pub const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long another credential helper may take when no file says otherwise: it may have to ask a
/// person to unlock a keyring.
pub const DEFAULT_OTHER_REGISTRIES_TIMEOUT: Duration = Duration::from_secs(120);

/// Where the configuration files are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigPaths {
    /// `ECRX_CONFIG`: read instead of the other two, and must be there.
    pub explicit: Option<PathBuf>,
    /// The user's file, which may be absent.
    pub user: Option<PathBuf>,
    /// The machine's file, which may be absent.
    pub machine: Option<PathBuf>,
}

impl ConfigPaths {
    /// Where they are in this environment.
    pub(crate) fn from_env(env: &Env) -> Self {
        Self {
            explicit: env.path(var::ECRX_CONFIG),
            user: env.user_config(),
            machine: env.machine_config(),
        }
    }
}

/// What the configuration files say, taken together.
#[derive(Clone, Debug)]
pub struct Config {
    /// How long a whole `get` may take, network included: 1 s to 5 min.
    pub timeout: Duration,
    /// How long a connection may take to come about: 1 s to 1 min.
    pub connect_timeout: Duration,
    /// The helper that everything but ECR is handed to; `None` when no file names one.
    pub other_registries_helper: Option<OtherHelperName>,
    /// How long that helper may take for one answer: 1 s to 1 h.
    pub other_registries_timeout: Duration,
    pub cache: CacheSettings,
    defaults: Option<IdentityTemplate>,
    rules: Vec<Rule>,
    identities: BTreeMap<String, IdentityTemplate>,
    files: Vec<File>,
}

#[derive(Clone, Debug)]
struct File {
    path: Arc<Path>,
    /// External ids stand in it, which are not for logs.
    text: Secret,
}

/// What the files say of the token cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheSettings {
    /// Tokens are kept at all; `true` when no file says otherwise.
    pub enabled: bool,
    /// The folder, absolute; `None` when no file names one.
    pub dir: Option<PathBuf>,
    /// How old a token may become before a new one is fetched, 1 min to 12 h; `None` when no file
    /// says so, which means half its life.
    pub max_age: Option<Duration>,
}

impl ConfigPaths {
    fn texts(&self) -> Result<Vec<ConfigText>, ConfigError> {
        self.each_text().into_iter().collect()
    }

    /// The files that exist, or why one cannot be read.
    fn each_text(&self) -> Vec<Result<ConfigText, ConfigError>> {
        if let Some(path) = &self.explicit {
            let missing = || Err(ConfigError::Missing { path: path.clone() });
            return vec![ConfigText::read(path).transpose().unwrap_or_else(missing)];
        }
        let paths = [&self.user, &self.machine].into_iter().flatten();
        paths
            .filter_map(|path| ConfigText::read(path).transpose())
            .collect()
    }
}

impl Config {
    /// Reads the configuration files that count in this environment.
    pub(crate) fn from_env(env: &Env) -> Result<Self, ConfigError> {
        Self::load(&ConfigPaths::from_env(env))
    }

    /// Reads the files that are there. With none, everything is as by default.
    ///
    /// # Errors
    /// With the first thing that is wrong in any of the files, even if it would not matter
    /// for the registry at hand.
    pub fn load(paths: &ConfigPaths) -> Result<Self, ConfigError> {
        Self::from_sources(paths.texts()?)
    }

    /// All mistakes of the files, by file and line; empty if [`Config::load`] succeeds.
    pub(crate) fn mistakes(paths: &ConfigPaths) -> Vec<ConfigError> {
        let mut mistakes = Vec::new();
        for text in paths.each_text() {
            match text {
                Err(error) => mistakes.push(error),
                Ok(source) => {
                    FileSettings::read(&source);
                    let mut found = source.take_mistakes();
                    found.sort_by_key(ConfigError::position);
                    mistakes.append(&mut found);
                }
            }
        }
        mistakes
    }

    /// As [`Config::load`], with `text` in place of what the user's file, or the explicit one,
    /// holds: what would come of a change.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_with(paths: &ConfigPaths, text: &str) -> Result<Self, ConfigError> {
        let mut sources = Vec::new();
        if let Some(path) = paths.explicit.as_ref().or(paths.user.as_ref()) {
            sources.push(ConfigText::new(path, text.as_bytes().to_vec())?);
        }
        if let (None, Some(machine)) = (&paths.explicit, &paths.machine) {
            sources.extend(ConfigText::read(machine)?);
        }
        Self::from_sources(sources)
    }

    /// `sources` in the order in which they are asked.
    pub(super) fn from_sources(sources: Vec<ConfigText>) -> Result<Self, ConfigError> {
        let mut settings = FileSettings::default();
        for source in &sources {
            settings = settings.or(FileSettings::read(source));
            if let Some(mistake) = source.take_mistakes().into_iter().next() {
                return Err(mistake);
            }
        }
        Ok(Self {
            timeout: settings.timeout.unwrap_or(DEFAULT_TIMEOUT),
            connect_timeout: settings.connect_timeout.unwrap_or(DEFAULT_CONNECT_TIMEOUT),
            other_registries_helper: settings.other_registries_helper,
            other_registries_timeout: settings
                .other_registries_timeout
                .unwrap_or(DEFAULT_OTHER_REGISTRIES_TIMEOUT),
            cache: CacheSettings {
                enabled: settings.cache_enabled.unwrap_or(true),
                dir: settings.cache_dir,
                max_age: settings.cache_max_age,
            },
            defaults: settings.defaults,
            rules: settings.rules,
            identities: settings.identities,
            files: sources
                .into_iter()
                .map(|ConfigText { path, text, .. }| File {
                    path,
                    text: Secret::new(text),
                })
                .collect(),
        })
    }

    /// The registry that a client's server is: one of ECR's hosts, or a host of one's own that a
    /// rule names. No other server ever gets a token.
    pub fn registry(&self, server: &str) -> Option<Registry> {
        Registry::parse(server).or_else(|| {
            let name = ServerName::parse(server)?;
            self.rules
                .iter()
                .find_map(|rule| rule.registry_behind(&name))
        })
    }

    /// The registries that have names of one's own, called by these.
    pub fn own_registries(&self) -> impl Iterator<Item = &Registry> {
        self.rules
            .iter()
            .filter_map(|rule| match rule.registries() {
                Match::Own(own) => Some(own.registry()),
                _ => None,
            })
    }

    /// Who asks, by the first rule for this registry that says so; `None` where none does.
    ///
    /// # Errors
    /// When a role or the rule's region is of another partition than the registry.
    pub fn rule_for(&self, registry: &Registry) -> Result<Option<IdentitySettings>, ConfigError> {
        self.rules_of(registry)
            .find_map(|rule| rule.identity_for(registry).transpose())
            .transpose()
    }

    /// What the rules say of this registry besides who asks: each setting as the first rule has it
    /// that has it.
    pub fn settings_for(&self, registry: &Registry) -> RegistrySettings {
        self.rules_of(registry)
            .fold(RegistrySettings::default(), |settings, rule| {
                settings.or(rule.settings())
            })
    }

    fn rules_of(&self, registry: &Registry) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(|rule| rule.matches(registry))
    }

    /// Who asks, by `[identity.NAME]`; `None` where there is no such table.
    ///
    /// # Errors
    /// When a role or the region does not fit the registry.
    pub fn identity_for(
        &self,
        name: &str,
        registry: &Registry,
    ) -> Result<Option<IdentitySettings>, ConfigError> {
        self.identities
            .get(name)
            .map(|identity| identity.expand(registry))
            .transpose()
    }

    /// The names of all `[identity.NAME]`, sorted.
    pub fn identity_names(&self) -> impl Iterator<Item = &str> {
        self.identities.keys().map(String::as_str)
    }

    /// Who asks, by `[defaults]`, when nothing more explicit speaks; `None` when it is silent.
    /// It is silent, as a whole, on public ECR when one of its roles is to be filled in from a
    /// private registry's name.
    ///
    /// # Errors
    /// When a role or the region is of another partition than the registry.
    pub fn defaults_for(
        &self,
        registry: &Registry,
    ) -> Result<Option<IdentitySettings>, ConfigError> {
        self.defaults
            .as_ref()
            .filter(|defaults| registry.private().is_some() || !defaults.has_blanks())
            .map(|defaults| defaults.expand(registry))
            .transpose()
    }

    /// All rules, in the order in which they are asked.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The files that were there, in the order in which they are asked.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|file| &*file.path)
    }

    pub fn texts(&self) -> impl Iterator<Item = &Secret> {
        self.files.iter().map(|file| &file.text)
    }
}

impl Default for Config {
    /// The configuration of a machine that has no file.
    fn default() -> Self {
        Self {
            timeout: DEFAULT_TIMEOUT,
            connect_timeout: DEFAULT_CONNECT_TIMEOUT,
            other_registries_helper: None,
            other_registries_timeout: DEFAULT_OTHER_REGISTRIES_TIMEOUT,
            cache: CacheSettings::default(),
            defaults: None,
            rules: Vec::new(),
            identities: BTreeMap::new(),
            files: Vec::new(),
        }
    }
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            dir: None,
            max_age: None,
        }
    }
}

impl Config {
    /// Where a setting outside of rules stands that counts; `table` is empty for the top of the
    /// file. `None` where no file has it.
    pub fn origin_of(&self, table: &str, key: &str) -> Option<Origin> {
        self.sources().find_map(|source| {
            let top = DeTable::parse(&source.text).ok()?;
            let top = top.get_ref();
            let value = match table {
                "" => top.get(key)?,
                table => top.get(table)?.get_ref().as_table()?.get(key)?,
            };
            Some(source.origin_of(&value.span()))
        })
    }

    /// What stands in the `match` of each rule, in the order of the rules: a host in the spelling
    /// that clients are given.
    pub fn matches_as_written(&self) -> Vec<String> {
        let mut matches = Vec::new();
        for source in self.sources() {
            let Ok(top) = DeTable::parse(&source.text) else {
                continue;
            };
            let rules = top.get_ref().get("registry");
            let rules = rules.and_then(|rules| rules.get_ref().as_array());
            let texts = rules.into_iter().flatten().filter_map(|rule| {
                let text = rule.get_ref().as_table()?.get("match")?;
                text.get_ref().as_str().map(str::to_owned)
            });
            matches.extend(texts);
        }
        matches
    }

    /// The region names in the files that no partition has.
    pub(crate) fn unknown_regions(&self) -> Vec<RegionWarning> {
        let mut warnings = Vec::new();
        for source in self.sources() {
            let Ok(top) = DeTable::parse(&source.text) else {
                continue;
            };
            let mut visit = |value: &Spanned<DeValue<'_>>, region: Option<Region>| {
                let region = region.and_then(|region| Some((region.check_name()?, region)));
                if let Some((unknown, region)) = region {
                    warnings.push(RegionWarning {
                        origin: source.origin_of(&value.span()),
                        excerpt: source.excerpt(&value.span()),
                        region,
                        nearest: unknown.nearest,
                    });
                }
            };
            for table in identity_tables(top.get_ref()) {
                if let Some(value) = table.get("match") {
                    let text = value.get_ref().as_str().unwrap_or_default();
                    let parsed = text.parse::<Match>().ok();
                    visit(value, parsed.and_then(|it| it.region().cloned()));
                }
                if let Some(value) = table.get("region") {
                    let text = value.get_ref().as_str().unwrap_or_default();
                    visit(value, text.parse().ok());
                }
            }
        }
        warnings
    }

    fn sources(&self) -> impl Iterator<Item = ConfigText> {
        self.files.iter().filter_map(|file| {
            let bytes = file.text.expose().as_bytes().to_vec();
            ConfigText::new(&file.path, bytes).ok()
        })
    }

    /// The profiles that rules, `[defaults]` and `[identity.NAME]` name, each with the place of
    /// its table.
    pub fn profiles(&self) -> impl Iterator<Item = (&str, &Origin)> {
        let of_rules = self.rules.iter().filter_map(|rule| rule.identity());
        of_rules
            .chain(&self.defaults)
            .chain(self.identities.values())
            .filter_map(IdentityTemplate::profile)
    }
}

/// A region name that no partition has, and its place.
#[derive(Debug)]
pub(crate) struct RegionWarning {
    pub(crate) origin: Origin,
    pub(crate) excerpt: Option<Box<Excerpt>>,
    pub(crate) region: Region,
    pub(crate) nearest: Option<String>,
}

/// The tables that may name a region: each `[[registry]]`, `[defaults]` and each
/// `[identity.NAME]`.
fn identity_tables<'t, 'a>(top: &'t DeTable<'a>) -> Vec<&'t DeTable<'a>> {
    let value = |key| top.get(key).map(Spanned::get_ref);
    let rules = value("registry").and_then(DeValue::as_array);
    let rules = rules.into_iter().flatten().map(Spanned::get_ref);
    let identities = value("identity").and_then(DeValue::as_table);
    let identities = identities.into_iter().flat_map(|table| table.values());
    let tables = rules
        .chain(value("defaults"))
        .chain(identities.map(Spanned::get_ref));
    tables.filter_map(DeValue::as_table).collect()
}
