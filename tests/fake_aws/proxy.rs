//! An HTTP proxy on loopback that leads everything to one address, or each host to its own.

use std::collections::HashMap;
use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::clock;
use super::http::{Request, Response};
use super::reader::Reader;
use super::server::{Lifetime, Server, lock};

/// A running proxy.
pub struct FakeProxy {
    server: Server,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    targets: Vec<String>,
    authorizations: Vec<Option<String>>,
    connections: usize,
    credentials: Option<String>,
    refusal: Option<u16>,
    hang: bool,
    /// Where the hosts are that are not at `elsewhere`.
    hosts: HashMap<String, SocketAddr>,
    elsewhere: Option<SocketAddr>,
}

impl FakeProxy {
    /// Starts one that tunnels every CONNECT, and passes every plain request, to `upstream`.
    pub fn start(upstream: SocketAddr) -> Self {
        let proxy = Self::leading_nowhere();
        lock(&proxy.state).elsewhere = Some(upstream);
        proxy
    }

    /// Starts one that knows no host but those that it is told of. Others are answered with 502.
    pub fn leading_nowhere() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let server = Server::start(move |socket, _, lifetime| {
            lock(&shared).connections += 1;
            let _ = serve(socket, &shared, lifetime);
        });
        Self {
            server: server.expect("listen on 127.0.0.1"),
            state,
        }
    }

    /// Leads this host there, whatever its port.
    pub fn lead(&self, host: &str, to: SocketAddr) {
        lock(&self.state).hosts.insert(host.to_owned(), to);
    }

    /// Leads this host nowhere.
    pub fn forget(&self, host: &str) {
        lock(&self.state).hosts.remove(host);
    }

    /// The value for `HTTPS_PROXY`.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// The value for `HTTPS_PROXY` with a user and a password in it.
    pub fn url_with(&self, user: &str, password: &str) -> String {
        format!("http://{user}:{password}@{}", self.server.address)
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// Answers 407 unless this user and password are presented.
    pub fn require_auth(&self, user: &str, password: &str) {
        let basic = STANDARD.encode(format!("{user}:{password}"));
        lock(&self.state).credentials = Some(format!("Basic {basic}"));
    }

    /// Answers every request with this status, such as 502; `None` ends it.
    pub fn refuse(&self, status: Option<u16>) {
        lock(&self.state).refusal = status;
    }

    /// Leaves every request without an answer.
    pub fn hang(&self) {
        lock(&self.state).hang = true;
    }

    /// What was asked for: `host:port` of CONNECT, or the URL of a plain request.
    pub fn targets(&self) -> Vec<String> {
        lock(&self.state).targets.clone()
    }

    /// The `Proxy-Authorization` of each target.
    pub fn authorizations(&self) -> Vec<Option<String>> {
        lock(&self.state).authorizations.clone()
    }

    /// How many TCP connections were accepted.
    pub fn connections(&self) -> usize {
        lock(&self.state).connections
    }
}

fn serve(mut client: TcpStream, state: &Mutex<State>, lifetime: &Arc<Lifetime>) -> io::Result<()> {
    let mut reader = Reader::new();
    while let Some(request) = reader.next(&mut client)? {
        let (hang, answer) = judge(&request, &mut lock(state));
        if hang {
            lifetime.sleep(None);
            return Ok(());
        }
        if let Some(answer) = answer {
            let bytes = answer.encode(request.keep_alive, &clock::http_date(clock::now()));
            client.write_all(&bytes)?;
            if request.keep_alive {
                continue;
            }
            return Ok(());
        }
        let upstream = upstream(&request, &lock(state));
        let Some(Ok(server)) = upstream.map(TcpStream::connect) else {
            let answer = Response::text(502, "Bad Gateway");
            let bytes = answer.encode(false, &clock::http_date(clock::now()));
            return client.write_all(&bytes);
        };
        let _ = server.set_nodelay(true);
        return tunnel(client, server, &request, reader.rest(), lifetime);
    }
    Ok(())
}

/// Where the host of a request is.
fn upstream(request: &Request, state: &State) -> Option<SocketAddr> {
    let authority = match &request.origin {
        Some(origin) => origin.split("://").nth(1)?,
        None => &request.target,
    };
    let host = authority.split(':').next()?;
    state.hosts.get(host).copied().or(state.elsewhere)
}

/// Records a request; says whether to leave it hanging, or how to turn it down.
fn judge(request: &Request, state: &mut State) -> (bool, Option<Response>) {
    let presented = request.header("proxy-authorization").map(str::to_owned);
    let origin = request.origin.as_deref().unwrap_or_default();
    state.targets.push(format!("{origin}{}", request.target));
    state.authorizations.push(presented.clone());
    let answer = if let Some(status) = state.refusal {
        Some(Response::text(status, "the proxy refuses"))
    } else if state.credentials.is_some() && state.credentials != presented {
        let answer = Response::text(407, "the proxy wants a password");
        Some(answer.with_header("proxy-authenticate", "Basic realm=\"fake\""))
    } else {
        None
    };
    (state.hang, answer)
}

fn tunnel(
    mut client: TcpStream,
    mut server: TcpStream,
    request: &Request,
    early: Vec<u8>,
    lifetime: &Arc<Lifetime>,
) -> io::Result<()> {
    let number = lifetime.adopt(&server)?;
    if request.method == "CONNECT" {
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    } else {
        server.write_all(&request.encode())?;
    }
    server.write_all(&early)?;
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    let upwards = thread::spawn(move || {
        let _ = io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    let copied = io::copy(&mut server, &mut client);
    let _ = client.shutdown(Shutdown::Both);
    let _ = upwards.join();
    lifetime.release(number);
    copied.map(|_| ())
}
