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
        "{path:?} is owned by another user (uid {owner}) and is not used; set `dir` under [cache] to another folder"
    )]
    ForeignOwner { path: PathBuf, owner: u32 },
    /// A folder that others may write to, or a file that others may read.
    #[error(
        "{path:?} is accessible to other users (mode {mode:04o}) and is not trusted; remove that access (chmod go-rwx), or set `dir` under [cache] to another folder"
    )]
    OpenToOthers { path: PathBuf, mode: u32 },
    #[error(
        "{path:?} is a symbolic link, which the cache does not follow; remove it, or set `dir` under [cache] to its target"
    )]
    SymbolicLink { path: PathBuf },
    /// Something else where a folder should be.
    #[error("{path:?} is not a folder; remove it, or set `dir` under [cache] to another folder")]
    NotAFolder { path: PathBuf },
    /// Something else where a file should be.
    #[error("{path:?} is not a file; remove it")]
    NotAFile { path: PathBuf },
    #[error("cannot read {path:?} in the cache: {source}")]
    Read { path: PathBuf, source: io::Error },
    /// A folder or file that cannot be made, replaced or removed.
    #[error(
        "cannot write {path:?} in the cache: {source}; make its folder writable, or set `dir` under [cache] to another folder"
    )]
    Write { path: PathBuf, source: io::Error },
    #[error(
        "cannot lock {path:?}: {source}; set `dir` under [cache] to a folder on a file system that supports locks"
    )]
    LocksUnsupported { path: PathBuf, source: io::Error },
    /// Another process has held the lock until the deadline.
    #[error(
        "another process has locked {path:?} for too long; check for a docker-credential-ecrx that hangs or is suspended"
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
    #[error("has format {0}, which this version does not support")]
    Version(u64),
    #[error("has the wrong file name")]
    Renamed,
    #[error("has a lifetime of zero or more than 13 hours")]
    Life,
    #[error("is dated more than 5 minutes in the future")]
    Future,
    #[error("contains no token: {0}")]
    Token(#[from] TokenError),
    #[error("is larger than 128 KiB")]
    TooLarge,
}
