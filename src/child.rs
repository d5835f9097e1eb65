//! Programs that this one starts and waits for.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
#[cfg(unix)]
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::process::{ExitStatus, Stdio};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWriteExt as _, ReadBuf};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

use crate::runtime;

/// How long the end of the output is waited for after the program has ended, while a program that
/// it has started holds the pipe open. What it has printed itself is there by then.
const GRACE: Duration = Duration::from_millis(200);

/// How much of a pipe is kept, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Keep {
    /// All of it; more is an error.
    All(usize),
    End(usize),
}

/// Whether an output lacks something that another program may still print, which the one that has
/// ended successfully has started.
pub(crate) type Lacks = fn(&[u8]) -> bool;

/// Every output is an answer.
pub(crate) const LACKS_NOTHING: Lacks = |_| false;

/// What was kept of a program's output. It can be read even if the program is not waited for to its
/// end.
#[derive(Debug, Default)]
pub(crate) struct Printed {
    pub stdout: RefCell<Vec<u8>>,
    /// Of its standard error, if that is a pipe.
    pub stderr: RefCell<Vec<u8>>,
}

/// Why a program was not waited for to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChildError {
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It has printed more than [`Keep::All`] allows.
    #[error("too much output")]
    TooMuch,
}

/// Sends the input, and collects the output until the program has ended. If it was successful, the
/// output is then waited for as long as it lacks something and has not ended.
///
/// # Errors
/// When the system refuses something, or there is too much output. The program still runs then.
pub(crate) async fn finish(
    child: &mut Child,
    input: &[u8],
    stdout: Keep,
    stderr: Keep,
    lacks: Lacks,
    printed: &Printed,
) -> Result<ExitStatus, ChildError> {
    let mut stdout = Output::new(child.stdout.take(), stdout, &printed.stdout);
    let mut stderr = Output::new(child.stderr.take(), stderr, &printed.stderr);
    let mut send = pin!(send(child.stdin.take(), input));
    let mut wait = pin!(child.wait());
    let mut is_sent = false;
    let status = poll_fn(|context| {
        is_sent = is_sent || send.as_mut().poll(context).is_ready();
        stdout.read(context)?;
        stderr.read(context)?;
        wait.as_mut().poll(context).map_err(ChildError::Io)
    })
    .await?;
    let both_end = poll_fn(|context| {
        stdout.read(context)?;
        stderr.read(context)?;
        ready_if(stdout.has_ended() && stderr.has_ended())
    });
    if let Ok(result) = timeout(GRACE, both_end).await {
        result?;
    }
    if status.success() {
        poll_fn(|context| {
            stdout.read(context)?;
            ready_if(stdout.has_ended() || !lacks(&printed.stdout.borrow()))
        })
        .await?;
    }
    Ok(status)
}

fn ready_if(is_ready: bool) -> Poll<Result<(), ChildError>> {
    if is_ready {
        Poll::Ready(Ok(()))
    } else {
        Poll::Pending
    }
}

/// A program may well answer without having read its input to the end.
async fn send(pipe: Option<ChildStdin>, input: &[u8]) {
    if let Some(mut pipe) = pipe
        && let Err(error) = pipe.write_all(input).await
    {
        log::debug!("a program did not read its input: {error}");
    }
}

/// A pipe, until its end, and what is kept of it.
struct Output<'a, R> {
    pipe: Option<R>,
    keep: Keep,
    kept: &'a RefCell<Vec<u8>>,
}

impl<'a, R: AsyncRead + Unpin> Output<'a, R> {
    fn new(pipe: Option<R>, keep: Keep, kept: &'a RefCell<Vec<u8>>) -> Self {
        Self { pipe, keep, kept }
    }

    fn has_ended(&self) -> bool {
        self.pipe.is_none()
    }

    /// Reads what there is, so that the program is never blocked.
    fn read(&mut self, context: &mut Context<'_>) -> Result<(), ChildError> {
        let mut part = [0; 4096];
        while let Some(pipe) = &mut self.pipe {
            let mut part = ReadBuf::new(&mut part);
            match Pin::new(pipe).poll_read(context, &mut part) {
                Poll::Pending => break,
                Poll::Ready(Err(error)) => return Err(error.into()),
                Poll::Ready(Ok(())) if part.filled().is_empty() => self.pipe = None,
                Poll::Ready(Ok(())) => self.keep.add(&mut self.kept.borrow_mut(), part.filled())?,
            }
        }
        Ok(())
    }
}

impl Keep {
    fn add(self, kept: &mut Vec<u8>, part: &[u8]) -> Result<(), ChildError> {
        match self {
            Self::All(most) if kept.len() + part.len() > most => return Err(ChildError::TooMuch),
            Self::All(_) => kept.extend_from_slice(part),
            Self::End(most) => {
                kept.extend_from_slice(part);
                kept.drain(..kept.len().saturating_sub(most));
            }
        }
        Ok(())
    }
}

/// The most that is read of an output, in bytes.
const MAX_RUN_OUTPUT: usize = 1 << 20;

/// How a program has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

/// Runs a program with this input, and kills it after the limit.
///
/// # Errors
/// When it cannot be started, or has not ended by then ([`io::ErrorKind::TimedOut`]).
pub(crate) fn run(mut command: Command, input: &[u8], limit: Duration) -> io::Result<Ended> {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    runtime::block_on(async {
        let mut child = command.spawn()?;
        let printed = Printed::default();
        let (stdout, stderr) = (Keep::All(MAX_RUN_OUTPUT), Keep::End(MAX_RUN_OUTPUT));
        let end = finish(&mut child, input, stdout, stderr, LACKS_NOTHING, &printed);
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

/// The first executable file of this name in these folders; else the first that exists but is
/// not executable.
#[cfg(unix)]
pub(crate) fn find(program: &str, folders: &[PathBuf]) -> Result<PathBuf, Option<PathBuf>> {
    use std::os::unix::fs::PermissionsExt as _;

    let mut not_executable = None;
    for folder in folders {
        let file = folder.join(program);
        match std::fs::metadata(&file) {
            Ok(found) if found.is_file() && found.permissions().mode() & 0o111 != 0 => {
                return Ok(file);
            }
            Ok(found) if found.is_file() => {
                not_executable.get_or_insert(file);
            }
            _ => {}
        }
    }
    Err(not_executable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_pipe_the_end_or_all_is_kept() {
        let kept = |keep: Keep| {
            let mut kept = Vec::new();
            let parts = [&b"abc"[..], b"def", b"g"];
            parts
                .iter()
                .try_for_each(|part| keep.add(&mut kept, part))
                .map(|()| kept)
        };
        assert_eq!(kept(Keep::End(5)).unwrap(), b"cdefg");
        assert_eq!(kept(Keep::All(7)).unwrap(), b"abcdefg");
        assert!(matches!(kept(Keep::All(6)), Err(ChildError::TooMuch)));
    }

    #[cfg(unix)]
    #[test]
    fn an_executable_file_is_found_in_the_first_folder_that_has_one() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let [a, b, c] = ["a", "b", "c"].map(|name| folder.path().join(name));
        for (folder, mode) in [(&a, 0o644), (&b, 0o755), (&c, 0o755)] {
            std::fs::create_dir(folder).unwrap();
            let file = folder.join("tool");
            std::fs::write(&file, "").unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        std::fs::create_dir(a.join("folder")).unwrap();
        let all = [a.clone(), b.clone(), c];
        assert_eq!(find("tool", &all), Ok(b.join("tool")));
        assert_eq!(find("tool", &all[..1]), Err(Some(a.join("tool"))));
        assert_eq!(find("folder", &all), Err(None));
        assert_eq!(find("none", &all), Err(None));
    }
}
