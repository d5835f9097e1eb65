//! Nobody to ask.

use super::common::fake_aws::FakeAws;
use super::common::pty::{Place, Terminal};
use super::common::{HOST, PROGRAM, TestEnvironment};
use super::{CODE, alice, asked_as, get_with_code, no_code};

fn hints(environment: &TestEnvironment) -> [String; 2] {
    [
        format!(
            "get a token on a terminal first, it serves for half a day: echo {HOST} | docker-credential-ecrx get >/dev/null"
        ),
        asked_as(environment),
    ]
}

#[test]
fn without_a_terminal_the_error_says_so_and_is_not_remembered() {
    let aws = FakeAws::start();
    let environment = alice(&aws);
    let outcome = environment.run_program("setsid", &[PROGRAM, "get"], HOST);
    assert_eq!(
        outcome.failure(&no_code("there is no terminal to ask for it on")),
        hints(&environment)
    );
    assert_eq!(aws.connections(), 0);
    assert_eq!(environment.marks().len(), 0);
    let bought = get_with_code(&aws, &environment, CODE);
    bought.answer();
    // That is what the hint is about.
    let warm = environment.run_program("setsid", &[PROGRAM, "get"], HOST);
    assert_eq!(warm, bought);
}

#[test]
fn in_the_background_the_error_says_so_and_is_not_remembered() {
    let aws = FakeAws::start();
    let environment = alice(&aws);
    let terminal = Terminal::open();
    let get = environment.start_program_on(&terminal, Place::Background, PROGRAM, &["get"], HOST);
    let why = "the terminal to ask for it on is in use by another program";
    assert_eq!(get.outcome().failure(&no_code(why)), hints(&environment));
    assert_eq!(terminal.shown(), "");
    assert_eq!(aws.connections(), 0);
    get_with_code(&aws, &environment, CODE).answer();
}
