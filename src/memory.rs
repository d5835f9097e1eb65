//! The process's memory: its stack has to suffice, and no other process may read the secrets in it.

use crate::error::Error;

/// In bytes. The deepest calls, which renew an SSO sign-in, need 512 to 640 KiB in a debug build.
#[cfg(unix)]
const LEAST_STACK: u64 = 1024 * 1024;

/// With the limit of the stack in bytes, as `getrlimit(2)` has it.
#[cfg(unix)]
#[derive(Debug, thiserror::Error)]
#[error("the stack is limited to {} KiB, and {} KiB are required", .0 / 1024, LEAST_STACK / 1024)]
struct StackError(u64);

/// # Errors
/// When the stack of this thread cannot grow as far as the program needs it: the kernel would end the
/// process without a word.
#[cfg(unix)]
pub(crate) fn check_stack() -> Result<(), Error> {
    use rustix::process::{Resource, getrlimit};

    match getrlimit(Resource::Stack).current {
        Some(limit) if limit < LEAST_STACK => {
            Err(Error::failure(StackError(limit)).hint("Run: ulimit -s 8192"))
        }
        _ => Ok(()),
    }
}

/// The executable says how large the stack is.
#[cfg(not(unix))]
pub(crate) fn check_stack() -> Result<(), Error> {
    Ok(())
}

/// From here on, other processes of this user cannot read the memory (`ptrace(2)`, `/proc/PID/mem`),
/// and a crash leaves no core file, not even if `kernel.core_pattern` names a program.
#[cfg(target_os = "linux")]
pub(crate) fn protect() {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};

    // Fails for no valid value (`PR_SET_DUMPABLE(2const)`).
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// From here on, a crash leaves no core file.
#[cfg(all(unix, not(target_os = "linux")))]
pub(crate) fn protect() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let none = Rlimit {
        current: Some(0),
        ..getrlimit(Resource::Core)
    };
    // A lower limit is always allowed (`setrlimit(2)`).
    let _ = setrlimit(Resource::Core, none);
}

/// Windows writes none, unless an administrator has asked for it.
#[cfg(not(unix))]
pub(crate) fn protect() {}
