//! Tests of the whole cache against a real folder, and what the tests of its parts share.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::*;
use crate::token::AuthorizationToken;

const NOW: i64 = 1_700_000_000;

/// The id of no user here.
pub(super) const STRANGER: u32 = 12345;

/// A folder of the test's own, with a cache in it that does not exist yet.
pub(super) struct Home {
    pub(super) cache: Cache,
    folder: tempfile::TempDir,
}

impl Home {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            cache: Cache::at(folder.path().join("cache")),
            folder,
        }
    }

    pub(super) fn dir(&self) -> &Path {
        self.cache.dir()
    }

    /// The file of [`key`] with this extension.
    pub(super) fn file(&self, extension: &str) -> PathBuf {
        self.dir().join("v1").join(format!("{}.{extension}", key()))
    }

    pub(super) fn mode_of(&self, path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().mode() & 0o7777
    }

    pub(super) fn mode(&self, name: &str) -> u32 {
        self.mode_of(&self.dir().join(name))
    }

    pub(super) fn set_mode(&self, path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// A home with an entry.
    fn warm() -> Self {
        let home = Self::new();
        home.put(&key(), &entry());
        home
    }

    pub(super) fn put(&self, key: &Key, entry: &Entry) {
        self.cache
            .try_lock(key)
            .unwrap()
            .unwrap()
            .put(entry)
            .unwrap();
    }

    fn get(&self) -> Result<Option<Entry>, CacheError> {
        self.cache.get(&key(), at(NOW))
    }

    pub(super) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.dir().join("v1"))
            .unwrap()
            .map(|item| item.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

pub(super) fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap()
}

pub(super) fn key() -> Key {
    Key::stable(&[b"registry", b"profile"])
}

pub(super) fn entry() -> Entry {
    Entry {
        registry: "111122223333.dkr.ecr.eu-west-1.amazonaws.com".to_owned(),
        identity: "profile work".to_owned(),
        token: AuthorizationToken::decode("QVdTOnNlY3JldA==", at(NOW), at(NOW + 43_200)).unwrap(),
    }
}

pub(super) fn is_root() -> bool {
    tempfile::tempdir()
        .unwrap()
        .path()
        .metadata()
        .unwrap()
        .uid()
        == 0
}

#[test]
fn what_was_put_is_got() {
    let home = Home::new();
    assert_eq!(home.get().unwrap(), None);
    assert!(!home.dir().exists(), "reading creates nothing");
    home.put(&key(), &entry());
    assert_eq!(home.get().unwrap(), Some(entry()));
    assert_eq!(home.cache.list(at(NOW)).unwrap(), [(key(), entry())]);
    for (name, mode) in [("", 0o700), ("v1", 0o700)] {
        assert_eq!(home.mode(name), mode, "{name}");
    }
    assert_eq!(home.mode_of(&home.file("json")), 0o600);
    assert_eq!(
        home.names(),
        [format!("{}.json", key()), format!("{}.lock", key())]
    );
}

#[test]
fn an_expired_entry_is_still_handed_out_for_its_owner_to_judge() {
    let home = Home::warm();
    assert!(home.cache.get(&key(), at(NOW + 100_000)).unwrap().is_some());
}

#[test]
fn an_entry_from_the_future_is_not_believed() {
    let home = Home::warm();
    assert!(home.cache.get(&key(), at(NOW - 300)).unwrap().is_some());
    assert_eq!(home.cache.get(&key(), at(NOW - 301)).unwrap(), None);
}

#[test]
fn what_cannot_be_believed_is_absent_and_is_replaced() {
    let home = Home::warm();
    let whole = fs::read(home.file("json")).unwrap();
    let damaged = [
        Vec::new(),
        b"garbage".to_vec(),
        whole[..whole.len() / 2].to_vec(),
        vec![0; whole.len()],
        vec![b' '; 200 * 1024],
        b"{\"version\":2}".to_vec(),
    ];
    for bytes in damaged {
        fs::write(home.file("json"), &bytes).unwrap();
        assert_eq!(home.get().unwrap(), None);
        assert_eq!(home.cache.list(at(NOW)).unwrap(), []);
        home.put(&key(), &entry());
        assert_eq!(home.get().unwrap(), Some(entry()));
    }
}

#[test]
fn a_renamed_entry_is_not_believed() {
    let home = Home::warm();
    let other = Key::stable(&[b"other"]);
    let name = home.dir().join(format!("v1/{other}.json"));
    fs::rename(home.file("json"), &name).unwrap();
    assert_eq!(home.cache.get(&other, at(NOW)).unwrap(), None);
    assert_eq!(home.cache.list(at(NOW)).unwrap(), []);
}

#[test]
fn rotated_credentials_never_get_their_predecessors_token_and_leave_one_entry() {
    let home = Home::new();
    let stable: &[&[u8]] = &[b"registry", b"environment"];
    for day in 0..20u8 {
        let today = Key::rotating(stable, &[&[day]]);
        assert_eq!(home.cache.get(&today, at(NOW)).unwrap(), None, "{day}");
        home.put(&today, &entry());
        assert_eq!(home.cache.get(&today, at(NOW)).unwrap(), Some(entry()));
        if let Some(yesterday) = day.checked_sub(1) {
            let yesterday = Key::rotating(stable, &[&[yesterday]]);
            assert_eq!(home.cache.get(&yesterday, at(NOW)).unwrap(), None);
            assert!(!home.cache.erase(&yesterday).unwrap(), "not theirs");
        }
        assert_eq!(home.cache.list(at(NOW)).unwrap(), [(today, entry())]);
        assert_eq!(home.names().len(), 2, "{:?}", home.names());
    }
}

#[test]
fn erase_removes_what_get_would_answer() {
    let home = Home::new();
    assert!(!home.cache.erase(&key()).unwrap());
    home.put(&key(), &entry());
    assert!(!home.cache.erase(&Key::stable(&[b"other"])).unwrap());
    assert!(home.cache.erase(&key()).unwrap());
    assert!(!home.cache.erase(&key()).unwrap());
    assert_eq!(home.get().unwrap(), None);
    fs::write(home.file("json"), "garbage").unwrap();
    assert!(home.cache.erase(&key()).unwrap());
    home.put(&key(), &entry());
    home.set_mode(&home.file("json"), 0o644);
    assert!(home.cache.erase(&key()).unwrap());
}

#[test]
fn a_lock_removes_its_entry() {
    let home = Home::warm();
    let lock = home.cache.try_lock(&key()).unwrap().unwrap();
    assert!(lock.remove().unwrap());
    assert!(!lock.remove().unwrap());
    assert_eq!(home.get().unwrap(), None);
}

#[test]
fn an_entry_that_would_not_be_believed_is_not_stored() {
    let home = Home::warm();
    let mut eternal = entry();
    eternal.token.expires_at = at(NOW + 100_000);
    let error = home
        .cache
        .try_lock(&key())
        .unwrap()
        .unwrap()
        .put(&eternal)
        .unwrap_err();
    assert!(
        matches!(
            error,
            CacheError::Unfit {
                doubt: Doubt::Life,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(home.get().unwrap(), Some(entry()));
}

#[test]
fn an_entry_open_to_others_is_not_read_but_mended_by_the_next_put() {
    for mode in [0o644, 0o620, 0o606, 0o604] {
        let home = Home::warm();
        home.set_mode(&home.file("json"), mode);
        let error = home.get().unwrap_err();
        assert!(matches!(error, CacheError::OpenToOthers { mode: seen, .. } if seen == mode));
        home.put(&key(), &entry());
        assert_eq!(home.get().unwrap(), Some(entry()));
        assert_eq!(home.mode_of(&home.file("json")), 0o600);
    }
}

#[test]
fn a_linked_entry_is_not_followed() {
    let home = Home::warm();
    let target = home.dir().join("elsewhere");
    fs::rename(home.file("json"), &target).unwrap();
    symlink(&target, home.file("json")).unwrap();
    assert!(matches!(
        home.get().unwrap_err(),
        CacheError::SymbolicLink { .. }
    ));
    assert_eq!(home.cache.list(at(NOW)).unwrap(), []);
    home.put(&key(), &entry());
    assert_eq!(home.get().unwrap(), Some(entry()));
    assert!(target.exists(), "what the link led to is left alone");
}

#[test]
fn what_is_no_file_is_neither_read_nor_waited_for() {
    let home = Home::warm();
    fs::remove_file(home.file("json")).unwrap();
    fs::create_dir(home.file("json")).unwrap();
    assert!(matches!(
        home.get().unwrap_err(),
        CacheError::NotAFile { .. }
    ));
    let lock = home.cache.try_lock(&key()).unwrap().unwrap();
    assert!(matches!(
        lock.put(&entry()).unwrap_err(),
        CacheError::NotAFile { .. }
    ));
    fs::remove_dir(home.file("json")).unwrap();
    let made = rustix::fs::mknodat(
        rustix::fs::CWD,
        home.file("json"),
        rustix::fs::FileType::Fifo,
        0o600.into(),
        0,
    );
    made.unwrap();
    assert!(matches!(
        home.get().unwrap_err(),
        CacheError::NotAFile { .. }
    ));
}

#[test]
fn a_folder_others_may_write_is_refused() {
    for mode in [0o770, 0o777, 0o720, 0o702, 0o1777] {
        let home = Home::warm();
        home.set_mode(&home.dir().join("v1"), mode);
        for error in [
            home.get().unwrap_err(),
            home.cache.list(at(NOW)).unwrap_err(),
            home.cache.erase(&key()).unwrap_err(),
            home.cache.try_lock(&key()).unwrap_err(),
        ] {
            assert!(
                matches!(error, CacheError::OpenToOthers { .. }),
                "{mode:o} {error}"
            );
        }
        assert_eq!(home.mode("v1"), mode, "left alone");
    }
}

#[test]
fn an_outer_folder_others_may_write_is_refused() {
    let home = Home::new();
    fs::create_dir(home.dir()).unwrap();
    for mode in [0o775, 0o757] {
        home.set_mode(home.dir(), mode);
        let error = home.cache.try_lock(&key()).unwrap_err();
        assert!(matches!(error, CacheError::OpenToOthers { .. }), "{error}");
        assert!(!home.dir().join("v1").exists());
    }
}

#[test]
fn a_linked_folder_is_refused() {
    let home = Home::warm();
    fs::rename(home.dir().join("v1"), home.dir().join("v2")).unwrap();
    symlink("v2", home.dir().join("v1")).unwrap();
    assert!(matches!(
        home.get().unwrap_err(),
        CacheError::SymbolicLink { .. }
    ));
    let error = home.cache.try_lock(&key()).unwrap_err();
    assert!(matches!(error, CacheError::SymbolicLink { .. }), "{error}");

    let home = Home::warm();
    let link = home.folder.path().join("link");
    symlink("cache", &link).unwrap();
    for dir in [link.clone(), link.join(""), link.join(".")] {
        let error = Cache::at(dir).try_lock(&key()).unwrap_err();
        assert!(matches!(error, CacheError::SymbolicLink { .. }), "{error}");
    }
}

#[test]
fn a_file_where_a_folder_should_be_is_an_error() {
    let home = Home::new();
    fs::write(home.dir(), "").unwrap();
    for error in [
        home.get().unwrap_err(),
        home.cache.try_lock(&key()).unwrap_err(),
    ] {
        assert!(matches!(&error, CacheError::NotAFolder { path } if path == home.dir()));
    }
    let home = Home::new();
    fs::create_dir(home.dir()).unwrap();
    // Whatever the umask.
    home.set_mode(home.dir(), 0o700);
    fs::write(home.dir().join("v1"), "").unwrap();
    for error in [
        home.get().unwrap_err(),
        home.cache.try_lock(&key()).unwrap_err(),
    ] {
        assert!(matches!(error, CacheError::NotAFolder { .. }), "{error}");
    }
    let below = Cache::at(home.dir().join("v1").join("cache"));
    assert!(matches!(
        below.try_lock(&key()).unwrap_err(),
        CacheError::NotAFolder { .. }
    ));
}

#[test]
fn another_users_folder_is_refused() {
    if !is_root() {
        // What belongs to root is another user's too; and in `/usr`, which root may share with
        // us, nothing can be made.
        let error = Cache::at("/usr").try_lock(&key()).unwrap_err();
        assert!(matches!(error, CacheError::Write { .. }), "{error}");
        return;
    }
    let home = Home::warm();
    chown(home.dir().join("v1"), Some(STRANGER), None).unwrap();
    for error in [
        home.get().unwrap_err(),
        home.cache.list(at(NOW)).unwrap_err(),
        home.cache.erase(&key()).unwrap_err(),
        home.cache.try_lock(&key()).unwrap_err(),
    ] {
        assert!(
            matches!(
                error,
                CacheError::ForeignOwner {
                    owner: STRANGER,
                    ..
                }
            ),
            "{error}"
        );
    }
    assert!(
        home.cache
            .mark(&key(), &Key::digest(&[]), at(NOW))
            .is_none()
    );
    assert!(home.file("json").exists());

    let home = Home::new();
    fs::create_dir(home.dir()).unwrap();
    chown(home.dir(), Some(STRANGER), None).unwrap();
    let error = home.cache.try_lock(&key()).unwrap_err();
    assert!(
        matches!(
            error,
            CacheError::ForeignOwner {
                owner: STRANGER,
                ..
            }
        ),
        "{error}"
    );
    assert!(!home.dir().join("v1").exists());
}

#[test]
fn another_users_file_is_neither_read_nor_replaced_nor_removed() {
    if !is_root() {
        return; // Giving files away is root's privilege.
    }
    let home = Home::warm();
    fs::write(home.file("mark"), "").unwrap();
    for extension in ["json", "mark"] {
        chown(home.file(extension), Some(STRANGER), None).unwrap();
    }
    let mark = FailureMark {
        made_at: at(0),
        until: at(60),
        state: Key::digest(&[]),
        message: String::new(),
        hints: Vec::new(),
    };
    let not_marked = home.cache.put_mark(&key(), &mark).unwrap_err();
    let lock = home.cache.try_lock(&key()).unwrap().unwrap();
    for error in [
        home.get().unwrap_err(),
        home.cache.erase(&key()).unwrap_err(),
        lock.put(&entry()).unwrap_err(),
        lock.remove().unwrap_err(),
        not_marked,
        home.cache.clear_mark(&key()).unwrap_err(),
    ] {
        assert!(
            matches!(
                error,
                CacheError::ForeignOwner {
                    owner: STRANGER,
                    ..
                }
            ),
            "{error}"
        );
    }
    assert_eq!(home.names().len(), 3, "{:?}", home.names());
    drop(lock);
    chown(home.file("lock"), Some(STRANGER), None).unwrap();
    let error = home.cache.try_lock(&key()).unwrap_err();
    assert!(
        matches!(
            error,
            CacheError::ForeignOwner {
                owner: STRANGER,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn in_the_folder_of_the_established_helper_a_private_one_is_made_and_its_cache_left_alone() {
    let home = Home::new();
    fs::create_dir(home.dir()).unwrap();
    home.set_mode(home.dir(), 0o755);
    let theirs = home.dir().join("cache.json");
    fs::write(&theirs, "{\"Registries\":{}}").unwrap();
    home.set_mode(&theirs, 0o644);
    home.put(&key(), &entry());
    assert_eq!(home.get().unwrap(), Some(entry()));
    assert!(home.cache.erase(&key()).unwrap());
    assert_eq!(home.mode(""), 0o755);
    assert_eq!(home.mode("v1"), 0o700);
    assert_eq!(home.mode("cache.json"), 0o644);
    assert_eq!(fs::read_to_string(theirs).unwrap(), "{\"Registries\":{}}");
}

#[test]
fn a_folder_others_may_look_into_is_closed_before_it_is_written() {
    let home = Home::warm();
    home.set_mode(&home.dir().join("v1"), 0o755);
    assert_eq!(
        home.get().unwrap(),
        Some(entry()),
        "its files are private all the same"
    );
    home.put(&key(), &entry());
    assert_eq!(home.mode("v1"), 0o700);
}

#[test]
fn in_a_shared_folder_each_user_has_a_folder() {
    let home = Home::new();
    fs::create_dir(home.dir()).unwrap();
    home.set_mode(home.dir(), 0o1777);
    if is_root() {
        // Another process was first.
        fs::create_dir(home.dir().join("v1")).unwrap();
        chown(home.dir().join("v1"), Some(STRANGER), None).unwrap();
    }
    assert_eq!(home.get().unwrap(), None);
    home.put(&key(), &entry());
    assert_eq!(home.get().unwrap(), Some(entry()));
    if is_root() {
        assert_eq!(fs::read_dir(home.dir().join("v1")).unwrap().count(), 0);
        assert_eq!(home.mode("v1-0"), 0o700);
        // Both names taken.
        chown(home.dir().join("v1-0"), Some(STRANGER), None).unwrap();
        assert!(matches!(
            home.get().unwrap_err(),
            CacheError::ForeignOwner { .. }
        ));
        let error = home.cache.try_lock(&key()).unwrap_err();
        assert!(matches!(error, CacheError::ForeignOwner { .. }), "{error}");
    }
}

#[test]
fn marks_speak_until_they_end_or_the_state_changes() {
    let home = Home::new();
    let state = Key::digest(&[b"signed out"]);
    let mark = FailureMark {
        made_at: at(NOW),
        until: at(NOW + 60),
        state,
        message: "the SSO session has expired".to_owned(),
        hints: Vec::new(),
    };
    assert_eq!(home.cache.mark(&key(), &state, at(NOW)), None);
    assert!(!home.cache.clear_mark(&key()).unwrap());
    assert!(!home.dir().exists(), "reading creates nothing");
    home.cache.put_mark(&key(), &mark).unwrap();
    assert_eq!(home.mode_of(&home.file("mark")), 0o600);
    assert_eq!(home.names(), [format!("{}.mark", key())], "no lock is left");
    assert_eq!(
        home.cache.mark(&key(), &state, at(NOW + 59)),
        Some(mark.clone())
    );
    assert_eq!(home.cache.mark(&key(), &state, at(NOW + 60)), None);
    assert_eq!(
        home.cache
            .mark(&key(), &Key::digest(&[b"signed in"]), at(NOW)),
        None
    );
    assert_eq!(
        home.cache.mark(&Key::stable(&[b"other"]), &state, at(NOW)),
        None
    );
    assert_eq!(home.cache.list(at(NOW)).unwrap(), []);
    assert!(home.cache.clear_mark(&key()).unwrap());
    assert_eq!(home.cache.mark(&key(), &state, at(NOW)), None);
    home.cache.put_mark(&key(), &mark).unwrap();
    fs::write(home.file("mark"), "garbage").unwrap();
    assert_eq!(home.cache.mark(&key(), &state, at(NOW)), None);
    home.cache.put_mark(&key(), &mark).unwrap();
    home.set_mode(&home.file("mark"), 0o644);
    assert_eq!(home.cache.mark(&key(), &state, at(NOW)), None);
}

#[test]
fn a_mark_is_written_under_its_lock_without_waiting() {
    let home = Home::new();
    let state = Key::digest(&[]);
    let mark = FailureMark {
        made_at: at(NOW),
        until: at(NOW + 60),
        state,
        message: String::new(),
        hints: Vec::new(),
    };
    let held = home.cache.try_lock(&key()).unwrap().unwrap();
    home.cache.put_mark(&key(), &mark).unwrap();
    assert_eq!(home.cache.mark(&key(), &state, at(NOW)), None);
    drop(held);
    home.cache.put_mark(&key(), &mark).unwrap();
    assert_eq!(home.cache.mark(&key(), &state, at(NOW)), Some(mark));
}

#[test]
fn readers_never_see_half_a_write() {
    let home = Home::warm();
    let done = std::sync::atomic::AtomicBool::new(false);
    let load = || done.load(std::sync::atomic::Ordering::Relaxed);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !load() {
                    assert_eq!(home.get().unwrap(), Some(entry()));
                }
            });
        }
        for _ in 0..300 {
            home.put(&key(), &entry());
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn other_files_in_the_folder_are_not_entries() {
    let home = Home::warm();
    for name in ["x.json", ".abcdef.tmp", "README"] {
        fs::write(home.dir().join("v1").join(name), "").unwrap();
    }
    fs::write(
        home.dir()
            .join("v1")
            .join(format!("{}.json", "A".repeat(64))),
        "",
    )
    .unwrap();
    assert_eq!(home.cache.list(at(NOW)).unwrap(), [(key(), entry())]);
}

#[test]
fn messages_are_one_line_whatever_the_path() {
    let error = CacheError::NotAFolder {
        path: PathBuf::from("/tmp/a\nb\u{1b}[31m"),
    };
    let message = error.to_string();
    assert!(!message.contains(char::is_control), "{message:?}");
    assert!(
        message.starts_with(r#""/tmp/a\nb\u{1b}[31m" is not a folder"#),
        "{message}"
    );
}

#[test]
fn a_place_is_judged_without_making_anything() {
    let home = Home::new();
    assert!(home.cache.judge().is_ok());
    assert!(!home.dir().exists());
    assert_eq!(home.cache.folder(), home.dir().join("v1"));
    fs::create_dir(home.dir()).unwrap();
    home.set_mode(home.dir(), 0o777);
    let error = home.cache.judge().unwrap_err();
    assert!(matches!(error, CacheError::OpenToOthers { .. }), "{error}");
    home.set_mode(home.dir(), 0o755);
    assert!(home.cache.judge().is_ok());
    assert_eq!(fs::read_dir(home.dir()).unwrap().count(), 0);

    let home = Home::warm();
    assert!(home.cache.judge().is_ok());
    if is_root() {
        chown(home.dir().join("v1"), Some(STRANGER), None).unwrap();
        let error = home.cache.judge().unwrap_err();
        assert!(matches!(error, CacheError::ForeignOwner { .. }), "{error}");
    } else {
        home.set_mode(&home.dir().join("v1"), 0o500);
        let error = home.cache.judge().unwrap_err();
        assert!(matches!(error, CacheError::Write { .. }), "{error}");
        home.set_mode(&home.dir().join("v1"), 0o700);
    }
}
