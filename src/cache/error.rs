//! Why the cache could not be used, or a file in it not believed.

use std::io;
use std::path::{Path, PathBuf};

use crate::token::TokenError;

/// Why the cache could not be used. It costs the caching, never the login: callers log it
/// and go on without a cache.
///
/// Paths are shown quoted and escaped, as they come from outside.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CacheError {
    /// A folder or file of another user, which is neither read nor changed.
    #[error(
        "{path:?} belongs to another user (uid {owner}), so nothing is cached there: choose another folder with `dir` under [cache]"
    )]
    ForeignOwner { path: PathBuf, owner: u32 },
    /// A folder that others may write to, or a file that others may read.
    #[error(
        "{path:?} is open to other users (mode {mode:04o}), so it is not trusted: `chmod go-rwx` it, or choose another folder with `dir` under [cache]"
    )]
    OpenToOthers { path: PathBuf, mode: u32 },
    #[error(
        "{path:?} is a symbolic link, which the cache does not follow: remove it, or name the folder that it leads to with `dir` under [cache]"
    )]
    SymbolicLink { path: PathBuf },
    /// Something else where a folder should be.
    #[error(
        "{path:?} is not a folder, so nothing can be cached in it: remove it, or choose another with `dir` under [cache]"
    )]
    NotAFolder { path: PathBuf },
    /// Something else where a file should be.
    #[error("{path:?} is not a file, so it cannot be used as one of the cache: remove it")]
    NotAFile { path: PathBuf },
    #[error("cannot read {path:?} in the cache: {source}")]
    Read { path: PathBuf, source: io::Error },
    /// A folder or file that cannot be made, replaced or removed.
    #[error(
        "cannot write {path:?} in the cache: {source}; make its folder writable, or choose another with `dir` under [cache]"
    )]
    Write { path: PathBuf, source: io::Error },
    #[error(
        "cannot lock {path:?}: {source}; choose a folder on a file system with locks with `dir` under [cache]"
    )]
    LocksUnsupported { path: PathBuf, source: io::Error },
    /// Someone else has held the lock until the deadline.
    #[error(
        "another process has held {path:?} for too long: see whether a docker-credential-ecrx hangs or is stopped"
    )]
    LockTimeout { path: PathBuf },
    /// An entry that `get` would not believe is not stored.
    #[error("not cached in {path:?}: it {doubt}")]
    Unfit { path: PathBuf, doubt: Doubt },
}

impl CacheError {
    pub(super) fn read(path: &Path, source: io::Error) -> Self {
        Self::Read {
            path: path.to_owned(),
            source,
        }
    }

    pub(super) fn write(path: &Path, source: io::Error) -> Self {
        Self::Write {
            path: path.to_owned(),
            source,
        }
    }
}

/// Why a file is not believed. Shown after "it", and never holds what the file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Doubt {
    /// Not JSON, or without a field.
    #[error("is damaged")]
    Damaged,
    /// In the format of another version of this program.
    #[error("has format {0}, which this version does not know")]
    Version(u64),
    #[error("belongs under another name")]
    Renamed,
    #[error("claims to be valid for more than 13 hours, or not at all")]
    Life,
    #[error("is dated more than 5 minutes ahead of the clock")]
    Future,
    #[error("holds no token: {0}")]
    Token(#[from] TokenError),
    #[error("is larger than 128 KiB")]
    TooLarge,
}
