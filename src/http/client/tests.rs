//! The client against servers and proxies on loopback.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns, ResolveDnsError};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::PrivateKeyDer;
use tempfile::NamedTempFile;

use super::super::failure::{ProxyFault, TlsFault, classify};
use super::super::proxy::ProxyError;
use super::super::resolver::LookupError;
use super::super::roots::RootsError;
use super::*;

pub(in crate::http) struct Ca(CertifiedIssuer<'static, KeyPair>);

impl Ca {
    pub(in crate::http) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(in crate::http) fn pem(&self) -> String {
        self.0.pem()
    }

    fn bundle(&self) -> NamedTempFile {
        let file = NamedTempFile::new().unwrap();
        fs::write(file.path(), self.pem()).unwrap();
        file
    }

    fn issue(&self, names: &[&str], years: (i32, i32)) -> ServerConfig {
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
        params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            )
            .unwrap()
    }
}

/// Serves each connection with `serve` in a thread of its own.
fn listen(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let serve = Arc::clone(&serve);
            thread::spawn(move || serve(stream));
        }
    });
    address
}

fn read_head(stream: &mut impl Read) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

fn answer_ok(mut stream: impl Read + Write) {
    if read_head(&mut stream).is_ok() {
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";
        let _ = stream.write_all(answer.as_bytes());
        let _ = stream.flush();
    }
}

fn https_server(config: ServerConfig) -> SocketAddr {
    let config = Arc::new(config);
    listen(move |stream| {
        let session = ServerConnection::new(Arc::clone(&config)).unwrap();
        answer_ok(StreamOwned::new(session, stream));
    })
}

/// A proxy that answers CONNECT with `status`, and with 200 tunnels to `to`. Gives the heads.
fn proxy(status: &'static str, to: Option<SocketAddr>) -> (SocketAddr, mpsc::Receiver<String>) {
    let (heads, seen) = mpsc::channel();
    let address = listen(move |mut client| {
        let Ok(head) = read_head(&mut client) else {
            return;
        };
        let _ = heads.send(head);
        let _ = write!(client, "HTTP/1.1 {status}\r\n\r\n");
        if let Some(to) = to {
            tunnel(client, TcpStream::connect(to).unwrap());
        }
    });
    (address, seen)
}

fn tunnel(client: TcpStream, server: TcpStream) {
    let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    let (mut from, mut to) = (server, client);
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}

/// Knows every name under `.test` as this machine, and no other.
#[derive(Debug, Clone)]
struct TestResolver;

impl ResolveDns for TestResolver {
    fn resolve_dns<'a>(&'a self, name: &'a str) -> DnsFuture<'a> {
        DnsFuture::ready(if name.ends_with(".test") {
            Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)])
        } else {
            Err(ResolveDnsError::new(LookupError::Failed {
                host: name.to_owned(),
                source: io::Error::other("not a test name"),
            }))
        })
    }
}

/// Limits generous enough for a busy machine.
fn settings() -> HttpSettings {
    HttpSettings {
        connect_timeout: Duration::from_secs(20),
        ..HttpSettings::default()
    }
}

fn trusting(bundle: &NamedTempFile) -> HttpSettings {
    HttpSettings {
        ca_bundle: Some(bundle.path().into()),
        ..settings()
    }
}

fn test_client(settings: &HttpSettings) -> EcrxClient {
    EcrxClient::new(settings, SharedDnsResolver::new(TestResolver)).unwrap()
}

pub(in crate::http) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let value = runtime.block_on(future);
    runtime.shutdown_background();
    value
}

fn get_with(
    client: &EcrxClient,
    timeouts: &HttpConnectorSettings,
    uri: &str,
) -> Result<u16, ConnectorError> {
    block_on(async {
        let request = HttpRequest::get(uri).unwrap();
        let answer = client.router(timeouts).call(request).await?;
        Ok(answer.status().as_u16())
    })
}

fn get(settings: &HttpSettings, uri: &str) -> Result<u16, TransportFailure> {
    let timeouts = HttpConnectorSettings::builder().build();
    get_with(&test_client(settings), &timeouts, uri).map_err(|error| {
        let failure = classify(&error).unwrap();
        let text = failure.to_string();
        assert!(
            !text.contains(char::is_control) && !text.contains("hunter2"),
            "{text}"
        );
        failure
    })
}

const YEARS: (i32, i32) = (2000, 4000);

#[test]
fn https_round_trip_trusts_the_named_bundle_and_skips_its_odd_certificate() {
    let ca = Ca::new("ca");
    let server = https_server(ca.issue(&["aws.test"], YEARS));
    let bundle = ca.bundle();
    let uri = format!("https://aws.test:{}/", server.port());
    assert_eq!(get(&trusting(&bundle), &uri).unwrap(), 200);

    let odd = "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n";
    fs::write(bundle.path(), format!("{odd}{}", ca.pem())).unwrap();
    assert_eq!(get(&trusting(&bundle), &uri).unwrap(), 200);
}

#[test]
fn one_connector_serves_every_setting_and_every_client() {
    let ca = Ca::new("ca");
    let server = https_server(ca.issue(&["aws.test"], YEARS));
    let bundle = ca.bundle();
    let client = test_client(&trusting(&bundle));
    fs::remove_file(bundle.path()).unwrap(); // reading it again fails
    let uri = format!("https://aws.test:{}/", server.port());
    for seconds in [5, 6, 7] {
        let timeouts = HttpConnectorSettings::builder()
            .connect_timeout(Duration::from_secs(seconds))
            .read_timeout(Duration::from_secs(seconds + 10))
            .build();
        assert_eq!(get_with(&client, &timeouts, &uri).unwrap(), 200);
    }
    assert!(client.0.direct.get().is_some() && client.0.proxied.get().is_none());
    assert!(client.0.plain.lock().unwrap().is_empty());
}

#[test]
fn faults_of_the_certificate_are_told_apart_and_not_retried() {
    let ca = Ca::new("ca");
    let (stranger, namesake) = (Ca::new("stranger"), Ca::new("ca"));
    let bundle = ca.bundle();
    let faults = [
        ("UnknownIssuer", stranger.issue(&["aws.test"], YEARS)),
        ("UnknownIssuer", namesake.issue(&["aws.test"], YEARS)),
        ("NameMismatch", ca.issue(&["other.test"], YEARS)),
        ("Expired", ca.issue(&["aws.test"], (2000, 2001))),
        ("NotYetValid", ca.issue(&["aws.test"], (3000, 3001))),
    ];
    for (expected, config) in faults {
        let uri = format!("https://aws.test:{}/", https_server(config).port());
        let timeouts = HttpConnectorSettings::builder().build();
        let error = get_with(&test_client(&trusting(&bundle)), &timeouts, &uri).unwrap_err();
        assert!(
            error.is_other() && error.as_other().is_none(),
            "would be retried: {error:?}"
        );
        let failure = classify(&error).unwrap();
        let TransportCause::Tls(fault) = &failure.cause else {
            panic!("{failure:?}");
        };
        assert_eq!(format!("{fault:?}"), expected);
        assert!(
            failure.to_string().starts_with("cannot reach aws.test:"),
            "{failure}"
        );
    }
}

#[test]
fn server_without_tls_is_named_as_such() {
    let server = listen(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        let _ = read_head(&mut stream);
    });
    let bundle = Ca::new("ca").bundle();
    let failure = get(
        &trusting(&bundle),
        &format!("https://aws.test:{}/", server.port()),
    );
    let cause = failure.unwrap_err().cause;
    assert!(
        matches!(cause, TransportCause::Tls(TlsFault::NotTls)),
        "{cause:?}"
    );
}

/// An address of loopback that is taken, so that no other test gets it, and refuses.
pub(in crate::http) fn refusing() -> (tokio::net::TcpSocket, SocketAddr) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

#[test]
fn refused_connection_is_named_for_both_schemes() {
    let bundle = Ca::new("ca").bundle();
    let (_socket, address) = refusing();
    for scheme in ["http", "https"] {
        let uri = format!("{scheme}://{address}/x");
        let failure = get(&trusting(&bundle), &uri).unwrap_err();
        assert!(
            matches!(failure.cause, TransportCause::ConnectionRefused),
            "{failure:?}"
        );
        assert!(
            failure.host.as_deref().unwrap().starts_with("127.0.0.1:"),
            "{failure:?}"
        );
    }
}

#[test]
fn plain_http_reads_no_certificates() {
    let server = listen(answer_ok);
    let client = test_client(&settings());
    let timeouts = HttpConnectorSettings::builder().build();
    assert_eq!(
        get_with(&client, &timeouts, &format!("http://{server}/")).unwrap(),
        200
    );
    assert!(client.0.tls.get().is_none());
}

#[test]
fn broken_connection_is_named() {
    let server = listen(|mut stream| {
        let _ = read_head(&mut stream);
    });
    let failure = get(&settings(), &format!("http://{server}/")).unwrap_err();
    assert!(
        matches!(failure.cause, TransportCause::Connection { .. }),
        "{failure:?}"
    );
}

#[test]
fn unknown_name_is_named_with_the_real_resolver() {
    // A label of 64 letters: the resolver refuses it without a request.
    let resolver = SharedDnsResolver::new(SystemResolver::new(Duration::from_secs(20)));
    let client = EcrxClient::new(&settings(), resolver).unwrap();
    let timeouts = HttpConnectorSettings::builder().build();
    let error = get_with(
        &client,
        &timeouts,
        "http://a-label-of-sixty-four-letters-is-one-too-long-for-the-dns-to-ask.invalid/",
    )
    .unwrap_err();
    let failure = classify(&error).unwrap();
    assert!(
        matches!(failure.cause, TransportCause::NameNotResolved { .. }),
        "{failure:?}"
    );
    let text = failure.to_string();
    assert!(
        text.starts_with("cannot reach a-label-of-sixty-four-letters-is-one-too-long-for-the-dns-to-ask.invalid: the host name"),
        "{text}"
    );
}

fn through(proxy: &str, bundle: &NamedTempFile) -> HttpSettings {
    HttpSettings {
        https_proxy: Some(proxy.to_owned()),
        ..trusting(bundle)
    }
}

#[test]
fn https_goes_through_the_proxy_with_its_password() {
    let ca = Ca::new("ca");
    let server = https_server(ca.issue(&["aws.example"], YEARS));
    let (address, heads) = proxy("200 OK", Some(server));
    let bundle = ca.bundle();
    // `aws.example` is unknown to the resolver: only the proxy can reach it.
    let url = format!("http://user:p@ss%21@{address}");
    assert_eq!(
        get(&through(&url, &bundle), "https://aws.example/").unwrap(),
        200
    );
    let head = heads.recv().unwrap();
    assert!(
        head.starts_with("CONNECT aws.example:443 HTTP/1.1\r\n"),
        "{head}"
    );
    // base64 of user:p@ss!
    assert!(
        head.contains("Proxy-Authorization: Basic dXNlcjpwQHNzIQ==\r\n"),
        "{head}"
    );

    // And without a scheme.
    assert_eq!(
        get(
            &through(&address.to_string(), &bundle),
            "https://aws.example/"
        )
        .unwrap(),
        200
    );
    assert!(!heads.recv().unwrap().contains("Authorization"));
}

#[test]
fn proxy_over_tls_is_asked_and_its_certificate_checked() {
    let ca = Ca::new("ca");
    let server = https_server(ca.issue(&["aws.example"], YEARS));
    let config = Arc::new(ca.issue(&["proxy.test"], YEARS));
    let address = listen(move |client| {
        let session = ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut client = StreamOwned::new(session, client);
        if read_head(&mut client).is_ok() {
            let _ = client.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            // One request needs no full duplex: bytes as they come, until both are quiet.
            let mut server = TcpStream::connect(server).unwrap();
            let quiet = Some(Duration::from_millis(20));
            client.sock.set_read_timeout(quiet).unwrap();
            server.set_read_timeout(quiet).unwrap();
            let turn = |from: &mut dyn Read, to: &mut dyn Write| {
                let mut buffer = [0; 16384];
                match from.read(&mut buffer) {
                    Ok(n) => n > 0 && to.write_all(&buffer[..n]).is_ok(),
                    Err(_) => true, // quiet
                }
            };
            for _ in 0..500 {
                if !turn(&mut client, &mut server) || !turn(&mut server, &mut client) {
                    break;
                }
            }
        }
    });
    let url = format!("https://proxy.test:{}", address.port());
    assert_eq!(
        get(&through(&url, &ca.bundle()), "https://aws.example/").unwrap(),
        200
    );

    let stranger = Ca::new("stranger").bundle();
    let failure = get(&through(&url, &stranger), "https://aws.example/").unwrap_err();
    let unknown = TlsFault::UnknownIssuer;
    assert_eq!(
        format!("{:?}", failure.cause),
        format!("{:?}", TransportCause::Proxy(ProxyFault::Tls(unknown)))
    );
}

#[test]
fn faults_of_the_proxy_are_told_apart() {
    let bundle = Ca::new("ca").bundle();
    let gone = listen(|mut client| {
        let _ = read_head(&mut client);
    });
    let no_proxy_at_all = listen(|mut client| {
        let _ = client.write_all(b"SSH-2.0-OpenSSH_9.9\r\n");
        let _ = read_head(&mut client);
    });
    let (_socket, refusing) = refusing();
    let wants_login = proxy("407 Proxy Authentication Required", None).0;
    for (url, expected) in [
        (format!("http://u:hunter2@{wants_login}"), "LoginRequired"),
        (
            format!("http://{}", proxy("502 Bad Gateway", None).0),
            "Refused",
        ),
        (
            format!("http://{}", proxy("403 Forbidden", None).0),
            "Refused",
        ),
        (format!("http://{no_proxy_at_all}"), "Refused"),
        (format!("http://{gone}"), "Broken"),
        (format!("http://u:hunter2@{refusing}"), "Unreachable"),
        (
            "http://u:hunter2@proxy.example:1".to_owned(),
            "NameNotResolved",
        ),
    ] {
        let failure = get(&through(&url, &bundle), "https://aws.example/").unwrap_err();
        let TransportCause::Proxy(fault) = &failure.cause else {
            panic!("{url}: {failure:?}");
        };
        assert!(
            format!("{fault:?}").starts_with(expected),
            "{url}: {fault:?}"
        );
        let text = failure.to_string();
        assert!(
            text.starts_with("cannot reach aws.example through proxy "),
            "{text}"
        );
        assert!(text.contains(failure.proxy.as_deref().unwrap()), "{text}");
    }
}

#[test]
fn tls_inspection_behind_a_proxy_is_a_fault_of_tls_that_names_the_proxy() {
    let server = https_server(Ca::new("inspector").issue(&["aws.example"], YEARS));
    let (address, _heads) = proxy("200 OK", Some(server));
    let bundle = Ca::new("ca").bundle();
    let failure = get(
        &through(&address.to_string(), &bundle),
        "https://aws.example/",
    );
    let failure = failure.unwrap_err();
    assert!(
        matches!(failure.cause, TransportCause::Tls(TlsFault::UnknownIssuer)),
        "{failure:?}"
    );
    assert_eq!(failure.proxy, Some(address.to_string()));
}

#[test]
fn plain_http_and_excepted_hosts_never_see_the_proxy() {
    let ca = Ca::new("ca");
    let https = https_server(ca.issue(&["aws.test"], YEARS));
    let http = listen(answer_ok);
    let (address, heads) = proxy("502 Bad Gateway", None);
    let bundle = ca.bundle();
    let settings = HttpSettings {
        no_proxy: Some("aws.test".to_owned()),
        ..through(&address.to_string(), &bundle)
    };
    for uri in [
        format!("http://{http}/latest/api/token"),
        format!("http://metadata.test:{}/", http.port()),
        format!("https://aws.test:{}/", https.port()),
    ] {
        assert_eq!(get(&settings, &uri).unwrap(), 200, "{uri}");
    }
    assert!(heads.try_recv().is_err());
    assert!(get(&settings, "https://aws.example/").is_err());
    assert!(heads.try_recv().is_ok());
}

/// An address that takes no connection and refuses none: its queue is full.
#[cfg(target_os = "linux")]
fn full_listener() -> (SocketAddr, TcpListener, Vec<TcpStream>) {
    let listener = block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        socket.listen(1).unwrap().into_std().unwrap()
    });
    let address = listener.local_addr().unwrap();
    let mut held = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        held.push(stream);
        assert!(held.len() < 1000, "the queue never fills");
    }
    (address, listener, held)
}

#[cfg(target_os = "linux")]
#[test]
fn connecting_gives_up_in_time_and_sooner_where_the_sdk_asks() {
    let (address, _listener, _held) = full_listener();
    let bundle = Ca::new("ca").bundle();
    let settings = HttpSettings {
        connect_timeout: Duration::from_millis(800),
        ..trusting(&bundle)
    };
    let client = test_client(&settings);
    // Its limit is far off, so that a busy machine does not reach it.
    let patient = test_client(&HttpSettings {
        connect_timeout: Duration::from_secs(20),
        ..trusting(&bundle)
    });
    for (client, scheme, asked, at_least) in [
        (&patient, "http", Some(200), 200),
        (&client, "http", Some(200), 200),
        (&client, "http", Some(30_000), 800),
        (&client, "http", None, 800),
        (&client, "https", Some(30_000), 800),
    ] {
        let mut timeouts = HttpConnectorSettings::builder();
        timeouts.set_connect_timeout(asked.map(Duration::from_millis));
        let before = std::time::Instant::now();
        let error = get_with(client, &timeouts.build(), &format!("{scheme}://{address}/"));
        let error = error.unwrap_err();
        let took = before.elapsed().as_millis();
        assert!(error.is_timeout());
        let failure = classify(&error).unwrap();
        assert!(
            matches!(failure.cause, TransportCause::ConnectTimeout),
            "{failure:?}"
        );
        assert!(
            (at_least..15_000).contains(&took),
            "{scheme} {asked:?}: {took} ms"
        );
    }
    assert_eq!(client.0.plain.lock().unwrap().len(), 2);
}

#[test]
fn read_timeout_of_the_sdk_is_honoured() {
    let server = listen(|mut stream| {
        let _ = read_head(&mut stream);
        thread::sleep(Duration::from_secs(30));
    });
    let timeouts = HttpConnectorSettings::builder()
        .read_timeout(Duration::from_millis(300))
        .build();
    let error = get_with(
        &test_client(&settings()),
        &timeouts,
        &format!("http://{server}/"),
    );
    let error = error.unwrap_err();
    assert!(error.is_timeout());
    let cause = classify(&error).unwrap().cause;
    assert!(
        matches!(cause, TransportCause::ReadTimeout { .. }),
        "{cause:?}"
    );
}

#[test]
fn slow_lookup_is_told_apart_from_a_slow_connection() {
    let slow = LookupError::TimedOut {
        host: "aws.test".to_owned(),
        after: Duration::from_secs(2),
    };
    let error = ConnectorError::io(Box::new(ResolveDnsError::new(slow)));
    let failure = classify(&failure::tag(error, "aws.test", None)).unwrap();
    let expected =
        "cannot reach aws.test: the host name cannot be resolved (no response within 2s)";
    assert_eq!(failure.to_string(), expected);
}

#[test]
fn missing_authorities_fail_the_request_and_say_what_to_do() {
    let error = failure::setup(HttpError::Roots(RootsError::NoneInSystem), "aws.test");
    assert!(error.is_user(), "would be retried");
    let text = classify(&error).unwrap().to_string();
    assert!(
        text.contains("no certificate authorities on this machine"),
        "{text}"
    );
}

#[test]
fn broken_settings_are_reported_before_any_call() {
    let settings = HttpSettings {
        https_proxy: Some("socks5://u:hunter2@proxy:1080".to_owned()),
        ..HttpSettings::default()
    };
    let error = client(&settings).unwrap_err();
    assert!(
        matches!(error, HttpError::Proxy(ProxyError::Scheme)),
        "{error}"
    );
    assert!(!format!("{settings:?}").contains("hunter2"));
}

#[test]
fn destination_table() {
    let destination = |tls, address, host, port| {
        Some(Destination {
            tls,
            address,
            host,
            port,
        })
    };
    for (uri, expected) in [
        (
            "https://a.test/x?y",
            destination(true, "a.test", "a.test", 443),
        ),
        ("HTTP://a.test", destination(false, "a.test", "a.test", 80)),
        (
            "https://a.test:8443#x",
            destination(true, "a.test:8443", "a.test", 8443),
        ),
        (
            "https://u:p@a.test:1/@",
            destination(true, "a.test:1", "a.test", 1),
        ),
        (
            "http://[::1]:80/",
            destination(false, "[::1]:80", "[::1]", 80),
        ),
        ("http://[::1]", destination(false, "[::1]", "[::1]", 80)),
        ("ftp://a.test", None),
        ("/relative", None),
        ("https://a.test:x/", None),
    ] {
        assert_eq!(Destination::parse(uri), expected, "{uri}");
    }
}

#[test]
fn a_date_is_a_moment_or_none() {
    let read = |text| http_date(&HeaderValue::from_static(text));
    let at = OffsetDateTime::from_unix_timestamp(1_795_359_920).unwrap();
    assert_eq!(read("Sun, 22 Nov 2026 15:05:20 GMT"), Some(at));
    for text in [
        "",
        "now",
        "2026-11-22T15:05:20Z",
        "Sun, 99 Nov 2026 15:05:20 GMT",
    ] {
        assert_eq!(read(text), None, "{text}");
    }
}

/// What the SDK wraps around our errors, with a real service client.
mod with_sdk {
    use aws_sdk_sts::config::retry::RetryConfig;
    use aws_sdk_sts::config::timeout::TimeoutConfig;
    use aws_sdk_sts::config::{BehaviorVersion, Credentials, Region};

    use super::*;

    fn caller_identity(
        client: EcrxClient,
        endpoint: &str,
        timeout: Option<Duration>,
    ) -> TransportFailure {
        let mut timeouts = TimeoutConfig::builder();
        timeouts.set_operation_timeout(timeout);
        let config = aws_sdk_sts::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(Credentials::new(
                "AKIDEXAMPLE",
                "secret",
                None,
                None,
                "test",
            ))
            .http_client(client)
            .endpoint_url(endpoint)
            .retry_config(RetryConfig::standard().with_initial_backoff(Duration::ZERO))
            .timeout_config(timeouts.build())
            .build();
        let sts = aws_sdk_sts::Client::from_conf(config);
        let error = block_on(sts.get_caller_identity().send()).unwrap_err();
        classify(&error).unwrap_or_else(|| panic!("{error:?}"))
    }

    #[test]
    fn failure_is_found_under_an_sdk_error() {
        let (_socket, address) = refusing();
        let endpoint = format!("http://{address}");
        let failure = caller_identity(test_client(&settings()), &endpoint, None);
        assert!(
            matches!(failure.cause, TransportCause::ConnectionRefused),
            "{failure:?}"
        );
    }

    #[test]
    fn timeout_of_the_whole_operation_is_recognised() {
        let server = listen(|mut stream| {
            let _ = read_head(&mut stream);
            thread::sleep(Duration::from_secs(30));
        });
        let client = test_client(&settings());
        let limit = Some(Duration::from_millis(300));
        let failure = caller_identity(client, &format!("http://{server}"), limit);
        assert!(
            matches!(failure.cause, TransportCause::OperationTimeout),
            "{failure:?}"
        );
    }

    #[test]
    fn untrusted_certificate_is_not_tried_again() {
        let connections = Arc::new(AtomicUsize::new(0));
        let config = Arc::new(Ca::new("stranger").issue(&["aws.test"], YEARS));
        let server = listen({
            let connections = Arc::clone(&connections);
            move |stream| {
                connections.fetch_add(1, Ordering::Relaxed);
                let session = ServerConnection::new(Arc::clone(&config)).unwrap();
                answer_ok(StreamOwned::new(session, stream));
            }
        });
        let bundle = Ca::new("ca").bundle();
        let endpoint = format!("https://aws.test:{}", server.port());
        let failure = caller_identity(test_client(&trusting(&bundle)), &endpoint, None);
        assert!(
            matches!(failure.cause, TransportCause::Tls(_)),
            "{failure:?}"
        );
        assert_eq!(connections.load(Ordering::Relaxed), 1);
    }
}
