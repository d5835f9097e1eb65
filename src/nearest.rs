//! What a misspelled word was meant to be.

use strsim::osa_distance;

/// The known word that a misspelled one was most likely meant to be.
///
/// Near is a third of the letters wrong or less (as rustc has it), or a word of which the
/// beginning up to an underscore or hyphen was written.
pub(crate) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    nearest_within(usize::MAX, word, known)
}

/// The same, with so many wrong letters at the most. Two letters in the wrong order count once.
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
                // It has more wrong letters, which is known without counting them.
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
