//! Failures before the first request to the registry: AWS identity, roles and the token.

use super::common::TestEnvironment;
use super::common::fake_aws::{Fault, Operation, SSO_ACCESS_TOKEN};
use super::common::sources::START_URL;
use super::{PULL, Ward, app};

#[test]
fn the_roles_trust_policy_is_missing() {
    let ward = Ward::with_role();
    ward.aws.deny_role(PULL);
    ward.says("role_trust_missing", 1, &[&app()]);
}

#[test]
fn the_caller_may_not_assume_the_role() {
    let ward = Ward::with_role();
    let reason = "no identity-based policy allows the sts:AssumeRole action";
    let fault = Fault::AccessDeniedBecause(reason.to_owned());
    ward.aws.on(Operation::StsAssumeRole, fault);
    ward.says("role_identity_policy_missing", 1, &[&app()]);
}

#[test]
fn the_token_is_denied() {
    let ward = Ward::new();
    ward.aws
        .on(Operation::EcrGetAuthorizationToken, Fault::AccessDenied);
    ward.says("token_denied", 1, &[&app()]);
}

#[test]
fn the_sso_sign_in_has_expired() {
    let mut ward = Ward::new();
    sso(&mut ward.environment);
    ward.environment
        .sso_sign_in("corp", SSO_ACCESS_TOKEN, -3600);
    let folder = ward.environment.home().join(".aws/sso/cache");
    let mut files = std::fs::read_dir(folder).expect("a folder");
    let file = files.next().expect("a sign-in").expect("a file").path();
    let text = std::fs::read_to_string(&file).expect("a sign-in");
    // Without a refresh token, it cannot be renewed.
    std::fs::write(&file, text.replace("refreshToken", "ignored")).expect("a sign-in");
    ward.says("sso_expired", 1, &[&app()]);
}

pub fn sso(environment: &mut TestEnvironment) {
    environment
        .unset("AWS_ACCESS_KEY_ID")
        .unset("AWS_SECRET_ACCESS_KEY");
    environment.aws_config(&format!(
        "[profile work]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = dev\n\
         [sso-session corp]\nsso_start_url = {START_URL}\nsso_region = us-east-1\n"
    ));
    environment.set("AWS_PROFILE", "work");
}

#[test]
fn credentials_are_absent() {
    let mut ward = Ward::new();
    ward.environment
        .unset("AWS_ACCESS_KEY_ID")
        .unset("AWS_SECRET_ACCESS_KEY");
    ward.says("credentials_absent", 1, &[&app()]);
}

#[test]
fn the_role_is_of_another_partition() {
    let ward = Ward::new();
    ward.environment.config(
        "[[registry]]\nmatch = \"*\"\nrole_arn = \"arn:aws-cn:iam::999999999999:role/ecr-pull\"\n",
    );
    ward.says("wrong_partition_of_role", 1, &[&app()]);
}

#[test]
fn the_key_is_of_another_partition() {
    let ward = Ward::new();
    ward.aws
        .on(Operation::StsGetCallerIdentity, Fault::UnrecognizedClient);
    ward.aws.on(
        Operation::EcrGetAuthorizationToken,
        Fault::UnrecognizedClient,
    );
    ward.says("wrong_partition_of_key", 1, &[&app()]);
}

#[test]
fn aws_throttles() {
    let ward = Ward::new();
    ward.aws
        .on(Operation::EcrGetAuthorizationToken, Fault::Throttle);
    ward.says("throttled_by_aws", 1, &[&app()]);
}

#[test]
fn only_sts_does_not_respond() {
    let ward = Ward::new();
    ward.aws
        .on(Operation::StsGetCallerIdentity, Fault::Status(403));
    ward.says("sts_silent", 0, &[&app()]);
}

#[test]
fn a_hanging_aws_ends_with_the_timeout() {
    let ward = Ward::new();
    ward.environment.config("timeout_seconds = 6\n");
    ward.aws
        .on(Operation::EcrGetAuthorizationToken, Fault::Hang);
    let started = std::time::Instant::now();
    ward.says("aws_hangs", 1, &[&app()]);
    // Twice: as text, and as JSON.
    assert!(started.elapsed() < super::IN_TIME * 2);
}

#[test]
fn a_profile_does_not_exist() {
    let mut ward = Ward::new();
    ward.environment
        .unset("AWS_ACCESS_KEY_ID")
        .unset("AWS_SECRET_ACCESS_KEY");
    ward.environment.set("AWS_PROFILE", "wrok");
    ward.environment
        .aws_config("[profile work]\nregion = eu-west-1\n");
    ward.says("profile_missing", 1, &[&app()]);
}
