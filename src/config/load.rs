//! Reads the configuration files and combines them.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, Excerpt, Origin};
use super::identity::{IdentitySettings, IdentityTemplate};
use super::kubelet::KubeletSettings;
use super::rule::{Match, RegistrySettings, Rule};
use super::section::ConfigText;
use super::settings::{FileSettings, OtherHelperName};
use crate::env::{Env, var};
use crate::fs;
use crate::registry::{AccountId, Lookup, Region, Registry, ServerName};
use crate::secret::Secret;

/// The default time limit of a whole `get`.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// The default time limit for establishing a connection.
pub const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// The default time limit of another credential helper. It may prompt you to unlock a keyring.
pub const DEFAULT_OTHER_REGISTRIES_TIMEOUT: Duration = Duration::from_secs(120);

/// The paths of the configuration files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigPaths {
    /// `ECRX_CONFIG`: read instead of the other two, and must exist.
    pub explicit: Option<PathBuf>,
    /// The user's file, which may be absent.
    pub user: Option<PathBuf>,
    /// The machine's file, which may be absent.
    pub machine: Option<PathBuf>,
}

impl ConfigPaths {
    /// The paths in this environment.
    pub(crate) fn from_env(env: &Env) -> Self {
        Self {
            explicit: env.path(var::ECRX_CONFIG),
            user: env.user_config(),
            machine: env.machine_config(),
        }
    }
}

/// The combined settings of the configuration files.
#[derive(Clone, Debug)]
pub struct Config {
    /// The time limit of a whole `get`, network included: 1 s to 5 min.
    pub timeout: Duration,
    /// The time limit for establishing a connection: 1 s to 1 min.
    pub connect_timeout: Duration,
    /// The helper for registries other than ECR; `None` if no file names one.
    pub other_registries_helper: Option<OtherHelperName>,
    /// The time limit of that helper for one answer: 1 s to 1 h.
    pub other_registries_timeout: Duration,
    pub cache: CacheSettings,
    pub kubelet: KubeletSettings,
    defaults: Option<IdentityTemplate>,
    rules: Vec<Rule>,
    identities: BTreeMap<String, IdentityTemplate>,
    files: Vec<File>,
    /// Built by [`Config::index_rules`].
    index: OnceLock<RuleIndex>,
}

/// The rules that can match a registry, by their position in [`Config::rules`].
#[derive(Clone, Debug, Default)]
struct RuleIndex {
    of_account: HashMap<AccountId, Vec<usize>>,
    of_any_account: Vec<usize>,
}

impl RuleIndex {
    fn from_rules(rules: &[Rule]) -> Self {
        let mut index = Self::default();
        for (position, rule) in rules.iter().enumerate() {
            match rule.registries().account() {
                Some(account) => {
                    let positions = index.of_account.entry(account.clone()).or_default();
                    positions.push(position);
                }
                None => index.of_any_account.push(position),
            }
        }
        index
    }

    /// The positions of the rules for the registry's account, in order.
    fn candidates(&self, registry: &Registry) -> Vec<usize> {
        let account = registry.private().map(|private| &private.account);
        let of_account = account.and_then(|account| self.of_account.get(account));
        let mut positions: Vec<usize> = of_account.into_iter().flatten().copied().collect();
        positions.extend(&self.of_any_account);
        positions.sort_unstable();
        positions
    }
}

#[derive(Clone, Debug)]
struct File {
    path: Arc<Path>,
    /// It may contain external IDs, which are not for logs.
    text: Secret,
}

/// The settings of the token cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheSettings {
    /// Whether tokens are cached; `true` by default.
    pub enabled: bool,
    /// The absolute path of the folder; `None` if no file names one.
    pub dir: Option<PathBuf>,
    /// The age at which a token is renewed, 1 min to 12 h; `None`, the default, is 45 to 50 % of its lifetime.
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
            .filter_map(|path| match ConfigText::read(path) {
                // A container or a service may run with HOME=/root as another user.
                Err(ConfigError::Unreadable { path, cause })
                    if fs::is_in_another_users_folder(&path) =>
                {
                    log::warn!("the file {} was ignored: {cause}", path.display());
                    None
                }
                text => text.transpose(),
            })
            .collect()
    }
}

impl Config {
    /// Reads the configuration files of this environment.
    pub(crate) fn from_env(env: &Env) -> Result<Self, ConfigError> {
        Self::load(&ConfigPaths::from_env(env))
    }

    /// Reads the files that exist. Without any, all settings have their defaults.
    ///
    /// # Errors
    /// The first mistake in any of the files, even if it does not concern the registry in question.
    pub fn load(paths: &ConfigPaths) -> Result<Self, ConfigError> {
        Self::from_sources(paths.texts()?)
    }

    /// The settings that are right, and all mistakes of the files, by file and line. There are none if
    /// [`Config::load`] succeeds.
    pub(crate) fn load_with_mistakes(paths: &ConfigPaths) -> (Self, Vec<ConfigError>) {
        let mut settings = FileSettings::default();
        let mut sources = Vec::new();
        let mut mistakes = Vec::new();
        for text in paths.each_text() {
            match text {
                Err(error) => mistakes.push(error),
                Ok(source) => {
                    settings = settings.or(FileSettings::read(&source));
                    let mut found = source.take_mistakes();
                    found.sort_by_key(ConfigError::position);
                    mistakes.append(&mut found);
                    sources.push(source);
                }
            }
        }
        (Self::from_settings(settings, sources), mistakes)
    }

    /// As [`Config::load`], with `text` as the content of the user's file or the explicit one: the
    /// result of a change.
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

    /// `sources` is in order of precedence.
    pub(super) fn from_sources(sources: Vec<ConfigText>) -> Result<Self, ConfigError> {
        let mut settings = FileSettings::default();
        for source in &sources {
            settings = settings.or(FileSettings::read(source));
            if let Some(mistake) = source.take_mistakes().into_iter().next() {
                return Err(mistake);
            }
        }
        Ok(Self::from_settings(settings, sources))
    }

    fn from_settings(settings: FileSettings, sources: Vec<ConfigText>) -> Self {
        Self {
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
            kubelet: settings.kubelet.with_defaults(),
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
            index: OnceLock::new(),
        }
    }

    /// The number of `[[registry]]` tables in a file, those with mistakes included.
    pub(crate) fn rule_count(&self, path: &Path) -> usize {
        let sources = self.sources().filter(|source| *source.path == *path);
        let count = |source: ConfigText| {
            let (top, _) = DeTable::parse_recoverable(&source.text);
            let rules = top.get_ref().get("registry");
            let rules = rules.and_then(|rules| rules.get_ref().as_array());
            rules.map_or(0, |rules| rules.len())
        };
        sources.map(count).sum()
    }

    /// The registry of a server name that a client sends: an ECR host, or a custom host name of a
    /// rule. No other server gets a token.
    pub fn registry(&self, server: &str) -> Option<Registry> {
        Registry::parse(server).or_else(|| {
            let name = ServerName::parse(server)?;
            self.rules
                .iter()
                .find_map(|rule| rule.registry_behind(&name))
        })
    }

    /// The registries with custom host names, by these names.
    pub fn own_registries(&self) -> impl Iterator<Item = &Registry> {
        self.rules
            .iter()
            .filter_map(|rule| match rule.registries() {
                Match::Own(own) => Some(own.registry()),
                _ => None,
            })
    }

    /// The identity of the first matching rule that has one.
    ///
    /// # Errors
    /// If a role or the rule's region is in another partition than the registry.
    pub fn rule_for<'l>(
        &self,
        lookup: impl Into<Lookup<'l>>,
    ) -> Result<Option<IdentitySettings>, ConfigError> {
        let deciding = self.deciding_rule(lookup.into())?;
        Ok(deciding.map(|(_, identity)| identity))
    }

    /// The first matching rule that has an identity.
    ///
    /// # Errors
    /// As [`Config::rule_for`].
    pub(crate) fn deciding_rule(
        &self,
        lookup: Lookup<'_>,
    ) -> Result<Option<(&Rule, IdentitySettings)>, ConfigError> {
        self.rules_of(lookup)
            .find_map(|rule| {
                let identity = rule.identity_for(lookup.registry);
                identity.map(|identity| Some((rule, identity?))).transpose()
            })
            .transpose()
    }

    /// The settings of the matching rules other than the identity. Each is taken from the first rule
    /// that sets it.
    pub fn settings_for<'l>(&self, lookup: impl Into<Lookup<'l>>) -> RegistrySettings {
        self.rules_of(lookup.into())
            .fold(RegistrySettings::default(), |settings, rule| {
                settings.or(rule.settings())
            })
    }

    fn rules_of(&self, lookup: Lookup<'_>) -> impl Iterator<Item = &Rule> {
        let index = self.index.get();
        let indexed = index.map(|index| index.candidates(lookup.registry));
        let not_indexed = if indexed.is_some() { &[] } else { &*self.rules };
        let positions = indexed.into_iter().flatten();
        positions
            .map(|position| &self.rules[position])
            .chain(not_indexed)
            .filter(move |rule| rule.matches(lookup))
    }

    /// A lookup for each rule for repositories of a registry, in order of precedence.
    pub(crate) fn repository_lookups<'a>(
        &'a self,
        registry: &'a Registry,
    ) -> impl Iterator<Item = Lookup<'a>> {
        let rules = self.rules.iter();
        rules.filter_map(|rule| rule.repository_lookup(registry))
    }

    /// Whether a rule for repositories of a registry limits tokens.
    pub(crate) fn limits_repositories(&self, registry: &Registry) -> bool {
        let mut rules = self.rules.iter();
        rules.any(|rule| {
            rule.settings().access.is_some() && rule.repository_lookup(registry).is_some()
        })
    }

    /// Prepares for questions about many registries, so that each does not visit all rules.
    pub(crate) fn index_rules(&self) {
        self.index
            .get_or_init(|| RuleIndex::from_rules(&self.rules));
    }

    /// The identity of `[identity.NAME]`; `None` if the table does not exist.
    ///
    /// # Errors
    /// If a role or the region is in another partition than the registry.
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

    /// The identity of `[defaults]`. `None` also for public ECR if a role has placeholders, as only
    /// names of private registries have values for them.
    ///
    /// # Errors
    /// If a role or the region is in another partition than the registry.
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

    /// All rules, in order of precedence.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The files that exist, in order of precedence.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|file| &*file.path)
    }

    pub fn texts(&self) -> impl Iterator<Item = &Secret> {
        self.files.iter().map(|file| &file.text)
    }
}

impl Default for Config {
    /// The configuration of a machine without files.
    fn default() -> Self {
        Self::from_settings(FileSettings::default(), Vec::new())
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
    /// The place of a setting outside of rules; `table` is empty for the top of the file. `None` if
    /// no file sets it.
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

    /// The `match` of each rule as written, in the order of the rules. Clients are configured with
    /// this spelling of a host.
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

    /// The region names in the files that exist in no partition.
    pub(crate) fn unknown_regions(&self) -> Vec<RegionWarning> {
        let mut warnings = Vec::new();
        for source in self.sources() {
            let (top, errors) = DeTable::parse_recoverable(&source.text);
            let wrong_lines: Vec<usize> = errors
                .iter()
                .filter_map(|error| Some(source.origin_of(&error.span()?).line))
                .collect();
            let mut visit = |value: &Spanned<DeValue<'_>>, region: Option<Region>| {
                let region = region.and_then(|region| Some((region.check_name()?, region)));
                let origin = source.origin_of(&value.span());
                if let Some((unknown, region)) = region
                    && !wrong_lines.contains(&origin.line)
                {
                    warnings.push(RegionWarning {
                        origin,
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

    /// The profiles of rules, `[defaults]` and `[identity.NAME]`, each with the place of its table.
    pub fn profiles(&self) -> impl Iterator<Item = (&str, &Origin)> {
        self.templates().filter_map(IdentityTemplate::profile)
    }

    /// Those of rules that limit tokens and name no role, in the same way.
    pub(crate) fn limited_profiles(&self) -> impl Iterator<Item = (&str, &Origin)> {
        let rules = self.rules.iter();
        let limited = rules.filter(|rule| rule.settings().access.is_some());
        let identities = limited.filter_map(Rule::identity);
        identities
            .filter(|identity| !identity.has_roles())
            .filter_map(IdentityTemplate::profile)
    }

    /// Their SSO sessions, in the same way.
    pub fn sso_sessions(&self) -> impl Iterator<Item = (&str, &Origin)> {
        self.templates().filter_map(IdentityTemplate::sso_session)
    }

    fn templates(&self) -> impl Iterator<Item = &IdentityTemplate> {
        let rules = self.rules.iter().filter_map(|rule| rule.identity());
        rules.chain(&self.defaults).chain(self.identities.values())
    }
}

/// A region name that exists in no partition, and its place.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexed_rules_are_looked_up_by_account_and_give_the_same_answers() {
        let rules: String = (0..100)
            .map(|number| {
                format!("[[registry]]\nmatch = \"{number:012}\"\nprofile = \"p{number}\"\n")
            })
            .collect();
        let text = format!(
            "[[registry]]\nmatch = \"public.ecr.aws\"\nprofile = \"public\"\n{rules}\
             [[registry]]\nmatch = \"*\"\nmax_age_seconds = 600\n"
        );
        let source = ConfigText::new(Path::new("/c.toml"), text.into_bytes()).unwrap();
        let config = Config::from_sources(vec![source]).unwrap();
        let hosts = [
            "000000000042.dkr.ecr.eu-west-1.amazonaws.com",
            "999999999999.dkr.ecr.eu-west-1.amazonaws.com",
            "public.ecr.aws",
        ];
        let answers = || {
            hosts.map(|host| {
                let registry = Registry::parse(host).unwrap();
                let identity = config.rule_for(&registry).unwrap();
                (identity, config.settings_for(&registry))
            })
        };
        let before = answers();
        config.index_rules();
        assert_eq!(answers(), before);
        let registry = Registry::parse(hosts[0]).unwrap();
        let candidates = config.index.get().unwrap().candidates(&registry);
        assert_eq!(candidates, [0, 43, 101]);
    }
}
