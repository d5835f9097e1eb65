//! What asynchronous code needs from the system: open files for its runtime, and threads. If the
//! system refuses them, that is an error here, where tokio would end the program.

use std::io;
use std::thread;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

/// An async runtime on this thread.
///
/// # Errors
/// When the system refuses what it needs, open files above all (`ulimit -n`).
pub(crate) fn start() -> io::Result<Runtime> {
    files_can_be_opened()?;
    Builder::new_current_thread().enable_all().build()
}

/// tokio 1.54 opens six files for a runtime, two of them where it cannot say that it failed: it
/// panics (`signal/unix.rs`, `OsExtraData::default`). So as many are tried out before.
#[cfg(unix)]
fn files_can_be_opened() -> io::Result<()> {
    use std::os::unix::net::UnixStream;

    [(); 3]
        .map(|()| UnixStream::pair())
        .into_iter()
        .try_for_each(|pair| pair.map(drop))
}

#[cfg(not(unix))]
fn files_can_be_opened() -> io::Result<()> {
    Ok(())
}

/// Does what cannot be interrupted in a thread of its own, which ends with the process at the
/// latest. (tokio's `spawn_blocking` panics where there can be no thread.)
///
/// # Errors
/// When there can be no thread: by `ulimit -u`, the limit of a container, or memory.
pub(crate) async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let (sender, receiver) = oneshot::channel();
    let work = move || {
        // The receiver may be gone, because the deadline has passed.
        let _ = sender.send(work());
    };
    thread::Builder::new()
        .spawn(work)
        .map_err(|error| io::Error::new(error.kind(), format!("cannot start a thread: {error}")))?;
    receiver.await.map_err(io::Error::other)
}

/// Runs something to its end, in a runtime of its own.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> io::Result<T> {
    let runtime = start()?;
    let result = runtime.block_on(work);
    // What blocks a thread of its own cannot be stopped: do not wait.
    runtime.shutdown_background();
    Ok(result)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_a_thread_makes_is_waited_for_and_nothing_stands_still_meanwhile() {
        let made = start().expect("a runtime").block_on(async {
            let slow = apart(|| {
                thread::sleep(Duration::from_millis(50));
                "slow"
            });
            let mut slow = std::pin::pin!(slow);
            let quick = tokio::time::timeout(Duration::from_millis(1), &mut slow);
            assert!(quick.await.is_err());
            let at_once = apart(|| "at once").await.expect("a thread");
            (at_once, slow.await.expect("a thread"))
        });
        assert_eq!(made, ("at once", "slow"));
    }

    #[test]
    fn a_thread_whose_work_is_no_longer_awaited_ends_well() {
        let (sender, receiver) = std::sync::mpsc::channel();
        start().expect("a runtime").block_on(async {
            let work = apart(move || {
                thread::sleep(Duration::from_millis(20));
                sender.send("made").expect("a receiver");
            });
            let quick = tokio::time::timeout(Duration::from_millis(1), work);
            assert!(quick.await.is_err());
        });
        assert_eq!(receiver.recv_timeout(Duration::from_secs(10)), Ok("made"));
    }
}
