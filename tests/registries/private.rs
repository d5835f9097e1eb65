//! Private registries: the API that their host names.

use super::{Case, PARTITIONS, Wire, signed};

fn every_partition(fips: bool, dual_stack: bool) {
    let cases: Vec<Case> = PARTITIONS
        .iter()
        .map(|names| names.case(fips, dual_stack))
        .collect();
    let names: Vec<&str> = cases.iter().map(|case| case.api.as_str()).collect();
    let wire = Wire::with(&names);
    let environment = wire.environment();
    for case in &cases {
        wire.asks(&environment, case);
    }
}

#[test]
fn a_plain_host_is_served_by_its_regions_api_in_every_partition() {
    every_partition(false, false);
}

#[test]
fn a_fips_host_is_served_by_the_fips_api_in_every_partition() {
    every_partition(true, false);
}

#[test]
fn a_dual_stack_host_is_served_by_the_dual_stack_api_in_every_partition() {
    every_partition(false, true);
}

#[test]
fn a_fips_dual_stack_host_is_served_by_the_fips_dual_stack_api_in_every_partition() {
    every_partition(true, true);
}

#[test]
fn either_label_goes_with_either_suffix() {
    let api = "ecr-fips.us-west-2.api.aws";
    let wire = Wire::with(&["api.ecr.us-west-2.amazonaws.com", api]);
    let environment = wire.environment();
    for (host, api) in [
        (
            "999999999999.dkr-ecr.us-west-2.amazonaws.com",
            "api.ecr.us-west-2.amazonaws.com",
        ),
        ("999999999999.dkr.ecr-fips.us-west-2.on.aws", api),
    ] {
        let case = Case {
            host: host.to_owned(),
            api: api.to_owned(),
            region: "us-west-2",
        };
        wire.asks(&environment, &case);
    }
}

#[test]
fn the_region_is_the_hosts_and_never_the_callers() {
    let case = PARTITIONS[0].case(false, false);
    let wire = Wire::with(&[&case.api]);
    let mut environment = wire.environment();
    environment
        .set("AWS_REGION", "eu-central-1")
        .set("AWS_DEFAULT_REGION", "eu-central-1");
    environment.aws_config("[default]\nregion = eu-central-1\n");
    wire.asks(&environment, &case);
}

#[test]
fn fips_and_dual_stack_can_be_asked_for_with_every_host() {
    let [plain, fips, dual, both] = [(false, false), (true, false), (false, true), (true, true)]
        .map(|(fips, dual_stack)| {
            let case = PARTITIONS[0].case(fips, dual_stack);
            (case.host, case.api)
        });
    let wire = Wire::with(&[&plain.1, &fips.1, &dual.1, &both.1]);
    let use_fips = [("AWS_USE_FIPS_ENDPOINT", "true")].as_slice();
    let use_dual = [("AWS_USE_DUALSTACK_ENDPOINT", "true")].as_slice();
    let use_both = [use_fips, use_dual].concat();
    let not_fips = [("AWS_USE_FIPS_ENDPOINT", "false")].as_slice();
    let profile_fips = "[default]\nuse_fips_endpoint = true\n";
    let profile_dual = "[default]\nuse_dualstack_endpoint = true\n";
    for (variables, profile, host, api) in [
        (use_fips, "", &plain.0, &fips.1),
        (use_fips, "", &dual.0, &both.1),
        (use_dual, "", &plain.0, &dual.1),
        (use_dual, "", &fips.0, &both.1),
        (use_both.as_slice(), "", &plain.0, &both.1),
        (&[], profile_fips, &plain.0, &fips.1),
        (&[], profile_dual, &plain.0, &dual.1),
        (not_fips, profile_fips, &plain.0, &plain.1),
        // A FIPS host is one whatever a variable says.
        (not_fips, "", &fips.0, &fips.1),
    ] {
        let mut environment = wire.environment();
        for (name, value) in variables {
            environment.set(name, value);
        }
        environment.aws_config(profile);
        let case = Case {
            host: host.clone(),
            api: api.clone(),
            region: "us-west-2",
        };
        wire.asks(&environment, &case);
    }
}

#[test]
fn a_role_is_assumed_in_the_hosts_region_in_every_partition() {
    let cases: Vec<(Case, String)> = PARTITIONS
        .iter()
        .map(|names| {
            let sts = format!("sts.{}.{}", names.region, names.suffix);
            (names.case(false, false), sts)
        })
        .collect();
    let names: Vec<&str> = cases
        .iter()
        .flat_map(|(case, sts)| [case.api.as_str(), sts.as_str()])
        .collect();
    let wire = Wire::with(&names);
    let environment = wire.environment();
    environment.config(
        "[[registry]]\nmatch = \"*\"\nrole_arn = \"arn:{partition}:iam::{account}:role/ecr-pull\"\nrole_session_name = \"ci\"\n",
    );
    for ((case, sts), names) in cases.iter().zip(&PARTITIONS) {
        wire.aws.clear();
        let before = wire.proxy.targets().len();
        let grant = environment.get(&case.host).grant();
        let partition = names.name;
        assert_eq!(
            grant.principal,
            format!("arn:{partition}:sts::999999999999:assumed-role/ecr-pull/ci")
        );
        // Both are connected to at the same time.
        let mut names = wire.names_since(before);
        names.sort_unstable();
        let mut expected = [format!("{sts}:443"), format!("{}:443", case.api)];
        expected.sort_unstable();
        assert_eq!(names, expected);
        let calls = wire.aws.calls();
        signed(&calls[0], "sts", case.region);
        signed(&calls[1], "ecr", case.region);
    }
}
