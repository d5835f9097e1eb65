//! Requests that succeed.

use docker_credential_ecrx::doctor::distribution::{Descriptor, Scheme, StorageProbe};
use docker_credential_ecrx::secret::Secret;
use time::OffsetDateTime;

use crate::common::fake_aws::{ALICE, FakeAws, Format, Route};
use crate::common::{HOST, TestEnvironment};
use crate::stage::{REPOSITORY, Stage, alice, image};

#[test]
fn without_a_token_the_registry_names_the_login() {
    let stage = Stage::new();
    let pong = stage.client().ping(None).unwrap();
    assert_eq!(pong.response.status, 401);
    let challenge = pong.challenge.unwrap();
    assert_eq!(challenge.scheme, Scheme::Basic);
    assert_eq!(challenge.realm, Some(format!("https://{HOST}/")));
    assert_eq!(challenge.service.as_deref(), Some("ecr.amazonaws.com"));
    assert!(!stage.registry.visits()[0].authorized);
}

#[test]
fn a_token_is_accepted_as_that_of_its_principal() {
    let stage = Stage::new();
    let pong = stage.client().ping(Some(&alice())).unwrap();
    assert_eq!((pong.response.status, pong.challenge), (200, None));
    let [visit] = &stage.registry.visits()[..] else {
        panic!("{:?}", stage.registry.visits());
    };
    assert_eq!(visit.principal.as_deref(), Some(ALICE.2));
    assert_eq!((visit.host.as_str(), visit.path.as_str()), (HOST, "/v2/"));
    let version = env!("CARGO_PKG_VERSION");
    let agent = format!("docker-credential-ecrx/{version}");
    assert_eq!(visit.header("user-agent"), Some(agent.as_str()));
}

#[test]
fn the_registrys_clock_can_be_compared() {
    let stage = Stage::new();
    for hours in [0, -3, 7] {
        stage.registry.set_clock_offset(hours * 3600);
        let there = stage.client().ping(Some(&alice())).unwrap().response.date;
        let ahead = there.unwrap() - OffsetDateTime::now_utc();
        assert!((ahead.whole_seconds() - hours * 3600).abs() < 30, "{ahead}");
    }
}

#[test]
fn an_image_is_described_by_its_manifest_and_its_smallest_layer() {
    for format in [Format::Oci, Format::Docker] {
        let stage = Stage::new();
        let made = stage.registry.add_image_as(&image("1"), format);
        let client = stage.client();
        for reference in ["1", &made.digest] {
            let found = client
                .manifest(REPOSITORY, reference, Some(&alice()))
                .unwrap();
            let descriptor = Descriptor {
                digest: made.digest.clone(),
                media_type: made.media_type.clone(),
                size: made.size as u64,
            };
            assert_eq!((found.descriptor, found.image), (descriptor, None));
            let layer = found.layer.unwrap();
            assert_eq!(layer.digest, made.smallest().digest);
            assert_eq!(layer.size, made.smallest().size as u64);
        }
    }
}

#[test]
fn an_index_leads_to_an_image_for_linux() {
    let ours = match std::env::consts::ARCH {
        "aarch64" => "linux/arm64",
        _ => "linux/amd64",
    };
    for format in [Format::Oci, Format::Docker] {
        let stage = Stage::new();
        let platforms = ["unknown/unknown", "windows/amd64", ours];
        let (index, images) = stage.registry.add_index(&image("1"), format, &platforms);
        let found = stage.client().manifest(REPOSITORY, "1", Some(&alice()));
        let found = found.unwrap();
        assert_eq!(found.descriptor.digest, index.digest);
        assert_eq!(found.descriptor.media_type, index.media_type);
        let image = found.image.unwrap();
        assert_eq!(image.platform.as_deref(), Some(ours));
        assert_eq!(image.descriptor.digest, images[2].digest);
        assert_eq!(found.layer.unwrap().digest, images[2].smallest().digest);
    }
}

#[test]
fn a_layer_is_followed_to_the_bucket_without_the_token_and_for_one_byte() {
    let stage = Stage::new();
    let made = stage.registry.add_image(&image("1"));
    let digest = &made.smallest().digest;
    let layer = stage.client().layer(REPOSITORY, digest, Some(&alice()));
    let layer = layer.unwrap();
    assert_eq!(layer.response.status, 307);
    let StorageProbe { host, response } = layer.storage.unwrap();
    assert_eq!(host, stage.registry.bucket());
    assert_eq!(response.unwrap().status, 206);
    let [visit] = &stage.registry.visits_of(Route::Storage)[..] else {
        panic!("{:?}", stage.registry.visits());
    };
    assert!(!visit.authorized);
    assert_eq!(visit.header("range"), Some("bytes=0-0"));
}

#[test]
fn a_registry_may_give_its_layers_itself() {
    let stage = Stage::new();
    stage.registry.serve_layers();
    let made = stage.registry.add_image(&image("1"));
    let digest = &made.smallest().digest;
    let layer = stage.client().layer(REPOSITORY, digest, Some(&alice()));
    assert!(layer.unwrap().storage.is_none());
    assert!(stage.registry.visits_of(Route::Storage).is_empty());
}

#[test]
fn an_upload_is_opened_and_cancelled_however_it_is_named() {
    for by_path in [false, true] {
        let stage = Stage::new();
        stage
            .registry
            .add_repository(&format!("{HOST}/{REPOSITORY}"));
        if by_path {
            stage.registry.name_uploads_by_path();
        }
        let upload = stage.client().upload(REPOSITORY, Some(&alice())).unwrap();
        assert_eq!(upload.response.status, 202);
        assert_eq!(upload.cancelled.unwrap().status, 204);
        assert_eq!(stage.registry.uploads(), 0);
        let opened = &stage.registry.visits_of(Route::Upload)[0];
        assert_eq!(opened.header("content-length"), Some("0"));
    }
}

#[test]
fn one_client_uses_one_connection_per_registry() {
    let stage = Stage::new();
    let made = stage.registry.add_image(&image("1"));
    let (client, alice) = (stage.client(), alice());
    client.ping(None).unwrap();
    client.ping(Some(&alice)).unwrap();
    client.manifest(REPOSITORY, "1", Some(&alice)).unwrap();
    let digest = &made.smallest().digest;
    client.layer(REPOSITORY, digest, Some(&alice)).unwrap();
    client.upload(REPOSITORY, Some(&alice)).unwrap();
    let hosts = [
        format!("{HOST}:443"),
        format!("{}:443", stage.registry.bucket()),
    ];
    assert_eq!(stage.registry.proxy().targets(), hosts);
}

#[test]
fn the_same_http_client_serves_one_client_after_the_other() {
    let stage = Stage::new();
    for _ in 0..3 {
        stage.client().ping(Some(&alice())).unwrap();
    }
    assert_eq!(stage.registry.visits().len(), 3);
}

#[test]
fn a_token_of_the_program_is_accepted_with_aws_outside_the_proxy() {
    let aws = FakeAws::start();
    let stage = Stage::new();
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.trust_registry(&stage.registry);
    let answer = environment.get(HOST).answer();
    let password = Secret::new(answer["Secret"].as_str().unwrap());
    stage.client().ping(Some(&password)).unwrap();
    let visit = &stage.registry.visits()[0];
    assert_eq!(visit.principal.as_deref(), Some(ALICE.2));
    assert_eq!(visit.serial, Some(environment.get(HOST).grant().serial));
}
