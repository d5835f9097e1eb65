//! A line on the terminal if a step takes long.

use std::io::{self, IsTerminal, Write as _};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

/// A step that is shorter needs no line.
const PATIENCE: Duration = Duration::from_secs(1);

/// Prints what is waited for once a second has passed, unless it is dropped before.
#[derive(Debug)]
pub(super) struct Waiting {
    /// Its end wakes the thread.
    _end: Sender<()>,
}

impl Waiting {
    /// `None` if stderr is not a terminal, or no thread can be started.
    pub(super) fn start(what: String) -> Option<Self> {
        let mut terminal = io::stderr();
        if !terminal.is_terminal() {
            return None;
        }
        let (end, ended) = mpsc::channel();
        let wait = move || {
            if ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                // The line is a courtesy: the report does not depend on it.
                let _ = writeln!(terminal, "Waiting for a response from {what}...");
            }
        };
        thread::Builder::new().spawn(wait).ok()?;
        Some(Self { _end: end })
    }
}
