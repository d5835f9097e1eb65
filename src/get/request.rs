//! What one question is about: the entry, how long it may take, how a token is fetched and kept.

use std::cell::OnceCell;
use std::time::{Duration, Instant};

use crate::aws::{self, FetchError, FetchRequest};
use crate::cache::{Cache, Entry, EntryLock, Key, Seat};
use crate::call_chain;
use crate::clock;
use crate::http;
use crate::identity::{ChosenBy, Identity, Role};
use crate::registry::{MfaDevice, Registry, Service};
use crate::secret::Secret;
use crate::terminal;
use crate::token::{AuthorizationToken, Renewal};

use super::error::Obstacle;
use super::key;
use super::step::Lock;
use super::tokens::Tokens;

/// How long a `get` waits for a new token when it holds one that is still good.
const REFRESH_LIMIT: Duration = Duration::from_secs(3);

/// How long public ECR may take. Its pulls work without a token, so waiting must not hurt.
const PUBLIC_LIMIT: Duration = Duration::from_secs(2);

/// How long a person may take to type a code.
const CODE_LIMIT: Duration = Duration::from_secs(120);

/// A registry, and who asks for its token.
pub(super) struct TokenRequest<'a> {
    pub(super) tokens: &'a Tokens<'a>,
    pub(super) registry: &'a Registry,
    pub(super) identity: &'a Identity,
    pub(super) key: Key,
    renewal: Renewal,
    /// How long a token must still live to be worth anything here.
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

    /// The same, for a token that lives so long at least.
    pub(super) fn living(self, least_life: Duration) -> Self {
        Self { least_life, ..self }
    }

    /// A pull from public ECR works without a token, and must not wait for a person.
    pub(super) fn asks_nobody_for_public(&self) -> Result<(), Obstacle> {
        match (&self.registry.service, self.identity.codes_wanted().next()) {
            (Service::Public, Some((role, device))) => Err(Obstacle::CodeForPublic {
                role: role.arn.clone(),
                device: device.clone(),
            }),
            _ => Ok(()),
        }
    }

    /// How long it may take in all, for who holds an old token and for who holds none.
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

    /// When a lock has been waited for long enough. Who holds it may be stopped: half of the time
    /// is kept for going on with the next lock, and half of that with the last. A person who is
    /// being asked for a code is waited for, unless there is a token to go by.
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
            Lock::Entry(Seat::First) | Lock::Asking => limit / 2,
            Lock::Entry(Seat::Second) => limit * 3 / 4,
            Lock::Entry(Seat::Third) => limit,
        };
        self.started + typing + share
    }

    /// Whether it may be a `credential_process` of another `get` that has started this one. That
    /// one holds the locks, and waits.
    fn may_be_waited_for(&self) -> bool {
        let is_process = self.identity.source.properties().runs_a_program;
        let env = self.tokens.env;
        is_process
            && *self
                .is_within_a_call
                .get_or_init(|| call_chain::is_within_a_call(env))
    }

    /// The unexpired token in the cache; one that does not live long enough is none.
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
        Ok(aws::fetch_token(&FetchRequest {
            env: self.tokens.env,
            registry: self.registry,
            identity: self.identity,
            codes: &codes,
            client: &client,
            time_left,
        })?)
    }

    /// Asks for the code of each role that wants one, while no clock runs. Nobody is asked for what
    /// could not be used, as the sign-in is gone or over: the fetch says so.
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

    /// Stores a token, if it is worth it: one that looks expired by the local clock is answered
    /// once and not kept.
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
        // Only here: by this clock a token has life before it, so it may say which have none.
        if let Some(cache) = &self.tokens.cache {
            cache.sweep(clock::now());
        }
    }
}
