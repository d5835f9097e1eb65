//! A machine that sleeps for a day, while a `get` is under way.

use std::process::Child;
use std::time::Duration;

use super::common::fake_aws::{FakeAws, Fault, Gate, Times};
use super::common::{HOST, Outcome, TestEnvironment};
use super::{Clock, DAY, ECR, HOUR, set_aws};

fn with_clock(aws: &FakeAws) -> (TestEnvironment, Clock) {
    let mut environment = TestEnvironment::of_alice(aws);
    let clock = Clock::of(&mut environment);
    (environment, clock)
}

/// Starts a `get` that meets this fault, and waits until it has asked AWS.
fn start(aws: &FakeAws, environment: &TestEnvironment, fault: Fault) -> Child {
    let calls = aws.count(ECR);
    aws.on_times(ECR, fault, Times::N(1));
    let child = environment.start(&["get"], HOST.as_bytes());
    aws.wait_for(ECR, calls + 1);
    child
}

#[test]
fn a_token_that_expired_in_a_days_sleep_is_requested_anew() {
    let aws = FakeAws::start();
    let (environment, clock) = with_clock(&aws);
    assert_eq!(environment.get(HOST).grant().serial, 1);
    clock.set(DAY);
    set_aws(&aws, DAY);
    let next = environment.get(HOST);
    assert_eq!(next.grant().serial, 2);
    assert_eq!(environment.get(HOST), next);
}

#[test]
fn an_answer_that_aws_gives_after_a_days_sleep_is_kept() {
    let aws = FakeAws::start();
    let (environment, clock) = with_clock(&aws);
    let gate = Gate::default();
    let get = start(&aws, &environment, Fault::Behind(gate.clone()));
    clock.set(DAY);
    set_aws(&aws, DAY);
    gate.open();
    let answer = Outcome::of(get);
    answer.grant();
    assert_eq!(environment.get(HOST), answer);
    assert_eq!(aws.count(ECR), 1);
}

/// From a clock that is wrong it cannot be told: it is answered this once, and not kept.
#[test]
fn an_answer_that_aws_gave_before_a_days_sleep_is_not_kept() {
    let aws = FakeAws::start();
    let (environment, clock) = with_clock(&aws);
    let gate = Gate::default();
    let get = start(&aws, &environment, Fault::Behind(gate.clone()));
    clock.set(DAY);
    gate.open();
    assert_eq!(Outcome::of(get).grant().serial, 1);
    assert!(environment.entries().is_empty());
    set_aws(&aws, DAY);
    let next = environment.get(HOST);
    assert_eq!(next.grant().serial, 2);
    assert_eq!(environment.get(HOST), next);
}

/// One renews a token and hangs; one stands in line behind it with the old token in hand, and
/// meets this AWS after the machine has slept until that token has expired, and the first was
/// killed.
fn asleep_in_line(meet: fn(&FakeAws)) -> (Outcome, Outcome) {
    let aws = FakeAws::start();
    let (environment, clock) = with_clock(&aws);
    let held = environment.get(HOST);
    environment.age_cache(7 * HOUR);
    let mut first = start(&aws, &environment, Fault::Hang);
    meet(&aws);
    let second = environment.start(&["get"], HOST.as_bytes());
    // Time to get in line; if it is not enough, it finds the token expired from the start.
    std::thread::sleep(Duration::from_millis(300));
    clock.set(DAY);
    set_aws(&aws, DAY);
    first.kill().expect("kill");
    first.wait().expect("wait");
    (held, Outcome::of(second))
}

#[test]
fn who_slept_in_line_past_the_end_of_the_old_token_gets_a_new_one() {
    let (held, outcome) = asleep_in_line(|_| ());
    assert_eq!(outcome.grant().serial, held.grant().serial + 1);
}

#[test]
fn who_slept_in_line_past_the_end_of_the_old_token_is_not_given_it_when_aws_is_down() {
    let (_, outcome) = asleep_in_line(|aws| aws.on(ECR, Fault::Status(503)));
    // What it was doing when its time was over depends on how long it stood in line.
    let start = format!("no credentials for {HOST}: requesting an authorization token: ");
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stdout.starts_with(&start), "{outcome:?}");
}

#[test]
fn a_token_that_expires_while_its_renewal_hangs_is_not_answered() {
    let aws = FakeAws::start();
    let (environment, clock) = with_clock(&aws);
    environment.get(HOST).grant();
    environment.age_cache(7 * HOUR);
    let get = start(&aws, &environment, Fault::Hang);
    clock.set(DAY);
    let outcome = Outcome::of(get);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let start =
        format!("no credentials for {HOST}: requesting an authorization token: no response");
    assert!(outcome.stdout.starts_with(&start), "{outcome:?}");
}
