//! Which rule, and what is filled in.

use super::common::fake_aws::{ALICE, BOB, FakeAws, Operation};
use super::common::{HOST, TestEnvironment, sources};
use super::{BEIJING, PUBLIC, assumed, pair, rule};

const IRELAND: &str = "444455556666.dkr.ecr.eu-west-1.amazonaws.com";

#[test]
fn one_template_serves_every_registry_with_a_role_of_its_own() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    rule(
        &environment,
        "role_arn = \"arn:{partition}:iam::{account}:role/pull-{region}\"\nrole_session_name = \"ci\"",
    );
    for (host, principal) in [
        (
            HOST,
            "arn:aws:sts::999999999999:assumed-role/pull-us-west-2/ci",
        ),
        (
            IRELAND,
            "arn:aws:sts::444455556666:assumed-role/pull-eu-west-1/ci",
        ),
        (
            BEIJING,
            "arn:aws-cn:sts::999999999999:assumed-role/pull-cn-north-1/ci",
        ),
    ] {
        assert_eq!(environment.get(host).grant().principal, principal);
    }
    assert_eq!(environment.entries().len(), 3);
    // And each is kept for itself.
    aws.clear();
    for host in [HOST, IRELAND, BEIJING] {
        let grant = environment.get(host).grant();
        let account = host.split('.').next().expect("an account");
        assert_eq!(grant.registry_ids, [account]);
    }
    assert_eq!(aws.connections(), 0);
}

#[test]
fn a_rule_with_accounts_is_for_those_alone() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    rule(
        &environment,
        "accounts = [\"444455556666\"]\nexternal_id = \"client\"\nrole_session_name = \"ci\"\n\
         role_arn = \"arn:aws:iam::{account}:role/pull\"",
    );
    assert_eq!(
        environment.get(IRELAND).grant().principal,
        "arn:aws:sts::444455556666:assumed-role/pull/ci"
    );
    aws.clear();
    // A stranger's registry: no role of his is assumed, and he learns no external id.
    assert_eq!(environment.get(HOST).grant().principal, ALICE.2);
    assert_eq!(aws.count(Operation::StsAssumeRole), 0);
}

#[test]
fn the_first_rule_that_matches_decides_alone() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    sources::keys(&mut environment, &aws, "work");
    environment.config(
        r#"
        [defaults]
        role_arn = "arn:aws:iam::111122223333:role/never"

        [[registry]]
        match = "999999999999/us-west-2"
        profile = "work"

        [[registry]]
        match = "*"
        role_arn = "arn:aws:iam::{account}:role/pull"
        role_session_name = "ci"
        "#,
    );
    assert_eq!(environment.get(HOST).grant().principal, BOB.2);
    assert_eq!(
        environment.get(IRELAND).grant().principal,
        "arn:aws:sts::444455556666:assumed-role/pull/ci"
    );
}

#[test]
fn the_role_of_defaults_is_assumed_by_what_the_sdk_would_use() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    let defaults = "[defaults]\nrole_session_name = \"ci\"\n\
                    role_arn = \"arn:aws:iam::{account}:role/pull\"\n";
    environment.config(defaults);
    sources::keys(&mut environment, &aws, "default");
    assert_eq!(
        environment.get(HOST).grant().principal,
        "arn:aws:sts::999999999999:assumed-role/pull/ci"
    );
    assert_eq!(
        assumed(&aws),
        [pair(BOB.2, "arn:aws:iam::999999999999:role/pull")]
    );
    // Keys in variables are more explicit, and taken whole: without the role.
    environment.set_keys(ALICE.0, ALICE.1, None);
    assert_eq!(environment.get(HOST).grant().principal, ALICE.2);
}

#[test]
fn a_template_never_applies_to_public_ecr() {
    for config in [
        "[[registry]]\nmatch = \"*\"\nrole_arn = \"arn:aws:iam::{account}:role/pull\"\n",
        "[defaults]\nrole_arn = \"arn:aws:iam::{account}:role/pull\"\n",
    ] {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::with_aws(&aws);
        sources::keys(&mut environment, &aws, "default");
        environment.config(config);
        assert_eq!(environment.get(PUBLIC).grant().principal, BOB.2, "{config}");
        assert_eq!(aws.count(Operation::StsAssumeRole), 0, "{config}");
    }
}

#[test]
fn a_role_for_public_ecr_is_written_out() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.config(
        "[[registry]]\nmatch = \"public.ecr.aws\"\nrole_session_name = \"ci\"\n\
         role_arn = \"arn:aws:iam::111122223333:role/public\"\n",
    );
    assert_eq!(
        environment.get(PUBLIC).grant().principal,
        "arn:aws:sts::111122223333:assumed-role/public/ci"
    );
}
