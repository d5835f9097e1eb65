//! Which API serves which registry, seen on the wire: a proxy records the names that are asked
//! for and leads them all to a fake AWS with a certificate for them. And public ECR, whose pulls
//! must live without any token.

#[path = "registries/anonymous.rs"]
mod anonymous;
mod common;
#[path = "registries/endpoints.rs"]
mod endpoints;
#[path = "registries/private.rs"]
mod private;
#[path = "registries/public.rs"]
mod public;

use common::TestEnvironment;
use common::fake_aws::{ALICE, Call, FakeAws, FakeProxy};

const PUBLIC: &str = "public.ecr.aws";

/// Public ECR's name for IPv6 as well.
const PUBLIC_DUAL_STACK: &str = "ecr-public.aws.com";

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

/// Alice, with two local stand-ins, and names that lead nowhere near them.
fn with_keys() -> TestEnvironment {
    let mut environment = TestEnvironment::new();
    environment
        .set("AWS_ACCESS_KEY_ID", ALICE.0)
        .set("AWS_SECRET_ACCESS_KEY", ALICE.1);
    environment
}
