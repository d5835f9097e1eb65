//! From a connection to an answer: tells the services apart, records, applies faults.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::call::{Call, Operation};
use super::error::ServiceError;
use super::fault::Verdict;
use super::http::{Request, Response};
use super::reader::Reader;
use super::server::{Lifetime, lock};
use super::sigv4::Signature;
use super::state::State;
use super::{clock, container, ecr, github, imds, sso, sts};

/// Serves one connection until either side ends it; a client's failure is no one's concern.
pub(super) fn serve(
    socket: TcpStream,
    number: usize,
    tls: Option<&Arc<ServerConfig>>,
    state: &Mutex<State>,
    lifetime: &Lifetime,
) {
    lock(state).connections += 1;
    let connection = Connection {
        number,
        state,
        lifetime,
    };
    let _ = match tls {
        None => connection.run(&mut { socket }),
        Some(config) => ServerConnection::new(Arc::clone(config))
            .map_err(io::Error::other)
            .and_then(|session| {
                let mut stream = StreamOwned::new(session, socket);
                let outcome = connection.run(&mut stream);
                stream.conn.send_close_notify();
                let _ = stream.flush();
                outcome
            }),
    };
}

struct Connection<'a> {
    number: usize,
    state: &'a Mutex<State>,
    lifetime: &'a Lifetime,
}

impl Connection<'_> {
    fn run<S: Read + Write>(&self, stream: &mut S) -> io::Result<()> {
        let mut reader = Reader::new();
        loop {
            let request = match reader.next(stream) {
                Ok(Some(request)) => request,
                Ok(None) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    let answer = Response::text(400, &format!("400 - {error}"));
                    return send(stream, &answer.encode(false, &self.date()));
                }
                Err(error) => return Err(error),
            };
            let (call, verdict) = self.judge(&request);
            let mut truncate = false;
            let answer = match verdict {
                Verdict::Answer(answer) => answer,
                Verdict::Close => return Ok(()),
                Verdict::Hang => {
                    self.lifetime.sleep(None);
                    return Ok(());
                }
                Verdict::Delay(time) => {
                    if !self.lifetime.sleep(Some(time)) {
                        return Ok(());
                    }
                    self.answer(&request, &call)
                }
                Verdict::Behind(gate) => {
                    while !gate.is_open() {
                        if !self.lifetime.sleep(Some(Duration::from_millis(2))) {
                            return Ok(());
                        }
                    }
                    self.answer(&request, &call)
                }
                Verdict::Truncate => {
                    truncate = true;
                    self.answer(&request, &call)
                }
                Verdict::Proceed => self.answer(&request, &call),
            };
            let bytes = answer.encode(request.keep_alive, &self.date());
            if truncate {
                let kept = bytes.len() - answer.body.len().div_ceil(2).max(1);
                return send(stream, &bytes[..kept]);
            }
            send(stream, &bytes)?;
            if !request.keep_alive {
                return Ok(());
            }
        }
    }

    /// Records the call, with the fault that strikes it.
    fn judge(&self, request: &Request) -> (Call, Verdict) {
        let mut state = lock(self.state);
        let call = record(&mut state, request, self.number);
        let verdict = match &call.fault {
            Some(fault) => fault.judge(&call),
            None => Verdict::Proceed,
        };
        (call, verdict)
    }

    fn answer(&self, request: &Request, call: &Call) -> Response {
        let mut state = lock(self.state);
        match dispatch(&mut state, request, call) {
            Ok(answer) => answer,
            Err(error) => error.render(call.operation),
        }
    }

    fn date(&self) -> String {
        clock::http_date(lock(self.state).now())
    }
}

fn send<S: Write>(stream: &mut S, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes)?;
    stream.flush()
}

fn operation(request: &Request, action: Option<&str>) -> Operation {
    let (method, path) = (request.method.as_str(), request.path());
    if let Some(target) = request.header("x-amz-target") {
        return ecr::operation(target);
    }
    match (method, path, action) {
        ("POST", "/", Some(action)) => sts::operation(action),
        ("GET", "/federation/credentials", _) => Operation::SsoGetRoleCredentials,
        ("POST", "/token", _) => Operation::SsoOidcCreateToken,
        ("POST", "/v1/token", _) => Operation::SigninCreateOAuth2Token,
        ("GET", github::PATH, _) => Operation::GitHubIdToken,
        _ => match imds::operation(method, path) {
            Operation::Unknown => container::operation(method, path),
            known => known,
        },
    }
}

fn record(state: &mut State, request: &Request, connection: usize) -> Call {
    let params = request.params();
    let action = params.get("Action").and_then(|action| action.as_str());
    let operation = operation(request, action);
    let signature = Signature::of(request);
    let principal = signature
        .as_ref()
        .and_then(|signature| state.credentials.get(&signature.access_key_id))
        .map(|known| known.principal.clone());
    let header = |name: &str| request.header(name).map(str::to_owned);
    let call = Call {
        operation,
        principal,
        access_key_id: signature.as_ref().map(|s| s.access_key_id.clone()),
        signed_region: signature.as_ref().map(|s| s.region.clone()),
        signed_service: signature.map(|s| s.service),
        session_token: header("x-amz-security-token"),
        host: header("host").unwrap_or_default(),
        method: request.method.clone(),
        path: request.target.clone(),
        headers: request.headers.clone(),
        params,
        at: SystemTime::now(),
        connection,
        fault: state.next_fault(operation),
    };
    state.calls.push(call.clone());
    call
}

fn dispatch(state: &mut State, request: &Request, call: &Call) -> Result<Response, ServiceError> {
    match call.operation {
        Operation::StsAssumeRole => sts::assume_role(state, request, call),
        Operation::StsAssumeRoleWithWebIdentity => sts::assume_role_with_web_identity(state, call),
        Operation::StsGetCallerIdentity => sts::get_caller_identity(state, request, call),
        Operation::EcrGetAuthorizationToken => ecr::private(state, request, call),
        Operation::EcrPublicGetAuthorizationToken => ecr::public(state, request, call),
        Operation::SsoGetRoleCredentials => sso::role_credentials(state, request, call),
        Operation::SsoOidcCreateToken => sso::create_token(state, call),
        Operation::SigninCreateOAuth2Token => sso::create_oauth2_token(state, call),
        operation @ (Operation::ImdsToken
        | Operation::ImdsRoleName
        | Operation::ImdsCredentials
        | Operation::ImdsRegion) => imds::answer(state, request, operation),
        Operation::EcsCredentials | Operation::EksCredentials => container::answer(state, call),
        Operation::GitHubIdToken => github::answer(call),
        Operation::Unknown => Err(ServiceError::new(
            404,
            "UnknownOperationException",
            format!("the fake does not know {} {}", call.method, call.path),
        )),
    }
}
