//! Why a request to a registry failed, in the registry's words.

use std::fmt;

use http::header;
use serde::Deserialize;
use time::OffsetDateTime;

use crate::error::one_line;
use crate::http::{Received, TransportFailure};
use crate::redaction::Redactor;

use super::location::LocationError;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `/v2/`: whether the host is a registry, and whether it accepts the token.
    Ping,
    /// The token of a Bearer challenge.
    Token,
    /// A manifest or an index.
    Manifest,
    /// An image that an index names.
    ImageOfIndex,
    /// A layer, or its location.
    Layer,
    /// A layer, at the location that the registry gave.
    Storage,
    Upload,
    CancelUpload,
}

impl Operation {
    /// The action of IAM. ECR ends uploads by itself, and has no action for that.
    pub fn action(self) -> Option<&'static str> {
        match self {
            Self::Ping | Self::Token | Self::CancelUpload => None,
            Self::Manifest | Self::ImageOfIndex => Some("ecr:BatchGetImage"),
            Self::Layer => Some("ecr:GetDownloadUrlForLayer"),
            Self::Storage => Some("s3:GetObject"),
            Self::Upload => Some("ecr:InitiateLayerUpload"),
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ping => "request to the registry",
            Self::Token => "request for a pull token",
            Self::Manifest => "request for the manifest",
            Self::ImageOfIndex => "request for a platform manifest",
            Self::Layer => "request for a layer",
            Self::Storage => "layer download",
            Self::Upload => "start of an upload",
            Self::CancelUpload => "cancellation of the upload",
        })
    }
}

#[derive(Clone, Debug)]
pub enum RegistryErrorKind {
    /// The token has expired, was revoked, or is malformed.
    TokenRefused,
    /// The request had no token.
    LoginRequired,
    /// The caller has no permission. [`RegistryError::message`] is AWS's sentence.
    Denied,
    /// In this account and region.
    RepositoryAbsent,
    ImageAbsent,
    LayerAbsent,
    Throttled,
    Unavailable,
    /// The response is not a registry's, but for example the login page of a proxy. The text
    /// describes it.
    NotARegistry(String),
    /// The registry gave a location that must not be requested.
    Location(LocationError),
    /// Name resolution, the connection, TLS or the proxy.
    Transport(TransportFailure),
    Timeout,
    /// Repository, tag or digest are malformed. Nothing was sent.
    InvalidName,
    /// Another error status.
    Refused,
}

/// Why a request failed. No text in it is longer than a line, and none holds a secret.
#[derive(Clone, Debug)]
pub struct RegistryError {
    pub kind: RegistryErrorKind,
    pub operation: Operation,
    /// `HOST[:PORT]`.
    pub host: String,
    /// `None` without a response.
    pub status: Option<u16>,
    /// The registry's time.
    pub date: Option<OffsetDateTime>,
    /// The registry's, such as `DENIED`.
    pub code: Option<String>,
    pub message: Option<String>,
}

/// `{"errors":[{"code":…,"message":…,"detail":…}]}` (OCI distribution specification, "Error
/// Codes").
#[derive(Deserialize)]
struct ErrorBody {
    errors: Vec<ErrorEntry>,
}

#[derive(Deserialize)]
struct ErrorEntry {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    message: Option<String>,
}

impl RegistryError {
    /// Without a response.
    pub(super) fn unanswered(kind: RegistryErrorKind, operation: Operation, host: &str) -> Self {
        Self {
            kind,
            operation,
            host: one_line(host),
            status: None,
            date: None,
            code: None,
            message: None,
        }
    }

    /// A response that cannot be used.
    pub(super) fn unusable(
        kind: RegistryErrorKind,
        operation: Operation,
        host: &str,
        received: &Received,
    ) -> Self {
        Self {
            status: Some(received.status),
            date: received.date,
            ..Self::unanswered(kind, operation, host)
        }
    }

    /// Reads a registry's response without success.
    pub(super) fn from_response(
        operation: Operation,
        host: &str,
        received: &Received,
        had_token: bool,
        redactor: &Redactor,
    ) -> Self {
        let body = serde_json::from_slice::<ErrorBody>(&received.body).ok();
        let first = body.and_then(|body| body.errors.into_iter().next());
        let (code, message) = first.map_or((None, None), |first| (first.code, first.message));
        let clean = |text: Option<String>| {
            let text = redactor.redact(&text?);
            Some(one_line(&text)).filter(not_empty)
        };
        let (code, message) = (clean(code), clean(message));
        let kind = kind(received, code.as_deref(), message.as_deref(), had_token);
        Self {
            code,
            message,
            ..Self::unusable(kind, operation, host, received)
        }
    }

    /// Reads a response of S3 without success.
    pub(super) fn from_storage_response(
        host: &str,
        received: &Received,
        redactor: &Redactor,
    ) -> Self {
        let text = String::from_utf8_lossy(&received.body);
        let element = |name: &str| {
            let (_, rest) = text.split_once(&format!("<{name}>"))?;
            let (value, _) = rest.split_once(&format!("</{name}>"))?;
            Some(one_line(&redactor.redact(value))).filter(not_empty)
        };
        let (code, message) = (element("Code"), element("Message"));
        let kind = match received.status {
            403 if code.is_none() && is_page(received) => a_page(),
            401 | 403 => RegistryErrorKind::Denied,
            404 => RegistryErrorKind::LayerAbsent,
            429 => RegistryErrorKind::Throttled,
            500.. if code.as_deref() == Some("SlowDown") => RegistryErrorKind::Throttled,
            500.. => RegistryErrorKind::Unavailable,
            300..=399 => not_a_registry(&leads_elsewhere(received)),
            _ => RegistryErrorKind::Refused,
        };
        Self {
            code,
            message,
            ..Self::unusable(kind, Operation::Storage, host, received)
        }
    }
}

#[expect(clippy::ptr_arg, reason = "a filter of an option")]
fn not_empty(text: &String) -> bool {
    !text.is_empty()
}

pub(super) fn not_a_registry(why: &str) -> RegistryErrorKind {
    RegistryErrorKind::NotARegistry(why.to_owned())
}

pub(super) fn a_page() -> RegistryErrorKind {
    not_a_registry("an HTML page")
}

fn kind(
    received: &Received,
    code: Option<&str>,
    message: Option<&str>,
    had_token: bool,
) -> RegistryErrorKind {
    // ECR: "Your authorization token has expired. Reauthenticate and try again.", with DENIED.
    let is_about_the_token = message.is_some_and(|message| {
        let message = message.to_ascii_lowercase();
        message.contains("authorization token") && !message.contains("not authorized to perform")
    });
    match (received.status, code) {
        (429, _) | (_, Some("TOOMANYREQUESTS")) => RegistryErrorKind::Throttled,
        (500.., _) => RegistryErrorKind::Unavailable,
        (300..=399, _) => not_a_registry(&leads_elsewhere(received)),
        (401, _) | (_, Some("UNAUTHORIZED")) if !had_token => RegistryErrorKind::LoginRequired,
        (401, _) | (_, Some("UNAUTHORIZED")) => RegistryErrorKind::TokenRefused,
        (400 | 403, _) if had_token && is_about_the_token => RegistryErrorKind::TokenRefused,
        (_, Some("DENIED")) => RegistryErrorKind::Denied,
        (_, Some("NAME_UNKNOWN")) => RegistryErrorKind::RepositoryAbsent,
        (_, Some("MANIFEST_UNKNOWN")) => RegistryErrorKind::ImageAbsent,
        (_, Some("BLOB_UNKNOWN")) => RegistryErrorKind::LayerAbsent,
        (_, None) if is_page(received) => a_page(),
        (403, _) => RegistryErrorKind::Denied,
        (200..=299, _) => not_a_registry("not a registry response"),
        _ => RegistryErrorKind::Refused,
    }
}

/// Whether a response is an HTML page, as proxies and Wi-Fi logins send.
pub(super) fn is_page(received: &Received) -> bool {
    let content_type = received.headers.get(header::CONTENT_TYPE);
    content_type.is_some_and(|value| {
        value
            .as_bytes()
            .to_ascii_lowercase()
            .starts_with(b"text/html")
    })
}

/// The host alone: the rest may be secret.
fn leads_elsewhere(received: &Received) -> String {
    let location = received.headers.get(header::LOCATION);
    let url = location.and_then(|value| value.to_str().ok()?.parse::<http::Uri>().ok());
    match url.as_ref().and_then(http::Uri::host) {
        Some(host) => format!("a redirect to {}", one_line(host)),
        None => "a redirect to an unknown host".to_owned(),
    }
}

impl fmt::Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            operation, host, ..
        } = self;
        write!(f, "{operation}: ")?;
        match &self.kind {
            RegistryErrorKind::TokenRefused => write!(f, "{host} rejected the token")?,
            RegistryErrorKind::LoginRequired => write!(f, "{host} requires a login")?,
            RegistryErrorKind::Denied => match operation.action() {
                Some(action) => write!(f, "{host} denied {action}")?,
                None => write!(f, "{host} denied the request")?,
            },
            RegistryErrorKind::RepositoryAbsent => {
                write!(f, "the repository does not exist in {host}")?
            }
            RegistryErrorKind::ImageAbsent => {
                write!(f, "the image does not exist in the repository")?
            }
            RegistryErrorKind::LayerAbsent => write!(f, "the layer does not exist in {host}")?,
            RegistryErrorKind::Throttled => write!(f, "{host} throttled the request")?,
            RegistryErrorKind::NotARegistry(why) => {
                write!(f, "unexpected response from {host}: {why}")?;
            }
            RegistryErrorKind::Location(why) => write!(
                f,
                "the location that {host} returned was not followed: {why}"
            )?,
            RegistryErrorKind::Transport(transport) => write!(f, "{transport}")?,
            RegistryErrorKind::Timeout => write!(f, "no response from {host} in time")?,
            RegistryErrorKind::InvalidName => {
                f.write_str("not a valid repository name, tag or digest")?;
            }
            RegistryErrorKind::Unavailable | RegistryErrorKind::Refused => match self.status {
                Some(status) => write!(f, "{host} responded with {status}")?,
                None => write!(f, "{host} rejected the request")?,
            },
        }
        match (&self.message, &self.code) {
            (Some(words), _) | (None, Some(words)) => write!(f, ": {words}"),
            (None, None) => Ok(()),
        }
    }
}

impl std::error::Error for RegistryError {}
