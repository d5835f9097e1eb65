//! Events between two steps of a run.

use super::*;

#[test]
fn a_file_that_another_process_changes_meanwhile_is_not_overwritten() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("config.json");
    let replace = |file: &UserFile| file.replace(b"ours", |_| false);

    let absent = UserFile::read(&path).expect("a look");
    fs::write(&path, "theirs").expect("a file");
    assert!(matches!(
        replace(&absent),
        Err(UserFileError::Changed { .. })
    ));
    let seen = UserFile::read(&path).expect("a look");
    fs::write(&path, "theirs too").expect("a file");
    assert!(matches!(replace(&seen), Err(UserFileError::Changed { .. })));
    let seen = UserFile::read(&path).expect("a look");
    fs::remove_file(&path).expect("to remove");
    assert!(matches!(replace(&seen), Err(UserFileError::Changed { .. })));
    assert!(!path.exists());
    for item in fs::read_dir(folder.path()).expect("a folder") {
        let name = item.expect("an item").file_name();
        assert!(!name.to_string_lossy().ends_with(".tmp"), "{name:?}");
    }
}

#[test]
fn every_state_is_kept_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("f");
    let mut backups = Vec::new();
    for (before, after) in [("1", "2"), ("1", "3"), ("2", "3"), ("3", "4"), ("2", "5")] {
        fs::write(&path, before).expect("a file");
        let file = UserFile::read(&path).expect("a look");
        let replaced = file
            .replace(after.as_bytes(), |_| false)
            .expect("to replace");
        let backup = replaced.backup.expect("a backup").path;
        assert_eq!(fs::read(&backup).expect("a file"), before.as_bytes());
        backups.push(
            backup
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned(),
        );
    }
    let [one, two, three] = ["f.before-ecrx", "f.before-ecrx-2", "f.before-ecrx-3"];
    assert_eq!(backups, [one, one, two, three, two]);
}

#[test]
fn one_process_takes_a_folder_once_and_gives_it_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut locks = Locks::default();
    for name in ["a", "b", "a"] {
        UserFile::lock(&folder.path().join(name), &mut locks).expect("a lock");
    }
    drop(locks);
    UserFile::lock(&folder.path().join("a"), &mut Locks::default()).expect("a lock");
}

#[test]
fn a_folder_that_is_locked_is_waited_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file");
    let mut locks = Locks::default();
    UserFile::lock(&path, &mut locks).expect("a lock");
    let other = thread::spawn(move || {
        UserFile::lock(&path, &mut Locks::default()).expect("a lock");
    });
    thread::sleep(Duration::from_millis(100));
    assert!(!other.is_finished());
    drop(locks);
    other.join().expect("the lock");
}

#[test]
fn files_that_a_killed_process_has_left_are_deleted() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    for name in [".ecrx-abcdef.tmp", ".ecrx-mine", "x.tmp", "config.json"] {
        fs::write(path(name), "").expect("a file");
    }
    UserFile::read(&path("config.json")).expect("a look");
    assert!(path(".ecrx-abcdef.tmp").exists(), "reading deletes nothing");
    UserFile::lock(&path("config.json"), &mut Locks::default()).expect("a lock");
    assert!(!path(".ecrx-abcdef.tmp").exists());
    for name in [".ecrx-mine", "x.tmp", "config.json"] {
        assert!(path(name).exists(), "{name}");
    }
}

#[test]
fn a_backup_name_that_is_taken_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("f");
    fs::write(&path, "1").expect("a file");
    fs::create_dir(folder.path().join("f.before-ecrx")).expect("a folder");
    let file = UserFile::read(&path).expect("a look");
    let replaced = file.replace(b"2", |_| false).expect("to replace");
    let backup = folder.path().join("f.before-ecrx-2");
    assert_eq!(replaced.backup, Some(Backup::whole(backup)));
}

const BEFORE: &[u8] = b"before";

fn file() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, BEFORE).expect("a file");
    (folder, file)
}

fn write(file: &Path, after: &[u8]) -> Result<(), UserFileError> {
    overwrite((file, file), BEFORE, after, Path::new("backup"))
}

#[test]
fn content_of_any_length_is_written_whole() {
    for after in [&b"and now much longer"[..], b"", b"after", b"behind"] {
        let (_folder, file) = file();
        write(&file, after).expect("written");
        assert_eq!(fs::read(&file).expect("a file"), after);
    }
}

#[test]
fn a_file_with_other_content_is_not_overwritten() {
    for changed in [&b"befor"[..], b"before and after", b"behind", b""] {
        let (_folder, file) = file();
        fs::write(&file, changed).expect("a file");
        let written = write(&file, b"after");
        assert!(matches!(written, Err(UserFileError::Changed { .. })));
        assert_eq!(fs::read(&file).expect("a file"), changed);
    }
}

#[cfg(unix)]
#[test]
fn no_link_is_followed_and_no_pipe_waited_for() {
    let (folder, file) = file();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&file, &link).expect("a link");
    let written = write(&link, b"after");
    assert!(matches!(written, Err(UserFileError::Write { .. })));
    assert_eq!(fs::read(&file).expect("a file"), BEFORE);

    let pipe = folder.path().join("pipe");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, mode).expect("a pipe");
    let written = write(&pipe, b"after");
    assert!(matches!(written, Err(UserFileError::Changed { .. })));
}
