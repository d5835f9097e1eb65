//! Programs that are started anew for each set-up: this one, version 2 of the AWS CLI, and the
//! established helper.

use std::path::Path;

use serde_json::Value;

use super::answer::Answer;
use super::common::fake_aws::Grant;
use super::common::files::am_root;
use super::common::{HOST, Outcome, PROGRAM, TestEnvironment};

/// After so many seconds, a program is stopped.
const TIME_LIMIT: &str = "60";

/// A command that starts another one without root's right to pass over modes.
pub const OBEY_MODES: [&str; 3] = [
    "/usr/bin/setpriv",
    "--bounding-set=-dac_override,-dac_read_search",
    "--",
];

/// What this program gets.
pub fn ours(environment: &TestEnvironment) -> Answer {
    from_helper(&run(environment, &[PROGRAM, "get"]))
}

/// What the established helper gets. It does not say why it gets nothing.
pub fn established_helper(program: &Path, environment: &TestEnvironment) -> Answer {
    let program = program.to_str().expect("UTF-8");
    from_helper(&run(environment, &[program, "get"]))
}

/// What `aws ecr get-login-password` of version 2 prints, with the Python that has it.
pub fn version_2(python: &Path, environment: &TestEnvironment, region: &str) -> Answer {
    let python = python.to_str().expect("UTF-8");
    let command = ["-m", "awscli", "ecr", "get-login-password", "--region"];
    let outcome = run(environment, &[&[python][..], &command, &[region]].concat());
    match outcome.code {
        Some(0) => from_password(outcome.stdout.trim_end()),
        _ if was_stopped(&outcome) => Answer::Hang,
        _ => Answer::Nothing(outcome.stderr.trim().to_owned()),
    }
}

/// Not even root reads what is closed to the program.
fn run(environment: &TestEnvironment, command: &[&str]) -> Outcome {
    let mut limited = vec!["-s", "KILL", TIME_LIMIT];
    if am_root() {
        limited.extend(OBEY_MODES);
    }
    limited.extend(command);
    environment.run_program("/usr/bin/timeout", &limited, HOST)
}

/// Whether a program was stopped. `timeout` then ends by the same signal, or with its number.
fn was_stopped(outcome: &Outcome) -> bool {
    matches!(outcome.code, Some(137) | None)
}

fn from_helper(outcome: &Outcome) -> Answer {
    match outcome.code {
        Some(0) => {
            let answer: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
            from_password(answer["Secret"].as_str().expect("a text"))
        }
        _ if was_stopped(outcome) => Answer::Hang,
        _ => Answer::Nothing(outcome.stdout.clone()),
    }
}

fn from_password(password: &str) -> Answer {
    Answer::of_principal(&Grant::from_password(password).principal)
}
