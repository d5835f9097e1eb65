//! A question to a process, and its answer.

use std::future::poll_fn;
use std::pin::pin;
use std::process::ExitStatus;
use std::task::Poll;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::time::timeout;

use super::Fault;

/// The most that it may print, in bytes: a `list` of some 40,000 logins.
const MAX_ANSWER: usize = 4 * 1024 * 1024;

/// How long is waited for the end of its output when it has ended itself, and something that it
/// has started holds the pipe open. What it has printed is there by then.
const GRACE: Duration = Duration::from_millis(200);

/// Sends the question and collects the output until the process has ended.
pub(super) async fn talk(
    child: &mut Child,
    question: &[u8],
    stdout: &mut Vec<u8>,
) -> Result<ExitStatus, Fault> {
    let mut send = pin!(send(child.stdin.take(), question));
    let mut read = pin!(read(child.stdout.take(), stdout));
    let mut wait = pin!(child.wait());
    let (mut is_sent, mut is_read) = (false, false);
    let status = poll_fn(|context| {
        is_sent = is_sent || send.as_mut().poll(context).is_ready();
        if !is_read && let Poll::Ready(result) = read.as_mut().poll(context) {
            is_read = true;
            if let Err(fault) = result {
                return Poll::Ready(Err(fault));
            }
        }
        wait.as_mut().poll(context).map_err(Fault::Run)
    })
    .await?;
    if !is_read && let Ok(result) = timeout(GRACE, read).await {
        result?;
    }
    Ok(status)
}

/// A process may well answer without having read the question to its end.
async fn send(pipe: Option<ChildStdin>, question: &[u8]) {
    if let Some(mut pipe) = pipe
        && let Err(error) = pipe.write_all(question).await
    {
        log::debug!("the other helper has not read its question: {error}");
    }
}

async fn read(pipe: Option<ChildStdout>, stdout: &mut Vec<u8>) -> Result<(), Fault> {
    let Some(mut pipe) = pipe else {
        return Ok(());
    };
    loop {
        stdout.reserve(4096);
        if pipe.read_buf(stdout).await.map_err(Fault::Run)? == 0 {
            return Ok(());
        }
        if stdout.len() > MAX_ANSWER {
            return Err(Fault::TooMuch);
        }
    }
}

/// Kills the process and sees it end, so that nothing of it is left when the fault is told.
pub(super) async fn stopped(mut child: Child, fault: Fault) -> Fault {
    match timeout(Duration::from_secs(1), child.kill()).await {
        Ok(Ok(())) => {}
        result => log::warn!("the other helper cannot be stopped: {result:?}"),
    }
    fault
}
