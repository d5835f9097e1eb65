//! Herds: one of them asks, and all get its answer.

use std::time::{Duration, Instant};

use super::common::fake_aws::{ALICE, BOB, FakeAws, Fault};
use super::common::{HOST, Outcome, TestEnvironment};
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
fn a_failure_is_not_multiplied_by_the_herd() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.config(ROLE_PER_ACCOUNT);
    // Long enough for all to stand in line behind the first.
    aws.on(STS, Fault::Delay(Duration::from_secs(2)));
    aws.on(ECR, Fault::AccessDenied);
    let outcomes = at_once([(&environment, HOST); 32]);
    let why = |outcome: &Outcome| {
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        let (_, why) = outcome.stdout.split_once(": ").expect("a reason");
        why.trim_start_matches("remembered for a while: ")
            .to_owned()
    };
    for outcome in &outcomes {
        assert_eq!(why(outcome), why(&outcomes[0]));
    }
    // The first, and the next in line.
    assert_eq!((aws.count(STS), aws.count(ECR)), (2, 2));
    // Who comes afterwards may have mended it.
    aws.heal_all();
    environment.get(HOST).grant();
}

#[test]
fn one_dead_network_is_found_out_once_for_all_registries() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    aws.on(ECR, Fault::Status(503));
    let hosts: Vec<String> = (1..=80)
        .map(|n| format!("{n:012}.dkr.ecr.{}.amazonaws.com", region(n % 8 + 1)))
        .collect();
    let first = environment.get(&hosts[0]);
    let (_, why) = first.stdout.split_once(": ").expect("a reason");
    let why = why.trim_end();
    let calls = aws.count(ECR);
    let begin = Instant::now();
    for host in &hosts[1..] {
        let outcome = environment.get(host);
        if begin.elapsed() < Duration::from_secs(3) {
            outcome.failure(&format!(
                "no credentials for {host}: remembered for a while: {why}"
            ));
            assert_eq!(aws.count(ECR), calls);
        }
    }
    // The one who asks for the same once more may have mended it.
    aws.heal_all();
    environment.get(&hosts[0]).grant();
}

#[test]
fn other_keys_end_the_memory_of_a_failure() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    aws.on(ECR, Fault::Status(503));
    environment.get(HOST);
    aws.heal_all();
    let other = HOST.replace("us-west-2", "us-east-1");
    assert!(
        environment
            .get(&other)
            .stdout
            .contains("remembered for a while")
    );
    environment.set_keys(BOB.0, BOB.1, None);
    assert_eq!(environment.get(&other).grant().principal, BOB.2);
}

#[test]
fn a_changed_configuration_ends_the_memory_of_a_failure() {
    let aws = FakeAws::start();
    let other = HOST.replace("us-west-2", "us-east-1");
    let changes: [fn(&TestEnvironment); 2] = [
        |environment| {
            environment.config(ROLE_PER_ACCOUNT);
        },
        |environment| {
            environment.aws_config("[profile another]\nregion = us-east-1\n");
        },
    ];
    for change in changes {
        let environment = TestEnvironment::of_alice(&aws);
        aws.on(ECR, Fault::Status(503));
        environment.get(HOST);
        aws.heal_all();
        let outcome = environment.get(&other);
        assert!(outcome.stdout.contains("remembered for a while"));
        change(&environment);
        environment.get(&other).grant();
    }
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
