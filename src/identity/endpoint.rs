//! Where APIs are called: regions, switches and URLs, from variables and a profile.

use std::cell::OnceCell;

use aws_config::profile::Profile;

use crate::config::UrlParts;
use crate::env::{Env, says_true, var};
use crate::redaction::shown_url;
use crate::registry::{Partition, Region, Registry};

use super::IdentityError;
use super::aws_files::AwsFiles;

/// Where an API is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The region that the request is signed for.
    pub region: Region,
    /// A URL given by hand. It wins over the switches below, which are off then: the SDK refuses
    /// a custom endpoint together with them.
    pub url: Option<String>,
    /// The FIPS endpoint.
    pub fips: bool,
    /// The dual-stack endpoint.
    pub dual_stack: bool,
}

impl Endpoint {
    /// An endpoint that a rule names.
    pub(super) fn by_hand(region: Region, url: &str) -> Self {
        Self {
            url: Some(url.to_owned()),
            ..Self::of(region)
        }
    }

    /// The ordinary endpoint of a region.
    pub(super) fn of(region: Region) -> Self {
        Self {
            region,
            url: None,
            fips: false,
            dual_stack: false,
        }
    }
}

/// The variables, and the profile that stands behind them.
pub(super) struct Settings<'a> {
    env: &'a Env,
    files: Option<&'a AwsFiles>,
    profile: Option<&'a Profile>,
    switches: OnceCell<Switches>,
}

/// What holds for every endpoint.
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

    /// A setting of the profile.
    pub(super) fn get(&self, key: &str) -> Option<&'a str> {
        self.profile?.get(key)
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
        service: &str,
        region: Region,
        fips: bool,
        dual_stack: bool,
    ) -> Result<Endpoint, IdentityError> {
        let switches = self.switches();
        let url = match switches.ignore_urls {
            true => None,
            false => self.endpoint_url(service)?,
        };
        let by_hand = url.is_some();
        Ok(Endpoint {
            region,
            url,
            fips: (fips || switches.fips) && !by_hand,
            dual_stack: (dual_stack || switches.dual_stack) && !by_hand,
        })
    }

    /// Refuses a wrong URL in a variable that the SDK alone reads, even if configured URLs are to be
    /// ignored.
    pub(super) fn refuse_wrong_url(&self, variable: &'static str) -> Result<(), IdentityError> {
        match self.env.get(variable) {
            Some(url) if UrlParts::parse(url.trim()).is_none() => Err(IdentityError::EndpointUrl {
                url: shown_url(url.trim()),
                from: variable.to_owned(),
            }),
            _ => Ok(()),
        }
    }

    fn endpoint_url(&self, service: &str) -> Result<Option<String>, IdentityError> {
        let variable = format!("{}_{}", var::AWS_ENDPOINT_URL, service.to_ascii_uppercase());
        let (url, from) = if let Some(url) = self.env.get(&variable) {
            (url, variable)
        } else if let Some(url) = self.env.get(var::AWS_ENDPOINT_URL) {
            (url, var::AWS_ENDPOINT_URL.to_owned())
        } else if let (Some(profile), Some(files)) = (self.profile, self.files) {
            match files
                .service_endpoint(profile, service)
                .or_else(|| profile.get("endpoint_url"))
            {
                Some(url) => {
                    let from = format!("the AWS profile `{}`", profile.name());
                    (url.to_owned(), from)
                }
                None => return Ok(None),
            }
        } else {
            return Ok(None);
        };
        let url = url.trim();
        if UrlParts::parse(url).is_some() {
            Ok(Some(url.to_owned()))
        } else {
            let url = shown_url(url);
            Err(IdentityError::EndpointUrl { url, from })
        }
    }
}
