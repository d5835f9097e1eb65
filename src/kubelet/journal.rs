//! A line for each answer, in the system log or a file: kubelet discards what a program that succeeds
//! prints on stderr (kubernetes 1.37, `pkg/credentialprovider/plugin/plugin.go`).

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

use crate::clock;
use crate::error::{escaped_path, one_line};

/// Writes a line; that it cannot be written is logged, and costs no pull.
pub(super) fn write(file: Option<&Path>, text: &str) {
    let text = one_line(text);
    let (result, place) = match file {
        Some(file) => (append(file, &text), escaped_path(file)),
        None => (send_to_system_log(&text), "the system log".to_owned()),
    };
    if let Err(error) = result {
        log::warn!("cannot write to {place}: {error}");
    }
}

/// Adds the line with the time to a file. A pipe in its place is not waited for.
fn append(file: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;

        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options
            .mode(0o600)
            .custom_flags(flags.bits().try_into().map_err(io::Error::other)?);
    }
    let mut file = options.open(file)?;
    // In one write, so that the lines of several processes do not mix.
    let now = humantime::format_rfc3339_seconds(clock::now().into());
    file.write_all(format!("{now} {text}\n").as_bytes())
}

/// Sends the line as a datagram to the local syslog socket, which on systemd is the journal's (RFC 3164,
/// section 4.1; facility `daemon`, severity `info`).
#[cfg(unix)]
fn send_to_system_log(text: &str) -> io::Result<()> {
    use std::os::unix::net::UnixDatagram;

    /// 8 × 3 (`daemon`) + 6 (`info`).
    const PRIORITY: u8 = 30;

    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    let line = format!(
        "<{PRIORITY}>docker-credential-ecrx[{}]: {text}",
        std::process::id()
    );
    socket.send_to(line.as_bytes(), "/dev/log").map(drop)
}

#[cfg(not(unix))]
fn send_to_system_log(_: &str) -> io::Result<()> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "this system has none; set log_file under [kubelet]",
    ))
}
