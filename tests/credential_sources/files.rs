//! Where profiles are looked for.

use super::asks_once;
use super::common::fake_aws::{BOB, FakeAws};
use super::common::{HOST, TestEnvironment};

#[test]
fn a_profile_of_the_credentials_file_alone_is_one() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.aws_credentials(&format!(
        "[work]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        BOB.0, BOB.1
    ));
    environment.set("AWS_PROFILE", "work");
    assert_eq!(environment.get(HOST).grant().principal, BOB.2);
}

#[test]
fn a_profile_may_stand_in_both_files() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.aws_config(
        "[profile work]\nrole_arn = arn:aws:iam::999999999999:role/pull\nsource_profile = work\n\
         role_session_name = build\n",
    );
    environment.aws_credentials(&format!(
        "[work]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        BOB.0, BOB.1
    ));
    environment.set("AWS_PROFILE", "work");
    assert_eq!(
        environment.get(HOST).grant().principal,
        "arn:aws:sts::999999999999:assumed-role/pull/build"
    );
}

#[test]
fn variables_move_the_files_and_a_tilde_is_the_home_folder() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.write(
        "elsewhere/config",
        "[profile work]\nrole_arn = arn:aws:iam::999999999999:role/pull\nsource_profile = base\n\
         role_session_name = build\n",
    );
    environment.write(
        "elsewhere/credentials",
        &format!(
            "[base]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
            BOB.0, BOB.1
        ),
    );
    // Never read.
    environment.aws_config("[profile work]\nregion = eu-west-1\n");
    environment.set("AWS_CONFIG_FILE", "~/elsewhere/config");
    environment.set("AWS_SHARED_CREDENTIALS_FILE", "~/elsewhere/credentials");
    environment.set("AWS_PROFILE", "work");
    assert_eq!(
        environment.get(HOST).grant().principal,
        "arn:aws:sts::999999999999:assumed-role/pull/build"
    );
}

#[test]
fn a_default_profile_with_a_region_alone_leaves_the_instance_its_turn() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.aws_config("[default]\nregion = eu-west-1\noutput = json\n");
    let expected = environment.set_instance_metadata(&aws);
    asks_once(&environment, &aws, &expected);
}

#[test]
fn a_profile_with_a_space_in_its_name_is_one_where_its_header_is_quoted() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.aws_config(&format!(
        "[profile \"two words\"]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        BOB.0, BOB.1
    ));
    environment.set("AWS_PROFILE", "two words");
    assert_eq!(environment.get(HOST).grant().principal, BOB.2);
}
