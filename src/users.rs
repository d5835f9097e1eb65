//! The password database, where the C library is inside the executable, and the machine's `getent`.
//!
//! A static C library reads `/etc/passwd`. A user that is not in it would be looked up with the
//! machine's libraries (`nsswitch.conf`: `systemd`, `sss`), and only the very version that was
//! built with can load those; so the machine's `getent passwd UID` is asked.

use std::ffi::OsStr;
use std::path::PathBuf;

#[cfg(unix)]
use std::path::Path;
#[cfg(unix)]
use std::process::Stdio;
#[cfg(unix)]
use std::time::Duration;

use tokio::process::Command;
#[cfg(unix)]
use tokio::time::timeout;

#[cfg(unix)]
use crate::{child, runtime};

/// How long `getent` may take: it may ask a server that is unreachable.
#[cfg(unix)]
const LIMIT: Duration = Duration::from_secs(5);

/// The home folder of the user that runs this process. Takes a process where `/etc/passwd` does
/// not know the user, and a few seconds at most.
#[cfg(unix)]
pub(crate) fn home(search_path: &OsStr) -> Option<PathBuf> {
    let user = rustix::process::getuid().as_raw().to_string();
    let users = std::fs::read("/etc/passwd").unwrap_or_default();
    home_of(&user, &users).or_else(|| {
        let mut getent = getent(search_path)?;
        getent.args(["passwd", &user]);
        let line = output_within(LIMIT, getent)?;
        home_of(&user, &line)
    })
}

/// What `getent` prints. It is asked in a thread of its own, as a runtime may be running in this one.
#[cfg(unix)]
fn output_within(limit: Duration, mut getent: Command) -> Option<Vec<u8>> {
    let ask = move || {
        runtime::block_on(async {
            let asked = timeout(limit, getent.output()).await;
            asked.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
        })?
    };
    let asking = std::thread::Builder::new().spawn(ask).ok()?;
    let answer = asking.join().ok()?;
    let warn = |error| log::warn!("cannot get the home folder from getent: {error}");
    Some(answer.map_err(warn).ok()?.stdout)
}

/// `getent`, from the folders of a search path (absolute ones), or from where it is nearly everywhere.
/// It is given no credentials, which the environment may hold, and ends when its output is no longer
/// waited for.
#[cfg(unix)]
pub(crate) fn getent(search_path: &OsStr) -> Option<Command> {
    let mut folders: Vec<PathBuf> = std::env::split_paths(search_path).collect();
    folders.extend(["/usr/bin", "/bin"].map(PathBuf::from));
    let program = child::find("getent", &folders).ok()?;
    Some(getent_at(&program, search_path))
}

#[cfg(unix)]
fn getent_at(program: &Path, search_path: &OsStr) -> Command {
    let mut getent = Command::new(program);
    getent
        .env_clear()
        .env("PATH", search_path)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    getent
}

#[cfg(not(unix))]
pub(crate) fn getent(_: &OsStr) -> Option<Command> {
    None
}

#[cfg(not(unix))]
pub(crate) fn home(_: &OsStr) -> Option<PathBuf> {
    None
}

/// The home folder in the first line of a user (`passwd(5)`). Names need not be UTF-8.
#[cfg(unix)]
fn home_of(user: &str, users: &[u8]) -> Option<PathBuf> {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    users.split(|byte| *byte == b'\n').find_map(|line| {
        let mut fields = line.split(|byte| *byte == b':');
        (fields.nth(2)? == user.as_bytes()).then_some(())?;
        let home = fields.nth(2)?;
        (!home.is_empty()).then(|| OsStr::from_bytes(home).into())
    })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    /// A program that does as the script says.
    fn program(folder: &Path, script: &str) -> PathBuf {
        let [draft, program] = ["draft", "getent"].map(|name| folder.join(name));
        std::fs::write(&draft, format!("#!/bin/sh\n{script}\n")).unwrap();
        // By a process of its own: while this one has it open for writing, another thread's child
        // may inherit that, and no process could run it ("text file busy").
        let copied = std::process::Command::new("sh")
            .args(["-c", "cp \"$0\" \"$1\" && chmod 700 \"$1\""])
            .args([&draft, &program])
            .status();
        assert!(copied.unwrap().success());
        program
    }

    #[test]
    fn the_answer_of_getent_is_waited_for_until_a_limit() {
        const LONG: Duration = Duration::from_secs(60);
        let folder = tempfile::tempdir().unwrap();
        let ask = |script: &str, limit| {
            let program = program(folder.path(), script);
            let mut getent = getent_at(&program, OsStr::new("/usr/bin:/bin"));
            getent.args(["passwd", "1000"]);
            output_within(limit, getent)
        };
        let answer = ask("echo \"$@\"", LONG);
        assert_eq!(answer.as_deref(), Some(&b"passwd 1000\n"[..]));
        let started = std::time::Instant::now();
        let hanging = ask("exec sleep 600", Duration::from_millis(100));
        assert_eq!(hanging, None);
        assert!(started.elapsed() < LONG);
    }

    #[test]
    fn a_user_is_found_by_number() {
        let users = b"# 1000:x:7:\nroot:x:0:0:root:/root:/bin/sh\n+::::::\nbob\xff:x:1000:100::/home/bob:\nalice:x:1000:100::/home/alice:\nnobody:x:65534:65534:::\n";
        let home = |user| home_of(user, users);
        assert_eq!(home("0"), Some("/root".into()));
        assert_eq!(home("1000"), Some("/home/bob".into()));
        for absent in ["100", "10", "65534", ""] {
            assert_eq!(home(absent), None, "{absent}");
        }
    }
}
