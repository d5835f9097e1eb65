//! All is well, in each way that it can be.

use super::common::fake_aws::{Grant, Route};
use super::{OWN, Ward, app};

#[test]
fn same_account() {
    Ward::new().says("well_same_account", 0, &[&format!("{OWN}/team/app:v1")]);
}

#[test]
fn another_account_by_its_policy() {
    Ward::new().says("well_by_policy", 0, &[&app()]);
}

#[test]
fn another_account_by_a_role() {
    let ward = Ward::with_role();
    ward.says("well_by_role", 0, &[&app()]);
    let visits = ward.registry.visits_of(Route::Manifest);
    assert!(visits.iter().all(|visit| {
        let principal = visit.principal.as_deref();
        principal.is_some_and(|arn| arn.contains("assumed-role/ecr-pull"))
    }));
}

#[test]
fn a_registry_without_an_image() {
    let ward = Ward::new();
    ward.says("well_registry_alone", 0, &["999999999999/us-west-2"]);
    assert_eq!(ward.registry.visits_of(Route::Manifest).len(), 0);
}

#[test]
fn a_push_is_opened_and_cancelled() {
    let ward = Ward::new();
    ward.says("well_push", 0, &[&app(), "--push"]);
    assert_eq!(ward.registry.uploads(), 0);
    assert!(!ward.registry.visits_of(Route::CancelUpload).is_empty());
}

#[test]
fn a_cached_token_is_the_one_that_is_tried() {
    let ward = Ward::new();
    let first: Grant = ward.environment.get(super::HOST).grant();
    ward.environment.age_cache(7200);
    ward.says("well_cached", 0, &[&app()]);
    let visits = ward.registry.visits_of(Route::Manifest);
    assert!(
        visits
            .iter()
            .all(|visit| visit.serial == Some(first.serial))
    );
    assert_eq!(
        ward.environment.get(super::HOST).grant().serial,
        first.serial
    );
}

#[test]
fn this_machine_alone() {
    let ward = Ward::new();
    ward.says("well_machine_alone", 0, &[]);
    assert_eq!(ward.aws.connections(), 0);
    assert_eq!(ward.registry.visits().len(), 0);
}
