//! Words that are no command.

use super::{Cli, FOR_CLIENTS, FirstWord};
use crate::nearest::nearest;

/// What is wrong with them: the usage alone does not tell.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoCommand {
    /// Nothing is like it.
    #[error("there is no command `{0}`")]
    Unknown(String),
    /// Something is.
    #[error("there is no command `{word}`, did you mean `{nearest}`?")]
    Misspelled {
        /// As it was written.
        word: String,
        /// What it was most likely meant to be.
        nearest: String,
    },
    /// A server behind `get`, for example.
    #[error("`{0}` takes no arguments: what it is asked about comes on stdin")]
    ForClients(String),
    /// Something behind `version`.
    #[error("`{0}` takes no arguments")]
    ForAll(String),
}

impl NoCommand {
    /// Of the words behind the program's name; `None` where there are none, or they are no text.
    pub fn of(words: &[&str]) -> Option<Self> {
        let (&word, is_help) = match words {
            ["help", word, ..] => (word, true),
            [word, ..] => (word, false),
            [] => return None,
        };
        if word.is_empty() || Cli::has(word) {
            return None;
        }
        let owned = word.to_owned();
        if !is_help && FOR_CLIENTS.iter().any(|known| known.name == word) {
            return Some(Self::ForClients(owned));
        }
        if FirstWord::has(word) || ["--version", "-v", "--help", "-h"].contains(&word) {
            return Some(Self::ForAll(owned));
        }
        let known = Cli::words();
        let all = FirstWord::all().map(str::to_owned).chain(known);
        let all: Vec<String> = all.collect();
        Some(match nearest(word, all.iter().map(String::as_str)) {
            Some(nearest) => Self::Misspelled {
                word: owned,
                nearest: nearest.to_owned(),
            },
            None => Self::Unknown(owned),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said() {
        let table: [(&[&str], &str); 10] = [
            (
                &["doctr"],
                "there is no command `doctr`, did you mean `doctor`?",
            ),
            (
                &["help", "doctr"],
                "there is no command `doctr`, did you mean `doctor`?",
            ),
            (
                &["configure_docker", "--all"],
                "there is no command `configure_docker`, did you mean `configure-docker`?",
            ),
            (
                &["configure"],
                "there is no command `configure`, did you mean `configure-docker`?",
            ),
            (&["gets"], "there is no command `gets`, did you mean `get`?"),
            (&["login"], "there is no command `login`"),
            (&["-x"], "there is no command `-x`"),
            (
                &["get", "public.ecr.aws"],
                "`get` takes no arguments: what it is asked about comes on stdin",
            ),
            (&["version", "x"], "`version` takes no arguments"),
            (&["--help", "get"], "`--help` takes no arguments"),
        ];
        for (words, text) in table {
            let found = NoCommand::of(words).map(|error| error.to_string());
            assert_eq!(found.as_deref(), Some(text), "{words:?}");
        }
        for words in [&[][..], &[""], &["help", "doctor", "--", "x"]] {
            assert_eq!(NoCommand::of(words), None, "{words:?}");
        }
    }
}
