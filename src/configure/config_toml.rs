//! `config.toml` and its `[[registry]]` rules, edited in its text. All other bytes stay.
//!
//! The first rule that matches a registry and names an identity decides. So a new rule is added
//! before the first one that matches, and an existing rule that comes too late is moved there.

use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;

use toml_edit::visit::Visit;
use toml_edit::{Document, Item, Table, Value};

use crate::cli::ConfigureDocker;
use crate::config::{
    Blanks, Config, ConfigError, ConfigPaths, IdentitySettings, Match, Origin, RoleArnTemplate,
    Rule, SourceSettings,
};
use crate::error::Error;
use crate::registry::{MfaDevice, Registry};
use crate::secret::Secret;

use super::change::{Change, open};
use super::clients::{line_end, split_byte_order_mark};
use super::user_file::{Locks, UserFile};

#[derive(Debug, thiserror::Error)]
#[error(
    "no home directory was found, so config.toml has no location: set HOME, or set ECRX_CONFIG to an existing file"
)]
struct NoConfigFile;

pub(super) fn open_config(
    paths: &ConfigPaths,
    arguments: &ConfigureDocker,
    locks: Option<&mut Locks>,
) -> Result<UserFile, Error> {
    let path = paths.explicit.as_ref().or(paths.user.as_ref());
    let path = path.ok_or_else(|| Error::failure(NoConfigFile))?;
    open(path, arguments, locks)
}

/// The change of the file; `None` if nothing changes.
///
/// # Errors
/// When a rule is refused, or the result could not be used.
pub(super) fn change<'r>(
    paths: &ConfigPaths,
    file: UserFile,
    registries: impl Iterator<Item = &'r Registry>,
    identity: RuleIdentity<'_>,
    other_helper: Option<String>,
) -> Result<Option<Change>, Error> {
    let bytes = file.bytes().unwrap_or_default();
    let (mark, rest) = split_byte_order_mark(bytes);
    // It was read as configuration before, so it is UTF-8.
    let before = String::from_utf8_lossy(rest).into_owned();
    let mut rules = RuleEditor {
        paths,
        identity,
        text: before.clone(),
        remarks: Vec::new(),
    };
    if identity.is_given() {
        for registry in registries {
            rules.apply_to(registry)?;
        }
    }
    let (mut after, remarks) = (rules.text, rules.remarks);
    if let Some(helper) = other_helper {
        after = with_other_helper(paths, &after, &helper)?;
    }
    if after == before {
        return Ok(None);
    }
    Ok(Some(Change {
        shown_before: file.bytes().map(|_| masked(&before)),
        shown_after: masked(&after),
        remarks,
        drops_logins: false,
        is_but_for_us: is_but_for_identities,
        after: format!("{mark}{after}").into_bytes(),
        file,
    }))
}

/// The text with `other_registries_helper` added at its top.
fn with_other_helper(paths: &ConfigPaths, text: &str, name: &str) -> Result<String, Error> {
    let header = Document::parse(text).ok().and_then(|it| first_header(&it));
    let at = header.map_or(text.len(), |header| {
        above_comments(text, lines_of(text, &(header..header)).start)
    });
    let (before, after) = text.split_at(at);
    let line_end = line_end(text);
    let key = format!("other_registries_helper = {}{line_end}", toml(name));
    let text = if !before.is_empty() && !before.ends_with('\n') {
        format!("{before}{line_end}{key}{after}")
    } else if after.is_empty() {
        format!("{before}{key}")
    } else {
        format!("{before}{key}{line_end}{after}")
    };
    Config::load_with(paths, &text).map_err(Error::failure)?;
    Ok(text)
}

/// The start of the first `[table]`.
fn first_header(table: &Table) -> Option<usize> {
    let starts = table.iter().filter_map(|(_, item)| match item {
        Item::Table(table) if table.is_implicit() || table.is_dotted() => first_header(table),
        Item::Table(table) => table.span().map(|span| span.start),
        Item::ArrayOfTables(tables) => tables
            .iter()
            .filter_map(|table| Some(table.span()?.start))
            .min(),
        _ => None,
    });
    starts.min()
}

/// Whether two texts of a `config.toml` differ in nothing but the rules and identities that this
/// program writes.
fn is_but_for_identities(one: &[u8], other: &[u8]) -> bool {
    let rest = |bytes| {
        let (mark, text) = split_byte_order_mark(bytes);
        let text = str::from_utf8(text).ok()?;
        Some((mark, without_identities(text)?))
    };
    rest(one).is_some_and(|one| rest(other) == Some(one))
}

/// The lines of a text without the identities of rules, without rules that hold nothing else, and
/// without empty lines, which are added and removed with rules. `None` if it is not TOML.
fn without_identities(text: &str) -> Option<Vec<String>> {
    let document = Document::parse(text).ok()?;
    let rules = document.get("registry").and_then(Item::as_array_of_tables);
    let mut removed: Vec<Range<usize>> = Vec::new();
    for rule in rules.into_iter().flatten() {
        removed.extend(written_ranges(text, rule));
    }
    removed.sort_by_key(|range| range.start);
    let mut rest = text.to_owned();
    for range in removed.into_iter().rev() {
        rest.replace_range(range, "");
    }
    let lines = rest.lines().map(str::trim).filter(|line| !line.is_empty());
    Some(lines.map(str::to_owned).collect())
}

/// The ranges of a rule that this program may have written: the whole rule, or its identity.
fn written_ranges(text: &str, rule: &Table) -> Vec<Range<usize>> {
    let is_written = |key: &str| WRITTEN_KEYS.contains(&key);
    let is_whole = rule
        .iter()
        .all(|(key, _)| is_written(key) || MATCH_KEYS.contains(&key));
    let keys = key_ranges(rule).into_iter();
    let keys = keys.filter(|(key, ..)| is_whole || is_written(key));
    let mut ranges: Vec<Range<usize>> = keys.map(|(_, range, _)| range).collect();
    if let Some(header) = rule.span().filter(|_| is_whole) {
        let end = text[header.start..].find("]]");
        ranges.extend(end.map(|end| header.start..header.start + end + 2));
    }
    ranges
}

/// The text of a `config.toml` as it may be shown: without external IDs.
fn masked(text: &str) -> String {
    let Ok(document) = Document::parse(text) else {
        // Such a file is neither changed nor shown.
        return String::new();
    };
    let mut ids = ExternalIds::default();
    ids.visit_table(document.as_table());
    ids.0.sort_by_key(|range| range.start);
    let mut masked = text.to_owned();
    for range in ids.0.into_iter().rev() {
        masked.replace_range(range, "\"…\"");
    }
    masked
        .split_inclusive('\n')
        .map(without_commented_out)
        .collect()
}

/// A rule that was commented out may still hold its external ID.
fn without_commented_out(line: &str) -> Cow<'_, str> {
    match line.split_once('#') {
        Some((start, comment)) if comment.contains("external_id") => {
            let text = line.trim_end_matches(['\r', '\n']);
            format!("{start}# …{}", &line[text.len()..]).into()
        }
        _ => line.into(),
    }
}

/// The ranges of the external IDs in a text.
#[derive(Default)]
struct ExternalIds(Vec<Range<usize>>);

impl<'d> Visit<'d> for ExternalIds {
    fn visit_table_like_kv(&mut self, key: &'d str, item: &'d Item) {
        match item {
            Item::Value(value) if key == "external_id" => self.0.extend(value.span()),
            _ => self.visit_item(item),
        }
    }
}

/// The line that a rule begins with.
const HEADER: &str = "[[registry]]";

/// The keys that say which registries a rule matches.
const MATCH_KEYS: [&str; 3] = ["match", "account", "region"];

/// The keys of an identity that this command writes.
const WRITTEN_KEYS: [&str; 8] = [
    "profile",
    "sso_session",
    "sso_role_name",
    "web_identity",
    "role_arn",
    "external_id",
    "mfa_serial",
    "role_session_name",
];

/// The other keys of an identity.
const OTHER_IDENTITY_KEYS: [&str; 6] = [
    "source_profile",
    "sso_start_url",
    "sso_region",
    "sso_account_id",
    "web_identity_audience",
    "duration_seconds",
];

/// Why no rule was written. Nothing was changed.
#[derive(Debug, thiserror::Error)]
enum RuleError {
    #[error(
        "{origin}: a rule for {registry} already exists and uses another identity ({identity})"
    )]
    OtherRule {
        origin: Origin,
        registry: String,
        identity: String,
    },
    #[error("{file} defines its rules as an inline array, which this command does not edit")]
    InlineRules { file: String },
    #[error("the rule for {registry} would be invalid and was not written")]
    UnusableRule {
        registry: String,
        #[source]
        cause: ConfigError,
    },
    #[error("{origin}: this rule would still take precedence over the new rule for {registry}")]
    RuleWithoutEffect { origin: Origin, registry: String },
}

/// The identity that the rules are to name.
#[derive(Clone, Copy, Debug)]
pub(super) struct RuleIdentity<'a> {
    pub profile: Option<&'a str>,
    /// With the role name.
    pub sso_session: Option<(&'a str, &'a str)>,
    pub web_identity: Option<&'a str>,
    pub role_arn: Option<&'a str>,
    pub external_id: Option<&'a Secret>,
    pub mfa_device: Option<&'a MfaDevice>,
    pub session_name: Option<&'a str>,
    /// A rule for the same registry is changed to name exactly this identity.
    pub replaces: bool,
}

impl<'a> RuleIdentity<'a> {
    pub(super) fn from_arguments(arguments: &'a ConfigureDocker) -> Self {
        Self {
            profile: arguments.profile.as_deref(),
            sso_session: arguments
                .sso_session
                .as_deref()
                .zip(arguments.sso_role_name.as_deref()),
            web_identity: arguments.web_identity.as_deref(),
            role_arn: arguments.role_arn.as_deref(),
            external_id: arguments.external_id.as_ref(),
            mfa_device: arguments.mfa_serial.as_ref(),
            session_name: arguments.role_session_name.as_deref(),
            replaces: arguments.replace,
        }
    }
}

impl RuleIdentity<'_> {
    pub(super) fn is_given(&self) -> bool {
        self.profile.or(self.role_arn).is_some() || self.sso_session.is_some()
    }

    /// Whether an identity is this one. Unless this one replaces it, it may have further settings.
    fn is(&self, identity: &IdentitySettings, registry: &Registry) -> bool {
        let role_arn = self.role_arn.and_then(|arn| {
            RoleArnTemplate::parse(arn)
                .and_then(|role| role.expand(Blanks::from_registry(registry)))
                .ok()
        });
        let role = identity.roles.first();
        let allows_more = !self.replaces;
        let has_options = role.is_none_or(|role| {
            let (external_id, device) = (role.external_id.as_ref(), role.mfa_device.as_ref());
            is_or_may_be(self.external_id, external_id, allows_more)
                && is_or_may_be(self.mfa_device, device, allows_more)
                && is_or_may_be(self.session_name, role.session_name.as_deref(), allows_more)
                && is_or_may_be(None, role.duration, allows_more)
        });
        // The region of a host of one's own belongs to its registry.
        let region = identity.region.as_ref().filter(|_| is_ecrs_name(registry));
        self.has_source_of(identity, registry)
            && identity.roles.len() == usize::from(self.role_arn.is_some())
            && role.map(|role| &role.arn) == role_arn.as_ref()
            && has_options
            && is_or_may_be(None, region, allows_more)
    }

    /// Whether the source of an identity is the one of this rule. An SSO role in the registry's own
    /// account is, whether that is written or not.
    fn has_source_of(&self, identity: &IdentitySettings, registry: &Registry) -> bool {
        let given = (self.profile, self.sso_session, self.web_identity);
        match (&identity.source, given) {
            (None, (None, None, None)) => true,
            (Some(SourceSettings::Profile(found)), (Some(profile), None, None)) => found == profile,
            (Some(SourceSettings::Sso(found)), (None, Some((session, role_name)), None)) => {
                found.session() == Some(session)
                    && found.role_name == role_name
                    && found.account_id.as_ref()
                        == registry.private().map(|private| &private.account)
            }
            (Some(SourceSettings::WebIdentity(found)), (None, None, Some(text))) => {
                text.parse().is_ok_and(|given| *found == given)
            }
            _ => false,
        }
    }

    /// The keys of a rule for a registry, with their values.
    fn rule_for(&self, registry: &Registry) -> Vec<(&'static str, String)> {
        let mut keys = vec![("match", registry.to_string())];
        if let Some(private) = registry.private() {
            let (account, region) = (&private.account, &private.region);
            if is_ecrs_name(registry) {
                keys = vec![("match", format!("{account}/{region}"))];
            } else {
                keys.push(("account", account.to_string()));
                keys.push(("region", region.to_string()));
            }
        }
        let identity = self.keys().into_iter();
        keys.extend(identity.map(|(key, value)| (key, value.to_owned())));
        keys
    }

    /// The keys that name this identity, with their values.
    fn keys(&self) -> Vec<(&'static str, &str)> {
        let values = [
            self.profile,
            self.sso_session.map(|(session, _)| session),
            self.sso_session.map(|(_, role_name)| role_name),
            self.web_identity,
            self.role_arn,
            self.external_id.map(Secret::expose),
            self.mfa_device.map(MfaDevice::as_str),
            self.session_name,
        ];
        let keys = WRITTEN_KEYS.into_iter().zip(values);
        keys.filter_map(|(key, value)| Some((key, value?)))
            .collect()
    }

    /// The lines of a rule for a registry.
    fn toml_lines(&self, registry: &Registry) -> Vec<String> {
        let keys = self.rule_for(registry).into_iter();
        keys.map(|(key, value)| format!("{key} = {}", toml(&value)))
            .collect()
    }
}

/// Whether the setting that was found is the wanted one, or may be another as none is wanted.
fn is_or_may_be<T: PartialEq>(wanted: Option<T>, found: Option<T>, allows_more: bool) -> bool {
    wanted == found || (wanted.is_none() && allows_more)
}

/// A rule of the edited file that matches a registry and names an identity.
struct FileRule<'c> {
    /// Among all rules of the file.
    index: usize,
    rule: &'c Rule,
    identity: IdentitySettings,
}

/// The text of a `config.toml`, and the identity that its rules are to name.
struct RuleEditor<'a> {
    paths: &'a ConfigPaths,
    identity: RuleIdentity<'a>,
    text: String,
    /// What was changed and is not shown, one line each.
    remarks: Vec<String>,
}

impl RuleEditor<'_> {
    /// Makes the identity apply to a registry.
    ///
    /// # Errors
    /// When a rule of that file for exactly that registry names another identity and is not to be
    /// replaced, or the result could not be used.
    fn apply_to(&mut self, registry: &Registry) -> Result<(), Error> {
        let config = Config::load_with(self.paths, &self.text).map_err(Error::failure)?;
        let applies = |found: &IdentitySettings| self.identity.is(found, registry);
        let deciding = config
            .deciding_rule(registry.into())
            .map_err(Error::failure)?;
        if deciding.is_some_and(|(_, found)| applies(&found)) {
            return Ok(());
        }
        self.edit(registry, &config)?;
        let config = Config::load_with(self.paths, &self.text).map_err(|cause| {
            let registry = registry.to_string();
            Error::failure(RuleError::UnusableRule { registry, cause })
        })?;
        match config
            .deciding_rule(registry.into())
            .map_err(Error::failure)?
        {
            Some((rule, found)) if !self.identity.is(&found, registry) => {
                let (origin, registry) = (rule.origin().clone(), registry.to_string());
                let error = RuleError::RuleWithoutEffect { origin, registry };
                Err(Error::failure(error))
            }
            _ => Ok(()),
        }
    }

    fn edit(&mut self, registry: &Registry, config: &Config) -> Result<(), Error> {
        let rules = self.file_rules(registry, config)?;
        let exact: Vec<&FileRule<'_>> = rules
            .iter()
            .filter(|found| is_for_exactly(found.rule, registry))
            .collect();
        let other = exact
            .iter()
            .find(|found| !self.identity.is(&found.identity, registry));
        if let Some(other) = other.filter(|_| !self.identity.replaces) {
            return Err(Error::failure(RuleError::OtherRule {
                origin: other.rule.origin().clone(),
                registry: registry.to_string(),
                identity: shown(&other.identity),
            })
            .hint("Pass --replace to change that rule"));
        }
        if is_inline(&self.text) {
            return Err(self.inline_rules(registry));
        }
        let first = rules.first().map(|rule| rule.index);
        let Some(kept) = exact.first() else {
            self.add(registry, first);
            return Ok(());
        };
        if self.identity.replaces {
            self.replace(registry, &exact);
        }
        if let Some(first) = first.filter(|first| *first < kept.index) {
            self.text = moved(&self.text, kept.index, first);
        }
        Ok(())
    }

    /// The rules of the file that match a registry and name an identity. They come before those
    /// of the machine.
    fn file_rules<'c>(
        &self,
        registry: &Registry,
        config: &'c Config,
    ) -> Result<Vec<FileRule<'c>>, Error> {
        let file = self.file();
        let rules = config.rules().iter();
        let rules = rules.filter(|rule| Some(&*rule.origin().file) == file);
        let mut found = Vec::new();
        for (index, rule) in rules.enumerate() {
            if !rule.matches(registry.into()) {
                continue;
            }
            if let Some(identity) = rule.identity_for(registry).map_err(Error::failure)? {
                found.push(FileRule {
                    index,
                    rule,
                    identity,
                });
            }
        }
        Ok(found)
    }

    fn file(&self) -> Option<&Path> {
        let file = self.paths.explicit.as_ref().or(self.paths.user.as_ref());
        file.map(|file| &**file)
    }

    /// Adds a rule before the one of that index, or after all.
    fn add(&mut self, registry: &Registry, first: Option<usize>) {
        let line_end = line_end(&self.text);
        let lines = self.identity.toml_lines(registry).join(line_end);
        let rule = format!("{HEADER}{line_end}{lines}{line_end}");
        let first = first.and_then(|first| rule_range(&self.text, first));
        match first {
            Some(first) => {
                let rule = format!("{rule}{line_end}");
                self.text.insert_str(first.start, &rule);
            }
            None => {
                if !self.text.is_empty() && !self.text.ends_with('\n') {
                    self.text.push_str(line_end);
                }
                if !self.text.is_empty() {
                    self.text.push_str(line_end);
                }
                self.text.push_str(&rule);
            }
        }
    }

    /// Makes the first of the rules for exactly a registry name this identity, and the others
    /// none.
    fn replace(&mut self, registry: &Registry, exact: &[&FileRule<'_>]) {
        let [kept, others @ ..] = exact else {
            return;
        };
        // From the last to the first, so that the indices stay valid.
        for other in others.iter().rev() {
            self.text = without_identity(&self.text, other.index);
        }
        let replaced = with_identity(&self.text, kept.index, self.identity.keys());
        self.text = replaced.unwrap_or_else(|| self.text.clone());
        let role = kept.identity.roles.last();
        let external_id = role.and_then(|role| role.external_id.as_ref());
        let is_changed = external_id.is_some() && external_id != self.identity.external_id;
        if is_changed && self.identity.external_id.is_some() {
            self.remarks.push(format!(
                "external_id changed for {registry} (the values are not shown)"
            ));
        }
    }

    /// The error for a file whose rules are one value: `registry = [{ … }]`.
    fn inline_rules(&self, registry: &Registry) -> Error {
        let file = self.file().unwrap_or(Path::new(""));
        let keys = self.identity.rule_for(registry).into_iter();
        let keys = keys.map(|(key, value)| match key {
            "external_id" => format!("{key} = \"…\""),
            _ => format!("{key} = {}", toml(&value)),
        });
        let rule = keys.collect::<Vec<_>>().join(", ");
        let file = file.display().to_string();
        Error::failure(RuleError::InlineRules { file })
            .hint(format!("Add the rule to the array: {{ {rule} }}"))
    }
}

/// Whether the rules of a text are one value.
fn is_inline(text: &str) -> bool {
    let document = Document::parse(text);
    document.is_ok_and(|document| matches!(document.get("registry"), Some(Item::Value(_))))
}

fn is_for_exactly(rule: &Rule, registry: &Registry) -> bool {
    match (rule.registries(), registry.private()) {
        (Match::Public, private) => private.is_none(),
        (Match::Own(own), _) => own.registry() == registry,
        (Match::AccountAndRegion(account, region), Some(private)) => {
            is_ecrs_name(registry) && (account, region) == (&private.account, &private.region)
        }
        _ => false,
    }
}

/// Whether it is a host of ECR, and not a host of one's own in front of ECR.
fn is_ecrs_name(registry: &Registry) -> bool {
    Registry::parse(registry.host()).is_some()
}

/// An identity in a few words, without external IDs.
fn shown(identity: &IdentitySettings) -> String {
    let roles = identity.roles.iter().map(|role| role.arn.as_str());
    let roles = roles.collect::<Vec<_>>().join(", then ");
    match &identity.source {
        Some(SourceSettings::Profile(profile)) if roles.is_empty() => {
            format!("profile `{profile}`")
        }
        Some(SourceSettings::Profile(profile)) => {
            format!("{roles}, assumed from profile `{profile}`")
        }
        Some(source) if roles.is_empty() => source.to_string(),
        Some(source) => format!("{roles}, assumed with {source}"),
        None => roles,
    }
}

fn toml(text: &str) -> String {
    Value::from(text).to_string()
}

/// Whether a key of a rule belongs to its identity.
fn is_of_identity(rule: &Table, key: &str) -> bool {
    let is_own = rule.contains_key("account");
    WRITTEN_KEYS.contains(&key)
        || OTHER_IDENTITY_KEYS.contains(&key)
        || (key == "region" && !is_own)
}

/// The text with the rule of that index naming the identity of these keys and no other. `None` if
/// the rule names none.
fn with_identity(text: &str, index: usize, keys: Vec<(&str, &str)>) -> Option<String> {
    let document = Document::parse(text).ok()?;
    let rule = rule_at(&document, index)?;
    let mut added = keys;
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    let mut place = None;
    for (key, range, value) in key_ranges(rule) {
        let line = lines_of(text, &range);
        if let Some(at) = added.iter().position(|(known, _)| *known == key) {
            let (_, new) = added.remove(at);
            place.get_or_insert(line.end);
            edits.push((value, toml(new)));
        } else if is_of_identity(rule, key) {
            place.get_or_insert(line.start);
            edits.push((line, String::new()));
        }
    }
    let place = place?;
    let line_end = line_end(text);
    let added = added.iter();
    let mut lines: String = added
        .map(|(key, value)| format!("{key} = {}{line_end}", toml(value)))
        .collect();
    if !lines.is_empty() && !text[..place].ends_with('\n') {
        lines.insert_str(0, line_end);
    }
    edits.push((place..place, lines));
    Some(edited(text, edits))
}

/// The text without the identity of the rule of that index, or without the rule if nothing would
/// be left but the registries that it matches.
fn without_identity(text: &str, index: usize) -> String {
    let Ok(document) = Document::parse(text) else {
        return text.to_owned();
    };
    let Some(rule) = rule_at(&document, index) else {
        return text.to_owned();
    };
    let has_settings = rule
        .iter()
        .any(|(key, _)| !MATCH_KEYS.contains(&key) && !is_of_identity(rule, key));
    if !has_settings {
        return without_rule(text, index);
    }
    let ranges = key_ranges(rule).into_iter();
    let ranges = ranges.filter(|(key, ..)| is_of_identity(rule, key));
    let edits = ranges.map(|(_, range, _)| (lines_of(text, &range), String::new()));
    edited(text, edits.collect())
}

/// The text with these ranges replaced, which do not overlap.
fn edited(text: &str, mut edits: Vec<(Range<usize>, String)>) -> String {
    edits.sort_by_key(|(range, _)| (range.start, range.end));
    let mut edited = text.to_owned();
    // From the last to the first, so that positions stay valid.
    for (range, new) in edits.into_iter().rev() {
        edited.replace_range(range, &new);
    }
    edited
}

/// The text with the rule of one index before the earlier one of another.
fn moved(text: &str, from: usize, to: usize) -> String {
    let (Some(rule), Some(place)) = (rule_range(text, from), rule_range(text, to)) else {
        return text.to_owned();
    };
    let line_end = line_end(text);
    let rule = &text[rule];
    let end = if rule.ends_with('\n') { "" } else { line_end };
    let mut moved = without_rule(text, from);
    moved.insert_str(place.start, &format!("{rule}{end}{line_end}"));
    moved
}

/// The text without the rule of that index, and without the empty lines after it.
fn without_rule(text: &str, index: usize) -> String {
    let Some(rule) = rule_range(text, index) else {
        return text.to_owned();
    };
    let (before, after) = (&text[..rule.start], &text[rule.end..]);
    if after.trim().is_empty() {
        let end = before.trim_end().len();
        let last = lines_of(before, &(end..end));
        return before[..last.end].to_owned();
    }
    let is_separated = before.is_empty() || last_line(before).is_some_and(is_blank);
    let blank = if is_separated { blank_lines(after) } else { 0 };
    format!("{before}{}", &after[blank..])
}

fn rule_at<'d>(document: &'d Document<&str>, index: usize) -> Option<&'d Table> {
    document.get("registry")?.as_array_of_tables()?.get(index)
}

/// The keys of a rule, each with the range from the key to the end of its value and that of the
/// value.
fn key_ranges(rule: &Table) -> Vec<(&str, Range<usize>, Range<usize>)> {
    let ranges = rule.iter().filter_map(|(key, item)| {
        let (name, _) = rule.get_key_value(key)?;
        let value = item.span()?;
        Some((key, name.span()?.start..value.end, value))
    });
    ranges.collect()
}

/// The lines of a rule, with the comments above it, in it and directly after it.
fn rule_range(text: &str, index: usize) -> Option<Range<usize>> {
    let document = Document::parse(text).ok()?;
    let rule = rule_at(&document, index)?;
    let header = rule.span()?.start;
    let header = lines_of(text, &(header..header));
    let keys = key_ranges(rule).into_iter();
    let ends = keys.map(|(_, range, _)| lines_of(text, &range).end);
    let end = ends.fold(header.end, usize::max);
    let comments = comment_lines(&text[end..]);
    let is_of_next = text[end + comments..].trim_start_matches([' ', '\t']);
    let end = if is_of_next.starts_with('[') {
        end
    } else {
        end + comments
    };
    Some(above_comments(text, header.start)..end)
}

/// Where the comment begins that ends at a line.
fn above_comments(text: &str, mut at: usize) -> usize {
    if at == text.len() {
        return at;
    }
    while let Some(line) = last_line(&text[..at]).filter(|line| is_comment(line)) {
        at -= line.len();
    }
    at
}

/// The length of the comment lines at the beginning of a text.
fn comment_lines(text: &str) -> usize {
    let lines = text
        .split_inclusive('\n')
        .take_while(|line| is_comment(line));
    lines.map(str::len).sum()
}

/// The length of the blank lines at the beginning of a text.
fn blank_lines(text: &str) -> usize {
    let lines = text.split_inclusive('\n').take_while(|line| is_blank(line));
    lines.map(str::len).sum()
}

fn last_line(text: &str) -> Option<&str> {
    text.split_inclusive('\n').next_back()
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

fn is_blank(line: &str) -> bool {
    line.trim().is_empty()
}

/// The whole lines that a range is in, with the end of the last one.
fn lines_of(text: &str, range: &Range<usize>) -> Range<usize> {
    let start = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[range.end..].find('\n');
    start..end.map_or(text.len(), |at| range.end + at + 1)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn rules_in_the_form_of_this_program_are_told_apart_from_other_changes() {
        let ours = "[[registry]]\nmatch = \"111122223333/eu-west-1\"\nprofile = \"work\"\n";
        let own_name = "[[registry]]\nmatch = \"images.example.com\"\naccount = \"111122223333\"\n\
                        region = \"eu-west-1\"\nrole_arn = \"arn:aws:iam::111122223333:role/pull\"\n";
        let theirs = "# mine\n[cache]\nmax_age_seconds = 10\n\n[[registry]]\nmatch = \"*\"\nduration_seconds = 900\n";
        let is_same =
            |one: &str, other: &str| is_but_for_identities(one.as_bytes(), other.as_bytes());
        for same in [
            format!("{theirs}\n{ours}"),
            format!("{ours}\n{theirs}"),
            format!("{own_name}\n{theirs}\n{ours}"),
            format!("{theirs}\n{ours}").replace('\n', "\r\n"),
            theirs.replace("duration", "profile = \"work\"\nduration"),
        ] {
            assert!(is_same(theirs, &same), "{same}");
        }
        for different in [
            theirs.replace("900", "3600"),
            format!("{ours}duration_seconds = 900\n\n{theirs}"),
            format!("# why\n{ours}\n{theirs}"),
            format!("{ours}# why\n\n{theirs}"),
            format!(
                "{theirs}\n{}",
                ours.replace("match", "profile = \"a\"\nmatch")
            ),
            theirs.replace("10", "11"),
        ] {
            assert!(!is_same(theirs, &different), "{different}");
        }
        assert!(!is_same(theirs, &format!("\u{feff}{theirs}")));
    }

    const REGISTRY: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";

    fn named(replaces: bool) -> RuleIdentity<'static> {
        RuleIdentity {
            profile: Some("new"),
            sso_session: None,
            web_identity: None,
            role_arn: None,
            external_id: None,
            mfa_device: None,
            session_name: None,
            replaces,
        }
    }

    fn replaced(before: &str, replaces: bool) -> Result<String, Error> {
        replaced_by(before, replaces, None)
    }

    fn replaced_by(
        before: &str,
        replaces: bool,
        machine: Option<PathBuf>,
    ) -> Result<String, Error> {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = ConfigPaths {
            explicit: None,
            user: Some(folder.path().join("config.toml")),
            machine,
        };
        let mut rules = RuleEditor {
            paths: &paths,
            identity: named(replaces),
            text: before.to_owned(),
            remarks: Vec::new(),
        };
        rules.apply_to(&Registry::parse(REGISTRY).expect("a registry"))?;
        Ok(rules.text)
    }

    #[test]
    fn a_profile_name_is_quoted_as_toml_needs_it() {
        let identity = RuleIdentity {
            profile: Some("work \"1\""),
            ..named(false)
        };
        let registry = Registry::parse(REGISTRY).expect("a registry");
        assert_eq!(identity.toml_lines(&registry)[1], "profile = 'work \"1\"'");
    }

    fn rule(matched: &str, rest: &str) -> String {
        format!("[[registry]]\nmatch = \"{matched}\"\n{rest}")
    }

    #[test]
    fn the_replaced_rule_is_moved_before_a_broader_one_and_its_duplicates_are_removed() {
        let exact = |name: &str| rule("111122223333/eu-west-1", &format!("profile = \"{name}\"\n"));
        let (all, new) = (rule("*", "profile = \"all\"\n"), exact("new"));
        let (old, older) = (exact("old"), exact("older"));
        let other = rule("999999999999", "profile = \"other\"\n");
        let cached = format!("{old}max_age_seconds = 600\n");
        for (before, after) in [
            (format!("{all}\n{old}"), format!("{new}\n{all}")),
            (format!("{all}\n{old}\n{older}"), format!("{new}\n{all}")),
            (
                format!("{all}\n{old}\n{other}\n{older}\n[cache]\nenabled = true\n"),
                format!("{new}\n{all}\n{other}\n[cache]\nenabled = true\n"),
            ),
            (
                format!("# all\n{all}\n# old\n{old}# end\n\n{other}"),
                format!("# old\n{new}# end\n\n# all\n{all}\n{other}"),
            ),
            (
                format!("{all}{old}# other\n{other}"),
                format!("{new}\n{all}# other\n{other}"),
            ),
            // Other settings of a duplicate apply to its registry, and stay.
            (
                format!("{old}\n{cached}"),
                format!(
                    "{new}\n{}",
                    rule("111122223333/eu-west-1", "max_age_seconds = 600\n")
                ),
            ),
            (
                format!("{all}\n{cached}"),
                format!("{new}max_age_seconds = 600\n\n{all}"),
            ),
        ] {
            for line_end in ["\n", "\r\n"] {
                let (before, after) = (
                    before.replace('\n', line_end),
                    after.replace('\n', line_end),
                );
                assert_eq!(replaced(&before, true).expect("rules"), after, "{before}");
            }
            let without_end = replaced(before.trim_end(), true).expect("rules");
            assert_eq!(without_end.trim_end(), after.trim_end(), "{before}");
        }
    }

    #[test]
    fn a_rule_of_the_machine_gives_way() {
        let folder = tempfile::tempdir().expect("a folder");
        let machine = folder.path().join("machine.toml");
        let theirs = rule("111122223333/eu-west-1", "profile = \"machine\"\n");
        std::fs::write(&machine, &theirs).expect("a file");
        let mine = replaced_by("", false, Some(machine)).expect("rules");
        assert_eq!(mine, theirs.replace("machine", "new"));
    }

    #[test]
    fn a_rule_that_names_the_identity_too_late_is_moved_and_not_repeated() {
        let all = rule("*", "profile = \"all\"\n");
        let new = rule("111122223333/eu-west-1", "profile = \"new\"\n");
        let moved = replaced(&format!("{all}\n{new}"), false).expect("rules");
        assert_eq!(moved, format!("{new}\n{all}"));
    }

    #[test]
    fn a_replaced_rule_has_no_settings_of_the_earlier_identity() {
        let rest = "role_arn = \"arn:aws:iam::111122223333:role/pull\"\nexternal_id = \"build\"\n\
                    region = \"eu-west-1\"\nduration_seconds = 900\nmax_age_seconds = 600\n";
        let before = rule("111122223333/eu-west-1", rest);
        let rest = "profile = \"new\"\nmax_age_seconds = 600\n";
        let after = rule("111122223333/eu-west-1", rest);
        assert_eq!(replaced(&before, true).expect("rules"), after);
    }
}
