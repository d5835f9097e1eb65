//! Processes, the files they share, and what may still happen.

use super::super::{Action, End, GetState};
use super::files::{Files, Inode, Token};
use crate::cache::sweep::state as sweep;

/// What may happen how often, besides the steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Budget {
    /// Tokens grow older by one age. That takes hours, so meanwhile no process is between two
    /// actions unless it is stopped there.
    pub(super) ticks: u8,
    /// A process dies between two actions.
    pub(super) crashes: u8,
    /// A process is stopped between two actions, and may go on later. One that hangs while it asks
    /// AWS is no other.
    pub(super) stops: u8,
    /// AWS denies a request, or does not answer.
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
    Get(GetState),
    Sweep(sweep::SweepState, sweep::SweepAction),
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
    pub(super) prompt: Option<Inode>,
    pub(super) token: Option<Token>,
}

/// Everything at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) processes: Vec<ModelProcess>,
    pub(super) files: Vec<Files>,
    /// The file of the prompt's lock.
    pub(super) prompt: Option<Inode>,
    /// A code that was not taken is remembered.
    pub(super) failed_code: bool,
    pub(super) left: Budget,
    pub(super) fetched: u8,
    /// How many requests of processes that had waited in line have failed.
    pub(super) refused_in_line: u8,
    /// Although no process was stopped, an entry was removed while it was valid and not denied by
    /// AWS, or it was replaced by an older one.
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
            prompt: None,
            token: None,
        }
    }

    pub(super) fn get(&self) -> Option<GetState> {
        match self.task {
            Task::Get(state) => Some(state),
            Task::Sweep(..) => None,
        }
    }

    /// How a `get` has ended.
    pub(super) fn end(&self) -> Option<End> {
        match self.get()?.action() {
            Action::End(end) => Some(end),
            _ => None,
        }
    }

    pub(super) fn is_under_way(&self) -> bool {
        let has_ended = match self.task {
            Task::Get(_) => self.end().is_some(),
            Task::Sweep(_, action) => action == sweep::SweepAction::Done,
        };
        self.life == Life::Running && !has_ended
    }

    /// Whether hours may pass before its next action: before the first one, and during those that
    /// take time.
    pub(super) fn may_take_hours(&self) -> bool {
        let takes_time = match self.task {
            Task::Get(state) => {
                state == GetState::first()
                    || matches!(state.action(), Action::Wait(_) | Action::Fetch)
            }
            Task::Sweep(state, _) => state == sweep::SweepState::begin().0,
        };
        takes_time || !self.is_under_way()
    }

    /// The locks it holds.
    pub(super) fn locks(&self) -> impl Iterator<Item = Inode> {
        self.lock.into_iter().chain(self.prompt)
    }

    pub(super) fn inodes(&self) -> impl Iterator<Item = Inode> {
        self.locks().chain(self.file)
    }

    /// Closes all files, as the system does when a process ends.
    pub(super) fn close(&mut self) {
        (self.file, self.lock, self.prompt) = (None, None, None);
    }
}
