//! crane: the library of ko, kaniko, cosign and trivy.

use super::{Shown, with};
use crate::registry::{IMAGE, PAYMENTS, SEARCH};

#[test]
#[ignore = "needs the lab of tests/clients.rs and crane: .ci/run installs them"]
fn crane_pulls_pushes_and_lists_through_cred_helpers() {
    with("crane", |setup| {
        let home = &setup.home;
        let crane = |args: &[&str]| home.succeeds("crane", args).stdout.trim().to_owned();
        setup.cred_helpers(&[&PAYMENTS]);
        let image = PAYMENTS.image();

        assert_eq!(
            crane(&["digest", &image]),
            setup.lab.digest(&PAYMENTS, IMAGE)
        );
        setup.assert_asked(&[PAYMENTS.host], &[&PAYMENTS]);

        let files = home.file("files.tar", "");
        crane(&["export", &image, &files]);
        setup.assert_has_image_file(&files);
        let saved = home.file("image.tar", "");
        crane(&["pull", &image, &saved]);
        let repository = format!("{}/crane/pushed", PAYMENTS.host);
        crane(&["push", &saved, &format!("{repository}:{}", home.tag())]);
        setup
            .lab
            .assert_holds(&PAYMENTS, "crane/pushed", home.tag());
        assert_eq!(crane(&["ls", &repository]), home.tag());
        let catalog = crane(&["catalog", PAYMENTS.host]);
        assert!(
            catalog.lines().any(|line| line == "crane/pushed"),
            "{catalog}"
        );
        // One call per command, all answered with the first command's token.
        setup.assert_asked(&[PAYMENTS.host; 5], &[]);
    });
}

/// Each account's registry accepts only the token that was requested for it.
#[test]
#[ignore = "needs the lab of tests/clients.rs and crane: .ci/run installs them"]
fn crane_copies_between_two_accounts() {
    with("crane", |setup| {
        let copy = format!("crane/copied:{}", setup.home.tag());
        let to = format!("{}/{copy}", SEARCH.host);
        setup.cred_helpers(&[&PAYMENTS, &SEARCH]);
        setup
            .home
            .succeeds("crane", ["copy", &PAYMENTS.image(), &to]);
        assert_eq!(
            setup.lab.digest(&SEARCH, &copy),
            setup.lab.digest(&PAYMENTS, IMAGE)
        );
        setup.assert_asked(&[PAYMENTS.host, SEARCH.host], &[&PAYMENTS, &SEARCH]);
    });
}

#[test]
#[ignore = "needs the lab of tests/clients.rs and crane: .ci/run installs them"]
fn crane_asks_the_creds_store_for_the_repository_first() {
    with("crane", |setup| {
        setup.creds_store();
        let digest = setup.home.succeeds("crane", ["digest", &PAYMENTS.image()]);
        assert_eq!(digest.stdout.trim(), setup.lab.digest(&PAYMENTS, IMAGE));
        setup.assert_asked(&[&format!("{}/team/app", PAYMENTS.host)], &[&PAYMENTS]);
    });
}

#[test]
#[ignore = "needs the lab of tests/clients.rs and crane: .ci/run installs them"]
fn crane_shows_a_denial() {
    with("crane", |setup| {
        let image = PAYMENTS.image();
        setup.cred_helpers(&[&PAYMENTS]);
        let pull = ["pull", &image, &setup.home.path("image.tar")];
        setup.assert_shows_denial(Shown::StderrAndMessage, &[PAYMENTS.host], "crane", &pull);
        // It tries HEAD, then GET.
        let digest = ["digest", &image];
        setup.assert_shows_denial(
            Shown::StderrAndMessage,
            &[PAYMENTS.host; 2],
            "crane",
            &digest,
        );
        // The denial of the repository ends it: it does not ask for the host.
        setup.creds_store();
        let repository = format!("{}/team/app", PAYMENTS.host);
        setup.assert_shows_denial(Shown::StderrAndMessage, &[&repository], "crane", &pull);
    });
}
