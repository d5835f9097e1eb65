//! SSO and `aws login`.

use super::common::fake_aws::{FakeAws, Operation};
use super::common::{HOST, TestEnvironment, sources};
use super::{EVERY_WAY, asks_once, operations, profile_asks_once};

#[test]
fn sso_in_its_old_form_asks_once() {
    profile_asks_once(sources::sso, &EVERY_WAY);
}

#[test]
fn sso_with_a_session_asks_once() {
    profile_asks_once(sources::sso_session, &EVERY_WAY);
}

#[test]
fn aws_login_asks_once() {
    profile_asks_once(sources::login, &EVERY_WAY);
}

#[test]
fn an_sso_sign_in_that_is_over_is_renewed_where_it_can_be() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    let expected = sources::sso_session(&mut environment, &aws, "default");
    environment.sso_sign_in("default", "forgotten", -60);
    assert_eq!(environment.get(HOST).grant().principal, expected.principal);
    assert_eq!(
        operations(&aws),
        [
            Operation::SsoOidcCreateToken,
            Operation::SsoGetRoleCredentials,
            Operation::EcrGetAuthorizationToken
        ]
    );
}

#[test]
fn an_aws_login_that_is_over_is_renewed() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    let expected = sources::login(&mut environment, &aws, "default");
    environment.login_sign_in(&aws, -60);
    assert_eq!(environment.get(HOST).grant().principal, expected.principal);
    assert_eq!(
        operations(&aws),
        [
            Operation::SigninCreateOAuth2Token,
            Operation::EcrGetAuthorizationToken
        ]
    );
}

#[test]
fn the_sign_in_of_aws_login_may_lie_elsewhere() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    let expected = sources::login(&mut environment, &aws, "default");
    let (from, to) = (".aws/login/cache", "elsewhere");
    let [from, to] = [from, to].map(|folder| environment.home().join(folder));
    std::fs::rename(from, &to).expect("moved");
    environment.set("AWS_LOGIN_CACHE_DIRECTORY", &to.display().to_string());
    asks_once(&environment, &aws, &expected);
}

#[test]
fn of_a_role_of_sso_the_profile_to_sign_in_is_the_one_with_the_sso() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    sources::role_of_sso(&mut environment, &aws, "default");
    std::fs::remove_dir_all(environment.home().join(".aws/sso")).expect("signed out");
    let outcome = environment.get(HOST);
    let hints = outcome.failure(&format!(
        "no credentials for {HOST}: the SSO sign-in for profile default-sso (session default-sso) is missing; run: aws sso login --profile default-sso"
    ));
    assert_eq!(
        hints,
        [
            "To sign in for every profile of the session, run: aws sso login --sso-session default-sso",
            "identity: profile default (SSO, role ops in account 444455556666, session default-sso), then role arn:aws:iam::999999999999:role/default; selected by the default AWS credential chain"
        ]
    );
    assert_eq!(aws.calls().len(), 0);
}
