//! The command `cache clear`: what the user selects is gone afterwards.
//!
//! A process that is fetching holds the entry's lock and would store a token after the deletion, so
//! the lock is waited for, a little. Nothing breaks without it: files are replaced and removed whole.

use std::fs::File;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::entry::{END_OF_TIME, Entry};
use super::error::CacheError;
use super::folder::{FileContent, Folder, Suffix, is_temporary};
use super::lock::{Claim, Pauses, claim, release};
use crate::digest::Digest;

/// How long all holders of locks are waited for, together.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);

pub(crate) enum ClearScope<'a> {
    /// Everything that is ours, what cannot be read included.
    All,
    /// The entries of which this is true.
    Entries(&'a dyn Fn(&Entry) -> bool),
}

#[derive(Debug, Default)]
pub(crate) struct Cleared {
    /// Entries, expired ones too.
    pub entries: Vec<Entry>,
    /// Files in the place of entries that could not be read as such.
    pub unreadable: usize,
    /// Remembered failures. They do not say whose they are, so all go each time: that costs one
    /// attempt.
    pub marks: usize,
    /// Half-written files, which may hold a token.
    pub temporary: usize,
    /// Those of them that are being fetched anew: the new ones will be kept.
    pub busy: Vec<Entry>,
    /// What was to go and stays, and why.
    pub left: Vec<CacheError>,
}

/// Deletes the files in `scope` from a folder. All holders of locks are waited for so long, together.
pub(super) fn clear(
    folder: &Folder,
    scope: &ClearScope<'_>,
    patience: Duration,
) -> Result<Cleared, CacheError> {
    let mut cleared = Cleared::default();
    let mut clearing = Clearing {
        folder,
        until: Instant::now() + patience,
        cleared: &mut cleared,
    };
    for slot in folder.slots(Suffix::Entry)? {
        clearing.clear_entry(slot, scope);
    }
    for slot in folder.slots(Suffix::Mark)? {
        let path = folder.file(slot, Suffix::Mark);
        clearing.cleared.marks += clearing.remove(&path);
    }
    if let ClearScope::All = scope {
        clearing.clear_temporary()?;
    }
    Ok(cleared)
}

/// What came of asking for an entry's lock.
enum Claimed {
    Ours(File),
    /// Another process is fetching.
    Theirs,
    /// There can be none here, so no process holds it.
    Unusable,
}

struct Clearing<'a> {
    folder: &'a Folder,
    until: Instant,
    cleared: &'a mut Cleared,
}

impl Clearing<'_> {
    fn clear_entry(&mut self, slot: Digest, scope: &ClearScope<'_>) {
        let path = self.folder.file(slot, Suffix::Entry);
        let is_meant = |entry: &Option<Entry>| match (scope, entry) {
            (ClearScope::All, _) => true,
            (ClearScope::Entries(of), Some(entry)) => of(entry),
            (ClearScope::Entries(_), None) => false,
        };
        let seen = self.read(slot).unwrap_or_else(|error| {
            // It is not believed when it says whose it is, and may be the one that is meant.
            if let (ClearScope::Entries(_), CacheError::OpenToOthers { .. }) = (scope, &error) {
                self.cleared.left.push(error);
            }
            None
        });
        if !is_meant(&seen) {
            return;
        }
        let lock = self.lock(slot);
        // Under the lock it may be another's, or gone.
        let entry = self.read(slot).unwrap_or_default();
        if is_meant(&entry) && self.remove(&path) == 1 {
            match entry {
                Some(entry) => {
                    if let Claimed::Theirs = lock {
                        self.cleared.busy.push(entry.clone());
                    }
                    self.cleared.entries.push(entry);
                }
                None => self.cleared.unreadable += 1,
            }
        }
        if let Claimed::Ours(lock) = lock {
            // The last act under it, as in every removal of one; on Windows it stays.
            if cfg!(unix) {
                let _ = self.folder.remove(&self.folder.file(slot, Suffix::Lock));
            }
            release(&lock);
        }
    }

    /// An entry that can be read, however wrong the clock is.
    fn read(&self, slot: Digest) -> Result<Option<Entry>, CacheError> {
        let content = self.folder.read(&self.folder.file(slot, Suffix::Entry))?;
        Ok(match content {
            FileContent::Bytes(bytes) => Entry::read(&bytes, slot, END_OF_TIME)
                .ok()
                .map(|(_, it)| it),
            FileContent::Absent | FileContent::TooLarge => None,
        })
    }

    /// Takes the entry's lock, unless its holder takes too long.
    fn lock(&self, slot: Digest) -> Claimed {
        let path = self.folder.file(slot, Suffix::Lock);
        let mut pauses = Pauses::default();
        loop {
            let Ok(file) = self.folder.open_lock(&path) else {
                return Claimed::Unusable;
            };
            match claim(&file, &path) {
                Ok(Claim::Ours) => return Claimed::Ours(file),
                Ok(Claim::Theirs | Claim::Gone) if Instant::now() < self.until => {
                    thread::sleep(pauses.next_pause());
                }
                Ok(_) => return Claimed::Theirs,
                Err(_) => return Claimed::Unusable,
            }
        }
    }

    fn clear_temporary(&mut self) -> Result<(), CacheError> {
        let wrong = |source| CacheError::read(self.folder.path(), source);
        for item in std::fs::read_dir(self.folder.path()).map_err(wrong)? {
            let item = item.map_err(wrong)?;
            if item.file_name().to_str().is_some_and(is_temporary) {
                self.cleared.temporary += self.remove(&item.path());
            }
        }
        Ok(())
    }

    /// Says how many files it removed: one or none.
    fn remove(&mut self, path: &Path) -> usize {
        match self.folder.remove(path) {
            Ok(removed) => usize::from(removed),
            Err(error) => {
                self.cleared.left.push(error);
                0
            }
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

    use super::super::failure_mark::FailureMark;
    use super::super::tests::{Home, STRANGER, at, key};
    use super::super::{Entry, Key};
    use super::*;
    use crate::token::AuthorizationToken;

    const NOW: i64 = 1_700_000_000;

    fn entry(registry: &str) -> Entry {
        let token = AuthorizationToken::decode("QVdTOnNlY3JldA==", at(NOW), at(NOW + 43_200));
        Entry {
            registry: registry.to_owned(),
            identity: "profile work".to_owned(),
            token: token.unwrap(),
        }
    }

    /// A home with two entries and a remembered failure.
    fn full() -> Home {
        let home = Home::new();
        home.put(&key(), &entry("one"));
        home.put(&Key::stable(&[b"other"]), &entry("two"));
        let mark = FailureMark {
            made_at: at(NOW),
            until: at(NOW + 60),
            state: Key::digest(&[]),
            message: "no".to_owned(),
            hints: Vec::new(),
        };
        home.cache
            .put_mark(&Key::stable(&[b"mark"]), &mark)
            .unwrap();
        home
    }

    fn registries(entries: &[Entry]) -> Vec<&str> {
        let mut names: Vec<&str> = entries.iter().map(|entry| &*entry.registry).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn all_that_is_ours_goes_and_nothing_else() {
        let home = full();
        let folder = home.dir().join("v1");
        let damaged = Key::stable(&[b"damaged"]);
        fs::write(folder.join(format!("{damaged}.json")), "garbage").unwrap();
        fs::write(folder.join(".abcdef.tmp"), "half a token").unwrap();
        let others = ["README", "x.json", ".other-name.tmp", "swept"];
        for name in others {
            fs::write(folder.join(name), "").unwrap();
        }
        fs::write(home.dir().join("cache.json"), "another program's").unwrap();

        let cleared = home.cache.clear(&ClearScope::All).unwrap();
        assert_eq!(registries(&cleared.entries), ["one", "two"]);
        let counts = (cleared.unreadable, cleared.marks, cleared.temporary);
        assert_eq!(counts, (1, 1, 1));
        assert!(cleared.busy.is_empty() && cleared.left.is_empty());
        let mut left = home.names();
        left.sort();
        let mut expected = others.map(str::to_owned);
        expected.sort();
        assert_eq!(left, expected);
        assert!(home.dir().join("cache.json").exists());

        let again = home.cache.clear(&ClearScope::All).unwrap();
        assert!(again.entries.is_empty() && again.left.is_empty());
    }

    #[test]
    fn of_entries_only_those_go_that_are_meant() {
        let home = full();
        let folder = home.dir().join("v1");
        let damaged = Key::stable(&[b"damaged"]);
        fs::write(folder.join(format!("{damaged}.json")), "garbage").unwrap();
        fs::write(folder.join(".abcdef.tmp"), "").unwrap();
        let scope = ClearScope::Entries(&|entry| entry.registry == "one");
        let cleared = home.cache.clear(&scope).unwrap();
        assert_eq!(registries(&cleared.entries), ["one"]);
        let counts = (cleared.unreadable, cleared.marks, cleared.temporary);
        assert_eq!(counts, (0, 1, 0));
        assert_eq!(home.cache.list(at(NOW)).unwrap().len(), 1);
        assert!(folder.join(format!("{damaged}.json")).exists());
        assert!(folder.join(".abcdef.tmp").exists());
    }

    #[test]
    fn an_empty_place_stays_as_it_is() {
        let home = Home::new();
        let cleared = home.cache.clear(&ClearScope::All).unwrap();
        assert!(cleared.entries.is_empty());
        assert!(!home.dir().exists());
    }

    #[test]
    fn what_is_being_fetched_is_waited_for_and_goes_too() {
        let home = full();
        let lock = home.cache.try_lock(&key()).unwrap().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                std::thread::sleep(Duration::from_millis(50));
                lock.put(&entry("one")).unwrap();
                drop(lock);
            });
            let patience = Duration::from_secs(60);
            let cleared = home.cache.clear_within(&ClearScope::All, patience).unwrap();
            assert_eq!(registries(&cleared.entries), ["one", "two"]);
            assert!(cleared.busy.is_empty());
        });
        assert_eq!(home.cache.list(at(NOW)).unwrap(), []);
    }

    #[test]
    fn who_is_too_slow_is_told_of() {
        let home = full();
        let lock = home.cache.try_lock(&key()).unwrap().unwrap();
        let patience = Duration::from_millis(20);
        let cleared = home.cache.clear_within(&ClearScope::All, patience).unwrap();
        assert_eq!(registries(&cleared.entries), ["one", "two"]);
        assert_eq!(registries(&cleared.busy), ["one"]);
        // Its lock is still its own.
        assert!(home.cache.try_lock(&key()).unwrap().is_none());
        lock.put(&entry("one")).unwrap();
    }

    #[test]
    fn a_strangers_file_stays_and_is_told_of() {
        let home = full();
        if chown(home.file("json"), Some(STRANGER), None).is_err() {
            // Only root can give a file away.
            return;
        }
        let cleared = home.cache.clear(&ClearScope::All).unwrap();
        assert_eq!(registries(&cleared.entries), ["two"]);
        assert!(matches!(
            cleared.left[..],
            [CacheError::ForeignOwner { .. }]
        ));
        assert!(home.file("json").exists());
    }

    /// A link in the lock's place is not a lock.
    #[test]
    fn without_locks_no_entry_is_reported_as_being_fetched() {
        let home = full();
        let target = home.dir().join("target");
        fs::write(&target, "").unwrap();
        fs::remove_file(home.file("lock")).unwrap();
        symlink(&target, home.file("lock")).unwrap();
        let cleared = home.cache.clear(&ClearScope::All).unwrap();
        assert_eq!(registries(&cleared.entries), ["one", "two"]);
        assert!(cleared.busy.is_empty(), "{cleared:?}");
        assert!(target.exists());
    }

    /// What is open to others is not believed, so it cannot be told whose token it holds.
    #[test]
    fn an_entry_that_is_open_to_others_is_told_of_when_some_are_meant_and_goes_with_all() {
        let home = full();
        fs::set_permissions(home.file("json"), fs::Permissions::from_mode(0o644)).unwrap();
        let scope = ClearScope::Entries(&|entry| entry.registry == "one");
        let cleared = home.cache.clear(&scope).unwrap();
        assert!(cleared.entries.is_empty());
        assert!(
            matches!(cleared.left[..], [CacheError::OpenToOthers { .. }]),
            "{cleared:?}"
        );
        let cleared = home.cache.clear(&ClearScope::All).unwrap();
        assert_eq!((cleared.unreadable, cleared.left.len()), (1, 0));
        assert!(!home.file("json").exists());
    }
}
