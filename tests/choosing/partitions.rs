//! `aws`, `aws-cn` and `aws-us-gov` on one laptop: each registry is asked with its own key, and
//! nothing crosses.

use std::time::Duration;

use super::common::fake_aws::{ALICE, BOB, FakeAws};
use super::common::sources::{self, LOGIN_SESSION};
use super::common::{HOST, TestEnvironment};
use super::{BEIJING, GOVERNMENT, PUBLIC};

fn keys(name: &str, (id, secret, _): (&str, &str, &str), lines: &str) -> String {
    format!(
        "[profile {name}]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n{lines}\n"
    )
}

#[test]
fn each_registry_is_asked_with_the_key_of_its_partition() {
    let aws = FakeAws::start();
    aws.check_partitions(true);
    let li = "arn:aws-cn:iam::444455556666:user/li";
    aws.add_user(BOB.0, BOB.1, li);
    let gov = "arn:aws-us-gov:sts::444455556666:assumed-role/dev/sam";
    let sam = aws.temporary_credentials(gov, Duration::from_secs(3600));
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.aws_config(&format!(
        "{}{}[profile gov]\nregion = us-gov-east-1\naws_access_key_id = {}\naws_secret_access_key = {}\naws_session_token = {}\n",
        keys("work", ALICE, "region = eu-west-1"),
        keys("china", BOB, "region = cn-northwest-1"),
        sam.access_key_id,
        sam.secret_access_key,
        sam.session_token.as_deref().unwrap_or_default(),
    ));
    environment.config(
        r#"
        [[registry]]
        match = "aws-cn"
        profile = "china"

        [[registry]]
        match = "aws-us-gov"
        profile = "gov"

        [[registry]]
        match = "aws"
        profile = "work"
        "#,
    );
    // Whatever a shell has set.
    environment.set("AWS_REGION", "eu-west-1");
    for (host, principal, key, region) in [
        (HOST, ALICE.2, ALICE.0, "us-west-2"),
        (BEIJING, li, BOB.0, "cn-north-1"),
        (GOVERNMENT, gov, sam.access_key_id.as_str(), "us-gov-west-1"),
    ] {
        aws.clear();
        let grant = environment.get(host).grant();
        assert_eq!(
            (grant.principal.as_str(), grant.region.as_str()),
            (principal, region)
        );
        let calls = aws.calls();
        assert_eq!(calls.len(), 1, "{calls:?}");
        assert_eq!(calls[0].access_key_id.as_deref(), Some(key));
    }
    assert_eq!(environment.entries().len(), 3);
    // Public ECR is in `aws`, and no rule for private registries is its.
    environment.set("AWS_PROFILE", "work");
    assert_eq!(environment.get(PUBLIC).grant().principal, ALICE.2);
}

#[test]
fn role_of_a_partition_is_assumed_in_it() {
    let aws = FakeAws::start();
    aws.check_partitions(true);
    let mut environment = TestEnvironment::with_aws(&aws);
    aws.add_user(BOB.0, BOB.1, "arn:aws-cn:iam::444455556666:user/li");
    environment.aws_config(&keys("china", BOB, ""));
    environment.config(
        "[[registry]]\nmatch = \"aws-cn\"\nprofile = \"china\"\nrole_arn = \"arn:{partition}:iam::{account}:role/pull\"\n",
    );
    for region in ["eu-west-1", "us-gov-west-1"] {
        environment.set("AWS_REGION", region);
        let grant = environment.get(BEIJING).grant();
        assert_eq!(
            grant.principal,
            "arn:aws-cn:sts::444455556666:assumed-role/pull/docker-credential-ecrx"
        );
    }
    let regions: Vec<_> = aws
        .calls()
        .into_iter()
        .map(|call| call.signed_region)
        .collect();
    assert_eq!(
        regions,
        [Some("cn-north-1".to_owned()), Some("cn-north-1".to_owned())]
    );
}

/// What a case changes in its environment.
type Change = fn(&mut TestEnvironment, &FakeAws);

#[test]
fn sign_ins_of_another_partition_are_refused_before_any_request() {
    let sso: Change = |environment, aws| {
        sources::sso(environment, aws, "work");
    };
    let login: Change = |environment, aws| {
        sources::login(environment, aws, "work");
    };
    let web: Change = |environment, aws| {
        sources::web_identity(environment, aws, "work");
    };
    for (set_up, what) in [
        (
            sso,
            "the SSO sign-in for profile work (us-east-1)".to_owned(),
        ),
        (
            login,
            format!("the aws login sign-in for profile work ({LOGIN_SESSION})"),
        ),
        (
            web,
            "the role arn:aws:iam::111122223333:role/web".to_owned(),
        ),
    ] {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::with_aws(&aws);
        set_up(&mut environment, &aws);
        let outcome = environment.get_as("work", BEIJING);
        outcome.failure(&format!(
            "no credentials for {BEIJING}: {what} is in the partition aws, but the registry {BEIJING} is in aws-cn; roles, keys and tokens work only in their own partition (selected by the name docker-credential-ecrx-work)"
        ));
        assert_eq!(aws.connections(), 0);
    }
}

#[test]
fn own_name_is_in_the_partition_of_its_region() {
    let aws = FakeAws::start();
    aws.check_partitions(true);
    let mut environment = TestEnvironment::with_aws(&aws);
    let li = "arn:aws-cn:iam::444455556666:user/li";
    aws.add_user(BOB.0, BOB.1, li);
    sources::keys(&mut environment, &aws, "china");
    let own = "[[registry]]\nmatch = \"images.example.cn\"\naccount = \"444455556666\"\nregion = \"cn-north-1\"\n";
    environment.config(&format!(
        "{own}[[registry]]\nmatch = \"aws-cn\"\nprofile = \"china\"\n"
    ));
    assert_eq!(environment.get("images.example.cn").grant().principal, li);
    let role = "arn:aws:iam::444455556666:role/pull";
    let config = environment.config(&format!("{own}role_arn = \"{role}\"\n"));
    environment.get("images.example.cn").failure(&format!(
        "no credentials for images.example.cn: {}:5: registry.role_arn: `{role}` is in the partition aws, and `match` = `images.example.cn` in aws-cn; AWS identities and registries must be in the same partition",
        config.display()
    ));
}
