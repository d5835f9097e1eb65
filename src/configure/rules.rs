//! Rules for `config.toml`, added to its text: every other byte stays.

use toml_edit::{Document, Item, Table};

use super::error::ConfigureError;
use super::hosts::Host;
use crate::config::{
    Blanks, Config, ConfigPaths, IdentitySettings, Match, Origin, RoleArnTemplate, Rule,
};
use crate::error::Error;
use crate::registry::Registry;

/// The line that a rule begins with.
pub(super) const HEADER: &str = "[[registry]]";

/// Who is to ask.
#[derive(Clone, Copy, Debug)]
pub(super) struct Who<'a> {
    pub profile: Option<&'a str>,
    pub role_arn: Option<&'a str>,
}

/// The text with a rule for each of these hosts that has none that says so.
///
/// # Errors
/// When a rule of that file for exactly that registry says something else, or the result could
/// not be used.
pub(super) fn with_rules(
    paths: &ConfigPaths,
    text: &str,
    hosts: &[Host],
    who: Who<'_>,
) -> Result<String, Error> {
    let mut text = text.to_owned();
    for Host { registry, .. } in hosts {
        let config = Config::load_with(paths, &text).map_err(Error::failure)?;
        if decides(&config, registry)?.is_some_and(|(_, found)| who.is(&found, registry)) {
            continue;
        }
        text = with_rule(paths, &config, text, registry, who)?;
        let config = Config::load_with(paths, &text).map_err(|cause| {
            let registry = registry.to_string();
            Error::failure(ConfigureError::UnusableRule { registry, cause })
        })?;
        let found = decides(&config, registry)?;
        if !found.is_some_and(|(_, found)| who.is(&found, registry)) {
            return Err(Error::failure(ConfigureError::RuleWithoutEffect {
                registry: registry.to_string(),
            }));
        }
    }
    Ok(text)
}

/// The text with another key at its top: who keeps the logins of other registries.
pub(super) fn with_other_helper(
    paths: &ConfigPaths,
    text: &str,
    name: &str,
) -> Result<String, Error> {
    let header = Document::parse(text).ok().and_then(|it| first_header(&it));
    let at = header.map_or(text.len(), |header| {
        let line = text[..header].rfind('\n').map_or(0, |at| at + 1);
        above_comments(text, line)
    });
    let (before, after) = text.split_at(at);
    let line_end = line_end(text);
    let key = format!("other_registries_helper = {}{line_end}", toml(name));
    let gap = match (
        before.is_empty() || before.ends_with('\n'),
        after.is_empty(),
    ) {
        (false, _) => (line_end, ""),
        (true, true) => ("", ""),
        (true, false) => ("", line_end),
    };
    let text = format!("{before}{}{key}{}{after}", gap.0, gap.1);
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

/// The rule that says who asks for a registry, and who that is.
fn decides<'c>(
    config: &'c Config,
    registry: &'c Registry,
) -> Result<Option<(&'c Rule, IdentitySettings)>, Error> {
    identities(config, registry).next().transpose()
}

/// The rules for a registry that say who asks, in the order in which they are asked.
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
    who: Who<'_>,
) -> Result<String, Error> {
    let file = paths.explicit.as_ref().or(paths.user.as_ref());
    // The machine's rules come behind all of the user's.
    let is_of_file = |rule: &Rule| file.is_some_and(|file| *rule.origin().file == **file);
    let mut first = None;
    for found in identities(config, registry) {
        let (rule, identity) = found?;
        if is_of_file(rule) && is_for_exactly(rule, registry) && !who.is(&identity, registry) {
            return Err(Error::failure(ConfigureError::OtherRule {
                origin: rule.origin().clone(),
                registry: registry.to_string(),
                who: shown(&identity),
            })
            .hint("change that rule, or remove it and run this again"));
        }
        first = first.or(Some(rule));
    }
    let keys = who.rule_for(registry).into_iter();
    let keys: Vec<String> = keys
        .map(|(key, value)| format!("{key} = {}", toml(&value)))
        .collect();
    let line_end = line_end(&text);
    let rule = format!("{HEADER}{line_end}{}{line_end}", keys.join(line_end));
    // A rule that is asked earlier has to come later.
    let earlier = first.filter(|rule| is_of_file(rule)).map(Rule::origin);
    let is_inline = Document::parse(&*text)
        .is_ok_and(|document| matches!(document.get("registry"), Some(Item::Value(_))));
    match (is_inline, earlier, file) {
        (true, _, Some(file)) => Err(Error::failure(ConfigureError::InlineRules {
            file: file.clone(),
            rule: format!("{{ {} }}", keys.join(", ")),
        })),
        (_, Some(origin), _) => Ok(before(&text, origin, &rule)),
        _ => Ok(behind(&text, &rule)),
    }
}

/// The rule before the one that stands there, and before the comment above that.
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

fn behind(text: &str, rule: &str) -> String {
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

/// Who asks, in a few words. No external id.
fn shown(identity: &IdentitySettings) -> String {
    let roles: Vec<&str> = identity
        .roles
        .iter()
        .map(|role| role.arn.as_str())
        .collect();
    match (&identity.profile, roles.is_empty()) {
        (Some(profile), true) => format!("the profile `{profile}`"),
        (Some(profile), false) => {
            format!("{}, from the profile `{profile}`", roles.join(", then "))
        }
        (None, _) => roles.join(", then "),
    }
}

impl Who<'_> {
    fn is(&self, identity: &IdentitySettings, registry: &Registry) -> bool {
        let role = self.role_arn.and_then(|arn| {
            RoleArnTemplate::parse(arn)
                .and_then(|role| role.expand(Blanks::of(registry)))
                .ok()
        });
        identity.profile.as_deref() == self.profile
            && identity.roles.len() == usize::from(self.role_arn.is_some())
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
        keys.extend(self.profile.map(|profile| ("profile", profile.to_owned())));
        keys.extend(self.role_arn.map(|arn| ("role_arn", arn.to_owned())));
        keys
    }
}

fn toml(text: &str) -> String {
    toml_edit::Value::from(text).to_string()
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
        let who = Who {
            profile: Some("mine"),
            role_arn: None,
        };
        let mine = with_rules(&paths, "", &[Host { key, registry }], who).expect("a rule");
        assert_eq!(mine, theirs.replace("machine", "mine"));
    }
}
