//! Where APIs are called: regions, switches and URLs, from variables and a profile.

use std::cell::OnceCell;
use std::fmt;

use crate::env::{Env, says_true, var};
use crate::net::HttpUrl;
use crate::redaction::shown_url;
use crate::registry::{Partition, Region, Registry, Service};

use super::aws_files::{AwsFiles, Profile};
use super::error::IdentityError;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// The region that the request is signed for.
    pub region: Region,
    /// A URL given by hand. It wins over the switches below, which are off then: the SDK refuses
    /// a custom endpoint together with them.
    pub url: Option<String>,
    pub url_from: Option<UrlOrigin>,
    pub fips: bool,
    pub dual_stack: bool,
    /// What the host asks for and the API does not have in this region.
    pub unavailable: Option<&'static str>,
}

/// The kinds of endpoints that a registry's host asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EndpointKinds {
    pub fips: bool,
    pub dual_stack: bool,
}

/// The regions outside GovCloud in which STS has a FIPS endpoint: `endpoints.json` of botocore
/// 1.44.8. In GovCloud, the ordinary endpoint is the FIPS endpoint too.
const STS_FIPS: [&str; 4] = ["us-east-1", "us-east-2", "us-west-1", "us-west-2"];

/// The regions in which STS has an endpoint that is both: "Dual-stack endpoint support" in the IAM
/// User Guide (read on 29 November 2026) limits those to the United States and Canada, without GovCloud.
const STS_FIPS_DUAL_STACK: [&str; 6] = [
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "ca-central-1",
    "ca-west-1",
];

/// The partitions in which STS has a dual-stack endpoint in every region: the same page.
/// `endpoints.json` has only the pattern of the names, for any service.
const STS_DUAL_STACK: [Partition; 3] = [Partition::Aws, Partition::AwsCn, Partition::AwsUsGov];

impl EndpointKinds {
    pub(super) const ORDINARY: Self = Self {
        fips: false,
        dual_stack: false,
    };

    pub(super) fn of_registry(registry: &Registry) -> Self {
        match &registry.service {
            Service::Private(private) => Self {
                fips: private.fips,
                dual_stack: private.dual_stack,
            },
            // Public ECR's second name is its dual-stack one.
            Service::Public => Self {
                fips: false,
                dual_stack: registry.host() == "ecr-public.aws.com",
            },
        }
    }

    /// Those of these that STS has in a region. If it has either but not both in one endpoint, FIPS
    /// is kept: a missing address is noticed, missing FIPS is not.
    fn offered_by_sts(self, region: &Region) -> Self {
        let partition = Partition::of_region(region);
        let is_gov = partition == Partition::AwsUsGov;
        let fips = self.fips && (is_gov || STS_FIPS.contains(&region.as_str()));
        let dual_stack = self.dual_stack && STS_DUAL_STACK.contains(&partition);
        let both = STS_FIPS_DUAL_STACK.contains(&region.as_str());
        match (self.fips && self.dual_stack && both, fips) {
            (true, _) => self,
            (false, true) => Self {
                fips,
                ..Self::ORDINARY
            },
            (false, false) => Self { fips, dual_stack },
        }
    }

    /// What these lack of others, in words.
    fn without(self, offered: Self) -> Option<&'static str> {
        match (
            self.fips && !offered.fips,
            self.dual_stack && !offered.dual_stack,
        ) {
            (true, true) => Some("FIPS or dual-stack"),
            (true, false) => Some("FIPS"),
            (false, true) if offered.fips => Some("dual-stack FIPS"),
            (false, true) => Some("dual-stack"),
            (false, false) => None,
        }
    }
}

/// What sets the URL of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum UrlOrigin {
    Variable(&'static str),
    /// The AWS profile of this name.
    Profile(String),
    /// A key of `config.toml`.
    Config(&'static str),
}

impl fmt::Display for UrlOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => f.write_str(name),
            Self::Profile(name) => write!(f, "the AWS profile `{name}`"),
            Self::Config(key) => write!(f, "{key} in config.toml"),
        }
    }
}

impl Endpoint {
    /// The endpoint that a setting of `config.toml` names.
    pub(super) fn from_url(region: Region, url: &str, key: &'static str) -> Self {
        Self {
            url: Some(url.to_owned()),
            url_from: Some(UrlOrigin::Config(key)),
            ..Self::from_region(region)
        }
    }

    /// The ordinary endpoint of a region.
    pub(super) fn from_region(region: Region) -> Self {
        Self {
            region,
            url: None,
            url_from: None,
            fips: false,
            dual_stack: false,
            unavailable: None,
        }
    }
}

/// An API whose endpoint may be given by hand.
#[derive(Clone, Copy)]
pub(super) enum AwsApi {
    Ecr,
    EcrPublic,
    Sts,
    Sso,
    SsoOidc,
    Signin,
}

impl AwsApi {
    /// What it is called in a `[services]` section, and its variable (the SDKs' reference guide,
    /// "Service-specific endpoints").
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Ecr => ("ecr", "AWS_ENDPOINT_URL_ECR"),
            Self::EcrPublic => ("ecr_public", "AWS_ENDPOINT_URL_ECR_PUBLIC"),
            Self::Sts => ("sts", "AWS_ENDPOINT_URL_STS"),
            Self::Sso => ("sso", var::AWS_ENDPOINT_URL_SSO),
            Self::SsoOidc => ("sso_oidc", var::AWS_ENDPOINT_URL_SSO_OIDC),
            Self::Signin => ("signin", var::AWS_ENDPOINT_URL_SIGNIN),
        }
    }

    /// Whether a profile may set its URL. The SDK's provider of `aws login` reads variables alone.
    fn is_set_by_profiles(self) -> bool {
        match self {
            Self::Ecr | Self::EcrPublic | Self::Sts | Self::Sso | Self::SsoOidc => true,
            Self::Signin => false,
        }
    }
}

/// The variables, and the profile that is read after them.
pub(super) struct Settings<'a> {
    env: &'a Env,
    files: Option<&'a AwsFiles>,
    profile: Option<Profile<'a>>,
    switches: OnceCell<Switches>,
}

/// Settings that apply to every endpoint.
#[derive(Clone, Copy)]
struct Switches {
    ignore_urls: bool,
    fips: bool,
    dual_stack: bool,
}

impl<'a> Settings<'a> {
    pub(super) fn new(env: &'a Env, files: Option<&'a AwsFiles>, profile: &str) -> Self {
        Self {
            env,
            files,
            profile: files.and_then(|files| files.profile(profile)),
            switches: OnceCell::new(),
        }
    }

    fn switches(&self) -> Switches {
        let switch = |variable, key| {
            let variable = self.env.get(variable);
            variable.as_deref().or(self.get(key)).is_some_and(says_true)
        };
        *self.switches.get_or_init(|| Switches {
            ignore_urls: switch(
                var::AWS_IGNORE_CONFIGURED_ENDPOINT_URLS,
                "ignore_configured_endpoint_urls",
            ),
            fips: switch(var::AWS_USE_FIPS_ENDPOINT, "use_fips_endpoint"),
            dual_stack: switch(var::AWS_USE_DUALSTACK_ENDPOINT, "use_dualstack_endpoint"),
        })
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.profile.as_ref()?.get(key)
    }

    /// Where roles are assumed: the rule's region, the profile's, `AWS_REGION`, the registry's;
    /// never one of another partition.
    pub(super) fn region(&self, rule: Option<&Region>, registry: &Registry) -> Region {
        let profile = self.get("region");
        let variables = [var::AWS_REGION, var::AWS_DEFAULT_REGION].map(|name| self.env.get(name));
        rule.cloned()
            .into_iter()
            .chain(profile.and_then(|region| region.parse().ok()))
            .chain(
                variables
                    .into_iter()
                    .flatten()
                    .filter_map(|region| region.trim().parse().ok()),
            )
            .find(|region| Partition::of_region(region) == registry.partition())
            .unwrap_or_else(|| registry.api_region())
    }

    /// An API's endpoint, as the SDKs' reference guide orders it: the service's variable, the
    /// common variable, the profile's `services`, the profile's `endpoint_url`.
    pub(super) fn endpoint(
        &self,
        api: AwsApi,
        region: Region,
        kinds: EndpointKinds,
    ) -> Result<Endpoint, IdentityError> {
        let switches = self.switches();
        let found = if switches.ignore_urls {
            None
        } else {
            self.endpoint_url(api)?
        };
        let (url, url_from) = found.unzip();
        if url.is_some() {
            return Ok(Endpoint {
                url,
                url_from,
                ..Endpoint::from_region(region)
            });
        }
        let wanted = EndpointKinds {
            fips: kinds.fips || switches.fips,
            dual_stack: kinds.dual_stack || switches.dual_stack,
        };
        let offered = match api {
            AwsApi::Sts => wanted.offered_by_sts(&region),
            _ => wanted,
        };
        // The switches count without a table, as in the AWS CLI.
        let (fips, dual_stack) = (
            offered.fips || switches.fips,
            offered.dual_stack || switches.dual_stack,
        );
        Ok(Endpoint {
            fips,
            dual_stack,
            unavailable: wanted.without(EndpointKinds { fips, dual_stack }),
            ..Endpoint::from_region(region)
        })
    }

    /// Refuses a wrong URL in a variable that the SDK alone reads, even if configured URLs are to be
    /// ignored.
    pub(super) fn refuse_wrong_url(&self, variable: &'static str) -> Result<(), IdentityError> {
        match self.env.get(variable) {
            Some(url) if HttpUrl::parse(url.trim()).is_none() => Err(IdentityError::EndpointUrl {
                url: shown_url(url.trim()),
                from: variable.to_owned(),
            }),
            _ => Ok(()),
        }
    }

    /// The URL, and the variable or profile that sets it.
    fn endpoint_url(&self, api: AwsApi) -> Result<Option<(String, UrlOrigin)>, IdentityError> {
        let (service, variable) = api.names();
        let (url, from) = if let Some(url) = self.env.get(variable) {
            (url, UrlOrigin::Variable(variable))
        } else if let Some(url) = self.env.get(var::AWS_ENDPOINT_URL) {
            (url, UrlOrigin::Variable(var::AWS_ENDPOINT_URL))
        } else if let (Some(profile), Some(files)) = (&self.profile, self.files)
            && api.is_set_by_profiles()
        {
            match files
                .service_endpoint(profile, service)
                .or_else(|| profile.get("endpoint_url").map(str::to_owned))
            {
                Some(url) => (url, UrlOrigin::Profile(profile.name().to_owned())),
                None => return Ok(None),
            }
        } else {
            return Ok(None);
        };
        let url = url.trim();
        if HttpUrl::parse(url).is_some() {
            Ok(Some((url.to_owned(), from)))
        } else {
            Err(IdentityError::EndpointUrl {
                url: shown_url(url),
                from: from.to_string(),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sts_offers_the_kinds_that_aws_documents() {
        let (ordinary, fips, dual_stack, both) =
            ((false, false), (true, false), (false, true), (true, true));
        for (region, wanted, expected, unavailable) in [
            ("eu-west-1", ordinary, ordinary, None),
            ("us-west-1", fips, fips, None),
            ("us-gov-east-1", fips, fips, None),
            ("eu-west-1", fips, ordinary, Some("FIPS")),
            ("ca-central-1", fips, ordinary, Some("FIPS")),
            ("eu-west-1", dual_stack, dual_stack, None),
            ("cn-north-1", dual_stack, dual_stack, None),
            ("us-gov-west-1", dual_stack, dual_stack, None),
            ("eusc-de-east-1", dual_stack, ordinary, Some("dual-stack")),
            ("us-iso-east-1", both, ordinary, Some("FIPS or dual-stack")),
            ("us-east-2", both, both, None),
            ("ca-west-1", both, both, None),
            ("eu-west-1", both, dual_stack, Some("FIPS")),
            ("us-gov-west-1", both, fips, Some("dual-stack FIPS")),
        ] {
            let kinds = |(fips, dual_stack)| EndpointKinds { fips, dual_stack };
            let wanted = kinds(wanted);
            let offered = wanted.offered_by_sts(&region.parse().unwrap());
            assert_eq!(offered, kinds(expected), "{region} {wanted:?}");
            assert_eq!(wanted.without(offered), unavailable, "{region} {wanted:?}");
        }
    }
}
