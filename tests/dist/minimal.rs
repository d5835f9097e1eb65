//! The executable on machines that have less than a usual one.

use std::process::Command;
use std::time::Duration;

use super::common::fake_aws::{ALICE, FakeAws, Fault, Operation};
use super::common::{HOST, Outcome, TestEnvironment};
use super::roots::{busybox, copy, run_in, scratch};
use super::{as_root, program};

/// Runs a command in the root `$1`, which is read-only, as a user without name and rights.
const ENTER_READ_ONLY: &str = r#"
mount --bind "$1" "$1"
mount -o remount,bind,ro "$1"
exec /usr/sbin/chroot --userspec=65534:65534 "$@"
"#;

#[test]
#[ignore = "needs the executable of packaging/build-binary, and root: .ci/run"]
fn it_gets_a_token_from_a_read_only_root_as_a_user_without_rights() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    let root = scratch(&environment).display().to_string();
    environment.set("HOME", "/");
    let script = ["/bin/sh", "-ec", ENTER_READ_ONLY, "enter", &root];
    let all = [&script[..], &["/docker-credential-ecrx", "get"]].concat();
    // Nothing can be cached there: each time, a token is requested.
    for serial in [1, 2] {
        let grant = as_root(&environment, &all, HOST).grant();
        assert_eq!((grant.principal.as_str(), grant.serial), (ALICE.2, serial));
    }
}

/// `ECRX_TEST_DIST` may be a script that runs the executable of another architecture.
#[test]
#[ignore = "needs the executable of packaging/build-binary: .ci/run, .ci/other-systems"]
fn it_asks_once_for_32_gets_at_once_and_lists_and_examines_also_on_another_architecture() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let delay = Fault::Delay(Duration::from_secs(2));
    aws.on(Operation::EcrGetAuthorizationToken, delay);
    let started: Vec<_> = (0..32)
        .map(|_| environment.start_program(program(), &["get"], HOST.as_bytes()))
        .collect();
    let outcomes: Vec<_> = started.into_iter().map(Outcome::of).collect();
    assert_eq!(outcomes[0].grant().principal, ALICE.2);
    for outcome in &outcomes {
        assert_eq!(outcome, &outcomes[0]);
    }
    assert_eq!(aws.calls().len(), 1);
    let list = environment.run_program(program(), &["list"], "");
    assert_eq!(list.stdout, format!("{{\"{HOST}\":\"AWS\"}}\n"));
    let doctor = environment.run_program(program(), &["doctor", HOST], "");
    assert!(
        doctor.stdout.contains("is private and writable, 1 token"),
        "{doctor:?}"
    );
}

#[test]
#[ignore = "needs the executable of packaging/build-binary, and busybox: .ci/run"]
fn it_gets_and_caches_a_token_where_there_is_no_c_library() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    let root = busybox(&environment);
    copy(&program(), &root.join("usr/bin/docker-credential-ecrx"));
    for _ in 0..2 {
        let outcome = run_in(
            &root,
            &mut environment,
            &["docker-credential-ecrx", "get"],
            HOST,
        );
        assert_eq!(outcome.grant().serial, 1);
    }
}

/// That of Debian 10.
#[test]
#[ignore = "needs the executable of packaging/build-binary: .ci/run"]
fn it_asks_for_no_newer_kernel_than_4_19() {
    let output = Command::new("readelf")
        .args(["--wide", "--notes"])
        .arg(program())
        .env("LC_ALL", "C")
        .output();
    let notes = String::from_utf8(output.expect("readelf").stdout).expect("text");
    let (_, version) = notes.split_once("OS: Linux, ABI: ").expect("a note");
    let version = version.lines().next().unwrap_or_default();
    let parts: Vec<u32> = version
        .split('.')
        .map(|part| part.trim().parse().expect("a number"))
        .collect();
    assert!(parts.as_slice() <= &[4, 19, 0], "{version}");
}
