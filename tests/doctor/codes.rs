//! Roles that require an MFA code.

use std::thread::sleep;
use std::time::Duration;

use super::common::fake_aws::Operation;
use super::common::pty::Terminal;
use super::common::{HOST, PROGRAM};
use super::{PULL, Ward, app};

const DEVICE: &str = "arn:aws:iam::111122223333:mfa/alice";
const CODE: &str = "907531";

fn ward() -> Ward {
    let ward = Ward::new().with_programs();
    ward.aws.require_mfa(PULL, DEVICE, CODE);
    ward.environment.config(&format!(
        "timeout_seconds = 6\n[[registry]]\nmatch = \"999999999999\"\nrole_arn = \"{PULL}\"\n\
         mfa_serial = \"{DEVICE}\"\n"
    ));
    ward
}

fn question() -> String {
    format!("docker-credential-ecrx: MFA code from {DEVICE} for {PULL}: ")
}

#[test]
fn the_time_to_type_a_code_does_not_count() {
    let ward = ward();
    let terminal = Terminal::open();
    let doctor = ward
        .environment
        .start_on(&terminal, &["doctor", &app()], "");
    terminal.wait_for(&question());
    sleep(Duration::from_secs(7));
    terminal.type_line(CODE);
    let told = doctor.outcome();
    assert_eq!(told.code, Some(0), "{told:?}");
    assert!(!told.stdout.contains(CODE), "{told:?}");
}

#[test]
fn a_code_is_not_requested_while_a_token_is_cached() {
    let ward = ward();
    let terminal = Terminal::open();
    let get = ward.environment.start_on(&terminal, &["get"], HOST);
    terminal.wait_for(&question());
    terminal.type_line(CODE);
    get.outcome().grant();
    ward.environment.age_cache(7200);
    ward.aws.clear();
    // podman may be among the programs of this machine.
    let arguments = [&*app(), "--client", "docker"];
    ward.says("code_not_asked_for", 0, &arguments);
    assert_eq!(ward.aws.count(Operation::StsAssumeRole), 0);
}

#[test]
fn without_a_terminal_the_code_cannot_be_requested() {
    let ward = ward();
    let image = app();
    let told = ward
        .environment
        .run_program("setsid", &[PROGRAM, "doctor", &image, "--json"], "");
    assert_eq!(told.code, Some(1), "{told:?}");
    let report: serde_json::Value = serde_json::from_str(&told.stdout).expect("JSON");
    super::fits_the_schema(&report);
    let found = super::texts(&report);
    assert!(
        found
            .iter()
            .any(|text| text.contains("no terminal is available for the prompt")),
        "{found:?}"
    );
    let path = report["verdict"]["path"].as_array().expect("a path");
    let marks: Vec<_> = path.iter().map(|station| &station["mark"]).collect();
    assert_eq!(marks, ["unknown"; 3]);
}
