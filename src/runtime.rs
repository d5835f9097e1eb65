//! What the system may refuse to anything asynchronous: open files for its runtime, and threads
//! beside it. A refusal is an error here, where tokio ends the program.

use std::future::poll_fn;
use std::io;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::thread;

use tokio::runtime::{Builder, Runtime};

/// An async runtime on this thread.
///
/// # Errors
/// When the system refuses what it needs, open files above all (`ulimit -n`).
pub fn start() -> io::Result<Runtime> {
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
pub async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    let ours = Arc::new(Handover::default());
    let theirs = Arc::clone(&ours);
    thread::Builder::new()
        .spawn(move || theirs.put(work()))
        .map_err(|error| {
            io::Error::new(error.kind(), format!("no thread can be started: {error}"))
        })?;
    Ok(poll_fn(|context| ours.poll(context.waker())).await)
}

/// Where a thread puts what it has made.
struct Handover<T>(Mutex<State<T>>);

enum State<T> {
    Begun,
    WaitedFor(Waker),
    Made(T),
}

impl<T> Default for Handover<T> {
    fn default() -> Self {
        Self(Mutex::new(State::Begun))
    }
}

impl<T> Handover<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, made: T) {
        if let State::WaitedFor(waker) = mem::replace(&mut *self.state(), State::Made(made)) {
            waker.wake();
        }
    }

    fn poll(&self, waker: &Waker) -> Poll<T> {
        let mut state = self.state();
        match mem::replace(&mut *state, State::WaitedFor(waker.clone())) {
            State::Made(made) => Poll::Ready(made),
            State::Begun | State::WaitedFor(_) => Poll::Pending,
        }
    }
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
    fn a_thread_whose_work_nobody_waits_for_any_more_ends_well() {
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
