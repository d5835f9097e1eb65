//! Requests that fail, each with its own kind of error.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use docker_credential_ecrx::doctor::distribution::{Operation, RegistryError, RegistryErrorKind};
use docker_credential_ecrx::http::{ProxyFault, TransportCause};
use docker_credential_ecrx::secret::Secret;

use crate::common::HOST;
use crate::common::fake_aws::{ALICE, BOB, Refused, RegistryFault, Route, denial};
use crate::stage::{REPOSITORY, Stage, alice, image, token, told};

const OTHER_REGION: &str = "999999999999.dkr.ecr.eu-west-1.amazonaws.com";
const EXPIRED: &str = "Your authorization token has expired. Reauthenticate and try again.";
const RESOURCE: &str = "arn:aws:ecr:us-west-2:999999999999:repository/team/app";

#[track_caller]
fn is(refusal: &RegistryError, status: u16, code: Option<&str>, line: &str) {
    assert_eq!(refusal.status, Some(status));
    assert_eq!(refusal.code.as_deref(), code);
    assert_eq!(refusal.host, HOST);
    assert!(refusal.date.is_some());
    assert_eq!(told(refusal), line);
}

#[test]
fn an_expired_token_is_recognised_in_both_of_its_forms() {
    let stage = Stage::new();
    let client = stage.client();
    stage.registry.revoke_with(1, Refused::Denied);
    stage.registry.revoke_with(2, Refused::Unauthorized);

    let denied = client.ping(Some(&token(ALICE.2, 1))).unwrap_err();
    assert!(matches!(denied.kind, RegistryErrorKind::TokenRefused));
    let line = format!("request to the registry: {HOST} rejected the token: {EXPIRED}");
    is(&denied, 403, Some("DENIED"), &line);

    let unauthorized = client.ping(Some(&token(ALICE.2, 2))).unwrap_err();
    assert!(matches!(unauthorized.kind, RegistryErrorKind::TokenRefused));
    let line = format!("request to the registry: {HOST} rejected the token");
    is(&unauthorized, 401, None, &line);

    client.ping(Some(&token(ALICE.2, 3))).unwrap();
    let strange = Secret::new("no token of ECR's");
    let refused = client.ping(Some(&strange)).unwrap_err();
    assert!(matches!(refused.kind, RegistryErrorKind::TokenRefused));
}

#[test]
fn without_a_token_only_a_ping_succeeds() {
    let stage = Stage::new();
    stage.registry.add_image(&image("1"));
    let refused = stage.client().manifest(REPOSITORY, "1", None).unwrap_err();
    assert!(matches!(refused.kind, RegistryErrorKind::LoginRequired));
    let line = format!("request for the manifest: {HOST} requires a login");
    is(&refused, 401, None, &line);
}

#[test]
fn a_denial_contains_the_sentence_of_aws() {
    let stage = Stage::new();
    let made = stage.registry.add_image(&image("1"));
    let digest = &made.smallest().digest;
    let client = stage.client();
    let manifest = || {
        client
            .manifest(REPOSITORY, "1", Some(&alice()))
            .unwrap_err()
    };
    let layer = || {
        client
            .layer(REPOSITORY, digest, Some(&alice()))
            .unwrap_err()
    };
    let upload = || client.upload(REPOSITORY, Some(&alice())).unwrap_err();
    type Refuse<'a> = &'a dyn Fn() -> RegistryError;
    let table: [(&str, Refuse<'_>, Operation, &str, &str); 4] = [
        (
            "ecr:BatchGetImage",
            &manifest,
            Operation::Manifest,
            denial::NO_IDENTITY_POLICY,
            " because no identity-based policy allows the ecr:BatchGetImage action",
        ),
        (
            "ecr:GetDownloadUrlForLayer",
            &layer,
            Operation::Layer,
            denial::NO_RESOURCE_POLICY,
            " because no resource-based policy allows the ecr:GetDownloadUrlForLayer action",
        ),
        (
            "ecr:InitiateLayerUpload",
            &upload,
            Operation::Upload,
            denial::EXPLICIT_IN_SCP,
            " with an explicit deny in a service control policy",
        ),
        (
            "ecr:BatchGetImage",
            &manifest,
            Operation::Manifest,
            denial::UNEXPLAINED,
            "",
        ),
    ];
    for (action, ask, operation, reason, end) in table {
        stage.registry.allow_all();
        stage.registry.deny(ALICE.2, action, reason);
        let refused = ask();
        assert!(
            matches!(refused.kind, RegistryErrorKind::Denied),
            "{refused:?}"
        );
        assert_eq!(
            (refused.operation, refused.operation.action()),
            (operation, Some(action))
        );
        let sentence = format!(
            "User: {} is not authorized to perform: {action} on resource: {RESOURCE}{end}",
            ALICE.2
        );
        assert_eq!(refused.message.as_deref(), Some(sentence.as_str()));
        let line = format!("{operation}: {HOST} denied {action}: {sentence}");
        is(&refused, 403, Some("DENIED"), &line);
    }
    // The rule matches Alice only.
    let bob = token(BOB.2, 2);
    client.manifest(REPOSITORY, "1", Some(&bob)).unwrap();
    // The last matching rule takes precedence.
    stage.registry.allow("arn:aws:iam::111122223333:*", "*");
    client.manifest(REPOSITORY, "1", Some(&alice())).unwrap();
}

#[test]
fn an_absent_repository_differs_from_an_absent_image() {
    let stage = Stage::of(&[HOST, OTHER_REGION]);
    stage
        .registry
        .add_image(&format!("{OTHER_REGION}/{REPOSITORY}:1"));
    let client = stage.client();
    let why =
        "The repository with name 'team/app' does not exist in the registry with id '999999999999'";
    let absent = client
        .manifest(REPOSITORY, "1", Some(&alice()))
        .unwrap_err();
    assert!(matches!(absent.kind, RegistryErrorKind::RepositoryAbsent));
    let line = format!("request for the manifest: the repository does not exist in {HOST}: {why}");
    is(&absent, 404, Some("NAME_UNKNOWN"), &line);
    let absent = client.upload(REPOSITORY, Some(&alice())).unwrap_err();
    assert!(matches!(absent.kind, RegistryErrorKind::RepositoryAbsent));

    let made = stage.registry.add_image(&image("1"));
    let absent = client
        .manifest(REPOSITORY, "2", Some(&alice()))
        .unwrap_err();
    assert!(matches!(absent.kind, RegistryErrorKind::ImageAbsent));
    let line = "request for the manifest: the image does not exist in the repository: Requested image not found";
    is(&absent, 404, Some("MANIFEST_UNKNOWN"), line);

    let absent = client
        .layer(REPOSITORY, &made.digest, Some(&alice()))
        .unwrap_err();
    assert!(matches!(absent.kind, RegistryErrorKind::LayerAbsent));
    // It exists in its own region.
    let there = stage.client_of(OTHER_REGION, crate::stage::LIMIT);
    there.manifest(REPOSITORY, "1", Some(&alice())).unwrap();
}

#[test]
fn a_busy_or_broken_registry_differs_from_one_that_denies() {
    let stage = Stage::new();
    let client = stage.client();
    stage.registry.on(Route::Ping, RegistryFault::Throttle);
    let busy = client.ping(Some(&alice())).unwrap_err();
    assert!(matches!(busy.kind, RegistryErrorKind::Throttled));
    let line = format!("request to the registry: {HOST} throttled the request: Rate exceeded");
    is(&busy, 429, Some("TOOMANYREQUESTS"), &line);
    for status in [500, 502, 503] {
        stage.registry.heal(Route::Ping);
        stage
            .registry
            .on(Route::Ping, RegistryFault::Status(status));
        let broken = client.ping(Some(&alice())).unwrap_err();
        assert!(matches!(broken.kind, RegistryErrorKind::Unavailable));
        let line = format!("request to the registry: {HOST} responded with {status}");
        is(&broken, status, None, &line);
    }
}

#[test]
fn silence_ends_with_the_time() {
    let stage = Stage::new();
    stage.registry.on(Route::Ping, RegistryFault::Hang);
    let client = stage.client_of(HOST, Duration::from_millis(400));
    let start = Instant::now();
    let refused = client.ping(Some(&alice())).unwrap_err();
    assert!(matches!(refused.kind, RegistryErrorKind::Timeout));
    assert_eq!(
        told(&refused),
        format!("request to the registry: no response from {HOST} in time")
    );
    // The next request is not sent.
    stage.registry.heal(Route::Ping);
    let refused = client.ping(Some(&alice())).unwrap_err();
    assert!(matches!(refused.kind, RegistryErrorKind::Timeout));
    drop(client);
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_connection_that_is_closed_is_no_answer() {
    let stage = Stage::new();
    stage.registry.on(Route::Upload, RegistryFault::Close);
    let refused = stage
        .client()
        .upload(REPOSITORY, Some(&alice()))
        .unwrap_err();
    let RegistryErrorKind::Transport(transport) = &refused.kind else {
        panic!("{refused:?}");
    };
    assert!(matches!(transport.cause, TransportCause::Connection { .. }));
    assert_eq!(transport.host.as_deref(), Some(HOST));
    assert_eq!(refused.status, None);
}

#[test]
fn an_unreachable_registry_is_reported_with_the_proxy() {
    let stage = Stage::new();
    stage.registry.proxy().forget(HOST);
    let refused = stage.client().ping(None).unwrap_err();
    let RegistryErrorKind::Transport(transport) = &refused.kind else {
        panic!("{refused:?}");
    };
    assert!(matches!(
        transport.cause,
        TransportCause::Proxy(ProxyFault::Refused)
    ));
    let address = stage.registry.proxy().address().to_string();
    assert_eq!(transport.proxy, Some(address));
    assert!(told(&refused).starts_with(&format!(
        "request to the registry: cannot reach {HOST} through proxy "
    )));
}

#[test]
fn an_upload_that_cannot_be_cancelled_has_been_opened_all_the_same() {
    let stage = Stage::new();
    stage
        .registry
        .add_repository(&format!("{HOST}/{REPOSITORY}"));
    stage.registry.refuse_to_cancel();
    let upload = stage.client().upload(REPOSITORY, Some(&alice())).unwrap();
    assert_eq!(upload.response.status, 202);
    let refused = upload.cancelled.unwrap_err();
    assert!(matches!(refused.kind, RegistryErrorKind::Refused));
    let line = format!(
        "cancellation of the upload: {HOST} responded with 405: The operation is unsupported."
    );
    is(&refused, 405, Some("UNSUPPORTED"), &line);
    assert_eq!(stage.registry.uploads(), 1);
}

#[test]
fn messages_of_a_registry_contain_no_part_of_the_token() {
    let token = alice();
    let basic = STANDARD.encode(format!("AWS:{}", token.expose()));
    for echo in [
        token.expose(),
        &token.expose()[100..200],
        &basic,
        &basic[200..],
        &basic.replace('=', "%3D").replace('+', "%2B"),
    ] {
        let stage = Stage::new();
        let body = format!(r#"{{"errors":[{{"code":"DENIED","message":"not [{echo}]"}}]}}"#);
        stage
            .registry
            .on(Route::Manifest, RegistryFault::Raw(403, Vec::new(), body));
        let refused = stage.client().manifest(REPOSITORY, "1", Some(&token));
        let refused = refused.unwrap_err();
        assert_eq!(refused.message.as_deref(), Some("not […]"));
        told(&refused);
    }
}
