//! How long an entry is answered.

use std::time::Duration;

use super::Change;
use super::common::fake_aws::{FakeAws, Operation};
use super::common::sources::{self, Profile};
use super::common::{HOST, TestEnvironment};

const HOUR: i64 = 3600;

/// Fresh a minute before nine tenths of this age, and renewed a minute after it.
#[track_caller]
fn is_renewed_after(environment: &TestEnvironment, aws: &FakeAws, age: i64, kind: &str) {
    let cold = environment.get(HOST);
    cold.answer();
    environment.age_cache(age * 9 / 10 - 60);
    aws.clear();
    assert_eq!(environment.get(HOST), cold, "{kind}");
    assert_eq!(aws.connections(), 0, "{kind}");
    environment.age_cache(age / 10 + 120);
    let renewed = environment.get(HOST);
    assert_ne!(renewed, cold, "{kind}");
    assert_eq!(renewed.grant().principal, cold.grant().principal, "{kind}");
    assert_eq!(environment.entries().len(), 1, "{kind}");
}

#[test]
fn who_is_known_for_sure_is_trusted_for_half_of_the_tokens_life() {
    let known: [(&str, Profile); 8] = [
        ("keys", sources::keys),
        ("SSO", sources::sso),
        ("SSO session", sources::sso_session),
        ("aws login", sources::login),
        ("web identity", sources::web_identity),
        ("role", sources::role),
        ("role of a role", sources::role_of_a_role),
        ("role of SSO", sources::role_of_sso),
    ];
    for (kind, profile) in known {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::with_aws(&aws);
        profile(&mut environment, &aws, "default");
        is_renewed_after(&environment, &aws, 6 * HOUR, kind);
    }
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    is_renewed_after(&environment, &aws, 6 * HOUR, "variables");
}

#[test]
fn who_can_change_unseen_is_trusted_for_an_hour() {
    let unknown: [(&str, Profile); 4] = [
        ("session keys", sources::session_keys),
        ("process", sources::process),
        ("role of the instance", sources::role_of_the_instance),
        ("role of the container", sources::role_of_the_container),
    ];
    for (kind, profile) in unknown {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::with_aws(&aws);
        profile(&mut environment, &aws, "work");
        environment.set("AWS_PROFILE", "work");
        is_renewed_after(&environment, &aws, HOUR, kind);
    }
    let variables: [(&str, Change); 3] = [
        ("session keys", |environment, aws| {
            let principal = "arn:aws:sts::111122223333:assumed-role/session/alice";
            let keys = aws.temporary_credentials(principal, Duration::from_secs(3600));
            environment.set_session(&keys);
        }),
        ("container", |environment, aws| {
            environment.set_container(aws);
        }),
        ("instance", |environment, aws| {
            environment.set_instance_metadata(aws);
        }),
    ];
    for (kind, set_up) in variables {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::with_aws(&aws);
        set_up(&mut environment, &aws);
        is_renewed_after(&environment, &aws, HOUR, kind);
    }
}

#[test]
fn an_instance_whose_role_was_exchanged_asks_as_the_new_one_within_the_hour() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.set_instance_metadata(&aws);
    environment.get(HOST).answer();
    aws.set_instance_role(Some("arn:aws:iam::111122223333:role/exchanged"));
    environment.age_cache(HOUR + 60);
    assert_eq!(
        environment.get(HOST).grant().principal,
        aws.instance_principal()
    );
}

#[test]
fn another_sts_is_another_who() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.config(
        "[[registry]]\nmatch = \"*\"\nrole_arn = \"arn:aws:iam::999999999999:role/pull\"\n",
    );
    environment.get(HOST).answer();
    let other = FakeAws::start();
    environment.set("AWS_ENDPOINT_URL_STS", &other.url());
    let _ = environment.get(HOST);
    assert_eq!(other.count(Operation::StsAssumeRole), 1);
}
