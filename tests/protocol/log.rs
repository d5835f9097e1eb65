//! The log: its levels, and that it never contains a secret.

use std::fs;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::common::fake_aws::{ALICE, FakeAws, FakeProxy, Fault, Operation, SSO_ACCESS_TOKEN};
use super::common::sources::keys;
use super::common::{HOST, NOT_FOUND, Outcome, TestEnvironment};

/// The levels of the lines of a log.
#[track_caller]
fn levels(outcome: &Outcome) -> Vec<&str> {
    outcome
        .stderr
        .lines()
        .map(|line| {
            let line = line.strip_prefix("docker-credential-ecrx: ").expect("name");
            line.split_once(": ").expect("a level").0
        })
        .collect()
}

#[test]
fn the_log_is_off_by_default_and_each_level_holds_those_above() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    let mut levels_of = |word: &str| {
        environment.set("ECRX_LOG", word);
        environment.run(&["erase"], HOST);
        let cold = environment.get(HOST);
        assert_eq!(cold.code, Some(0), "{cold:?}");
        // A cause for a warning, and one for a debug message.
        fs::write(
            environment.cache().join(format!("{}.json", "a".repeat(64))),
            "x",
        )
        .expect("file");
        let warned = environment.run(&["list"], "unused");
        let warm = environment.get(HOST);
        let mut seen: Vec<String> = [&cold, &warned, &warm]
            .into_iter()
            .flat_map(levels)
            .map(str::to_owned)
            .collect();
        seen.sort();
        seen.dedup();
        seen
    };
    assert_eq!(levels_of(""), Vec::<String>::new());
    assert_eq!(levels_of("off"), Vec::<String>::new());
    assert_eq!(levels_of("error"), Vec::<String>::new());
    assert_eq!(levels_of("warn"), ["warn"]);
    assert_eq!(levels_of("info"), ["info", "warn"]);
    assert_eq!(levels_of("debug"), ["debug", "info", "warn"]);
    assert_eq!(levels_of(" DEBUG "), ["debug", "info", "warn"]);
}

#[test]
fn an_unknown_level_is_reported_and_warnings_are_logged() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.set("ECRX_LOG", "lo\u{1b}ud");
    let outcome = environment.get(HOST);
    assert_eq!(outcome.code, Some(0));
    assert_eq!(
        outcome.stderr,
        "docker-credential-ecrx: warn: ECRX_LOG is `loud`; expected error, warn, info or debug\n"
    );
    assert_eq!(outcome.stdout, environment.get(HOST).stdout);
}

#[test]
fn a_log_never_changes_stdout() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    let silent = environment.get(HOST);
    environment.set("ECRX_LOG", "debug");
    let logged = environment.get(HOST);
    assert_eq!((logged.code, &logged.stdout), (silent.code, &silent.stdout));
    assert!(!logged.stderr.is_empty());
    let lost = environment.get("ghcr.io");
    assert_eq!((lost.code, lost.stdout.as_str()), (Some(1), NOT_FOUND));
}

/// Searches the whole output except the answer for secrets.
#[track_caller]
fn holds_no_secret(outcome: &Outcome, secrets: &[&str]) {
    let mut secrets: Vec<String> = secrets.iter().map(|secret| (*secret).to_owned()).collect();
    let mut output = outcome.stderr.clone();
    if outcome.code == Some(0) {
        let answer: serde_json::Value = serde_json::from_str(&outcome.stdout).expect("JSON");
        let password = answer["Secret"].as_str().expect("a text");
        secrets.push(password.to_owned());
        secrets.push(STANDARD.encode(format!("AWS:{password}")));
    } else {
        output.push_str(&outcome.stdout);
    }
    for secret in secrets {
        assert!(secret.len() >= 8, "too short to look for");
        // A part of a secret must not be there either.
        let end = secret.len().min(16);
        assert!(!output.contains(&secret[..end]), "{secret:.16}…\n{output}");
        let start = secret.len() - end;
        assert!(!output.contains(&secret[start..]), "…{secret}\n{output}");
    }
}

/// What the fake makes temporary secrets and session tokens from.
const TEMPORARY: [&str; 2] = ["fake/secret/", "FwoEXAMPLE"];

#[test]
fn the_log_never_contains_a_secret_of_any_identity() {
    let aws = FakeAws::start();
    let role = "arn:aws:iam::999999999999:role/ecr-pull";
    let hour = Duration::from_secs(3600);
    let session = aws.temporary_credentials(ALICE.2, hour);
    let session_token = session.session_token.clone().expect("a session");
    let external_id = "external-id-of-the-customer";
    let web_token = "eyJhbGciOiJub25lIn0.web-identity-token.signature";
    let authorization = "Bearer container-authorization-token";

    let keys = |environment: &mut TestEnvironment| {
        environment
            .set("AWS_ACCESS_KEY_ID", ALICE.0)
            .set("AWS_SECRET_ACCESS_KEY", ALICE.1);
    };
    type Setup<'a> = Box<dyn Fn(&mut TestEnvironment) + 'a>;
    let setups: Vec<(&str, Setup<'_>)> = vec![
        ("keys", Box::new(keys)),
        (
            "session keys",
            Box::new(|environment| {
                environment
                    .set("AWS_ACCESS_KEY_ID", &session.access_key_id)
                    .set("AWS_SECRET_ACCESS_KEY", &session.secret_access_key)
                    .set("AWS_SESSION_TOKEN", &session_token);
            }),
        ),
        (
            "a rule's role",
            Box::new(|environment| {
                keys(environment);
                environment.config(&format!(
                    "[[registry]]\nmatch = \"999999999999\"\nrole_arn = \"{role}\"\nexternal_id = \"{external_id}\"\n"
                ));
            }),
        ),
        (
            "a profile's role",
            Box::new(|environment| {
                environment.aws_config(&format!(
                    "[profile work]\nrole_arn = {role}\nsource_profile = base\nexternal_id = {external_id}\n[profile base]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
                    ALICE.0, ALICE.1
                ));
                environment.set("AWS_PROFILE", "work");
            }),
        ),
        (
            "a web identity",
            Box::new(|environment| {
                let file = environment.write("token", web_token);
                environment
                    .set("AWS_WEB_IDENTITY_TOKEN_FILE", &file.display().to_string())
                    .set("AWS_ROLE_ARN", role);
            }),
        ),
        (
            "SSO",
            Box::new(|environment| {
                environment.aws_config(
                    "[default]\nsso_session = company\nsso_account_id = 111122223333\nsso_role_name = Developer\n[sso-session company]\nsso_start_url = https://company.awsapps.com/start\nsso_region = us-east-1\n",
                );
                // `aws sso login` names its file by the SHA-1 of the session's name.
                environment.write(
                    ".aws/sso/cache/71b21161ffa1e6516bcc072aaf5ef38cbe85b511.json",
                    &format!(
                        r#"{{"startUrl":"https://company.awsapps.com/start","region":"us-east-1","accessToken":"{SSO_ACCESS_TOKEN}","expiresAt":"2099-01-01T00:00:00Z"}}"#
                    ),
                );
            }),
        ),
        (
            "a container",
            Box::new(|environment| {
                environment
                    .set(
                        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                        &format!("{}/v1/credentials", aws.url()),
                    )
                    .set("AWS_CONTAINER_AUTHORIZATION_TOKEN", authorization);
            }),
        ),
    ];
    let mut secrets = vec![
        ALICE.1,
        external_id,
        web_token,
        authorization,
        session.secret_access_key.as_str(),
        session_token.as_str(),
        SSO_ACCESS_TOKEN,
    ];
    secrets.extend(TEMPORARY);
    for (name, setup) in &setups {
        for level in ["debug", "trace"] {
            let mut environment = TestEnvironment::with_aws(&aws);
            setup(&mut environment);
            environment.set("ECRX_LOG", level);
            let cold = environment.get(HOST);
            assert_eq!(cold.code, Some(0), "{name}: {cold:?}");
            assert!(levels(&cold).contains(&"info"), "{name}: {cold:?}");
            holds_no_secret(&cold, &secrets);
            holds_no_secret(&environment.get(HOST), &secrets);
        }
    }
    // The same, with AWS failing in every way.
    for (name, setup) in &setups {
        for fault in [
            Fault::AccessDenied,
            Fault::SignatureMismatch,
            Fault::UndecodableToken,
            Fault::TruncatedAnswer,
        ] {
            aws.on(Operation::EcrGetAuthorizationToken, fault.clone());
            let mut environment = TestEnvironment::with_aws(&aws);
            setup(&mut environment);
            environment.set("ECRX_LOG", "debug");
            let failed = environment.get(HOST);
            assert_eq!(failed.code, Some(1), "{name} {fault:?}: {failed:?}");
            holds_no_secret(&failed, &secrets);
        }
    }
}

#[cfg(unix)]
#[test]
fn the_log_never_contains_the_output_or_arguments_of_a_credential_process() {
    let aws = FakeAws::start();
    let argument = "password-on-the-command-line";
    let answer = format!(
        "{{\"Version\":1,\"AccessKeyId\":\"{}\",\"SecretAccessKey\":\"{}\"}}",
        ALICE.0, ALICE.1
    );
    for answer in [answer.as_str(), &answer[..answer.len() - 1]] {
        let mut environment = TestEnvironment::with_aws(&aws);
        let file = environment.write("answer", answer);
        environment.aws_config(&format!(
            "[default]\ncredential_process = /bin/sh -c 'cat \"$0\"' {} {argument}\n",
            file.display()
        ));
        environment.set("ECRX_LOG", "debug").set("PATH", "/bin");
        let outcome = environment.get(HOST);
        assert_eq!(
            outcome.code == Some(0),
            answer.ends_with('}'),
            "{outcome:?}"
        );
        holds_no_secret(&outcome, &[ALICE.1, argument]);
    }
}

#[test]
fn the_log_never_contains_the_password_of_a_proxy() {
    let aws = FakeAws::start_tls(&["api.ecr.us-west-2.amazonaws.com"]);
    let proxy = FakeProxy::start(aws.address());
    let password = "password-of-the-proxy";
    proxy.require_auth("alice", password);
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.unset("AWS_ENDPOINT_URL");
    let bundle = environment.write("ca.pem", aws.ca_pem());
    environment
        .set("AWS_CA_BUNDLE", &bundle.display().to_string())
        .set("ECRX_LOG", "debug")
        .set("HTTPS_PROXY", &proxy.url_with("alice", password));
    let encoded = STANDARD.encode(format!("alice:{password}"));
    let cold = environment.get(HOST);
    assert_eq!(cold.code, Some(0), "{cold:?}");
    holds_no_secret(&cold, &[ALICE.1, password, &encoded]);

    environment.run(&["erase"], HOST);
    proxy.refuse(Some(502));
    let refused = environment.get(HOST);
    assert_eq!(refused.code, Some(1));
    holds_no_secret(&refused, &[ALICE.1, password, &encoded]);

    for wrong in [
        format!("http://alice:{password}@127.0.0.1:port"),
        format!("ftp://alice:{password}@127.0.0.1"),
        format!("alice:{password}@"),
    ] {
        environment.set("HTTPS_PROXY", &wrong);
        let malformed = environment.get(HOST);
        assert_eq!(malformed.code, Some(1), "{malformed:?}");
        holds_no_secret(&malformed, &[ALICE.1, password, &encoded]);
    }
}

/// The profile and the cache folder are looked at by several parts of a command, and by `list` for
/// each registry.
#[test]
fn a_warning_is_written_once_however_often_a_command_meets_its_cause() {
    const OTHER_HOST: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";
    const PUBLIC: &str = "public.ecr.aws";
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    keys(&mut environment, &aws, "work");
    environment.set("AWS_DEFAULT_PROFILE", "work");
    for host in [HOST, OTHER_HOST] {
        environment.get(host).answer();
    }
    environment
        .set("AWS_PROFILE", "other")
        .set("AWS_ECR_CACHE_DIR", "relative")
        .set("ECRX_LOG", "debug");
    let warned = [
        "AWS_ECR_CACHE_DIR is not used",
        "AWS_PROFILE is not used; AWS_DEFAULT_PROFILE sets another",
    ];
    for command in [
        &["config", "show", HOST][..],
        &["whoami", HOST],
        &["password", HOST],
        &["list"],
        &["cache", "list"],
    ] {
        told_once(&environment, command, &warned);
    }
    environment.set("ECRX_PROFIL", "other");
    let misspelled = "unknown variable ECRX_PROFIL;";
    for command in [&["config", "show", PUBLIC][..], &["whoami", PUBLIC]] {
        told_once(
            &environment,
            command,
            &[&warned[..], &[misspelled]].concat(),
        );
    }
}

#[track_caller]
fn told_once(environment: &TestEnvironment, command: &[&str], expected: &[&str]) {
    let outcome = environment.run(command, "unused");
    let warnings: Vec<&str> = outcome
        .stderr
        .lines()
        .filter(|line| line.contains(": warn: "))
        .collect();
    assert_eq!(warnings.len(), expected.len(), "{command:?}: {warnings:?}");
    for text in expected {
        let is_told = warnings.iter().any(|warning| warning.contains(text));
        assert!(is_told, "{text}: {command:?}: {warnings:?}");
    }
}
