//! Registries by their other names.

use super::common::TestEnvironment;
use super::common::fake_aws::{ALICE, FakeAws, FakeRegistry, RegistryFault, Route};

/// The resource of the statement that Alice needs, for another name of a registry.
fn resource(host: &str, config: &str) -> serde_json::Value {
    let aws = FakeAws::start();
    let name = host.split(':').next().expect("a host");
    let registry = FakeRegistry::start(&[name]);
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.trust_registry(&registry);
    environment.config(config);
    let sentence = format!(
        "User: {} is not authorized to perform: ecr:BatchGetImage on resource: x because no identity-based policy allows the ecr:BatchGetImage action",
        ALICE.2
    );
    let body = format!("{{\"errors\":[{{\"code\":\"DENIED\",\"message\":\"{sentence}\"}}]}}");
    let denied = RegistryFault::Raw(403, Vec::new(), body);
    registry.on(Route::Manifest, denied);
    let told = environment.run(&["doctor", &format!("{host}/team/app"), "--json"], "");
    let report: serde_json::Value = serde_json::from_str(&told.stdout).expect("JSON");
    super::fits_the_schema(&report);
    report["verdict"]["mendings"][0]["statement"]["Resource"].clone()
}

#[test]
fn a_statement_names_the_repository_whatever_its_registry_is_called() {
    let own = "[[registry]]\nmatch = \"images.example.com:8443\"\naccount = \"999999999999\"\n\
               region = \"us-west-2\"\n";
    for (host, config) in [
        ("999999999999.dkr.ecr-fips.us-west-2.amazonaws.com", ""),
        ("999999999999.dkr-ecr.us-west-2.on.aws", ""),
        ("999999999999.dkr-ecr-fips.us-west-2.on.aws", ""),
        ("images.example.com:8443", own),
    ] {
        assert_eq!(
            resource(host, config),
            "arn:aws:ecr:us-west-2:999999999999:repository/team/app",
            "{host}"
        );
    }
}
