//! The command line: commands, help and version.

use std::process::Stdio;

use super::common::fake_aws::FakeAws;
use super::common::{HOST, Outcome, TestEnvironment};
use super::{BROKEN, succeeds};

#[test]
fn wrong_arguments_fail_with_one_line_and_the_nearest_command() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let of_get = "`get` takes no arguments: it reads the registry host from stdin\n";
    let of_doctr = "unknown command `doctr`; did you mean `doctor`?\n";
    let wrong: &[(&[&str], &str)] = &[
        (&["GET"], "unknown command `GET`; did you mean `get`?\n"),
        (&["gets"], "unknown command `gets`; did you mean `get`?\n"),
        (&[" get"], "unknown command ` get`; did you mean `get`?\n"),
        (
            &["-x"],
            "unknown command `-x`; run: docker-credential-ecrx help\n",
        ),
        (
            &["--get"],
            "unknown command `--get`; run: docker-credential-ecrx help\n",
        ),
        (
            &["-V"],
            "unknown command `-V`; run: docker-credential-ecrx help\n",
        ),
        (&["get", "get"], of_get),
        (&["get", ""], of_get),
        (&["get", HOST], of_get),
        (
            &["version", "--version"],
            "`version` does not take these arguments\n",
        ),
        (
            &["--help", "--version"],
            "`--version` does not take these arguments\n",
        ),
        (
            &["list", "unused", "unused"],
            "`list` takes no arguments: it reads the registry host from stdin\n",
        ),
        (&["doctr", HOST], of_doctr),
        (&["help", "doctr"], of_doctr),
        (
            &["help", "get", "list"],
            "`get` does not take these arguments\n",
        ),
    ];
    for (arguments, why) in wrong {
        let outcome = environment.run(arguments, HOST);
        assert_eq!(
            (
                outcome.code,
                outcome.stdout.as_str(),
                outcome.stderr.as_str()
            ),
            (Some(1), "", &*format!("docker-credential-ecrx: {why}")),
            "{arguments:?}"
        );
    }
    assert_eq!(aws.connections(), 0);
}

#[test]
fn without_a_command_the_help_is_printed_and_it_fails_for_groups_of_commands_too() {
    let environment = TestEnvironment::new();
    let usage = environment.run(&["help"], "").stdout;
    for arguments in [&[""][..], &["help", "configure-docker", "--", HOST]] {
        environment.run(arguments, "").failed_with(&usage, "");
    }
    for group in ["cache", "config"] {
        let help = environment.run(&[group, "-h"], "").stdout;
        assert!(help.contains("Usage: "), "{help}");
        environment.run(&[group], "").failed_with(&help, "");
    }
}

#[test]
fn without_arguments_a_line_for_kubelet_names_its_command_and_stdin_is_not_read() {
    let environment = TestEnvironment::new();
    let usage = environment.run(&["help"], "").stdout;
    let line = "docker-credential-ecrx: no command: this is a credential helper, which Docker runs with `get`; for kubelet, set `args: [kubelet]`, so that it runs: docker-credential-ecrx kubelet\n";
    let request = r#"{"kind":"CredentialProviderRequest","apiVersion":"credentialprovider.kubelet.k8s.io/v1","image":"app"}"#;
    for input in ["", HOST, request] {
        environment.run(&[], input).failed_with(&usage, line);
    }
    let named = environment.link("docker-credential-ecrx-work");
    let named = named.display().to_string();
    let outcome = environment.run_program(&named, &[], request);
    outcome.failed_with(&usage, line);
    // stdin stays open until the program has ended.
    let mut command = environment.command(&[]);
    let mut child = command.stdin(Stdio::piped()).spawn().expect("start");
    let stdin = child.stdin.take();
    Outcome::of(child).failed_with(&usage, line);
    drop(stdin);
}

#[test]
fn commands_of_other_programs_are_answered_with_the_command_to_run() {
    let environment = TestEnvironment::new();
    for (word, command) in [
        ("login", "configure-docker HOST"),
        ("Login", "configure-docker HOST"),
        ("logout", "cache clear HOST"),
        (
            "get-login-password",
            "password HOST | docker login --username AWS --password-stdin HOST",
        ),
    ] {
        let outcome = environment.run(&[word], "");
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""));
        let lines: Vec<&str> = outcome.stderr.lines().collect();
        let [line, hint] = lines[..] else {
            panic!("a line and a hint: {outcome:?}");
        };
        let start = format!("docker-credential-ecrx: unknown command `{word}`: ");
        assert!(line.starts_with(&start), "{line}");
        assert!(
            hint.ends_with(&format!("docker-credential-ecrx {command}")),
            "{hint}"
        );
    }
}

#[cfg(unix)]
#[test]
fn an_argument_that_is_not_text_is_an_unknown_command() {
    use std::os::unix::ffi::OsStrExt as _;

    let environment = TestEnvironment::new();
    let mut command = environment.command(&[]);
    command.arg(std::ffi::OsStr::from_bytes(b"get\xff"));
    let outcome = Outcome::of(command.spawn().expect("start"));
    assert_eq!((outcome.code, &*outcome.stdout), (Some(1), ""));
    assert!(
        outcome.stderr.contains("unknown command `get\u{fffd}`"),
        "{outcome:?}"
    );
}

#[test]
fn help_is_the_usage_and_not_a_failure() {
    let environment = TestEnvironment::new();
    let usage = environment.run(&["help"], "").stdout;
    assert!(
        usage.starts_with("Usage: docker-credential-ecrx "),
        "{usage}"
    );
    for word in ["get", "store", "erase", "list", "version", "ECRX_LOG"] {
        assert!(usage.contains(word), "{word}");
    }
    for word in ["help", "--help", "-h"] {
        succeeds(&environment.run(&[word], ""), &usage);
    }
}

#[test]
fn every_command_of_the_protocol_has_help_of_its_own() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    for word in ["get", "store", "erase", "list", "version", "help"] {
        let help = environment.run(&["help", word], "").stdout;
        let usage = format!("Usage: docker-credential-ecrx {word}");
        assert!(help.starts_with(&usage), "{help}");
        for option in ["--help", "-h"] {
            // The input of a client is not read.
            succeeds(&environment.run(&[word, option], HOST), &help);
            succeeds(&environment.run(&[option, word], HOST), &help);
        }
    }
    assert_eq!(aws.connections(), 0);
}

#[test]
fn help_of_a_command_is_printed_by_help_and_by_its_option() {
    let environment = TestEnvironment::new();
    let commands: [&[&str]; 4] = [
        &["whoami"],
        &["cache"],
        &["cache", "list"],
        &["config", "check"],
    ];
    for command in commands {
        let help = environment.run(&[command, &["--help"]].concat(), "").stdout;
        assert!(help.contains("Usage: "), "{help}");
        for word in ["help", "--help", "-h"] {
            succeeds(&environment.run(&[&[word], command].concat(), ""), &help);
        }
        if let [group, command @ ..] = command
            && ["cache", "config"].contains(group)
        {
            let words = [&[*group, "help"], command].concat();
            succeeds(&environment.run(&words, ""), &help);
        }
    }
    let outcome = environment.run(&["help", "cache", "lists"], "");
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""));
}

/// What clients parse (docker/docker-credential-helpers, `credentials/version.go`).
const VERSION: &str = concat!(
    "docker-credential-ecrx (docker-credential-ecrx) ",
    env!("CARGO_PKG_VERSION"),
    "\n"
);

#[test]
fn version_in_one_line_names_program_package_and_version() {
    let environment = TestEnvironment::new();
    for word in ["--version", "-v"] {
        succeeds(&environment.run(&[word], ""), VERSION);
    }
}

#[test]
fn version_names_commit_date_and_target_after_that_line() {
    let environment = TestEnvironment::new();
    let printed = environment.run(&["version"], "").stdout;
    let json = environment.run(&["version", "--json"], "");
    let report: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!(report["version"], env!("CARGO_PKG_VERSION"));
    let text = |key: &str| report[key].as_str().map(str::to_owned);
    let target = text("target").expect("a target");
    assert!(target.contains(std::env::consts::ARCH), "{target}");
    // A build outside of git has no commit.
    let commit = match (text("commit"), text("date")) {
        (Some(commit), Some(date)) => {
            assert_eq!((commit.len(), date.len()), (40, "2026-11-29".len()));
            format!("{commit} ({date})")
        }
        (None, None) => "unknown (built outside of git)".to_owned(),
        half => panic!("{half:?}"),
    };
    assert_eq!(
        printed,
        format!("{VERSION}commit: {commit}\ntarget: {target}\n")
    );
}

#[test]
fn version_and_help_need_no_usable_configuration() {
    let mut environment = TestEnvironment::new();
    environment.config(BROKEN);
    environment.set("HOME", "/nonexistent");
    for word in ["version", "help"] {
        let outcome = environment.run(&[word], "");
        assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
    }
}
