//! A model of processes, the files they share and what may still happen: what can happen next, what comes
//! of it, what must be true at any moment, and what must be possible at all.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use stateright::{Model, Property};

use crate::cache::{Seat, sweep};

use super::{Action, End, Event, GetState, Holds, Lock, Sight, When};

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
    fn steps(&self, world: &World, who: usize) -> Vec<Move> {
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
        properties()
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
    fn sum(self) -> u8 {
        self.ticks + self.crashes + self.stops + self.refusals
    }
}

/// What one process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Task {
    Get(GetState),
    Sweep(sweep::SweepState, sweep::SweepAction),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Life {
    Running,
    Stopped,
    Dead,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct ModelProcess {
    entry: usize,
    task: Task,
    life: Life,
    /// Is or was stopped: what it does afterwards, it does too late.
    was_stopped: bool,
    /// The lock file that is open and not locked.
    file: Option<Inode>,
    lock: Option<Inode>,
    prompt: Option<Inode>,
    token: Option<Token>,
}

/// Everything at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct World {
    processes: Vec<ModelProcess>,
    files: Vec<Files>,
    /// The file of the prompt's lock.
    prompt: Option<Inode>,
    /// A code that was not taken is remembered.
    failed_code: bool,
    left: Budget,
    fetched: u8,
    /// How many requests of processes that had waited in line have failed.
    refused_in_line: u8,
    /// Although no process was stopped, an entry was removed while it was valid and not denied by
    /// AWS, or it was replaced by an older one.
    has_lost: bool,
}

impl ModelProcess {
    fn new(entry: usize, task: Task) -> Self {
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

    fn get(&self) -> Option<GetState> {
        match self.task {
            Task::Get(state) => Some(state),
            Task::Sweep(..) => None,
        }
    }

    /// How a `get` has ended.
    fn end(&self) -> Option<End> {
        match self.get()?.action() {
            Action::End(end) => Some(end),
            _ => None,
        }
    }

    fn is_under_way(&self) -> bool {
        let has_ended = match self.task {
            Task::Get(_) => self.end().is_some(),
            Task::Sweep(_, action) => action == sweep::SweepAction::Done,
        };
        self.life == Life::Running && !has_ended
    }

    /// Whether hours may pass before its next action: before the first one, and during those that
    /// take time.
    fn may_take_hours(&self) -> bool {
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
    fn locks(&self) -> impl Iterator<Item = Inode> {
        self.lock.into_iter().chain(self.prompt)
    }

    fn inodes(&self) -> impl Iterator<Item = Inode> {
        self.locks().chain(self.file)
    }

    /// Closes all files, as the system does when a process ends.
    fn close(&mut self) {
        (self.file, self.lock, self.prompt) = (None, None, None);
    }
}

/// A token's age: as it was fetched; past its renewal; past its end.
type Age = u8;
const STALE: Age = 1;
const EXPIRED: Age = 2;

/// A lock file, whether it still has a name or not.
type Inode = u8;

/// A token, told from others by its number: of two, the one that was fetched later has the higher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Token {
    number: u8,
    age: Age,
}

/// The files of one entry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Files {
    entry: Option<Token>,
    /// Failures without a token that are remembered: none, the first, the second.
    failures: u8,
    /// A renewal that failed is remembered.
    failed_renewal: bool,
    locks: [Option<Inode>; 3],
}

/// What a look at an entry shows.
fn sight_of(token: Option<Token>) -> Sight {
    match token.map(|token| token.age) {
        None | Some(EXPIRED..) => Sight::Nothing,
        Some(STALE) => Sight::Stale,
        Some(_) => Sight::Fresh,
    }
}

impl Files {
    /// The lock file of that name.
    fn lock(&mut self, seat: Seat) -> &mut Option<Inode> {
        &mut self.locks[match seat {
            Seat::First => 0,
            Seat::Second => 1,
            Seat::Third => 2,
        }]
    }

    /// Whether a process has opened one of the further locks.
    fn is_overtaken(&self) -> bool {
        self.locks[1..].iter().any(Option::is_some)
    }

    fn locks(&self) -> impl Iterator<Item = Inode> {
        self.locks.into_iter().flatten()
    }
}

impl World {
    /// The lock file of that name, for a process of this entry.
    fn named(&mut self, entry: usize, lock: Lock) -> &mut Option<Inode> {
        match lock {
            Lock::Entry(seat) => self.files[entry].lock(seat),
            Lock::Prompt => &mut self.prompt,
        }
    }

    /// Opens a lock file, and makes it where there is none.
    fn open(&mut self, entry: usize, lock: Lock) -> Inode {
        let fresh = self.unused();
        *self.named(entry, lock).get_or_insert(fresh)
    }

    /// An inode without a name that no process has open. The lowest, so that equal worlds look
    /// equal.
    fn unused(&self) -> Inode {
        let named = self.files.iter().flat_map(Files::locks).chain(self.prompt);
        let open = self.processes.iter().flat_map(|process| process.inodes());
        let used: Vec<Inode> = named.chain(open).collect();
        (0..)
            .find(|inode| !used.contains(inode))
            .expect("few are used")
    }

    /// Another process that holds that lock.
    fn holder(&self, who: usize, inode: Inode) -> Option<&ModelProcess> {
        let others = self.processes.iter().enumerate();
        others
            .filter(|(other, _)| *other != who)
            .map(|(_, process)| process)
            .find(|process| process.locks().any(|held| held == inode))
    }
}

fn properties() -> Vec<Property<Protocol>> {
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
