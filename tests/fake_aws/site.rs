//! A folder that is served over HTTP.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use super::server::Server;

/// Ends when it is dropped.
pub struct FakeSite {
    server: Server,
}

impl FakeSite {
    /// Serves the files of a folder. Of a file with this name only the first half is sent, then the
    /// connection is closed.
    pub fn start(folder: PathBuf, cut: Option<&'static str>) -> Self {
        let serve = move |socket: TcpStream, _, _: &_| {
            // A client may go away.
            let _ = answer(&socket, &folder, cut);
        };
        Self {
            server: Server::start(serve).expect("a listener"),
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }
}

fn answer(mut socket: &TcpStream, folder: &Path, cut: Option<&str>) -> io::Result<()> {
    let mut head = BufReader::new(socket).lines();
    let line = head.next().unwrap_or_else(|| Ok(String::new()))?;
    while head
        .next()
        .transpose()?
        .is_some_and(|line| !line.is_empty())
    {}
    let path = line.split(' ').nth(1).unwrap_or_default();
    let file = folder.join(path.trim_start_matches('/'));
    let Ok(body) = fs::read(&file) else {
        return socket.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    };
    let length = body.len();
    write!(
        socket,
        "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n"
    )?;
    let is_cut = cut.is_some_and(|name| file.ends_with(name));
    socket.write_all(&body[..if is_cut { length / 2 } else { length }])
}
