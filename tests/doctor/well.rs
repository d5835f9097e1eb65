//! Pulls and pushes that work.

use super::common::HOST;
use super::common::fake_aws::{Grant, Route};
use super::{OWN, PULL, Ward, app};

#[test]
fn same_account() {
    Ward::new().says("well_same_account", 0, &[&format!("{OWN}/team/app:v1")]);
}

#[test]
fn another_account_by_its_policy() {
    Ward::new().says("well_by_policy", 0, &[&app()]);
}

#[test]
fn another_account_by_a_role() {
    let ward = Ward::with_role();
    ward.says("well_by_role", 0, &[&app()]);
    let visits = ward.registry.visits_of(Route::Manifest);
    assert!(visits.iter().all(|visit| {
        let principal = visit.principal.as_deref();
        principal.is_some_and(|arn| arn.contains("assumed-role/ecr-pull"))
    }));
}

#[test]
fn the_identity_facts_are_those_of_whoami() {
    let mut ward = Ward::new();
    ward.environment.aws_config(
        "[profile work]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n\
         aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n",
    );
    ward.environment.config(&format!(
        "[[registry]]\nmatch = \"999999999999\"\nprofile = \"work\"\nrole_arn = \"{PULL}\"\n"
    ));
    ward.environment.set("AWS_PROFILE", "unused");
    let run = |arguments: &[&str]| ward.environment.run(arguments, "").stdout;
    let (facts, report) = (run(&["whoami", HOST]), run(&["doctor", HOST]));
    let (_, facts) = facts.split_once('\n').expect("a heading");
    for line in facts.lines().filter(|line| !line.starts_with("token ")) {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let line = words(line).replacen("not used", "! not used:", 1);
        let is_it = |told: &str| words(told) == line;
        assert!(report.lines().any(is_it), "{line}: {report}");
    }
    assert!(report.contains("\n! not used: "), "{report}");
    let json = |command| -> serde_json::Value {
        serde_json::from_str(&run(&[command, HOST, "--json"])).expect("JSON")
    };
    let (facts, report) = (json("whoami"), json("doctor"));
    let identity = report["identity"].as_object().expect("an identity");
    for (name, fact) in identity {
        assert_eq!(fact, &facts[name], "{name}");
    }
    let only = ["registry", "account", "region", "cache"];
    assert_eq!(
        identity.len() + only.len(),
        facts.as_object().expect("facts").len()
    );
}

#[test]
fn a_registry_without_an_image() {
    let ward = Ward::new();
    ward.says("well_registry_alone", 0, &["999999999999/us-west-2"]);
    assert_eq!(ward.registry.visits_of(Route::Manifest).len(), 0);
}

#[test]
fn a_push_is_opened_and_cancelled() {
    let ward = Ward::new();
    ward.says("well_push", 0, &[&app(), "--push"]);
    assert_eq!(ward.registry.uploads(), 0);
    assert!(!ward.registry.visits_of(Route::CancelUpload).is_empty());
}

#[test]
fn a_cached_token_is_the_one_that_is_tried() {
    let ward = Ward::new();
    let first: Grant = ward.environment.get(super::HOST).grant();
    ward.environment.age_cache(7200);
    ward.says("well_cached", 0, &[&app()]);
    let visits = ward.registry.visits_of(Route::Manifest);
    assert!(
        visits
            .iter()
            .all(|visit| visit.serial == Some(first.serial))
    );
    assert_eq!(
        ward.environment.get(super::HOST).grant().serial,
        first.serial
    );
}

#[test]
fn this_machine_alone() {
    let ward = Ward::new();
    ward.says("well_machine_alone", 0, &[]);
    assert_eq!(ward.aws.connections(), 0);
    assert_eq!(ward.registry.visits().len(), 0);
}
