//! Remembered failures. Those of a source or endpoint are remembered for a minute, so that an
//! unreachable network is tried once; those of one request for some seconds, so that processes that
//! request the same at the same time do not repeat them.

use std::cell::Cell;

use crate::aws::{Failure, FailureKind, Stage};
use crate::cache::{Cache, FailureMark, Key};
use crate::clock;
use crate::digest::Digest;
use crate::env::{Env, var};
use crate::identity::{Identity, Resolver};
use crate::registry::{Registry, Service};
use crate::terminal::{self, TerminalError};

use super::error::Obstacle;
use super::key::{self, Nth};
use super::state::When;

/// After a failed renewal, no process tries again with the same source and endpoint for this long.
pub(crate) const REFRESH_PAUSE: time::Duration = time::Duration::seconds(60);

/// How long "public ECR issues no token here" is remembered.
const PUBLIC_PAUSE: time::Duration = time::Duration::minutes(10);

/// After a code was not entered or not accepted, there is no prompt for this long: nerdctl calls
/// six times for one pull, buildx three times.
const CODE_PAUSE: time::Duration = time::Duration::seconds(30);

/// How long processes share a failure: those that request the same token, and those of a `docker
/// build` that asks for every configured registry. Short, as a user who has fixed the cause tries
/// again at once.
pub(crate) const SHARED_PAUSE: time::Duration = time::Duration::seconds(5);

/// The remembered failures that concern one request.
pub(super) struct FailureMemory<'a> {
    cache: &'a Cache,
    registry: &'a Registry,
    identity: &'a Identity,
    state: Digest,
    /// The part of `state` that does not depend on the identity.
    way: Digest,
    /// Whether a failure of the same request was known at the last look, so that a failure of this
    /// process is the second: an attempt may take longer than the first is remembered.
    follows: Cell<bool>,
}

impl<'a> FailureMemory<'a> {
    pub(super) fn new(
        cache: &'a Cache,
        env: &Env,
        resolver: &Resolver<'_>,
        registry: &'a Registry,
        identity: &'a Identity,
    ) -> Self {
        let way = way(env, resolver);
        Self {
            cache,
            registry,
            identity,
            state: state(way, registry, identity),
            way,
            follows: Cell::new(false),
        }
    }

    /// The failure that makes a new attempt needless, with its hints.
    pub(super) fn remembered(&self, holds_token: bool, when: When) -> Option<Obstacle> {
        let registry = self.registry;
        let mark = self.find(holds_token, when)?;
        log::info!(
            "{registry}: no new attempt until {}; the previous one failed: {}",
            mark.until,
            mark.message
        );
        Some(Obstacle::Remembered {
            retry_in: seconds_until(mark.until),
            message: mark.message,
            hints: mark.hints,
        })
    }

    fn find(&self, holds_token: bool, when: When) -> Option<FailureMark> {
        let (registry, identity) = (self.registry, self.identity);
        let of_codes = || self.mark(&key::codes(registry, identity));
        if let Some(mark) = self.identity.wants_codes().then(of_codes).flatten() {
            return Some(mark);
        }
        let of_failure = |nth| self.mark(&key::failure(registry, identity, nth));
        if holds_token || registry.service == Service::Public {
            let shared = || {
                of_failure(Nth::First)
                    .or_else(|| self.source_failure())
                    .or_else(|| self.network_failure())
            };
            return self
                .mark(&key::attempts(registry, identity))
                .or_else(|| holds_token.then(shared).flatten());
        }
        let first = of_failure(Nth::First);
        self.follows.set(first.is_some());
        match when {
            When::InLine => of_failure(Nth::Second),
            When::Last => of_failure(Nth::Second).or(first),
            // A user who repeats the request may have fixed the cause. Of processes that request
            // the same at the same time, the late ones get the failure of the first two.
            When::Arriving if first.is_some() => of_failure(Nth::Second),
            When::Arriving => of_failure(Nth::Second).or_else(|| self.source_failure()),
        }
    }

    /// The failure of the source, anywhere or at this endpoint.
    fn source_failure(&self) -> Option<FailureMark> {
        let endpoint = self.identity.api.url.as_deref();
        self.mark(&key::source(self.identity, None))
            .or_else(|| self.mark(&key::source(self.identity, Some(endpoint?))))
    }

    /// The failure of the network, everywhere or at this endpoint. It counts only if a valid token
    /// is cached: with a profile for each account there are as many sources, and each would wait
    /// for itself.
    fn network_failure(&self) -> Option<FailureMark> {
        let endpoint = self.identity.api.url.as_deref();
        let of = |endpoint| {
            let key = key::network(endpoint);
            self.cache.mark(&key, &self.way, clock::now())
        };
        of(None).or_else(|| of(Some(endpoint?)))
    }

    /// The configured endpoint of the call that failed. It may be that of one registry alone, so
    /// the failure is shared only with requests to the same endpoint.
    fn endpoint_of(&self, failure: &Failure) -> Option<&str> {
        match failure.stage {
            Stage::Token => self.identity.api.url.as_deref(),
            Stage::Source | Stage::WebIdentity { .. } | Stage::Role { .. } | Stage::Caller => None,
        }
    }

    /// The key of the lock for the MFA prompt of this identity on this terminal, for all
    /// registries. `None` if no code is required, or there is no terminal.
    pub(super) fn prompt_key(&self) -> Option<Key> {
        let (major, minor) = self.identity.wants_codes().then(terminal::number)??;
        let codes = key::codes(self.registry, self.identity).to_string();
        let terminal = format!("{major} {minor}");
        let key = Key::stable(&[b"asking", codes.as_bytes(), terminal.as_bytes()]);
        Some(key)
    }

    /// Remembers a failure if that saves other processes a wait:
    ///
    /// - if a valid token is cached, a failure that concerns the source, for all of its roles;
    /// - any failure at public ECR;
    /// - a code that was not entered, and, without a cached token, any failure that used up a code;
    /// - any other for some seconds: for all registries if it concerns the source, else for
    ///   requests of the same token.
    ///
    /// A problem of this machine (certificates, proxy settings, no terminal) is not remembered: it
    /// is found again in no time, and a fix must take effect at once.
    pub(super) fn remember(&self, error: &Obstacle, holds_token: bool) {
        let (registry, identity) = (self.registry, self.identity);
        if let Obstacle::Code { cause, .. } = error
            && was_asked(cause)
        {
            return self.put(&key::codes(registry, identity), CODE_PAUSE, error);
        }
        let Some(failure) = error.failure() else {
            return;
        };
        if self.identity.wants_codes() && (failure.is_about_the_code() || !holds_token) {
            // The code is used up in any case, and the device shows the next one half a minute
            // later: a prompt before that would be useless.
            self.put(&key::codes(registry, identity), CODE_PAUSE, error);
        } else if holds_token {
            if failure.concerns_the_source() {
                let key = key::attempts(registry, identity);
                self.put(&key, REFRESH_PAUSE, error);
                let endpoint = self.endpoint_of(failure);
                let key = key::source(identity, endpoint);
                self.put(&key, SHARED_PAUSE, error);
                if let FailureKind::Transport(_) | FailureKind::Timeout = failure.kind {
                    self.put_in(&key::network(endpoint), self.way, SHARED_PAUSE, error);
                }
            } else {
                let key = key::failure(registry, identity, Nth::First);
                self.put(&key, SHARED_PAUSE, error);
            }
        } else if registry.service == Service::Public {
            self.put(&key::attempts(registry, identity), PUBLIC_PAUSE, error);
        } else {
            let of = |nth| key::failure(registry, identity, nth);
            let nth = if !(self.follows.get() || self.mark(&of(Nth::First)).is_some()) {
                Nth::First
            } else {
                Nth::Second
            };
            self.put(&of(nth), SHARED_PAUSE, error);
            if failure.concerns_the_source() {
                let key = key::source(identity, self.endpoint_of(failure));
                self.put(&key, SHARED_PAUSE, error);
            }
        }
    }

    fn mark(&self, key: &Key) -> Option<FailureMark> {
        self.cache.mark(key, &self.state, clock::now())
    }

    fn put(&self, key: &Key, pause: time::Duration, error: &Obstacle) {
        self.put_in(key, self.state, pause, error);
    }

    fn put_in(&self, key: &Key, state: Digest, pause: time::Duration, error: &Obstacle) {
        let now = clock::now();
        let mark = FailureMark {
            made_at: now,
            until: now.saturating_add(pause),
            state,
            message: error.to_string(),
            hints: error.hints(self.registry),
        };
        if let Err(error) = self.cache.put_mark(key, &mark) {
            log::warn!("{error}");
        }
    }
}

/// What the user changes to fix a failure: the sign-in, the network settings, or anything in the
/// configuration files. Roles are not a part of it otherwise: one source often has a role per
/// account, and all of them share its attempts. At public ECR they are, as its denials are
/// remembered too and another role may not be denied.
fn state(way: Digest, registry: &Registry, identity: &Identity) -> Digest {
    let who = match registry.service {
        Service::Private(_) => identity.source_state(),
        Service::Public => identity.fingerprint(),
    };
    let way = way.to_string();
    Key::digest(&[who.as_bytes(), &identity.proof(), way.as_bytes()])
}

/// What follows `AWS_ENDPOINT_URL` in a variable's name: the service.
const SERVICES: [&str; 7] = [
    "",
    "_ECR",
    "_ECR_PUBLIC",
    "_STS",
    "_SSO",
    "_SSO_OIDC",
    "_SIGNIN",
];

/// The network settings and all configuration files.
fn way(env: &Env, resolver: &Resolver<'_>) -> Digest {
    let endpoints = SERVICES.map(|service| format!("{}{service}", var::AWS_ENDPOINT_URL));
    let others = [
        var::AWS_IGNORE_CONFIGURED_ENDPOINT_URLS,
        var::AWS_USE_FIPS_ENDPOINT,
        var::AWS_USE_DUALSTACK_ENDPOINT,
        var::AWS_REGION,
        var::AWS_DEFAULT_REGION,
        var::AWS_CA_BUNDLE,
        var::SSL_CERT_FILE,
        var::SSL_CERT_DIR,
        var::HTTPS_PROXY,
        var::NO_PROXY,
    ];
    let names = endpoints.iter().map(String::as_str).chain(others);
    let values: Vec<String> = names
        .map(|name| env.get_either_case(name).unwrap_or_default())
        .collect();
    let values = values.iter().map(String::as_bytes);
    let texts = resolver.texts().map(|text| text.expose().as_bytes());
    Key::digest(&values.chain(texts).collect::<Vec<_>>())
}

/// In whole seconds, rounded up: after them, a new attempt is made.
fn seconds_until(moment: time::OffsetDateTime) -> u64 {
    let left = (moment - clock::now()).as_seconds_f64().ceil();
    left.max(1.0) as u64
}

/// Whether the user has seen the prompt.
fn was_asked(cause: &TerminalError) -> bool {
    match cause {
        TerminalError::Cancelled | TerminalError::TimedOut { .. } | TerminalError::Refused => true,
        TerminalError::Absent { .. } | TerminalError::Io(_) => false,
    }
}
