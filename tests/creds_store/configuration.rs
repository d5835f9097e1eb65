//! An invalid configuration, without which the program cannot know which helper a host belongs to.

use super::common::fake_aws::FakeAws;
use super::common::{HOST, NOT_FOUND, TestEnvironment};
use super::{SECRET, login, take_calls, with_recorder};

/// A mistake, and the message after the file name.
const BROKEN: (&str, &str) = (
    "other_registries_helper = \"fake\"\n[cache]\nenabled = 1\n",
    ":3: cache.enabled: must be true or false without quotes, not a whole number",
);

fn broken(aws: &FakeAws) -> (TestEnvironment, String) {
    let environment = with_recorder(aws);
    let path = environment.config(BROKEN.0);
    let told = format!("{}{}", path.display(), BROKEN.1);
    (environment, told)
}

#[test]
fn get_and_store_for_another_host_report_a_broken_configuration() {
    let aws = FakeAws::start();
    let (mut environment, told) = broken(&aws);
    let none: [&str; 0] = [];
    for (server, host) in [
        ("ghcr.io", "ghcr.io"),
        ("https://index.docker.io/v1/", "https://index.docker.io/v1/"),
        (&format!("bob:{SECRET}@ghcr.io"), "ghcr.io"),
    ] {
        let line = format!("no credentials for {host}: {told}");
        assert_eq!(environment.get(server).failure(&line), none);
        let line = format!("the login to {host} was not saved: {told}");
        let stored = environment.run(&["store"], login(server));
        assert_eq!(stored.failure(&line), none);
    }
    environment.set("ECRX_CONFIG", "/nonexistent/ecrx.toml");
    let missing = "no credentials for ghcr.io: /nonexistent/ecrx.toml: file not found, but ECRX_CONFIG is set to it; correct or unset ECRX_CONFIG";
    assert_eq!(environment.get("ghcr.io").failure(missing), none);
    assert_eq!(take_calls(&environment), "");
    assert_eq!(aws.connections(), 0);
}

#[test]
fn erase_with_a_broken_configuration_succeeds_and_says_what_may_still_be_kept() {
    let aws = FakeAws::start();
    let (environment, told) = broken(&aws);
    let outcome = environment.run(&["erase"], "ghcr.io");
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), ""));
    assert_eq!(
        outcome.stderr,
        format!("docker-credential-ecrx: the login to ghcr.io was not erased: {told}\n")
    );
    let outcome = environment.run(&["erase"], HOST);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
    assert_eq!(take_calls(&environment), "");
}

#[test]
fn public_ecr_stays_anonymous_and_list_empty_with_a_broken_configuration() {
    let aws = FakeAws::start();
    let (environment, told) = broken(&aws);
    environment.get("public.ecr.aws").failed_with(NOT_FOUND, "");
    // Docker requests every listed login, so the reason for an empty list is printed.
    let listed = environment.run(&["list"], "unused");
    assert_eq!((listed.code, listed.stdout.as_str()), (Some(0), "{}\n"));
    assert_eq!(
        listed.stderr,
        format!("docker-credential-ecrx: no logins are listed: {told}\n")
    );
    assert_eq!(take_calls(&environment), "");
}
