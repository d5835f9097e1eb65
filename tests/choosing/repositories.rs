//! Rules for repositories: which clients they apply to, and which cached token is used.

use super::common::TestEnvironment;
use super::common::fake_aws::{FakeAws, Grant, Operation};
use super::{IRELAND, session};

const RULES: &str = r#"
[[registry]]
match = "111122223333/eu-west-1/team/app"
role_arn = "arn:aws:iam::111122223333:role/app"

[[registry]]
match = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/*"
role_arn = "arn:aws:iam::111122223333:role/team"

[[registry]]
match = "111122223333"
role_arn = "arn:aws:iam::111122223333:role/registry"
"#;

fn environment(aws: &FakeAws) -> TestEnvironment {
    let environment = TestEnvironment::of_alice(aws);
    environment.config(RULES);
    environment
}

#[test]
fn a_client_that_sends_the_repository_gets_the_identity_of_its_rule() {
    let aws = FakeAws::start();
    let environment = environment(&aws);
    for (path, role) in [
        ("", "registry"),
        ("/", "registry"),
        ("/v2/", "registry"),
        (":443", "registry"),
        ("/team/app", "app"),
        ("/team/app/", "app"),
        (":443/team/app:v1", "app"),
        ("/team/app/sub", "team"),
        ("/team/other@sha256:00", "team"),
        // As a parent of `team/app`.
        ("/team", "registry"),
        ("/team2/app", "registry"),
        ("/other/team/app", "registry"),
    ] {
        for scheme in ["", "https://"] {
            let server = format!("{scheme}{IRELAND}{path}");
            let grant = environment.get(&server).grant();
            assert_eq!(grant.principal, session("111122223333", role), "{server}");
            assert_eq!(grant.registry_ids, ["111122223333"], "{server}");
        }
    }
}

#[test]
fn tokens_are_cached_by_identity_and_not_by_repository() {
    let aws = FakeAws::start();
    let environment = environment(&aws);
    let get = |path: &str| environment.get(&format!("{IRELAND}{path}")).grant();
    let team = get("/team/one");
    let registry = get("");
    assert_ne!(team, registry);
    assert_eq!(environment.entries().len(), 2);
    aws.clear();
    assert_eq!(get("/team/two"), team);
    assert_eq!(get("/other"), registry);
    assert_eq!(aws.connections(), 0);
    // And erased in the same way.
    environment.run(&["erase"], format!("{IRELAND}/team/three"));
    assert_eq!(environment.entries().len(), 1);
    assert_eq!(get(""), registry);
    assert_ne!(get("/team/one"), team);
    assert_eq!(aws.count(Operation::EcrGetAuthorizationToken), 1);
}

#[test]
fn password_of_an_image_is_that_of_its_repository() {
    let aws = FakeAws::start();
    let environment = environment(&aws);
    for (target, role) in [
        ("111122223333/eu-west-1", "registry"),
        ("111122223333/eu-west-1/team/app:v1", "app"),
        ("111122223333/eu-west-1/team/other", "team"),
    ] {
        let outcome = environment.run(&["password", target], "");
        let grant = Grant::from_password(outcome.stdout.trim_end());
        assert_eq!(grant.principal, session("111122223333", role), "{target}");
    }
}

#[test]
fn a_cached_token_of_a_rule_for_repositories_has_a_time_of_renewal() {
    let aws = FakeAws::start();
    let environment = environment(&aws);
    environment.get(&format!("{IRELAND}/team/app")).answer();
    let outcome = environment.run(&["cache", "list", "--json"], "");
    let report: serde_json::Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    assert!(report["tokens"][0]["refresh_at"].is_string(), "{report}");
    // Without the rule, no lookup leads to it.
    environment.config("");
    let outcome = environment.run(&["cache", "list", "--json"], "");
    let report: serde_json::Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    assert!(report["tokens"][0]["refresh_at"].is_null(), "{report}");
}
