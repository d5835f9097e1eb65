//! A full disk: no room, or no inode. What was there before stays.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::common::costs_only_the_caching_of;
use super::super::common::fake_aws::{FakeAws, Fault};
use super::super::common::files::names;
use super::super::common::{HOST, Outcome, TestEnvironment, age_entries};
use super::super::{ECR, HOUR};
use super::disk::Disk;

const SIZE: &str = "size=1m,nr_inodes=40";

const FULL: &str = "No space left on device (os error 28)";

/// The same with nothing random in it.
fn without_temporary_name(outcome: Outcome) -> Outcome {
    let mut stderr = String::new();
    for line in outcome.stderr.split_inclusive('\n') {
        match (line.find(" at path \""), line.find(".tmp\"")) {
            (Some(start), Some(end)) => {
                stderr.push_str(&line[..start]);
                stderr.push_str(&line[end + ".tmp\"".len()..]);
            }
            _ => stderr.push_str(line),
        }
    }
    Outcome { stderr, ..outcome }
}

fn cannot_write(path: &Path) -> String {
    format!(
        "cannot write {path:?} in the cache: {FULL}; make its folder writable, or set `dir` under [cache] to another folder"
    )
}

/// The files of the cache with such a name, as they are seen from outside.
fn cached(disk: &Disk, environment: &TestEnvironment, extension: &str) -> Vec<PathBuf> {
    let folder = disk.seen(&environment.cache());
    names(&folder)
        .into_iter()
        .filter(|name| name.ends_with(extension))
        .map(|name| folder.join(name))
        .collect()
}

/// The same path inside.
fn inside(environment: &TestEnvironment, seen: &Path) -> PathBuf {
    environment.cache().join(seen.file_name().expect("a name"))
}

#[test]
fn a_disk_without_inodes_from_the_start_costs_only_the_caching() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    let Some(disk) = Disk::new(&environment, SIZE) else {
        return;
    };
    let above = environment.home().join(".cache");
    let made = disk.use_up_inodes(&above);
    let folder = above.join("docker-credential-ecrx");
    let reason = format!("continuing without the cache: {}", cannot_write(&folder));
    let get = |environment: &TestEnvironment| disk.get(environment);
    costs_only_the_caching_of(&mut environment, get, &[reason]);
    assert_eq!(names(&disk.seen(&above)).len(), made.len());
    // With room again, all is well.
    for path in made {
        fs::remove_file(path).expect("a filler");
    }
    let cold = disk.get(&environment);
    cold.grant();
    assert_eq!(disk.get(&environment), cold);
}

#[test]
fn a_disk_without_room_for_an_entry_costs_only_the_caching() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    let Some(disk) = Disk::new(&environment, SIZE) else {
        return;
    };
    let filler = disk.fill(&environment.home().join(".cache"));
    let size = fs::metadata(&filler).expect("the filler").len();
    let get = |environment: &TestEnvironment| without_temporary_name(disk.get(environment));
    get(&environment).grant();
    let lock = cached(&disk, &environment, ".lock").remove(0);
    let entry = inside(&environment, &lock).with_extension("json");
    costs_only_the_caching_of(&mut environment, get, &[cannot_write(&entry)]);
    let left = names(&disk.seen(&environment.cache()));
    let is_empty = |name: &String| name.ends_with(".lock") || name == "swept";
    assert!(
        left.iter().all(is_empty),
        "no half entry, no temporary file: {left:?}"
    );
    assert_eq!(fs::metadata(&filler).expect("the filler").len(), size);
    fs::remove_file(filler).expect("the filler");
    let cold = disk.get(&environment);
    cold.grant();
    assert_eq!(disk.get(&environment), cold);
}

#[test]
fn a_disk_without_an_inode_for_the_lock_costs_only_the_caching() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    let Some(disk) = Disk::new(&environment, SIZE) else {
        return;
    };
    disk.get(&environment).grant();
    let lock = cached(&disk, &environment, ".lock").remove(0);
    for path in cached(&disk, &environment, "") {
        fs::remove_file(path).expect("a file");
    }
    disk.use_up_inodes(&environment.home().join(".cache"));
    let lock = inside(&environment, &lock);
    let reason = format!("continuing without the cache: {}", cannot_write(&lock));
    let get = |environment: &TestEnvironment| disk.get(environment);
    costs_only_the_caching_of(&mut environment, get, &[reason]);
    assert_eq!(names(&disk.seen(&environment.cache())), [] as [String; 0]);
}

/// Whatever it is full of: the new token is answered, the old entry stays as it is, and is there
/// when AWS is not.
#[test]
fn a_renewal_on_a_full_disk_keeps_the_old_entry() {
    let fills: [fn(&Disk, &Path); 2] = [
        |disk, folder| drop(disk.fill(folder)),
        |disk, folder| drop(disk.use_up_inodes(folder)),
    ];
    for fill in fills {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::of_alice(&aws);
        let Some(disk) = Disk::new(&environment, SIZE) else {
            return;
        };
        let held = disk.get(&environment);
        let entry = cached(&disk, &environment, ".json").remove(0);
        age_entries(std::slice::from_ref(&entry), 7 * HOUR);
        let bytes = fs::read(&entry).expect("an entry");
        let before = names(&disk.seen(&environment.cache()));
        fill(&disk, &environment.home().join(".cache"));
        let get = |environment: &TestEnvironment| without_temporary_name(disk.get(environment));
        let reason = cannot_write(&inside(&environment, &entry));
        costs_only_the_caching_of(&mut environment, get, &[reason]);
        assert_eq!(fs::read(&entry).expect("an entry"), bytes);
        assert_eq!(names(&disk.seen(&environment.cache())), before);

        aws.on(ECR, Fault::Status(503));
        assert_eq!(disk.get(&environment), held);
        // The failure cannot be remembered, which is logged too.
        environment.set("ECRX_LOG", "warn");
        let told = get(&environment);
        let mut lines = told.stderr.lines();
        let last = lines.next_back().expect("a line");
        assert!(last.contains("cannot renew the token"), "{told:?}");
        let no_room = "\" in the cache: No space left";
        assert!(lines.clone().count() > 0, "{told:?}");
        assert!(lines.all(|line| line.contains(no_room)), "{told:?}");
        let listed = disk.run(&environment, &["list"], "unused");
        assert_eq!((listed.code, listed.stdout.as_str()), (Some(0), "{}\n"));

        // Erasing needs no room.
        let erased = disk.run(&environment, &["erase"], HOST);
        assert_eq!((erased.code, erased.stderr.as_str()), (Some(0), ""));
        assert!(!entry.exists());
    }
}

/// Not by modes, which do not stop root: the whole file system.
#[test]
fn a_file_system_that_became_read_only_answers_what_it_holds_and_keeps_nothing_new() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    let Some(disk) = Disk::new(&environment, SIZE) else {
        return;
    };
    let held = disk.get(&environment);
    let entry = cached(&disk, &environment, ".json").remove(0);
    disk.remount(&environment, "ro");
    assert_eq!(disk.get(&environment), held);
    disk.remount(&environment, "rw");
    age_entries(std::slice::from_ref(&entry), 7 * HOUR);
    let bytes = fs::read(&entry).expect("an entry");
    disk.remount(&environment, "ro");
    let lock = inside(&environment, &entry).with_extension("lock");
    let reason = format!(
        "continuing without the cache: {}",
        cannot_write(&lock).replace(FULL, "Read-only file system (os error 30)")
    );
    let get = |environment: &TestEnvironment| disk.get(environment);
    costs_only_the_caching_of(&mut environment, get, &[reason]);
    assert_eq!(fs::read(&entry).expect("an entry"), bytes);
}
