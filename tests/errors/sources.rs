//! Processes, container endpoints and web identities that give no credentials.

use super::common::fake_aws::{FakeAws, Fault, Operation};
use super::common::{HOST, TestEnvironment};
use super::{answer, of_profile, shown, told};

const PROCESS_HINTS: [&str; 2] = [
    "Run the credential_process command yourself, as this user, and check its output",
    "identity: profile work (credential_process); selected by the variable AWS_PROFILE",
];
const CONTAINER_HINTS: [&str; 2] = [
    "Check that the task or pod has a role, and that AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or AWS_CONTAINER_CREDENTIALS_FULL_URI has its original value",
    "identity: the container credential endpoint; selected by the variable AWS_CONTAINER_CREDENTIALS_FULL_URI",
];
const WEB_ROLE: &str = "arn:aws:iam::111122223333:role/web";

fn of_process(aws: &FakeAws, command: &str) -> TestEnvironment {
    let mut environment = of_profile(aws, "credential_process = sh ./tool.sh");
    environment.write("tool.sh", command);
    environment.set("PATH", "/usr/bin:/bin");
    environment
}

fn of_container(aws: &FakeAws) -> TestEnvironment {
    let mut environment = TestEnvironment::with_aws(aws);
    let uri = format!("{}/v2/credentials/task", aws.url());
    environment.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", &uri);
    environment
}

/// What is told when one variable of the container endpoint is another.
#[track_caller]
fn container_tells(variable: &str, value: &str, line: &str) {
    let aws = FakeAws::start();
    let mut environment = of_container(&aws);
    environment.set(variable, value);
    told(&environment.get(HOST), line, &CONTAINER_HINTS);
}

fn of_web_identity(aws: &FakeAws, token: Option<&str>) -> TestEnvironment {
    let mut environment = TestEnvironment::with_aws(aws);
    if let Some(token) = token {
        environment.write("token", token);
    }
    let path = shown(&environment, "token");
    environment.set("AWS_WEB_IDENTITY_TOKEN_FILE", &path);
    environment.set("AWS_ROLE_ARN", WEB_ROLE);
    environment
}

fn as_web_identity(environment: &TestEnvironment) -> String {
    format!(
        "identity: the web identity token {} for {WEB_ROLE}; selected by the variable AWS_WEB_IDENTITY_TOKEN_FILE",
        shown(environment, "token")
    )
}

#[test]
fn credential_process_that_fails_is_quoted() {
    let aws = FakeAws::start();
    for (command, reason) in [
        (
            "echo 'no ticket; run kinit' >&2; exit 3",
            "it failed (exit status: 3): no ticket; run kinit",
        ),
        ("exit 3", "it failed without a message (exit status: 3)"),
        (
            "kill -9 $$",
            "it failed without a message (signal: 9 (SIGKILL))",
        ),
        // A complaint on success is none.
        (
            "echo 'all is well' >&2; echo",
            "its output is not a JSON object",
        ),
    ] {
        let reason = format!("profile work (credential_process) returned no credentials: {reason}");
        told(
            &of_process(&aws, command).get(HOST),
            &reason,
            &PROCESS_HINTS,
        );
    }
}

#[test]
fn output_of_a_credential_process_is_never_shown() {
    let aws = FakeAws::start();
    for (command, reason) in [
        ("echo hunter2", "its output is not a JSON object"),
        (
            r#"echo '{"Version":2,"AccessKeyId":"a","SecretAccessKey":"hunter2"}'"#,
            "its output does not have Version 1",
        ),
        (
            r#"echo '{"Version":1,"SecretAccessKey":"hunter2"}'"#,
            "its output has no string AccessKeyId",
        ),
    ] {
        let reason = format!("profile work (credential_process) returned no credentials: {reason}");
        told(
            &of_process(&aws, command).get(HOST),
            &reason,
            &PROCESS_HINTS,
        );
    }
}

#[test]
fn container_endpoint_that_refuses_or_breaks_is_told_by_its_status() {
    let aws = FakeAws::start();
    for (fault, status) in [
        (Fault::AccessDenied, 403),
        (Fault::Status(404), 404),
        (Fault::Status(500), 500),
    ] {
        aws.on(Operation::EcsCredentials, fault);
        told(
            &of_container(&aws).get(HOST),
            &format!(
                "the container credential endpoint returned no credentials: HTTP status {status}"
            ),
            &CONTAINER_HINTS,
        );
    }
    aws.on(Operation::EcsCredentials, Fault::Garbage);
    told(
        &of_container(&aws).get(HOST),
        "getting credentials from the container credential endpoint: malformed response: it contains no credentials",
        &CONTAINER_HINTS,
    );
}

#[test]
fn container_endpoint_that_is_not_there_says_nothing_of_proxies() {
    container_tells(
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "http://127.0.0.1:1/x",
        "getting credentials from the container credential endpoint: cannot reach 127.0.0.1:1: connection refused",
    );
}

#[test]
fn container_endpoint_on_a_strange_host_is_not_asked() {
    container_tells(
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "http://192.0.2.7/x",
        "the container credential endpoint returned no credentials: the AWS SDK rejects the URL in AWS_CONTAINER_CREDENTIALS_FULL_URI: URI did not refer to an allowed IP address",
    );
}

#[test]
fn container_token_file_that_is_absent_is_named_with_its_variable() {
    container_tells(
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "/nonexistent/token",
        "the container credential endpoint returned no credentials: cannot read /nonexistent/token (set by AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE): No such file or directory (os error 2)",
    );
}

#[test]
fn web_identity_without_its_file_names_it() {
    let aws = FakeAws::start();
    let environment = of_web_identity(&aws, None);
    let token = shown(&environment, "token");
    told(
        &environment.get(HOST),
        &format!(
            "the web identity token {token} for {WEB_ROLE} returned no credentials: the file cannot be read: No such file or directory (os error 2)"
        ),
        &[
            "Check that the token file exists at the path set in AWS_WEB_IDENTITY_TOKEN_FILE, the profile or config.toml, and that this user can read it",
            &as_web_identity(&environment),
        ],
    );
}

#[test]
fn web_identity_that_sts_refuses_names_the_trust_policy() {
    let aws = FakeAws::start();
    let environment = of_web_identity(&aws, Some("a.b.c"));
    let token = shown(&environment, "token");
    for (fault, words) in [
        (
            Fault::InvalidGrant,
            "InvalidIdentityToken: No OpenIDConnect provider found in your account for https://token.example",
        ),
        (
            Fault::AccessDenied,
            "AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity",
        ),
    ] {
        aws.on(Operation::StsAssumeRoleWithWebIdentity, fault);
        told(
            &environment.get(HOST),
            &format!("the web identity token {token} cannot assume the role {WEB_ROLE}: {words}"),
            &[
                &format!(
                    "In account 111122223333, change the trust policy of {WEB_ROLE}: it must trust this identity provider, with conditions that match the token's subject and audience"
                ),
                &as_web_identity(&environment),
            ],
        );
    }
}

#[test]
fn web_identity_that_has_expired_is_told_by_its_file() {
    let aws = FakeAws::start();
    aws.on(Operation::StsAssumeRoleWithWebIdentity, Fault::ExpiredToken);
    let environment = of_web_identity(&aws, Some("a.b.c"));
    let token = shown(&environment, "token");
    told(
        &environment.get(HOST),
        &format!(
            "the web identity token {token} has expired: ExpiredTokenException: Token expired: the identity token's exp has passed"
        ),
        &[
            "Renew the token, which EKS or the CI system issues; in CI, restart the job",
            &as_web_identity(&environment),
        ],
    );
}

#[test]
fn web_identity_answer_without_credentials_is_malformed() {
    let aws = FakeAws::start();
    aws.on(
        Operation::StsAssumeRoleWithWebIdentity,
        answer(200, "<html>Welcome to the hotel network</html>"),
    );
    let environment = of_web_identity(&aws, Some("a.b.c"));
    told(
        &environment.get(HOST),
        &format!(
            "assuming the role {WEB_ROLE} with a web identity token: malformed response: HTTP status 200, with a response that is not from AWS"
        ),
        &[
            "Another server responded instead of AWS; check HTTPS_PROXY and any custom endpoint",
            &as_web_identity(&environment),
        ],
    );
}

#[test]
fn trouble_of_an_identity_provider_is_no_denial_and_costs_no_token() {
    let aws = FakeAws::start();
    let environment = of_web_identity(&aws, Some("a.b.c"));
    let held = environment.get(HOST);
    held.answer();
    environment.age_cache(7 * 3600);
    let xml = |code: &str, message: &str| {
        let body = format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
        );
        let kind = vec![("Content-Type".to_owned(), "text/xml".to_owned())];
        Fault::RawResponse(400, kind, body)
    };
    aws.on(
        Operation::StsAssumeRoleWithWebIdentity,
        xml(
            "InvalidIdentityToken",
            "Couldn't retrieve verification key from your identity provider",
        ),
    );
    assert_eq!(environment.get(HOST), held);
    aws.on(
        Operation::StsAssumeRoleWithWebIdentity,
        xml("InvalidIdentityToken", "Incorrect token audience"),
    );
    environment.write("token", "d.e.f");
    // The pause of the attempt before holds the denial off, so it is ended.
    std::fs::remove_dir_all(environment.cache()).expect("a cache");
    let outcome = environment.get(HOST);
    assert!(
        outcome.stdout.contains("cannot assume the role"),
        "{outcome:?}"
    );
}

#[test]
fn web_identity_of_a_profile_sends_its_duration() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::with_aws(&aws);
    let token = environment.write("token", "a.b.c");
    environment.aws_config(&format!(
        "[default]\nrole_arn = {WEB_ROLE}\nweb_identity_token_file = {}\nduration_seconds = 900\n",
        token.display()
    ));
    environment.get(HOST).answer();
    let calls = aws.calls_of(Operation::StsAssumeRoleWithWebIdentity);
    assert_eq!(calls[0].param("DurationSeconds"), Some("900"));
}
