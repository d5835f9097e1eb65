//! What is left of the words of AWS and of processes.

use std::time::Duration;

use crate::common::fake_aws::{ALICE, Echo, FakeAws, FakeRegistry, Fault, Operation};
use crate::common::{HOST, Outcome, TestEnvironment};
use crate::sources::{EXTERNAL_ID, OTHER_EXTERNAL_ID};

const ROLE: &str = "arn:aws:iam::999999999999:role/pull";

/// Alice, and a rule that has this role assumed with these settings.
fn with_rule(aws: &FakeAws, settings: &str) -> TestEnvironment {
    let environment = TestEnvironment::of_alice(aws);
    environment.config(&format!(
        "[[registry]]\nmatch = \"999999999999\"\nrole_arn = \"{ROLE}\"\n{settings}\n"
    ));
    environment
}

#[track_caller]
fn says_nothing_of(outcome: &Outcome, secret: &str) {
    let shown = format!("{}{}", outcome.stdout, outcome.stderr);
    assert!(!shown.contains(secret), "{secret}: {shown}");
}

#[test]
fn a_signature_that_does_not_match_keeps_its_cause_and_loses_the_request() {
    let aws = FakeAws::start();
    let principal = "arn:aws:sts::111122223333:assumed-role/session/env";
    let keys = aws.temporary_credentials(principal, Duration::from_secs(3600));
    let token = keys.session_token.clone().expect("a session");
    let body = format!(
        r#"{{"__type":"InvalidSignatureException","message":"The request signature we calculated does not match.\n\nThe Canonical String for this request should have been\n'POST\n/\n\nx-amz-security-token:{token}\n'\n\nThe String-to-Sign should have been\n'AWS4-HMAC-SHA256'"}}"#
    );
    let fault = Fault::RawResponse(400, Vec::new(), body);
    aws.on(Operation::EcrGetAuthorizationToken, fault);
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.set_session(&keys);
    environment.get(HOST).failure(&format!(
        "no credentials for {HOST}: wrong secret access key for the access key {}: \
         InvalidSignatureException: The request signature we calculated does not match.",
        keys.access_key_id
    ));
}

#[test]
fn a_value_that_sts_refuses_is_masked_where_it_is_repeated() {
    let aws = FakeAws::start();
    aws.on(Operation::StsAssumeRole, Fault::Echo(Echo::Value));
    let environment = with_rule(&aws, &format!("external_id = \"{EXTERNAL_ID}\""));
    let refused = " Value '…' at 'ExternalId' is refused;".repeat(4);
    environment.get(HOST).failure(&format!(
        "no credentials for {HOST}: assuming the role {ROLE}: ValidationError: \
         1 errors detected:{refused}"
    ));
}

/// AWS would repeat what it refuses, and some of it could not be told from its own words.
#[test]
fn a_profile_external_id_is_checked_as_a_rules_and_never_shown() {
    let wrong = "must be 2 to 1224 characters from A-Z a-z 0-9 and _+=,.@:/-";
    let (id, secret, _) = ALICE;
    for value in ["quixotic jackdaw", "'quixotic'", "q", "quixotic\u{e4}"] {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::with_aws(&aws);
        environment.aws_config(&format!(
            "[profile base]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n\
             [profile work]\nsource_profile = base\nrole_arn = {ROLE}\nexternal_id = {value}\n"
        ));
        environment.set("AWS_PROFILE", "work");
        let outcome = environment.get(HOST);
        outcome.failure(&format!(
            "no credentials for {HOST}: the AWS profile `work` ({}/.aws/config, line 7) has an invalid external_id: it {wrong} \
             (selected by the variable AWS_PROFILE)",
            environment.home().display()
        ));
        says_nothing_of(&outcome, "quixotic");

        let outcome = with_rule(&aws, &format!("external_id = \"{value}\"")).get(HOST);
        assert!(outcome.stdout.contains(wrong), "{outcome:?}");
        says_nothing_of(&outcome, "quixotic");

        let mut environment = TestEnvironment::of_alice(&aws);
        environment
            .set("ECRX_ROLE_ARN", ROLE)
            .set("ECRX_EXTERNAL_ID", value);
        let outcome = environment.get(HOST);
        assert!(outcome.stdout.contains(wrong), "{outcome:?}");
        says_nothing_of(&outcome, "quixotic");
        assert_eq!(aws.connections(), 0, "{value}");
    }
}

#[test]
fn an_external_id_that_is_an_account_id_takes_nothing_from_a_denial() {
    let aws = FakeAws::start();
    let reason = "no identity-based policy allows the sts:AssumeRole action".to_owned();
    aws.on(
        Operation::StsAssumeRole,
        Fault::AccessDeniedBecause(reason.clone()),
    );
    for id in ["111122223333", "999999999999"] {
        let environment = with_rule(&aws, &format!("external_id = \"{id}\""));
        environment.get(HOST).failure(&format!(
            "no credentials for {HOST}: the role {ROLE} cannot be assumed by the access key {}: \
             AccessDenied: User: {} is not authorized to perform: sts:AssumeRole on resource: \
             {ROLE} because {reason}",
            ALICE.0, ALICE.2
        ));
    }
}

#[test]
fn a_role_that_is_called_as_its_external_id_is_named() {
    let aws = FakeAws::start();
    aws.on(Operation::StsAssumeRole, Fault::AccessDenied);
    let environment = with_rule(&aws, "external_id = \"pull\"");
    let outcome = environment.get(HOST);
    assert!(
        outcome.stdout.contains(&format!("on resource: {ROLE}")),
        "{outcome:?}"
    );
}

/// A successful answer may repeat them as well.
#[test]
fn an_arn_that_repeats_an_external_id_is_masked() {
    let aws = FakeAws::start();
    let body = format!(
        "<GetCallerIdentityResponse><GetCallerIdentityResult>\
         <Arn>arn:aws:iam::111122223333:user/{OTHER_EXTERNAL_ID}</Arn>\
         </GetCallerIdentityResult></GetCallerIdentityResponse>"
    );
    let fault = Fault::RawResponse(200, Vec::new(), body);
    aws.on(Operation::StsGetCallerIdentity, fault);
    let registry = FakeRegistry::start(&[HOST]);
    let mut environment = with_rule(&aws, &format!("external_id = \"{OTHER_EXTERNAL_ID}\""));
    environment.trust_registry(&registry);
    for arguments in [&["doctor", HOST][..], &["doctor", "--json", HOST]] {
        let outcome = environment.run(arguments, "");
        let shown = "is arn:aws:iam::111122223333:user/…";
        assert!(outcome.stdout.contains(shown), "{outcome:?}");
        says_nothing_of(&outcome, OTHER_EXTERNAL_ID);
    }
}

#[cfg(unix)]
#[test]
fn a_process_that_complains_of_its_own_credentials_is_not_repeated() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::with_aws(&aws);
    let answer = r#"{"Version":1,"AccessKeyId":"ASIAIOSFODNN7EXAMPLE","SecretAccessKey":"quixotic/jackdaw","SessionToken":"vexed/zephyr"}"#;
    environment.write("answer.json", answer);
    environment.write(
        "get.sh",
        "read -r line < answer.json || true\necho \"$line\"\necho \"not stored: $line\" >&2\nexit 3\n",
    );
    environment.aws_config("[default]\ncredential_process = sh ./get.sh\n");
    let outcome = environment.get(HOST);
    says_nothing_of(&outcome, "quixotic");
    says_nothing_of(&outcome, "zephyr");
    let complaint = "it failed (exit status: 3): not stored: {\"Version\":1,";
    assert!(outcome.stdout.contains(complaint), "{outcome:?}");
}

#[cfg(unix)]
#[test]
fn a_process_that_shows_the_keys_in_its_environment_is_not_repeated() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.set_keys(
        "ASIAIOSFODNN7EXAMPLE",
        "quixotic/jackdaw",
        Some("vexed/zephyr"),
    );
    environment.config("[[registry]]\nmatch = \"*\"\nprofile = \"tool\"\n");
    environment.aws_config(
        "[profile tool]\ncredential_process = sh -c 'echo \"$AWS_SECRET_ACCESS_KEY, $AWS_SESSION_TOKEN\" >&2; exit 3'\n",
    );
    let outcome = environment.get(HOST);
    let complaint = "it failed (exit status: 3): …, …\n";
    assert!(outcome.stdout.ends_with(complaint), "{outcome:?}");
    says_nothing_of(&outcome, "jackdaw");
    says_nothing_of(&outcome, "zephyr");
}

#[cfg(target_os = "linux")]
#[test]
fn an_mfa_code_is_masked_where_sts_repeats_it() {
    use crate::common::pty::Terminal;

    const CODE: &str = "907531";
    let device = "arn:aws:iam::111122223333:mfa/alice";
    for echo in [Echo::Value, Echo::Signature, Echo::Denial] {
        let aws = FakeAws::start();
        aws.on(Operation::StsAssumeRole, Fault::Echo(echo));
        let mut environment = with_rule(&aws, &format!("mfa_serial = \"{device}\""));
        environment.set("ECRX_LOG", "debug");
        let terminal = Terminal::open();
        let get = environment.start_on(&terminal, &["get"], HOST);
        terminal.wait_for(&format!("MFA code from {device} for {ROLE}: "));
        terminal.type_line(CODE);
        let outcome = get.outcome();
        assert!(
            outcome.stdout.contains("Value '…' at 'TokenCode'"),
            "{outcome:?}"
        );
        says_nothing_of(&outcome, CODE);
        assert!(!terminal.shown().contains(CODE));
        let sent = aws.calls_of(Operation::StsAssumeRole);
        assert_eq!(sent[0].param("TokenCode"), Some(CODE));
        for mark in environment.marks() {
            let mark = std::fs::read_to_string(mark).expect("a mark");
            assert!(!mark.contains(CODE), "{mark}");
        }
    }
}

/// What an endpoint for credentials says when it has none, with the token that it was sent.
fn refusal(token: &str) -> Fault {
    let body = format!(r#"{{"Code":"Refused","Message":"the token {token} is refused"}}"#);
    Fault::RawResponse(200, Vec::new(), body)
}

#[track_caller]
fn is_refused_without(outcome: &Outcome, token: &str) {
    let told = "the token … is refused";
    assert!(outcome.stdout.contains(told), "{outcome:?}");
    says_nothing_of(outcome, token);
}

#[cfg(unix)]
#[test]
fn a_container_token_that_the_sdk_reads_from_a_pipe_is_masked() {
    use rustix::fs::{CWD, Mode, mkfifoat};

    const TOKEN: &str = "quixotic-lantern";
    let aws = FakeAws::start();
    aws.on(Operation::EcsCredentials, refusal(TOKEN));
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.set_container(&aws);
    let pipe = environment.home().join("token");
    mkfifoat(CWD, &pipe, Mode::RUSR | Mode::WUSR).expect("a pipe");
    environment.set(
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        &pipe.display().to_string(),
    );
    let writer = std::thread::spawn(move || std::fs::write(pipe, TOKEN));
    is_refused_without(&environment.get(HOST), TOKEN);
    writer.join().expect("a writer").expect("written");
}

#[test]
fn a_token_of_instance_metadata_that_the_sdk_keeps_to_itself_is_masked() {
    const TOKEN: &str = "jackdaw-of-zephyr";
    let aws = FakeAws::start();
    let ttl = "x-aws-ec2-metadata-token-ttl-seconds".to_owned();
    let token = Fault::RawResponse(200, vec![(ttl, "60".to_owned())], TOKEN.to_owned());
    aws.on(Operation::ImdsToken, token);
    let role = Fault::RawResponse(200, Vec::new(), "role".to_owned());
    aws.on(Operation::ImdsRoleName, role);
    aws.on(Operation::ImdsCredentials, refusal(TOKEN));
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.set_instance_metadata(&aws);
    is_refused_without(&environment.get(HOST), TOKEN);
}
