//! What went wrong on the way to AWS, in words for the user.
//!
//! Every failure that leaves the HTTP client carries a [`TransportFailure`] in its chain, made
//! at the spot where host and proxy are known; [`classify`] finds it again under whatever the
//! SDK wrapped around it (`SdkError`, `CredentialsError`, a provider's own type).

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_async::future::timeout::TimedOutError;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::result::ConnectorError;
use rustls::{CertificateError, InvalidMessage};

use super::proxy::ProxyError;
use super::resolver::LookupError;
use super::roots::RootsError;
use crate::error::one_line;

/// Why there is no HTTP client. Nothing was sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// No certificate authorities, or not those that a variable names.
    #[error(transparent)]
    Roots(#[from] RootsError),
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// rustls refused the TLS settings; its current version never does.
    #[error("cannot set up TLS: {0}")]
    Tls(#[from] rustls::Error),
}

/// A request that got no answer. Its text is one line without secrets.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}{cause}", self.subject())]
pub struct TransportFailure {
    pub cause: TransportCause,
    /// `HOST[:PORT]` that was asked, where it is known.
    pub host: Option<String>,
    /// `HOST:PORT` of the proxy that stood between, if one did.
    pub proxy: Option<String>,
}

impl TransportFailure {
    fn subject(&self) -> String {
        match (&self.host, &self.proxy) {
            (Some(host), Some(proxy)) => format!("cannot reach {host} through proxy {proxy}: "),
            (Some(host), None) => format!("cannot reach {host}: "),
            (None, _) => String::new(),
        }
    }
}

#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum TransportCause {
    /// The resolver does not know the host, or does not answer.
    #[error("the host name cannot be resolved ({detail})")]
    NameNotResolved { detail: String },
    /// No connection in time; with a proxy the whole way through it counts.
    #[error("connection timed out")]
    ConnectTimeout,
    #[error("no response within {after:?}")]
    ReadTimeout { after: Duration },
    /// The SDK's limit for one attempt or for all of them was reached.
    #[error("request timed out")]
    OperationTimeout,
    #[error("{0}")]
    Proxy(ProxyFault),
    #[error("{0}")]
    Tls(TlsFault),
    #[error("connection refused")]
    ConnectionRefused,
    #[error("connection failed ({detail})")]
    Connection {
        /// The operating system's words.
        detail: String,
    },
    /// The client itself could not be set up: no certificate authorities on this machine.
    #[error("{0}")]
    Setup(Arc<HttpError>),
}

impl TransportCause {
    /// Whether another attempt may succeed.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Tls(fault) | Self::Proxy(ProxyFault::Tls(fault)) => {
                matches!(fault, TlsFault::Handshake { .. })
            }
            Self::Proxy(ProxyFault::LoginRequired) | Self::Setup(_) => false,
            _ => true,
        }
    }
}

#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyFault {
    #[error("the proxy's host name cannot be resolved ({detail}); check HTTPS_PROXY")]
    NameNotResolved { detail: String },
    #[error("the proxy cannot be reached ({detail}); check HTTPS_PROXY")]
    Unreachable {
        /// The operating system's words.
        detail: String,
    },
    #[error("the TLS connection to the proxy failed: {0}")]
    Tls(TlsFault),
    #[error(
        "the proxy requires a user name and password (407); set HTTPS_PROXY to http://USER:PASSWORD@HOST:PORT"
    )]
    LoginRequired,
    /// The proxy answered CONNECT with anything but 200 or 407.
    #[error("the proxy refused the connection; it may block this host or be unable to reach it")]
    Refused,
    /// The proxy broke off, or what answers there is no proxy.
    #[error("the proxy closed the connection ({detail})")]
    Broken { detail: String },
}

#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum TlsFault {
    /// A company's TLS inspection, as a rule.
    #[error(
        "its certificate is not signed by a trusted authority; if a company proxy signs it, set AWS_CA_BUNDLE to that authority's certificate file"
    )]
    UnknownIssuer,
    #[error("its certificate is for another host name")]
    NameMismatch,
    #[error("its certificate has expired, or this machine's clock is wrong")]
    Expired,
    #[error("its certificate is not valid yet, or this machine's clock is wrong")]
    NotYetValid,
    #[error("its certificate was rejected ({detail})")]
    Certificate { detail: String },
    #[error("the server does not use TLS")]
    NotTls,
    #[error("the TLS handshake failed ({detail})")]
    Handshake { detail: String },
}

/// Finds the transport failure in an error of the SDK; `None` when there was an answer, or when
/// the failure lies elsewhere.
pub fn classify(error: &(dyn Error + 'static)) -> Option<TransportFailure> {
    chain(error).find_map(|error| {
        if let Some(tagged) = error.downcast_ref::<Tagged>() {
            return Some(tagged.failure.clone());
        }
        // aws-smithy-runtime's `MaybeTimeoutError` is private (1.16.2, client/timeout.rs).
        let text = error.to_string();
        let ran_out = text.starts_with("operation timeout (all attempts")
            || text.starts_with("operation attempt timeout (single attempt");
        ran_out.then_some(TransportFailure {
            cause: TransportCause::OperationTimeout,
            host: None,
            proxy: None,
        })
    })
}

/// A failure with the error it was read from.
#[derive(Debug, thiserror::Error)]
#[error("{failure}")]
struct Tagged {
    failure: TransportFailure,
    source: Option<BoxError>,
}

impl Tagged {
    fn new(
        cause: TransportCause,
        host: &str,
        proxy: Option<&str>,
        source: Option<BoxError>,
    ) -> Box<Self> {
        let failure = TransportFailure {
            cause,
            host: Some(host.to_owned()),
            proxy: proxy.map(str::to_owned),
        };
        Box::new(Self { failure, source })
    }
}

/// The connector's error with its [`TransportFailure`] on top. It keeps its kind, which decides
/// about retries, but for what no retry mends: those become errors that are not tried again.
pub(super) fn tag(error: ConnectorError, host: &str, proxy: Option<&str>) -> ConnectorError {
    let cause = cause(&error);
    let for_good = !cause.is_transient();
    let (timeout, io, user) = (error.is_timeout(), error.is_io(), error.is_user());
    let other = error.as_other();
    let connection = error.connection_metadata().cloned();
    let tagged = Tagged::new(cause, host, proxy, Some(error.into_source()));
    let error = if for_good {
        ConnectorError::other(tagged, None)
    } else if timeout {
        ConnectorError::timeout(tagged)
    } else if io {
        ConnectorError::io(tagged)
    } else if user {
        ConnectorError::user(tagged)
    } else {
        ConnectorError::other(tagged, other)
    };
    match connection {
        Some(connection) => error.with_connection(connection),
        None => error,
    }
}

pub(super) fn read_timeout(after: Duration, host: &str, proxy: Option<&str>) -> ConnectorError {
    let cause = TransportCause::ReadTimeout { after };
    ConnectorError::timeout(Tagged::new(cause, host, proxy, None))
}

/// The connector for this host could not be built; not tried again.
pub(super) fn setup(error: HttpError, host: &str) -> ConnectorError {
    let cause = TransportCause::Setup(Arc::new(error));
    ConnectorError::user(Tagged::new(cause, host, None, None))
}

/// An error and all below it. `io::Error::source` skips the error that it wraps, so that
/// one is fetched with `get_ref`.
pub(super) fn chain<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> + Clone {
    std::iter::successors(Some(error), |&error| {
        match error.downcast_ref::<io::Error>() {
            Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
            None => error.source(),
        }
    })
}

fn cause(error: &(dyn Error + 'static)) -> TransportCause {
    let errors = chain(error);
    // hyper-util's `TunnelError` cannot be named (0.1.21, legacy/connect/proxy/tunnel.rs).
    let tunnel = errors.clone().map(ToString::to_string).find_map(|text| {
        let tunnel = text.strip_prefix("tunnel error: ")?;
        Some(tunnel.to_owned())
    });
    if let Some(tunnel) = tunnel {
        return TransportCause::Proxy(proxy_fault(&tunnel, error));
    }
    if let Some(tls) = errors
        .clone()
        .find_map(|e| e.downcast_ref::<rustls::Error>())
    {
        return TransportCause::Tls(tls_fault(tls));
    }
    if let Some(lookup) = errors.clone().find_map(|e| e.downcast_ref::<LookupError>()) {
        return TransportCause::NameNotResolved {
            detail: lookup_detail(lookup),
        };
    }
    // Read timeouts are ours alone, so this one is the connector's.
    if errors.clone().any(|e| e.is::<TimedOutError>()) {
        return TransportCause::ConnectTimeout;
    }
    let refused = |e: &io::Error| e.kind() == io::ErrorKind::ConnectionRefused;
    if errors.clone().filter_map(|e| e.downcast_ref()).any(refused) {
        return TransportCause::ConnectionRefused;
    }
    TransportCause::Connection {
        detail: innermost(error),
    }
}

fn proxy_fault(tunnel: &str, error: &(dyn Error + 'static)) -> ProxyFault {
    match tunnel {
        "proxy authorization required" => ProxyFault::LoginRequired,
        "unsuccessful" => ProxyFault::Refused,
        "failed to create underlying connection" => {
            let mut errors = chain(error);
            if let Some(lookup) = errors.clone().find_map(|e| e.downcast_ref::<LookupError>()) {
                return ProxyFault::NameNotResolved {
                    detail: lookup_detail(lookup),
                };
            }
            match errors.find_map(|e| e.downcast_ref::<rustls::Error>()) {
                Some(tls) => ProxyFault::Tls(tls_fault(tls)),
                None => ProxyFault::Unreachable {
                    detail: innermost(error),
                },
            }
        }
        "io error establishing tunnel" => ProxyFault::Broken {
            detail: innermost(error),
        },
        other => ProxyFault::Broken {
            detail: one_line(other),
        },
    }
}

fn tls_fault(error: &rustls::Error) -> TlsFault {
    use CertificateError as C;
    match error {
        rustls::Error::InvalidCertificate(fault) => match fault {
            // The second is what rustls says when an authority of ours bears the issuer's name,
            // but has another key.
            C::UnknownIssuer | C::BadSignature => TlsFault::UnknownIssuer,
            C::NotValidForName | C::NotValidForNameContext { .. } => TlsFault::NameMismatch,
            C::Expired | C::ExpiredContext { .. } => TlsFault::Expired,
            C::NotValidYet | C::NotValidYetContext { .. } => TlsFault::NotYetValid,
            other => TlsFault::Certificate {
                detail: one_line(&other.to_string()),
            },
        },
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => TlsFault::NotTls,
        other => TlsFault::Handshake {
            detail: one_line(&other.to_string()),
        },
    }
}

fn lookup_detail(error: &LookupError) -> String {
    match error {
        LookupError::Failed { source, .. } => one_line(&source.to_string()),
        LookupError::Empty { .. } => "it has no address".to_owned(),
        LookupError::TimedOut { after, .. } => format!("no response within {after:?}"),
    }
}

/// The words of the last error in the chain, which is the operating system's as a rule.
pub(super) fn innermost(error: &(dyn Error + 'static)) -> String {
    let last = chain(error).last().map(ToString::to_string);
    one_line(&last.unwrap_or_default())
}
