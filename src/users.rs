//! The password database, where the C library is inside the executable.
//!
//! A static C library reads `/etc/passwd`. Whom it does not find there it would look for with the
//! machine's libraries (`nsswitch.conf`: `systemd`, `sss`), and only the very version that was
//! built with can load those; so the machine's `getent passwd UID` is asked.

use std::path::PathBuf;

#[cfg(unix)]
use crate::child;
#[cfg(unix)]
use crate::env::{Env, var};

/// The home folder of the user that runs this process. Takes a process where `/etc/passwd` does
/// not know the user.
#[cfg(unix)]
pub fn home() -> Option<PathBuf> {
    use std::process::{Command, Stdio};

    let user = rustix::process::getuid().as_raw().to_string();
    let users = std::fs::read("/etc/passwd").unwrap_or_default();
    home_of(&user, &users).or_else(|| {
        let output = Command::new(getent_program()?)
            .env_clear()
            .env(var::PATH, Env::process().search_path())
            .args(["passwd", &user])
            .stdin(Stdio::null())
            .output();
        home_of(&user, &output.ok()?.stdout)
    })
}

/// `getent`, by the absolute folders of `PATH`, or where it is nearly everywhere.
#[cfg(unix)]
pub fn getent_program() -> Option<PathBuf> {
    let mut folders = Env::process().search_folders();
    folders.extend(["/usr/bin", "/bin"].map(PathBuf::from));
    child::find("getent", &folders).ok()
}

#[cfg(not(unix))]
pub fn getent_program() -> Option<PathBuf> {
    None
}

#[cfg(not(unix))]
pub fn home() -> Option<PathBuf> {
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

    #[test]
    fn a_user_is_found_by_number() {
        let users = b"# 1000:x:7:\nroot:x:0:0:root:/root:/bin/sh\n+::::::\nbob\xff:x:1000:100::/home/bob:\nalice:x:1000:100::/home/alice:\nnobody:x:65534:65534:::\n";
        let home = |user| home_of(user, users);
        assert_eq!(home("0"), Some("/root".into()));
        assert_eq!(home("1000"), Some("/home/bob".into()));
        for nobody in ["100", "10", "65534", ""] {
            assert_eq!(home(nobody), None, "{nobody}");
        }
    }
}
