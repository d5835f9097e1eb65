//! The way to AWS: names, connections, endpoints. TLS and proxies: `tests/tls_and_proxy.rs`;
//! time: `tests/time_limits.rs`.

use super::common::fake_aws::{FakeAws, Fault, Operation};
use super::common::{HOST, TestEnvironment};
use super::{AS_ALICE, told};

const NETWORK: &str = "Check the network, VPN, firewall, HTTPS_PROXY and NO_PROXY";

fn of_alice_at(endpoint: &str) -> TestEnvironment {
    let mut environment = TestEnvironment::of_alice(&FakeAws::start());
    environment.set("AWS_ENDPOINT_URL", endpoint);
    environment
}

#[test]
fn name_that_cannot_be_resolved_is_told() {
    let outcome = of_alice_at(
        "http://a-label-of-sixty-four-letters-is-one-too-long-for-the-dns-to-ask.invalid",
    )
    .get(HOST);
    // The resolver's own words differ from machine to machine.
    let line = outcome.stdout.trim_end();
    let start = format!(
        "no credentials for {HOST}: requesting an authorization token: cannot reach a-label-of-sixty-four-letters-is-one-too-long-for-the-dns-to-ask.invalid: the host name cannot be resolved ("
    );
    assert!(line.starts_with(&start) && line.ends_with(')'), "{line}");
    assert_eq!(
        outcome.failure(line),
        [
            "Check the region in the registry's host name, the network, VPN and name server, and any custom endpoint",
            "In a VPC without internet access, enable private DNS for the ecr.api and sts interface endpoints, or set AWS_ENDPOINT_URL_ECR and AWS_ENDPOINT_URL_STS",
            AS_ALICE
        ]
    );
    super::is_readable(&outcome);
}

#[test]
fn refused_connection_is_told_with_its_address() {
    for endpoint in ["http://127.0.0.1:1", "https://127.0.0.1:1"] {
        told(
            &of_alice_at(endpoint).get(HOST),
            "requesting an authorization token: cannot reach 127.0.0.1:1: connection refused",
            &[NETWORK, AS_ALICE],
        );
    }
}

#[test]
fn connection_that_breaks_is_told_with_its_address() {
    let aws = FakeAws::start();
    aws.on(Operation::EcrGetAuthorizationToken, Fault::CloseConnection);
    told(
        &TestEnvironment::of_alice(&aws).get(HOST),
        &format!(
            "requesting an authorization token: cannot reach {}: connection failed (connection closed before message completed)",
            aws.address()
        ),
        &[NETWORK, AS_ALICE],
    );
}

#[test]
fn endpoint_that_is_no_url_is_told_with_its_variable() {
    for (endpoint, shown) in [
        ("ecr.example", "ecr.example"),
        ("ftp://ecr.example", "ftp://ecr.example"),
        ("http://", "http://"),
        ("https://:443", "https://…"),
        ("http://ecr example", "http://…"),
        ("http://ecr.example:99999", "http://…"),
        ("http://ecr.example:", "http://…"),
    ] {
        told(
            &of_alice_at(endpoint).get(HOST),
            &format!(
                "the endpoint `{shown}` from AWS_ENDPOINT_URL is invalid: expected a URL such as https://HOST or http://HOST:PORT"
            ),
            &[],
        );
    }
}
