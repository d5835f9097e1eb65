//! Registries, asked as clients ask them: whether one takes a token, and what may be pulled from
//! and pushed to it (OCI distribution specification 1.1).
//!
//! A [`Client`] asks one registry, always over TLS and through the proxy that serves it, and waits
//! for the answers. It sends the password to that host alone. Where a layer lies elsewhere, as
//! ECR's do in S3, one byte of it is asked for there, without a login and by a URL that is never
//! shown; so a bucket that cannot be reached, or denies, is told apart from the registry.
//!
//! Nothing that is asked changes anything, but for [`Client::upload`], which opens an upload and
//! cancels it. Nothing is tried again.

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

use client::Ask;
use location::Location;
use manifest::{Descriptor, Document};

pub use authentication::{Challenge, Scheme};
pub use client::{Client, RuntimeError};
pub use error::{Refusal, RefusalKind, Step};
pub use location::LocationError;

/// No more is read of what a layer is answered with: a byte of it, or why there is none.
const MAX_LAYER_ANSWER: usize = 64 << 10;

/// For `Range`.
const FIRST_BYTE: &str = "bytes=0-0";

/// The whole of a layer.
const GIVEN: u16 = 200;
/// The byte that was asked for.
const GIVEN_IN_PART: u16 = 206;
/// A layer without a first byte.
const EMPTY: u16 = 416;

/// What every answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// What time it is there, to the second.
    pub date: Option<OffsetDateTime>,
}

/// There is a registry, and it takes the token if one was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pong {
    /// 200, or 401 when no token was sent.
    pub answer: Answer,
    /// With 401, the login that it wants.
    pub challenge: Option<Challenge>,
}

/// An image, or an index of images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Of the first request.
    pub answer: Answer,
    /// What the reference stands for.
    pub content: Content,
    /// Of an index, the image that was looked at; `None` when it has none.
    pub chosen: Option<Chosen>,
    /// The smallest layer of the image; `None` when there is no image, or it has no layer that the
    /// registry holds.
    pub layer: Option<Content>,
}

/// An image of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// Its manifest.
    pub content: Content,
    /// `linux/arm64`; `None` when the index does not say.
    pub platform: Option<String>,
}

/// What a digest stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// `sha256:…`.
    pub digest: String,
    /// Empty when nobody says.
    pub media_type: String,
    /// In bytes.
    pub size: u64,
}

/// The registry has the layer, and lets it be pulled.
#[derive(Clone, Debug)]
pub struct Layer {
    /// The registry's.
    pub answer: Answer,
    /// Where it says that the layer is; `None` when it gave the layer itself.
    pub elsewhere: Option<Elsewhere>,
}

/// Where a layer is: with ECR, a bucket in S3.
#[derive(Clone, Debug)]
pub struct Elsewhere {
    /// `HOST[:PORT]`.
    pub host: String,
    /// What is said there to whoever asks for the first byte.
    pub answer: Result<Answer, Refusal>,
}

/// An upload was opened: an image may be pushed, as far as that says.
#[derive(Clone, Debug)]
pub struct Upload {
    /// 202.
    pub answer: Answer,
    /// Whether it could be cancelled. Registries forget those that could not by themselves.
    pub cancelled: Result<Answer, Refusal>,
}

impl Answer {
    fn of(received: &Received) -> Self {
        Self {
            status: received.status,
            date: received.date,
        }
    }
}

impl Content {
    fn of(described: &Descriptor) -> Self {
        Self {
            digest: described.digest.clone(),
            media_type: one_line(&described.media_type),
            size: described.size,
        }
    }
}

impl Client<'_> {
    /// Asks whether it is a registry, and with a password whether it takes that.
    ///
    /// # Errors
    /// [`RefusalKind::TokenRefused`] when it does not.
    pub fn ping(&self, password: Option<&Secret>) -> Result<Pong, Refusal> {
        self.block_on(async {
            let ask = Ask::new(Step::Ping, Method::GET, "/v2/".to_owned());
            let received = self.ask(&ask, password).await?;
            let challenge = authentication::challenge(&received);
            let is_wanted = received.status == 401 && password.is_none() && challenge.is_some();
            if received.status != 200 && !is_wanted {
                return Err(self.refused(&ask, &received, password));
            }
            if received.status == 200 && !is_registry(&received) {
                let kind = error::not_a_registry("it answers with something else");
                return Err(self.because(kind, &ask, &received));
            }
            Ok(Pong {
                answer: Answer::of(&received),
                challenge: challenge.filter(|_| is_wanted),
            })
        })
    }

    /// Asks for a manifest, by tag or digest. Of an index, it goes on to the image for Linux on
    /// this machine's architecture, or else to the first.
    ///
    /// # Errors
    /// What the registry says, or that what it gives is no manifest.
    pub fn manifest(
        &self,
        repository: &str,
        reference: &str,
        password: Option<&Secret>,
    ) -> Result<Manifest, Refusal> {
        self.block_on(async {
            let (received, content, document) = self
                .document(Step::Manifest, repository, reference, password)
                .await?;
            let answer = Answer::of(&received);
            let (chosen, image) = match document.images().map(manifest::chosen) {
                None => (None, Some(document)),
                Some(None) => (None, None),
                Some(Some(described)) => {
                    let (_, content, image) = self
                        .document(Step::ImageOfIndex, repository, &described.digest, password)
                        .await?;
                    let platform = described.platform().map(|platform| one_line(&platform));
                    (Some(Chosen { content, platform }), Some(image))
                }
            };
            let layer = image.as_ref().and_then(Document::smallest_layer);
            Ok(Manifest {
                answer,
                content,
                chosen,
                layer: layer.map(Content::of),
            })
        })
    }

    async fn document(
        &self,
        step: Step,
        repository: &str,
        reference: &str,
        password: Option<&Secret>,
    ) -> Result<(Received, Content, Document), Refusal> {
        let path = self.path(step, repository, "manifests", reference)?;
        let mut ask = Ask::new(step, Method::GET, path);
        ask.header = Some((header::ACCEPT, manifest::ACCEPT));
        let received = self.ask(&ask, password).await?;
        if received.status != 200 {
            return Err(self.refused(&ask, &received, password));
        }
        let senseless = |why| self.because(error::not_a_registry(why), &ask, &received);
        if !received.is_whole {
            return Err(senseless("its manifest is longer than 1 MiB"));
        }
        let document = Document::parse(&received.body)
            .ok_or_else(|| senseless("it answers with what is no manifest"))?;
        let digest = format!("sha256:{}", hex(&sha256(&received.body)));
        if reference.starts_with("sha256:") && reference != digest {
            return Err(senseless("its manifest is another than the digest says"));
        }
        let parts = document.images().unwrap_or_default().iter();
        if !parts
            .chain(document.smallest_layer())
            .all(|part| manifest::is_digest(&part.digest))
        {
            return Err(senseless("its manifest names a digest that is none"));
        }
        let content_type = received.headers.get(header::CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let media_type = document.media_type().or(content_type).unwrap_or_default();
        let content = Content {
            digest,
            media_type: one_line(media_type),
            size: received.body.len() as u64,
        };
        Ok((received, content, document))
    }

    /// Asks for a layer, and for one byte of it where the registry says that it is.
    ///
    /// # Errors
    /// What the registry says. What is said elsewhere is in [`Layer`].
    pub fn layer(
        &self,
        repository: &str,
        digest: &str,
        password: Option<&Secret>,
    ) -> Result<Layer, Refusal> {
        self.block_on(async {
            let path = self.path(Step::Layer, repository, "blobs", digest)?;
            let mut ask = Ask::new(Step::Layer, Method::GET, path);
            ask.header = Some((header::RANGE, FIRST_BYTE));
            ask.limit = MAX_LAYER_ANSWER;
            let received = self.ask(&ask, password).await?;
            let elsewhere = match received.status {
                GIVEN | GIVEN_IN_PART if error::is_page(&received) => {
                    return Err(self.because(error::a_page(), &ask, &received));
                }
                GIVEN | GIVEN_IN_PART | EMPTY => None,
                301..=303 | 307 | 308 => {
                    let location = Location::parse(location(&received), &self.host)
                        .map_err(|why| self.because(RefusalKind::Location(why), &ask, &received))?;
                    Some(Elsewhere {
                        host: one_line(&location.host()),
                        answer: self.elsewhere(&location).await,
                    })
                }
                _ => return Err(self.refused(&ask, &received, password)),
            };
            Ok(Layer {
                answer: Answer::of(&received),
                elsewhere,
            })
        })
    }

    /// Asks for the first byte of a layer at a URL that the registry gave. Who asks is in the URL.
    async fn elsewhere(&self, location: &Location) -> Result<Answer, Refusal> {
        self.mask_location(location);
        let host = one_line(&location.host());
        let mut request = Request::new(());
        *request.uri_mut() = location.expose().clone();
        let range = HeaderValue::from_static(FIRST_BYTE);
        request.headers_mut().insert(header::RANGE, range);
        let received = self.exchange(Step::Storage, &host, request, MAX_LAYER_ANSWER);
        let received = received.await?;
        match received.status {
            GIVEN | GIVEN_IN_PART if error::is_page(&received) => {
                let (kind, step) = (error::a_page(), Step::Storage);
                Err(Refusal::because(kind, step, &host, &received))
            }
            GIVEN | GIVEN_IN_PART | EMPTY => Ok(Answer::of(&received)),
            _ => Err(self.refused_by_storage(&host, &received)),
        }
    }

    /// Opens an upload and cancels it. Nothing is left of it in the repository.
    ///
    /// # Errors
    /// What the registry says to opening one.
    pub fn upload(&self, repository: &str, password: Option<&Secret>) -> Result<Upload, Refusal> {
        self.block_on(async {
            let path = self.path(Step::Upload, repository, "blobs/uploads", "")?;
            let ask = Ask::new(Step::Upload, Method::POST, path);
            let received = self.ask(&ask, password).await?;
            if received.status != 202 {
                return Err(self.refused(&ask, &received, password));
            }
            let location = Location::of_upload(location(&received), &self.host);
            let cancelled = match location {
                Ok(location) => self.cancel(&location, password).await,
                Err(why) => Err(self.because(RefusalKind::Location(why), &ask, &received)),
            };
            Ok(Upload {
                answer: Answer::of(&received),
                cancelled,
            })
        })
    }

    async fn cancel(
        &self,
        location: &Location,
        password: Option<&Secret>,
    ) -> Result<Answer, Refusal> {
        self.mask_location(location);
        let path = location.expose().path_and_query();
        let path = path.map_or_else(String::new, ToString::to_string);
        let ask = Ask::new(Step::CancelUpload, Method::DELETE, path);
        let received = self.ask(&ask, password).await?;
        match received.status {
            200 | 202 | 204 => Ok(Answer::of(&received)),
            _ => Err(self.refused(&ask, &received, password)),
        }
    }
}

/// Whether an answer to `/v2/` is a registry's: it says so, or says nothing else.
fn is_registry(received: &Received) -> bool {
    let version = HeaderName::from_static("docker-distribution-api-version");
    let is_plain = || {
        let body = received.body.trim_ascii();
        received.is_whole && (body.is_empty() || body.starts_with(b"{"))
    };
    received.headers.contains_key(version) || !error::is_page(received) && is_plain()
}

/// Where an answer leads.
fn location(received: &Received) -> Option<&str> {
    let value = received.headers.get(header::LOCATION)?;
    Some(value.to_str().unwrap_or_default())
}
