//! Roles that require an MFA code: the prompt on the terminal, the token requested with the code, and
//! its use until it expires.

#![cfg(target_os = "linux")]

#[path = "mfa/absent.rs"]
mod absent;
#[path = "mfa/asked.rs"]
mod asked;
#[path = "mfa/cancelled.rs"]
mod cancelled;
mod common;
#[path = "mfa/crowd.rs"]
mod crowd;
#[path = "mfa/life.rs"]
mod life;
#[path = "mfa/refused.rs"]
mod refused;
#[path = "mfa/together.rs"]
mod together;

use common::fake_aws::{FakeAws, Operation};
use common::pty::Terminal;
use common::{HOST, Outcome, TestEnvironment};

/// Alice's.
const DEVICE: &str = "arn:aws:iam::111122223333:mfa/alice";
const ROLE: &str = "arn:aws:iam::999999999999:role/ecr-admin";
const CODE: &str = "907531";

/// The rule of most tests.
const RULE: &str = r#"
[[registry]]
match = "999999999999"
role_arn = "arn:aws:iam::999999999999:role/ecr-admin"
mfa_serial = "arn:aws:iam::111122223333:mfa/alice"
"#;

/// The account of [`HOST`], in another region: the same role, and another token.
const ELSEWHERE: &str = "999999999999.dkr.ecr.eu-west-1.amazonaws.com";

/// What the terminal shows for a role.
fn question_for(role: &str) -> String {
    format!("docker-credential-ecrx: MFA code from {DEVICE} for {role}: ")
}

/// What is said of [`HOST`] and its role's code.
fn no_code(why: &str) -> String {
    format!("no credentials for {HOST}: the role {ROLE} requires an MFA code from {DEVICE}: {why}")
}

/// What is said of it for half a minute.
fn remembered(why: &str) -> String {
    let host = format!("no credentials for {HOST}: ");
    let cause = no_code(why);
    let cause = cause.strip_prefix(&host).expect("the host");
    format!("{host}(previous attempt) {cause}")
}

/// The identity of [`RULE`].
fn asked_as(environment: &TestEnvironment) -> String {
    let config = environment
        .home()
        .join(".config/docker-credential-ecrx/config.toml");
    format!(
        "identity: the access key AKIAIOSFODNN7EXAMPLE, then role {ROLE}; selected by the rule at {}:2",
        config.display()
    )
}

/// Alice, whose rule wants a code, and her device shows [`CODE`].
fn alice(aws: &FakeAws) -> TestEnvironment {
    aws.require_mfa(ROLE, DEVICE, CODE);
    let environment = TestEnvironment::of_alice(aws);
    environment.config(RULE);
    environment
}

/// A `get` at a terminal, and the keys that are pressed when it asks. Nothing but the question is
/// shown.
#[track_caller]
fn get_typing(environment: &TestEnvironment, server: &str, role: &str, keys: &str) -> Outcome {
    let terminal = Terminal::open();
    let settings = terminal.settings();
    let get = environment.start_on(&terminal, &["get"], server);
    let question = question_for(role);
    terminal.wait_for(&question);
    terminal.type_text(keys);
    let outcome = get.outcome();
    assert_eq!(terminal.shown(), format!("{question}\r\n"));
    assert_eq!(terminal.settings(), settings);
    outcome
}

/// The same with a code that the device shows now.
#[track_caller]
fn get_with_code(aws: &FakeAws, environment: &TestEnvironment, code: &str) -> Outcome {
    aws.show_code(DEVICE, code);
    get_typing(environment, HOST, ROLE, &format!("{code}\r"))
}

/// An action at a terminal that shows nothing of it.
#[track_caller]
fn run_unasked(environment: &TestEnvironment, arguments: &[&str], input: &str) -> Outcome {
    let terminal = Terminal::open();
    let outcome = environment.start_on(&terminal, arguments, input).outcome();
    assert_eq!(terminal.shown(), "", "{input}");
    outcome
}

/// A `get` without a prompt and without calls to AWS.
#[track_caller]
fn get_quietly(aws: &FakeAws, environment: &TestEnvironment, server: &str) -> Outcome {
    let connections = aws.connections();
    let outcome = run_unasked(environment, &["get"], server);
    assert_eq!(aws.connections(), connections, "{server}");
    outcome
}

/// The codes that AWS was sent, in order, with the device and the role.
fn codes(aws: &FakeAws) -> Vec<(Option<String>, Option<String>, String)> {
    let text = |text: &str| text.to_owned();
    aws.calls_of(Operation::StsAssumeRole)
        .iter()
        .map(|call| {
            (
                call.param("TokenCode").map(text),
                call.param("SerialNumber").map(text),
                text(call.param("RoleArn").expect("a role")),
            )
        })
        .collect()
}

/// One of [`codes`].
fn code_of(code: &str, device: &str, role: &str) -> (Option<String>, Option<String>, String) {
    (
        Some(code.to_owned()),
        Some(device.to_owned()),
        role.to_owned(),
    )
}
