//! What kubelet sends on stdin: a `CredentialProviderRequest` (kubernetes/kubelet 0.37,
//! `pkg/apis/credentialprovider/v1/types.go`).

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read};

use serde::Deserialize;
use serde_json::Value;

use crate::error::{Error, escaped};
use crate::fs::{self, ReadError};
use crate::registry::repository_in;
use crate::secret::Secret;

/// A service account's annotations have at most 256 KiB (apimachinery, `TotalAnnotationSizeLimitB`),
/// and each of their bytes can be six in JSON.
const MAX_LENGTH: u64 = 2 << 20;

pub(super) const KIND: &str = "CredentialProviderRequest";

pub(super) const GROUP: &str = "credentialprovider.kubelet.k8s.io/";

/// The versions of the protocol, of which the newest has service account tokens. All of them have the
/// same answer.
pub(super) const VERSIONS: [&str; 3] = ["v1", "v1beta1", "v1alpha1"];

/// The longest name of an image that is shown in an error, in characters.
const SHOWN_LENGTH: usize = 300;

/// What kubelet asks for.
#[derive(Debug)]
pub(super) struct Request {
    /// As kubelet sent it: an answer in another version is refused.
    pub api_version: String,
    pub image: Image,
    pub workload: Option<Workload>,
}

/// The service account of a pod.
#[derive(Debug)]
pub(super) struct Workload {
    /// An OIDC token of the cluster, for the audience in kubelet's configuration.
    pub token: Secret,
    /// The annotations that kubelet's configuration names, if the service account has them.
    pub annotations: BTreeMap<String, String>,
}

/// The name of an image, without tag and digest.
#[derive(Debug)]
pub(super) struct Image {
    /// Without a scheme.
    name: String,
}

/// Why a request cannot be answered. No error repeats what may be a token.
#[derive(Debug, thiserror::Error)]
pub(super) enum RequestError {
    #[error("kubelet runs this command, and sends a {KIND} on stdin, which is a terminal here")]
    Terminal,
    #[error("cannot read the request from stdin")]
    Read(#[source] io::Error),
    #[error("stdin is empty; kubelet sends a {KIND}")]
    Empty,
    #[error("the request on stdin is longer than 2 MiB")]
    TooLong,
    #[error(
        "stdin is not a {KIND} but a server name, which Docker's protocol sends; Docker runs docker-credential-ecrx with the argument `get`"
    )]
    DockersProtocol,
    #[error("the request on stdin is not the JSON of a {KIND} (line {line}, column {column})")]
    NotJson { line: usize, column: usize },
    #[error("the request has no `{0}`")]
    Missing(&'static str),
    #[error("`{0}` of the request is empty")]
    EmptyText(&'static str),
    #[error("`{field}` of the request is not {expected}")]
    WrongType {
        field: &'static str,
        expected: &'static str,
    },
    #[error("`kind` of the request is {0}, not {KIND}")]
    Kind(String),
    #[error("`apiVersion` of the request is {0}, not {GROUP}v1, v1beta1 or v1alpha1")]
    ApiVersion(String),
    #[error("`image` of the request is not the name of an image: {0}")]
    Image(String),
    #[error("the request has annotations of a service account, but no token of it")]
    NoToken,
}

impl From<RequestError> for Error {
    fn from(error: RequestError) -> Self {
        let is_terminal = matches!(error, RequestError::Terminal);
        let error = Self::failure(error);
        if is_terminal {
            error.hint("To check an image, run: docker-credential-ecrx doctor IMAGE")
        } else {
            error
        }
    }
}

/// The JSON as it came. Fields of later versions are ignored.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    kind: Option<Value>,
    api_version: Option<Value>,
    image: Option<Value>,
    service_account_token: Option<Value>,
    service_account_annotations: Option<Value>,
}

impl Request {
    /// Reads all of stdin, which is a request.
    pub(super) fn read(input: impl Read) -> Result<Self, RequestError> {
        match fs::read_all(input, Vec::new(), MAX_LENGTH) {
            Ok(bytes) => Self::parse(&bytes),
            Err(ReadError::TooLarge(_)) => Err(RequestError::TooLong),
            Err(error) => Err(RequestError::Read(error.into())),
        }
    }

    fn parse(bytes: &[u8]) -> Result<Self, RequestError> {
        let text = bytes.trim_ascii();
        if text.is_empty() {
            return Err(RequestError::Empty);
        }
        if is_server_name(text) {
            return Err(RequestError::DockersProtocol);
        }
        let fields: Fields =
            serde_json::from_slice(text).map_err(|error| RequestError::NotJson {
                line: error.line(),
                column: error.column(),
            })?;
        let kind = required("kind", fields.kind)?;
        if kind != KIND {
            return Err(RequestError::Kind(escaped(&kind)));
        }
        let api_version = required("apiVersion", fields.api_version)?;
        let is_known = |version: &str| VERSIONS.contains(&version);
        if !api_version.strip_prefix(GROUP).is_some_and(is_known) {
            return Err(RequestError::ApiVersion(escaped(&api_version)));
        }
        Ok(Self {
            api_version,
            image: Image::parse(&required("image", fields.image)?)?,
            workload: workload(
                fields.service_account_token,
                fields.service_account_annotations,
            )?,
        })
    }
}

/// Whether Docker's protocol has sent it: one word that is no JSON.
fn is_server_name(text: &[u8]) -> bool {
    let in_name = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_:/".contains(byte);
    text.iter().all(in_name) && (text.contains(&b'.') || text.contains(&b':'))
}

fn text(field: &'static str, value: Option<Value>) -> Result<Option<String>, RequestError> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(RequestError::WrongType {
            field,
            expected: "text",
        }),
    }
}

fn required(field: &'static str, value: Option<Value>) -> Result<String, RequestError> {
    match text(field, value)? {
        None => Err(RequestError::Missing(field)),
        Some(text) if text.is_empty() => Err(RequestError::EmptyText(field)),
        Some(text) => Ok(text),
    }
}

/// The service account; `None` if kubelet is not configured to send its token. kubelet leaves an empty
/// text and an empty map out.
fn workload(
    token: Option<Value>,
    annotations: Option<Value>,
) -> Result<Option<Workload>, RequestError> {
    let token = text("serviceAccountToken", token)?.filter(|token| !token.is_empty());
    let wrong = RequestError::WrongType {
        field: "serviceAccountAnnotations",
        expected: "an object with text values",
    };
    let annotations: BTreeMap<String, String> = match annotations {
        None | Some(Value::Null) => BTreeMap::new(),
        Some(value) => serde_json::from_value(value).map_err(|_| wrong)?,
    };
    match token {
        Some(token) => Ok(Some(Workload {
            token: Secret::new(token),
            annotations,
        })),
        None if annotations.is_empty() => Ok(None),
        None => Err(RequestError::NoToken),
    }
}

impl Image {
    fn parse(text: &str) -> Result<Self, RequestError> {
        let name = ["https://", "http://"]
            .into_iter()
            .find_map(|scheme| text.strip_prefix(scheme))
            .unwrap_or(text);
        let is_clean = name.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_clean || name.starts_with('/') || name.is_empty() {
            let shown: String = text.chars().take(SHOWN_LENGTH).collect();
            return Err(RequestError::Image(escaped(&shown)));
        }
        let name = name.to_owned();
        Ok(Self { name })
    }

    /// The registry as `HOST` or `HOST:PORT`, which kubelet compares with the keys of an answer.
    pub(super) fn server(&self) -> &str {
        let (server, _) = self.name.split_once('/').unwrap_or((&self.name, ""));
        server
    }

    /// The path of the image without tag and digest.
    pub(super) fn repository(&self) -> Option<&str> {
        repository_in(&self.name)
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.char_indices().nth(SHOWN_LENGTH) {
            Some((end, _)) => write!(f, "{}…", &self.name[..end]),
            None => f.write_str(&self.name),
        }
    }
}
