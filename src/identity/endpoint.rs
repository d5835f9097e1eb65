//! Where APIs are called: regions, switches and URLs, from variables and a profile.

use std::cell::OnceCell;
use std::fmt;

use crate::env::{Env, says_true, var};
use crate::net::HttpUrl;
use crate::redaction::shown_url;
use crate::registry::{Partition, Region, Registry};

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
        }
    }

    /// Whether a profile may set its URL. For sign-ins, only variables do.
    fn is_set_by_profiles(self) -> bool {
        match self {
            Self::Ecr | Self::EcrPublic | Self::Sts => true,
            Self::Sso | Self::SsoOidc => false,
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
        fips: bool,
        dual_stack: bool,
    ) -> Result<Endpoint, IdentityError> {
        let switches = self.switches();
        let found = if switches.ignore_urls {
            None
        } else {
            self.endpoint_url(api)?
        };
        let (url, url_from) = found.unzip();
        let by_hand = url.is_some();
        Ok(Endpoint {
            region,
            url,
            url_from,
            fips: (fips || switches.fips) && !by_hand,
            dual_stack: (dual_stack || switches.dual_stack) && !by_hand,
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
