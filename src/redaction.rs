//! Texts without their secrets. AWS, registries and processes may repeat what they were sent: a
//! [`Redactor`] knows the secrets and masks them. Of URLs, [`shown_url`] leaves out the parts that
//! may hold a password.

mod labelled;
pub(crate) mod output;
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

use view::View;

/// What takes the place of a secret.
const MASK: char = '…';

/// The rest of a longer text is dropped: messages are cut at 2000 characters, remembered ones at
/// 4 KiB.
const MAX_TEXT: usize = 64 * 1024;

/// The words with which AWS begins to repeat the request when a signature does not match, in lower
/// case. The sentences before them tell the cause.
const CANONICAL_STRINGS: [&str; 2] = ["the canonical string", "the string-to-sign"];

/// The length of a piece, in bytes.
const PIECE: usize = 8;

/// The length of an account id, in digits.
const ACCOUNT_ID: usize = 12;

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
        let pieces = Pieces::from_secrets(&self.secrets, &self.shown);
        let mut found = Vec::new();
        for view in View::levels(text) {
            pieces.find(&view, &mut found);
        }
        masked(text, found)
    }
}

/// Every piece of the secrets, and the secrets that are shorter than a piece, folded.
struct Pieces {
    pieces: HashSet<[u8; PIECE]>,
    words: HashSet<Vec<u8>>,
}

impl Pieces {
    /// The pieces of these secrets, without those that occur in a text that is shown anyway.
    fn from_secrets<'a>(
        secrets: impl IntoIterator<Item = &'a String>,
        shown: impl IntoIterator<Item = &'a String>,
    ) -> Self {
        let (mut pieces, mut words) = (HashSet::new(), HashSet::new());
        for secret in folded(secrets) {
            match secret.len() {
                0 => {}
                1..PIECE => {
                    words.insert(secret);
                }
                _ => pieces.extend(windows(&secret)),
            }
        }
        for text in folded(shown) {
            for place in whole_words(&text, &words) {
                words.remove(&text[place]);
            }
            for piece in windows(&text) {
                pieces.remove(&piece);
            }
        }
        Self { pieces, words }
    }

    /// Adds the places of the pieces in the original.
    fn find(&self, view: &View, found: &mut Vec<Range<usize>>) {
        let text = view.folded();
        for (at, piece) in windows(&text).enumerate() {
            if self.pieces.contains(&piece) && !is_in_account_id(&text, at) {
                found.push(view.place(at..at + PIECE));
            }
        }
        let words = whole_words(&text, &self.words);
        found.extend(words.into_iter().map(|place| view.place(place)));
    }
}

/// The texts, with and without their escapes.
fn folded<'a>(texts: impl IntoIterator<Item = &'a String>) -> impl Iterator<Item = Vec<u8>> {
    let views = texts.into_iter().flat_map(|text| View::levels(text));
    views.map(|view| view.folded())
}

fn windows(text: &[u8]) -> impl Iterator<Item = [u8; PIECE]> {
    text.array_windows().copied()
}

/// The places of words in a text, with no letter or digit before or after them.
fn whole_words(text: &[u8], words: &HashSet<Vec<u8>>) -> Vec<Range<usize>> {
    let is_border = |byte: Option<&u8>| byte.is_none_or(|byte| !byte.is_ascii_alphanumeric());
    let is_start = |at: &usize| is_border(at.checked_sub(1).map(|at| &text[at]));
    let mut places = Vec::new();
    for start in (0..text.len()).filter(is_start) {
        for end in start + 1..=text.len().min(start + PIECE - 1) {
            if is_border(text.get(end)) && words.contains(&text[start..end]) {
                places.push(start..end);
            }
        }
    }
    places
}

/// Whether the piece at this place belongs to the account id of an ARN.
fn is_in_account_id(text: &[u8], at: usize) -> bool {
    let is_digit = |byte: &&u8| byte.is_ascii_digit();
    let before = text[..at]
        .iter()
        .rev()
        .take(ACCOUNT_ID)
        .take_while(is_digit);
    let start = at - before.count();
    let end = start + ACCOUNT_ID;
    let is_field = start > 0 && text[start - 1] == b':' && text.get(end) == Some(&b':');
    is_field && at + PIECE <= end && text[start..end].iter().all(u8::is_ascii_digit)
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
    let exists =
        || path.exists() || path.is_absolute() && path.parent().is_some_and(is_in_a_folder);
    !is_remote && exists()
}
