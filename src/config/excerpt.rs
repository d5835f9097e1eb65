//! The line of a mistake in `config.toml`, with carets under the place.

use crate::error::escaped;
use crate::redaction::{output::holds_key, shown_url};

/// A source line with the place of a mistake.
#[derive(Clone, Debug)]
pub struct Excerpt {
    /// In characters, from 1.
    pub column: usize,
    line: String,
    indent: usize,
    width: usize,
}

impl Excerpt {
    /// `earlier` is the text above the line, `before` the line up to the `marked` part. `None` if
    /// the line may hold a secret.
    pub(super) fn new(earlier: &str, before: &str, line: &str, marked: &str) -> Option<Self> {
        let shown = shown_line(earlier, line)?;
        let (length, before) = (shown.chars().count(), before.chars().count());
        // Of what is left out, the ellipsis is marked.
        let indent = before.min(length - usize::from(shown != line));
        Some(Self {
            column: before + 1,
            indent,
            width: marked.chars().count().min(length - indent).max(1),
            line: shown,
        })
    }

    /// The source line, and a line with carets under the place.
    pub fn lines(&self) -> [String; 2] {
        let blanks = self.line.chars().take(self.indent);
        let carets = blanks.map(|c| if c == '\t' { '\t' } else { ' ' });
        let marks = carets.collect::<String>() + &"^".repeat(self.width);
        [escaped(&self.line).replace("\\t", "\t"), marks]
    }
}

/// Keys whose values are no secrets: all but `external_id`.
pub(super) const SHOWN_KEYS: [&str; 19] = [
    "account",
    "accounts",
    "connect_timeout_seconds",
    "dir",
    "duration_seconds",
    "enabled",
    "endpoint_url",
    "match",
    "max_age_seconds",
    "mfa_serial",
    "other_registries_helper",
    "other_registries_timeout_seconds",
    "profile",
    "region",
    "role_arn",
    "role_session_name",
    "source_profile",
    "sts_endpoint_url",
    "timeout_seconds",
];

/// Longer lines are not shown.
const LONGEST_LINE: usize = 200;

/// A line without what may be secret: the value of an unknown key, comments, and what has no key.
fn shown_line(earlier: &str, line: &str) -> Option<String> {
    let is_hidden = |part: &str| holds_key(part) || part.contains("://") && shown_url(part) != part;
    let mut parts = line.split(['"', '\'']);
    if line.len() > LONGEST_LINE || line.contains('@') || parts.any(is_hidden) {
        return None;
    }
    let Some((key, value)) = line.split_once('=') else {
        return shown_without_key(earlier, line);
    };
    let is_shown = SHOWN_KEYS.contains(&key.trim()) && !value.contains(['=', '#']);
    let is_key = !key.trim().contains([':', ' ', '#', '"']);
    if is_shown {
        Some(line.to_owned())
    } else {
        is_key.then(|| format!("{key}= …"))
    }
}

/// A table header, or a part of a list or text that began in an earlier line.
fn shown_without_key(earlier: &str, line: &str) -> Option<String> {
    let is_header = line.trim_start().starts_with('[') && !line.contains([':', '"', '#']);
    let statement = earlier.lines().rev().find(|line| line.contains('='));
    let key = statement.and_then(|line| line.split_once('='));
    let is_of_shown = key.is_some_and(|(key, _)| SHOWN_KEYS.contains(&key.trim()));
    let is_list = line.trim_start().starts_with(['"', ']']) && !line.contains('#');
    (is_header || is_of_shown && is_list).then(|| line.to_owned())
}
