//! The cache protocol, without any input or output: what one `get` does about one entry, act by
//! act, given what came of the acts before.
//!
//! ```text
//! look ─▶ fresh ─▶ end                            ┌──────────── wait ◀───────────┐ theirs
//!   └─▶ recall a failure ─▶ open the lock ─▶ claim it ─▶ look again ─▶ recall ─▶ fetch ─▶ keep
//! ```
//!
//! [`Walk`](super::walk::Walk) carries the acts out on files and AWS. The tests let a model
//! checker carry them out for several processes in every order there is, while any of them may
//! die or be stopped between two acts, time passes, and housekeeping removes files.

use crate::cache::Seat;

/// Where one `get` stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Step {
    act: Act,
    /// The entry's lock that is waited for, or held.
    seat: Seat,
    holds: Holds,
    /// The last look saw a token that is unexpired, though no longer fresh.
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
    /// The entry's, and the one of asking a person.
    Both,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Act {
    Look,
    /// See whether a failure makes an attempt needless.
    Recall(When),
    /// Open the file of a lock, and make it where there is none.
    Open(Lock),
    /// Lock the open file, without waiting. It is ours if it still stands under its name then.
    Claim(Lock),
    /// Wait a little, as somebody else holds the lock.
    Wait(Lock),
    Fetch,
    Keep,
    /// Remember that nothing could be fetched.
    Remember,
    /// Remove the entry: AWS has said no to who it belongs to.
    Drop,
    /// Let go of all locks, and answer.
    End(End),
}

/// What was found, or came of an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Event {
    /// Of [`Act::Look`].
    Saw(Sight),
    /// Of [`Act::Recall`]: whether there is such a failure.
    Recalled(bool),
    /// Of [`Act::Open`].
    Opened,
    /// Of [`Act::Open`]: nobody else can ask for a code meanwhile, or none is wanted.
    Needless,
    /// Of [`Act::Claim`].
    Claimed,
    /// Of [`Act::Claim`]: somebody holds the lock, or its file was removed after it was opened.
    Theirs,
    /// Of [`Act::Open`] and [`Act::Claim`]: there can be no lock.
    Unusable,
    /// Of [`Act::Wait`].
    Waited,
    /// Of [`Act::Wait`]: whoever holds the lock has had his time, and may be stopped.
    Overdue,
    /// Of [`Act::Fetch`].
    Fetched,
    /// Of [`Act::Fetch`]: AWS says no, or nobody is signed in any more.
    Denied,
    /// Of [`Act::Fetch`]: anything else.
    Failed,
    /// Of [`Act::Keep`], [`Act::Remember`] and [`Act::Drop`], whether it worked or not.
    Done,
}

/// What a look at the entry shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Sight {
    /// No entry, or nothing that may be answered.
    Nothing,
    /// A token that ECR takes, but that should be replaced.
    Stale,
    /// A token that is answered without asking AWS.
    Fresh,
}

/// The locks on the way. Whoever holds one of an entry's may wait for the one of asking, never
/// the other way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Lock {
    Entry(Seat),
    /// The one of asking a person for a code, which entries share.
    Asking,
}

/// When somebody looks whether an attempt is needless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum When {
    /// Without having waited for anybody.
    Arriving,
    /// In line behind an attempt. That one may have failed of trouble of its own, so the next in
    /// line tries once more, and only the second failure is everybody's.
    InLine,
    /// After having waited in vain for all who hold locks: any failure is everybody's.
    Last,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum End {
    /// With the fresh token that the last look saw.
    Cached,
    /// With the old token that the last look saw.
    Held,
    /// With the token just fetched.
    Fetched,
    /// Without a token: a failure is remembered.
    Remembered,
    /// Without a token: all who hold locks have had their time.
    Overdue,
    /// Without a token: AWS said no.
    Denied,
    /// Without a token: AWS was asked in vain.
    Failed,
}

impl Step {
    pub(super) fn first() -> Self {
        Self {
            act: Act::Look,
            seat: Seat::First,
            holds: Holds::Nothing,
            holds_token: false,
            has_waited: false,
            given_up: None,
        }
    }

    pub(super) fn act(self) -> Act {
        self.act
    }

    /// Whether the last look saw an old token, which makes a wait short.
    pub(super) fn holds_token(self) -> bool {
        self.holds_token
    }

    /// The step after this one.
    ///
    /// # Panics
    /// When the act cannot bring that event: the protocol is then carried out wrongly.
    pub(super) fn after(mut self, event: Event) -> Self {
        self.act = match (self.act, event) {
            (Act::Look, Event::Saw(Sight::Fresh)) => Act::End(End::Cached),
            (Act::Look, Event::Saw(sight)) => {
                self.holds_token = sight == Sight::Stale;
                match self.given_up.take() {
                    Some(_) if self.holds_token => Act::End(End::Held),
                    // It has ended meanwhile: who has none waits longer.
                    Some(End::Overdue) => Act::Recall(When::InLine),
                    Some(end) => Act::End(end),
                    None if self.has_waited => Act::Recall(When::InLine),
                    None => Act::Recall(When::Arriving),
                }
            }
            (Act::Recall(_), Event::Recalled(true)) => self.give_up(End::Remembered),
            (Act::Recall(When::Last), Event::Recalled(false)) => self.give_up(End::Overdue),
            (Act::Recall(_), Event::Recalled(false)) => match self.holds {
                Holds::Nothing => Act::Open(Lock::Entry(self.seat)),
                Holds::Entry => Act::Open(Lock::Asking),
                Holds::Both => Act::Fetch,
            },
            (Act::Open(lock), Event::Opened) => Act::Claim(lock),
            (Act::Open(Lock::Asking), Event::Needless) => Act::Fetch,
            (Act::Open(_) | Act::Claim(_), Event::Unusable) => Act::Fetch,
            (Act::Claim(lock), Event::Theirs) => Act::Wait(lock),
            (Act::Claim(Lock::Entry(_)), Event::Claimed) => {
                self.holds = Holds::Entry;
                Act::Look
            }
            (Act::Claim(Lock::Asking), Event::Claimed) => {
                self.holds = Holds::Both;
                Act::Recall(When::InLine)
            }
            (Act::Wait(lock), Event::Waited) => {
                self.has_waited = true;
                match lock {
                    Lock::Entry(_) => Act::Look,
                    Lock::Asking => Act::Recall(When::InLine),
                }
            }
            (Act::Wait(Lock::Entry(seat)), Event::Overdue) => match seat.next() {
                // Who has a token to go by overtakes one, no more.
                Some(next) if seat == Seat::First || !self.holds_token => {
                    self.seat = next;
                    Act::Open(Lock::Entry(next))
                }
                _ => Act::Recall(When::Last),
            },
            (Act::Wait(Lock::Asking), Event::Overdue) => {
                if self.holds_token {
                    self.give_up(End::Overdue)
                } else {
                    Act::Fetch
                }
            }
            (Act::Fetch, Event::Fetched) => match self.holds {
                Holds::Nothing => Act::End(End::Fetched),
                Holds::Entry | Holds::Both => Act::Keep,
            },
            (Act::Keep, Event::Done) => Act::End(End::Fetched),
            (Act::Fetch, Event::Denied) => {
                self.holds_token = false;
                self.given_up = Some(End::Denied);
                Act::Remember
            }
            (Act::Fetch, Event::Failed) => {
                self.given_up = Some(End::Failed);
                Act::Remember
            }
            (Act::Remember, Event::Done) => match self.given_up {
                Some(End::Denied) if self.holds != Holds::Nothing => Act::Drop,
                Some(end) => self.give_up(end),
                None => unreachable!("only failures are remembered"),
            },
            (Act::Drop, Event::Done) => Act::End(End::Denied),
            (act, event) => unreachable!("{act:?} does not bring {event:?}"),
        };
        self
    }

    /// There will be no new token. The old one is looked for once more before it is answered: what
    /// was waited for may have taken longer than it had to live.
    fn give_up(&mut self, end: End) -> Act {
        self.given_up = Some(end);
        if self.holds_token {
            Act::Look
        } else {
            Act::End(end)
        }
    }
}

#[cfg(test)]
mod tests;
