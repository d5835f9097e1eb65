//! Housekeeping: a fetch removes the files that are of no use any more, and no others.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use super::common::fake_aws::{FakeAws, Fault};
use super::common::files::{am_root, chmod, give_away, names, skipped};
use super::common::{HOST, TestEnvironment};
use super::unix::locks::Waiting;
use super::{ECR, HOUR, OTHER, at_once};

/// A registry number `n`.
fn host(n: usize) -> String {
    format!("{n:012}.dkr.ecr.us-west-2.amazonaws.com")
}

/// Names of the cache that no key has.
fn slot(digit: char) -> String {
    digit.to_string().repeat(64)
}

fn stamp(environment: &TestEnvironment) -> PathBuf {
    environment.cache().join("swept")
}

/// Lets the next fetch sweep.
fn forget_the_last_sweep(environment: &TestEnvironment) {
    fs::remove_file(stamp(environment)).expect("a stamp");
}

/// A file in the cache, last written so long ago.
fn put(environment: &TestEnvironment, name: &str, contents: &str, age: Duration) -> PathBuf {
    let path = environment.cache().join(name);
    fs::write(&path, contents).expect("a file");
    chmod(&path, 0o600);
    let file = File::options().write(true).open(&path).expect("a file");
    file.set_modified(SystemTime::now() - age).expect("a time");
    path
}

const MONTH: Duration = Duration::from_secs(30 * 86_400);

#[test]
fn useless_files_are_removed_after_the_next_fetch_and_the_rest_stays() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    for n in 1..=5 {
        environment.get(&host(n)).grant();
    }
    environment.age_cache(12 * HOUR + 60);
    // A failure leaves marks, and its lock.
    aws.on(ECR, Fault::Status(503));
    assert_eq!(environment.get(&host(6)).code, Some(1));
    aws.heal_all();
    assert_eq!(environment.marks().len(), 2);
    environment.age_marks(HOUR);
    put(&environment, ".abcDE1.tmp", "{", Duration::from_secs(7200));
    put(&environment, &format!("{}.json", slot('a')), "{", MONTH);
    put(&environment, &format!("{}.1.lock", slot('a')), "", MONTH);
    let live = environment.get(HOST);
    live.grant();

    let kept = [
        put(&environment, ".abcDE2.tmp", "{", Duration::ZERO),
        put(
            &environment,
            &format!("{}.json", slot('b')),
            "{",
            Duration::ZERO,
        ),
        put(
            &environment,
            &format!("{}.json", slot('c')),
            "{\"version\":2}",
            MONTH,
        ),
        put(&environment, "README", "mine", MONTH),
        stamp(&environment),
    ];
    assert_eq!(environment.entries().len(), 9);
    assert_eq!(environment.cached("lock").len(), 8, "none was swept yet");
    forget_the_last_sweep(&environment);
    environment.get(OTHER).grant();
    assert_eq!(environment.entries().len(), 4);
    let mut left = names(&environment.cache());
    for path in kept {
        let name = path.file_name().expect("a name").to_str().expect("UTF-8");
        left.retain(|other| other != name);
    }
    // Of the two tokens that are good.
    let kinds: Vec<&str> = left.iter().map(|name| &name[64..]).collect();
    assert_eq!(kinds, [".json", ".lock", ".json", ".lock"]);
    assert_eq!(environment.get(HOST), live);
}

#[test]
fn entries_of_identities_that_ask_no_more_go_once_they_have_expired() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    for n in 1..=5 {
        let role = format!("arn:aws:iam::999999999999:role/pull-{n}");
        environment.set("ECRX_ROLE_ARN", &role);
        environment.get(HOST).grant();
    }
    assert_eq!(environment.entries().len(), 5);
    environment.age_cache(13 * HOUR);
    forget_the_last_sweep(&environment);
    environment.get(HOST).grant();
    assert_eq!(environment.entries().len(), 1);
    assert_eq!(names(&environment.cache()).len(), 3);
}

#[test]
fn a_lock_that_is_held_stays_and_holds_nothing_up() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.config("timeout_seconds = 60\n");
    environment.get(OTHER).grant();
    // One by a stopped process that was about to fetch,
    let waiting = Waiting::start(&aws, &environment);
    waiting.stop();
    // and two by this one: with an expired entry, and without any.
    environment.age_cache(13 * HOUR);
    let expired = environment.entries().remove(0).with_extension("lock");
    let idle = put(&environment, &format!("{}.lock", slot('a')), "", MONTH);
    let held = [expired, idle].map(|path| {
        let file = File::open(path).expect("a lock");
        fs2::FileExt::lock_exclusive(&file).expect("lock");
        file
    });
    let before = names(&environment.cache());
    forget_the_last_sweep(&environment);
    let start = Instant::now();
    environment.get(&host(1)).grant();
    assert!(start.elapsed() < Duration::from_secs(20));
    let mut after = names(&environment.cache());
    assert_eq!(after.len(), before.len() + 2, "a new entry and its lock");
    after.retain(|name| before.contains(name));
    assert_eq!(after, before);
    // Given back, they go; and so does what they protected.
    drop(waiting);
    for file in held {
        // Closing would not do: a child of another test, just forked, may hold the same open file.
        fs2::FileExt::unlock(&file).expect("unlock");
    }
    forget_the_last_sweep(&environment);
    environment.get(&host(2)).grant();
    assert_eq!(names(&environment.cache()).len(), 5, "two entries");
}

#[test]
fn another_users_files_stay() {
    if !am_root() {
        skipped("only root can give a file away");
        return;
    }
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.get(HOST).grant();
    environment.age_cache(13 * HOUR);
    let foreign = [
        environment.entries().remove(0),
        put(&environment, &format!("{}.json", slot('a')), "{", MONTH),
        put(&environment, &format!("{}.mark", slot('a')), "{", MONTH),
        put(&environment, &format!("{}.lock", slot('b')), "", MONTH),
        put(&environment, ".abcDE1.tmp", "{", MONTH),
    ];
    for path in &foreign {
        give_away(path);
    }
    forget_the_last_sweep(&environment);
    environment.get(OTHER).grant();
    for path in &foreign {
        assert!(path.exists(), "{path:?}");
    }
}

/// All that `stat` tells of a folder and its files.
fn looks(folder: &Path) -> BTreeMap<String, (u64, u64, i64, i64, i64)> {
    let look = |path: &Path| {
        let seen = fs::symlink_metadata(path).expect("a file");
        (
            seen.ino(),
            seen.len(),
            seen.mtime(),
            seen.mtime_nsec(),
            seen.ctime_nsec(),
        )
    };
    let files = names(folder).into_iter().map(|name| {
        let seen = look(&folder.join(&name));
        (name, seen)
    });
    files.chain([(".".to_owned(), look(folder))]).collect()
}

#[test]
fn a_warm_get_tidies_nothing() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.get(OTHER).grant();
    environment.age_cache(13 * HOUR);
    put(&environment, ".abcDE1.tmp", "{", MONTH);
    put(&environment, &format!("{}.lock", slot('a')), "", MONTH);
    let cold = environment.get(HOST);
    forget_the_last_sweep(&environment);
    let before = looks(&environment.cache());
    assert_eq!(environment.get(HOST), cold);
    environment.run(&["list"], "unused").answer();
    assert_eq!(looks(&environment.cache()), before);
}

#[test]
fn a_failed_get_tidies_nothing() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.get(OTHER).grant();
    environment.age_cache(13 * HOUR);
    forget_the_last_sweep(&environment);
    aws.on(ECR, Fault::AccessDenied);
    assert_eq!(environment.get(HOST).code, Some(1));
    assert!(!stamp(&environment).exists());
    assert_eq!(environment.entries().len(), 1);
    // Nor does one by whose clock the new token has ended: it would take every entry for expired.
    aws.heal_all();
    aws.set_token_expires_in(-HOUR);
    environment.get(HOST).grant();
    assert!(!stamp(&environment).exists());
}

#[test]
fn a_herd_that_sweeps_meanwhile_loses_no_entry() {
    const ROUNDS: usize = 4;
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let hosts: Vec<String> = (1..=16).map(host).collect();
    for round in 0..ROUNDS {
        // Each finds an expired entry of its own, which every sweep wants to remove.
        environment.age_cache(13 * HOUR);
        aws.clear();
        let done = AtomicBool::new(false);
        let outcomes = std::thread::scope(|scope| {
            scope.spawn(|| {
                let end = Instant::now() + Duration::from_secs(60);
                while !done.load(Ordering::Relaxed) && Instant::now() < end {
                    let _ = fs::remove_file(stamp(&environment));
                    std::thread::sleep(Duration::from_micros(200));
                }
            });
            let outcomes = at_once(hosts.iter().map(|host| (&environment, host.as_str())));
            done.store(true, Ordering::Relaxed);
            outcomes
        });
        assert_eq!(aws.count(ECR), 16, "round {round}");
        assert_eq!(environment.entries().len(), 16, "round {round}");
        for (host, outcome) in hosts.iter().zip(&outcomes) {
            outcome.grant();
            assert_eq!(&environment.get(host), outcome, "round {round}");
        }
        assert_eq!(aws.count(ECR), 16, "round {round}");
    }
}
