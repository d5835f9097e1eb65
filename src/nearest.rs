//! What a misspelled word was meant to be.

/// The known word that a misspelled one was most likely meant to be.
///
/// Near is a third of the letters wrong or less (as rustc has it), or a word of which the
/// beginning up to an underscore or hyphen was written.
pub(crate) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    const LONGEST: usize = 64;
    if word.len() > LONGEST {
        return None;
    }
    let word = word.to_ascii_lowercase().replace('-', "_");
    let (distance, best) = known
        .into_iter()
        .map(|known| {
            let plain = known.replace('-', "_");
            let begins = plain
                .strip_prefix(&*word)
                .is_some_and(|rest| rest.starts_with('_'));
            (if begins { 0 } else { edits(&word, &plain) }, known)
        })
        .min_by_key(|(distance, _)| *distance)?;
    (distance <= word.chars().count().max(best.len()) / 3).then_some(best)
}

/// How many letters must be changed, added or removed to get from one word to the other
/// (Levenshtein's distance).
fn edits(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (index, from) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, to) in to.chars().enumerate() {
            let changed = diagonal + usize::from(from != to);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[row.len() - 1]
}
