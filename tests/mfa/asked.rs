//! Who is asked for a code, with which words, and where the code goes.

use super::common::fake_aws::{ALICE, BOB, FakeAws, Operation};
use super::common::pty::{Place, Terminal};
use super::common::{HOST, NOT_FOUND, TestEnvironment};
use super::{
    CODE, DEVICE, ROLE, RULE, alice, code_of, codes, get_quietly, get_typing, get_with_code,
    run_unasked,
};

/// Who has the token of [`ROLE`].
const ADMIN: &str = "arn:aws:sts::999999999999:assumed-role/ecr-admin/docker-credential-ecrx";

#[test]
fn a_rules_code_gets_the_token_and_the_next_get_has_no_prompt() {
    let aws = FakeAws::start();
    let environment = alice(&aws);
    let cold = get_typing(&environment, HOST, ROLE, "907531\r");
    assert_eq!(cold.grant().principal, ADMIN);
    let secret = cold.answer()["Secret"].clone();
    assert_eq!(
        cold.stdout,
        format!("{{\"ServerURL\":\"{HOST}\",\"Username\":\"AWS\",\"Secret\":{secret}}}\n")
    );
    let calls = aws.calls();
    let operations: Vec<Operation> = calls.iter().map(|call| call.operation).collect();
    let expected = [
        Operation::StsAssumeRole,
        Operation::EcrGetAuthorizationToken,
    ];
    assert_eq!(operations, expected);
    assert_eq!(calls[0].access_key_id.as_deref(), Some(ALICE.0));
    assert_eq!(codes(&aws), [code_of(CODE, DEVICE, ROLE)]);
    assert_eq!(get_quietly(&aws, &environment, HOST), cold);
}

#[test]
fn a_profiles_code_goes_with_the_profiles_device() {
    let (device, role) = (
        "arn:aws:iam::444455556666:mfa/bob",
        "arn:aws:iam::999999999999:role/bobs",
    );
    let aws = FakeAws::start();
    aws.require_mfa(role, device, CODE);
    let mut environment = TestEnvironment::with_aws(&aws);
    let (id, secret, _) = BOB;
    environment.aws_config(&format!(
        "[profile base]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n\
         [profile work]\nsource_profile = base\nrole_arn = {role}\nmfa_serial = {device}\n"
    ));
    environment.set("AWS_PROFILE", "work");
    let terminal = Terminal::open();
    let get = environment.start_on(&terminal, &["get"], HOST);
    terminal.wait_for(&format!(
        "docker-credential-ecrx: MFA code from {device} for {role}: "
    ));
    terminal.type_line(CODE);
    let cold = get.outcome();
    assert_eq!(
        cold.grant().principal,
        "arn:aws:sts::999999999999:assumed-role/bobs/docker-credential-ecrx"
    );
    assert_eq!(codes(&aws), [code_of(CODE, device, role)]);
    assert_eq!(get_quietly(&aws, &environment, HOST), cold);
}

#[test]
fn who_calls_by_a_name_is_asked_by_that_name() {
    let aws = FakeAws::start();
    aws.require_mfa(ROLE, DEVICE, CODE);
    let environment = TestEnvironment::of_alice(&aws);
    environment.config(&RULE.replace(
        "[[registry]]\nmatch = \"999999999999\"",
        "[identity.release]",
    ));
    let link = environment.called_as("release");
    let link = link.to_str().expect("UTF-8");
    let get = |terminal: &Terminal| {
        environment.start_program_on(terminal, Place::Foreground, link, &["get"], HOST)
    };
    let terminal = Terminal::open();
    let cold = get(&terminal);
    let question = format!("docker-credential-ecrx-release: MFA code from {DEVICE} for {ROLE}: ");
    terminal.wait_for(&question);
    terminal.type_line(CODE);
    let cold = cold.outcome();
    assert_eq!(cold.grant().principal, ADMIN);
    assert_eq!(terminal.shown(), format!("{question}\r\n"));
    assert_eq!(get(&terminal).outcome(), cold);
    assert_eq!(terminal.shown(), format!("{question}\r\n"));
}

#[test]
fn the_defaults_code_is_asked_for_as_well() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::with_aws(&aws);
    aws.require_mfa(ROLE, DEVICE, CODE);
    environment.config(&RULE.replace("[[registry]]\nmatch = \"999999999999\"", "[defaults]"));
    let (id, secret, _) = ALICE;
    environment.aws_config(&format!(
        "[default]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n"
    ));
    assert_eq!(
        get_with_code(&aws, &environment, CODE).grant().principal,
        ADMIN
    );
}

/// AWS takes none from a role.
#[test]
fn in_a_chain_the_code_goes_with_the_first_role() {
    let (hub, push) = (
        "arn:aws:iam::111122223333:role/hub",
        "arn:aws:iam::999999999999:role/push",
    );
    let aws = FakeAws::start();
    aws.require_mfa(hub, DEVICE, CODE);
    let environment = TestEnvironment::of_alice(&aws);
    environment.config(&format!(
        "[[registry]]\nmatch = \"*\"\nrole_arn = [\"{hub}\", \"{push}\"]\nmfa_serial = \"{DEVICE}\"\n"
    ));
    let outcome = get_typing(&environment, HOST, hub, "907531\r");
    assert_eq!(
        outcome.grant().principal,
        "arn:aws:sts::999999999999:assumed-role/push/docker-credential-ecrx"
    );
    assert_eq!(
        codes(&aws),
        [code_of(CODE, DEVICE, hub), (None, None, push.to_owned())]
    );
}

#[test]
fn a_piece_of_hardware_is_named_by_its_serial_number() {
    let aws = FakeAws::start();
    aws.require_mfa(ROLE, "GAHT12345678", CODE);
    let environment = TestEnvironment::of_alice(&aws);
    environment.config(&RULE.replace(DEVICE, "GAHT12345678"));
    let terminal = Terminal::open();
    let get = environment.start_on(&terminal, &["get"], HOST);
    terminal.wait_for(&format!(
        "docker-credential-ecrx: MFA code from GAHT12345678 for {ROLE}: "
    ));
    terminal.type_line(CODE);
    get.outcome().answer();
    assert_eq!(codes(&aws), [code_of(CODE, "GAHT12345678", ROLE)]);
}

#[test]
fn a_log_of_everything_holds_no_code() {
    let aws = FakeAws::start();
    let mut environment = alice(&aws);
    environment.set("ECRX_LOG", "debug");
    let entered = get_typing(&environment, HOST, ROLE, "907531\r");
    assert_eq!(entered.code, Some(0));
    environment.run(&["erase"], HOST);
    // It works once.
    let refused = get_typing(&environment, HOST, ROLE, "907531\r");
    assert_eq!(refused.code, Some(1));
    for log in [entered.stderr, refused.stderr] {
        assert!(log.contains(ROLE), "{log}");
        assert!(!log.contains(CODE), "{log}");
    }
}

#[test]
fn no_other_action_asks() {
    let aws = FakeAws::start();
    let environment = alice(&aws);
    let login = format!(r#"{{"ServerURL":"{HOST}","Username":"AWS","Secret":"x"}}"#);
    let list_without_prompt = |listed: &str| {
        let list = run_unasked(&environment, &["list"], "unused");
        assert_eq!(
            (list.code, list.stdout.as_str(), list.stderr.as_str()),
            (Some(0), listed, "")
        );
        assert_eq!(run_unasked(&environment, &["store"], &login).code, Some(0));
        assert_eq!(run_unasked(&environment, &["erase"], HOST).code, Some(0));
    };
    list_without_prompt("{}\n");
    get_with_code(&aws, &environment, CODE).answer();
    aws.clear();
    list_without_prompt(&format!("{{\"{HOST}\":\"AWS\"}}\n"));
    assert_eq!(aws.connections(), 0);
    assert_eq!(environment.entries().len(), 0);
}

/// A pull from public ECR works without a token, and cannot wait for a prompt.
#[test]
fn public_ecr_is_worth_no_question() {
    let aws = FakeAws::start();
    for table in ["[defaults]", "[[registry]]\nmatch = \"public.ecr.aws\""] {
        let mut environment = TestEnvironment::of_alice(&aws);
        environment.unset_keys();
        let (id, secret, _) = ALICE;
        environment.aws_config(&format!(
            "[default]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n"
        ));
        environment.config(&RULE.replace("[[registry]]\nmatch = \"999999999999\"", table));
        for host in ["public.ecr.aws", "ecr-public.aws.com"] {
            get_quietly(&aws, &environment, host).failed_with(NOT_FOUND, "");
        }
        environment.set("ECRX_LOG", "info");
        let log = run_unasked(&environment, &["get"], "public.ecr.aws").stderr;
        let why = format!(
            "public.ecr.aws: no token, so pulls are anonymous: the role {ROLE} requires an MFA code from {DEVICE}, and there is no MFA prompt for public ECR\n"
        );
        assert!(log.ends_with(&why), "{log}");
        assert!(!environment.cache().exists());
    }
}

#[test]
fn an_invalid_device_or_one_of_another_partition_is_told_before_any_request() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    let told = |environment: &TestEnvironment, host: &str, why: &str| {
        let line = format!("no credentials for {host}: {why}");
        get_quietly(&aws, environment, host).failure(&line);
    };
    let chinese = "arn:aws-cn:iam::111122223333:mfa/alice";
    let malformed = "is not an MFA device: expected an ARN such as arn:aws:iam::111122223333:mfa/alice, or a serial number";
    let config = environment.config(&RULE.replace(DEVICE, chinese));
    let place = format!("{}:5: registry.mfa_serial", config.display());
    let why = format!(
        "{place}: `{chinese}` is in the partition aws-cn, and `{ROLE}` in aws; AWS identities and registries must be in the same partition"
    );
    told(&environment, HOST, &why);
    environment.config(&RULE.replace(DEVICE, "my own phone"));
    told(
        &environment,
        HOST,
        &format!("{place}: `my own phone` {malformed}"),
    );

    environment.config("");
    environment.unset_keys().set("AWS_PROFILE", "work");
    let (id, secret, _) = ALICE;
    let profile = |device: &str| {
        environment.aws_config(&format!(
            "[profile base]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n\
             [profile work]\nsource_profile = base\nrole_arn = {ROLE}\nmfa_serial = {device}\n"
        ));
    };
    profile("phone");
    let chosen = "(selected by the variable AWS_PROFILE)";
    let file = environment.home().join(".aws/config");
    let why = format!(
        "the AWS profile `work` ({}, line 7) has an invalid mfa_serial: `phone` {malformed} {chosen}",
        file.display()
    );
    told(&environment, HOST, &why);
    profile(chinese);
    let why = format!(
        "the MFA device {chinese} is in the partition aws-cn, but the registry {HOST} is in aws; roles, keys and tokens work only in their own partition {chosen}"
    );
    told(&environment, HOST, &why);
}
