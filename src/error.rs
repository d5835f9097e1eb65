//! Errors. The calling client needs only their [`Kind`]; the user reads one line and the hints
//! below it. For a misspelled word, the user is told the [`nearest`] known one.

use std::error::Error as StdError;
use std::fmt;
use std::path::Path;

use strsim::osa_distance;

/// What the calling client will do with a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It goes on anonymously and shows nothing.
    NotFound,
    /// It complains that it sent no server.
    NoServerUrl,
    /// It complains that it sent no user name.
    NoUsername,
    /// It stops, or shows what is printed, or both.
    Failure,
    /// There is no client: a user has given wrong arguments.
    Usage,
}

/// The longest line that is printed, in characters. AWS's longest denials have some 600.
const MAX_LINE_LENGTH: usize = 2000;

/// The longest part of a line that [`escaped`] gives, in characters, so that the rest of the line
/// is not cut off.
const MAX_PART_LENGTH: usize = 600;

/// A failure with all there is to say about it.
#[derive(Debug)]
pub(crate) struct Error {
    kind: Kind,
    cause: Box<dyn StdError + Send + Sync>,
    hints: Vec<String>,
}

/// The text of the failures that the protocol gives fixed texts to.
#[derive(Debug, thiserror::Error)]
enum Fixed {
    #[error("credentials not found in native keychain")]
    NotFound,
    #[error("no credentials server URL")]
    NoServerUrl,
    #[error("no credentials username")]
    NoUsername,
}

impl Error {
    /// "There is nothing here, go on anonymously": the truth, never an excuse.
    pub(crate) fn not_found() -> Self {
        Self::new(Kind::NotFound, Fixed::NotFound)
    }

    /// The client sent no server.
    pub(crate) fn no_server_url() -> Self {
        Self::new(Kind::NoServerUrl, Fixed::NoServerUrl)
    }

    /// The client sent no user name.
    pub(crate) fn no_username() -> Self {
        Self::new(Kind::NoUsername, Fixed::NoUsername)
    }

    pub(crate) fn failure(cause: impl StdError + Send + Sync + 'static) -> Self {
        Self::new(Kind::Failure, cause)
    }

    /// An argument is not what it should be.
    pub(crate) fn usage(cause: impl StdError + Send + Sync + 'static) -> Self {
        Self::new(Kind::Usage, cause)
    }

    fn new(kind: Kind, cause: impl StdError + Send + Sync + 'static) -> Self {
        Self {
            kind,
            cause: Box::new(cause),
            hints: Vec::new(),
        }
    }

    /// Adds a next step, or a fact that helps to find it.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    #[must_use]
    pub(crate) fn hints(mut self, hints: impl IntoIterator<Item = String>) -> Self {
        self.hints.extend(hints);
        self
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// The failure in one line: the message and what lies beneath it.
    pub(crate) fn line(&self) -> String {
        let mut line = self.cause.to_string();
        for cause in chain(&*self.cause).skip(1) {
            let text = cause.to_string();
            if !line.contains(&text) {
                line.push_str(": ");
                line.push_str(&text);
            }
        }
        one_line(&line)
    }

    /// The line, with the hints below it, as the user reads them.
    pub(crate) fn text(&self) -> String {
        let mut text = message(&self.line());
        for hint in self.hint_lines() {
            text.push_str("  ");
            text.push_str(&hint);
            text.push('\n');
        }
        text
    }

    pub(crate) fn hint_lines(&self) -> impl Iterator<Item = String> + '_ {
        self.hints.iter().map(|hint| one_line(hint))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.source()
    }
}

/// A line on stderr that says which program it is from.
pub(crate) fn message(text: &str) -> String {
    format!("docker-credential-ecrx: {}\n", one_line(text))
}

pub(crate) fn hints(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// An error, and what lies beneath it.
pub(crate) fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// Makes a text fit to be printed whatever it holds: line breaks and runs of white space become
/// one blank, control characters (which could drive a terminal) and the marks that reorder text
/// vanish, and what is too long is cut.
///
/// Every line that is printed goes through this, errors by [`Error::line`]. It is enough for
/// the words of AWS, a server, a program or the system, in which no user has to find a removed
/// character. A path or a setting that a user has to find is made visible with [`escaped`] first.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    let mut length = 0;
    let mut blank = false;
    for character in text.chars() {
        if character.is_whitespace() {
            blank = !line.is_empty();
            continue;
        }
        if is_unsafe(character) {
            continue;
        }
        if length >= MAX_LINE_LENGTH {
            line.push('…');
            break;
        }
        if blank {
            line.push(' ');
            blank = false;
        }
        line.push(character);
        length += 1;
    }
    line
}

/// A setting's key or value, as part of a line about it: what [`one_line`] drops is escaped, as it
/// may be the fault, and could not be found without. What is too long is cut.
pub(crate) fn escaped(text: &str) -> String {
    let mut part = String::with_capacity(text.len());
    for (index, character) in text.chars().enumerate() {
        if index == MAX_PART_LENGTH {
            part.push('…');
            break;
        }
        if is_unsafe(character) {
            part.extend(character.escape_default());
        } else {
            part.push(character);
        }
    }
    part
}

/// A path, as part of a line about it; see [`escaped`].
pub(crate) fn escaped_path(path: &Path) -> String {
    escaped(&path.to_string_lossy())
}

/// Control characters could drive a terminal, and some marks reorder the text around them.
pub(crate) fn is_unsafe(character: char) -> bool {
    let reorders = matches!(character, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}');
    character.is_control() || reorders
}

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
    let word = without_case(word);
    let length = word.chars().count();
    let (distance, best) = known
        .into_iter()
        .map(|known| {
            let plain = without_case(known);
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

fn without_case(word: &str) -> String {
    word.to_ascii_lowercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read the file")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn the_line_holds_the_whole_chain() {
        let error = Error::failure(Outer(std::io::Error::other("disk\non fire")));
        assert_eq!(error.line(), "cannot read the file: disk on fire");
        assert_eq!(error.kind(), Kind::Failure);
    }

    #[test]
    fn nothing_from_outside_can_drive_a_terminal() {
        assert_eq!(one_line("a\x1b[31mb\r\n\tc\u{202e}d\x07"), "a[31mb cd");
        assert_eq!(one_line("  \n "), "");
        assert_eq!(
            one_line(&"x".repeat(5000)).chars().count(),
            MAX_LINE_LENGTH + 1
        );
    }

    #[test]
    fn what_a_user_has_to_find_is_escaped() {
        assert_eq!(
            escaped("a\x1b[31m\r\nb\u{202e}\u{feff}ä  c"),
            r"a\u{1b}[31m\r\nb\u{202e}\u{feff}ä  c"
        );
        assert_eq!(escaped_path(Path::new("/a\tb")), r"/a\tb");
        assert_eq!(
            escaped(&"x".repeat(5000)).chars().count(),
            MAX_PART_LENGTH + 1
        );
    }

    #[test]
    fn the_fixed_texts_are_what_clients_compare_with() {
        // docker/docker-credential-helpers, credentials/error.go
        assert_eq!(
            Error::not_found().line(),
            "credentials not found in native keychain"
        );
        assert_eq!(Error::no_server_url().line(), "no credentials server URL");
        assert_eq!(Error::no_username().line(), "no credentials username");
    }
}
