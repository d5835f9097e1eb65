//! The console, and its mode during a prompt.
//!
//! `CONIN$` and `CONOUT$` are the console of the process, wherever its streams lead. In raw mode the
//! input is not shown, and Ctrl-C is a key that cancels only the prompt.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::time::Duration;

use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use fs2::FileExt as _;

use super::{Absence, CTRL_C, LONGEST_LINE, RETRY_INTERVAL, TerminalError, Time};
use crate::fs::is_contended;

/// The console in the mode for a prompt. When dropped, it restores the usual mode.
pub(super) struct Terminal {
    output: File,
    time: Time,
    /// Released after the mode is restored.
    _turn: Option<File>,
}

impl Terminal {
    /// Waits until other prompts have ended. Drops earlier input, which is not meant as the code.
    pub(super) fn open(time_limit: Duration) -> Result<Self, TerminalError> {
        let no_terminal = |_| TerminalError::Absent {
            why: Absence::NoTerminal,
        };
        let output = OpenOptions::new().write(true).open("CONOUT$");
        let output = output.map_err(no_terminal)?;
        let time = Time::from_now(time_limit);
        let turn = take_turn(&time)?;
        enable_raw_mode().map_err(no_terminal)?;
        let terminal = Self {
            output,
            time,
            _turn: turn,
        };
        terminal.drop_input();
        Ok(terminal)
    }

    pub(super) fn drop_input(&self) {
        // If this fails, the input is read as an answer that is not a code.
        while matches!(event::poll(Duration::ZERO), Ok(true)) && event::read().is_ok() {}
    }

    pub(super) fn print(&self, text: &str) -> Result<(), TerminalError> {
        Ok((&self.output).write_all(text.as_bytes())?)
    }

    /// A line without its end; an empty one, or one with Ctrl-C, cancels.
    pub(super) fn read_line(&self) -> Result<Vec<u8>, TerminalError> {
        let mut line = String::new();
        loop {
            if !event::poll(self.time.left()?)? {
                continue;
            }
            let Event::Key(key) = event::read()? else {
                continue;
            };
            if key.kind == KeyEventKind::Release {
                continue;
            }
            let is_control = key.modifiers == KeyModifiers::CONTROL;
            match key.code {
                KeyCode::Enter => return Ok(line.into_bytes()),
                KeyCode::Char('c' | 'd' | 'z') if is_control => return Ok(vec![CTRL_C]),
                KeyCode::Char('u') if is_control => line.clear(),
                KeyCode::Esc => line.clear(),
                KeyCode::Backspace => {
                    line.pop();
                }
                KeyCode::Char('h') if is_control => {
                    line.pop();
                }
                KeyCode::Char(_) if is_control => {}
                KeyCode::Char(typed) if line.len() < LONGEST_LINE => line.push(typed),
                _ => {}
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Enter was not echoed.
        let _ = (&self.output).write_all(b"\n");
        let _ = disable_raw_mode();
    }
}

/// Waits until this user has no other prompt: clients run several processes of this program on one
/// console, which would read each other's input. If the file cannot be locked, no process waits.
fn take_turn(time: &Time) -> Result<Option<File>, TerminalError> {
    let path = std::env::temp_dir().join("docker-credential-ecrx-prompt.lock");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    let Ok(file) = options.open(path) else {
        return Ok(None);
    };
    loop {
        match file.try_lock_exclusive() {
            Err(error) if is_contended(&error) => {
                std::thread::sleep(time.left()?.min(RETRY_INTERVAL));
            }
            _ => return Ok(Some(file)),
        }
    }
}

/// Consoles have no numbers.
pub fn number() -> Option<(u32, u32)> {
    None
}

#[cfg(test)]
mod tests {
    use super::super::ask_for_code;
    use super::*;

    #[test]
    #[ignore = "needs somebody who types 12345, then 123x456 with Backspace after the x, each with Enter"]
    fn a_code_is_read_from_the_console_after_a_wrong_one() {
        let code = ask_for_code("code:", Duration::from_secs(60)).expect("a code");
        assert_eq!(code.expose(), "123456");
    }
}
