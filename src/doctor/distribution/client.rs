//! The client of one registry. A password is exchanged for a token at the registry's own host
//! alone.

use std::cell::RefCell;
use std::io;
use std::time::{Duration, Instant};

use http::{HeaderName, HeaderValue, Method, Request, header};
use tokio::runtime::Runtime;

use crate::http::{EcrxClient, Received};
use crate::redaction::Redactor;
use crate::registry::Registry;
use crate::runtime;
use crate::secret::Secret;

use super::authentication::{Challenge, Scheme, basic, bearer};
use super::error::{self, Operation, RegistryError, RegistryErrorKind};
use super::location::Location;
use super::manifest;

/// In bytes, of manifests and of everything else that is read to its end.
const MAX_RESPONSE: usize = 1 << 20;

#[derive(Debug)]
pub struct RegistryClient<'a> {
    http: &'a EcrxClient,
    pub(super) host: String,
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

    /// Sends a request to the registry, the one host that is sent the password.
    pub(super) async fn send(
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
        if received.status != 200 {
            return Err(self.refused(&request, &received, password));
        }
        let senseless = || {
            let kind = error::not_a_registry("it answers with what is no token");
            self.unusable(kind, &request, &received)
        };
        bearer(&received).ok_or_else(senseless)
    }

    /// `/v2/NAME/KIND/REFERENCE`.
    pub(super) fn path(
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
            Operation::Layer => manifest::is_digest(reference),
            _ => is_part(reference),
        };
        if !repository.split('/').all(is_part) || !is_reference {
            let kind = RegistryErrorKind::InvalidName;
            return Err(RegistryError::unanswered(kind, operation, &self.host));
        }
        Ok(format!("/v2/{repository}/{kind}/{reference}"))
    }

    pub(super) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        let runtime = self.runtime.as_ref().expect("not dropped");
        runtime.block_on(future)
    }

    /// Masks what is secret in a URL in every message from now on.
    pub(super) fn mask_location(&self, location: &Location) {
        location.mask(&mut self.redactor.borrow_mut());
    }

    pub(super) fn refused(
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

    pub(super) fn refused_by_storage(&self, host: &str, received: &Received) -> RegistryError {
        RegistryError::from_storage_response(host, received, &self.redactor.borrow())
    }

    pub(super) fn unusable(
        &self,
        kind: RegistryErrorKind,
        request: &RegistryRequest,
        received: &Received,
    ) -> RegistryError {
        RegistryError::unusable(kind, request.operation, &self.host, received)
    }

    /// One request to any host, and its response before the time is over.
    pub(super) async fn exchange(
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

pub(super) struct RegistryRequest {
    pub operation: Operation,
    method: Method,
    /// Path and query.
    path: String,
    pub header: Option<(HeaderName, &'static str)>,
    pub limit: usize,
}

impl RegistryRequest {
    pub(super) fn new(operation: Operation, method: Method, path: String) -> Self {
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
        // What blocks a thread of its own cannot be stopped: do not wait.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
