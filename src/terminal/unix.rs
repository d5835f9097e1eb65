//! `/dev/tty`, and its settings while a question stands there.
//!
//! The line discipline goes on editing the line (Backspace, Ctrl-U), so a read gives a whole line
//! or nothing. Echo is off. No key sends a signal: Ctrl-C is made a second end of line (`VEOL`),
//! comes as a byte and cancels the question alone, in order, where a signal would kill this process
//! before it could put the settings back.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::process::getpgrp;
use rustix::termios::{
    InputModes, LocalModes, OptionalActions, OutputModes, QueueSelector, SpecialCodeIndex, Termios,
    tcflush, tcgetattr, tcgetpgrp, tcsetattr,
};

use super::answer::{Answer, CTRL_C, LONGEST_LINE};
use super::turn::Turn;
use super::{Absence, TerminalError};
use crate::error::one_line;
use crate::secret::Secret;

const CTRL_D: u8 = 0x04;

/// How often the question is asked.
const QUESTIONS: usize = 3;

/// How often is looked whether the terminal has been taken by another program.
const GLANCE: Duration = Duration::from_secs(1);

/// How often is tried what cannot be polled.
const SHORT_GLANCE: Duration = Duration::from_millis(50);

pub(super) fn ask_for_code(question: &str, time_limit: Duration) -> Result<Secret, TerminalError> {
    let terminal = Terminal::open(time_limit)?;
    let question = format!("{} ", one_line(question));
    for nth in 0..QUESTIONS {
        if nth > 0 {
            terminal.forget_what_was_typed();
            terminal.say("\nthat is not a code of six digits\n")?;
        }
        terminal.say(&question)?;
        match Answer::of(&terminal.read_line()?) {
            Answer::Code(code) => return Ok(code),
            Answer::Cancel => return Err(TerminalError::Cancelled),
            Answer::Other => {}
        }
    }
    Err(TerminalError::Refused)
}

/// The controlling terminal with the settings for a question; dropped, with those from before.
struct Terminal {
    device: File,
    before: Termios,
    time: Time,
    /// Given up after the settings are back.
    _turn: Turn,
}

impl Terminal {
    /// Waits for other questions to end. What was typed before is dropped: it was not meant as
    /// the answer.
    fn open(time_limit: Duration) -> Result<Self, TerminalError> {
        let device = open_device()?;
        let time = Time::from_now(time_limit);
        let turn = take_turn(&device, &time)?;
        let before = not_asking(tcgetattr(&device).map_err(io::Error::from)?);
        let asking = settings_to_ask(&before);
        let terminal = Self {
            device,
            before,
            time,
            _turn: turn,
        };
        terminal.set(&asking).map_err(io::Error::from)?;
        Ok(terminal)
    }

    /// Never waits for output that nobody takes, as `TCSAFLUSH` would.
    fn set(&self, settings: &Termios) -> rustix::io::Result<()> {
        tcsetattr(&self.device, OptionalActions::Now, settings)?;
        tcflush(&self.device, QueueSelector::IFlush)
    }

    fn forget_what_was_typed(&self) {
        // What is left then is judged as an answer, and is none.
        let _ = tcflush(&self.device, QueueSelector::IFlush);
    }

    fn say(&self, text: &str) -> Result<(), TerminalError> {
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            match (&self.device).write(rest) {
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.wait_for(PollFlags::OUT)?;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// A line with its end; an empty one when the person ended the input.
    fn read_line(&self) -> Result<Vec<u8>, TerminalError> {
        let mut line = vec![0; LONGEST_LINE];
        loop {
            self.wait_for(PollFlags::IN)?;
            match (&self.device).read(&mut line) {
                Ok(length) => {
                    line.truncate(length);
                    return Ok(line);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Returns when it is worth a try, with the terminal still in our hands.
    fn wait_for(&self, event: PollFlags) -> Result<(), TerminalError> {
        loop {
            let left = self.time.left()?;
            let mut devices = [PollFd::new(&self.device, event)];
            let polled = poll(&mut devices, Some(&timespec(left.min(GLANCE))));
            must_be_in_foreground(&self.device)?;
            match polled {
                // macOS polls no `/dev/tty`; rustix's documentation of `poll` says so.
                Ok(_) if devices[0].revents().contains(PollFlags::NVAL) => {
                    std::thread::sleep(left.min(SHORT_GLANCE));
                    return Ok(());
                }
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => return Ok(()),
                Err(error) => return Err(io::Error::from(error).into()),
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // From the background it would only stop this process (SIGTTOU), and whoever is in front
        // has set the terminal as they need it.
        if is_in_foreground(&self.device) {
            // Enter was not echoed.
            let _ = (&self.device).write_all(b"\n");
            let _ = self.set(&self.before);
        }
    }
}

/// Opened without blocking: nothing waits but [`Terminal::wait_for`]. The flag is this opening's
/// own, and does not change the terminal for others.
fn open_device() -> Result<File, TerminalError> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    OpenOptions::new()
        .read(true)
        .write(true)
        // The flags are the C ones, of which none has the sign bit.
        .custom_flags(flags.bits().cast_signed())
        .open("/dev/tty")
        .map_err(|error| {
            let errno = Errno::from_io_error(&error);
            let is_absent = [
                Errno::NXIO,
                Errno::NOENT,
                Errno::NODEV,
                Errno::IO,
                Errno::NOTTY,
                Errno::ACCESS,
                Errno::PERM,
            ];
            match errno {
                Some(errno) if is_absent.contains(&errno) => TerminalError::Absent {
                    why: Absence::NoTerminal,
                },
                _ => error.into(),
            }
        })
}

/// Whether this process may read: in the background a read, or a change of the settings, would
/// stop it (SIGTTIN, SIGTTOU). Nobody can tell when the foreground is of another PID namespace.
fn is_in_foreground(device: &File) -> bool {
    tcgetpgrp(device).is_ok_and(|group| group == getpgrp())
}

fn must_be_in_foreground(device: &File) -> Result<(), TerminalError> {
    let why = Absence::Background;
    is_in_foreground(device)
        .then_some(())
        .ok_or(TerminalError::Absent { why })
}

/// Waits until no other question stands on the terminal.
fn take_turn(device: &File, time: &Time) -> Result<Turn, TerminalError> {
    loop {
        must_be_in_foreground(device)?;
        if let Some(turn) = Turn::take() {
            return Ok(turn);
        }
        std::thread::sleep(time.left()?.min(SHORT_GLANCE));
    }
}

fn settings_to_ask(before: &Termios) -> Termios {
    let mut asking = before.clone();
    asking.local_modes |= LocalModes::ICANON;
    asking.local_modes -= LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ISIG;
    // Enter sends a carriage return. Ctrl-S must not stop the question.
    asking.input_modes |= InputModes::ICRNL;
    asking.input_modes -= InputModes::IGNCR | InputModes::INLCR | InputModes::IXON;
    asking.output_modes |= OutputModes::OPOST | OutputModes::ONLCR;
    asking.special_codes[SpecialCodeIndex::VEOL] = CTRL_C;
    asking.special_codes[SpecialCodeIndex::VEOF] = CTRL_D;
    asking
}

/// The settings to go back to: those that are there, unless one of us was killed while it asked and
/// has left its own behind. What these had changed is then put right as a shell would.
fn not_asking(mut found: Termios) -> Termios {
    let is_ours = found.special_codes[SpecialCodeIndex::VEOL] == CTRL_C
        && !found
            .local_modes
            .intersects(LocalModes::ECHO | LocalModes::ISIG);
    if is_ours {
        found.local_modes |= LocalModes::ECHO | LocalModes::ISIG;
        found.input_modes |= InputModes::IXON;
        found.special_codes[SpecialCodeIndex::VEOL] = 0;
    }
    found
}

/// The time that everything has together.
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

fn timespec(duration: Duration) -> Timespec {
    // No more than a glance.
    Timespec::try_from(duration).unwrap_or_default()
}
