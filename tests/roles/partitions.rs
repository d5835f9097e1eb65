//! No role crosses partitions.

use super::common::fake_aws::{ALICE, BOB, FakeAws};
use super::common::{HOST, NOT_FOUND, TestEnvironment, sources};
use super::{BEIJING, Change, PUBLIC};

#[test]
fn a_rules_role_never_crosses_partitions() {
    for (config, key) in [
        ("[[registry]]\nmatch = \"*\"\n", "registry"),
        ("[defaults]\n", "defaults"),
    ] {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::with_aws(&aws);
        sources::keys(&mut environment, &aws, "default");
        let role = "arn:aws:iam::999999999999:role/pull";
        let path = environment.config(&format!("{config}role_arn = \"{role}\"\n"));
        environment.get(HOST).answer();
        aws.clear();
        let outcome = environment.get(BEIJING);
        outcome.failure(&format!(
            "no credentials for {BEIJING}: {}:1: {key}.role_arn: `{role}` is in the partition aws, and {BEIJING} in aws-cn; AWS identities and registries must be in the same partition",
            path.display()
        ));
        assert_eq!(aws.calls().len(), 0);
    }
}

#[test]
fn neither_a_profiles_role_nor_a_web_identitys_crosses_partitions() {
    let web: Change = |environment, _| {
        environment.set_web_identity();
    };
    let profile: Change = |environment, aws| {
        sources::role(environment, aws, "default");
    };
    let web_profile: Change = |environment, aws| {
        sources::web_identity(environment, aws, "default");
    };
    for (set_up, role, chosen_by) in [
        (
            web,
            "arn:aws:iam::111122223333:role/irsa",
            "the variable AWS_WEB_IDENTITY_TOKEN_FILE",
        ),
        (
            profile,
            "arn:aws:iam::999999999999:role/default",
            "the default AWS credential chain",
        ),
        (
            web_profile,
            "arn:aws:iam::111122223333:role/web",
            "the default AWS credential chain",
        ),
    ] {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::with_aws(&aws);
        set_up(&mut environment, &aws);
        let outcome = environment.get(BEIJING);
        let hints = outcome.failure(&format!(
            "no credentials for {BEIJING}: the role {role} is in the partition aws, but the registry {BEIJING} is in aws-cn; roles, keys and tokens work only in their own partition (selected by {chosen_by})"
        ));
        assert_eq!(
            hints,
            [
                "Add a rule for the registry's partition to config.toml, for example match = \"aws-cn\""
            ]
        );
        assert_eq!(aws.calls().len(), 0);
    }
}

#[test]
fn a_role_of_another_partition_leaves_public_pulls_anonymous() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::with_aws(&aws);
    environment.aws_config(&format!(
        "[default]\nrole_arn = arn:aws-cn:iam::999999999999:role/pull\nsource_profile = default\n\
         aws_access_key_id = {}\naws_secret_access_key = {}\n",
        BOB.0, BOB.1
    ));
    environment.get(PUBLIC).failed_with(NOT_FOUND, "");
    assert_eq!(aws.calls().len(), 0);
}

#[test]
fn a_rule_for_a_partition_gives_it_a_sign_in_of_its_own() {
    let aws = FakeAws::start();
    aws.check_partitions(true);
    let chinese = "arn:aws-cn:iam::111122223333:user/li";
    aws.add_user(BOB.0, BOB.1, chinese);
    let mut environment = TestEnvironment::of_alice(&aws);
    sources::keys(&mut environment, &aws, "china");
    environment.config("[[registry]]\nmatch = \"aws-cn\"\nprofile = \"china\"\n");
    assert_eq!(environment.get(BEIJING).grant().principal, chinese);
    assert_eq!(environment.get(HOST).grant().principal, ALICE.2);
}
