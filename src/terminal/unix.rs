//! `/dev/tty`, and its settings during a prompt.
//!
//! The line discipline still edits the line (Backspace, Ctrl-U), so that a read returns a whole line or
//! nothing. Echo is off. No key sends a signal: Ctrl-C is a second end of line (`VEOL`). It is read as a
//! byte and cancels only the prompt. A signal would end the process before it can restore the settings.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::time::Duration;

use fs2::FileExt as _;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::process::getpgrp;
use rustix::termios::{
    InputModes, LocalModes, OptionalActions, OutputModes, QueueSelector, SpecialCodeIndex, Termios,
    tcflush, tcgetattr, tcgetpgrp, tcsetattr,
};

use super::{Absence, CTRL_C, LONGEST_LINE, RETRY_INTERVAL, TerminalError, Time};

const CTRL_D: u8 = 0x04;

/// The interval at which the foreground is checked.
const FOREGROUND_INTERVAL: Duration = Duration::from_secs(1);

/// The controlling terminal with the settings for a prompt. When dropped, it restores the earlier ones.
pub(super) struct Terminal {
    device: File,
    before: Termios,
    time: Time,
    /// Released after the settings are restored.
    _turn: Turn,
}

impl Terminal {
    /// Waits until other prompts have ended. Drops earlier input, which is not meant as the code.
    pub(super) fn open(time_limit: Duration) -> Result<Self, TerminalError> {
        let device = open_device()?;
        let time = Time::from_now(time_limit);
        let turn = take_turn(&device, &time)?;
        let before = without_prompt(tcgetattr(&device).map_err(io::Error::from)?);
        let prompting = with_prompt(&before);
        let terminal = Self {
            device,
            before,
            time,
            _turn: turn,
        };
        terminal.set(&prompting).map_err(io::Error::from)?;
        Ok(terminal)
    }

    /// Does not wait for pending output, which `TCSAFLUSH` does.
    fn set(&self, settings: &Termios) -> rustix::io::Result<()> {
        tcsetattr(&self.device, OptionalActions::Now, settings)?;
        tcflush(&self.device, QueueSelector::IFlush)
    }

    pub(super) fn drop_input(&self) {
        // If this fails, the input is read as an answer that is not a code.
        let _ = tcflush(&self.device, QueueSelector::IFlush);
    }

    pub(super) fn print(&self, text: &str) -> Result<(), TerminalError> {
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

    /// A line with its end; an empty one at the end of the input.
    pub(super) fn read_line(&self) -> Result<Vec<u8>, TerminalError> {
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

    /// Returns if an attempt may succeed and the process is still in the foreground.
    fn wait_for(&self, event: PollFlags) -> Result<(), TerminalError> {
        loop {
            let left = self.time.left()?;
            let mut devices = [PollFd::new(&self.device, event)];
            let polled = poll(&mut devices, Some(&timespec(left.min(FOREGROUND_INTERVAL))));
            must_be_in_foreground(&self.device)?;
            match polled {
                // macOS does not poll `/dev/tty` (rustix, documentation of `poll`).
                Ok(_) if devices[0].revents().contains(PollFlags::NVAL) => {
                    std::thread::sleep(left.min(RETRY_INTERVAL));
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
        // In the background this would stop the process (SIGTTOU), and the program in the foreground
        // has set the terminal for itself.
        if is_in_foreground(&self.device) {
            // Enter was not echoed.
            let _ = (&self.device).write_all(b"\n");
            let _ = self.set(&self.before);
        }
    }
}

/// Opens the terminal without blocking: only [`Terminal::wait_for`] waits. The flag belongs to this
/// file description, and does not change the terminal for other programs.
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

/// Whether the process may read: in the background, a read or a change of the settings would stop it
/// (SIGTTIN, SIGTTOU). A foreground of another PID namespace is not recognised.
fn is_in_foreground(device: &File) -> bool {
    tcgetpgrp(device).is_ok_and(|group| group == getpgrp())
}

fn must_be_in_foreground(device: &File) -> Result<(), TerminalError> {
    let why = Absence::Background;
    is_in_foreground(device)
        .then_some(())
        .ok_or(TerminalError::Absent { why })
}

/// Waits until the terminal has no other prompt.
fn take_turn(device: &File, time: &Time) -> Result<Turn, TerminalError> {
    loop {
        must_be_in_foreground(device)?;
        if let Some(turn) = Turn::take() {
            return Ok(turn);
        }
        std::thread::sleep(time.left()?.min(RETRY_INTERVAL));
    }
}

fn with_prompt(before: &Termios) -> Termios {
    let mut prompting = before.clone();
    prompting.local_modes |= LocalModes::ICANON;
    prompting.local_modes -= LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ISIG;
    // Enter sends a carriage return. Ctrl-S must not stop the prompt.
    prompting.input_modes |= InputModes::ICRNL;
    prompting.input_modes -= InputModes::IGNCR | InputModes::INLCR | InputModes::IXON;
    prompting.output_modes |= OutputModes::OPOST | OutputModes::ONLCR;
    prompting.special_codes[SpecialCodeIndex::VEOL] = CTRL_C;
    prompting.special_codes[SpecialCodeIndex::VEOF] = CTRL_D;
    prompting
}

/// The settings to restore: the current ones, unless they are those of a prompt whose process was
/// killed. Then its changes are undone as a shell would.
fn without_prompt(mut found: Termios) -> Termios {
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

fn timespec(duration: Duration) -> Timespec {
    // It is at most an interval.
    Timespec::try_from(duration).unwrap_or_default()
}

/// The terminal's lock, for one prompt at a time. It is released when the process ends at the latest.
///
/// Clients run several processes of this program on one terminal. Two prompts would read each other's
/// input, and the one that ends last would restore the other's settings, so that echo stays off.
struct Turn {
    _terminal: Option<File>,
}

impl Turn {
    /// `None` while the terminal has another prompt. If the terminal cannot be locked, no process
    /// waits.
    fn take() -> Option<Self> {
        let terminal = open_by_name();
        let is_taken = terminal.as_ref().is_some_and(|terminal| {
            let contended = fs2::lock_contended_error().kind();
            terminal
                .try_lock_exclusive()
                .is_err_and(|error| error.kind() == contended)
        });
        (!is_taken).then_some(Self {
            _terminal: terminal,
        })
    }
}

/// Linux's major number of `/dev/pts/*`; the minor one is the name.
#[cfg(target_os = "linux")]
const PSEUDO_TERMINALS: u32 = 136;

/// The controlling terminal by its own name. `/dev/tty` is the same file for all terminals and users,
/// so its lock would make other users wait. Only its user can open `/dev/pts/N`.
#[cfg(target_os = "linux")]
fn open_by_name() -> Option<File> {
    use std::os::unix::fs::MetadataExt as _;

    let (major, minor) = number()?;
    if major != PSEUDO_TERMINALS {
        return None;
    }
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let terminal = std::fs::OpenOptions::new()
        .read(true)
        // The flags are the C ones, of which none has the sign bit.
        .custom_flags(flags.bits().cast_signed())
        .open(format!("/dev/pts/{minor}"))
        .ok()?;
    // The terminal may belong to another container, which has its own numbers.
    let device = terminal.metadata().ok()?.rdev();
    (device == rustix::fs::makedev(major, minor)).then_some(terminal)
}

/// The controlling terminal's device number; `None` if there is none or it is unknown.
#[cfg(target_os = "linux")]
pub fn number() -> Option<(u32, u32)> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    device_in(&stat).filter(|number| *number != (0, 0))
}

#[cfg(not(target_os = "linux"))]
pub fn number() -> Option<(u32, u32)> {
    None
}

#[cfg(not(target_os = "linux"))]
fn open_by_name() -> Option<File> {
    None
}

/// Major and minor number of the controlling terminal: `tty_nr` of proc_pid_stat(5), the fifth field
/// after the program's name, which is in parentheses and may contain parentheses.
#[cfg(target_os = "linux")]
fn device_in(stat: &str) -> Option<(u32, u32)> {
    let (_, fields) = stat.rsplit_once(')')?;
    let device: u32 = fields.split_ascii_whitespace().nth(4)?.parse().ok()?;
    Some((
        (device >> 8) & 0xfff,
        (device & 0xff) | ((device >> 12) & 0xfff00),
    ))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_terminal_is_found_whatever_the_program_is_called() {
        let of = |device: u32| device_in(&format!("42 (a ) S 1) R 41 42 42 {device} 42 0"));
        assert_eq!(of(0), Some((0, 0)));
        assert_eq!(of(136 << 8 | 7), Some((136, 7)));
        // Minor 0x12345: its lowest eight bits, the major, the rest.
        assert_eq!(of(0x123 << 20 | 136 << 8 | 0x45), Some((136, 0x12345)));
        assert_eq!(device_in("42 (a) R 41"), None);
    }
}
