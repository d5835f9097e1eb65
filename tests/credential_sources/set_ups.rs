//! Set-ups from public bug reports in which the AWS CLI works. Each is a claim of its own here;
//! what the AWS CLI makes of them and of many others, `tests/as_the_cli` asks it.

use super::common::fake_aws::{ALICE, BOB, FakeAws, Fault, Operation};
use super::common::sources;
use super::common::{HOST, TestEnvironment};

const ROLE: &str = "arn:aws:iam::999999999999:role/pull";
const SESSION: &str = "arn:aws:sts::999999999999:assumed-role/pull/build";

/// Bob's keys, each line after `indentation`.
fn keys(indentation: &str) -> String {
    let (id, secret, _) = BOB;
    format!(
        "{indentation}aws_access_key_id = {id}\n{indentation}aws_secret_access_key = {secret}\n"
    )
}

#[track_caller]
fn principal(environment: &TestEnvironment) -> String {
    environment.get(HOST).grant().principal
}

#[test]
fn settings_may_be_indented_below_their_section_in_either_file() {
    for indentation in ["  ", "\t", "      "] {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::with_aws(&aws);
        environment.aws_config(&format!(
            "[profile work]\n{indentation}role_arn = {ROLE}\n{indentation}source_profile = base\n\
             {indentation}role_session_name = build\n[profile other]\n{indentation}region = x\n"
        ));
        environment.aws_credentials(&format!("[base]\n{}", keys(indentation)));
        environment.set("AWS_PROFILE", "work");
        assert_eq!(principal(&environment), SESSION);
    }
}

#[test]
fn an_indented_comment_is_a_comment_in_a_block_after_a_value_and_first_in_a_section() {
    for comment in ["  # note = x\n", "\t; note\n"] {
        let aws = FakeAws::start();
        let environment = TestEnvironment::with_aws(&aws);
        let (id, secret, _) = BOB;
        environment.aws_config(&format!(
            "[default]\n{comment}s3 =\n{comment}  max_concurrent_requests = 20\n{comment}\
             role_arn = {ROLE}\n{comment}source_profile = base\nrole_session_name = build\n\
             region = us-west-2\n{comment}"
        ));
        environment.aws_credentials(&format!(
            "[base]\n{comment}aws_access_key_id = {id}\naws_secret_access_key = {secret}\n{comment}"
        ));
        assert_eq!(principal(&environment), SESSION, "{comment:?}");
    }
}

#[test]
fn a_semicolon_or_a_hash_within_a_value_is_a_part_of_it() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::with_aws(&aws);
    let (id, secret, _) = BOB;
    let answer =
        format!(r#"{{"Version": 1, "AccessKeyId": "{id}", "SecretAccessKey": "{secret}"}}"#);
    let path = environment.write("p.json", &answer);
    environment.aws_config(&format!(
        "[default]\ncredential_process = sh -c 'true ; # no comment\n  cat {}'\n",
        path.display()
    ));
    // The line break is one: the value goes on in the next line.
    assert_eq!(principal(&environment), BOB.2);
    environment.aws_config(&format!(
        "[default]\ncredential_process = sh -c 'true ; cat {} ; : #'\n",
        path.display()
    ));
    assert_eq!(principal(&environment), BOB.2);
}

#[test]
fn a_credential_process_is_run_without_a_shell() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::with_aws(&aws);
    let path = environment.write("a b/$HOME;p.json", "{}");
    environment.aws_config(&format!(
        "[default]\ncredential_process = cat '{}'\n",
        path.display()
    ));
    let outcome = environment.get(HOST);
    // It was read: only its content is wrong.
    assert!(
        outcome
            .stdout
            .contains("its output does not have Version 1"),
        "{outcome:?}"
    );
}

#[test]
fn a_blank_session_token_is_absent() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::with_aws(&aws);
    environment.aws_credentials(&format!("[default]\n{}aws_session_token =\n", keys("")));
    assert_eq!(principal(&environment), BOB.2);

    let environment = TestEnvironment::with_aws(&aws);
    let (id, secret, _) = BOB;
    let answer = format!(
        r#"{{"Version": 1, "AccessKeyId": "{id}", "SecretAccessKey": "{secret}", "SessionToken": ""}}"#
    );
    let path = environment.write("p.json", &answer);
    environment.aws_config(&format!(
        "[default]\ncredential_process = cat {}\n",
        path.display()
    ));
    assert_eq!(principal(&environment), BOB.2);

    let mut environment = TestEnvironment::of_alice(&aws);
    environment.set("AWS_SESSION_TOKEN", "");
    assert_eq!(principal(&environment), ALICE.2);
}

#[test]
fn a_profile_of_aws_profile_with_a_region_alone_leaves_the_machine_its_turn() {
    for has_container in [false, true] {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::with_aws(&aws);
        environment.aws_config("[profile work]\nregion = eu-west-1\n");
        sources::keys(&mut environment, &aws, "default");
        environment.set("AWS_PROFILE", "work");
        let mut expected = environment.set_instance_metadata(&aws).principal;
        if has_container {
            expected = environment.set_container(&aws).principal;
        }
        assert_eq!(principal(&environment), expected);
        let told = environment.run(&["whoami", HOST], "").stdout;
        let why = "AWS_PROFILE (the profile `work` has no credentials)";
        assert!(told.contains(why), "{told}");
    }
}

#[test]
fn a_profile_may_repeat_what_its_sso_session_sets() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    let expected = sources::sso_session(&mut environment, &aws, "work").principal;
    let path = environment.home().join(".aws/config");
    let config = std::fs::read_to_string(&path).expect("a file");
    let setting = |key: &str| {
        let mut lines = config.lines();
        lines.find(|line| line.starts_with(key)).expect("a setting")
    };
    let repeated = format!("{}\n{}\n", setting("sso_start_url"), setting("sso_region"));
    let config = config.replace("[profile work]\n", &format!("[profile work]\n{repeated}"));
    environment.aws_config(&config);
    environment.set("AWS_PROFILE", "work");
    assert_eq!(principal(&environment), expected);
}

#[test]
fn a_profile_that_sets_other_values_than_its_sso_session_is_refused() {
    for other in ["sso_region = eu-central-1", "sso_start_url = https://x"] {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::with_aws(&aws);
        sources::sso_session(&mut environment, &aws, "work");
        let path = environment.home().join(".aws/config");
        let config = std::fs::read_to_string(path).expect("a file");
        let section = format!("[profile work]\n{other}\n");
        environment.aws_config(&config.replace("[profile work]\n", &section));
        environment.set("AWS_PROFILE", "work");
        let outcome = environment.get(HOST);
        let why = "is not the same in the profile and in [sso-session ";
        assert!(outcome.stdout.contains(why), "{outcome:?}");
        assert_eq!(aws.calls().len(), 0);
    }
}

#[test]
fn a_profile_of_aws_login_may_have_a_region_that_is_not_one() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::with_aws(&aws);
    environment.login_sign_in(&aws, 3600);
    environment.aws_config(&format!(
        "[default]\nlogin_session = {}\nregion = us-west-2 # c\n",
        sources::LOGIN_SESSION
    ));
    assert_eq!(principal(&environment), sources::LOGIN_SESSION);
}

#[test]
fn an_sso_session_alone_leaves_keys_and_the_machine_their_turn() {
    let section = "[default]\nsso_session = corp\n[sso-session corp]\nsso_region = us-east-1\n\
                   sso_start_url = https://d-abc123.awsapps.com/start\n";
    let aws = FakeAws::start();
    let environment = TestEnvironment::with_aws(&aws);
    environment.aws_config(section);
    environment.aws_credentials(&format!("[default]\n{}", keys("")));
    assert_eq!(principal(&environment), BOB.2);

    let mut environment = TestEnvironment::with_aws(&aws);
    environment.aws_config(section);
    let expected = environment.set_instance_metadata(&aws).principal;
    assert_eq!(principal(&environment), expected);
}

#[test]
fn instance_metadata_without_session_tokens_is_asked_without_one() {
    let answers = [
        Fault::Status(403),
        Fault::Status(404),
        Fault::Status(405),
        Fault::Status(500),
        Fault::Hang,
    ];
    for fault in answers {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::with_aws(&aws);
        let expected = environment.set_instance_metadata(&aws).principal;
        aws.allow_metadata_without_token();
        aws.on(Operation::ImdsToken, fault);
        assert_eq!(principal(&environment), expected);
        assert_eq!(aws.count(Operation::ImdsToken), 1);
    }
}

#[test]
fn instance_metadata_is_not_asked_without_a_token_where_that_is_switched_off() {
    let by_variable = |environment: &mut TestEnvironment| {
        environment.set("AWS_EC2_METADATA_V1_DISABLED", "true");
    };
    let by_profile = |environment: &mut TestEnvironment| {
        environment.aws_config("[default]\nec2_metadata_v1_disabled = true\n");
    };
    for disable in [by_variable as fn(&mut TestEnvironment), by_profile] {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::with_aws(&aws);
        environment.set_instance_metadata(&aws);
        disable(&mut environment);
        aws.allow_metadata_without_token();
        aws.on(Operation::ImdsToken, Fault::Status(403));
        let outcome = environment.get(HOST);
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        assert!(
            outcome.stdout.contains("gave no session token"),
            "{outcome:?}"
        );
        assert_eq!(aws.count(Operation::ImdsRoleName), 0);
    }
}

#[test]
fn a_web_identity_is_put_together_from_variables_and_the_profile() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    let expected = environment.set_web_identity().principal;
    // AWS_WEB_IDENTITY_TOKEN_FILE alone; the rest is the profile's.
    let (role, session) = ("arn:aws:iam::111122223333:role/irsa", "pod");
    environment
        .unset("AWS_ROLE_ARN")
        .unset("AWS_ROLE_SESSION_NAME");
    environment.aws_config(&format!(
        "[default]\nrole_arn = {role}\nrole_session_name = {session}\n\
         web_identity_token_file = /nowhere\n"
    ));
    assert_eq!(principal(&environment), expected);
}

#[test]
fn a_blank_session_name_of_a_web_identity_is_absent() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::with_aws(&aws);
    let token = environment.write("token.jwt", "e30.e30.e30");
    environment.aws_config(&format!(
        "[default]\nrole_arn = {ROLE}\nrole_session_name =\nweb_identity_token_file = {}\n",
        token.display()
    ));
    let expected = "arn:aws:sts::999999999999:assumed-role/pull/docker-credential-ecrx";
    assert_eq!(principal(&environment), expected);
}

#[test]
fn keys_in_the_credentials_file_come_before_a_process() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::with_aws(&aws);
    environment.aws_config("[default]\ncredential_process = false\n");
    environment.aws_credentials(&format!("[default]\n{}", keys("")));
    assert_eq!(principal(&environment), BOB.2);
    // In the config file they come after it.
    environment.aws_config(&format!(
        "[default]\ncredential_process = false\n{}",
        keys("")
    ));
    environment.aws_credentials("");
    assert_eq!(environment.get(HOST).code, Some(1));
}

#[test]
fn a_credential_source_without_a_role_counts_for_nothing() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.aws_config("[default]\ncredential_source = Ec2InstanceMetadata\n");
    environment.aws_credentials(&format!("[default]\n{}", keys("")));
    environment.set_instance_metadata(&aws);
    assert_eq!(principal(&environment), BOB.2);
}

/// A home folder that another user may not enter, as /root is for a service with HOME=/root.
#[cfg(target_os = "linux")]
#[test]
#[ignore = "needs root, to become another user"]
fn a_home_folder_of_another_user_holds_nothing() {
    use super::common::PROGRAM;
    use super::common::files::chmod;

    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.config("[[registry]]\nmatch = \"*\"\nprofile = \"root\"\n");
    environment.aws_config("[default]\nregion = nowhere\n");
    environment.set("ECRX_LOG", "warn");
    chmod(environment.home(), 0o700);
    // The other user may not enter the folder of the checkout, either.
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("docker-credential-ecrx");
    std::fs::copy(PROGRAM, &program).expect("a copy");
    chmod(folder.path(), 0o755);
    let program = program.display().to_string();
    let get = |environment: &TestEnvironment| {
        let words = ["--reuid=65534", "--regid=65534", "--clear-groups"];
        let words = [&words[..], &[&program, "get"]].concat();
        environment.run_program("/usr/bin/setpriv", &words, HOST)
    };
    let outcome = get(&environment);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(aws.calls()[0].principal.as_deref(), Some(ALICE.2));
    for file in ["config.toml", ".aws/config"] {
        let told = format!("{file} was ignored: Permission denied");
        assert!(outcome.stderr.contains(&told), "{outcome:?}");
    }
    // A file that is named is an error.
    let file = environment
        .home()
        .join(".config/docker-credential-ecrx/config.toml");
    environment.set("ECRX_CONFIG", &file.display().to_string());
    assert_eq!(get(&environment).code, Some(1));
}
