//! What is on the command line: actions, help and version.

use super::common::fake_aws::FakeAws;
use super::common::{HOST, Outcome, TestEnvironment};
use super::{BROKEN, succeeds};

#[test]
fn wrong_arguments_print_the_usage_and_fail() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let usage = environment.run(&["help"], "").stdout;
    let of_get = "`get` takes no arguments: what it is asked about comes on stdin";
    let wrong: &[(&[&str], &str)] = &[
        (&[], ""),
        (&[""], ""),
        (&["GET"], "there is no command `GET`, did you mean `get`?"),
        (&["gets"], "there is no command `gets`, did you mean `get`?"),
        (&[" get"], "there is no command ` get`, did you mean `get`?"),
        (&["-x"], "there is no command `-x`"),
        (&["--get"], "there is no command `--get`"),
        (&["-V"], "there is no command `-V`"),
        (&["get", "get"], of_get),
        (&["get", ""], of_get),
        (&["get", HOST], of_get),
        (&["version", "--version"], "`version` takes no arguments"),
        (&["--help", "get"], "`--help` takes no arguments"),
        (
            &["list", "unused", "unused"],
            "`list` takes no arguments: what it is asked about comes on stdin",
        ),
        (
            &["doctr", HOST],
            "there is no command `doctr`, did you mean `doctor`?",
        ),
        (
            &["help", "doctr"],
            "there is no command `doctr`, did you mean `doctor`?",
        ),
        (&["help", "get", "list"], "`get` takes no arguments"),
        (&["help", "configure-docker", "--", HOST], ""),
    ];
    for (arguments, why) in wrong {
        let stderr = if why.is_empty() {
            String::new()
        } else {
            format!("docker-credential-ecrx: {why}\n")
        };
        let outcome = environment.run(arguments, HOST);
        assert_eq!(
            (
                outcome.code,
                outcome.stdout.as_str(),
                outcome.stderr.as_str()
            ),
            (Some(1), usage.as_str(), stderr.as_str()),
            "{arguments:?}"
        );
    }
    assert_eq!(aws.connections(), 0);
}

#[cfg(unix)]
#[test]
fn an_argument_that_is_no_text_prints_the_usage_and_fails() {
    use std::os::unix::ffi::OsStrExt as _;

    let environment = TestEnvironment::new();
    let usage = environment.run(&["help"], "").stdout;
    let mut command = environment.command(&[]);
    command.arg(std::ffi::OsStr::from_bytes(b"get\xff"));
    let outcome = Outcome::of(command.spawn().expect("start"));
    outcome.failed_with(&usage, "");
}

#[test]
fn help_is_the_usage_and_no_failure() {
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
    // It has a line about each of these.
    for word in ["get", "store", "erase", "list", "version", "help"] {
        succeeds(&environment.run(&["help", word], ""), &usage);
    }
}

#[test]
fn help_with_a_command_behind_it_is_the_help_of_that_command() {
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
        succeeds(&environment.run(&[&["help"], command].concat(), ""), &help);
    }
    let outcome = environment.run(&["help", "cache", "lists"], "");
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""));
}

#[test]
fn version_names_program_package_and_version() {
    let environment = TestEnvironment::new();
    let version = concat!(
        "docker-credential-ecrx (docker-credential-ecrx) ",
        env!("CARGO_PKG_VERSION"),
        "\n"
    );
    for word in ["version", "--version", "-v"] {
        succeeds(&environment.run(&[word], ""), version);
    }
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
