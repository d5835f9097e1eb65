//! Identities of `config.toml` that need no profile: SSO named by a rule, and the OIDC token of a
//! CI job.

use super::common::fake_aws::{
    FakeAws, Fault, GITHUB_BEARER, Operation, SSO_ACCESS_TOKEN, Times, github_token,
};
use super::common::sources::START_URL;
use super::common::{HOST, TestEnvironment};
use super::operations;

const ACCOUNTS: [&str; 3] = ["111122223333", "444455556666", "999999999999"];

fn host(account: &str) -> String {
    format!("{account}.dkr.ecr.us-west-2.amazonaws.com")
}

/// A rule for every private registry, with these lines.
fn rule(environment: &TestEnvironment, lines: &str) -> String {
    environment.config_with_rule(lines).display().to_string()
}

/// A session `corp` that is signed in, and no profile.
fn signed_in(aws: &FakeAws) -> TestEnvironment {
    let environment = TestEnvironment::with_aws(aws);
    environment.aws_config(&format!(
        "[sso-session corp]\nsso_start_url = {START_URL}\nsso_region = us-east-1\n"
    ));
    environment.sso_sign_in("corp", SSO_ACCESS_TOKEN, 3600);
    environment
}

/// A job of GitHub Actions whose workflow has the permission `id-token: write`.
fn github_job(aws: &FakeAws) -> TestEnvironment {
    let mut environment = TestEnvironment::with_aws(aws);
    environment.set_github_job(aws);
    rule(&environment, GITHUB);
    environment
}

const SSO: &str = "sso_session = \"corp\"\nsso_role_name = \"dev\"";
const GITHUB: &str =
    "web_identity = \"github\"\nrole_arn = \"arn:aws:iam::{account}:role/ci-pull\"";
const VARIABLE: &str =
    "web_identity = \"env:CI_TOKEN\"\nrole_arn = \"arn:aws:iam::{account}:role/ci-pull\"";

fn ci_principal(account: &str) -> String {
    format!("arn:aws:sts::{account}:assumed-role/ci-pull/docker-credential-ecrx")
}

#[test]
fn one_sign_in_and_one_rule_serve_every_account() {
    let aws = FakeAws::start();
    let environment = signed_in(&aws);
    rule(&environment, SSO);
    for account in ACCOUNTS {
        aws.clear();
        let cold = environment.get(&host(account));
        assert_eq!(cold.grant().principal, aws.sso_principal(account, "dev"));
        assert_eq!(
            operations(&aws),
            [
                Operation::SsoGetRoleCredentials,
                Operation::EcrGetAuthorizationToken
            ]
        );
        aws.clear();
        assert_eq!(environment.get(&host(account)), cold);
        assert_eq!(aws.connections(), 0);
    }
}

#[test]
fn a_profile_and_a_rule_with_the_same_sso_role_share_a_token() {
    let aws = FakeAws::start();
    let mut environment = signed_in(&aws);
    environment.add_aws_config(
        "[profile work]\nsso_session = corp\nsso_account_id = 999999999999\nsso_role_name = dev\n",
    );
    rule(&environment, SSO);
    let by_rule = environment.get(HOST);
    by_rule.grant();
    environment.config("");
    environment.set("AWS_PROFILE", "work");
    aws.clear();
    assert_eq!(environment.get(HOST), by_rule);
    assert_eq!(aws.connections(), 0);
}

#[test]
fn an_account_of_the_rule_takes_precedence_over_the_registrys() {
    let aws = FakeAws::start();
    let environment = signed_in(&aws);
    rule(
        &environment,
        &format!("{SSO}\nsso_account_id = \"444455556666\""),
    );
    let principal = aws.sso_principal("444455556666", "dev");
    assert_eq!(environment.get(HOST).grant().principal, principal);
}

#[test]
fn a_role_of_the_rule_is_assumed_with_its_sso_role() {
    let aws = FakeAws::start();
    let environment = signed_in(&aws);
    let role = "role_arn = \"arn:aws:iam::{account}:role/pull\"";
    rule(
        &environment,
        &format!("{SSO}\nsso_account_id = \"111122223333\"\n{role}"),
    );
    let principal = "arn:aws:sts::999999999999:assumed-role/pull/docker-credential-ecrx";
    assert_eq!(environment.get(HOST).grant().principal, principal);
    let by = aws.calls_of(Operation::StsAssumeRole);
    let by = by.first().and_then(|call| call.principal.clone());
    assert_eq!(by, Some(aws.sso_principal("111122223333", "dev")));
}

#[test]
fn a_start_url_needs_no_session() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::with_aws(&aws);
    let path = rule(
        &environment,
        &format!(
            "sso_start_url = \"{START_URL}\"\nsso_region = \"us-east-1\"\nsso_role_name = \"dev\""
        ),
    );
    let outcome = environment.get(HOST);
    let hints = outcome.failure(&format!(
        "no credentials for {HOST}: the SSO sign-in for {START_URL} is missing; run: aws sso login --profile PROFILE"
    ));
    assert_eq!(
        hints,
        [
            format!(
                "Replace PROFILE with a profile of ~/.aws/config that has sso_start_url = {START_URL}, and no sso_session"
            ),
            format!(
                "identity: the SSO role dev in account 999999999999; selected by the rule at {path}:1"
            ),
        ]
    );
    environment.sso_sign_in(START_URL, SSO_ACCESS_TOKEN, 3600);
    let principal = aws.sso_principal("999999999999", "dev");
    assert_eq!(environment.get(HOST).grant().principal, principal);
}

#[test]
fn a_rules_sign_in_that_is_missing_names_the_command_with_the_session() {
    let aws = FakeAws::start();
    let environment = signed_in(&aws);
    rule(&environment, SSO);
    std::fs::remove_dir_all(environment.home().join(".aws/sso")).expect("signed out");
    environment.get(HOST).failure(&format!(
        "no credentials for {HOST}: the SSO sign-in for session corp is missing; run: aws sso login --sso-session corp"
    ));
    assert_eq!(aws.connections(), 0);
}

#[test]
fn a_session_that_does_not_exist_is_told_with_the_rule() {
    let aws = FakeAws::start();
    let environment = signed_in(&aws);
    let path = rule(&environment, &SSO.replace("corp", "crop"));
    let outcome = environment.get(HOST);
    let hints = outcome.failure(&format!(
        "no credentials for {HOST}: [sso-session crop] does not exist in ~/.aws/config (selected by the rule at {path}:1)"
    ));
    assert_eq!(
        hints,
        ["To add or correct the session, run: aws configure sso-session"]
    );
    let checked = environment.run(&["config", "check"], "");
    assert!(
        checked.stdout.contains("[sso-session crop] does not exist"),
        "{checked:?}"
    );
}

#[test]
fn a_role_that_is_not_assigned_names_the_file_to_correct() {
    let aws = FakeAws::start();
    let environment = signed_in(&aws);
    rule(&environment, SSO);
    aws.deny_sso_role("999999999999", "dev");
    let outcome = environment.get(HOST);
    let hints = outcome.failure(&format!(
        "no credentials for {HOST}: the SSO role dev in account 999999999999 through session corp was denied access: ForbiddenException: No access"
    ));
    assert_eq!(
        hints[0],
        "Ask an IAM Identity Center administrator to assign this role to you, or correct sso_account_id and sso_role_name in config.toml"
    );
}

#[test]
fn a_token_of_github_is_requested_once_and_not_by_a_warm_get() {
    let aws = FakeAws::start();
    let environment = github_job(&aws);
    for account in ACCOUNTS {
        aws.clear();
        let cold = environment.get(&host(account));
        assert_eq!(cold.grant().principal, ci_principal(account));
        assert_eq!(
            operations(&aws),
            [
                Operation::GitHubIdToken,
                Operation::StsAssumeRoleWithWebIdentity,
                Operation::EcrGetAuthorizationToken
            ]
        );
        let calls = aws.calls();
        assert_eq!(
            calls[0].path,
            "/github/idtoken?api-version=2.0&audience=sts.amazonaws.com"
        );
        let sent = calls[1].param("WebIdentityToken");
        assert_eq!(sent, Some(&*github_token("sts.amazonaws.com")));
        aws.clear();
        assert_eq!(environment.get(&host(account)), cold);
        assert_eq!(aws.connections(), 0);
    }
}

#[test]
fn the_audience_of_githubs_token_can_be_set() {
    let aws = FakeAws::start();
    let environment = github_job(&aws);
    rule(
        &environment,
        &format!("{GITHUB}\nweb_identity_audience = \"https://a.example/?x=y z\""),
    );
    environment.get(HOST).grant();
    let path = aws.calls()[0].path.clone();
    assert!(
        path.ends_with("&audience=https%3A%2F%2Fa.example%2F%3Fx%3Dy%20z"),
        "{path}"
    );
}

#[test]
fn another_job_of_github_never_gets_the_token_of_the_one_before() {
    let aws = FakeAws::start();
    let mut environment = github_job(&aws);
    environment.get(HOST).grant();
    environment.set(
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        &format!("{GITHUB_BEARER}-other"),
    );
    aws.clear();
    environment.get(HOST).grant();
    assert_eq!(aws.count(Operation::StsAssumeRoleWithWebIdentity), 1);
}

#[test]
fn another_role_is_assumed_with_the_role_of_the_web_identity() {
    let aws = FakeAws::start();
    let environment = github_job(&aws);
    rule(
        &environment,
        "web_identity = \"github\"\nrole_arn = [\"arn:aws:iam::111122223333:role/ci-pull\", \"arn:aws:iam::{account}:role/pull\"]",
    );
    let principal = "arn:aws:sts::999999999999:assumed-role/pull/docker-credential-ecrx";
    assert_eq!(environment.get(HOST).grant().principal, principal);
    let by = aws.calls_of(Operation::StsAssumeRole);
    let by = by.first().and_then(|call| call.principal.clone());
    assert_eq!(by, Some(ci_principal("111122223333")));
}

#[test]
fn a_token_in_a_variable_serves_a_role_per_account() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.set("CI_TOKEN", &github_token("gitlab"));
    rule(&environment, VARIABLE);
    for account in ACCOUNTS {
        let cold = environment.get(&host(account));
        assert_eq!(cold.grant().principal, ci_principal(account));
        aws.clear();
        assert_eq!(environment.get(&host(account)), cold);
        assert_eq!(aws.connections(), 0);
    }
    // Another subject, as on a runner that several projects share.
    environment.set("CI_TOKEN", &github_token("another"));
    environment.get(HOST).grant();
    assert_eq!(aws.count(Operation::StsAssumeRoleWithWebIdentity), 1);
}

#[test]
fn a_token_in_a_file_that_a_rule_names_is_used() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::with_aws(&aws);
    let file = environment.write("token.jwt", "e30.e30.e30\n");
    let file = file.display();
    rule(
        &environment,
        &format!("web_identity = \"{file}\"\nrole_arn = \"arn:aws:iam::{{account}}:role/ci-pull\""),
    );
    let granted = environment.get(HOST);
    assert_eq!(granted.grant().principal, ci_principal("999999999999"));
}

/// The message and the first hint of a `get` that fails.
#[track_caller]
fn fails(environment: &TestEnvironment, message: &str, hint: &str) {
    let outcome = environment.get(HOST);
    let hints = outcome.failure(&format!("no credentials for {HOST}: {message}"));
    assert_eq!(hints.first().copied(), Some(hint), "{outcome:?}");
}

const PERMISSION: &str =
    "In the GitHub Actions workflow, give the job the permission `id-token: write`";

#[test]
fn a_variable_that_a_web_identity_needs_is_named() {
    let aws = FakeAws::start();
    let mut environment = github_job(&aws);
    let path = rule(&environment, GITHUB);
    let by = format!("(selected by the rule at {path}:1)");
    for name in [
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        "ACTIONS_ID_TOKEN_REQUEST_URL",
    ] {
        environment.set(name, " ");
        let message = format!("web_identity needs the variable {name}, which is empty {by}");
        fails(&environment, &message, PERMISSION);
        environment.unset(name);
        let message = format!("web_identity needs the variable {name}, which is not set {by}");
        fails(&environment, &message, PERMISSION);
    }
    rule(&environment, VARIABLE);
    fails(
        &environment,
        &format!("web_identity needs the variable CI_TOKEN, which is not set {by}"),
        "Set CI_TOKEN to an OIDC token; in GitLab, define it under `id_tokens` of the job",
    );
    assert_eq!(aws.connections(), 0);
}

#[test]
fn githubs_bearer_token_is_sent_by_https_alone() {
    let aws = FakeAws::start();
    let mut environment = github_job(&aws);
    let path = rule(&environment, GITHUB);
    for url in ["http://192.0.2.1/idtoken", "idtoken", "ftp://192.0.2.1/x"] {
        environment.set("ACTIONS_ID_TOKEN_REQUEST_URL", url);
        let message = format!(
            "ACTIONS_ID_TOKEN_REQUEST_URL is invalid: expected an https:// URL (selected by the rule at {path}:1)"
        );
        fails(&environment, &message, PERMISSION);
    }
}

#[test]
fn github_that_refuses_or_breaks_is_told_with_the_usual_cause() {
    let aws = FakeAws::start();
    let role = "arn:aws:iam::999999999999:role/ci-pull";
    let source = format!("the web identity token from GitHub for {role}");
    for status in [401, 403] {
        let environment = github_job(&aws);
        aws.on(Operation::GitHubIdToken, Fault::Status(status));
        fails(
            &environment,
            &format!(
                "{source} returned no credentials: GitHub refused to issue it, with HTTP status {status}"
            ),
            PERMISSION,
        );
        assert_eq!(aws.count(Operation::GitHubIdToken), 1);
        aws.clear();
        aws.heal_all();
    }
    let environment = github_job(&aws);
    aws.on(Operation::GitHubIdToken, Fault::Status(500));
    fails(
        &environment,
        &format!("getting credentials from {source}: GitHub is unavailable: HTTP status 500"),
        "Try again later; for the service status, see https://www.githubstatus.com",
    );
    aws.heal_all();
    let environment = github_job(&aws);
    aws.on(Operation::GitHubIdToken, Fault::Garbage);
    fails(
        &environment,
        &format!("getting credentials from {source}: malformed response: it contains no token"),
        "Check the runner's network, HTTPS_PROXY and NO_PROXY",
    );
    aws.heal_all();
    let mut environment = github_job(&aws);
    environment.set("ACTIONS_ID_TOKEN_REQUEST_URL", "http://127.0.0.1:1/x");
    let outcome = environment.get(HOST);
    assert!(outcome.stdout.contains("connection refused"), "{outcome:?}");
}

#[test]
fn a_request_to_github_is_repeated_if_another_attempt_may_succeed() {
    let aws = FakeAws::start();
    let environment = github_job(&aws);
    for fault in [Fault::Status(503), Fault::CloseConnection] {
        aws.on_times(Operation::GitHubIdToken, fault, Times::N(1));
    }
    let granted = environment.get(HOST).grant();
    assert_eq!(granted.principal, ci_principal("999999999999"));
    assert_eq!(aws.count(Operation::GitHubIdToken), 3);
}

#[test]
fn repeated_requests_to_github_end_at_the_time_limit() {
    let aws = FakeAws::start();
    let environment = github_job(&aws);
    environment.config(&format!(
        "timeout_seconds = 3\n[[registry]]\nmatch = \"*\"\n{GITHUB}\n"
    ));
    aws.on_times(Operation::GitHubIdToken, Fault::Status(503), Times::N(1));
    aws.on(Operation::GitHubIdToken, Fault::Hang);
    let outcome = environment.get(HOST);
    let told = "from GitHub for arn:aws:iam::999999999999:role/ci-pull: no response within 3 s";
    assert!(outcome.stdout.contains(told), "{outcome:?}");
    assert_eq!(aws.count(Operation::GitHubIdToken), 2);
}

#[test]
fn a_role_that_does_not_trust_the_token_is_told_by_where_the_token_is_from() {
    let aws = FakeAws::start();
    let role = "arn:aws:iam::999999999999:role/ci-pull";
    aws.deny_role(role);
    for (lines, from) in [(GITHUB, "from GitHub"), (VARIABLE, "in CI_TOKEN")] {
        let mut environment = github_job(&aws);
        environment.set("CI_TOKEN", &github_token("gitlab"));
        rule(&environment, lines);
        let outcome = environment.get(HOST);
        let told = format!("the web identity token {from} cannot assume the role {role}: ");
        assert!(outcome.stdout.contains(&told), "{outcome:?}");
    }
}

#[test]
fn neither_bearer_nor_token_is_printed_or_written() {
    let aws = FakeAws::start();
    let mut environment = github_job(&aws);
    environment.set("CI_TOKEN", &github_token("gitlab"));
    let secrets = [
        GITHUB_BEARER.to_owned(),
        github_token("sts.amazonaws.com"),
        github_token("gitlab"),
    ];
    for lines in [GITHUB, VARIABLE] {
        rule(&environment, lines);
        for denied in [false, true] {
            if denied {
                aws.on(Operation::StsAssumeRoleWithWebIdentity, Fault::AccessDenied);
            }
            environment.set("ECRX_LOG", "trace");
            for command in [&["get"][..], &["whoami", HOST], &["doctor", HOST]] {
                let outcome = environment.run(command, HOST);
                for secret in &secrets {
                    let told = format!("{}{}", outcome.stdout, outcome.stderr);
                    assert!(!told.contains(secret), "{command:?}: {told}");
                }
            }
            aws.heal_all();
        }
    }
    for entry in environment.entries() {
        let text = std::fs::read(&entry).expect("an entry");
        let text = String::from_utf8_lossy(&text);
        assert!(
            !secrets.iter().any(|secret| text.contains(secret)),
            "{text}"
        );
    }
}

#[test]
fn whoami_tells_these_sources() {
    let aws = FakeAws::start();
    let environment = signed_in(&aws);
    rule(&environment, SSO);
    let told = environment.run(&["whoami", HOST], "").stdout;
    assert!(
        told.contains("the SSO role dev in account 999999999999 through session corp"),
        "{told}"
    );
    let signed_out = TestEnvironment::with_aws(&aws);
    signed_out.config_with_rule(&format!(
        "sso_start_url = \"{START_URL}\"\nsso_region = \"us-east-1\"\nsso_role_name = \"dev\""
    ));
    let told = signed_out.run(&["whoami", HOST], "").stdout;
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    let hint = format!(
        "✗ not signed in with SSO; run: aws sso login --profile PROFILE Replace PROFILE with a profile of ~/.aws/config that has sso_start_url = {START_URL}, and no sso_session"
    );
    assert!(told.ends_with(&hint), "{told}");
    let shown = environment.run(&["config", "show", HOST], "").stdout;
    assert!(
        shown.contains("the SSO role dev in account 999999999999 through session corp"),
        "{shown}"
    );
    let environment = github_job(&aws);
    let told = environment.run(&["whoami", HOST], "").stdout;
    let source = "the web identity token from GitHub for arn:aws:iam::999999999999:role/ci-pull";
    assert!(told.contains(source), "{told}");
    assert_eq!(aws.connections(), 0);
}

#[test]
fn public_ecr_needs_the_account_of_an_sso_role() {
    let aws = FakeAws::start();
    let environment = signed_in(&aws);
    let lines = format!("[[registry]]\nmatch = \"public.ecr.aws\"\n{SSO}\n");
    environment.config(&lines);
    let checked = environment.run(&["config", "check"], "").stdout;
    assert!(
        checked.contains("name the account of the SSO role"),
        "{checked}"
    );
    environment.config(&format!("{lines}sso_account_id = \"111122223333\"\n"));
    let principal = aws.sso_principal("111122223333", "dev");
    assert_eq!(
        environment.get("public.ecr.aws").grant().principal,
        principal
    );
}
