//! Why a client's configuration cannot be used, in sentences that begin with the file.

use std::path::PathBuf;

use crate::configure::user_file::UserFileError;

/// Why a client's configuration was not read or not changed. It is as it was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientConfigError {
    /// The file itself.
    #[error(transparent)]
    File(#[from] UserFileError),
    /// There is nowhere that it could be.
    #[error("there is no home folder, and so no place for the configuration of {0}")]
    NoHome(&'static str),
    /// What Windows editors put in front of UTF-8. The clients, written in Go, refuse the file.
    #[error(
        "{} begins with a byte order mark, which docker and podman do not read: to them the file is broken",
        path.display()
    )]
    ByteOrderMark {
        /// The file.
        path: PathBuf,
    },
    /// Clients take it with replacement characters, and would write those.
    #[error("{} is not UTF-8 text", path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
    },
    /// No JSON, or JSON with comments.
    #[error(
        "{}:{line}:{column}: {reason}: docker and podman cannot read the file either (they know neither comments nor trailing commas)",
        path.display()
    )]
    Syntax {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// The parser's words.
        reason: String,
    },
    /// JSON that the clients read, and this program does not.
    #[error("{}:{line}:{column}: {reason}: this program changes no such file", path.display())]
    Beyond {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// The parser's words.
        reason: String,
    },
    /// JSON, of another shape than clients read.
    #[error("{}: {what}: docker and podman cannot read the file either", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: &'static str,
    },
}
