//! Refreshes that fail: the token that is still good is answered, and AWS has a pause.

use std::fs;
use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::net::TcpSocket;

use super::common::fake_aws::{FakeAws, Fault, Operation, SSO_ACCESS_TOKEN};
use super::common::files::names;
use super::common::{HOST, NOT_FOUND, Outcome, TestEnvironment, sources};
use super::{ECR, HOUR, OTHER, ROLE_PER_ACCOUNT, STS, hold_stale_tokens};

/// Signs in by SSO as the profile `sso`, and says who that is.
pub(super) fn sign_in(environment: &mut TestEnvironment, aws: &FakeAws) -> String {
    let expected = sources::sso_session(environment, aws, "sso");
    environment.set("AWS_PROFILE", "sso");
    expected.principal
}

/// A night passes: the sign-in is over, and nothing in it can renew it.
pub(super) fn end_sign_in(environment: &TestEnvironment) {
    environment.sso_sign_in("sso", SSO_ACCESS_TOKEN, -60);
    let folder = environment.home().join(".aws/sso/cache");
    let path = folder.join(names(&folder).remove(0));
    let mut token: Value =
        serde_json::from_slice(&fs::read(&path).expect("a sign-in")).expect("JSON");
    let sign_in = token.as_object_mut().expect("an object");
    sign_in.remove("refreshToken").expect("a refresh token");
    fs::write(&path, token.to_string()).expect("a sign-in");
}

/// A refresh fails: the token that is still good is answered without a word, and for 60 s
/// neither this registry nor another of the same source and endpoint tries again; then both do,
/// and succeed. That it is not tried again is seen at 40 s: the machine may take its time.
fn a_failing_refresh_is_silent_and_tried_once(
    aws: &FakeAws,
    environment: &TestEnvironment,
    fail: impl FnOnce(),
    mend: impl FnOnce(),
) {
    let held = hold_stale_tokens(environment);
    fail();
    aws.clear();
    assert_eq!(environment.get(HOST), held[0]);
    // What was sent when its time was over may not have been read yet.
    aws.settle_what_ends();
    let tried = (aws.calls().len(), aws.connections());
    assert_ne!(tried.0, 0, "no attempt was made");
    assert_eq!(environment.lives_of_marks().last(), Some(&60));
    assert_eq!(environment.get(HOST), held[0]);
    assert_eq!(environment.get(OTHER), held[1]);
    environment.age_marks(40);
    assert_eq!(environment.get(HOST), held[0]);
    assert_eq!(environment.get(OTHER), held[1]);
    assert_eq!((aws.calls().len(), aws.connections()), tried);
    mend();
    environment.age_marks(21);
    assert_eq!(environment.get(HOST).grant().serial, 3);
    assert_eq!(environment.get(OTHER).grant().serial, 4);
}

/// A 503 that the SDK tries again at once. Its own pauses may be as long as a refresh, 3 s, and
/// then it is the time that is over.
pub(super) fn down_for_a_moment() -> Fault {
    let body = r#"{"__type":"ServiceUnavailableException","message":"Service is unable to handle request."}"#;
    let header = ("x-amz-retry-after".to_owned(), "1".to_owned());
    Fault::RawResponse(503, vec![header], body.to_owned())
}

fn ecr_fault_is_silent(fault: Fault) {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let fail = || aws.on(ECR, fault);
    a_failing_refresh_is_silent_and_tried_once(&aws, &environment, fail, || aws.heal_all());
}

#[test]
fn a_refresh_that_times_out_serves_the_old_token() {
    ecr_fault_is_silent(Fault::Hang);
}

#[test]
fn a_throttled_refresh_serves_the_old_token() {
    ecr_fault_is_silent(Fault::Throttle);
}

#[test]
fn a_refresh_that_meets_a_broken_aws_serves_the_old_token() {
    ecr_fault_is_silent(Fault::Status(500));
}

#[test]
fn a_refresh_that_meets_a_login_page_serves_the_old_token() {
    ecr_fault_is_silent(Fault::Garbage);
}

#[test]
fn a_refresh_whose_role_is_throttled_serves_the_old_token() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.config(
        r#"
        [[registry]]
        match = "*"
        role_arn = "arn:aws:iam::999999999999:role/hub"
        "#,
    );
    let fail = || aws.on(STS, Fault::Throttle);
    a_failing_refresh_is_silent_and_tried_once(&aws, &environment, fail, || aws.heal_all());
}

#[test]
fn roles_of_many_accounts_on_one_source_share_the_pause() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.config(ROLE_PER_ACCOUNT);
    let fail = || aws.on(STS, Fault::Status(503));
    a_failing_refresh_is_silent_and_tried_once(&aws, &environment, fail, || aws.heal_all());
}

#[test]
fn a_refresh_that_the_sso_portal_refuses_serves_the_old_token() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    sign_in(&mut environment, &aws);
    let fail = || aws.end_sso_sessions();
    let mend = || aws.add_sso_access_token(SSO_ACCESS_TOKEN);
    a_failing_refresh_is_silent_and_tried_once(&aws, &environment, fail, mend);
}

#[test]
fn a_refresh_without_a_network_serves_the_old_token() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let held = hold_stale_tokens(&environment);
    let address = aws.address();
    drop(aws);
    // No other process must get that port, and no process listens on it yet.
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_reuseaddr(true).expect("reuse");
    socket.bind(address).expect("the fake's port");
    assert_eq!(environment.get(HOST), held[0]);
    // A new attempt would be noticed now.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .expect("a runtime");
    let _inside = runtime.enter();
    let listener = socket.listen(16).expect("the fake's port");
    let listener = listener.into_std().expect("a listener");
    assert_eq!(environment.get(HOST), held[0]);
    assert_eq!(environment.get(OTHER), held[1]);
    let heard = listener.accept().expect_err("an attempt was made");
    assert_eq!(heard.kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn an_expired_sign_in_serves_the_old_token_and_a_new_one_is_used_at_once() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    let principal = sign_in(&mut environment, &aws);
    let held = hold_stale_tokens(&environment);
    aws.clear();
    end_sign_in(&environment);
    assert_eq!(environment.get(HOST), held[0]);
    assert_eq!(environment.get(OTHER), held[1]);
    assert_eq!(aws.connections(), 0, "the file says it all");
    assert_eq!(environment.cached("mark").len(), 2);

    aws.add_sso_access_token("the-next-morning");
    environment.sso_sign_in("sso", "the-next-morning", 8 * HOUR);
    let grant = environment.get(HOST).grant();
    assert_eq!(grant.serial, 3);
    assert_eq!(grant.principal, principal);
    assert_eq!(environment.get(OTHER).grant().serial, 4);
}

#[test]
fn a_sign_in_that_the_portal_has_ended_is_mended_at_once_by_a_new_one() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    sign_in(&mut environment, &aws);
    let held = hold_stale_tokens(&environment);
    aws.end_sso_sessions();
    assert_eq!(environment.get(HOST), held[0]);
    aws.add_sso_access_token("the-next-morning");
    assert_eq!(environment.get(HOST), held[0]);
    environment.sso_sign_in("sso", "the-next-morning", 8 * HOUR);
    assert_eq!(environment.get(HOST).grant().serial, 3);
}

#[test]
fn the_reason_for_answering_an_old_token_is_logged() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    let held = hold_stale_tokens(&environment);
    aws.on(ECR, down_for_a_moment());
    environment.set("ECRX_LOG", "warn");
    let told = environment.get(HOST);
    assert_eq!((told.code, &told.stdout), (Some(0), &held[0].stdout));
    assert_eq!(
        told.stderr,
        format!(
            "docker-credential-ecrx: warn: {HOST}: cannot renew the token; the cached one is still valid: requesting an authorization token: AWS is unavailable: \
             ServiceUnavailableException: Service is unable to handle request.\n"
        )
    );
}

#[test]
fn of_a_herd_with_a_stale_token_the_first_and_the_next_in_line_try_a_dead_aws() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let held = hold_stale_tokens(&environment);
    aws.on(ECR, Fault::Hang);
    aws.clear();
    let start = Instant::now();
    let children: Vec<Child> = (0..16)
        .map(|_| environment.start(&["get"], HOST.as_bytes()))
        .collect();
    // The first has 3 s. A process that comes later was not in line, and gets the failure.
    let in_line = start.elapsed() < Duration::from_secs(2);
    for child in children {
        assert_eq!(Outcome::of(child), held[0]);
    }
    let calls = aws.calls().len();
    assert!(calls == 2 || calls == 1 && !in_line, "{calls}");
    // There is no further attempt for a minute.
    environment.keep_marks();
    assert_eq!(environment.get(HOST), held[0]);
    assert_eq!(aws.calls().len(), calls);
}

#[test]
fn that_public_ecr_gives_no_token_is_remembered_for_ten_minutes() {
    const PUBLIC: Operation = Operation::EcrPublicGetAuthorizationToken;
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    aws.on(PUBLIC, Fault::AccessDenied);
    for age in [0, 500] {
        environment.get("public.ecr.aws").failed_with(NOT_FOUND, "");
        assert_eq!(aws.count(PUBLIC), 1);
        assert_eq!(environment.lives_of_marks(), [600]);
        environment.age_marks(age);
    }
    // Private registries have nothing to do with it.
    environment.get(HOST).grant();
    aws.heal_all();
    environment.age_marks(101);
    environment.get("public.ecr.aws").grant();
}
