//! What one `config.toml` says: its tables, their keys and their bounds.
//!
//! A key that is to be added is listed in a `Shape` and read in the function that reads the
//! table; until then it is refused as unknown. `packaging/config.example.toml` shows every
//! key, and the tests read it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use toml::de::DeTable;

use super::error::{ConfigError, Origin, Problem};
use super::identity::IdentityTemplate;
use super::rule::{MAX_AGE_SECONDS, Rule};
use super::section::{ConfigText, Section, Shape};
use crate::helper_name::{OWN_NAME, PREFIX};

const TOP: Shape = Shape {
    name: "",
    written: "the top of the file, above the first table",
    groups: &[&[
        "timeout_seconds",
        "connect_timeout_seconds",
        "other_registries_helper",
        "other_registries_timeout_seconds",
        "cache",
        "defaults",
        "registry",
        "identity",
    ]],
};

const CACHE: Shape = Shape {
    name: "cache",
    written: "[cache]",
    groups: &[&["enabled", "dir", "max_age_seconds"]],
};

/// The keys that say who asks.
const WHO: &[&str] = &[
    "profile",
    "source_profile",
    "role_arn",
    "external_id",
    "role_session_name",
    "duration_seconds",
    "mfa_serial",
    "region",
];

const DEFAULTS: Shape = Shape {
    name: "defaults",
    written: "[defaults]",
    groups: &[WHO],
};

const IDENTITY: Shape = Shape {
    name: "identity",
    written: "[identity.NAME]",
    groups: &[WHO],
};

const REGISTRY: Shape = Shape {
    name: "registry",
    written: "[[registry]]",
    groups: &[
        &["match", "accounts"],
        WHO,
        &[
            "account",
            "endpoint_url",
            "sts_endpoint_url",
            "max_age_seconds",
        ],
    ],
};

/// All tables there are.
pub(super) const ALL: &[&Shape] = &[&TOP, &CACHE, &DEFAULTS, &REGISTRY, &IDENTITY];

/// What one file says. `None`: nothing.
#[derive(Debug, Default)]
pub(super) struct FileSettings {
    pub timeout: Option<Duration>,
    pub connect_timeout: Option<Duration>,
    pub other_registries_helper: Option<OtherHelperName>,
    pub other_registries_timeout: Option<Duration>,
    pub cache_enabled: Option<bool>,
    pub cache_dir: Option<PathBuf>,
    pub cache_max_age: Option<Duration>,
    pub defaults: Option<IdentityTemplate>,
    pub rules: Vec<Rule>,
    pub identities: BTreeMap<String, IdentityTemplate>,
}

impl FileSettings {
    pub(super) fn read(source: &ConfigText) -> Result<Self, ConfigError> {
        let table = DeTable::parse(&source.text).map_err(|error| syntax(source, &error))?;
        let top = Section::new(source, table.get_ref(), 0..0, &TOP, ALL)?;
        let mut settings = Self {
            timeout: top.seconds("timeout_seconds", 1..=300)?,
            connect_timeout: top.seconds("connect_timeout_seconds", 1..=60)?,
            other_registries_helper: OtherHelperName::read(&top)?,
            other_registries_timeout: top.seconds("other_registries_timeout_seconds", 1..=3600)?,
            ..Self::default()
        };
        if let Some(cache) = top.table(&CACHE)? {
            settings.cache_enabled = cache.switch("enabled")?;
            settings.cache_dir = read_dir(&cache)?;
            settings.cache_max_age = cache.seconds("max_age_seconds", MAX_AGE_SECONDS)?;
        }
        if let Some(defaults) = top.table(&DEFAULTS)? {
            settings.defaults = read_defaults(&defaults)?;
        }
        for rule in top.tables(&REGISTRY)? {
            settings.rules.push(Rule::read(&rule)?);
        }
        for (name, identity) in top.named_tables(&IDENTITY)? {
            let template = read_identity(name, &identity)?;
            settings.identities.insert(name.to_owned(), template);
        }
        Ok(settings)
    }

    /// What this file says, and where it says nothing, what `other` says. The rules of both:
    /// this file's come first. `[defaults]` is one setting, and so is each `[identity.NAME]`, so
    /// that a profile of one file never meets a role of the other.
    pub(super) fn or(mut self, other: Self) -> Self {
        self.rules.extend(other.rules);
        for (name, identity) in other.identities {
            self.identities.entry(name).or_insert(identity);
        }
        Self {
            timeout: self.timeout.or(other.timeout),
            connect_timeout: self.connect_timeout.or(other.connect_timeout),
            other_registries_helper: self
                .other_registries_helper
                .or(other.other_registries_helper),
            other_registries_timeout: self
                .other_registries_timeout
                .or(other.other_registries_timeout),
            cache_enabled: self.cache_enabled.or(other.cache_enabled),
            cache_dir: self.cache_dir.or(other.cache_dir),
            cache_max_age: self.cache_max_age.or(other.cache_max_age),
            defaults: self.defaults.or(other.defaults),
            rules: self.rules,
            identities: self.identities,
        }
    }
}

fn syntax(source: &ConfigText, error: &toml::de::Error) -> ConfigError {
    let span = error.span().unwrap_or(source.text.len()..source.text.len());
    let mut message = error.message().to_owned();
    // The parser does not say which, and its span is the key.
    if message == "duplicate key"
        && let Some(key) = source.text.get(span.clone())
    {
        message = format!("`{key}` is there twice");
    }
    ConfigError::Syntax {
        origin: source.origin(span.start),
        message,
    }
}

fn read_dir(cache: &Section<'_>) -> Result<Option<PathBuf>, ConfigError> {
    let Some(text) = cache.text("dir")? else {
        return Ok(None);
    };
    let dir = PathBuf::from(text.text);
    if dir.is_absolute() {
        Ok(Some(dir))
    } else {
        let problem = Problem::RelativePath(text.text.to_owned());
        Err(cache.error_in(&text, "dir", problem))
    }
}

/// A table of which every line is commented out is no table.
fn read_defaults(defaults: &Section<'_>) -> Result<Option<IdentityTemplate>, ConfigError> {
    if defaults.is_empty() {
        return Ok(None);
    }
    read_who(defaults).map(Some)
}

fn read_identity(name: &str, identity: &Section<'_>) -> Result<IdentityTemplate, ConfigError> {
    if name.is_empty() || name.contains(|c: char| c.is_control() || "/\\".contains(c)) {
        return Err(identity.error_of_all(Problem::IdentityName));
    }
    read_who(identity)
}

/// Reads who asks for every registry that comes along.
fn read_who(section: &Section<'_>) -> Result<IdentityTemplate, ConfigError> {
    let Some(identity) = IdentityTemplate::read(section)? else {
        return Err(section.error_of_all(Problem::NoIdentity));
    };
    let remedy = "move it to a [[registry]] with the `accounts` that may know it";
    identity.check_external_id(section, Some(remedy))?;
    identity.check_partition(section, None)?;
    Ok(identity)
}

/// The longest name, in characters.
const LONGEST_NAME: usize = 64;

/// Another credential helper, named as Docker's `credsStore` names it: `secretservice`, `pass`,
/// `osxkeychain`. The name holds no slash and no blank, and is not our own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherHelperName {
    name: String,
    origin: Origin,
}

impl OtherHelperName {
    /// Reads the key at the top of a file.
    ///
    /// # Errors
    /// When it is no helper's name, or would be our own.
    pub(super) fn read(top: &Section<'_>) -> Result<Option<Self>, ConfigError> {
        const KEY: &str = "other_registries_helper";
        let Some(text) = top.text(KEY)? else {
            return Ok(None);
        };
        check(text.text).map_err(|problem| top.error_in(&text, KEY, problem))?;
        Ok(Some(Self {
            name: text.text.to_owned(),
            origin: top.origin_of(&text),
        }))
    }

    /// As `credsStore` names it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The executable's name: `docker-credential-NAME`.
    pub fn program(&self) -> String {
        format!("{PREFIX}{}", self.name)
    }

    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}

fn check(name: &str) -> Result<(), Problem> {
    let end = name.strip_prefix(PREFIX);
    // In any case: there are file systems that do not tell capitals from small letters.
    let lower = end.unwrap_or(name).to_ascii_lowercase();
    if let Some(rest) = lower.strip_prefix(OWN_NAME)
        && (rest.is_empty() || rest.starts_with(['-', '.']))
    {
        return Err(Problem::OwnHelperName(name.to_owned()));
    }
    if let Some(end) = end {
        return Err(Problem::WholeHelperName {
            name: name.to_owned(),
            end: end.to_owned(),
        });
    }
    let allowed = |char: char| char.is_ascii_alphanumeric() || "._-".contains(char);
    if name.len() > LONGEST_NAME || name.starts_with(['.', '-']) || !name.chars().all(allowed) {
        return Err(Problem::HelperName(name.to_owned()));
    }
    Ok(())
}
