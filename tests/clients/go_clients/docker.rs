//! The newest Docker CLI, against Debian's engine. `tests/clients/docker.rs` runs it too.

use super::{Shown, with};
use crate::registry::{IMAGE, PAYMENTS, SEARCH};

#[test]
#[ignore = "needs the lab of tests/clients.rs and docker: .ci/run installs them"]
fn docker_29_pulls_from_one_account_and_pushes_to_another() {
    with("docker", |setup| {
        let home = &setup.home;
        let image = PAYMENTS.image();
        let copy = format!("docker29/promoted:{}", home.tag());
        let to = format!("{}/{copy}", SEARCH.host);
        setup.cred_helpers(&[&PAYMENTS, &SEARCH]);
        home.run("docker", ["image", "rm", "--force", &image]);
        let pull = home.succeeds("docker", ["pull", &image]);
        let digest = setup.lab.digest(&PAYMENTS, IMAGE);
        assert!(pull.stdout.contains(&digest), "{}", pull.report());
        setup.assert_asked(&[PAYMENTS.host], &[&PAYMENTS]);

        home.succeeds("docker", ["tag", &image, &to]);
        let push = home.succeeds("docker", ["push", &to]);
        // The engine has compressed the layer again.
        let digest = setup.lab.digest(&SEARCH, &copy);
        assert!(push.stdout.contains(&digest), "{}", push.report());
        setup.assert_asked(&[SEARCH.host], &[&SEARCH]);
    });
}

#[test]
#[ignore = "needs the lab of tests/clients.rs and docker: .ci/run installs them"]
fn docker_29_pulls_through_the_creds_store() {
    with("docker", |setup| {
        setup.creds_store();
        let image = PAYMENTS.image();
        setup.home.run("docker", ["image", "rm", "--force", &image]);
        setup.home.succeeds("docker", ["pull", &image]);
        setup.assert_asked(&[PAYMENTS.host], &[&PAYMENTS]);
    });
}

#[test]
#[ignore = "needs the lab of tests/clients.rs and docker: .ci/run installs them"]
fn docker_29_shows_a_denial_in_its_own_message_too() {
    with("docker", |setup| {
        setup.cred_helpers(&[&PAYMENTS]);
        let pull = ["pull", &PAYMENTS.image()];
        setup.assert_shows_denial(Shown::StderrAndMessage, &[PAYMENTS.host], "docker", &pull);
    });
}
