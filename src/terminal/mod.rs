//! The terminal of the person behind the client. stdin and stdout belong to the protocol, so what
//! only a person can tell is asked for on the terminal itself, past both.

use std::io;
use std::time::Duration;

use crate::secret::Secret;

#[cfg(unix)]
mod answer;
#[cfg(unix)]
mod turn;
#[cfg(unix)]
mod unix;

/// Why no code came. The texts stand behind what wanted one.
#[derive(Debug, thiserror::Error)]
pub enum TerminalError {
    /// Nobody can be asked.
    #[error("{why}")]
    Absent {
        /// What is missing.
        why: Absence,
    },
    /// The person pressed Ctrl-C or Ctrl-D, or Enter alone.
    #[error("it was cancelled")]
    Cancelled,
    /// The person did not answer.
    #[error("none was given within {:.0} s", limit.as_secs_f64())]
    TimedOut {
        /// For how long was waited.
        limit: Duration,
    },
    /// The person answered, but never with a code.
    #[error("three answers were not codes of six digits")]
    Refused,
    /// There is a terminal, and it fails.
    #[error("the terminal cannot be used")]
    Io(#[from] io::Error),
}

/// Why nobody can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Absence {
    /// No terminal controls this process: a service, a CI job, a container without a tty.
    #[error("there is no terminal to ask for it on")]
    NoTerminal,
    /// This process is not in the terminal's foreground, or no longer.
    #[error("the terminal to ask for it on is in use by another program")]
    Background,
    /// Not unix.
    #[error("asking for it on a terminal is not supported on this system")]
    Unsupported,
}

/// Which terminal controls this process, while it lives; `None` where there is none, or where the
/// system does not tell.
pub fn number() -> Option<(u32, u32)> {
    #[cfg(unix)]
    return turn::number();
    #[cfg(not(unix))]
    None
}

/// Asks for a code of six digits on the terminal that the process is controlled by, three times
/// at most, and all within the time limit. What is typed is not shown. Blocks the thread.
///
/// # Errors
/// The [`TerminalError`] that says why no code came. The terminal is as it was before, unless
/// another program has taken it meanwhile.
pub fn ask_for_code(question: &str, time_limit: Duration) -> Result<Secret, TerminalError> {
    #[cfg(unix)]
    return unix::ask_for_code(question, time_limit);
    #[cfg(not(unix))]
    {
        let _ = (question, time_limit);
        let why = Absence::Unsupported;
        Err(TerminalError::Absent { why })
    }
}
