//! Detection of loops: calls of this program by programs that it has started.
//!
//! An environment variable lists what the calls above this one have started. A program in between
//! may have cleared the environment, as `sudo` does, so the parent processes are counted too, if
//! the system shows them.
//!
//! A program that outlives its call, such as an agent, passes the variable on to everything that it
//! starts later. So each entry says until when it counts: shortly after the time limit of the call
//! that wrote it. After that, an entry left over from an earlier call has no effect.
//!
//! # Limits
//!
//! These loops are not detected. Each call starts the next one until you stop them, dozens in a
//! second without a cache. With one, each waits for the lock of the call above it for half its time
//! limit.
//!
//! - Only Linux shows the parent processes. Elsewhere, a loop is not detected if a program in
//!   between clears the environment.
//! - On Linux, that program has to detach itself from its parent as well: `setsid -f env -i …`.
//! - An entry counts for a limited time, so a loop whose calls take longer is not detected.

use std::time::Duration;

use crate::clock;
use crate::digest::{DigestParts, hex};
use crate::env::{Env, var};

/// So many calls above this one are a loop. A pull within a `credential_process` makes one of them,
/// and there may be another one around it.
const A_LOOP: usize = 3;

/// The same if a program in between has cleared the environment, so that the variable is missing.
const A_LOOP_UNSEEN: usize = 2;

/// How long an entry counts after the time limit of its call: a program that was stopped by then may
/// have started others, such as a client that pulls, and they call back a little later.
const AFTERMATH: Duration = Duration::from_secs(300);

/// An entry that claims to count for longer is wrong: no time limit is longer than an hour.
const LONGEST: Duration = Duration::from_secs(3600 + 300);

/// A program that is about to be started.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Callee<'a> {
    /// The helper for other registries.
    OtherHelper,
    /// A `credential_process`. Two profiles may have the same command, which may depend on the
    /// profile.
    Process {
        profile: Option<&'a str>,
        command: &'a str,
    },
}

impl Callee<'_> {
    /// How the variable names it. A command may hold secrets.
    fn name(self) -> String {
        match self {
            Self::OtherHelper => "1".to_owned(),
            Self::Process { profile, command } => {
                let mut parts = DigestParts::new(b"credential_process");
                parts.add(profile.unwrap_or_default().as_bytes());
                parts.add(command.as_bytes());
                hex(&parts.digest().as_bytes()[..16])
            }
        }
    }
}

/// Whether this process was started, directly or not, by what it is about to start.
pub(crate) fn is_loop(callee: Callee<'_>, env: &Env) -> bool {
    let name = callee.name();
    let above = entries_above(env);
    if above.is_empty() {
        calls_above() >= A_LOOP_UNSEEN
    } else {
        above.iter().any(|entry| entry.name == name) || calls_above() >= A_LOOP
    }
}

/// Whether this process was started, directly or not, by a call of this program, which waits for it.
pub(crate) fn is_within_a_call(env: &Env) -> bool {
    !entries_above(env).is_empty() || calls_above() > 0
}

/// The value of the variable for what is about to be started, and may take as long as this.
pub(crate) fn extended_by(callee: Callee<'_>, limit: Duration, env: &Env) -> String {
    let entry = CallEntry {
        name: callee.name(),
        until: now().saturating_add((limit + AFTERMATH).as_secs()),
    };
    let entries = entries_above(env).into_iter().chain([entry]);
    let texts: Vec<String> = entries.map(|entry| entry.text()).collect();
    texts.join(",")
}

/// What a call of this program has started.
struct CallEntry {
    /// [`Callee::name`].
    name: String,
    /// When it no longer counts, in seconds since 1970.
    until: u64,
}

impl CallEntry {
    fn parse(text: &str) -> Option<Self> {
        let (name, until) = text.split_once('@')?;
        let (name, until) = (name.to_owned(), until.parse().ok()?);
        Some(Self { name, until })
    }

    fn text(&self) -> String {
        format!("{}@{}", self.name, self.until)
    }

    fn counts(&self, now: u64) -> bool {
        (now..=now + LONGEST.as_secs()).contains(&self.until)
    }
}

/// The entries of the variable that count.
fn entries_above(env: &Env) -> Vec<CallEntry> {
    let value = env.get(var::ECRX_HANDED_OVER).unwrap_or_default();
    let now = now();
    let entries = value.split(',').filter_map(CallEntry::parse);
    entries.filter(|entry| entry.counts(now)).collect()
}

fn now() -> u64 {
    u64::try_from(clock::now().unix_timestamp()).unwrap_or_default()
}

/// How many of the processes above this one are this program, but no more than make a loop.
#[cfg(target_os = "linux")]
fn calls_above() -> usize {
    use rustix::process::{Pid, getppid};

    let own = std::fs::metadata(OWN_EXECUTABLE).ok();
    let mut count = 0;
    let mut next = getppid().map(Pid::as_raw_pid);
    while let Some(pid) = next.filter(|pid| *pid > 1 && count < A_LOOP) {
        count += usize::from(is_this_program(pid, own.as_ref()));
        next = parent_of(pid);
    }
    count
}

#[cfg(not(target_os = "linux"))]
fn calls_above() -> usize {
    0
}

#[cfg(target_os = "linux")]
const OWN_EXECUTABLE: &str = "/proc/self/exe";

/// Whether a process runs this executable, a copy of it, or one that is called like it. Another
/// user's executable cannot be seen, its name can (`proc(5)`).
#[cfg(target_os = "linux")]
fn is_this_program(pid: i32, own: Option<&std::fs::Metadata>) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    if name_of(pid).is_some_and(|name| name.starts_with(b"docker-credential-ecrx")) {
        return true;
    }
    let executable = format!("/proc/{pid}/exe");
    let (Some(own), Ok(its)) = (own, std::fs::metadata(&executable)) else {
        return false;
    };
    (own.dev(), own.ino()) == (its.dev(), its.ino())
        || (own.len() == its.len() && has_the_bytes_of_this_one(&executable))
}

#[cfg(target_os = "linux")]
fn has_the_bytes_of_this_one(executable: &str) -> bool {
    let bytes = |path: &str| std::fs::read(path).ok();
    bytes(executable).is_some_and(|its| Some(its) == bytes(OWN_EXECUTABLE))
}

/// The name that a process was called by, without folders.
#[cfg(target_os = "linux")]
fn name_of(pid: i32) -> Option<Vec<u8>> {
    let arguments = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let program = arguments.split(|byte| *byte == 0).next()?;
    Some(program.rsplit(|byte| *byte == b'/').next()?.to_vec())
}

#[cfg(target_os = "linux")]
fn parent_of(pid: i32) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is in parentheses, and may hold any of them.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    fn above(chain: &str) -> Env {
        Env::from_variables([("ECRX_HANDED_OVER", chain)])
    }

    #[test]
    fn the_same_command_above_itself_is_a_loop_and_another_one_is_not() {
        let process = |profile, command| Callee::Process { profile, command };
        let ours = process(Some("work"), "get --token hunter2");
        let first = extended_by(ours, LIMIT, &Env::from_variables([]));
        assert!(!first.contains("hunter2"));
        let both = extended_by(Callee::OtherHelper, LIMIT, &above(&first));
        let within = |chain: &str, callee| is_loop(callee, &above(chain));
        for chain in [&first, &both] {
            assert!(within(chain, ours));
            assert!(!within(chain, process(Some("work"), "get")));
            assert!(!within(
                chain,
                process(Some("other"), "get --token hunter2")
            ));
        }
        assert!(!within(&first, Callee::OtherHelper));
        assert!(within(&both, Callee::OtherHelper));
        assert!(!is_loop(Callee::OtherHelper, &Env::from_variables([])));
    }

    #[test]
    fn an_entry_counts_until_minutes_after_the_longest_time_limit_at_most() {
        let now = now();
        let counts = |entry: &str| {
            let env = above(entry);
            let is_loop = is_loop(Callee::OtherHelper, &env);
            assert_eq!(is_loop, is_within_a_call(&env), "{entry}");
            let next = extended_by(Callee::OtherHelper, LIMIT, &env);
            assert_eq!(next.split(',').count(), 1 + usize::from(is_loop), "{next}");
            is_loop
        };
        for until in [now + 60, now + 3600] {
            assert!(counts(&format!("1@{until}")));
        }
        for until in [0, now - 1, now + 2 * 3600, u64::MAX] {
            assert!(!counts(&format!("1@{until}")), "{until}");
        }
        for wrong in ["1", "1@", "@", ",", "1@soon", "1@-1"] {
            assert!(!counts(wrong), "{wrong}");
        }
        let longest = extended_by(Callee::OtherHelper, Duration::from_secs(3600), &above(""));
        assert!(counts(&longest), "{longest}");
    }
}
