//! The same clients and registries with this program and with amazon-ecr-credential-helper 0.12.

use super::{Setup, with};
use crate::common::fake_aws::ALICE;
use crate::registry::{IMAGE, PAYMENTS, Registry, SEARCH};

/// Writes `credHelpers` with this helper for these registries.
fn use_helper(setup: &Setup, helper: &str, registries: &[&Registry]) {
    let entry = |registry: &&Registry| format!("\"{}\":\"{helper}\"", registry.host);
    let entries: Vec<String> = registries.iter().map(entry).collect();
    let config = format!("{{\"credHelpers\":{{{}}}}}", entries.join(","));
    setup.home.docker_config(&config);
}

/// Copies the image between two accounts with every client, twice; AWS is asked the first time.
#[test]
#[ignore = "needs the lab of tests/clients.rs, crane, oras and docker-credential-ecr-login: .ci/run installs them"]
fn both_helpers_copy_between_two_accounts_with_as_many_calls_to_aws() {
    for client in ["crane", "oras"] {
        for helper in ["ecrx", "ecr-login"] {
            with(client, |setup| {
                use_helper(setup, helper, &[&PAYMENTS, &SEARCH]);
                let copy = format!("{client}/twice:{}", setup.home.tag());
                let to = format!("{}/{copy}", SEARCH.host);
                setup
                    .home
                    .succeeds(client, ["copy", &PAYMENTS.image(), &to]);
                let digest = setup.lab.digest(&PAYMENTS, IMAGE);
                assert_eq!(
                    setup.lab.digest(&SEARCH, &copy),
                    digest,
                    "{client}, {helper}"
                );
                setup.assert_issued(&[&PAYMENTS, &SEARCH]);
                setup
                    .home
                    .succeeds(client, ["copy", &PAYMENTS.image(), &to]);
                setup.assert_issued(&[]);
            });
        }
    }
}

/// The established helper answers "credentials not found", and the client goes on without any.
#[test]
#[ignore = "needs the lab of tests/clients.rs, crane and docker-credential-ecr-login: .ci/run installs them"]
fn only_this_program_tells_crane_why_there_is_no_token() {
    with("crane", |setup| {
        setup.aws.deny_ecr(ALICE.2);
        let digest = ["digest", &PAYMENTS.image()];
        use_helper(setup, "ecr-login", &[&PAYMENTS]);
        let theirs = setup.home.fails("crane", digest);
        assert!(
            !theirs.output().contains("AccessDenied"),
            "{}",
            theirs.report()
        );
        assert!(theirs.stderr.contains("401"), "{}", theirs.report());
        use_helper(setup, "ecrx", &[&PAYMENTS]);
        let ours = setup.home.fails("crane", digest);
        assert!(ours.stderr.contains("AccessDenied"), "{}", ours.report());
    });
}
