//! trivy, without its databases: it lists what an image consists of. Before it calls the helper, it
//! requests a token for its own account from ECR (`pkg/fanal/image/registry/ecr` of 0.74), which the
//! other account's registry refuses here.

use super::{Shown, with};
use crate::registry::{HONEST, IMAGE, PAYMENTS};

/// trivy's arguments before the image.
const LIST: [&str; 7] = [
    "image",
    "--image-src=remote",
    "--format=cyclonedx",
    "--offline-scan",
    "--skip-db-update",
    "--skip-version-check",
    "--disable-telemetry",
];

#[test]
#[ignore = "needs the lab of tests/clients.rs and trivy: .ci/full installs them"]
fn trivy_lists_an_image_through_cred_helpers() {
    with("trivy", |setup| {
        setup.cred_helpers(&[&PAYMENTS]);
        let image = PAYMENTS.image();
        let listed = setup
            .home
            .succeeds("trivy", [&LIST[..], &[&image]].concat());
        let digest = setup.lab.digest(&PAYMENTS, IMAGE);
        assert!(listed.stdout.contains(&digest), "{}", listed.report());
        setup.assert_asked(&[PAYMENTS.host], &[&HONEST, &PAYMENTS]);
    });
}

#[test]
#[ignore = "needs the lab of tests/clients.rs and trivy: .ci/full installs them"]
fn trivy_asks_the_creds_store_for_the_repository_first() {
    with("trivy", |setup| {
        setup.creds_store();
        setup
            .home
            .succeeds("trivy", [&LIST[..], &[&PAYMENTS.image()]].concat());
        let repository = format!("{}/team/app", PAYMENTS.host);
        setup.assert_asked(&[&repository], &[&HONEST, &PAYMENTS]);
    });
}

#[test]
#[ignore = "needs the lab of tests/clients.rs and trivy: .ci/full installs them"]
fn trivy_shows_a_denial() {
    with("trivy", |setup| {
        setup.cred_helpers(&[&PAYMENTS]);
        let image = PAYMENTS.image();
        let list = [&LIST[..], &[&image]].concat();
        setup.assert_shows_denial(Shown::StderrAndMessage, &[PAYMENTS.host], "trivy", &list);
    });
}
