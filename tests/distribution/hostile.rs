//! Responses that no registry sends, but a proxy, a Wi-Fi login or an attacker may.

use std::time::{Duration, Instant};

use docker_credential_ecrx::doctor::distribution::{
    LocationError, RegistryError, RegistryErrorKind,
};
use serde_json::json;

use crate::common::HOST;
use crate::common::fake_aws::{RegistryFault, Route};
use crate::stage::{REPOSITORY, Stage, alice, image, told};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

fn raw(status: u16, content_type: &str, body: impl Into<String>) -> RegistryFault {
    let headers = vec![("content-type".to_owned(), content_type.to_owned())];
    RegistryFault::Raw(status, headers, body.into())
}

fn ping(fault: RegistryFault) -> RegistryError {
    let stage = Stage::new();
    stage.registry.on(Route::Ping, fault);
    stage.client().ping(Some(&alice())).unwrap_err()
}

fn manifest(fault: RegistryFault) -> RegistryError {
    let stage = Stage::new();
    stage.registry.on(Route::Manifest, fault);
    let client = stage.client();
    client
        .manifest(REPOSITORY, "1", Some(&alice()))
        .unwrap_err()
}

#[track_caller]
fn no_registry(refused: &RegistryError, why: &str) {
    assert!(told(refused).contains(why), "{refused}");
    match &refused.kind {
        RegistryErrorKind::NotARegistry(told) => assert_eq!(told, why),
        kind => panic!("{kind:?}"),
    }
}

#[test]
fn a_page_is_no_registry_whatever_its_status() {
    let page = "an HTML page";
    no_registry(&ping(RegistryFault::Page), "not a registry response");
    for status in [400, 403, 404] {
        no_registry(&ping(RegistryFault::Status(status)), page);
        no_registry(&manifest(RegistryFault::Status(status)), page);
    }
    no_registry(
        &ping(raw(200, "text/plain", "hello")),
        "not a registry response",
    );
    let login = vec![(
        "location".to_owned(),
        "https://hotel.example/login?x=secret".to_owned(),
    )];
    let leads = "a redirect to hotel.example";
    no_registry(
        &ping(RegistryFault::Raw(302, login.clone(), String::new())),
        leads,
    );
    no_registry(
        &manifest(RegistryFault::Raw(307, login, String::new())),
        leads,
    );
}

#[test]
fn an_empty_200_is_a_registry() {
    let stage = Stage::new();
    for body in ["", "{}", "\n"] {
        stage
            .registry
            .on(Route::Ping, raw(200, "application/json", body));
        stage.client().ping(Some(&alice())).unwrap();
        stage.registry.heal(Route::Ping);
    }
}

#[test]
fn garbage_is_no_manifest() {
    let none = "not a manifest";
    for body in [
        "",
        "garbage",
        "{}",
        "[]",
        "\u{1b}[2J",
        r#"{"schemaVersion":1,"layers":[]}"#,
    ] {
        no_registry(&manifest(raw(200, MANIFEST, body)), none);
    }
    no_registry(&manifest(RegistryFault::Page), none);
    // Deeper than a parser may recurse.
    no_registry(&manifest(raw(200, MANIFEST, "[".repeat(500_000))), none);
}

#[test]
fn digests_that_change_the_path_are_not_requested() {
    let named = "the manifest contains an invalid digest";
    for digest in [
        "",
        "latest",
        "sha256:../../../x",
        "sha256:00?x=y",
        "https://example.com/",
    ] {
        let part = json!([{"mediaType": "x", "digest": digest, "size": 1}]);
        for kind in ["layers", "manifests"] {
            let body = json!({"schemaVersion": 2, kind: part}).to_string();
            no_registry(&manifest(raw(200, MANIFEST, body)), named);
        }
    }
}

#[test]
fn a_digest_returns_its_own_content() {
    let stage = Stage::new();
    let made = stage.registry.add_image(&image("1"));
    let body = json!({"schemaVersion": 2, "layers": []}).to_string();
    stage.registry.on(Route::Manifest, raw(200, MANIFEST, body));
    let client = stage.client();
    let refused = client.manifest(REPOSITORY, &made.digest, Some(&alice()));
    no_registry(
        &refused.unwrap_err(),
        "the manifest does not match the digest",
    );
}

#[test]
fn another_content_type_makes_no_other_manifest() {
    let stage = Stage::new();
    let body = json!({"schemaVersion": 2, "layers": []}).to_string();
    for content_type in ["text/plain", "application/octet-stream", MANIFEST] {
        stage.registry.heal(Route::Manifest);
        stage
            .registry
            .on(Route::Manifest, raw(200, content_type, &body));
        let found = stage.client().manifest(REPOSITORY, "1", Some(&alice()));
        let found = found.unwrap();
        assert_eq!(found.descriptor.media_type, content_type);
        assert_eq!(found.layer, None);
    }
}

#[test]
fn a_body_without_end_is_not_read_to_its_end() {
    let start = Instant::now();
    no_registry(
        &manifest(RegistryFault::Endless),
        "the manifest is larger than 1 MiB",
    );
    no_registry(
        &ping(raw(200, "text/plain", "x".repeat(3 << 20))),
        "not a registry response",
    );
    for route in [Route::Layer, Route::Storage] {
        let stage = Stage::new();
        let made = stage.registry.add_image(&image("1"));
        stage.registry.on(route, RegistryFault::Endless);
        // A server that sends more than one byte has the layer.
        let digest = &made.smallest().digest;
        let layer = stage.client().layer(REPOSITORY, digest, Some(&alice()));
        layer.unwrap();
    }
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_body_that_is_not_all_there_is_waited_for_no_longer_than_there_is_time() {
    let promised = vec![("content-length".to_owned(), "1000".to_owned())];
    let broken = [
        promised.clone(),
        vec![("connection".to_owned(), "close".to_owned())],
    ]
    .concat();
    let refused = manifest(RegistryFault::Raw(200, broken, "{".to_owned()));
    assert!(
        matches!(refused.kind, RegistryErrorKind::Transport(_)),
        "{refused:?}"
    );
    assert!(
        told(&refused).starts_with(&format!("request for the manifest: cannot reach {HOST}: "))
    );

    let stage = Stage::new();
    let fault = RegistryFault::Raw(200, promised, "{".to_owned());
    stage.registry.on(Route::Manifest, fault);
    let client = stage.client_of(HOST, Duration::from_millis(400));
    let refused = client
        .manifest(REPOSITORY, "1", Some(&alice()))
        .unwrap_err();
    assert!(
        matches!(refused.kind, RegistryErrorKind::Timeout),
        "{refused:?}"
    );
}

#[test]
fn headers_without_end_are_no_answer() {
    let header = |length| vec![("x-long".to_owned(), "x".repeat(length))];
    let refused = ping(RegistryFault::Raw(200, header(2 << 20), String::new()));
    assert!(
        matches!(refused.kind, RegistryErrorKind::Transport(_)),
        "{refused:?}"
    );
    assert!(told(&refused).len() < 300);
    let many = (0..5000)
        .map(|n| (format!("x-{n}"), "x".to_owned()))
        .collect();
    let refused = ping(RegistryFault::Raw(200, many, String::new()));
    assert!(
        matches!(refused.kind, RegistryErrorKind::Transport(_)),
        "{refused:?}"
    );
}

#[test]
fn messages_contain_no_control_characters_and_fit_one_line() {
    let message = format!("\u{1b}[31mno\r\n\u{202e}{}", "way ".repeat(10_000));
    let body = json!({"errors": [{"code": "\u{1b}[2JDENIED\n", "message": message}]});
    for refused in [
        ping(raw(403, "application/json", body.to_string())),
        manifest(raw(403, "application/json", body.to_string())),
    ] {
        assert!(matches!(refused.kind, RegistryErrorKind::Denied));
        assert_eq!(refused.code.as_deref(), Some("[2JDENIED"));
        let line = told(&refused);
        assert!(line.contains(": [31mno way way"), "{line}");
        assert!(line.chars().count() < 3000);
    }
}

#[test]
fn an_empty_layer_is_a_layer() {
    for route in [Route::Layer, Route::Storage] {
        let stage = Stage::new();
        let made = stage.registry.add_image(&image("1"));
        stage.registry.on(
            route,
            raw(
                416,
                "application/xml",
                "<Error><Code>InvalidRange</Code></Error>",
            ),
        );
        let digest = &made.smallest().digest;
        let layer = stage
            .client()
            .layer(REPOSITORY, digest, Some(&alice()))
            .unwrap();
        if let Some(elsewhere) = layer.storage {
            assert_eq!(elsewhere.response.unwrap().status, 416);
        }
    }
}

#[test]
fn errors_of_another_shape_are_no_reason() {
    for body in [
        r#"{"errors":[]}"#,
        r#"{"errors":{}}"#,
        r#"{"errors":[{}]}"#,
        r#"{"errors":[{"code":"","message":""}]}"#,
        r#"{"errors":[{"code":7}]}"#,
        "{",
        "",
    ] {
        let refused = manifest(raw(404, "application/json", body));
        assert!(
            matches!(refused.kind, RegistryErrorKind::Refused),
            "{body}: {refused:?}"
        );
        assert_eq!(
            (refused.code.as_ref(), refused.message.as_ref()),
            (None, None)
        );
        assert_eq!(
            told(&refused),
            format!("request for the manifest: {HOST} responded with 404")
        );
    }
}

#[test]
fn an_upload_elsewhere_is_not_cancelled_there() {
    for (location, why) in [
        (
            Some("https://other.example/v2/x"),
            LocationError::OtherHost("other.example".to_owned()),
        ),
        (
            Some("http://127.0.0.1/x"),
            LocationError::NotHttps("127.0.0.1".to_owned()),
        ),
        (None, LocationError::Absent),
    ] {
        let stage = Stage::new();
        let headers = location.map(|location| ("location".to_owned(), location.to_owned()));
        let fault = RegistryFault::Raw(202, headers.into_iter().collect(), String::new());
        stage.registry.on(Route::Upload, fault);
        let upload = stage.client().upload(REPOSITORY, Some(&alice())).unwrap();
        let refused = upload.cancelled.unwrap_err();
        match &refused.kind {
            RegistryErrorKind::Location(told) => assert_eq!(*told, why),
            kind => panic!("{kind:?}"),
        }
        assert_eq!(stage.hosts(), [format!("{HOST}:443")]);
    }
}

#[test]
fn names_that_change_the_path_are_not_requested() {
    let stage = Stage::new();
    let client = stage.client();
    let invalid = |refused: RegistryError| {
        assert!(
            matches!(refused.kind, RegistryErrorKind::InvalidName),
            "{refused:?}"
        );
    };
    for name in [
        "", "/", "a//b", "../x", "a/..", "a b", "a?b", "a#b", "a%2f", "a\nb", "é",
    ] {
        invalid(client.manifest(name, "1", None).unwrap_err());
        invalid(client.upload(name, None).unwrap_err());
        invalid(client.layer(name, "sha256:00", None).unwrap_err());
    }
    for reference in ["", "..", "a/b", "a?b", "a b", "@"] {
        invalid(client.manifest("app", reference, None).unwrap_err());
        invalid(client.layer("app", reference, None).unwrap_err());
    }
    assert!(stage.hosts().is_empty());
}
