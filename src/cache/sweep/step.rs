//! What a sweep does with one slot, as a function without effects: `sweep.rs` performs each act
//! and tells what came of it, and a checker can do the same along with any number of `get`s.
//!
//! ```text
//! Look ─▶ Open ─▶ Claim ─▶ Look ─▶ RemoveEntry ─▶ RemoveMark ─▶ RemoveLock ─▶ Release ─▶ Done
//! ```
//!
//! Acts that are not called for are left out, and what fails leads to `Release`. The first look
//! costs the least: most slots want nothing. It decides nothing else, as a writer may come between
//! it and the lock; what is removed is what the second look, under the lock, has found over.
//! The lock file goes last: from then on others may lock a new one. A process that dies at any
//! step leaves what the next sweep will find: an entry, or a lock that no process holds.

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
pub(crate) enum SweepAct {
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

/// What came of an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum SweepEvent {
    Saw(Slot),
    Done,
    /// It could not be done, or another process holds the lock.
    Failed,
}

/// How far a sweep of one slot has come: the act that is under way, and what of the slot is left.
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
    /// The beginning, with the first act.
    pub(crate) fn begin() -> (Self, SweepAct) {
        (SweepState::Looking, SweepAct::Look)
    }

    /// What follows on what came of the last act. An event that the act cannot have counts as its
    /// failure.
    pub(crate) fn next(self, event: SweepEvent) -> (Self, SweepAct) {
        match (self, event) {
            (SweepState::Looking, SweepEvent::Saw(slot)) if slot.wants_tidying() => {
                (SweepState::Opening, SweepAct::Open)
            }
            (SweepState::Opening, SweepEvent::Done) => (SweepState::Claiming, SweepAct::Claim),
            (SweepState::Claiming, SweepEvent::Done) => (SweepState::LookingAgain, SweepAct::Look),
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
            ) => (SweepState::Done, SweepAct::Done),
            (
                SweepState::Claiming
                | SweepState::LookingAgain
                | SweepState::RemovingEntry(_)
                | SweepState::RemovingMark(_)
                | SweepState::RemovingLock,
                _,
            ) => (SweepState::Releasing, SweepAct::Release),
        }
    }

    /// What is left to do under the lock.
    fn tidy(slot: Slot) -> (Self, SweepAct) {
        if slot.entry == Found::Over {
            (SweepState::RemovingEntry(slot), SweepAct::RemoveEntry)
        } else if slot.mark == Found::Over {
            (SweepState::RemovingMark(slot), SweepAct::RemoveMark)
        } else if slot.is_empty() {
            (SweepState::RemovingLock, SweepAct::RemoveLock)
        } else {
            (SweepState::Releasing, SweepAct::Release)
        }
    }
}

#[cfg(test)]
mod tests {
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

    fn events(act: SweepAct) -> Vec<SweepEvent> {
        match act {
            SweepAct::Look => slots()
                .map(SweepEvent::Saw)
                .chain([SweepEvent::Failed])
                .collect(),
            _ => vec![SweepEvent::Done, SweepEvent::Failed],
        }
    }

    /// Every sequence of acts that can be, each with what came of it.
    fn walks() -> Vec<Vec<(SweepAct, SweepEvent)>> {
        let mut ended = Vec::new();
        let mut open = vec![(SweepState::begin(), Vec::new())];
        while let Some(((state, act), walk)) = open.pop() {
            if act == SweepAct::Done {
                ended.push(walk);
                continue;
            }
            assert!(walk.len() < 10, "no end: {walk:?}");
            for event in events(act) {
                let mut walk = walk.clone();
                walk.push((act, event));
                open.push((state.next(event), walk));
            }
        }
        ended
    }

    fn place(walk: &[(SweepAct, SweepEvent)], wanted: SweepAct) -> Option<usize> {
        walk.iter().position(|(act, _)| *act == wanted)
    }

    #[test]
    fn nothing_is_removed_but_what_a_look_under_the_lock_found_over() {
        for walk in walks() {
            let claimed = walk.contains(&(SweepAct::Claim, SweepEvent::Done));
            let last = walk.iter().rev().find_map(|(_, event)| match event {
                SweepEvent::Saw(slot) => Some(*slot),
                _ => None,
            });
            let looks = walk
                .iter()
                .filter(|(act, _)| *act == SweepAct::Look)
                .count();
            for (act, what) in [
                (SweepAct::RemoveEntry, last.map(|slot| slot.entry)),
                (SweepAct::RemoveMark, last.map(|slot| slot.mark)),
            ] {
                if place(&walk, act).is_some() {
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
            let Some(at) = place(&walk, SweepAct::RemoveLock) else {
                continue;
            };
            removals += 1;
            assert!(
                walk.contains(&(SweepAct::Claim, SweepEvent::Done)),
                "{walk:?}"
            );
            assert_eq!(
                &walk[at + 1..]
                    .iter()
                    .map(|(act, _)| *act)
                    .collect::<Vec<_>>(),
                &[SweepAct::Release]
            );
            let Some((_, SweepEvent::Saw(slot))) =
                walk[..at].iter().rfind(|(act, _)| *act == SweepAct::Look)
            else {
                panic!("no look: {walk:?}");
            };
            for (found, removal) in [
                (slot.entry, SweepAct::RemoveEntry),
                (slot.mark, SweepAct::RemoveMark),
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
            let opened = walk.contains(&(SweepAct::Open, SweepEvent::Done));
            let closed = walk
                .last()
                .is_some_and(|(act, _)| *act == SweepAct::Release);
            assert_eq!(opened, closed, "{walk:?}");
        }
    }

    #[test]
    fn a_slot_in_use_costs_one_look() {
        for slot in slots() {
            let idle_lock = slot.has_lock && slot.is_empty();
            let over = [slot.entry, slot.mark].contains(&Found::Over);
            let (state, _) = SweepState::begin();
            let (_, act) = state.next(SweepEvent::Saw(slot));
            let expected = if idle_lock || over {
                SweepAct::Open
            } else {
                SweepAct::Done
            };
            assert_eq!(act, expected, "{slot:?}");
        }
    }
}
