//! `password`: prints only the token, or an error with its reason.

use super::common::fake_aws::{ALICE, FakeAws, Fault, Grant, Operation};
use super::common::{HOST, Outcome, TestEnvironment};
use super::{configure, told};

const HOUR: i64 = 3600;

/// The token, which is the only line.
#[track_caller]
fn grant(outcome: &Outcome) -> Grant {
    assert_eq!(
        (outcome.code, outcome.stderr.as_str()),
        (Some(0), ""),
        "{outcome:?}"
    );
    let password = outcome.stdout.strip_suffix('\n').expect("a line");
    assert!(!password.contains(char::is_whitespace), "{password:?}");
    Grant::from_password(password)
}

fn password(environment: &TestEnvironment, arguments: &[&str]) -> Outcome {
    let arguments: Vec<&str> = ["password"].iter().chain(arguments).copied().collect();
    environment.run(&arguments, "")
}

#[test]
fn the_password_is_that_of_get_for_every_name_of_the_registry() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let first = grant(&password(&environment, &["999999999999/us-west-2"]));
    assert_eq!(first.principal, ALICE.2);
    let image = format!("https://{HOST}/team/app:v1");
    for host in [HOST, &image] {
        assert_eq!(grant(&password(&environment, &[host])).serial, first.serial);
    }
    assert_eq!(environment.get(HOST).grant().serial, first.serial);
    assert_eq!(aws.calls().len(), 1);
}

#[test]
fn a_new_token_is_requested_and_cached_if_the_cached_one_expires_too_early() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let first = environment.get(HOST).grant().serial;
    environment.age_cache(2 * HOUR);
    let with =
        |least: &str| grant(&password(&environment, &[HOST, "--min-lifetime", least])).serial;
    assert_eq!(with("9h"), first);
    assert_eq!(with("11h"), first + 1);
    // The new token replaces the cached one.
    assert_eq!(environment.get(HOST).grant().serial, first + 1);
    assert_eq!(with("11h 30m"), first + 1);
    assert_eq!(environment.entries().len(), 1);
    // Every token is older than 0 seconds, so none is valid for 12 hours.
    assert_eq!(with("12h"), first + 2);
    assert_eq!(aws.calls().len(), 3);
}

/// As in a `get`, an old token is used while AWS is unreachable, unless it expires too early.
#[test]
fn without_aws_a_cached_token_is_used_if_it_is_valid_long_enough() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let first = environment.get(HOST).grant().serial;
    environment.age_cache(7 * HOUR);
    aws.on(Operation::EcrGetAuthorizationToken, Fault::Status(400));
    let outcome = password(&environment, &[HOST, "--min-lifetime", "4h"]);
    assert_eq!(grant(&outcome).serial, first);
    let outcome = password(&environment, &[HOST, "--min-lifetime", "6h"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""));
    // It stays cached for requests with a shorter lifetime.
    assert_eq!(environment.entries().len(), 1);
    assert_eq!(grant(&password(&environment, &[HOST])).serial, first);
}

#[test]
fn a_new_token_that_expires_too_early_is_an_error() {
    let aws = FakeAws::start();
    aws.set_token_expires_in(2 * HOUR + 30);
    let environment = TestEnvironment::of_alice(&aws);
    let outcome = password(&environment, &[HOST, "--min-lifetime", "11h"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""));
    let (line, hint) = outcome.stderr.split_once('\n').expect("two lines");
    let start = format!("docker-credential-ecrx: the new token for {HOST} expires in 2h ");
    assert!(line.starts_with(&start), "{line}");
    assert!(line.ends_with("s, less than the requested 11h"), "{line}");
    assert_eq!(
        hint,
        "  AWS sets the token lifetime; use a shorter --min-lifetime\n"
    );
}

/// As in a `get`, a wrong clock is not a reason to refuse a token.
#[test]
fn a_token_that_looks_expired_is_printed_unless_a_lifetime_is_required() {
    let aws = FakeAws::start();
    aws.set_token_expires_in(-HOUR);
    let environment = TestEnvironment::of_alice(&aws);
    let first = grant(&password(&environment, &[HOST])).serial;
    assert_eq!(environment.get(HOST).grant().serial, first + 1);
    let outcome = password(&environment, &[HOST, "--min-lifetime", "1m"]);
    let line = format!("the new token for {HOST} expires in 0s, less than the requested 1m");
    told(&outcome, &line);
}

#[test]
fn a_lifetime_without_a_unit_or_out_of_range_is_a_wrong_argument() {
    let environment = TestEnvironment::new();
    for (time, why) in [
        (
            "12h 1s",
            "the maximum is 12 hours, the lifetime of an ECR token",
        ),
        (
            "13h",
            "the maximum is 12 hours, the lifetime of an ECR token",
        ),
        ("long", "expected a time such as 30m or 11h"),
        ("1H", "units are lower-case letters; did you mean `1h`?"),
        ("11", "the unit is missing; did you mean `11h`?"),
        ("45", "the unit is missing; did you mean `45m`?"),
        ("30s", "the minimum is 1 minute"),
        ("0s", "the minimum is 1 minute"),
        ("-1h", "expected a time such as 30m or 11h"),
    ] {
        let option = format!("--min-lifetime={time}");
        let outcome = password(&environment, &[HOST, &option]);
        let expected = format!(
            "error: invalid value '{time}' for '--min-lifetime <TIME>': {why}\n\nFor more \
             information, try '--help'.\n"
        );
        assert_eq!(
            (outcome.code, outcome.stdout, outcome.stderr),
            (Some(2), String::new(), expected)
        );
    }
}

#[test]
fn public_ecr_has_passwords_and_says_that_pulls_do_not_need_them() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let token = grant(&password(&environment, &["public.ecr.aws/team/app"]));
    assert_eq!(token.principal, ALICE.2);

    let environment = TestEnvironment::new();
    let outcome = password(&environment, &["public.ecr.aws"]);
    let line = "no credentials for public.ecr.aws: no AWS credentials found: configuration, variables and the default profile have none, and instance metadata is disabled";
    assert_eq!(
        told(&outcome, line),
        [
            "Sign in with `aws sso login`, `aws login` or `aws configure`, or select a profile in config.toml or AWS_PROFILE",
            &environment.searched_files(),
            "Pulls from public.ecr.aws do not require a token; without one, they are anonymous",
        ]
    );
}

#[test]
fn wrong_hosts_denials_and_configuration_mistakes_are_reported() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    let outcome = password(&environment, &["docker.io"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""));
    let line = "docker-credential-ecrx: `docker.io` is not an ECR registry. Expected HOST ";
    assert!(outcome.stderr.starts_with(line), "{outcome:?}");
    aws.deny_ecr(ALICE.2);
    let outcome = password(&environment, &[HOST]);
    let hints: Vec<&str> = outcome.stderr.lines().skip(1).collect();
    assert!(
        outcome.stderr.starts_with(&format!(
            "docker-credential-ecrx: no credentials for {HOST}: ecr:GetAuthorizationToken is denied \
             to the access key {}: ",
            ALICE.0
        )),
        "{outcome:?}"
    );
    assert_eq!(
        hints.last(),
        Some(
            &"  identity: the access key AKIAIOSFODNN7EXAMPLE; selected by the variable \
              AWS_ACCESS_KEY_ID"
        )
    );
    configure(&mut environment, "timeout_seconds = 0");
    let outcome = password(&environment, &[HOST]);
    told(
        &outcome,
        "ecrx.toml:1: timeout_seconds: must be between 1 and 300, not 0",
    );
}
