//! One question on its way: cache, lock, second look, AWS, cache.

use std::time::{Duration, Instant};

use crate::clock;

use crate::aws::{self, Failure, Purchase, PurchaseError};
use crate::cache::{Cache, CacheError, Entry, EntryLock, Key, Turn};
use crate::identity::{ChosenBy, Identity, Role};
use crate::registry::{MfaDevice, Registry, Service};
use crate::secret::Secret;
use crate::terminal;
use crate::token::{AuthorizationToken, Renewal};

use super::attempt::{Attempts, When};
use super::{Obstacle, Provider, key};

/// How long a `get` waits for a new token when it holds one that is still good.
const REFRESH_LIMIT: Duration = Duration::from_secs(3);

/// How long public ECR may take. Its pulls work without a token, so waiting must not hurt.
const PUBLIC_LIMIT: Duration = Duration::from_secs(2);

/// How long a person may take to type a code.
const CODE_LIMIT: Duration = Duration::from_secs(120);

/// A registry, and who asks for its token.
pub(super) struct Lookup<'a> {
    provider: &'a Provider<'a>,
    registry: &'a Registry,
    identity: &'a Identity,
    key: Key,
    renewal: Renewal,
    started: Instant,
}

/// What somebody else has found out while this one waited.
enum Found {
    Token(AuthorizationToken),
    Failure(String),
}

impl<'a> Lookup<'a> {
    pub(super) fn new(
        provider: &'a Provider<'a>,
        registry: &'a Registry,
        identity: &'a Identity,
    ) -> Self {
        Self {
            provider,
            registry,
            identity,
            key: key::of_entry(registry, identity),
            renewal: provider.renewal(identity),
            started: Instant::now(),
        }
    }

    /// A token, from the cache or from AWS.
    pub(super) fn token(&self) -> Result<AuthorizationToken, Obstacle> {
        // A pull from public ECR works without a token, and must not wait for a person.
        if let (Service::Public, Some((role, device))) =
            (&self.registry.service, self.identity.codes_wanted().next())
        {
            return Err(Obstacle::CodeForPublic {
                role: role.arn.clone(),
                device: device.clone(),
            });
        }
        let whole = match self.registry.service {
            Service::Private(_) => self.provider.config.timeout,
            Service::Public => self.provider.config.timeout.min(PUBLIC_LIMIT),
        };
        match &self.provider.cache {
            None => self.buy(whole),
            Some(cache) => match self.look(cache) {
                Some(token) if self.is_fresh(&token) => {
                    log::debug!("{}: from the cache", self.registry);
                    Ok(token)
                }
                Some(token) => self.renew(cache, Some(token), whole.min(REFRESH_LIMIT)),
                None => self.renew(cache, None, whole),
            },
        }
    }

    /// Buys a token, or waits for who is buying one; keeps to the one at hand when that fails.
    fn renew(
        &self,
        cache: &Cache,
        held: Option<AuthorizationToken>,
        limit: Duration,
    ) -> Result<AuthorizationToken, Obstacle> {
        let attempts = Attempts::new(
            cache,
            self.provider.env,
            &self.provider.resolver,
            self.registry,
            self.identity,
        );
        if let Some(failure) = attempts.remembered(held.is_some(), When::Arriving) {
            return held.ok_or(Obstacle::Remembered(failure));
        }
        // Whoever holds the lock may hang or be stopped: keep half of the time for going alone.
        // A person who is being asked for a code is waited for, unless there is a token to go by.
        let patience = match self.identity.wants_codes() && held.is_none() {
            true => CODE_LIMIT + limit,
            false => limit / 2,
        };
        let wait_until = self.started + patience;
        let holds_token = held.is_some();
        // As the last look saw it: a denial may drop the entry meanwhile.
        let mut held = held;
        let turn = cache.take_turn(&self.key, wait_until, |has_waited| {
            held = self.look(cache);
            match held.clone().filter(|token| self.is_fresh(token)) {
                Some(token) => Some(Found::Token(token)),
                None => {
                    let when = if has_waited {
                        When::InLine
                    } else {
                        When::Arriving
                    };
                    attempts.remembered(holds_token, when).map(Found::Failure)
                }
            }
        });
        let lock = match turn {
            Ok(Turn::Mine(lock)) => Some(lock),
            Ok(Turn::Answered(Found::Token(token))) => return Ok(token),
            Ok(Turn::Answered(Found::Failure(failure))) => {
                return held.ok_or(Obstacle::Remembered(failure));
            }
            Err(error) => {
                log::warn!("going on without the cache: {error}");
                // Who holds the lock is renewing it, or stopped.
                match held {
                    Some(token) if is_timeout(&error) => return Ok(token),
                    _ => None,
                }
            }
        };
        // Who gives no code for one registry gives none for the next, which waits here.
        let asking = lock
            .as_ref()
            .and_then(|_| attempts.turn_to_ask(wait_until, holds_token));
        let _asking = match asking {
            None => None,
            Some(Ok(Turn::Mine(lock))) => Some(lock),
            Some(Ok(Turn::Answered(failure))) => return held.ok_or(Obstacle::Remembered(failure)),
            Some(Err(error)) => {
                log::warn!("asking beside others: {error}");
                match held {
                    Some(token) if is_timeout(&error) => return Ok(token),
                    _ => None,
                }
            }
        };
        match self.buy(limit) {
            Ok(token) => {
                self.keep(lock.as_ref(), &token);
                Ok(token)
            }
            Err(error) if is_denial(&error) || self.identity.is_signed_out() => {
                // While the lock is held, so that the next in line knows of it.
                attempts.remember(&error, false);
                if let Some(Err(error)) = lock.map(|lock| lock.remove()) {
                    log::warn!("{error}");
                }
                Err(error)
            }
            Err(error) => {
                attempts.remember(&error, held.is_some());
                match held {
                    Some(token) => {
                        let registry = self.registry;
                        log::warn!(
                            "{registry}: the token could not be renewed, the old one is still good: {error}"
                        );
                        Ok(token)
                    }
                    None => Err(error),
                }
            }
        }
    }

    /// The unexpired token in the cache.
    fn look(&self, cache: &Cache) -> Option<AuthorizationToken> {
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
            .filter(|token| !token.is_expired(now))
    }

    fn is_fresh(&self, token: &AuthorizationToken) -> bool {
        token.is_fresh(clock::now(), self.renewal)
    }

    fn buy(&self, limit: Duration) -> Result<AuthorizationToken, Obstacle> {
        log::info!("{}: {}", self.registry, self.identity.explain());
        let http = self.provider.http_settings(self.identity);
        let codes = match self.identity.wants_codes() {
            // Nobody is asked for what could not be used: the purchase says why.
            true if self.identity.needs_a_sign_in(clock::now()) => Vec::new(),
            true => {
                aws::http::client(&http).map_err(PurchaseError::from)?;
                self.codes()?
            }
            false => Vec::new(),
        };
        let time_left = match self.identity.wants_codes() {
            // What a person took to type is not AWS's fault.
            true => limit,
            false => limit.saturating_sub(self.started.elapsed()),
        };
        Ok(aws::buy(&Purchase {
            registry: self.registry,
            identity: self.identity,
            codes: &codes,
            http: &http,
            time_left,
        })?)
    }

    /// Asks for the code of each role that wants one, while no clock runs.
    fn codes(&self) -> Result<Vec<Secret>, Obstacle> {
        let program = match &self.identity.chosen_by {
            ChosenBy::Name { name, .. } => format!("docker-credential-ecrx-{name}"),
            _ => "docker-credential-ecrx".to_owned(),
        };
        let code = |(role, device): (&Role, &MfaDevice)| {
            let question = format!("{program}: MFA code of {device} for {}: ", role.arn);
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
    fn keep(&self, lock: Option<&EntryLock>, token: &AuthorizationToken) {
        let Some(lock) = lock else {
            return;
        };
        let registry = self.registry;
        if !self.is_fresh(token) {
            log::warn!(
                "{registry}: the new token is not kept, as by this machine's clock it has no life before it"
            );
            return;
        }
        if !self.identity.is_where_it_was(self.provider.env) {
            log::info!("{registry}: the new token is not kept, as meanwhile somebody else asks");
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
    }
}

fn is_timeout(error: &CacheError) -> bool {
    matches!(error, CacheError::LockTimeout { .. })
}

fn is_denial(error: &Obstacle) -> bool {
    error.failure().is_some_and(Failure::is_denial)
}
