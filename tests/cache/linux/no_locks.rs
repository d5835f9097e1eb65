//! A file system without locks. strace makes `flock` fail as such ones do.

use std::fs;
use std::process::Child;

use super::super::common::costs_only_the_caching_of;
use super::super::common::fake_aws::{FakeAws, Fault};
use super::super::common::{HOST, Outcome, PROGRAM, TestEnvironment, get_under_strace};
use super::super::{ECR, HOUR};

/// What NFS without its lock service, and file systems that know no locks, answer.
const ERRORS: [(&str, &str); 3] = [
    ("ENOLCK", "No locks available (os error 37)"),
    ("EOPNOTSUPP", "Operation not supported (os error 95)"),
    ("ENOSYS", "Function not implemented (os error 38)"),
];

fn injection(error: &str) -> [String; 2] {
    [
        "--trace=flock".to_owned(),
        format!("--inject=flock:error={error}"),
    ]
}

fn get_without_locks(environment: &TestEnvironment, error: &str) -> Outcome {
    let [trace, inject] = injection(error);
    let (outcome, seen) = get_under_strace(environment, &[&trace, &inject]);
    assert!(
        seen.lines().all(|line| line.contains("(INJECTED)")),
        "{seen}"
    );
    outcome
}

#[test]
#[ignore = "needs strace: .ci/run installs it"]
fn without_locks_a_cold_get_works_and_keeps_nothing() {
    for (error, words) in ERRORS {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::of_alice(&aws);
        get_without_locks(&environment, error).grant();
        let lock = environment.cached("lock").remove(0);
        let reason = format!(
            "continuing without the cache: cannot lock {lock:?}: {words}; set `dir` under [cache] to a folder on a file system that supports locks"
        );
        let get = |environment: &TestEnvironment| get_without_locks(environment, error);
        costs_only_the_caching_of(&mut environment, get, &[reason]);
        assert!(environment.entries().is_empty());
    }
}

#[test]
#[ignore = "needs strace: .ci/run installs it"]
fn without_locks_what_is_cached_is_answered_as_long_as_it_is_good() {
    let (error, _) = ERRORS[0];
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let warm = environment.get(HOST);
    assert_eq!(get_without_locks(&environment, error), warm);
    environment.age_cache(7 * HOUR);
    let entry = environment.entries().remove(0);
    let bytes = fs::read(&entry).expect("an entry");
    assert_eq!(get_without_locks(&environment, error).grant().serial, 2);
    assert_eq!(fs::read(&entry).expect("an entry"), bytes);
    // The old token serves where no new one can be had.
    aws.on(ECR, Fault::Status(503));
    assert_eq!(get_without_locks(&environment, error), warm);
}

#[test]
#[ignore = "needs strace: .ci/run installs it"]
fn without_locks_every_get_of_a_herd_succeeds() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let [trace, inject] = injection(ERRORS[0].0);
    let words = [
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        &trace,
        &inject,
        "--",
        PROGRAM,
        "get",
    ];
    let herd: Vec<Child> = (0..8)
        .map(|_| environment.start_program("strace", &words, HOST.as_bytes()))
        .collect();
    for child in herd {
        Outcome::of(child).grant();
    }
    assert_eq!(aws.count(ECR), 8);
    // Where there are locks again, so is the cache.
    let cold = environment.get(HOST);
    assert_eq!(environment.get(HOST), cold);
    assert_eq!(aws.count(ECR), 9);
}
