//! What a sweep does with one slot, without any input or output: `sweep.rs` carries out each action
//! and reports its result. In the tests, a model checker does the same together with several
//! `get`s.
//!
//! ```text
//! Look ─▶ Open ─▶ Claim ─▶ Look ─▶ RemoveEntry ─▶ RemoveMark ─▶ RemoveLock ─▶ Release ─▶ Done
//! ```
//!
//! Actions that are not needed are left out, and a failure leads to `Release`. The first look saves
//! the lock: most slots have nothing to remove. It decides nothing else, as another process may
//! write between it and the lock; only what the second look, under the lock, has found useless is
//! removed. The lock file goes last: from then on other processes may lock a new one. A process
//! that dies at any action leaves what the next sweep will find: an entry, or a lock that no
//! process holds.

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
