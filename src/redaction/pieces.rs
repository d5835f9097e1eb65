//! The pieces of secrets, and the search for them.

use std::collections::HashSet;
use std::ops::Range;

use super::view::View;

/// The length of a piece, in bytes.
const PIECE: usize = 8;

/// The length of an account id, in digits.
const ACCOUNT_ID: usize = 12;

/// Every piece of the secrets, and the secrets that are shorter than a piece, folded.
pub(super) struct Pieces {
    pieces: HashSet<[u8; PIECE]>,
    words: HashSet<Vec<u8>>,
}

impl Pieces {
    /// The pieces of these secrets, without those that occur in a text that is shown anyway.
    pub(super) fn of<'a>(
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
    pub(super) fn find(&self, view: &View, found: &mut Vec<Range<usize>>) {
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
    let views = texts.into_iter().flat_map(|text| View::of(text));
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
