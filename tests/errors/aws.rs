//! AWS itself: too many calls, trouble of its own, answers that are none, clocks that differ.

use super::common::fake_aws::{FakeAws, Fault, Operation, Times};
use super::common::{HOST, TestEnvironment};
use super::{AS_ALICE, answer, told};

const IN_BETWEEN: &str =
    "Another server responded instead of AWS; check HTTPS_PROXY and any custom endpoint";

/// What Alice is told when ECR answers so.
#[track_caller]
fn ecr_answers(fault: Fault, reason: &str, hint: &str) {
    let aws = FakeAws::start();
    aws.on(Operation::EcrGetAuthorizationToken, fault);
    told(
        &TestEnvironment::of_alice(&aws).get(HOST),
        &format!("requesting an authorization token: {reason}"),
        &[hint, AS_ALICE],
    );
}

#[test]
fn throttling_is_told_after_three_attempts() {
    let aws = FakeAws::start();
    aws.on(Operation::EcrGetAuthorizationToken, Fault::Throttle);
    told(
        &TestEnvironment::of_alice(&aws).get(HOST),
        "requesting an authorization token: AWS is throttling requests: ThrottlingException: Rate exceeded",
        &[
            "This account and region exceeded the API rate limit; try again in a minute",
            AS_ALICE,
        ],
    );
    assert_eq!(aws.count(Operation::EcrGetAuthorizationToken), 3);
}

#[test]
fn throttling_in_passing_is_no_failure() {
    let aws = FakeAws::start();
    aws.on_times(
        Operation::EcrGetAuthorizationToken,
        Fault::Throttle,
        Times::N(2),
    );
    TestEnvironment::of_alice(&aws).get(HOST).answer();
}

#[test]
fn trouble_of_awss_own_is_told_as_such() {
    let hint = "Try again later; for the service status, see https://health.aws.amazon.com";
    ecr_answers(
        Fault::Status(500),
        "AWS is unavailable: ServerException: The request processing has failed because of an unknown error, exception or failure.",
        hint,
    );
    ecr_answers(
        Fault::Status(503),
        "AWS is unavailable: ServiceUnavailableException: Service is unable to handle request.",
        hint,
    );
    ecr_answers(
        answer(502, "<html>Bad gateway</html>"),
        "AWS is unavailable: HTTP status 502, with a response that is not from AWS",
        hint,
    );
}

#[test]
fn answers_that_are_none_are_malformed() {
    for (fault, what) in [
        (
            Fault::Garbage,
            "HTTP status 200, with a response that is not from AWS",
        ),
        (
            answer(403, "<html>Blocked by the firewall</html>"),
            "HTTP status 403, with a response that is not from AWS",
        ),
        (
            answer(301, ""),
            "HTTP status 301, with a response that is not from AWS",
        ),
        (
            Fault::EmptyAuthorizationData,
            "the response contains no token",
        ),
        (answer(200, "{}"), "the response contains no token"),
        (
            Fault::UndecodableToken,
            "the authorization token is not base64 text",
        ),
        (
            Fault::TruncatedAnswer,
            "error reading a body from connection: end of file before message length reached",
        ),
    ] {
        ecr_answers(fault, &format!("malformed response: {what}"), IN_BETWEEN);
    }
}

#[test]
fn clock_that_differs_is_corrected_by_awss_own() {
    let aws = FakeAws::start();
    for offset in [3600, -3600] {
        aws.set_clock_offset(offset);
        TestEnvironment::of_alice(&aws).get(HOST).answer();
    }
}

#[test]
fn clock_that_differs_after_the_correction_is_told() {
    let aws = FakeAws::start();
    aws.on(Operation::EcrGetAuthorizationToken, Fault::ClockSkew);
    let outcome = TestEnvironment::of_alice(&aws).get(HOST);
    // The moments in AWS's words are those of the test.
    let masked: String = outcome
        .stdout
        .chars()
        .map(|character| {
            if character.is_ascii_digit() {
                '0'
            } else {
                character
            }
        })
        .collect();
    let moment = "00000000T000000Z";
    assert_eq!(
        masked,
        format!(
            "no credentials for 000000000000.dkr.ecr.us-west-0.amazonaws.com: requesting an authorization token: this machine's clock is wrong: InvalidSignatureException: Signature expired: {moment} is now earlier than {moment} ({moment} - 0 min.)\n"
        )
    );
    assert_eq!(
        outcome.failure(outcome.stdout.trim_end()),
        [
            "Set this machine's clock; AWS rejects requests whose time is off by more than a few minutes",
            AS_ALICE
        ]
    );
    super::is_readable(&outcome);
}

#[test]
fn another_refusal_is_told_in_awss_words() {
    let aws = FakeAws::start();
    let body =
        r#"{"__type":"InvalidParameterException","message":"Invalid parameter at 'registryIds'"}"#;
    aws.on(Operation::EcrGetAuthorizationToken, answer(400, body));
    told(
        &TestEnvironment::of_alice(&aws).get(HOST),
        "requesting an authorization token: InvalidParameterException: Invalid parameter at 'registryIds'",
        &[AS_ALICE],
    );
}
