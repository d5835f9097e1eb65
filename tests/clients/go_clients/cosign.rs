//! cosign with a key pair, without Sigstore's services: the lab has no way out.

use super::{Shown, with};
use crate::person::Home;
use crate::registry::{IMAGE, PAYMENTS, SEARCH};

/// Names no certificate authority, no transparency log and no timestamp authority.
const NO_SERVICES: &str =
    "{\"mediaType\":\"application/vnd.dev.sigstore.signingconfig.v0.2+json\"}\n";

/// A key pair without a password: `cosign.key` and `cosign.pub` in the home folder.
fn make_keys(home: &Home<'_>) {
    let prefix = home.path("cosign");
    let keys = ["COSIGN_PASSWORD=", "cosign", "generate-key-pair"];
    home.succeeds(
        "env",
        [&keys[..], &["--output-key-prefix", &prefix]].concat(),
    );
}

#[test]
#[ignore = "needs the lab of tests/clients.rs and cosign: .ci/full installs them"]
fn cosign_signs_verifies_and_copies_between_two_accounts() {
    with("cosign", |setup| {
        let home = &setup.home;
        make_keys(home);
        let (key, public_key) = (home.path("cosign.key"), home.path("cosign.pub"));
        let no_services = home.file("signing.json", NO_SERVICES);
        setup.cred_helpers(&[&PAYMENTS, &SEARCH]);
        let digest = setup.lab.digest(&PAYMENTS, IMAGE);
        let image = format!("{}/team/app@{digest}", PAYMENTS.host);

        let sign = ["COSIGN_PASSWORD=", "cosign", "sign", "--key", &key];
        let offline = ["--signing-config", &no_services, &image];
        home.succeeds("env", [&sign[..], &offline].concat());
        setup.assert_asked(&[PAYMENTS.host], &[&PAYMENTS]);

        let verify = [
            "verify",
            "--insecure-ignore-tlog",
            "--key",
            &public_key,
            &image,
        ];
        let verified = home.succeeds("cosign", verify);
        assert!(verified.stdout.contains(&digest), "{}", verified.report());
        let tree = home.succeeds("cosign", ["tree", &image]);
        assert!(tree.stdout.contains(&digest), "{}", tree.report());
        setup.assert_asked(&[PAYMENTS.host; 2], &[]);

        let copy = format!("cosign/copied:{}", home.tag());
        let to = format!("{}/{copy}", SEARCH.host);
        home.succeeds("cosign", ["copy", &image, &to]);
        assert_eq!(setup.lab.digest(&SEARCH, &copy), digest);
        setup.assert_asked(&[PAYMENTS.host, SEARCH.host], &[&SEARCH]);
    });
}

#[test]
#[ignore = "needs the lab of tests/clients.rs and cosign: .ci/full installs them"]
fn cosign_asks_the_creds_store_for_the_repository_first() {
    with("cosign", |setup| {
        setup.creds_store();
        let digest = setup
            .home
            .succeeds("cosign", ["triangulate", &PAYMENTS.image()]);
        let name = setup.lab.digest(&PAYMENTS, IMAGE).replace(':', "-");
        assert!(digest.stdout.contains(&name), "{}", digest.report());
        setup.assert_asked(&[&format!("{}/team/app", PAYMENTS.host)], &[&PAYMENTS]);
    });
}

#[test]
#[ignore = "needs the lab of tests/clients.rs and cosign: .ci/full installs them"]
fn cosign_shows_a_denial() {
    with("cosign", |setup| {
        setup.cred_helpers(&[&PAYMENTS]);
        let triangulate = ["triangulate", &PAYMENTS.image()];
        setup.assert_shows_denial(
            Shown::StderrAndMessage,
            &[PAYMENTS.host],
            "cosign",
            &triangulate,
        );
    });
}
