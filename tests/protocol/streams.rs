//! The output on each stream, and closed streams.

#[cfg(unix)]
use std::fs;

use super::common::fake_aws::{ALICE, FakeAws, Fault, Operation};
use super::common::{HOST, TestEnvironment};
#[cfg(unix)]
use super::common::{NOT_FOUND, Outcome, PROGRAM};
#[cfg(unix)]
use super::login;
use super::told_twice;

#[test]
fn every_failure_is_one_line_on_stdout_and_repeated_on_stderr() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    aws.on(Operation::EcrGetAuthorizationToken, Fault::AccessDenied);
    let denied = environment.get(HOST);
    assert_eq!(
        told_twice(&denied),
        format!(
            "no credentials for {HOST}: ecr:GetAuthorizationToken is denied to the access key {}: AccessDeniedException: User: {} is not authorized to perform: ecr:GetAuthorizationToken on resource: * because no identity-based policy allows the ecr:GetAuthorizationToken action",
            ALICE.0, ALICE.2
        )
    );
    assert!(denied.stderr.lines().count() > 1, "hints: {denied:?}");
    for fault in [
        Fault::UnrecognizedClient,
        Fault::ExpiredToken,
        Fault::Garbage,
        Fault::UndecodableToken,
        Fault::EmptyAuthorizationData,
        Fault::RawResponse(400, Vec::new(), "two\nlines\u{1b}[31m".to_owned()),
    ] {
        aws.on(Operation::EcrGetAuthorizationToken, fault);
        told_twice(&environment.get(HOST));
    }
    environment
        .unset("AWS_ACCESS_KEY_ID")
        .unset("AWS_SECRET_ACCESS_KEY");
    told_twice(&environment.get(HOST));
    environment.set("AWS_PROFILE", "two\nlines\u{1b}[31m");
    let line = told_twice(&environment.get(HOST)).to_owned();
    assert!(!line.contains('\u{1b}'), "{line:?}");
}

#[cfg(unix)]
#[test]
fn a_closed_reader_is_a_failure_and_not_a_panic() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.get(HOST).answer();
    let gone = || {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        writer
    };
    let broken =
        "docker-credential-ecrx: cannot write the response to stdout: Broken pipe (os error 32)\n";
    let cases: [(&str, &str, Option<i32>, &str); 7] = [
        ("get", HOST, Some(1), broken),
        ("get", "ghcr.io", Some(1), ""),
        ("list", "unused", Some(1), broken),
        ("erase", HOST, Some(0), ""),
        // A reader of a command for users that closes its end has read enough.
        ("version", "", Some(0), ""),
        ("help", "", Some(0), ""),
        (
            "nonsense",
            "",
            Some(1),
            "docker-credential-ecrx: unknown command `nonsense`; run: docker-credential-ecrx help\n",
        ),
    ];
    for (word, input, code, stderr) in cases {
        let mut command = environment.command(&[word]);
        let outcome = run(command.stdout(gone()), input);
        assert_eq!(
            (outcome.code, outcome.stderr.as_str()),
            (code, stderr),
            "{word}"
        );
    }
    let cases: [(&str, &str, Option<i32>, &str); 4] = [
        (
            "get",
            "\0",
            Some(1),
            "the server name on stdin contains a control character\n",
        ),
        ("get", "ghcr.io", Some(1), NOT_FOUND),
        ("store", &login(HOST), Some(0), ""),
        ("erase", "\0", Some(0), ""),
    ];
    for (word, input, code, stdout) in cases {
        let mut command = environment.command(&[word]);
        let outcome = run(command.env("ECRX_LOG", "debug").stderr(gone()), input);
        assert_eq!(
            (outcome.code, outcome.stdout.as_str()),
            (code, stdout),
            "{word}"
        );
    }
    let mut command = environment.command(&["get"]);
    let outcome = run(command.stdout(gone()).stderr(gone()), HOST);
    assert_eq!(outcome.code, Some(1));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_stdout_is_a_failure() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    for (words, input) in [
        (&["get"][..], HOST),
        (&["list"], "unused"),
        (&["help"], ""),
        (&["help", "whoami"], ""),
        (&["password", HOST], ""),
    ] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full");
        let mut command = environment.command(words);
        let outcome = run(command.stdout(full.expect("/dev/full")), input);
        assert_eq!(outcome.code, Some(1), "{words:?}");
        assert!(
            outcome.stderr.contains("No space left on device"),
            "{words:?}: {outcome:?}"
        );
    }
}

/// A stream that is closed, not merely redirected: the next file that is opened would take its
/// number, and the answer or a message would land in the cache or on a socket.
#[cfg(unix)]
#[test]
fn closed_streams_put_no_output_into_other_files() {
    let aws = FakeAws::start();
    for streams in [">&-", "2>&-", "<&-", ">&- 2>&-", "<&- >&- 2>&-"] {
        let environment = TestEnvironment::of_alice(&aws);
        let mut shell = std::process::Command::new("/bin/sh");
        let plain = environment.command(&[]);
        shell
            .arg("-c")
            .arg(format!("exec \"$0\" get {streams}"))
            .arg(PROGRAM)
            .env_clear()
            .env("ECRX_LOG", "debug")
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped());
        for (name, value) in plain.get_envs() {
            shell.env(name, value.expect("a value"));
        }
        let outcome = run(&mut shell, HOST);
        // Without input there is no output, and without stdout there is no reader.
        let expected = if streams == "2>&-" { 0 } else { 1 };
        assert_eq!(outcome.code, Some(expected), "{streams}: {outcome:?}");
        for entry in environment.entries() {
            let text = fs::read_to_string(&entry).expect("an entry");
            assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
        }
        environment.get(HOST).answer();
    }
}

/// A standard output that a caller reads, and one that no process can read.
#[cfg(target_os = "linux")]
#[test]
fn an_output_that_no_process_can_read_is_a_failure() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.get(HOST).answer();
    let words = ["get", "list", "password 999999999999/us-west-2"];
    let discards = "it is closed, or discards everything";
    for (stdout, reason) in [
        (">&-", Some(discards)),
        // As Python and Node open it.
        ("1<>/dev/null", Some(discards)),
        ("</dev/null 1<&0", Some("it is not open for writing")),
        (">/dev/null", None),
        (">>/dev/null", None),
        (">\"$HOME/answer\"", None),
        ("1<>\"$HOME/answer\"", None),
        ("| cat", None),
    ] {
        for word in words {
            // `get` has its question on stdin in any case.
            let script = format!("echo {HOST} | {{ exec 3<&0; \"$0\" {word} {stdout} <&3; }}");
            let script = match stdout {
                "| cat" => format!("echo {HOST} | \"$0\" {word} | cat"),
                _ => script,
            };
            let outcome = environment.run_program("/bin/sh", &["-c", &script, PROGRAM], "");
            // A list may be discarded.
            let is_list = word == "list";
            match reason.filter(|reason| !is_list || *reason != discards) {
                Some(reason) => {
                    assert_eq!(outcome.code, Some(1), "{word} {stdout}: {outcome:?}");
                    assert!(
                        outcome.stderr.contains(reason),
                        "{word} {stdout}: {outcome:?}"
                    );
                    assert_eq!(outcome.stdout, "", "{word} {stdout}");
                }
                None => {
                    let said = (outcome.code, outcome.stderr.as_str());
                    assert_eq!(said, (Some(0), ""), "{word} {stdout}");
                }
            }
        }
    }
}

/// Runs a command that is ready but for its input.
#[cfg(unix)]
fn run(command: &mut std::process::Command, input: &str) -> Outcome {
    use std::io::Write as _;

    let mut child = command.spawn().expect("start");
    let mut stdin = child.stdin.take().expect("piped");
    // A process that does not read may have closed the pipe.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    Outcome::of(child)
}
