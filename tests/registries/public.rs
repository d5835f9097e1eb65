//! Public ECR, when AWS gives a token.

use std::fs;

use super::common::fake_aws::{ALICE, FakeAws, Fault, Operation};
use super::common::{NOT_FOUND, TestEnvironment};
use super::{PUBLIC, PUBLIC_DUAL_STACK, Wire, signed};

const HALF_LIFE: i64 = 6 * 3600;

#[test]
fn public_ecr_is_served_by_us_east_1_wherever_the_caller_is() {
    let (api, dual_stack_api) = (
        "api.ecr-public.us-east-1.amazonaws.com",
        "ecr-public.us-east-1.api.aws",
    );
    let wire = Wire::with(&[api, dual_stack_api]);
    let mut environment = wire.environment();
    environment.set("AWS_REGION", "eu-central-1");
    for (index, (host, api)) in [(PUBLIC, api), (PUBLIC_DUAL_STACK, dual_stack_api)]
        .into_iter()
        .enumerate()
    {
        wire.aws.clear();
        let before = wire.proxy.targets().len();
        let grant = environment.get(host).grant();
        assert_eq!(
            (grant.principal.as_str(), grant.serial),
            (ALICE.2, index + 1)
        );
        assert_eq!(wire.names_since(before), [format!("{api}:443")]);
        let calls = wire.aws.calls();
        assert_eq!(calls.len(), 1, "{calls:?}");
        assert_eq!(
            calls[0].operation,
            Operation::EcrPublicGetAuthorizationToken
        );
        assert_eq!(calls[0].registry_ids(), Vec::<&str>::new());
        signed(&calls[0], "ecr-public", "us-east-1");
    }
}

#[test]
fn a_public_token_is_cached_and_used() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let cold = environment.get(PUBLIC);
    assert_eq!(cold.answer()["ServerURL"], PUBLIC);
    aws.clear();
    assert_eq!(environment.get(PUBLIC), cold);
    for spelling in [
        "https://public.ecr.aws/v2/",
        "public.ecr.aws/docker/library/alpine",
    ] {
        let outcome = environment.get(spelling);
        assert_eq!(outcome.answer()["ServerURL"], spelling);
        assert_eq!(outcome.grant().serial, 1);
    }
    environment.age_cache(HALF_LIFE * 9 / 10 - 60);
    assert_eq!(environment.get(PUBLIC), cold);
    assert_eq!(aws.connections(), 0);
    environment.age_cache(HALF_LIFE / 10 + 120);
    assert_eq!(environment.get(PUBLIC).grant().serial, 2);
}

#[test]
fn a_stale_public_token_is_served_when_the_refresh_fails() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let cold = environment.get(PUBLIC);
    for fault in [
        Fault::Status(503),
        Fault::Throttle,
        Fault::CloseConnection,
        Fault::Garbage,
        Fault::Hang,
    ] {
        let name = format!("{fault:?}");
        environment.age_cache(HALF_LIFE + 60);
        aws.on(Operation::EcrPublicGetAuthorizationToken, fault);
        aws.clear();
        assert_eq!(environment.get(PUBLIC), cold, "{name}");
        assert!(!aws.calls().is_empty(), "{name}: it was tried");
        // A last try may have been under way when its time was over.
        aws.settle_what_ends();
        aws.clear();
        assert_eq!(environment.get(PUBLIC), cold, "{name}: a minute's pause");
        assert_eq!(aws.connections(), 0, "{name}");
        environment.age_cache(-HALF_LIFE - 60);
        forget_marks(&environment);
    }
    // It is good for no longer than ECR says.
    environment.age_cache(2 * HALF_LIFE + 60);
    environment.get(PUBLIC).failed_with(NOT_FOUND, "");
}

#[test]
fn a_denial_ends_a_stale_public_token() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.get(PUBLIC).answer();
    environment.age_cache(HALF_LIFE + 60);
    aws.deny_ecr(ALICE.2);
    environment.get(PUBLIC).failed_with(NOT_FOUND, "");
    assert!(environment.entries().is_empty());
}

fn forget_marks(environment: &TestEnvironment) {
    for path in environment.marks() {
        fs::remove_file(path).expect("a mark");
    }
}
