//! A difference, as `diff -u` shows it, in colour where there is colour.

use std::borrow::Cow;
use std::ops::Range;

use anstyle::{AnsiColor, Style};
use similar::{ChangeTag, TextDiff};
use toml_edit::{Document, Item, Table, Value};

use crate::commands::page::Page;
use crate::error::{is_unsafe, one_line};

/// Prints what changes in a file. Neither text may hold a secret.
pub(super) fn difference(page: &mut Page, path: &str, before: Option<&str>, after: &str) {
    let path = one_line(path);
    let old = match before {
        Some(_) => &*path,
        None => "/dev/null",
    };
    let diff = TextDiff::from_lines(before.unwrap_or_default(), after);
    page.raw(&format!("--- {old}\n+++ {path}\n"));
    let (red, green) = (AnsiColor::Red.on_default(), AnsiColor::Green.on_default());
    for hunk in diff.unified_diff().context_radius(3).iter_hunks() {
        line(
            page,
            AnsiColor::Cyan.on_default(),
            &hunk.header().to_string(),
        );
        for change in hunk.iter_changes() {
            let (sign, style) = match change.tag() {
                ChangeTag::Equal => (' ', Style::new()),
                ChangeTag::Delete => ('-', red),
                ChangeTag::Insert => ('+', green),
            };
            line(page, style, &format!("{sign}{}", safe(change.value())));
            if change.missing_newline() {
                page.raw("\\ No newline at end of file\n");
            }
        }
    }
}

fn line(page: &mut Page, style: Style, text: &str) {
    page.raw(&format!("{style}{text}{style:#}\n"));
}

/// A line of a file without what could drive a terminal.
fn safe(line: &str) -> String {
    // As git shows a byte order mark.
    line.replace('\u{feff}', "<U+FEFF>")
        .chars()
        .filter(|character| *character == '\t' || !is_unsafe(*character))
        .collect()
}

/// The text of a `config.toml` as it may be shown: external ids are not for everybody.
pub(super) fn masked(text: &str) -> String {
    let mut ranges = Vec::new();
    match Document::parse(text) {
        Ok(document) => of_table(document.as_table(), &mut ranges),
        // It is not ours to change then, and not to be shown.
        Err(_) => return String::new(),
    }
    ranges.sort_by_key(|range| range.start);
    let mut masked = text.to_owned();
    for range in ranges.into_iter().rev() {
        masked.replace_range(range, "\"…\"");
    }
    masked.split_inclusive('\n').map(without_put_away).collect()
}

/// A rule that somebody has made a comment of keeps its external id.
fn without_put_away(line: &str) -> Cow<'_, str> {
    match line.split_once('#') {
        Some((start, comment)) if comment.contains("external_id") => {
            let text = line.trim_end_matches(['\r', '\n']);
            format!("{start}# …{}", &line[text.len()..]).into()
        }
        _ => line.into(),
    }
}

fn of_table(table: &Table, ranges: &mut Vec<Range<usize>>) {
    for (key, item) in table {
        match item {
            Item::Value(value) => of_value(key, value, ranges),
            Item::Table(table) => of_table(table, ranges),
            Item::ArrayOfTables(tables) => {
                tables.iter().for_each(|table| of_table(table, ranges));
            }
            Item::None => {}
        }
    }
}

fn of_value(key: &str, value: &Value, ranges: &mut Vec<Range<usize>>) {
    match value {
        _ if key == "external_id" => ranges.extend(value.span()),
        Value::InlineTable(table) => {
            table
                .iter()
                .for_each(|(key, value)| of_value(key, value, ranges));
        }
        Value::Array(list) => list.iter().for_each(|value| of_value("", value, ranges)),
        _ => {}
    }
}
