//! Certificate authorities and proxies. The fake AWS has AWS's real names in its certificate, and
//! is reached through a proxy, as nothing else leads from those names to loopback.

mod common;

use std::io::Write as _;
use std::net::TcpListener;

use common::fake_aws::{ALICE, FakeAws, FakeProxy};
use common::{HOST, Outcome, TestEnvironment};

const AS_ALICE: &str =
    "identity: the access key AKIAIOSFODNN7EXAMPLE; selected by the variable AWS_ACCESS_KEY_ID";
const ECR: &str = "api.ecr.us-west-2.amazonaws.com";
const STS: &str = "sts.us-west-2.amazonaws.com";
const UNKNOWN_AUTHORITY: &str = "its certificate is not signed by a trusted authority; if a company proxy signs it, set AWS_CA_BUNDLE to that authority's certificate file";
const IN_BETWEEN: &str =
    "Another server responded instead of AWS; check HTTPS_PROXY and any custom endpoint";
const CLOCK: &str = "Check this machine's clock";

/// In PEM, and no certificate.
const ODD: &str = "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n";

/// Failure to ask for the token for this reason.
#[track_caller]
fn told(outcome: &Outcome, reason: &str, hints: &[&str]) {
    let line = format!("no credentials for {HOST}: {reason}");
    assert_eq!(outcome.failure(&line), hints);
}

/// A failed connection to a TLS fake.
#[track_caller]
fn not_reached(outcome: &Outcome, aws: &FakeAws, why: &str, hints: &[&str]) {
    let address = aws.address();
    let reason = format!("requesting an authorization token: cannot reach {address}: {why}");
    told(outcome, &reason, hints);
}

/// Alice, with the certificate of a fake's authority in a file that this variable names.
fn trusting(aws: &FakeAws, variable: &str) -> TestEnvironment {
    let mut environment = TestEnvironment::of_alice(aws);
    let path = environment.write("authority.pem", aws.ca_pem());
    environment.set(variable, &path.display().to_string());
    environment
}

/// Writes the certificate of another authority; the path.
fn write_stranger(environment: &TestEnvironment, path: &str) -> String {
    let stranger = FakeAws::start_tls(&[]);
    let path = environment.write(path, stranger.ca_pem());
    path.display().to_string()
}

/// AWS under its own names, a proxy that leads there, and Alice, who knows of both.
fn behind_proxy() -> (FakeAws, FakeProxy, TestEnvironment) {
    let aws = FakeAws::start_tls_strict(&[ECR, STS]);
    let proxy = FakeProxy::start(aws.address());
    let mut environment = trusting(&aws, "AWS_CA_BUNDLE");
    environment.unset("AWS_ENDPOINT_URL");
    environment.set("HTTPS_PROXY", &proxy.url());
    (aws, proxy, environment)
}

#[test]
fn each_of_three_variables_names_the_authorities() {
    let aws = FakeAws::start_tls(&[]);
    for variable in ["AWS_CA_BUNDLE", "SSL_CERT_FILE"] {
        trusting(&aws, variable).get(HOST).answer();
    }
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.write("authorities/ours.pem", aws.ca_pem());
    environment.write("authorities/README", "not a certificate");
    let folder = environment.home().join("authorities");
    environment.set("SSL_CERT_DIR", &folder.display().to_string());
    environment.get(HOST).answer();
}

#[test]
fn systems_authorities_alone_do_not_know_the_fake() {
    let aws = FakeAws::start_tls(&[]);
    let outcome = TestEnvironment::of_alice(&aws).get(HOST);
    // An image without ca-certificates has none at all, which is told in other words.
    let none_at_all = outcome
        .stdout
        .contains("no certificate authorities on this machine");
    let why = if none_at_all {
        "no certificate authorities on this machine; install ca-certificates, or set AWS_CA_BUNDLE to a bundle"
    } else {
        UNKNOWN_AUTHORITY
    };
    not_reached(&outcome, &aws, why, &[AS_ALICE]);
    assert!(aws.calls().is_empty());
}

#[test]
fn unknown_authority_is_not_tried_again() {
    let aws = FakeAws::start_tls(&[]);
    let mut environment = TestEnvironment::of_alice(&aws);
    let stranger = write_stranger(&environment, "stranger.pem");
    environment.set("AWS_CA_BUNDLE", &stranger);
    not_reached(&environment.get(HOST), &aws, UNKNOWN_AUTHORITY, &[AS_ALICE]);
    assert_eq!(aws.connections(), 1);
}

#[test]
fn aws_ca_bundle_replaces_the_other_two() {
    let aws = FakeAws::start_tls(&[]);
    let mut environment = trusting(&aws, "AWS_CA_BUNDLE");
    let stranger = write_stranger(&environment, "stranger.pem");
    environment.set("SSL_CERT_FILE", &stranger);
    environment.get(HOST).answer();

    let mut environment = trusting(&aws, "SSL_CERT_FILE");
    let stranger = write_stranger(&environment, "stranger.pem");
    environment.set("AWS_CA_BUNDLE", &stranger);
    not_reached(&environment.get(HOST), &aws, UNKNOWN_AUTHORITY, &[AS_ALICE]);
}

#[test]
fn ssl_cert_file_and_ssl_cert_dir_count_together() {
    let aws = FakeAws::start_tls(&[]);
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.write("authorities/ours.pem", aws.ca_pem());
    let folder = environment.home().join("authorities");
    let stranger = write_stranger(&environment, "stranger.pem");
    environment.set("SSL_CERT_FILE", &stranger);
    environment.set("SSL_CERT_DIR", &folder.display().to_string());
    environment.get(HOST).answer();
}

#[test]
fn profiles_ca_bundle_counts_and_the_variable_comes_first() {
    let aws = FakeAws::start_tls(&[]);
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.set("AWS_PROFILE", "work");
    environment.write("authority.pem", aws.ca_pem());
    environment.aws_config(&format!(
        "[profile work]\naws_access_key_id = {}\naws_secret_access_key = {}\nca_bundle = ~/authority.pem\n",
        ALICE.0, ALICE.1
    ));
    environment.get(HOST).answer();

    let stranger = write_stranger(&environment, "stranger.pem");
    environment.set("AWS_CA_BUNDLE", &stranger);
    environment.set("AWS_ECR_DISABLE_CACHE", "1");
    not_reached(
        &environment.get(HOST),
        &aws,
        UNKNOWN_AUTHORITY,
        &[
            "identity: profile work (the access key AKIAIOSFODNN7EXAMPLE); selected by the variable AWS_PROFILE",
        ],
    );
}

#[test]
fn unusable_bundle_is_told_with_file_and_variable() {
    let aws = FakeAws::start_tls(&[]);
    for (variable, named) in [
        (
            "AWS_CA_BUNDLE",
            "AWS_CA_BUNDLE or by ca_bundle in the profile",
        ),
        ("SSL_CERT_FILE", "SSL_CERT_FILE"),
    ] {
        let mut environment = TestEnvironment::of_alice(&aws);
        environment.set(variable, "/nonexistent/bundle.pem");
        told(
            &environment.get(HOST),
            &format!(
                "cannot read /nonexistent/bundle.pem (set by {named}): No such file or directory (os error 2)"
            ),
            &[AS_ALICE],
        );
        for contents in ["", "not a certificate", ODD] {
            let path = environment
                .write("bundle.pem", contents)
                .display()
                .to_string();
            environment.set(variable, &path);
            told(
                &environment.get(HOST),
                &format!("{path} (set by {named}) contains no usable certificate"),
                &[AS_ALICE],
            );
        }
    }
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.set("SSL_CERT_DIR", "/nonexistent");
    told(
        &environment.get(HOST),
        "/nonexistent (set by SSL_CERT_DIR) contains no usable certificate",
        &[AS_ALICE],
    );
    assert_eq!(aws.connections(), 0);
}

#[test]
fn odd_certificate_in_the_bundle_is_skipped() {
    let aws = FakeAws::start_tls(&[]);
    let mut environment = TestEnvironment::of_alice(&aws);
    let bundle = environment.write("bundle.pem", &format!("# ours\n{ODD}{}", aws.ca_pem()));
    environment.set("AWS_CA_BUNDLE", &bundle.display().to_string());
    environment.get(HOST).answer();
}

#[test]
fn expired_certificate_is_told() {
    let aws = FakeAws::start_tls_expired(&[]);
    not_reached(
        &trusting(&aws, "AWS_CA_BUNDLE").get(HOST),
        &aws,
        "its certificate has expired, or this machine's clock is wrong",
        &[CLOCK, AS_ALICE],
    );
}

#[test]
fn certificate_for_another_name_is_told() {
    let aws = FakeAws::start_tls_strict(&["ecr.example"]);
    not_reached(
        &trusting(&aws, "AWS_CA_BUNDLE").get(HOST),
        &aws,
        "its certificate is for another host name",
        &[IN_BETWEEN, AS_ALICE],
    );
}

#[test]
fn server_without_tls_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
    let address = listener.local_addr().expect("an address");
    // Ends with the test's process.
    std::thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let _ = (&socket).write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
        }
    });
    let mut environment = trusting(&FakeAws::start_tls(&[]), "AWS_CA_BUNDLE");
    environment.set("AWS_ENDPOINT_URL", &format!("https://{address}"));
    told(
        &environment.get(HOST),
        &format!(
            "requesting an authorization token: cannot reach {address}: the server does not use TLS"
        ),
        &[IN_BETWEEN, AS_ALICE],
    );
}

#[test]
fn proxy_leads_to_sts_and_ecr() {
    let (_aws, proxy, environment) = behind_proxy();
    environment.config(
        "[[registry]]\nmatch = \"*\"\nrole_arn = \"arn:aws:iam::999999999999:role/pull\"\n",
    );
    let grant = environment.get(HOST).grant();
    assert_eq!(
        grant.principal,
        "arn:aws:sts::999999999999:assumed-role/pull/docker-credential-ecrx"
    );
    // They are connected to at the same time.
    let mut targets = proxy.targets();
    targets.sort_unstable();
    assert_eq!(targets, [format!("{ECR}:443"), format!("{STS}:443")]);
    assert_eq!(proxy.authorizations(), [None, None]);
}

#[test]
fn proxy_gets_the_password_that_its_url_holds() {
    let (_aws, proxy, mut environment) = behind_proxy();
    proxy.require_auth("alice", "p@ss/hunter2");
    environment.set("HTTPS_PROXY", &proxy.url_with("alice", "p%40ss%2Fhunter2"));
    environment.get(HOST).answer();
    assert_eq!(proxy.targets().len(), 1);
}

#[test]
fn proxy_that_wants_a_password_is_told_once() {
    let (_aws, proxy, environment) = behind_proxy();
    proxy.require_auth("alice", "hunter2");
    told(
        &environment.get(HOST),
        &format!(
            "requesting an authorization token: cannot reach {ECR} through proxy {}: the proxy requires a user name and password (407); set HTTPS_PROXY to http://USER:PASSWORD@HOST:PORT",
            proxy.address()
        ),
        &[AS_ALICE],
    );
    assert_eq!(proxy.connections(), 1);
}

#[test]
fn password_of_the_proxy_is_never_shown() {
    let (_aws, proxy, mut environment) = behind_proxy();
    environment.set("ECRX_LOG", "debug");
    proxy.require_auth("alice", "right");
    let unlistened = "http://alice:hunter2@127.0.0.1:1";
    for value in [
        proxy.url_with("alice", "hunter2").as_str(),
        unlistened,
        "http://alice:hunter2@",
        "http://alice:hunter2",
        "http://alice:12/hunter2@proxy:1",
        "socks5://alice:hunter2@127.0.0.1:1",
    ] {
        environment.set("HTTPS_PROXY", value);
        let outcome = environment.get(HOST);
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        for text in [&outcome.stdout, &outcome.stderr] {
            assert!(!text.contains("hunter2"), "{value}: {text}");
        }
    }
}

#[test]
fn proxy_that_refuses_is_told() {
    for status in [403, 502] {
        let (_aws, proxy, environment) = behind_proxy();
        proxy.refuse(Some(status));
        told(
            &environment.get(HOST),
            &format!(
                "requesting an authorization token: cannot reach {ECR} through proxy {}: the proxy refused the connection; it may block this host or be unable to reach it",
                proxy.address()
            ),
            &[
                "Check HTTPS_PROXY; to bypass the proxy for a host, add the host to NO_PROXY",
                AS_ALICE,
            ],
        );
    }
}

#[test]
fn proxy_that_is_not_there_is_told() {
    let (_aws, _proxy, mut environment) = behind_proxy();
    environment.set("HTTPS_PROXY", "http://127.0.0.1:1");
    told(
        &environment.get(HOST),
        &format!(
            "requesting an authorization token: cannot reach {ECR} through proxy 127.0.0.1:1: the proxy cannot be reached (Connection refused (os error 111)); check HTTPS_PROXY"
        ),
        &[
            "To bypass the proxy for a host, add the host to NO_PROXY",
            AS_ALICE,
        ],
    );
}

#[test]
fn proxy_whose_name_is_unknown_is_told() {
    let (_aws, _proxy, mut environment) = behind_proxy();
    environment.set(
        "HTTPS_PROXY",
        "http://a-label-of-sixty-four-letters-is-one-too-long-for-the-dns-to-ask.invalid:3128",
    );
    let outcome = environment.get(HOST);
    // The resolver's own words differ from machine to machine.
    let line = outcome.stdout.trim_end();
    let start = format!(
        "no credentials for {HOST}: requesting an authorization token: cannot reach {ECR} through proxy a-label-of-sixty-four-letters-is-one-too-long-for-the-dns-to-ask.invalid:3128: the proxy's host name cannot be resolved ("
    );
    assert!(
        line.starts_with(&start) && line.ends_with("); check HTTPS_PROXY"),
        "{line}"
    );
    assert_eq!(
        outcome.failure(line),
        [
            "To bypass the proxy for a host, add the host to NO_PROXY",
            AS_ALICE
        ]
    );
}

#[test]
fn malformed_proxy_is_an_error_before_anything_is_sent() {
    let (aws, proxy, mut environment) = behind_proxy();
    for (value, reason) in [
        (
            "socks5://127.0.0.1:1080",
            "HTTPS_PROXY: only http:// and https:// proxies are supported",
        ),
        (
            "http://",
            "HTTPS_PROXY: no valid host; expected http://[USER:PASSWORD@]HOST:PORT",
        ),
        (
            "http://127.0.0.1:99999",
            "HTTPS_PROXY: the port is not a number from 1 to 65535",
        ),
        (
            "http://a b:1",
            "HTTPS_PROXY: contains white space or control characters",
        ),
    ] {
        environment.set("HTTPS_PROXY", value);
        told(&environment.get(HOST), reason, &[AS_ALICE]);
    }
    assert_eq!((aws.connections(), proxy.connections()), (0, 0));
}

#[test]
fn hosts_of_no_proxy_are_reached_without_it() {
    let (_aws, proxy, mut environment) = behind_proxy();
    environment.set(
        "AWS_ENDPOINT_URL",
        "https://ecr.a-label-of-sixty-four-letters-is-one-too-long-for-the-dns-to-ask.invalid",
    );
    for no_proxy in [
        "a-label-of-sixty-four-letters-is-one-too-long-for-the-dns-to-ask.invalid",
        "a.example, .invalid",
        "*",
    ] {
        environment.set("NO_PROXY", no_proxy);
        let outcome = environment.get(HOST);
        let direct = "cannot reach ecr.a-label-of-sixty-four-letters-is-one-too-long-for-the-dns-to-ask.invalid: ";
        assert!(outcome.stdout.contains(direct), "{no_proxy}: {outcome:?}");
    }
    assert_eq!(proxy.connections(), 0);
    environment.unset("AWS_ENDPOINT_URL");
    environment.set(
        "NO_PROXY",
        "api.ecr.eu-west-1.amazonaws.com,a-label-of-sixty-four-letters-is-one-too-long-for-the-dns-to-ask.invalid",
    );
    environment.get(HOST).answer();
    assert_eq!(proxy.connections(), 1);
}

#[test]
fn variables_count_in_lower_case_and_an_empty_one_hides_nothing() {
    let (_aws, proxy, mut environment) = behind_proxy();
    environment.set("AWS_ECR_DISABLE_CACHE", "1");
    environment.unset("HTTPS_PROXY");
    environment.set("https_proxy", &proxy.url());
    environment.get(HOST).answer();
    environment.set("HTTPS_PROXY", "");
    environment.get(HOST).answer();
    assert_eq!(proxy.connections(), 2);
    // Upper case comes first.
    environment.set("https_proxy", "http://127.0.0.1:1");
    environment.set("HTTPS_PROXY", &proxy.url());
    environment.get(HOST).answer();
    assert_eq!(proxy.connections(), 3);

    environment.set("NO_PROXY", "");
    environment.set(
        "no_proxy",
        "a-label-of-sixty-four-letters-is-one-too-long-for-the-dns-to-ask.invalid",
    );
    environment.set(
        "AWS_ENDPOINT_URL",
        "https://ecr.a-label-of-sixty-four-letters-is-one-too-long-for-the-dns-to-ask.invalid",
    );
    let outcome = environment.get(HOST);
    assert!(!outcome.stdout.contains("proxy"), "{outcome:?}");
    assert_eq!((outcome.code, proxy.connections()), (Some(1), 3));
}

#[test]
fn this_machine_is_reached_without_a_proxy() {
    let aws = FakeAws::start_tls(&[]);
    let proxy = FakeProxy::start(aws.address());
    let mut environment = trusting(&aws, "AWS_CA_BUNDLE");
    environment.set("AWS_ECR_DISABLE_CACHE", "1");
    environment.set("HTTPS_PROXY", &proxy.url());
    environment.get(HOST).answer();
    let named = format!("https://localhost:{}", aws.address().port());
    environment.set("AWS_ENDPOINT_URL", &named);
    environment.get(HOST).answer();
    assert_eq!(proxy.connections(), 0);
}

/// As far as a machine sets proxies for everything.
fn set_all_proxies(environment: &mut TestEnvironment, proxy: &FakeProxy) {
    for variable in [
        "HTTP_PROXY",
        "http_proxy",
        "ALL_PROXY",
        "all_proxy",
        "HTTPS_PROXY",
    ] {
        environment.set(variable, &proxy.url());
    }
}

#[test]
fn metadata_and_container_endpoints_are_asked_directly() {
    let aws = FakeAws::start();
    let proxy = FakeProxy::start(aws.address());
    let mut environment = TestEnvironment::with_aws(&aws);
    set_all_proxies(&mut environment, &proxy);
    environment.unset("AWS_EC2_METADATA_DISABLED");
    environment.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", &aws.url());
    assert_eq!(
        environment.get(HOST).grant().principal,
        aws.instance_principal()
    );

    let uri = format!(
        "http://localhost:{}/v2/credentials/task",
        aws.address().port()
    );
    environment.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", &uri);
    assert_eq!(
        environment.get(HOST).grant().principal,
        aws.container_principal()
    );
    assert_eq!(proxy.connections(), 0);
}

#[test]
fn plain_http_goes_directly_whatever_the_host() {
    // Loopback would be reached directly anyhow; this name shows that it is the scheme.
    let aws = FakeAws::start();
    let proxy = FakeProxy::start(aws.address());
    let mut environment = TestEnvironment::with_aws(&aws);
    set_all_proxies(&mut environment, &proxy);
    environment.unset("AWS_EC2_METADATA_DISABLED");
    environment.set(
        "AWS_EC2_METADATA_SERVICE_ENDPOINT",
        "http://a-label-of-sixty-four-letters-is-one-too-long-for-the-dns-to-ask.invalid",
    );
    let outcome = environment.get(HOST);
    let start = format!(
        "no credentials for {HOST}: no AWS credentials found: instance metadata at http://a-label-of-sixty-four-letters-is-one-too-long-for-the-dns-to-ask.invalid cannot be reached: the host name cannot be resolved ("
    );
    assert!(outcome.stdout.starts_with(&start), "{outcome:?}");
    assert_eq!(proxy.connections(), 0);
}
