//! Registries, asked as clients ask them: whether one takes a token, and what may be pulled from
//! and pushed to it (OCI distribution specification 1.1).
//!
//! A [`RegistryClient`] sends requests to one registry, always over TLS and through the proxy that
//! serves it, and waits for the responses. It sends the password to that host alone. If a layer is
//! stored elsewhere, as ECR's are in S3, one byte of it is requested there, without a login and by
//! a URL that is never shown; so a bucket that is unreachable, or denies, is told apart from the
//! registry.
//!
//! No request changes anything, but for [`RegistryClient::upload`], which opens an upload and
//! cancels it. No request is repeated.

mod authentication;
mod client;
mod error;
mod location;
mod manifest;

use http::{HeaderName, HeaderValue, Method, Request, header};
use time::OffsetDateTime;

use crate::digest::{hex, sha256};
use crate::error::one_line;
use crate::http::Received;
use crate::secret::Secret;

use client::RegistryRequest;
use location::Location;
use manifest::{ManifestEntry, RawManifest};

pub use authentication::{Challenge, Scheme};
pub use client::RegistryClient;
pub use error::{Operation, RegistryError, RegistryErrorKind};
pub use location::LocationError;

/// The most bytes that are read of the response to a request for a layer.
const MAX_LAYER_RESPONSE: usize = 64 << 10;

/// For `Range`.
const FIRST_BYTE: &str = "bytes=0-0";

const GIVEN: u16 = 200;
/// The byte that was asked for.
const GIVEN_IN_PART: u16 = 206;
/// A layer without a first byte.
const EMPTY: u16 = 416;

/// What every response has.
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
    /// With 401, the login that it wants.
    pub challenge: Option<Challenge>,
}

/// An image, or an index of images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// To the first request.
    pub response: Response,
    /// Of what the reference names.
    pub descriptor: Descriptor,
    /// Of an index, the image that was looked at; `None` when it has none.
    pub image: Option<PlatformImage>,
    /// The smallest layer of the image; `None` when there is no image, or it has no layer that the
    /// registry holds.
    pub layer: Option<Descriptor>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlatformImage {
    /// Its manifest.
    pub descriptor: Descriptor,
    /// `linux/arm64`; `None` when the index does not say.
    pub platform: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// `sha256:…`.
    pub digest: String,
    /// Empty if neither manifest nor registry says.
    pub media_type: String,
    /// In bytes.
    pub size: u64,
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

/// An upload was opened: an image may be pushed, as far as this tells.
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

impl From<&ManifestEntry> for Descriptor {
    fn from(entry: &ManifestEntry) -> Self {
        Self {
            digest: entry.digest.clone(),
            media_type: one_line(&entry.media_type),
            size: entry.size,
        }
    }
}

impl RegistryClient<'_> {
    /// Asks whether there is a registry, and with a password whether it accepts that.
    ///
    /// # Errors
    /// [`RegistryErrorKind::TokenRefused`] if it does not.
    pub fn ping(&self, password: Option<&Secret>) -> Result<Pong, RegistryError> {
        self.block_on(async {
            let request = RegistryRequest::new(Operation::Ping, Method::GET, "/v2/".to_owned());
            let received = self.send(&request, password).await?;
            let challenge = Challenge::from_response(&received);
            let is_wanted = received.status == 401 && password.is_none() && challenge.is_some();
            if received.status != 200 && !is_wanted {
                return Err(self.refused(&request, &received, password));
            }
            if received.status == 200 && !is_registry(&received) {
                let kind = error::not_a_registry("it answers with something else");
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
            let (image, raw) = match raw.images().map(manifest::image_for_this_machine) {
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
        request.header = Some((header::ACCEPT, manifest::ACCEPT));
        let received = self.send(&request, password).await?;
        if received.status != 200 {
            return Err(self.refused(&request, &received, password));
        }
        let senseless = |why| self.unusable(error::not_a_registry(why), &request, &received);
        if !received.is_whole {
            return Err(senseless("its manifest is longer than 1 MiB"));
        }
        let raw = RawManifest::parse(&received.body)
            .ok_or_else(|| senseless("it answers with what is no manifest"))?;
        let digest = format!("sha256:{}", hex(&sha256(&received.body)));
        if reference.starts_with("sha256:") && reference != digest {
            return Err(senseless("its manifest is another than the digest says"));
        }
        let parts = raw.images().unwrap_or_default().iter();
        if !parts
            .chain(raw.smallest_layer())
            .all(|part| manifest::is_digest(&part.digest))
        {
            return Err(senseless("its manifest names a digest that is none"));
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
                GIVEN | GIVEN_IN_PART if error::is_page(&received) => {
                    return Err(self.unusable(error::a_page(), &request, &received));
                }
                GIVEN | GIVEN_IN_PART | EMPTY => None,
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
            GIVEN | GIVEN_IN_PART if error::is_page(&received) => {
                let (kind, operation) = (error::a_page(), Operation::Storage);
                Err(RegistryError::unusable(kind, operation, &host, &received))
            }
            GIVEN | GIVEN_IN_PART | EMPTY => Ok(Response::from(&received)),
            _ => Err(self.refused_by_storage(&host, &received)),
        }
    }

    /// Opens an upload and cancels it. Nothing is left of it in the repository.
    ///
    /// # Errors
    /// The registry's, to opening one.
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

/// Whether a response to `/v2/` is a registry's: it says so, or says nothing else.
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
