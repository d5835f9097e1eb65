//! Profiles and files that give no identity: found out before anything is sent.

use super::common::fake_aws::FakeAws;
use super::common::{HOST, TestEnvironment};
use super::sign_in::SIGN_IN;
use super::{of_profile, shown, told};

const ROLE: &str = "role_arn = arn:aws:iam::111122223333:role/pull";

/// What a profile `work` comes to, without a call.
#[track_caller]
fn work_is(config: &str, reason: &str, hints: &[&str]) {
    let aws = FakeAws::start();
    let environment = of_profile(&aws, config);
    let file = shown(&environment, ".aws/config");
    let reason = reason.replace("FILE", &file);
    let reason = format!("the AWS profile `work` {reason} (selected by the variable AWS_PROFILE)");
    told(&environment.get(HOST), &reason, hints);
    assert_eq!(aws.connections(), 0);
}

#[test]
fn missing_profile_is_told_with_those_there_are() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.set("AWS_PROFILE", "wrok");
    environment.aws_config("[profile work]\nregion = eu-west-1\n[default]\nregion = eu-west-1\n");
    told(
        &environment.get(HOST),
        &format!(
            "the AWS profile `wrok` does not exist in {} and {} (selected by the variable AWS_PROFILE)",
            shown(&environment, ".aws/config"),
            shown(&environment, ".aws/credentials")
        ),
        &[
            "To list the profiles, run: aws configure list-profiles",
            "Known profiles: default, work",
        ],
    );
    assert_eq!(aws.connections(), 0);
}

#[test]
fn missing_profile_of_a_rule_is_told_with_the_rules_line() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let config = environment.config("\n[[registry]]\nmatch = \"*\"\nprofile = \"push\"\n");
    told(
        &environment.get(HOST),
        &format!(
            "the AWS profile `push` does not exist in {} and {} (selected by the rule at {}:2)",
            shown(&environment, ".aws/config"),
            shown(&environment, ".aws/credentials"),
            config.display()
        ),
        &["To list the profiles, run: aws configure list-profiles"],
    );
}

#[test]
fn missing_source_profile_is_told_with_the_one_that_names_it() {
    let aws = FakeAws::start();
    let environment = of_profile(&aws, &format!("{ROLE}\nsource_profile = base"));
    told(
        &environment.get(HOST),
        &format!(
            "the AWS profile `base` (source_profile of `work`) does not exist in {} and {} (selected by the variable AWS_PROFILE)",
            shown(&environment, ".aws/config"),
            shown(&environment, ".aws/credentials")
        ),
        &[
            "To list the profiles, run: aws configure list-profiles",
            "Known profiles: work",
        ],
    );
}

#[test]
fn incomplete_profile_is_told_with_what_it_lacks() {
    for (config, what) in [
        (
            "aws_access_key_id = AKIAIOSFODNN7EXAMPLE".to_owned(),
            "aws_secret_access_key is missing",
        ),
        (
            ROLE.to_owned(),
            "role_arn requires a source_profile or a credential_source in the same profile",
        ),
        (
            format!("{ROLE}\ncredential_source = Moon"),
            "credential_source is `Moon`; expected Environment, Ec2InstanceMetadata or EcsContainer",
        ),
        (
            "sso_session = corp\nsso_role_name = dev".to_owned(),
            "the section [sso-session corp] does not exist",
        ),
        (
            "sso_start_url = https://corp.example/start\nsso_role_name = dev".to_owned(),
            "sso_account_id is missing",
        ),
        (
            "web_identity_token_file = /token".to_owned(),
            "web_identity_token_file requires a role_arn in the same profile",
        ),
    ] {
        work_is(
            &config,
            &format!("(FILE, line 1) is incomplete: {what}"),
            &[],
        );
    }
}

#[test]
fn profile_without_credentials_is_told_where_the_machine_has_none() {
    let aws = FakeAws::start();
    let environment = of_profile(&aws, "region = eu-west-1");
    told(
        &environment.get(HOST),
        "no AWS credentials found: configuration, variables and the default profile have none, and instance metadata is disabled",
        &[
            SIGN_IN,
            &environment.searched_files(),
            "Not used: AWS_PROFILE (the profile `work` has no credentials)",
        ],
    );
}

#[test]
fn circle_of_profiles_is_told_with_its_way() {
    work_is(
        &format!("{ROLE}\nsource_profile = base\n[profile base]\n{ROLE}\nsource_profile = work"),
        "has a circular source_profile chain: work → base → work",
        &[],
    );
}

#[test]
fn aws_file_that_cannot_be_parsed_is_told_with_its_line() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.set("AWS_PROFILE", "work");
    environment.aws_config("[profile work\n");
    told(
        &environment.get(HOST),
        &format!(
            "the AWS file {} cannot be read: line 1 is before the first [section]",
            shown(&environment, ".aws/config")
        ),
        &["Put [default] or [profile NAME] on the line above; in the credentials file, put [NAME]"],
    );
}

#[test]
fn aws_file_that_cannot_be_read_is_told_where_no_credentials_are_found() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::with_aws(&aws);
    // A folder cannot be read as a file, not even by root.
    std::fs::create_dir_all(environment.home().join(".aws/config")).expect("a folder");
    told(
        &environment.get(HOST),
        "no AWS credentials found: configuration, variables and the default profile have none, and instance metadata is disabled",
        &[
            SIGN_IN,
            &environment.searched_files(),
            &format!(
                "Not used: {} (it is a folder, not a file)",
                shown(&environment, ".aws/config")
            ),
        ],
    );
}

#[test]
fn broken_config_toml_is_told_with_file_and_line() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let config = environment.config("\ntimeout_secnods = 3\n");
    let outcome = environment.get(HOST);
    told(
        &outcome,
        &format!(
            "{}:2: timeout_secnods: unknown key; did you mean `timeout_seconds`?",
            config.display()
        ),
        &[],
    );
    assert_eq!(aws.connections(), 0);
}

#[test]
fn role_of_another_partition_is_told_before_it_is_asked_for() {
    let aws = FakeAws::start();
    let role = "arn:aws-cn:iam::999999999999:role/pull";
    let environment = of_profile(
        &aws,
        &format!(
            "role_arn = {role}\nsource_profile = work\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n\
             aws_secret_access_key = hunter2"
        ),
    );
    told(
        &environment.get(HOST),
        &format!(
            "the role {role} is in the partition aws-cn, but the registry {HOST} is in aws; roles, keys and tokens work only in their own partition (selected by the variable AWS_PROFILE)"
        ),
        &["Add a rule for the registry's partition to config.toml, for example match = \"aws\""],
    );
    assert_eq!(aws.connections(), 0);
}
