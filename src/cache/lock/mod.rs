//! The lock of an entry: who holds it may write the entry, and is the one who asks AWS.

#[cfg(all(test, unix))]
mod tests;

use std::fs::{self, File};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::Cache;
use super::entry::Entry;
use super::error::CacheError;
use super::file;
use super::folder::{Folder, Role};
use super::key::Key;

/// How often a lock is tried at once when its file was removed between opening and locking it.
const ATTEMPTS: usize = 3;

/// The pauses between two looks double from the first of these to the second.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(32);

/// The exclusive lock of one entry, held until dropped or until the process ends. Writing an
/// entry needs one.
#[derive(Debug)]
#[must_use = "the lock is released when this is dropped"]
pub struct EntryLock {
    folder: Folder,
    key: Key,
    file: File,
}

impl EntryLock {
    /// Stores an entry, and so replaces the one of the key that this key rotated from.
    ///
    /// # Errors
    /// [`CacheError::Unfit`] for an entry that [`Cache::get`] would not believe;
    /// [`CacheError::ForeignOwner`] when another user's file is in its place.
    pub fn put(&self, entry: &Entry) -> Result<(), CacheError> {
        let path = self.folder.file(self.key.slot(), Role::Entry);
        let bytes = entry
            .to_bytes(&self.key)
            .map_err(|doubt| CacheError::Unfit {
                path: path.clone(),
                doubt,
            })?;
        file::write(&self.folder, &path, &bytes)
    }

    /// Removes the entry, whosever key it was stored under, and says whether there was one.
    ///
    /// # Errors
    /// [`CacheError::ForeignOwner`] when it is another user's file.
    pub fn remove(&self) -> Result<bool, CacheError> {
        file::remove(
            &self.folder,
            &self.folder.file(self.key.slot(), Role::Entry),
        )
    }
}

impl Drop for EntryLock {
    fn drop(&mut self) {
        // Closing would do, but a child just forked may hold the same open file for a moment.
        // Said in full, as std has a method of this name too.
        let _ = fs2::FileExt::unlock(&self.file);
    }
}

/// What came of waiting for one's turn.
#[derive(Debug)]
pub enum Turn<T> {
    /// The lock is held, and after it was taken there was still no answer.
    Mine(EntryLock),
    /// Somebody else has brought an answer.
    Answered(T),
}

impl Cache {
    /// Takes the entry's lock if nobody holds it; `None` when somebody does. Makes the folder and
    /// its missing parents, 0700.
    ///
    /// # Errors
    /// When the folder or the lock file cannot be made, is another user's, too open or a link, or
    /// on a file system without locks.
    pub fn try_lock(&self, key: &Key) -> Result<Option<EntryLock>, CacheError> {
        let folder = Folder::make(&self.dir)?;
        let path = folder.file(key.slot(), Role::Lock);
        for _ in 0..ATTEMPTS {
            let file = file::open_lock(&folder, &path)?;
            match claim(&file, &path)? {
                Claim::Ours => {
                    return Ok(Some(EntryLock {
                        folder,
                        key: *key,
                        file,
                    }));
                }
                Claim::Theirs => return Ok(None),
                Claim::Gone => {}
            }
        }
        Ok(None)
    }

    /// Waits for the entry's lock, or for what makes it needless, whichever comes first.
    ///
    /// `look` looks for an answer (a fresh entry, a shared failure) each time the lock was found
    /// held, and once more when it has been taken: the answer may have come while waiting for it.
    /// It is told whether there was a wait at all.
    /// So a herd does not pass the lock through all its hands, and the second look cannot be
    /// forgotten.
    ///
    /// # Errors
    /// As [`Cache::try_lock`], and [`CacheError::LockTimeout`] when `wait_until` has passed.
    pub fn take_turn<T>(
        &self,
        key: &Key,
        wait_until: Instant,
        mut look: impl FnMut(bool) -> Option<T>,
    ) -> Result<Turn<T>, CacheError> {
        let mut pauses = Pauses::new();
        let mut has_waited = false;
        loop {
            if let Some(lock) = self.try_lock(key)? {
                return Ok(match look(has_waited) {
                    Some(answer) => Turn::Answered(answer),
                    None => Turn::Mine(lock),
                });
            }
            let left = wait_until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let path = Folder::make(&self.dir)?.file(key.slot(), Role::Lock);
                return Err(CacheError::LockTimeout { path });
            }
            thread::sleep(pauses.next().min(left));
            has_waited = true;
            if let Some(answer) = look(has_waited) {
                return Ok(Turn::Answered(answer));
            }
        }
    }

    /// Waits for the entry's lock.
    ///
    /// # Errors
    /// As [`Cache::take_turn`].
    pub fn lock(&self, key: &Key, wait_until: Instant) -> Result<EntryLock, CacheError> {
        match self.take_turn(key, wait_until, |_| None::<std::convert::Infallible>)? {
            Turn::Mine(lock) => Ok(lock),
            Turn::Answered(never) => match never {},
        }
    }
}

/// What came of trying to lock an open file.
#[derive(Debug, PartialEq, Eq)]
enum Claim {
    Ours,
    Theirs,
    /// Locked, but housekeeping has removed the file since it was opened: others will lock
    /// another, so this lock excludes nobody.
    Gone,
}

fn claim(file: &File, path: &Path) -> Result<Claim, CacheError> {
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

fn is_contended(error: &io::Error) -> bool {
    error.kind() == ErrorKind::Interrupted
        || error.kind() == ErrorKind::WouldBlock
        || error.raw_os_error() == fs2::lock_contended_error().raw_os_error()
}

/// Whether an open file is the one that others will open.
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

/// Pauses that grow, each shortened by a random part so that a herd spreads out.
struct Pauses {
    longest: Duration,
    random: RandomState,
    count: u64,
}

impl Pauses {
    fn new() -> Self {
        Self {
            longest: FIRST_PAUSE,
            random: RandomState::new(),
            count: 0,
        }
    }

    /// Between half of the longest and the longest.
    fn next(&mut self) -> Duration {
        // The standard library's hash keys are random per process, which is all that is wanted.
        let mut hasher = self.random.build_hasher();
        hasher.write_u64(self.count);
        let part = u32::try_from(hasher.finish() % 1024).unwrap_or(0);
        let pause = self.longest - self.longest / 2 * part / 1024;
        self.count += 1;
        self.longest = (self.longest * 2).min(LONGEST_PAUSE);
        pause
    }
}
