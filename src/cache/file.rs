//! Files of the private folder: read only when they are ours alone, written whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::Path;

use crate::fs::open_without_following;

use super::error::CacheError;
use super::folder::Folder;

/// A longer file is not read. A token has at most 64 KiB, real ones 2–4 KiB.
pub(super) const MAX_LENGTH: u64 = 128 * 1024;

/// How names of half-written files end. One that a killed process left behind is never read.
pub(super) const TEMPORARY: &str = ".tmp";

/// Whether a file is called as one of ours that is being written: `.XXXXXX.tmp`.
pub(super) fn is_temporary(name: &str) -> bool {
    name.strip_prefix('.')
        .and_then(|name| name.strip_suffix(TEMPORARY))
        .is_some_and(|random| {
            random.len() == 6 && random.bytes().all(|b| b.is_ascii_alphanumeric())
        })
}

/// What there is to read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content {
    Absent,
    TooLarge,
    Bytes(Vec<u8>),
}

/// Reads a file of `folder`: one open, one look at what was opened, one read.
pub(super) fn read(folder: &Folder, path: &Path) -> Result<Content, CacheError> {
    let wrong = |source| CacheError::Read {
        path: path.to_owned(),
        source,
    };
    let mut options = OpenOptions::new();
    options.read(true);
    let file = match open_without_following(&mut options, path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Content::Absent),
        Err(error) if is_link_error(&error) => {
            return Err(CacheError::SymbolicLink {
                path: path.to_owned(),
            });
        }
        Err(error) => return Err(wrong(error)),
    };
    let seen = file.metadata().map_err(wrong)?;
    folder.judge_file(path, &seen)?;
    if seen.len() > MAX_LENGTH {
        return Ok(Content::TooLarge);
    }
    // Files are replaced, never written to, so the length cannot have grown; asking whether there
    // is more would be one more system call.
    let length = usize::try_from(seen.len()).unwrap_or(0);
    let mut bytes = Vec::with_capacity(length);
    file.take(seen.len())
        .read_to_end(&mut bytes)
        .map_err(wrong)?;
    Ok(Content::Bytes(bytes))
}

/// Opens or creates a file that only its owner may touch, for locking.
pub(super) fn open_lock(folder: &Folder, path: &Path) -> Result<File, CacheError> {
    let mut options = OpenOptions::new();
    // Over NFS an exclusive lock is one on bytes, which needs a file open for writing.
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = open_without_following(&mut options, path).map_err(|source| match source {
        source if is_link_error(&source) => CacheError::SymbolicLink {
            path: path.to_owned(),
        },
        source => CacheError::Write {
            path: path.to_owned(),
            source,
        },
    })?;
    let seen = file.metadata().map_err(|source| CacheError::Read {
        path: path.to_owned(),
        source,
    })?;
    folder.judge_file(path, &seen)?;
    Ok(file)
}

/// Puts a whole file in place, with mode 0600, and replaces what was there if it is ours.
///
/// A process that is killed on the way leaves the old file and a temporary one. Nothing is
/// synced to the disk: that would cost each cold `get` milliseconds, and what it protects can be
/// bought again. After a power cut the new name may hold less than was written, missing or as
/// zeros, neither of which is the JSON of an entry, so it counts as absent.
pub(super) fn write(folder: &Folder, path: &Path, bytes: &[u8]) -> Result<(), CacheError> {
    folder.may_replace(path)?;
    let wrong = |source| CacheError::Write {
        path: path.to_owned(),
        source,
    };
    may_be_as_long_as(bytes.len()).map_err(wrong)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".").suffix(TEMPORARY);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600));
    let mut file = builder.tempfile_in(folder.path()).map_err(wrong)?;
    file.write_all(bytes).map_err(wrong)?;
    file.persist(path).map_err(|error| wrong(error.error))?;
    Ok(())
}

/// Whether files may be so long, by the limit of this process (`ulimit -f`). Who writes beyond it is
/// ended by a signal, SIGXFSZ, and a login must not fail for the cache's sake.
#[cfg(unix)]
pub(super) fn may_be_as_long_as(length: usize) -> io::Result<()> {
    use rustix::process::{Resource, getrlimit};

    match getrlimit(Resource::Fsize).current {
        Some(limit) if limit < length as u64 => Err(rustix::io::Errno::FBIG.into()),
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
pub(super) fn may_be_as_long_as(_: usize) -> io::Result<()> {
    Ok(())
}

/// Removes a file if it is ours, and says whether it was there.
pub(super) fn remove(folder: &Folder, path: &Path) -> Result<bool, CacheError> {
    if !folder.may_replace(path)? {
        return Ok(false);
    }
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(source) => Err(CacheError::Write {
            path: path.to_owned(),
            source,
        }),
    }
}

#[cfg(unix)]
fn is_link_error(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

#[cfg(not(unix))]
fn is_link_error(_: &io::Error) -> bool {
    false
}
