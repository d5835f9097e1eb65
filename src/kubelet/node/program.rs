//! Programs that the commands for nodes run: `systemctl`, and a provider.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use crate::child::{self, ChildError, Keep, LACKS_NOTHING, Printed};
use crate::runtime;

/// The most that is read of an output, in bytes.
const MAX_OUTPUT: usize = 1 << 20;

/// How a program has ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

/// Runs a program with this input, and kills it after the limit.
///
/// # Errors
/// When it cannot be started, or has not ended by then ([`io::ErrorKind::TimedOut`]).
pub(super) fn run(mut command: Command, input: &[u8], limit: Duration) -> io::Result<Ended> {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    runtime::block_on(async {
        let mut child = command.spawn()?;
        let printed = Printed::default();
        let (stdout, stderr) = (Keep::All(MAX_OUTPUT), Keep::End(MAX_OUTPUT));
        let end = child::finish(&mut child, input, stdout, stderr, LACKS_NOTHING, &printed);
        let status = match timeout(limit, end).await {
            Ok(Ok(status)) => status,
            Ok(Err(ChildError::Io(error))) => return Err(error),
            Ok(Err(error)) => return Err(io::Error::other(error)),
            Err(_) => return Err(io::ErrorKind::TimedOut.into()),
        };
        Ok(Ended {
            status,
            stdout: printed.stdout.into_inner(),
            stderr: String::from_utf8_lossy(&printed.stderr.into_inner()).into_owned(),
        })
    })?
}
