//! Words from outside, whatever they hold, become one clean line.

use super::common::fake_aws::{FakeAws, Operation};
use super::common::{HOST, NOT_FOUND, Outcome, TestEnvironment};
use super::{AS_ALICE, answer, of_profile, told};

/// One line on stdout, the same and indented hints on stderr, nothing that drives a terminal.
#[track_caller]
fn is_clean(outcome: &Outcome) {
    assert_eq!(outcome.stdout.matches('\n').count(), 1, "{outcome:?}");
    outcome.failure(outcome.stdout.trim_end_matches('\n'));
    for text in [&outcome.stdout, &outcome.stderr] {
        let odd = |character: char| {
            character != '\n'
                && (character.is_control() || ('\u{202a}'..='\u{202e}').contains(&character))
        };
        assert!(!text.contains(odd), "{text:?}");
    }
}

#[test]
fn control_characters_and_line_breaks_of_aws_are_taken_out() {
    let aws = FakeAws::start();
    let body = r#"{"__type":"InvalidParameterException","message":"\u001b[31mred\u001b[0m\r\ncredentials not found in native keychain\n\u0007\u202etxt\u0000"}"#;
    aws.on(Operation::EcrGetAuthorizationToken, answer(400, body));
    let outcome = TestEnvironment::of_alice(&aws).get(HOST);
    is_clean(&outcome);
    assert_eq!(
        outcome.failure(&format!(
            "no credentials for {HOST}: requesting an authorization token: InvalidParameterException: [31mred[0m credentials not found in native keychain txt"
        )),
        [AS_ALICE]
    );
}

#[test]
fn endless_words_of_aws_are_cut() {
    let aws = FakeAws::start();
    let words = "x".repeat(10_000);
    let body = format!(r#"{{"__type":"InvalidParameterException","message":"{words}"}}"#);
    aws.on(Operation::EcrGetAuthorizationToken, answer(400, &body));
    let outcome = TestEnvironment::of_alice(&aws).get(HOST);
    is_clean(&outcome);
    let length = outcome.stdout.chars().count();
    assert!((2000..2100).contains(&length), "{length}");
    assert!(outcome.stdout.ends_with("xxx…\n"), "{outcome:?}");
}

/// It is not kept until there is no memory left.
#[test]
fn an_answer_of_more_than_a_mebibyte_is_not_read_to_its_end() {
    for (size, cause) in [
        (1000, "the response contains no token"),
        (2000, "length limit exceeded"),
    ] {
        let aws = FakeAws::start();
        let body = format!("{{}}{}", " ".repeat(size << 10));
        aws.on(Operation::EcrGetAuthorizationToken, answer(200, &body));
        let outcome = TestEnvironment::of_alice(&aws).get(HOST);
        let asking = "requesting an authorization token: malformed response";
        outcome.failure(&format!("no credentials for {HOST}: {asking}: {cause}"));
    }
}

#[test]
fn code_of_aws_may_be_anything() {
    let aws = FakeAws::start();
    let body = r#"{"__type":"\u001b]0;title\u0007\nAccess\nDenied","message":"no"}"#;
    aws.on(Operation::EcrGetAuthorizationToken, answer(400, body));
    is_clean(&TestEnvironment::of_alice(&aws).get(HOST));
}

#[test]
fn complaints_of_a_credential_process_are_one_clean_line() {
    let aws = FakeAws::start();
    let hints = [
        "Run the credential_process command yourself, as this user, and check its output",
        "identity: profile work (credential_process); selected by the variable AWS_PROFILE",
    ];
    let reason =
        "profile work (credential_process) returned no credentials: it failed (exit status: 1): ";
    let mut environment = of_profile(&aws, "credential_process = sh ./tool.sh");
    environment.write(
        "tool.sh",
        r"printf '\033[31mred\r\nline two\t\377\007\n' >&2; exit 1",
    );
    environment.set("PATH", "/usr/bin:/bin");
    let outcome = environment.get(HOST);
    is_clean(&outcome);
    told(
        &outcome,
        &format!("{reason}[31mred line two \u{fffd}"),
        &hints,
    );

    environment.write(
        "tool.sh",
        "head -c 10000 /dev/zero | tr '\\0' x >&2; echo ' at last' >&2; exit 1\n",
    );
    let outcome = environment.get(HOST);
    is_clean(&outcome);
    let end = format!("{} at last", "x".repeat(1000 - " at last\n".len()));
    told(&outcome, &format!("{reason}{end}"), &hints);
}

#[test]
fn names_of_profiles_and_paths_drive_no_terminal() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.set("AWS_PROFILE", "\u{1b}[2Jwork\nno credentials");
    is_clean(&environment.get(HOST));
    environment.set("AWS_PROFILE", "work");
    environment.set("AWS_CONFIG_FILE", "/nonexistent/\u{1b}[2J\nconfig");
    is_clean(&environment.get(HOST));
}

#[test]
fn line_break_behind_a_key_is_told() {
    let aws = FakeAws::start();
    for (variable, what) in [
        ("AWS_ACCESS_KEY_ID", "access key ID"),
        ("AWS_SESSION_TOKEN", "session token"),
    ] {
        let mut environment = TestEnvironment::of_alice(&aws);
        environment.set("AWS_SESSION_TOKEN", "token");
        let value = if what == "session token" {
            "to\nken"
        } else {
            "AKIAIOSFODNN7EXAMPLE\n"
        };
        environment.set(variable, value);
        let outcome = environment.get(HOST);
        is_clean(&outcome);
        let why = format!(
            "returned no credentials: the {what} is empty, or contains a space, a line break or a non-ASCII character"
        );
        assert!(outcome.stdout.contains(&why), "{outcome:?}");
        // Anonymous pulls live on.
        environment.get("public.ecr.aws").failed_with(NOT_FOUND, "");
    }
    assert_eq!(aws.connections(), 0);
}

/// Values that were never meant for these variables: parts of URLs, other schemes, blanks.
const NOT_ADDRESSES: [&str; 18] = [
    "localhost:8080",
    "localhost",
    "http://",
    "https://",
    "http:///path",
    "http://[",
    "http://[::1",
    "http://[::1]:x/",
    "http://a b/",
    "http:/127.0.0.1/",
    "//127.0.0.1/path",
    "http://127.0.0.1:99999/",
    "http://user:hunter2@127.0.0.1:9/",
    "ftp://127.0.0.1/",
    "file:///etc/passwd",
    "?token=hunter2",
    "://",
    "x",
];

#[test]
fn a_container_address_that_is_none_is_told_with_its_variable_and_not_shown() {
    for (variable, expected) in [
        (
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "a URL such as http://localhost:8080/credentials",
        ),
        (
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "a path that begins with /",
        ),
    ] {
        for value in NOT_ADDRESSES {
            // A path may begin so.
            if variable.contains("RELATIVE") && value.starts_with('/') {
                continue;
            }
            let mut environment = TestEnvironment::new();
            environment.set(variable, value);
            let outcome = environment.get(HOST);
            let line =
                format!("no credentials for {HOST}: {variable} is invalid: expected {expected}");
            assert_eq!(outcome.failure(&line), [""; 0], "{value}");
        }
    }
}

#[test]
fn no_address_in_a_variable_is_a_bug() {
    for variable in [
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_ECR",
        "HTTPS_PROXY",
    ] {
        for value in NOT_ADDRESSES {
            let mut environment = TestEnvironment::new();
            environment.config("timeout_seconds = 2\n");
            match variable {
                "AWS_EC2_METADATA_SERVICE_ENDPOINT" => {
                    environment.unset("AWS_EC2_METADATA_DISABLED");
                }
                "AWS_ENDPOINT_URL" | "AWS_ENDPOINT_URL_ECR" | "HTTPS_PROXY" => {
                    environment.set_keys(super::ALICE.0, super::ALICE.1, None);
                    // Nothing may leave this machine.
                    environment.set("AWS_ENDPOINT_URL", "https://127.0.0.1:9");
                }
                _ => {}
            }
            environment.set(variable, value);
            let outcome = environment.get(HOST);
            assert_eq!(outcome.code, Some(1), "{variable}={value}: {outcome:?}");
            let text = format!("{}{}", outcome.stdout, outcome.stderr);
            assert!(!text.contains("is a bug"), "{variable}={value}: {text}");
        }
    }
}
