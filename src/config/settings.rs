//! The settings of one `config.toml`: its tables, their keys and the ranges of values.
//!
//! To add a key, list it in a `Shape` and read it in the function that reads the table. A key that is
//! not listed is refused as unknown. `packaging/config.example.toml` shows every key, and the tests
//! read it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use toml::de::DeTable;

use super::error::{ConfigError, Origin, Problem};
use super::identity::IdentityTemplate;
use super::kubelet::{KUBELET, KubeletSection};
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
        "kubelet",
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

/// The keys of an identity.
const IDENTITY_KEYS: &[&str] = &[
    "profile",
    "source_profile",
    "sso_session",
    "sso_start_url",
    "sso_region",
    "sso_role_name",
    "sso_account_id",
    "web_identity",
    "web_identity_audience",
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
    groups: &[IDENTITY_KEYS],
};

const IDENTITY: Shape = Shape {
    name: "identity",
    written: "[identity.NAME]",
    groups: &[IDENTITY_KEYS],
};

const REGISTRY: Shape = Shape {
    name: "registry",
    written: "[[registry]]",
    groups: &[
        &["match", "accounts"],
        IDENTITY_KEYS,
        &[
            "account",
            "endpoint_url",
            "sts_endpoint_url",
            "max_age_seconds",
            "access",
            "access_repositories",
            "access_pull_through",
        ],
    ],
};

/// All tables.
pub(super) const ALL: &[&Shape] = &[&TOP, &CACHE, &KUBELET, &DEFAULTS, &REGISTRY, &IDENTITY];

/// The settings of one file. `None`: not set.
#[derive(Debug, Default)]
pub(super) struct FileSettings {
    pub timeout: Option<Duration>,
    pub connect_timeout: Option<Duration>,
    pub other_registries_helper: Option<OtherHelperName>,
    pub other_registries_timeout: Option<Duration>,
    pub cache_enabled: Option<bool>,
    pub cache_dir: Option<PathBuf>,
    pub cache_max_age: Option<Duration>,
    pub kubelet: KubeletSection,
    pub defaults: Option<IdentityTemplate>,
    pub rules: Vec<Rule>,
    pub identities: BTreeMap<String, IdentityTemplate>,
}

impl FileSettings {
    /// Reads the settings that are right. The mistakes are recorded in `source`.
    pub(super) fn read(source: &ConfigText) -> Self {
        let (table, errors) = DeTable::parse_recoverable(&source.text);
        if !record_syntax_errors(source, &errors) {
            return Self::default();
        }
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
            settings.cache_dir = cache.keep_some(cache.absolute_path("dir"));
            let max_age = cache.seconds("max_age_seconds", MAX_AGE_SECONDS);
            settings.cache_max_age = cache.keep_some(max_age);
        }
        if let Some(kubelet) = top.table(&KUBELET) {
            settings.kubelet = KubeletSection::read(&kubelet);
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

    /// The settings of this file, those of `other` that are not set here, and the rules of both, this
    /// file's first. `[defaults]` is one setting, and so is each `[identity.NAME]`, so that a profile
    /// of one file is never combined with a role of the other.
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
            kubelet: self.kubelet.or(other.kubelet),
            defaults: self.defaults.or(other.defaults),
            rules: self.rules,
            identities: self.identities,
        }
    }
}

/// Records the first syntax error of each line. Returns whether the other lines can be checked: not
/// if it is unknown which table they belong to.
fn record_syntax_errors(source: &ConfigText, errors: &[toml::de::Error]) -> bool {
    let text = &source.text;
    let end = text.trim_end().len();
    let mut errors: Vec<(Range<usize>, &str)> = errors
        .iter()
        .map(|error| (error.span().unwrap_or(end..end), error.message()))
        .collect();
    // In a list that is not closed, the parser finds the next lines wrong, too.
    let swallows_lines = |told: &str| told.contains("unclosed") || told.contains("multi-line");
    errors.sort_by_key(|(span, told)| {
        (
            source.origin_of(span).line,
            !swallows_lines(told),
            span.start,
        )
    });
    errors.dedup_by_key(|(span, _)| source.origin_of(span).line);
    let is_header = |span: &Range<usize>| line_before(text, span).starts_with('[');
    let is_local = |(span, told): &(Range<usize>, &str)| !swallows_lines(told) && !is_header(span);
    for (span, told) in &errors {
        source.record(syntax_error(source, span, told));
    }
    errors.iter().all(is_local)
}

/// The part of a line before the place of an error.
fn line_before<'t>(text: &'t str, span: &Range<usize>) -> &'t str {
    let before = text.get(..span.start).unwrap_or(text);
    before.rsplit('\n').next().unwrap_or_default()
}

fn syntax_error(source: &ConfigText, span: &Range<usize>, told: &str) -> ConfigError {
    let text = &source.text;
    let line = line_before(text, span);
    let (span, message) = match text_after_value(text, span, told) {
        Some(extra) => {
            let what = match line.split_once('=') {
                Some((key, _)) if !line.starts_with('[') => {
                    format!("the value of `{}`", key.trim())
                }
                _ => "the table header".to_owned(),
            };
            let message = format!("unexpected text after {what}; remove it");
            (extra, message)
        }
        None => (span.clone(), syntax_message(text, span, told)),
    };
    ConfigError::Syntax {
        origin: source.origin_of(&span),
        excerpt: source.excerpt(&span),
        message,
    }
}

/// The text between a complete value, or a table header, and the end of its line.
fn text_after_value(text: &str, span: &Range<usize>, told: &str) -> Option<Range<usize>> {
    let rest = text.get(span.start..)?.lines().next()?;
    let value = if told.starts_with("unexpected key or value") {
        0
    } else if told.starts_with("string values must be quoted") {
        // The parser takes `30 s` for text without quotes.
        let (value, _) = rest.split_once(' ')?;
        let is_complete = value.parse::<i64>().is_ok() || ["true", "false"].contains(&value);
        is_complete.then_some(value.len())?
    } else {
        return None;
    };
    let extra = rest[value..].trim_start();
    let start = span.start + rest.len() - extra.len();
    let comment = extra.find(" #").unwrap_or(extra.len());
    let extra = extra[..comment].trim_end();
    (!extra.is_empty()).then(|| start..start + extra.len())
}

/// The message for a parser's error.
fn syntax_message(text: &str, span: &Range<usize>, told: &str) -> String {
    let line = line_before(text, span);
    let key = line.split_once('=').map(|(key, _)| key.trim());
    if told == "duplicate key" {
        let key = text.get(span.clone()).unwrap_or_default();
        return format!("`{key}` is defined twice; remove one of the two");
    }
    for (part, message) in [
        ("unclosed table", "the table header is not closed; add `]`"),
        (
            "unclosed array table",
            "the table header is not closed; add `]]`",
        ),
        ("unclosed array", "the list is not closed; add `]`"),
        (
            "missing comma",
            "a comma is missing; add `,` between the values",
        ),
        (
            "unclosed inline table",
            "the inline table is not closed; add `}`",
        ),
        (
            "escape",
            "a backslash in double quotes starts an escape; write `\\\\`, or use single quotes",
        ),
        (
            "basic string, expected `\"`",
            "the text is not closed; add `\"`",
        ),
        (
            "literal string, expected `'`",
            "the text is not closed; add `'`",
        ),
    ] {
        if told.contains(part) {
            return message.to_owned();
        }
    }
    match key {
        Some(key) if !key.is_empty() => format!(
            "the value of `{key}` is not valid; write text in quotes, but numbers, true and false without quotes"
        ),
        _ => "expected `key = value` or a table header such as [cache]".to_owned(),
    }
}

/// A table is absent if every line of it is a comment.
fn read_defaults(defaults: &Section<'_>) -> Result<Option<IdentityTemplate>, ConfigError> {
    if defaults.is_empty() {
        return Ok(None);
    }
    read_template(defaults)
}

fn read_identity(
    name: &str,
    identity: &Section<'_>,
) -> Result<Option<IdentityTemplate>, ConfigError> {
    if name.is_empty() || name.contains(|c: char| c.is_control() || "/\\".contains(c)) {
        return Err(identity.error_of_all(Problem::IdentityName));
    }
    read_template(identity)
}

/// Reads the identity of a table that serves all registries; `None` if mistakes were recorded.
fn read_template(section: &Section<'_>) -> Result<Option<IdentityTemplate>, ConfigError> {
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

/// Another credential helper, by its name in Docker's `credsStore`: `secretservice`, `pass`,
/// `osxkeychain`. The name contains no slash or blank, and is not this program's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherHelperName {
    name: String,
    origin: Origin,
}

impl OtherHelperName {
    /// Reads the key at the top of a file.
    ///
    /// # Errors
    /// If it is not a helper's name, or is this program's.
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

    /// The name in `credsStore`.
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
    // Some file systems ignore case.
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
