//! Herds: one of them asks, and all get its answer.

use std::process::Child;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::common::fake_aws::{ALICE, BOB, FakeAws, Fault, Gate, Operation, Times};
#[cfg(unix)]
use super::common::sources;
use super::common::{HOST, Outcome, PREVIOUS, PREVIOUS_ATTEMPT, TestEnvironment, without_retry};
use super::refreshes::{end_sign_in, sign_in};
use super::{
    ECR, HOUR, OTHER, ROLE_PER_ACCOUNT, STS, at_once, hold_stale_tokens, keys, no_credentials,
};

/// Two herds of 256 would have more pipes open than a process is given by default.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// 256 at once, one for each of the hosts in turn.
fn herd(environment: &TestEnvironment, hosts: &[String]) -> Vec<Outcome> {
    let _alone = ONE_AT_A_TIME
        .lock()
        .unwrap_or_else(|poison| poison.into_inner());
    let host = |n: usize| hosts[n % hosts.len()].as_str();
    at_once((0..256).map(|n| (environment, host(n))))
}

#[test]
fn of_256_cold_gets_with_a_role_one_assumes_it_and_asks_and_all_get_its_answer() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.config(ROLE_PER_ACCOUNT);
    // A slow call, so that no process comes late by chance.
    aws.on(STS, Fault::Delay(Duration::from_millis(500)));
    let outcomes = herd(&environment, &[HOST.to_owned()]);
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
    assert_eq!(environment.entries().len(), 1);
}

#[test]
fn of_256_cold_gets_of_16_registries_16_ask_and_16_entries_are_kept() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    aws.on(ECR, Fault::Delay(Duration::from_millis(300)));
    let hosts: Vec<String> = ["999999999999", "444455556666"]
        .iter()
        .flat_map(|account| {
            (1..=8).map(move |n| format!("{account}.dkr.ecr.{}.amazonaws.com", region(n)))
        })
        .collect();
    let outcomes = herd(&environment, &hosts);
    for (n, outcome) in outcomes.iter().enumerate() {
        assert_eq!(outcome, &outcomes[n % 16]);
        assert_eq!(outcome.grant().region, region(n % 8 + 1));
    }
    assert_eq!(aws.calls().len(), 16);
    assert_eq!(environment.entries().len(), 16);
    // And every one of them is found again.
    for (host, outcome) in hosts.iter().zip(&outcomes) {
        assert_eq!(&environment.get(host), outcome);
    }
    assert_eq!(aws.calls().len(), 16);
}

#[test]
fn when_the_requesting_process_dies_another_continues_in_time() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    aws.on_times(ECR, Fault::Hang, Times::N(1));
    let mut first = environment.start(&["get"], HOST.as_bytes());
    aws.wait_for(ECR, 1);
    let waiting: Vec<Child> = (0..32)
        .map(|_| environment.start(&["get"], HOST.as_bytes()))
        .collect();
    first.kill().expect("killed");
    first.wait().expect("ended");
    let outcomes: Vec<Outcome> = waiting.into_iter().map(Outcome::of).collect();
    for outcome in &outcomes {
        outcome.grant();
        assert_eq!(outcome, &outcomes[0]);
    }
    assert_eq!(aws.count(ECR), 2);
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

/// 80 registries, as a classic `docker build` asks for them: one after the other.
fn eighty() -> Vec<String> {
    (1..=80)
        .map(|n| format!("{n:012}.dkr.ecr.{}.amazonaws.com", region(n % 8 + 1)))
        .collect()
}

/// Gets tokens for all of these hosts, and lets AWS hang when they are due for renewal.
#[track_caller]
fn old_tokens_answer_for_a_dead_aws(
    aws: &FakeAws,
    environment: &TestEnvironment,
    hosts: &[String],
) {
    let held: Vec<Outcome> = hosts.iter().map(|host| environment.get(host)).collect();
    held[hosts.len() - 1].grant();
    environment.age_cache(7 * HOUR);
    aws.on(ECR, Fault::Hang);
    aws.clear();
    let start = Instant::now();
    for (host, held) in hosts.iter().zip(&held) {
        assert_eq!(&environment.get(host), held);
    }
    // One attempt, of three seconds, and another only where they take more than five.
    let most = start.elapsed().as_secs() / 5 + 1;
    assert!(aws.count(ECR) as u64 <= most, "{}", aws.count(ECR));
}

#[test]
fn with_a_dead_network_and_unexpired_tokens_eighty_registries_answer() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let hosts = eighty();
    old_tokens_answer_for_a_dead_aws(&aws, &environment, &hosts);
}

#[test]
fn with_an_expired_sign_in_and_unexpired_tokens_eighty_registries_answer_unasked() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    sign_in(&mut environment, &aws);
    let hosts = eighty();
    let held: Vec<Outcome> = hosts.iter().map(|host| environment.get(host)).collect();
    held[0].grant();
    environment.age_cache(7 * HOUR);
    end_sign_in(&environment);
    aws.clear();
    for (host, held) in hosts.iter().zip(&held) {
        assert_eq!(&environment.get(host), held);
    }
    assert_eq!(aws.calls().len(), 0);
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
        let why = without_retry(why);
        why.trim_start_matches(PREVIOUS_ATTEMPT).to_owned()
    };
    for outcome in &outcomes {
        assert_eq!(why(outcome), why(&outcomes[0]));
    }
    // The first, and the next in line.
    assert_eq!((aws.count(STS), aws.count(ECR)), (2, 2));
    // Some seconds later it may be mended.
    aws.heal_all();
    environment.age_marks(6);
    environment.get(HOST).grant();
}

#[test]
fn of_256_that_are_denied_at_once_the_late_ones_are_told_too() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    aws.on(ECR, Fault::AccessDenied);
    let start = Instant::now();
    for outcome in herd(&environment, &[HOST.to_owned()]) {
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        assert!(outcome.stdout.contains("AccessDenied"), "{outcome:?}");
    }
    // Two for each five seconds that it takes to start them all.
    let most = 2 + 2 * (start.elapsed().as_secs() / 5);
    let asked = aws.count(ECR) as u64;
    assert!((1..=most).contains(&asked), "{asked}");
}

/// Longer than the first failure is remembered.
#[test]
fn a_failure_that_takes_long_is_not_multiplied_by_the_herd() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.config("timeout_seconds = 60\n");
    aws.deny_ecr(ALICE.2);
    let gates = [Gate::default(), Gate::default()];
    for gate in &gates {
        aws.on_times(ECR, Fault::Behind(gate.clone()), Times::N(1));
    }
    let asked = |count| {
        let start = Instant::now();
        while aws.count(ECR) < count {
            assert!(start.elapsed() < Duration::from_secs(20), "{count}");
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    let children: Vec<Child> = (0..8)
        .map(|_| environment.start(&["get"], HOST.as_bytes()))
        .collect();
    asked(1);
    // All of them are in line before it fails.
    std::thread::sleep(Duration::from_secs(1));
    gates[0].open();
    asked(2);
    environment.age_marks(6);
    gates[1].open();
    for child in children {
        assert_eq!(Outcome::of(child).code, Some(1));
    }
    assert_eq!(aws.count(ECR), 2);
}

#[test]
fn a_refusal_is_not_multiplied_by_a_herd_with_a_stale_token() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let held = hold_stale_tokens(&environment);
    let refusal = r#"{"__type":"ValidationException","message":"no"}"#;
    aws.on(ECR, Fault::RawResponse(400, Vec::new(), refusal.to_owned()));
    aws.clear();
    for outcome in at_once([(&environment, HOST); 32]) {
        assert_eq!(outcome, held[0]);
    }
    assert_eq!(aws.count(ECR), 1);
}

/// A profile for each account, as people have who sign in by SSO.
#[test]
fn with_a_dead_network_and_unexpired_tokens_many_profiles_answer() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::with_aws(&aws);
    let hosts = &eighty()[..16];
    let (mut rules, mut profiles) = (String::new(), String::new());
    for (n, host) in hosts.iter().enumerate() {
        let (account, _) = host.split_once('.').expect("an account");
        rules += &format!("[[registry]]\nmatch = \"{account}\"\nprofile = \"p{n}\"\n");
        let (id, secret) = (format!("AKIAIOSFODNN7EXAMP{n:02}"), format!("secret {n}"));
        aws.add_user(&id, &secret, ALICE.2);
        profiles += &keys(&format!("p{n}"), (&id, &secret, ""));
    }
    environment.config(&rules);
    environment.write(".aws/credentials", &profiles);
    old_tokens_answer_for_a_dead_aws(&aws, &environment, hosts);
}

#[test]
fn the_dead_endpoint_of_one_rule_keeps_no_other_registry_from_its_token() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let other = HOST.replace("us-west-2", "us-east-1");
    environment.config(
        "[[registry]]\nmatch = \"999999999999/us-west-2\"\nendpoint_url = \"http://127.0.0.1:1\"\n",
    );
    let outcome = environment.get(HOST);
    assert!(
        outcome.stdout.contains("cannot reach 127.0.0.1:1"),
        "{outcome:?}"
    );
    environment.keep_marks();
    environment.get(&other).grant();
}

#[test]
fn a_remembered_failure_keeps_its_hints_and_says_when_it_is_tried_again() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    aws.on(ECR, Fault::AccessDenied);
    let hints = |outcome: &Outcome| -> Vec<String> {
        let lines = outcome.stderr.lines().skip(1);
        lines.map(str::to_owned).collect()
    };
    let first = environment.get(HOST);
    environment.get(HOST);
    let third = environment.get(HOST);
    assert_eq!(aws.count(ECR), 2);
    assert!(!hints(&first).is_empty(), "{first:?}");
    assert_eq!(hints(&third), hints(&first));
    let (_, why) = first.stdout.split_once(": ").expect("a reason");
    let is_told = |seconds: u64| {
        let told = format!("(previous attempt, retry in {seconds} s) {why}");
        third.stdout.ends_with(&told)
    };
    assert!((1..=5).any(is_told), "{third:?}");
}

#[test]
fn one_dead_network_is_found_out_once_for_all_registries() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    aws.on(ECR, Fault::Status(503));
    let hosts = eighty();
    let first = environment.get(&hosts[0]);
    environment.keep_marks();
    let (_, why) = first.stdout.split_once(": ").expect("a reason");
    let why = why.trim_end();
    let calls = aws.count(ECR);
    for host in &hosts[1..] {
        environment.get(host).failure(&format!(
            "no credentials for {host}: {PREVIOUS_ATTEMPT}{why}"
        ));
    }
    assert_eq!(aws.count(ECR), calls);
    // The one who asks for the same once more may have mended it.
    aws.heal_all();
    environment.get(&hosts[0]).grant();
}

#[test]
fn with_an_expired_sign_in_and_no_tokens_eighty_registries_fail_alike_and_unasked() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    sign_in(&mut environment, &aws);
    end_sign_in(&environment);
    let why = |host: &str| {
        let outcome = environment.get(host);
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        let said = outcome.stdout.replace(host, "HOST");
        without_retry(&said).replace(PREVIOUS_ATTEMPT, "")
    };
    let first = why(HOST);
    assert!(first.contains("aws sso login"), "{first}");
    for host in eighty() {
        assert_eq!(why(&host), first);
    }
    assert_eq!(aws.connections(), 0);
}

#[test]
fn other_keys_end_the_memory_of_a_failure() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    aws.on(ECR, Fault::Status(503));
    environment.get(HOST);
    environment.keep_marks();
    aws.heal_all();
    let other = HOST.replace("us-west-2", "us-east-1");
    assert!(environment.get(&other).stdout.contains(PREVIOUS));
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
        environment.keep_marks();
        aws.heal_all();
        let outcome = environment.get(&other);
        assert!(outcome.stdout.contains(PREVIOUS));
        change(&environment);
        environment.get(&other).grant();
    }
}

/// What a platform renews is a new sign-in, as what a person renews.
#[test]
fn a_renewed_web_identity_token_ends_the_memory_of_a_failure() {
    const WEB: Operation = Operation::StsAssumeRoleWithWebIdentity;
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.set_web_identity();
    aws.on(WEB, Fault::ExpiredToken);
    environment.get(HOST);
    environment.keep_marks();
    aws.heal_all();
    let outcome = environment.get(OTHER);
    assert!(outcome.stdout.contains(PREVIOUS));
    environment.write("environment.jwt", "e30.e30.e31");
    environment.get(OTHER).grant();
}

/// A `credential_process` often is an AWS tool, and goes by the same variables.
#[cfg(unix)]
#[test]
fn a_change_of_an_identity_variable_ends_the_memory_of_a_failure() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    sources::process(&mut environment, &aws, "work");
    let script = environment.home().join("process.sh");
    let works = std::fs::read_to_string(&script).expect("a script");
    environment.write(
        "process.sh",
        &format!("[ \"$AWS_ROLE_SESSION_NAME\" = alice ] || exit 1\n{works}"),
    );
    environment.set("ECRX_PROFILE", "work");
    environment.set("AWS_ROLE_SESSION_NAME", "bob");
    let outcome = environment.get(HOST);
    assert!(
        outcome.stdout.contains("returned no credentials"),
        "{outcome:?}"
    );
    let outcome = environment.get(OTHER);
    assert!(outcome.stdout.contains(PREVIOUS));
    environment.set("AWS_ROLE_SESSION_NAME", "alice");
    environment.get(OTHER).grant();
}

#[test]
fn another_endpoint_in_a_variable_ends_the_memory_of_a_failure() {
    let aws = FakeAws::start();
    let url = aws.url();
    for (variable, role) in [
        ("AWS_ENDPOINT_URL_ECR", ""),
        ("AWS_ENDPOINT_URL_STS", ROLE_PER_ACCOUNT),
    ] {
        let mut environment = TestEnvironment::of_alice(&aws);
        environment.config(role);
        environment.set(variable, "http://127.0.0.1:1");
        let outcome = environment.get(HOST);
        assert!(outcome.stdout.contains("127.0.0.1:1"), "{outcome:?}");
        environment.keep_marks();
        environment.set(variable, &url);
        environment.get(HOST).grant();
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
    let why = [
        "requesting an authorization token: no response within ",
        "(previous attempt) requesting an authorization token: no response within ",
        // Whose own time is over a moment earlier than that of who asks.
        "another process has locked ",
    ];
    for outcome in outcomes {
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        let said = without_retry(&outcome.stdout);
        let is_so = |why: &&str| said.starts_with(&no_credentials(why));
        assert!(why.iter().any(is_so), "{outcome:?}");
    }
    assert!((2..=3).contains(&aws.count(ECR)), "{}", aws.count(ECR));
}
