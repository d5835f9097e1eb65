//! A listener on loopback with a thread per connection, ended when it is dropped.

use std::collections::HashMap;
use std::io::{self, Read as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Locks even behind a thread that panicked: a test must fail for its own reason.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What connection threads share with the listener.
#[derive(Default)]
pub(super) struct Lifetime {
    stopped: Mutex<bool>,
    woken: Condvar,
    sockets: Mutex<Sockets>,
}

#[derive(Default)]
struct Sockets {
    last: usize,
    open: HashMap<usize, TcpStream>,
}

impl Lifetime {
    pub fn is_over(&self) -> bool {
        *lock(&self.stopped)
    }

    /// Waits this long, or until the end; says whether there is more to do.
    pub fn sleep(&self, time: Option<Duration>) -> bool {
        let until = time.map(|time| Instant::now() + time);
        let mut stopped = lock(&self.stopped);
        while !*stopped {
            let left = match until {
                Some(until) => until.saturating_duration_since(Instant::now()),
                None => Duration::from_secs(3600),
            };
            if left.is_zero() {
                return true;
            }
            let waited = self.woken.wait_timeout(stopped, left);
            stopped = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        false
    }

    /// Registers a socket, so that the end closes it; answers its number, from 1.
    pub fn adopt(&self, socket: &TcpStream) -> io::Result<usize> {
        let copy = socket.try_clone()?;
        let mut sockets = lock(&self.sockets);
        sockets.last += 1;
        let number = sockets.last;
        sockets.open.insert(number, copy);
        Ok(number)
    }

    /// Closes a socket for good.
    pub fn release(&self, number: usize) {
        if let Some(socket) = lock(&self.sockets).open.remove(&number) {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    /// Whether no connection is open.
    fn is_idle(&self) -> bool {
        lock(&self.sockets).open.is_empty()
    }

    fn end(&self) {
        *lock(&self.stopped) = true;
        self.woken.notify_all();
    }

    fn close_all(&self) {
        for (_, socket) in lock(&self.sockets).open.drain() {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

/// A running listener.
pub(super) struct Server {
    pub address: SocketAddr,
    lifetime: Arc<Lifetime>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens on a free port of 127.0.0.1 and gives each connection, with its number, to
    /// `serve` in a thread of its own.
    pub fn start<F>(serve: F) -> io::Result<Self>
    where
        F: Fn(TcpStream, usize, &Arc<Lifetime>) + Send + Sync + 'static,
    {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into(), serve)
    }

    /// The same at this address.
    pub fn start_at<F>(address: SocketAddr, serve: F) -> io::Result<Self>
    where
        F: Fn(TcpStream, usize, &Arc<Lifetime>) + Send + Sync + 'static,
    {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let lifetime = Arc::new(Lifetime::default());
        let (shared, serve) = (Arc::clone(&lifetime), Arc::new(serve));
        let thread = thread::Builder::new()
            .name("fake-accept".to_owned())
            .spawn(move || accept(&listener, &shared, &serve))?;
        Ok(Self {
            address,
            lifetime,
            thread: Some(thread),
        })
    }

    /// Waits until all that was sent has been read to its end, and every connection is closed.
    /// They are taken in order, so one of our own that is closed stands behind all before it.
    pub fn settle(&self) -> io::Result<()> {
        let probe = TcpStream::connect(self.address)?;
        probe.shutdown(Shutdown::Write)?;
        probe.set_read_timeout(Some(Duration::from_secs(30)))?;
        (&probe).read_to_end(&mut Vec::new())?;
        let start = Instant::now();
        while !self.lifetime.is_idle() {
            if start.elapsed() > Duration::from_secs(30) {
                return Err(io::ErrorKind::TimedOut.into());
            }
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }
}

fn accept<F>(listener: &TcpListener, lifetime: &Arc<Lifetime>, serve: &Arc<F>)
where
    F: Fn(TcpStream, usize, &Arc<Lifetime>) + Send + Sync + 'static,
{
    while !lifetime.is_over() {
        let Ok((socket, _)) = listener.accept() else {
            lifetime.sleep(Some(Duration::from_millis(10)));
            continue;
        };
        if lifetime.is_over() {
            return;
        }
        let _ = socket.set_nodelay(true);
        let Ok(number) = lifetime.adopt(&socket) else {
            continue;
        };
        let (shared, serve) = (Arc::clone(lifetime), Arc::clone(serve));
        let spawned = thread::Builder::new()
            .name(format!("fake-connection-{number}"))
            .spawn(move || {
                serve(socket, number, &shared);
                shared.release(number);
            });
        if spawned.is_err() {
            lifetime.release(number);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.lifetime.end();
        // Wakes the listener; when even that fails, its thread is left behind.
        let woken = TcpStream::connect_timeout(&self.address, Duration::from_secs(1)).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| woken) {
            let _ = thread.join();
        }
        self.lifetime.close_all();
    }
}
