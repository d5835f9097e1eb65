//! kubelet's protocol: a `CredentialProviderRequest` on stdin, and a `CredentialProviderResponse` on
//! stdout (kubernetes/kubelet 0.37, `pkg/apis/credentialprovider/v1/types.go`). kubelet drops a response
//! with a field that it does not know, or in another version than it is configured with
//! (`pkg/credentialprovider/plugin`).

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read};
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use time::OffsetDateTime;

use crate::error::{Error, escaped};
use crate::fs::{self, ReadError};
use crate::registry::repository_in;
use crate::secret::Secret;
use crate::token::{AuthorizationToken, USERNAME};

/// A service account's annotations have at most 256 KiB (apimachinery, `TotalAnnotationSizeLimitB`),
/// and each of their bytes can be six in JSON.
const MAX_LENGTH: u64 = 2 << 20;

pub(super) const REQUEST_KIND: &str = "CredentialProviderRequest";

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
    #[error(
        "kubelet runs this command, and sends a {REQUEST_KIND} on stdin, which is a terminal here"
    )]
    Terminal,
    #[error("cannot read the request from stdin")]
    Read(#[source] io::Error),
    #[error("stdin is empty; kubelet sends a {REQUEST_KIND}")]
    Empty,
    #[error("the request on stdin is longer than 2 MiB")]
    TooLong,
    #[error(
        "stdin is not a {REQUEST_KIND} but a server name, which Docker's protocol sends; Docker runs docker-credential-ecrx with the argument `get`"
    )]
    DockersProtocol,
    #[error(
        "the request on stdin is not the JSON of a {REQUEST_KIND} (line {line}, column {column})"
    )]
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
    #[error("`kind` of the request is {0}, not {REQUEST_KIND}")]
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
        if kind != REQUEST_KIND {
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

pub(super) const RESPONSE_KIND: &str = "CredentialProviderResponse";

/// How long kubelet keeps the answer that there are no credentials.
const WITHOUT_CREDENTIALS: Duration = Duration::from_secs(300);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Response<'a> {
    kind: &'static str,
    api_version: &'a str,
    cache_key_type: CacheKeyType,
    #[serde(serialize_with = "as_go_writes_it")]
    cache_duration: Duration,
    auth: BTreeMap<String, Login<'a>>,
}

/// For what kubelet keeps an answer.
#[derive(Clone, Copy, Serialize)]
enum CacheKeyType {
    /// For all images of the registry.
    Registry,
    /// For one image, with any tag.
    Image,
}

/// The images that the credentials of an answer are for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scope<'a> {
    /// All images of a registry, `HOST` or `HOST:PORT`.
    Registry(&'a str),
    /// One image, as another image of the registry may need those of another identity.
    Repository {
        server: &'a str,
        repository: &'a str,
    },
}

impl Scope<'_> {
    fn cache_key_type(self) -> CacheKeyType {
        match self {
            Self::Registry(_) => CacheKeyType::Registry,
            Self::Repository { .. } => CacheKeyType::Image,
        }
    }

    /// The key of the credentials. kubelet compares its host, and whether the path of the image begins
    /// with its path, from which it drops a leading `/v1` or `/v2` (kubernetes 1.37,
    /// `pkg/credentialprovider/keyring.go`).
    fn key(self) -> String {
        match self {
            Self::Registry(server) => server.to_owned(),
            Self::Repository { server, repository } => {
                let is_version = ["v1/", "v2/"].iter().any(|it| repository.starts_with(it));
                let version = if is_version { "/v2" } else { "" };
                format!("{server}{version}/{repository}")
            }
        }
    }
}

#[derive(Serialize)]
struct Login<'a> {
    username: &'static str,
    password: &'a str,
}

impl<'a> Response<'a> {
    /// Credentials, for kubelet to keep for `duration`.
    pub(super) fn with_token(
        api_version: &'a str,
        scope: Scope<'_>,
        token: &'a AuthorizationToken,
        duration: Duration,
    ) -> Self {
        let login = Login {
            username: USERNAME,
            password: token.password().expose(),
        };
        Self {
            cache_key_type: scope.cache_key_type(),
            ..Self::new(api_version, [(scope.key(), login)].into(), duration)
        }
    }

    /// That there are no credentials: kubelet pulls anonymously, or with those of the pod.
    pub(super) fn without_credentials(api_version: &'a str) -> Self {
        Self::new(api_version, BTreeMap::new(), WITHOUT_CREDENTIALS)
    }

    fn new(
        api_version: &'a str,
        auth: BTreeMap<String, Login<'a>>,
        cache_duration: Duration,
    ) -> Self {
        Self {
            kind: RESPONSE_KIND,
            api_version,
            cache_key_type: CacheKeyType::Registry,
            cache_duration,
            auth,
        }
    }

    /// The answer in one line.
    pub(super) fn line(&self) -> serde_json::Result<Vec<u8>> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        Ok(line)
    }

    pub(super) fn cache_duration(&self) -> Duration {
        self.cache_duration
    }
}

/// Whole seconds, as Go's `time.ParseDuration` reads them.
fn as_go_writes_it<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{}s", duration.as_secs()))
}

/// For how long kubelet may keep a token: between 45 % and 50 % of its remaining lifetime, so that
/// nodes that have started together do not renew together. kubelet keeps a token also after a registry
/// has refused it, and does not renew it ahead of time.
pub(super) fn cache_duration(token: &AuthorizationToken, now: OffsetDateTime) -> Duration {
    let left = Duration::try_from(token.expires_at - now).unwrap_or_default();
    Duration::from_secs(left.as_secs() * fastrand::u64(450..=500) / 1000)
}

/// A request that is read names an image whose registry and path are parts of it.
#[cfg(any(test, fuzzing))]
pub(crate) fn fuzz(bytes: &[u8]) {
    match Request::read(bytes) {
        Ok(request) => {
            let image = &request.image;
            assert!(!image.server().contains('/') && !image.server().is_empty());
            let is_part = |path: &str| image.name.contains(path) && !path.starts_with('/');
            assert!(image.repository().is_none_or(is_part), "{image}");
        }
        Err(error) => assert!(!error.to_string().contains(char::is_control), "{error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(life: i64) -> (AuthorizationToken, OffsetDateTime) {
        let now = OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap();
        let expires_at = now + time::Duration::seconds(life);
        let token = AuthorizationToken::decode("QVdTOnNlY3JldA==", now, expires_at).unwrap();
        (token, now)
    }

    #[test]
    fn a_token_is_kept_for_45_to_50_percent_of_its_remaining_lifetime() {
        let (token, now) = token(12 * 3600);
        let kept: Vec<u64> = (0..2000)
            .map(|_| cache_duration(&token, now).as_secs())
            .collect();
        let (least, most) = (kept.iter().min().unwrap(), kept.iter().max().unwrap());
        assert!(*least >= 12 * 3600 * 45 / 100, "{least}");
        assert!(*most <= 12 * 3600 / 2, "{most}");
        // Spread over the whole range.
        assert!(most - least > 12 * 3600 * 4 / 100, "{least} to {most}");
    }

    #[test]
    fn an_expired_token_is_not_kept() {
        for life in [0, 1, -1, -3600] {
            let (token, now) = token(life);
            assert_eq!(cache_duration(&token, now), Duration::ZERO, "{life} s");
        }
    }

    #[test]
    fn the_answer_is_one_line_with_kubelets_fields_alone() {
        let (token, _) = token(3600);
        let version = "credentialprovider.kubelet.k8s.io/v1";
        let line = |response: Response<'_>| String::from_utf8(response.line().unwrap()).unwrap();
        let registry = Scope::Registry("host:5000");
        let repository = |repository| Scope::Repository {
            server: "host:5000",
            repository,
        };
        let kept = Duration::from_secs(21_599);
        assert_eq!(
            line(Response::with_token(version, registry, &token, kept)),
            r#"{"kind":"CredentialProviderResponse","apiVersion":"credentialprovider.kubelet.k8s.io/v1","cacheKeyType":"Registry","cacheDuration":"21599s","auth":{"host:5000":{"username":"AWS","password":"secret"}}}
"#
        );
        for (path, key) in [
            ("team/app", "host:5000/team/app"),
            ("v2x/app", "host:5000/v2x/app"),
            ("v1/app", "host:5000/v2/v1/app"),
            ("v2/app", "host:5000/v2/v2/app"),
        ] {
            assert_eq!(
                line(Response::with_token(
                    version,
                    repository(path),
                    &token,
                    kept
                )),
                format!(
                    r#"{{"kind":"CredentialProviderResponse","apiVersion":"credentialprovider.kubelet.k8s.io/v1","cacheKeyType":"Image","cacheDuration":"21599s","auth":{{"{key}":{{"username":"AWS","password":"secret"}}}}}}
"#
                )
            );
        }
        assert_eq!(
            line(Response::without_credentials(version)),
            r#"{"kind":"CredentialProviderResponse","apiVersion":"credentialprovider.kubelet.k8s.io/v1","cacheKeyType":"Registry","cacheDuration":"300s","auth":{}}
"#
        );
    }
}
