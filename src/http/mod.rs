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
//! Plain http goes to instance metadata, container credentials and test servers on loopback; a
//! proxy must not see any of them.
//!
//! What the user configured is checked by [`client()`], before any call: a bundle that is named is
//! read and its certificates are parsed there, and the proxy's URL is taken apart. The system's
//! certificates are read by the first https request, so that plain http costs nothing; a machine
//! without any fails that request with [`TransportCause::Setup`].
//!
//! Timeouts: connecting (lookup, TCP, proxy and TLS handshake together) has `connect_timeout`,
//! and on plain http less when the SDK asks for less, as it does for metadata (1 s). Read
//! timeouts of the SDK are honoured on every connector. Cryptography is `ring`; HTTP/1.1 is
//! spoken, as the AWS CLI does: a token takes one request after the other.
//!
//! The same client sends requests to registries ([`EcrxClient::send`]).
//!
//! [`EcrxClient`] routes a request to a `connector`, which is made of the proxy's address
//! (`proxy`), names (`resolver`) and certificates (`roots`). What fails there becomes a
//! [`TransportFailure`].
//!
//! There is one connection per host. The one to the API is made while roles are assumed, or while
//! the first credentials are requested from SSO, `aws login` or STS
//! ([`EcrxClient::connect_ahead`]).

mod client;
mod connector;
mod failure;
mod proxy;
mod resolver;
mod roots;

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

pub use client::{EcrxClient, Received, client};
pub use failure::{HttpError, ProxyFault, TlsFault, TransportCause, TransportFailure, classify};
pub use proxy::{ProxyError, shown_proxy};
pub use roots::RootsError;

use crate::net::shown_no_proxy;

/// How long connecting may take by default.
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
