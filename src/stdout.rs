//! Whether anybody can read what is printed.

use std::io::{self, Write as _};

/// Why an output did not arrive.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to stdout")]
pub struct StdoutError(#[from] io::Error);

/// Prints a text. A closed standard output is not noticed: the program may be run to see whether it
/// is there.
///
/// # Errors
/// When it does not arrive.
pub fn print(text: &str) -> Result<(), StdoutError> {
    let mut stdout = io::stdout();
    stdout.write_all(text.as_bytes())?;
    Ok(stdout.flush()?)
}

/// Refuses a standard output that was closed when this process was started. Rust's library has
/// opened the null device in its place by then, to read and to write (std 1.95,
/// `sys/pal/unix/mod.rs`), and an answer would vanish as if all were well.
///
/// A shell, Go and Rust open the null device only to write when they discard output on purpose.
/// Those that open it for both, as Python's `DEVNULL` and Node's `ignore` do, cannot be told apart:
/// their answer reaches nobody, either.
///
/// # Errors
/// When it was closed.
#[cfg(unix)]
pub fn check() -> Result<(), StdoutError> {
    use rustix::fs::{OFlags, fcntl_getfl, fstat, stat};

    let stdout = io::stdout();
    // Pipes and files are open to write alone, and cost one system call.
    let flags = fcntl_getfl(&stdout).map_err(io::Error::from)?;
    match flags & OFlags::RWMODE {
        OFlags::WRONLY => return Ok(()),
        // The standard library takes a write that fails for this (EBADF) as one that succeeds.
        OFlags::RDONLY => return Err(io::Error::other("it is not open for writing").into()),
        _ => {}
    }
    let device = |found: rustix::io::Result<rustix::fs::Stat>| found.map(|found| found.st_rdev);
    match device(fstat(&stdout)) == device(stat("/dev/null")) {
        true => Err(io::Error::new(io::ErrorKind::BrokenPipe, "it is closed").into()),
        false => Ok(()),
    }
}

#[cfg(not(unix))]
pub fn check() -> Result<(), StdoutError> {
    Ok(())
}
