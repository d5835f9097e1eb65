//! No sign-in; SSO and `aws login` with a sign-in that is not valid.

use super::common::fake_aws::{FakeAws, Fault, Operation, SSO_ACCESS_TOKEN};
use super::common::sources::{LOGIN_SESSION, START_URL};
use super::common::{HOST, TestEnvironment};
use super::{of_profile, told};

pub const SIGN_IN: &str = "Sign in with `aws sso login`, `aws login` or `aws configure`, or select a profile in config.toml or AWS_PROFILE";
const ON_EC2: &str =
    "On EC2, attach a role to the instance; for containers, set the metadata hop limit to 2";

const SSO_HINTS: [&str; 2] = [
    "To sign in for every profile of the session, run: aws sso login --sso-session corp",
    "identity: profile work (the SSO role dev in account 111122223333 through session corp); selected by the variable AWS_PROFILE",
];
const LOGIN_HINTS: [&str; 1] = [
    "identity: profile work (aws login as arn:aws:iam::111122223333:user/login); selected by the variable AWS_PROFILE",
];

const SSO_CACHE: &str = ".aws/sso/cache";
const LOGIN_CACHE: &str = ".aws/login/cache";

/// An hour ago.
const OVER: i64 = -3600;

/// A profile of an SSO session, without a sign-in.
fn of_sso(aws: &FakeAws) -> TestEnvironment {
    of_profile(
        aws,
        &format!(
            "sso_session = corp\nsso_account_id = 111122223333\nsso_role_name = dev\n\
             [sso-session corp]\nsso_start_url = {START_URL}\nsso_region = us-east-1"
        ),
    )
}

/// The same, signed in for as many seconds.
fn of_sso_for(aws: &FakeAws, seconds: i64) -> TestEnvironment {
    let environment = of_sso(aws);
    environment.sso_sign_in("corp", SSO_ACCESS_TOKEN, seconds);
    environment
}

/// A profile of `aws login`, without a sign-in.
fn of_login(aws: &FakeAws) -> TestEnvironment {
    of_profile(
        aws,
        &format!("login_session = {LOGIN_SESSION}\nregion = eu-west-1"),
    )
}

/// The same, signed in, with keys that are to be renewed.
fn of_login_to_renew(aws: &FakeAws) -> TestEnvironment {
    let environment = of_login(aws);
    environment.login_sign_in(aws, OVER);
    environment
}

/// Changes the one sign-in in this folder.
fn change_sign_in(environment: &TestEnvironment, folder: &str, change: impl Fn(&str) -> String) {
    let files = std::fs::read_dir(environment.home().join(folder)).expect("a folder");
    let paths: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    let [path] = paths.as_slice() else {
        panic!("{paths:?}")
    };
    let text = std::fs::read_to_string(path).expect("a file");
    std::fs::write(path, change(&text)).expect("a file");
}

fn of_instance(aws: &FakeAws) -> TestEnvironment {
    let mut environment = TestEnvironment::with_aws(aws);
    environment.unset("AWS_EC2_METADATA_DISABLED");
    environment.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", &aws.url());
    environment
}

#[test]
fn without_any_configuration_there_are_no_credentials() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::with_aws(&aws);
    told(
        &environment.get(HOST),
        "no AWS credentials found: configuration, variables and the default profile have none, and instance metadata is disabled",
        &[SIGN_IN, &environment.searched_files()],
    );
    assert_eq!(aws.connections(), 0);
}

#[test]
fn without_instance_metadata_there_are_no_credentials() {
    let aws = FakeAws::start();
    let mut environment = of_instance(&aws);
    environment.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1");
    told(
        &environment.get(HOST),
        "no AWS credentials found: instance metadata at http://127.0.0.1:1 cannot be reached: connection refused",
        &[
            SIGN_IN,
            ON_EC2,
            &environment.searched_files(),
            "identity: instance metadata at http://127.0.0.1:1; selected by the default AWS credential chain",
        ],
    );
}

#[test]
fn on_an_instance_without_a_role_there_are_no_credentials() {
    let aws = FakeAws::start();
    aws.set_instance_role(None);
    let url = aws.url();
    let environment = of_instance(&aws);
    told(
        &environment.get(HOST),
        &format!(
            "no AWS credentials found: instance metadata at {url} has no role for this instance"
        ),
        &[
            SIGN_IN,
            ON_EC2,
            &environment.searched_files(),
            &format!(
                "identity: instance metadata at {url}; selected by the default AWS credential chain"
            ),
        ],
    );
}

#[test]
fn instance_metadata_that_is_forbidden_is_told_so() {
    let aws = FakeAws::start();
    aws.on(Operation::ImdsToken, Fault::AccessDenied);
    let url = aws.url();
    let environment = of_instance(&aws);
    told(
        &environment.get(HOST),
        &format!("no AWS credentials found: instance metadata at {url} is disabled or forbidden"),
        &[
            SIGN_IN,
            ON_EC2,
            &environment.searched_files(),
            &format!(
                "identity: instance metadata at {url}; selected by the default AWS credential chain"
            ),
        ],
    );
}

#[test]
fn instance_metadata_that_fails_is_quoted_without_its_answer() {
    let aws = FakeAws::start();
    let url = aws.url();
    let asked = format!(
        "identity: instance metadata at {url}; selected by the default AWS credential chain"
    );
    for (fault, reason) in [
        (
            Fault::Status(500),
            format!("instance metadata at {url} returned no credentials: HTTP status 500"),
        ),
        (
            Fault::Garbage,
            format!(
                "getting credentials from instance metadata at {url}: malformed response: it contains no credentials"
            ),
        ),
        (
            super::answer(
                200,
                r#"{"Code":"AssumeRoleUnauthorizedAccess","Message":"EC2 cannot assume the role x"}"#,
            ),
            format!(
                "instance metadata at {url} returned no credentials: AssumeRoleUnauthorizedAccess: EC2 cannot assume the role x"
            ),
        ),
    ] {
        aws.on(Operation::ImdsCredentials, fault);
        told(&of_instance(&aws).get(HOST), &reason, &[ON_EC2, &asked]);
        aws.heal_all();
    }
}

#[test]
fn instance_metadata_at_no_address_is_told_by_its_variable() {
    let aws = FakeAws::start();
    let mut environment = of_instance(&aws);
    environment.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", "127.0.0.1:1");
    told(
        &environment.get(HOST),
        "AWS_EC2_METADATA_SERVICE_ENDPOINT is invalid: expected a URL such as http://HOST:PORT",
        &[],
    );
}

#[test]
fn sso_without_a_sign_in_names_the_command_with_profile_and_session() {
    let aws = FakeAws::start();
    told(
        &of_sso(&aws).get(HOST),
        "the SSO sign-in for profile work (session corp) is missing; run: aws sso login --profile work",
        &SSO_HINTS,
    );
    assert_eq!(aws.connections(), 0);
}

#[test]
fn sso_sign_in_that_is_over_by_its_file_is_told_without_asking_aws() {
    let aws = FakeAws::start();
    let environment = of_sso_for(&aws, OVER);
    change_sign_in(&environment, SSO_CACHE, |text| {
        text.replace("refreshToken", "ignored")
    });
    told(
        &environment.get(HOST),
        "the SSO sign-in for profile work (session corp) has expired; run: aws sso login --profile work",
        &SSO_HINTS,
    );
    assert_eq!(aws.connections(), 0);
}

#[test]
fn sso_sign_in_that_the_portal_refuses_has_expired() {
    let aws = FakeAws::start();
    aws.end_sso_sessions();
    told(
        &of_sso_for(&aws, 3600).get(HOST),
        "the SSO sign-in for profile work (session corp) has expired; run: aws sso login --profile work",
        &SSO_HINTS,
    );
    assert_eq!(aws.count(Operation::SsoGetRoleCredentials), 1);
}

#[test]
fn sso_sign_in_whose_renewal_is_refused_has_expired() {
    let aws = FakeAws::start();
    of_sso_for(&aws, OVER).get(HOST).answer();
    aws.end_sso_sessions();
    for fault in [Fault::InvalidGrant, Fault::ExpiredToken] {
        aws.clear();
        aws.on(Operation::SsoOidcCreateToken, fault);
        told(
            &of_sso_for(&aws, OVER).get(HOST),
            "the SSO sign-in for profile work (session corp) has expired; run: aws sso login --profile work",
            &SSO_HINTS,
        );
        assert_eq!(aws.count(Operation::SsoOidcCreateToken), 1);
    }
}

#[test]
fn sso_sign_in_that_cannot_be_understood_is_to_be_made_anew() {
    let aws = FakeAws::start();
    for sign_in in ["{]", "{}", r#"{"accessToken":"hunter2"}"#] {
        let environment = of_sso_for(&aws, 3600);
        change_sign_in(&environment, SSO_CACHE, |_| sign_in.to_owned());
        told(
            &environment.get(HOST),
            "the SSO sign-in for profile work (session corp) cannot be read; run: aws sso login --profile work",
            &SSO_HINTS,
        );
    }
}

#[test]
fn sso_role_that_is_not_assigned_is_a_denial_with_the_portals_words() {
    let aws = FakeAws::start();
    aws.deny_sso_role("111122223333", "dev");
    told(
        &of_sso_for(&aws, 3600).get(HOST),
        "profile work (the SSO role dev in account 111122223333 through session corp) was denied access: ForbiddenException: No access",
        &[
            "Ask an IAM Identity Center administrator to assign this role to you, or correct sso_account_id and sso_role_name in the profile",
            SSO_HINTS[1],
        ],
    );
}

#[test]
fn sso_portal_that_has_trouble_is_no_expired_sign_in() {
    let aws = FakeAws::start();
    let stage = "getting credentials from profile work (the SSO role dev in account 111122223333 through session corp)";
    for (fault, what, hint) in [
        (
            Fault::Throttle,
            "AWS is throttling requests: TooManyRequestsException: Rate exceeded",
            "This account and region exceeded the API rate limit; try again in a minute",
        ),
        (
            Fault::Status(500),
            "AWS is unavailable: InternalServerException: The request processing has failed because of an unknown error, exception or failure.",
            "Try again later; for the service status, see https://health.aws.amazon.com",
        ),
        (
            Fault::Garbage,
            "malformed response: it contains no credentials",
            "Another server responded instead of AWS; check HTTPS_PROXY and any custom endpoint",
        ),
    ] {
        aws.on(Operation::SsoGetRoleCredentials, fault);
        told(
            &of_sso_for(&aws, 3600).get(HOST),
            &format!("{stage}: {what}"),
            &[hint, SSO_HINTS[1]],
        );
        aws.heal_all();
    }
}

#[test]
fn aws_login_without_a_sign_in_names_the_command_with_the_profile() {
    let aws = FakeAws::start();
    told(
        &of_login(&aws).get(HOST),
        "the aws login sign-in for profile work is missing; run: aws login --profile work",
        &LOGIN_HINTS,
    );
    assert_eq!(aws.connections(), 0);
}

#[test]
fn aws_login_whose_renewal_is_refused_has_expired() {
    let aws = FakeAws::start();
    of_login_to_renew(&aws).get(HOST).answer();
    // Expired, and refused because the password was changed.
    for fault in [Fault::ExpiredToken, Fault::InvalidGrant] {
        aws.on(Operation::SigninCreateOAuth2Token, fault);
        told(
            &of_login_to_renew(&aws).get(HOST),
            "the aws login sign-in for profile work has expired; run: aws login --profile work",
            &LOGIN_HINTS,
        );
    }
}

#[test]
fn aws_login_that_cannot_be_understood_is_to_be_made_anew() {
    let aws = FakeAws::start();
    for sign_in in ["{]", "{}"] {
        let environment = of_login_to_renew(&aws);
        change_sign_in(&environment, LOGIN_CACHE, |_| sign_in.to_owned());
        told(
            &environment.get(HOST),
            "the aws login sign-in for profile work cannot be read; run: aws login --profile work",
            &LOGIN_HINTS,
        );
    }
}

#[test]
fn aws_login_that_fails_otherwise_is_no_expired_sign_in() {
    let aws = FakeAws::start();
    let caller = "profile work (aws login as arn:aws:iam::111122223333:user/login)";
    for (fault, reason, hint) in [
        (
            Fault::Status(500),
            format!(
                "getting credentials from {caller}: AWS is unavailable: InternalServerException: The request processing has failed because of an unknown error, exception or failure."
            ),
            "Try again later; for the service status, see https://health.aws.amazon.com",
        ),
        (
            Fault::Throttle,
            format!(
                "getting credentials from {caller}: AWS is throttling requests: TooManyRequestsError: Rate exceeded"
            ),
            "This account and region exceeded the API rate limit; try again in a minute",
        ),
        (
            Fault::AccessDenied,
            format!(
                "{caller} returned no credentials: Unable to refresh credentials due to insufficient permissions. You may be missing permission for the 'CreateOAuth2Token' action."
            ),
            "To test these credentials, run: aws sts get-caller-identity --profile work",
        ),
    ] {
        aws.on(Operation::SigninCreateOAuth2Token, fault);
        told(
            &of_login_to_renew(&aws).get(HOST),
            &reason,
            &[hint, LOGIN_HINTS[0]],
        );
        aws.heal_all();
    }
}
