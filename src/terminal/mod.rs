//! Prompts on the terminal. stdin and stdout are used by the protocol, so MFA codes are read from the
//! controlling terminal.

use std::io;
use std::time::Duration;

#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
pub use absent::{ask_for_code, number};
#[cfg(unix)]
pub use unix::{ask_for_code, number};

/// Why no code was entered. The texts follow the name of the device.
#[derive(Debug, thiserror::Error)]
pub enum TerminalError {
    #[error("{why}")]
    Absent { why: Absence },
    /// Ctrl-C, Ctrl-D, or only Enter.
    #[error("the prompt was cancelled")]
    Cancelled,
    #[error("no code was entered within {:.0} s", limit.as_secs_f64())]
    TimedOut { limit: Duration },
    #[error("three entries were not six-digit codes")]
    Refused,
    /// The terminal exists, but fails.
    #[error("the terminal cannot be used")]
    Io(#[from] io::Error),
}

/// Why a prompt is impossible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Absence {
    /// The process has no controlling terminal: a service, a CI job, a container without a tty.
    #[error("no terminal is available for the prompt")]
    NoTerminal,
    /// The process is not, or no longer, in the terminal's foreground.
    #[error("the terminal is in use by another program")]
    Background,
    #[error("prompting on a terminal is not supported on this system")]
    Unsupported,
}

/// Systems without support for prompts.
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
