//! All that tokens are got with: the environment, the configuration, who asks, the cache.

use std::time::Instant;

use crate::cache::{Cache, CacheLocation};
use crate::config::Config;
use crate::env::{Env, var};
use crate::http::HttpSettings;
use crate::identity::{Identity, Resolver};
use crate::token::Renewal;

pub(crate) struct Tokens<'a> {
    pub(super) env: &'a Env,
    pub(super) config: &'a Config,
    pub(super) resolver: Resolver<'a>,
    pub(super) cache: Option<Cache>,
    /// From here on `timeout_seconds` counts.
    pub(super) started: Instant,
}

impl<'a> Tokens<'a> {
    /// Reads what identities are made of; touches neither cache nor network.
    pub(crate) fn new(env: &'a Env, config: &'a Config) -> Self {
        Self {
            env,
            config,
            started: Instant::now(),
            resolver: Resolver::new(env, config),
            cache: Cache::from_location(CacheLocation::find(env, config)),
        }
    }

    pub(super) fn http_settings(
        &self,
        identity: Option<&Identity>,
        deadline: Instant,
    ) -> HttpSettings {
        // Metadata and container endpoints are reached directly, also those that speak https.
        let mut direct: Vec<String> = self
            .env
            .get_either_case(var::NO_PROXY)
            .into_iter()
            .collect();
        direct.extend(identity.and_then(|identity| identity.source.local_host()));
        HttpSettings {
            connect_timeout: self.config.connect_timeout,
            deadline,
            ca_bundle: self
                .env
                .path(var::AWS_CA_BUNDLE)
                .or_else(|| identity?.ca_bundle.clone()),
            ssl_cert_file: self.env.path(var::SSL_CERT_FILE),
            ssl_cert_dir: self.env.get_os(var::SSL_CERT_DIR),
            https_proxy: self.env.get_either_case(var::HTTPS_PROXY),
            no_proxy: Some(direct.join(",")),
        }
    }

    /// When a token is to be replaced: as the rule says. Without a word from it, one that took a
    /// code when it ends; any other at the age that `[cache]` allows, or at which it is no longer
    /// known whose it is.
    pub(crate) fn renewal(&self, identity: &Identity) -> Renewal {
        let max_age = identity.max_age;
        if identity.wants_codes() {
            return Renewal::Expiry { max_age };
        }
        if let Some(max_age) = max_age {
            return Renewal::Age(max_age);
        }
        let ages = [
            self.config.cache.max_age,
            identity.source.properties().max_age,
        ];
        let shortest = ages.into_iter().flatten().min();
        shortest.map_or(Renewal::HalfLife, Renewal::Age)
    }
}
