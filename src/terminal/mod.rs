//! Prompts on the terminal. stdin and stdout are used by the protocol, so MFA codes are read from the
//! controlling terminal, on Windows from the console.

use std::io;
use std::time::{Duration, Instant};

use crate::error::one_line;
use crate::secret::Secret;

#[cfg_attr(unix, path = "unix.rs")]
#[cfg_attr(windows, path = "windows.rs")]
mod device;

use device::Terminal;
pub use device::number;

/// Ends a line like Enter during a prompt.
const CTRL_C: u8 = 0x03;

/// The longest line of any line discipline, in bytes: Linux keeps 4,095 and the end of line, others
/// fewer. They drop the rest.
const LONGEST_LINE: usize = 4096;

/// The maximum number of prompts.
const PROMPTS: usize = 3;

/// The interval of attempts at what cannot be polled.
const RETRY_INTERVAL: Duration = Duration::from_millis(50);

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
}

/// Prompts for a code of six digits on the controlling terminal, at most three times within the time
/// limit. The input is not shown. Blocks the thread.
///
/// # Errors
/// Why no code was entered. The settings of the terminal are restored, unless another program has
/// taken the foreground.
pub fn ask_for_code(question: &str, time_limit: Duration) -> Result<Secret, TerminalError> {
    let terminal = Terminal::open(time_limit)?;
    let question = format!("{} ", one_line(question));
    for nth in 0..PROMPTS {
        if nth > 0 {
            terminal.drop_input();
            terminal.print("\nnot a six-digit code; try again\n")?;
        }
        terminal.print(&question)?;
        match TypedLine::read(&terminal.read_line()?) {
            TypedLine::Code(code) => return Ok(code),
            TypedLine::Cancel => return Err(TerminalError::Cancelled),
            TypedLine::Other => {}
        }
    }
    Err(TerminalError::Refused)
}

/// The time limit of all prompts together.
struct Time {
    began_at: Instant,
    limit: Duration,
}

impl Time {
    fn from_now(limit: Duration) -> Self {
        Self {
            began_at: Instant::now(),
            limit,
        }
    }

    fn left(&self) -> Result<Duration, TerminalError> {
        self.limit
            .checked_sub(self.began_at.elapsed())
            .filter(|left| !left.is_zero())
            .ok_or(TerminalError::TimedOut { limit: self.limit })
    }
}

/// A line from the terminal.
#[derive(Debug, PartialEq, Eq)]
enum TypedLine {
    /// Six ASCII digits, also with blanks.
    Code(Secret),
    /// A line with Ctrl-C, or an empty one: Ctrl-D, Enter.
    Cancel,
    /// Not a code.
    Other,
}

impl TypedLine {
    fn read(line: &[u8]) -> Self {
        let answer: Vec<u8> = line
            .iter()
            .copied()
            .filter(|byte| !byte.is_ascii_whitespace())
            .collect();
        if answer.is_empty() || answer.contains(&CTRL_C) {
            return Self::Cancel;
        }
        match String::from_utf8(answer) {
            Ok(code) if code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()) => {
                Self::Code(Secret::new(code))
            }
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_digits_are_a_code_whatever_blanks_there_are() {
        for line in ["123456\n", "123 456\n", "  1 2\t3 4 5 6 \n", "123456"] {
            let code = TypedLine::Code(Secret::new("123456"));
            assert_eq!(TypedLine::read(line.as_bytes()), code, "{line:?}");
        }
    }

    #[test]
    fn no_other_line_is_a_code() {
        for line in ["12345\n", "1234567\n", "12345a\n", "+12345\n", "١٢٣٤٥٦\n"] {
            assert_eq!(
                TypedLine::read(line.as_bytes()),
                TypedLine::Other,
                "{line:?}"
            );
        }
        assert_eq!(TypedLine::read(b"123456\xff\n"), TypedLine::Other);
        assert_eq!(TypedLine::read(&[b'1'; LONGEST_LINE]), TypedLine::Other);
    }

    #[test]
    fn nothing_and_ctrl_c_cancel() {
        for line in ["", "\n", "  \n", "\x03", "123456\x03", "12\x0334\n"] {
            assert_eq!(
                TypedLine::read(line.as_bytes()),
                TypedLine::Cancel,
                "{line:?}"
            );
        }
    }
}
