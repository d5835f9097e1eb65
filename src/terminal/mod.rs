//! The user's terminal. stdin and stdout belong to the protocol, so the prompt for an MFA code is
//! on the terminal itself.

use std::io;
use std::time::Duration;

#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
pub use absent::{ask_for_code, number};
#[cfg(unix)]
pub use unix::{ask_for_code, number};

/// Why no code was entered. The texts follow what requires one.
#[derive(Debug, thiserror::Error)]
pub enum TerminalError {
    #[error("{why}")]
    Absent { why: Absence },
    /// The user pressed Ctrl-C, Ctrl-D, or only Enter.
    #[error("the prompt was cancelled")]
    Cancelled,
    /// The user entered nothing in time.
    #[error("no code was entered within {:.0} s", limit.as_secs_f64())]
    TimedOut { limit: Duration },
    /// The user entered something else each time.
    #[error("three entries were not six-digit codes")]
    Refused,
    /// There is a terminal, but it fails.
    #[error("the terminal cannot be used")]
    Io(#[from] io::Error),
}

/// Why there can be no prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Absence {
    /// No terminal controls this process: a service, a CI job, a container without a tty.
    #[error("no terminal is available for the prompt")]
    NoTerminal,
    /// This process is not in the terminal's foreground, or no longer.
    #[error("the terminal is in use by another program")]
    Background,
    #[error("prompting on a terminal is not supported on this system")]
    Unsupported,
}

/// Without a terminal that could be asked on.
#[cfg(not(unix))]
mod absent {
    use std::time::Duration;

    use super::{Absence, TerminalError};
    use crate::secret::Secret;

    pub fn number() -> Option<(u32, u32)> {
        None
    }

    pub fn ask_for_code(_: &str, _: Duration) -> Result<Secret, TerminalError> {
        let why = Absence::Unsupported;
        Err(TerminalError::Absent { why })
    }
}
