//! Which API serves which registry, seen on the wire: a proxy records the names that are asked
//! for and leads them all to a fake AWS with a certificate for them. And public ECR, whose pulls
//! must live without any token.

mod common;

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use common::fake_aws::{ALICE, BOB, Call, FakeAws, FakeProxy, Fault, Operation, SSO_ACCESS_TOKEN};
use common::{HOST, NOT_FOUND, Outcome, TestEnvironment};

const PUBLIC: &str = "public.ecr.aws";

/// Public ECR's name for IPv6 as well.
const PUBLIC_DUAL_STACK: &str = "ecr-public.aws.com";

const HALF_LIFE: i64 = 6 * 3600;

/// A partition's names.
struct Names {
    name: &'static str,
    region: &'static str,
    /// What a registry's host, and the API's, ends in.
    suffix: &'static str,
    /// What a dual-stack registry's host ends in.
    dual_stack_suffix: &'static str,
    /// What the dual-stack API's host ends in.
    dual_stack_api_suffix: &'static str,
}

const PARTITIONS: [Names; 8] = [
    Names {
        name: "aws",
        region: "us-west-2",
        suffix: "amazonaws.com",
        dual_stack_suffix: "on.aws",
        dual_stack_api_suffix: "api.aws",
    },
    Names {
        name: "aws-us-gov",
        region: "us-gov-east-1",
        suffix: "amazonaws.com",
        dual_stack_suffix: "on.aws",
        dual_stack_api_suffix: "api.aws",
    },
    Names {
        name: "aws-cn",
        region: "cn-north-1",
        suffix: "amazonaws.com.cn",
        dual_stack_suffix: "on.amazonwebservices.com.cn",
        dual_stack_api_suffix: "api.amazonwebservices.com.cn",
    },
    Names {
        name: "aws-eusc",
        region: "eusc-de-east-1",
        suffix: "amazonaws.eu",
        dual_stack_suffix: "on.amazonwebservices.eu",
        dual_stack_api_suffix: "api.amazonwebservices.eu",
    },
    Names {
        name: "aws-iso",
        region: "us-iso-east-1",
        suffix: "c2s.ic.gov",
        dual_stack_suffix: "on.aws.ic.gov",
        dual_stack_api_suffix: "api.aws.ic.gov",
    },
    Names {
        name: "aws-iso-b",
        region: "us-isob-east-1",
        suffix: "sc2s.sgov.gov",
        dual_stack_suffix: "on.aws.scloud",
        dual_stack_api_suffix: "api.aws.scloud",
    },
    Names {
        name: "aws-iso-e",
        region: "eu-isoe-west-1",
        suffix: "cloud.adc-e.uk",
        dual_stack_suffix: "on.cloud-aws.adc-e.uk",
        dual_stack_api_suffix: "api.cloud-aws.adc-e.uk",
    },
    Names {
        name: "aws-iso-f",
        region: "us-isof-south-1",
        suffix: "csp.hci.ic.gov",
        dual_stack_suffix: "on.aws.hci.ic.gov",
        dual_stack_api_suffix: "api.aws.hci.ic.gov",
    },
];

/// A registry of account 999999999999: its host, and the API's.
struct Case {
    host: String,
    api: String,
    region: &'static str,
}

impl Names {
    fn case(&self, fips: bool, dual_stack: bool) -> Case {
        let region = self.region;
        let fips = if fips { "-fips" } else { "" };
        let (host, api) = if dual_stack {
            let (suffix, api) = (self.dual_stack_suffix, self.dual_stack_api_suffix);
            (
                format!("999999999999.dkr-ecr{fips}.{region}.{suffix}"),
                format!("ecr{fips}.{region}.{api}"),
            )
        } else {
            let suffix = self.suffix;
            (
                format!("999999999999.dkr.ecr{fips}.{region}.{suffix}"),
                format!("api.ecr{fips}.{region}.{suffix}"),
            )
        };
        Case { host, api, region }
    }
}

/// The internet of a test: every name leads to one AWS, and is recorded.
struct Wire {
    aws: FakeAws,
    proxy: FakeProxy,
}

impl Wire {
    fn with(names: &[&str]) -> Self {
        let aws = FakeAws::start_tls(names);
        let proxy = FakeProxy::start(aws.address());
        Self { aws, proxy }
    }

    /// Alice, who reaches AWS by its names.
    fn environment(&self) -> TestEnvironment {
        let mut environment = TestEnvironment::new();
        let bundle = environment.write("ca.pem", self.aws.ca_pem());
        environment
            .set("AWS_ACCESS_KEY_ID", ALICE.0)
            .set("AWS_SECRET_ACCESS_KEY", ALICE.1)
            .set("AWS_CA_BUNDLE", &bundle.display().to_string())
            .set("HTTPS_PROXY", &self.proxy.url());
        environment
    }

    /// The names that were asked for since `before` of them.
    fn names_since(&self, before: usize) -> Vec<String> {
        self.proxy.targets().split_off(before)
    }

    /// One cold `get`, which must go to this API.
    #[track_caller]
    fn asks(&self, environment: &TestEnvironment, case: &Case) {
        self.aws.clear();
        let before = self.proxy.targets().len();
        let outcome = environment.get(&case.host);
        let names = self.names_since(before);
        assert_eq!(
            names,
            [format!("{}:443", case.api)],
            "{}: {outcome:?}",
            case.host
        );
        let grant = outcome.grant();
        assert_eq!(
            (grant.principal.as_str(), grant.registry_ids.as_slice()),
            (ALICE.2, ["999999999999".to_owned()].as_slice())
        );
        let calls = self.aws.calls();
        assert_eq!(calls.len(), 1, "{}: {calls:?}", case.host);
        assert_eq!(calls[0].host, case.api);
        signed(&calls[0], "ecr", case.region);
        assert_eq!(calls[0].registry_ids(), ["999999999999"]);
    }
}

#[track_caller]
fn signed(call: &Call, service: &str, region: &str) {
    assert_eq!(
        (
            call.signed_service.as_deref(),
            call.signed_region.as_deref()
        ),
        (Some(service), Some(region))
    );
}

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

// Private registries.

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
        assert_eq!(
            wire.names_since(before),
            [format!("{sts}:443"), format!("{}:443", case.api)]
        );
        let calls = wire.aws.calls();
        signed(&calls[0], "sts", case.region);
        signed(&calls[1], "ecr", case.region);
    }
}

// Endpoints given by hand.

/// The four kinds of host of one registry.
fn kinds_of_host() -> [String; 4] {
    [(false, false), (true, false), (false, true), (true, true)]
        .map(|(fips, dual_stack)| PARTITIONS[0].case(fips, dual_stack).host)
}

/// Alice, with two local stand-ins, and names that lead nowhere near them.
fn with_keys() -> TestEnvironment {
    let mut environment = TestEnvironment::new();
    environment
        .set("AWS_ACCESS_KEY_ID", ALICE.0)
        .set("AWS_SECRET_ACCESS_KEY", ALICE.1);
    environment
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
            "no credentials for {HOST}: the endpoint `{url}` from {from} is wrong: it must be a URL such as https://HOST or http://HOST:PORT"
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

// Public ECR, when AWS gives a token.

#[test]
fn public_ecr_is_served_by_us_east_1_wherever_the_caller_is() {
    let (api, dual_stack_api) = (
        "api.ecr-public.us-east-1.amazonaws.com",
        "ecr-public.us-east-1.api.aws",
    );
    let wire = Wire::with(&[api, dual_stack_api]);
    let mut environment = wire.environment();
    environment.set("AWS_REGION", "eu-central-1");
    for (index, (host, api)) in [(PUBLIC, api), (PUBLIC_DUAL_STACK, dual_stack_api)]
        .into_iter()
        .enumerate()
    {
        wire.aws.clear();
        let before = wire.proxy.targets().len();
        let grant = environment.get(host).grant();
        assert_eq!(
            (grant.principal.as_str(), grant.serial),
            (ALICE.2, index + 1)
        );
        assert_eq!(wire.names_since(before), [format!("{api}:443")]);
        let calls = wire.aws.calls();
        assert_eq!(calls.len(), 1, "{calls:?}");
        assert_eq!(
            calls[0].operation,
            Operation::EcrPublicGetAuthorizationToken
        );
        assert_eq!(calls[0].registry_ids(), Vec::<&str>::new());
        signed(&calls[0], "ecr-public", "us-east-1");
    }
}

#[test]
fn a_public_token_is_cached_and_used() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let cold = environment.get(PUBLIC);
    assert_eq!(cold.answer()["ServerURL"], PUBLIC);
    aws.clear();
    assert_eq!(environment.get(PUBLIC), cold);
    for spelling in [
        "https://public.ecr.aws/v2/",
        "public.ecr.aws/docker/library/alpine",
    ] {
        let outcome = environment.get(spelling);
        assert_eq!(outcome.answer()["ServerURL"], spelling);
        assert_eq!(outcome.grant().serial, 1);
    }
    environment.age_cache(HALF_LIFE - 60);
    assert_eq!(environment.get(PUBLIC), cold);
    assert_eq!(aws.connections(), 0);
    environment.age_cache(120);
    assert_eq!(environment.get(PUBLIC).grant().serial, 2);
}

#[test]
fn a_stale_public_token_is_served_when_the_refresh_fails() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let cold = environment.get(PUBLIC);
    for fault in [
        Fault::Status(503),
        Fault::Throttle,
        Fault::CloseConnection,
        Fault::Garbage,
        Fault::Hang,
    ] {
        let name = format!("{fault:?}");
        environment.age_cache(HALF_LIFE + 60);
        aws.on(Operation::EcrPublicGetAuthorizationToken, fault);
        aws.clear();
        assert_eq!(environment.get(PUBLIC), cold, "{name}");
        assert!(!aws.calls().is_empty(), "{name}: it was tried");
        aws.clear();
        assert_eq!(environment.get(PUBLIC), cold, "{name}: a minute's pause");
        assert_eq!(aws.connections(), 0, "{name}");
        environment.age_cache(-HALF_LIFE - 60);
        forget_marks(&environment);
    }
    // It is good for no longer than ECR says.
    environment.age_cache(2 * HALF_LIFE + 60);
    environment.get(PUBLIC).failed_with(NOT_FOUND, "");
}

#[test]
fn a_denial_ends_a_stale_public_token() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.get(PUBLIC).answer();
    environment.age_cache(HALF_LIFE + 60);
    aws.deny_ecr(ALICE.2);
    environment.get(PUBLIC).failed_with(NOT_FOUND, "");
    assert!(environment.entries().is_empty());
}

// Public ECR, when there is no token: pulls are anonymous.

/// The remembered failures.
fn marks(environment: &TestEnvironment) -> Vec<PathBuf> {
    let Ok(folder) = fs::read_dir(environment.cache()) else {
        return Vec::new();
    };
    folder
        .map(|item| item.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "mark"))
        .collect()
}

/// Shifts the times of every remembered failure, as if `seconds` had passed.
fn age_marks(environment: &TestEnvironment, seconds: i64) {
    let marks = marks(environment);
    assert!(!marks.is_empty(), "a failure is remembered");
    for path in marks {
        let text = fs::read(&path).expect("a mark");
        let mut mark: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
        for key in ["made_at", "until"] {
            let moment = mark[key].as_i64().expect("epoch seconds");
            mark[key] = (moment - seconds).into();
        }
        fs::write(&path, mark.to_string()).expect("a mark");
    }
}

fn forget_marks(environment: &TestEnvironment) {
    for path in marks(environment) {
        fs::remove_file(path).expect("a mark");
    }
}

#[track_caller]
fn is_anonymous(environment: &TestEnvironment, why: &str) {
    let Outcome {
        code,
        stdout,
        stderr,
    } = environment.get(PUBLIC);
    assert_eq!(
        (code, stdout.as_str(), stderr.as_str()),
        (Some(1), NOT_FOUND, ""),
        "{why}"
    );
}

/// Not found, in silence, and AWS is not asked a second time.
#[track_caller]
fn is_remembered(aws: &FakeAws, environment: &TestEnvironment, why: &str) {
    aws.clear();
    is_anonymous(environment, why);
    assert!(aws.connections() > 0, "{why}: it was tried");
    aws.clear();
    is_anonymous(environment, why);
    assert_eq!(aws.connections(), 0, "{why}: it was remembered");
}

/// As [`is_remembered`], for ten minutes and no longer.
#[track_caller]
fn stays_anonymous(aws: &FakeAws, environment: &TestEnvironment, why: &str) {
    is_remembered(aws, environment, why);
    age_marks(environment, 590);
    is_anonymous(environment, why);
    assert_eq!(aws.connections(), 0, "{why}: ten minutes later, almost");
    age_marks(environment, 20);
    is_anonymous(environment, why);
    assert!(aws.connections() > 0, "{why}: ten minutes later");
}

#[test]
fn without_credentials_public_ecr_is_anonymous_and_nobody_is_asked() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::with_aws(&aws);
    for host in [PUBLIC, PUBLIC_DUAL_STACK] {
        environment.get(host).failed_with(NOT_FOUND, "");
    }
    assert_eq!(aws.connections(), 0);
    assert!(!environment.home().join(".cache").exists());
}

#[test]
fn an_instance_without_a_role_pulls_anonymously_and_asks_its_metadata_once() {
    let aws = FakeAws::start();
    aws.set_instance_role(None);
    let mut environment = TestEnvironment::with_aws(&aws);
    environment
        .unset("AWS_EC2_METADATA_DISABLED")
        .set("AWS_EC2_METADATA_SERVICE_ENDPOINT", &aws.url());
    stays_anonymous(&aws, &environment, "no role");
    assert_eq!(aws.count(Operation::EcrPublicGetAuthorizationToken), 0);
}

#[test]
fn a_denial_leaves_public_ecr_anonymous() {
    let aws = FakeAws::start();
    aws.deny_ecr(ALICE.2);
    let environment = TestEnvironment::of_alice(&aws);
    stays_anonymous(&aws, &environment, "denied");
}

#[test]
fn a_denied_role_leaves_public_ecr_anonymous() {
    let aws = FakeAws::start();
    let role = "arn:aws:iam::111122223333:role/ci";
    aws.deny_role(role);
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.aws_config(&format!(
        "[profile ci]\nrole_arn = {role}\nsource_profile = base\n[profile base]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        ALICE.0, ALICE.1
    ));
    environment.set("AWS_PROFILE", "ci");
    stays_anonymous(&aws, &environment, "a denied role");
    assert_eq!(aws.count(Operation::EcrPublicGetAuthorizationToken), 0);
}

#[test]
fn keys_of_another_partition_leave_public_ecr_anonymous() {
    let aws = FakeAws::start();
    aws.check_partitions(true);
    for (partition, region) in [("aws-cn", "cn-north-1"), ("aws-us-gov", "us-gov-east-1")] {
        let arn = format!("arn:{partition}:iam::111122223333:user/alice");
        aws.add_user(ALICE.0, ALICE.1, &arn);
        let environment = TestEnvironment::of_alice(&aws);
        stays_anonymous(&aws, &environment, partition);
        // The same keys are good at home.
        let suffix = if partition == "aws-cn" { ".cn" } else { "" };
        let host = format!("999999999999.dkr.ecr.{region}.amazonaws.com{suffix}");
        assert_eq!(environment.get(&host).grant().principal, arn);
    }
}

#[test]
fn a_role_of_another_partition_leaves_public_ecr_anonymous() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    let token = environment.write("token", "a web identity token");
    environment
        .set("AWS_ROLE_ARN", "arn:aws-cn:iam::111122223333:role/node")
        .set("AWS_WEB_IDENTITY_TOKEN_FILE", &token.display().to_string());
    environment.get(PUBLIC).failed_with(NOT_FOUND, "");
    assert_eq!(aws.connections(), 0);
}

#[test]
fn an_aws_that_answers_badly_leaves_public_ecr_anonymous() {
    let aws = FakeAws::start();
    for fault in [
        Fault::UnrecognizedClient,
        Fault::SignatureMismatch,
        Fault::ExpiredToken,
        Fault::Garbage,
        Fault::EmptyAuthorizationData,
        Fault::UndecodableToken,
        Fault::RawResponse(403, Vec::new(), "blocked by the firewall".to_owned()),
    ] {
        let name = format!("{fault:?}");
        aws.on(Operation::EcrPublicGetAuthorizationToken, fault);
        let environment = TestEnvironment::of_alice(&aws);
        stays_anonymous(&aws, &environment, &name);
    }
}

#[test]
fn an_aws_that_is_down_leaves_public_ecr_anonymous() {
    let aws = FakeAws::start();
    for fault in [
        Fault::Status(500),
        Fault::Status(503),
        Fault::Throttle,
        Fault::CloseConnection,
        Fault::TruncatedAnswer,
    ] {
        let name = format!("{fault:?}");
        aws.on(Operation::EcrPublicGetAuthorizationToken, fault);
        let environment = TestEnvironment::of_alice(&aws);
        is_remembered(&aws, &environment, &name);
    }
}

#[test]
fn an_aws_that_hangs_holds_up_no_anonymous_pull() {
    let aws = FakeAws::start();
    aws.on(Operation::EcrPublicGetAuthorizationToken, Fault::Hang);
    let environment = TestEnvironment::of_alice(&aws);
    let started = Instant::now();
    stays_anonymous(&aws, &environment, "hang");
    // Tried twice, 2 s each; a whole `get` of a private registry may take 30 s.
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[test]
fn an_endpoint_that_is_not_there_leaves_public_ecr_anonymous() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let nowhere = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let mut environment = with_keys();
    environment.set("AWS_ENDPOINT_URL", &nowhere);
    environment.get(PUBLIC).failed_with(NOT_FOUND, "");
    assert_eq!(marks(&environment).len(), 1);
}

#[test]
fn settings_that_fail_a_private_registry_leave_public_ecr_anonymous() {
    let aws = FakeAws::start();
    for (name, value) in [
        ("AWS_PROFILE", "missing"),
        ("AWS_SECRET_ACCESS_KEY", "half-of-a-pair"),
        ("AWS_ENDPOINT_URL", "localhost:1"),
        ("HTTPS_PROXY", "ftp://proxy"),
        ("AWS_CA_BUNDLE", "/nonexistent/ca.pem"),
        ("ECRX_CONFIG", "/nonexistent/config.toml"),
    ] {
        let mut environment = TestEnvironment::of_alice(&aws);
        if matches!(name, "AWS_PROFILE" | "AWS_SECRET_ACCESS_KEY") {
            environment
                .unset("AWS_ACCESS_KEY_ID")
                .unset("AWS_SECRET_ACCESS_KEY");
        }
        environment.set(name, value);
        let private = environment.get(HOST);
        assert_eq!(private.code, Some(1), "{name}");
        assert_ne!(private.stdout, NOT_FOUND, "{name}");
        let public = environment.get(PUBLIC);
        assert_eq!(
            (public.stdout.as_str(), public.stderr.as_str()),
            (NOT_FOUND, ""),
            "{name}"
        );
    }
    assert_eq!(aws.connections(), 0);
}

#[test]
fn public_ecr_is_anonymous_without_a_cache_too() {
    let aws = FakeAws::start();
    aws.deny_ecr(ALICE.2);
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.set("AWS_ECR_DISABLE_CACHE", "1");
    for calls in 1..3 {
        environment.get(PUBLIC).failed_with(NOT_FOUND, "");
        assert_eq!(aws.calls().len(), calls, "nothing can be remembered");
    }
}

#[test]
fn what_public_ecr_gives_nobody_holds_up_no_private_registry() {
    let aws = FakeAws::start();
    aws.on(
        Operation::EcrPublicGetAuthorizationToken,
        Fault::AccessDenied,
    );
    let environment = TestEnvironment::of_alice(&aws);
    environment.get(PUBLIC).failed_with(NOT_FOUND, "");
    environment.get(HOST).answer();
}

// What ends the ten minutes before their time.

#[test]
fn other_keys_end_the_wait_for_public_ecr() {
    let aws = FakeAws::start();
    aws.deny_ecr(ALICE.2);
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.get(PUBLIC).failed_with(NOT_FOUND, "");
    environment
        .set("AWS_ACCESS_KEY_ID", BOB.0)
        .set("AWS_SECRET_ACCESS_KEY", BOB.1);
    assert_eq!(environment.get(PUBLIC).grant().principal, BOB.2);
    environment
        .set("AWS_ACCESS_KEY_ID", ALICE.0)
        .set("AWS_SECRET_ACCESS_KEY", ALICE.1);
    aws.clear();
    environment.get(PUBLIC).failed_with(NOT_FOUND, "");
    assert_eq!(aws.connections(), 0, "Alice still waits");
}

#[test]
fn another_role_ends_the_wait_for_public_ecr() {
    let aws = FakeAws::start();
    let role = "arn:aws:iam::111122223333:role/ci";
    aws.deny_role(role);
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.aws_config(&format!(
        "[profile ci]\nrole_arn = {role}\nsource_profile = base\n[profile base]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        ALICE.0, ALICE.1
    ));
    environment.set("AWS_PROFILE", "ci");
    is_remembered(&aws, &environment, "a denied role");
    environment.set("AWS_PROFILE", "base");
    assert_eq!(environment.get(PUBLIC).grant().principal, ALICE.2);
}

#[test]
fn an_erase_ends_the_wait_for_public_ecr() {
    let aws = FakeAws::start();
    aws.on(
        Operation::EcrPublicGetAuthorizationToken,
        Fault::AccessDenied,
    );
    let environment = TestEnvironment::of_alice(&aws);
    environment.get(PUBLIC).failed_with(NOT_FOUND, "");
    aws.heal_all();
    environment.get(PUBLIC).failed_with(NOT_FOUND, "");
    assert_eq!(environment.run(&["erase"], PUBLIC).code, Some(0));
    environment.get(PUBLIC).answer();
}

#[test]
fn a_new_sign_in_ends_the_wait_for_public_ecr() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.aws_config(
        "[profile work]\nsso_session = company\nsso_account_id = 111122223333\nsso_role_name = Developer\n[sso-session company]\nsso_start_url = https://company.awsapps.com/start\nsso_region = us-east-1\n",
    );
    environment.set("AWS_PROFILE", "work");
    // `aws sso login` names its file by the SHA-1 of the session's name, here `company`.
    let sign_in = |access_token: &str, expires_at: &str| {
        environment.write(
            ".aws/sso/cache/71b21161ffa1e6516bcc072aaf5ef38cbe85b511.json",
            &format!(
                r#"{{"startUrl":"https://company.awsapps.com/start","region":"us-east-1","accessToken":"{access_token}","expiresAt":"{expires_at}"}}"#
            ),
        );
    };
    environment.get(PUBLIC).failed_with(NOT_FOUND, "");
    sign_in("expired", "2020-01-01T00:00:00Z");
    environment.get(PUBLIC).failed_with(NOT_FOUND, "");
    assert_eq!(aws.connections(), 0);
    sign_in(SSO_ACCESS_TOKEN, "2099-01-01T00:00:00Z");
    assert_eq!(
        environment.get(PUBLIC).grant().principal,
        aws.sso_principal("111122223333", "Developer")
    );
}
