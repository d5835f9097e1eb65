//! A helper that passes everything back to this program.

use std::time::SystemTime;

use super::common::fake_aws::{ALICE, FakeAws};
use super::common::{HOST, NOT_FOUND, PROGRAM, TestEnvironment};
use super::{all_fail, bin, install, place, with_helper};

/// The answer of the process that is called back, which the first one passes on.
#[track_caller]
fn all_tell_the_loop(environment: &TestEnvironment) {
    let hint = format!(
        "Set other_registries_helper at {} to a helper that stores logins itself",
        place(environment)
    );
    let reason = "docker-credential-fake called docker-credential-ecrx back, which is a loop";
    all_fail(environment, reason, &[&hint]);
    let listed = environment.run(&["list"], "unused");
    assert_eq!((listed.code, listed.stdout.as_str()), (Some(0), "{}\n"));
    assert_eq!(
        listed.stderr,
        format!(
            "docker-credential-ecrx: logins for other registries are not listed: docker-credential-fake called docker-credential-ecrx back, which is a loop (it is set by other_registries_helper at {})\n",
            place(environment)
        )
    );
}

#[test]
fn a_link_to_this_program_is_a_loop() {
    let aws = FakeAws::start();
    let environment = with_helper(&aws, "");
    std::fs::remove_file(bin(&environment).join("docker-credential-fake")).expect("a file");
    environment.link("docker-credential-fake");
    all_tell_the_loop(&environment);
    assert_eq!(aws.connections(), 0);
}

#[test]
fn wrappers_in_between_do_not_hide_a_loop() {
    let aws = FakeAws::start();
    let environment = with_helper(&aws, "#!/bin/sh\ndocker-credential-other \"$@\"\n");
    let other = format!("#!/bin/sh\nexec '{PROGRAM}' \"$@\"\n");
    install(&environment, "docker-credential-other", &other);
    all_tell_the_loop(&environment);
    assert_eq!(aws.connections(), 0);
}

#[test]
#[cfg(target_os = "linux")]
fn a_wrapper_that_clears_the_environment_does_not_hide_a_loop() {
    let aws = FakeAws::start();
    let script =
        format!("#!/bin/sh\nexec env -i \"HOME=$HOME\" \"PATH=$PATH\" '{PROGRAM}' \"$@\"\n");
    let environment = with_helper(&aws, &script);
    all_tell_the_loop(&environment);
    assert_eq!(aws.connections(), 0);
}

#[test]
fn a_helper_may_ask_us_for_ecr_hosts() {
    let aws = FakeAws::start();
    let script = format!("#!/bin/sh\nprintf %s {HOST} | '{PROGRAM}' get\n");
    let environment = with_helper(&aws, &script);
    assert_eq!(environment.get("ghcr.io").grant().principal, ALICE.2);
}

/// The variable as a call of this program sets it now.
fn counting(name: &str) -> String {
    format!("{name}@{}", seconds_since_1970() + 60)
}

fn seconds_since_1970() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.expect("a time after 1970").as_secs()
}

#[test]
fn a_variable_of_an_earlier_call_is_not_a_loop() {
    let aws = FakeAws::start();
    let mut environment = with_helper(&aws, "#!/bin/sh\necho answer\n");
    environment.set("ECRX_HANDED_OVER", &counting("1"));
    let outcome = environment.get("ghcr.io");
    assert!(
        outcome.stdout.contains("back, which is a loop"),
        "{outcome:?}"
    );
    for earlier in ["1".to_owned(), format!("1@{}", seconds_since_1970() - 1)] {
        environment.set("ECRX_HANDED_OVER", &earlier);
        let outcome = environment.get("ghcr.io");
        let answer = (outcome.code, outcome.stdout.as_str());
        assert_eq!(answer, (Some(0), "answer\n"), "{earlier}: {outcome:?}");
    }
}

#[test]
fn without_another_helper_a_call_from_one_is_as_any_other() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.set("ECRX_HANDED_OVER", &counting("1"));
    environment.get("ghcr.io").failed_with(NOT_FOUND, "");
    environment.get(HOST).answer();
}
