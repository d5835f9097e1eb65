//! `get`: ECR registries, other registries, and invalid input.

use std::time::Duration;

use super::common::fake_aws::{FakeAws, Fault, Operation};
use super::common::{HOST, NOT_FOUND, Outcome, TestEnvironment};
use super::{BROKEN, NO_SERVER, answer, succeeds, told_twice};

// ECR registries.

#[test]
fn get_echoes_every_spelling_as_it_was_sent() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let upper = HOST.to_ascii_uppercase();
    let spellings = [
        HOST.to_owned(),
        format!("{HOST}:443"),
        format!("{HOST}:5000"),
        format!("{HOST}."),
        format!("http://{HOST}"),
        format!("https://{HOST}"),
        format!("https://{HOST}/"),
        format!("https://{HOST}/v2/"),
        format!("http://{HOST}:443/v1/"),
        format!("{HOST}/team/app"),
        format!("{HOST}/team/app:tag@sha256:00"),
        format!("{HOST}?ns=docker.io"),
        format!("{HOST}/quo\"ted\\path/é"),
        upper.clone(),
        format!("HTTPS://{upper}:443/V2/"),
    ];
    for spelling in &spellings {
        let outcome = environment.get(spelling);
        succeeds(&outcome, &answer(spelling, &outcome));
        assert_eq!(outcome.grant().serial, 1, "{spelling}");
    }
    assert_eq!(aws.calls().len(), 1, "all spellings share one entry");
}

#[test]
fn white_space_around_the_server_is_not_echoed() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    for (before, after) in [
        ("", "\n"),
        ("", "\r\n"),
        (" \t", " "),
        ("\n\n", "\n\n"),
        ("\u{feff}", "\r\n"),
    ] {
        let outcome = environment.get(&format!("{before}{HOST}{after}"));
        succeeds(&outcome, &answer(HOST, &outcome));
    }
}

#[test]
fn of_32_gets_at_once_one_asks_and_all_give_its_answer() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    // A slow call, so that no process comes late by chance.
    aws.on(
        Operation::EcrGetAuthorizationToken,
        Fault::Delay(Duration::from_secs(2)),
    );
    let started: Vec<_> = (0..32)
        .map(|_| environment.start(&["get"], HOST.as_bytes()))
        .collect();
    let outcomes: Vec<_> = started.into_iter().map(Outcome::of).collect();
    for outcome in &outcomes {
        succeeds(outcome, &answer(HOST, &outcomes[0]));
    }
    assert_eq!(aws.calls().len(), 1);
}

// Other registries.

#[test]
fn other_registries_are_not_found_and_aws_is_not_called() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.aws_config("[default\nregion");
    for server in [
        "https://index.docker.io/v1/",
        "docker.io",
        "ghcr.io",
        "localhost:5000",
        "192.0.2.10",
        "[::1]:5000",
        "registry.example.com/team/app",
        "/",
        "a b",
        "é.example",
        // Hosts that look like ECR hosts.
        "999999999999.dkr.ecr.us-west-2.amazonaws.com.evil.example",
        "evil.example/999999999999.dkr.ecr.us-west-2.amazonaws.com",
        "evil.example?999999999999.dkr.ecr.us-west-2.amazonaws.com",
        "evil.example#999999999999.dkr.ecr.us-west-2.amazonaws.com",
        "999999999999.dkr.ecr.us-west-2.amazonaws.com@evil.example",
        "evil.example@999999999999.dkr.ecr.us-west-2.amazonaws.com",
        "https://AWS:secret@999999999999.dkr.ecr.us-west-2.amazonaws.com",
        "99999999999.dkr.ecr.us-west-2.amazonaws.com",
        "9999999999999.dkr.ecr.us-west-2.amazonaws.com",
        "x.999999999999.dkr.ecr.us-west-2.amazonaws.com",
        "999999999999.dkr.ecr.us-west-2.amazonaws.com.cn",
        "999999999999.dkr-ecr.cn-north-1.on.aws.com.cn",
        "999999999999.dkr-ecr.cn-north-1.on.aws",
        "999999999999.dkr.ecr.amazonaws.com",
        "999999999999.dkr.ecr.us-west-2.amazonaws.com:port",
        "999999999999.dkr.ecr.us-west-2.amazonaws.com:0",
        "999999999999.dkr.ecr.us-west-2.amazonaws.com\\@evil.example",
        "ftp://999999999999.dkr.ecr.us-west-2.amazonaws.com",
        "https://https://999999999999.dkr.ecr.us-west-2.amazonaws.com",
        "api.ecr.us-west-2.amazonaws.com",
        "*.dkr.ecr.us-west-2.amazonaws.com",
        "public.ecr.aws.evil.example",
        "xpublic.ecr.aws",
    ] {
        let outcome = environment.get(server);
        assert_eq!(
            (
                outcome.code,
                outcome.stdout.as_str(),
                outcome.stderr.as_str()
            ),
            (Some(1), NOT_FOUND, ""),
            "{server}"
        );
    }
    assert_eq!(aws.connections(), 0);
    assert!(!environment.home().join(".cache").exists());
}

#[test]
fn a_missing_config_file_is_named() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.set("ECRX_CONFIG", "/nonexistent/ecrx.toml");
    let hints = environment.get(HOST);
    let line = format!(
        "no credentials for {HOST}: /nonexistent/ecrx.toml: file not found, but ECRX_CONFIG is set to it; correct or unset ECRX_CONFIG"
    );
    assert_eq!(hints.failure(&line), Vec::<&str>::new());
    assert_eq!(aws.connections(), 0);
}

#[test]
fn a_broken_config_file_fails_an_ecr_registry_and_names_file_and_line() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let config = environment.config(BROKEN);
    let outcome = environment.get(HOST);
    let line = told_twice(&outcome);
    let place = format!("no credentials for {HOST}: {}:2: ", config.display());
    assert!(line.starts_with(&place), "{line}");
    assert_eq!(aws.connections(), 0);
}

#[test]
fn a_broken_config_file_leaves_anonymous_pulls_from_public_ecr_alive() {
    let environment = TestEnvironment::new();
    environment.config(BROKEN);
    environment.get("public.ecr.aws").failed_with(NOT_FOUND, "");
}

// Input.

#[test]
fn empty_input_has_its_fixed_text() {
    let environment = TestEnvironment::new();
    for input in ["", "\n", " ", "\r\n\t \n", "\u{a0}\u{2003}"] {
        environment.get(input).failed_with(NO_SERVER, "");
        succeeds(&environment.run(&["erase"], input), "");
    }
}

#[test]
fn a_closed_stdin_is_empty_input() {
    let environment = TestEnvironment::new();
    let mut command = environment.command(&["get"]);
    command.stdin(std::process::Stdio::null());
    Outcome::of(command.spawn().expect("start")).failed_with(NO_SERVER, "");
}

#[cfg(unix)]
#[test]
fn a_stdin_that_cannot_be_read_is_a_clear_error() {
    let environment = TestEnvironment::new();
    let folder = std::fs::File::open(environment.home()).expect("a folder");
    let mut command = environment.command(&["get"]);
    command.stdin(folder);
    let outcome = Outcome::of(command.spawn().expect("start"));
    let line = told_twice(&outcome);
    let beginning = "cannot read the request from stdin: ";
    assert!(line.starts_with(beginning), "{line}");
}

#[test]
fn invalid_input_is_a_clear_error() {
    let environment = TestEnvironment::new();
    let control = "the server name on stdin contains a control character";
    let not_text = "the request on stdin is not UTF-8 text";
    let too_long = "the request on stdin is longer than 64 KiB";
    let long = "a".repeat(64 * 1024 + 1);
    let blank = " ".repeat(64 * 1024 + 1);
    let huge = "\n".repeat(1024 * 1024);
    let cases: &[(&[u8], &str)] = &[
        (b"\0", control),
        (b"999999999999.dkr.ecr.us-west-2.amazonaws.com\0", control),
        (
            b"999999999999.dkr.ecr.us-west-2.amazonaws.com\nghcr.io",
            control,
        ),
        (b"ghcr\x1b[31m.io", control),
        (b"ghcr.io\x7f", control),
        ("ghcr.io/\u{9b}".as_bytes(), control),
        (b"\xff", not_text),
        (b"ghcr.io\xc3", not_text),
        (long.as_bytes(), too_long),
        (blank.as_bytes(), too_long),
        (huge.as_bytes(), too_long),
    ];
    for (input, line) in cases {
        let outcome = environment.run(&["get"], input);
        assert_eq!(outcome.failure(line), Vec::<&str>::new());
        succeeds(&environment.run(&["erase"], input), "");
    }
}

#[test]
fn sixty_four_kibibytes_are_not_too_much() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let server = format!("{HOST}/{}", "a".repeat(64 * 1024 - HOST.len() - 1));
    assert_eq!(server.len(), 64 * 1024);
    let outcome = environment.get(&server);
    succeeds(&outcome, &answer(&server, &outcome));
    let host = "a".repeat(64 * 1024);
    environment.get(&host).failed_with(NOT_FOUND, "");
}
