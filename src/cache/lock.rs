//! The lock of an entry: its holder may write the entry, and is the process that asks AWS.

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

#[cfg(all(test, unix))]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::process::{Child, Command, Stdio};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;
    use std::time::Instant;

    use super::super::Cache;
    use super::super::tests::{Home, at, entry, key};
    use super::*;

    const NOW: i64 = 1_700_000_000;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    /// Waits for the lock.
    fn lock(cache: &Cache) -> EntryLock {
        let end = soon();
        loop {
            if let Some(lock) = cache.try_lock(&key()).unwrap() {
                return lock;
            }
            assert!(Instant::now() < end, "another process holds it");
            thread::yield_now();
        }
    }

    #[test]
    fn one_holds_the_lock_at_a_time() {
        let home = Home::new();
        let first = home.cache.try_lock(&key()).unwrap().unwrap();
        assert!(home.cache.try_lock(&key()).unwrap().is_none());
        assert!(
            home.cache
                .try_lock(&Key::stable(&[b"other"]))
                .unwrap()
                .is_some()
        );
        drop(first);
        assert!(home.cache.try_lock(&key()).unwrap().is_some());
    }

    #[test]
    fn seats_are_locked_each_for_itself() {
        let home = Home::new();
        let open = |seat| home.cache.open_lock(&key(), seat).unwrap();
        let mut seat = Some(Seat::First);
        let mut held = Vec::new();
        while let Some(this) = seat {
            held.push(open(this).claim().unwrap().expect("it is free"));
            assert!(open(this).claim().unwrap().is_none());
            seat = this.next();
        }
        assert_eq!(held.len(), 3);
    }

    #[test]
    fn a_lock_on_a_removed_file_is_not_taken_for_one() {
        let home = Home::new();
        let housekeeper = home.cache.try_lock(&key()).unwrap().unwrap();
        let path = home.file("lock");
        let opened = housekeeper.0.folder.open_lock(&path).unwrap();
        assert_eq!(claim(&opened, &path).unwrap(), Claim::Theirs);
        fs::remove_file(&path).unwrap();
        drop(housekeeper);
        assert_eq!(claim(&opened, &path).unwrap(), Claim::Gone);
        let held = home.cache.try_lock(&key()).unwrap().unwrap();
        assert_eq!(
            claim(&opened, &path).unwrap(),
            Claim::Gone,
            "another file has its name now"
        );
        assert!(home.cache.try_lock(&key()).unwrap().is_none());
        drop(held);
    }

    #[test]
    fn locks_exclude_each_other_while_their_file_is_removed_under_the_lock() {
        let home = Home::new();
        let holders = AtomicUsize::new(0);
        thread::scope(|scope| {
            for housekeeps in [true, true, false, false] {
                let (home, holders) = (&home, &holders);
                scope.spawn(move || {
                    for _ in 0..100 {
                        let Some(lock) = home.cache.try_lock(&key()).unwrap() else {
                            thread::yield_now();
                            continue;
                        };
                        assert_eq!(holders.fetch_add(1, Ordering::SeqCst), 0);
                        holders.fetch_sub(1, Ordering::SeqCst);
                        // The last act under a lock: from here on another can be had.
                        if housekeeps {
                            fs::remove_file(home.file("lock")).unwrap();
                        }
                        drop(lock);
                    }
                });
            }
        });
    }

    #[test]
    fn a_lock_file_is_private_and_never_followed() {
        let home = Home::new();
        drop(home.cache.try_lock(&key()).unwrap());
        assert_eq!(home.mode("v1"), 0o700);
        assert_eq!(home.mode_of(&home.file("lock")), 0o600);
        fs::remove_file(home.file("lock")).unwrap();
        let target = home.dir().join("target");
        std::os::unix::fs::symlink(&target, home.file("lock")).unwrap();
        let error = home.cache.try_lock(&key()).unwrap_err();
        assert!(matches!(error, CacheError::SymbolicLink { .. }), "{error}");
        assert!(!target.exists());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_folder_that_cannot_be_written_is_an_error() {
        // In /proc, not even root can create files, whom modes do not stop.
        let error = Cache::at("/proc").try_lock(&key()).unwrap_err();
        assert!(matches!(error, CacheError::Write { .. }), "{error}");
        let error = Cache::at("/proc/ecrx").try_lock(&key()).unwrap_err();
        assert!(matches!(error, CacheError::Write { .. }), "{error}");
    }

    #[test]
    fn pauses_grow_and_stay_bounded() {
        let mut pauses = Pauses::default();
        let mut longest = FIRST_PAUSE;
        for _ in 0..50 {
            let pause = pauses.next_pause();
            assert!(
                pause >= longest / 2 && pause <= longest,
                "{pause:?} {longest:?}"
            );
            longest = (longest * 2).min(LONGEST_PAUSE);
        }
    }

    const CHILD_DIR: &str = "CACHE_TEST_DIR";
    const CHILD_JOB: &str = "CACHE_TEST_JOB";

    /// Not a test: what the processes started by the tests below run.
    #[test]
    fn child_process() {
        let (Some(dir), Ok(job)) = (std::env::var_os(CHILD_DIR), std::env::var(CHILD_JOB)) else {
            return;
        };
        let cache = Cache::at(dir);
        let mut out = std::io::stderr();
        if job == "hold" {
            let _held = lock(&cache);
            writeln!(out, "held").unwrap();
            thread::sleep(Duration::from_secs(60));
        } else if job == "write" {
            let lock = lock(&cache);
            writeln!(out, "writing").unwrap();
            let end = soon();
            while Instant::now() < end {
                lock.put(&entry()).unwrap();
            }
        } else {
            panic!("no such job");
        }
    }

    fn child(home: &Home, job: &str) -> Child {
        let (_, module) = module_path!().split_once("::").unwrap();
        Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "--nocapture",
                &format!("{module}::child_process"),
            ])
            .env(CHILD_DIR, home.dir())
            .env(CHILD_JOB, job)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn first_line(child: &mut Child) -> String {
        let mut line = String::new();
        BufReader::new(child.stderr.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        line
    }

    #[test]
    fn the_lock_of_a_killed_process_is_free() {
        let home = Home::new();
        let mut holder = child(&home, "hold");
        assert_eq!(first_line(&mut holder), "held\n");
        assert!(home.cache.try_lock(&key()).unwrap().is_none());
        holder.kill().unwrap();
        holder.wait().unwrap();
        assert!(home.cache.try_lock(&key()).unwrap().is_some());
    }

    #[test]
    fn a_process_killed_while_writing_leaves_whole_entries() {
        let home = Home::new();
        for round in 0..20 {
            let mut writer = child(&home, "write");
            assert_eq!(first_line(&mut writer), "writing\n");
            thread::sleep(Duration::from_micros(round * 150));
            writer.kill().unwrap();
            writer.wait().unwrap();
            if let Ok(bytes) = fs::read(home.file("json")) {
                let (found, read) = Entry::read(&bytes, key().slot(), at(NOW)).unwrap();
                assert_eq!((found, read), (key(), entry()), "{round}");
            }
            lock(&home.cache).put(&entry()).unwrap();
        }
    }
}
