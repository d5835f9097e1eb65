//! What one `config.toml` says: its tables, their keys and their bounds.
//!
//! A key that is to be added is listed in a `Shape` and read in the function that reads the
//! table; until then it is refused as unknown. `packaging/config.example.toml` shows every
//! key, and the tests read it.

use std::collections::BTreeMap;
use std::ops::Range;
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
    written: "the top of the file, before the first table",
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
    /// Reads a file as far as it is right. Its mistakes are recorded in `source`.
    pub(super) fn read(source: &ConfigText) -> Self {
        let table = match DeTable::parse(&source.text) {
            Ok(table) => table,
            Err(_) => {
                let (_, errors) = DeTable::parse_recoverable(&source.text);
                for error in &errors {
                    source.record(syntax(source, error));
                }
                return Self::default();
            }
        };
        let top = Section::new(source, table.get_ref(), 0..0, &TOP, ALL);
        let seconds = |key, bounds| top.keep_some(top.seconds(key, bounds));
        let mut settings = Self {
            timeout: seconds("timeout_seconds", 1..=300),
            connect_timeout: seconds("connect_timeout_seconds", 1..=60),
            other_registries_helper: top.keep_some(OtherHelperName::read(&top)),
            other_registries_timeout: seconds("other_registries_timeout_seconds", 1..=3600),
            ..Self::default()
        };
        if let Some(cache) = top.table(&CACHE) {
            settings.cache_enabled = cache.keep_some(cache.switch("enabled"));
            settings.cache_dir = cache.keep_some(read_dir(&cache));
            let max_age = cache.seconds("max_age_seconds", MAX_AGE_SECONDS);
            settings.cache_max_age = cache.keep_some(max_age);
        }
        if let Some(defaults) = top.table(&DEFAULTS) {
            settings.defaults = defaults.keep_some(read_defaults(&defaults));
        }
        for rule in top.tables(&REGISTRY) {
            settings.rules.extend(Rule::read(&rule));
        }
        for (name, identity) in top.named_tables(&IDENTITY) {
            if let Some(template) = identity.keep_some(read_identity(name, &identity)) {
                settings.identities.insert(name.to_owned(), template);
            }
        }
        settings
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
    let end = source.text.trim_end().len();
    let span = error.span().unwrap_or(end..end);
    ConfigError::Syntax {
        origin: source.origin(span.start),
        message: syntax_message(&source.text, &span, error.message()),
        excerpt: source.excerpt(&span),
    }
}

/// What is wrong, in the words of a configuration file and not of a parser.
fn syntax_message(text: &str, span: &Range<usize>, told: &str) -> String {
    let before = text.get(..span.start).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    let key = line.split_once('=').map(|(key, _)| key.trim());
    if told == "duplicate key" {
        let key = text.get(span.clone()).unwrap_or_default();
        return format!("`{key}` is defined twice: remove one of the two");
    }
    for (part, message) in [
        ("unclosed table", "the table header is not closed: add `]`"),
        (
            "unclosed array table",
            "the table header is not closed: add `]]`",
        ),
        ("unclosed array", "the list is not closed: add `]`"),
        (
            "unclosed inline table",
            "the inline table is not closed: add `}`",
        ),
        (
            "escape",
            "a backslash in double quotes starts an escape: write `\\\\`, or use single quotes",
        ),
        (
            "basic string, expected `\"`",
            "the text is not closed: add `\"`",
        ),
        (
            "literal string, expected `'`",
            "the text is not closed: add `'`",
        ),
    ] {
        if told.contains(part) {
            return message.to_owned();
        }
    }
    match key {
        Some(key) if !key.is_empty() => format!(
            "the value of `{key}` is not valid: write text in quotes, and numbers, true and false without"
        ),
        _ => "expected `key = value` or a table header such as [cache]".to_owned(),
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
    read_who(defaults)
}

fn read_identity(
    name: &str,
    identity: &Section<'_>,
) -> Result<Option<IdentityTemplate>, ConfigError> {
    if name.is_empty() || name.contains(|c: char| c.is_control() || "/\\".contains(c)) {
        return Err(identity.error_of_all(Problem::IdentityName));
    }
    read_who(identity)
}

/// Reads the identity of a table that serves all registries; `None` if mistakes were recorded.
fn read_who(section: &Section<'_>) -> Result<Option<IdentityTemplate>, ConfigError> {
    let identity = IdentityTemplate::read(section);
    if section.is_flawed() {
        return Ok(None);
    }
    let Some(identity) = identity else {
        return Err(section.error_of_all(Problem::NoIdentity));
    };
    let remedy = "move it to a [[registry]] rule that lists the trusted `accounts`";
    identity.check_external_id(section, Some(remedy))?;
    identity.check_partition(section, None)?;
    Ok(Some(identity))
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
