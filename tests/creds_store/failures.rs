//! A helper that is missing, or does not answer.

use std::fs;

use super::common::TestEnvironment;
use super::common::fake_aws::FakeAws;
use super::common::files::chmod;
use super::{SECRET, all_fail, bin, install, is_running, login, pid, place, with_helper};

fn named_at(environment: &TestEnvironment) -> String {
    let place = place(environment);
    format!("It is set by other_registries_helper at {place}")
}

#[test]
fn a_missing_helper_is_named_with_the_line_that_names_it() {
    let aws = FakeAws::start();
    let mut environment = with_helper(&aws, "#!/bin/sh\n");
    fs::remove_file(bin(&environment).join("docker-credential-fake")).expect("a file");
    let correct = format!(
        "Install it, or correct other_registries_helper at {}",
        place(&environment)
    );
    let path = format!("PATH is {}:/usr/bin:/bin", bin(&environment).display());
    let missing = "docker-credential-fake is not on PATH";
    all_fail(&environment, missing, &[&correct, &path]);

    // A folder of that name is not a helper.
    fs::create_dir(bin(&environment).join("docker-credential-fake")).expect("a folder");
    all_fail(&environment, missing, &[&correct, &path]);

    environment.unset("PATH");
    all_fail(&environment, missing, &[&correct, "PATH is not set"]);
    assert_eq!(aws.connections(), 0);
}

#[test]
fn a_helper_in_the_working_folder_is_not_run() {
    let aws = FakeAws::start();
    let mut environment = with_helper(&aws, "#!/bin/sh\n");
    let hostile = install(&environment, "docker-credential-fake", "#!/bin/sh\n");
    fs::rename(hostile, environment.home().join("docker-credential-fake")).expect("a file");
    let correct = format!(
        "Install it, or correct other_registries_helper at {}",
        place(&environment)
    );
    for path in [
        ".",
        "/usr/bin:",
        ":/usr/bin",
        "/usr/bin::/bin",
        "./",
        "bin/..",
    ] {
        environment.set("PATH", path);
        let is = format!("PATH is {path}");
        let missing = "docker-credential-fake is not on PATH";
        all_fail(&environment, missing, &[&correct, &is]);
    }
}

#[test]
fn a_helper_that_cannot_be_run_is_reported_with_the_reason() {
    let aws = FakeAws::start();
    let environment = with_helper(&aws, "#!/nonexistent/sh\n");
    all_fail(
        &environment,
        "docker-credential-fake cannot be run: No such file or directory (os error 2)",
        &[&named_at(&environment)],
    );
    let helper = bin(&environment).join("docker-credential-fake");
    chmod(&helper, 0o644);
    let reason = format!(
        "docker-credential-fake cannot be run: {} is not executable",
        helper.display()
    );
    all_fail(&environment, &reason, &[&named_at(&environment)]);
}

#[test]
fn a_hanging_helper_is_stopped_and_reported() {
    let aws = FakeAws::start();
    let script = "#!/bin/sh\necho $$ >\"$HOME/pid\"\necho half an answer\nexec sleep 600 2>&-\n";
    let environment = with_helper(&aws, script);
    environment
        .config("other_registries_helper = \"fake\"\nother_registries_timeout_seconds = 3\n");
    all_fail(
        &environment,
        "docker-credential-fake did not respond within 3 s and was stopped",
        &[
            "If it waits for you to unlock a keyring, increase other_registries_timeout_seconds",
            &named_at(&environment),
        ],
    );
    assert!(!is_running(pid(&environment)));
}

#[test]
fn a_helper_that_was_killed_has_given_no_answer() {
    let aws = FakeAws::start();
    let environment = with_helper(&aws, "#!/bin/sh\necho '{}'\nkill -9 $$\n");
    all_fail(
        &environment,
        "docker-credential-fake returned no response (signal: 9 (SIGKILL))",
        &[&named_at(&environment)],
    );
}

#[test]
fn a_helper_that_prints_without_end_is_stopped_and_reported() {
    let aws = FakeAws::start();
    let environment = with_helper(&aws, "#!/bin/sh\necho $$ >\"$HOME/pid\"\nexec yes\n");
    all_fail(
        &environment,
        "docker-credential-fake printed more than 4 MiB and was stopped",
        &[&named_at(&environment)],
    );
    assert!(!is_running(pid(&environment)));
}

#[test]
fn a_password_in_a_server_name_is_not_printed() {
    let aws = FakeAws::start();
    let environment = with_helper(&aws, "#!/bin/sh\nkill -9 $$\n");
    let server = format!("https://alice:{SECRET}@ghcr.io");
    for (action, input) in [
        ("get", server.clone()),
        ("store", login(&server)),
        ("erase", server.clone()),
    ] {
        let outcome = environment.run(&[action], input);
        assert_eq!(outcome.code, Some(i32::from(action != "erase")));
        assert!(outcome.stderr.contains(" ghcr.io"), "{outcome:?}");
        assert!(!format!("{outcome:?}").contains(SECRET), "{outcome:?}");
    }
}
