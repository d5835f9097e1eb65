//! Layers that the registry allows, but whose storage fails: these errors differ from those of the
//! registry itself.

use docker_credential_ecrx::doctor::distribution::{
    LocationError, Operation, RegistryError, RegistryErrorKind,
};
use docker_credential_ecrx::http::{ProxyFault, TransportCause};

use crate::common::HOST;
use crate::common::fake_aws::{FakeAws, RegistryFault, Route, SIGNATURE};
use crate::stage::{REPOSITORY, Stage, alice, image, told};

/// The response at the location of the layer.
#[track_caller]
fn elsewhere(stage: &Stage) -> RegistryError {
    let made = stage.registry.add_image(&image("1"));
    let digest = &made.smallest().digest;
    let layer = stage.client().layer(REPOSITORY, digest, Some(&alice()));
    let layer = layer.unwrap();
    assert_eq!(layer.response.status, 307);
    let debug = format!("{layer:?}");
    assert!(!debug.contains(SIGNATURE), "{debug}");
    layer.storage.unwrap().response.unwrap_err()
}

/// Why the location that the registry returns is not requested.
#[track_caller]
fn not_asked(stage: &Stage, url: &str) -> LocationError {
    let made = stage.registry.add_image(&image("1"));
    let digest = &made.smallest().digest;
    stage.registry.redirect_layers_to(url);
    let layer = stage.client().layer(REPOSITORY, digest, Some(&alice()));
    let refused = layer.unwrap_err();
    told(&refused);
    assert_eq!(
        (refused.operation, refused.status),
        (Operation::Layer, Some(307))
    );
    assert_eq!(stage.hosts(), [format!("{HOST}:443")]);
    match refused.kind {
        RegistryErrorKind::Location(why) => why,
        kind => panic!("{kind:?}"),
    }
}

#[test]
fn a_denial_by_a_bucket_names_its_host() {
    let stage = Stage::new();
    stage.registry.deny_storage();
    let refused = elsewhere(&stage);
    assert!(matches!(refused.kind, RegistryErrorKind::Denied));
    assert_eq!(
        (refused.operation, refused.status),
        (Operation::Storage, Some(403))
    );
    let bucket = stage.registry.bucket();
    assert_eq!(refused.host, bucket);
    assert_eq!(
        told(&refused),
        format!("layer download: {bucket} denied s3:GetObject: AccessDenied")
    );
}

#[test]
fn an_unreachable_bucket_is_named_by_its_host() {
    let stage = Stage::new();
    let bucket = stage.registry.bucket();
    stage.registry.proxy().forget(&bucket);
    let refused = elsewhere(&stage);
    let RegistryErrorKind::Transport(transport) = &refused.kind else {
        panic!("{refused:?}");
    };
    assert!(matches!(
        transport.cause,
        TransportCause::Proxy(ProxyFault::Refused)
    ));
    assert_eq!(transport.host.as_deref(), Some(bucket.as_str()));
    told(&refused);
}

#[test]
fn messages_of_a_bucket_contain_no_secret_of_its_url() {
    let stage = Stage::new();
    let body = format!(
        "<Error><Code>SignatureDoesNotMatch</Code><Message>not {SIGNATURE}\u{1b}[2J</Message></Error>"
    );
    stage
        .registry
        .on(Route::Storage, RegistryFault::Raw(403, Vec::new(), body));
    let refused = elsewhere(&stage);
    assert_eq!(refused.code.as_deref(), Some("SignatureDoesNotMatch"));
    assert_eq!(refused.message.as_deref(), Some("not …[2J"));
    told(&refused);
}

#[test]
fn messages_of_a_bucket_contain_no_part_of_its_url() {
    let url = |bucket: &str| {
        format!(
            "https://{bucket}/layers/quixotic-jackdaw%2Fvexed?X-Amz-Credential=ASIAIOSFODNN7EXAMPLE%2F20261122%2Fzephyr&X-Amz-Signature={SIGNATURE}"
        )
    };
    for (echo, shown) in [
        (SIGNATURE, "…"),
        (&SIGNATURE[20..40], "…"),
        (&SIGNATURE.to_uppercase(), "…"),
        ("ASIAIOSFODNN7EXAMPLE/20261122/zephyr", "…"),
        ("ASIAIOSFODNN7EXAMPLE%252F20261122%252Fzephyr", "…"),
        ("ASIAIOSFODNN7EXAMPLE&#47;20261122&#x2F;zephyr", "…"),
        ("layers/quixotic-jackdaw/vexed", "…"),
        ("the jackdaw", "the jackdaw"),
        ("Use AWS4-HMAC-SHA256", "Use AWS4-HMAC-SHA256"),
    ] {
        let stage = Stage::new();
        stage
            .registry
            .redirect_layers_to(&url(&stage.registry.bucket()));
        let body = format!("<Error><Code>Odd</Code><Message>not [{echo}]</Message></Error>");
        stage
            .registry
            .on(Route::Storage, RegistryFault::Raw(400, Vec::new(), body));
        let refused = elsewhere(&stage);
        assert_eq!(refused.message, Some(format!("not [{shown}]")), "{echo}");
        told(&refused);
    }
}

#[test]
fn a_server_in_between_is_not_taken_for_the_bucket() {
    for (fault, status) in [
        (RegistryFault::Page, 200),
        (RegistryFault::Status(403), 403),
        (
            RegistryFault::Raw(
                302,
                vec![("location".into(), "https://hotel.example/?x=secret".into())],
                String::new(),
            ),
            302,
        ),
    ] {
        let stage = Stage::new();
        stage.registry.on(Route::Storage, fault);
        let refused = elsewhere(&stage);
        assert!(
            matches!(refused.kind, RegistryErrorKind::NotARegistry(_)),
            "{refused:?}"
        );
        assert_eq!(refused.status, Some(status));
        assert!(!told(&refused).contains("secret"));
    }
    for (fault, wanted) in [
        (RegistryFault::Throttle, "Throttled"),
        (RegistryFault::Status(503), "Unavailable"),
        (
            RegistryFault::Raw(404, Vec::new(), String::new()),
            "LayerAbsent",
        ),
        (
            RegistryFault::Raw(400, Vec::new(), String::new()),
            "Refused",
        ),
    ] {
        let stage = Stage::new();
        stage.registry.on(Route::Storage, fault);
        assert_eq!(format!("{:?}", elsewhere(&stage).kind), wanted);
    }
}

#[test]
fn the_token_goes_to_no_other_host() {
    let stage = Stage::new();
    let other = FakeAws::start_tls_strict(&["elsewhere.example"]);
    stage
        .registry
        .proxy()
        .lead("elsewhere.example", other.address());
    stage
        .registry
        .redirect_layers_to("https://elsewhere.example/layer");
    // Its certificate is from another authority, so no request is sent.
    let refused = elsewhere(&stage);
    assert!(matches!(refused.kind, RegistryErrorKind::Transport(_)));
    assert!(other.calls().is_empty());

    // A trusted host gets the request without the token.
    let bucket = stage.registry.bucket();
    stage
        .registry
        .redirect_layers_to(&format!("https://{bucket}/layers/none"));
    assert!(matches!(elsewhere(&stage).kind, RegistryErrorKind::Denied));
    // So does the registry's own host.
    stage.registry.redirect_layers_to("/v2/");
    assert!(matches!(elsewhere(&stage).kind, RegistryErrorKind::Denied));
    let asked: Vec<bool> = stage
        .registry
        .visits()
        .iter()
        .map(|visit| visit.authorized)
        .collect();
    assert_eq!(asked, [true, true, false, true, false]);
}

#[test]
fn locations_without_tls_or_in_this_machines_network_are_not_requested() {
    let refused = not_asked(&Stage::new(), "http://bucket.example/layer?x=secret");
    assert_eq!(
        refused,
        LocationError::NotHttps("bucket.example".to_owned())
    );
    let metadata = "169.254.169.254";
    let refused = not_asked(
        &Stage::new(),
        &format!("https://{metadata}/latest/meta-data/"),
    );
    assert_eq!(refused, LocationError::Inside(metadata.to_owned()));
    let here = FakeAws::start();
    let refused = not_asked(&Stage::new(), &here.url());
    assert_eq!(refused, LocationError::NotHttps(here.address().to_string()));
    assert_eq!(here.connections(), 0);
    for url in [
        "",
        "layer",
        "//bucket.example/layer",
        "https://a:b@bucket.example/",
    ] {
        let refused = not_asked(&Stage::new(), url);
        assert_eq!(refused, LocationError::Malformed, "{url}");
    }
}
