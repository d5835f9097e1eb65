//! Attempts that failed, as far as they are remembered: for a minute by source and endpoint, so
//! that one dead network is found out once; for some seconds by what was asked for, so that a herd
//! does not repeat them.

use std::time::Instant;

use crate::cache::{Cache, CacheError, Digest, Key, Mark, Turn};
use crate::clock;
use crate::env::{Env, var};
use crate::identity::{Identity, Resolver};
use crate::registry::{Registry, Service};
use crate::terminal::{self, TerminalError};

use super::Obstacle;
use super::key::{self, Nth};

/// How long after a refresh that failed nobody tries again with the same source and endpoint.
const REFRESH_PAUSE: time::Duration = time::Duration::seconds(60);

/// How long "public ECR gives no token here" is remembered.
const PUBLIC_PAUSE: time::Duration = time::Duration::minutes(10);

/// How long nobody is asked again for a code that was not given, or not taken: nerdctl calls six
/// times for one pull, buildx three times.
const CODE_PAUSE: time::Duration = time::Duration::seconds(30);

/// How long a failure is shared among those who have no token: a herd, or a `docker build` that
/// asks for every registry there is. Short, as whoever mends it tries again at once.
const SHARED_PAUSE: time::Duration = time::Duration::seconds(5);

/// What is remembered of failed attempts, as far as it concerns one lookup.
pub(super) struct Attempts<'a> {
    cache: &'a Cache,
    registry: &'a Registry,
    identity: &'a Identity,
    state: Digest,
}

/// When somebody looks whether an attempt is needless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// Without having waited for anybody.
    Arriving,
    /// In line behind an attempt. That one may have failed of trouble of its own, so the next in
    /// line tries once more, and only the second failure is everybody's.
    InLine,
}

impl<'a> Attempts<'a> {
    pub(super) fn new(
        cache: &'a Cache,
        env: &Env,
        resolver: &Resolver<'_>,
        registry: &'a Registry,
        identity: &'a Identity,
    ) -> Self {
        Self {
            cache,
            registry,
            identity,
            state: state(env, resolver, registry, identity),
        }
    }

    /// The failure that makes a new attempt needless.
    pub(super) fn remembered(&self, holds_token: bool, when: When) -> Option<String> {
        let registry = self.registry;
        let mark = self.find(holds_token, when)?;
        log::info!(
            "{registry}: not tried again until {}: {}",
            mark.until,
            mark.message
        );
        Some(mark.message)
    }

    fn find(&self, holds_token: bool, when: When) -> Option<Mark> {
        let (registry, identity) = (self.registry, self.identity);
        let of_codes = || self.mark(&key::of_codes(registry, identity));
        if let Some(mark) = self.identity.wants_codes().then(of_codes).flatten() {
            return Some(mark);
        }
        if holds_token || registry.service == Service::Public {
            return self.mark(&key::of_attempts(registry, identity));
        }
        let of_failure = |nth| self.mark(&key::of_failure(registry, identity, nth));
        match when {
            When::InLine => of_failure(Nth::Second),
            When::Arriving => {
                let of_source = self.mark(&key::of_source(identity))?;
                // Who asks once more for the same may have mended what failed.
                of_failure(Nth::First).is_none().then_some(of_source)
            }
        }
    }

    /// Waits for whoever is asked on the same terminal for a code of the same identity, for another
    /// registry, or for a failure of theirs. `None` where no code is wanted, or nobody can be asked.
    pub(super) fn turn_to_ask(
        &self,
        wait_until: Instant,
        holds_token: bool,
    ) -> Option<Result<Turn<String>, CacheError>> {
        let (major, minor) = terminal::number().filter(|_| self.identity.wants_codes())?;
        let codes = key::of_codes(self.registry, self.identity).to_string();
        let terminal = format!("{major} {minor}");
        let key = Key::of(&[b"asking", codes.as_bytes(), terminal.as_bytes()]);
        let look = |_| self.remembered(holds_token, When::InLine);
        Some(self.cache.take_turn(&key, wait_until, look))
    }

    /// Remembers a failure where that spares others the wait: for who holds a token, one that
    /// concerns the source whatever role is on top; public ECR's, of any kind; a code that was
    /// not given; and, without a token, any failure that used up a code. Any other is shared for
    /// some seconds: with other registries where it concerns the source, else with those who stand
    /// in line for the same. What is wrong on this machine alone (certificates, proxy settings, no
    /// terminal) costs nothing to find out again, and its mending is to count at once.
    pub(super) fn remember(&self, error: &Obstacle, holds_token: bool) {
        let (registry, identity) = (self.registry, self.identity);
        if let Obstacle::Code { cause, .. } = error
            && was_asked(cause)
        {
            return self.put(&key::of_codes(registry, identity), CODE_PAUSE, error);
        }
        let Some(failure) = error.failure() else {
            return;
        };
        if self.identity.wants_codes() && (failure.is_about_the_code() || !holds_token) {
            // Whatever failed, the code is used up, and the device shows the next half a minute
            // later: until then a question would be in vain.
            self.put(&key::of_codes(registry, identity), CODE_PAUSE, error);
        } else if holds_token {
            if failure.concerns_the_source() {
                let key = key::of_attempts(registry, identity);
                self.put(&key, REFRESH_PAUSE, error);
            }
        } else if registry.service == Service::Public {
            self.put(&key::of_attempts(registry, identity), PUBLIC_PAUSE, error);
        } else {
            let of = |nth| key::of_failure(registry, identity, nth);
            let nth = match self.mark(&of(Nth::First)) {
                None => Nth::First,
                Some(_) => Nth::Second,
            };
            self.put(&of(nth), SHARED_PAUSE, error);
            if failure.concerns_the_source() {
                self.put(&key::of_source(identity), SHARED_PAUSE, error);
            }
        }
    }

    fn mark(&self, key: &Key) -> Option<Mark> {
        self.cache.mark(key, &self.state, clock::now())
    }

    fn put(&self, key: &Key, pause: time::Duration, error: &Obstacle) {
        let now = clock::now();
        let mark = Mark {
            made_at: now,
            until: now.saturating_add(pause),
            state: self.state,
            message: error.to_string(),
        };
        if let Err(error) = self.cache.put_mark(key, &mark) {
            log::warn!("{error}");
        }
    }
}

/// What a person changes to mend a failure: the sign-in, the way to AWS, or anything at all in the
/// files of configuration. Roles have no part in it otherwise, as one source often has a role per account, and they share its attempts. Of public ECR
/// denials are remembered too, and those another role may mend.
fn state(env: &Env, resolver: &Resolver<'_>, registry: &Registry, identity: &Identity) -> Digest {
    let who = match registry.service {
        Service::Private(_) => identity.source_fingerprint(),
        Service::Public => identity.fingerprint(),
    };
    let sign_in = identity.sign_in().map(|sign_in| sign_in.contents());
    let way = [
        var::AWS_ENDPOINT_URL,
        var::AWS_CA_BUNDLE,
        var::SSL_CERT_FILE,
        var::SSL_CERT_DIR,
        var::HTTPS_PROXY,
        var::NO_PROXY,
    ]
    .map(|name| env.get_either_case(name).unwrap_or_default());
    let sign_in = sign_in.unwrap_or_default();
    let mut parts = vec![who.as_bytes(), &sign_in];
    parts.extend(way.iter().map(|value| value.as_bytes()));
    parts.extend(resolver.texts().map(str::as_bytes));
    Digest::of(&parts)
}

/// Whether a person was there to answer.
fn was_asked(cause: &TerminalError) -> bool {
    match cause {
        TerminalError::Cancelled | TerminalError::TimedOut { .. } | TerminalError::Refused => true,
        TerminalError::Absent { .. } | TerminalError::Io(_) => false,
    }
}
