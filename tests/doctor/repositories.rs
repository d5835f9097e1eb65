//! Rules for repositories.

use super::common::HOST;
use super::common::fake_aws::Route;
use super::{PULL, Ward, app, fits_the_schema};

/// The findings about the identity, each with its mark, and the text of the verdict.
fn report(ward: &Ward, target: &str) -> (Vec<(String, String)>, String) {
    let told = ward.doctor(&[target, "--json"]);
    assert_eq!(told.code, Some(0), "{told:?}");
    let report: serde_json::Value = serde_json::from_str(&told.stdout).expect("JSON");
    fits_the_schema(&report);
    let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
    let steps = report["steps"].as_array().expect("steps");
    let identity = steps.iter().find(|step| step["place"] == "identity");
    let findings = identity.expect("an area")["findings"].as_array();
    let findings = findings.expect("a list").iter();
    let findings = findings.map(|found| (text(&found["mark"]), text(&found["text"])));
    (findings.collect(), text(&report["verdict"]["text"]))
}

#[test]
fn an_image_is_examined_by_its_rule_and_the_identity_of_docker_is_a_warning() {
    let ward = Ward::new();
    ward.environment.config(&format!(
        "[[registry]]\nmatch = \"999999999999/us-west-2/team/*\"\nrole_arn = \"{PULL}\"\n"
    ));
    let warning = (
        "warning".to_owned(),
        "clients that send only the host, such as docker and podman, use the access key AKIAIOSFODNN7EXAMPLE, selected by the variable AWS_ACCESS_KEY_ID".to_owned(),
    );
    let (findings, verdict) = report(&ward, &app());
    assert!(findings.contains(&warning), "{findings:?}");
    assert!(
        verdict.contains("docker and podman use another identity for this registry"),
        "{verdict}"
    );
    let visits = ward.registry.visits_of(Route::Manifest);
    assert!(!visits.is_empty());
    assert!(visits.iter().all(|visit| {
        let principal = visit.principal.as_deref();
        principal.is_some_and(|arn| arn.contains("assumed-role/ecr-pull"))
    }));
}

#[test]
fn a_registry_is_examined_as_docker_asks_for_it() {
    let ward = Ward::new();
    ward.environment.config(&format!(
        "[[registry]]\nmatch = \"999999999999/us-west-2/team/*\"\nrole_arn = \"{PULL}\"\n"
    ));
    let (findings, verdict) = report(&ward, HOST);
    let remark = "rules for repositories, such as `team/*`, do not apply to the host alone; to see the identity for an image, name the image";
    let remark = ("unknown".to_owned(), remark.to_owned());
    assert!(findings.contains(&remark), "{findings:?}");
    let role = |(_, text): &(String, String)| text.contains("role");
    assert!(!findings.iter().any(role), "{findings:?}");
    assert!(!verdict.contains("warning"), "{verdict}");
}
