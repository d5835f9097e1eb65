//! Herds: one of them asks, and all get its answer.

use std::time::{Duration, Instant};

use super::common::fake_aws::{ALICE, FakeAws, Fault};
use super::common::{HOST, TestEnvironment};
use super::{ECR, ROLE_PER_ACCOUNT, STS, at_once, no_credentials};

#[test]
fn thirty_two_cold_gets_at_once_make_one_call_and_get_equal_answers() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    // A call that takes its time: nobody may come late by luck.
    aws.on(ECR, Fault::Delay(Duration::from_millis(500)));
    let outcomes = at_once([(&environment, HOST); 32]);
    assert_eq!(outcomes[0].grant().principal, ALICE.2);
    for outcome in &outcomes {
        assert_eq!(outcome, &outcomes[0]);
    }
    assert_eq!(aws.calls().len(), 1, "{:?}", aws.calls());
    assert_eq!(environment.entries().len(), 1);
}

#[test]
fn thirty_two_cold_gets_with_a_role_assume_it_once() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.config(ROLE_PER_ACCOUNT);
    aws.on(STS, Fault::Delay(Duration::from_millis(500)));
    let outcomes = at_once([(&environment, HOST); 32]);
    assert_eq!(
        outcomes[0].grant().principal,
        "arn:aws:sts::999999999999:assumed-role/ecr-pull/docker-credential-ecrx"
    );
    for outcome in &outcomes {
        assert_eq!(outcome, &outcomes[0]);
    }
    assert_eq!(
        (aws.count(STS), aws.count(ECR), aws.calls().len()),
        (1, 1, 2)
    );
}

#[test]
fn gets_of_eight_registries_at_once_lose_no_entry() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    aws.on(ECR, Fault::Delay(Duration::from_millis(300)));
    let hosts: Vec<String> = (1..=8)
        .map(|n| format!("999999999999.dkr.ecr.{}.amazonaws.com", region(n)))
        .collect();
    let gets = (0..32).map(|n| (&environment, hosts[n % 8].as_str()));
    let outcomes = at_once(gets);
    for (n, outcome) in outcomes.iter().enumerate() {
        assert_eq!(outcome, &outcomes[n % 8]);
        assert_eq!(outcome.grant().region, region(n % 8 + 1));
    }
    assert_eq!(aws.calls().len(), 8);
    assert_eq!(environment.entries().len(), 8);
    // And every one of them is found again.
    for (host, outcome) in hosts.iter().zip(&outcomes) {
        assert_eq!(&environment.get(host), outcome);
    }
    assert_eq!(aws.calls().len(), 8);
}

fn region(n: usize) -> &'static str {
    [
        "us-east-1",
        "us-east-2",
        "us-west-1",
        "us-west-2",
        "eu-west-1",
        "eu-west-2",
        "eu-west-3",
        "eu-central-1",
    ][n - 1]
}

#[test]
fn a_herd_before_a_dead_aws_ends_in_time() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.config("timeout_seconds = 2\n");
    aws.on(ECR, Fault::Hang);
    let start = Instant::now();
    let outcomes = at_once([(&environment, HOST); 8]);
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );
    for outcome in outcomes {
        let start = no_credentials("asking for the authorization token: no answer within ");
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        assert!(outcome.stdout.starts_with(&start), "{outcome:?}");
    }
}
