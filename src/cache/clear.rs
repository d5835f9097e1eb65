//! The command `cache clear`: what the user selects is gone afterwards.
//!
//! A process that is fetching holds the entry's lock and would store a token after the deletion, so
//! the lock is waited for, a little. Nothing breaks without it: files are replaced and removed whole.

#[cfg(all(test, unix))]
mod tests;

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
