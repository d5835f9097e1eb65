//! The cache protocol, without any input or output: the next action of one `get` on one entry,
//! given the results of its actions so far.
//!
//! ```text
//! look ─▶ fresh ─▶ end                            ┌──────────── wait ◀───────────┐ theirs
//!   └─▶ recall a failure ─▶ open the lock ─▶ claim it ─▶ look again ─▶ recall ─▶ fetch ─▶ keep
//! ```
//!
//! [`Walk`](super::walk::Walk) carries the actions out on files and AWS. In the tests, a model
//! checker carries them out for several processes in every possible order, while any process may
//! die or be stopped between two actions, time passes, and housekeeping removes files.

use crate::cache::Seat;

/// The state of one `get`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct GetState {
    action: Action,
    /// The entry's lock that the process waits for, or holds.
    seat: Seat,
    holds: Holds,
    /// The last look saw a stale token.
    holds_token: bool,
    has_waited: bool,
    /// Why there will be no new token: all that is left is a last look for the old one.
    given_up: Option<End>,
}

/// Which locks are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Holds {
    Nothing,
    Entry,
    /// The entry's, and the one for the MFA prompt.
    Both,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    Look,
    /// Check whether a remembered failure makes an attempt useless.
    Recall(When),
    /// Open the file of a lock, and create it if there is none.
    Open(Lock),
    /// Lock the open file, without waiting. The lock counts if the file still has its name then.
    Claim(Lock),
    /// Wait a little, as another process holds the lock.
    Wait(Lock),
    Fetch,
    Keep,
    /// Remember the failure.
    Remember,
    /// Remove the entry: AWS has denied its identity.
    Drop,
    /// Release all locks, and answer.
    End(End),
}

/// The result of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Event {
    /// [`Action::Look`]: what the entry is.
    Saw(Sight),
    /// [`Action::Recall`]: whether there is such a failure.
    Recalled(bool),
    /// [`Action::Open`]: the file is open.
    Opened,
    /// [`Action::Open`] of the prompt's lock: no code is required, or there is no terminal to
    /// prompt on.
    Needless,
    /// [`Action::Claim`]: this process holds the lock.
    Claimed,
    /// [`Action::Claim`]: another process holds the lock, or the file was removed after it was
    /// opened.
    Theirs,
    /// [`Action::Open`] and [`Action::Claim`]: locks do not work here.
    Unusable,
    /// [`Action::Wait`]: there is time left.
    Waited,
    /// [`Action::Wait`]: the time is up; the process that holds the lock may be stopped.
    Overdue,
    /// [`Action::Fetch`]: there is a new token.
    Fetched,
    /// [`Action::Fetch`]: AWS has denied the identity, or its sign-in has been deleted.
    Denied,
    /// [`Action::Fetch`]: any other failure.
    Failed,
    /// [`Action::Keep`], [`Action::Remember`] and [`Action::Drop`]: done, with success or not.
    Done,
}

/// What a look at the entry shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Sight {
    /// There is no entry, or its token must not be used.
    Nothing,
    /// The token is valid, but should be renewed.
    Stale,
    /// The token is the answer, without a request to AWS.
    Fresh,
}

/// The locks. A process that holds one of an entry's locks may wait for the prompt's, never the
/// other way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Lock {
    Entry(Seat),
    /// The one for the MFA prompt, which entries share.
    Prompt,
}

/// When a process checks whether an attempt is useless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum When {
    /// Before it has waited for another process.
    Arriving,
    /// After it has waited for an attempt. That attempt may have failed for a reason of its own, so
    /// the next process in line tries once more, and only the second failure counts for all.
    InLine,
    /// After it has waited in vain for all holders of locks: any failure counts.
    Last,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum End {
    /// With the fresh token that the last look saw.
    Cached,
    /// With the stale token that the last look saw.
    Stale,
    /// With the token just fetched.
    Fetched,
    /// Without a token: a failure is remembered.
    Remembered,
    /// Without a token: all holders of locks have taken too long.
    Overdue,
    /// Without a token: AWS has denied the identity.
    Denied,
    /// Without a token: the request has failed.
    Failed,
}

impl GetState {
    pub(crate) fn first() -> Self {
        Self {
            action: Action::Look,
            seat: Seat::First,
            holds: Holds::Nothing,
            holds_token: false,
            has_waited: false,
            given_up: None,
        }
    }

    pub(crate) fn action(self) -> Action {
        self.action
    }

    /// Whether the last look saw a stale token, which makes a wait short.
    pub(crate) fn holds_token(self) -> bool {
        self.holds_token
    }

    /// The state after this event.
    ///
    /// # Panics
    /// If the action cannot have this event: the protocol is then carried out wrongly.
    pub(crate) fn after(mut self, event: Event) -> Self {
        self.action = match (self.action, event) {
            (Action::Look, Event::Saw(Sight::Fresh)) => Action::End(End::Cached),
            (Action::Look, Event::Saw(sight)) => {
                self.holds_token = sight == Sight::Stale;
                match self.given_up.take() {
                    Some(_) if self.holds_token => Action::End(End::Stale),
                    // The token has expired meanwhile, so there is more time to wait.
                    Some(End::Overdue) => Action::Recall(When::InLine),
                    Some(end) => Action::End(end),
                    None if self.has_waited => Action::Recall(When::InLine),
                    None => Action::Recall(When::Arriving),
                }
            }
            (Action::Recall(_), Event::Recalled(true)) => self.give_up(End::Remembered),
            (Action::Recall(When::Last), Event::Recalled(false)) => self.give_up(End::Overdue),
            (Action::Recall(_), Event::Recalled(false)) => match self.holds {
                Holds::Nothing => Action::Open(Lock::Entry(self.seat)),
                Holds::Entry => Action::Open(Lock::Prompt),
                Holds::Both => Action::Fetch,
            },
            (Action::Open(lock), Event::Opened) => Action::Claim(lock),
            (Action::Open(Lock::Prompt), Event::Needless) => Action::Fetch,
            (Action::Open(_) | Action::Claim(_), Event::Unusable) => Action::Fetch,
            (Action::Claim(lock), Event::Theirs) => Action::Wait(lock),
            (Action::Claim(Lock::Entry(_)), Event::Claimed) => {
                self.holds = Holds::Entry;
                Action::Look
            }
            (Action::Claim(Lock::Prompt), Event::Claimed) => {
                self.holds = Holds::Both;
                Action::Recall(When::InLine)
            }
            (Action::Wait(lock), Event::Waited) => {
                self.has_waited = true;
                match lock {
                    Lock::Entry(_) => Action::Look,
                    Lock::Prompt => Action::Recall(When::InLine),
                }
            }
            (Action::Wait(Lock::Entry(seat)), Event::Overdue) => match seat.next() {
                // With a stale token, only one lock is overtaken.
                Some(next) if seat == Seat::First || !self.holds_token => {
                    self.seat = next;
                    Action::Open(Lock::Entry(next))
                }
                _ => Action::Recall(When::Last),
            },
            (Action::Wait(Lock::Prompt), Event::Overdue) => {
                if self.holds_token {
                    self.give_up(End::Overdue)
                } else {
                    Action::Fetch
                }
            }
            (Action::Fetch, Event::Fetched) => match self.holds {
                Holds::Nothing => Action::End(End::Fetched),
                Holds::Entry | Holds::Both => Action::Keep,
            },
            (Action::Keep, Event::Done) => Action::End(End::Fetched),
            (Action::Fetch, Event::Denied) => {
                self.holds_token = false;
                self.given_up = Some(End::Denied);
                Action::Remember
            }
            (Action::Fetch, Event::Failed) => {
                self.given_up = Some(End::Failed);
                Action::Remember
            }
            (Action::Remember, Event::Done) => match self.given_up {
                Some(End::Denied) if self.holds != Holds::Nothing => Action::Drop,
                Some(end) => self.give_up(end),
                None => unreachable!("only failures are remembered"),
            },
            (Action::Drop, Event::Done) => Action::End(End::Denied),
            (action, event) => unreachable!("{action:?} does not bring {event:?}"),
        };
        self
    }

    /// There will be no new token. The stale one is looked at once more before it is the answer: it
    /// may have expired during the wait.
    fn give_up(&mut self, end: End) -> Action {
        self.given_up = Some(end);
        if self.holds_token {
            Action::Look
        } else {
            Action::End(end)
        }
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
