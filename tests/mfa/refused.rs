//! What AWS says to a code.

use super::common::HOST;
use super::common::fake_aws::{BOB, FakeAws};
use super::{CODE, ROLE, alice, asked_as, codes, get_quietly, get_typing, get_with_code};

const BY_HAND: [&str; 2] = [
    "Enter the current code from the device; each code works once, for about 30 seconds",
    "Check that mfa_serial is the MFA device of the calling user",
];

fn refused(words: &str) -> (String, String) {
    let cause = format!(
        "assuming the role {ROLE}: the MFA code was rejected: AccessDenied: MultiFactorAuthentication failed{words}"
    );
    (
        format!("no credentials for {HOST}: {cause}"),
        format!("no credentials for {HOST}: (previous attempt) {cause}"),
    )
}

const WRONG_CODE: &str = " with invalid MFA one time pass code.";
const WRONG_DEVICE: &str = ", unable to validate MFA code. Please verify your MFA serial number is valid and associated with this user.";

#[test]
fn a_code_that_aws_refuses_is_not_asked_for_again_for_30_seconds() {
    let aws = FakeAws::start();
    let environment = alice(&aws);
    let outcome = get_typing(&environment, HOST, ROLE, "111111\r");
    let (line, remembered) = refused(WRONG_CODE);
    let asked_as = asked_as(&environment);
    let hints = outcome.failure(&line);
    assert_eq!(hints, [BY_HAND[0], BY_HAND[1], &asked_as]);
    assert_eq!(codes(&aws).len(), 1);
    for _ in 0..5 {
        let outcome = get_quietly(&aws, &environment, HOST);
        assert_eq!(outcome.failure(&remembered), hints);
    }
    environment.age_marks(20);
    get_quietly(&aws, &environment, HOST).failure(&remembered);
    environment.age_marks(11);
    get_with_code(&aws, &environment, CODE).answer();
}

#[test]
fn a_code_works_once() {
    let aws = FakeAws::start();
    let environment = alice(&aws);
    get_typing(&environment, HOST, ROLE, "907531\r").answer();
    environment.run(&["erase"], HOST);
    let again = get_typing(&environment, HOST, ROLE, "907531\r");
    again.failure(&refused(WRONG_CODE).0);
}

#[test]
fn the_device_of_another_user_is_refused_in_awss_words() {
    let aws = FakeAws::start();
    let mut environment = alice(&aws);
    environment.set_keys(BOB.0, BOB.1, None);
    let outcome = get_typing(&environment, HOST, ROLE, "907531\r");
    outcome.failure(&refused(WRONG_DEVICE).0);
    get_quietly(&aws, &environment, HOST).failure(&refused(WRONG_DEVICE).1);
}

#[test]
fn a_session_has_no_device() {
    let aws = FakeAws::start();
    let mut environment = alice(&aws);
    let alice = "arn:aws:iam::111122223333:user/alice";
    let keys = aws.temporary_credentials(alice, std::time::Duration::from_secs(3600));
    environment.set_session(&keys);
    let outcome = get_typing(&environment, HOST, ROLE, "907531\r");
    outcome.failure(&refused(WRONG_DEVICE).0);
}

/// It has used up the code, and nerdctl would ask for five more.
#[test]
fn a_role_that_is_denied_for_another_reason_is_told_as_such_and_remembered() {
    let aws = FakeAws::start();
    let environment = alice(&aws);
    aws.deny_role(ROLE);
    let denied = format!(
        "no credentials for {HOST}: the role {ROLE} cannot be assumed by the access key AKIAIOSFODNN7EXAMPLE: AccessDenied: User: arn:aws:iam::111122223333:user/alice is not authorized to perform: sts:AssumeRole on resource: {ROLE}"
    );
    let outcome = get_typing(&environment, HOST, ROLE, "907531\r");
    outcome.failure(&denied);
    let start = format!("no credentials for {HOST}: ");
    let remembered = denied.replacen(&start, &format!("{start}(previous attempt) "), 1);
    get_quietly(&aws, &environment, HOST).failure(&remembered);
    aws.allow_role(ROLE);
    environment.age_marks(31);
    get_with_code(&aws, &environment, "111111").answer();
}
