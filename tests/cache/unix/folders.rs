//! The folder, and those above it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::super::ECR;
use super::super::common::costs_only_the_caching_of;
use super::super::common::fake_aws::{FakeAws, Fault};
use super::super::common::files::{am_root, chmod, give_away, mode, names, skipped};
use super::super::common::{HOST, Outcome, TestEnvironment};
use super::{costs_only_the_caching, foreign, get_as_modes_allow, modes_mean_nothing, poison};

fn twice(reason: &str) -> [String; 2] {
    [
        reason.to_owned(),
        format!("continuing without the cache: {reason}"),
    ]
}

fn not_a_folder(path: &Path) -> String {
    format!("{path:?} is not a folder; remove it, or set `dir` under [cache] to another folder")
}

fn open_to_others(path: &Path, mode: u32) -> String {
    format!(
        "{path:?} is accessible to other users (mode {mode:04o}) and is not trusted; remove that access (chmod go-rwx), or set `dir` under [cache] to another folder"
    )
}

fn link(path: &Path) -> String {
    format!(
        "{path:?} is a symbolic link, which the cache does not follow; remove it, or set `dir` under [cache] to its target"
    )
}

#[test]
fn a_file_in_place_of_the_folder_costs_only_the_caching() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.write(".cache/docker-credential-ecrx/v1", "mine");
    let reason = not_a_folder(&environment.cache());
    costs_only_the_caching(&mut environment, &twice(&reason));
    let kept = fs::read_to_string(environment.cache()).expect("the file");
    assert_eq!(kept, "mine");
}

#[test]
fn a_file_in_place_of_the_folders_above_costs_only_the_caching() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    let above = environment.write(".cache", "mine");
    let reasons = [
        not_a_folder(&above.join("docker-credential-ecrx")),
        format!("continuing without the cache: {}", not_a_folder(&above)),
    ];
    costs_only_the_caching(&mut environment, &reasons);
    assert_eq!(fs::read_to_string(above).expect("the file"), "mine");
}

/// In `/proc`, not even root can create anything.
#[cfg(target_os = "linux")]
#[test]
fn a_home_in_which_nothing_can_be_made_costs_only_the_caching() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.set("HOME", "/proc");
    let reason = "continuing without the cache: cannot write \
                  \"/proc/.cache/docker-credential-ecrx\" in the cache: No such file or \
                  directory (os error 2); make its folder writable, or set `dir` under [cache] to another folder";
    costs_only_the_caching(&mut environment, &[reason.to_owned()]);
}

#[test]
fn a_read_only_home_costs_only_the_caching() {
    if modes_mean_nothing() {
        return;
    }
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    chmod(environment.home(), 0o555);
    let folder = environment.home().join(".cache/docker-credential-ecrx");
    let reason = format!(
        "continuing without the cache: cannot write {folder:?} in the cache: Permission denied (os error 13); make its folder writable, or set `dir` under [cache] to another folder"
    );
    costs_only_the_caching_of(&mut environment, get_as_modes_allow, &[reason]);
    assert_eq!(names(environment.home()), [] as [String; 0]);
    chmod(environment.home(), 0o755);
}

/// Files can be made, not filled; `tests/cache/linux/full_disk.rs` has disks that are full. A
/// process that writes beyond the limit is killed (SIGXFSZ), unless its parent ignores the signal.
#[test]
fn a_limit_on_the_size_of_files_costs_only_the_caching() {
    let aws = FakeAws::start();
    let mut serial = 0;
    // In units of 512 or 1024 bytes, of which an entry takes more than one.
    for limit in ["trap '' XFSZ; ulimit -f 0", "ulimit -f 0", "ulimit -f 1"] {
        let mut environment = TestEnvironment::of_alice(&aws);
        environment.set("ECRX_LOG", "warn");
        for _ in 0..2 {
            serial += 1;
            let outcome = environment.get_behind(limit);
            assert_eq!(outcome.code, Some(0), "{limit}: {outcome:?}");
            let warning = "docker-credential-ecrx: warn: cannot write ";
            assert!(outcome.stderr.starts_with(warning), "{outcome:?}");
            assert!(outcome.stderr.contains("File too large"), "{outcome:?}");
            assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
            let silent = Outcome {
                stderr: String::new(),
                ..outcome
            };
            assert_eq!(silent.grant().serial, serial);
        }
        let left = names(&environment.cache());
        assert!(
            matches!(left.as_slice(), [lock, stamp] if lock.ends_with(".lock") && stamp == "swept"),
            "no half entry, no temporary file: {left:?}"
        );
    }
}

/// A mark is a file, too.
#[test]
fn a_limit_on_the_size_of_files_hides_no_failure() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    aws.on(ECR, Fault::Status(400));
    let limited = environment.get_behind("ulimit -f 0");
    assert_eq!(limited, environment.get(HOST));
    assert_eq!(limited.code, Some(1), "{limited:?}");
}

#[test]
fn a_folder_that_others_may_write_is_not_trusted() {
    let aws = FakeAws::start();
    for bits in [0o770, 0o777, 0o702, 0o1777] {
        let mut environment = TestEnvironment::of_alice(&aws);
        environment.get(HOST).grant();
        poison(&environment);
        let path = environment.cache();
        let before = names(&path);
        chmod(&path, bits);
        let reason = open_to_others(&path, bits);
        costs_only_the_caching(&mut environment, &twice(&reason));
        assert_eq!((mode(&path), names(&path)), (bits, before));
    }
}

#[test]
fn a_folder_in_a_folder_that_others_may_write_is_not_made() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    let above = environment.home().join(".cache/docker-credential-ecrx");
    fs::create_dir_all(&above).expect("folders");
    chmod(&above, 0o777);
    let reason = format!(
        "continuing without the cache: {}",
        open_to_others(&above, 0o777)
    );
    costs_only_the_caching(&mut environment, &[reason]);
    assert_eq!(names(&above), [] as [String; 0]);
}

#[test]
fn a_folder_that_others_may_read_is_closed() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    fs::create_dir_all(environment.cache()).expect("folders");
    chmod(&environment.cache(), 0o755);
    let cold = environment.get(HOST);
    assert_eq!(mode(&environment.cache()), 0o700);
    assert_eq!(environment.get(HOST), cold);
}

#[test]
fn a_folder_of_another_user_is_neither_read_nor_changed() {
    if !am_root() {
        skipped("only root can give a folder away");
        return;
    }
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.get(HOST).grant();
    let entry = poison(&environment);
    let bytes = fs::read(&entry).expect("an entry");
    let before = names(&environment.cache());
    give_away(&environment.cache());
    let reason = foreign(&environment.cache());
    costs_only_the_caching(&mut environment, &twice(&reason));
    assert_eq!(names(&environment.cache()), before);
    assert_eq!(fs::read(&entry).expect("an entry"), bytes);
    assert_eq!(mode(&environment.cache()), 0o700);
}

#[test]
fn nothing_is_made_in_a_folder_of_another_user() {
    if !am_root() {
        skipped("only root can give a folder away");
        return;
    }
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    let above = environment.home().join(".cache/docker-credential-ecrx");
    fs::create_dir_all(&above).expect("folders");
    give_away(&above);
    let reason = format!("continuing without the cache: {}", foreign(&above));
    costs_only_the_caching(&mut environment, &[reason]);
    assert_eq!(names(&above), [] as [String; 0]);
}

#[test]
fn a_link_in_place_of_the_folder_is_not_followed() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.get(HOST).grant();
    poison(&environment);
    let target = environment.home().join("elsewhere");
    fs::rename(environment.cache(), &target).expect("rename");
    let before = names(&target);
    symlink(&target, environment.cache()).expect("a link");
    let reason = link(&environment.cache());
    costs_only_the_caching(&mut environment, &twice(&reason));
    assert_eq!(names(&target), before);
    assert_eq!(
        fs::read_link(environment.cache()).expect("the link"),
        target
    );
}

#[test]
fn a_link_in_place_of_the_folder_above_is_not_written_through() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    let target = environment.home().join("elsewhere");
    fs::create_dir(&target).expect("a folder");
    fs::create_dir(environment.home().join(".cache")).expect("a folder");
    let above = environment.home().join(".cache/docker-credential-ecrx");
    symlink(&target, &above).expect("a link");
    let reason = format!("continuing without the cache: {}", link(&above));
    costs_only_the_caching(&mut environment, &[reason]);
    assert_eq!(names(&target), [] as [String; 0]);
}
