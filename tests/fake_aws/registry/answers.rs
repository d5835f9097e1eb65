//! How the registry says no, and what else it may answer.

use serde_json::json;

use super::super::http::Response;
use super::visit::RegistryFault;

/// The beginning of an answer without end.
pub(super) fn endless() -> Response {
    Response::new(200, "application/json", "")
        .with_header("transfer-encoding", "chunked")
        .with_header("x-endless", "yes")
}

pub(super) fn struck(fault: &RegistryFault) -> Response {
    match fault {
        RegistryFault::Throttle => error(429, "TOOMANYREQUESTS", "Rate exceeded"),
        RegistryFault::Status(status) => {
            let page = format!("<html><body><h1>{status}</h1></body></html>");
            Response::new(*status, "text/html", page)
        }
        RegistryFault::Page => {
            let page = "<html><body>Welcome to the hotel network</body></html>";
            Response::new(200, "text/html", page)
        }
        RegistryFault::Raw(status, headers, body) => Response {
            status: *status,
            headers: headers.clone(),
            body: body.clone().into_bytes(),
        },
        RegistryFault::Hang | RegistryFault::Close | RegistryFault::Endless => {
            unreachable!("no whole answer")
        }
    }
}

/// An error in the words of the registry.
pub(super) fn error(status: u16, code: &str, message: &str) -> Response {
    let body = json!({"errors": [{"code": code, "message": message}]});
    as_registry(Response::new(
        status,
        "application/json; charset=utf-8",
        body.to_string(),
    ))
}

pub(super) fn as_registry(answer: Response) -> Response {
    answer.with_header("Docker-Distribution-Api-Version", "registry/2.0")
}

/// As ECR answers who shows no token; seen in threads of clients (NVIDIA/enroot#59,
/// podman-desktop/podman-desktop#642).
pub(super) fn unauthorized(host: &str) -> Response {
    let challenge = format!("Basic realm=\"https://{host}/\",service=\"ecr.amazonaws.com\"");
    let answer = Response::new(401, "text/plain; charset=utf-8", "Not Authorized\n");
    as_registry(answer).with_header("Www-Authenticate", challenge)
}
