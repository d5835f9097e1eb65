//! What can happen next, and what comes of it.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use stateright::{Model, Property};

use super::super::{Action, Event, GetState, Holds, Lock, Sight, When};
use super::files::{Age, EXPIRED, Files, STALE, Token, sight_of};
use super::world::{Budget, Life, ModelProcess, Task, World};
use crate::cache::Seat;
use crate::cache::sweep::state as sweep;

/// What is left out of the protocol, to see that it is missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sabotage {
    None,
    /// Every claim succeeds.
    NoLock,
    /// A claim succeeds although the file no longer has its name.
    NoLookAtTheName,
    /// What was seen before the lock was taken counts.
    NoSecondLook,
    /// Housekeeping goes by what it saw before it took the lock.
    NoSecondLookOfSweeps,
    /// The old token is answered as it was seen before AWS was asked.
    NoLastLook,
    /// A process waits for a lock as long as another holds it.
    NoOvertaking,
    /// No process knows of another's failure.
    NoMemory,
}

/// Some processes, and what may happen to them.
#[derive(Clone, Debug)]
pub(super) struct Protocol {
    /// The entry that each `get` is for.
    pub(super) gets: Vec<usize>,
    /// Sweeps of the first entry.
    pub(super) sweeps: usize,
    /// Whether there is an MFA prompt, for all on one terminal.
    pub(super) asks: bool,
    pub(super) budget: Budget,
    pub(super) sabotage: Sabotage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Move {
    /// A `get`'s action brings this.
    Get(usize, Event),
    /// A sweep's action brings this.
    Sweep(usize, sweep::SweepEvent),
    Die(usize),
    Stop(usize),
    GoOn(usize),
    Tick,
}

impl Protocol {
    /// What a process's next action can bring.
    pub(super) fn steps(&self, world: &World, who: usize) -> Vec<Move> {
        match world.processes[who].task {
            Task::Get(state) => {
                let events = self.events(world, who, state);
                events
                    .into_iter()
                    .map(|event| Move::Get(who, event))
                    .collect()
            }
            Task::Sweep(_, sweep::SweepAction::Done) => Vec::new(),
            Task::Sweep(state, action) => {
                vec![Move::Sweep(who, self.event(world, who, state, action))]
            }
        }
    }

    fn events(&self, world: &World, who: usize, state: GetState) -> Vec<Event> {
        let process = &world.processes[who];
        let event = match state.action() {
            Action::Look => Event::Saw(self.look(world, process, state)),
            Action::Recall(when) => Event::Recalled(self.recalls(world, process, state, when)),
            Action::Open(Lock::Prompt) if !self.asks => Event::Needless,
            Action::Open(_) => Event::Opened,
            Action::Claim(lock) => {
                if self.can_claim(world, who, lock) {
                    Event::Claimed
                } else {
                    Event::Theirs
                }
            }
            Action::Wait(lock) => {
                let named = *world.clone().named(process.entry, lock);
                match named.and_then(|inode| world.holder(who, inode)) {
                    None => Event::Waited,
                    Some(holder) if holder.life == Life::Stopped => match self.sabotage {
                        Sabotage::NoOvertaking => return Vec::new(),
                        _ => Event::Overdue,
                    },
                    // The holder has written, and not let go yet.
                    Some(_) if self.is_answered(world, process, state) => Event::Waited,
                    // Looking again brings nothing new.
                    Some(_) => return Vec::new(),
                }
            }
            Action::Fetch if world.left.refusals > 0 => {
                return vec![Event::Fetched, Event::Denied, Event::Failed];
            }
            Action::Fetch => Event::Fetched,
            Action::Keep | Action::Remember | Action::Drop => Event::Done,
            Action::End(_) => return Vec::new(),
        };
        vec![event]
    }

    /// Whether a look while waiting ends the wait.
    fn is_answered(&self, world: &World, process: &ModelProcess, state: GetState) -> bool {
        sight_of(world.files[process.entry].entry) == Sight::Fresh
            || self.recalls(world, process, state, When::InLine)
    }

    fn can_claim(&self, world: &World, who: usize, lock: Lock) -> bool {
        let process = &world.processes[who];
        let Some(inode) = process.file else {
            return false;
        };
        let is_named = *world.clone().named(process.entry, lock) == Some(inode);
        let is_free = world.holder(who, inode).is_none();
        match self.sabotage {
            Sabotage::NoLock => true,
            Sabotage::NoLookAtTheName => is_free,
            _ => is_free && is_named,
        }
    }

    fn look(&self, world: &World, process: &ModelProcess, state: GetState) -> Sight {
        let is_last = state.given_up.is_some();
        let is_second = state.holds != Holds::Nothing && !is_last;
        match self.sabotage {
            Sabotage::NoSecondLook if is_second => sight_of(process.token),
            Sabotage::NoLastLook if is_last => Sight::Stale,
            _ => sight_of(world.files[process.entry].entry),
        }
    }

    fn recalls(&self, world: &World, process: &ModelProcess, state: GetState, when: When) -> bool {
        let files = &world.files[process.entry];
        if self.sabotage == Sabotage::NoMemory {
            return false;
        }
        if self.asks && world.failed_code {
            return true;
        }
        match (state.holds_token(), when) {
            (true, _) => files.failed_renewal,
            (false, When::Arriving | When::InLine) => files.failures > 1,
            (false, When::Last) => files.failures > 0,
        }
    }

    fn get(&self, world: &mut World, who: usize, event: Event) {
        let mut process = world.processes[who];
        let Task::Get(state) = process.task else {
            unreachable!("a get's event");
        };
        match (state.action(), event) {
            (Action::Look, Event::Saw(sight)) => {
                let entry = world.files[process.entry].entry;
                // A look that was left out shows what was seen before.
                if sight_of(entry) == sight {
                    process.token = entry;
                }
            }
            (Action::Open(lock), Event::Opened) => {
                process.file = Some(world.open(process.entry, lock));
            }
            (Action::Claim(lock), Event::Claimed) => match lock {
                Lock::Entry(_) => process.lock = process.file.take(),
                Lock::Prompt => process.prompt = process.file.take(),
            },
            (Action::Claim(_), _) => process.file = None,
            (Action::Fetch, Event::Fetched) => {
                world.fetched += 1;
                let (number, age) = (world.fetched, 0);
                process.token = Some(Token { number, age });
            }
            (Action::Fetch, _) => {
                world.left.refusals -= 1;
                world.refused_in_line += u8::from(state.has_waited);
            }
            (Action::Keep, _) => {
                let entry = &mut world.files[process.entry].entry;
                // One that has grown old while the process was stopped is not kept.
                if sight_of(process.token) == Sight::Fresh {
                    // Of two who fetch at once, as one was overtaken, either may come last.
                    let stops = self.budget.stops - world.left.stops;
                    world.has_lost |= *entry > process.token && stops == 0;
                    *entry = process.token;
                }
            }
            (Action::Remember, _) => {
                let files = &mut world.files[process.entry];
                if state.holds_token() {
                    files.failed_renewal = true;
                } else {
                    files.failures = 2.min(files.failures + 1);
                    world.failed_code = self.asks;
                }
            }
            (Action::Drop, _) => world.files[process.entry].entry = None,
            _ => {}
        }
        process.task = Task::Get(state.after(event));
        if process.end().is_some() {
            process.close();
        }
        world.processes[who] = process;
    }

    /// What a sweep's action brings.
    fn event(
        &self,
        world: &World,
        who: usize,
        state: sweep::SweepState,
        action: sweep::SweepAction,
    ) -> sweep::SweepEvent {
        let process = &world.processes[who];
        let files = &world.files[process.entry];
        match action {
            sweep::SweepAction::Look => {
                let is_second = state != sweep::SweepState::begin().0;
                let entry = if is_second && self.sabotage == Sabotage::NoSecondLookOfSweeps {
                    process.token
                } else {
                    files.entry
                };
                sweep::SweepEvent::Saw(sweep::Slot {
                    entry: match entry {
                        None => sweep::Found::Absent,
                        Some(token) if token.age >= EXPIRED && !files.is_overtaken() => {
                            sweep::Found::Over
                        }
                        Some(_) => sweep::Found::Alive,
                    },
                    mark: sweep::Found::Absent,
                    has_lock: files.clone().lock(Seat::First).is_some(),
                })
            }
            sweep::SweepAction::Claim if !self.can_claim(world, who, Lock::Entry(Seat::First)) => {
                sweep::SweepEvent::Failed
            }
            _ => sweep::SweepEvent::Done,
        }
    }

    fn sweep(&self, world: &mut World, who: usize, event: sweep::SweepEvent) {
        let mut process = world.processes[who];
        let Task::Sweep(state, action) = process.task else {
            unreachable!("a sweep's event");
        };
        let first = Lock::Entry(Seat::First);
        match (action, event) {
            (sweep::SweepAction::Look, _) if state == sweep::SweepState::begin().0 => {
                process.token = world.files[process.entry].entry;
            }
            (sweep::SweepAction::Open, _) => process.file = Some(world.open(process.entry, first)),
            (sweep::SweepAction::Claim, sweep::SweepEvent::Done) => {
                process.lock = process.file.take()
            }
            (sweep::SweepAction::RemoveEntry, _) => {
                let entry = world.files[process.entry].entry.take();
                let is_good = entry.is_some_and(|token| token.age < EXPIRED);
                // As above: a process that has overtaken another may write just now.
                let stops = self.budget.stops - world.left.stops;
                world.has_lost |= is_good && stops == 0;
            }
            (sweep::SweepAction::RemoveLock, _) => *world.named(process.entry, first) = None,
            (sweep::SweepAction::Release, _) => process.close(),
            _ => {}
        }
        let (state, action) = state.next(event);
        process.task = Task::Sweep(state, action);
        world.processes[who] = process;
    }
}

impl Model for Protocol {
    type State = World;
    type Action = Move;

    fn init_states(&self) -> Vec<World> {
        let entries = 1 + self.gets.iter().copied().max().unwrap_or(0);
        let gets = self.gets.iter().copied();
        let gets = gets.map(|entry| ModelProcess::new(entry, Task::Get(GetState::first())));
        let (state, action) = sweep::SweepState::begin();
        let sweeps = vec![ModelProcess::new(0, Task::Sweep(state, action)); self.sweeps];
        let processes: Vec<ModelProcess> = gets.chain(sweeps).collect();
        let world = |entry: Option<Age>| World {
            processes: processes.clone(),
            files: vec![
                Files {
                    entry: entry.map(|age| Token { number: 0, age }),
                    ..Files::default()
                };
                entries
            ],
            prompt: None,
            failed_code: false,
            left: self.budget,
            fetched: 0,
            refused_in_line: 0,
            has_lost: false,
        };
        [None, Some(0), Some(STALE), Some(EXPIRED)]
            .map(world)
            .into()
    }

    fn actions(&self, world: &World, moves: &mut Vec<Move>) {
        for (who, process) in world.processes.iter().enumerate() {
            if process.life == Life::Stopped {
                moves.push(Move::GoOn(who));
            } else if process.is_under_way() {
                moves.extend(self.steps(world, who));
                moves.extend((world.left.crashes > 0).then_some(Move::Die(who)));
                moves.extend((world.left.stops > 0).then_some(Move::Stop(who)));
            }
        }
        if world.left.ticks > 0 && world.processes.iter().all(ModelProcess::may_take_hours) {
            moves.push(Move::Tick);
        }
    }

    fn next_state(&self, world: &World, action: Move) -> Option<World> {
        let mut world = world.clone();
        match action {
            Move::Get(who, event) => self.get(&mut world, who, event),
            Move::Sweep(who, event) => self.sweep(&mut world, who, event),
            Move::Die(who) => {
                world.left.crashes -= 1;
                world.processes[who].life = Life::Dead;
                world.processes[who].close();
            }
            Move::Stop(who) => {
                world.left.stops -= 1;
                world.processes[who].life = Life::Stopped;
                world.processes[who].was_stopped = true;
            }
            Move::GoOn(who) => world.processes[who].life = Life::Running,
            Move::Tick => tick(&mut world),
        }
        // The order of processes does not matter: worlds that differ only in it count as one.
        world.processes.sort_by_cached_key(|process| {
            let mut hasher = DefaultHasher::new();
            process.hash(&mut hasher);
            hasher.finish()
        });
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        super::properties::all()
    }
}

/// Hours pass: what is remembered is forgotten, and tokens grow older, but for those that were
/// answered before.
fn tick(world: &mut World) {
    world.left.ticks -= 1;
    world.failed_code = false;
    let mut tokens = Vec::new();
    for files in &mut world.files {
        files.failures = 0;
        files.failed_renewal = false;
        tokens.extend(&mut files.entry);
    }
    for process in &mut world.processes {
        if process.end().is_none() {
            tokens.extend(&mut process.token);
        }
    }
    for token in tokens {
        token.age = EXPIRED.min(token.age + 1);
    }
}
