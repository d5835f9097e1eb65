//! The lock of an entry: its holder may write the entry, and is the process that asks AWS.

#[cfg(all(test, unix))]
mod tests;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::entry::{Entry, Key};
use super::error::CacheError;
use super::folder::{Folder, Suffix};
use crate::fs::is_contended;

/// The pauses between two looks double from the first of these to the second.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(32);

/// The exclusive lock of one entry, held until dropped or until the process ends. Writing an
/// entry needs one.
#[derive(Debug)]
#[must_use = "the lock is released when this is dropped"]
pub(crate) struct EntryLock(LockFile);

impl EntryLock {
    /// Stores an entry, and so replaces the one of the key that this key rotated from.
    ///
    /// # Errors
    /// [`CacheError::Unfit`] for an entry that [`super::Cache::get`] would not believe;
    /// [`CacheError::ForeignOwner`] when another user's file is in its place.
    pub(crate) fn put(&self, entry: &Entry) -> Result<(), CacheError> {
        let path = self.entry_path();
        match entry.to_bytes(&self.0.key) {
            Ok(bytes) => self.0.folder.write(&path, &bytes),
            Err(doubt) => Err(CacheError::Unfit { path, doubt }),
        }
    }

    /// Removes the entry, whosever key it was stored under, and says whether there was one.
    ///
    /// # Errors
    /// [`CacheError::ForeignOwner`] when it is another user's file.
    pub(crate) fn remove(&self) -> Result<bool, CacheError> {
        self.0.folder.remove(&self.entry_path())
    }

    fn entry_path(&self) -> PathBuf {
        self.0.folder.file(self.0.key.slot(), Suffix::Entry)
    }

    /// Gives the lock back and removes its file, which on Windows stays.
    pub(super) fn retire(self) {
        // The last act under it: from here on another can be had.
        if cfg!(unix)
            && let Err(error) = self.0.folder.remove(&self.0.path)
        {
            log::debug!("{error}");
        }
    }
}

impl Drop for EntryLock {
    fn drop(&mut self) {
        release(&self.0.file);
    }
}

/// Which of an entry's locks. If the first is held for so long that its holder may be stopped, the
/// holder of the second overtakes it, and so on: no process waits for a lock without end, and yet
/// not all of them fetch at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Seat {
    /// The one that every process tries first.
    First,
    /// For a process that has waited for the first in vain.
    Second,
    /// For a process that has waited for the second in vain.
    Third,
}

impl Seat {
    /// The one to try when this one has been waited for in vain.
    pub(crate) fn next(self) -> Option<Self> {
        match self {
            Seat::First => Some(Seat::Second),
            Seat::Second => Some(Seat::Third),
            Seat::Third => None,
        }
    }

    fn suffix(self) -> Suffix {
        match self {
            Seat::First => Suffix::Lock,
            Seat::Second => Suffix::SecondLock,
            Seat::Third => Suffix::ThirdLock,
        }
    }
}

/// The file of a lock, open and not locked.
#[derive(Debug)]
pub(crate) struct LockFile {
    folder: Folder,
    key: Key,
    path: PathBuf,
    file: File,
}

impl LockFile {
    /// Opens the file of an entry's lock, and makes it where there is none.
    pub(super) fn open(folder: Folder, key: &Key, seat: Seat) -> Result<Self, CacheError> {
        let path = folder.file(key.slot(), seat.suffix());
        let file = folder.open_lock(&path)?;
        Ok(Self {
            folder,
            key: *key,
            path,
            file,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Locks it without waiting; `None` if another process holds it, or if housekeeping has removed
    /// it since it was opened: others would lock another file, so this lock excludes none of them.
    ///
    /// # Errors
    /// On a file system without locks.
    pub(crate) fn claim(self) -> Result<Option<EntryLock>, CacheError> {
        match claim(&self.file, &self.path)? {
            Claim::Ours => Ok(Some(EntryLock(self))),
            Claim::Theirs | Claim::Gone => Ok(None),
        }
    }
}

/// What came of trying to lock an open file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Claim {
    Ours,
    Theirs,
    /// Locked, but housekeeping has removed the file since it was opened: others will lock
    /// another file, so this lock excludes none of them.
    Gone,
}

/// Tries to lock an open lock file, whose path should still be `path`.
pub(super) fn claim(file: &File, path: &Path) -> Result<Claim, CacheError> {
    match fs2::FileExt::try_lock_exclusive(file) {
        Ok(()) if is_at(file, path) => Ok(Claim::Ours),
        Ok(()) => Ok(Claim::Gone),
        Err(error) if is_contended(&error) => Ok(Claim::Theirs),
        Err(source) => Err(CacheError::LocksUnsupported {
            path: path.to_owned(),
            source,
        }),
    }
}

/// Releases a lock. Closing the file would do, but a child just forked may hold the same open
/// file for a moment.
pub(super) fn release(file: &File) {
    // Said in full, as std has a method of this name too.
    let _ = fs2::FileExt::unlock(file);
}

/// Whether an open file is the one that other processes will open.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(held), Ok(named)) => held.dev() == named.dev() && held.ino() == named.ino(),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// The pauses between two attempts to take a lock: they grow, and each is shortened by a random
/// part so that waiting processes spread out.
#[derive(Debug)]
pub(crate) struct Pauses {
    longest: Duration,
}

impl Default for Pauses {
    /// Beginning with the shortest.
    fn default() -> Self {
        Self {
            longest: FIRST_PAUSE,
        }
    }
}

impl Pauses {
    /// The next one, between 1 ms and 32 ms.
    pub(crate) fn next_pause(&mut self) -> Duration {
        let pause = self.longest - self.longest / 2 * fastrand::u32(..1024) / 1024;
        self.longest = (self.longest * 2).min(LONGEST_PAUSE);
        pause
    }
}
