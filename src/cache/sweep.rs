//! Housekeeping: what serves nobody any more goes away by itself, a little with each fetch.
//!
//! A sweep goes through the private folder and removes
//!
//! - entries whose token has expired, by what is in them, and marks that are over, under the lock
//!   of their slot and after another look under it;
//! - those that cannot be believed and were not touched for a day. What another version of the
//!   program has written is left to it;
//! - lock files of slots without either, and of seats, that nobody holds, on Unix;
//! - temporary files of killed processes, after an hour.
//!
//! Other files, and those of other users, are left alone. Nobody is waited for: who holds a lock
//! is busy with that slot.
//!
//! A sweep is made at most once an hour (`swept` says when) and is bounded in names and time. One
//! that has not come to the end of the folder is gone on with ten seconds later.

#[cfg(all(test, unix))]
mod tests;

mod slot;
mod stamp;
pub(crate) mod step;

use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use time::OffsetDateTime;

use super::error::CacheError;
use super::folder::{Folder, Suffix, is_temporary};
use crate::digest::Digest;
use slot::{Judge, Tidying};
use stamp::{Stamp, walk};

/// How long a file can be half-written: longer than any `get` can last.
const TEMPORARY_LIFE: Duration = Duration::from_secs(3600);

/// How much a sweep may do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// So many names.
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
        judge: Judge {
            folder,
            now,
            today: SystemTime::now(),
        },
        slots: HashSet::new(),
        removed: 0,
    };
    let place = sweep.walk(stamp.place(), limits)?;
    stamp.leave_at(place);
    Ok(sweep.removed)
}

/// What a name in the folder stands for.
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
    judge: Judge<'a>,
    /// Those that were seen to.
    slots: HashSet<Digest>,
    removed: usize,
}

impl Sweep<'_> {
    /// Sees to the names from a place on, and returns the place to go on from.
    fn walk(&mut self, from: u64, limits: Limits) -> Result<u64, CacheError> {
        let end = Instant::now() + limits.time;
        let path = self.judge.folder.path();
        let mut names = 0;
        let see_to = |name: &str| {
            if let Some(item) = Item::parse(name) {
                self.tidy(item, &path.join(name));
            }
            names += 1;
            names < limits.names_at_least || (names < limits.names && Instant::now() < end)
        };
        walk(path, from, see_to).map_err(|source| CacheError::Read {
            path: path.to_owned(),
            source,
        })
    }

    fn tidy(&mut self, item: Item, path: &Path) {
        let judge = &self.judge;
        self.removed += match item {
            Item::Slot(slot) if self.slots.insert(slot) => {
                let lock = judge.folder.file(slot, Suffix::Lock);
                Tidying::new(judge, lock, Some(slot)).run()
            }
            Item::Slot(_) => 0,
            Item::Seat => Tidying::new(judge, path.to_owned(), None).run(),
            Item::Temporary if judge.is_older(path, TEMPORARY_LIFE) => {
                usize::from(judge.remove(path).unwrap_or(false))
            }
            Item::Temporary => 0,
        };
    }
}
