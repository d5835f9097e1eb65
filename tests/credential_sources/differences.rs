//! The intended differences from the AWS CLI: the rows of the manual's table, each a claim of its
//! own. Two are tests next to related ones: `AWS_DEFAULT_PROFILE` in `precedence.rs`, and the case
//! of a `credential_source` in `roles.rs`.

use super::common::fake_aws::{ALICE, BOB, FakeAws};
use super::common::{HOST, TestEnvironment};

fn id() -> String {
    format!("aws_access_key_id = {}\n", BOB.0)
}

fn secret() -> String {
    format!("aws_secret_access_key = {}\n", BOB.1)
}

fn section() -> String {
    format!("[default]\n{}{}", id(), secret())
}

#[track_caller]
fn assert_bob(environment: &TestEnvironment) {
    assert_eq!(environment.get(HOST).grant().principal, BOB.2);
}

#[test]
fn a_byte_order_mark_at_the_start_of_a_file_is_ignored() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::with_aws(&aws);
    environment.aws_config("\u{feff}[default]\nregion = us-west-2\n");
    environment.aws_credentials(&format!("\u{feff}{}", section()));
    assert_bob(&environment);
}

#[test]
fn a_section_that_is_repeated_in_a_file_adds_its_settings_and_the_last_value_counts() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::with_aws(&aws);
    environment.aws_credentials(&format!(
        "[default]\naws_access_key_id = {}\n[other]\n[default]\n{}[default]\n{}",
        ALICE.0,
        secret(),
        id()
    ));
    assert_bob(&environment);
}

#[test]
fn aws_profile_and_aws_default_profile_set_to_nothing_count_as_unset() {
    for variable in ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"] {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::with_aws(&aws);
        environment.aws_credentials(&section());
        environment.set(variable, "");
        assert_bob(&environment);
    }
}

#[test]
fn an_access_key_in_a_file_of_boto_2_is_ignored() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    let boto = section().replace("default", "Credentials");
    let path = environment.write(".boto", &boto);
    environment.set("BOTO_CONFIG", &path.display().to_string());
    let keys = format!("AWSAccessKeyId={}\nAWSSecretKey={}\n", BOB.0, BOB.1);
    let path = environment.write("keys", &keys);
    environment.set("AWS_CREDENTIAL_FILE", &path.display().to_string());
    let outcome = environment.get(HOST);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert_eq!(aws.calls().len(), 0);
}

#[test]
fn a_wrong_value_of_a_setting_that_is_not_needed_is_ignored() {
    for (variable, value) in [
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ipv5"),
        ("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "x"),
        ("AWS_METADATA_SERVICE_TIMEOUT", ""),
    ] {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::with_aws(&aws);
        environment.aws_config("[default]\nca_bundle =\nmetadata_service_timeout = x\n");
        environment.aws_credentials(&section());
        environment.set(variable, value);
        assert_bob(&environment);
    }
}

#[test]
fn a_home_folder_of_a_relative_path_counts_as_unset() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.aws_credentials(&section());
    environment.set("HOME", ".");
    let outcome = environment.get(HOST);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert_eq!(aws.calls().len(), 0);
}
