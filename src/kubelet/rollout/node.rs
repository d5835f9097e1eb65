//! Nodes: kubelet with its cache and its retries, and the processes that it starts.

use std::time::Duration;

use time::OffsetDateTime;

use crate::cache::Seat;
use crate::get::simulated::{
    Action, End, Event, GetState, Lock, Patience, REFRESH_PAUSE, SHARED_PAUSE, Sight, When,
};
use crate::kubelet::response::cache_duration;
use crate::token::{AuthorizationToken, Renewal};

use super::api::Api;
use super::{END, HOUR, IMAGES, MINUTE, Measures, Rollout, SECOND, START, Ticks};

/// How long a call takes.
const CALL: Ticks = SECOND / 20;

/// How long a process sleeps at most before it looks at a lock again: 32 ms.
const PAUSE: Ticks = 3;

/// The life of a token.
const LIFE: Ticks = 12 * HOUR;

/// kubelet's waits after an image could not be pulled double from the first of these to the second
/// (kubernetes 1.37, `imageBackOffPeriod` and `MaxImageBackOff` in `pkg/kubelet/kubelet.go`).
const FIRST_BACKOFF: Ticks = 10 * SECOND;
const LONGEST_BACKOFF: Ticks = 5 * MINUTE;

/// The moment at which the simulation begins.
const EPOCH: i64 = 1_800_000_000;

fn moment(now: Ticks) -> OffsetDateTime {
    let since = time::Duration::milliseconds(i64::from(now) * 10);
    OffsetDateTime::from_unix_timestamp(EPOCH).unwrap() + since
}

fn ticks(duration: Duration) -> Ticks {
    Ticks::try_from(duration.as_millis() / 10).unwrap()
}

#[derive(Default)]
struct Node {
    starts_at: Ticks,
    /// Until when kubelet has credentials for the registry.
    cached_until: Ticks,
    /// Images of the first wave without credentials.
    missing: usize,
    /// The token in the program's own cache.
    entry: Option<Entry>,
    is_locked: [bool; 3],
    waiting: Vec<usize>,
    /// Until when the first and the second failure, and that of a renewal are remembered.
    first_until: Ticks,
    second_until: Ticks,
    renewal_until: Ticks,
}

struct Entry {
    token: AuthorizationToken,
    /// When it is renewed, by the token and the identity.
    renewed_at: Ticks,
    expires_at: Ticks,
}

/// An image that kubelet pulls, and the process that it starts for that.
#[derive(Clone)]
struct Pull {
    node: usize,
    stage: Stage,
    /// Only the last event of a pull counts.
    event: u16,
    began_at: Ticks,
    backoff: Ticks,
    get: GetState,
    seat: Option<Seat>,
    follows: bool,
    /// The role has been assumed.
    has_session: bool,
    attempt: usize,
}

#[derive(Clone, Copy)]
enum Stage {
    Beginning,
    Calling,
    Answered(bool),
    Waiting,
}

pub(super) struct Nodes {
    measures: Measures,
    limit: [Ticks; 2],
    overdue: [[Ticks; 3]; 2],
    waits: Vec<Vec<Ticks>>,
    renewal: Renewal,
    /// That of a process without a cache; only its time changes.
    uncached: AuthorizationToken,
    ecr: Api,
    sts: Api,
    now: Ticks,
    nodes: Vec<Node>,
    /// Those of the first wave, then one for each node, which pulls an image each minute.
    pulls: Vec<Pull>,
    /// The pulls with an event, for each moment.
    events: Vec<Vec<(u32, u16)>>,
    complete_at: Ticks,
    waiting: usize,
    failed: u64,
}

fn issue(now: Ticks) -> AuthorizationToken {
    let password: String = std::iter::repeat_with(fastrand::alphanumeric)
        .take(32)
        .collect();
    let encoded = base64_simd::STANDARD.encode_to_string(format!("AWS:{password}"));
    AuthorizationToken::decode(&encoded, moment(now), moment(now + LIFE)).unwrap()
}

fn seat_of(lock: Lock) -> Seat {
    match lock {
        Lock::Entry(seat) => seat,
        Lock::Prompt => unreachable!("no code is required"),
    }
}

impl Nodes {
    pub(super) fn new(
        measures: Measures,
        count: usize,
        patience: &Patience,
        ecr: Api,
        sts: Api,
    ) -> Self {
        let renewal = match patience.renewal {
            Renewal::Spread { max_age } if !measures.spread => {
                Renewal::Age(max_age.unwrap_or(Duration::MAX))
            }
            renewal => renewal,
        };
        let pull = |node| Pull {
            node,
            stage: Stage::Beginning,
            event: 0,
            began_at: 0,
            backoff: FIRST_BACKOFF,
            get: GetState::first(),
            seat: None,
            follows: false,
            has_session: false,
            attempt: 0,
        };
        let of_images = (0..count * IMAGES).map(|number| pull(number / IMAGES));
        let mut all = Self {
            measures,
            limit: patience.limit.map(ticks),
            overdue: patience.overdue.map(|seats| seats.map(ticks)),
            waits: patience
                .waits
                .iter()
                .map(|waits| waits.iter().copied().map(ticks).collect())
                .collect(),
            renewal,
            uncached: issue(0),
            ecr,
            sts,
            now: 0,
            nodes: Vec::new(),
            pulls: of_images.chain((0..count).map(pull)).collect(),
            events: vec![Vec::new(); END as usize],
            complete_at: 0,
            waiting: 0,
            failed: 0,
        };
        for node in 0..count {
            let starts_at = fastrand::u32(..START);
            all.nodes.push(Node {
                starts_at,
                missing: IMAGES,
                ..Node::default()
            });
            for image in 0..IMAGES {
                all.plan(node * IMAGES + image, Stage::Beginning, starts_at);
            }
            all.plan(count * IMAGES + node, Stage::Beginning, starts_at + MINUTE);
        }
        all
    }

    /// Lets the whole time pass.
    pub(super) fn run(&mut self) {
        while self.now < END {
            for (pull, event) in std::mem::take(&mut self.events[self.now as usize]) {
                if self.pulls[pull as usize].event == event {
                    self.proceed(pull as usize);
                }
            }
            self.now += 1;
            if self.now == 50 * SECOND {
                self.waiting = self.nodes.iter().filter(|node| node.missing > 0).count();
            }
        }
    }

    pub(super) fn rollout(&self) -> Rollout {
        let is_complete = self.nodes.iter().all(|node| node.missing == 0);
        Rollout {
            first: self.ecr.wave(true),
            first_sts: self.sts.wave(true),
            complete_at: is_complete.then_some(self.complete_at),
            waiting: self.waiting,
            second: self.ecr.wave(false),
            second_sts: self.sts.wave(false),
            failed: self.failed,
        }
    }

    /// The next event of a pull, in place of the one that it has, later in this moment at the earliest.
    fn plan(&mut self, pull: usize, stage: Stage, at: Ticks) {
        let it = &mut self.pulls[pull];
        it.stage = stage;
        it.event = it.event.wrapping_add(1);
        let at = at.max(self.now + 1) as usize;
        if let Some(events) = self.events.get_mut(at) {
            events.push((u32::try_from(pull).unwrap(), it.event));
        }
    }

    fn is_of_first_wave(&self, pull: usize) -> bool {
        pull < self.nodes.len() * IMAGES
    }

    fn proceed(&mut self, pull: usize) {
        match self.pulls[pull].stage {
            Stage::Beginning => self.begin(pull),
            Stage::Calling => self.call(pull),
            Stage::Answered(true) if self.measures.cache => self.step(pull, Event::Fetched),
            Stage::Answered(false) if self.measures.cache => self.step(pull, Event::Failed),
            Stage::Answered(true) => {
                self.uncached.obtained_at = moment(self.now);
                self.uncached.expires_at = moment(self.now + LIFE);
                let duration = self.duration(&self.uncached);
                self.succeed(pull, duration);
            }
            Stage::Answered(false) => self.fail(pull),
            Stage::Waiting => {
                let seat = seat_of_wait(self.pulls[pull].get);
                self.nodes[self.pulls[pull].node]
                    .waiting
                    .retain(|it| *it != pull);
                let event = if self.now >= self.overdue_at(pull, seat) {
                    Event::Overdue
                } else {
                    Event::Waited
                };
                self.step(pull, event);
            }
        }
    }

    /// kubelet starts the program, unless it has the credentials.
    fn begin(&mut self, pull: usize) {
        let node = &self.nodes[self.pulls[pull].node];
        if self.measures.per_registry && node.cached_until > self.now {
            return self.complete(pull, node.cached_until);
        }
        let it = &mut self.pulls[pull];
        it.began_at = self.now;
        it.has_session = false;
        it.attempt = 0;
        it.get = GetState::first();
        if self.measures.cache {
            self.walk(pull);
        } else {
            self.call(pull);
        }
    }

    fn holds_token(&self, pull: usize) -> bool {
        self.measures.cache && self.pulls[pull].get.holds_token()
    }

    fn overdue_at(&self, pull: usize, seat: Seat) -> Ticks {
        let of_seats = self.overdue[usize::from(self.holds_token(pull))];
        self.pulls[pull].began_at + of_seats[seat as usize]
    }

    /// An attempt, and what comes after it. The SDK's clients of both services are configured alike, so that
    /// their waits are, too.
    fn call(&mut self, pull: usize) {
        let limit = self.limit[usize::from(self.holds_token(pull))];
        let it = &mut self.pulls[pull];
        let ends_at = it.began_at + limit;
        let answered_at = self.now + CALL;
        if self.measures.role && !it.has_session {
            if self.sts.answers(self.now) {
                it.has_session = true;
                it.attempt = 0;
                return self.plan(pull, Stage::Calling, answered_at);
            }
        } else if self.ecr.answers(self.now) {
            return self.plan(pull, Stage::Answered(true), answered_at);
        }
        let some_call = &self.waits[fastrand::usize(..self.waits.len())];
        match some_call.get(it.attempt) {
            Some(wait) if answered_at + wait < ends_at => {
                it.attempt += 1;
                let at = answered_at + wait;
                self.plan(pull, Stage::Calling, at);
            }
            Some(_) => self.plan(pull, Stage::Answered(false), ends_at),
            None => self.plan(pull, Stage::Answered(false), answered_at),
        }
    }

    fn step(&mut self, pull: usize, event: Event) {
        self.pulls[pull].get = self.pulls[pull].get.after(event);
        self.walk(pull);
    }

    /// The steps of a `get` up to the next that takes time.
    fn walk(&mut self, pull: usize) {
        let number = self.pulls[pull].node;

        loop {
            let node = &mut self.nodes[number];
            let it = &mut self.pulls[pull];
            let holds_token = it.get.holds_token();
            let event = match it.get.action() {
                Action::Look => Event::Saw(match &node.entry {
                    Some(entry) if self.now < entry.renewed_at => Sight::Fresh,
                    Some(entry) if self.now < entry.expires_at => Sight::Stale,
                    _ => Sight::Nothing,
                }),
                // As `FailureMemory` does it.
                Action::Recall(_) if holds_token => Event::Recalled(self.now < node.renewal_until),
                Action::Recall(when) => {
                    it.follows = self.now < node.first_until;
                    let is_second = self.now < node.second_until;
                    Event::Recalled(is_second || when == When::Last && it.follows)
                }
                Action::Open(Lock::Prompt) => Event::Needless,
                Action::Open(Lock::Entry(_)) => Event::Opened,
                Action::Claim(lock) => {
                    let is_locked = &mut node.is_locked[seat_of(lock) as usize];
                    if std::mem::replace(is_locked, true) {
                        Event::Theirs
                    } else {
                        it.seat = Some(seat_of(lock));
                        Event::Claimed
                    }
                }
                Action::Wait(lock) => {
                    node.waiting.push(pull);
                    let overdue_at = self.overdue_at(pull, seat_of(lock));
                    return self.plan(pull, Stage::Waiting, overdue_at);
                }
                Action::Fetch => return self.call(pull),
                Action::Keep => {
                    let token = issue(self.now);
                    let age = token.refresh_at(self.renewal) - token.obtained_at;
                    node.entry = Some(Entry {
                        token,
                        renewed_at: self.now + ticks(age.unsigned_abs()),
                        expires_at: self.now + LIFE,
                    });
                    Event::Done
                }
                Action::Remember => {
                    let until = |pause: time::Duration| self.now + ticks(pause.unsigned_abs());
                    if holds_token {
                        node.renewal_until = until(REFRESH_PAUSE);
                    } else if it.follows || self.now < node.first_until {
                        node.second_until = until(SHARED_PAUSE);
                    } else {
                        node.first_until = until(SHARED_PAUSE);
                    }
                    Event::Done
                }
                Action::Drop => unreachable!("nothing is denied"),
                Action::End(end) => {
                    self.release(pull);
                    return match end {
                        End::Cached | End::Stale | End::Fetched => {
                            let entry = self.nodes[number].entry.as_ref();
                            let duration = self.duration(&entry.unwrap().token);
                            self.succeed(pull, duration);
                        }
                        _ => self.fail(pull),
                    };
                }
            };
            self.pulls[pull].get = self.pulls[pull].get.after(event);
        }
    }

    /// The processes that wait for a lock find it free a little later.
    fn release(&mut self, pull: usize) {
        let it = &mut self.pulls[pull];
        let node = &mut self.nodes[it.node];
        let Some(seat) = it.seat.take() else {
            return;
        };
        node.is_locked[seat as usize] = false;
        for waiting in std::mem::take(&mut node.waiting) {
            let at = self.now + 1 + fastrand::u32(..PAUSE);
            self.plan(waiting, Stage::Waiting, at);
        }
    }

    /// How long kubelet keeps the answer.
    fn duration(&self, token: &AuthorizationToken) -> Ticks {
        let now = moment(self.now);
        ticks(if self.measures.spread {
            cache_duration(token, now)
        } else {
            (token.expires_at - now).unsigned_abs() / 2
        })
    }

    fn succeed(&mut self, pull: usize, duration: Ticks) {
        let until = self.now + duration;
        self.nodes[self.pulls[pull].node].cached_until = until;
        self.complete(pull, until);
    }

    fn complete(&mut self, pull: usize, cached_until: Ticks) {
        let is_of_first_wave = self.is_of_first_wave(pull);
        let it = &mut self.pulls[pull];
        it.backoff = FIRST_BACKOFF;
        let node = &mut self.nodes[it.node];
        if is_of_first_wave {
            node.missing -= 1;
            self.complete_at = self.complete_at.max(self.now);
        } else {
            let minutes = (cached_until - node.starts_at).div_ceil(MINUTE);
            let next = node.starts_at + minutes * MINUTE;
            self.plan(pull, Stage::Beginning, next);
        }
    }

    fn fail(&mut self, pull: usize) {
        let it = &mut self.pulls[pull];
        let backoff = it.backoff;
        it.backoff = LONGEST_BACKOFF.min(2 * backoff);
        self.failed += 1;
        self.plan(pull, Stage::Beginning, self.now + backoff);
    }
}

/// The seat whose lock a `get` waits for.
fn seat_of_wait(get: GetState) -> Seat {
    match get.action() {
        Action::Wait(lock) => seat_of(lock),
        action => unreachable!("{action:?} is no wait"),
    }
}
