//! The one path: registry → rule → identity → cache → AWS → token. Each mode of the program
//! walks it, and only reads the question and prints the answer in its own way.

use std::time::{Duration, Instant};

use time::OffsetDateTime;

use crate::aws::http::HttpSettings;
use crate::aws::{self, Purchase, PurchaseError};
use crate::cache::{Cache, CacheError, Digest, Entry, EntryLock, Key, Mark, Turn};
use crate::config::{Config, ConfigError, ConfigPaths};
use crate::env::{Env, var};
use crate::error::Error;
use crate::identity::{Identity, IdentityError, Resolver};
use crate::registry::{Registry, Service};
use crate::token::AuthorizationToken;

/// How long a `get` waits for a new token when it holds one that is still good.
const REFRESH_LIMIT: Duration = Duration::from_secs(3);

/// How long after a refresh that failed nobody tries again with the same source and endpoint.
const REFRESH_PAUSE: time::Duration = time::Duration::seconds(60);

/// How long public ECR may take. Its pulls work without a token, so waiting must not hurt.
const PUBLIC_LIMIT: Duration = Duration::from_secs(2);

/// How long "public ECR gives no token here" is remembered.
const PUBLIC_PAUSE: time::Duration = time::Duration::minutes(10);

/// Answers with tokens.
pub struct Provider<'a> {
    env: &'a Env,
    config: &'a Config,
    resolver: Resolver<'a>,
    cache: Option<Cache>,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
enum Obstacle {
    /// Nobody to ask as.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// It was tried.
    #[error(transparent)]
    Purchase(#[from] PurchaseError),
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

/// What is found without asking AWS.
enum Found {
    Token(AuthorizationToken),
    Failure(String),
}

impl<'a> Provider<'a> {
    /// Reads what identities are made of; touches neither cache nor network.
    pub fn new(env: &'a Env, config: &'a Config) -> Self {
        Self {
            env,
            config,
            resolver: Resolver::new(env, config),
            cache: cache_of(env, config),
        }
    }

    /// A token for a registry.
    pub fn get(&self, registry: &Registry) -> Result<AuthorizationToken, Error> {
        let identity = self.resolver.resolve(registry);
        let explanation = identity.as_ref().ok().map(Identity::explain);
        let token = identity
            .map_err(Obstacle::from)
            .and_then(|identity| self.token(registry, &identity));
        token.map_err(|cause| {
            if registry.service == Service::Public {
                log::info!("{registry}: no token, so pulls are anonymous: {cause}");
                return Error::not_found();
            }
            let hints = cause.hints();
            let error = Error::failure(NoCredentials {
                registry: registry.to_string(),
                cause,
            });
            error.hints(hints).hints(explanation)
        })
    }

    /// Who would ask for a registry's token, for people.
    pub fn explain(&self, registry: &Registry) -> Result<String, String> {
        match self.resolver.resolve(registry) {
            Ok(identity) => Ok(identity.explain()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Drops what `get` would answer now.
    pub fn erase(&self, registry: &Registry) -> Result<(), CacheError> {
        let (Some(cache), Ok(identity)) = (&self.cache, self.resolver.resolve(registry)) else {
            return Ok(());
        };
        cache.erase(&entry_key(registry, &identity))?;
        cache.clear_mark(&attempt_key(registry, &identity))?;
        Ok(())
    }

    /// The registries that `get` would answer from the cache now.
    pub fn list(&self) -> Result<Vec<String>, CacheError> {
        let Some(cache) = &self.cache else {
            return Ok(Vec::new());
        };
        let now = OffsetDateTime::now_utc();
        let mut hosts: Vec<String> = cache
            .list(now)?
            .into_iter()
            .filter_map(|(key, entry)| {
                let registry = Registry::parse(&entry.registry)?;
                let identity = self.resolver.resolve(&registry).ok()?;
                let is_answered = entry_key(&registry, &identity) == key
                    && entry.token.is_fresh(now, self.max_age(&identity));
                // As the host is written here, not as a file says it.
                is_answered.then(|| registry.host().to_owned())
            })
            .collect();
        hosts.sort_unstable();
        Ok(hosts)
    }

    fn token(
        &self,
        registry: &Registry,
        identity: &Identity,
    ) -> Result<AuthorizationToken, Obstacle> {
        let started = Instant::now();
        let whole = match registry.service {
            Service::Private(_) => self.config.timeout,
            Service::Public => self.config.timeout.min(PUBLIC_LIMIT),
        };
        let Some(cache) = &self.cache else {
            return Ok(self.buy(registry, identity, whole)?);
        };
        let key = entry_key(registry, identity);
        let max_age = self.max_age(identity);
        let look = || {
            let now = OffsetDateTime::now_utc();
            let entry = cache.get(&key, now).unwrap_or_else(|error| {
                log::warn!("{error}");
                None
            });
            entry
                .map(|entry| entry.token)
                .filter(|token| !token.is_expired(now))
        };
        let is_fresh =
            |token: &AuthorizationToken| token.is_fresh(OffsetDateTime::now_utc(), max_age);

        let held = look();
        if let Some(token) = held.as_ref().filter(|token| is_fresh(token)) {
            log::debug!("{registry}: from the cache");
            return Ok(token.clone());
        }
        let attempt = Attempt {
            cache,
            key: attempt_key(registry, identity),
            state: self.attempt_state(registry, identity),
        };
        if let Some(failure) = attempt.remembered(registry, held.is_some()) {
            return match held {
                Some(token) => Ok(token),
                None => Err(Obstacle::Remembered(failure)),
            };
        }
        let limit = match held {
            Some(_) => whole.min(REFRESH_LIMIT),
            None => whole,
        };
        // Whoever holds the lock may hang or be stopped: keep half of the time for going alone.
        let turn = cache.take_turn(&key, started + limit / 2, || {
            match look().filter(&is_fresh) {
                Some(token) => Some(Found::Token(token)),
                None => attempt
                    .remembered(registry, held.is_some())
                    .map(Found::Failure),
            }
        });
        let lock = match (turn, held.as_ref()) {
            (Ok(Turn::Mine(lock)), _) => Some(lock),
            (Ok(Turn::Answered(Found::Token(token))), _) => return Ok(token),
            (Ok(Turn::Answered(Found::Failure(_))), Some(token)) => return Ok(token.clone()),
            (Ok(Turn::Answered(Found::Failure(failure))), None) => {
                return Err(Obstacle::Remembered(failure));
            }
            (Err(error), Some(token)) if matches!(error, CacheError::LockTimeout { .. }) => {
                log::warn!("{error}");
                return Ok(token.clone());
            }
            (Err(error), _) => {
                log::warn!("going on without the cache: {error}");
                None
            }
        };
        let left = limit.saturating_sub(started.elapsed());
        match self.buy(registry, identity, left) {
            Ok(token) => {
                if let Some(lock) = lock {
                    keep(&lock, registry, identity, &token, is_fresh(&token));
                }
                Ok(token)
            }
            Err(error) => {
                if is_denial(&error) {
                    if let Some(lock) = lock {
                        warn_of(lock.remove().err());
                    }
                    attempt.remember_if_public(registry, &error);
                    return Err(error.into());
                }
                match held {
                    Some(token) => {
                        log::warn!(
                            "{registry}: the token could not be renewed, the old one is still good: {error}"
                        );
                        if concerns_the_source(&error) {
                            attempt.remember(&error, REFRESH_PAUSE);
                        }
                        Ok(token)
                    }
                    None => {
                        attempt.remember_if_public(registry, &error);
                        Err(error.into())
                    }
                }
            }
        }
    }

    fn buy(
        &self,
        registry: &Registry,
        identity: &Identity,
        time_left: Duration,
    ) -> Result<AuthorizationToken, PurchaseError> {
        log::info!("{registry}: {}", identity.explain());
        aws::buy(&Purchase {
            registry,
            identity,
            sign_in: identity.sign_in(self.env),
            http: &self.http_settings(identity),
            time_left,
        })
    }

    fn http_settings(&self, identity: &Identity) -> HttpSettings {
        // Metadata and container endpoints are reached directly, also those that speak https.
        let mut direct: Vec<String> = self
            .env
            .get_either_case(var::NO_PROXY)
            .into_iter()
            .collect();
        direct.extend(identity.source.local_host());
        HttpSettings {
            connect_timeout: self.config.connect_timeout,
            ca_bundle: self
                .env
                .path(var::AWS_CA_BUNDLE)
                .or_else(|| identity.ca_bundle.clone()),
            ssl_cert_file: self.env.path(var::SSL_CERT_FILE),
            ssl_cert_dir: self.env.get_os(var::SSL_CERT_DIR),
            https_proxy: self.env.get_either_case(var::HTTPS_PROXY),
            no_proxy: Some(direct.join(",")),
        }
    }

    fn max_age(&self, identity: &Identity) -> Option<Duration> {
        match (self.config.cache.max_age, identity.source.max_age()) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// What a person changes to mend a failure: the sign-in, or the way to AWS. Roles have no part
    /// in it, as one source often has a role per account, and they share its attempts. Of public
    /// ECR denials are remembered too, and those another role may mend.
    fn attempt_state(&self, registry: &Registry, identity: &Identity) -> Digest {
        let sign_in = identity.sign_in(self.env);
        let contents = sign_in.map(|sign_in| sign_in.contents());
        let who = match registry.service {
            Service::Private(_) => identity.source_fingerprint(),
            Service::Public => identity.fingerprint(),
        };
        let way = [
            var::AWS_CA_BUNDLE,
            var::SSL_CERT_FILE,
            var::SSL_CERT_DIR,
            var::HTTPS_PROXY,
            var::NO_PROXY,
        ]
        .map(|name| self.env.get_either_case(name).unwrap_or_default());
        let mut parts = vec![who.as_bytes()];
        let contents = contents.unwrap_or_default();
        parts.push(&contents);
        parts.extend(way.iter().map(|value| value.as_bytes()));
        Digest::of(&parts)
    }
}

impl Obstacle {
    fn hints(&self) -> Vec<String> {
        match self {
            Obstacle::Identity(error) => error.hints(),
            Obstacle::Purchase(PurchaseError::Failure(failure)) => failure.hints(),
            Obstacle::Purchase(_) | Obstacle::Remembered(_) => Vec::new(),
        }
    }
}

/// Attempts to buy a token, as far as they are remembered: by source and endpoint, not by
/// registry, so that one dead network is found out once.
struct Attempt<'a> {
    cache: &'a Cache,
    key: Key,
    state: Digest,
}

impl Attempt<'_> {
    /// The failure that makes a new attempt needless: any, for who holds a token; for who holds
    /// none, only public ECR's.
    fn remembered(&self, registry: &Registry, holds_token: bool) -> Option<String> {
        if !holds_token && registry.service != Service::Public {
            return None;
        }
        let mark = self
            .cache
            .mark(&self.key, &self.state, OffsetDateTime::now_utc())?;
        log::info!(
            "{registry}: not tried again until {}: {}",
            mark.until,
            mark.message
        );
        Some(mark.message)
    }

    fn remember(&self, error: &PurchaseError, pause: time::Duration) {
        let now = OffsetDateTime::now_utc();
        let mark = Mark {
            made_at: now,
            until: now.saturating_add(pause),
            state: self.state,
            message: error.to_string(),
        };
        warn_of(self.cache.put_mark(&self.key, &mark).err());
    }

    /// What is wrong on this machine (certificates, proxy) costs nothing to find out again, and
    /// its mending is to count at once.
    fn remember_if_public(&self, registry: &Registry, error: &PurchaseError) {
        if registry.service == Service::Public && matches!(error, PurchaseError::Failure(_)) {
            self.remember(error, PUBLIC_PAUSE);
        }
    }
}

/// Stores a token, if it is worth it: a token that looks expired by the local clock is answered
/// once and not kept.
fn keep(
    lock: &EntryLock,
    registry: &Registry,
    identity: &Identity,
    token: &AuthorizationToken,
    is_fresh: bool,
) {
    if !is_fresh {
        log::warn!(
            "{registry}: the new token is not kept, as by this machine's clock it has no life before it"
        );
        return;
    }
    let entry = Entry {
        registry: registry.host().to_owned(),
        identity: identity.to_string(),
        token: token.clone(),
    };
    warn_of(lock.put(&entry).err());
}

fn is_denial(error: &PurchaseError) -> bool {
    matches!(error, PurchaseError::Failure(failure) if failure.is_denial())
}

fn concerns_the_source(error: &PurchaseError) -> bool {
    match error {
        PurchaseError::Failure(failure) => failure.concerns_the_source(),
        PurchaseError::Http(_) | PurchaseError::Runtime(_) => true,
    }
}

fn warn_of(error: Option<CacheError>) {
    if let Some(error) = error {
        log::warn!("{error}");
    }
}

/// The key of a token: the registry, the endpoint that sells it, and who buys.
fn entry_key(registry: &Registry, identity: &Identity) -> Key {
    let (service, account) = match &registry.service {
        Service::Private(private) => ("ecr", private.account.as_str()),
        Service::Public => ("ecr-public", ""),
    };
    Key::rotating(
        &[
            service.as_bytes(),
            account.as_bytes(),
            &endpoint(identity),
            identity.lineage().as_bytes(),
        ],
        &[identity.fingerprint().as_bytes()],
    )
}

/// The key of attempts: whatever registry they were for, and whatever roles lie on top.
fn attempt_key(registry: &Registry, identity: &Identity) -> Key {
    let service: &[u8] = match &registry.service {
        Service::Private(_) => b"attempt ecr",
        Service::Public => b"attempt ecr-public",
    };
    Key::of(&[
        service,
        &endpoint(identity),
        identity.source_fingerprint().as_bytes(),
    ])
}

/// The endpoint as part of a key: its region, URL and switches.
fn endpoint(identity: &Identity) -> Vec<u8> {
    let api = &identity.api;
    let url = api.url.as_deref().unwrap_or_default();
    let (region, fips, dual_stack) = (&api.region, api.fips, api.dual_stack);
    format!("{region} {fips} {dual_stack} {url}").into_bytes()
}

/// Reads the configuration files that count in this environment.
pub fn load_config(env: &Env) -> Result<Config, ConfigError> {
    Config::load(&ConfigPaths {
        explicit: env.path(var::ECRX_CONFIG),
        user: env.user_config(),
        machine: env.machine_config(),
    })
}

/// The cache, unless it is switched off or there is no place for it.
fn cache_of(env: &Env, config: &Config) -> Option<Cache> {
    if !config.cache.enabled || env.get_os(var::AWS_ECR_DISABLE_CACHE).is_some() {
        return None;
    }
    // Relative to the working folder, tokens would end up in build contexts.
    let named = env.path(var::AWS_ECR_CACHE_DIR).filter(|dir| {
        let is_absolute = dir.is_absolute();
        if !is_absolute {
            let variable = var::AWS_ECR_CACHE_DIR;
            log::warn!(
                "{variable} is not used, as it is not absolute: {}",
                dir.display()
            );
        }
        is_absolute
    });
    let dir = named
        .or_else(|| config.cache.dir.clone())
        .or_else(|| env.user_cache());
    if dir.is_none() {
        log::warn!("no home folder of this user, so no cache");
    }
    dir.map(Cache::at)
}
