//! Sources without a role or a sign-in: keys, processes, web identities, containers, instances.

use std::time::Duration;

use super::common::fake_aws::{ALICE, FakeAws, Operation};
use super::common::sources::{self, Expected};
use super::common::{HOST, TestEnvironment};
use super::{EVERY_WAY, asks_once, profile_asks_once};

#[test]
fn long_lived_keys_in_variables_ask_once() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let expected = Expected {
        principal: ALICE.2.to_owned(),
        calls: Vec::new(),
    };
    asks_once(&environment, &aws, &expected);
}

#[test]
fn temporary_keys_in_variables_ask_once() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    let principal = "arn:aws:sts::111122223333:assumed-role/session/alice";
    let keys = aws.temporary_credentials(principal, Duration::from_secs(3600));
    environment.set_session(&keys);
    let expected = Expected {
        principal: principal.to_owned(),
        calls: Vec::new(),
    };
    asks_once(&environment, &aws, &expected);
}

#[test]
fn the_old_name_of_the_session_token_is_read_first_as_in_the_aws_cli() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    let principal = "arn:aws:sts::111122223333:assumed-role/session/alice";
    let keys = aws.temporary_credentials(principal, Duration::from_secs(3600));
    environment.set_session(&keys);
    let token = keys.session_token.expect("a token");
    environment.set("AWS_SECURITY_TOKEN", &token);
    environment.set("AWS_SESSION_TOKEN", "FwoEXAMPLE");
    assert_eq!(environment.get(HOST).grant().principal, principal);
}

#[test]
fn keys_of_a_profile_ask_once() {
    profile_asks_once(sources::keys, &EVERY_WAY);
}

#[test]
fn session_keys_of_a_profile_ask_once() {
    profile_asks_once(sources::session_keys, &EVERY_WAY);
}

#[test]
fn a_credential_process_asks_once() {
    profile_asks_once(sources::process, &EVERY_WAY);
}

#[test]
fn a_credential_process_is_not_run_by_a_warm_get() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    sources::process(&mut environment, &aws, "default");
    for _ in 0..3 {
        environment.get(HOST).answer();
    }
    let runs = std::fs::read_to_string(environment.home().join("runs")).expect("it ran");
    assert_eq!(runs, "run\n");
}

#[test]
fn a_web_identity_of_a_profile_asks_once() {
    profile_asks_once(sources::web_identity, &EVERY_WAY);
}

#[test]
fn a_web_identity_in_variables_asks_once() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    let expected = environment.set_web_identity();
    asks_once(&environment, &aws, &expected);
}

#[test]
fn a_web_identity_token_may_end_in_a_line_break() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    let expected = environment.set_web_identity();
    environment.write("environment.jwt", "e30.e30.e30\n");
    assert_eq!(environment.get(HOST).grant().principal, expected.principal);
}

#[test]
fn the_container_endpoint_asks_once() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    let expected = environment.set_container(&aws);
    asks_once(&environment, &aws, &expected);
}

#[test]
fn expired_credentials_of_the_container_endpoint_are_not_used() {
    let aws = FakeAws::start();
    aws.expire_container_credentials();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.set_container(&aws);
    let outcome = environment.get(HOST);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let expected = "credentials that expired at 2026-01-01T00:00:00Z";
    assert!(outcome.stdout.contains(expected), "{outcome:?}");
    assert_eq!(aws.count(Operation::EcrGetAuthorizationToken), 0);
}

fn of_container(aws: &FakeAws) -> Expected {
    Expected {
        principal: aws.container_principal(),
        calls: vec![Operation::EksCredentials],
    }
}

#[test]
fn the_container_endpoint_gets_the_token_of_the_variable() {
    let aws = FakeAws::start();
    aws.require_container_authorization("Bearer one");
    let mut environment = TestEnvironment::with_aws(&aws);
    let url = format!("{}/v1/credentials", aws.url());
    environment.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url);
    environment.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Bearer one");
    asks_once(&environment, &aws, &of_container(&aws));
}

#[test]
fn the_container_endpoint_gets_the_token_of_the_file_before_that_of_the_variable() {
    let aws = FakeAws::start();
    aws.require_container_authorization("Bearer of the file");
    let mut environment = TestEnvironment::with_aws(&aws);
    let url = format!("{}/v1/credentials", aws.url());
    let file = environment.write("pod-identity", "Bearer of the file");
    let file = file.display().to_string();
    environment.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url);
    environment.set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &file);
    environment.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Bearer one");
    asks_once(&environment, &aws, &of_container(&aws));
}

#[test]
fn instance_metadata_asks_once() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    let expected = environment.set_instance_metadata(&aws);
    asks_once(&environment, &aws, &expected);
}
