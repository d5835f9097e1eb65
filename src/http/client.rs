//! The client: which connector each request takes, and requests that are not the SDK's.
//!
//! [`EcrxClient::send`] sends requests to registries and to the servers of their layers.
//! Certificates, proxy, limits and failures are the same as for AWS.

use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::dns::SharedDnsResolver;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::date_time::Format;
use http::{HeaderMap, HeaderValue, Method, Request, header};
use http_body_util::{BodyExt as _, LengthLimitError};
use rustls::{ClientConfig, RootCertStore};
use time::OffsetDateTime;

use super::HttpSettings;
use super::connector::{Connector, tls_config};
use super::failure::{self, HttpError, TransportCause, TransportFailure, chain, innermost};
use super::proxy::Proxy;
use super::resolver::SystemResolver;
use super::roots;
use crate::net::Url;
use crate::secret::Secret;

static USER_AGENT: LazyLock<HeaderValue> = LazyLock::new(|| {
    let (name, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    HeaderValue::try_from(format!("{name}/{version}")).expect("printable")
});

/// The client for all AWS calls of this process. Build it once and clone it.
///
/// Costs nothing but the check of what the environment names: no runtime is needed, nothing is
/// connected, and the system's certificates are not touched before the first https request.
///
/// # Errors
///
/// When `AWS_CA_BUNDLE`, `SSL_CERT_FILE` or `SSL_CERT_DIR` names nothing usable, or
/// `HTTPS_PROXY` is malformed.
pub fn client(settings: &HttpSettings) -> Result<EcrxClient, HttpError> {
    let resolver = SystemResolver::new(settings.connect_timeout);
    EcrxClient::new(settings, SharedDnsResolver::new(resolver))
}

/// A client for AWS; see [`client()`].
#[derive(Clone)]
pub struct EcrxClient(Arc<Connectors>);

impl EcrxClient {
    fn new(settings: &HttpSettings, resolver: SharedDnsResolver) -> Result<Self, HttpError> {
        let proxy = Proxy::parse(
            settings.https_proxy.as_deref().unwrap_or_default(),
            settings.no_proxy.as_deref().unwrap_or_default(),
        )?;
        let tls = OnceLock::new();
        if let Some(roots) = roots::configured(settings)? {
            let _ = tls.set(tls_config(roots)?); // empty until here
        }
        Ok(Self(Arc::new(Connectors {
            connect_timeout: settings.connect_timeout,
            resolver,
            proxy,
            tls,
            direct: OnceLock::new(),
            proxied: OnceLock::new(),
            plain: Mutex::default(),
            sent_secrets: Mutex::default(),
        })))
    }

    pub fn connect_timeout(&self) -> Duration {
        self.0.connect_timeout
    }

    /// How names are resolved, with a deadline.
    pub fn resolver(&self) -> SharedDnsResolver {
        self.0.resolver.clone()
    }

    /// Begins to connect to the host of this `https` URL, so that the connection is ready after the
    /// requests to other hosts. The first request to that host uses it, or fails with its failure.
    /// Does nothing for an `http` URL: on loopback it would save no time. Needs a runtime.
    pub fn connect_ahead(&self, url: &str) {
        if let Some(destination) = Destination::parse(url).filter(|destination| destination.tls)
            && let Ok(connector) = self.0.secure(self.0.proxy_for(&destination))
        {
            connector.connect_ahead(url);
        }
    }

    /// The secrets that were sent in headers, some of which the SDK keeps to itself.
    pub fn sent_secrets(&self) -> Vec<Secret> {
        let sent = self.0.sent_secrets.lock();
        sent.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn router(&self, settings: &HttpConnectorSettings) -> SharedHttpConnector {
        let ours = self.0.connect_timeout;
        SharedHttpConnector::new(Router {
            connectors: Arc::clone(&self.0),
            plain_connect_timeout: settings
                .connect_timeout()
                .map_or(ours, |asked| asked.min(ours)),
            read_timeout: settings.read_timeout(),
        })
    }
}

impl HttpClient for EcrxClient {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        self.router(settings)
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        // What the SDK's client says, for the user agent.
        Some(ConnectorMetadata::new("hyper", Some("1.x".into())))
    }
}

impl fmt::Debug for EcrxClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Connectors and trust stores would print a bundle byte by byte.
        f.debug_struct("EcrxClient")
            .field("proxy", &self.0.proxy)
            .finish_non_exhaustive()
    }
}

/// The connectors, each built when it is first needed.
struct Connectors {
    connect_timeout: Duration,
    resolver: SharedDnsResolver,
    proxy: Option<Proxy>,
    tls: OnceLock<Arc<ClientConfig>>,
    direct: OnceLock<Arc<Connector>>,
    proxied: OnceLock<Arc<Connector>>,
    plain: Mutex<Vec<(Duration, Arc<Connector>)>>,
    /// The values of [`SECRET_HEADERS`] that were sent.
    sent_secrets: Mutex<Vec<Secret>>,
}

/// The headers whose values are secrets. A signature is not.
const SECRET_HEADERS: [&str; 4] = [
    "authorization",
    "x-amz-security-token",
    "x-amz-sso_bearer_token",
    "x-aws-ec2-metadata-token",
];

impl Connectors {
    fn note_secrets(&self, request: &HttpRequest) {
        let headers = SECRET_HEADERS.iter();
        let values = headers.filter_map(|name| request.headers().get(*name));
        let secrets = values.filter(|value| !value.starts_with("AWS4-HMAC-SHA256 "));
        let mut sent = self
            .sent_secrets
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for secret in secrets {
            if !sent.iter().any(|known| known.expose() == secret) {
                sent.push(Secret::new(secret));
            }
        }
    }

    fn proxy_for(&self, destination: &Destination<'_>) -> Option<&Proxy> {
        let proxy = self.proxy.as_ref().filter(|_| destination.tls)?;
        proxy
            .serves(destination.host, destination.port)
            .then_some(proxy)
    }

    fn secure(&self, proxy: Option<&Proxy>) -> Result<Arc<Connector>, HttpError> {
        let cell = if proxy.is_some() {
            &self.proxied
        } else {
            &self.direct
        };
        if let Some(connector) = cell.get() {
            return Ok(Arc::clone(connector));
        }
        let tls = match self.tls.get() {
            Some(tls) => tls,
            None => {
                let system = tls_config(roots::system()?)?;
                self.tls.get_or_init(|| system)
            }
        };
        let built = self.build(tls, proxy, self.connect_timeout);
        Ok(Arc::clone(cell.get_or_init(|| built)))
    }

    fn plain(&self, connect_timeout: Duration) -> Result<Arc<Connector>, HttpError> {
        let mut plain = self.plain.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, found)) = plain
            .iter()
            .find(|(timeout, _)| *timeout == connect_timeout)
        {
            return Ok(Arc::clone(found));
        }
        let no_roots = tls_config(RootCertStore::empty())?;
        let built = self.build(&no_roots, None, connect_timeout);
        plain.push((connect_timeout, Arc::clone(&built)));
        Ok(built)
    }

    fn build(
        &self,
        tls: &Arc<ClientConfig>,
        proxy: Option<&Proxy>,
        connect_timeout: Duration,
    ) -> Arc<Connector> {
        Arc::new(Connector::new(
            self.resolver.clone(),
            Arc::clone(tls),
            proxy.map(Proxy::intercept),
            connect_timeout,
        ))
    }
}

/// Sends each request to the connector that is right for it.
struct Router {
    connectors: Arc<Connectors>,
    plain_connect_timeout: Duration,
    read_timeout: Option<Duration>,
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router").finish_non_exhaustive()
    }
}

impl HttpConnector for Router {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.connectors.note_secrets(&request);
        let uri = request.uri().to_owned();
        let Some(destination) = Destination::parse(&uri) else {
            return refuse(ConnectorError::user("neither http:// nor https://".into()));
        };
        let proxy = self.connectors.proxy_for(&destination);
        let connector = if destination.tls {
            self.connectors.secure(proxy)
        } else {
            self.connectors.plain(self.plain_connect_timeout)
        };
        let connector = match connector {
            Ok(connector) => connector,
            Err(error) => return refuse(failure::setup(error, destination.address)),
        };
        let host = destination.address.to_owned();
        let proxy = proxy.map(|proxy| proxy.address().to_owned());
        let read_timeout = self.read_timeout;
        let answer = connector.call(request);
        HttpConnectorFuture::new(async move {
            let answer = match read_timeout {
                None => answer.await,
                // From the start of the request to the head of the answer, as the SDK counts.
                Some(limit) => tokio::time::timeout(limit, answer)
                    .await
                    .map_err(|_| failure::read_timeout(limit, &host, proxy.as_deref()))?,
            };
            answer.map_err(|error| failure::tag(error, &host, proxy.as_deref()))
        })
    }
}

fn refuse(error: ConnectorError) -> HttpConnectorFuture {
    HttpConnectorFuture::ready(Err(error))
}

/// The parts of a request's URI that decide its way.
#[derive(Debug, PartialEq)]
struct Destination<'a> {
    tls: bool,
    /// `HOST[:PORT]`, without a user part.
    address: &'a str,
    /// IPv6 in brackets.
    host: &'a str,
    port: u16,
}

impl<'a> Destination<'a> {
    fn parse(uri: &'a str) -> Option<Self> {
        let Url {
            scheme, authority, ..
        } = Url::split(uri)?;
        let tls = scheme.eq_ignore_ascii_case("https");
        if !tls && !scheme.eq_ignore_ascii_case("http") {
            return None;
        }
        let port = match authority.port {
            Some(port) => port.parse().ok()?,
            None if tls => 443,
            None => 80,
        };
        Some(Self {
            tls,
            address: authority.address,
            host: authority.host,
            port,
        })
    }
}

/// What came back: whatever status it has.
#[derive(Debug)]
pub struct Received {
    /// 200 to 599.
    pub status: u16,
    /// The `Date` header, when it says one.
    pub date: Option<OffsetDateTime>,
    pub headers: HeaderMap,
    /// The body, or its beginning.
    pub body: Vec<u8>,
    /// Whether there is no more of it than that.
    pub is_whole: bool,
}

impl EcrxClient {
    /// Sends a request without a body, and reads so many bytes of the answer's, which are 1 MiB at
    /// most. Follows nothing, and tries nothing again. It does not end by itself while a server
    /// that was connected to is silent. Needs a runtime.
    ///
    /// # Errors
    /// When there is no answer, or it breaks off. No part of the URL but its host is in the error.
    pub async fn send(
        &self,
        mut request: Request<()>,
        limit: usize,
    ) -> Result<Received, TransportFailure> {
        let host = request.uri().authority().map(ToString::to_string);
        let broken = |error: &(dyn std::error::Error + 'static)| {
            failure::classify(error).unwrap_or_else(|| TransportFailure {
                cause: TransportCause::Connection {
                    detail: innermost(error),
                },
                host: host.clone(),
                proxy: None,
            })
        };
        let is_post = request.method() == Method::POST;
        let headers = request.headers_mut();
        headers.insert(header::USER_AGENT, USER_AGENT.clone());
        if is_post {
            // hyper says nothing of a body that is not there, and some servers insist (411).
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        let request = HttpRequest::try_from(request.map(|()| SdkBody::empty()))
            .map_err(|error| broken(&error))?;
        let router = self.router(&HttpConnectorSettings::builder().build());
        let answer = router.call(request).await.map_err(|error| broken(&error))?;
        let answer = answer.try_into_http1x().map_err(|error| broken(&error))?;
        let (head, rest) = answer.into_parts();
        let read = read_body(rest, limit).await;
        let (body, is_whole) = read.map_err(|error| broken(&*error))?;

        Ok(Received {
            status: head.status.as_u16(),
            date: head.headers.get(header::DATE).and_then(http_date),
            headers: head.headers,
            body,
            is_whole,
        })
    }
}

/// The first bytes of a body, and whether that is all of it.
async fn read_body(mut rest: SdkBody, limit: usize) -> Result<(Vec<u8>, bool), BoxError> {
    let mut body = Vec::new();
    let is_whole = loop {
        if body.len() > limit {
            break false;
        }
        match rest.frame().await {
            None => break true,
            Some(Ok(frame)) => body.extend(frame.into_data().unwrap_or_default()),
            Some(Err(error)) if chain(&*error).any(|error| error.is::<LengthLimitError>()) => {
                break false;
            }
            Some(Err(error)) => return Err(error),
        }
    };
    body.truncate(limit);
    Ok((body, is_whole))
}

/// `Sun, 22 Nov 2026 15:05:20 GMT`.
fn http_date(value: &HeaderValue) -> Option<OffsetDateTime> {
    let text = value.to_str().ok()?;
    let date = aws_smithy_types::DateTime::from_str(text, Format::HttpDate).ok()?;
    OffsetDateTime::from_unix_timestamp(date.secs()).ok()
}

#[cfg(test)]
pub(super) mod tests;
