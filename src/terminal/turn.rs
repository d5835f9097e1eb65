//! One question at a time. Clients run several of us at once, on one terminal: two questions would
//! take each other's answers, and the one that ends last would put back the other's settings, with
//! echo off, for good.

use std::fs::File;

use fs2::FileExt as _;

/// The terminal's lock. It ends with this process at the latest.
pub(super) struct Turn {
    _terminal: Option<File>,
}

impl Turn {
    /// `None` while another question stands on the terminal. Where the terminal cannot be locked,
    /// it is always our turn.
    pub(super) fn take() -> Option<Self> {
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

/// The controlling terminal by its own name. `/dev/tty` is one file for all terminals and users,
/// so its lock would make strangers wait for each other; `/dev/pts/N` is open to its user alone.
#[cfg(target_os = "linux")]
fn open_by_name() -> Option<File> {
    use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};

    use rustix::fs::OFlags;

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
    // The terminal may be of another container, whose numbers are others'.
    let device = terminal.metadata().ok()?.rdev();
    (device == rustix::fs::makedev(major, minor)).then_some(terminal)
}

/// Major and minor number of the controlling terminal, where there is one.
#[cfg(target_os = "linux")]
pub(super) fn number() -> Option<(u32, u32)> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    device_in(&stat).filter(|number| *number != (0, 0))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn number() -> Option<(u32, u32)> {
    None
}

#[cfg(not(target_os = "linux"))]
fn open_by_name() -> Option<File> {
    None
}

/// Major and minor number of the controlling terminal: `tty_nr` of proc_pid_stat(5), the fifth
/// field behind the program's name, which is in parentheses and may hold any.
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
