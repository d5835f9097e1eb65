//! What must be true at any moment, and what must be possible at all.

use stateright::Property;

use super::super::{Action, End};
use super::files::EXPIRED;
use super::model::Protocol;
use super::world::{ModelProcess, World};

pub(super) fn all() -> Vec<Property<Protocol>> {
    vec![
        // And one more for each that was stopped: the next process cannot know of the one that has
        // overtaken it.
        Property::always("one fetches at a time", |protocol, world: &World| {
            let stops = protocol.budget.stops - world.left.stops;
            let fetches = |process: &&ModelProcess| {
                let is_fetching = process
                    .get()
                    .is_some_and(|state| state.action() == Action::Fetch);
                is_fetching && process.is_under_way() && !process.was_stopped
            };
            (0..world.files.len()).all(|entry| {
                let of_entry = |process: &&ModelProcess| process.entry == entry;
                world
                    .processes
                    .iter()
                    .filter(of_entry)
                    .filter(fetches)
                    .count()
                    <= 1 + usize::from(stops)
            })
        }),
        // A fetch that was in vain, whose process died or was overtaken, or whose token has grown
        // old, is made once more; no other.
        Property::always(
            "no process fetches a cached token",
            |protocol, world: &World| {
                let spent = protocol.budget.sum() - world.left.sum();
                usize::from(world.fetched) <= world.files.len() + usize::from(spent)
            },
        ),
        // Only the next process in line tries again, and one that overtakes a stopped process or
        // comes when the failure is forgotten.
        Property::always("a failure is shared", |protocol, world: &World| {
            let left = world.left;
            let budget = protocol.budget;
            let spent = |all: u8, left: u8| usize::from(all - left);
            let excused = spent(budget.ticks, left.ticks)
                + spent(budget.crashes, left.crashes)
                + spent(budget.stops, left.stops);
            usize::from(world.refused_in_line) <= world.files.len() + excused
        }),
        Property::always("no expired token is answered", |_, world: &World| {
            world.processes.iter().all(|process| match process.end() {
                Some(End::Cached | End::Stale | End::Fetched) if !process.was_stopped => {
                    process.token.is_some_and(|token| token.age < EXPIRED)
                }
                _ => true,
            })
        }),
        Property::always("no entry is lost", |_, world: &World| !world.has_lost),
        Property::always("no process is stuck", |protocol, world: &World| {
            let processes = 0..world.processes.len();
            let mut under_way = processes.filter(|who| world.processes[*who].is_under_way());
            let Some(first) = under_way.next() else {
                return true;
            };
            let can_go_on = |who: usize| !protocol.steps(world, who).is_empty();
            can_go_on(first) || under_way.any(can_go_on)
        }),
        Property::sometimes("all share one token", |_, world: &World| {
            let shares = |process: &ModelProcess| {
                matches!(process.end(), Some(End::Cached | End::Fetched)) || process.get().is_none()
            };
            world.fetched == 1 && world.processes.iter().all(shares)
        }),
        Property::sometimes("the old token is answered", |_, world: &World| {
            ends(world, End::Stale)
        }),
        Property::sometimes("a remembered failure is reported", |_, world: &World| {
            ends(world, End::Remembered)
        }),
        Property::sometimes("that all are stopped is reported", |_, world: &World| {
            ends(world, End::Overdue)
        }),
        Property::sometimes("a denial is reported", |_, world: &World| {
            ends(world, End::Denied)
        }),
        Property::sometimes("a failure is reported", |_, world: &World| {
            ends(world, End::Failed)
        }),
    ]
}

fn ends(world: &World, end: End) -> bool {
    world
        .processes
        .iter()
        .any(|process| process.end() == Some(end))
}
