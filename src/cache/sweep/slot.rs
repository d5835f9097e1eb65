//! One slot of a folder: looking at its files, and doing to them what `step.rs` says.

use std::fs::{File, Metadata};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use time::OffsetDateTime;

use super::super::entry::{Doubt, Entry, MAX_CLOCK_DIFFERENCE};
use super::super::error::CacheError;
use super::super::folder::{FileContent, Folder, Suffix};
use super::super::lock::{Claim, claim, release};
use super::super::mark::Mark;
use super::super::trust::look_at;
use super::step::{Act, Event, Found, Slot, State};
use crate::digest::Digest;

/// How long what cannot be believed is kept: it is of use to whoever wants to know how it came
/// about, and the next fetch for its slot replaces it anyway.
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

/// The sweep of one slot, or of the lock of a seat.
pub(super) struct Tidying<'a> {
    judge: &'a Judge<'a>,
    lock_path: PathBuf,
    /// `None` for a seat, whose lock protects no file.
    slot: Option<Digest>,
    lock: Option<File>,
    removed: usize,
}

impl<'a> Tidying<'a> {
    pub(super) fn new(judge: &'a Judge<'a>, lock_path: PathBuf, slot: Option<Digest>) -> Self {
        Self {
            judge,
            lock_path,
            slot,
            lock: None,
            removed: 0,
        }
    }

    /// Goes through all steps, and says how many files were removed.
    pub(super) fn run(mut self) -> usize {
        let (mut state, mut act) = State::begin();
        while act != Act::Done {
            let event = self.perform(act);
            (state, act) = state.next(event);
        }
        self.removed
    }

    fn perform(&mut self, act: Act) -> Event {
        let is_done = match act {
            Act::Look => return Event::Saw(self.look()),
            Act::Open => {
                self.lock = self
                    .judge
                    .folder
                    .open_lock(&self.lock_path)
                    .inspect_err(|error| log::debug!("{error}"))
                    .ok();
                self.lock.is_some()
            }
            Act::Claim => self.claim(),
            Act::RemoveEntry => self.remove(Suffix::Entry),
            Act::RemoveMark => self.remove(Suffix::Mark),
            Act::RemoveLock => cfg!(unix) && self.remove_file(self.lock_path.clone()),
            Act::Release => {
                if let Some(lock) = self.lock.take() {
                    release(&lock);
                }
                true
            }
            Act::Done => true,
        };
        if is_done { Event::Done } else { Event::Failed }
    }

    fn look(&self) -> Slot {
        match self.slot {
            Some(slot) => self.judge.slot(slot),
            None => Slot {
                entry: Found::Absent,
                mark: Found::Absent,
                has_lock: self.judge.has_lock(&self.lock_path),
            },
        }
    }

    fn claim(&self) -> bool {
        let claimed = self
            .lock
            .as_ref()
            .map(|lock| claim(lock, &self.lock_path))
            .transpose()
            .inspect_err(|error| log::debug!("{error}"));
        matches!(claimed, Ok(Some(Claim::Ours)))
    }

    fn remove(&mut self, suffix: Suffix) -> bool {
        match self.slot {
            Some(slot) => self.remove_file(self.judge.folder.file(slot, suffix)),
            None => false,
        }
    }

    fn remove_file(&mut self, path: PathBuf) -> bool {
        let removed = self.judge.remove(&path);
        self.removed += usize::from(removed.unwrap_or(false));
        removed.is_some()
    }
}
