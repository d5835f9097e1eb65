//! What the system refuses: disks that are full, file systems that cannot be written or locked.

mod disk;
mod each_call;
mod full_disk;
mod no_locks;

use super::common::{HOST, Outcome, PROGRAM, TestEnvironment};

/// A `get` of [`HOST`] under strace, which tampers with its system calls as `-e` and `-P` say;
/// and what it has seen.
fn get_tampered(environment: &TestEnvironment, options: &[&str]) -> (Outcome, String) {
    let log = environment.home().join("trace");
    let log_name = log.display().to_string();
    let mut arguments = vec!["-f", "-qq", "-o", &log_name];
    arguments.extend(options);
    arguments.extend(["--", PROGRAM, "get"]);
    let outcome = environment.run_program("strace", &arguments, HOST);
    let trace = std::fs::read_to_string(&log).expect("strace");
    (outcome, trace)
}
