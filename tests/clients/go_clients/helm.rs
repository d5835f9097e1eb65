//! helm: charts in registries, with oras's library.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Shown, with};
use crate::person::Home;
use crate::registry::PAYMENTS;

const CHART: &str = "apiVersion: v2\nname: shop\nversion: 0.1.0\n";

/// Packs a chart in the home folder; its file.
fn packed(home: &Home<'_>) -> String {
    home.file("shop/Chart.yaml", CHART);
    home.file("shop/values.yaml", "replicas: 3\n");
    let folder = home.path("shop");
    home.succeeds(
        "helm",
        ["package", "--destination", &home.path(""), &folder],
    );
    home.path("shop-0.1.0.tgz")
}

/// The folder of charts that belongs to this person, as helm names it.
fn charts(home: &Home<'_>) -> String {
    format!("oci://{}/helm/{}", PAYMENTS.host, home.tag())
}

#[test]
#[ignore = "needs the lab of tests/clients.rs and helm: .ci/run installs them"]
fn helm_pushes_and_pulls_a_chart_through_cred_helpers() {
    with("helm", |setup| {
        let home = &setup.home;
        setup.cred_helpers(&[&PAYMENTS]);
        let chart = packed(home);
        home.succeeds("helm", ["push", &chart, &charts(home)]);
        let repository = format!("helm/{}/shop", home.tag());
        setup.lab.assert_holds(&PAYMENTS, &repository, "0.1.0");
        setup.assert_asked(&[PAYMENTS.host], &[&PAYMENTS]);

        let pulled = format!("{}/shop", charts(home));
        let other_chart = home.file("pulled/shop-0.1.0.tgz", "");
        let folder = home.path("pulled");
        home.succeeds(
            "helm",
            [
                "pull",
                &pulled,
                "--version",
                "0.1.0",
                "--destination",
                &folder,
            ],
        );
        home.succeeds("cmp", [chart.as_str(), &other_chart]);
        let values = home.succeeds("helm", ["show", "values", &pulled, "--version", "0.1.0"]);
        assert_eq!(values.stdout.trim(), "replicas: 3");
        setup.assert_asked(&[PAYMENTS.host; 2], &[]);
    });
}

#[test]
#[ignore = "needs the lab of tests/clients.rs and helm: .ci/run installs them"]
fn helm_pushes_through_the_creds_store() {
    with("helm", |setup| {
        setup.creds_store();
        let chart = packed(&setup.home);
        setup
            .home
            .succeeds("helm", ["push", &chart, &charts(&setup.home)]);
        setup.assert_asked(&[PAYMENTS.host], &[&PAYMENTS]);
    });
}

/// helm keeps its own logins, and looks there first.
#[test]
#[ignore = "needs the lab of tests/clients.rs and helm: .ci/run installs them"]
fn helm_does_not_call_the_helper_after_a_registry_login() {
    with("helm", |setup| {
        let home = &setup.home;
        setup.cred_helpers(&[&PAYMENTS]);
        let chart = packed(home);
        let login = STANDARD.encode(PAYMENTS.login());
        let logins = format!(
            "{{\"auths\":{{\"{}\":{{\"auth\":\"{login}\"}}}}}}",
            PAYMENTS.host
        );
        home.file(".config/helm/registry/config.json", &logins);
        home.succeeds("helm", ["push", &chart, &charts(home)]);
        setup.assert_asked(&[], &[]);

        home.succeeds("helm", ["registry", "logout", PAYMENTS.host]);
        setup.home.forget_calls();
        home.succeeds("helm", ["push", &chart, &charts(home)]);
        setup.assert_asked(&[PAYMENTS.host], &[&PAYMENTS]);
    });
}

#[test]
#[ignore = "needs the lab of tests/clients.rs and helm: .ci/run installs them"]
fn helm_shows_a_denial() {
    with("helm", |setup| {
        setup.cred_helpers(&[&PAYMENTS]);
        let chart = packed(&setup.home);
        let push = ["push", &chart, &charts(&setup.home)];
        setup.assert_shows_denial(Shown::StderrAndMessage, &[PAYMENTS.host], "helm", &push);
    });
}
