//! What the system gives no more of: open files, threads.

use super::common::fake_aws::FakeAws;
#[cfg(target_os = "linux")]
use super::common::get_under_strace;
use super::common::sources::web_identity;
use super::common::{HOST, Outcome, TestEnvironment};
use super::is_readable;

/// `get`, where only so many files can be open at a time, the three streams among them.
fn get_with_open_files(environment: &TestEnvironment, most: u32) -> Outcome {
    // The parent process may have left more of them open (`make -j` does).
    environment.get_behind(&format!(
        "exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; ulimit -n {most}"
    ))
}

#[test]
fn too_few_open_files_are_told_as_such_and_are_no_bug() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let mut answered = 0;
    // With three, the machine cannot load its libraries; at 7 and 8, tokio 1.54 panics.
    for most in 4..=16 {
        let _ = std::fs::remove_dir_all(environment.home().join(".cache"));
        let outcome = get_with_open_files(&environment, most);
        if outcome.code == Some(0) {
            outcome.grant();
            answered += 1;
            continue;
        }
        assert_eq!(
            (outcome.code, answered),
            (Some(1), 0),
            "{most}: {outcome:?}"
        );
        let line = outcome.stdout.trim_end();
        let reason = "Too many open files (os error 24)";
        assert!(
            line.starts_with(&format!("no credentials for {HOST}: ")) && line.contains(reason),
            "{most}: {outcome:?}"
        );
        outcome.failure(line);
        is_readable(&outcome);
    }
    assert!(answered > 0);
    // A token that is there needs one file at a time.
    get_with_open_files(&environment, 4).grant();
}

/// As in a container whose `--pids-limit` is used up. What needs a thread is to look for a name,
/// and to read what may be a pipe.
#[cfg(target_os = "linux")]
#[test]
#[ignore = "needs strace: .ci/run installs it"]
fn a_thread_that_cannot_be_started_is_told_as_such_and_is_no_bug() {
    let aws = FakeAws::start();
    let get = |environment: &TestEnvironment| {
        let refused = "--inject=clone,clone3:error=EAGAIN";
        get_under_strace(environment, &[refused]).0
    };
    let refusal = "cannot start a thread: Resource temporarily unavailable (os error 11)";

    let mut named = TestEnvironment::of_alice(&aws);
    named.set(
        "AWS_ENDPOINT_URL",
        &aws.url().replace("127.0.0.1", "localhost"),
    );
    let outcome = get(&named);
    let port = aws.address().to_string().replace("127.0.0.1", "localhost");
    let line = format!(
        "no credentials for {HOST}: requesting an authorization token: cannot reach {port}: the host name cannot be resolved ({refusal})"
    );
    outcome.failure(&line);
    is_readable(&outcome);

    let mut by_container = TestEnvironment::with_aws(&aws);
    by_container.set(
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        &format!("http://localhost:{}/credentials", aws.address().port()),
    );
    let outcome = get(&by_container);
    let line = outcome.stdout.trim_end();
    // The SDK keeps the reason to itself.
    let reason = "the container credential endpoint returned no credentials: the AWS SDK rejects the URL in AWS_CONTAINER_CREDENTIALS_FULL_URI: failed to perform DNS lookup while \
                  validating URI";
    assert!(line.contains(reason), "{outcome:?}");
    outcome.failure(line);
    is_readable(&outcome);

    let mut by_token = TestEnvironment::with_aws(&aws);
    web_identity(&mut by_token, &aws, "work");
    by_token.set("AWS_PROFILE", "work");
    let outcome = get(&by_token);
    let line = outcome.stdout.trim_end();
    let reason = format!("the file cannot be read: {refusal}");
    assert!(line.contains(&reason), "{outcome:?}");
    outcome.failure(line);
    is_readable(&outcome);
}
