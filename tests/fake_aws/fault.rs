//! Faults that a test asks for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;

use super::call::{Call, Operation, Protocol};
use super::clock;
use super::echo::Echo;
use super::error::{
    NO_IDENTITY_POLICY, broken, denied, expired, invalid_grant, signature_expired,
    signature_mismatch, throttled, unrecognized,
};
use super::http::Response;

/// What goes wrong instead of the proper answer.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The proper answer, this much later.
    Delay(Duration),
    /// The proper answer, once the gate is open.
    Behind(Gate),
    /// No answer until the fake is dropped; the connection stays open.
    Hang,
    /// The service's own throttling error.
    Throttle,
    /// This status with a body as AWS sends it.
    Status(u16),
    /// A denial because no identity-based policy allows the action.
    AccessDenied,
    /// A denial with this reason behind `because `; an empty one leaves the clause out.
    AccessDeniedBecause(String),
    /// The session token or sign-in has expired.
    ExpiredToken,
    /// The refresh token or identity token is refused.
    InvalidGrant,
    /// The server's clock is 30 minutes ahead of the request's date, however often the client
    /// corrects it. From then on, dates of signatures are no longer checked.
    ClockSkew,
    /// The access key is not known.
    UnrecognizedClient,
    /// The signature does not match.
    SignatureMismatch,
    /// A refusal that repeats every secret it was sent.
    Echo(Echo),
    /// Status 200 with a page of HTML.
    Garbage,
    /// Status 200 with an answer that holds nothing.
    EmptyAuthorizationData,
    /// Status 200 with an authorization token that is not base64.
    UndecodableToken,
    /// The connection is closed without an answer.
    CloseConnection,
    /// The connection is closed in the middle of the proper answer.
    TruncatedAnswer,
    /// Exactly this status, these headers and this body.
    RawResponse(u16, Vec<(String, String)>, String),
}

/// Holds answers back until a test has done what it wants to do meanwhile.
#[derive(Clone, Debug, Default)]
pub struct Gate(Arc<AtomicBool>);

impl Gate {
    /// Lets all answers pass from now on.
    pub fn open(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_open(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// How often a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// Until the faults are cleared.
    Always,
    /// The next so many calls.
    N(usize),
}

/// What the server does about a call.
pub(super) enum Verdict {
    Proceed,
    Delay(Duration),
    Behind(Gate),
    Hang,
    Close,
    Truncate,
    Answer(Response),
}

impl Fault {
    pub(super) fn judge(&self, call: &Call) -> Verdict {
        let operation = call.operation;
        let error = match self {
            Self::Delay(time) => return Verdict::Delay(*time),
            Self::Behind(gate) => return Verdict::Behind(gate.clone()),
            Self::Hang => return Verdict::Hang,
            Self::CloseConnection => return Verdict::Close,
            Self::TruncatedAnswer => return Verdict::Truncate,
            Self::Garbage => {
                let page = "<html><body>Welcome to the hotel network</body></html>";
                return Verdict::Answer(Response::new(200, "text/html", page));
            }
            Self::EmptyAuthorizationData => return Verdict::Answer(empty(operation)),
            Self::UndecodableToken => return Verdict::Answer(undecodable(operation)),
            Self::RawResponse(status, headers, body) => {
                return Verdict::Answer(Response {
                    status: *status,
                    headers: headers.clone(),
                    body: body.clone().into_bytes(),
                });
            }
            Self::ClockSkew => {
                let asked_at = call.header("x-amz-date").and_then(clock::parse_basic);
                let signed_at = asked_at.unwrap_or_else(clock::now);
                let server = signed_at + 30 * 60;
                let error = signature_expired(operation, signed_at, server);
                let answer = error.render(operation);
                return Verdict::Answer(answer.with_header("date", clock::http_date(server)));
            }
            Self::Throttle => throttled(operation),
            Self::Status(status) => broken(operation, *status),
            Self::AccessDenied => denied(call, NO_IDENTITY_POLICY),
            Self::AccessDeniedBecause(reason) => denied(call, reason),
            Self::ExpiredToken => expired(operation),
            Self::InvalidGrant => invalid_grant(operation),
            Self::UnrecognizedClient => unrecognized(operation),
            Self::SignatureMismatch => signature_mismatch(operation),
            Self::Echo(echo) => echo.error(call),
        };
        Verdict::Answer(error.render(operation))
    }
}

fn empty(operation: Operation) -> Response {
    let json = "application/x-amz-json-1.1";
    match operation {
        Operation::EcrGetAuthorizationToken => {
            Response::new(200, json, json!({"authorizationData": []}).to_string())
        }
        _ if operation.protocol() == Protocol::Query => {
            let name = operation.action().trim_start_matches("sts:");
            let xml = format!("<{name}Response><{name}Result/></{name}Response>");
            Response::new(200, "text/xml", xml)
        }
        _ => Response::new(200, json, "{}"),
    }
}

fn undecodable(operation: Operation) -> Response {
    let data = json!({
        "authorizationToken": "%%% not base64 %%%",
        "expiresAt": clock::now() + 12 * 3600,
    });
    let data = match operation {
        Operation::EcrGetAuthorizationToken => json!([data]),
        _ => data,
    };
    let body = json!({"authorizationData": data}).to_string();
    Response::new(200, "application/x-amz-json-1.1", body)
}
