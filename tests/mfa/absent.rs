//! No terminal for a prompt.

use super::common::fake_aws::FakeAws;
use super::common::pty::{Place, Terminal};
use super::common::{HOST, PROGRAM, TestEnvironment, sources};
use super::{CODE, RULE, alice, asked_as, get_with_code, no_code, run_unasked};

fn hints(environment: &TestEnvironment) -> [String; 2] {
    [
        format!(
            "First get a token on a terminal (it is cached for up to 12 hours). Run: echo {HOST} | docker-credential-ecrx get >/dev/null"
        ),
        asked_as(environment),
    ]
}

/// What is known before to be in vain.
#[test]
fn no_code_is_requested_that_could_not_be_used() {
    let aws = FakeAws::start();
    let mut environment = alice(&aws);
    environment.set("AWS_CA_BUNDLE", "/nonexistent.pem");
    let outcome = run_unasked(&environment, &["get"], HOST);
    let line = outcome
        .stdout
        .strip_prefix(&format!("no credentials for {HOST}: "));
    let line = line.unwrap_or_default();
    assert!(
        line.starts_with("cannot read /nonexistent.pem"),
        "{outcome:?}"
    );

    let mut environment = TestEnvironment::with_aws(&aws);
    sources::sso_session(&mut environment, &aws, "sso");
    environment.config(&format!("{RULE}profile = \"sso\"\n"));
    let path = environment.home().join(".aws/sso/cache");
    for fault in ["has expired", "is missing"] {
        std::fs::remove_dir_all(&path).expect("signed in");
        if fault == "has expired" {
            // Of the session `sso`: printf sso | sha1sum
            environment.write(
                ".aws/sso/cache/afb9d1dcf212fa33d079a070ab90f0bef03c324b.json",
                r#"{"accessToken":"x","expiresAt":"2026-01-01T00:00:00Z"}"#,
            );
        }
        let outcome = run_unasked(&environment, &["get"], HOST);
        outcome.failure(&format!(
            "no credentials for {HOST}: the SSO sign-in for profile sso (session sso) {fault}; run: aws sso login --profile sso"
        ));
    }
    assert_eq!(aws.connections(), 0);
}

#[test]
fn without_a_terminal_the_error_says_so_and_is_not_remembered() {
    let aws = FakeAws::start();
    let environment = alice(&aws);
    let outcome = environment.run_program("setsid", &[PROGRAM, "get"], HOST);
    assert_eq!(
        outcome.failure(&no_code("no terminal is available for the prompt")),
        hints(&environment)
    );
    assert_eq!(aws.connections(), 0);
    assert_eq!(environment.marks().len(), 0);
    let fetched = get_with_code(&aws, &environment, CODE);
    fetched.answer();
    // That is what the hint is about.
    let warm = environment.run_program("setsid", &[PROGRAM, "get"], HOST);
    assert_eq!(warm, fetched);
}

#[test]
fn in_the_background_the_error_says_so_and_is_not_remembered() {
    let aws = FakeAws::start();
    let environment = alice(&aws);
    let terminal = Terminal::open();
    let get = environment.start_program_on(&terminal, Place::Background, PROGRAM, &["get"], HOST);
    let why = "the terminal is in use by another program";
    assert_eq!(get.outcome().failure(&no_code(why)), hints(&environment));
    assert_eq!(terminal.shown(), "");
    assert_eq!(aws.connections(), 0);
    get_with_code(&aws, &environment, CODE).answer();
}
