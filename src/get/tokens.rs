//! What tokens are obtained with, and one request for a token: its cache entry, its time limits,
//! how the token is fetched and stored.

use std::cell::{Cell, OnceCell};
use std::time::{Duration, Instant};

use crate::aws::{self, FetchError, FetchRequest};
use crate::cache::{Cache, CacheLocation, Entry, EntryLock, Key, Seat};
use crate::call_chain;
use crate::clock;
use crate::config::Config;
use crate::env::{Env, var};
use crate::http::{self, HttpSettings};
use crate::identity::{ChosenBy, Identity, Resolver, Role, WebIdentity};
use crate::registry::{MfaDevice, Registry, Service};
use crate::secret::Secret;
use crate::terminal;
use crate::token::{AuthorizationToken, Renewal};

use super::error::Obstacle;
use super::key;
use super::state::Lock;

/// The time limit for a new token while the cached one is still valid.
const REFRESH_LIMIT: Duration = Duration::from_secs(3);

/// The time limit at public ECR. Its pulls work without a token, so the wait must be short.
const PUBLIC_LIMIT: Duration = Duration::from_secs(2);

/// The time limit for entering an MFA code.
const CODE_LIMIT: Duration = Duration::from_secs(120);

/// The environment, the configuration, the identities and the cache.
pub(crate) struct Tokens<'a> {
    pub(super) env: &'a Env,
    pub(super) config: &'a Config,
    pub(super) resolver: Resolver<'a>,
    pub(super) cache: Option<Cache>,
    /// The moment from which `timeout_seconds` counts.
    pub(super) started: Instant,
    /// Whether they are for kubelet.
    pub(super) is_for_node: bool,
    has_fetched: Cell<bool>,
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
            is_for_node: false,
            has_fetched: Cell::new(false),
        }
    }

    /// The same, with the patience of a node.
    pub(crate) fn for_node(env: &'a Env, config: &'a Config) -> Self {
        Self {
            is_for_node: true,
            ..Self::new(env, config)
        }
    }

    /// The same for a pod with an identity of its own. Nothing of it is cached: tokens on disk would
    /// outlive the pod.
    pub(crate) fn for_workload(self, identity: WebIdentity, chosen_by: ChosenBy) -> Self {
        Self {
            resolver: self.resolver.for_workload(identity, chosen_by),
            cache: None,
            ..self
        }
    }

    /// Whether a token has been fetched from AWS.
    pub(crate) fn has_fetched(&self) -> bool {
        self.has_fetched.get()
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

    /// When a token is to be replaced. A rule decides first. Otherwise, a token that took an MFA
    /// code is replaced when it expires; any other at the age that `[cache]` sets, or when its
    /// principal can no longer be known offline. An age that the user set is exact.
    pub(crate) fn renewal(&self, identity: &Identity) -> Renewal {
        let max_age = identity.max_age;
        if identity.wants_codes() {
            return Renewal::Expiry { max_age };
        }
        if let Some(max_age) = max_age {
            return Renewal::Age(max_age);
        }
        let of_source = identity.source.properties().max_age;
        match self.config.cache.max_age {
            Some(age) if of_source.is_none_or(|limit| age <= limit) => Renewal::Age(age),
            _ => Renewal::Spread { max_age: of_source },
        }
    }
}

/// A registry, and the identity that requests its token.
pub(super) struct TokenRequest<'a> {
    pub(super) tokens: &'a Tokens<'a>,
    pub(super) registry: &'a Registry,
    pub(super) identity: &'a Identity,
    pub(super) key: Key,
    renewal: Renewal,
    /// The remaining lifetime that a token must have at least.
    least_life: Duration,
    started: Instant,
    is_within_a_call: OnceCell<bool>,
}

impl<'a> TokenRequest<'a> {
    pub(super) fn new(
        tokens: &'a Tokens<'a>,
        registry: &'a Registry,
        identity: &'a Identity,
    ) -> Self {
        Self {
            tokens,
            registry,
            identity,
            key: key::entry(registry, identity),
            renewal: tokens.renewal(identity),
            least_life: Duration::ZERO,
            started: tokens.started,
            is_within_a_call: OnceCell::new(),
        }
    }

    /// The same, for a token with at least this remaining lifetime.
    pub(super) fn living(self, least_life: Duration) -> Self {
        Self { least_life, ..self }
    }

    /// Refuses an MFA prompt for public ECR: a pull works without a token, and must not wait for
    /// the user.
    pub(super) fn refuse_prompt_for_public(&self) -> Result<(), Obstacle> {
        match (&self.registry.service, self.identity.codes_wanted().next()) {
            (Service::Public, Some((role, device))) => Err(Obstacle::CodeForPublic {
                role: role.arn.clone(),
                device: device.clone(),
            }),
            _ => Ok(()),
        }
    }

    /// The time limit of the whole request, shorter if a valid token is cached.
    pub(super) fn limit(&self, holds_token: bool) -> Duration {
        let whole = self.tokens.config.timeout;
        let whole = match self.registry.service {
            Service::Private(_) => whole,
            Service::Public => whole.min(PUBLIC_LIMIT),
        };
        if holds_token {
            whole.min(REFRESH_LIMIT)
        } else {
            whole
        }
    }

    /// When to stop waiting for a lock. Its holder may be stopped: half of the time is left for
    /// going on with the next lock, and half of that for the last. While the holder prompts the
    /// user for a code, the wait is longer, unless a valid token is cached.
    pub(super) fn overdue_at(&self, lock: Lock, holds_token: bool) -> Instant {
        if self.may_be_waited_for() {
            return self.started;
        }
        let limit = self.limit(holds_token);
        let typing = if self.identity.wants_codes() && !holds_token {
            CODE_LIMIT + limit / 2
        } else {
            Duration::ZERO
        };
        let share = match lock {
            Lock::Entry(Seat::First) | Lock::Prompt => limit / 2,
            Lock::Entry(Seat::Second) => limit * 3 / 4,
            Lock::Entry(Seat::Third) => limit,
        };
        self.started + typing + share
    }

    /// Whether another `get` may have started this one through its `credential_process`. That `get`
    /// holds the locks, and waits for this one.
    fn may_be_waited_for(&self) -> bool {
        let is_process = self.identity.source.properties().runs_a_program;
        let env = self.tokens.env;
        is_process
            && *self
                .is_within_a_call
                .get_or_init(|| call_chain::is_within_a_call(env))
    }

    /// The cached token, if its remaining lifetime is long enough.
    pub(super) fn look(&self, cache: &Cache) -> Option<AuthorizationToken> {
        if self.identity.is_signed_out() {
            return None;
        }
        let now = clock::now();
        let entry = cache.get(&self.key, now).unwrap_or_else(|error| {
            log::warn!("{error}");
            None
        });
        entry
            .map(|entry| entry.token)
            .filter(|token| !token.is_expired(now + self.least_life))
    }

    pub(super) fn is_fresh(&self, token: &AuthorizationToken) -> bool {
        token.is_fresh(clock::now(), self.renewal)
    }

    pub(super) fn fetch(&self, limit: Duration) -> Result<AuthorizationToken, Obstacle> {
        log::info!("{}: {}", self.registry, self.identity.explain());
        let http = self
            .tokens
            .http_settings(Some(self.identity), self.started + limit);
        let client = http::client(&http).map_err(FetchError::from)?;
        let codes = self.codes()?;
        let time_left = if self.identity.wants_codes() {
            limit
        } else {
            limit.saturating_sub(self.started.elapsed())
        };
        let token = aws::fetch_token(&FetchRequest {
            env: self.tokens.env,
            registry: self.registry,
            identity: self.identity,
            codes: &codes,
            client: &client,
            is_for_node: self.tokens.is_for_node,
            time_left,
        })?;
        self.tokens.has_fetched.set(true);
        Ok(token)
    }

    /// Prompts for the MFA code of each role that requires one; this time does not count. There is
    /// no prompt if the sign-in is missing or has expired, as the codes could not be used: the
    /// fetch reports it.
    pub(super) fn codes(&self) -> Result<Vec<Secret>, Obstacle> {
        if !self.identity.wants_codes() || self.identity.needs_a_sign_in(clock::now()) {
            return Ok(Vec::new());
        }
        let program = match &self.identity.chosen_by {
            ChosenBy::Name { name, .. } => format!("docker-credential-ecrx-{name}"),
            _ => "docker-credential-ecrx".to_owned(),
        };
        let code = |(role, device): (&Role, &MfaDevice)| {
            let question = format!("{program}: MFA code from {device} for {}: ", role.arn);
            terminal::ask_for_code(&question, CODE_LIMIT).map_err(|cause| Obstacle::Code {
                role: role.arn.clone(),
                device: device.clone(),
                program: program.clone(),
                cause,
            })
        };
        self.identity.codes_wanted().map(code).collect()
    }

    /// Stores a new token. If it looks expired by the local clock, it is the answer of this request
    /// but is not stored.
    pub(super) fn keep(&self, lock: &EntryLock, token: &AuthorizationToken) {
        let registry = self.registry;
        if !self.is_fresh(token) {
            log::warn!(
                "{registry}: the new token is not cached, because by this machine's clock it is already too old"
            );
            return;
        }
        if !self.identity.is_where_it_was(self.tokens.env) {
            log::info!(
                "{registry}: the new token is not cached, because the local identity changed during the request"
            );
            return;
        }
        let entry = Entry {
            registry: registry.host().to_owned(),
            identity: self.identity.to_string(),
            token: token.clone(),
        };
        if let Err(error) = lock.put(&entry) {
            log::warn!("{error}");
        }
        // Only here: this clock has shown that the new token is fresh, so it can say which tokens
        // have expired.
        if let Some(cache) = &self.tokens.cache {
            cache.sweep(clock::now());
        }
    }
}
