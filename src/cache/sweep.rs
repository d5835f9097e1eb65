//! Housekeeping: files that are of no use any more are removed, a few after each fetch.
//!
//! A sweep goes through the private folder and removes
//!
//! - entries whose token has expired, by what is in them, and marks that are over, under the lock
//!   of their slot and after another look under it;
//! - those that cannot be believed and were not touched for a day. What another version of the
//!   program has written is left to it;
//! - lock files of slots without either, and of seats, that no process holds, on Unix;
//! - temporary files of killed processes, after an hour.
//!
//! Other files, and those of other users, are left alone. A sweep waits for no lock, as its holder
//! is working on that slot.
//!
//! A sweep is made at most once an hour (the file `swept` says when), and is bounded in names and
//! time. One that has not come to the end of the folder is continued ten seconds later.

#[cfg(all(test, unix))]
mod tests;

use std::collections::HashSet;
use std::fs::{File, Metadata};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use time::OffsetDateTime;

use crate::digest::Digest;

use super::entry::{Entry, MAX_CLOCK_DIFFERENCE};
use super::error::{CacheError, Doubt};
use super::failure_mark::FailureMark;
use super::folder::{FileContent, Folder, Suffix, is_temporary, look_at, may_be_as_long_as};
use super::lock::{Claim, claim, release};

/// How long a file can be half-written: longer than any `get` can last.
const TEMPORARY_LIFE: Duration = Duration::from_secs(3600);

/// How long a file that cannot be believed is kept: it helps to find out how it came about, and
/// the next fetch for its slot replaces it anyway.
const DOUBT_LIFE: Duration = Duration::from_secs(24 * 3600);

/// How much a sweep may do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    names: usize,
    /// So many, and no more once `time` is over.
    names_at_least: usize,
    time: Duration,
}

/// Some milliseconds on a disk of this machine; and not without end on a slow one elsewhere.
pub(super) const LIMITS: Limits = Limits {
    names: 1000,
    names_at_least: 64,
    time: Duration::from_millis(5),
};

/// Tidies a part of a folder, and says how many files were removed.
pub(super) fn sweep(
    folder: &Folder,
    now: OffsetDateTime,
    limits: Limits,
) -> Result<usize, CacheError> {
    let Some(mut stamp) = Stamp::take(folder, now)? else {
        return Ok(0);
    };
    let mut sweep = Sweep {
        folder,
        now,
        today: SystemTime::now(),
        slots: HashSet::new(),
        removed: 0,
    };
    let place = sweep.walk(stamp.place(), limits)?;
    stamp.leave_at(place);
    Ok(sweep.removed)
}

/// What a name in the folder belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    Slot(Digest),
    /// The lock of a further seat, `SLOT.N.lock`: it protects no file.
    Seat,
    /// A file that is being written, `.XXXXXX.tmp`.
    Temporary,
}

impl Item {
    /// `None` for what is not ours to tidy.
    fn parse(name: &str) -> Option<Self> {
        if name.starts_with('.') {
            return is_temporary(name).then_some(Item::Temporary);
        }
        let (slot, suffix) = name.split_once('.')?;
        let slot = slot.parse().ok()?;
        let suffixes = [Suffix::Entry, Suffix::Mark, Suffix::Lock];
        if suffixes.iter().any(|known| known.extension() == suffix) {
            return Some(Item::Slot(slot));
        }
        let seat = suffix.strip_suffix(Suffix::Lock.extension())?;
        let seat = seat.strip_suffix('.')?;
        let is_number = (1..=3).contains(&seat.len()) && seat.bytes().all(|b| b.is_ascii_digit());
        is_number.then_some(Item::Seat)
    }
}

struct Sweep<'a> {
    folder: &'a Folder,
    /// By the clock that entries age by.
    now: OffsetDateTime,
    /// By the clock of this machine, for what shows its age only as a file.
    today: SystemTime,
    /// Those that were tidied.
    slots: HashSet<Digest>,
    removed: usize,
}

impl Sweep<'_> {
    /// Tidies the names from a place on, and returns the place to go on from.
    fn walk(&mut self, from: u64, limits: Limits) -> Result<u64, CacheError> {
        let end = Instant::now() + limits.time;
        let path = self.folder.path();
        let mut names = 0;
        let see_to = |name: &str| {
            if let Some(item) = Item::parse(name) {
                self.tidy(item, &path.join(name));
            }
            names += 1;
            names < limits.names_at_least || (names < limits.names && Instant::now() < end)
        };
        walk(path, from, see_to).map_err(|source| CacheError::read(path, source))
    }

    fn tidy(&mut self, item: Item, path: &Path) {
        self.removed += match item {
            Item::Slot(slot) if self.slots.insert(slot) => {
                let lock = self.folder.file(slot, Suffix::Lock);
                Tidying::new(self, lock, Some(slot)).run()
            }
            Item::Slot(_) => 0,
            Item::Seat => Tidying::new(self, path.to_owned(), None).run(),
            Item::Temporary if self.is_older(path, TEMPORARY_LIFE) => {
                usize::from(self.remove(path).unwrap_or(false))
            }
            Item::Temporary => 0,
        };
    }

    fn look(&self, slot: Digest) -> Slot {
        // A process that has overtaken the lock's last holder may be about to write.
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
    fn has_lock(&self, path: &Path) -> bool {
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
            let (until, _) = FailureMark::read_end(bytes, slot)?;
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
    fn is_older(&self, path: &Path, age: Duration) -> bool {
        let written = |seen: Metadata| seen.modified().ok();
        let written = look_at(path).ok().flatten().and_then(written);
        written
            .and_then(|written| self.today.duration_since(written).ok())
            .is_some_and(|found| found >= age)
    }

    /// Removes a file of ours, and says whether it was there; nothing when it cannot be removed.
    fn remove(&self, path: &Path) -> Option<bool> {
        self.folder
            .remove(path)
            .inspect_err(|error| log::debug!("{error}"))
            .ok()
    }
}

/// The sweep of one slot, or of the lock of a seat.
struct Tidying<'a> {
    sweep: &'a Sweep<'a>,
    lock_path: PathBuf,
    /// `None` for a seat, whose lock protects no file.
    slot: Option<Digest>,
    lock: Option<File>,
    removed: usize,
}

impl<'a> Tidying<'a> {
    fn new(sweep: &'a Sweep<'a>, lock_path: PathBuf, slot: Option<Digest>) -> Self {
        Self {
            sweep,
            lock_path,
            slot,
            lock: None,
            removed: 0,
        }
    }

    /// Goes through all steps, and says how many files were removed.
    fn run(mut self) -> usize {
        let (mut state, mut action) = SweepState::begin();
        while action != SweepAction::Done {
            let event = self.perform(action);
            (state, action) = state.next(event);
        }
        self.removed
    }

    fn perform(&mut self, action: SweepAction) -> SweepEvent {
        let is_done = match action {
            SweepAction::Look => return SweepEvent::Saw(self.look()),
            SweepAction::Open => {
                self.lock = self
                    .sweep
                    .folder
                    .open_lock(&self.lock_path)
                    .inspect_err(|error| log::debug!("{error}"))
                    .ok();
                self.lock.is_some()
            }
            SweepAction::Claim => self.claim(),
            SweepAction::RemoveEntry => self.remove(Suffix::Entry),
            SweepAction::RemoveMark => self.remove(Suffix::Mark),
            SweepAction::RemoveLock => cfg!(unix) && self.remove_file(self.lock_path.clone()),
            SweepAction::Release => {
                if let Some(lock) = self.lock.take() {
                    release(&lock);
                }
                true
            }
            SweepAction::Done => true,
        };
        if is_done {
            SweepEvent::Done
        } else {
            SweepEvent::Failed
        }
    }

    fn look(&self) -> Slot {
        match self.slot {
            Some(slot) => self.sweep.look(slot),
            None => Slot {
                entry: Found::Absent,
                mark: Found::Absent,
                has_lock: self.sweep.has_lock(&self.lock_path),
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
            Some(slot) => self.remove_file(self.sweep.folder.file(slot, suffix)),
            None => false,
        }
    }

    fn remove_file(&mut self, path: PathBuf) -> bool {
        let removed = self.sweep.remove(&path);
        self.removed += usize::from(removed.unwrap_or(false));
        removed.is_some()
    }
}

const STAMP_NAME: &str = "swept";

/// How long a folder that was gone through is left in peace.
const PAUSE: time::Duration = time::Duration::hours(1);

/// The same when it was not gone through to its end.
const SHORT_PAUSE: time::Duration = time::Duration::seconds(10);

/// What is read of the file: two numbers.
const MAX_STAMP_LENGTH: u64 = 64;

/// The file `swept`, whose lock this process holds: it sweeps. In it are epoch seconds by the
/// clock that entries age by, and the place where the next sweep goes on, 0 for the beginning.
/// A file that holds something else counts as none, as does one from a time that has not come.
#[derive(Debug)]
struct Stamp {
    path: PathBuf,
    file: File,
    now: OffsetDateTime,
    place: u64,
}

impl Stamp {
    /// Takes the stamp, if a sweep is due and no other process is at it. It is renewed at once, so
    /// only one of several processes sweeps, and the next ones do not repeat a sweep that was
    /// killed.
    fn take(folder: &Folder, now: OffsetDateTime) -> Result<Option<Self>, CacheError> {
        let path = folder.path().join(STAMP_NAME);
        let file = folder.open_lock(&path)?;
        if claim(&file, &path)? != Claim::Ours {
            return Ok(None);
        }
        let mut stamp = Self {
            path,
            file,
            now,
            place: 0,
        };
        if let Some((swept_at, place)) = stamp.read() {
            let pause = if place == 0 { PAUSE } else { SHORT_PAUSE };
            if swept_at <= now && now < swept_at.saturating_add(pause) {
                return Ok(None);
            }
            stamp.place = place;
        }
        stamp.write();
        Ok(Some(stamp))
    }

    /// Where this sweep begins.
    fn place(&self) -> u64 {
        self.place
    }

    /// Says where the next one goes on.
    fn leave_at(&mut self, place: u64) {
        if place != self.place {
            self.place = place;
            self.write();
        }
    }

    fn read(&mut self) -> Option<(OffsetDateTime, u64)> {
        let mut text = String::new();
        (&self.file)
            .take(MAX_STAMP_LENGTH)
            .read_to_string(&mut text)
            .ok()?;
        let (seconds, place) = text.trim_end().split_once(' ')?;
        let swept_at = OffsetDateTime::from_unix_timestamp(seconds.parse().ok()?).ok()?;
        Some((swept_at, place.parse().ok()?))
    }

    /// A stamp that cannot be written, on a full disk, say, keeps no sweep from making room.
    fn write(&mut self) {
        let text = format!("{} {}\n", self.now.unix_timestamp(), self.place);
        let mut write = || -> io::Result<()> {
            self.file.rewind()?;
            may_be_as_long_as(text.len())?;
            self.file.write_all(text.as_bytes())?;
            self.file.set_len(text.len() as u64)
        };
        if let Err(error) = write() {
            log::debug!("cannot write {:?}: {error}", self.path);
        }
    }
}

impl Drop for Stamp {
    fn drop(&mut self) {
        release(&self.file);
    }
}

/// Goes through the names in a folder, in the order of the file system, until `visit` returns
/// false.
///
/// `from` is the place that an earlier walk has ended at, 0 for the beginning. Returns the place to
/// go on from, 0 when the end was reached. A place is a hint: files that came or went since may be
/// missed, and the next walk from the beginning finds them.
///
/// Here it is what the kernel goes on from by itself, so that a folder of 100,000 names costs no
/// more than the names that are visited; to read them all takes some 80 ms.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
fn walk(folder: &Path, from: u64, mut visit: impl FnMut(&str) -> bool) -> io::Result<u64> {
    use rustix::fs::{Dir, Mode, OFlags};

    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut names = Dir::new(rustix::fs::open(folder, flags, Mode::empty())?)?;
    let place = i64::try_from(from).unwrap_or(0);
    // A place that is none, on another file system, say.
    if place != 0 && names.seek(place).is_err() {
        names.rewind();
    }
    while let Some(item) = names.read() {
        let item = item?;
        // What is not UTF-8 is not ours.
        let goes_on = item.file_name().to_str().map_or(true, &mut visit);
        if !goes_on {
            return Ok(u64::try_from(item.offset()).unwrap_or(0));
        }
    }
    Ok(0)
}

/// As on Linux, but the place is a number of names to pass over, which costs reading them.
#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
fn walk(folder: &Path, from: u64, mut visit: impl FnMut(&str) -> bool) -> io::Result<u64> {
    let mut place = 0;
    for item in std::fs::read_dir(folder)? {
        let name = item?.file_name();
        place += 1;
        if place > from && !name.to_str().is_none_or(&mut visit) {
            return Ok(place);
        }
    }
    Ok(0)
}

/// What a look at a file has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Found {
    Absent,
    /// It is of use.
    Alive,
    /// It will never be of use again.
    Over,
    /// Another user's, another version's, or too young to be given up.
    NotOurs,
}

/// What a look at a slot has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Slot {
    /// `SLOT.json`.
    pub(crate) entry: Found,
    /// `SLOT.mark`.
    pub(crate) mark: Found,
    /// Whether there is a lock file that may be removed.
    pub(crate) has_lock: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum SweepAction {
    /// Look at the files: [`SweepEvent::Saw`].
    Look,
    /// Open the lock file, or make it: [`SweepEvent::Done`].
    Open,
    /// Lock the open file without waiting, and check that it still has its name:
    /// [`SweepEvent::Done`].
    Claim,
    /// Remove the entry: [`SweepEvent::Done`], also when it is gone.
    RemoveEntry,
    /// Remove the mark: [`SweepEvent::Done`], also when it is gone.
    RemoveMark,
    /// Remove the lock file: [`SweepEvent::Done`].
    RemoveLock,
    /// Close the lock file, and so give back the lock if it is held: [`SweepEvent::Done`].
    Release,
    Done,
}

/// The result of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum SweepEvent {
    Saw(Slot),
    Done,
    /// It could not be done, or another process holds the lock.
    Failed,
}

/// The state of a sweep of one slot: the current action, and what is left of the slot.
///
/// It knows no input or output: [`Tidying`] carries out each action and reports its result. In the tests, a
/// model checker does the same together with several `get`s.
///
/// ```text
/// Look ─▶ Open ─▶ Claim ─▶ Look ─▶ RemoveEntry ─▶ RemoveMark ─▶ RemoveLock ─▶ Release ─▶ Done
/// ```
///
/// Actions that are not needed are left out, and a failure leads to `Release`. The first look saves
/// the lock: most slots have nothing to remove. It decides nothing else, as another process may
/// write between it and the lock; only what the second look, under the lock, has found useless is
/// removed. The lock file goes last: from then on other processes may lock a new one. A process
/// that dies at any action leaves what the next sweep will find: an entry, or a lock that no
/// process holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum SweepState {
    Looking,
    Opening,
    Claiming,
    LookingAgain,
    RemovingEntry(Slot),
    RemovingMark(Slot),
    RemovingLock,
    Releasing,
    Done,
}

impl Slot {
    /// Whether a lock is worth taking.
    fn wants_tidying(self) -> bool {
        self.entry == Found::Over || self.mark == Found::Over || (self.is_empty() && self.has_lock)
    }

    fn is_empty(self) -> bool {
        self.entry == Found::Absent && self.mark == Found::Absent
    }
}

impl SweepState {
    /// The beginning, with the first action.
    pub(crate) fn begin() -> (Self, SweepAction) {
        (SweepState::Looking, SweepAction::Look)
    }

    /// The state after this event, with the next action. An event that the action cannot have
    /// counts as its failure.
    pub(crate) fn next(self, event: SweepEvent) -> (Self, SweepAction) {
        match (self, event) {
            (SweepState::Looking, SweepEvent::Saw(slot)) if slot.wants_tidying() => {
                (SweepState::Opening, SweepAction::Open)
            }
            (SweepState::Opening, SweepEvent::Done) => (SweepState::Claiming, SweepAction::Claim),
            (SweepState::Claiming, SweepEvent::Done) => {
                (SweepState::LookingAgain, SweepAction::Look)
            }
            (SweepState::LookingAgain, SweepEvent::Saw(slot)) => Self::tidy(slot),
            (SweepState::RemovingEntry(slot), SweepEvent::Done) => Self::tidy(Slot {
                entry: Found::Absent,
                ..slot
            }),
            (SweepState::RemovingMark(slot), SweepEvent::Done) => Self::tidy(Slot {
                mark: Found::Absent,
                ..slot
            }),
            (
                SweepState::Looking
                | SweepState::Opening
                | SweepState::Releasing
                | SweepState::Done,
                _,
            ) => (SweepState::Done, SweepAction::Done),
            (
                SweepState::Claiming
                | SweepState::LookingAgain
                | SweepState::RemovingEntry(_)
                | SweepState::RemovingMark(_)
                | SweepState::RemovingLock,
                _,
            ) => (SweepState::Releasing, SweepAction::Release),
        }
    }

    /// What is left to do under the lock.
    fn tidy(slot: Slot) -> (Self, SweepAction) {
        if slot.entry == Found::Over {
            (SweepState::RemovingEntry(slot), SweepAction::RemoveEntry)
        } else if slot.mark == Found::Over {
            (SweepState::RemovingMark(slot), SweepAction::RemoveMark)
        } else if slot.is_empty() {
            (SweepState::RemovingLock, SweepAction::RemoveLock)
        } else {
            (SweepState::Releasing, SweepAction::Release)
        }
    }
}

#[cfg(test)]
mod state_tests {
    use super::*;

    const FOUND: [Found; 4] = [Found::Absent, Found::Alive, Found::Over, Found::NotOurs];

    fn slots() -> impl Iterator<Item = Slot> {
        FOUND.into_iter().flat_map(|entry| {
            FOUND.into_iter().flat_map(move |mark| {
                [false, true].map(|has_lock| Slot {
                    entry,
                    mark,
                    has_lock,
                })
            })
        })
    }

    fn events(action: SweepAction) -> Vec<SweepEvent> {
        match action {
            SweepAction::Look => slots()
                .map(SweepEvent::Saw)
                .chain([SweepEvent::Failed])
                .collect(),
            _ => vec![SweepEvent::Done, SweepEvent::Failed],
        }
    }

    /// Every sequence of actions that can be, each with what came of it.
    fn walks() -> Vec<Vec<(SweepAction, SweepEvent)>> {
        let mut ended = Vec::new();
        let mut open = vec![(SweepState::begin(), Vec::new())];
        while let Some(((state, action), walk)) = open.pop() {
            if action == SweepAction::Done {
                ended.push(walk);
                continue;
            }
            assert!(walk.len() < 10, "no end: {walk:?}");
            for event in events(action) {
                let mut walk = walk.clone();
                walk.push((action, event));
                open.push((state.next(event), walk));
            }
        }
        ended
    }

    fn place(walk: &[(SweepAction, SweepEvent)], wanted: SweepAction) -> Option<usize> {
        walk.iter().position(|(action, _)| *action == wanted)
    }

    #[test]
    fn nothing_is_removed_but_what_a_look_under_the_lock_found_over() {
        for walk in walks() {
            let claimed = walk.contains(&(SweepAction::Claim, SweepEvent::Done));
            let last = walk.iter().rev().find_map(|(_, event)| match event {
                SweepEvent::Saw(slot) => Some(*slot),
                _ => None,
            });
            let looks = walk
                .iter()
                .filter(|(action, _)| *action == SweepAction::Look)
                .count();
            for (action, what) in [
                (SweepAction::RemoveEntry, last.map(|slot| slot.entry)),
                (SweepAction::RemoveMark, last.map(|slot| slot.mark)),
            ] {
                if place(&walk, action).is_some() {
                    assert!(claimed && looks == 2, "{walk:?}");
                    assert_eq!(what, Some(Found::Over), "{walk:?}");
                }
            }
        }
    }

    #[test]
    fn a_lock_goes_last_and_only_when_it_protects_nothing_any_more() {
        let mut removals = 0;
        for walk in walks() {
            let Some(at) = place(&walk, SweepAction::RemoveLock) else {
                continue;
            };
            removals += 1;
            assert!(
                walk.contains(&(SweepAction::Claim, SweepEvent::Done)),
                "{walk:?}"
            );
            assert_eq!(
                &walk[at + 1..]
                    .iter()
                    .map(|(action, _)| *action)
                    .collect::<Vec<_>>(),
                &[SweepAction::Release]
            );
            let Some((_, SweepEvent::Saw(slot))) = walk[..at]
                .iter()
                .rfind(|(action, _)| *action == SweepAction::Look)
            else {
                panic!("no look: {walk:?}");
            };
            for (found, removal) in [
                (slot.entry, SweepAction::RemoveEntry),
                (slot.mark, SweepAction::RemoveMark),
            ] {
                let removed = walk.contains(&(removal, SweepEvent::Done));
                assert!(found == Found::Absent || removed, "{walk:?}");
            }
        }
        assert!(removals > 0);
    }

    #[test]
    fn what_was_opened_is_closed() {
        for walk in walks() {
            let opened = walk.contains(&(SweepAction::Open, SweepEvent::Done));
            let closed = walk
                .last()
                .is_some_and(|(action, _)| *action == SweepAction::Release);
            assert_eq!(opened, closed, "{walk:?}");
        }
    }

    #[test]
    fn a_slot_in_use_costs_one_look() {
        for slot in slots() {
            let idle_lock = slot.has_lock && slot.is_empty();
            let over = [slot.entry, slot.mark].contains(&Found::Over);
            let (state, _) = SweepState::begin();
            let (_, action) = state.next(SweepEvent::Saw(slot));
            let expected = if idle_lock || over {
                SweepAction::Open
            } else {
                SweepAction::Done
            };
            assert_eq!(action, expected, "{slot:?}");
        }
    }
}
