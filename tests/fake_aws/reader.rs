//! Reading HTTP/1.1 from blocking sockets: as much as AWS clients need.

use std::io::{self, Read, Write};

use super::http::Request;

const MAX_HEAD: usize = 64 * 1024;
const MAX_BODY: usize = 4 * 1024 * 1024;

/// Reads requests from one connection, keeping what was read too far.
pub(super) struct Reader {
    buffer: Vec<u8>,
}

impl Reader {
    pub fn new() -> Self {
        Self { buffer: Vec::new() }
    }

    /// The next request, or `None` when the client has closed.
    pub fn next<S: Read + Write + ?Sized>(
        &mut self,
        stream: &mut S,
    ) -> io::Result<Option<Request>> {
        let end = loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break end;
            }
            if self.buffer.len() > MAX_HEAD {
                return Err(invalid("head too long"));
            }
            if self.fill(stream)? == 0 {
                return Ok(None);
            }
        };
        let head = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
        self.buffer.drain(..end + 4);
        let mut request = parse_head(&head)?;
        if request
            .header("expect")
            .is_some_and(|value| value.eq_ignore_ascii_case("100-continue"))
        {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            stream.flush()?;
        }
        let chunked = request
            .header("transfer-encoding")
            .is_some_and(|value| value.to_ascii_lowercase().contains("chunked"));
        request.body = if chunked {
            self.chunks(stream)?
        } else {
            let length = request.header("content-length").unwrap_or("0");
            let length = length
                .trim()
                .parse()
                .map_err(|_| invalid("content-length"))?;
            self.take(stream, length)?
        };
        Ok(Some(request))
    }

    /// What was read behind the last request.
    pub fn rest(self) -> Vec<u8> {
        self.buffer
    }

    fn fill<S: Read + ?Sized>(&mut self, stream: &mut S) -> io::Result<usize> {
        let mut chunk = [0; 8192];
        let read = loop {
            match stream.read(&mut chunk) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        self.buffer.extend_from_slice(&chunk[..read]);
        Ok(read)
    }

    fn take<S: Read + ?Sized>(&mut self, stream: &mut S, length: usize) -> io::Result<Vec<u8>> {
        if length > MAX_BODY {
            return Err(invalid("body too long"));
        }
        while self.buffer.len() < length {
            if self.fill(stream)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(self.buffer.drain(..length).collect())
    }

    fn line<S: Read + ?Sized>(&mut self, stream: &mut S) -> io::Result<String> {
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n") {
                let line = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
                self.buffer.drain(..end + 2);
                return Ok(line);
            }
            if self.buffer.len() > MAX_HEAD {
                return Err(invalid("line too long"));
            }
            if self.fill(stream)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    fn chunks<S: Read + ?Sized>(&mut self, stream: &mut S) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.line(stream)?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).map_err(|_| invalid("chunk size"))?;
            if size == 0 {
                while !self.line(stream)?.is_empty() {}
                return Ok(body);
            }
            if body.len() + size > MAX_BODY {
                return Err(invalid("body too long"));
            }
            body.extend(self.take(stream, size)?);
            self.line(stream)?;
        }
    }
}

fn parse_head(head: &str) -> io::Result<Request> {
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target), Some(version)) = (first.next(), first.next(), first.next())
    else {
        return Err(invalid("request line"));
    };
    // Behind the "://" of a whole URL, the first slash begins the path.
    let path_at = target
        .find("://")
        .filter(|_| !target.starts_with('/'))
        .map(|at| {
            let authority = at + 3;
            target[authority..]
                .find('/')
                .map_or(target.len(), |slash| authority + slash)
        });
    let (origin, target) = match path_at {
        Some(at) if at == target.len() => (Some(target), "/"),
        Some(at) => (Some(&target[..at]), &target[at..]),
        None => (None, target),
    };
    let mut headers = Vec::new();
    for line in lines {
        let (name, value) = line.split_once(':').ok_or_else(|| invalid("header"))?;
        headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
    }
    let connection = headers
        .iter()
        .find(|(name, _)| name == "connection")
        .map(|(_, value)| value.to_ascii_lowercase());
    let keep_alive = match connection.as_deref() {
        Some("close") => false,
        Some("keep-alive") => true,
        _ => version != "HTTP/1.0",
    };
    Ok(Request {
        method: method.to_owned(),
        target: target.to_owned(),
        origin: origin.map(str::to_owned),
        headers,
        body: Vec::new(),
        keep_alive,
    })
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
