//! Several at once, on one terminal.

use std::time::Duration;

use super::common::HOST;
use super::common::fake_aws::FakeAws;
use super::common::pty::{CTRL_C, Terminal};
use super::crowd::{Crowd, KILLED, kill};
use super::{CODE, DEVICE, ROLE, RULE, alice, code_of, codes, no_code, question_for, remembered};

#[test]
fn a_crowd_for_one_registry_asks_once() {
    let aws = FakeAws::start();
    let environment = alice(&aws);
    let terminal = Terminal::open();
    let settings = terminal.settings();
    let mut crowd = Crowd::on(&terminal, &environment);
    for _ in 0..8 {
        crowd.get(HOST);
    }
    let question = question_for(ROLE);
    terminal.wait_for(&question);
    terminal.type_line(CODE);
    let outcomes = crowd.outcomes();
    outcomes[0].answer();
    assert!(outcomes.iter().all(|outcome| *outcome == outcomes[0]));
    assert_eq!(terminal.shown(), format!("{question}\r\n"));
    assert_eq!(codes(&aws), [code_of(CODE, DEVICE, ROLE)]);
    assert_eq!(aws.calls().len(), 2);
    assert_eq!(terminal.settings(), settings);
}

#[test]
fn a_crowd_whose_question_is_cancelled_asks_once() {
    let aws = FakeAws::start();
    let environment = alice(&aws);
    let terminal = Terminal::open();
    let mut crowd = Crowd::on(&terminal, &environment);
    crowd.get(HOST);
    let question = question_for(ROLE);
    terminal.wait_for(&question);
    for _ in 0..5 {
        crowd.get(HOST);
    }
    terminal.type_text(CTRL_C);
    let outcomes = crowd.outcomes();
    outcomes[0].failure(&no_code("the prompt was cancelled"));
    for outcome in &outcomes[1..] {
        outcome.failure(&remembered("the prompt was cancelled"));
    }
    assert_eq!(terminal.shown(), format!("{question}\r\n"));
    assert_eq!(aws.connections(), 0);
}

#[test]
fn two_roles_of_one_device_are_asked_for_one_after_the_other() {
    let other = "444455556666.dkr.ecr.us-west-2.amazonaws.com";
    let other_role = "arn:aws:iam::444455556666:role/ecr-admin";
    let aws = FakeAws::start();
    let environment = alice(&aws);
    environment.config(&format!(
        "{RULE}{}",
        RULE.replace("999999999999", "444455556666")
    ));
    aws.require_mfa(other_role, DEVICE, "111111");
    let terminal = Terminal::open();
    let mut crowd = Crowd::on(&terminal, &environment);
    crowd.get(HOST);
    terminal.wait_for(&question_for(ROLE));
    crowd.get(other);
    terminal.type_line(CODE);
    terminal.wait_for(&question_for(other_role));
    terminal.type_line("111111");
    let outcomes = crowd.outcomes();
    let principals: Vec<String> = outcomes
        .iter()
        .map(|outcome| outcome.grant().principal)
        .collect();
    assert_eq!(
        principals,
        ["999999999999", "444455556666"].map(|account| format!(
            "arn:aws:sts::{account}:assumed-role/ecr-admin/docker-credential-ecrx"
        ))
    );
    let (first, second) = (question_for(ROLE), question_for(other_role));
    assert_eq!(terminal.shown(), format!("{first}\r\n{second}\r\n"));
    // The answers come in order, and who calls AWS first with his is open.
    let mut sent = codes(&aws);
    sent.sort();
    let second = code_of("111111", DEVICE, other_role);
    assert_eq!(sent, [second, code_of(CODE, DEVICE, ROLE)]);
}

/// However long it takes to enter the code.
#[test]
fn other_processes_wait_until_the_prompt_is_answered() {
    let aws = FakeAws::start();
    let environment = alice(&aws);
    environment.config(&format!("timeout_seconds = 4\n{RULE}"));
    let terminal = Terminal::open();
    let mut crowd = Crowd::on(&terminal, &environment);
    crowd.get(HOST);
    let question = question_for(ROLE);
    terminal.wait_for(&question);
    crowd.get(HOST);
    // Longer than everything may take. Who went alone meanwhile would ask, next in line.
    std::thread::sleep(Duration::from_millis(4500));
    terminal.type_line(CODE);
    let outcomes = crowd.outcomes();
    outcomes[0].answer();
    assert_eq!(outcomes[1], outcomes[0]);
    assert_eq!(terminal.shown(), format!("{question}\r\n"));
    assert_eq!(codes(&aws).len(), 1);
}

#[test]
fn one_that_is_killed_while_it_waits_is_not_missed() {
    let aws = FakeAws::start();
    let environment = alice(&aws);
    let terminal = Terminal::open();
    let mut crowd = Crowd::on(&terminal, &environment);
    crowd.get(HOST);
    let question = question_for(ROLE);
    terminal.wait_for(&question);
    let waiting = [crowd.get(HOST), crowd.get(HOST)];
    kill(waiting[0]);
    terminal.type_line(CODE);
    let outcomes = crowd.outcomes();
    outcomes[0].answer();
    assert_eq!(outcomes[1].code, KILLED);
    assert_eq!(outcomes[2], outcomes[0]);
    assert_eq!(terminal.shown(), format!("{question}\r\n"));
    assert_eq!(codes(&aws).len(), 1);
}

#[test]
fn if_the_process_that_prompts_is_killed_the_next_one_prompts() {
    let aws = FakeAws::start();
    let environment = alice(&aws);
    let terminal = Terminal::open();
    let before = terminal.settings();
    let mut crowd = Crowd::on(&terminal, &environment);
    let asking = crowd.get(HOST);
    let question = question_for(ROLE);
    terminal.wait_for(&question);
    crowd.get(HOST);
    crowd.get(HOST);
    kill(asking);
    terminal.wait_for(&question);
    terminal.type_line(CODE);
    let outcomes = crowd.outcomes();
    assert_eq!(outcomes[0].code, KILLED);
    outcomes[1].answer();
    assert_eq!(outcomes[2], outcomes[1]);
    // It had no time to put the terminal right, nor to end its line.
    assert_eq!(terminal.settings(), before);
    assert_eq!(terminal.shown(), format!("{question}{question}\r\n"));
    assert_eq!(codes(&aws), [code_of(CODE, DEVICE, ROLE)]);
}

/// Clients that pull from several registries ask for them at once.
#[test]
fn a_cancelled_question_counts_for_the_next_registry_of_the_same_role() {
    let other = "444455556666.dkr.ecr.us-west-2.amazonaws.com";
    let aws = FakeAws::start();
    let environment = alice(&aws);
    environment.config(&RULE.replace("match = \"999999999999\"", "match = \"*\""));
    let terminal = Terminal::open();
    let mut crowd = Crowd::on(&terminal, &environment);
    crowd.get(HOST);
    let question = question_for(ROLE);
    terminal.wait_for(&question);
    crowd.get(other);
    terminal.type_text(CTRL_C);
    let outcomes = crowd.outcomes();
    outcomes[0].failure(&no_code("the prompt was cancelled"));
    outcomes[1].failure(&remembered("the prompt was cancelled").replacen(HOST, other, 1));
    assert_eq!(terminal.shown(), format!("{question}\r\n"));
    assert_eq!(aws.connections(), 0);
}
