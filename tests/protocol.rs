//! The credential-helper protocol (docker/docker-credential-helpers) as clients use it: exact
//! streams and exit codes, for any input and any state of the machine.

#[path = "protocol/arguments.rs"]
mod arguments;
mod common;
#[path = "protocol/erase.rs"]
mod erase;
#[path = "protocol/get.rs"]
mod get;
#[path = "protocol/home.rs"]
mod home;
#[path = "protocol/list.rs"]
mod list;
#[path = "protocol/log.rs"]
mod log;
#[path = "protocol/store.rs"]
mod store;
#[path = "protocol/streams.rs"]
mod streams;

use common::Outcome;

/// A configuration that cannot be used.
const BROKEN: &str = "[cache]\nenabled = maybe\n";

/// The password of a `docker login`, which must never be in an output.
const SECRET: &str = "correct-horse-battery-staple";

const NO_SERVER: &str = "no credentials server URL\n";

/// Checks a success with this on stdout and nothing on stderr.
#[track_caller]
fn succeeds(outcome: &Outcome, stdout: &str) {
    assert_eq!(
        (
            outcome.code,
            outcome.stdout.as_str(),
            outcome.stderr.as_str()
        ),
        (Some(0), stdout, "")
    );
}

/// The one line of a failure, which is on stdout and is the first line on stderr.
#[track_caller]
fn told_twice(outcome: &Outcome) -> &str {
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let line = outcome.stdout.strip_suffix('\n').expect("a whole line");
    assert!(!line.is_empty() && !line.contains('\n'), "{outcome:?}");
    outcome.failure(line);
    line
}

/// The answer to `get`, byte for byte.
fn answer(server: &str, outcome: &Outcome) -> String {
    let secret = outcome.answer()["Secret"].as_str().map(str::to_owned);
    let server = serde_json::to_string(server).expect("JSON");
    let secret = secret.expect("a text");
    format!("{{\"ServerURL\":{server},\"Username\":\"AWS\",\"Secret\":\"{secret}\"}}\n")
}

/// What `docker login` sends to `store`.
fn login(server: &str) -> String {
    format!("{{\"ServerURL\":\"{server}\",\"Username\":\"AWS\",\"Secret\":\"{SECRET}\"}}\n")
}
