//! The one HTTP client for every call to AWS.
//!
//! The SDK's own client builds a TLS connector for every service client when it is validated,
//! throws it away, and builds one more for each set of timeouts; each of them parses all roots
//! (aws-smithy-http-client 1.5.2, `HyperClient`). This one ignores validation and hands out
//! connectors that are built once, with certificates that are read and parsed once:
//!
//! | request | connector |
//! |---|---|
//! | `https`, no proxy for this host | TLS, direct |
//! | `https`, `HTTPS_PROXY` serves this host | TLS through a CONNECT tunnel |
//! | `http` | direct, whatever the proxy variables say; one per connect timeout |
//!
//! Plain http goes to instance metadata, container credentials and stand-ins on loopback; a
//! proxy must not see any of them.
//!
//! What a person configured is checked by [`client`], before any call: a bundle that is named is
//! read and its certificates are parsed there, and the proxy's URL is taken apart. The system's
//! certificates are read by the first https request, so that plain http costs nothing; a machine
//! without any fails that request with [`TransportCause::Setup`].
//!
//! Timeouts: connecting (lookup, TCP, proxy and TLS handshake together) has `connect_timeout`,
//! and on plain http less when the SDK asks for less, as it does for metadata (1 s). Read
//! timeouts of the SDK are honoured on every connector. Cryptography is `ring`; HTTP/1.1 is
//! spoken, as the AWS CLI does: a purchase asks one thing after the other.
//!
//! Registries are asked by the same client ([`EcrxClient::send`]).
//!
//! There is one connection per host. While roles are assumed, or SSO, `aws login` or STS is asked for
//! the first credentials, the one to the API is made ([`EcrxClient::connect_ahead`]).

mod connector;
mod exchange;
mod failure;
mod proxy;
mod resolver;
mod roots;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::dns::SharedDnsResolver;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};

pub use exchange::Received;
pub use failure::{ProxyFault, TlsFault, TransportCause, TransportFailure, classify};
pub use proxy::{ProxyError, shown_no_proxy, shown_proxy};
pub use roots::RootsError;

use crate::error::one_line;
use crate::secret::Secret;

use connector::Connector;
use proxy::Proxy;
use resolver::SystemResolver;

/// How long connecting may take when nobody says otherwise.
pub const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// What the client needs from the environment, as plain values. Empty values count as unset.
#[derive(Clone)]
pub struct HttpSettings {
    /// Limit for making one connection: lookup, TCP, proxy and TLS handshake together.
    pub connect_timeout: Duration,
    /// Until when a pipe is waited for that certificates are read from.
    pub deadline: Instant,
    /// `AWS_CA_BUNDLE`, else `ca_bundle` of the profile: a PEM file that replaces every other
    /// root. The SDK reads neither; the AWS CLI does.
    pub ca_bundle: Option<PathBuf>,
    /// `SSL_CERT_FILE`: a PEM file that replaces the system's, as for OpenSSL.
    pub ssl_cert_file: Option<PathBuf>,
    /// `SSL_CERT_DIR`: folders of PEM files, separated as in `PATH`, as for OpenSSL.
    pub ssl_cert_dir: Option<OsString>,
    /// `HTTPS_PROXY` or `https_proxy`, whichever was chosen.
    pub https_proxy: Option<String>,
    /// `NO_PROXY` or `no_proxy`, whichever was chosen.
    pub no_proxy: Option<String>,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            connect_timeout: DEFAULT_CONNECT_TIMEOUT,
            deadline: Instant::now(),
            ca_bundle: None,
            ssl_cert_file: None,
            ssl_cert_dir: None,
            https_proxy: None,
            no_proxy: None,
        }
    }
}

impl fmt::Debug for HttpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpSettings")
            .field("connect_timeout", &self.connect_timeout)
            .field("ca_bundle", &self.ca_bundle)
            .field("ssl_cert_file", &self.ssl_cert_file)
            .field("ssl_cert_dir", &self.ssl_cert_dir)
            // Its value may hold a password.
            .field("https_proxy", &self.https_proxy.as_ref().map(|_| "set"))
            .field("no_proxy", &self.no_proxy.as_deref().map(shown_no_proxy))
            .finish()
    }
}

/// Why there is no HTTP client. Nothing was sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// No certificate authorities, or not those that a variable names.
    #[error(transparent)]
    Roots(#[from] RootsError),
    /// `HTTPS_PROXY` is malformed.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// rustls refused the TLS settings; its current version never does.
    #[error("cannot set up TLS: {0}")]
    Tls(#[source] rustls::Error),
}

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
    let resolver = SystemResolver::within(settings.connect_timeout);
    EcrxClient::new(settings, SharedDnsResolver::new(resolver))
}

/// A client for AWS; see [`client`].
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

    /// Limit for making one connection.
    pub fn connect_timeout(&self) -> Duration {
        self.0.connect_timeout
    }

    /// How names are resolved, with a deadline.
    pub fn resolver(&self) -> SharedDnsResolver {
        self.0.resolver.clone()
    }

    /// Begins to connect to the host of this `https` URL, so that the connection is there when
    /// other hosts have been asked. The first request to that host takes it, with the failure if
    /// there was one. Another URL is none of its business: on loopback nothing would be won.
    /// Needs a runtime.
    pub fn connect_ahead(&self, url: &str) {
        if let Some(target) = Target::parse(url).filter(|target| target.tls)
            && let Ok(connector) = self.0.secure(self.0.proxy_for(&target))
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

    /// The proxy that this request goes through.
    fn proxy_for(&self, target: &Target<'_>) -> Option<&Proxy> {
        let proxy = self.proxy.as_ref().filter(|_| target.tls)?;
        proxy.serves(target.host, target.port).then_some(proxy)
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
        let nobody = tls_config(RootCertStore::empty())?;
        let built = self.build(&nobody, None, connect_timeout);
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

fn tls_config(roots: RootCertStore) -> Result<Arc<ClientConfig>, HttpError> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(HttpError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
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
        let Some(target) = Target::parse(&uri) else {
            return refuse(ConnectorError::user("neither http:// nor https://".into()));
        };
        let proxy = self.connectors.proxy_for(&target);
        let connector = if target.tls {
            self.connectors.secure(proxy)
        } else {
            self.connectors.plain(self.plain_connect_timeout)
        };
        let connector = match connector {
            Ok(connector) => connector,
            Err(error) => return refuse(failure::setup(error, target.authority)),
        };
        let host = target.authority.to_owned();
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
struct Target<'a> {
    tls: bool,
    /// `HOST[:PORT]`, without a user part.
    authority: &'a str,
    /// IPv6 in brackets.
    host: &'a str,
    port: u16,
}

impl<'a> Target<'a> {
    fn parse(uri: &'a str) -> Option<Self> {
        let (scheme, rest) = uri.split_once("://")?;
        let tls = scheme.eq_ignore_ascii_case("https");
        if !tls && !scheme.eq_ignore_ascii_case("http") {
            return None;
        }
        let authority = rest.split(['/', '?', '#']).next()?;
        let authority = authority.rsplit('@').next()?;
        let default_port = if tls { 443 } else { 80 };
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !authority.ends_with(']') => (host, port.parse().ok()?),
            _ => (authority, default_port),
        };
        Some(Self {
            tls,
            authority,
            host,
            port,
        })
    }
}

/// A path as part of a message.
fn shown(path: &Path) -> String {
    one_line(&path.to_string_lossy())
}
