//! Tokens that a rule limits, at registries that do and do not hold them to it.

use super::common::fake_aws::Route;
use super::{PULL, Ward, app};
use crate::common::HOST;

/// A rule with a role for [`HOST`] and this access.
fn limited(access: &str) -> Ward {
    let ward = Ward::new();
    ward.environment.config(&format!(
        "[[registry]]\nmatch = \"999999999999\"\nrole_arn = \"{PULL}\"\n{access}\n"
    ));
    ward
}

#[test]
fn an_upload_with_a_token_for_pulls_is_denied() {
    let ward = limited("access = \"pull\"");
    ward.says("limited", 0, &[&app()]);
    assert!(!ward.registry.visits_of(Route::Upload).is_empty());
    assert_eq!(ward.registry.uploads(), 0);
}

#[test]
fn a_registry_that_starts_an_upload_does_not_limit_the_token() {
    let ward = limited("access = \"pull\"");
    ward.registry.ignore_session_policies();
    ward.says("not_limited", 1, &[&app()]);
    // Nothing is left of it.
    assert_eq!(ward.registry.uploads(), 0);
}

#[test]
fn a_push_that_the_rule_does_not_include_is_denied_by_the_rule() {
    let ward = limited("access = \"pull\"");
    ward.says("push_not_included", 1, &[&app(), "--push"]);
}

#[test]
fn a_token_for_pushes_is_tried_only_where_it_must_not_work() {
    let ward = limited("access = \"push\"\naccess_repositories = [\"other/*\"]");
    let outside = ward.doctor(&[&app()]);
    assert!(
        outside
            .stdout
            .contains("✓ limited: an upload to team/app is denied, as access = \"push\" requires"),
        "{outside:?}"
    );
    ward.registry.ignore_session_policies();
    let outside = ward.doctor(&[&app()]);
    assert!(
        outside
            .stdout
            .contains("✗ NOT LIMITED: an upload to team/app was started"),
        "{outside:?}"
    );

    for (access, why) in [
        (
            "access = \"push\"\naccess_repositories = [\"team/*\"]",
            "the access includes pushes to team/app; name a repository that it does not include",
        ),
        (
            "access = \"push\"",
            "the access includes pushes to all of its repositories",
        ),
    ] {
        let ward = limited(access);
        let told = ward.doctor(&[&app()]);
        assert_eq!(told.code, Some(0), "{told:?}");
        let text = format!("· not checked whether the registry limits the token: {why}\n");
        assert!(told.stdout.contains(&text), "{told:?}");
        assert_eq!(ward.registry.visits_of(Route::Upload).len(), 0);
    }
}

#[test]
fn without_a_repository_that_exists_nothing_is_opened() {
    let ward = limited("access = \"pull\"");
    for (target, why) in [
        (
            HOST.to_owned(),
            format!("name an existing repository, {HOST}/REPOSITORY"),
        ),
        (
            format!("{HOST}/team/absent:v1"),
            "the repository does not exist".to_owned(),
        ),
    ] {
        let told = ward.doctor(&[&target]);
        let text = format!("· not checked whether the registry limits the token: {why}\n");
        assert!(told.stdout.contains(&text), "{told:?}");
    }
    assert_eq!(ward.registry.visits_of(Route::Upload).len(), 0);
}
