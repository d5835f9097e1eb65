//! Where STS is asked.

use super::common::fake_aws::{FakeAws, FakeProxy, Operation};
use super::common::{HOST, TestEnvironment, sources};
use super::{BEIJING, Change, rule};

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
        "no credentials for {BEIJING}: {config}:1: registry.region: `us-west-2` is in the partition aws, and {BEIJING} in aws-cn; AWS identities and registries must be in the same partition"
    ));
    assert_eq!(aws.calls().len(), 0);
}

/// The names that are called, without an endpoint given by hand, in alphabetical order, as they
/// are connected to at the same time: the proxy leads all of them to the fake.
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
    let mut names = proxy.targets();
    names.sort_unstable();
    names
}

#[test]
fn sts_has_the_name_that_region_partition_host_and_switches_give_it() {
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
        "sts.eu-west-1.amazonaws.com",
        "sts.eu-west-1.api.aws",
        "api.ecr-fips.eu-west-1.amazonaws.com",
        "ecr.eu-west-1.api.aws",
    ];
    let aws = FakeAws::start_tls(&names);
    let fips_host = "999999999999.dkr.ecr-fips.us-west-2.amazonaws.com";
    let dual_stack_host = "999999999999.dkr-ecr.us-west-2.on.aws";
    let both_host = "999999999999.dkr-ecr-fips.us-west-2.on.aws";
    let [irish_fips_host, irish_dual_stack_host] =
        [fips_host, dual_stack_host].map(|host| host.replace("us-west-2", "eu-west-1"));
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
        // A host has the endpoints of its kind, if STS has them in the region.
        (none, fips_host, names[1], names[6]),
        (none, dual_stack_host, names[2], names[7]),
        (none, both_host, names[3], names[8]),
        (fips, dual_stack_host, names[3], names[8]),
        (none, &irish_fips_host, names[10], names[12]),
        (none, &irish_dual_stack_host, names[11], names[13]),
        (none, BEIJING, names[4], names[9]),
    ] {
        let mut names = [sts, ecr].map(|name| format!("{name}:443"));
        names.sort_unstable();
        assert_eq!(called(&aws, change, host), names);
    }
}

#[test]
fn an_sts_endpoint_of_your_own_wins_over_the_kind_of_the_host() {
    let aws = FakeAws::start();
    let role = "role_arn = \"arn:aws:iam::999999999999:role/pull\"";
    for host in [
        "999999999999.dkr.ecr-fips.us-west-2.amazonaws.com",
        "999999999999.dkr-ecr.us-west-2.on.aws",
    ] {
        for is_in_config in [true, false] {
            let mut environment = TestEnvironment::of_alice(&aws);
            environment.unset("AWS_ENDPOINT_URL");
            environment.set("AWS_ENDPOINT_URL_ECR", &aws.url());
            if is_in_config {
                let url = aws.url();
                rule(
                    &environment,
                    &format!("{role}\nsts_endpoint_url = \"{url}\""),
                );
            } else {
                rule(&environment, role);
                environment.set("AWS_ENDPOINT_URL_STS", &aws.url());
            }
            aws.clear();
            environment.get(host).answer();
            assert_eq!(aws.calls_of(Operation::StsAssumeRole).len(), 1, "{host}");
        }
    }
}

#[test]
fn whoami_says_if_sts_has_no_endpoint_of_the_hosts_kind() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.unset("AWS_ENDPOINT_URL");
    rule(
        &environment,
        "role_arn = \"arn:{partition}:iam::999999999999:role/pull\"",
    );
    for (host, sts) in [
        (
            "999999999999.dkr.ecr-fips.eu-west-1.amazonaws.com",
            "eu-west-1 (STS has no FIPS endpoint in this region)",
        ),
        (
            "999999999999.dkr-ecr.eu-west-1.on.aws",
            "eu-west-1, dual-stack\n",
        ),
    ] {
        let text = environment.run(&["whoami", host], "").stdout;
        assert!(text.contains(sts), "{text}");
    }
}
