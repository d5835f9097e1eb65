//! The memory of a process that holds secrets, which no other process of the user reads, and no core
//! file keeps.

use std::io::Write as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use super::common::fake_aws::{FakeAws, Fault, Operation};
use super::common::files::{am_root, chmod, skipped};
use super::common::{HOST, PROGRAM, TestEnvironment};

/// A user without rights: what root may read proves nothing.
const NOBODY: u32 = 65534;

/// The same command, as [`NOBODY`] if root runs the tests.
fn without_rights(command: &mut Command) -> &mut Command {
    if am_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

/// What another process of the same user is told when it reads the variables of a process.
fn variables_of(process: &Child) -> std::process::Output {
    let path = format!("/proc/{}/environ", process.id());
    let mut cat = Command::new("cat");
    without_rights(cat.arg(path)).output().expect("cat")
}

/// The process ends with the signal that a failed assertion of a C library sends.
fn aborted(mut process: Child) -> ExitStatus {
    let pid = rustix::process::Pid::from_child(&process);
    rustix::process::kill_process(pid, rustix::process::Signal::ABORT).expect("a process");
    process.wait().expect("a child")
}

/// A shell that lets core files be written, and then becomes the program.
fn with_core_files(environment: &TestEnvironment, folder: &Path, words: &str) -> Command {
    let script = format!("ulimit -c unlimited && exec {words}");
    let mut command = environment.command_of("/bin/sh", &["-c", &script]);
    command
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

#[test]
fn a_get_leaves_no_core_file_and_its_memory_cannot_be_read() {
    let aws = FakeAws::start();
    aws.on(Operation::EcrGetAuthorizationToken, Fault::Hang);
    let environment = TestEnvironment::of_alice(&aws);
    // The user without rights may not enter the folder of the checkout.
    let folder = tempfile::tempdir().expect("a folder");
    chmod(folder.path(), 0o777);
    let program = folder.path().join("docker-credential-ecrx");
    std::fs::copy(PROGRAM, &program).expect("a copy");

    let mut sleep = with_core_files(&environment, folder.path(), "sleep 100");
    let sleep = without_rights(&mut sleep).spawn().expect("a shell");
    let mut get = with_core_files(
        &environment,
        folder.path(),
        &format!("{} get", program.display()),
    );
    let mut get = without_rights(&mut get).spawn().expect("a shell");
    let mut stdin = get.stdin.take().expect("piped");
    stdin.write_all(HOST.as_bytes()).expect("a reader");
    drop(stdin);
    aws.wait_for(Operation::EcrGetAuthorizationToken, 1);

    let of_sleep = variables_of(&sleep);
    assert!(
        of_sleep.status.success() && !of_sleep.stdout.is_empty(),
        "{of_sleep:?}"
    );
    let of_get = variables_of(&get);
    assert!(!of_get.status.success(), "{of_get:?}");
    assert_eq!(String::from_utf8_lossy(&of_get.stdout), "");
    let denied = String::from_utf8_lossy(&of_get.stderr).contains("Permission denied");
    assert!(denied, "{of_get:?}");

    // Where even `sleep` leaves none, nothing is shown.
    let sleep = aborted(sleep);
    let get = aborted(get);
    assert_eq!(get.signal(), sleep.signal());
    assert!(!get.core_dumped());
    if !sleep.core_dumped() {
        skipped("the machine writes no core files");
    }
}

/// Even one that the kernel can hardly start ends by itself, and in words.
#[test]
fn a_stack_that_is_too_small_is_told_as_such() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    for kibibytes in [64, 128, 512, 1023] {
        let outcome = environment.get_behind(&format!("ulimit -s {kibibytes}"));
        outcome.failure(&format!(
            "the stack is limited to {kibibytes} KiB, and 1024 KiB are required"
        ));
        assert!(
            outcome.stderr.contains("Run: ulimit -s 8192"),
            "{outcome:?}"
        );
    }
    assert_eq!(aws.calls().len(), 0);
    environment.get_behind("ulimit -s 1024").grant();
}
