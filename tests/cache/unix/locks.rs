//! Locks that are not released.

use std::fs;
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::super::common::fake_aws::{FakeAws, Fault, Times};
use super::super::common::{HOST, TestEnvironment};
use super::super::{ECR, OTHER, at_once, hold_stale_tokens};

/// A `get` that holds the lock and waits for AWS; ended for good when dropped.
pub(in super::super) struct Waiting(Child);

impl Waiting {
    pub(in super::super) fn start(aws: &FakeAws, environment: &TestEnvironment) -> Self {
        aws.clear();
        aws.on_times(ECR, Fault::Hang, Times::N(1));
        let child = environment.start(&["get"], HOST.as_bytes());
        aws.wait_for(ECR, 1);
        Self(child)
    }

    pub(in super::super) fn stop(&self) {
        kill_process(Pid::from_child(&self.0), Signal::STOP).expect("stop");
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_killed_get_leaves_no_lock_in_the_way() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    // So long that a lock in the way would be noticed.
    environment.config("timeout_seconds = 60\n");
    drop(Waiting::start(&aws, &environment));
    let start = Instant::now();
    let cold = environment.get(HOST);
    assert!(start.elapsed() < Duration::from_secs(25));
    cold.grant();
    assert_eq!(aws.count(ECR), 2);
    assert_eq!(environment.get(HOST), cold);
}

#[test]
fn a_lock_that_a_stopped_process_holds_delays_one_get_by_half_of_its_time() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.config("timeout_seconds = 8\n");
    let waiting = Waiting::start(&aws, &environment);
    waiting.stop();
    let start = Instant::now();
    environment.get(HOST).grant();
    let took = start.elapsed();
    assert!(
        took >= Duration::from_millis(3900),
        "{took:?}: no lock was held"
    );
    assert!(took < Duration::from_secs(20), "{took:?}");
    // Once: who has overtaken it keeps the token for the next.
    assert_eq!(environment.entries().len(), 1);
    environment.get(HOST).grant();
    // Other registries are not delayed.
    environment.get(OTHER).grant();
    assert_eq!(aws.count(ECR), 3);
    drop(waiting);
}

#[test]
fn a_lock_that_a_stopped_process_holds_delays_the_old_token_little() {
    for _ in 0..5 {
        let aws = FakeAws::start();
        let environment = TestEnvironment::of_alice(&aws);
        environment.config("timeout_seconds = 60\n");
        let held = hold_stale_tokens(&environment);
        let waiting = Waiting::start(&aws, &environment);
        waiting.stop();
        let start = Instant::now();
        let renewed = environment.get(HOST);
        let took = start.elapsed();
        assert!(took < Duration::from_secs(25), "{took:?}");
        if renewed == held[0] {
            // It has 3 s in all, and waits for half of them: this machine stood still.
            assert!(took >= Duration::from_secs(3), "{took:?}");
            continue;
        }
        assert_eq!(environment.get(HOST), renewed);
        assert_eq!(aws.count(ECR), 2, "of two who wait, one asks");
        return;
    }
    panic!("five times the old token: no process is overtaken");
}

#[test]
fn of_a_herd_behind_a_stopped_process_one_overtakes_it() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    // The one that overtakes has a quarter of it, before another overtakes that one.
    environment.config("timeout_seconds = 16\n");
    let waiting = Waiting::start(&aws, &environment);
    waiting.stop();
    let outcomes = at_once([(&environment, HOST); 16]);
    for outcome in &outcomes {
        outcome.grant();
        assert_eq!(outcome, &outcomes[0]);
    }
    assert_eq!(aws.count(ECR), 2);
}

#[test]
fn when_all_who_hold_locks_are_stopped_that_is_told() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    // Half of it to wait for the first, a quarter for the second: the third has the last quarter
    // to come to AWS.
    environment.config("timeout_seconds = 10\n");
    let mut stopped = Vec::new();
    for count in 1..=3 {
        aws.on_times(ECR, Fault::Hang, Times::N(1));
        let child = environment.start(&["get"], HOST.as_bytes());
        aws.wait_for(ECR, count);
        let waiting = Waiting(child);
        waiting.stop();
        stopped.push(waiting);
    }
    let path = environment.cached("lock").pop().expect("a lock");
    let slot = path.file_name().expect("a name").to_str().expect("text");
    let (slot, _) = slot.split_once('.').expect("an ending");
    let path = path.with_file_name(format!("{slot}.3.lock"));
    environment.get(HOST).failure(&format!(
        "no credentials for {HOST}: another process has locked {path:?} for too long; check for a docker-credential-ecrx that hangs or is suspended"
    ));
    drop(stopped);
    environment.get(HOST).grant();
}

#[test]
fn a_lock_that_a_stranger_holds_for_ever_is_overtaken() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.config("timeout_seconds = 8\n");
    environment.get(HOST).grant();
    let path = environment.cached("lock").remove(0);
    fs::remove_file(environment.entries().remove(0)).expect("an entry");
    // To other processes, a lock of this one is a stranger's.
    let file = fs::File::open(&path).expect("the lock");
    fs2::FileExt::lock_exclusive(&file).expect("lock");
    environment.set("ECRX_LOG", "warn");
    let outcome = environment.get(HOST);
    assert_eq!(
        (outcome.code, outcome.stderr),
        (
            Some(0),
            format!(
                "docker-credential-ecrx: warn: stopped waiting for the lock: another process has locked {path:?} for too long; check for a docker-credential-ecrx that hangs or is suspended\n"
            )
        )
    );
    let kept = environment.get(HOST);
    kept.grant();
    assert_eq!(kept.stdout, outcome.stdout);
}
