//! Doing what `step.rs` says.

use std::fs::File;
use std::path::PathBuf;

use super::super::folder::Suffix;
use super::super::key::Digest;
use super::super::lock::{Claim, claim, release};
use super::judge::Judge;
use super::step::{Act, Event, Found, Slot, State};

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
