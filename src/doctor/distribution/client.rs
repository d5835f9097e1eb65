//! One registry, and how requests are sent to it. The exchange for a token is done at the
//! registry's own host alone.

use std::cell::RefCell;
use std::io;
use std::time::{Duration, Instant};

use http::{HeaderName, HeaderValue, Method, Request, Uri, header};
use tokio::runtime::Runtime;

use crate::http::{EcrxClient, Received};
use crate::redaction::Redactor;
use crate::registry::Registry;
use crate::runtime;
use crate::secret::Secret;

use super::authentication::{Challenge, Scheme, basic, bearer, challenge};
use super::error::{self, Refusal, RefusalKind, Step};
use super::location::Location;
use super::manifest;

/// No manifest is longer, in bytes; nor is anything else that is read to its end.
const MAX_ANSWER: usize = 1 << 20;

/// One registry.
#[derive(Debug)]
pub struct Client<'a> {
    http: &'a EcrxClient,
    pub(super) host: String,
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

    /// Asks the registry, which is the one host that is sent the password.
    pub(super) async fn ask(
        &self,
        ask: &Ask,
        password: Option<&Secret>,
    ) -> Result<Received, Refusal> {
        if let Some(password) = password {
            self.redactor.borrow_mut().add(password.expose());
        }
        let received = self.ask_with(ask, password.map(basic)).await?;
        let is_bare_ping = ask.step == Step::Ping && password.is_none();
        match challenge(&received) {
            Some(challenge) if challenge.scheme == Scheme::Bearer && !is_bare_ping => {
                let bearer = self.exchange_token(&challenge, password, &received).await?;
                self.ask_with(ask, Some(bearer)).await
            }
            _ => Ok(received),
        }
    }

    async fn ask_with(&self, ask: &Ask, login: Option<HeaderValue>) -> Result<Received, Refusal> {
        let invalid = |_| Refusal::unanswered(RefusalKind::InvalidName, ask.step, &self.host);
        let url = url(&self.host, &ask.path).map_err(invalid)?;
        let mut request = Request::new(());
        *request.method_mut() = ask.method.clone();
        *request.uri_mut() = url;
        let headers = request.headers_mut();
        if let Some((name, value)) = &ask.header {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if let Some(login) = login {
            self.mask_login(&login);
            headers.insert(header::AUTHORIZATION, login);
        }
        self.exchange(ask.step, &self.host, request, ask.limit)
            .await
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
    ) -> Result<HeaderValue, Refusal> {
        let refused = |kind| Refusal::because(kind, Step::Token, &self.host, received);
        let realm = Location::of_upload(challenge.realm.as_deref(), &self.host)
            .map_err(|why| refused(RefusalKind::Location(why)))?;
        let path = format!("{}{}", realm.expose().path(), challenge.query());
        let ask = Ask::new(Step::Token, Method::GET, path);
        let received = self.ask_with(&ask, password.map(basic)).await?;
        if received.status != 200 {
            return Err(self.refused(&ask, &received, password));
        }
        let senseless = || {
            let kind = error::not_a_registry("it answers with what is no token");
            self.because(kind, &ask, &received)
        };
        bearer(&received).ok_or_else(senseless)
    }

    /// `/v2/NAME/KIND/REFERENCE`.
    pub(super) fn path(
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

    pub(super) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        let runtime = self.runtime.as_ref().expect("not dropped");
        runtime.block_on(future)
    }

    /// Masks what is secret in a URL in every message from now on.
    pub(super) fn mask_location(&self, location: &Location) {
        location.keep_secret(&mut self.redactor.borrow_mut());
    }

    pub(super) fn refused(
        &self,
        ask: &Ask,
        received: &Received,
        password: Option<&Secret>,
    ) -> Refusal {
        let (step, redactor) = (ask.step, self.redactor.borrow());
        Refusal::of_registry(step, &self.host, received, password.is_some(), &redactor)
    }

    pub(super) fn refused_by_storage(&self, host: &str, received: &Received) -> Refusal {
        Refusal::of_storage(host, received, &self.redactor.borrow())
    }

    pub(super) fn because(&self, kind: RefusalKind, ask: &Ask, received: &Received) -> Refusal {
        Refusal::because(kind, ask.step, &self.host, received)
    }

    /// One request to whatever host, and its answer before the time is over.
    pub(super) async fn exchange(
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
pub(super) struct Ask {
    pub step: Step,
    method: Method,
    /// Path and query.
    path: String,
    pub header: Option<(HeaderName, &'static str)>,
    pub limit: usize,
}

impl Ask {
    pub(super) fn new(step: Step, method: Method, path: String) -> Self {
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

/// The URL of a path at this host.
fn url(host: &str, path: &str) -> Result<Uri, http::uri::InvalidUri> {
    format!("https://{host}{path}").parse()
}
