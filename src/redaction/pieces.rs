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
    words: Vec<Vec<u8>>,
}

impl Pieces {
    /// The pieces of these secrets, without those that occur in a text that is shown anyway.
    pub(super) fn of(secrets: &[String], shown: &[String]) -> Self {
        let (mut pieces, mut words) = (HashSet::new(), Vec::new());
        for secret in folded(secrets) {
            match secret.len() {
                0 => {}
                1..PIECE => words.push(secret),
                _ => pieces.extend(windows(&secret)),
            }
        }
        for text in folded(shown) {
            words.retain(|word| whole_words(&text, word).next().is_none());
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
        for word in &self.words {
            let places = whole_words(&text, word).map(|at| view.place(at..at + word.len()));
            found.extend(places);
        }
    }
}

/// The texts, with and without their escapes.
fn folded(texts: &[String]) -> impl Iterator<Item = Vec<u8>> {
    let views = texts.iter().flat_map(|text| View::of(text));
    views.map(|view| view.folded())
}

fn windows(text: &[u8]) -> impl Iterator<Item = [u8; PIECE]> {
    text.array_windows().copied()
}

/// The places of a word in a text, with no letter or digit before or after it.
fn whole_words<'a>(text: &'a [u8], word: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    let is_end = |byte: Option<&u8>| byte.is_none_or(|byte| !byte.is_ascii_alphanumeric());
    let places = text.windows(word.len()).enumerate();
    places.filter_map(move |(at, found)| {
        let before = at.checked_sub(1).map(|at| &text[at]);
        let is_whole = is_end(before) && is_end(text.get(at + word.len()));
        (found == word && is_whole).then_some(at)
    })
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
