//! Clocks that are set while AWS's is right.

use std::fs;

use super::common::fake_aws::{FakeAws, Fault};
use super::common::{HOST, TestEnvironment, costs_only_the_caching_of};
use super::{Clock, DAY, ECR, HOUR, now};

fn with_clock(aws: &FakeAws) -> (TestEnvironment, Clock) {
    let mut environment = TestEnvironment::of_alice(aws);
    let clock = Clock::of(&mut environment);
    (environment, clock)
}

/// Each login works, by a token of its own; what is cached is not changed, and this is logged.
#[track_caller]
fn costs_a_call_each(aws: &FakeAws, environment: &mut TestEnvironment, warnings: &[String]) {
    let path = environment.entries().remove(0);
    let entry = fs::read(&path).expect("an entry");
    let calls = aws.count(ECR);
    costs_only_the_caching_of(environment, |environment| environment.get(HOST), warnings);
    assert_eq!(aws.count(ECR), calls + 3);
    // Who tidies up by a clock that is ahead takes it for expired.
    if let Ok(bytes) = fs::read(&path) {
        assert_eq!(bytes, entry);
    }
    let listed = environment.run(&["list"], "unused");
    assert_eq!((listed.code, listed.stdout.as_str()), (Some(0), "{}\n"));
}

#[test]
fn a_clock_that_is_set_back_costs_calls_until_it_is_right_again() {
    // The last is a clock whose battery is empty: 1970.
    for ahead in [-DAY, -365 * DAY, -now()] {
        let aws = FakeAws::start();
        let (mut environment, clock) = with_clock(&aws);
        let first = environment.get(HOST);
        assert_eq!(first.grant().serial, 1);
        clock.set(ahead);
        let path = environment.entries().remove(0);
        let warnings = [
            format!("ignoring {path:?}: it is dated more than 5 minutes in the future"),
            format!("not cached in {path:?}: it has a lifetime of zero or more than 13 hours"),
        ];
        costs_a_call_each(&aws, &mut environment, &warnings);
        clock.set(0);
        let calls = aws.count(ECR);
        assert_eq!(environment.get(HOST), first);
        assert_eq!(aws.count(ECR), calls);
    }
}

#[test]
fn a_clock_that_is_set_forward_costs_calls_until_it_is_right_again() {
    for ahead in [DAY, 365 * DAY] {
        let aws = FakeAws::start();
        let (mut environment, clock) = with_clock(&aws);
        assert_eq!(environment.get(HOST).grant().serial, 1);
        clock.set(ahead);
        let warning = format!(
            "{HOST}: the new token is not cached, because by this machine's clock it is already too old"
        );
        costs_a_call_each(&aws, &mut environment, &[warning]);
        clock.set(0);
        let calls = aws.count(ECR);
        let right = environment.get(HOST);
        right.grant();
        assert_eq!(environment.get(HOST), right);
        assert!(aws.count(ECR) <= calls + 1);
    }
}

#[test]
fn a_token_requested_while_the_clock_was_ahead_is_replaced_when_it_is_right() {
    let aws = FakeAws::start();
    let (environment, clock) = with_clock(&aws);
    clock.set(HOUR);
    let ahead = environment.get(HOST);
    assert_eq!(environment.get(HOST), ahead);
    clock.set(0);
    let right = environment.get(HOST);
    assert_eq!(right.grant().serial, 2);
    assert_eq!(environment.get(HOST), right);
    clock.set(HOUR);
    assert_eq!(environment.get(HOST), right);
    assert_eq!(environment.entries().len(), 1);
}

#[test]
fn a_failure_remembered_while_the_clock_was_ahead_is_forgotten_when_it_is_right() {
    let aws = FakeAws::start();
    let (environment, clock) = with_clock(&aws);
    let held = environment.get(HOST);
    environment.age_cache(7 * HOUR);
    clock.set(240);
    aws.on(ECR, Fault::Status(503));
    assert_eq!(environment.get(HOST), held);
    aws.heal_all();
    let calls = aws.count(ECR);
    assert_eq!(environment.get(HOST), held, "remembered");
    assert_eq!(aws.count(ECR), calls);
    clock.set(0);
    assert_eq!(environment.get(HOST).grant().serial, 2);
}
