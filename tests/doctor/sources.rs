//! The AWS identity, by each credential source.

use super::common::fake_aws::{Operation, denial};
use super::{Ward, app};

/// Without credentials; each test adds its own.
fn ward() -> Ward {
    let mut ward = Ward::new();
    ward.environment
        .unset("AWS_ACCESS_KEY_ID")
        .unset("AWS_SECRET_ACCESS_KEY");
    ward
}

/// The findings about the AWS identity.
fn who(stdout: &str) -> Vec<&str> {
    let (_, rest) = stdout.split_once("AWS identity\n").expect("an identity");
    let (area, _) = rest.split_once("\n\n").expect("an end");
    let is_fact = |line: &&str| line.starts_with("  ");
    area.lines().skip_while(is_fact).collect()
}

#[test]
fn a_web_identity_is_allowed_as_the_role_that_it_assumes() {
    let mut ward = ward();
    let token = ward.environment.write("token", "e30.e30.e30");
    let role = "arn:aws:iam::111122223333:role/team/pod";
    ward.environment
        .set("AWS_WEB_IDENTITY_TOKEN_FILE", &token.display().to_string())
        .set("AWS_ROLE_ARN", role);
    ward.registry
        .deny("*", "ecr:BatchGetImage", denial::NO_RESOURCE_POLICY);
    let told = ward.doctor(&[&app()]);
    assert!(
        told.stdout.contains(&format!("\"AWS\": \"{role}\"")),
        "{}",
        told.stdout
    );
    assert!(!told.stdout.contains("e30."), "{}", told.stdout);
}

#[test]
fn a_container_and_its_authorization() {
    let mut ward = ward();
    ward.aws.require_container_authorization("Bearer hush-hush");
    ward.environment.set_container(&ward.aws);
    ward.environment
        .set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Bearer hush-hush")
        .set("ECRX_LOG", "debug");
    let told = ward.doctor(&[&app()]);
    assert_eq!(told.code, Some(0), "{told:?}");
    let found = who(&told.stdout);
    assert!(found[0].contains("; session expires in "), "{found:?}");
    let all = format!("{}{}", told.stdout, told.stderr);
    assert!(!all.contains("hush"), "{all}");
    ward.no_secret_is_in(&all);
}

#[cfg(unix)]
#[test]
fn a_process_that_fails_with_escapes() {
    let mut ward = ward().with_programs();
    ward.environment.aws_config(
        "[profile work]\ncredential_process = sh -c 'printf \"\\\\033[31mred\\\\n\" >&2; exit 3'\n",
    );
    ward.environment.set("AWS_PROFILE", "work");
    let told = ward.doctor(&[&app()]);
    assert_eq!(told.code, Some(1), "{told:?}");
    assert!(!told.stdout.contains('\u{1b}'), "{:?}", told.stdout);
    assert!(who(&told.stdout)[0].starts_with("✗ "), "{}", told.stdout);
}

#[test]
fn an_sso_role_is_allowed_by_a_condition() {
    let mut ward = ward();
    super::aws::sso(&mut ward.environment);
    ward.environment
        .sso_sign_in("corp", super::common::fake_aws::SSO_ACCESS_TOKEN, 3600);
    ward.registry
        .deny("*", "ecr:BatchGetImage", denial::NO_RESOURCE_POLICY);
    ward.says("sso_role_denied", 1, &[&app()]);
    assert_eq!(ward.aws.count(Operation::StsAssumeRole), 0);
}

#[test]
fn an_sso_role_is_changed_in_its_permission_set() {
    let mut ward = ward();
    super::aws::sso(&mut ward.environment);
    ward.environment
        .sso_sign_in("corp", super::common::fake_aws::SSO_ACCESS_TOKEN, 3600);
    ward.registry
        .deny("*", "ecr:BatchGetImage", denial::NO_IDENTITY_POLICY);
    let told = ward.doctor(&[&app()]);
    let place = "Add to the inline policy of permission set dev in IAM Identity Center:\n";
    assert!(told.stdout.contains(place), "{}", told.stdout);
}
