//! A code is asked for on the terminal, and the terminal is left as it was found. Each test asks
//! in a process of its own, which is this very program, on a terminal of its own.

#![cfg(target_os = "linux")]

mod common;

use std::io::Write as _;
use std::time::Duration;

use common::TestEnvironment;
use common::pty::{CTRL_C, CTRL_D, OnTerminal, Place, Terminal};
use docker_credential_ecrx::terminal::ask_for_code;

const QUESTION: &str = "program: MFA code of arn:aws:iam::111122223333:mfa/alice:";

/// What an answer that is no code makes the terminal show, from the end of the question on.
const ASKED_AGAIN: &str = "\r\nnot a six-digit code; try again\r\n";

/// The name of the test that asks.
const ASKING: &str = "the_question_is_asked_in_a_process_of_its_own";

/// The question, for the process that asks.
const TEST_QUESTION: &str = "ECRX_TEST_QUESTION";

/// For how many seconds it may ask.
const TEST_TIME_LIMIT: &str = "ECRX_TEST_TIME_LIMIT";

/// What the other tests start. What came of the question goes to its stderr.
#[test]
fn the_question_is_asked_in_a_process_of_its_own() {
    let (Ok(question), Ok(time_limit)) = (
        std::env::var(TEST_QUESTION),
        std::env::var(TEST_TIME_LIMIT).map(|seconds| seconds.parse().expect("seconds")),
    ) else {
        return;
    };
    let text = match ask_for_code(&question, Duration::from_secs(time_limit)) {
        Ok(code) => format!("the code {}", code.expose()),
        Err(error) => error.to_string(),
    };
    let mut stderr = std::io::stderr();
    stderr.write_all(text.as_bytes()).expect("stderr");
    std::process::exit(0);
}

fn arguments() -> [&'static str; 3] {
    ["--exact", ASKING, "--nocapture"]
}

fn program() -> String {
    let program = std::env::current_exe().expect("this program");
    program.into_os_string().into_string().expect("UTF-8")
}

fn environment(question: &str, seconds: u64) -> TestEnvironment {
    let mut environment = TestEnvironment::new();
    environment.set(TEST_QUESTION, question);
    environment.set(TEST_TIME_LIMIT, &seconds.to_string());
    environment
}

/// The process that asks.
struct Asking {
    process: OnTerminal,
    _environment: TestEnvironment,
}

impl Asking {
    /// In the foreground, for longer than any test takes.
    fn on(terminal: &Terminal) -> Self {
        let asking = Self::start(terminal, Place::Foreground, QUESTION, 600);
        terminal.wait_for(&format!("{QUESTION} "));
        asking
    }

    fn start(terminal: &Terminal, place: Place, question: &str, seconds: u64) -> Self {
        let environment = environment(question, seconds);
        let process = environment.start_program_on(terminal, place, &program(), &arguments(), "");
        Self {
            process,
            _environment: environment,
        }
    }

    /// It ended by itself with this.
    #[track_caller]
    fn ended_with(self, expected: &str) {
        let outcome = self.process.outcome();
        assert_eq!(
            (outcome.code, outcome.stderr.as_str()),
            (Some(0), expected),
            "{outcome:?}"
        );
    }
}

#[test]
fn a_code_is_taken_and_never_shown() {
    let terminal = Terminal::open();
    let settings = terminal.settings();
    assert!(terminal.echoes());
    let asking = Asking::on(&terminal);
    assert!(!terminal.echoes());
    terminal.type_line("123456");
    asking.ended_with("the code 123456");
    assert_eq!(terminal.shown(), format!("{QUESTION} \r\n"));
    assert_eq!(terminal.settings(), settings);
}

#[test]
fn blanks_do_not_count_and_keys_that_edit_do() {
    for keys in ["  123 456 ", "123457\x7f6", "999\x15123456"] {
        let terminal = Terminal::open();
        let asking = Asking::on(&terminal);
        terminal.type_line(keys);
        asking.ended_with("the code 123456");
    }
}

#[test]
fn what_was_typed_before_the_question_is_no_answer() {
    let terminal = Terminal::open();
    terminal.type_line("111111");
    let asking = Asking::on(&terminal);
    terminal.type_line("222222");
    asking.ended_with("the code 222222");
}

#[test]
fn what_was_typed_behind_the_answer_reaches_no_other_program() {
    let terminal = Terminal::open();
    let asking = Asking::on(&terminal);
    terminal.type_text("123456\rrm -r 654321");
    asking.ended_with("the code 123456");
    terminal.type_line("ls");
    assert_eq!(terminal.line_for_the_next_program(), "ls\n");
}

#[test]
fn ctrl_c_ctrl_d_and_an_empty_line_cancel_at_once() {
    for keys in [CTRL_C, &format!("123{CTRL_C}"), CTRL_D, "\r", "  \r"] {
        let terminal = Terminal::open();
        let settings = terminal.settings();
        let asking = Asking::on(&terminal);
        terminal.type_text(keys);
        asking.ended_with("the prompt was cancelled");
        assert_eq!(terminal.shown(), format!("{QUESTION} \r\n"), "{keys:?}");
        assert_eq!(terminal.settings(), settings, "{keys:?}");
    }
}

/// As clients do that pull several images at once.
#[test]
fn two_questions_at_once_are_asked_one_after_the_other() {
    let terminal = Terminal::open();
    let settings = terminal.settings();
    let asking = Asking::start(&terminal, Place::ForegroundTwice, QUESTION, 600);
    terminal.wait_for(QUESTION);
    terminal.type_line("111111");
    terminal.wait_for(QUESTION);
    terminal.type_line("222222");
    asking.ended_with("the code 111111the code 222222");
    let shown = format!("{QUESTION} \r\n{QUESTION} \r\n");
    assert_eq!(terminal.shown(), shown);
    assert_eq!(terminal.settings(), settings);
}

/// A full-screen program that died leaves such a terminal.
#[test]
fn a_terminal_without_any_line_editing_serves_as_well() {
    for (keys, expected) in [
        ("12345x\x7f6\r", "the code 123456"),
        (CTRL_C, "the prompt was cancelled"),
        (CTRL_D, "the prompt was cancelled"),
    ] {
        let terminal = Terminal::open();
        terminal.make_raw();
        let settings = terminal.settings();
        let asking = Asking::on(&terminal);
        terminal.type_text(keys);
        asking.ended_with(expected);
        assert_eq!(terminal.shown(), format!("{QUESTION} \r\n"));
        assert_eq!(terminal.settings(), settings);
    }
}

#[test]
fn output_that_was_stopped_does_not_stop_the_question() {
    let terminal = Terminal::open();
    let ctrl_s = "\x13";
    terminal.type_text(ctrl_s);
    let asking = Asking::on(&terminal);
    terminal.type_line("123456");
    asking.ended_with("the code 123456");
}

#[test]
fn a_wrong_answer_asks_again_and_the_right_one_is_taken() {
    let terminal = Terminal::open();
    let asking = Asking::on(&terminal);
    // The second line was no answer to the second question.
    terminal.type_text("12345\r111111\r");
    terminal.wait_for(&format!("{ASKED_AGAIN}{QUESTION} "));
    terminal.type_line("123456");
    asking.ended_with("the code 123456");
    let shown = format!("{QUESTION} {ASKED_AGAIN}{QUESTION} \r\n");
    assert_eq!(terminal.shown(), shown);
}

#[test]
fn three_wrong_answers_end_it() {
    let terminal = Terminal::open();
    let settings = terminal.settings();
    let asking = Asking::on(&terminal);
    terminal.type_line("12345");
    terminal.wait_for(QUESTION);
    terminal.type_line("1234567");
    terminal.wait_for(QUESTION);
    terminal.type_line("secret");
    asking.ended_with("three entries were not six-digit codes");
    let shown = format!("{QUESTION} {ASKED_AGAIN}{QUESTION} {ASKED_AGAIN}{QUESTION} \r\n");
    assert_eq!(terminal.shown(), shown);
    assert_eq!(terminal.settings(), settings);
}

#[test]
fn ten_thousand_characters_are_one_wrong_answer() {
    let terminal = Terminal::open();
    let asking = Asking::on(&terminal);
    terminal.type_line(&"1".repeat(10_000));
    terminal.wait_for(QUESTION);
    terminal.type_line("123456");
    asking.ended_with("the code 123456");
}

#[test]
fn no_prompt_lasts_longer_than_the_time_limit() {
    let terminal = Terminal::open();
    let settings = terminal.settings();
    let asking = Asking::start(&terminal, Place::Foreground, QUESTION, 1);
    terminal.wait_for(QUESTION);
    terminal.type_text("123");
    asking.ended_with("no code was entered within 1 s");
    assert_eq!(terminal.settings(), settings);
}

#[test]
fn a_question_cannot_drive_the_terminal() {
    let terminal = Terminal::open();
    let question = "MFA\x1b[2J code\x07 of\r\n\u{202e}alice:";
    let asking = Asking::start(&terminal, Place::Foreground, question, 600);
    terminal.wait_for("alice: ");
    terminal.type_line("123456");
    asking.ended_with("the code 123456");
    assert_eq!(terminal.shown(), "MFA[2J code of alice: \r\n");
}

#[test]
fn without_a_terminal_there_is_no_prompt() {
    let mut arguments = arguments().to_vec();
    let program = program();
    arguments.insert(0, &program);
    let outcome = environment(QUESTION, 600).run_program("setsid", &arguments, "");
    assert_eq!(
        (outcome.code, outcome.stderr.as_str()),
        (Some(0), "no terminal is available for the prompt"),
        "{outcome:?}"
    );
}

const IN_USE: &str = "the terminal is in use by another program";

#[test]
fn in_the_background_there_is_no_prompt_and_nothing_stops() {
    let terminal = Terminal::open();
    let settings = terminal.settings();
    let asking = Asking::start(&terminal, Place::Background, QUESTION, 600);
    asking.ended_with(IN_USE);
    assert_eq!(terminal.shown(), "");
    assert_eq!(terminal.settings(), settings);
}

#[test]
fn a_question_ends_when_another_program_takes_the_terminal() {
    let terminal = Terminal::open();
    let asking = Asking::start(&terminal, Place::Job, QUESTION, 600);
    terminal.wait_for(QUESTION);
    // The shell comes to the front, and has the program go on behind it.
    terminal.stop_what_is_in_front();
    asking.ended_with(IN_USE);
}
