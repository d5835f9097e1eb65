//! Each system call that the cache is made of fails in turn, or is the last of the process.

use std::fs;

use super::super::common::fake_aws::FakeAws;
use super::super::common::{HOST, Outcome, TestEnvironment, get_under_strace};
use super::super::unix::kills::the_cache_is_sound;
use super::super::{ECR, HOUR};

/// What makes, writes, locks and moves files.
const CALLS: [&str; 9] = [
    "mkdir",
    "openat",
    "statx",
    "flock",
    "write",
    "close",
    "rename",
    "renameat",
    "renameat2",
];

fn cold(environment: &TestEnvironment) {
    let _ = fs::remove_dir_all(environment.home().join(".cache"));
}

fn stale(environment: &TestEnvironment) {
    environment.age_cache(7 * HOUR);
}

/// Dies at the first of these calls, then at the second, and so on until it lives to its end. How
/// often it died.
fn killed_at_each(call: &str, prepare: impl Fn(&TestEnvironment)) -> usize {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.get(HOST).grant();
    for n in 1..1000 {
        prepare(&environment);
        let inject = format!("--inject={call}:signal=KILL:when={n}");
        let (outcome, _) = get_under_strace(&environment, &[&format!("--trace={call}"), &inject]);
        the_cache_is_sound(&aws, &mut environment);
        if outcome.code == Some(0) {
            return n - 1;
        }
        assert_eq!(outcome.code, None, "{outcome:?}");
    }
    panic!("{call} never ends");
}

#[test]
#[ignore = "needs strace: .ci/run installs it"]
fn a_get_that_is_killed_at_any_of_its_calls_leaves_a_whole_entry_or_none() {
    for prepare in [cold, stale] {
        let died = CALLS.map(|call| (call, killed_at_each(call, prepare)));
        let times = |wanted: &str| -> usize {
            died.iter()
                .filter(|(call, _)| call.starts_with(wanted))
                .map(|(_, n)| n)
                .sum()
        };
        for call in ["openat", "flock", "write", "rename"] {
            assert!(times(call) > 0, "{died:?}");
        }
    }
}

/// The calls that nothing but the cache makes; and those on its folder and its lock file.
fn refusals(environment: &TestEnvironment) -> Vec<Vec<String>> {
    let lock = environment.cached("lock").remove(0).display().to_string();
    let folder = environment.cache().display().to_string();
    let on = |path: &str| vec!["-P".to_owned(), path.to_owned()];
    let mut all = Vec::new();
    for call in ["mkdir", "flock", "rename", "renameat", "renameat2"] {
        all.push((call, Vec::new()));
    }
    for call in ["openat", "fstat", "statx", "flock"] {
        all.push((call, on(&lock)));
    }
    for call in ["statx", "lstat", "newfstatat", "chmod"] {
        all.push((call, on(&folder)));
    }
    all.into_iter()
        .map(|(call, mut options)| {
            options.push(format!("--trace={call}"));
            options.push(format!("--inject={call}"));
            options
        })
        .collect()
}

#[test]
#[ignore = "needs strace: .ci/run installs it"]
fn whatever_the_system_refuses_the_cache_the_login_works() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.get(HOST).grant();
    let mut refused = 0;
    for error in ["ENOSPC", "EDQUOT", "EROFS", "EIO", "EACCES", "ESTALE"] {
        for options in refusals(&environment) {
            for n in 1..100 {
                cold(&environment);
                let mut options = options.clone();
                let inject = options.last_mut().expect("an injection");
                inject.push_str(&format!(":error={error}:when={n}"));
                let options: Vec<&str> = options.iter().map(String::as_str).collect();
                environment.set("ECRX_LOG", "warn");
                let (told, trace) = get_under_strace(&environment, &options);
                environment.unset("ECRX_LOG");
                let refusal = trace.lines().find(|line| line.contains("(INJECTED)"));
                // What did not cost the caching (a second try, an unlocking that the end of the
                // process does as well) need not be told.
                let is_cached = environment.entries().len() == 1;
                assert!(is_cached || !told.stderr.is_empty(), "{options:?}");
                assert!(refusal.is_some() || told.stderr.is_empty(), "{told:?}");
                let silent = Outcome {
                    stderr: String::new(),
                    ..told
                };
                silent.grant();
                the_cache_is_sound(&aws, &mut environment);
                environment.unset("ECRX_LOG");
                if refusal.is_none() {
                    break;
                }
                refused += 1;
            }
        }
    }
    assert!(refused > 20, "{refused}");
    assert!(aws.count(ECR) > refused);
}
