//! Values that the SDK would panic on, or take for something else, are refused before it sees them.

use super::common::fake_aws::{FakeAws, SSO_ACCESS_TOKEN};
use super::common::sources::START_URL;
use super::common::{HOST, Outcome, TestEnvironment};

/// None of them is `http[s]://HOST[:PORT][/PATH]`.
const NO_URLS: [&str; 36] = [
    "localhost",
    "localhost:8080",
    "localhost:8080/x",
    "localhost:8080?x=hunter2",
    "127.0.0.1:8080",
    "127.0.0.1:8080#x",
    "[::1]:80",
    "//127.0.0.1/x",
    "/x",
    "*",
    "?x=hunter2",
    "#x",
    "http",
    "http:",
    "http://",
    "https://",
    "http:///x",
    "http:/127.0.0.1",
    "http://[",
    "http://[::1",
    "http://::1",
    "http://127.0.0.1:",
    "http://127.0.0.1:x",
    "http://127.0.0.1:99999",
    "http://127.0.0.1/a b",
    "http://127.0.0.1 /x",
    "http://127.0.0.1/\u{fc}",
    "http://127.0.0.1/\u{202e}",
    "http://a..b/x",
    "http://u:hunter2@127.0.0.1/x",
    "user:hunter2@127.0.0.1:80",
    "ftp://127.0.0.1/x",
    "unix:///run/x",
    "file:///etc/passwd",
    "../x",
    "{url}",
];

/// Some are, with something before or after them that the SDK does not pass over.
const URLS_WITH_CONTROL: [&str; 4] = [
    "http://127.0.0.1/x\nhunter2",
    "http://127.0.0.1/x\r\nX: hunter2",
    "http://127.0.0.1/\tx",
    "http://127.0.0.1/\u{7f}",
];

const NO_REGIONS: [&str; 14] = [
    "../x",
    "us-east-1/..",
    "us-east-1.evil.example",
    "us-east-1.",
    "us_east_1",
    "us east 1",
    "US-EAST-1",
    "localhost",
    "localhost:8080",
    "http://127.0.0.1",
    "-x-",
    "*",
    "{region}",
    "\u{fc}s-east-1",
];

const NO_ACCOUNTS: [&str; 7] = [
    "1",
    "11112222333",
    "1111222233334",
    "111122223333/x",
    "11112222333x",
    "../x",
    "1111 2222 3333",
];

const NO_ROLE_NAMES: [&str; 7] = ["../x", "a/b", "a b", "*", "?x", "{role}", "d\u{e9}v"];

const NO_HEADERS: [&str; 4] = [
    "hunter2\n",
    "hunter2\r\n",
    "Basic hunter2\r\nX: y",
    "hunter2\u{7f}",
];

const OLD_SSO: &str = "sso_start_url = https://d-abc123.awsapps.com/start\n";

/// Fails without a call and without a panic, by the name of what is wrong, and shows no secret.
#[track_caller]
fn is_refused(outcome: &Outcome, named: &str, value: &str) {
    let line = outcome.stdout.trim_end_matches('\n');
    outcome.failure(line);
    super::is_readable(outcome);
    assert!(!line.contains("this is a bug"), "{value:?}: {outcome:?}");
    assert!(line.contains(named), "{named} for {value:?}: {outcome:?}");
}

/// Runs a `get` for each value, in an environment that is made for it.
#[track_caller]
fn are_refused<'v>(
    named: &str,
    values: impl IntoIterator<Item = &'v str>,
    set: impl Fn(&mut TestEnvironment, &str),
) {
    let aws = FakeAws::start();
    for value in values {
        let mut environment = TestEnvironment::with_aws(&aws);
        set(&mut environment, value);
        is_refused(&environment.get(HOST), named, value);
    }
    assert_eq!(aws.connections(), 0, "{named}");
}

/// One who is signed in, with the SSO settings of a profile and of a session.
fn sign_in(environment: &TestEnvironment, profile: &str, session: &str) {
    environment.aws_config(&format!(
        "[default]\n{profile}\n[sso-session corp]\n{session}\n"
    ));
    // Nearly over, so that it is renewed.
    environment.sso_sign_in("corp", SSO_ACCESS_TOKEN, 60);
    environment.sso_sign_in(START_URL, SSO_ACCESS_TOKEN, 60);
}

#[test]
fn a_container_endpoint_that_is_not_a_url_is_told_by_its_variable() {
    let variable = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    are_refused(
        variable,
        NO_URLS.into_iter().chain(URLS_WITH_CONTROL),
        |environment, value| {
            environment.set(variable, value);
        },
    );
    are_refused(variable, NO_URLS, |environment, value| {
        environment.set(variable, value);
        environment.set("AWS_PROFILE", "work");
        environment.aws_config(
            "[profile work]\nrole_arn = arn:aws:iam::111122223333:role/pull\ncredential_source = EcsContainer\n",
        );
    });
}

#[test]
fn a_container_token_that_no_header_can_hold_is_told_by_its_variable() {
    let endpoint = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    are_refused(
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        NO_HEADERS,
        |environment, value| {
            environment.set(endpoint, "http://127.0.0.1:1/x");
            environment.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", value);
        },
    );
    are_refused(
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        NO_HEADERS,
        |environment, value| {
            let file = environment.write("token", value).display().to_string();
            environment.set(endpoint, "http://127.0.0.1:1/x");
            environment.set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &file);
        },
    );
}

#[test]
fn a_url_of_a_container_endpoint_that_the_sdk_refuses_is_told_without_its_query() {
    let variable = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    are_refused(
        variable,
        ["http://192.0.2.7/x?token=hunter2"],
        |environment, value| {
            environment.set(variable, value);
        },
    );
}

#[test]
fn an_empty_variable_of_a_container_endpoint_is_not_left_to_the_sdk() {
    for variable in [
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    ] {
        are_refused(variable, ["", " "], |environment, value| {
            environment.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/x");
            environment.set(variable, value);
        });
    }
}

#[test]
fn an_instance_metadata_endpoint_that_is_not_a_url_is_told_by_its_setting() {
    let (variable, key) = (
        "AWS_EC2_METADATA_SERVICE_ENDPOINT",
        "ec2_metadata_service_endpoint",
    );
    // A user part is passed over here.
    let values = NO_URLS.into_iter().filter(|value| !value.contains("//u:"));
    let in_variables = values.clone().chain(URLS_WITH_CONTROL);
    are_refused(variable, in_variables, |environment, value| {
        environment.unset("AWS_EC2_METADATA_DISABLED");
        environment.set(variable, value);
    });
    // A `#` begins a comment.
    let in_files = values.filter(|value| !value.starts_with('#'));
    are_refused(key, in_files, |environment, value| {
        environment.unset("AWS_EC2_METADATA_DISABLED");
        environment.aws_config(&format!("[default]\n{key} = {value}\n"));
    });
}

#[test]
fn a_wrong_endpoint_of_sso_is_told_by_its_variable() {
    let profile = "sso_session = corp\nsso_account_id = 111122223333\nsso_role_name = dev";
    let session = format!("{OLD_SSO}sso_region = us-east-1");
    for variable in [
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_SSO",
        "AWS_ENDPOINT_URL_SSO_OIDC",
    ] {
        // What has a query is shown with it.
        let values = NO_URLS.into_iter().filter(|value| !value.contains('?'));
        are_refused(variable, values, |environment, value| {
            environment.set(variable, value);
            sign_in(environment, profile, &session);
        });
    }
}

#[test]
fn an_endpoint_that_only_the_sdk_reads_is_told_by_its_variable() {
    let profile = "login_session = arn:aws:iam::111122223333:user/alice\nregion = us-east-1";
    for variable in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SIGNIN"] {
        // What has a query is shown with it.
        let values = NO_URLS.into_iter().filter(|value| !value.contains('?'));
        let values = values.chain(["", " "]);
        are_refused(variable, values, |environment, value| {
            environment.set(variable, value);
            environment.aws_config(&format!("[default]\n{profile}\n"));
        });
    }
    are_refused(
        "AWS_LOGIN_CACHE_DIRECTORY",
        ["", " "],
        |environment, value| {
            environment.set("AWS_LOGIN_CACHE_DIRECTORY", value);
            environment.aws_config(&format!("[default]\n{profile}\n"));
        },
    );
}

#[test]
fn a_setting_of_sso_that_would_change_the_request_is_told_by_its_key() {
    let account = "sso_account_id = 111122223333\n";
    let role = "sso_role_name = dev\n";
    let region = "sso_region = us-east-1\n";
    are_refused("sso_region", NO_REGIONS, |environment, value| {
        sign_in(
            environment,
            &format!("{OLD_SSO}{account}{role}sso_region = {value}"),
            "",
        );
    });
    are_refused("sso_region", NO_REGIONS, |environment, value| {
        sign_in(
            environment,
            &format!("sso_session = corp\n{account}{role}"),
            &format!("{OLD_SSO}sso_region = {value}"),
        );
    });
    are_refused("sso_account_id", NO_ACCOUNTS, |environment, value| {
        let settings = format!("{OLD_SSO}{region}{role}sso_account_id = {value}");
        sign_in(environment, &settings, "");
    });
    // The SDK panics on a path of 64 KiB.
    let long = "x".repeat(70_000);
    let names = NO_ROLE_NAMES.into_iter().chain([long.as_str()]);
    are_refused("sso_role_name", names, |environment, value| {
        let settings = format!("{OLD_SSO}{region}{account}sso_role_name = {value}");
        sign_in(environment, &settings, "");
    });
}

/// As in the AWS CLI, which has the region of `--region` then.
#[test]
fn a_region_of_an_aws_login_that_is_not_one_is_not_used() {
    are_refused(
        "the aws login sign-in for profile default is missing",
        NO_REGIONS,
        |environment, value| {
            environment.aws_config(&format!(
            "[default]\nlogin_session = arn:aws:iam::111122223333:user/alice\nregion = {value}\n"
        ));
        },
    );
}
