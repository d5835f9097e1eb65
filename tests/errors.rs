//! Every failure in the words that a person gets: what failed, for which registry and which
//! identity, and what to do. Through the real executable, to the letter.

#[path = "errors/aws.rs"]
mod aws;
mod common;
#[path = "errors/configuration.rs"]
mod configuration;
#[cfg(target_os = "linux")]
#[path = "errors/each_call.rs"]
mod each_call;
#[path = "errors/hostile.rs"]
mod hostile;
#[cfg(unix)]
#[path = "errors/hostile_files.rs"]
mod hostile_files;
#[path = "errors/keys.rs"]
mod keys;
#[cfg(unix)]
#[path = "errors/limits.rs"]
mod limits;
#[path = "errors/network.rs"]
mod network;
#[path = "errors/roles.rs"]
mod roles;
#[path = "errors/sdk_inputs.rs"]
mod sdk_inputs;
#[path = "errors/sign_in.rs"]
mod sign_in;
#[path = "errors/sources.rs"]
mod sources;
#[cfg(unix)]
#[path = "errors/special_files.rs"]
mod special_files;

use common::fake_aws::{ALICE, BOB, FakeAws, Fault, LOGIN_REFRESH_TOKEN, SSO_ACCESS_TOKEN};
use common::{HOST, Outcome, TestEnvironment};

/// What follows every failure of Alice's keys from the environment.
const AS_ALICE: &str =
    "identity: the access key AKIAIOSFODNN7EXAMPLE; selected by the variable AWS_ACCESS_KEY_ID";

/// Failure with this reason and these hints, and with nothing else on either stream.
#[track_caller]
fn told(outcome: &Outcome, reason: &str, hints: &[&str]) {
    let line = format!("no credentials for {HOST}: {reason}");
    assert_eq!(outcome.failure(&line), hints);
    is_readable(outcome);
}

/// No words of a programmer, no secrets, and hints that are sentences without a full stop.
#[track_caller]
fn is_readable(outcome: &Outcome) {
    let text = format!("{}{}", outcome.stdout, outcome.stderr);
    for noise in [
        "Error {",
        "Error(",
        "Response {",
        "Request {",
        "Some(",
        "StatusCode(",
        "SdkBody",
        "ServiceError",
        "DispatchFailure",
        "unhandled",
        "dispatch failure",
        "service error",
        "error occurred",
        "not found in native keychain",
    ] {
        assert!(!text.contains(noise), "{noise:?} in {text}");
    }
    for secret in [
        ALICE.1,
        BOB.1,
        SSO_ACCESS_TOKEN,
        LOGIN_REFRESH_TOKEN,
        "FwoEXAMPLE",
        "hunter2",
    ] {
        assert!(!text.contains(secret), "a secret in {text}");
    }
    let lines: Vec<&str> = outcome.stderr.lines().collect();
    for (index, line) in lines.iter().enumerate() {
        assert!(!lines[..index].contains(line), "twice: {line}");
    }
    for hint in lines.iter().filter_map(|line| line.strip_prefix("  ")) {
        let begins_well = hint.starts_with(char::is_uppercase) || hint.starts_with("identity: ");
        assert!(begins_well && !hint.ends_with('.'), "not a hint: {hint}");
    }
}

/// A path in the home directory as messages show it.
fn shown(environment: &TestEnvironment, path: &str) -> String {
    environment.home().join(path).display().to_string()
}

/// An answer of this status, body and nothing else.
fn answer(status: u16, body: &str) -> Fault {
    Fault::RawResponse(status, Vec::new(), body.to_owned())
}

/// Alice, with roles of a rule on top.
fn of_alice_with_rule(aws: &FakeAws, rule: &str) -> TestEnvironment {
    let environment = TestEnvironment::of_alice(aws);
    environment.config(&format!("[[registry]]\nmatch = \"999999999999\"\n{rule}\n"));
    environment
}

/// A profile `work`, chosen by `AWS_PROFILE`.
fn of_profile(aws: &FakeAws, config: &str) -> TestEnvironment {
    let mut environment = TestEnvironment::with_aws(aws);
    environment.set("AWS_PROFILE", "work");
    environment.aws_config(&format!("[profile work]\n{config}\n"));
    environment
}
