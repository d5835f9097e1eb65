//! oras, whose library is also helm's.

use super::{Shown, with};
use crate::registry::{IMAGE, PAYMENTS, SEARCH};

const TEXT: &str = "what is stored beside an image\n";

#[test]
#[ignore = "needs the lab of tests/clients.rs and oras: .ci/run installs them"]
fn oras_pushes_and_pulls_a_file_through_cred_helpers() {
    with("oras", |setup| {
        let home = &setup.home;
        setup.cred_helpers(&[&PAYMENTS]);
        let artifact = format!("{}/oras/pushed:{}", PAYMENTS.host, home.tag());
        let file = home.file("notes.txt", TEXT);
        home.succeeds(
            "oras",
            ["push", "--disable-path-validation", &artifact, &file],
        );
        setup.lab.assert_holds(&PAYMENTS, "oras/pushed", home.tag());
        setup.assert_asked(&[PAYMENTS.host], &[&PAYMENTS]);

        home.file("notes.txt", "");
        home.succeeds("oras", ["pull", "--allow-path-traversal", &artifact]);
        assert_eq!(home.read("notes.txt"), TEXT);
        let repositories = home.succeeds("oras", ["repo", "ls", PAYMENTS.host]).stdout;
        assert!(
            repositories.lines().any(|line| line == "oras/pushed"),
            "{repositories}"
        );
        setup.assert_asked(&[PAYMENTS.host; 2], &[]);
    });
}

#[test]
#[ignore = "needs the lab of tests/clients.rs and oras: .ci/run installs them"]
fn oras_copies_between_two_accounts() {
    with("oras", |setup| {
        let copy = format!("oras/copied:{}", setup.home.tag());
        let to = format!("{}/{copy}", SEARCH.host);
        setup.cred_helpers(&[&PAYMENTS, &SEARCH]);
        setup
            .home
            .succeeds("oras", ["copy", &PAYMENTS.image(), &to]);
        assert_eq!(
            setup.lab.digest(&SEARCH, &copy),
            setup.lab.digest(&PAYMENTS, IMAGE)
        );
        setup.assert_asked(&[PAYMENTS.host, SEARCH.host], &[&PAYMENTS, &SEARCH]);
    });
}

#[test]
#[ignore = "needs the lab of tests/clients.rs and oras: .ci/run installs them"]
fn oras_reads_a_manifest_through_the_creds_store() {
    with("oras", |setup| {
        setup.creds_store();
        let resolve = setup.home.succeeds("oras", ["resolve", &PAYMENTS.image()]);
        assert_eq!(resolve.stdout.trim(), setup.lab.digest(&PAYMENTS, IMAGE));
        setup.assert_asked(&[PAYMENTS.host], &[&PAYMENTS]);
    });
}

#[test]
#[ignore = "needs the lab of tests/clients.rs and oras: .ci/run installs them"]
fn oras_shows_a_denial() {
    with("oras", |setup| {
        setup.cred_helpers(&[&PAYMENTS]);
        let pull = ["pull", &PAYMENTS.image()];
        setup.assert_shows_denial(Shown::StderrAndMessage, &[PAYMENTS.host], "oras", &pull);
    });
}
