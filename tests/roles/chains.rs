//! Who assumes what.

use super::common::fake_aws::{ALICE, BOB, FakeAws, Operation};
use super::common::{HOST, TestEnvironment, sources};
use super::{assumed, pair, rule};

#[test]
fn a_rules_role_lies_on_top_of_its_profile_with_all_that_it_draws_on() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    sources::role(&mut environment, &aws, "work");
    rule(
        &environment,
        "profile = \"work\"\nrole_arn = \"arn:aws:iam::999999999999:role/pull\"",
    );
    assert_eq!(
        environment.get(HOST).grant().principal,
        "arn:aws:sts::999999999999:assumed-role/pull/docker-credential-ecrx"
    );
    assert_eq!(
        assumed(&aws),
        [
            pair(BOB.2, "arn:aws:iam::999999999999:role/work"),
            pair(
                "arn:aws:sts::999999999999:assumed-role/work/build",
                "arn:aws:iam::999999999999:role/pull"
            )
        ]
    );
}

#[test]
fn each_role_of_a_rules_chain_is_assumed_with_the_temporary_key_of_the_one_before() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let hub = "arn:aws:iam::111122223333:role/hub";
    let push = "arn:aws:iam::999999999999:role/push";
    aws.trust_role(hub, ALICE.2);
    aws.trust_role(push, "arn:aws:sts::111122223333:assumed-role/hub");
    aws.require_external_id(push, "release");
    rule(
        &environment,
        &format!(
            "role_arn = [\"{hub}\", \"{push}\"]\nexternal_id = \"release\"\n\
             role_session_name = \"ci\"\nduration_seconds = 1800"
        ),
    );
    assert_eq!(
        environment.get(HOST).grant().principal,
        "arn:aws:sts::999999999999:assumed-role/push/ci"
    );
    let calls = aws.calls();
    let asked: Vec<_> = calls
        .iter()
        .map(|call| {
            (
                call.operation,
                call.principal.as_deref().expect("known"),
                call.session_token.is_some(),
                call.param("ExternalId"),
                call.param("RoleSessionName"),
                call.param("DurationSeconds"),
            )
        })
        .collect();
    let by_hub = "arn:aws:sts::111122223333:assumed-role/hub/ci";
    let by_push = "arn:aws:sts::999999999999:assumed-role/push/ci";
    // The external id and the duration are the last role's alone.
    assert_eq!(
        asked,
        [
            (
                Operation::StsAssumeRole,
                ALICE.2,
                false,
                None,
                Some("ci"),
                None
            ),
            (
                Operation::StsAssumeRole,
                by_hub,
                true,
                Some("release"),
                Some("ci"),
                Some("1800")
            ),
            (
                Operation::EcrGetAuthorizationToken,
                by_push,
                true,
                None,
                None,
                None
            ),
        ]
    );
}

#[test]
fn of_a_chain_the_role_that_fails_and_its_caller_are_named() {
    let hub = "arn:aws:iam::111122223333:role/hub";
    let push = "arn:aws:iam::999999999999:role/push";
    let key = format!("the access key {}", ALICE.0);
    for (denied, caller, principal) in [
        (hub, key.as_str(), ALICE.2),
        (
            push,
            "the role arn:aws:iam::111122223333:role/hub",
            "arn:aws:sts::111122223333:assumed-role/hub/docker-credential-ecrx",
        ),
    ] {
        let aws = FakeAws::start();
        let environment = TestEnvironment::of_alice(&aws);
        let config = rule(&environment, &format!("role_arn = [\"{hub}\", \"{push}\"]"));
        aws.deny_role(denied);
        let outcome = environment.get(HOST);
        let hints = outcome.failure(&format!(
            "no credentials for {HOST}: the role {denied} cannot be assumed by {caller}: AccessDenied: User: {principal} is not authorized to perform: sts:AssumeRole on resource: {denied}"
        ));
        let account = denied.split(':').nth(4).expect("an account");
        assert_eq!(
            hints,
            [
                format!(
                    "In the caller's account, allow sts:AssumeRole on resource \"{denied}\" in the caller's identity policy"
                ),
                format!(
                    "In account {account}, check that the role exists and that its trust policy allows the caller without an external ID (none was sent)"
                ),
                format!(
                    "identity: the access key {}, then role {hub}, then role {push}; selected by the rule at {config}:1",
                    ALICE.0
                )
            ]
        );
        assert_eq!(aws.count(Operation::EcrGetAuthorizationToken), 0);
    }
}

#[test]
fn of_a_profiles_chain_the_role_that_fails_is_named_too() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    sources::role_of_a_role(&mut environment, &aws, "default");
    let denied = "arn:aws:iam::999999999999:role/default";
    aws.deny_role(denied);
    environment.get(HOST).failure(&format!(
        "no credentials for {HOST}: the role {denied} cannot be assumed by the role arn:aws:iam::999999999999:role/default-middle: AccessDenied: User: arn:aws:sts::999999999999:assumed-role/default-middle/build is not authorized to perform: sts:AssumeRole on resource: {denied}"
    ));
}

#[test]
fn a_session_that_is_too_long_for_a_chain_is_refused_in_stss_own_words() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    sources::role_of_a_role(&mut environment, &aws, "default");
    environment.add_aws_config("duration_seconds = 7200\n");
    let outcome = environment.get(HOST);
    let hints = outcome.failure(&format!(
        "no credentials for {HOST}: assuming the role arn:aws:iam::999999999999:role/default: ValidationError: The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
    ));
    assert_eq!(
        hints,
        [format!(
            "identity: profile default (the access key {}), then role arn:aws:iam::999999999999:role/default-middle, then role arn:aws:iam::999999999999:role/default; selected by the default AWS credential chain",
            BOB.0
        )]
    );
}

#[test]
fn a_wrong_external_id_is_never_shown() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let role = "arn:aws:iam::999999999999:role/pull";
    aws.require_external_id(role, "right");
    environment.config(&format!(
        "[[registry]]\nmatch = \"999999999999\"\nrole_arn = \"{role}\"\nexternal_id = \"wrong-one\"\n"
    ));
    let outcome = environment.get(HOST);
    assert_eq!(outcome.code, Some(1));
    assert_eq!(
        aws.calls_of(Operation::StsAssumeRole)[0].param("ExternalId"),
        Some("wrong-one")
    );
    let shown = format!("{}{}", outcome.stdout, outcome.stderr);
    assert!(!shown.contains("wrong-one"), "{shown}");
}
