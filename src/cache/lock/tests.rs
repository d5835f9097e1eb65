use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use super::super::Cache;
use super::super::tests::{Home, at, entry, key};
use super::*;

const NOW: i64 = 1_700_000_000;

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

/// Waits for the lock.
fn lock(cache: &Cache) -> EntryLock {
    let end = soon();
    loop {
        if let Some(lock) = cache.try_lock(&key()).unwrap() {
            return lock;
        }
        assert!(Instant::now() < end, "another process holds it");
        thread::yield_now();
    }
}

#[test]
fn one_holds_the_lock_at_a_time() {
    let home = Home::new();
    let first = home.cache.try_lock(&key()).unwrap().unwrap();
    assert!(home.cache.try_lock(&key()).unwrap().is_none());
    assert!(
        home.cache
            .try_lock(&Key::stable(&[b"other"]))
            .unwrap()
            .is_some()
    );
    drop(first);
    assert!(home.cache.try_lock(&key()).unwrap().is_some());
}

#[test]
fn seats_are_locked_each_for_itself() {
    let home = Home::new();
    let open = |seat| home.cache.open_lock(&key(), seat).unwrap();
    let mut seat = Some(Seat::First);
    let mut held = Vec::new();
    while let Some(this) = seat {
        held.push(open(this).claim().unwrap().expect("it is free"));
        assert!(open(this).claim().unwrap().is_none());
        seat = this.next();
    }
    assert_eq!(held.len(), 3);
}

#[test]
fn a_lock_on_a_removed_file_is_not_taken_for_one() {
    let home = Home::new();
    let housekeeper = home.cache.try_lock(&key()).unwrap().unwrap();
    let path = home.file("lock");
    let opened = housekeeper.0.folder.open_lock(&path).unwrap();
    assert_eq!(claim(&opened, &path).unwrap(), Claim::Theirs);
    fs::remove_file(&path).unwrap();
    drop(housekeeper);
    assert_eq!(claim(&opened, &path).unwrap(), Claim::Gone);
    let held = home.cache.try_lock(&key()).unwrap().unwrap();
    assert_eq!(
        claim(&opened, &path).unwrap(),
        Claim::Gone,
        "another file has its name now"
    );
    assert!(home.cache.try_lock(&key()).unwrap().is_none());
    drop(held);
}

#[test]
fn locks_exclude_each_other_while_their_file_is_removed_under_the_lock() {
    let home = Home::new();
    let holders = AtomicUsize::new(0);
    thread::scope(|scope| {
        for housekeeps in [true, true, false, false] {
            let (home, holders) = (&home, &holders);
            scope.spawn(move || {
                for _ in 0..100 {
                    let Some(lock) = home.cache.try_lock(&key()).unwrap() else {
                        thread::yield_now();
                        continue;
                    };
                    assert_eq!(holders.fetch_add(1, Ordering::SeqCst), 0);
                    holders.fetch_sub(1, Ordering::SeqCst);
                    // The last act under a lock: from here on another can be had.
                    if housekeeps {
                        fs::remove_file(home.file("lock")).unwrap();
                    }
                    drop(lock);
                }
            });
        }
    });
}

#[test]
fn a_lock_file_is_private_and_never_followed() {
    let home = Home::new();
    drop(home.cache.try_lock(&key()).unwrap());
    assert_eq!(home.mode("v1"), 0o700);
    assert_eq!(home.mode_of(&home.file("lock")), 0o600);
    fs::remove_file(home.file("lock")).unwrap();
    let target = home.dir().join("target");
    std::os::unix::fs::symlink(&target, home.file("lock")).unwrap();
    let error = home.cache.try_lock(&key()).unwrap_err();
    assert!(matches!(error, CacheError::SymbolicLink { .. }), "{error}");
    assert!(!target.exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_cannot_be_written_is_an_error() {
    // In /proc, not even root can create files, whom modes do not stop.
    let error = Cache::at("/proc").try_lock(&key()).unwrap_err();
    assert!(matches!(error, CacheError::Write { .. }), "{error}");
    let error = Cache::at("/proc/ecrx").try_lock(&key()).unwrap_err();
    assert!(matches!(error, CacheError::Write { .. }), "{error}");
}

#[test]
fn pauses_grow_and_stay_bounded() {
    let mut pauses = Pauses::default();
    let mut longest = FIRST_PAUSE;
    for _ in 0..50 {
        let pause = pauses.next_pause();
        assert!(
            pause >= longest / 2 && pause <= longest,
            "{pause:?} {longest:?}"
        );
        longest = (longest * 2).min(LONGEST_PAUSE);
    }
}

const CHILD_DIR: &str = "CACHE_TEST_DIR";
const CHILD_JOB: &str = "CACHE_TEST_JOB";

/// Not a test: what the processes started by the tests below run.
#[test]
fn child_process() {
    let (Some(dir), Ok(job)) = (std::env::var_os(CHILD_DIR), std::env::var(CHILD_JOB)) else {
        return;
    };
    let cache = Cache::at(dir);
    let mut out = std::io::stderr();
    if job == "hold" {
        let _held = lock(&cache);
        writeln!(out, "held").unwrap();
        thread::sleep(Duration::from_secs(60));
    } else if job == "write" {
        let lock = lock(&cache);
        writeln!(out, "writing").unwrap();
        let end = soon();
        while Instant::now() < end {
            lock.put(&entry()).unwrap();
        }
    } else {
        panic!("no such job");
    }
}

fn child(home: &Home, job: &str) -> Child {
    let (_, module) = module_path!().split_once("::").unwrap();
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "--nocapture",
            &format!("{module}::child_process"),
        ])
        .env(CHILD_DIR, home.dir())
        .env(CHILD_JOB, job)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stderr.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    line
}

#[test]
fn the_lock_of_a_killed_process_is_free() {
    let home = Home::new();
    let mut holder = child(&home, "hold");
    assert_eq!(first_line(&mut holder), "held\n");
    assert!(home.cache.try_lock(&key()).unwrap().is_none());
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert!(home.cache.try_lock(&key()).unwrap().is_some());
}

#[test]
fn a_process_killed_while_writing_leaves_whole_entries() {
    let home = Home::new();
    for round in 0..20 {
        let mut writer = child(&home, "write");
        assert_eq!(first_line(&mut writer), "writing\n");
        thread::sleep(Duration::from_micros(round * 150));
        writer.kill().unwrap();
        writer.wait().unwrap();
        if let Ok(bytes) = fs::read(home.file("json")) {
            let (found, read) = Entry::read(&bytes, key().slot(), at(NOW)).unwrap();
            assert_eq!((found, read), (key(), entry()), "{round}");
        }
        lock(&home.cache).put(&entry()).unwrap();
    }
}
