//! The one path: registry → rule → identity → cache → AWS → token. Each mode of the program
//! walks it, and only reads the question and prints the answer in its own way.

mod failure_memory;
mod inspection;
mod key;
mod request;
mod step;
mod walk;

use std::collections::HashMap;
use std::mem::ManuallyDrop;
use std::time::Instant;

use crate::clock;

use crate::aws::{Failure, FetchError};
use crate::cache::{Cache, CacheError, CacheLocation};
use crate::config::{Config, ConfigError};
use crate::env::{Env, var};
use crate::error::Error;
use crate::http::HttpSettings;
use crate::identity::{Identity, IdentityError, Resolver};
use crate::registry::{MfaDevice, Registry, RoleArn, Service};
use crate::terminal::{Absence, TerminalError};
use crate::token::{AuthorizationToken, Renewal};

pub(crate) use inspection::{CacheState, Held};

use request::Request;

pub(crate) struct Tokens<'a> {
    env: &'a Env,
    config: &'a Config,
    resolver: Resolver<'a>,
    cache: Option<Cache>,
    /// From here on `timeout_seconds` counts.
    started: Instant,
}

#[derive(Debug, thiserror::Error)]
enum Obstacle {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(ConfigError),
    /// Nobody to ask as.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A role wants a code, and none was given.
    #[error("the role {role} wants an MFA code from {device}: {cause}")]
    Code {
        role: RoleArn,
        /// The device that shows it.
        device: MfaDevice,
        /// What the program was called as.
        program: String,
        /// Why there is none.
        cause: TerminalError,
    },
    /// A role wants a code, which nobody is asked for at public ECR.
    #[error("the role {role} wants an MFA code from {device}, and for public ECR nobody is asked")]
    CodeForPublic {
        role: RoleArn,
        /// The device that shows it.
        device: MfaDevice,
    },
    /// All who have locked the entry keep it too long.
    #[error(transparent)]
    Overdue(CacheError),
    /// It was tried a short while ago.
    #[error("remembered for a while: {0}")]
    Remembered(String),
}

/// What a client will show, or at least log.
#[derive(Debug, thiserror::Error)]
#[error("no credentials for {registry}")]
struct NoCredentials {
    registry: String,
    #[source]
    cause: Obstacle,
}

impl<'a> Tokens<'a> {
    /// Reads what identities are made of; touches neither cache nor network.
    pub(crate) fn new(env: &'a Env, config: &'a Config) -> Self {
        Self {
            env,
            config,
            started: Instant::now(),
            resolver: Resolver::new(env, config),
            cache: CacheLocation::find(env, config).cache(),
        }
    }

    pub(crate) fn get(&self, registry: &Registry) -> Result<AuthorizationToken, Error> {
        let identity = self
            .resolver
            .resolve(registry)
            .map_err(|error| no_token(registry, error.into()))?;
        // It is not taken apart again: the process is about to end.
        let identity = ManuallyDrop::new(identity);
        Request::new(self, registry, &identity)
            .token()
            .map_err(|cause| no_token(registry, cause).hint(identity.explain()))
    }

    /// Who would ask for a registry's token, for people.
    pub(crate) fn explain(&self, registry: &Registry) -> Result<String, String> {
        match self.resolver.resolve(registry) {
            Ok(identity) => Ok(identity.explain()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Drops what `get` would answer now.
    pub(crate) fn erase(&self, registry: &Registry) -> Result<(), CacheError> {
        let (Some(cache), Ok(identity)) = (&self.cache, self.resolver.resolve(registry)) else {
            return Ok(());
        };
        cache.erase(&key::entry(registry, &identity))?;
        for key in key::memories(registry, &identity) {
            cache.clear_mark(&key)?;
        }
        Ok(())
    }

    /// The registries that `get` would answer from the cache now.
    pub(crate) fn list(&self) -> Result<Vec<String>, CacheError> {
        let Some(cache) = &self.cache else {
            return Ok(Vec::new());
        };
        let now = clock::now();
        let entries: HashMap<_, _> = cache.list(now)?.into_iter().collect();
        // As the hosts are written here, not as a file says it. What was fetched by one name is
        // answered by the registry's other names too.
        let mut registries: Vec<Registry> = entries
            .values()
            .filter_map(|entry| self.config.registry(&entry.registry))
            // A name may stand in two rules: the first says which registry it is.
            .chain(
                self.config
                    .own_registries()
                    .filter_map(|registry| self.config.registry(registry.host())),
            )
            .chain(
                self.config
                    .own_registries()
                    .filter_map(Registry::by_ecrs_name),
            )
            .collect();
        registries.retain(|registry| {
            self.resolver.resolve(registry).is_ok_and(|identity| {
                !identity.is_signed_out()
                    && entries
                        .get(&key::entry(registry, &identity))
                        .is_some_and(|entry| entry.token.is_fresh(now, self.renewal(&identity)))
            })
        });
        let mut hosts: Vec<String> = registries
            .iter()
            .map(|registry| registry.host().to_owned())
            .collect();
        hosts.sort_unstable();
        hosts.dedup();
        Ok(hosts)
    }

    fn http_settings(&self, identity: Option<&Identity>, deadline: Instant) -> HttpSettings {
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
    fn renewal(&self, identity: &Identity) -> Renewal {
        let max_age = identity.max_age;
        if identity.wants_codes() {
            return Renewal::Expiry { max_age };
        }
        if let Some(max_age) = max_age {
            return Renewal::Age(max_age);
        }
        let ages = [self.config.cache.max_age, identity.source.get().max_age()];
        let shortest = ages.into_iter().flatten().min();
        shortest.map_or(Renewal::HalfLife, Renewal::Age)
    }
}

impl Obstacle {
    /// The failure of a call, where it is one.
    fn failure(&self) -> Option<&Failure> {
        match self {
            Obstacle::Fetch(FetchError::Failure(failure)) => Some(failure),
            _ => None,
        }
    }

    fn hints(&self, registry: &Registry) -> Vec<String> {
        match self {
            Obstacle::Identity(error) => error.hints(),
            Obstacle::Fetch(FetchError::Failure(failure)) => failure.hints(),
            Obstacle::Code {
                program,
                cause:
                    TerminalError::Absent {
                        why: Absence::NoTerminal | Absence::Background,
                    },
                ..
            } => vec![format!(
                "get a token on a terminal first, it serves for half a day: echo {registry} | {program} get >/dev/null"
            )],
            Obstacle::Config(_)
            | Obstacle::Fetch(_)
            | Obstacle::Code { .. }
            | Obstacle::CodeForPublic { .. }
            | Obstacle::Overdue(_)
            | Obstacle::Remembered(_) => Vec::new(),
        }
    }
}

/// What a client is told when a registry's configuration cannot be used.
pub(crate) fn misconfigured(registry: &Registry, cause: ConfigError) -> Error {
    no_token(registry, Obstacle::Config(cause))
}

/// What a client is told. At public ECR, that it can go on anonymously; why is for the log, where
/// a mistake in a file is a warning, and a machine without rights is not.
fn no_token(registry: &Registry, cause: Obstacle) -> Error {
    if registry.service == Service::Public {
        let level = match cause {
            Obstacle::Identity(IdentityError::NotSignedIn) => log::Level::Info,
            Obstacle::Config(_) | Obstacle::Identity(_) => log::Level::Warn,
            _ => log::Level::Info,
        };
        log::log!(
            level,
            "{registry}: no token, so pulls are anonymous: {cause}"
        );
        return Error::not_found();
    }
    told(registry, cause)
}

fn told(registry: &Registry, cause: Obstacle) -> Error {
    let hints = cause.hints(registry);
    let registry = registry.to_string();
    Error::failure(NoCredentials { registry, cause }).hints(hints)
}
