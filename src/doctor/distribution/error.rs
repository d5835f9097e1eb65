//! Why a registry does not do what it was asked, in its own words.

use std::fmt;

use http::header;
use serde::Deserialize;
use time::OffsetDateTime;

use crate::error::one_line;
use crate::http::{Received, TransportFailure};
use crate::redaction::Redactor;

use super::location::LocationError;

/// What was being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// `/v2/`: is there a registry, and does it take the token.
    Ping,
    /// Getting the token of a Bearer challenge.
    Token,
    /// A manifest or an index.
    Manifest,
    /// An image that an index names.
    ImageOfIndex,
    /// A layer, or where it is.
    Layer,
    /// A layer, where the registry says that it is.
    Storage,
    /// Opening an upload.
    Upload,
    /// Cancelling it.
    CancelUpload,
}

impl Step {
    /// What must be allowed for it, as IAM spells it. ECR ends uploads by itself, and has no
    /// action for it.
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

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ping => "asking the registry",
            Self::Token => "asking for a token to pull with",
            Self::Manifest => "asking for the manifest",
            Self::ImageOfIndex => "asking for the manifest of one platform",
            Self::Layer => "asking for a layer",
            Self::Storage => "getting a layer",
            Self::Upload => "opening an upload",
            Self::CancelUpload => "cancelling the upload",
        })
    }
}

/// What happened.
#[derive(Clone, Debug)]
pub enum RefusalKind {
    /// It does not take this token: it has expired, was revoked, or is none.
    TokenRefused,
    /// It was asked without a token, and wants one.
    LoginRequired,
    /// It knows who asks, and they may not. [`Refusal::message`] is AWS's sentence.
    Denied,
    /// There is no such repository, in this account and region.
    RepositoryAbsent,
    /// The repository has no such image.
    ImageAbsent,
    /// The repository has no such layer.
    LayerAbsent,
    /// Too many requests.
    Throttled,
    /// It answers 5xx.
    Unavailable,
    /// What answers is no registry: the page of a proxy or of a hotel, or an answer that makes no
    /// sense. The text says what it does.
    NotARegistry(String),
    /// It names a place that is not asked.
    Location(LocationError),
    /// The name, the connection, TLS or the proxy.
    Transport(TransportFailure),
    /// The time is over.
    Timeout,
    /// The name of the repository, tag or digest is none. Nothing was asked.
    InvalidName,
    /// It refuses for another reason.
    Refused,
}

/// A request that was not answered as it should have been. No text in it is longer than a line,
/// and none holds a secret.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// What happened.
    pub kind: RefusalKind,
    /// What was being done.
    pub step: Step,
    /// `HOST[:PORT]` that was asked.
    pub host: String,
    /// The status, where there was an answer.
    pub status: Option<u16>,
    /// What time it was there.
    pub date: Option<OffsetDateTime>,
    /// The registry's error code: `DENIED`.
    pub code: Option<String>,
    /// The registry's words.
    pub message: Option<String>,
}

/// The body of a refusal: `{"errors":[{"code":…,"message":…,"detail":…}]}` (OCI distribution
/// specification, "Error Codes").
#[derive(Deserialize)]
struct Body {
    errors: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    message: Option<String>,
}

impl Refusal {
    /// Without an answer.
    pub(super) fn unanswered(kind: RefusalKind, step: Step, host: &str) -> Self {
        Self {
            kind,
            step,
            host: one_line(host),
            status: None,
            date: None,
            code: None,
            message: None,
        }
    }

    /// An answer of which no use can be made.
    pub(super) fn because(kind: RefusalKind, step: Step, host: &str, answer: &Received) -> Self {
        Self {
            status: Some(answer.status),
            date: answer.date,
            ..Self::unanswered(kind, step, host)
        }
    }

    /// Reads a registry's answer that is not the one that was hoped for.
    pub(super) fn of_registry(
        step: Step,
        host: &str,
        answer: &Received,
        had_token: bool,
        redactor: &Redactor,
    ) -> Self {
        let body = serde_json::from_slice::<Body>(&answer.body).ok();
        let first = body.and_then(|body| body.errors.into_iter().next());
        let (code, message) = first.map_or((None, None), |first| (first.code, first.message));
        let clean = |text: Option<String>| {
            let text = redactor.redact(&text?);
            Some(one_line(&text)).filter(not_empty)
        };
        let (code, message) = (clean(code), clean(message));
        let kind = kind(answer, code.as_deref(), message.as_deref(), had_token);
        Self {
            code,
            message,
            ..Self::because(kind, step, host, answer)
        }
    }

    /// Reads an answer of S3 that is not the one that was hoped for.
    pub(super) fn of_storage(host: &str, answer: &Received, redactor: &Redactor) -> Self {
        let text = String::from_utf8_lossy(&answer.body);
        let of = |name: &str| {
            let (_, rest) = text.split_once(&format!("<{name}>"))?;
            let (value, _) = rest.split_once(&format!("</{name}>"))?;
            Some(one_line(&redactor.redact(value))).filter(not_empty)
        };
        let (code, message) = (of("Code"), of("Message"));
        let kind = match answer.status {
            403 if code.is_none() && is_page(answer) => a_page(),
            401 | 403 => RefusalKind::Denied,
            404 => RefusalKind::LayerAbsent,
            429 => RefusalKind::Throttled,
            500.. if code.as_deref() == Some("SlowDown") => RefusalKind::Throttled,
            500.. => RefusalKind::Unavailable,
            300..=399 => not_a_registry(&leads_elsewhere(answer)),
            _ => RefusalKind::Refused,
        };
        Self {
            code,
            message,
            ..Self::because(kind, Step::Storage, host, answer)
        }
    }
}

#[expect(clippy::ptr_arg, reason = "a filter of an option")]
fn not_empty(text: &String) -> bool {
    !text.is_empty()
}

pub(super) fn not_a_registry(why: &str) -> RefusalKind {
    RefusalKind::NotARegistry(why.to_owned())
}

pub(super) fn a_page() -> RefusalKind {
    not_a_registry("it answers with a page for people")
}

fn kind(
    answer: &Received,
    code: Option<&str>,
    message: Option<&str>,
    had_token: bool,
) -> RefusalKind {
    // ECR: "Your authorization token has expired. Reauthenticate and try again.", with DENIED.
    let is_about_the_token = message.is_some_and(|message| {
        let message = message.to_ascii_lowercase();
        message.contains("authorization token") && !message.contains("not authorized to perform")
    });
    match (answer.status, code) {
        (429, _) | (_, Some("TOOMANYREQUESTS")) => RefusalKind::Throttled,
        (500.., _) => RefusalKind::Unavailable,
        (300..=399, _) => not_a_registry(&leads_elsewhere(answer)),
        (401, _) | (_, Some("UNAUTHORIZED")) if !had_token => RefusalKind::LoginRequired,
        (401, _) | (_, Some("UNAUTHORIZED")) => RefusalKind::TokenRefused,
        (400 | 403, _) if had_token && is_about_the_token => RefusalKind::TokenRefused,
        (_, Some("DENIED")) => RefusalKind::Denied,
        (_, Some("NAME_UNKNOWN")) => RefusalKind::RepositoryAbsent,
        (_, Some("MANIFEST_UNKNOWN")) => RefusalKind::ImageAbsent,
        (_, Some("BLOB_UNKNOWN")) => RefusalKind::LayerAbsent,
        (_, None) if is_page(answer) => a_page(),
        (403, _) => RefusalKind::Denied,
        (200..=299, _) => not_a_registry("it answers with something else"),
        _ => RefusalKind::Refused,
    }
}

/// Whether an answer is a page, as proxies and hotels have them.
pub(super) fn is_page(answer: &Received) -> bool {
    let content_type = answer.headers.get(header::CONTENT_TYPE);
    content_type.is_some_and(|value| {
        value
            .as_bytes()
            .to_ascii_lowercase()
            .starts_with(b"text/html")
    })
}

/// The host alone: the rest may be secret.
fn leads_elsewhere(answer: &Received) -> String {
    let location = answer.headers.get(header::LOCATION);
    let url = location.and_then(|value| value.to_str().ok()?.parse::<http::Uri>().ok());
    match url.as_ref().and_then(http::Uri::host) {
        Some(host) => format!("it leads to {}", one_line(host)),
        None => "it leads elsewhere".to_owned(),
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, host, .. } = self;
        write!(f, "{step}: ")?;
        match &self.kind {
            RefusalKind::TokenRefused => write!(f, "{host} does not take the token")?,
            RefusalKind::LoginRequired => write!(f, "{host} wants a login")?,
            RefusalKind::Denied => match step.action() {
                Some(action) => write!(f, "{host} denies {action}")?,
                None => write!(f, "{host} denies it")?,
            },
            RefusalKind::RepositoryAbsent => write!(f, "{host} has no such repository")?,
            RefusalKind::ImageAbsent => write!(f, "the repository has no such image")?,
            RefusalKind::LayerAbsent => write!(f, "{host} does not have it")?,
            RefusalKind::Throttled => write!(f, "{host} throttles")?,
            RefusalKind::NotARegistry(why) => {
                write!(f, "what answers as {host} is not what it should be: {why}")?;
            }
            RefusalKind::Location(why) => write!(f, "{host} is not followed: {why}")?,
            RefusalKind::Transport(transport) => write!(f, "{transport}")?,
            RefusalKind::Timeout => write!(f, "{host} does not answer in time")?,
            RefusalKind::InvalidName => {
                f.write_str("that is no name of a repository, tag or digest")?;
            }
            RefusalKind::Unavailable | RefusalKind::Refused => match self.status {
                Some(status) => write!(f, "{host} answers {status}")?,
                None => write!(f, "{host} refuses")?,
            },
        }
        match (&self.message, &self.code) {
            (Some(words), _) | (None, Some(words)) => write!(f, ": {words}"),
            (None, None) => Ok(()),
        }
    }
}

impl std::error::Error for Refusal {}
