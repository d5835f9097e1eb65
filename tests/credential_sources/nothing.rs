//! Sources without credentials: an error, and no other identity is used.

use super::common::fake_aws::{ALICE, BOB, FakeAws};
use super::common::{HOST, TestEnvironment, sources};

#[test]
fn an_access_key_id_without_its_secret_in_variables_is_an_error() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    // Other keys must not be used in their place.
    sources::keys(&mut environment, &aws, "default");
    environment.set("AWS_SECRET_ACCESS_KEY", " ");
    let outcome = environment.get(HOST);
    let hints = outcome.failure(&format!(
        "no credentials for {HOST}: AWS_ACCESS_KEY_ID is set but AWS_SECRET_ACCESS_KEY is not; both are required"
    ));
    assert_eq!(hints, [""; 0]);
    assert_eq!(aws.calls().len(), 0);
}

#[test]
fn a_secret_access_key_without_its_id_is_ignored_as_in_the_aws_cli() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    sources::keys(&mut environment, &aws, "default");
    environment.set("AWS_ACCESS_KEY_ID", "");
    assert_eq!(environment.get(HOST).grant().principal, BOB.2);
    let told = environment.run(&["whoami", HOST], "").stdout;
    let why = "AWS_SECRET_ACCESS_KEY (AWS_ACCESS_KEY_ID is not set)";
    assert!(told.contains(why), "{told}");
}

#[test]
fn a_rules_profile_asks_even_with_half_a_pair_of_keys_in_variables() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    sources::keys(&mut environment, &aws, "work");
    environment.config("[[registry]]\nmatch = \"*\"\nprofile = \"work\"\n");
    environment.set("AWS_ACCESS_KEY_ID", ALICE.0);
    assert_eq!(environment.get(HOST).grant().principal, BOB.2);
}

#[test]
fn half_a_web_identity_in_variables_is_an_error() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.set_web_identity();
    environment.unset("AWS_ROLE_ARN");
    let outcome = environment.get(HOST);
    let hints = outcome.failure(&format!(
        "no credentials for {HOST}: AWS_WEB_IDENTITY_TOKEN_FILE is set but AWS_ROLE_ARN is not; both are required"
    ));
    assert_eq!(hints, [""; 0]);
}

#[test]
fn a_role_in_a_variable_alone_is_no_half_of_anything() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.set("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/other-tools");
    sources::keys(&mut environment, &aws, "default");
    assert_eq!(environment.get(HOST).grant().principal, BOB.2);
}

#[test]
fn a_profile_that_does_not_exist_is_named_with_those_that_do() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    sources::keys(&mut environment, &aws, "default");
    sources::keys(&mut environment, &aws, "work");
    let config = environment.config("[[registry]]\nmatch = \"*\"\nprofile = \"wrok\"\n");
    let home = environment.home().display().to_string();
    let outcome = environment.get(HOST);
    let hints = outcome.failure(&format!(
        "no credentials for {HOST}: the AWS profile `wrok` does not exist in {home}/.aws/config and {home}/.aws/credentials (selected by the rule at {}:1)",
        config.display()
    ));
    assert_eq!(
        hints,
        [
            "To list the profiles, run: aws configure list-profiles",
            "Known profiles: default, work"
        ]
    );
    assert_eq!(aws.calls().len(), 0);
}

#[test]
fn a_source_profile_that_does_not_exist_is_named_with_who_names_it() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.aws_config(
        "[profile work]\nrole_arn = arn:aws:iam::999999999999:role/pull\nsource_profile = base\n",
    );
    environment.set("AWS_PROFILE", "work");
    let home = environment.home().display().to_string();
    environment.get(HOST).failure(&format!(
        "no credentials for {HOST}: the AWS profile `base` (source_profile of `work`) does not exist in {home}/.aws/config and {home}/.aws/credentials (selected by the variable AWS_PROFILE)"
    ));
}

/// What is wrong with `[default]`, and how it is told.
const WRONG_PROFILES: [(&str, &str); 15] = [
    (
        "aws_access_key_id = AKIAIOSFODNN7EXAMPLE",
        "is incomplete: aws_secret_access_key is missing",
    ),
    (
        "role_arn = arn:aws:iam::999999999999:role/pull",
        "is incomplete: role_arn requires a source_profile or a credential_source in the same profile",
    ),
    (
        "role_arn = arn:aws:iam::999999999999:role/pull\nsource_profile = default\ncredential_source = Environment",
        "is incomplete: it sets both source_profile and credential_source; only one is allowed",
    ),
    (
        "role_arn = arn:aws:iam::999999999999:role/pull\nsource_profile = default",
        "has a circular source_profile chain: default → default",
    ),
    (
        "role_arn = pull\nsource_profile = default",
        "has an invalid role_arn: `pull` is not an IAM role ARN: expected arn:aws:iam::111122223333:role/NAME",
    ),
    (
        "role_arn = arn:aws:iam::999999999999:role/pull\nsource_profile = default\nduration_seconds = 60",
        "has an invalid duration_seconds: `60` is not a number of seconds from 900 to 43200",
    ),
    (
        "role_arn = arn:aws:iam::999999999999:role/pull\ncredential_source = Environment",
        "is incomplete: credential_source is Environment, but AWS_ACCESS_KEY_ID is not set",
    ),
    (
        "role_arn = arn:aws:iam::999999999999:role/pull\ncredential_source = EcsContainer",
        "is incomplete: credential_source is EcsContainer, but no AWS_CONTAINER_CREDENTIALS_… variable is set",
    ),
    (
        "role_arn = arn:aws:iam::999999999999:role/pull\ncredential_source = Ec2InstanceMetadata",
        "is incomplete: credential_source is Ec2InstanceMetadata, but AWS_EC2_METADATA_DISABLED is true",
    ),
    (
        "role_arn = arn:aws:iam::999999999999:role/pull\ncredential_source = Vault",
        "is incomplete: credential_source is `Vault`; expected Environment, Ec2InstanceMetadata or EcsContainer",
    ),
    (
        "web_identity_token_file = /token",
        "is incomplete: web_identity_token_file requires a role_arn in the same profile",
    ),
    (
        "sso_start_url = https://d-abc123.awsapps.com/start\nsso_region = us-east-1\nsso_account_id = 111122223333",
        "is incomplete: sso_role_name is missing",
    ),
    (
        "sso_session = corp\nsso_account_id = 111122223333\nsso_role_name = dev",
        "is incomplete: the section [sso-session corp] does not exist",
    ),
    (
        "sso_session = corp\nsso_region = us-east-1\nsso_account_id = 111122223333\nsso_role_name = dev\n[sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://corp.example/start",
        "is incomplete: sso_region is not the same in the profile and in [sso-session corp]",
    ),
    (
        "sso_session = corp\nsso_account_id = 111122223333\nsso_role_name = dev\n[sso-session corp]\nsso_region = us-east-1",
        "is incomplete: sso_start_url is missing in [sso-session corp]",
    ),
];

#[test]
fn a_wrong_profile_is_an_error_and_no_other_identity_is_used() {
    for (lines, wrong) in WRONG_PROFILES {
        let aws = FakeAws::start();
        let environment = TestEnvironment::with_aws(&aws);
        environment.aws_config(&format!("[default]\n{lines}\n"));
        let outcome = environment.get(HOST);
        let line = outcome.stdout.trim_end();
        let start = format!("no credentials for {HOST}: the AWS profile `default`");
        let rest = line
            .strip_prefix(&start)
            .unwrap_or_else(|| panic!("{line}"));
        // Where it is: the file and a line.
        let rest = match rest.strip_prefix(" (") {
            Some(place) => place.split_once(')').expect("a bracket").1,
            None => rest,
        };
        let expected = format!(" {wrong} (selected by the default AWS credential chain)");
        assert_eq!(rest, expected, "{lines}");
        assert_eq!(outcome.stderr.lines().count(), 1, "{lines}");
        assert_eq!(aws.calls().len(), 0, "{lines}");
    }
}

#[test]
fn a_profile_of_a_rule_without_credentials_is_an_error() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.aws_config("[profile work]\nregion = eu-west-1\n");
    sources::keys(&mut environment, &aws, "default");
    environment.set_instance_metadata(&aws);
    let config = environment.config("[[registry]]\nmatch = \"*\"\nprofile = \"work\"\n");
    environment.get(HOST).failure(&format!(
        "no credentials for {HOST}: the AWS profile `work` has no credentials: it sets no keys, role, SSO, aws login, web identity or credential_process (selected by the rule at {}:1)",
        config.display()
    ));
    assert_eq!(aws.calls().len(), 0);
}

#[test]
fn a_circle_of_source_profiles_is_shown() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    for (name, next) in [("a", "b"), ("b", "c"), ("c", "b")] {
        environment.add_aws_config(&format!(
            "[profile {name}]\nrole_arn = arn:aws:iam::999999999999:role/{name}\nsource_profile = {next}\n"
        ));
    }
    environment.set("AWS_PROFILE", "a");
    environment.get(HOST).failure(&format!(
        "no credentials for {HOST}: the AWS profile `a` has a circular source_profile chain: a → b → c → b (selected by the variable AWS_PROFILE)"
    ));
}

#[test]
fn an_aws_file_that_cannot_be_read_holds_nothing_and_is_named() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    // A folder: root reads every file, whatever its mode.
    let path = environment.home().join(".aws/credentials");
    std::fs::create_dir_all(&path).expect("a folder");
    environment.config("[[registry]]\nmatch = \"*\"\nprofile = \"work\"\n");
    let ignored = format!("{} (it is a folder, not a file)", path.display());
    environment.set_keys(ALICE.0, ALICE.1, None);
    let outcome = environment.get(HOST);
    let start = format!("no credentials for {HOST}: the AWS profile `work` does not exist in ");
    assert!(outcome.stdout.starts_with(&start), "{outcome:?}");
    assert!(outcome.stdout.contains(&ignored), "{outcome:?}");
    // Keys in variables need no file.
    environment.config("");
    assert_eq!(environment.get(HOST).grant().principal, ALICE.2);
    let told = environment.run(&["whoami", HOST], "").stdout;
    assert!(told.contains(&ignored), "{told}");
    // Without them, the file may be the reason.
    environment.unset("AWS_ACCESS_KEY_ID");
    environment.unset("AWS_SECRET_ACCESS_KEY");
    let outcome = environment.get(HOST);
    assert!(outcome.stderr.contains(&ignored), "{outcome:?}");
}

#[test]
fn an_aws_file_that_is_not_utf_8_is_an_error() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::with_aws(&aws);
    let path = environment.aws_config("");
    std::fs::write(&path, b"[default]\naws_access_key_id = \xff\n").expect("a file");
    assert_eq!(
        environment.get(HOST).failure(&format!(
            "no credentials for {HOST}: the AWS file {} is not UTF-8 text: line 2",
            path.display()
        )),
        ["Save the file as UTF-8"]
    );
}

#[test]
fn a_malformed_aws_file_is_an_error_that_names_the_line() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::with_aws(&aws);
    environment.aws_config("[default]\nregion = eu-west-1\n");
    let path = environment.aws_credentials("[default]\naws_access_key_id\n");
    assert_eq!(
        environment.get(HOST).failure(&format!(
            "no credentials for {HOST}: the AWS file {} cannot be read: line 2 is neither a [section] nor `name = value`",
            path.display()
        )),
        ["Complete the line, delete it, or begin it with # to make it a comment"]
    );
}

#[test]
fn without_any_credentials_it_says_so() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::with_aws(&aws);
    let outcome = environment.get(HOST);
    let hints = outcome.failure(&format!(
        "no credentials for {HOST}: no AWS credentials found: configuration, variables and the default profile have none, and instance metadata is disabled"
    ));
    assert_eq!(
        hints,
        [
            "Sign in with `aws sso login`, `aws login` or `aws configure`, or select a profile in config.toml or AWS_PROFILE",
            &environment.searched_files(),
        ]
    );
}

#[test]
fn in_the_home_directory_of_a_snap_it_says_so() {
    let mut environment = TestEnvironment::new();
    let folder = environment.home().join("snap/docker/2893");
    std::fs::create_dir_all(&folder).expect("a folder");
    let folder = folder.display().to_string();
    environment.set("HOME", &folder);
    let end = format!("; HOME is {folder}, the home directory of the snap docker");
    let hints = [
        format!(
            "AWS profiles were looked for in {folder}/.aws/config and {folder}/.aws/credentials"
        ),
        format!(
            "Install docker without snap, which keeps it from reading your ~/.aws; or copy your ~/.aws to {folder}/.aws"
        ),
    ];
    let told = |environment: &TestEnvironment| {
        let outcome = environment.get(HOST);
        let line = outcome.stdout.trim_end();
        assert!(line.ends_with(&end), "{line}");
        let told = outcome.failure(line);
        assert!(hints.iter().all(|hint| told.contains(&&**hint)), "{told:?}");
    };
    told(&environment);
    environment
        .unset("AWS_EC2_METADATA_DISABLED")
        .set("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1");
    told(&environment);
}
