//! Making connections, some of them ahead of the requests that will need them.

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use aws_smithy_async::future::timeout::TimedOutError;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::dns::{ResolveDns as _, SharedDnsResolver};
use http::Uri;
use hyper::rt::{Read as _, ReadBuf};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Intercept;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tower_service::Service;

/// How old a connection may be that was begun ahead of its request. One that has waited for
/// longer, while another host was slow, may be about to be closed by its server. One that was
/// closed already is replaced at any age.
const AHEAD: Duration = Duration::from_secs(5);

type Tcp = HttpConnector<Names>;
type ToProxy = MaybeHttpsStream<TokioIo<TcpStream>>;
/// What requests travel on.
pub(super) type Stream = MaybeHttpsStream<ToProxy>;
type Connecting<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;

/// Makes connections, as `hyper-util` asks for them or ahead of that.
#[derive(Clone)]
pub(super) struct Connect {
    https: HttpsConnector<Way>,
    timeout: Duration,
    /// The hosts that were connected to, and the connections that no request has taken yet.
    hosts: Arc<Mutex<HashMap<String, Option<Ahead>>>>,
}

/// A connection that waits for its request.
struct Ahead {
    begun_at: Instant,
    connecting: JoinHandle<Result<Stream, BoxError>>,
}

impl Connect {
    /// Directly, or through a tunnel that the proxy makes, with TLS where a URL says so. All of it
    /// ends at `timeout`.
    pub(super) fn new(
        resolver: SharedDnsResolver,
        tls: Arc<ClientConfig>,
        proxy: Option<&Intercept>,
        timeout: Duration,
    ) -> Self {
        let mut tcp = Tcp::new_with_resolver(Names(resolver));
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        let way = match proxy {
            None => Way::Direct(tcp),
            Some(proxy) => {
                let to_proxy = HttpsConnector::from((tcp, Arc::clone(&tls)));
                let tunnel = Tunnel::new(proxy.uri().clone(), to_proxy);
                Way::Proxy(Box::new(match proxy.basic_auth() {
                    Some(login) => tunnel.with_auth(login.clone()),
                    None => tunnel,
                }))
            }
        };
        Self {
            https: HttpsConnector::from((way, tls)),
            timeout,
            hosts: Arc::default(),
        }
    }

    /// Begins a connection to this host, unless it has been connected to already.
    pub(super) fn begin(&self, url: Uri) {
        self.hosts().entry(host(&url)).or_insert_with(|| {
            Some(Ahead {
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

    fn hosts(&self) -> MutexGuard<'_, HashMap<String, Option<Ahead>>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `HOST[:PORT]`.
fn host(url: &Uri) -> String {
    url.authority()
        .map_or_else(String::new, ToString::to_string)
}

impl Service<Uri> for Connect {
    type Response = Stream;
    type Error = BoxError;
    type Future = Connecting<Stream>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, url: Uri) -> Self::Future {
        let begun = self.hosts().insert(host(&url), None);
        match begun.flatten() {
            Some(ahead) if ahead.begun_at.elapsed() < AHEAD => {
                let this = self.clone();
                Box::pin(async move {
                    let mut stream = ahead.connecting.await??;
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

/// Whether the server, or a proxy on the way, has kept this new connection. Nobody speaks before
/// it is asked, so whatever can be read is the end.
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
enum Way {
    Direct(Tcp),
    Proxy(Box<Tunnel<HttpsConnector<Tcp>>>),
}

impl Service<Uri> for Way {
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
struct Names(SharedDnsResolver);

impl Service<Name> for Names {
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

    use super::super::resolve::SystemResolver;
    use super::super::tests::{block_on, refusing};
    use super::super::tls_config;
    use super::*;

    const LIMIT: Duration = Duration::from_secs(20);

    fn direct() -> Connect {
        let resolver = SharedDnsResolver::new(SystemResolver::within(LIMIT));
        let tls = tls_config(rustls::RootCertStore::empty()).unwrap();
        Connect::new(resolver, tls, None, LIMIT)
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

    /// How many connections have come since the last time. So many are waited for: whoever
    /// connects may know of it a moment before who listens does.
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
        let mut connect = direct();
        let [(one, here), (other, there)] = [listener(), listener()];
        block_on(async {
            connect.begin(here.clone());
            connect.begin(here.clone());
            connect.call(there.clone()).await.unwrap();
            connect.call(here.clone()).await.unwrap();
            assert_eq!((accepted(&one, 1), accepted(&other, 1)), (1, 1));
            connect.call(here.clone()).await.unwrap();
            assert_eq!((accepted(&one, 1), accepted(&other, 0)), (1, 0));
            connect.begin(there.clone());
            assert_eq!(connect.hosts().values().flatten().count(), 0);
        });
    }

    #[test]
    fn a_connection_that_has_waited_for_too_long_is_replaced() {
        let mut connect = direct();
        let (listener, here) = listener();
        block_on(async {
            connect.begin(here.clone());
            let (host, begun) = connect.hosts().drain().next().unwrap();
            let mut begun = begun.unwrap();
            (&mut begun.connecting).await.unwrap().unwrap();
            begun.begun_at -= AHEAD;
            connect.hosts().insert(host, Some(begun));
            assert_eq!(accepted(&listener, 1), 1);
            connect.call(here.clone()).await.unwrap();
            assert_eq!(accepted(&listener, 1), 1);
        });
    }

    /// hyper does not send a request once more that a new connection did not take, and the SDK
    /// waits for up to a second before it does.
    #[test]
    fn a_connection_that_was_closed_while_it_waited_is_replaced() {
        let mut connect = direct();
        let (listener, here) = listener();
        block_on(async {
            connect.begin(here.clone());
            while listener.accept().is_err() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            let mut stream = connect.call(here).await.unwrap();
            assert_eq!(accepted(&listener, 1), 1);
            assert!(is_open(&mut stream).await);
        });
    }

    #[test]
    fn a_failure_ahead_is_the_first_requests_alone() {
        let mut connect = direct();
        block_on(async {
            let (socket, address) = refusing();
            connect.begin(url(address));
            assert!(connect.call(url(address)).await.is_err());
            let _listener = socket.listen(1).unwrap();
            assert!(connect.call(url(address)).await.is_ok());
        });
    }
}
