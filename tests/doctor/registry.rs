//! Requests that the registry denies although the token is valid.

use super::common::HOST;
use super::common::fake_aws::{ALICE, Refused, RegistryFault, Route, denial};
use super::{ELSEWHERE, OWN, Ward, app};

/// The registry denies Alice this action, for this reason.
fn denied(action: &str, reason: &str) -> Ward {
    let ward = Ward::new();
    ward.registry.deny(ALICE.2, action, reason);
    ward
}

#[test]
fn no_identity_policy() {
    let ward = denied("ecr:BatchGetImage", denial::NO_IDENTITY_POLICY);
    ward.says("identity_policy_missing", 1, &[&app()]);
}

#[test]
fn no_repository_policy() {
    let ward = denied("ecr:BatchGetImage", denial::NO_RESOURCE_POLICY);
    ward.says("repository_policy_missing", 1, &[&app()]);
}

#[test]
fn no_repository_policy_for_a_role() {
    let ward = Ward::new();
    ward.environment
        .config("[[registry]]\nmatch = \"*\"\nrole_arn = \"arn:aws:iam::111122223333:role/ci\"\n");
    ward.registry
        .deny("*", "ecr:BatchGetImage", denial::NO_RESOURCE_POLICY);
    ward.says("repository_policy_missing_for_role", 1, &[&app()]);
}

#[test]
fn an_explicit_deny() {
    let ward = denied("ecr:BatchGetImage", denial::EXPLICIT_IN_RESOURCE);
    ward.says("explicit_deny", 1, &[&app()]);
}

#[test]
fn the_organization_denies() {
    let ward = denied("ecr:BatchGetImage", denial::EXPLICIT_IN_SCP);
    ward.says("scp_deny", 1, &[&app()]);
}

#[test]
fn a_boundary() {
    let ward = denied("ecr:BatchGetImage", denial::NO_BOUNDARY);
    ward.says("boundary", 1, &[&app()]);
}

#[test]
fn a_denial_without_a_reason() {
    let ward = denied("ecr:BatchGetImage", denial::UNEXPLAINED);
    ward.says("denied_unexplained", 1, &[&app()]);
}

#[test]
fn the_same_account_without_a_policy() {
    let ward = denied("ecr:BatchGetImage", denial::NO_IDENTITY_POLICY);
    ward.says(
        "identity_policy_missing_same_account",
        1,
        &[&format!("{OWN}/team/app:v1")],
    );
}

#[test]
fn layers_are_denied() {
    let ward = denied("ecr:GetDownloadUrlForLayer", denial::NO_IDENTITY_POLICY);
    ward.says("layer_denied", 1, &[&app()]);
}

#[test]
fn the_bucket_of_the_layers_is_denied() {
    let ward = Ward::new();
    ward.registry.deny_storage();
    ward.says("bucket_denied", 1, &[&app()]);
}

#[test]
fn a_push_is_denied() {
    let ward = denied("ecr:InitiateLayerUpload", denial::NO_RESOURCE_POLICY);
    ward.says("push_denied", 1, &[&app(), "--push"]);
    assert_eq!(ward.registry.uploads(), 0);
}

#[test]
fn the_image_is_absent() {
    Ward::new().says("image_absent", 1, &[&format!("{HOST}/team/app:v2")]);
}

#[test]
fn the_repository_is_absent() {
    Ward::new().says("repository_absent", 1, &[&format!("{HOST}/team/other:v1")]);
}

/// The account has the repository in another region.
#[test]
fn the_region_is_wrong() {
    let ward = Ward::new();
    ward.says("wrong_region", 1, &[&format!("{ELSEWHERE}/team/app:v1")]);
    let right = ward.doctor(&[&format!("{OWN}/team/app:v1")]);
    assert_eq!(right.code, Some(0), "{right:?}");
}

#[test]
fn a_cached_token_was_revoked() {
    let ward = Ward::new();
    for (round, arguments) in [&[][..], &["--json"]].into_iter().enumerate() {
        let cached = ward.environment.get(HOST).grant();
        ward.registry.revoke(cached.serial);
        let target = app();
        let arguments = [&[target.as_str()], arguments].concat();
        let told = ward.doctor(&arguments);
        assert_eq!(told.code, Some(1), "{told:?}");
        assert!(told.stdout.contains("has been removed"), "{}", told.stdout);
        assert_eq!(ward.environment.entries().len(), 0, "{round}");
    }
    ward.says("well_after_a_dead_token", 0, &[&app()]);
}

#[test]
fn a_rejected_token_is_reported() {
    let ward = Ward::new();
    let cached = ward.environment.get(HOST).grant();
    ward.environment.age_cache(7200);
    ward.registry
        .revoke_with(cached.serial, Refused::Unauthorized);
    let told = ward.doctor(&[&app()]);
    insta::with_settings!({
        snapshot_path => "snapshots",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!("token_revoked", ward.neutral(&told.stdout));
    });
}

#[test]
fn the_registry_throttles() {
    let ward = Ward::new();
    ward.registry.on(Route::Manifest, RegistryFault::Throttle);
    ward.says("throttled_by_the_registry", 1, &[&app()]);
}

#[test]
fn the_registry_is_down() {
    let ward = Ward::new();
    ward.registry
        .on(Route::Manifest, RegistryFault::Status(503));
    ward.says("registry_down", 1, &[&app()]);
}

#[test]
fn another_server_responds_instead_of_the_registry() {
    let ward = Ward::new();
    ward.registry.on(Route::Ping, RegistryFault::Page);
    ward.says("not_a_registry", 1, &[&app()]);
}
