//! Requests to registries, as clients send them: whether one accepts a token, and what can be pulled
//! from and pushed to it (OCI distribution specification 1.1).
//!
//! A [`RegistryClient`] sends requests to one registry, always over TLS and through the proxy that
//! serves it, and waits for the responses. It sends the password to that host alone. If a layer is
//! stored elsewhere, as ECR's are in S3, one byte of it is requested there, without a login and
//! with a URL that is never shown. So an error of the bucket is distinguished from one of the
//! registry.
//!
//! Only [`RegistryClient::upload`] changes something: it opens an upload and cancels it. No request is repeated.

mod authentication;
mod error;
mod location;

use std::cell::RefCell;
use std::io;
use std::time::{Duration, Instant};

use http::{HeaderName, HeaderValue, Method, Request, header};
use serde::Deserialize;
use time::OffsetDateTime;
use tokio::runtime::Runtime;

use crate::digest::{hex, sha256};
use crate::error::one_line;
use crate::http::{EcrxClient, Received};
use crate::redaction::Redactor;
use crate::registry::{Registry, is_image_digest};
use crate::runtime;
use crate::secret::Secret;

pub use authentication::{Challenge, Scheme};
use authentication::{basic, bearer};
pub use error::{Operation, RegistryError, RegistryErrorKind};
use location::Location;
pub use location::LocationError;

/// The most bytes that are read of a manifest, or another response that is read completely.
const MAX_RESPONSE: usize = 1 << 20;

/// The most bytes that are read of the response to a request for a layer.
const MAX_LAYER_RESPONSE: usize = 64 << 10;

/// The value of `Range`.
const FIRST_BYTE: &str = "bytes=0-0";

const OK: u16 = 200;
const PARTIAL_CONTENT: u16 = 206;
/// For a layer without a first byte.
const RANGE_NOT_SATISFIABLE: u16 = 416;

/// The properties of every response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    /// The registry's time, to the second.
    pub date: Option<OffsetDateTime>,
}

/// A registry exists, and accepts the token if one was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pong {
    /// 200, or 401 when no token was sent.
    pub response: Response,
    /// With 401, the login that it requires.
    pub challenge: Option<Challenge>,
}

/// An image, or an index of images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// To the first request.
    pub response: Response,
    /// Of the manifest or index that the reference names.
    pub descriptor: Descriptor,
    /// Of an index, the image that was checked; `None` if it has none.
    pub image: Option<PlatformImage>,
    /// The smallest layer of the image; `None` without an image, or it has no layer that the
    /// registry holds.
    pub layer: Option<Descriptor>,
}

/// The registry has the layer, and allows it to be pulled.
#[derive(Clone, Debug)]
pub struct LayerProbe {
    pub response: Response,
    /// `None` if the registry gave the layer itself.
    pub storage: Option<StorageProbe>,
}

/// The storage of a layer: for ECR, a bucket in S3.
#[derive(Clone, Debug)]
pub struct StorageProbe {
    /// `HOST[:PORT]`.
    pub host: String,
    /// To a request for the first byte.
    pub response: Result<Response, RegistryError>,
}

/// An upload was opened, so an image can probably be pushed.
#[derive(Clone, Debug)]
pub struct UploadProbe {
    pub response: Response,
    /// Whether it could be cancelled. Registries forget those that could not by themselves.
    pub cancelled: Result<Response, RegistryError>,
}

impl From<&Received> for Response {
    fn from(received: &Received) -> Self {
        Self {
            status: received.status,
            date: received.date,
        }
    }
}

#[derive(Debug)]
pub struct RegistryClient<'a> {
    http: &'a EcrxClient,
    host: String,
    /// With the secrets so far: the password, what it was exchanged for, signed URLs.
    redactor: RefCell<Redactor>,
    begun_at: Instant,
    time_left: Duration,
    /// `None` only while the client is dropped.
    runtime: Option<Runtime>,
}

impl<'a> RegistryClient<'a> {
    /// A client that ends every request when `time_left` is over. It keeps its connections for the
    /// next request.
    ///
    /// # Errors
    /// If the system refuses what the async runtime needs.
    pub fn new(http: &'a EcrxClient, registry: &Registry, time_left: Duration) -> io::Result<Self> {
        let mut redactor = Redactor::default();
        redactor.show(registry.host());
        Ok(Self {
            http,
            host: registry.host().to_owned(),
            redactor: RefCell::new(redactor),
            begun_at: Instant::now(),
            time_left,
            runtime: Some(runtime::start()?),
        })
    }
}

impl RegistryClient<'_> {
    /// Checks whether the host is a registry, and whether it accepts the password, if one is given.
    ///
    /// # Errors
    /// [`RegistryErrorKind::TokenRefused`] if it does not.
    pub fn ping(&self, password: Option<&Secret>) -> Result<Pong, RegistryError> {
        self.block_on(async {
            let request = RegistryRequest::new(Operation::Ping, Method::GET, "/v2/".to_owned());
            let received = self.send(&request, password).await?;
            let challenge = Challenge::from_response(&received);
            let is_wanted = received.status == 401 && password.is_none() && challenge.is_some();
            if received.status != OK && !is_wanted {
                return Err(self.refused(&request, &received, password));
            }
            if received.status == OK && !is_registry(&received) {
                let kind = error::not_a_registry("not a registry response");
                return Err(self.unusable(kind, &request, &received));
            }
            Ok(Pong {
                response: Response::from(&received),
                challenge: challenge.filter(|_| is_wanted),
            })
        })
    }

    /// Requests a manifest, by tag or digest, and of an index the image for Linux on this machine's
    /// architecture, or else the first.
    ///
    /// # Errors
    /// The registry's, or that its response is not a manifest.
    pub fn manifest(
        &self,
        repository: &str,
        reference: &str,
        password: Option<&Secret>,
    ) -> Result<Manifest, RegistryError> {
        self.block_on(async {
            let (received, descriptor, raw) = self
                .read_manifest(Operation::Manifest, repository, reference, password)
                .await?;
            let response = Response::from(&received);
            let (image, raw) = match raw.images().map(image_for_this_machine) {
                None => (None, Some(raw)),
                Some(None) => (None, None),
                Some(Some(entry)) => {
                    let operation = Operation::ImageOfIndex;
                    let (_, descriptor, raw) = self
                        .read_manifest(operation, repository, &entry.digest, password)
                        .await?;
                    let image = PlatformImage {
                        descriptor,
                        platform: entry.platform().map(|platform| one_line(&platform)),
                    };
                    (Some(image), Some(raw))
                }
            };
            let layer = raw.as_ref().and_then(RawManifest::smallest_layer);
            Ok(Manifest {
                response,
                descriptor,
                image,
                layer: layer.map(Descriptor::from),
            })
        })
    }

    async fn read_manifest(
        &self,
        operation: Operation,
        repository: &str,
        reference: &str,
        password: Option<&Secret>,
    ) -> Result<(Received, Descriptor, RawManifest), RegistryError> {
        let path = self.path(operation, repository, "manifests", reference)?;
        let mut request = RegistryRequest::new(operation, Method::GET, path);
        request.header = Some((header::ACCEPT, ACCEPT));
        let received = self.send(&request, password).await?;
        if received.status != OK {
            return Err(self.refused(&request, &received, password));
        }
        let malformed = |why| self.unusable(error::not_a_registry(why), &request, &received);
        if !received.is_whole {
            return Err(malformed("the manifest is larger than 1 MiB"));
        }
        let raw = RawManifest::parse(&received.body).ok_or_else(|| malformed("not a manifest"))?;
        let digest = format!("sha256:{}", hex(&sha256(&received.body)));
        if reference.starts_with("sha256:") && reference != digest {
            return Err(malformed("the manifest does not match the digest"));
        }
        let parts = raw.images().unwrap_or_default().iter();
        if !parts
            .chain(raw.smallest_layer())
            .all(|part| is_image_digest(&part.digest))
        {
            return Err(malformed("the manifest contains an invalid digest"));
        }
        let content_type = received.headers.get(header::CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let media_type = raw.media_type().or(content_type).unwrap_or_default();
        let descriptor = Descriptor {
            digest,
            media_type: one_line(media_type),
            size: received.body.len() as u64,
        };
        Ok((received, descriptor, raw))
    }

    /// Requests a layer, and one byte of it at the location that the registry gives.
    ///
    /// # Errors
    /// The registry's. Those of its storage are in [`LayerProbe`].
    pub fn layer(
        &self,
        repository: &str,
        digest: &str,
        password: Option<&Secret>,
    ) -> Result<LayerProbe, RegistryError> {
        self.block_on(async {
            let path = self.path(Operation::Layer, repository, "blobs", digest)?;
            let mut request = RegistryRequest::new(Operation::Layer, Method::GET, path);
            request.header = Some((header::RANGE, FIRST_BYTE));
            request.limit = MAX_LAYER_RESPONSE;
            let received = self.send(&request, password).await?;
            let storage = match received.status {
                OK | PARTIAL_CONTENT if error::is_page(&received) => {
                    return Err(self.unusable(error::a_page(), &request, &received));
                }
                OK | PARTIAL_CONTENT | RANGE_NOT_SATISFIABLE => None,
                301..=303 | 307 | 308 => {
                    let location =
                        Location::parse(location(&received), &self.host).map_err(|why| {
                            self.unusable(RegistryErrorKind::Location(why), &request, &received)
                        })?;
                    Some(StorageProbe {
                        host: one_line(&location.host()),
                        response: self.probe_storage(&location).await,
                    })
                }
                _ => return Err(self.refused(&request, &received, password)),
            };
            Ok(LayerProbe {
                response: Response::from(&received),
                storage,
            })
        })
    }

    /// Requests the first byte of a layer at a URL that the registry gave. The URL is the login.
    async fn probe_storage(&self, location: &Location) -> Result<Response, RegistryError> {
        self.mask_location(location);
        let host = one_line(&location.host());
        let mut request = Request::new(());
        *request.uri_mut() = location.expose().clone();
        let range = HeaderValue::from_static(FIRST_BYTE);
        request.headers_mut().insert(header::RANGE, range);
        let received = self.exchange(Operation::Storage, &host, request, MAX_LAYER_RESPONSE);
        let received = received.await?;
        match received.status {
            OK | PARTIAL_CONTENT if error::is_page(&received) => {
                let (kind, operation) = (error::a_page(), Operation::Storage);
                Err(RegistryError::unusable(kind, operation, &host, &received))
            }
            OK | PARTIAL_CONTENT | RANGE_NOT_SATISFIABLE => Ok(Response::from(&received)),
            _ => Err(self.refused_by_storage(&host, &received)),
        }
    }

    /// Opens an upload and cancels it, so that nothing remains in the repository.
    ///
    /// # Errors
    /// The registry's, to the request that opens it.
    pub fn upload(
        &self,
        repository: &str,
        password: Option<&Secret>,
    ) -> Result<UploadProbe, RegistryError> {
        self.block_on(async {
            let path = self.path(Operation::Upload, repository, "blobs/uploads", "")?;
            let request = RegistryRequest::new(Operation::Upload, Method::POST, path);
            let received = self.send(&request, password).await?;
            if received.status != 202 {
                return Err(self.refused(&request, &received, password));
            }
            let location = Location::parse_own(location(&received), &self.host);
            let cancelled = match location {
                Ok(location) => self.cancel(&location, password).await,
                Err(why) => {
                    Err(self.unusable(RegistryErrorKind::Location(why), &request, &received))
                }
            };
            Ok(UploadProbe {
                response: Response::from(&received),
                cancelled,
            })
        })
    }

    async fn cancel(
        &self,
        location: &Location,
        password: Option<&Secret>,
    ) -> Result<Response, RegistryError> {
        self.mask_location(location);
        let path = location.expose().path_and_query();
        let path = path.map_or_else(String::new, ToString::to_string);
        let request = RegistryRequest::new(Operation::CancelUpload, Method::DELETE, path);
        let received = self.send(&request, password).await?;
        match received.status {
            200 | 202 | 204 => Ok(Response::from(&received)),
            _ => Err(self.refused(&request, &received, password)),
        }
    }
}

impl RegistryClient<'_> {
    /// Sends a request to the registry, the only host that gets the password.
    async fn send(
        &self,
        request: &RegistryRequest,
        password: Option<&Secret>,
    ) -> Result<Received, RegistryError> {
        if let Some(password) = password {
            self.redactor.borrow_mut().add(password.expose());
        }
        let received = self.send_as(request, password.map(basic)).await?;
        let is_bare_ping = request.operation == Operation::Ping && password.is_none();
        match Challenge::from_response(&received) {
            Some(challenge) if challenge.scheme == Scheme::Bearer && !is_bare_ping => {
                let bearer = self.exchange_token(&challenge, password, &received).await?;
                self.send_as(request, Some(bearer)).await
            }
            _ => Ok(received),
        }
    }

    async fn send_as(
        &self,
        request: &RegistryRequest,
        login: Option<HeaderValue>,
    ) -> Result<Received, RegistryError> {
        let RegistryRequest {
            operation, limit, ..
        } = *request;
        let url = format!("https://{}{}", self.host, request.path);
        let mut sent = Request::new(());
        *sent.method_mut() = request.method.clone();
        *sent.uri_mut() = url.parse().map_err(|_| {
            RegistryError::unanswered(RegistryErrorKind::InvalidName, operation, &self.host)
        })?;
        let headers = sent.headers_mut();
        if let Some((name, value)) = &request.header {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if let Some(login) = login {
            self.mask_login(&login);
            headers.insert(header::AUTHORIZATION, login);
        }
        self.exchange(operation, &self.host, sent, limit).await
    }

    /// Masks what follows the scheme in every message from now on.
    fn mask_login(&self, login: &HeaderValue) {
        let (_, secret) = login
            .to_str()
            .unwrap_or_default()
            .split_once(' ')
            .unwrap_or_default();
        self.redactor.borrow_mut().add(secret);
    }

    async fn exchange_token(
        &self,
        challenge: &Challenge,
        password: Option<&Secret>,
        received: &Received,
    ) -> Result<HeaderValue, RegistryError> {
        let refused = |kind| RegistryError::unusable(kind, Operation::Token, &self.host, received);
        let realm = Location::parse_own(challenge.realm.as_deref(), &self.host)
            .map_err(|why| refused(RegistryErrorKind::Location(why)))?;
        let path = format!("{}{}", realm.expose().path(), challenge.query());
        let request = RegistryRequest::new(Operation::Token, Method::GET, path);
        let received = self.send_as(&request, password.map(basic)).await?;
        if received.status != OK {
            return Err(self.refused(&request, &received, password));
        }
        let malformed = || {
            let kind = error::not_a_registry("not a token");
            self.unusable(kind, &request, &received)
        };
        bearer(&received).ok_or_else(malformed)
    }

    /// `/v2/NAME/KIND/REFERENCE`.
    fn path(
        &self,
        operation: Operation,
        repository: &str,
        kind: &str,
        reference: &str,
    ) -> Result<String, RegistryError> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+._-:".contains(&byte);
        // Neither begins with a period; `..` would lead out of the repository.
        let is_part =
            |part: &str| !part.is_empty() && !part.starts_with('.') && part.bytes().all(is_plain);
        let is_reference = match operation {
            Operation::Upload => reference.is_empty(),
            Operation::Layer => is_image_digest(reference),
            _ => is_part(reference),
        };
        if !repository.split('/').all(is_part) || !is_reference {
            let kind = RegistryErrorKind::InvalidName;
            return Err(RegistryError::unanswered(kind, operation, &self.host));
        }
        Ok(format!("/v2/{repository}/{kind}/{reference}"))
    }

    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        let runtime = self.runtime.as_ref().expect("not dropped");
        runtime.block_on(future)
    }

    /// Masks what is secret in a URL in every message from now on.
    fn mask_location(&self, location: &Location) {
        location.mask(&mut self.redactor.borrow_mut());
    }

    fn refused(
        &self,
        request: &RegistryRequest,
        received: &Received,
        password: Option<&Secret>,
    ) -> RegistryError {
        let (operation, redactor) = (request.operation, self.redactor.borrow());
        RegistryError::from_response(
            operation,
            &self.host,
            received,
            password.is_some(),
            &redactor,
        )
    }

    fn refused_by_storage(&self, host: &str, received: &Received) -> RegistryError {
        RegistryError::from_storage_response(host, received, &self.redactor.borrow())
    }

    fn unusable(
        &self,
        kind: RegistryErrorKind,
        request: &RegistryRequest,
        received: &Received,
    ) -> RegistryError {
        RegistryError::unusable(kind, request.operation, &self.host, received)
    }

    /// One request to any host, and its response before the time is over.
    async fn exchange(
        &self,
        operation: Operation,
        host: &str,
        request: Request<()>,
        limit: usize,
    ) -> Result<Received, RegistryError> {
        let unanswered = |kind| RegistryError::unanswered(kind, operation, host);
        log::debug!("{operation}: {} {host}", request.method());
        let time_left = self.time_left.saturating_sub(self.begun_at.elapsed());
        let sent = self.http.send(request, limit);
        match tokio::time::timeout(time_left, sent).await {
            Ok(received) => received.map_err(|why| unanswered(RegistryErrorKind::Transport(why))),
            Err(_) => Err(unanswered(RegistryErrorKind::Timeout)),
        }
    }
}

struct RegistryRequest {
    operation: Operation,
    method: Method,
    /// Path and query.
    path: String,
    header: Option<(HeaderName, &'static str)>,
    limit: usize,
}

impl RegistryRequest {
    fn new(operation: Operation, method: Method, path: String) -> Self {
        Self {
            operation,
            method,
            path,
            header: None,
            limit: MAX_RESPONSE,
        }
    }
}

impl Drop for RegistryClient<'_> {
    fn drop(&mut self) {
        // A blocked thread cannot be stopped: do not wait for it.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Whether a response to `/v2/` is a registry's: by its header, or because it is empty or JSON.
fn is_registry(received: &Received) -> bool {
    let version = HeaderName::from_static("docker-distribution-api-version");
    let is_plain = || {
        let body = received.body.trim_ascii();
        received.is_whole && (body.is_empty() || body.starts_with(b"{"))
    };
    received.headers.contains_key(version) || !error::is_page(received) && is_plain()
}

fn location(received: &Received) -> Option<&str> {
    let value = received.headers.get(header::LOCATION)?;
    Some(value.to_str().unwrap_or_default())
}

/// The media types that are requested, in the order in which clients name them.
const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.docker.distribution.manifest.v2+json";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlatformImage {
    /// Its manifest.
    pub descriptor: Descriptor,
    /// `linux/arm64`; `None` if the index does not specify it.
    pub platform: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// `sha256:…`.
    pub digest: String,
    /// Empty if neither the manifest nor the registry specifies it.
    pub media_type: String,
    /// In bytes.
    pub size: u64,
}

/// The parts of a manifest or index that are used (OCI image specification, `manifest.md` and
/// `image-index.md`; Docker's image manifest version 2, schema 2).
#[derive(Debug, Deserialize)]
struct RawManifest {
    #[serde(rename = "schemaVersion")]
    version: u64,
    #[serde(rename = "mediaType")]
    media_type: Option<String>,
    #[serde(default)]
    layers: Option<Vec<ManifestEntry>>,
    #[serde(default)]
    manifests: Option<Vec<ManifestEntry>>,
}

/// A layer of a manifest, or a manifest of an index.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct ManifestEntry {
    #[serde(rename = "mediaType", default)]
    media_type: String,
    digest: String,
    size: u64,
    /// Other locations, for Windows layers that registries do not store.
    #[serde(default)]
    urls: Vec<String>,
    #[serde(default)]
    platform: Option<Platform>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Platform {
    os: String,
    architecture: String,
}

impl RawManifest {
    /// `None` if the text is neither manifest nor index.
    fn parse(text: &[u8]) -> Option<Self> {
        let read: Self = serde_json::from_slice(text).ok()?;
        let is_one = read.layers.is_some() != read.manifests.is_some();
        (read.version == 2 && is_one).then_some(read)
    }

    fn media_type(&self) -> Option<&str> {
        self.media_type.as_deref()
    }

    /// The images of an index; `None` of a manifest.
    fn images(&self) -> Option<&[ManifestEntry]> {
        self.manifests.as_deref()
    }

    /// The smallest layer that the registry stores.
    fn smallest_layer(&self) -> Option<&ManifestEntry> {
        let layers = self.layers.iter().flatten();
        layers
            .filter(|layer| layer.urls.is_empty() && !layer.media_type.contains("foreign"))
            .min_by_key(|layer| layer.size)
    }
}

impl From<&ManifestEntry> for Descriptor {
    fn from(entry: &ManifestEntry) -> Self {
        Self {
            digest: entry.digest.clone(),
            media_type: one_line(&entry.media_type),
            size: entry.size,
        }
    }
}

impl ManifestEntry {
    /// `linux/arm64`.
    fn platform(&self) -> Option<String> {
        let platform = self.platform.as_ref()?;
        Some(format!("{}/{}", platform.os, platform.architecture))
    }

    /// BuildKit adds attestations to the images of an index, for the platform `unknown/unknown`.
    fn is_image(&self) -> bool {
        self.platform().as_deref() != Some("unknown/unknown")
    }
}

/// The image of an index that a client on this machine would pull, else the first.
fn image_for_this_machine(images: &[ManifestEntry]) -> Option<&ManifestEntry> {
    let ours = format!("linux/{}", architecture());
    let is_ours = |image: &&ManifestEntry| image.platform().as_ref() == Some(&ours);
    images
        .iter()
        .find(is_ours)
        .or_else(|| images.iter().find(|image| image.is_image()))
}

/// This machine's architecture as Go spells it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        "powerpc64" => "ppc64le",
        other => other,
    }
}

/// A URL that a registry answers with has TLS, and a message of it is one line.
#[cfg(any(test, fuzzing))]
pub(super) fn fuzz(bytes: &[u8]) {
    const HOST: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";
    if let Some(manifest) = RawManifest::parse(bytes) {
        let _ = (
            manifest.smallest_layer(),
            manifest.images().map(image_for_this_machine),
        );
    }
    let value = HeaderValue::from_bytes(bytes).ok();
    if let Ok(location) = Location::parse(value.as_ref().and_then(|it| it.to_str().ok()), HOST) {
        assert_eq!(location.expose().scheme_str(), Some("https"));
    }
    let received = Received {
        status: 401,
        date: None,
        headers: value
            .map(|value| (header::WWW_AUTHENTICATE, value))
            .into_iter()
            .collect(),
        body: bytes.to_vec(),
        is_whole: true,
    };
    let _ = authentication::Challenge::from_response(&received).map(|challenge| challenge.query());
    let redactor = Redactor::default();
    for error in [
        RegistryError::from_response(Operation::Ping, HOST, &received, true, &redactor),
        RegistryError::from_storage_response(HOST, &received, &redactor),
    ] {
        assert!(!error.to_string().contains(char::is_control), "{error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(name: &str, size: u64) -> String {
        format!(r#"{{"mediaType":"{name}","digest":"sha256:00","size":{size}}}"#)
    }

    fn manifest(layers: &[String]) -> RawManifest {
        let layers = layers.join(",");
        let text = format!(r#"{{"schemaVersion":2,"config":{{}},"layers":[{layers}]}}"#);
        RawManifest::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn the_smallest_layer_is_one_that_the_registry_stores() {
        let windows = layer("application/vnd.docker.image.rootfs.foreign.diff.tar", 1);
        let elsewhere =
            r#"{"digest":"sha256:00","size":2,"urls":["https://example.com/"]}"#.to_owned();
        let ours = [layer("b", 30), layer("a", 20), windows, elsewhere];
        let found = manifest(&ours).smallest_layer().unwrap().clone();
        assert_eq!((found.media_type.as_str(), found.size), ("a", 20));
        assert_eq!(manifest(&[]).smallest_layer(), None);
    }

    fn image(platform: &str, size: u64) -> String {
        let platform = match platform.split_once('/') {
            Some((os, architecture)) => {
                format!(r#","platform":{{"os":"{os}","architecture":"{architecture}"}}"#)
            }
            None => String::new(),
        };
        format!(r#"{{"digest":"sha256:00","size":{size}{platform}}}"#)
    }

    fn index(images: &[String]) -> Vec<ManifestEntry> {
        let images = images.join(",");
        let text = format!(r#"{{"schemaVersion":2,"manifests":[{images}]}}"#);
        let document = RawManifest::parse(text.as_bytes()).unwrap();
        document.images().unwrap().to_vec()
    }

    #[test]
    fn this_machines_image_is_chosen_from_an_index_else_the_first_image() {
        let ours = format!("linux/{}", architecture());
        let images = index(&[image("linux/s390", 1), image(&ours, 2)]);
        assert_eq!(image_for_this_machine(&images).unwrap().size, 2);
        let images = index(&[image("unknown/unknown", 1), image("plan9/mips", 2)]);
        assert_eq!(image_for_this_machine(&images).unwrap().size, 2);
        let images = index(&[image("", 1)]);
        assert_eq!(image_for_this_machine(&images).unwrap().size, 1);
        assert_eq!(
            image_for_this_machine(&index(&[image("unknown/unknown", 1)])),
            None
        );
        assert_eq!(image_for_this_machine(&[]), None);
    }

    #[test]
    fn what_is_neither_manifest_nor_index_is_refused() {
        for text in [
            "",
            "<html>",
            "[]",
            "{}",
            "null",
            r#"{"schemaVersion":1,"layers":[]}"#,
            r#"{"schemaVersion":2}"#,
            r#"{"schemaVersion":2,"layers":[],"manifests":[]}"#,
            r#"{"schemaVersion":2,"layers":[{"digest":"sha256:00","size":-1}]}"#,
            r#"{"schemaVersion":2,"layers":[{"size":1}]}"#,
            r#"{"schemaVersion":2,"layers":{}}"#,
        ] {
            assert!(RawManifest::parse(text.as_bytes()).is_none(), "{text}");
        }
    }
}
