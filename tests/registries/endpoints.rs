//! Endpoints given by hand.

use super::common::fake_aws::{ALICE, FakeAws};
use super::common::{HOST, TestEnvironment};
use super::{Case, PARTITIONS, PUBLIC, Wire, signed, with_keys};

/// The four kinds of host of one registry.
fn kinds_of_host() -> [String; 4] {
    [(false, false), (true, false), (false, true), (true, true)]
        .map(|(fips, dual_stack)| PARTITIONS[0].case(fips, dual_stack).host)
}

/// One cold `get` of each kind of host asked this AWS, and signed for the host's region.
#[track_caller]
fn serves_every_kind_of_host(aws: &FakeAws, environment: &TestEnvironment) {
    for host in kinds_of_host() {
        aws.clear();
        environment.get(&host).answer();
        let calls = aws.calls();
        assert_eq!(calls.len(), 1, "{host}");
        assert_eq!(calls[0].host, aws.address().to_string());
        assert_eq!(calls[0].registry_ids(), ["999999999999"]);
        signed(&calls[0], "ecr", "us-west-2");
        environment.run(&["erase"], &host);
    }
}

#[test]
fn endpoint_variables_win_over_every_kind_of_host() {
    let aws = FakeAws::start();
    for variable in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_ECR"] {
        let mut environment = with_keys();
        environment.set(variable, &aws.url());
        serves_every_kind_of_host(&aws, &environment);
        environment
            .set("AWS_USE_FIPS_ENDPOINT", "true")
            .set("AWS_USE_DUALSTACK_ENDPOINT", "true");
        serves_every_kind_of_host(&aws, &environment);
    }
}

#[test]
fn the_services_endpoint_variable_wins_over_the_common_one() {
    let (ecr, common) = (FakeAws::start(), FakeAws::start());
    let mut environment = with_keys();
    environment
        .set("AWS_ENDPOINT_URL", &common.url())
        .set("AWS_ENDPOINT_URL_ECR", &ecr.url());
    serves_every_kind_of_host(&ecr, &environment);
    assert_eq!(common.connections(), 0);
    // And is that service's alone.
    let grant = environment.get(PUBLIC).grant();
    assert_eq!(grant.region, "us-east-1");
    assert_eq!(common.calls().len(), 1);
    environment
        .set("AWS_ENDPOINT_URL_ECR_PUBLIC", &ecr.url())
        .get(PUBLIC)
        .answer();
    assert_eq!(common.calls().len(), 1);
}

#[test]
fn the_profiles_endpoints_win_over_every_kind_of_host() {
    let (aws, other) = (FakeAws::start(), FakeAws::start());
    let profile = |settings: &str| {
        format!(
            "[profile local]\naws_access_key_id = {}\naws_secret_access_key = {}\n{settings}",
            ALICE.0, ALICE.1
        )
    };
    let (url, elsewhere) = (aws.url(), other.url());
    for settings in [
        format!("endpoint_url = {url}\n"),
        format!("services = stand-ins\n[services stand-ins]\necr =\n  endpoint_url = {url}\n"),
        // The service's own wins.
        format!(
            "endpoint_url = {elsewhere}\nservices = stand-ins\n[services stand-ins]\necr =\n  endpoint_url = {url}\n"
        ),
        format!("endpoint_url = {url}\nuse_fips_endpoint = true\nuse_dualstack_endpoint = true\n"),
    ] {
        let mut environment = TestEnvironment::new();
        environment.aws_config(&profile(&settings));
        environment.set("AWS_PROFILE", "local");
        serves_every_kind_of_host(&aws, &environment);
    }
    // A variable wins over the profile.
    let mut environment = TestEnvironment::new();
    environment.aws_config(&profile(&format!("endpoint_url = {elsewhere}\n")));
    environment
        .set("AWS_PROFILE", "local")
        .set("AWS_ENDPOINT_URL", &url);
    serves_every_kind_of_host(&aws, &environment);
    assert_eq!(other.connections(), 0);
}

#[test]
fn the_default_profiles_endpoint_counts_for_keys_from_the_environment() {
    let aws = FakeAws::start();
    let environment = with_keys();
    environment.aws_config(&format!("[default]\nendpoint_url = {}\n", aws.url()));
    serves_every_kind_of_host(&aws, &environment);
}

#[test]
fn configured_endpoints_can_be_ignored() {
    let local = FakeAws::start();
    let [plain, fips] = [false, true].map(|fips| PARTITIONS[0].case(fips, false));
    let wire = Wire::with(&[&plain.api, &fips.api]);
    let url = local.url();
    let both = format!("[default]\nendpoint_url = {url}\n");
    let ignoring = format!("{both}ignore_configured_endpoint_urls = true\n");
    let ignore = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS";
    for (variables, profile) in [
        (
            vec![
                (ignore, "true"),
                ("AWS_ENDPOINT_URL", &url),
                ("AWS_ENDPOINT_URL_ECR", &url),
            ],
            "",
        ),
        (vec![(ignore, "true")], both.as_str()),
        (vec![("AWS_ENDPOINT_URL", &url)], ignoring.as_str()),
    ] {
        let mut environment = wire.environment();
        for (name, value) in variables {
            environment.set(name, value);
        }
        environment.aws_config(profile);
        wire.asks(&environment, &plain);
        wire.asks(&environment, &fips);
    }
    assert_eq!(local.connections(), 0);
    let mut environment = with_keys();
    environment
        .set(ignore, "false")
        .set("AWS_ENDPOINT_URL", &url);
    serves_every_kind_of_host(&local, &environment);
}

#[test]
fn a_private_link_endpoint_is_asked_by_its_own_name() {
    let api = "vpce-0abc.api.ecr.us-west-2.vpce.amazonaws.com";
    let wire = Wire::with(&[api]);
    let mut environment = wire.environment();
    environment.set("AWS_ENDPOINT_URL_ECR", &format!("https://{api}"));
    for host in kinds_of_host() {
        let case = Case {
            host,
            api: api.to_owned(),
            region: "us-west-2",
        };
        wire.asks(&environment, &case);
        environment.run(&["erase"], &case.host);
    }
}

#[test]
fn an_endpoint_that_is_no_url_is_an_error_that_names_its_place() {
    let mut environment = with_keys();
    let asked = |environment: &TestEnvironment, from: &str, url: &str| {
        let line = format!(
            "no credentials for {HOST}: the endpoint `{url}` from {from} is invalid: expected a URL such as https://HOST or http://HOST:PORT"
        );
        environment.get(HOST).failure(&line);
    };
    environment.aws_config("[default]\nendpoint_url = localhost:1\n");
    asked(&environment, "the AWS profile `default`", "localhost:1");
    environment.set("AWS_ENDPOINT_URL", "localhost:2");
    asked(&environment, "AWS_ENDPOINT_URL", "localhost:2");
    environment.set("AWS_ENDPOINT_URL_ECR", "localhost:3");
    asked(&environment, "AWS_ENDPOINT_URL_ECR", "localhost:3");
}
