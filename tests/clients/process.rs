//! Running a program to its end.

#![allow(dead_code, reason = "each test file uses a part")]

use std::io::Write;
use std::process::{Command, Stdio};

/// What a program that has ended left.
pub struct Finished {
    /// What was run.
    pub line: String,
    /// Its exit code; 124 after the time limit; none after a signal.
    pub code: Option<i32>,
    /// Its stdout.
    pub stdout: String,
    /// Its stderr.
    pub stderr: String,
}

impl Finished {
    /// Both streams, for what clients print on the one or the other.
    pub fn output(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// `Ok` when the program succeeded.
    pub fn success(self) -> Result<Self, String> {
        if self.code == Some(0) {
            Ok(self)
        } else {
            Err(self.report())
        }
    }

    /// For people who read a failed test.
    pub fn report(&self) -> String {
        let Self {
            line,
            code,
            stdout,
            stderr,
        } = self;
        format!("{line}\nexit code: {code:?}\nstdout: {stdout}\nstderr: {stderr}")
    }
}

/// Arguments of `timeout`: end whatever follows after `seconds`, with its children.
pub fn limit(command: &mut Command, seconds: u32) {
    command.arg("--kill-after=5").arg(seconds.to_string());
}

/// Runs a command with `input` as its stdin.
pub fn finish(mut command: Command, input: &str) -> Finished {
    let line = format!("{command:?}");
    let ended = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .and_then(|mut child| {
            if let Some(mut stdin) = child.stdin.take() {
                // A client need not read what it is offered.
                let _ = stdin.write_all(input.as_bytes());
            }
            child.wait_with_output()
        });
    match ended {
        Ok(output) => Finished {
            line,
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        },
        Err(error) => Finished {
            line,
            code: None,
            stdout: String::new(),
            stderr: error.to_string(),
        },
    }
}
