//! Programs that this one starts: which file is run, what it is given, that a chain of them that
//! leads back here ends, and that none costs more time than its answer takes.

#![cfg(unix)]

mod common;
#[path = "child_processes/loops.rs"]
mod loops;
#[path = "child_processes/search_path.rs"]
mod search_path;

use std::time::{Duration, Instant};

use common::fake_aws::FakeAws;
use common::sources::process;
use common::{HOST, TestEnvironment};

/// Far below the limit of 30 s, and above what a busy machine needs.
const AT_ONCE: Duration = Duration::from_secs(15);

/// A profile `work` with this command, which finds the keys of [`process`] in `answer.json`.
fn of_command(aws: &FakeAws, command: &str) -> TestEnvironment {
    let mut environment = TestEnvironment::with_aws(aws);
    process(&mut environment, aws, "unused");
    environment.aws_config(&format!("[profile work]\ncredential_process = {command}\n"));
    environment.set("AWS_PROFILE", "work");
    environment.set("PATH", "/usr/bin:/bin");
    environment
}

/// How often a script has left a line in this file.
fn lines(environment: &TestEnvironment, name: &str) -> usize {
    let text = std::fs::read_to_string(environment.home().join(name));
    text.unwrap_or_default().lines().count()
}

#[test]
fn a_credential_process_that_has_ended_is_not_waited_for_because_of_its_children() {
    for held in ["sleep 100 &", "sleep 100 >&2 &", "sleep 100 2>&1 &"] {
        let aws = FakeAws::start();
        let environment = of_command(&aws, "sh ./get.sh");
        environment.write("get.sh", &format!("{held}\ncat answer.json\n"));
        let started = Instant::now();
        environment.get(HOST).grant();
        let took = started.elapsed();
        assert!(took < AT_ONCE, "{held}: {took:?}");
    }
}

#[test]
fn a_failed_credential_process_is_told_at_once_whatever_its_children_hold() {
    let aws = FakeAws::start();
    let environment = of_command(&aws, "sh ./get.sh");
    environment.write("get.sh", "sleep 100 &\necho 'no session' >&2\nexit 3\n");
    let started = Instant::now();
    let outcome = environment.get(HOST);
    assert!(started.elapsed() < AT_ONCE, "{outcome:?}");
    assert!(outcome.stdout.contains("exit status: 3): no session"));
}

#[test]
fn an_answer_that_a_child_of_the_credential_process_prints_is_waited_for() {
    let aws = FakeAws::start();
    let environment = of_command(&aws, "sh ./get.sh");
    environment.write("get.sh", "(sleep 1; cat answer.json) &\n");
    environment.get(HOST).grant();
}

#[test]
fn the_rest_of_an_answer_that_a_child_of_the_credential_process_prints_is_waited_for() {
    let aws = FakeAws::start();
    let environment = of_command(&aws, "sh ./get.sh");
    environment.write(
        "get.sh",
        "head -c 20 answer.json\n(sleep 1; tail -c +21 answer.json; exec sleep 100) &\n",
    );
    let started = Instant::now();
    environment.get(HOST).grant();
    // What comes after a whole answer is not waited for.
    assert!(started.elapsed() < AT_ONCE);
}

#[test]
fn what_cannot_become_an_answer_is_told_at_once_whatever_its_children_hold() {
    for (printed, reason) in [
        ("echo hunter2", "its output is not a JSON object"),
        ("echo '[]'", "its output is not a JSON object"),
        ("echo '{}'", "its output does not have Version 1"),
    ] {
        let aws = FakeAws::start();
        let environment = of_command(&aws, "sh ./get.sh");
        environment.write("get.sh", &format!("{printed}\nsleep 100 &\n"));
        let started = Instant::now();
        let outcome = environment.get(HOST);
        assert!(started.elapsed() < AT_ONCE, "{printed}: {outcome:?}");
        assert!(outcome.stdout.contains(reason), "{printed}: {outcome:?}");
    }
}

#[test]
fn a_credential_process_that_prints_without_end_is_stopped_at_once() {
    let aws = FakeAws::start();
    for script in ["exec yes\n", "yes &\n"] {
        let environment = of_command(&aws, "sh ./get.sh");
        environment.write("get.sh", script);
        let started = Instant::now();
        let outcome = environment.get(HOST);
        assert!(started.elapsed() < AT_ONCE, "{script}: {outcome:?}");
        let reason = "it printed more than 64 KiB and was stopped";
        assert!(outcome.stdout.contains(reason), "{script}: {outcome:?}");
        assert_eq!(outcome.code, Some(1));
    }
}

/// Whether this outcome of a program without a standard output is the right one.
#[track_caller]
fn tells_of_stdout(environment: &TestEnvironment, line: &str, arguments: &str, reason: &str) {
    let script = format!(r#"exec "$0" {arguments} {line}"#);
    let outcome = environment.run_program("/bin/sh", &["-c", &script, common::PROGRAM], HOST);
    assert_eq!(
        (outcome.code, outcome.stdout.as_str()),
        (Some(1), ""),
        "{line} {arguments}: {outcome:?}"
    );
    assert!(
        outcome.stderr.contains("to stdout: ") && outcome.stderr.contains(reason),
        "{line} {arguments}: {outcome:?}"
    );
    assert!(!outcome.stderr.contains("is a bug"), "{outcome:?}");
}

#[test]
fn an_answer_that_cannot_be_written_is_a_failure() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let password = format!("password {HOST}");
    for arguments in ["get", &password] {
        let reason = "it is closed, or discards everything";
        tells_of_stdout(&environment, ">&-", arguments, reason);
    }
    for arguments in ["get", "list", "version", &password] {
        tells_of_stdout(&environment, ">/dev/full", arguments, "No space left");
    }
}

#[test]
fn an_answer_that_is_discarded_on_purpose_is_none() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    for arguments in ["get", "list", "version"] {
        let script = format!(r#"exec "$0" {arguments} >/dev/null"#);
        let outcome = environment.run_program("/bin/sh", &["-c", &script, common::PROGRAM], HOST);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
    }
    assert_eq!(environment.entries().len(), 1);
}
