//! Entries: what makes no sense, what others may read, what is no file.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use super::super::common::costs_only_the_caching_of;
use super::super::common::fake_aws::{FakeAws, Fault};
use super::super::common::files::{STRANGER, am_root, chmod, give_away, mode, names, skipped};
use super::super::common::{HOST, Outcome, TestEnvironment};
use super::super::refreshes::down_for_a_moment;
use super::super::{ECR, HOUR};
use super::{costs_only_the_caching, foreign, get_as_modes_allow, modes_mean_nothing, poison};

#[test]
fn a_damaged_entry_is_requested_again_and_replaced() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.get(HOST).grant();
    let path = environment.entries().remove(0);
    let good = fs::read_to_string(&path).expect("an entry");
    let slot = path.file_stem().expect("a name").to_str().expect("UTF-8");
    let newer = good.replacen("\"version\":1", "\"version\":2", 1);
    let renamed = good.replacen(slot, &"0".repeat(64), 1);
    let eternal = good.replacen("\"expires_at\":", "\"expires_at\":4102444800,\"was\":", 1);
    let without_password = good.replacen("\"token\":\"", "\"token\":\"QVdT\",\"was\":\"", 1);
    for (text, doubt) in [
        ("", "is damaged"),
        ("\u{0}\u{0}\u{0}", "is damaged"),
        ("credHelpers", "is damaged"),
        (&good[..good.len() / 2], "is damaged"),
        (&good[..good.len() - 1], "is damaged"),
        (&newer, "has format 2, which this version does not support"),
        (
            "{\"version\":9}",
            "has format 9, which this version does not support",
        ),
        (&renamed, "has the wrong file name"),
        (
            &without_password,
            "contains no token: the authorization token does not have the form AWS:<password>",
        ),
        (&eternal, "has a lifetime of zero or more than 13 hours"),
        (&" ".repeat(200_000), "is larger than 128 KiB"),
    ] {
        fs::write(&path, text).expect("an entry");
        let calls = aws.calls().len();
        environment.set("ECRX_LOG", "warn");
        let told = environment.get(HOST);
        let warning = format!("docker-credential-ecrx: warn: ignoring {path:?}: it {doubt}\n");
        assert_eq!(told.stderr, warning, "{text:.40}");
        assert_eq!(aws.calls().len(), calls + 1, "{text:.40}");
        environment.unset("ECRX_LOG");
        let mended = environment.get(HOST);
        assert_eq!((mended.code, &mended.stdout), (told.code, &told.stdout));
        mended.grant();
        assert_eq!(aws.calls().len(), calls + 1, "{text:.40}");
        assert_eq!(environment.entries().len(), 1);
    }
}

#[test]
fn an_entry_that_others_may_read_is_requested_again_and_replaced() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.get(HOST).grant();
    let path = poison(&environment);
    chmod(&path, 0o644);
    let mended = environment.get(HOST);
    assert_eq!(mended.grant().serial, 2);
    assert_eq!(mode(&path), 0o600);
    assert_eq!(environment.get(HOST), mended);
}

#[test]
fn a_link_in_place_of_an_entry_is_replaced_and_its_target_left_alone() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.get(HOST).grant();
    let path = poison(&environment);
    let target = environment.home().join("elsewhere.json");
    fs::rename(&path, &target).expect("rename");
    let bytes = fs::read(&target).expect("the target");
    symlink(&target, &path).expect("a link");
    let mended = environment.get(HOST);
    assert_eq!(mended.grant().serial, 2);
    assert_eq!(environment.get(HOST), mended);
    assert_eq!(fs::read(&target).expect("the target"), bytes);
    assert!(fs::symlink_metadata(&path).expect("the entry").is_file());
}

#[test]
fn an_entry_of_another_user_is_neither_read_nor_replaced() {
    if !am_root() {
        skipped("only root can give a file away");
        return;
    }
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.get(HOST).grant();
    let path = poison(&environment);
    let bytes = fs::read(&path).expect("an entry");
    give_away(&path);
    let reason = foreign(&path);
    costs_only_the_caching(&mut environment, &[reason]);
    assert_eq!(fs::read(&path).expect("an entry"), bytes);
    assert_eq!(fs::metadata(&path).expect("an entry").uid(), STRANGER);
}

/// Waits for the end, or ends what has hung.
fn ended(mut child: Child) -> Outcome {
    let start = Instant::now();
    while child.try_wait().expect("wait").is_none() {
        if start.elapsed() > Duration::from_secs(30) {
            child.kill().expect("kill");
            child.wait().expect("wait");
            panic!("it hangs");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Outcome::of(child)
}

fn make_pipe(path: &Path) {
    let mode = rustix::fs::Mode::from(0o600);
    rustix::fs::mkfifoat(rustix::fs::CWD, path, mode).expect("a pipe");
}

fn make_folder(path: &Path) {
    fs::create_dir(path).expect("a folder");
}

#[test]
fn pipes_and_folders_in_place_of_files_hold_nothing_up() {
    let aws = FakeAws::start();
    for make in [make_pipe, make_folder] {
        for extension in ["json", "lock"] {
            let environment = TestEnvironment::of_alice(&aws);
            let first = environment.get(HOST).grant().serial;
            let path = environment.cached(extension).remove(0);
            fs::remove_file(&path).expect("a file");
            for entry in environment.entries() {
                fs::remove_file(entry).expect("an entry");
            }
            make(&path);
            let child = environment.start(&["get"], HOST.as_bytes());
            assert_eq!(ended(child).grant().serial, first + 1);
        }
    }
}

/// The other places: a remembered failure, and a file that is being written.
#[test]
fn pipes_and_folders_in_place_of_a_mark_or_a_temporary_file_hold_nothing_up() {
    for make in [make_pipe, make_folder] {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::of_alice(&aws);
        let held = environment.get(HOST);
        environment.age_cache(7 * HOUR);
        aws.on(ECR, down_for_a_moment());
        assert_eq!(environment.get(HOST), held);
        let marks = environment.marks();
        for mark in &marks {
            fs::remove_file(mark).expect("a mark");
            make(mark);
        }
        let temporary = environment.cache().join(".XXXXXX.tmp");
        make(&temporary);
        environment.set("ECRX_LOG", "warn");
        let calls = aws.count(ECR);
        let told = ended(environment.start(&["get"], HOST.as_bytes()));
        assert_eq!((told.code, &told.stdout), (Some(0), &held.stdout));
        assert!(aws.count(ECR) > calls, "nothing was remembered");
        for mark in &marks {
            // A pipe of ours is replaced as a file is, a folder stays.
            let reason =
                format!("docker-credential-ecrx: warn: {mark:?} is not a file; remove it\n");
            assert_eq!(told.stderr.contains(&reason), mark.is_dir(), "{told:?}");
        }
        environment.unset("ECRX_LOG");
        aws.heal_all();
        if marks[0].is_file() {
            environment.age_marks(61);
        }
        let renewed = ended(environment.start(&["get"], HOST.as_bytes()));
        assert!(renewed.grant().serial > held.grant().serial);
        assert!(
            fs::symlink_metadata(&temporary).is_ok(),
            "not of our making"
        );
    }
}

#[test]
fn a_read_only_entry_is_answered_and_replaced() {
    if modes_mean_nothing() {
        return;
    }
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let first = environment.get(HOST);
    chmod(&environment.entries()[0], 0o400);
    assert_eq!(get_as_modes_allow(&environment), first);
    chmod(&environment.entries()[0], 0o600);
    environment.age_cache(7 * HOUR);
    chmod(&environment.entries()[0], 0o400);
    let second = get_as_modes_allow(&environment);
    assert_eq!(second.grant().serial, first.grant().serial + 1);
    assert_eq!(environment.get(HOST), second);
}

#[test]
fn a_read_only_lock_file_costs_only_the_caching() {
    if modes_mean_nothing() {
        return;
    }
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    let warm = environment.get(HOST);
    let lock = environment.cached("lock").remove(0);
    chmod(&lock, 0o400);
    assert_eq!(get_as_modes_allow(&environment), warm);
    fs::remove_file(environment.entries().remove(0)).expect("an entry");
    let reason = format!(
        "continuing without the cache: cannot write {lock:?} in the cache: Permission denied (os error 13); make its folder writable, or set `dir` under [cache] to another folder"
    );
    costs_only_the_caching_of(&mut environment, get_as_modes_allow, &[reason]);
    assert_eq!(mode(&lock), 0o400);
}

#[test]
fn what_is_cached_is_private_whatever_the_umask() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.get_behind("umask 000").grant();
    environment.age_cache(7 * HOUR);
    // Written by hand, under this process's umask.
    chmod(&environment.entries()[0], 0o600);
    aws.on(ECR, Fault::Status(500));
    environment.get_behind("umask 000").grant();
    let v1 = environment.cache();
    let mut folder = v1.as_path();
    while folder != environment.home() {
        assert_eq!(mode(folder), 0o700, "{folder:?}");
        folder = folder.parent().expect("a folder above");
    }
    let kinds = ["json", "lock", "mark"].map(|kind| environment.cached(kind));
    for file in kinds.iter().flatten() {
        assert_eq!(mode(file), 0o600, "{file:?}");
    }
    assert!(kinds.iter().all(|files| !files.is_empty()), "{kinds:?}");
    assert_eq!(mode(&v1.join("swept")), 0o600);
    let all = kinds.iter().map(Vec::len).sum::<usize>() + 1;
    assert_eq!(names(&v1).len(), all);
}
