//! Each system call of a `get` is refused in turn, as a sandbox or a machine without room does it:
//! the token is right, or a person is told. No wrong token, no panic, no hang.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use super::common::fake_aws::{ALICE, FakeAws};
use super::common::{HOST, NOT_FOUND, Outcome, TestEnvironment, get_under_strace};
use super::is_readable;

/// Calls that cannot fail, those for the time among them, which are calls where the kernel has no
/// vDSO; and those for memory and between threads, without which Rust and the C library end the
/// program themselves.
const NOT_REFUSED: [&str; 24] = [
    "brk",
    "clock_getres",
    "clock_gettime",
    "clock_gettime64",
    "execve",
    "exit",
    "exit_group",
    "futex",
    "geteuid",
    "getpid",
    "gettimeofday",
    "gettid",
    "getuid",
    "madvise",
    "mmap",
    "mmap2",
    "mprotect",
    "mremap",
    "munmap",
    "prlimit64",
    "rseq",
    "rt_sigprocmask",
    "set_robust_list",
    "set_tid_address",
];

/// Where tokio 1.54 has no way to tell of a refusal, and panics, which ends in an error that says
/// so: waiting for events, waking who waits for them (eight bytes into an eventfd), and a pair of
/// sockets, though others have just been had (`src/runtime.rs`; `limits.rs` has none at all).
fn is_tokios(call: &str) -> bool {
    ["epoll_", r#""\1\0\0\0\0\0\0\0", 8"#, "socketpair("]
        .iter()
        .any(|part| call.contains(part))
}

/// The calls of a `get`, and how often each is made before the question is read: what the C
/// library and Rust do first is not ours.
fn calls(environment: &TestEnvironment) -> BTreeMap<String, usize> {
    let (outcome, trace) = get_under_strace(environment, &[]);
    outcome.grant();
    let mut calls = BTreeMap::new();
    let mut has_begun = false;
    for line in trace.lines() {
        has_begun |= line.contains(" read(0, ");
        let word = line.split_whitespace().nth(1).unwrap_or_default();
        let Some((name, _)) = word.split_once('(') else {
            continue;
        };
        let before = calls.entry(name.to_owned()).or_insert(0);
        *before += usize::from(!has_begun);
    }
    assert!(has_begun, "{trace}");
    for name in NOT_REFUSED {
        calls.remove(name);
    }
    calls
}

/// What is to be seen of a `get` one of whose calls was refused. Says whether it got a token.
#[track_caller]
fn is_right_or_told(outcome: &Outcome, call: &str) -> bool {
    if outcome.code == Some(0) {
        assert_eq!(outcome.grant().principal, ALICE.2, "{call}");
        return true;
    }
    assert_eq!(outcome.code, Some(1), "{call}: {outcome:?}");
    let line = outcome.stdout.trim_end();
    assert!(!line.is_empty() && line != NOT_FOUND.trim_end(), "{call}");
    if !is_tokios(call) {
        assert!(!line.contains("bug"), "{call}: {outcome:?}");
    }
    outcome.failure(line);
    is_readable(outcome);
    false
}

/// Refuses each call in turn, in whichever thread is the first to make so many of its kind (strace
/// counts in each by itself). How often there was a token, and how often a person was told.
fn each_refused(environment: &TestEnvironment, prepare: impl Fn(&TestEnvironment)) -> [usize; 2] {
    let mut results = [0, 0];
    prepare(environment);
    for (name, before) in calls(environment) {
        for n in before + 1.. {
            prepare(environment);
            let started = Instant::now();
            let inject = format!("--inject={name}:error=EPERM:when={n}");
            let only = format!("--trace={name}");
            let (outcome, trace) =
                get_under_strace(environment, &["--seccomp-bpf", &only, &inject]);
            let Some(call) = trace.lines().find(|line| line.contains("(INJECTED)")) else {
                outcome.grant();
                break;
            };
            let took = started.elapsed();
            assert!(took < Duration::from_secs(25), "{call}: {took:?}");
            results[usize::from(!is_right_or_told(&outcome, call))] += 1;
        }
    }
    results
}

#[test]
#[ignore = "needs strace: .ci/run installs it"]
fn whatever_call_is_refused_a_warm_get_is_right_or_told() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.get(HOST).grant();
    let entry = environment.entries().remove(0);
    let bytes = fs::read(&entry).expect("an entry");
    let [answered, told] = each_refused(&environment, |_| {
        fs::write(&entry, &bytes).expect("an entry");
    });
    assert!(answered > 5 && told > 3, "{answered} answered, {told} told");
}

#[test]
#[ignore = "needs strace: .ci/run installs it"]
fn whatever_call_is_refused_a_cold_get_is_right_or_told() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    let by_name = aws.url().replace("127.0.0.1", "localhost");
    environment.set("AWS_ENDPOINT_URL", &by_name);
    let [answered, told] = each_refused(&environment, |environment| {
        let _ = fs::remove_dir_all(environment.home().join(".cache"));
    });
    assert!(
        answered > 50 && told > 10,
        "{answered} answered, {told} told"
    );
}
