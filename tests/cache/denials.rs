//! Denials end a token, whatever its age.

use super::common::fake_aws::{ALICE, FakeAws, Fault};
use super::common::{HOST, TestEnvironment};
use super::{ECR, STS, hold_stale_tokens, keys, no_credentials};

/// A denial is told, the entry is gone, and the old token does not come back when AWS is down.
fn a_denial_ends_the_token(aws: &FakeAws, environment: &TestEnvironment, line: &str) {
    assert_eq!(environment.entries().len(), 2);
    environment.get(HOST).failure(line);
    assert_eq!(environment.entries().len(), 1, "the other registry's stays");
    environment.get(HOST).failure(line);
    for operation in [ECR, STS] {
        aws.on(operation, Fault::Hang);
    }
    environment.config("timeout_seconds = 4\n");
    let outcome = environment.get(HOST);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    // What was left of the four seconds.
    assert!(
        outcome.stdout.contains(": no response within "),
        "{outcome:?}"
    );
}

#[test]
fn a_denial_by_ecr_ends_the_token() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    hold_stale_tokens(&environment);
    aws.deny_ecr(ALICE.2);
    let line = no_credentials(
        "ecr:GetAuthorizationToken is denied to the access key AKIAIOSFODNN7EXAMPLE: \
         AccessDeniedException: User: arn:aws:iam::111122223333:user/alice is not authorized to \
         perform: ecr:GetAuthorizationToken on resource: * because no identity-based policy \
         allows the ecr:GetAuthorizationToken action",
    );
    a_denial_ends_the_token(&aws, &environment, &line);
}

#[test]
fn a_denial_by_sts_ends_the_token() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.set("AWS_PROFILE", "deploy");
    environment.aws_credentials(&keys("alice", ALICE));
    environment.aws_config(
        "[profile deploy]\nrole_arn = arn:aws:iam::999999999999:role/deploy\n\
         source_profile = alice\n",
    );
    hold_stale_tokens(&environment);
    aws.deny_role("arn:aws:iam::999999999999:role/deploy");
    let line = no_credentials(
        "the role arn:aws:iam::999999999999:role/deploy cannot be assumed by profile deploy (the \
         access key AKIAIOSFODNN7EXAMPLE): AccessDenied: User: \
         arn:aws:iam::111122223333:user/alice is not authorized to perform: sts:AssumeRole on \
         resource: arn:aws:iam::999999999999:role/deploy",
    );
    a_denial_ends_the_token(&aws, &environment, &line);
}

#[test]
fn a_deleted_key_ends_the_token() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    hold_stale_tokens(&environment);
    aws.remove_key(ALICE.0);
    let line = no_credentials(
        "AWS rejected the access key AKIAIOSFODNN7EXAMPLE: \
         UnrecognizedClientException: The security token included in the request is invalid.",
    );
    a_denial_ends_the_token(&aws, &environment, &line);
}
