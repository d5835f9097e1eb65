//! A code that was not entered: no prompt for half a minute, however often a client calls.

use super::common::fake_aws::{ALICE, BOB, FakeAws, SSO_ACCESS_TOKEN};
use super::common::pty::{CTRL_C, CTRL_D, Terminal};
use super::common::{HOST, TestEnvironment, sources};
use super::{
    CODE, DEVICE, ELSEWHERE, ROLE, RULE, alice, asked_as, code_of, codes, get_quietly, get_typing,
    get_with_code, no_code, question_for, remembered, run_unasked,
};

const CANCELLED: &str = "the prompt was cancelled";

/// How nerdctl asks for one pull, one after the other.
fn as_nerdctl() -> [String; 6] {
    [
        format!("{HOST}:443"),
        format!("https://{HOST}:443"),
        format!("http://{HOST}:443"),
        HOST.to_owned(),
        format!("https://{HOST}"),
        format!("http://{HOST}"),
    ]
}

/// The next calls do not prompt, and report what happened. Half a minute later, a code is accepted.
#[track_caller]
fn is_remembered_for_30_seconds(aws: &FakeAws, environment: &TestEnvironment, why: &str) {
    let line = remembered(why);
    for server in &as_nerdctl()[1..] {
        let outcome = get_quietly(aws, environment, server);
        assert_eq!(outcome.failure(&line), [asked_as(environment)]);
    }
    environment.age_marks(20);
    get_quietly(aws, environment, HOST).failure(&line);
    environment.age_marks(11);
    get_with_code(aws, environment, CODE).answer();
}

#[test]
fn a_cancelled_question_is_not_asked_again_for_30_seconds() {
    for keys in [CTRL_C, CTRL_D, "\r"] {
        let aws = FakeAws::start();
        let environment = alice(&aws);
        let outcome = get_typing(&environment, &as_nerdctl()[0], ROLE, keys);
        let hints = outcome.failure(&no_code(CANCELLED));
        assert_eq!(hints, [asked_as(&environment)], "{keys:?}");
        assert_eq!(aws.connections(), 0);
        is_remembered_for_30_seconds(&aws, &environment, CANCELLED);
    }
}

#[test]
fn three_answers_that_are_no_codes_are_remembered_too() {
    let aws = FakeAws::start();
    let environment = alice(&aws);
    let terminal = Terminal::open();
    let get = environment.start_on(&terminal, &["get"], HOST);
    for answer in ["12345", "secret", "1234567"] {
        terminal.wait_for(&question_for(ROLE));
        terminal.type_line(answer);
    }
    let why = "three entries were not six-digit codes";
    assert_eq!(
        get.outcome().failure(&no_code(why)),
        [asked_as(&environment)]
    );
    assert_eq!(aws.connections(), 0);
    is_remembered_for_30_seconds(&aws, &environment, why);
}

/// buildx asks for the same host three times.
#[test]
fn a_client_that_calls_three_times_asks_once() {
    let aws = FakeAws::start();
    let environment = alice(&aws);
    let outcome = get_typing(&environment, HOST, ROLE, CTRL_C);
    outcome.failure(&no_code(CANCELLED));
    for _ in 0..2 {
        get_quietly(&aws, &environment, HOST).failure(&remembered(CANCELLED));
    }
}

/// What is cancelled is one role's code: in one region, where it may be asked for.
#[test]
fn other_identities_of_the_same_keys_go_on() {
    let other = "444455556666.dkr.ecr.us-west-2.amazonaws.com";
    let other_role = "arn:aws:iam::444455556666:role/ecr-admin";
    let plain = "111122223333.dkr.ecr.us-west-2.amazonaws.com";
    let aws = FakeAws::start();
    let environment = alice(&aws);
    environment.config(&format!(
        "{RULE}{}",
        RULE.replace("999999999999", "444455556666")
    ));
    aws.require_mfa(other_role, DEVICE, CODE);
    get_typing(&environment, HOST, ROLE, CTRL_C).failure(&no_code(CANCELLED));
    let principal = run_unasked(&environment, &["get"], plain).grant().principal;
    assert_eq!(principal, ALICE.2);
    get_typing(&environment, other, other_role, "907531\r").answer();
    assert_eq!(codes(&aws), [code_of(CODE, DEVICE, other_role)]);
    get_quietly(&aws, &environment, HOST).failure(&remembered(CANCELLED));
    aws.show_code(DEVICE, "111111");
    get_typing(&environment, ELSEWHERE, ROLE, "111111\r").answer();
}

#[test]
fn another_configuration_is_asked_for_at_once() {
    let aws = FakeAws::start();
    let mut environment = alice(&aws);
    let cancel = |environment: &TestEnvironment| {
        get_typing(environment, HOST, ROLE, CTRL_C).failure(&no_code(CANCELLED));
    };
    cancel(&environment);
    environment.config(&format!("{RULE}external_id = \"build\"\n"));
    cancel(&environment);
    environment.config(&format!("{RULE}role_session_name = \"ci\"\n"));
    cancel(&environment);
    environment.set_keys(BOB.0, BOB.1, None);
    cancel(&environment);
    get_quietly(&aws, &environment, HOST).failure(&remembered(CANCELLED));
}

#[test]
fn a_new_sign_in_is_asked_for_at_once() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    sources::sso_session(&mut environment, &aws, "sso");
    environment.config(&format!("{RULE}profile = \"sso\"\n"));
    for access_token in [SSO_ACCESS_TOKEN, "another"] {
        environment.sso_sign_in("sso", access_token, 3600);
        get_typing(&environment, HOST, ROLE, CTRL_C).failure(&no_code(CANCELLED));
        get_quietly(&aws, &environment, HOST).failure(&remembered(CANCELLED));
    }
}

#[test]
fn docker_logout_ends_the_memory() {
    let aws = FakeAws::start();
    let environment = alice(&aws);
    get_typing(&environment, HOST, ROLE, CTRL_C).failure(&no_code(CANCELLED));
    assert_eq!(environment.run(&["erase"], HOST).code, Some(0));
    get_with_code(&aws, &environment, CODE).answer();
}
