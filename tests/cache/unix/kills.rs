//! Killed at any moment: afterwards every entry is whole or absent, and nothing is in the way.

use std::fs;
use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::super::common::fake_aws::FakeAws;
use super::super::common::{HOST, Outcome, TestEnvironment};
use super::super::{ECR, HOUR};

/// How many `get`s are under way at once.
const CROWD: usize = 3;

/// How far they came before they were killed, in how many rounds.
#[derive(Debug, Default)]
struct Rounds {
    /// None of them had asked AWS.
    before: usize,
    /// AWS was asked, and no process lived to answer.
    within: usize,
    /// At least one has answered.
    after: usize,
}

impl Rounds {
    fn all(&self) -> usize {
        self.before + self.within + self.after
    }

    fn are_enough(&self, rounds: usize) -> bool {
        self.all() >= rounds && self.before.min(self.within).min(self.after) > 0
    }
}

/// Parts of the whole that fill it evenly, however many are taken: the golden ratio's multiples.
fn part(n: usize) -> f64 {
    (n as f64 * 0.618_033_988_749_895).fract()
}

/// Every entry in the cache is a whole one.
pub fn entries_are_whole(environment: &TestEnvironment) {
    for path in environment.entries() {
        let bytes = fs::read(&path).expect("an entry");
        let entry: Value = serde_json::from_slice(&bytes)
            .unwrap_or_else(|error| panic!("{path:?}: {error}, {} bytes", bytes.len()));
        let token = entry["token"].as_str().expect("a token");
        assert!(token.len() > 1000, "{path:?}");
    }
}

/// The next `get` answers after one call at most, without a complaint, and is remembered.
#[track_caller]
pub fn the_cache_is_sound(aws: &FakeAws, environment: &mut TestEnvironment) {
    entries_are_whole(environment);
    aws.settle();
    let calls = aws.count(ECR);
    environment.set("ECRX_LOG", "warn");
    let next = environment.get(HOST);
    // A warning would be in its stderr.
    next.grant();
    assert!(aws.count(ECR) <= calls + 1, "{:?}", aws.calls());
    let calls = aws.count(ECR);
    assert_eq!(environment.get(HOST), next);
    let listed = environment.run(&["list"], "unused");
    assert_eq!(listed.answer(), serde_json::json!({ HOST: "AWS" }));
    assert_eq!(aws.count(ECR), calls);
    assert_eq!(environment.entries().len(), 1);
}

/// Kills each of them at a moment of its own.
fn kill_in_time(mut children: Vec<(Duration, Child)>) -> Vec<Outcome> {
    let start = Instant::now();
    children.sort_by_key(|(moment, _)| *moment);
    for (moment, child) in &mut children {
        std::thread::sleep(moment.saturating_sub(start.elapsed()));
        // One that has ended is not there to be killed.
        let _ = child.kill();
    }
    let children = children.into_iter().map(|(_, child)| child);
    children.map(Outcome::of).collect()
}

/// Without what is logged if the machine is slow: with a stale token, a process waits in line for
/// 1.5 s, and for AWS for 3 s in all.
fn without_delays(outcome: &Outcome) -> Outcome {
    let delays = [": stopped waiting for the lock: ", ": no response within "];
    let is_other = |line: &&str| !delays.iter().any(|delay| line.contains(delay));
    let lines = outcome.stderr.split_inclusive('\n');
    Outcome {
        stderr: lines.filter(is_other).collect(),
        ..outcome.clone()
    }
}

/// Lets `get`s be killed at moments all over their lives, in at least so many rounds.
fn killed_again_and_again(rounds: usize, prepare: impl Fn(&TestEnvironment)) {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    let start = Instant::now();
    environment.get(HOST).grant();
    let mut life = start.elapsed();
    let mut seen = Rounds::default();
    while !seen.are_enough(rounds) {
        let round = seen.all();
        assert!(round < 20 * rounds, "always at the same moment: {seen:?}");
        prepare(&environment);
        aws.settle();
        let calls = aws.count(ECR);
        let start = Instant::now();
        let children = (0..CROWD).map(|n| {
            let moment = life.mul_f64(1.6 * part(round * CROWD + n));
            (moment, environment.start(&["get"], HOST.as_bytes()))
        });
        let outcomes = kill_in_time(children.collect());
        let stood_still = start.elapsed() > Duration::from_millis(1500);
        aws.settle();
        let answered: Vec<&Outcome> = outcomes.iter().filter(|o| o.code.is_some()).collect();
        for outcome in &answered {
            if stood_still {
                without_delays(outcome).grant()
            } else {
                outcome.grant()
            };
        }
        match (answered.is_empty(), aws.count(ECR) > calls) {
            (false, _) => seen.after += 1,
            (true, true) => seen.within += 1,
            (true, false) => seen.before += 1,
        }
        let start = Instant::now();
        the_cache_is_sound(&aws, &mut environment);
        // Two gets and a list: more than one life, on a machine that may have become slow.
        life = (life + start.elapsed() / 3) / 2;
    }
}

fn cold(environment: &TestEnvironment) {
    fs::remove_dir_all(environment.home().join(".cache")).expect("a cache");
}

fn stale(environment: &TestEnvironment) {
    environment.age_cache(7 * HOUR);
}

#[test]
fn cold_gets_that_are_killed_leave_whole_entries_or_none() {
    killed_again_and_again(20, cold);
}

#[test]
fn renewals_that_are_killed_leave_whole_entries() {
    killed_again_and_again(20, stale);
}

#[test]
#[ignore = "takes long: .ci/run"]
fn hundreds_of_gets_that_are_killed_leave_whole_entries_or_none() {
    killed_again_and_again(200, cold);
    killed_again_and_again(200, stale);
}
