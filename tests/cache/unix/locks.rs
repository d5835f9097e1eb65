//! Locks that nobody gives back.

use std::fs;
use std::path::PathBuf;
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::super::common::fake_aws::{FakeAws, Fault, Times};
use super::super::common::{HOST, TestEnvironment};
use super::super::{ECR, OTHER, hold_stale_tokens};
use super::costs_only_the_caching;

/// Looks again and again until it is so; far longer than it can take means never.
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(30), "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A `get` that holds the lock and waits for AWS; ended for good when dropped.
struct Waiting(Child);

impl Waiting {
    fn start(aws: &FakeAws, environment: &TestEnvironment) -> Self {
        aws.clear();
        aws.on_times(ECR, Fault::Hang, Times::N(1));
        let child = environment.start(&["get"], HOST.as_bytes());
        wait_until("the first get asks AWS", || aws.count(ECR) == 1);
        Self(child)
    }

    fn stop(&self) {
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
fn a_lock_that_a_stopped_process_holds_delays_a_get_by_half_of_its_time() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.config("timeout_seconds = 4\n");
    let waiting = Waiting::start(&aws, &environment);
    waiting.stop();
    let start = Instant::now();
    environment.get(HOST).grant();
    let took = start.elapsed();
    assert!(
        took >= Duration::from_millis(1900),
        "{took:?}: no lock was held"
    );
    assert!(took < Duration::from_secs(20), "{took:?}");
    assert_eq!(environment.entries(), [] as [PathBuf; 0], "not its turn");
    // Other registries are not delayed.
    environment.get(OTHER).grant();
    assert_eq!(environment.entries().len(), 1);
    drop(waiting);
    let cold = environment.get(HOST);
    cold.grant();
    assert_eq!(environment.get(HOST), cold);
}

#[test]
fn a_lock_that_a_stopped_process_holds_delays_the_old_token_little() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.config("timeout_seconds = 60\n");
    let held = hold_stale_tokens(&environment);
    let waiting = Waiting::start(&aws, &environment);
    waiting.stop();
    let start = Instant::now();
    assert_eq!(environment.get(HOST), held[0]);
    let took = start.elapsed();
    assert!(took < Duration::from_secs(25), "{took:?}");
    assert_eq!(aws.count(ECR), 1, "nobody else asked");
}

#[test]
fn a_lock_that_a_stranger_holds_for_ever_costs_only_the_caching() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.config("timeout_seconds = 1\n");
    environment.get(HOST).grant();
    let path = environment.cached("lock").remove(0);
    fs::remove_file(environment.entries().remove(0)).expect("an entry");
    // To other processes, a lock of this one is a stranger's.
    let file = fs::File::open(&path).expect("the lock");
    fs2::FileExt::lock_exclusive(&file).expect("lock");
    let reason = format!(
        "going on without the cache: another process has held {path:?} for too long: see \
         whether a docker-credential-ecrx hangs or is stopped"
    );
    costs_only_the_caching(&mut environment, &[reason]);
}
