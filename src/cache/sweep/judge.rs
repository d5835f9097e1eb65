//! What is over, and what is not ours to say so of.

use std::fs::Metadata;
use std::path::Path;
use std::time::{Duration, SystemTime};

use time::OffsetDateTime;

use super::super::entry::{Doubt, Entry, MAX_CLOCK_DIFFERENCE};
use super::super::error::CacheError;
use super::super::folder::{FileContent, Folder, Suffix, look_at};
use super::super::key::Digest;
use super::super::mark::Mark;
use super::step::{Found, Slot};

/// How long what cannot be believed is kept: it is of use to whoever wants to know how it came
/// about, and the next purchase for its slot replaces it anyway.
const DOUBT_LIFE: Duration = Duration::from_secs(24 * 3600);

/// Looks at the files of a folder, and removes them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judge<'a> {
    pub(super) folder: &'a Folder,
    /// By the clock that entries age by.
    pub(super) now: OffsetDateTime,
    /// By the clock of this machine, for what shows its age only as a file.
    pub(super) today: SystemTime,
}

impl Judge<'_> {
    /// Looks at the files of a slot.
    pub(super) fn slot(&self, slot: Digest) -> Slot {
        // Who has overtaken the lock's last holder may be about to write.
        let is_overtaken = [Suffix::SecondLock, Suffix::ThirdLock]
            .iter()
            .any(|suffix| {
                !look_at(&self.folder.file(slot, *suffix)).is_ok_and(|seen| seen.is_none())
            });
        let entry = match self.entry(slot) {
            Found::Over if is_overtaken => Found::Alive,
            found => found,
        };
        Slot {
            entry,
            mark: self.mark(slot),
            has_lock: self.has_lock(&self.folder.file(slot, Suffix::Lock)),
        }
    }

    /// Whether there is a lock file that may be removed. On Windows none may: it could be open.
    pub(super) fn has_lock(&self, path: &Path) -> bool {
        cfg!(unix) && look_at(path).is_ok_and(|seen| seen.is_some())
    }

    fn entry(&self, slot: Digest) -> Found {
        self.find(&self.folder.file(slot, Suffix::Entry), |bytes| {
            let (_, entry) = Entry::read(bytes, slot, self.now)?;
            Ok(entry.token.is_expired(self.now))
        })
    }

    /// By another machine's clock a mark may hold a little longer.
    fn mark(&self, slot: Digest) -> Found {
        self.find(&self.folder.file(slot, Suffix::Mark), |bytes| {
            let until = Mark::read_end(bytes, slot)?;
            Ok(until.saturating_add(MAX_CLOCK_DIFFERENCE) <= self.now)
        })
    }

    fn find(&self, path: &Path, is_over: impl FnOnce(&[u8]) -> Result<bool, Doubt>) -> Found {
        let doubt = match self.folder.read(path) {
            Ok(FileContent::Absent) => return Found::Absent,
            Ok(FileContent::TooLarge) => Doubt::TooLarge,
            Ok(FileContent::Bytes(bytes)) => match is_over(&bytes) {
                Ok(true) => return Found::Over,
                Ok(false) => return Found::Alive,
                Err(doubt) => doubt,
            },
            // Ours or not, as `remove` will see; it is never read.
            Err(CacheError::OpenToOthers { .. } | CacheError::SymbolicLink { .. }) => {
                Doubt::Damaged
            }
            Err(error) => {
                log::debug!("{error}");
                return Found::NotOurs;
            }
        };
        match doubt {
            Doubt::Version(_) => Found::NotOurs,
            _ if self.is_older(path, DOUBT_LIFE) => Found::Over,
            _ => Found::NotOurs,
        }
    }

    /// Whether a file was last written so long ago. One from the future was not.
    pub(super) fn is_older(&self, path: &Path, age: Duration) -> bool {
        let written = |seen: Metadata| seen.modified().ok();
        let written = look_at(path).ok().flatten().and_then(written);
        written
            .and_then(|written| self.today.duration_since(written).ok())
            .is_some_and(|found| found >= age)
    }

    /// Removes a file of ours, and says whether it was there; nothing when it cannot be removed.
    pub(super) fn remove(&self, path: &Path) -> Option<bool> {
        self.folder
            .remove(path)
            .inspect_err(|error| log::debug!("{error}"))
            .ok()
    }
}
