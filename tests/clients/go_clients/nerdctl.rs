//! nerdctl, with the containerd of the lab's Docker Engine.

use super::{Shown, with};
use crate::registry::{IMAGE, PAYMENTS, SEARCH};

/// nerdctl's arguments before a command.
const CONTAINERD: [&str; 4] = [
    "--address=/run/docker/containerd/containerd.sock",
    "--snapshotter=native",
    "--namespace=ecrx",
    "--cgroup-manager=none",
];

fn nerdctl<'a>(args: &[&'a str]) -> Vec<&'a str> {
    [&CONTAINERD, args].concat()
}

#[test]
#[ignore = "needs the lab of tests/clients.rs and nerdctl: .ci/full installs them"]
fn nerdctl_pulls_from_one_account_and_pushes_to_another() {
    with("nerdctl", |setup| {
        let home = &setup.home;
        let image = PAYMENTS.image();
        let copy = format!("nerdctl/promoted:{}", home.tag());
        let to = format!("{}/{copy}", SEARCH.host);
        setup.cred_helpers(&[&PAYMENTS, &SEARCH]);
        home.succeeds("nerdctl", nerdctl(&["pull", &image]));
        let digests = home.succeeds("nerdctl", nerdctl(&["images", "--digests"]));
        let digest = setup.lab.digest(&PAYMENTS, IMAGE);
        assert!(digests.stdout.contains(&digest), "{}", digests.report());
        setup.assert_asked_only_for(PAYMENTS.host, &PAYMENTS);

        home.succeeds("nerdctl", nerdctl(&["tag", &image, &to]));
        home.succeeds("nerdctl", nerdctl(&["push", &to]));
        setup
            .lab
            .assert_holds(&SEARCH, "nerdctl/promoted", home.tag());
        setup.assert_asked_only_for(SEARCH.host, &SEARCH);
    });
}

#[test]
#[ignore = "needs the lab of tests/clients.rs and nerdctl: .ci/full installs them"]
fn nerdctl_asks_the_creds_store_with_the_port_first() {
    with("nerdctl", |setup| {
        setup.creds_store();
        setup
            .home
            .succeeds("nerdctl", nerdctl(&["pull", &PAYMENTS.image()]));
        setup.assert_asked_only_for(&format!("{}:443", PAYMENTS.host), &PAYMENTS);
    });
}

#[test]
#[ignore = "needs the lab of tests/clients.rs and nerdctl: .ci/full installs them"]
fn nerdctl_shows_a_denial_on_stderr_alone() {
    with("nerdctl", |setup| {
        setup.cred_helpers(&[&PAYMENTS]);
        let image = PAYMENTS.image();
        let pull = nerdctl(&["pull", &image]);
        setup.assert_shows_denial(Shown::Stderr, &[PAYMENTS.host], "nerdctl", &pull);
        setup.creds_store();
        let spellings = [
            "H:443",
            "https://H:443",
            "http://H:443",
            "H",
            "https://H",
            "http://H",
        ]
        .map(|spelling| spelling.replace('H', PAYMENTS.host));
        let spellings = spellings.each_ref().map(String::as_str);
        setup.assert_shows_denial(Shown::StderrAndMessage, &spellings, "nerdctl", &pull);
    });
}
