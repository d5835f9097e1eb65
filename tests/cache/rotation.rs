//! Credentials that rotate: however often they do, the cache holds one entry for a registry and
//! identity.

use std::fs;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::common::fake_aws::{ALICE, FakeAws};
use super::common::sources;
use super::common::{HOST, TestEnvironment};
use super::{ECR, HOUR};

const ROTATIONS: usize = 20;

/// Rotates, and gets a token that no predecessor had; what is left in the cache is one entry.
fn rotate(
    aws: &FakeAws,
    environment: &mut TestEnvironment,
    mut next: impl FnMut(&mut TestEnvironment, usize),
) {
    for n in 1..=ROTATIONS {
        next(environment, n);
        environment.get(HOST).grant();
        assert_eq!(aws.count(ECR), n, "a token for each");
        assert_eq!(environment.entries().len(), 1, "rotation {n}");
        assert!(environment.cached("lock").len() <= 1, "rotation {n}");
    }
}

#[test]
fn rotated_session_keys_leave_one_entry() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    rotate(&aws, &mut environment, |environment, _| {
        let life = Duration::from_secs(3600);
        environment.set_session(&aws.temporary_credentials(ALICE.2, life));
    });
}

#[test]
fn rotated_session_keys_of_a_profile_leave_one_entry() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.set("AWS_PROFILE", "work");
    rotate(&aws, &mut environment, |environment, _| {
        environment.aws_config("");
        sources::session_keys(environment, &aws, "work");
    });
}

#[test]
fn rotated_sso_sign_ins_leave_one_entry() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.set("AWS_PROFILE", "work");
    sources::sso_session(&mut environment, &aws, "work");
    rotate(&aws, &mut environment, |environment, n| {
        // As `aws sso logout` and another user's `aws sso login` do.
        let folder = environment.home().join(".aws/sso/cache");
        fs::remove_dir_all(folder).expect("the sign-in");
        aws.set_sso_user(&format!("user-{n}"));
        let token = format!("access token {n}");
        aws.add_sso_access_token(&token);
        environment.sso_sign_in("work", &token, HOUR);
        // A sign-in of the same content at the same place may look like the last one.
        environment.age_cache(7 * HOUR);
    });
}

#[test]
fn rotated_web_identity_tokens_leave_one_entry() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.set_web_identity();
    rotate(&aws, &mut environment, |environment, n| {
        let claims = format!(
            r#"{{"iss":"https://ci.example.com","sub":"job","aud":"sts.amazonaws.com","jti":"{n}","exp":{}}}"#,
            4_000_000_000u64 + n as u64
        );
        let claims = URL_SAFE_NO_PAD.encode(claims);
        environment.write("environment.jwt", &format!("e30.{claims}.e30"));
        environment.age_cache(7 * HOUR);
    });
}

#[test]
fn web_identities_that_differ_leave_one_entry() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.set_web_identity();
    rotate(&aws, &mut environment, |environment, n| {
        let claims = format!(r#"{{"iss":"https://ci.example.com","sub":"job {n}","aud":"x"}}"#);
        let claims = URL_SAFE_NO_PAD.encode(claims);
        environment.write("environment.jwt", &format!("e30.{claims}.e30"));
    });
}

#[test]
fn rotated_instance_roles_leave_one_entry() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.set_instance_metadata(&aws);
    rotate(&aws, &mut environment, |environment, n| {
        aws.set_instance_role(Some(&format!("arn:aws:iam::111122223333:role/node-{n}")));
        // Which role an instance has is not asked while a token is young.
        environment.age_cache(2 * HOUR);
    });
}
