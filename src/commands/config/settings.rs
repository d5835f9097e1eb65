//! The settings that are in effect for a registry, each with the place that it comes from.

use std::time::Duration;

use serde::Serialize;

use crate::config::{Config, Origin, RegistrySettings, Rule};
use crate::env::{Env, var};
use crate::get::{CacheOff, CachePlace, DirFrom, Provider};
use crate::identity::{Endpoint, Identity};
use crate::redaction::shown_url;
use crate::registry::{Registry, Service};
use crate::token::Renewal;

/// A setting.
#[derive(Serialize)]
pub(super) struct Setting {
    /// The name of its key, where it has one.
    pub name: &'static str,
    /// What it is, in words.
    pub value: String,
    /// Where it stands; `default` where nobody says it.
    pub from: String,
}

const DEFAULT: &str = "default";

/// Everything that is looked at to know them.
pub(super) struct Settings<'a> {
    pub env: &'a Env,
    pub config: &'a Config,
    pub provider: &'a Provider<'a>,
    pub registry: &'a Registry,
    /// `None` where nobody can ask.
    pub identity: Option<&'a Identity>,
}

impl Settings<'_> {
    pub(super) fn list(&self) -> Vec<Setting> {
        let config = self.config;
        let place = |table: &str, key: &str| match config.origin_of(table, key) {
            Some(origin) => origin.to_string(),
            None => DEFAULT.to_owned(),
        };
        let seconds = |time: Duration| format!("{} s", time.as_secs());
        let top = |name: &'static str, value: String| Setting {
            from: place("", name),
            name,
            value,
        };
        let mut settings = vec![
            top("timeout_seconds", seconds(config.timeout)),
            top("connect_timeout_seconds", seconds(config.connect_timeout)),
        ];
        settings.push(self.endpoint("endpoint_url"));
        if self.identity.is_none_or(|identity| identity.sts.is_some()) {
            settings.push(self.endpoint("sts_endpoint_url"));
        }
        settings.extend(self.identity.map(|identity| self.renewal(identity)));
        settings.push(self.cache(place("cache", "dir"), place("cache", "enabled")));
        let helper = match &config.other_registries_helper {
            Some(helper) => helper.program(),
            None => "none".to_owned(),
        };
        settings.push(top("other_registries_helper", helper));
        if config.other_registries_helper.is_some() {
            let timeout = seconds(config.other_registries_timeout);
            settings.push(top("other_registries_timeout_seconds", timeout));
        }
        settings
    }

    /// The first rule for the registry that says something.
    fn rule(&self, says: impl Fn(&RegistrySettings) -> bool) -> Option<&Origin> {
        let is_it = |rule: &&Rule| rule.matches(self.registry) && says(rule.settings());
        self.config.rules().iter().find(is_it).map(Rule::origin)
    }

    fn endpoint(&self, name: &'static str) -> Setting {
        let is_sts = name == "sts_endpoint_url";
        let rule = self.rule(|settings| {
            if is_sts {
                settings.sts_endpoint_url.is_some()
            } else {
                settings.endpoint_url.is_some()
            }
        });
        let by_hand = self.config.settings_for(self.registry);
        let by_hand = if is_sts {
            by_hand.sts_endpoint_url
        } else {
            by_hand.endpoint_url
        };
        let endpoint: Option<&Endpoint> = self.identity.and_then(|identity| {
            if is_sts {
                identity.sts.as_ref()
            } else {
                Some(&identity.api)
            }
        });
        let url = match (by_hand, endpoint) {
            (Some(url), _) => Some(url.to_string()),
            (None, endpoint) => {
                endpoint.and_then(|endpoint| Some(shown_url(endpoint.url.as_deref()?)))
            }
        };
        let value = url.clone().unwrap_or_else(|| match endpoint {
            Some(endpoint) => region_endpoint(endpoint),
            None => "the region's".to_owned(),
        });
        let from = match (rule, &url) {
            (Some(origin), _) => origin.to_string(),
            (None, Some(_)) => self.url_from(is_sts),
            (None, None) => DEFAULT.to_owned(),
        };
        Setting { name, value, from }
    }

    /// In the order in which they count (`identity/endpoint.rs`).
    fn url_from(&self, is_sts: bool) -> String {
        let service = match (&self.registry.service, is_sts) {
            (_, true) => "STS",
            (Service::Private(_), _) => "ECR",
            (Service::Public, _) => "ECR_PUBLIC",
        };
        let variables = [
            format!("{}_{service}", var::AWS_ENDPOINT_URL),
            var::AWS_ENDPOINT_URL.to_owned(),
        ];
        let set = variables
            .into_iter()
            .find(|name| self.env.get(name).is_some());
        set.unwrap_or_else(|| "the AWS profile".to_owned())
    }

    fn renewal(&self, identity: &Identity) -> Setting {
        let origin = |table, key| self.config.origin_of(table, key);
        let of_rule = self
            .rule(|settings| settings.max_age.is_some())
            .map(ToString::to_string);
        let of_cache = || origin("cache", "max_age_seconds").map(|origin| origin.to_string());
        let of_source = identity.source.get().max_age();
        let age = |age: Duration| {
            format!(
                "at an age of {} s, at half of its life at most",
                age.as_secs()
            )
        };
        let (value, from) = match self.provider.renewal_of(identity) {
            Renewal::HalfLife => ("at half of its life".to_owned(), None),
            Renewal::Expiry { max_age: None } => {
                let value = "shortly before it ends, as it took a code";
                (value.to_owned(), None)
            }
            Renewal::Expiry { max_age: Some(max) } => {
                (format!("at an age of {} s", max.as_secs()), of_rule)
            }
            Renewal::Age(max) if of_rule.is_some() => (age(max), of_rule),
            Renewal::Age(max)
                if of_source == Some(max) && self.config.cache.max_age != Some(max) =>
            {
                let from = "the source, which cannot be known offline".to_owned();
                (age(max), Some(from))
            }
            Renewal::Age(max) => (age(max), of_cache()),
        };
        Setting {
            name: "max_age_seconds",
            value,
            from: from.unwrap_or_else(|| DEFAULT.to_owned()),
        }
    }

    fn cache(&self, dir_from: String, enabled_from: String) -> Setting {
        let place = CachePlace::find(self.env, self.config);
        let from = match place.from {
            DirFrom::Variable => var::AWS_ECR_CACHE_DIR.to_owned(),
            DirFrom::Config => dir_from,
            DirFrom::Default => DEFAULT.to_owned(),
        };
        let (value, from) = match (place.off, place.dir) {
            (Some(off @ CacheOff::Config), _) => (format!("none: {off}"), enabled_from),
            (Some(off @ CacheOff::Variable), _) => (
                format!("none: {off}"),
                var::AWS_ECR_DISABLE_CACHE.to_owned(),
            ),
            (None, Some(dir)) => (dir.display().to_string(), from),
            (off, _) => {
                let why = off.unwrap_or(CacheOff::NoHome);
                (format!("none: {why}"), DEFAULT.to_owned())
            }
        };
        Setting {
            name: "cache folder",
            value,
            from,
        }
    }
}

fn region_endpoint(endpoint: &Endpoint) -> String {
    let mut text = format!("that of {}", endpoint.region);
    for (is_on, what) in [
        (endpoint.fips, ", FIPS"),
        (endpoint.dual_stack, ", dual-stack"),
    ] {
        if is_on {
            text.push_str(what);
        }
    }
    text
}
