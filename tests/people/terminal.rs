//! Colours are used only on a terminal that supports them, and no line is too wide.

use super::common::fake_aws::FakeAws;
use super::common::pty::{Place, Terminal};
use super::common::{HOST, Outcome, PROGRAM, TestEnvironment};
use super::configure;

const ESCAPE: char = '\x1b';

/// Commands that print marks, headings and tables.
const COMMANDS: [&[&str]; 4] = [
    &["whoami", HOST],
    &["cache", "list"],
    &["config", "check"],
    &["config", "show", HOST],
];

fn environment(aws: &FakeAws) -> TestEnvironment {
    let mut environment = TestEnvironment::of_alice(aws);
    configure(
        &mut environment,
        "[[registry]]\nmatch = \"*\"\nrole_arn = [\"arn:aws:iam::111122223333:role/hub\", \
         \"arn:aws:iam::999999999999:role/ecr-push\"]\nexternal_id = \"id\"\n\
         role_session_name = \"a-session-with-a-name-that-is-somewhat-longer-than-others\"\n",
    );
    environment.set("TERM", "xterm");
    environment.get(HOST).answer();
    environment
}

/// The output of a command on a terminal.
fn shown(environment: &TestEnvironment, arguments: &[&str]) -> String {
    let terminal = Terminal::open();
    let mut words = vec!["-c", "exec \"$@\" >/dev/tty", "sh", PROGRAM];
    words.extend(arguments);
    let run = environment.start_program_on(&terminal, Place::Foreground, "sh", &words, "");
    let outcome = run.outcome();
    assert_eq!(outcome.stderr, "", "{outcome:?}");
    terminal.shown()
}

#[test]
fn colours_are_used_only_on_a_terminal_and_can_be_disabled() {
    let aws = FakeAws::start();
    let mut environment = environment(&aws);
    for arguments in COMMANDS {
        let piped = environment.run(arguments, "").stdout;
        assert!(!piped.contains(ESCAPE), "{piped:?}");
        let coloured = shown(&environment, arguments);
        assert!(coloured.contains(ESCAPE), "{arguments:?}: {coloured:?}");
    }
    // clap colours the help.
    let help = ["whoami", "--help"];
    assert!(shown(&environment, &help).contains(ESCAPE));
    environment.set("CLICOLOR_FORCE", "1");
    for arguments in COMMANDS.into_iter().chain([&help[..], &["whoami"]]) {
        let Outcome { stdout, stderr, .. } = environment.run(arguments, "");
        assert!(!stdout.contains(ESCAPE), "{stdout:?}");
        assert!(!stderr.contains(ESCAPE), "{stderr:?}");
    }
    environment.unset("CLICOLOR_FORCE");
    for (name, value) in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        environment.set(name, value);
        for arguments in COMMANDS.into_iter().chain([&help[..]]) {
            let plain = shown(&environment, arguments);
            assert!(!plain.contains(ESCAPE), "{name}: {plain:?}");
        }
        environment.unset("NO_COLOR");
    }
}

#[test]
fn passwords_and_paths_are_printed_unchanged_on_a_terminal_too() {
    let aws = FakeAws::start();
    let environment = environment(&aws);
    for arguments in [&["password", HOST][..], &["cache", "path"]] {
        let piped = environment.run(arguments, "").stdout;
        assert_eq!(shown(&environment, arguments), piped.replace('\n', "\r\n"));
    }
}

#[test]
fn a_failure_is_wrapped_on_a_terminal_and_one_line_elsewhere() {
    let aws = FakeAws::start();
    let environment = environment(&aws);
    let arguments = ["whoami", "registry.example.com"];
    let outcome = environment.run(&arguments, "");
    assert_eq!(outcome.code, Some(2));
    let piped = outcome.stderr;
    assert_eq!(piped.lines().count(), 1, "{piped}");
    assert!(piped.len() > 200, "{piped}");

    let terminal = Terminal::open();
    let mut words = vec!["-c", "exec \"$@\" 2>/dev/tty", "sh", PROGRAM];
    words.extend(arguments);
    let run = environment.start_program_on(&terminal, Place::Foreground, "sh", &words, "");
    assert_eq!(run.outcome().code, Some(2));
    let shown = terminal.shown();
    for line in shown.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    assert_eq!(shown.replace("\r\n  ", " "), piped.replace('\n', "\r\n"));
}

#[test]
fn no_line_is_wider_than_100_columns() {
    let aws = FakeAws::start();
    let environment = environment(&aws);
    for arguments in COMMANDS {
        let text = environment.run(arguments, "").stdout;
        assert!(text.lines().count() > 1, "{text}");
        for line in text.lines() {
            assert!(line.chars().count() <= 100, "{line}");
        }
    }
    for command in [
        "configure-docker",
        "doctor",
        "policy",
        "password",
        "whoami",
        "cache",
        "config",
        "completions",
    ] {
        let text = environment.run(&["help", command], "").stdout;
        for line in text.lines() {
            assert!(line.chars().count() <= 100, "{line}");
        }
    }
}
