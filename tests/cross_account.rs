//! The main job: the caller's account asks for the registry's token, by itself or by a role.

mod common;

use common::fake_aws::{ALICE, FakeAws, Operation};
use common::{HOST, TestEnvironment};

#[test]
fn the_callers_key_asks_with_the_registrys_id_in_the_registrys_region() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let grant = environment.get(HOST).grant();
    assert_eq!(grant.principal, ALICE.2);
    let calls = aws.calls();
    assert_eq!(calls.len(), 1, "{calls:?}");
    assert_eq!(calls[0].registry_ids(), ["999999999999"]);
    assert_eq!(calls[0].signed_region.as_deref(), Some("us-west-2"));
    assert_eq!(calls[0].signed_service.as_deref(), Some("ecr"));
    assert_eq!(calls[0].access_key_id.as_deref(), Some(ALICE.0));
}

#[test]
fn a_rules_role_asks_with_its_temporary_key() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.config(
        r#"
        [[registry]]
        match = "999999999999/us-west-2"
        role_arn = "arn:aws:iam::999999999999:role/ecr-pull"
        external_id = "build"
        role_session_name = "ci"
        duration_seconds = 900
        "#,
    );
    let grant = environment.get(HOST).grant();
    assert_eq!(
        grant.principal,
        "arn:aws:sts::999999999999:assumed-role/ecr-pull/ci"
    );
    let calls = aws.calls();
    let operations: Vec<Operation> = calls.iter().map(|call| call.operation).collect();
    assert_eq!(
        operations,
        [
            Operation::StsAssumeRole,
            Operation::EcrGetAuthorizationToken
        ]
    );
    assert_eq!(calls[0].access_key_id.as_deref(), Some(ALICE.0));
    assert_eq!(calls[0].signed_region.as_deref(), Some("us-west-2"));
    assert_eq!(calls[0].param("ExternalId"), Some("build"));
    assert_eq!(calls[0].param("DurationSeconds"), Some("900"));
    assert!(
        calls[1]
            .access_key_id
            .as_deref()
            .is_some_and(|key| key.starts_with("ASIA"))
    );
    assert!(calls[1].session_token.is_some());
    assert_eq!(calls[1].registry_ids(), ["999999999999"]);
    assert_eq!(calls[1].signed_region.as_deref(), Some("us-west-2"));
}

#[test]
fn a_warm_get_makes_no_request() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let cold = environment.get(HOST);
    cold.answer();
    let (calls, connections) = (aws.calls().len(), aws.connections());
    let warm = environment.get(HOST);
    assert_eq!(warm, cold);
    assert_eq!((aws.calls().len(), aws.connections()), (calls, connections));
}
