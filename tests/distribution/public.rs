//! Public ECR, which issues a token of its own for a password, or without one.

use docker_credential_ecrx::doctor::distribution::{
    LocationError, Operation, RegistryErrorKind, Scheme,
};

use crate::common::fake_aws::{ALICE, RegistryFault, Route};
use crate::stage::{LIMIT, Stage, alice, told};

const PUBLIC: &str = "public.ecr.aws";

#[test]
fn pulls_work_without_and_with_a_login() {
    let stage = Stage::of(&[PUBLIC]);
    let made = stage
        .registry
        .add_image(&format!("{PUBLIC}/docker/library/app:1"));
    let client = stage.client_of(PUBLIC, LIMIT);
    let wanted = client.ping(None).unwrap().challenge.unwrap();
    assert_eq!(wanted.scheme, Scheme::Bearer);

    let alice = alice();
    for (password, principal) in [(None, "anonymous"), (Some(&alice), ALICE.2)] {
        stage.registry.clear();
        let found = client
            .manifest("docker/library/app", "1", password)
            .unwrap();
        assert_eq!(found.descriptor.digest, made.digest);
        let digest = &found.layer.unwrap().digest;
        let layer = client
            .layer("docker/library/app", digest, password)
            .unwrap();
        layer.storage.unwrap().response.unwrap();
        let visits = stage.registry.visits();
        let last = visits.iter().rfind(|visit| visit.route == Route::Layer);
        assert_eq!(last.unwrap().principal.as_deref(), Some(principal));
        let token = visits.iter().find(|visit| visit.route == Route::Token);
        let token = token.unwrap();
        assert_eq!(token.path, "/token/?service=public.ecr.aws&scope=aws");
        assert_eq!(token.authorized, password.is_some());
    }
    client.ping(Some(&alice)).unwrap();
}

#[test]
fn the_password_is_exchanged_at_the_registrys_own_host_alone() {
    let stage = Stage::of(&[PUBLIC]);
    let client = stage.client_of(PUBLIC, LIMIT);
    for (realm, why) in [
        (
            "https://tokens.example/",
            LocationError::OtherHost("tokens.example".to_owned()),
        ),
        (
            "http://public.ecr.aws/",
            LocationError::NotHttps(PUBLIC.to_owned()),
        ),
    ] {
        let challenge = format!("Bearer realm=\"{realm}\",service=\"x\"");
        let headers = vec![("www-authenticate".to_owned(), challenge)];
        stage.registry.heal(Route::Manifest);
        stage.registry.on(
            Route::Manifest,
            RegistryFault::Raw(401, headers, String::new()),
        );
        let refused = client.manifest("app", "1", Some(&alice())).unwrap_err();
        told(&refused);
        assert_eq!(refused.operation, Operation::Token);
        match refused.kind {
            RegistryErrorKind::Location(told) => assert_eq!(told, why),
            kind => panic!("{kind:?}"),
        }
    }
    assert_eq!(stage.hosts(), [format!("{PUBLIC}:443")]);
}

#[test]
fn what_is_no_token_is_not_sent() {
    let stage = Stage::of(&[PUBLIC]);
    let client = stage.client_of(PUBLIC, LIMIT);
    for body in ["", "{}", "[]", r#"{"token":7}"#, r#"{"token":"a\nb"}"#] {
        stage.registry.heal(Route::Token);
        let fault = RegistryFault::Raw(200, Vec::new(), body.to_owned());
        stage.registry.on(Route::Token, fault);
        let refused = client.manifest("app", "1", None).unwrap_err();
        assert!(
            matches!(refused.kind, RegistryErrorKind::NotARegistry(_)),
            "{body}: {refused:?}"
        );
        assert_eq!(refused.operation, Operation::Token);
    }
}
