//! What goes and what stays, on a real folder.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

use super::super::failure_mark::FailureMark;
use super::super::tests::{Home, STRANGER, at, key};
use super::super::{Entry, Key};
use super::*;
use crate::token::AuthorizationToken;

const NOW: i64 = 1_700_000_000;

fn entry(registry: &str) -> Entry {
    let token = AuthorizationToken::decode("QVdTOnNlY3JldA==", at(NOW), at(NOW + 43_200));
    Entry {
        registry: registry.to_owned(),
        identity: "profile work".to_owned(),
        token: token.unwrap(),
    }
}

/// A home with two entries and a remembered failure.
fn full() -> Home {
    let home = Home::new();
    home.put(&key(), &entry("one"));
    home.put(&Key::stable(&[b"other"]), &entry("two"));
    let mark = FailureMark {
        made_at: at(NOW),
        until: at(NOW + 60),
        state: Key::digest(&[]),
        message: "no".to_owned(),
        hints: Vec::new(),
    };
    home.cache
        .put_mark(&Key::stable(&[b"mark"]), &mark)
        .unwrap();
    home
}

fn registries(entries: &[Entry]) -> Vec<&str> {
    let mut names: Vec<&str> = entries.iter().map(|entry| &*entry.registry).collect();
    names.sort_unstable();
    names
}

#[test]
fn all_that_is_ours_goes_and_nothing_else() {
    let home = full();
    let folder = home.dir().join("v1");
    let damaged = Key::stable(&[b"damaged"]);
    fs::write(folder.join(format!("{damaged}.json")), "garbage").unwrap();
    fs::write(folder.join(".abcdef.tmp"), "half a token").unwrap();
    let others = ["README", "x.json", ".other-name.tmp", "swept"];
    for name in others {
        fs::write(folder.join(name), "").unwrap();
    }
    fs::write(home.dir().join("cache.json"), "another program's").unwrap();

    let cleared = home.cache.clear(&ClearScope::All).unwrap();
    assert_eq!(registries(&cleared.entries), ["one", "two"]);
    let counts = (cleared.unreadable, cleared.marks, cleared.temporary);
    assert_eq!(counts, (1, 1, 1));
    assert!(cleared.busy.is_empty() && cleared.left.is_empty());
    let mut left = home.names();
    left.sort();
    let mut expected = others.map(str::to_owned);
    expected.sort();
    assert_eq!(left, expected);
    assert!(home.dir().join("cache.json").exists());

    let again = home.cache.clear(&ClearScope::All).unwrap();
    assert!(again.entries.is_empty() && again.left.is_empty());
}

#[test]
fn of_entries_only_those_go_that_are_meant() {
    let home = full();
    let folder = home.dir().join("v1");
    let damaged = Key::stable(&[b"damaged"]);
    fs::write(folder.join(format!("{damaged}.json")), "garbage").unwrap();
    fs::write(folder.join(".abcdef.tmp"), "").unwrap();
    let scope = ClearScope::Entries(&|entry| entry.registry == "one");
    let cleared = home.cache.clear(&scope).unwrap();
    assert_eq!(registries(&cleared.entries), ["one"]);
    let counts = (cleared.unreadable, cleared.marks, cleared.temporary);
    assert_eq!(counts, (0, 1, 0));
    assert_eq!(home.cache.list(at(NOW)).unwrap().len(), 1);
    assert!(folder.join(format!("{damaged}.json")).exists());
    assert!(folder.join(".abcdef.tmp").exists());
}

#[test]
fn an_empty_place_stays_as_it_is() {
    let home = Home::new();
    let cleared = home.cache.clear(&ClearScope::All).unwrap();
    assert!(cleared.entries.is_empty());
    assert!(!home.dir().exists());
}

#[test]
fn what_is_being_fetched_is_waited_for_and_goes_too() {
    let home = full();
    let lock = home.cache.try_lock(&key()).unwrap().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            lock.put(&entry("one")).unwrap();
            drop(lock);
        });
        let patience = Duration::from_secs(60);
        let cleared = home.cache.clear_within(&ClearScope::All, patience).unwrap();
        assert_eq!(registries(&cleared.entries), ["one", "two"]);
        assert!(cleared.busy.is_empty());
    });
    assert_eq!(home.cache.list(at(NOW)).unwrap(), []);
}

#[test]
fn who_is_too_slow_is_told_of() {
    let home = full();
    let lock = home.cache.try_lock(&key()).unwrap().unwrap();
    let patience = Duration::from_millis(20);
    let cleared = home.cache.clear_within(&ClearScope::All, patience).unwrap();
    assert_eq!(registries(&cleared.entries), ["one", "two"]);
    assert_eq!(registries(&cleared.busy), ["one"]);
    // Its lock is still its own.
    assert!(home.cache.try_lock(&key()).unwrap().is_none());
    lock.put(&entry("one")).unwrap();
}

#[test]
fn a_strangers_file_stays_and_is_told_of() {
    let home = full();
    if chown(home.file("json"), Some(STRANGER), None).is_err() {
        // Only root can give a file away.
        return;
    }
    let cleared = home.cache.clear(&ClearScope::All).unwrap();
    assert_eq!(registries(&cleared.entries), ["two"]);
    assert!(matches!(
        cleared.left[..],
        [CacheError::ForeignOwner { .. }]
    ));
    assert!(home.file("json").exists());
}

/// A link in the lock's place is not a lock.
#[test]
fn without_locks_no_entry_is_reported_as_being_fetched() {
    let home = full();
    let target = home.dir().join("target");
    fs::write(&target, "").unwrap();
    fs::remove_file(home.file("lock")).unwrap();
    symlink(&target, home.file("lock")).unwrap();
    let cleared = home.cache.clear(&ClearScope::All).unwrap();
    assert_eq!(registries(&cleared.entries), ["one", "two"]);
    assert!(cleared.busy.is_empty(), "{cleared:?}");
    assert!(target.exists());
}

/// What is open to others is not believed, so it cannot be told whose token it holds.
#[test]
fn an_entry_that_is_open_to_others_is_told_of_when_some_are_meant_and_goes_with_all() {
    let home = full();
    fs::set_permissions(home.file("json"), fs::Permissions::from_mode(0o644)).unwrap();
    let scope = ClearScope::Entries(&|entry| entry.registry == "one");
    let cleared = home.cache.clear(&scope).unwrap();
    assert!(cleared.entries.is_empty());
    assert!(
        matches!(cleared.left[..], [CacheError::OpenToOthers { .. }]),
        "{cleared:?}"
    );
    let cleared = home.cache.clear(&ClearScope::All).unwrap();
    assert_eq!((cleared.unreadable, cleared.left.len()), (1, 0));
    assert!(!home.file("json").exists());
}
