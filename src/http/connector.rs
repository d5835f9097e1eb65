//! One way to AWS: connections, kept for the next request to the same host, and requests on them.
//!
//! `hyper-util` does the work, as it does for the SDK's own connector (aws-smithy-http-client).
//! That one is not used: it takes roots as PEM alone and parses them anew in every connector, and
//! connects only for a request that can be sent.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_async::future::timeout::TimedOutError;
use aws_smithy_runtime_api::client::connection::{CaptureSmithyConnection, ConnectionMetadata};
use aws_smithy_runtime_api::client::dns::SharedDnsResolver;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::ErrorKind;
use http_body_util::Limited;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use hyper_util::client::legacy::{Client, Error};
use hyper_util::client::proxy::matcher::Intercept;
use hyper_util::rt::TokioExecutor;
use rustls::ClientConfig;

use super::connect::Connect;
use super::failure::chain;

/// No answer is longer, in bytes; keeps one without end from eating the memory. A token's is some
/// 4 KiB.
const MAX_ANSWER: usize = 1 << 20;

/// Sends requests to any number of hosts in one way.
pub(super) struct Connector {
    client: Client<Connect, SdkBody>,
    connect: Connect,
}

impl Connector {
    /// Directly, or through a tunnel that the proxy makes. Connecting, with all that belongs to
    /// it, ends at `timeout`.
    pub(super) fn new(
        resolver: SharedDnsResolver,
        tls: Arc<ClientConfig>,
        proxy: Option<&Intercept>,
        timeout: Duration,
    ) -> Self {
        let connect = Connect::new(resolver, tls, proxy, timeout);
        Self {
            client: Client::builder(TokioExecutor::new()).build(connect.clone()),
            connect,
        }
    }

    /// Begins to connect to the host of this URL, for the first request that goes there. Where
    /// one went already, its connection serves. Needs a runtime, and ends with it.
    pub(super) fn connect_ahead(&self, url: &str) {
        // Of a URL that is none, the request will tell.
        if let Ok(url) = url.parse() {
            self.connect.begin(url);
        }
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // hyper-util's parts would print the proxy's password.
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut request = match request.try_into_http1x() {
            Ok(request) => request,
            Err(error) => {
                return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into())));
            }
        };
        let captured = capture_connection(&mut request);
        if let Some(capture) = request.extensions().get::<CaptureSmithyConnection>() {
            capture.set_connection_retriever(move || metadata(captured.clone()));
        }
        let answer = self.client.request(request);
        HttpConnectorFuture::new(async move {
            let answer = answer.await.map_err(failed)?;
            let limited = |body| SdkBody::from_body_1_x(Limited::new(body, MAX_ANSWER));
            HttpResponse::try_from(answer.map(limited))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// What the SDK takes a connection out of use with, when a request failed in passing.
fn metadata(captured: CaptureConnection) -> Option<ConnectionMetadata> {
    let is_proxied = captured.connection_metadata().as_ref()?.is_proxied();
    let poison = move || {
        if let Some(connected) = captured.connection_metadata().as_ref() {
            connected.poison();
        }
    };
    let metadata = ConnectionMetadata::builder().proxied(is_proxied);
    Some(metadata.poison_fn(poison).build())
}

/// The failure as the SDK reads it: its kind decides whether it is tried again.
fn failed(error: Error) -> ConnectorError {
    let is = |check: fn(&(dyn std::error::Error + 'static)) -> bool| chain(&error).any(check);
    let hyper = |check: fn(&hyper::Error) -> bool| {
        let mut errors = chain(&error).filter_map(|error| error.downcast_ref());
        errors.any(check)
    };
    if is(|error| error.is::<TimedOutError>()) {
        ConnectorError::timeout(error.into())
    } else if hyper(hyper::Error::is_user) {
        ConnectorError::user(error.into())
    } else if error.is_connect()
        || is(|error| error.is::<io::Error>())
        || hyper(|error| error.is_closed() || error.is_canceled())
    {
        ConnectorError::io(error.into())
    } else if hyper(hyper::Error::is_incomplete_message) {
        ConnectorError::other(error.into(), Some(ErrorKind::TransientError))
    } else {
        ConnectorError::other(error.into(), None)
    }
}
