//! One way to AWS: connections, kept for the next request to the same host, and requests on them.
//!
//! `hyper-util` does the work, as it does for the SDK's own connector (aws-smithy-http-client).
//! That one is not used: it takes roots as PEM alone and parses them anew in every connector, and
//! connects only for a request that can be sent.

use std::collections::HashMap;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use aws_smithy_async::future::timeout::TimedOutError;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::connection::{CaptureSmithyConnection, ConnectionMetadata};
use aws_smithy_runtime_api::client::dns::{ResolveDns as _, SharedDnsResolver};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::ErrorKind;
use http::Uri;
use http_body_util::Limited;
use hyper::rt::{Read as _, ReadBuf};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{self, CaptureConnection, capture_connection};
use hyper_util::client::legacy::{Client, Error};
use hyper_util::client::proxy::matcher::Intercept;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tower_service::Service;

use super::failure::chain;

/// No answer is longer, in bytes; keeps one without end from eating the memory. A token's is some
/// 4 KiB.
const MAX_ANSWER: usize = 1 << 20;

/// Sends requests to any number of hosts in one way.
pub(super) struct Connector {
    client: Client<Connections, SdkBody>,
    connections: Connections,
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
        let connections = Connections::new(resolver, tls, proxy, timeout);
        Self {
            client: Client::builder(TokioExecutor::new()).build(connections.clone()),
            connections,
        }
    }

    /// Begins to connect to the host of this URL, for the first request that goes there. Where
    /// one went already, its connection serves. Needs a runtime, and ends with it.
    pub(super) fn connect_ahead(&self, url: &str) {
        // Of a URL that is none, the request will tell.
        if let Ok(url) = url.parse() {
            self.connections.begin(url);
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

/// TLS that trusts these authorities alone.
pub(super) fn tls_config(roots: RootCertStore) -> Result<Arc<ClientConfig>, rustls::Error> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// How old a connection may be that was begun ahead of its request. One that has waited for
/// longer, while another host was slow, may be about to be closed by its server. One that was
/// closed already is replaced at any age.
const MAX_PENDING_AGE: Duration = Duration::from_secs(5);

type Tcp = connect::HttpConnector<HyperResolver>;
type ToProxy = MaybeHttpsStream<TokioIo<TcpStream>>;
/// What requests travel on.
type Stream = MaybeHttpsStream<ToProxy>;
type Connecting<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;

/// Makes connections, as `hyper-util` asks for them or ahead of that.
#[derive(Clone)]
struct Connections {
    https: HttpsConnector<Route>,
    timeout: Duration,
    /// The hosts that were connected to, and the connections that no request has taken yet.
    hosts: Arc<Mutex<HashMap<String, Option<PendingConnection>>>>,
}

/// A connection that waits for its request.
struct PendingConnection {
    begun_at: Instant,
    connecting: JoinHandle<Result<Stream, BoxError>>,
}

impl Connections {
    /// Directly, or through a tunnel that the proxy makes, with TLS where a URL says so. All of it
    /// ends at `timeout`.
    fn new(
        resolver: SharedDnsResolver,
        tls: Arc<ClientConfig>,
        proxy: Option<&Intercept>,
        timeout: Duration,
    ) -> Self {
        let mut tcp = Tcp::new_with_resolver(HyperResolver(resolver));
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        let route = match proxy {
            None => Route::Direct(tcp),
            Some(proxy) => {
                let to_proxy = HttpsConnector::from((tcp, Arc::clone(&tls)));
                let tunnel = Tunnel::new(proxy.uri().clone(), to_proxy);
                Route::Proxy(Box::new(match proxy.basic_auth() {
                    Some(login) => tunnel.with_auth(login.clone()),
                    None => tunnel,
                }))
            }
        };
        Self {
            https: HttpsConnector::from((route, tls)),
            timeout,
            hosts: Arc::default(),
        }
    }

    /// Begins a connection to this host, unless it has been connected to already.
    fn begin(&self, url: Uri) {
        self.hosts().entry(host(&url)).or_insert_with(|| {
            Some(PendingConnection {
                begun_at: Instant::now(),
                connecting: tokio::spawn(self.open(url)),
            })
        });
    }

    fn open(&self, url: Uri) -> Connecting<Stream> {
        let (connecting, timeout) = (self.https.clone().call(url), self.timeout);
        Box::pin(async move {
            match tokio::time::timeout(timeout, connecting).await {
                Ok(connected) => connected,
                Err(_) => Err(TimedOutError.into()),
            }
        })
    }

    fn hosts(&self) -> MutexGuard<'_, HashMap<String, Option<PendingConnection>>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `HOST[:PORT]`.
fn host(url: &Uri) -> String {
    url.authority()
        .map_or_else(String::new, ToString::to_string)
}

impl Service<Uri> for Connections {
    type Response = Stream;
    type Error = BoxError;
    type Future = Connecting<Stream>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, url: Uri) -> Self::Future {
        let begun = self.hosts().insert(host(&url), None);
        match begun.flatten() {
            Some(pending) if pending.begun_at.elapsed() < MAX_PENDING_AGE => {
                let this = self.clone();
                Box::pin(async move {
                    let mut stream = pending.connecting.await??;
                    if is_open(&mut stream).await {
                        return Ok(stream);
                    }
                    this.open(url).await
                })
            }
            Some(_) | None => self.open(url),
        }
    }
}

/// Whether this new connection is still open. No server or proxy sends anything before a request,
/// so if something can be read, it is the end of the connection.
async fn is_open(stream: &mut Stream) -> bool {
    let mut byte = [0];
    let mut read = ReadBuf::new(&mut byte);
    poll_fn(|context| {
        let end = Pin::new(&mut *stream).poll_read(context, read.unfilled());
        Poll::Ready(end.is_pending())
    })
    .await
}

/// What lies below the TLS connection to AWS.
#[derive(Clone)]
enum Route {
    Direct(Tcp),
    Proxy(Box<Tunnel<HttpsConnector<Tcp>>>),
}

impl Service<Uri> for Route {
    type Response = ToProxy;
    type Error = BoxError;
    type Future = Connecting<ToProxy>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        match self {
            Self::Direct(tcp) => tcp.poll_ready(context).map_err(Into::into),
            Self::Proxy(tunnel) => tunnel.poll_ready(context).map_err(Into::into),
        }
    }

    fn call(&mut self, url: Uri) -> Self::Future {
        match self {
            Self::Direct(tcp) => {
                let connecting = tcp.call(url);
                Box::pin(async move { Ok(MaybeHttpsStream::Http(connecting.await?)) })
            }
            Self::Proxy(tunnel) => {
                let connecting = tunnel.call(url);
                Box::pin(async move { Ok(connecting.await?) })
            }
        }
    }
}

/// The resolver as hyper-util asks it.
#[derive(Clone)]
struct HyperResolver(SharedDnsResolver);

impl Service<Name> for HyperResolver {
    type Response = std::vec::IntoIter<std::net::SocketAddr>;
    type Error = BoxError;
    type Future = Connecting<Self::Response>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let resolver = self.0.clone();
        Box::pin(async move {
            let found = resolver.resolve_dns(name.as_str()).await?;
            let found: Vec<_> = found.into_iter().map(|ip| (ip, 0).into()).collect();
            Ok(found.into_iter())
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr, TcpListener};

    use super::super::client::tests::{block_on, refusing};
    use super::super::resolver::SystemResolver;
    use super::*;

    const LIMIT: Duration = Duration::from_secs(20);

    fn direct() -> Connections {
        let resolver = SharedDnsResolver::new(SystemResolver::new(LIMIT));
        let tls = tls_config(RootCertStore::empty()).unwrap();
        Connections::new(resolver, tls, None, LIMIT)
    }

    fn listener() -> (TcpListener, Uri) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = url(listener.local_addr().unwrap());
        (listener, url)
    }

    fn url(address: SocketAddr) -> Uri {
        format!("http://{address}/").parse().unwrap()
    }

    /// How many connections have come since the last time. So many are waited for, as the
    /// client may know of a connection before the listener does.
    fn accepted(listener: &TcpListener, expected: usize) -> usize {
        let until = Instant::now() + LIMIT;
        let mut count = 0;
        loop {
            count += std::iter::from_fn(|| listener.accept().ok()).count();
            if count >= expected || Instant::now() > until {
                return count;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn a_connection_begun_ahead_is_for_its_host_alone_and_one_of_them_is_enough() {
        let mut connections = direct();
        let [(one, here), (other, there)] = [listener(), listener()];
        block_on(async {
            connections.begin(here.clone());
            connections.begin(here.clone());
            connections.call(there.clone()).await.unwrap();
            connections.call(here.clone()).await.unwrap();
            assert_eq!((accepted(&one, 1), accepted(&other, 1)), (1, 1));
            connections.call(here.clone()).await.unwrap();
            assert_eq!((accepted(&one, 1), accepted(&other, 0)), (1, 0));
            connections.begin(there.clone());
            assert_eq!(connections.hosts().values().flatten().count(), 0);
        });
    }

    #[test]
    fn a_connection_that_has_waited_for_too_long_is_replaced() {
        let mut connections = direct();
        let (listener, here) = listener();
        block_on(async {
            connections.begin(here.clone());
            let (host, begun) = connections.hosts().drain().next().unwrap();
            let mut begun = begun.unwrap();
            (&mut begun.connecting).await.unwrap().unwrap();
            begun.begun_at -= MAX_PENDING_AGE;
            connections.hosts().insert(host, Some(begun));
            assert_eq!(accepted(&listener, 1), 1);
            connections.call(here.clone()).await.unwrap();
            assert_eq!(accepted(&listener, 1), 1);
        });
    }

    /// hyper does not send a request once more that a new connection did not take, and the SDK
    /// waits for up to a second before it does.
    #[test]
    fn a_connection_that_was_closed_while_it_waited_is_replaced() {
        let mut connections = direct();
        let (listener, here) = listener();
        block_on(async {
            connections.begin(here.clone());
            while listener.accept().is_err() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            let mut stream = connections.call(here).await.unwrap();
            assert_eq!(accepted(&listener, 1), 1);
            assert!(is_open(&mut stream).await);
        });
    }

    #[test]
    fn a_failure_ahead_is_the_first_requests_alone() {
        let mut connections = direct();
        block_on(async {
            let (socket, address) = refusing();
            connections.begin(url(address));
            assert!(connections.call(url(address)).await.is_err());
            let _listener = socket.listen(1).unwrap();
            assert!(connections.call(url(address)).await.is_ok());
        });
    }
}
