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

mod answer;
mod challenge;
mod location;
mod manifest;
mod pull;
mod push;
mod refusal;
mod token;

use std::cell::RefCell;
use std::io;
use std::time::{Duration, Instant};

use http::{HeaderName, Method, Request, Uri, header};
use tokio::runtime::Runtime;

use crate::http::{EcrxClient, Received};
use crate::redaction::Redactor;
use crate::registry::Registry;
use crate::runtime;
use crate::secret::Secret;

pub use answer::{Answer, Chosen, Content, Elsewhere, Layer, Manifest, Pong, Upload};
pub use challenge::{Challenge, Scheme};
pub use location::LocationError;
pub use refusal::{Refusal, RefusalKind, Step};

/// No manifest is longer, in bytes; nor is anything else that is read to its end.
const MAX_ANSWER: usize = 1 << 20;

/// One registry.
#[derive(Debug)]
pub struct Client<'a> {
    http: &'a EcrxClient,
    host: String,
    /// The secrets that are known so far: the password, what it was exchanged for, signed URLs.
    redactor: RefCell<Redactor>,
    begun_at: Instant,
    time_left: Duration,
    /// Gone only while the client is dropped.
    runtime: Option<Runtime>,
}

/// Why nothing was asked.
#[derive(Debug, thiserror::Error)]
#[error("cannot start the async runtime")]
pub struct RuntimeError(#[source] io::Error);

impl<'a> Client<'a> {
    /// A client that ends whatever it is asked when `time_left` is over. It keeps its connections
    /// for the next request.
    ///
    /// # Errors
    /// When the system refuses what the async runtime needs.
    pub fn new(
        http: &'a EcrxClient,
        registry: &Registry,
        time_left: Duration,
    ) -> Result<Self, RuntimeError> {
        let mut redactor = Redactor::default();
        redactor.show(registry.host());
        Ok(Self {
            http,
            host: registry.host().to_owned(),
            redactor: RefCell::new(redactor),
            begun_at: Instant::now(),
            time_left,
            runtime: Some(runtime::start().map_err(RuntimeError)?),
        })
    }

    /// Asks whether it is a registry, and with a password whether it takes that.
    ///
    /// # Errors
    /// [`RefusalKind::TokenRefused`] when it does not.
    pub fn ping(&self, password: Option<&Secret>) -> Result<Pong, Refusal> {
        self.block_on(async {
            let ask = Ask::new(Step::Ping, Method::GET, "/v2/".to_owned());
            let received = self.ask(&ask, password).await?;
            let challenge = token::challenge(&received);
            let is_wanted = received.status == 401 && password.is_none() && challenge.is_some();
            if received.status != 200 && !is_wanted {
                return Err(self.refused(&ask, &received, password));
            }
            if received.status == 200 && !is_registry(&received) {
                let kind = refusal::not_a_registry("it answers with something else");
                return Err(self.because(kind, &ask, &received));
            }
            Ok(Pong {
                answer: Answer::of(&received),
                challenge: challenge.filter(|_| is_wanted),
            })
        })
    }

    /// `/v2/NAME/KIND/REFERENCE`.
    fn path(
        &self,
        step: Step,
        repository: &str,
        kind: &str,
        reference: &str,
    ) -> Result<String, Refusal> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+._-:".contains(&byte);
        // Neither begins with a period; `..` would lead out of the repository.
        let is_part =
            |part: &str| !part.is_empty() && !part.starts_with('.') && part.bytes().all(is_plain);
        let is_reference = match step {
            Step::Upload => reference.is_empty(),
            Step::Layer => manifest::is_digest(reference),
            _ => is_part(reference),
        };
        if !repository.split('/').all(is_part) || !is_reference {
            let kind = RefusalKind::InvalidName;
            return Err(Refusal::unanswered(kind, step, &self.host));
        }
        Ok(format!("/v2/{repository}/{kind}/{reference}"))
    }

    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        let runtime = self.runtime.as_ref().expect("not dropped");
        runtime.block_on(future)
    }

    fn refused(&self, ask: &Ask, received: &Received, password: Option<&Secret>) -> Refusal {
        let (step, redactor) = (ask.step, self.redactor.borrow());
        Refusal::of_registry(step, &self.host, received, password.is_some(), &redactor)
    }

    fn because(&self, kind: RefusalKind, ask: &Ask, received: &Received) -> Refusal {
        Refusal::because(kind, ask.step, &self.host, received)
    }

    /// One request to whatever host, and its answer before the time is over.
    async fn exchange(
        &self,
        step: Step,
        host: &str,
        request: Request<()>,
        limit: usize,
    ) -> Result<Received, Refusal> {
        let unanswered = |kind| Refusal::unanswered(kind, step, host);
        log::debug!("{step}: {} {host}", request.method());
        let time_left = self.time_left.saturating_sub(self.begun_at.elapsed());
        let sent = self.http.send(request, limit);
        match tokio::time::timeout(time_left, sent).await {
            Ok(received) => received.map_err(|why| unanswered(RefusalKind::Transport(why))),
            Err(_) => Err(unanswered(RefusalKind::Timeout)),
        }
    }
}

/// What the registry is asked.
struct Ask {
    step: Step,
    method: Method,
    /// Path and query.
    path: String,
    header: Option<(HeaderName, &'static str)>,
    limit: usize,
}

impl Ask {
    fn new(step: Step, method: Method, path: String) -> Self {
        Self {
            step,
            method,
            path,
            header: None,
            limit: MAX_ANSWER,
        }
    }
}

impl Drop for Client<'_> {
    fn drop(&mut self) {
        // What blocks a thread of its own cannot be stopped: do not wait.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
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
    received.headers.contains_key(version) || !refusal::is_page(received) && is_plain()
}

/// The URL of a path at this host.
fn url(host: &str, path: &str) -> Result<Uri, http::uri::InvalidUri> {
    format!("https://{host}{path}").parse()
}

/// Where an answer leads.
fn location(received: &Received) -> Option<&str> {
    let value = received.headers.get(header::LOCATION)?;
    Some(value.to_str().unwrap_or_default())
}
