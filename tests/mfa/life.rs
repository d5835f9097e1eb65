//! A token that took a code: how long it serves, and what becomes of it when no other comes.

use serde_json::json;

use super::common::fake_aws::{ALICE, FakeAws};
use super::common::pty::{CTRL_C, Terminal};
use super::common::{HOST, Outcome, TestEnvironment};
use super::crowd::Crowd;
use super::{CODE, DEVICE, ROLE, RULE, alice, codes, get_quietly, get_typing, get_with_code};

const MINUTE: i64 = 60;
const HOUR: i64 = 3600;

/// Answered without a question or a call until shortly before its end; then asked for anew.
#[track_caller]
fn serves_for_its_whole_life(aws: &FakeAws, environment: &TestEnvironment) {
    let cold = get_with_code(aws, environment, CODE);
    cold.answer();
    environment.age_cache(7 * HOUR);
    assert_eq!(get_quietly(aws, environment, HOST), cold);
    environment.age_cache(4 * HOUR + 50 * MINUTE);
    assert_eq!(get_quietly(aws, environment, HOST), cold);
    environment.age_cache(11 * MINUTE);
    let renewed = get_with_code(aws, environment, "111111");
    assert_ne!(renewed.grant().serial, cold.grant().serial);
    assert_eq!(get_quietly(aws, environment, HOST), renewed);
}

#[test]
fn one_code_serves_half_a_day() {
    let aws = FakeAws::start();
    serves_for_its_whole_life(&aws, &alice(&aws));
}

#[test]
fn the_age_that_the_cache_allows_is_for_tokens_that_require_no_code() {
    let aws = FakeAws::start();
    let environment = alice(&aws);
    environment.config(&format!("[cache]\nmax_age_seconds = 900\n{RULE}"));
    serves_for_its_whole_life(&aws, &environment);
}

/// Only tokens that are renewed without a prompt are renewed at half their lifetime.
#[test]
fn a_rules_own_age_beyond_half_of_the_life_asks_no_sooner() {
    let aws = FakeAws::start();
    let environment = alice(&aws);
    environment.config(&format!("{RULE}max_age_seconds = 43200\n"));
    serves_for_its_whole_life(&aws, &environment);
}

/// A process may have other keys an hour later, and still no second code is requested.
#[test]
fn a_source_that_can_change_unseen_asks_no_sooner() {
    let aws = FakeAws::start();
    aws.require_mfa(ROLE, DEVICE, CODE);
    let environment = TestEnvironment::with_aws(&aws);
    let (id, secret, _) = ALICE;
    let answer = json!({ "Version": 1, "AccessKeyId": id, "SecretAccessKey": secret });
    let script = environment.write("process.sh", &format!("echo '{answer}'\n"));
    environment.aws_config(&format!(
        "[profile tool]\ncredential_process = /bin/sh '{}'\n",
        script.display()
    ));
    environment.config(&format!("{RULE}profile = \"tool\"\n"));
    serves_for_its_whole_life(&aws, &environment);
}

/// A rule that wants a new token every hour, and a token that is older.
fn with_an_old_token(aws: &FakeAws) -> (TestEnvironment, Outcome) {
    let environment = alice(aws);
    environment.config(&format!("{RULE}max_age_seconds = 3600\n"));
    let cold = get_with_code(aws, &environment, CODE);
    cold.answer();
    environment.age_cache(HOUR - MINUTE);
    assert_eq!(get_quietly(aws, &environment, HOST), cold);
    environment.age_cache(2 * MINUTE);
    (environment, cold)
}

#[test]
fn a_rules_own_age_counts() {
    let aws = FakeAws::start();
    let (environment, cold) = with_an_old_token(&aws);
    let renewed = get_with_code(&aws, &environment, "111111");
    assert_ne!(renewed.grant().serial, cold.grant().serial);
    assert_eq!(codes(&aws).len(), 2);
}

#[test]
fn who_gives_no_code_keeps_the_token_that_is_still_good() {
    let aws = FakeAws::start();
    let (environment, cold) = with_an_old_token(&aws);
    assert_eq!(get_typing(&environment, HOST, ROLE, CTRL_C), cold);
    assert_eq!(get_quietly(&aws, &environment, HOST), cold);
    environment.age_marks(31);
    // AWS takes this one no more.
    assert_eq!(get_typing(&environment, HOST, ROLE, "907531\r"), cold);
    assert_eq!(codes(&aws).len(), 2);
    assert_eq!(get_quietly(&aws, &environment, HOST), cold);
    environment.age_marks(31);
    assert_ne!(get_with_code(&aws, &environment, "111111"), cold);
}

#[test]
fn without_a_terminal_the_token_that_is_still_good_is_kept() {
    let aws = FakeAws::start();
    let (environment, cold) = with_an_old_token(&aws);
    let connections = aws.connections();
    let get = environment.run_program("setsid", &[super::common::PROGRAM, "get"], HOST);
    assert_eq!(get, cold);
    assert_eq!(aws.connections(), connections);
    assert_ne!(get_with_code(&aws, &environment, "111111"), cold);
}

/// Another process prompts, and may wait for long.
#[test]
fn a_get_with_a_usable_token_does_not_wait_for_a_prompt() {
    let aws = FakeAws::start();
    let (environment, cold) = with_an_old_token(&aws);
    let terminal = Terminal::open();
    let asking = environment.start_on(&terminal, &["get"], HOST);
    terminal.wait_for("ecr-admin: ");
    let get = environment.run_program("timeout", &["10", super::common::PROGRAM, "get"], HOST);
    assert_eq!(get, cold);
    terminal.type_text(CTRL_C);
    assert_eq!(asking.outcome(), cold);
}

/// The second `get` reads the token before AWS denies the role, and waits for the first.
#[test]
fn a_token_whose_role_was_denied_meanwhile_is_not_used() {
    let aws = FakeAws::start();
    let (environment, _) = with_an_old_token(&aws);
    aws.deny_role(ROLE);
    aws.show_code(DEVICE, "111111");
    let terminal = Terminal::open();
    let mut crowd = Crowd::on(&terminal, &environment);
    crowd.get(HOST);
    terminal.wait_for("ecr-admin: ");
    crowd.get(HOST);
    // Until it has looked and waits.
    std::thread::sleep(std::time::Duration::from_millis(300));
    terminal.type_line("111111");
    let outcomes = crowd.outcomes();
    assert_eq!(environment.entries().len(), 0);
    for outcome in outcomes {
        assert!(
            outcome.stdout.contains("cannot be assumed by"),
            "{outcome:?}"
        );
        assert_eq!(outcome.code, Some(1));
    }
}

/// The time to enter a code is not part of a time limit, neither of the whole nor of a refresh.
#[test]
fn the_clock_of_aws_starts_when_the_code_is_there() {
    let aws = FakeAws::start();
    let environment = alice(&aws);
    environment.config(&format!("timeout_seconds = 4\n{RULE}"));
    let terminal = Terminal::open();
    let get = environment.start_on(&terminal, &["get"], HOST);
    terminal.wait_for("ecr-admin: ");
    // Longer than everything may take.
    std::thread::sleep(std::time::Duration::from_millis(4200));
    terminal.type_line(CODE);
    get.outcome().answer();
}

#[test]
fn a_code_without_a_cache_serves_once() {
    let aws = FakeAws::start();
    let environment = alice(&aws);
    environment.config(&format!("[cache]\nenabled = false\n{RULE}"));
    for code in [CODE, "111111"] {
        get_with_code(&aws, &environment, code).answer();
    }
    for _ in 0..2 {
        let outcome = get_typing(&environment, HOST, ROLE, CTRL_C);
        outcome.failure(&super::no_code("the prompt was cancelled"));
    }
}

#[test]
fn a_home_that_takes_no_cache_costs_the_caching_alone() {
    let aws = FakeAws::start();
    let environment = alice(&aws);
    // As good as read-only, for root too.
    environment.write(".cache", "");
    for code in [CODE, "111111"] {
        get_with_code(&aws, &environment, code).answer();
    }
    get_typing(&environment, HOST, ROLE, CTRL_C)
        .failure(&super::no_code("the prompt was cancelled"));
}
