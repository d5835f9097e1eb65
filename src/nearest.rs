//! Suggestions for misspelled words.

use strsim::osa_distance;

/// The known word that is nearest to a misspelled one.
///
/// At most a third of the letters may be wrong, as in rustc. A word is also found by its part before an
/// underscore or hyphen.
pub(crate) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    nearest_within(usize::MAX, word, known)
}

/// The same, with a maximum number of wrong letters. Two swapped letters count as one.
pub(crate) fn nearest_within<'k>(
    most: usize,
    word: &str,
    known: impl IntoIterator<Item = &'k str>,
) -> Option<&'k str> {
    const LONGEST: usize = 64;
    if word.len() > LONGEST {
        return None;
    }
    let word = plain(word);
    let length = word.chars().count();
    let (distance, best) = known
        .into_iter()
        .map(|known| {
            let plain = plain(known);
            let begins = plain
                .strip_prefix(&*word)
                .is_some_and(|rest| rest.starts_with('_'));
            let distance = if begins {
                0
            } else if length.abs_diff(plain.chars().count()) > most {
                // The difference in length is enough to exclude it.
                usize::MAX
            } else {
                osa_distance(&word, &plain)
            };
            (distance, known)
        })
        .min_by_key(|(distance, _)| *distance)?;
    let third = length.max(best.len()) / 3;
    (distance <= most.min(third)).then_some(best)
}

fn plain(word: &str) -> String {
    word.to_ascii_lowercase().replace('-', "_")
}
