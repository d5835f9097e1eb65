use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::{chown, symlink};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::super::tests::{Home, STRANGER, at, entry, is_root, key};
use super::super::{CacheError, Entry, Key};
use super::*;

/// When [`entry`] was fetched. Its token ends half a day later.
const NOW: i64 = 1_700_000_000;
const LATER: i64 = NOW + 43_200;

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

const EVERYTHING: Limits = Limits {
    names: usize::MAX,
    names_at_least: usize::MAX,
    time: Duration::ZERO,
};

impl Home {
    fn path(&self, name: &str) -> PathBuf {
        self.dir().join("v1").join(name)
    }

    /// A file, last written so many seconds ago.
    fn write(&self, name: &str, contents: &str, seconds: u64) {
        let path = self.path(name);
        fs::write(&path, contents).unwrap();
        self.set_mode(&path, 0o600);
        self.age(name, seconds);
    }

    fn age(&self, name: &str, seconds: u64) {
        let file = File::options().write(true).open(self.path(name)).unwrap();
        let written = SystemTime::now() - Duration::from_secs(seconds);
        file.set_modified(written).unwrap();
    }

    /// Sweeps the whole folder, whenever that was last done; what is left but for the stamp.
    fn swept(&self, now: i64) -> Vec<String> {
        let _ = fs::remove_file(self.path("swept"));
        self.cache.sweep_within(at(now), EVERYTHING).unwrap();
        let mut names = self.names();
        names.retain(|name| name != "swept");
        names
    }

    /// A home whose folder is there.
    fn with_folder() -> Self {
        let home = Self::new();
        Folder::make(home.dir()).unwrap();
        home
    }

    fn mark(&self, made_at: i64, until: i64) {
        let mark = super::super::FailureMark {
            made_at: at(made_at),
            until: at(until),
            state: Key::digest(&[]),
            message: String::new(),
            hints: Vec::new(),
        };
        self.cache.put_mark(&key(), &mark).unwrap();
    }
}

fn name(extension: &str) -> String {
    format!("{}.{extension}", key())
}

#[test]
fn an_entry_goes_when_its_token_has_expired_and_its_lock_with_it() {
    let home = Home::new();
    home.put(&key(), &entry());
    assert_eq!(home.swept(LATER - 1), [name("json"), name("lock")]);
    assert_eq!(home.swept(LATER), [] as [String; 0]);
    // The next one is kept as if nothing had been.
    home.put(&key(), &entry());
    assert_eq!(home.cache.get(&key(), at(NOW)).unwrap(), Some(entry()));
}

#[test]
fn where_there_is_no_folder_none_is_made() {
    let home = Home::new();
    home.cache.sweep(at(NOW));
    assert!(!home.dir().exists());
}

#[test]
fn an_entry_whose_lock_is_held_stays() {
    let home = Home::new();
    home.put(&key(), &entry());
    let held = home.cache.try_lock(&key()).unwrap().unwrap();
    assert_eq!(home.swept(LATER), [name("json"), name("lock")]);
    // It is a lock as before.
    assert!(home.cache.try_lock(&key()).unwrap().is_none());
    held.put(&entry()).unwrap();
    drop(held);
    assert_eq!(home.swept(LATER), [] as [String; 0]);
}

#[test]
fn what_cannot_be_believed_goes_after_a_day_unless_another_version_has_written_it() {
    let home = Home::new();
    home.put(&key(), &entry());
    let good = fs::read_to_string(home.file("json")).unwrap();
    fs::remove_file(home.file("json")).unwrap();
    let future = good
        .replace("1700000000", "1700086400")
        .replace("1700043200", "1700129600");
    let renamed = good.replace(&key().to_string(), &Key::stable(&[b"other"]).to_string());
    let large = " ".repeat(200_000);
    for (contents, goes) in [
        (good[..good.len() / 2].to_owned(), true),
        (String::new(), true),
        (future, true),
        (renamed, true),
        (large, true),
        (good.replace("\"version\":1", "\"version\":2"), false),
        ("{\"version\":9}".to_owned(), false),
        // This one is in order.
        (good, false),
    ] {
        let shown: String = contents.chars().take(80).collect();
        home.write(&name("json"), &contents, DAY - 60);
        assert!(home.swept(NOW).contains(&name("json")), "{shown}");
        home.age(&name("json"), DAY + 60);
        assert_eq!(home.swept(NOW).contains(&name("json")), !goes, "{shown}");
    }
}

#[test]
fn an_entry_that_is_open_to_others_or_a_link_goes_after_a_day_and_never_its_target() {
    let home = Home::new();
    home.put(&key(), &entry());
    home.set_mode(&home.file("json"), 0o644);
    assert_eq!(home.swept(LATER).len(), 2);
    home.age(&name("json"), DAY + 60);
    assert_eq!(home.swept(LATER), [] as [String; 0]);

    let target = home.dir().join("target");
    fs::write(&target, "garbage").unwrap();
    symlink(&target, home.file("json")).unwrap();
    assert_eq!(home.swept(LATER), [name("json")]);
    assert!(target.exists());
}

#[test]
fn a_mark_goes_when_it_is_over_for_every_machine() {
    let home = Home::new();
    home.mark(NOW, NOW + 60);
    for now in [NOW, NOW + 60, NOW + 359] {
        assert_eq!(home.swept(now), [name("mark")], "{now}");
    }
    assert_eq!(home.swept(NOW + 360), [] as [String; 0]);
    // One that claims to last longer than any is not believed, nor is one that is no mark.
    for spoil in [
        |home: &Home| home.mark(NOW, NOW + 3601),
        |home: &Home| home.write(&name("mark"), "garbage", 0),
        |home: &Home| home.write(&format!("{}.mark", Key::stable(&[b"other"])), "{}", 0),
    ] {
        spoil(&home);
        let name = home.swept(NOW).remove(0);
        home.age(&name, DAY + 60);
        assert_eq!(home.swept(NOW), [] as [String; 0]);
    }
    home.write(&name("mark"), "{\"version\":2}", DAY + 60);
    assert_eq!(home.swept(NOW), [name("mark")]);
}

#[test]
fn a_mark_whose_lock_is_held_stays() {
    let home = Home::new();
    home.mark(NOW, NOW + 60);
    let held = home.cache.try_lock(&key()).unwrap().unwrap();
    assert_eq!(home.swept(LATER), [name("lock"), name("mark")]);
    drop(held);
    assert_eq!(home.swept(LATER), [] as [String; 0]);
}

#[test]
fn a_free_lock_file_without_an_entry_is_removed() {
    let home = Home::new();
    home.put(&key(), &entry());
    let slot = Key::stable(&[b"other"]);
    let held = home.cache.try_lock(&slot).unwrap().unwrap();
    for seat in [1, 2, 99] {
        home.write(&format!("{slot}.{seat}.lock"), "", 0);
    }
    let seat = File::open(home.path(&format!("{slot}.2.lock"))).unwrap();
    fs2::FileExt::lock_exclusive(&seat).unwrap();
    let mut expected = vec![
        name("json"),
        name("lock"),
        format!("{slot}.2.lock"),
        format!("{slot}.lock"),
    ];
    expected.sort();
    assert_eq!(home.swept(NOW), expected);
    drop(held);
    // Closing would not do: a child of another test, just forked, may hold the same open file.
    fs2::FileExt::unlock(&seat).unwrap();
    assert_eq!(home.swept(NOW), [name("json"), name("lock")]);
}

#[test]
fn a_half_written_file_goes_after_an_hour() {
    let home = Home::with_folder();
    home.write(".abcDE1.tmp", "{", HOUR - 60);
    assert_eq!(home.swept(NOW), [".abcDE1.tmp"]);
    home.age(".abcDE1.tmp", HOUR + 60);
    assert_eq!(home.swept(NOW), [] as [String; 0]);
}

#[test]
fn what_is_not_of_the_cache_stays() {
    let home = Home::with_folder();
    let slot = key().to_string();
    let upper = slot.to_uppercase();
    let mut names = vec![
        "README".to_owned(),
        ".abcdef".to_owned(),
        ".abcde.tmp".to_owned(),
        ".abcdefg.tmp".to_owned(),
        ".abc/ef.tmp".replace('/', "-"),
        "abcdef.tmp".to_owned(),
        slot.clone(),
        format!("{slot}.json.bak"),
        format!("{slot}.x.lock"),
        format!("{slot}..lock"),
        format!("{slot}.1234.lock"),
        format!("{slot}.1.json"),
        format!("{upper}.json"),
        format!("{}.lock", &slot[1..]),
        "x.lock".to_owned(),
    ];
    for name in &names {
        home.write(name, "", 30 * DAY);
    }
    fs::create_dir(home.path(&format!("{slot}.lock"))).unwrap();
    fs::create_dir(home.path(".ABCDEF.tmp")).unwrap();
    names.extend([format!("{slot}.lock"), ".ABCDEF.tmp".to_owned()]);
    names.sort();
    assert_eq!(home.swept(LATER), names);
}

#[test]
fn another_users_files_stay() {
    if !is_root() {
        return; // Giving files away is root's privilege.
    }
    let home = Home::new();
    home.put(&key(), &entry());
    let other = Key::stable(&[b"other"]);
    home.write(&format!("{other}.json"), "garbage", 2 * DAY);
    home.write(&format!("{other}.mark"), "garbage", 2 * DAY);
    home.write(".abcdef.tmp", "", 2 * DAY);
    home.write(&format!("{other}.1.lock"), "", 2 * DAY);
    let names = home.names();
    for name in &names {
        chown(home.path(name), Some(STRANGER), None).unwrap();
    }
    assert_eq!(home.swept(LATER + 100), names);
    // Nor is anything done in a folder of theirs.
    chown(home.dir().join("v1"), Some(STRANGER), None).unwrap();
    let error = home.cache.sweep_within(at(LATER), EVERYTHING).unwrap_err();
    assert!(matches!(error, CacheError::ForeignOwner { .. }), "{error}");
}

#[test]
fn a_sweep_is_made_once_an_hour_whatever_the_clock_has_been() {
    let home = Home::new();
    let is_swept = |now| {
        home.write(".abcdef.tmp", "", 2 * HOUR);
        home.cache.sweep(at(now));
        !home.path(".abcdef.tmp").exists()
    };
    home.put(&key(), &entry());
    assert!(is_swept(NOW));
    assert!(!is_swept(NOW));
    assert!(!is_swept(NOW + 3599));
    assert!(is_swept(NOW + 3600));
    assert_eq!(home.mode_of(&home.path("swept")), 0o600);
    // Set back.
    assert!(is_swept(NOW));
    assert!(!is_swept(NOW + 1));
    for damaged in ["", "x", "1 2 3", "1700000000", "9999999999999999 0", "\0\0"] {
        home.write("swept", damaged, 0);
        assert!(is_swept(NOW), "{damaged:?}");
        assert!(!is_swept(NOW), "{damaged:?}");
    }
}

#[test]
fn of_several_at_once_one_sweeps() {
    let home = Home::with_folder();
    let sweeping = Stamp::take(&Folder::find(home.dir()).unwrap().unwrap(), at(NOW))
        .unwrap()
        .unwrap();
    home.write(".abcdef.tmp", "", 2 * HOUR);
    // Even long afterwards: it may be stopped, and is at it still.
    home.cache.sweep(at(LATER));
    assert!(home.path(".abcdef.tmp").exists());
    drop(sweeping);
    home.cache.sweep(at(NOW + 1));
    assert!(home.path(".abcdef.tmp").exists(), "it was renewed first");
    home.cache.sweep(at(LATER));
    assert!(!home.path(".abcdef.tmp").exists());
}

#[test]
fn a_stamp_that_cannot_be_trusted_ends_the_sweep() {
    let home = Home::with_folder();
    home.write("swept", "", 0);
    home.set_mode(&home.path("swept"), 0o666);
    let error = home.cache.sweep_within(at(NOW), EVERYTHING).unwrap_err();
    assert!(matches!(error, CacheError::OpenToOthers { .. }), "{error}");
}

/// Of four slots, one with a good entry and its lock, one with an expired one and its lock, one with
/// an expired one alone, and one with a lock alone.
fn fill(home: &Home, slots: usize) {
    let live = Entry {
        token: crate::token::AuthorizationToken::decode(
            "QVdTOnNlY3JldA==",
            at(LATER),
            at(LATER + 43_200),
        )
        .unwrap(),
        ..entry()
    };
    let folder = Folder::make(home.dir()).unwrap();
    let write = |slot, suffix, bytes: &[u8]| {
        let mut file = folder.open_lock(&folder.file(slot, suffix)).unwrap();
        file.write_all(bytes).unwrap();
    };
    for n in 0..slots {
        let key = Key::stable(&[b"slot", &n.to_le_bytes()]);
        match n % 4 {
            0 => write(key.slot(), Suffix::Entry, &live.to_bytes(&key).unwrap()),
            1 | 2 => write(key.slot(), Suffix::Entry, &entry().to_bytes(&key).unwrap()),
            _ => {}
        }
        if n % 4 != 2 {
            write(key.slot(), Suffix::Lock, b"");
        }
    }
}

#[test]
fn a_large_folder_is_tidied_in_parts_and_nothing_is_forgotten() {
    const SLOTS: usize = 1200;
    const NAMES: usize = 100;
    let limits = Limits {
        names: NAMES,
        names_at_least: 0,
        time: Duration::from_secs(3600),
    };
    let home = Home::new();
    fill(&home, SLOTS);
    let names = home.names().len();
    let mut now = LATER + 60;
    // File systems that number their files in order pass some by while others go; the next round
    // finds them.
    let mut rounds = 0;
    while home.names().len() > SLOTS / 4 * 2 + 1 {
        rounds += 1;
        assert!(rounds < 10, "{:?}", home.names());
        let mut sweeps: usize = 0;
        loop {
            let removed = home.cache.sweep_within(at(now), limits).unwrap();
            // A name leads to the two files of its slot.
            assert!(removed <= 2 * NAMES, "{removed}");
            sweeps += 1;
            if read_stamp(&home).1 == 0 {
                break;
            }
            assert!(sweeps <= names / NAMES + 1, "not without repetition");
            assert_eq!(home.cache.sweep_within(at(now + 9), limits).unwrap(), 0);
            now += 10;
        }
        assert!(rounds > 1 || sweeps > 10, "{sweeps}: not in parts");
        // With the round at its end, the pause is long.
        assert_eq!(home.cache.sweep_within(at(now + 3599), limits).unwrap(), 0);
        now += 3600;
    }
    assert_eq!(home.swept(now).len(), SLOTS / 4 * 2);
    assert_eq!(home.cache.list(at(now)).unwrap().len(), SLOTS / 4);
}

fn read_stamp(home: &Home) -> (i64, u64) {
    let text = fs::read_to_string(home.path("swept")).unwrap();
    let (seconds, place) = text.trim_end().split_once(' ').unwrap();
    (seconds.parse().unwrap(), place.parse().unwrap())
}

#[test]
fn a_place_that_is_none_is_the_beginning_or_the_end() {
    let home = Home::new();
    fill(&home, 100);
    for place in [1, u64::MAX, i64::MAX as u64, 12345] {
        home.write("swept", &format!("{} {place}\n", NOW - 3600), 0);
        home.cache.sweep_within(at(LATER), EVERYTHING).unwrap();
        assert_eq!(read_stamp(&home), (LATER, 0), "{place}");
    }
    assert_eq!(home.swept(LATER).len(), 50);
}

#[test]
fn a_sweep_ends_when_its_time_is_over() {
    let limits = Limits {
        names: usize::MAX,
        names_at_least: 10,
        time: Duration::ZERO,
    };
    let home = Home::with_folder();
    for n in 0..100 {
        home.write(&format!(".abcd{n:02}.tmp"), "", 2 * HOUR);
    }
    let removed = home.cache.sweep_within(at(NOW), limits).unwrap();
    assert!((5..=10).contains(&removed), "{removed}");
}

/// Ends the threads also when a test fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn no_writer_loses_what_it_has_written_to_a_sweep() {
    let home = Home::new();
    let stale = entry();
    let mut live = entry();
    live.token.obtained_at = at(LATER);
    live.token.expires_at = at(LATER + 43_200);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let _ = fs::remove_file(home.path("swept"));
                    home.cache.sweep(at(LATER));
                }
            });
        }
        let _over = Over(&done);
        for round in 0..60 {
            let lock = || {
                let end = Instant::now() + Duration::from_secs(20);
                loop {
                    if let Some(lock) = home.cache.try_lock(&key()).unwrap() {
                        return lock;
                    }
                    assert!(Instant::now() < end, "another process holds the lock");
                }
            };
            // An expired one, for the sweep to take up; and on its heels a new one.
            lock().put(&stale).unwrap();
            lock().put(&live).unwrap();
            thread::yield_now();
            let found = home.cache.get(&key(), at(LATER)).unwrap();
            assert_eq!(found.as_ref(), Some(&live), "round {round}");
        }
    });
    let _ = fs::remove_file(home.path("swept"));
    home.cache.sweep(at(LATER));
    assert_eq!(home.names(), [name("json"), name("lock"), "swept".into()]);
}
