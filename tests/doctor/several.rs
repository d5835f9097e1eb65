//! Several failures at once, or a step that hangs: the verdict names the one to fix first, and the
//! other steps are checked all the same.

use std::time::{Duration, Instant};

use super::common::HOST;
use super::common::fake_aws::{Fault, Operation, RegistryFault, Route};
use super::{Ward, app};

/// The verdict, its path and its policy changes.
fn verdict(stdout: &str) -> &str {
    stdout.split_once("Verdict\n").expect("a verdict").1
}

#[test]
fn a_registry_that_does_not_respond_leaves_time_for_aws() {
    let ward = Ward::new();
    ward.environment.config("timeout_seconds = 6\n");
    ward.registry.on(Route::Ping, RegistryFault::Hang);
    let told = ward.doctor_in_time(&[&app()]);
    assert!(
        told.stdout.contains("returned a new token"),
        "{}",
        told.stdout
    );
    let verdict = verdict(&told.stdout);
    assert!(verdict.starts_with("✗ Failed at registry: "), "{verdict}");
    assert!(verdict.contains("✗ failed here"), "{verdict}");
}

/// Each step alone could wait for all of it.
#[test]
fn several_servers_that_do_not_respond_share_one_timeout() {
    let time = Duration::from_secs(12);
    let ward = Ward::new();
    ward.environment.config("timeout_seconds = 12\n");
    ward.registry.on(Route::Ping, RegistryFault::Hang);
    for operation in [
        Operation::StsGetCallerIdentity,
        Operation::EcrGetAuthorizationToken,
    ] {
        ward.aws.on(operation, Fault::Hang);
    }
    let started = Instant::now();
    let told = ward.doctor(&[&app()]);
    let took = started.elapsed();
    assert!(took < 2 * time, "{took:?}");
    assert_eq!(told.code, Some(1), "{}", told.stdout);
    assert!(took >= time / 2, "{took:?}: nothing was waited for");
}

#[test]
fn an_sts_that_does_not_respond_leaves_time_for_the_token() {
    let ward = Ward::new();
    ward.environment.config("timeout_seconds = 6\n");
    ward.aws.on(Operation::StsGetCallerIdentity, Fault::Hang);
    let told = ward.doctor_in_time(&[&app()]);
    assert_eq!(told.code, Some(0), "{}", told.stdout);
    assert!(
        told.stdout.contains("STS did not return their ARN"),
        "{}",
        told.stdout
    );
}

#[test]
fn docker_has_no_helper_and_the_image_is_absent() {
    let ward = Ward::new();
    ward.environment.write(".docker/config.json", "{}\n");
    let told = ward.doctor(&[&format!("{HOST}/team/app:v2")]);
    let verdict = verdict(&told.stdout);
    assert!(verdict.starts_with("✗ Failed at registry: "), "{verdict}");
    assert!(
        verdict.contains("Also: docker has no credential helper"),
        "{verdict}"
    );
}

#[test]
fn the_clock_is_wrong_and_the_image_is_absent() {
    let ward = Ward::new();
    ward.registry.set_clock_offset(600);
    let told = ward.doctor(&[&format!("{HOST}/team/app:v2")]);
    let verdict = verdict(&told.stdout);
    assert!(verdict.starts_with("✗ Failed at registry: "), "{verdict}");
}

#[test]
fn a_custom_host_with_an_invalid_configuration() {
    let ward = Ward::new();
    ward.environment.config("timeout_secs = 3\n");
    ward.says(
        "config_broken_for_own_host",
        1,
        &["images.example.com/team/app:v1"],
    );
}

#[test]
fn a_push_of_a_new_tag() {
    let ward = Ward::new();
    ward.says(
        "push_of_a_new_tag",
        0,
        &[&format!("{HOST}/team/app:v2"), "--push"],
    );
}

#[test]
fn a_push_of_a_new_tag_is_denied() {
    let ward = Ward::new();
    let reason = super::common::fake_aws::denial::NO_RESOURCE_POLICY;
    ward.registry.deny("*", "ecr:InitiateLayerUpload", reason);
    let told = ward.doctor(&[&format!("{HOST}/team/app:v2"), "--push"]);
    let verdict = verdict(&told.stdout);
    assert_eq!(told.code, Some(1));
    assert!(
        verdict.contains("is not allowed to perform ecr:InitiateLayerUpload"),
        "{verdict}"
    );
    assert!(verdict.contains("ecr:PutImage"), "{verdict}");
}

/// ECR may create the repository for the push.
#[test]
fn a_push_to_a_missing_repository_is_not_tried() {
    let ward = Ward::new();
    let image = format!("{HOST}/team/other:v1");
    ward.says("push_repository_absent", 1, &[&image, "--push"]);
    assert_eq!(ward.registry.visits_of(Route::Upload).len(), 0);
}

#[test]
fn a_caller_that_cannot_pull_gets_the_statement_for_pushes() {
    let ward = Ward::new();
    let reason = super::common::fake_aws::denial::NO_RESOURCE_POLICY;
    ward.registry.deny("*", "*", reason);
    let told = ward.doctor(&[&app(), "--push"]);
    let verdict = verdict(&told.stdout);
    assert!(verdict.contains("ecr:PutImage"), "{verdict}");
}

#[test]
fn a_push_without_an_image_is_a_usage_error() {
    let told = Ward::new().doctor(&[HOST, "--push"]);
    assert_eq!((told.code, told.stdout.as_str()), (Some(2), ""));
    assert!(told.stderr.contains("--push"), "{told:?}");
}

#[test]
fn a_denied_token_request_is_reported_although_the_cached_token_works() {
    let ward = Ward::new();
    ward.environment.get(HOST).grant();
    ward.environment.age_cache(7200);
    ward.aws
        .on(Operation::EcrGetAuthorizationToken, Fault::AccessDenied);
    ward.says("token_denied_with_a_cached_one", 1, &[&app()]);
}
