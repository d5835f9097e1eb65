//! The home folder where `HOME` does not say which: the static C library cannot ask every machine.

use std::fs;
use std::time::{Duration, Instant};

use super::common::fake_aws::FakeAws;
use super::common::{HOST, TestEnvironment};
use super::name_services::set_getent;
use super::{get_with_files, run_from_scratch};

#[test]
#[ignore = "needs the executable of packaging/build-binary and a mount namespace: .ci/run"]
fn without_home_the_one_in_etc_passwd_counts() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.unset("HOME");
    environment.write("etc/passwd", "root:x:0:0:root:/users/root:/bin/sh\n");
    fs::create_dir_all(environment.home().join("users/root")).expect("a folder");
    run_from_scratch(&environment, &["get"], HOST).grant();
    let cache = "users/root/.cache/docker-credential-ecrx/v1";
    assert!(environment.home().join(cache).is_dir());
}

#[test]
#[ignore = "needs the executable of packaging/build-binary and a mount namespace: .ci/run"]
fn a_user_whom_etc_passwd_does_not_know_is_asked_for_by_getent() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.unset("HOME");
    let home = environment.home().display().to_string();
    set_getent(
        &mut environment,
        &format!("echo 'root:*:0:0::{home}:/bin/sh'\n"),
    );
    let files = [
        ("/etc/passwd", "nobody:x:65534:65534::/:/bin/sh\n"),
        ("/etc/nsswitch.conf", "passwd: files sss\n"),
    ];
    get_with_files(&environment, &files).grant();
    assert_eq!(environment.entries().len(), 1);
    let asked = fs::read_to_string(environment.home().join("asked"));
    assert_eq!(asked.expect("a call"), "passwd 0\n");
}

#[test]
#[ignore = "needs the executable of packaging/build-binary and a mount namespace: .ci/run"]
fn a_getent_that_hangs_does_not_keep_a_token_from_being_returned() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.unset("HOME");
    set_getent(&mut environment, "exec sleep 600\n");
    let files = [
        ("/etc/passwd", "nobody:x:65534:65534::/:/bin/sh\n"),
        ("/etc/nsswitch.conf", "passwd: files sss\n"),
    ];
    let started = Instant::now();
    // Without a home folder there is no cache.
    get_with_files(&environment, &files).grant();
    assert_eq!(environment.entries().len(), 0);
    assert!(started.elapsed() < Duration::from_secs(60));
}
