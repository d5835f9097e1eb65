//! Texts without their secrets. AWS, registries and processes may repeat what they were sent: a
//! [`Redactor`] knows the secrets and masks them. Of URLs, [`shown_url`] leaves out the parts that
//! may hold a password.

mod labelled;
pub(crate) mod output;
mod pieces;
pub(crate) mod process;
#[cfg(test)]
mod tests;
mod url;
mod view;

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::path::Path;

pub(crate) use url::{shown_server, shown_url};

use pieces::Pieces;
use view::View;

/// What takes the place of a secret.
const MASK: char = '…';

/// The rest of a longer text is dropped: messages are cut at 2000 characters, remembered ones at
/// 4 KiB.
const MAX_TEXT: usize = 64 * 1024;

/// The words with which AWS begins to repeat the request when a signature does not match, in lower
/// case. The sentences before them tell the cause.
const CANONICAL_STRINGS: [&str; 2] = ["the canonical string", "the string-to-sign"];

/// The secrets of a request. It masks them in the answers.
#[derive(Clone, Default)]
pub(crate) struct Redactor {
    secrets: HashSet<String>,
    shown: Vec<String>,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor(…)")
    }
}

impl Redactor {
    pub(crate) fn add(&mut self, secret: &str) {
        if !self.secrets.contains(secret) {
            self.secrets.insert(secret.to_owned());
        }
    }

    /// Adds the secrets of a URL: its user part, and the values of its query and fragment. Values
    /// of less than 8 bytes (`3600`, `host`) are not secret.
    pub(crate) fn add_url(&mut self, url: &str) {
        for secret in url::secrets(url) {
            self.add(secret);
        }
    }

    /// Adds a text that is shown anyway. What it shares with a secret is not masked: an external id
    /// may be the name of a role.
    pub(crate) fn show(&mut self, text: &str) {
        self.shown.push(text.to_owned());
    }

    /// Masks every piece of a secret, and cuts the request that AWS repeats when a signature does
    /// not match.
    ///
    /// A piece is 8 bytes or more of a secret, in upper or lower case, escaped or not. A shorter
    /// secret is masked if it is a whole word. Account ids are never masked in ARNs, since AWS's
    /// denials are read from them.
    pub(crate) fn redact(&self, text: &str) -> String {
        let text = &text[..text.floor_char_boundary(MAX_TEXT)];
        let text = without_canonical_string(text);
        let pieces = Pieces::of(&self.secrets, &self.shown);
        let mut found = Vec::new();
        for view in View::of(text) {
            pieces.find(&view, &mut found);
        }
        masked(text, found)
    }
}

/// A host, a key or another short text from a user for a message: nothing of it if it looks like a
/// key or a token, otherwise as [`shown_url`].
pub(crate) fn shown_input(text: &str) -> String {
    if output::holds_key(text) {
        MASK.to_string()
    } else {
        shown_url(text)
    }
}

fn without_canonical_string(text: &str) -> &str {
    let lower = text.to_ascii_lowercase();
    let starts = CANONICAL_STRINGS.iter().filter_map(|mark| lower.find(mark));
    match starts.min() {
        Some(start) => text[..start].trim_end().trim_end_matches(':'),
        None => text,
    }
}

/// The text with a mask in place of each run of ranges that overlap or meet.
fn masked(text: &str, mut ranges: Vec<Range<usize>>) -> String {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut result = String::with_capacity(text.len());
    let mut done = 0;
    for range in ranges {
        if range.start > done || result.is_empty() {
            result.push_str(&text[done..range.start]);
            result.push(MASK);
        }
        done = done.max(range.end);
    }
    result.push_str(&text[done..]);
    result
}

/// Whether it is the path of a file, or an absolute one in a folder that exists. `/` holds too many
/// to tell by. Names of other machines (`//HOST/…`) are not looked up.
fn is_file(text: &str) -> bool {
    let path = Path::new(text);
    let is_in_a_folder = |folder: &Path| folder.parent().is_some() && folder.is_dir();
    let is_remote = text.starts_with("//") || text.starts_with("\\\\");
    let is_there =
        || path.exists() || path.is_absolute() && path.parent().is_some_and(is_in_a_folder);
    !is_remote && is_there()
}
