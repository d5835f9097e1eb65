//! The place from which a job downloads: one file at every path, on loopback.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use sha2::{Digest as _, Sha256};

pub struct Download {
    /// The address, without a slash at its end.
    pub url: String,
    /// The SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    paths: Arc<Mutex<Vec<String>>>,
    listener: TcpListener,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Download {
    pub fn serve(file: Vec<u8>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let sha256 = Sha256::digest(&file);
        let sha256 = sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        let ended = Arc::new(AtomicBool::new(false));
        let paths = Arc::new(Mutex::new(Vec::new()));
        let (accepting, seen) = (listener.try_clone().expect("a copy"), Arc::clone(&ended));
        let asked = Arc::clone(&paths);
        let thread = thread::spawn(move || {
            for socket in accepting.incoming().map_while(Result::ok) {
                if seen.load(Ordering::SeqCst) {
                    break;
                }
                // A client that goes away has an error of its own.
                if let Ok(path) = answer(&socket, &file) {
                    asked.lock().expect("no panic").push(path);
                }
            }
        });
        Self {
            url: format!("http://{}", listener.local_addr().expect("an address")),
            sha256,
            paths,
            listener,
            ended,
            thread: Some(thread),
        }
    }

    /// The paths that were downloaded.
    pub fn paths(&self) -> Vec<String> {
        self.paths.lock().expect("no panic").clone()
    }
}

/// Reads a request without a body, and sends the file. The path of the request.
fn answer(mut socket: &TcpStream, file: &[u8]) -> std::io::Result<String> {
    let mut lines = BufReader::new(socket).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    write!(
        socket,
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        file.len()
    )?;
    socket.write_all(file)?;
    Ok(request.split(' ').nth(1).unwrap_or_default().to_owned())
}

impl Drop for Download {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        let address = self.listener.local_addr().expect("an address");
        let woken = TcpStream::connect(address).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| woken) {
            let _ = thread.join();
        }
    }
}
