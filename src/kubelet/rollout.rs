//! A rollout on many nodes against the rate limits of ECR and STS, in simulated time. What kubelet and AWS
//! do is modelled here. What the program does is its own code: the steps of a `get`, the renewal of a token,
//! the duration of an answer, the time limits, and the SDK's waits.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use time::OffsetDateTime;

use crate::cache::Seat;
use crate::config::Config;
use crate::env::Env;
use crate::get::Tokens;
use crate::get::simulated::{
    Action, End, Event, GetState, Lock, Patience, REFRESH_PAUSE, SHARED_PAUSE, Sight, When,
};
use crate::token::{AuthorizationToken, Renewal};

use super::LIMIT;
use super::protocol::cache_duration;

/// A moment, or a duration, in hundredths of a second.
type Ticks = u32;

const SECOND: Ticks = 100;
const MINUTE: Ticks = 60 * SECOND;
const HOUR: Ticks = 60 * MINUTE;

/// Both waves, and the time in which tokens that were issued in the first are renewed.
const END: Ticks = 7 * HOUR;

/// The second wave begins after this. The first renewals are after 5.4 hours.
const FIRST_WAVE: Ticks = 5 * HOUR;

/// The nodes of the manual's table.
const NODES: usize = 10_000;

/// The images that a node pulls at once. All are of one registry.
const IMAGES: usize = 40;

/// The nodes begin within this time.
const START: Ticks = 10 * SECOND;

/// A rate limit for an account and region.
#[derive(Clone, Copy)]
struct Quota {
    /// Requests per second.
    rate: u32,
    /// Requests at once, after a time without any.
    burst: u32,
}

/// The default quota of `ecr:GetAuthorizationToken` (Amazon ECR user guide, "Amazon ECR service quotas",
/// "Rate of GetAuthorizationToken requests"). The burst is assumed.
const QUOTA: Quota = Quota {
    rate: 500,
    burst: 500,
};

/// The limit in another place of that guide ("Troubleshooting Amazon ECR error messages", "HTTP 429").
const LOW_QUOTA: Quota = Quota {
    rate: 20,
    burst: 200,
};

/// The default quota of STS, for all operations together (IAM user guide, "IAM and AWS STS quotas", "AWS STS
/// request quotas"). The burst is assumed.
const STS_QUOTA: Quota = Quota {
    rate: 600,
    burst: 600,
};

impl Quota {
    /// In proportion to the number of nodes.
    fn for_nodes(self, nodes: usize) -> Self {
        let fewer = u32::try_from(NODES / nodes).unwrap();
        Self {
            rate: self.rate / fewer,
            burst: self.burst / fewer,
        }
    }
}

/// What keeps a rollout below the rate limit.
#[derive(Clone, Copy)]
struct Measures {
    /// Renewal at 45 to 50 % of a token's life, instead of 50 %.
    spread: bool,
    /// The attempts of a node, instead of those of a client.
    long_retry: bool,
    /// `cache_dir` is set.
    cache: bool,
    /// `cacheKeyType: Registry` instead of `Image`.
    per_registry: bool,
    /// Each token is requested with a role, which a call of STS assumes. Not a measure.
    role: bool,
}

impl Measures {
    const ALL: Self = Self {
        spread: true,
        long_retry: true,
        cache: true,
        per_registry: true,
        role: false,
    };
    const NONE: Self = Self {
        spread: false,
        long_retry: false,
        cache: false,
        per_registry: false,
        role: false,
    };
}

/// The calls in a part of the simulated time.
#[derive(Debug, PartialEq, Eq)]
struct Wave {
    calls: u64,
    throttled: u64,
    /// Calls in the busiest second.
    peak: u64,
}

/// The result of a simulation.
#[derive(Debug, PartialEq, Eq)]
struct Rollout {
    /// The calls of ECR and of STS in the first wave.
    first: Wave,
    first_sts: Wave,
    /// When the last image of the first wave had credentials; `None` if one never had.
    complete_at: Option<Ticks>,
    /// Nodes with an image without credentials after 50 seconds.
    waiting: usize,
    second: Wave,
    second_sts: Wave,
    /// Answers without credentials, in both waves. kubelet repeats the pull later.
    failed: u64,
}

/// The time limits and waits of both kinds of requests.
struct Patiences {
    of_nodes: Patience,
    of_clients: Patience,
}

impl Patiences {
    fn new() -> Self {
        fastrand::seed(1);
        let mut config = Config::default();
        config.timeout = LIMIT;
        // As the role of an instance.
        let env = Env::from_variables([]);
        Self {
            of_nodes: Patience::of(&Tokens::for_node(&env, &config), 100),
            of_clients: Patience::of(&Tokens::new(&env, &config), 100),
        }
    }
}

/// The same each time: the program's random numbers begin with a seed, as do the SDK's in
/// [`Patiences::new`]. With fewer nodes than [`NODES`], the quota is lower in proportion.
fn simulate(measures: Measures, quota: Quota, nodes: usize, patiences: &Patiences) -> Rollout {
    fastrand::seed(1);
    let patience = if measures.long_retry {
        &patiences.of_nodes
    } else {
        &patiences.of_clients
    };
    let [ecr, sts] = [quota, STS_QUOTA].map(|quota| Api::new(quota.for_nodes(nodes)));
    let mut nodes = Nodes::new(measures, nodes, patience, ecr, sts);
    nodes.run();
    nodes.rollout()
}

struct Api {
    /// Requests per second.
    rate: u32,
    /// In parts of a request, as [`Self::left`].
    most: u32,
    /// In parts of a request: [`SECOND`] make one.
    left: u32,
    filled_at: Ticks,
    /// The calls of each second, and how many of them were throttled.
    seconds: Vec<(u64, u64)>,
}

impl Api {
    fn new(quota: Quota) -> Self {
        let Quota { rate, burst } = quota;
        let count = (END / SECOND) as usize + 1;
        Self {
            rate,
            most: burst * SECOND,
            left: burst * SECOND,
            filled_at: 0,
            seconds: vec![(0, 0); count],
        }
    }

    /// Whether a call at this moment is answered, and not throttled. The moments do not go back.
    fn answers(&mut self, now: Ticks) -> bool {
        let passed = now - self.filled_at;
        self.left = self.most.min(self.left + passed * self.rate);
        self.filled_at = now;
        let is_answered = self.left >= SECOND;
        if is_answered {
            self.left -= SECOND;
        }
        let second = &mut self.seconds[(now / SECOND) as usize];
        second.0 += 1;
        second.1 += u64::from(!is_answered);
        is_answered
    }

    /// The calls before or after the end of the first wave.
    fn wave(&self, is_first: bool) -> Wave {
        let (first, second) = self.seconds.split_at((FIRST_WAVE / SECOND) as usize);
        let seconds = if is_first { first } else { second };
        Wave {
            calls: seconds.iter().map(|(calls, _)| calls).sum(),
            throttled: seconds.iter().map(|(_, throttled)| throttled).sum(),
            peak: seconds.iter().map(|(calls, _)| *calls).max().unwrap_or(0),
        }
    }
}

#[test]
fn after_a_burst_as_many_calls_are_answered_as_the_rate_allows() {
    let mut api = Api::new(Quota {
        rate: 20,
        burst: 200,
    });
    let mut answered = |now| (0..2000).filter(|_| api.answers(now)).count();
    assert_eq!(answered(0), 200);
    assert_eq!(answered(SECOND / 2), 10);
    assert_eq!(answered(60 * SECOND), 200);
    let wave = api.wave(true);
    assert_eq!((wave.calls, wave.throttled, wave.peak), (6000, 5590, 4000));
    assert_eq!(api.wave(false).calls, 0);
}

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

struct Nodes {
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
    fn new(measures: Measures, count: usize, patience: &Patience, ecr: Api, sts: Api) -> Self {
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
    fn run(&mut self) {
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

    fn rollout(&self) -> Rollout {
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

const TABLE_BEGIN: &str = "<!-- simulated rollout -->";
const TABLE_END: &str = "<!-- end of simulated rollout -->";

const ROWS: [(&str, Quota, Measures); 9] = [
    ("all measures", QUOTA, Measures::ALL),
    (
        "without the spread of renewals",
        QUOTA,
        Measures {
            spread: false,
            ..Measures::ALL
        },
    ),
    (
        "3 attempts instead of 6",
        QUOTA,
        Measures {
            long_retry: false,
            ..Measures::ALL
        },
    ),
    (
        "without `cacheKeyType: Registry`",
        QUOTA,
        Measures {
            per_registry: false,
            ..Measures::ALL
        },
    ),
    (
        "without `cache_dir`",
        QUOTA,
        Measures {
            cache: false,
            ..Measures::ALL
        },
    ),
    ("no measure", QUOTA, Measures::NONE),
    (
        "all measures, 20 requests per second",
        LOW_QUOTA,
        Measures::ALL,
    ),
    (
        "all measures, with a role",
        QUOTA,
        Measures {
            role: true,
            ..Measures::ALL
        },
    ),
    (
        "without `cache_dir`, with a role",
        QUOTA,
        Measures {
            cache: false,
            role: true,
            ..Measures::ALL
        },
    ),
];

/// `1,234,567`.
fn grouped(number: u64) -> String {
    match number {
        0..1000 => number.to_string(),
        _ => format!("{},{:03}", grouped(number / 1000), number % 1000),
    }
}

/// The throttled calls, rounded up.
fn share(wave: &Wave) -> String {
    let permille = (wave.throttled * 1000).div_ceil(wave.calls.max(1));
    format!("{}.{} %", permille / 10, permille % 10)
}

/// Three cells.
fn calls(wave: &Wave) -> String {
    let (calls, peak) = (grouped(wave.calls), grouped(wave.peak));
    format!("{calls} | {peak} | {}", share(wave))
}

fn table(rollouts: &[Rollout]) -> String {
    let mut text = "| measures | calls | most per second | throttled | failed answers | last image ready | nodes waiting after 50 s | calls in the second wave | most per second | throttled |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n"
        .to_owned();
    for ((name, ..), rollout) in ROWS.iter().zip(rollouts) {
        let (first, second) = (&rollout.first, &rollout.second);
        let complete = rollout.complete_at.map_or_else(
            || "never".to_owned(),
            |at| format!("{} s", grouped(at.div_ceil(SECOND).into())),
        );
        let _ = writeln!(
            text,
            "| {name} | {} | {} | {complete} | {} | {} |",
            calls(first),
            grouped(rollout.failed),
            grouped(rollout.waiting as u64),
            calls(second),
        );
    }
    text.push_str(
        "\nThe calls of STS in the rows with a role:\n\n\
         | measures | calls | most per second | throttled | calls in the second wave | most per second | throttled |\n\
         |---|--:|--:|--:|--:|--:|--:|\n",
    );
    for ((name, _, measures), rollout) in ROWS.iter().zip(rollouts) {
        if measures.role {
            let (first, second) = (calls(&rollout.first_sts), calls(&rollout.second_sts));
            let _ = writeln!(text, "| {name} | {first} | {second} |");
        }
    }
    text
}

fn rollouts(nodes: usize) -> Vec<Rollout> {
    let patiences = &Patiences::new();
    std::thread::scope(|scope| {
        let runs = ROWS.map(|(_, quota, measures)| {
            scope.spawn(move || simulate(measures, quota, nodes, patiences))
        });
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    })
}

#[test]
fn each_measure_makes_a_rollout_better() {
    let rollouts = rollouts(NODES / 10);
    let [
        all,
        no_spread,
        few_attempts,
        per_image,
        no_cache,
        none,
        low_quota,
        with_role,
        no_cache_with_role,
    ] = &rollouts[..]
    else {
        panic!("{rollouts:?}");
    };
    assert_eq!(all.second.throttled, 0, "{all:?}");
    assert!(no_spread.second.throttled > 0, "{no_spread:?}");
    assert!(few_attempts.failed > 10 * all.failed, "{few_attempts:?}");
    // With a cache of the node, a pull of another image makes no call.
    assert!(per_image.first.calls < 2 * all.first.calls, "{per_image:?}");
    for without_cache in [no_cache, none] {
        assert!(without_cache.first.calls > 5 * all.first.calls);
        assert!(without_cache.waiting > 10 * all.waiting);
        assert!(without_cache.complete_at > all.complete_at);
    }
    assert!(low_quota.complete_at.is_some(), "{low_quota:?}");
    assert_eq!(all.first_sts.calls, 0);
    // A role is assumed again by each process, so that the cache saves calls of STS as well.
    assert_eq!(with_role.second_sts.throttled, 0, "{with_role:?}");
    assert!(with_role.complete_at.is_some(), "{with_role:?}");
    assert!(no_cache_with_role.first_sts.calls > 5 * with_role.first_sts.calls);
}

#[test]
#[ignore = "takes long: .ci/run"]
fn the_table_of_the_manual_has_the_results_for_all_nodes() {
    let made = table(&rollouts(NODES));
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("packaging/man/docker-credential-ecrx-kubernetes.7.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(TABLE_BEGIN).expect(TABLE_BEGIN);
    let (committed, after) = rest.split_once(TABLE_END).expect(TABLE_END);
    if std::env::var_os("ECRX_BLESS").is_some() {
        std::fs::write(
            &path,
            format!("{before}{TABLE_BEGIN}\n\n{made}\n{TABLE_END}{after}"),
        )
        .unwrap();
    } else {
        assert_eq!(
            committed.trim(),
            made.trim(),
            "run `ECRX_BLESS=1 cargo test --lib rollout -- --ignored`, and look at the difference"
        );
    }
}
