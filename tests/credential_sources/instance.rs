//! Instance metadata that gives nothing.

use std::time::{Duration, Instant};

use super::common::fake_aws::{FakeAws, Fault, Operation, Times};
use super::common::{HOST, TestEnvironment, refusing};

/// What is asked of instance metadata, one after the other.
const STEPS: [Operation; 3] = [
    Operation::ImdsToken,
    Operation::ImdsRoleName,
    Operation::ImdsCredentials,
];

/// A `get` where instance metadata gives nothing: it ends soon, and says why.
#[track_caller]
fn has_no_credentials(environment: &TestEnvironment, endpoint: &str, why: &str) {
    let started = Instant::now();
    let outcome = environment.get(HOST);
    let elapsed = started.elapsed();
    let hints = outcome.failure(&format!(
        "no credentials for {HOST}: no AWS credentials found: instance metadata at {endpoint} {why}"
    ));
    assert_eq!(
        hints,
        [
            "Sign in with `aws sso login`, `aws login` or `aws configure`, or select a profile in config.toml or AWS_PROFILE",
            "On EC2, attach a role to the instance; for containers, set the metadata hop limit to 2",
            &environment.searched_files(),
            &format!(
                "identity: instance metadata at {endpoint}; selected by the default AWS credential chain"
            )
        ]
    );
    // A step has one second, and the machine may be busy.
    assert!(elapsed < Duration::from_secs(12), "{elapsed:?}");
}

#[test]
fn instance_metadata_that_hangs_is_asked_once_and_not_waited_for() {
    for step in STEPS {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::with_aws(&aws);
        environment.set_instance_metadata(&aws);
        aws.on(step, Fault::Hang);
        has_no_credentials(
            &environment,
            &aws.url(),
            "cannot be reached: no response within 1s",
        );
        assert_eq!(aws.count(step), 1, "{step:?}");
    }
}

#[test]
fn instance_metadata_that_fails_is_asked_once() {
    // The SDK repeats what was answered with 5xx, and not what was not answered at all.
    for step in STEPS {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::with_aws(&aws);
        environment.set_instance_metadata(&aws);
        aws.on(step, Fault::Status(500));
        let outcome = environment.get(HOST);
        let told = format!("instance metadata at {} returned no credentials", aws.url());
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        assert!(outcome.stdout.contains(&told), "{outcome:?}");
        assert_eq!(aws.count(step), 1, "{step:?}");
    }
}

#[test]
fn a_machine_without_instance_metadata_says_so() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.set_instance_metadata(&aws);
    let (_held, address) = refusing();
    let endpoint = format!("http://{address}");
    environment.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", &endpoint);
    has_no_credentials(
        &environment,
        &endpoint,
        "cannot be reached: connection refused",
    );
}

#[test]
fn an_instance_without_a_role_says_so() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    aws.set_instance_role(None);
    environment.set_instance_metadata(&aws);
    has_no_credentials(&environment, &aws.url(), "has no role for this instance");
}

#[test]
fn requests_to_instance_metadata_are_repeated_as_often_as_aws_settings_say() {
    let by_variable = |environment: &mut TestEnvironment| {
        environment.set("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "3");
    };
    let by_profile = |environment: &mut TestEnvironment| {
        environment.aws_config("[default]\nmetadata_service_num_attempts = 3\n");
    };
    for set in [by_variable as fn(&mut TestEnvironment), by_profile] {
        for step in STEPS {
            let aws = FakeAws::start();
            let mut environment = TestEnvironment::with_aws(&aws);
            environment.set_instance_metadata(&aws);
            set(&mut environment);
            aws.on_times(step, Fault::Status(500), Times::N(2));
            environment.get(HOST).grant();
            assert_eq!(aws.count(step), 3, "{step:?}");
        }
    }
}

#[test]
fn instance_metadata_is_waited_for_as_long_as_aws_settings_say() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.set_instance_metadata(&aws);
    environment.set("AWS_METADATA_SERVICE_TIMEOUT", "2");
    aws.on(Operation::ImdsRoleName, Fault::Hang);
    has_no_credentials(
        &environment,
        &aws.url(),
        "cannot be reached: no response within 2s",
    );
    // The time of the whole `get` ends longer ones.
    environment.set("AWS_METADATA_SERVICE_TIMEOUT", "3600");
    environment.set("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "3600");
    environment.config("timeout_seconds = 4\n");
    let started = Instant::now();
    let outcome = environment.get(HOST);
    assert!(outcome.stdout.contains("no response within"), "{outcome:?}");
    assert!(started.elapsed() < Duration::from_secs(20), "{outcome:?}");
}

#[test]
fn a_timeout_of_instance_metadata_that_is_not_a_number_is_refused() {
    for wrong in ["0", "x", "1.5"] {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::with_aws(&aws);
        environment.set_instance_metadata(&aws);
        environment.set("AWS_METADATA_SERVICE_TIMEOUT", wrong);
        let outcome = environment.get(HOST);
        let told =
            format!("AWS_METADATA_SERVICE_TIMEOUT is `{wrong}`; expected a whole number above 0");
        assert!(outcome.stdout.contains(&told), "{outcome:?}");
    }
}
