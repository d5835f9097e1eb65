//! Days in minutes, with 50 workers, killed and stopped processes, and an AWS that fails in many
//! ways: no wrong token, no expired token, no failure without a reason, and no more API calls than
//! there must be.
//!
//! ```sh
//! cargo test --features test-clock --test soak -- --include-ignored --nocapture
//! ```
//!
//! `ECRX_SOAK_SECONDS` says for how long, 120 by default. `ECRX_SOAK_SEED` repeats the choices of
//! an earlier run (who asks for what, what is killed when, which fault strikes next); what the
//! system makes of them is its own.
//!
//! Each worker starts the real executable again and again, for one of 36 entries: six identities
//! in one home folder and one cache, and six registries. What is right is said in
//! `soak/judge.rs`, and how calls are counted in `soak/ledger.rs`. Both know for every single call
//! which process made it, and whether a fault struck it.

#![cfg(unix)]
#![allow(clippy::print_stdout, reason = "progress, for the user who watches it")]

mod common;
#[path = "soak/days.rs"]
mod days;
#[path = "soak/get.rs"]
mod get;
#[path = "soak/identities.rs"]
mod identities;
#[path = "soak/judge.rs"]
mod judge;
#[path = "soak/judge_tests.rs"]
mod judge_tests;
#[path = "soak/ledger.rs"]
mod ledger;
#[path = "soak/ledger_tests.rs"]
mod ledger_tests;
#[path = "soak/record.rs"]
mod record;
#[path = "soak/report.rs"]
mod report;
#[path = "soak/story.rs"]
mod story;
#[path = "soak/weather.rs"]
mod weather;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::TestEnvironment;
use common::fake_aws::{FakeAws, Grant};
use common::random::Random;
use days::Days;
use get::{Answer, Disturbance, Get, Lab};
use identities::REGISTRIES;
use ledger::Ledger;
use record::{Pair, Record};
use report::Report;

const WORKERS: usize = 50;

/// The longest pause of a worker between two gets.
const PAUSE: Duration = Duration::from_millis(600);

/// How many of a hundred gets are killed, and how many stopped for a while.
const KILLED: usize = 10;
const STOPPED: usize = 5;

/// Shorter than the session of a role, which is an hour, here 2.5 s: it is not to end between the
/// call that begins it and the one that uses it, however long a busy machine takes meanwhile.
const LONGEST_STOP: Duration = Duration::from_millis(800);

/// Longer than any failure is remembered: 60 s, here 42 ms.
const FORGOTTEN: Duration = Duration::from_millis(100);

#[test]
#[ignore = "runs for two minutes: .ci/run"]
fn no_wrong_token_no_expired_token_and_no_needless_call_through_days_of_faults() {
    let seconds = setting("ECRX_SOAK_SECONDS").unwrap_or(120);
    let seed = setting("ECRX_SOAK_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    println!("ECRX_SOAK_SEED={seed} ECRX_SOAK_SECONDS={seconds}");
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    let identities = identities::set_up(&mut environment, &aws);
    let days = Days::begin(&mut environment, &aws);
    let lab = Lab {
        environment: &environment,
        identities: &identities,
        days,
    };
    weather::peace(&aws);
    let gets = soak(&lab, &aws, seed, Duration::from_secs(seconds));
    let ended_at = days.now();

    let (calls, issues) = (aws.calls(), aws.issues());
    let record = Record::new(
        days,
        &identities,
        &gets,
        &calls,
        &issues,
        kept(&environment),
    );
    let ledger = Ledger::of(&record, ended_at);
    let report = Report::of(&record);
    println!("{report}{ledger:#?}");
    println!(
        "{:.1} simulated days",
        (ended_at - days.began_at()) / 86400.0
    );
    let complaints = judge::complaints(&record);
    assert!(
        complaints.is_empty(),
        "{} complaints, seed {seed}:\n{}",
        complaints.len(),
        complaints[..complaints.len().min(20)].join("\n")
    );
    assert!(ledger.is_within(5), "{ledger:#?}");
    let pairs = identities.len() * REGISTRIES.len();
    assert_eq!(environment.entries().len(), pairs, "an entry each");
    if seconds >= 120 {
        report.assert_not_idle();
    }
}

fn setting(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{name}={value}: not a number")),
    )
}

/// All gets, in order of their numbers. In the end everybody asks once more, in peace, and is
/// answered.
fn soak(lab: &Lab<'_>, aws: &FakeAws, seed: u64, lasts: Duration) -> Vec<Get> {
    let (start, number) = (Instant::now(), AtomicUsize::new(0));
    let until = start + lasts;
    let gets = Mutex::new(Vec::new());
    let next = || number.fetch_add(1, Ordering::Relaxed);
    thread::scope(|scope| {
        for worker in 1..=WORKERS {
            let (gets, next) = (&gets, &next);
            scope.spawn(move || {
                let mut random = Random::new(seed, u64::try_from(worker).expect("small"));
                while Instant::now() < until {
                    let (identity, registry) = choose(lab, seed, start, &mut random);
                    let disturbance = disturb(&mut random);
                    let get = lab.get(next(), identity, registry, disturbance);
                    gets.lock().expect("no panic").push(get);
                    thread::sleep(random.between(Duration::ZERO, PAUSE));
                }
            });
        }
        let tell = |what: &str| println!("{:>6.1} s  {what}", start.elapsed().as_secs_f64());
        weather::change(aws, &mut Random::new(seed, 0), until, tell);
    });
    let mut gets = gets.into_inner().expect("no panic");
    thread::sleep(FORGOTTEN);
    for identity in 0..lab.identities.len() {
        for registry in 0..REGISTRIES.len() {
            let get = lab.get(next(), identity, registry, None);
            assert!(matches!(get.answer, Answer::Token(_)), "{get:?}");
            gets.push(get);
        }
    }
    gets.sort_by_key(|get| get.number);
    gets
}

/// Every other `get` is for what many ask for at this moment; the others are for anything.
fn choose(lab: &Lab<'_>, seed: u64, start: Instant, random: &mut Random) -> Pair {
    let tenth = u64::try_from(start.elapsed().as_millis() / 100).expect("small");
    let mut fashion = Random::new(seed, 1_000_000 + tenth);
    let chooser = if random.percent(50) {
        &mut fashion
    } else {
        random
    };
    let identity = chooser.below(lab.identities.len());
    (identity, chooser.below(REGISTRIES.len()))
}

/// At a random moment of a `get` that may take a few milliseconds, or half a second.
fn disturb(random: &mut Random) -> Option<Disturbance> {
    let longest = Duration::from_millis(4 << random.below(8));
    let after = random.between(Duration::ZERO, longest);
    match random.below(100) {
        lot if lot < KILLED => Some(Disturbance::Kill(after)),
        lot if lot < KILLED + STOPPED => {
            let pause = random.between(Duration::from_millis(20), LONGEST_STOP);
            Some(Disturbance::Stop(after, pause))
        }
        _ => None,
    }
}

/// The tokens in the cache, by their serial numbers.
fn kept(environment: &TestEnvironment) -> BTreeSet<usize> {
    let serial = |path| {
        let text = std::fs::read(path).expect("an entry");
        let entry: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
        Grant::from_token(entry["token"].as_str().expect("a text")).serial
    };
    environment.entries().into_iter().map(serial).collect()
}
