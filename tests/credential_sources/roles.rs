//! Roles that profiles assume.

use super::common::fake_aws::{BOB, FakeAws, Operation};
use super::common::{HOST, TestEnvironment, sources};
use super::{EVERY_WAY, Way, profile_asks_once};

#[test]
fn a_role_of_another_profiles_keys_asks_once() {
    profile_asks_once(sources::role, &EVERY_WAY);
}

#[test]
fn a_role_of_a_role_asks_once() {
    profile_asks_once(sources::role_of_a_role, &EVERY_WAY);
}

#[test]
fn a_role_of_sso_asks_once() {
    profile_asks_once(sources::role_of_sso, &EVERY_WAY);
}

#[test]
fn a_role_of_its_own_profiles_keys_asks_once() {
    profile_asks_once(sources::role_of_itself, &EVERY_WAY);
}

#[test]
fn a_role_without_a_session_name_bears_the_programs() {
    profile_asks_once(sources::role_without_a_session_name, &EVERY_WAY);
}

#[test]
fn a_role_of_the_keys_in_variables_asks_once() {
    // Keys in variables come before AWS_PROFILE and all below it.
    profile_asks_once(sources::role_of_the_environment, &[Way::Rule]);
}

#[test]
fn a_role_of_the_container_asks_once() {
    // The container's variables come before [defaults].
    profile_asks_once(sources::role_of_the_container, &[Way::Rule, Way::Variable]);
}

#[test]
fn a_role_of_the_instance_asks_once() {
    profile_asks_once(sources::role_of_the_instance, &EVERY_WAY);
}

#[test]
fn a_credential_source_may_be_written_in_any_case() {
    // As the SDK (`profile/credentials/exec.rs`) and the AWS CLI take it.
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    let expected = environment.set_instance_metadata(&aws);
    environment.aws_config(
        "[default]\nrole_arn = arn:aws:iam::999999999999:role/pull\nrole_session_name = build\n\
         credential_source = ec2instancemetadata\n",
    );
    let grant = environment.get(HOST).grant();
    assert_eq!(
        grant.principal,
        "arn:aws:sts::999999999999:assumed-role/pull/build"
    );
    let by = &aws.calls_of(Operation::StsAssumeRole)[0].principal;
    assert_eq!(by.as_deref(), Some(expected.principal.as_str()));
}

#[test]
fn each_role_of_a_chain_is_assumed_by_the_one_before() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    sources::role_of_a_role(&mut environment, &aws, "default");
    environment.get(HOST).answer();
    let assumed: Vec<(String, String)> = aws
        .calls_of(Operation::StsAssumeRole)
        .iter()
        .map(|call| {
            let by = call.principal.clone().expect("known");
            (by, call.param("RoleArn").expect("a role").to_owned())
        })
        .collect();
    assert_eq!(
        assumed,
        [
            (
                BOB.2.to_owned(),
                "arn:aws:iam::999999999999:role/default-middle".to_owned()
            ),
            (
                "arn:aws:sts::999999999999:assumed-role/default-middle/build".to_owned(),
                "arn:aws:iam::999999999999:role/default".to_owned()
            ),
        ]
    );
}

#[test]
fn behind_the_first_profile_keys_come_before_a_role() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::with_aws(&aws);
    environment.aws_config(&format!(
        "[default]\nrole_arn = arn:aws:iam::999999999999:role/pull\nsource_profile = base\n\
         [profile base]\nrole_arn = arn:aws:iam::999999999999:role/never\nsource_profile = nowhere\n\
         aws_access_key_id = {}\naws_secret_access_key = {}\n",
        BOB.0, BOB.1
    ));
    environment.get(HOST).answer();
    let calls = aws.calls_of(Operation::StsAssumeRole);
    assert_eq!(calls.len(), 1, "{calls:?}");
    assert_eq!(calls[0].principal.as_deref(), Some(BOB.2));
}

#[test]
fn what_a_profile_says_of_its_role_reaches_sts() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::with_aws(&aws);
    aws.require_external_id("arn:aws:iam::999999999999:role/pull", "client-7");
    environment.aws_config(&format!(
        "[default]\nrole_arn = arn:aws:iam::999999999999:role/pull\nsource_profile = default\n\
         external_id = client-7\nduration_seconds = 7200\nrole_session_name = nightly\n\
         aws_access_key_id = {}\naws_secret_access_key = {}\n",
        BOB.0, BOB.1
    ));
    let grant = environment.get(HOST).grant();
    assert_eq!(
        grant.principal,
        "arn:aws:sts::999999999999:assumed-role/pull/nightly"
    );
    let call = &aws.calls_of(Operation::StsAssumeRole)[0];
    assert_eq!(call.param("DurationSeconds"), Some("7200"));
}
