//! `config.toml`, edited in its text. All other bytes stay.

use std::borrow::Cow;
use std::ops::Range;

use toml_edit::visit::Visit;
use toml_edit::{Document, Item, Table};

use super::change::{Change, open};
use super::clients::{line_end, split_byte_order_mark};
use super::registry_rules::{
    MATCH_KEYS, RuleEditor, RuleIdentity, WRITTEN_KEYS, above_comments, key_ranges, lines_of, toml,
};
use super::user_file::{Locks, UserFile};
use crate::cli::ConfigureDocker;
use crate::config::{Config, ConfigPaths};
use crate::error::Error;
use crate::registry::Registry;

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

#[cfg(test)]
mod tests {
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
}
