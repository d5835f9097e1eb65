//! A line on the terminal while a step takes long.

use super::common::fake_aws::{Fault, Operation, RegistryFault, Route};
use super::common::pty::Terminal;
use super::common::{HOST, Outcome, PROGRAM};
use super::{Ward, app};

fn ward() -> Ward {
    let ward = Ward::new().with_programs();
    ward.environment.config("timeout_seconds = 9\n");
    ward
}

/// Runs doctor with stderr on a terminal.
fn on_terminal(ward: &Ward, arguments: &[&str]) -> (Outcome, String) {
    let terminal = Terminal::open();
    let image = app();
    let script = [
        "-c",
        r#"exec "$@" 2>/dev/tty"#,
        "sh",
        PROGRAM,
        "doctor",
        &image,
    ];
    let words = [&script, arguments].concat();
    let place = super::common::pty::Place::Foreground;
    let doctor = ward
        .environment
        .start_program_on(&terminal, place, "sh", &words, "");
    let told = doctor.outcome();
    (told, terminal.shown())
}

#[test]
fn a_step_that_takes_long_says_what_it_waits_for() {
    let aws = ward();
    aws.aws.on(Operation::EcrGetAuthorizationToken, Fault::Hang);
    let registry = ward();
    registry.registry.on(Route::Manifest, RegistryFault::Hang);
    for (ward, what) in [(aws, "AWS"), (registry, HOST)] {
        let (told, shown) = on_terminal(&ward, &[]);
        assert_eq!(told.code, Some(1), "{told:?}");
        let line = format!("Waiting for a response from {what}...\r\n");
        assert_eq!(shown, line, "{told:?}");
    }
}

#[test]
fn short_steps_and_programs_get_no_waiting_line() {
    let quick = ward();
    assert_eq!(on_terminal(&quick, &[]).1, "");
    let slow = ward();
    slow.aws
        .on(Operation::EcrGetAuthorizationToken, Fault::Hang);
    assert_eq!(on_terminal(&slow, &["--json"]).1, "");
    let told = slow.doctor(&[&app()]);
    assert_eq!(told.stderr, "", "{told:?}");
}
