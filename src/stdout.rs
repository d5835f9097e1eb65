//! Checks whether a process can read the output.

use std::io;

use crate::error::Error;

/// Why the output could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to stdout")]
pub(crate) struct StdoutError(#[from] io::Error);

impl From<StdoutError> for Error {
    fn from(error: StdoutError) -> Self {
        Self::failure(error)
    }
}

/// Refuses a standard output that no process can read.
///
/// If it was closed when this process was started, Rust's library has opened the null device in its
/// place by then, to read and to write (std 1.95, `sys/pal/unix/mod.rs`), and the output would be
/// lost without an error. A shell, Go and Rust open the null device only to write when they discard
/// output on purpose. Those that open it for both, as Python's `DEVNULL` and Node's `ignore` do,
/// cannot be told apart, and do not read the output either.
///
/// # Errors
/// When it was closed, is not open for writing, or is a null device that is open for both.
#[cfg(unix)]
pub(crate) fn check() -> Result<(), StdoutError> {
    use rustix::fs::{fstat, stat};

    // Pipes and files are open to write alone, and cost one system call.
    if !is_open_to_read_too()? {
        return Ok(());
    }
    let device = |found: rustix::io::Result<rustix::fs::Stat>| found.map(|found| found.st_rdev);
    if device(fstat(io::stdout())) == device(stat("/dev/null")) {
        let text = "it is closed, or discards everything";
        Err(io::Error::new(io::ErrorKind::BrokenPipe, text).into())
    } else {
        Ok(())
    }
}

/// Refuses a standard output that is not open for writing. Rust's library takes a write that fails
/// for this (`EBADF`) as one that succeeds.
///
/// # Errors
/// When it is not open for writing.
#[cfg(unix)]
pub(crate) fn check_writable() -> Result<(), StdoutError> {
    is_open_to_read_too().map(drop)
}

#[cfg(unix)]
fn is_open_to_read_too() -> Result<bool, StdoutError> {
    use rustix::fs::{OFlags, fcntl_getfl};

    let flags = fcntl_getfl(io::stdout()).map_err(io::Error::from)?;
    match flags & OFlags::RWMODE {
        OFlags::WRONLY => Ok(false),
        OFlags::RDONLY => Err(io::Error::other("it is not open for writing").into()),
        _ => Ok(true),
    }
}

#[cfg(not(unix))]
pub(crate) fn check() -> Result<(), StdoutError> {
    Ok(())
}

#[cfg(not(unix))]
pub(crate) fn check_writable() -> Result<(), StdoutError> {
    Ok(())
}
