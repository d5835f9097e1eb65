//! The API server of a Kubernetes cluster: as much of it as one kubelet needs.
//!
//! It keeps every object as it was written, without defaults. A list has what exists by then, and a
//! watch sends nothing: what a kubelet must know is there before it starts.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::clock;
use super::http::{Request, Response};
use super::reader::Reader;
use super::server::{Lifetime, Server, lock};

/// A running API server.
pub struct FakeCluster {
    server: Server,
    objects: Arc<Mutex<Objects>>,
}

/// By resource, namespace and name. The namespace of a node is empty.
type Objects = BTreeMap<(String, String, String), Value>;

impl FakeCluster {
    /// Starts an empty one, which speaks plain http and lets everyone in.
    pub fn start() -> Self {
        let objects = Arc::new(Mutex::new(Objects::new()));
        let shared = Arc::clone(&objects);
        let server = Server::start(move |socket, _, lifetime| {
            let _ = serve(socket, &shared, lifetime);
        });
        Self {
            server: server.expect("listen on 127.0.0.1"),
            objects,
        }
    }

    /// The base URL, without a slash at its end.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// Adds an object of a resource (`pods`). Its UID is `RESOURCE-NAME`.
    pub fn add(&self, resource: &str, mut object: Value) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let name = text(&object["metadata"]["name"]);
        let namespace = text(&object["metadata"]["namespace"]);
        object["metadata"]["uid"] = json!(format!("{resource}-{name}"));
        object["metadata"]["resourceVersion"] = json!("1");
        let key = (resource.to_owned(), namespace, name);
        lock(&self.objects).insert(key, object);
    }

    /// An object as it is now.
    pub fn get(&self, resource: &str, namespace: &str, name: &str) -> Option<Value> {
        let key = [resource, namespace, name].map(str::to_owned);
        lock(&self.objects).get(&key.into()).cloned()
    }
}

fn serve(mut socket: TcpStream, objects: &Mutex<Objects>, lifetime: &Lifetime) -> io::Result<()> {
    let mut reader = Reader::new();
    while let Some(request) = reader.next(&mut socket)? {
        let query = request.params();
        if request.method == "GET" && query["watch"].is_string() {
            if query["sendInitialEvents"].is_string() {
                // The client then lists, and watches from there.
                socket.write_all(&status(400, "BadRequest").encode(true, &date()))?;
                continue;
            }
            let answer = Response::new(200, "application/json", "");
            let answer = answer.with_header("transfer-encoding", "chunked");
            socket.write_all(&answer.encode(true, &date()))?;
            lifetime.sleep(None);
            return Ok(());
        }
        let answer = answer(&mut lock(objects), &request);
        socket.write_all(&answer.encode(request.keep_alive, &date()))?;
    }
    Ok(())
}

fn date() -> String {
    clock::http_date(clock::now())
}

fn answer(objects: &mut Objects, request: &Request) -> Response {
    let Some((resource, namespace, name, subresource)) = place(request.path()) else {
        return status(404, "NotFound");
    };
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    if subresource == "token" {
        return token(namespace, name, body);
    }
    if name.is_empty() {
        return match request.method.as_str() {
            "GET" => list(objects, resource, namespace),
            "POST" => {
                let name = body["metadata"]["name"].as_str().unwrap_or_default();
                write(objects, [resource, namespace, name], body.clone())
            }
            _ => status(200, ""),
        };
    }
    let key = [resource, namespace, name].map(str::to_owned).into();
    match (request.method.as_str(), objects.get_mut(&key)) {
        ("PUT", _) => write(objects, [resource, namespace, name], body),
        (_, None) => status(404, "NotFound"),
        ("PATCH", Some(object)) => {
            merge(object, body);
            Response::json(200, object)
        }
        ("DELETE", Some(_)) => {
            objects.remove(&key);
            status(200, "")
        }
        (_, Some(object)) => Response::json(200, object),
    }
}

/// Resource, namespace, name and subresource of a path; what it has not is empty.
fn place(path: &str) -> Option<(&str, &str, &str, &str)> {
    let path = path.strip_prefix("/api/v1/").or_else(|| {
        let (_group, rest) = path.strip_prefix("/apis/")?.split_once('/')?;
        Some(rest.split_once('/')?.1)
    })?;
    let parts: Vec<&str> = path.split('/').collect();
    let (namespace, parts) = match &*parts {
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (*namespace, rest),
        parts => ("", parts),
    };
    let part = |index: usize| parts.get(index).copied().unwrap_or_default();
    Some((part(0), namespace, part(1), part(2)))
}

/// Only a list of pods needs a kind: clients take the one that they have asked for, if none is named.
fn list(objects: &Objects, resource: &str, namespace: &str) -> Response {
    let found = objects.iter().filter(|((of, within, _), _)| {
        of == resource && (namespace.is_empty() || within == namespace)
    });
    let items: Vec<&Value> = found.map(|(_, object)| object).collect();
    let mut list = json!({"metadata": {"resourceVersion": "1"}, "items": items});
    if resource == "pods" {
        list["kind"] = json!("PodList");
        list["apiVersion"] = json!("v1");
    }
    Response::json(200, &list)
}

fn write(objects: &mut Objects, key: [&str; 3], mut object: Value) -> Response {
    object["metadata"]["resourceVersion"] = json!("1");
    objects.insert(key.map(str::to_owned).into(), object.clone());
    Response::json(200, &object)
}

/// The answer to a `TokenRequest`, with a token whose claims are those that matter here.
fn token(namespace: &str, name: &str, mut request: Value) -> Response {
    let expires_at = clock::now() + 3600;
    let claims = json!({
        "iss": "https://oidc.example",
        "aud": request["spec"]["audiences"],
        "exp": expires_at,
        "sub": format!("system:serviceaccount:{namespace}:{name}"),
        "kubernetes.io": {"pod": request["spec"]["boundObjectRef"]},
    });
    request["status"] = json!({
        "token": format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string())),
        "expirationTimestamp": clock::iso(expires_at),
    });
    Response::json(200, &request)
}

/// RFC 7396, which is near enough to the patches that a kubelet sends.
fn merge(object: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *object = patch;
        return;
    };
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    for (key, value) in patch {
        if value.is_null() {
            object
                .as_object_mut()
                .and_then(|object| object.remove(&key));
        } else {
            merge(&mut object[&key], value);
        }
    }
}

fn status(code: u16, reason: &str) -> Response {
    let outcome = if code < 300 { "Success" } else { "Failure" };
    let status = json!({
        "kind": "Status",
        "apiVersion": "v1",
        "status": outcome,
        "reason": reason,
        "code": code,
    });
    Response::json(code, &status)
}
