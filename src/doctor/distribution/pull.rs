//! Manifests and layers: what a pull asks for.

use http::{HeaderValue, Method, Request, header};

use crate::digest::{hex, sha256};
use crate::error::one_line;
use crate::http::Received;
use crate::secret::Secret;

use super::location::Location;
use super::manifest::{self, Document};
use super::refusal::{self, Refusal, RefusalKind, Step};
use super::{Answer, Ask, Chosen, Client, Content, Elsewhere, Layer, Manifest, location};

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

impl Client<'_> {
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
        let senseless = |why| self.because(refusal::not_a_registry(why), &ask, &received);
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
                GIVEN | GIVEN_IN_PART if refusal::is_page(&received) => {
                    return Err(self.because(refusal::a_page(), &ask, &received));
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
        location.keep_secret(&mut self.redactor.borrow_mut());
        let host = one_line(&location.host());
        let mut request = Request::new(());
        *request.uri_mut() = location.expose().clone();
        let range = HeaderValue::from_static(FIRST_BYTE);
        request.headers_mut().insert(header::RANGE, range);
        let received = self.exchange(Step::Storage, &host, request, MAX_LAYER_ANSWER);
        let received = received.await?;
        match received.status {
            GIVEN | GIVEN_IN_PART if refusal::is_page(&received) => {
                let (kind, step) = (refusal::a_page(), Step::Storage);
                Err(Refusal::because(kind, step, &host, &received))
            }
            GIVEN | GIVEN_IN_PART | EMPTY => Ok(Answer::of(&received)),
            _ => {
                let redactor = self.redactor.borrow();
                Err(Refusal::of_storage(&host, &received, &redactor))
            }
        }
    }
}
