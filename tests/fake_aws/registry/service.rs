//! From a connection to an answer.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;

use super::super::clock;
use super::super::ecr::Grant;
use super::super::http::{Request, Response};
use super::super::reader::Reader;
use super::super::server::{Lifetime, lock};
use super::super::state::partition;
use super::answers::{as_registry, endless, error, struck, unauthorized};
use super::rule::{self, Refused};
use super::state::State;
use super::storage;
use super::visit::{RegistryFault, Route, Visit};

/// Public ECR, which gives everybody a token.
const PUBLIC: &str = "public.ecr.aws";

/// That token's principal, and the token.
const ANONYMOUS: &str = "anonymous";

/// Serves one connection until either side ends it; a client's failure is no one's concern.
pub(super) fn serve(
    socket: TcpStream,
    number: usize,
    tls: &Arc<ServerConfig>,
    state: &Mutex<State>,
    lifetime: &Lifetime,
) {
    let Ok(session) = ServerConnection::new(Arc::clone(tls)) else {
        return;
    };
    let mut stream = StreamOwned::new(session, socket);
    let _ = run(&mut stream, number, state, lifetime);
    stream.conn.send_close_notify();
    let _ = stream.flush();
}

fn run<S: Read + Write>(
    stream: &mut S,
    number: usize,
    state: &Mutex<State>,
    lifetime: &Lifetime,
) -> io::Result<()> {
    let mut reader = Reader::new();
    while let Some(request) = reader.next(stream)? {
        let (mut bytes, endless, last) = {
            let mut state = lock(state);
            let visit = visit(&request, number);
            let route = visit.route;
            state.visits.push(visit.clone());
            let answer = match state.next_fault(route) {
                Some(RegistryFault::Hang) => {
                    drop(state);
                    lifetime.sleep(None);
                    return Ok(());
                }
                Some(RegistryFault::Close) => return Ok(()),
                Some(RegistryFault::Endless) => endless(),
                Some(fault) => struck(&fault),
                None => answer(&mut state, &request, &visit),
            };
            let endless = answer.headers.iter().any(|(name, _)| name == "x-endless");
            let last = answer.headers.iter().any(|(name, _)| name == "connection");
            let date = clock::http_date(state.now());
            (answer.encode(request.keep_alive, &date), endless, last)
        };
        if request.method == "HEAD" {
            let head = bytes.windows(4).position(|four| four == b"\r\n\r\n");
            bytes.truncate(head.map_or(bytes.len(), |at| at + 4));
        }
        stream.write_all(&bytes)?;
        stream.flush()?;
        while endless && !lifetime.is_over() {
            stream.write_all(b"1000\r\n")?;
            stream.write_all(&[b' '; 4096])?;
            stream.write_all(b"\r\n")?;
        }
        if last || !request.keep_alive {
            return Ok(());
        }
    }
    Ok(())
}

/// Account and region of a host of ECR's.
pub(super) fn place(host: &str) -> (&str, &str) {
    let mut labels = host.split('.');
    let account = labels.next().unwrap_or_default();
    let region = labels.find(|label| !matches!(*label, "dkr") && !label.contains("ecr"));
    (account, region.unwrap_or_default())
}

fn host(request: &Request) -> &str {
    let host = request.header("host").unwrap_or_default();
    host.split(':').next().unwrap_or_default()
}

fn visit(request: &Request, connection: usize) -> Visit {
    let secret = password(request).or_else(|| bearer(request));
    let is_anonymous = secret.as_deref() == Some(ANONYMOUS);
    let grant = secret.and_then(|secret| Grant::parse(&secret));
    let principal = grant.as_ref().map(|grant| grant.principal.clone());
    Visit {
        route: route(request),
        method: request.method.clone(),
        host: request.header("host").unwrap_or_default().to_owned(),
        path: request.target.clone(),
        principal: principal.or_else(|| is_anonymous.then(|| ANONYMOUS.to_owned())),
        serial: grant.map(|grant| grant.serial),
        authorized: request.header("authorization").is_some(),
        headers: request.headers.clone(),
        connection,
    }
}

/// The password of `AWS`.
fn password(request: &Request) -> Option<String> {
    let encoded = request.header("authorization")?.strip_prefix("Basic ")?;
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    text.strip_prefix("AWS:").map(str::to_owned)
}

/// What a password, or nothing, was exchanged for.
fn bearer(request: &Request) -> Option<String> {
    let token = request.header("authorization")?.strip_prefix("Bearer ")?;
    Some(token.to_owned())
}

fn route(request: &Request) -> Route {
    if host(request).contains("starport-layer-bucket") {
        return Route::Storage;
    }
    let path = request.path();
    match (request.method.as_str(), path) {
        ("GET" | "HEAD", "/v2/" | "/v2") => Route::Ping,
        ("GET", "/token/") => Route::Token,
        ("GET" | "HEAD", path) if path.contains("/manifests/") => Route::Manifest,
        ("GET" | "HEAD", path) if path.contains("/blobs/") => Route::Layer,
        ("POST", path) if path.ends_with("/blobs/uploads/") => Route::Upload,
        ("DELETE", path) if path.contains("/blobs/uploads/") => Route::CancelUpload,
        _ => Route::Unknown,
    }
}

/// Public ECR before it has been shown a token of its own: everybody gets one.
fn public(request: &Request, visit: &Visit) -> Response {
    if visit.route == Route::Token {
        let token = password(request).unwrap_or_else(|| ANONYMOUS.to_owned());
        return Response::json(200, &json!({ "token": token }));
    }
    let challenge =
        format!("Bearer realm=\"https://{PUBLIC}/token/\",service=\"{PUBLIC}\",scope=\"aws\"");
    let body = json!({"errors": [{"code": "DENIED", "message": "Not Authorized"}]});
    as_registry(Response::json(401, &body)).with_header("Www-Authenticate", challenge)
}

fn answer(state: &mut State, request: &Request, visit: &Visit) -> Response {
    let host = host(request);
    if visit.route == Route::Storage {
        return storage::answer(state, request);
    }
    if host == PUBLIC && bearer(request).is_none() {
        return public(request, visit);
    }
    if !visit.authorized {
        return unauthorized(host);
    }
    let refused = match visit.serial {
        Some(serial) => state.revoked.get(&serial).copied(),
        None => visit.principal.is_none().then_some(Refused::Denied),
    };
    let principal = match (refused, &visit.principal) {
        (None, Some(principal)) => principal,
        (Some(Refused::Unauthorized), _) => return unauthorized(host),
        _ => {
            let message = "Your authorization token has expired. Reauthenticate and try again.";
            return error(403, "DENIED", message);
        }
    };
    if visit.route == Route::Ping {
        return as_registry(Response::text(200, ""));
    }
    let action = match (visit.route, visit.method.as_str()) {
        (Route::Manifest, _) => "ecr:BatchGetImage",
        (Route::Layer, "HEAD") => "ecr:BatchCheckLayerAvailability",
        (Route::Layer, _) => "ecr:GetDownloadUrlForLayer",
        (Route::Upload, _) => "ecr:InitiateLayerUpload",
        (Route::CancelUpload, _) => return cancel(state, request),
        _ => return error(404, "UNSUPPORTED", "the fake does not know this"),
    };
    let Some((name, reference)) = names(request.path()) else {
        return error(404, "NAME_INVALID", "the fake does not know this");
    };
    let (account, region) = place(host);
    let partition = partition(region);
    let resource = format!("arn:{partition}:ecr:{region}:{account}:repository/{name}");
    let grant = password(request).and_then(|password| Grant::parse(&password));
    let policy = grant.and_then(|grant| grant.policy);
    let policy = policy.as_deref().filter(|_| !state.ignores_policies);
    let sentence = rule::judge_session(policy, &state.rules, principal, action, &resource);
    if let Some(sentence) = sentence {
        return error(403, "DENIED", &sentence);
    }
    let Some(repository) = state.repositories.get(&format!("{host}/{name}")) else {
        let message = format!(
            "The repository with name '{name}' does not exist in the registry with id '{account}'"
        );
        return error(404, "NAME_UNKNOWN", &message);
    };
    match visit.route {
        Route::Manifest => match repository.manifest(reference) {
            Some((digest, media_type, text)) => as_registry(Response::new(200, media_type, text))
                .with_header("Docker-Content-Digest", digest),
            None => error(404, "MANIFEST_UNKNOWN", "Requested image not found"),
        },
        Route::Layer => match repository.blob(reference) {
            Some(blob) if state.serves_layers => {
                as_registry(Response::new(200, "application/octet-stream", blob))
            }
            Some(_) => {
                let bucket = || storage::signed_url(host, reference);
                let location = state.layers_at.clone().unwrap_or_else(bucket);
                as_registry(Response::text(307, "")).with_header("Location", location)
            }
            None => error(404, "BLOB_UNKNOWN", "blob unknown to registry"),
        },
        _ => {
            let upload = format!("/v2/{name}/blobs/uploads/{:08}", state.visits.len());
            let location = if state.relative_uploads {
                upload.clone()
            } else {
                format!("https://{host}{upload}")
            };
            state.uploads.push(upload);
            as_registry(Response::text(202, "")).with_header("Location", location)
        }
    }
}

fn cancel(state: &mut State, request: &Request) -> Response {
    if state.cannot_cancel {
        return error(405, "UNSUPPORTED", "The operation is unsupported.");
    }
    let found = state
        .uploads
        .iter()
        .position(|upload| upload == request.path());
    match found {
        Some(at) => {
            state.uploads.remove(at);
            as_registry(Response::text(204, ""))
        }
        None => error(
            404,
            "BLOB_UPLOAD_UNKNOWN",
            "blob upload unknown to registry",
        ),
    }
}

/// `NAME` and `REFERENCE` of `/v2/NAME/manifests/REFERENCE` and similar paths.
fn names(path: &str) -> Option<(&str, &str)> {
    let path = path.strip_prefix("/v2/")?;
    let kinds = ["/manifests/", "/blobs/uploads/", "/blobs/"];
    kinds.iter().find_map(|kind| path.rsplit_once(kind))
}
