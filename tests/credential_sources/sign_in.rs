//! SSO and `aws login`.

use super::common::fake_aws::{FakeAws, Operation};
use super::common::sources::START_URL;
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

/// A profile with these settings and a sign-in to renew, and no variable with an endpoint.
fn to_renew(aws: &FakeAws, settings: &str) -> TestEnvironment {
    let mut environment = TestEnvironment::with_aws(aws);
    environment.unset("AWS_ENDPOINT_URL");
    environment.aws_config(&format!(
        "[sso-session corp]\nsso_start_url = {START_URL}\nsso_region = us-east-1\n\
         [default]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = dev\n{settings}"
    ));
    environment.sso_sign_in("corp", "forgotten", -60);
    environment
}

#[track_caller]
fn renews_and_signs_in_at(aws: &FakeAws, environment: &TestEnvironment) {
    aws.clear();
    let granted = environment.get(HOST).grant();
    assert_eq!(granted.principal, aws.sso_principal("111122223333", "dev"));
    assert_eq!(
        operations(aws),
        [
            Operation::SsoOidcCreateToken,
            Operation::SsoGetRoleCredentials,
            Operation::EcrGetAuthorizationToken
        ]
    );
}

#[test]
fn the_endpoints_of_a_profile_are_also_those_of_sso() {
    let (aws, other) = (FakeAws::start(), FakeAws::start());
    let (url, elsewhere) = (aws.url(), other.url());
    let services = |url: &str| {
        let block = |service: &str| format!("{service} =\n  endpoint_url = {url}\n");
        let blocks = ["sso", "sso_oidc", "ecr"].map(block).concat();
        format!("endpoint_url = {elsewhere}\nservices = all\n[services all]\n{blocks}")
    };
    renews_and_signs_in_at(&aws, &to_renew(&aws, &format!("endpoint_url = {url}\n")));
    renews_and_signs_in_at(&aws, &to_renew(&aws, &services(&url)));
    // Variables take precedence. An empty one counts as unset.
    let mut environment = to_renew(&aws, &services(&elsewhere));
    environment
        .set("AWS_ENDPOINT_URL", &url)
        .set("AWS_ENDPOINT_URL_SSO", "")
        .set("AWS_ENDPOINT_URL_SSO_OIDC", " ");
    renews_and_signs_in_at(&aws, &environment);
    assert_eq!(other.connections(), 0);
}

#[test]
fn the_endpoints_of_sso_can_be_ignored() {
    let aws = FakeAws::start();
    let url = aws.url();
    let of_profile = format!("endpoint_url = {url}\n");
    let ignored = format!("{of_profile}ignore_configured_endpoint_urls = true\n");
    for (settings, variable, value) in [
        (&of_profile, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"),
        (&ignored, "AWS_ENDPOINT_URL_SSO", &url),
        (&ignored, "AWS_ENDPOINT_URL_SSO_OIDC", "no URL"),
    ] {
        let mut environment = to_renew(&aws, settings);
        environment
            .set(variable, value)
            .set("HTTPS_PROXY", "http://127.0.0.1:1");
        let outcome = environment.get(HOST);
        let told = "cannot reach oidc.us-east-1.amazonaws.com through proxy 127.0.0.1:1";
        assert!(outcome.stdout.contains(told), "{outcome:?}");
    }
    assert_eq!(aws.connections(), 0);
}

/// Writes the time at which a sign-in expires in another form.
fn rewrite_expiry(environment: &TestEnvironment, form: &str) {
    let folder = environment.home().join(".aws/sso/cache");
    for file in std::fs::read_dir(folder).expect("a sign-in") {
        let path = file.expect("a file").path();
        let text = std::fs::read_to_string(&path).expect("a sign-in");
        let mut sign_in: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        for name in ["expiresAt", "registrationExpiresAt"] {
            let time = sign_in[name].as_str().expect("a time");
            let time = time.strip_suffix('Z').expect("UTC");
            sign_in[name] = format!("{time}{form}").into();
        }
        std::fs::write(path, sign_in.to_string()).expect("written");
    }
}

const FORMS: [&str; 5] = ["UTC", "+00:00", "+0000", ".123456Z", " UTC"];

#[test]
fn an_sso_sign_in_is_used_in_every_form_that_tools_write() {
    for profile in [sources::sso as sources::Profile, sources::sso_session] {
        for form in FORMS {
            let aws = FakeAws::start();
            let mut environment = TestEnvironment::with_aws(&aws);
            let expected = profile(&mut environment, &aws, "default");
            rewrite_expiry(&environment, form);
            asks_once(&environment, &aws, &expected);
        }
    }
}

#[test]
fn an_sso_sign_in_is_renewed_in_every_form_that_tools_write() {
    for form in FORMS {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::with_aws(&aws);
        let expected = sources::sso_session(&mut environment, &aws, "default");
        environment.sso_sign_in("default", "forgotten", -60);
        rewrite_expiry(&environment, form);
        let granted = environment.get(HOST);
        assert_eq!(granted.grant().principal, expected.principal, "{form}");
        assert_eq!(aws.count(Operation::SsoOidcCreateToken), 1, "{form}");
        // For the AWS CLI too, the sign-in is renewed.
        environment.config("[cache]\nenabled = false\n");
        let granted = environment.get(HOST);
        assert_eq!(granted.grant().principal, expected.principal, "{form}");
        assert_eq!(aws.count(Operation::SsoOidcCreateToken), 1, "{form}");
    }
}

#[test]
fn an_sso_sign_in_whose_time_has_no_zone_cannot_be_read() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    sources::sso_session(&mut environment, &aws, "default");
    rewrite_expiry(&environment, "");
    environment.get(HOST).failure(&format!(
        "no credentials for {HOST}: the SSO sign-in for profile default (session default) cannot be read; run: aws sso login --profile default"
    ));
    assert_eq!(aws.count(Operation::SsoGetRoleCredentials), 0);
}

/// The AWS CLI sends both lines, which AWS refuses.
#[test]
fn an_sso_account_that_continues_on_a_second_line_is_refused_by_its_line() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    sources::sso(&mut environment, &aws, "default");
    let config = environment.home().join(".aws/config");
    let text = std::fs::read_to_string(&config).expect("a file");
    environment.aws_config(&text.replace("111122223333", "111122223333\n  444455556666"));
    let outcome = environment.get(HOST);
    let line = outcome.stdout.trim_end();
    assert!(
        line.contains("sso_account_id") && line.contains("111122223333"),
        "{line}"
    );
    assert_eq!(aws.connections(), 0);
}

#[test]
fn an_aws_login_without_a_region_asks_once_and_is_renewed() {
    for (seconds, renewals) in [(3600, 0), (-60, 1)] {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::with_aws(&aws);
        let expected = sources::login(&mut environment, &aws, "default");
        let config = environment.home().join(".aws/config");
        let text = std::fs::read_to_string(&config).expect("a file");
        environment.aws_config(&text.replace("region = us-east-1\n", ""));
        environment.login_sign_in(&aws, seconds);
        assert_eq!(environment.get(HOST).grant().principal, expected.principal);
        assert_eq!(aws.count(Operation::SigninCreateOAuth2Token), renewals);
    }
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
            "identity: profile default (the SSO role ops in account 444455556666 through session default-sso), then role arn:aws:iam::999999999999:role/default; selected by the default AWS credential chain"
        ]
    );
    assert_eq!(aws.calls().len(), 0);
}
