//! What can be wrong with the configuration, in sentences of one line that begin with the
//! place, as compilers do: `/etc/docker-credential-ecrx/config.toml:3: cache.dir: …`.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::problem::Problem;
use crate::error::{escaped, escaped_path};

/// Where in the files a setting stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The file.
    pub file: Arc<Path>,
    /// The line in it, from 1.
    pub line: usize,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", escaped_path(&self.file), self.line)
    }
}

/// Why the configuration cannot be used. Nothing is ever skipped: whoever meets one of these
/// stops and shows it, as a rule that is silently ignored would let another identity ask.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// `ECRX_CONFIG` names a file that is not there. (The other two files may be absent.)
    #[error(
        "{}: there is no such file, though ECRX_CONFIG names it: correct or unset ECRX_CONFIG",
        escaped_path(path)
    )]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A file is there and the system does not let us read it.
    #[error("{}: cannot be read: {cause}", escaped_path(path))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// A folder, pipe or device where a file should be.
    #[error(
        "{}: is not a regular file (where no settings are wanted, an empty file does it)",
        escaped_path(path)
    )]
    NotAFile {
        /// What should have been the file.
        path: PathBuf,
    },
    /// More than [`super::MAX_FILE_BYTES`].
    #[error(
        "{}: is larger than 1 MiB, the most that is read of a configuration file",
        escaped_path(path)
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The bytes are no UTF-8, which TOML must be.
    #[error("{origin}: is not UTF-8 text: save the file as UTF-8")]
    NotUtf8 {
        /// The line with the first wrong byte.
        origin: Origin,
    },
    /// The text is no TOML.
    #[error("{origin}: is not valid TOML: {}", escaped(message))]
    Syntax {
        /// Where the parser gave up.
        origin: Origin,
        /// The parser's words.
        message: String,
    },
    /// The file is TOML, but one of its settings is wrong, or fits the file and not the
    /// registry that was asked for.
    #[error("{origin}: {}: {}", escaped(key), escaped(&problem.to_string()))]
    Setting {
        /// The setting's line, or that of the rule when no single line is at fault.
        origin: Origin,
        /// The setting's name behind that of its table: `cache.dir`, `registry.role_arn`.
        key: String,
        /// What is wrong with it.
        problem: Problem,
    },
}

impl ConfigError {
    /// The file at fault.
    pub fn path(&self) -> &Path {
        match self {
            Self::Missing { path }
            | Self::Unreadable { path, .. }
            | Self::NotAFile { path }
            | Self::TooLarge { path } => path,
            Self::NotUtf8 { origin }
            | Self::Syntax { origin, .. }
            | Self::Setting { origin, .. } => &origin.file,
        }
    }

    /// The line at fault, when it is not the file as a whole.
    pub fn line(&self) -> Option<usize> {
        match self {
            Self::NotUtf8 { origin }
            | Self::Syntax { origin, .. }
            | Self::Setting { origin, .. } => Some(origin.line),
            _ => None,
        }
    }

    /// The setting at fault, when the file could be read so far.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Setting { key, .. } => Some(key),
            _ => None,
        }
    }
}
