//! The settings of rules other than the identity: endpoints and ages.

use std::time::Duration;

use super::common::fake_aws::{BOB, FakeAws, Operation};
use super::common::{HOST, TestEnvironment};
use super::name::of_two;
use super::own_names::{OWN, rule};
use super::{IRELAND, session};

const HOUR: i64 = 3600;

#[test]
fn endpoints_are_those_of_the_first_rule_that_has_each() {
    let others = FakeAws::start();
    let (ecr, sts) = (FakeAws::start(), FakeAws::start());
    // The key that the one will give out as its first, the other knows as its own first.
    let pull = session("111122223333", "pull");
    for aws in [&ecr, &others] {
        aws.temporary_credentials(&pull, Duration::from_secs(3600));
    }
    let mut environment = TestEnvironment::of_alice(&others);
    environment
        .set("AWS_ENDPOINT_URL_ECR", &others.url())
        .set("AWS_ENDPOINT_URL_STS", &others.url());
    let endpoint = |key: &str, aws: &FakeAws| format!("{key} = \"{}/\"\n", aws.url());
    environment.config(&format!(
        "{}{}{}",
        rule(&endpoint("sts_endpoint_url", &sts)),
        rule(&format!(
            "{}{}",
            endpoint("sts_endpoint_url", &others),
            endpoint("endpoint_url", &ecr)
        )),
        format_args!(
            "[[registry]]\nmatch = \"111122223333\"\nrole_arn = \"arn:aws:iam::111122223333:role/pull\"\n{}",
            endpoint("endpoint_url", &others)
        ),
    ));
    assert_eq!(environment.get(OWN).grant().principal, pull);
    assert_eq!(others.connections(), 0);
    let assumed = sts.calls();
    assert_eq!(assumed.len(), 1);
    assert_eq!(assumed[0].operation, Operation::StsAssumeRole);
    assert_eq!(assumed[0].host, sts.address().to_string());
    let asked = ecr.calls();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].operation, Operation::EcrGetAuthorizationToken);
    assert_eq!(asked[0].registry_ids(), ["111122223333"]);
    assert_eq!(asked[0].signed_region.as_deref(), Some("eu-west-1"));
    // The registry by ECR's own name has the endpoints of its own rules.
    environment.get(IRELAND).answer();
    let of_others: Vec<Operation> = others.calls().iter().map(|call| call.operation).collect();
    assert_eq!(
        of_others,
        [
            Operation::StsAssumeRole,
            Operation::EcrGetAuthorizationToken
        ]
    );
    assert_eq!((sts.calls().len(), ecr.calls().len()), (1, 1));
}

#[test]
fn endpoint_of_a_rule_is_used_though_configured_ones_are_ignored() {
    let (aws, others) = (FakeAws::start(), FakeAws::start());
    let mut environment = TestEnvironment::of_alice(&others);
    environment
        .set("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
        .set("AWS_USE_FIPS_ENDPOINT", "true")
        .set("AWS_USE_DUALSTACK_ENDPOINT", "true");
    environment.config(&rule(&format!("endpoint_url = \"{}\"", aws.url())));
    environment.get(OWN).answer();
    assert_eq!((aws.calls().len(), others.connections()), (1, 0));
}

/// Answered from the cache a minute before this age, and requested again a minute after it.
#[track_caller]
fn is_renewed_after(environment: &TestEnvironment, host: &str, age: i64) {
    let cold = environment.get(host).grant();
    environment.age_cache(age - 60);
    assert_eq!(environment.get(host).grant(), cold, "before {age}");
    environment.age_cache(120);
    assert_ne!(environment.get(host).grant(), cold, "after {age}");
    environment.run(&["erase"], IRELAND);
}

#[test]
fn age_of_a_rule_is_the_registrys_whatever_source_asks() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    let hour = "[cache]\nmax_age_seconds = 3600\n";
    let of_account = |seconds: i64| {
        format!("[[registry]]\nmatch = \"111122223333\"\nmax_age_seconds = {seconds}\n")
    };
    environment.config(&format!("{hour}{}", of_account(600)));
    is_renewed_after(&environment, IRELAND, 600);
    // Another registry's age is not changed by it.
    is_renewed_after(&environment, HOST, HOUR);
    environment.run(&["erase"], HOST);
    // The first rule that has one.
    environment.config(&format!(
        "{hour}{}{}",
        rule("max_age_seconds = 7200"),
        of_account(600)
    ));
    is_renewed_after(&environment, OWN, 2 * HOUR);
    is_renewed_after(&environment, IRELAND, 600);
    // Who says so takes the risk of a source that cannot be told apart.
    let keys = aws.temporary_credentials(
        "arn:aws:sts::111122223333:assumed-role/session/alice",
        Duration::from_secs(3600),
    );
    environment.set_session(&keys);
    environment.config(&of_account(3 * HOUR));
    is_renewed_after(&environment, IRELAND, 3 * HOUR);
    // An age that is set is exact, but never beyond half of the token's life.
    environment.config(&of_account(12 * HOUR));
    is_renewed_after(&environment, IRELAND, 6 * HOUR);
}

#[test]
fn settings_of_rules_apply_to_every_identity() {
    let (aws, endpoint) = (FakeAws::start(), FakeAws::start());
    let environment = of_two(&aws);
    environment.config(&format!(
        "[[registry]]\nmatch = \"*\"\nprofile = \"never\"\nendpoint_url = \"{}\"\n",
        endpoint.url()
    ));
    assert_eq!(environment.get_as("release", HOST).grant().principal, BOB.2);
    assert_eq!((aws.connections(), endpoint.calls().len()), (0, 1));
}
