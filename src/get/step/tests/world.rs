//! Processes, the files they share, and what may still happen.

use super::super::{Act, End, Step};
use super::files::{Files, Inode, Token};
use crate::cache::sweep::step as sweep;

/// What may happen how often, besides the steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Budget {
    /// Tokens grow older by one age. It takes hours, so nobody is between two acts meanwhile who
    /// is not stopped there.
    pub(super) ticks: u8,
    /// A process dies between two acts.
    pub(super) crashes: u8,
    /// A process is stopped between two acts, and may go on later. One that hangs while it asks
    /// AWS is no other.
    pub(super) stops: u8,
    /// AWS says no, or nothing.
    pub(super) refusals: u8,
}

impl Budget {
    pub(super) fn sum(self) -> u8 {
        self.ticks + self.crashes + self.stops + self.refusals
    }
}

/// What one process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Task {
    Get(Step),
    Sweep(sweep::SweepState, sweep::SweepAct),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Life {
    Running,
    Stopped,
    Dead,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ModelProcess {
    pub(super) entry: usize,
    pub(super) task: Task,
    pub(super) life: Life,
    /// Is or was stopped: what it does afterwards, it does too late.
    pub(super) was_stopped: bool,
    /// The lock file that is open and not locked.
    pub(super) file: Option<Inode>,
    pub(super) lock: Option<Inode>,
    pub(super) asking: Option<Inode>,
    pub(super) token: Option<Token>,
}

/// Everything at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) processes: Vec<ModelProcess>,
    pub(super) files: Vec<Files>,
    /// The file of the lock of asking a person.
    pub(super) asking: Option<Inode>,
    /// A code that was not taken is remembered.
    pub(super) failed_code: bool,
    pub(super) left: Budget,
    pub(super) fetched: u8,
    /// How often AWS was asked in vain by who had stood in line.
    pub(super) refused_in_line: u8,
    /// An entry was removed while it was good, and without a no of AWS's, or replaced by an older
    /// one, though nobody was stopped.
    pub(super) has_lost: bool,
}

impl ModelProcess {
    pub(super) fn new(entry: usize, task: Task) -> Self {
        Self {
            entry,
            task,
            life: Life::Running,
            was_stopped: false,
            file: None,
            lock: None,
            asking: None,
            token: None,
        }
    }

    pub(super) fn get(&self) -> Option<Step> {
        match self.task {
            Task::Get(step) => Some(step),
            Task::Sweep(..) => None,
        }
    }

    /// How a `get` has ended.
    pub(super) fn end(&self) -> Option<End> {
        match self.get()?.act() {
            Act::End(end) => Some(end),
            _ => None,
        }
    }

    pub(super) fn is_under_way(&self) -> bool {
        let has_ended = match self.task {
            Task::Get(_) => self.end().is_some(),
            Task::Sweep(_, act) => act == sweep::SweepAct::Done,
        };
        self.life == Life::Running && !has_ended
    }

    /// Whether hours may pass before its next act: before the first one, and during those that
    /// take time.
    pub(super) fn may_take_hours(&self) -> bool {
        let takes_time = match self.task {
            Task::Get(step) => {
                step == Step::first() || matches!(step.act(), Act::Wait(_) | Act::Fetch)
            }
            Task::Sweep(state, _) => state == sweep::SweepState::begin().0,
        };
        takes_time || !self.is_under_way()
    }

    /// The locks it holds.
    pub(super) fn locks(&self) -> impl Iterator<Item = Inode> {
        self.lock.into_iter().chain(self.asking)
    }

    pub(super) fn inodes(&self) -> impl Iterator<Item = Inode> {
        self.locks().chain(self.file)
    }

    /// Closes all files, as the system does for who ends.
    pub(super) fn close(&mut self) {
        (self.file, self.lock, self.asking) = (None, None, None);
    }
}
