//! Roles of rules: who assumes which, where and how; that nothing crosses partitions; and that
//! no identity is ever answered another one's token.

mod common;

use std::time::Duration;

use common::fake_aws::{ALICE, BOB, FakeAws, FakeProxy, Operation};
use common::sources::{self, Profile};
use common::{HOST, NOT_FOUND, TestEnvironment};

const IRELAND: &str = "444455556666.dkr.ecr.eu-west-1.amazonaws.com";
const BEIJING: &str = "999999999999.dkr.ecr.cn-north-1.amazonaws.com.cn";
const PUBLIC: &str = "public.ecr.aws";

/// What a case changes in its environment.
type Change = fn(&mut TestEnvironment, &FakeAws);

/// One rule for all private registries, with these lines.
fn rule(environment: &TestEnvironment, lines: &str) -> String {
    let path = environment.config(&format!("[[registry]]\nmatch = \"*\"\n{lines}\n"));
    path.display().to_string()
}

/// Who assumed which role, in order.
fn assumed(aws: &FakeAws) -> Vec<(String, String)> {
    aws.calls_of(Operation::StsAssumeRole)
        .iter()
        .map(|call| {
            let by = call.principal.clone().expect("a known key");
            (by, call.param("RoleArn").expect("a role").to_owned())
        })
        .collect()
}

fn pair(by: &str, role: &str) -> (String, String) {
    (by.to_owned(), role.to_owned())
}

// Who assumes what.

#[test]
fn a_rules_role_lies_on_top_of_its_profile_with_all_that_it_draws_on() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    sources::role(&mut environment, &aws, "work");
    rule(
        &environment,
        "profile = \"work\"\nrole_arn = \"arn:aws:iam::999999999999:role/pull\"",
    );
    assert_eq!(
        environment.get(HOST).grant().principal,
        "arn:aws:sts::999999999999:assumed-role/pull/docker-credential-ecrx"
    );
    assert_eq!(
        assumed(&aws),
        [
            pair(BOB.2, "arn:aws:iam::999999999999:role/work"),
            pair(
                "arn:aws:sts::999999999999:assumed-role/work/build",
                "arn:aws:iam::999999999999:role/pull"
            )
        ]
    );
}

#[test]
fn each_role_of_a_rules_chain_is_assumed_with_the_temporary_key_of_the_one_before() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let hub = "arn:aws:iam::111122223333:role/hub";
    let push = "arn:aws:iam::999999999999:role/push";
    aws.trust_role(hub, ALICE.2);
    aws.trust_role(push, "arn:aws:sts::111122223333:assumed-role/hub");
    aws.require_external_id(push, "release");
    rule(
        &environment,
        &format!(
            "role_arn = [\"{hub}\", \"{push}\"]\nexternal_id = \"release\"\n\
             role_session_name = \"ci\"\nduration_seconds = 1800"
        ),
    );
    assert_eq!(
        environment.get(HOST).grant().principal,
        "arn:aws:sts::999999999999:assumed-role/push/ci"
    );
    let calls = aws.calls();
    let asked: Vec<_> = calls
        .iter()
        .map(|call| {
            (
                call.operation,
                call.principal.as_deref().expect("known"),
                call.session_token.is_some(),
                call.param("ExternalId"),
                call.param("RoleSessionName"),
                call.param("DurationSeconds"),
            )
        })
        .collect();
    let by_hub = "arn:aws:sts::111122223333:assumed-role/hub/ci";
    let by_push = "arn:aws:sts::999999999999:assumed-role/push/ci";
    // The external id and the duration are the last role's alone.
    assert_eq!(
        asked,
        [
            (
                Operation::StsAssumeRole,
                ALICE.2,
                false,
                None,
                Some("ci"),
                None
            ),
            (
                Operation::StsAssumeRole,
                by_hub,
                true,
                Some("release"),
                Some("ci"),
                Some("1800")
            ),
            (
                Operation::EcrGetAuthorizationToken,
                by_push,
                true,
                None,
                None,
                None
            ),
        ]
    );
}

#[test]
fn of_a_chain_the_role_that_fails_and_its_caller_are_named() {
    let hub = "arn:aws:iam::111122223333:role/hub";
    let push = "arn:aws:iam::999999999999:role/push";
    let key = format!("the access key {}", ALICE.0);
    for (denied, caller, principal) in [
        (hub, key.as_str(), ALICE.2),
        (
            push,
            "the role arn:aws:iam::111122223333:role/hub",
            "arn:aws:sts::111122223333:assumed-role/hub/docker-credential-ecrx",
        ),
    ] {
        let aws = FakeAws::start();
        let environment = TestEnvironment::of_alice(&aws);
        let config = rule(&environment, &format!("role_arn = [\"{hub}\", \"{push}\"]"));
        aws.deny_role(denied);
        let outcome = environment.get(HOST);
        let hints = outcome.failure(&format!(
            "no credentials for {HOST}: the role {denied} cannot be assumed by {caller}: AccessDenied: User: {principal} is not authorized to perform: sts:AssumeRole on resource: {denied}"
        ));
        let account = denied.split(':').nth(4).expect("an account");
        assert_eq!(
            hints,
            [
                format!(
                    "in the caller's account: allow sts:AssumeRole on resource \"{denied}\" in the caller's identity policy"
                ),
                format!(
                    "in account {account}: the role must exist, and its trust policy must name the caller and ask for no external id, as none was sent"
                ),
                format!(
                    "asked as: the access key {}, then role {hub}, then role {push}; chosen by the rule at {config}:1",
                    ALICE.0
                )
            ]
        );
        assert_eq!(aws.count(Operation::EcrGetAuthorizationToken), 0);
    }
}

#[test]
fn of_a_profiles_chain_the_role_that_fails_is_named_too() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    sources::role_of_a_role(&mut environment, &aws, "default");
    let denied = "arn:aws:iam::999999999999:role/default";
    aws.deny_role(denied);
    environment.get(HOST).failure(&format!(
        "no credentials for {HOST}: the role {denied} cannot be assumed by the role arn:aws:iam::999999999999:role/default-middle: AccessDenied: User: arn:aws:sts::999999999999:assumed-role/default-middle/build is not authorized to perform: sts:AssumeRole on resource: {denied}"
    ));
}

#[test]
fn a_session_that_is_too_long_for_a_chain_is_refused_in_stss_own_words() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    sources::role_of_a_role(&mut environment, &aws, "default");
    environment.add_aws_config("duration_seconds = 7200\n");
    let outcome = environment.get(HOST);
    let hints = outcome.failure(&format!(
        "no credentials for {HOST}: assuming the role arn:aws:iam::999999999999:role/default: ValidationError: The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
    ));
    assert_eq!(
        hints,
        [format!(
            "asked as: profile default (the access key {}), then role arn:aws:iam::999999999999:role/default-middle, then role arn:aws:iam::999999999999:role/default; chosen by no configuration at all",
            BOB.0
        )]
    );
}

#[test]
fn a_wrong_external_id_is_never_shown() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let role = "arn:aws:iam::999999999999:role/pull";
    aws.require_external_id(role, "right");
    environment.config(&format!(
        "[[registry]]\nmatch = \"999999999999\"\nrole_arn = \"{role}\"\nexternal_id = \"wrong-one\"\n"
    ));
    let outcome = environment.get(HOST);
    assert_eq!(outcome.code, Some(1));
    assert_eq!(
        aws.calls_of(Operation::StsAssumeRole)[0].param("ExternalId"),
        Some("wrong-one")
    );
    let shown = format!("{}{}", outcome.stdout, outcome.stderr);
    assert!(!shown.contains("wrong-one"), "{shown}");
}

// Which rule, and what is filled in.

#[test]
fn one_template_serves_every_registry_with_a_role_of_its_own() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    rule(
        &environment,
        "role_arn = \"arn:{partition}:iam::{account}:role/pull-{region}\"\nrole_session_name = \"ci\"",
    );
    for (host, principal) in [
        (
            HOST,
            "arn:aws:sts::999999999999:assumed-role/pull-us-west-2/ci",
        ),
        (
            IRELAND,
            "arn:aws:sts::444455556666:assumed-role/pull-eu-west-1/ci",
        ),
        (
            BEIJING,
            "arn:aws-cn:sts::999999999999:assumed-role/pull-cn-north-1/ci",
        ),
    ] {
        assert_eq!(environment.get(host).grant().principal, principal);
    }
    assert_eq!(environment.entries().len(), 3);
    // And each is kept for itself.
    aws.clear();
    for host in [HOST, IRELAND, BEIJING] {
        let grant = environment.get(host).grant();
        let account = host.split('.').next().expect("an account");
        assert_eq!(grant.registry_ids, [account]);
    }
    assert_eq!(aws.connections(), 0);
}

#[test]
fn a_rule_with_accounts_is_for_those_alone() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    rule(
        &environment,
        "accounts = [\"444455556666\"]\nexternal_id = \"client\"\nrole_session_name = \"ci\"\n\
         role_arn = \"arn:aws:iam::{account}:role/pull\"",
    );
    assert_eq!(
        environment.get(IRELAND).grant().principal,
        "arn:aws:sts::444455556666:assumed-role/pull/ci"
    );
    aws.clear();
    // A stranger's registry: no role of his is assumed, and he learns no external id.
    assert_eq!(environment.get(HOST).grant().principal, ALICE.2);
    assert_eq!(aws.count(Operation::StsAssumeRole), 0);
}

#[test]
fn the_first_rule_that_matches_decides_alone() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    sources::keys(&mut environment, &aws, "work");
    environment.config(
        r#"
        [defaults]
        role_arn = "arn:aws:iam::111122223333:role/never"

        [[registry]]
        match = "999999999999/us-west-2"
        profile = "work"

        [[registry]]
        match = "*"
        role_arn = "arn:aws:iam::{account}:role/pull"
        role_session_name = "ci"
        "#,
    );
    assert_eq!(environment.get(HOST).grant().principal, BOB.2);
    assert_eq!(
        environment.get(IRELAND).grant().principal,
        "arn:aws:sts::444455556666:assumed-role/pull/ci"
    );
}

#[test]
fn the_role_of_defaults_is_assumed_by_what_the_sdk_would_use() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    let defaults = "[defaults]\nrole_session_name = \"ci\"\n\
                    role_arn = \"arn:aws:iam::{account}:role/pull\"\n";
    environment.config(defaults);
    sources::keys(&mut environment, &aws, "default");
    assert_eq!(
        environment.get(HOST).grant().principal,
        "arn:aws:sts::999999999999:assumed-role/pull/ci"
    );
    assert_eq!(
        assumed(&aws),
        [pair(BOB.2, "arn:aws:iam::999999999999:role/pull")]
    );
    // Keys in variables are more explicit, and taken whole: without the role.
    environment.set_keys(ALICE.0, ALICE.1, None);
    assert_eq!(environment.get(HOST).grant().principal, ALICE.2);
}

#[test]
fn a_template_never_applies_to_public_ecr() {
    for config in [
        "[[registry]]\nmatch = \"*\"\nrole_arn = \"arn:aws:iam::{account}:role/pull\"\n",
        "[defaults]\nrole_arn = \"arn:aws:iam::{account}:role/pull\"\n",
    ] {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::with_aws(&aws);
        sources::keys(&mut environment, &aws, "default");
        environment.config(config);
        assert_eq!(environment.get(PUBLIC).grant().principal, BOB.2, "{config}");
        assert_eq!(aws.count(Operation::StsAssumeRole), 0, "{config}");
    }
}

#[test]
fn a_role_for_public_ecr_is_written_out() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.config(
        "[[registry]]\nmatch = \"public.ecr.aws\"\nrole_session_name = \"ci\"\n\
         role_arn = \"arn:aws:iam::111122223333:role/public\"\n",
    );
    assert_eq!(
        environment.get(PUBLIC).grant().principal,
        "arn:aws:sts::111122223333:assumed-role/public/ci"
    );
}

// Where STS is asked.

/// The region of the one AssumeRole call.
#[track_caller]
fn sts_region(aws: &FakeAws) -> String {
    let calls = aws.calls_of(Operation::StsAssumeRole);
    assert_eq!(calls.len(), 1, "{calls:?}");
    assert_eq!(calls[0].signed_service.as_deref(), Some("sts"));
    calls[0].signed_region.clone().expect("a region")
}

#[test]
fn sts_is_asked_in_the_region_of_the_rule_else_the_profile_else_the_variables_else_the_host() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    sources::keys(&mut environment, &aws, "default");
    let role = "role_arn = \"arn:aws:iam::999999999999:role/pull\"";
    // From the least explicit on; each outdoes those before.
    let mut steps: Vec<(&str, &str)> = Vec::new();
    let mut check = |environment: &TestEnvironment, what, region| {
        aws.clear();
        environment.get(HOST).answer();
        assert_eq!(sts_region(&aws), region, "{what}");
        let calls = aws.calls_of(Operation::EcrGetAuthorizationToken);
        assert_eq!(calls[0].signed_region.as_deref(), Some("us-west-2"));
        steps.push((what, region));
    };
    rule(&environment, role);
    check(&environment, "host", "us-west-2");
    environment.set("AWS_DEFAULT_REGION", "us-east-2");
    check(&environment, "AWS_DEFAULT_REGION", "us-east-2");
    environment.set("AWS_REGION", "eu-central-1");
    check(&environment, "AWS_REGION", "eu-central-1");
    environment.add_aws_config("region = eu-north-1\n");
    check(&environment, "profile", "eu-north-1");
    rule(&environment, &format!("region = \"ap-south-1\"\n{role}"));
    check(&environment, "rule", "ap-south-1");
    // Another STS may know another role: none of them is answered from another's entry.
    assert_eq!(environment.entries().len(), steps.len());
}

#[test]
fn a_region_of_another_partition_is_skipped() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    sources::keys(&mut environment, &aws, "default");
    environment.add_aws_config("region = eu-west-1\n");
    environment.set("AWS_REGION", "us-gov-west-1");
    environment.set("AWS_DEFAULT_REGION", "cn-northwest-1");
    rule(
        &environment,
        "role_arn = \"arn:aws-cn:iam::999999999999:role/pull\"",
    );
    environment.get(BEIJING).answer();
    assert_eq!(sts_region(&aws), "cn-northwest-1");
    environment.unset("AWS_DEFAULT_REGION");
    aws.clear();
    environment.get(BEIJING).answer();
    assert_eq!(sts_region(&aws), "cn-north-1");
}

#[test]
fn a_rules_region_of_another_partition_is_an_error() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let config = rule(
        &environment,
        "region = \"us-west-2\"\nrole_arn = \"arn:{partition}:iam::{account}:role/pull\"",
    );
    environment.get(BEIJING).failure(&format!(
        "no credentials for {BEIJING}: {config}:1: registry.region: `us-west-2` is in the partition aws, and {BEIJING} in aws-cn: nothing in AWS crosses partitions"
    ));
    assert_eq!(aws.calls().len(), 0);
}

/// The names that are called, without an endpoint given by hand: the proxy leads all of them to
/// the fake.
fn called(aws: &FakeAws, change: Change, host: &str) -> Vec<String> {
    let proxy = FakeProxy::start(aws.address());
    let mut environment = TestEnvironment::of_alice(aws);
    environment.unset("AWS_ENDPOINT_URL");
    let bundle = environment.write("ca.pem", aws.ca_pem());
    environment.set("AWS_CA_BUNDLE", &bundle.display().to_string());
    environment.set("HTTPS_PROXY", &proxy.url());
    rule(
        &environment,
        "role_arn = \"arn:{partition}:iam::{account}:role/pull\"",
    );
    change(&mut environment, aws);
    environment.get(host).answer();
    proxy.targets()
}

#[test]
fn sts_has_the_name_that_region_partition_and_switches_give_it() {
    let names = [
        "sts.us-west-2.amazonaws.com",
        "sts-fips.us-west-2.amazonaws.com",
        "sts.us-west-2.api.aws",
        "sts-fips.us-west-2.api.aws",
        "sts.cn-north-1.amazonaws.com.cn",
        "api.ecr.us-west-2.amazonaws.com",
        "api.ecr-fips.us-west-2.amazonaws.com",
        "ecr.us-west-2.api.aws",
        "ecr-fips.us-west-2.api.aws",
        "api.ecr.cn-north-1.amazonaws.com.cn",
    ];
    let aws = FakeAws::start_tls(&names);
    let fips_host = "999999999999.dkr.ecr-fips.us-west-2.amazonaws.com";
    let both: Change = |environment, _| {
        environment.set("AWS_USE_FIPS_ENDPOINT", "true");
        environment.set("AWS_USE_DUALSTACK_ENDPOINT", "true");
    };
    let none: Change = |_, _| {};
    let fips: Change = |environment, _| {
        environment.set("AWS_USE_FIPS_ENDPOINT", "true");
    };
    let dual_stack: Change = |environment, _| {
        environment.set("AWS_USE_DUALSTACK_ENDPOINT", "true");
    };
    let profile_fips: Change = |environment, _| {
        environment.aws_config("[default]\nuse_fips_endpoint = true\n");
    };
    let variable_wins: Change = |environment, _| {
        environment.aws_config("[default]\nuse_fips_endpoint = true\n");
        environment.set("AWS_USE_FIPS_ENDPOINT", "false");
    };
    for (change, host, sts, ecr) in [
        (none, HOST, names[0], names[5]),
        (fips, HOST, names[1], names[6]),
        (dual_stack, HOST, names[2], names[7]),
        (both, HOST, names[3], names[8]),
        (profile_fips, HOST, names[1], names[6]),
        (variable_wins, HOST, names[0], names[5]),
        // The host says where ECR is asked, not where STS is.
        (none, fips_host, names[0], names[6]),
        (none, BEIJING, names[4], names[9]),
    ] {
        assert_eq!(
            called(&aws, change, host),
            [format!("{sts}:443"), format!("{ecr}:443")]
        );
    }
}

// Partitions.

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
            "no credentials for {BEIJING}: {}:1: {key}.role_arn: `{role}` is in the partition aws, and {BEIJING} in aws-cn: nothing in AWS crosses partitions",
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
            "no configuration at all",
        ),
        (
            web_profile,
            "arn:aws:iam::111122223333:role/web",
            "no configuration at all",
        ),
    ] {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::with_aws(&aws);
        set_up(&mut environment, &aws);
        let outcome = environment.get(BEIJING);
        let hints = outcome.failure(&format!(
            "no credentials for {BEIJING}: the role {role} is in the partition aws, the registry {BEIJING} in aws-cn: no role, key or token crosses partitions (chosen by {chosen_by})"
        ));
        assert_eq!(
            hints,
            ["write a rule for the registry's partition in config.toml, e.g. match = \"aws-cn\""]
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

// Whose entry is answered.

#[test]
fn two_identities_never_share_an_entry() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    sources::keys(&mut environment, &aws, "one");
    sources::session_keys(&mut environment, &aws, "two");
    let pull = "role_arn = \"arn:aws:iam::999999999999:role/pull\"";
    let variants = [
        "profile = \"one\"".to_owned(),
        "profile = \"two\"".to_owned(),
        format!("profile = \"one\"\n{pull}"),
        format!("profile = \"two\"\n{pull}"),
        format!("profile = \"one\"\n{pull}\nrole_session_name = \"ci\""),
        format!("profile = \"one\"\n{pull}\nregion = \"eu-west-1\""),
        "profile = \"one\"\nrole_arn = \"arn:aws:iam::999999999999:role/push\"".to_owned(),
        "profile = \"one\"\nrole_arn = [\"arn:aws:iam::999999999999:role/push\", \"arn:aws:iam::999999999999:role/pull\"]".to_owned(),
        "profile = \"one\"\nrole_arn = [\"arn:aws:iam::999999999999:role/pull\", \"arn:aws:iam::999999999999:role/push\"]".to_owned(),
    ];
    let match_ours = |lines: &str| {
        environment.config(&format!(
            "[[registry]]\nmatch = \"999999999999\"\n{lines}\n"
        ));
    };
    let external = format!("profile = \"one\"\n{pull}\nexternal_id = \"a-client\"");
    let other = format!("profile = \"one\"\n{pull}\nexternal_id = \"b-client\"");
    let variants: Vec<String> = variants.into_iter().chain([external, other]).collect();
    // Each is a miss, however many lie in the cache already.
    let mut answers = Vec::new();
    for lines in &variants {
        aws.clear();
        match_ours(lines);
        let answer = environment.get(HOST);
        answer.answer();
        assert_eq!(aws.count(Operation::EcrGetAuthorizationToken), 1, "{lines}");
        answers.push(answer);
    }
    assert_eq!(environment.entries().len(), variants.len());
    // And each finds its own again.
    aws.clear();
    for (lines, answer) in variants.iter().zip(&answers) {
        match_ours(lines);
        assert_eq!(&environment.get(HOST), answer, "{lines}");
    }
    assert_eq!(aws.connections(), 0);
}

#[test]
fn two_rules_for_one_registry_never_share_an_entry() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    sources::keys(&mut environment, &aws, "work");
    environment.config("[[registry]]\nmatch = \"999999999999\"\nprofile = \"work\"\n");
    assert_eq!(environment.get(HOST).grant().principal, BOB.2);
    environment.config("");
    assert_eq!(environment.get(HOST).grant().principal, ALICE.2);
}

#[test]
fn another_key_is_a_miss_and_so_is_another_secret() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    assert_eq!(environment.get(HOST).grant().principal, ALICE.2);
    environment.set_keys(BOB.0, BOB.1, None);
    assert_eq!(environment.get(HOST).grant().principal, BOB.2);
    environment.set_keys(ALICE.0, ALICE.1, None);
    aws.clear();
    assert_eq!(environment.get(HOST).grant().principal, ALICE.2);
    assert_eq!(aws.connections(), 0);
    // Who has the id of a key and not its secret is nobody.
    environment.set_keys(ALICE.0, BOB.1, None);
    assert_eq!(environment.get(HOST).code, Some(1));
}

#[test]
fn how_the_aws_files_are_written_does_not_matter() {
    let (id, secret, _) = BOB;
    let keys = format!("aws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
    let role = "role_arn = arn:aws:iam::999999999999:role/pull\nrole_session_name = build\n";
    let first = format!("[profile base]\n{keys}[profile work]\n{role}source_profile = base\n");
    let rewritten = [
        // Reordered.
        format!(
            "[profile work]\nsource_profile = base\nrole_session_name = build\nrole_arn = arn:aws:iam::999999999999:role/pull\n\
             [profile base]\naws_secret_access_key = {secret}\naws_access_key_id = {id}\n"
        ),
        // Commented, and with blanks.
        format!("# mine\n{first}\n\n; the end\n").replace(" = ", "   =\t"),
        // With settings that say nothing of who asks.
        format!("{first}output = json\n[profile other]\nregion = eu-west-1\n"),
        // With a session that lasts longer.
        format!("{first}duration_seconds = 7200\n"),
        // With carriage returns.
        first.replace('\n', "\r\n"),
    ];
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.set("AWS_PROFILE", "work");
    environment.aws_config(&first);
    let cold = environment.get(HOST);
    cold.answer();
    aws.clear();
    for text in rewritten {
        environment.aws_config(&text);
        assert_eq!(environment.get(HOST), cold, "{text}");
    }
    // Moved to the other file.
    environment.aws_config(&format!("[profile work]\n{role}source_profile = base\n"));
    environment.aws_credentials(&format!("[base]\n{keys}"));
    assert_eq!(environment.get(HOST), cold);
    assert_eq!((aws.connections(), environment.entries().len()), (0, 1));
}

#[test]
fn every_change_of_a_profile_that_changes_who_asks_is_a_miss() {
    let (id, secret, _) = BOB;
    let keys = format!("aws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
    let profile = |role: &str, session: &str, more: &str| {
        format!(
            "[profile base]\n{keys}[profile work]\nsource_profile = base\n\
             role_arn = arn:aws:iam::999999999999:role/{role}\nrole_session_name = {session}\n{more}"
        )
    };
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.set("AWS_PROFILE", "work");
    for text in [
        profile("pull", "build", ""),
        profile("push", "build", ""),
        profile("pull", "nightly", ""),
        profile("pull", "build", "external_id = client-1\n"),
        profile("pull", "build", "external_id = client-2\n"),
        profile("pull", "build", "region = eu-west-1\n"),
        profile("pull", "build", "")
            .replace(id, ALICE.0)
            .replace(secret, ALICE.1),
    ] {
        aws.clear();
        environment.aws_config(&text);
        environment.get(HOST).answer();
        assert_eq!(aws.count(Operation::StsAssumeRole), 1, "{text}");
        assert_eq!(aws.count(Operation::EcrGetAuthorizationToken), 1, "{text}");
    }
}

#[test]
fn rotated_session_keys_replace_the_entry_of_their_predecessors() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    let principal = "arn:aws:sts::111122223333:assumed-role/session/alice";
    let mut answers = Vec::new();
    for _ in 0..3 {
        let keys = aws.temporary_credentials(principal, Duration::from_secs(3600));
        environment.set_keys(
            &keys.access_key_id,
            &keys.secret_access_key,
            keys.session_token.as_deref(),
        );
        let answer = environment.get(HOST);
        assert_eq!(answer.grant().principal, principal);
        assert!(!answers.contains(&answer));
        assert_eq!(environment.get(HOST), answer);
        answers.push(answer);
        assert_eq!(environment.entries().len(), 1);
    }
}

#[test]
fn a_rotated_container_token_replaces_the_entry_of_its_predecessor() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    let url = format!("{}/v1/credentials", aws.url());
    environment.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url);
    for token in ["monday", "tuesday"] {
        environment.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", token);
        environment.get(HOST).answer();
        let calls = aws.calls_of(Operation::EksCredentials);
        let last = calls.last().expect("a call");
        assert_eq!(last.header("authorization"), Some(token));
        assert_eq!(environment.entries().len(), 1);
    }
}

#[test]
fn another_ones_session_keys_never_get_the_entry_of_the_first() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    let names = ["alice", "carol", "alice"];
    for name in names {
        let principal = format!("arn:aws:sts::111122223333:assumed-role/session/{name}");
        let keys = aws.temporary_credentials(&principal, Duration::from_secs(3600));
        environment.set_keys(
            &keys.access_key_id,
            &keys.secret_access_key,
            keys.session_token.as_deref(),
        );
        assert_eq!(environment.get(HOST).grant().principal, principal);
    }
}

// How long an entry is answered.

const HOUR: i64 = 3600;

/// Fresh a minute before this age, and renewed a minute after it.
#[track_caller]
fn is_renewed_after(environment: &TestEnvironment, aws: &FakeAws, age: i64, kind: &str) {
    let cold = environment.get(HOST);
    cold.answer();
    environment.age_cache(age - 60);
    aws.clear();
    assert_eq!(environment.get(HOST), cold, "{kind}");
    assert_eq!(aws.connections(), 0, "{kind}");
    environment.age_cache(120);
    let renewed = environment.get(HOST);
    assert_ne!(renewed, cold, "{kind}");
    assert_eq!(renewed.grant().principal, cold.grant().principal, "{kind}");
    assert_eq!(environment.entries().len(), 1, "{kind}");
}

#[test]
fn who_is_known_for_sure_is_trusted_for_half_of_the_tokens_life() {
    let known: [(&str, Profile); 8] = [
        ("keys", sources::keys),
        ("SSO", sources::sso),
        ("SSO session", sources::sso_session),
        ("aws login", sources::login),
        ("web identity", sources::web_identity),
        ("role", sources::role),
        ("role of a role", sources::role_of_a_role),
        ("role of SSO", sources::role_of_sso),
    ];
    for (kind, profile) in known {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::with_aws(&aws);
        profile(&mut environment, &aws, "default");
        is_renewed_after(&environment, &aws, 6 * HOUR, kind);
    }
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    is_renewed_after(&environment, &aws, 6 * HOUR, "variables");
}

#[test]
fn who_can_change_unseen_is_trusted_for_an_hour() {
    let unknown: [(&str, Profile); 4] = [
        ("session keys", sources::session_keys),
        ("process", sources::process),
        ("role of the instance", sources::role_of_the_instance),
        ("role of the container", sources::role_of_the_container),
    ];
    for (kind, profile) in unknown {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::with_aws(&aws);
        profile(&mut environment, &aws, "work");
        environment.set("AWS_PROFILE", "work");
        is_renewed_after(&environment, &aws, HOUR, kind);
    }
    let variables: [(&str, Change); 3] = [
        ("session keys", |environment, aws| {
            let principal = "arn:aws:sts::111122223333:assumed-role/session/alice";
            let keys = aws.temporary_credentials(principal, Duration::from_secs(3600));
            environment.set_keys(
                &keys.access_key_id,
                &keys.secret_access_key,
                keys.session_token.as_deref(),
            );
        }),
        ("container", |environment, aws| {
            environment.set_container(aws);
        }),
        ("instance", |environment, aws| {
            environment.set_instance_metadata(aws);
        }),
    ];
    for (kind, set_up) in variables {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::with_aws(&aws);
        set_up(&mut environment, &aws);
        is_renewed_after(&environment, &aws, HOUR, kind);
    }
}

#[test]
fn an_instance_whose_role_was_exchanged_asks_as_the_new_one_within_the_hour() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.set_instance_metadata(&aws);
    environment.get(HOST).answer();
    aws.set_instance_role(Some("arn:aws:iam::111122223333:role/exchanged"));
    environment.age_cache(HOUR + 60);
    assert_eq!(
        environment.get(HOST).grant().principal,
        aws.instance_principal()
    );
}

#[test]
fn another_sts_is_another_who() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.config(
        "[[registry]]\nmatch = \"*\"\nrole_arn = \"arn:aws:iam::999999999999:role/pull\"\n",
    );
    environment.get(HOST).answer();
    let other = FakeAws::start();
    environment.set("AWS_ENDPOINT_URL_STS", &other.url());
    let _ = environment.get(HOST);
    assert_eq!(other.count(Operation::StsAssumeRole), 1);
}
