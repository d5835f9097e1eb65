//! What a cold `get` opens: one connection to a host, that to the API while others are still asked
//! for the credentials, and the certificates once.

mod common;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use common::fake_aws::{ALICE, FakeAws, FakeProxy, Fault, Operation};
use common::sources::{self, Expected, PROFILES, Profile, RULES};
use common::{HOST, Outcome, TestEnvironment, refusing};

const ECR: &str = "api.ecr.us-west-2.amazonaws.com:443";
const STS: &str = "sts.us-west-2.amazonaws.com:443";
const SSO: &str = "portal.sso.us-east-1.amazonaws.com:443";
const PULL: &str = "arn:aws:iam::999999999999:role/pull";

/// AWS behind a proxy, which sees where each connection leads, and Alice with a role.
fn two_hosts() -> (FakeAws, FakeProxy, TestEnvironment) {
    let names = [ECR, STS, SSO].map(|host| host.trim_end_matches(":443"));
    let aws = FakeAws::start_tls_strict(&names);
    let proxy = FakeProxy::start(aws.address());
    let mut environment = TestEnvironment::of_alice(&aws);
    trust(&mut environment, &aws);
    environment.unset("AWS_ENDPOINT_URL");
    environment.set("HTTPS_PROXY", &proxy.url());
    environment.config(&format!(
        "timeout_seconds = 6\n[[registry]]\nmatch = \"*\"\nrole_arn = \"{PULL}\"\n"
    ));
    (aws, proxy, environment)
}

fn trust(environment: &mut TestEnvironment, aws: &FakeAws) -> String {
    let bundle = environment.write("authority.pem", aws.ca_pem());
    let bundle = bundle.display().to_string();
    environment.set("AWS_CA_BUNDLE", &bundle);
    bundle
}

/// The hosts that were connected to, in any order.
fn hosts(proxy: &FakeProxy) -> Vec<String> {
    let mut hosts = proxy.targets();
    hosts.sort_unstable();
    hosts
}

/// One line, and hints that `start` so.
#[track_caller]
fn failed(outcome: &Outcome, why: &str, hints: &[&str]) {
    let told = outcome.failure(&format!("no credentials for {HOST}: {why}"));
    assert_eq!(told.len(), hints.len(), "{told:?}");
    for (told, start) in told.iter().zip(hints) {
        assert!(told.starts_with(start), "{told}");
    }
}

#[test]
fn all_calls_to_one_host_take_one_connection_whatever_the_source() {
    let aws = FakeAws::start_tls(&[]);
    let check = |name, environment: &TestEnvironment, expected: Expected| {
        aws.clear();
        let grant = environment.get(HOST).grant();
        assert_eq!(grant.principal, expected.principal, "{name}");
        let calls: Vec<Operation> = aws.calls().iter().map(|call| call.operation).collect();
        assert_eq!(calls, expected.calls_of_get(), "{name}");
        assert_eq!(aws.connections(), 1, "{name}");
    };
    for (name, write) in PROFILES {
        let mut environment = TestEnvironment::with_aws(&aws);
        trust(&mut environment, &aws);
        let expected = write(&mut environment, &aws, "work");
        environment.set("ECRX_PROFILE", "work");
        check(name, &environment, expected);
    }
    for (name, write) in RULES {
        let mut environment = TestEnvironment::with_aws(&aws);
        trust(&mut environment, &aws);
        let expected = write(&mut environment, &aws);
        check(name, &environment, expected);
    }
}

#[test]
fn a_call_that_failed_in_passing_opens_another_connection_and_no_more() {
    let aws = FakeAws::start_tls(&[]);
    let mut environment = TestEnvironment::with_aws(&aws);
    trust(&mut environment, &aws);
    sources::role(&mut environment, &aws, "work");
    environment.set("ECRX_PROFILE", "work");
    let once = common::fake_aws::Times::N(1);
    aws.on_times(Operation::StsAssumeRole, Fault::CloseConnection, once);
    environment.get(HOST).grant();
    assert_eq!(aws.count(Operation::StsAssumeRole), 2);
    assert_eq!(aws.connections(), 2);
}

#[test]
fn each_host_is_connected_to_once_and_every_connection_is_used() {
    let (aws, proxy, environment) = two_hosts();
    environment.get(HOST).grant();
    assert_eq!(hosts(&proxy), [ECR, STS]);
    let used: BTreeSet<usize> = aws.calls().iter().map(|call| call.connection).collect();
    assert_eq!((aws.connections(), used.len()), (2, 2));
}

#[test]
fn keys_alone_connect_to_the_api_alone() {
    let (aws, proxy, environment) = two_hosts();
    environment.config("");
    environment.get(HOST).grant();
    assert_eq!(hosts(&proxy), [ECR]);
    assert_eq!(aws.connections(), 1);
}

#[test]
fn the_api_is_connected_to_before_sts_has_answered_and_the_end_does_not_wait_for_it() {
    let (aws, proxy, environment) = two_hosts();
    aws.on(Operation::StsAssumeRole, Fault::Hang);
    let child = environment.start(&["get"], HOST.as_bytes());
    let deadline = Instant::now() + Duration::from_secs(60);
    while hosts(&proxy) != [ECR, STS] {
        assert!(Instant::now() < deadline, "{:?}", hosts(&proxy));
        std::thread::sleep(Duration::from_millis(5));
    }
    let outcome = Outcome::of(child);
    let stage = format!("no credentials for {HOST}: assuming the role {PULL}");
    assert!(outcome.stdout.starts_with(&stage), "{outcome:?}");
    assert!(
        outcome.stdout.contains("no response within "),
        "{outcome:?}"
    );
    let asked: Vec<Operation> = aws.calls().iter().map(|call| call.operation).collect();
    assert_eq!(asked, [Operation::StsAssumeRole]);
}

#[test]
fn the_api_is_connected_to_while_a_sign_in_or_a_web_identity_is_taken_elsewhere() {
    for (operation, host, write) in [
        (
            Operation::SsoGetRoleCredentials,
            SSO,
            sources::sso as Profile,
        ),
        (
            Operation::StsAssumeRoleWithWebIdentity,
            STS,
            sources::web_identity,
        ),
    ] {
        let (aws, proxy, mut environment) = two_hosts();
        environment.config("timeout_seconds = 6\n");
        write(&mut environment, &aws, "work");
        environment.set("ECRX_PROFILE", "work");
        aws.on(operation, Fault::Hang);
        assert_eq!(environment.get(HOST).code, Some(1), "{host}");
        assert_eq!(hosts(&proxy), [ECR, host]);
        assert_eq!(aws.calls().len(), 1, "{host}");
    }
}

#[test]
fn a_denial_by_sts_is_told_as_ever_when_the_api_is_connected_to_already() {
    let (aws, proxy, environment) = two_hosts();
    aws.deny_role(PULL);
    failed(
        &environment.get(HOST),
        &format!(
            "the role {PULL} cannot be assumed by the access key {}: AccessDenied: User: {} is not authorized to perform: sts:AssumeRole on resource: {PULL}",
            ALICE.0, ALICE.2
        ),
        &[
            "In the caller's account, ",
            "In account 999999999999, ",
            "identity: ",
        ],
    );
    assert!(hosts(&proxy).contains(&STS.to_owned()));
    assert_eq!(aws.calls_of(Operation::EcrGetAuthorizationToken).len(), 0);
}

#[test]
fn an_api_that_cannot_be_reached_is_told_as_such_after_sts_has_answered() {
    let aws = FakeAws::start_tls(&[]);
    let mut environment = TestEnvironment::of_alice(&aws);
    trust(&mut environment, &aws);
    environment.config(&format!(
        "[[registry]]\nmatch = \"*\"\nrole_arn = \"{PULL}\"\n"
    ));
    let (_held, address) = refusing();
    environment.set("AWS_ENDPOINT_URL_ECR", &format!("https://{address}"));
    failed(
        &environment.get(HOST),
        &format!("requesting an authorization token: cannot reach {address}: connection refused"),
        &["Check the network", "identity: "],
    );
    assert_eq!(aws.count(Operation::StsAssumeRole), 1);
}

#[cfg(target_os = "linux")]
mod certificates {
    use super::common::traced;
    use super::*;

    /// What was opened below these paths, in order.
    fn opened(environment: &TestEnvironment, below: &[&str]) -> (Outcome, Vec<String>) {
        let (outcome, calls) = traced(environment, "open,openat");
        let opened = calls.iter().filter(|call| !call.contains(" = -1 "));
        let paths = opened.filter_map(|call| Some(call.split_once('"')?.1.split_once('"')?.0));
        let paths = paths.filter(|path| below.iter().any(|below| path.starts_with(below)));
        let paths = paths.map(str::to_owned).collect();
        (outcome, paths)
    }

    /// Where systems keep theirs.
    const OF_THE_SYSTEM: [&str; 4] = ["/etc/ssl", "/etc/pki", "/usr/lib/ssl", "/usr/share/ca-"];

    #[test]
    #[ignore = "needs strace: .ci/run installs it"]
    fn a_named_bundle_is_read_once_and_nothing_else() {
        for variable in ["AWS_CA_BUNDLE", "SSL_CERT_FILE"] {
            let (aws, _proxy, mut environment) = two_hosts();
            let bundle = trust(&mut environment, &aws);
            environment.unset("AWS_CA_BUNDLE").set(variable, &bundle);
            let below = [&OF_THE_SYSTEM[..], &[bundle.as_str()]].concat();
            let (outcome, opened) = opened(&environment, &below);
            outcome.grant();
            assert_eq!(opened, [bundle], "{variable}");
        }
    }

    #[test]
    #[ignore = "needs strace: .ci/run installs it"]
    fn the_systems_bundle_is_read_once_and_its_folder_is_not() {
        let (_aws, _proxy, mut environment) = two_hosts();
        environment.unset("AWS_CA_BUNDLE");
        let (outcome, opened) = opened(&environment, &OF_THE_SYSTEM);
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        if outcome
            .stdout
            .contains("no certificate authorities on this machine")
        {
            return super::common::files::skipped("this machine has no certificates");
        }
        assert_eq!(opened.len(), 1, "{opened:?}");
    }
}
