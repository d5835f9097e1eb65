//! The token cache: one file per registry and identity, and nothing that grows with their number.
//!
//! ```text
//! DIR/v1/                 0700, ours alone (folder.rs says what that means)
//!   SLOT.json        0600 an entry (entry.rs), replaced by rename, never written in place
//!   SLOT.lock        0600 empty; its exclusive lock allows to write SLOT.json and SLOT.mark
//!   SLOT.2.lock      0600 the same, after waiting for SLOT.lock in vain; then SLOT.3.lock
//!   SLOT.mark        0600 a remembered failure (failure_mark.rs)
//!   .XXXXXX.tmp      0600 a file being written; one that stays was left by a killed process
//!   swept            0600 when the folder was last tidied, and how far (sweep.rs)
//! ```
//!
//! `SLOT` is 64 hex digits ([`Key`]). Other files in `DIR`, such as the `cache.json` of the
//! established helper, are never touched.
//!
//! A reader takes no lock: a rename puts whole files in place. A writer of an entry holds its lock,
//! and has looked again after taking it (`get/state.rs`). The holder of a lock may be stopped for
//! hours, so it is overtaken: an entry may be replaced by one that was fetched a little earlier,
//! and is whole at any time. A writer of a mark holds the lock of the mark's slot, and removes the
//! lock file right afterwards.
//!
//! Files that are of no use any more are removed after a fetch, a part of the folder at a time
//! ([`Cache::sweep`]). A process that removes a lock file holds the lock, and removes the file as
//! the last act under it, on Unix only. A process that has taken a lock checks that its file still
//! has its name, and opens the new file otherwise, so two processes never hold locks of different
//! files for one entry. Expired entries are removed under their lock after a look under it, so no
//! writer's work is lost. Temporary files have no lock: they go when they are older than any `get`
//! can last.

mod clear;
mod entry;
mod error;
mod failure_mark;
mod folder;
mod lock;
pub(crate) mod sweep;
#[cfg(all(test, unix))]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use time::OffsetDateTime;

use crate::config::Config;
use crate::digest::Digest;
use crate::env::{Env, var};
use crate::error::escaped_path;

use error::Doubt;
use folder::{FileContent, Folder, Suffix};
use sweep::Limits;

pub(crate) use clear::{ClearScope, Cleared};
#[cfg(any(test, fuzzing))]
pub(crate) use entry::fuzz;
pub(crate) use entry::{END_OF_TIME, Entry, Key};
pub(crate) use error::CacheError;
pub(crate) use failure_mark::FailureMark;
pub(crate) use lock::{EntryLock, LockFile, Pauses, Seat};

/// Where tokens are kept, or would be.
#[derive(Debug)]
pub(crate) struct CacheLocation {
    /// The folder that the user configured, or the system's default; `None` if there is none.
    pub dir: Option<PathBuf>,
    pub from: LocationOrigin,
    /// Why nothing is kept all the same.
    pub off: Option<CacheOff>,
}

/// What says where the cache folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LocationOrigin {
    /// `AWS_ECR_CACHE_DIR`.
    Variable,
    /// `dir` under `[cache]`.
    Config,
    /// Nothing: it is the user's cache folder.
    Default,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CacheOff {
    #[error("`enabled` under [cache] is false")]
    Config,
    #[error("{} is set", var::AWS_ECR_DISABLE_CACHE)]
    Variable,
    /// A service without a home directory.
    #[error("this user has no home directory")]
    NoHome,
    #[error("the home directory {} does not exist", escaped_path(.0))]
    HomeAbsent(PathBuf),
    /// Root in another user's home directory (`sudo -E`).
    #[error("the home directory {} is owned by another user", escaped_path(.0))]
    HomeOfAnother(PathBuf),
}

impl CacheOff {
    /// Why there is no cache folder in the home directory.
    fn from_home(env: &Env) -> Self {
        match env.home() {
            None => Self::NoHome,
            Some(home) if home.is_dir() => Self::HomeOfAnother(home),
            Some(home) => Self::HomeAbsent(home),
        }
    }
}

impl CacheLocation {
    /// Looks at variables and settings, not at the folder.
    pub(crate) fn find(env: &Env, config: &Config) -> Self {
        let switched_off = if !config.cache.enabled {
            Some(CacheOff::Config)
        } else {
            let variable = env.get_os(var::AWS_ECR_DISABLE_CACHE);
            variable.map(|_| CacheOff::Variable)
        };
        // Relative to the working folder, tokens would end up in build contexts.
        let named = env.path(var::AWS_ECR_CACHE_DIR).filter(|dir| {
            let is_absolute = dir.is_absolute();
            if !is_absolute && switched_off.is_none() {
                let variable = var::AWS_ECR_CACHE_DIR;
                log::warn!(
                    "{variable} is not used, because it is not an absolute path: {}",
                    dir.display()
                );
            }
            is_absolute
        });
        let (dir, from) = match (named, &config.cache.dir) {
            (Some(dir), _) => (Some(dir), LocationOrigin::Variable),
            (None, Some(dir)) => (Some(dir.clone()), LocationOrigin::Config),
            (None, None) => (env.user_cache(), LocationOrigin::Default),
        };
        let off = switched_off.or(match dir {
            Some(_) => None,
            None => Some(CacheOff::from_home(env)),
        });
        Self { dir, from, off }
    }
}

/// A cache folder. Making one touches nothing; the folder comes into being with the first lock
/// or mark.
///
/// A [`CacheError`] costs the caching, never the login. After one from [`Cache::get`] it is right
/// to try the lock all the same: a file of ours that was refused is mended by the next
/// [`EntryLock::put`], and a folder that is refused refuses the lock too.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    dir: PathBuf,
}

impl Cache {
    /// The cache under `dir`, which should be absolute.
    pub(crate) fn at(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// The cache to use, if tokens are to be kept; that there is no place for them is logged.
    pub(crate) fn from_location(location: CacheLocation) -> Option<Self> {
        match location.off {
            None => location.dir.map(Self::at),
            Some(off) => {
                if !matches!(off, CacheOff::Config | CacheOff::Variable) {
                    log::warn!("tokens are not cached: {off}");
                }
                None
            }
        }
    }

    /// The folder that was given. The files live in a private one inside it.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The entry of a key, expired or not. Takes no lock, lists no folder, creates nothing.
    ///
    /// `None` when there is none, when it was stored under a key that this one rotated from, or
    /// when it cannot be believed, which is logged: damaged, of an unknown format, under a wrong
    /// name, with a token that does not decode, valid for more than 13 hours, or obtained more
    /// than 5 minutes after `now`. The next [`EntryLock::put`] replaces it.
    ///
    /// # Errors
    /// When the folder or the file is another user's, open to others, or a link: it is not read.
    pub(crate) fn get(&self, key: &Key, now: OffsetDateTime) -> Result<Option<Entry>, CacheError> {
        let read = |bytes: &[u8]| Entry::read(bytes, key.slot(), now);
        match self.in_folder(|folder| read_file(folder, key.slot(), Suffix::Entry, read))? {
            Some((found, entry)) if found == *key => Ok(Some(entry)),
            Some(_) => {
                log::debug!("the entry {key} was stored under credentials that have changed since");
                Ok(None)
            }
            None => Ok(None),
        }
    }

    /// Removes what [`Cache::get`] would answer, and what is damaged in its place. An entry under
    /// other credentials stays. Says whether something was removed.
    ///
    /// No lock is taken, so a `get` under way may store a token right afterwards.
    ///
    /// # Errors
    /// When the folder or the file is another user's, open to others, or a link.
    pub(crate) fn erase(&self, key: &Key) -> Result<bool, CacheError> {
        self.in_folder(|folder| {
            let path = folder.file(key.slot(), Suffix::Entry);
            let stays = match folder.read(&path) {
                Ok(FileContent::Absent) => true,
                Ok(FileContent::TooLarge) => false,
                Ok(FileContent::Bytes(bytes)) => {
                    // What is dated ahead of the clock has an owner, too.
                    Entry::read(&bytes, key.slot(), END_OF_TIME)
                        .is_ok_and(|(found, _)| found != *key)
                }
                // Too open or a link, but ours: `remove` looks at the owner.
                Err(CacheError::OpenToOthers { .. } | CacheError::SymbolicLink { .. }) => false,
                Err(error) => return Err(error),
            };
            if stays {
                Ok(false)
            } else {
                folder.remove(&path)
            }
        })
    }

    /// All entries that can be believed, expired ones too, in no order. Reads the whole folder.
    ///
    /// # Errors
    /// When the folder is another user's, open to others, a link, or cannot be read.
    pub(crate) fn list(&self, now: OffsetDateTime) -> Result<Vec<(Key, Entry)>, CacheError> {
        self.read_all(Suffix::Entry, |bytes, slot| Entry::read(bytes, slot, now))
    }

    /// The number of entry files, by their names, less the `listed` ones that [`Cache::list`] has
    /// given: they cannot be believed or read, and the next fetch replaces them.
    ///
    /// # Errors
    /// As [`Cache::list`].
    pub(crate) fn doubtful(&self, listed: usize) -> Result<usize, CacheError> {
        let count = self.in_folder(|folder| Ok(folder.slots(Suffix::Entry)?.len()))?;
        Ok(count.saturating_sub(listed))
    }

    /// The remembered failures that are not yet over: when each ends, and what failed. Whether they
    /// still hold depends on the state of the identity that would try again.
    ///
    /// # Errors
    /// As [`Cache::list`].
    pub(crate) fn marks(
        &self,
        now: OffsetDateTime,
    ) -> Result<Vec<(OffsetDateTime, String)>, CacheError> {
        let mut marks = self.read_all(Suffix::Mark, FailureMark::read_end)?;
        marks.retain(|(until, _)| now < *until);
        Ok(marks)
    }

    /// Works in the private folder; without one, there is nothing to work on.
    fn in_folder<T: Default>(
        &self,
        work: impl FnOnce(&Folder) -> Result<T, CacheError>,
    ) -> Result<T, CacheError> {
        match Folder::find(&self.dir)? {
            Some(folder) => work(&folder),
            None => Ok(T::default()),
        }
    }

    /// All files with this suffix that can be believed; why others cannot be read is logged.
    fn read_all<T>(
        &self,
        suffix: Suffix,
        read: impl Fn(&[u8], Digest) -> Result<T, Doubt>,
    ) -> Result<Vec<T>, CacheError> {
        self.in_folder(|folder| {
            let mut all = Vec::new();
            for slot in folder.slots(suffix)? {
                match read_file(folder, slot, suffix, |bytes| read(bytes, slot)) {
                    Ok(found) => all.extend(found),
                    Err(error) => log::warn!("{error}"),
                }
            }
            Ok(all)
        })
    }

    /// The private folder: where it is, or where it would be made.
    pub(crate) fn folder(&self) -> PathBuf {
        match Folder::find(&self.dir) {
            Ok(Some(folder)) => folder.path().to_owned(),
            _ => self.dir.join(folder::NAME),
        }
    }

    /// Looks whether tokens can be kept, as far as that can be seen without writing anything.
    ///
    /// # Errors
    /// When the folder, or the one that it would be made in, is another user's, open to others, a
    /// link, or cannot be written to.
    pub(crate) fn judge(&self) -> Result<(), CacheError> {
        Folder::judge(&self.dir)
    }

    /// The mark of a key, if it counts: made in the same `state`, and not yet over. What is wrong
    /// with a mark is logged, and it counts as absent.
    pub(crate) fn mark(
        &self,
        key: &Key,
        state: &Digest,
        now: OffsetDateTime,
    ) -> Option<FailureMark> {
        let read = |bytes: &[u8]| FailureMark::read(bytes, key);
        let mark = self
            .in_folder(|folder| read_file(folder, key.slot(), Suffix::Mark, read))
            .unwrap_or_else(|error| {
                // A folder that cannot be used was logged when the entry was looked for.
                log::debug!("{error}");
                None
            });
        mark.flatten().filter(|mark| mark.holds(state, now))
    }

    /// Remembers a failure, under the lock of the mark's own slot. The lock is not waited for: its
    /// holder is remembering the same. So this process must not hold the lock of this key.
    ///
    /// # Errors
    /// When the folder cannot be made or used, or a file cannot be written.
    pub(crate) fn put_mark(&self, key: &Key, mark: &FailureMark) -> Result<(), CacheError> {
        let lock = match self.try_lock(key) {
            Ok(Some(lock)) => Some(lock),
            Ok(None) => return Ok(()),
            // Where there are no locks, there is no sweep that could come between.
            Err(CacheError::LocksUnsupported { .. }) => None,
            Err(error) => return Err(error),
        };
        let put = self.put_mark_now(key, mark);
        if let Some(lock) = lock {
            lock.retire();
        }
        put
    }

    fn put_mark_now(&self, key: &Key, mark: &FailureMark) -> Result<(), CacheError> {
        let folder = Folder::make(&self.dir)?;
        let path = folder.file(key.slot(), Suffix::Mark);
        match mark.to_bytes(key) {
            Ok(bytes) => folder.write(&path, &bytes),
            Err(doubt) => Err(CacheError::Unfit { path, doubt }),
        }
    }

    /// Tries out what a fetch does here: takes a lock, and writes and removes a file. Nothing is
    /// left.
    ///
    /// # Errors
    /// With what would keep a token from being kept.
    pub(crate) fn probe(&self, now: OffsetDateTime) -> Result<(), CacheError> {
        let key = Key::stable(&[b"probe"]);
        let lock = self.try_lock(&key)?;
        let mark = FailureMark {
            made_at: now,
            until: now,
            state: Key::digest(&[]),
            message: String::new(),
            hints: Vec::new(),
        };
        let tried = self
            .put_mark_now(&key, &mark)
            .and_then(|()| self.clear_mark(&key));
        if let Some(lock) = lock {
            lock.retire();
        }
        tried.map(|_| ())
    }

    /// Forgets a failure, and says whether there was one.
    ///
    /// # Errors
    /// When the folder or the file is another user's, or cannot be changed.
    pub(crate) fn clear_mark(&self, key: &Key) -> Result<bool, CacheError> {
        self.in_folder(|folder| folder.remove(&folder.file(key.slot(), Suffix::Mark)))
    }

    /// Opens the file of an entry's lock, and makes it where there is none; its folder and the
    /// missing parents of that too, 0700.
    ///
    /// # Errors
    /// When the folder or the lock file cannot be made, is another user's, too open or a link.
    pub(crate) fn open_lock(&self, key: &Key, seat: Seat) -> Result<LockFile, CacheError> {
        LockFile::open(Folder::make(&self.dir)?, key, seat)
    }

    /// Takes the first of the entry's locks; `None` if another process holds it.
    ///
    /// # Errors
    /// As [`Cache::open_lock`], and on a file system without locks.
    pub(crate) fn try_lock(&self, key: &Key) -> Result<Option<EntryLock>, CacheError> {
        self.open_lock(key, Seat::First)?.claim()
    }

    /// Tidies a part of the folder, unless that was done within the hour or is being done. Takes
    /// some milliseconds at most, and waits for no lock.
    ///
    /// It may be called while locks of entries are held: they are passed by. What goes wrong is
    /// for the log.
    pub(crate) fn sweep(&self, now: OffsetDateTime) {
        match self.sweep_within(now, sweep::LIMITS) {
            Ok(0) => {}
            Ok(removed) => log::debug!("cleaned up the cache: {removed} files removed"),
            Err(error) => log::debug!("cannot clean up the cache: {error}"),
        }
    }

    fn sweep_within(&self, now: OffsetDateTime, limits: Limits) -> Result<usize, CacheError> {
        self.in_folder(|folder| sweep::sweep(folder, now, limits))
    }

    /// Deletes entries of any identity, and all remembered failures. Files that are not the
    /// cache's, and those of other users, stay.
    ///
    /// # Errors
    /// When the folder is another user's, open to others, a link, or cannot be read.
    pub(crate) fn clear(&self, scope: &ClearScope<'_>) -> Result<Cleared, CacheError> {
        self.clear_within(scope, clear::PATIENCE)
    }

    fn clear_within(
        &self,
        scope: &ClearScope<'_>,
        patience: Duration,
    ) -> Result<Cleared, CacheError> {
        self.in_folder(|folder| clear::clear(folder, scope, patience))
    }
}

/// Reads a file of a slot; `None` when there is none, or it cannot be believed, which is logged.
fn read_file<T>(
    folder: &Folder,
    slot: Digest,
    suffix: Suffix,
    read: impl FnOnce(&[u8]) -> Result<T, Doubt>,
) -> Result<Option<T>, CacheError> {
    let path = folder.file(slot, suffix);
    let read = match folder.read(&path)? {
        FileContent::Absent => return Ok(None),
        FileContent::TooLarge => Err(Doubt::TooLarge),
        FileContent::Bytes(bytes) => read(&bytes),
    };
    let read = read.inspect_err(|doubt| log::warn!("ignoring {path:?}: it {doubt}"));
    Ok(read.ok())
}
