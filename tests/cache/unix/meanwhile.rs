//! What is done to the cache while a `get` waits for AWS.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Child;

use super::super::common::fake_aws::{ALICE, FakeAws, Fault, Gate, Times};
use super::super::common::files::{chmod, names};
use super::super::common::{HOST, Outcome, PROGRAM, TestEnvironment};
use super::super::{ECR, HOUR};

/// A `get` that holds the lock and waits for AWS, which answers when it is told to.
pub struct UnderWay {
    child: Child,
    gate: Gate,
}

impl UnderWay {
    pub fn start(aws: &FakeAws, environment: &mut TestEnvironment) -> Self {
        Self::start_program(aws, environment, PROGRAM.as_ref())
    }

    /// The same by a copy of the executable.
    pub fn start_program(aws: &FakeAws, environment: &mut TestEnvironment, program: &Path) -> Self {
        let gate = Gate::default();
        let calls = aws.count(ECR);
        aws.on_times(ECR, Fault::Behind(gate.clone()), Times::N(1));
        environment.set("ECRX_LOG", "warn");
        let child = environment.start_program(program, &["get"], HOST.as_bytes());
        environment.unset("ECRX_LOG");
        aws.wait_for(ECR, calls + 1);
        Self { child, gate }
    }

    /// Lets AWS answer; the login works. What was logged.
    #[track_caller]
    pub fn logged(self) -> (String, Outcome) {
        self.gate.open();
        let told = Outcome::of(self.child);
        let silent = Outcome {
            stderr: String::new(),
            ..told.clone()
        };
        silent.grant();
        (told.stderr, silent)
    }
}

/// With the cache as it should be: one more request at most, and the token is cached.
#[track_caller]
fn caches_again(aws: &FakeAws, environment: &TestEnvironment) {
    let calls = aws.count(ECR);
    let next = environment.get(HOST);
    next.grant();
    assert_eq!(environment.get(HOST), next);
    assert!(aws.count(ECR) <= calls + 1);
    assert_eq!(environment.entries().len(), 1);
}

#[test]
fn a_cache_that_is_removed_meanwhile_costs_only_the_caching() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    let get = UnderWay::start(&aws, &mut environment);
    fs::remove_dir_all(environment.home().join(".cache")).expect("a cache");
    let (log, _) = get.logged();
    let slot = "docker-credential-ecrx: warn: cannot write ";
    assert!(log.starts_with(slot), "{log}");
    assert!(log.contains("No such file or directory"), "{log}");
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(!environment.home().join(".cache").exists());
    caches_again(&aws, &environment);
}

#[test]
fn a_link_that_takes_the_folders_place_meanwhile_is_not_followed() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    let held = environment.get(HOST);
    environment.age_cache(7 * HOUR);
    let get = UnderWay::start(&aws, &mut environment);
    let (v1, elsewhere) = (environment.cache(), environment.home().join("elsewhere"));
    fs::rename(&v1, &elsewhere).expect("rename");
    let files = names(&elsewhere);
    let entry = elsewhere.join(&files[0]);
    let before = fs::read(&entry).expect("an entry");
    symlink(&elsewhere, &v1).expect("a link");
    let (log, renewed) = get.logged();
    let reason = format!(
        "docker-credential-ecrx: warn: {v1:?} is a symbolic link, which the cache does not follow; remove it, or set `dir` under [cache] to its target\n"
    );
    assert_eq!(log, reason);
    assert_ne!(renewed, held);
    assert_eq!(names(&elsewhere), files);
    assert_eq!(fs::read(&entry).expect("an entry"), before);
    fs::remove_file(&v1).expect("the link");
    fs::rename(&elsewhere, &v1).expect("rename");
    caches_again(&aws, &environment);
}

/// A denial removes the entry, and here that would be another user's.
#[test]
fn a_denial_removes_nothing_through_a_link_that_took_the_folders_place_meanwhile() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.get(HOST).grant();
    environment.age_cache(7 * HOUR);
    let get = UnderWay::start(&aws, &mut environment);
    aws.deny_ecr(ALICE.2);
    let (v1, elsewhere) = (environment.cache(), environment.home().join("elsewhere"));
    fs::rename(&v1, &elsewhere).expect("rename");
    symlink(&elsewhere, &v1).expect("a link");
    let before = names(&elsewhere);
    get.gate.open();
    let outcome = Outcome::of(get.child);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("is a symbolic link"), "{outcome:?}");
    assert_eq!(names(&elsewhere), before);
}

#[test]
fn a_folder_that_is_opened_to_others_meanwhile_is_not_written() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    let get = UnderWay::start(&aws, &mut environment);
    let v1 = environment.cache();
    chmod(&v1, 0o777);
    let (log, _) = get.logged();
    let reason = format!(
        "docker-credential-ecrx: warn: {v1:?} is accessible to other users (mode 0777) and is not trusted; remove that access (chmod go-rwx), or set `dir` under [cache] to another folder\n"
    );
    assert_eq!(log, reason);
    assert!(environment.entries().is_empty());
    chmod(&v1, 0o700);
    caches_again(&aws, &environment);
}

/// Then two of them hold a lock each: both ask AWS, and the last token stays.
#[test]
fn a_lock_file_that_is_removed_meanwhile_costs_a_call_and_nothing_else() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    let first = UnderWay::start(&aws, &mut environment);
    fs::remove_file(environment.cached("lock").remove(0)).expect("a lock");
    let second = UnderWay::start(&aws, &mut environment);
    let (first_log, first) = first.logged();
    let (second_log, second) = second.logged();
    assert_eq!((first_log.as_str(), second_log.as_str()), ("", ""));
    assert_eq!(aws.count(ECR), 2);
    assert_ne!(first, second);
    assert_eq!(environment.get(HOST), second);
    assert_eq!(environment.entries().len(), 1);
}
