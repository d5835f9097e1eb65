//! Rules for `config.toml`, added to its text: every other byte stays.

use std::borrow::Cow;
use std::ops::Range;
use std::path::PathBuf;

use toml_edit::visit::Visit;
use toml_edit::{Document, Item, Table, Value};

use super::change::{Change, open};
use super::hosts::Host;
use crate::cli::ConfigureDocker;
use crate::config::{
    Blanks, Config, ConfigError, ConfigPaths, IdentitySettings, Match, Origin, RoleArnTemplate,
    Rule,
};
use crate::configure::clients::split_byte_order_mark;
use crate::configure::user_file::{Locks, UserFile};
use crate::error::Error;
use crate::registry::{MfaDevice, Registry};
use crate::secret::Secret;

/// The line that a rule begins with.
const HEADER: &str = "[[registry]]";

/// Why no rule was written. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub(super) enum RuleError {
    /// The rule would have no effect.
    #[error(
        "docker-credential-{name} always uses [identity.{end}] of config.toml or the AWS profile `{end}`, so --profile and --role-arn have no effect"
    )]
    NamedIdentity { name: String, end: String },
    #[error(
        "no home directory was found, so config.toml has no location: set HOME, or set ECRX_CONFIG to an existing file"
    )]
    NoConfigFile,
    #[error("{origin}: a rule for {registry} already exists and uses another identity ({who})")]
    OtherRule {
        origin: Origin,
        registry: String,
        who: String,
    },
    #[error("{} defines its rules as an inline array, which this command does not edit", file.display())]
    InlineRules { file: PathBuf },
    #[error("the rule for {registry} would be invalid and was not written")]
    UnusableRule {
        registry: String,
        #[source]
        cause: ConfigError,
    },
    #[error("another identity would still take precedence over the new rule for {registry}")]
    RuleWithoutEffect { registry: String },
}

/// The identity that the rules are to name.
#[derive(Clone, Copy, Debug)]
pub(super) struct RuleIdentity<'a> {
    pub profile: Option<&'a str>,
    pub role_arn: Option<&'a str>,
    pub external_id: Option<&'a Secret>,
    pub mfa_device: Option<&'a MfaDevice>,
    pub session_name: Option<&'a str>,
    /// Change a rule of the same registry that uses another identity.
    pub replaces: bool,
}

pub(super) fn open_config(
    paths: &ConfigPaths,
    arguments: &ConfigureDocker,
    locks: Option<&mut Locks>,
) -> Result<UserFile, Error> {
    let path = paths.explicit.as_ref().or(paths.user.as_ref());
    let path = path.ok_or_else(|| Error::failure(RuleError::NoConfigFile))?;
    open(path, arguments, locks)
}

pub(super) fn change(
    paths: &ConfigPaths,
    file: UserFile,
    hosts: &[Host],
    who: RuleIdentity<'_>,
    other_helper: Option<String>,
) -> Result<Option<Change>, Error> {
    let bytes = file.bytes().unwrap_or_default();
    let (mark, rest) = split_byte_order_mark(bytes);
    // It was read as configuration before, and so it is UTF-8.
    let before = String::from_utf8_lossy(rest).into_owned();
    let mut after = before.clone();
    if who.is_given() {
        after = with_rules(paths, &after, hosts, who)?;
    }
    if let Some(helper) = other_helper {
        after = with_other_helper(paths, &after, &helper)?;
    }
    if after == before {
        return Ok(None);
    }
    Ok(Some(Change {
        shown_before: file.bytes().map(|_| masked(&before)),
        shown_after: masked(&after),
        drops_logins: false,
        // A rule that is replaced may be the user's own, and is backed up.
        is_but_for_us: if who.replaces {
            |one, other| one == other
        } else {
            is_but_for_rules
        },
        after: format!("{mark}{after}").into_bytes(),
        file,
    }))
}

/// The text with a rule for each of these hosts that has none that says so.
///
/// # Errors
/// When a rule of that file for exactly that registry says something else, or the result could
/// not be used.
fn with_rules(
    paths: &ConfigPaths,
    text: &str,
    hosts: &[Host],
    who: RuleIdentity<'_>,
) -> Result<String, Error> {
    let mut text = text.to_owned();
    for Host { registry, .. } in hosts {
        let config = Config::load_with(paths, &text).map_err(Error::failure)?;
        if who.asks_for(registry, &config)? {
            continue;
        }
        text = with_rule(paths, &config, text, registry, who)?;
        let shown = || registry.to_string();
        let mut config = Config::load_with(paths, &text).map_err(|cause| {
            let registry = shown();
            Error::failure(RuleError::UnusableRule { registry, cause })
        })?;
        if who.replaces && !who.asks_for(registry, &config)? {
            // The changed rule is not the first one that matches.
            text = with_rule(paths, &config, text, registry, who)?;
            config = Config::load_with(paths, &text).map_err(Error::failure)?;
        }
        if !who.asks_for(registry, &config)? {
            let registry = shown();
            return Err(Error::failure(RuleError::RuleWithoutEffect { registry }));
        }
    }
    Ok(text)
}

/// The text with `other_registries_helper` added at its top.
fn with_other_helper(paths: &ConfigPaths, text: &str, name: &str) -> Result<String, Error> {
    let header = Document::parse(text).ok().and_then(|it| first_header(&it));
    let at = header.map_or(text.len(), |header| {
        let line = text[..header].rfind('\n').map_or(0, |at| at + 1);
        above_comments(text, line)
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

/// Where the first `[table]` begins.
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

/// The rules for a registry that name an identity, in order of precedence.
fn identities<'c>(
    config: &'c Config,
    registry: &'c Registry,
) -> impl Iterator<Item = Result<(&'c Rule, IdentitySettings), Error>> {
    let rules = config.rules().iter().filter(|rule| rule.matches(registry));
    rules.filter_map(|rule| {
        let identity = rule.identity_for(registry).map_err(Error::failure);
        identity.map(|identity| Some((rule, identity?))).transpose()
    })
}

fn with_rule(
    paths: &ConfigPaths,
    config: &Config,
    text: String,
    registry: &Registry,
    who: RuleIdentity<'_>,
) -> Result<String, Error> {
    let file = paths.explicit.as_ref().or(paths.user.as_ref());
    // The machine's rules come after all of the user's.
    let is_of_file = |rule: &Rule| file.is_some_and(|file| *rule.origin().file == **file);
    let mut first = None;
    for found in identities(config, registry) {
        let (rule, identity) = found?;
        if is_of_file(rule) && is_for_exactly(rule, registry) && !who.is(&identity, registry) {
            if who.replaces {
                let index = config.rules().iter().filter(|rule| is_of_file(rule));
                let index = index.take_while(|it| it.origin() != rule.origin()).count();
                return match who.replaced_in(&text, index, &identity, registry) {
                    Some(text) => Ok(text),
                    None => Err(inline_rules(file, &who.toml_lines(registry))),
                };
            }
            return Err(Error::failure(RuleError::OtherRule {
                origin: rule.origin().clone(),
                registry: registry.to_string(),
                who: shown(&identity),
            })
            .hint("Pass --replace to change that rule"));
        }
        first = first.or(Some(rule));
    }
    let keys = who.toml_lines(registry);
    let line_end = line_end(&text);
    let rule = format!("{HEADER}{line_end}{}{line_end}", keys.join(line_end));
    // A rule that takes precedence now has to come later.
    let earlier = first.filter(|rule| is_of_file(rule)).map(Rule::origin);
    let is_inline = Document::parse(&*text)
        .is_ok_and(|document| matches!(document.get("registry"), Some(Item::Value(_))));
    match (file, earlier) {
        (Some(_), _) if is_inline => Err(inline_rules(file, &keys)),
        (_, Some(origin)) => Ok(before(&text, origin, &rule)),
        _ => Ok(after_all(&text, &rule)),
    }
}

/// The error for a file whose rules are one value: `registry = [{ … }]`.
fn inline_rules(file: Option<&PathBuf>, keys: &[String]) -> Error {
    let file = file.cloned().unwrap_or_default();
    let keys = keys.iter().map(|key| match key.split_once(" = ") {
        Some(("external_id", _)) => "external_id = \"…\"",
        _ => key,
    });
    let rule = keys.collect::<Vec<_>>().join(", ");
    Error::failure(RuleError::InlineRules { file })
        .hint(format!("Add the rule to the array: {{ {rule} }}"))
}

/// The rule is added before the one at `origin`, and before the comment above that.
fn before(text: &str, origin: &Origin, rule: &str) -> String {
    let line: usize = text
        .split_inclusive('\n')
        .take(origin.line - 1)
        .map(str::len)
        .sum();
    let at = above_comments(text, line);
    let (start, end) = text.split_at(at);
    format!("{start}{rule}{}{end}", line_end(text))
}

fn after_all(text: &str, rule: &str) -> String {
    let line_end = line_end(text);
    let mut new = text.to_owned();
    if !text.is_empty() {
        if !text.ends_with('\n') {
            new.push_str(line_end);
        }
        new.push_str(line_end);
    }
    new + rule
}

/// Where the comment begins that ends at a line.
fn above_comments(text: &str, mut at: usize) -> usize {
    if at == text.len() {
        return at;
    }
    while let Some(line) = text[..at].split_inclusive('\n').next_back() {
        if !line.trim_start().starts_with('#') {
            break;
        }
        at -= line.len();
    }
    at
}

/// The whole lines that a range is in, with the end of the last one.
fn line_of(text: &str, range: Range<usize>) -> Range<usize> {
    let start = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[range.end..].find('\n');
    start..end.map_or(text.len(), |at| range.end + at + 1)
}

fn line_end(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
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

/// Not a name of one's own.
fn is_ecrs_name(registry: &Registry) -> bool {
    Registry::parse(registry.host()).is_some()
}

/// An identity in a few words, without external ids.
fn shown(identity: &IdentitySettings) -> String {
    let roles: Vec<&str> = identity
        .roles
        .iter()
        .map(|role| role.arn.as_str())
        .collect();
    match (&identity.profile, roles.is_empty()) {
        (Some(profile), true) => format!("profile `{profile}`"),
        (Some(profile), false) => {
            format!(
                "{}, assumed from profile `{profile}`",
                roles.join(", then ")
            )
        }
        (None, _) => roles.join(", then "),
    }
}

impl<'a> RuleIdentity<'a> {
    pub(super) fn from_arguments(arguments: &'a ConfigureDocker) -> Self {
        Self {
            profile: arguments.profile.as_deref(),
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
        self.profile.or(self.role_arn).is_some()
    }

    /// Whether the first rule for a registry that names an identity names this one.
    fn asks_for(&self, registry: &Registry, config: &Config) -> Result<bool, Error> {
        let first = identities(config, registry).next().transpose()?;
        Ok(first.is_some_and(|(_, found)| self.is(&found, registry)))
    }

    /// Whether an identity is this one. Options of the role that were not given do not matter.
    fn is(&self, identity: &IdentitySettings, registry: &Registry) -> bool {
        let found = identity.roles.first();
        let has_options = found.is_none_or(|role| {
            (self.external_id.is_none() || self.external_id == role.external_id.as_ref())
                && (self.mfa_device.is_none() || self.mfa_device == role.mfa_device.as_ref())
                && (self.session_name.is_none()
                    || self.session_name == role.session_name.as_deref())
        });
        identity.profile.as_deref() == self.profile
            && self.is_role_of(identity, registry)
            && has_options
    }

    fn is_role_of(&self, identity: &IdentitySettings, registry: &Registry) -> bool {
        let role = self.role_arn.and_then(|arn| {
            RoleArnTemplate::parse(arn)
                .and_then(|role| role.expand(Blanks::from_registry(registry)))
                .ok()
        });
        identity.roles.len() == usize::from(self.role_arn.is_some())
            && identity.roles.first().map(|found| &found.arn) == role.as_ref()
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
        let identity = self.identity_keys().into_iter();
        keys.extend(identity.map(|(key, value)| (key, value.to_owned())));
        keys
    }

    /// The keys that name this identity, with their values.
    fn identity_keys(&self) -> Vec<(&'static str, &str)> {
        let keys = [
            ("profile", self.profile),
            ("role_arn", self.role_arn),
            ("external_id", self.external_id.map(Secret::expose)),
            ("mfa_serial", self.mfa_device.map(MfaDevice::as_str)),
            ("role_session_name", self.session_name),
        ];
        let given = keys.into_iter();
        given
            .filter_map(|(key, value)| Some((key, value?)))
            .collect()
    }

    /// The lines of a rule for a registry.
    fn toml_lines(&self, registry: &Registry) -> Vec<String> {
        let keys = self.rule_for(registry).into_iter();
        keys.map(|(key, value)| format!("{key} = {}", toml(&value)))
            .collect()
    }

    /// The text with this identity in the rule of that index, which has another. `None` if rules
    /// are inline tables.
    fn replaced_in(
        &self,
        text: &str,
        index: usize,
        found: &IdentitySettings,
        registry: &Registry,
    ) -> Option<String> {
        let document = Document::parse(text).ok()?;
        let rule = document.get("registry")?.as_array_of_tables()?.get(index)?;
        let keeps_role = self.is_role_of(found, registry);
        let removed = |key: &str| match key {
            "profile" | "source_profile" | "role_arn" => true,
            // They belong to the role that was replaced.
            "external_id" | "mfa_serial" | "role_session_name" => !keeps_role,
            "duration_seconds" => self.role_arn.is_none(),
            _ => false,
        };
        let mut added = self.identity_keys();
        // From the last to the first, so that positions stay valid.
        let mut edits: Vec<(Range<usize>, String)> = Vec::new();
        let mut first = None;
        for (key, item) in rule {
            let (name, _) = rule.get_key_value(key)?;
            let (key_span, value) = (name.span()?, item.span()?);
            let line = line_of(text, key_span.start..value.end);
            if let Some(at) = added.iter().position(|(known, _)| *known == key) {
                let (_, new) = added.remove(at);
                first.get_or_insert(line.end);
                edits.push((value, toml(new)));
            } else if removed(key) {
                first.get_or_insert(line.start);
                edits.push((line, String::new()));
            }
        }
        let line_end = line_end(text);
        let lines = added
            .iter()
            .map(|(key, value)| format!("{key} = {}{line_end}", toml(value)));
        let lines: String = lines.collect();
        let at = first?;
        let is_whole_line = at == 0 || text[..at].ends_with('\n');
        let lines = match (lines.is_empty(), is_whole_line) {
            (false, false) => format!("{line_end}{lines}"),
            _ => lines,
        };
        edits.push((at..at, lines));
        edits.sort_by_key(|(range, _)| (range.start, range.end));
        let mut new = text.to_owned();
        for (range, with) in edits.into_iter().rev() {
            new.replace_range(range, &with);
        }
        Some(new)
    }
}

fn toml(text: &str) -> String {
    Value::from(text).to_string()
}

/// The keys of a rule that this program writes, in its order.
const KEYS: [&str; 8] = [
    "match",
    "account",
    "region",
    "profile",
    "role_arn",
    "external_id",
    "mfa_serial",
    "role_session_name",
];

/// Whether two texts of a `config.toml` differ in nothing but rules that this program writes.
fn is_but_for_rules(one: &[u8], other: &[u8]) -> bool {
    let rest = |text| str::from_utf8(text).ok().map(without_rules);
    rest(one).is_some_and(|one| rest(other) == Some(one))
}

/// The lines of a text without those rules, and without empty lines, which come and go with them.
fn without_rules(text: &str) -> Vec<&str> {
    let lines: Vec<&str> = text.lines().collect();
    let mut rest = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let length = rule_at(&lines[at..]);
        if length == 0 && !lines[at].trim().is_empty() {
            rest.push(lines[at]);
        }
        at += length.max(1);
    }
    rest
}

/// How many lines the rule has that begins here; 0 where none does that this program would write.
fn rule_at(lines: &[&str]) -> usize {
    if lines.first() != Some(&HEADER) {
        return 0;
    }
    let rule = lines[1..].iter().take_while(|line| !line.trim().is_empty());
    let mut keys = KEYS.iter();
    let is_ours = rule.clone().all(|line| {
        let key = line.split_once(" = ").map(|(key, _)| key);
        key.is_some_and(|key| keys.any(|known| *known == key))
    });
    if is_ours { 1 + rule.count() } else { 0 }
}

/// The text of a `config.toml` as it may be shown: external ids are not for everybody.
fn masked(text: &str) -> String {
    let Ok(document) = Document::parse(text) else {
        // It is not ours to change then, and not to be shown.
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

/// A rule that was commented out still holds its external id.
fn without_commented_out(line: &str) -> Cow<'_, str> {
    match line.split_once('#') {
        Some((start, comment)) if comment.contains("external_id") => {
            let text = line.trim_end_matches(['\r', '\n']);
            format!("{start}# …{}", &line[text.len()..]).into()
        }
        _ => line.into(),
    }
}

/// Where the external ids are in a text.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_of_the_machine_gives_way() {
        let folder = tempfile::tempdir().expect("a folder");
        let machine = folder.path().join("machine.toml");
        let theirs = "[[registry]]\nmatch = \"111122223333/eu-west-1\"\nprofile = \"machine\"\n";
        std::fs::write(&machine, theirs).expect("a file");
        let paths = ConfigPaths {
            explicit: None,
            user: Some(folder.path().join("config.toml")),
            machine: Some(machine),
        };
        let key = "111122223333.dkr.ecr.eu-west-1.amazonaws.com".to_owned();
        let registry = Registry::parse(&key).expect("a registry");
        let who = RuleIdentity {
            profile: Some("mine"),
            role_arn: None,
            external_id: None,
            mfa_device: None,
            session_name: None,
            replaces: false,
        };
        let mine = with_rules(&paths, "", &[Host { key, registry }], who).expect("a rule");
        assert_eq!(mine, theirs.replace("machine", "mine"));
    }

    #[test]
    fn rules_of_ours_are_told_from_those_of_others() {
        let ours = "[[registry]]\nmatch = \"111122223333/eu-west-1\"\nprofile = \"work\"\n";
        let own_name = "[[registry]]\nmatch = \"images.example.com\"\naccount = \"111122223333\"\n\
                        region = \"eu-west-1\"\nrole_arn = \"arn:aws:iam::111122223333:role/pull\"\n";
        let theirs =
            "# mine\ntimeout_seconds = 10\n\n[[registry]]\nmatch = \"*\"\nduration_seconds = 900\n";
        let is_but_for_rules =
            |one: &str, other: &str| is_but_for_rules(one.as_bytes(), other.as_bytes());
        for same in [
            format!("{theirs}\n{ours}"),
            format!("{ours}\n{theirs}"),
            format!("{own_name}\n{theirs}\n{ours}"),
            format!("{theirs}\n{ours}").replace('\n', "\r\n"),
        ] {
            assert!(is_but_for_rules(theirs, &same), "{same}");
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
            assert!(!is_but_for_rules(theirs, &different), "{different}");
        }
        assert!(!is_but_for_rules(theirs, &format!("\u{feff}{theirs}")));
    }
}
