//! Attempts that failed, as far as they are remembered: by source and endpoint, not by registry,
//! so that one dead network is found out once.

use std::time::Instant;

use time::OffsetDateTime;

use crate::cache::{Cache, CacheError, Digest, Key, Mark, Turn};
use crate::env::{Env, var};
use crate::identity::Identity;
use crate::registry::{Registry, Service};
use crate::terminal::{self, TerminalError};

use super::{Obstacle, key};

/// How long after a refresh that failed nobody tries again with the same source and endpoint.
const REFRESH_PAUSE: time::Duration = time::Duration::seconds(60);

/// How long "public ECR gives no token here" is remembered.
const PUBLIC_PAUSE: time::Duration = time::Duration::minutes(10);

/// How long nobody is asked again for a code that was not given, or not taken: nerdctl calls six
/// times for one pull, buildx three times.
const CODE_PAUSE: time::Duration = time::Duration::seconds(30);

/// The memory of one source and endpoint.
pub(super) struct Attempts<'a> {
    cache: &'a Cache,
    registry: &'a Registry,
    key: Key,
    state: Digest,
    /// The key of codes, where the identity wants one.
    codes: Option<Key>,
}

impl<'a> Attempts<'a> {
    pub(super) fn new(
        cache: &'a Cache,
        env: &Env,
        registry: &'a Registry,
        identity: &Identity,
    ) -> Self {
        Self {
            cache,
            registry,
            key: key::of_attempts(registry, identity),
            state: state(env, registry, identity),
            codes: identity
                .codes_wanted()
                .next()
                .map(|_| key::of_codes(registry, identity)),
        }
    }

    /// The failure that makes a new attempt needless: any, for who holds a token; for who holds
    /// none, that of a code, and public ECR's.
    pub(super) fn remembered(&self, holds_token: bool) -> Option<String> {
        let now = OffsetDateTime::now_utc();
        let of_code = self
            .codes
            .as_ref()
            .and_then(|key| self.cache.mark(key, &self.state, now));
        let any = || {
            let counts = holds_token || self.registry.service == Service::Public;
            counts
                .then(|| self.cache.mark(&self.key, &self.state, now))
                .flatten()
        };
        let mark = of_code.or_else(any)?;
        let registry = self.registry;
        log::info!(
            "{registry}: not tried again until {}: {}",
            mark.until,
            mark.message
        );
        Some(mark.message)
    }

    /// Waits for whoever is asked on the same terminal for a code of the same identity, for another
    /// registry, or for a failure of theirs. `None` where no code is wanted, or nobody can be asked.
    pub(super) fn turn_to_ask(
        &self,
        wait_until: Instant,
        holds_token: bool,
    ) -> Option<Result<Turn<String>, CacheError>> {
        let (codes, (major, minor)) = self.codes.as_ref().zip(terminal::number())?;
        let (codes, terminal) = (codes.to_string(), format!("{major} {minor}"));
        let key = Key::of(&[b"asking", codes.as_bytes(), terminal.as_bytes()]);
        let look = || self.remembered(holds_token);
        Some(self.cache.take_turn(&key, wait_until, look))
    }

    /// Remembers a failure where that spares others the wait: for who holds a token, one that
    /// concerns the source whatever role is on top; public ECR's, of any kind; a code that was
    /// not given; and, without a token, any failure that used up a code. What is wrong on this
    /// machine alone (certificates, proxy settings, no terminal) costs nothing to find out again,
    /// and its mending is to count at once.
    pub(super) fn remember(&self, error: &Obstacle, holds_token: bool) {
        let (key, pause) = match (error, error.failure(), &self.codes) {
            (Obstacle::Code { cause, .. }, _, Some(key)) if was_asked(cause) => (key, CODE_PAUSE),
            // Whatever failed, the code is used up, and the device shows the next half a minute
            // later: until then a question would be in vain.
            (_, Some(failure), Some(key)) if failure.is_about_the_code() || !holds_token => {
                (key, CODE_PAUSE)
            }
            (_, Some(failure), _) if holds_token && failure.concerns_the_source() => {
                (&self.key, REFRESH_PAUSE)
            }
            (_, Some(_), _) if !holds_token && self.registry.service == Service::Public => {
                (&self.key, PUBLIC_PAUSE)
            }
            _ => return,
        };
        let now = OffsetDateTime::now_utc();
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

/// What a person changes to mend a failure: the sign-in, or the way to AWS. Roles have no part in
/// it, as one source often has a role per account, and they share its attempts. Of public ECR
/// denials are remembered too, and those another role may mend.
fn state(env: &Env, registry: &Registry, identity: &Identity) -> Digest {
    let who = match registry.service {
        Service::Private(_) => identity.source_fingerprint(),
        Service::Public => identity.fingerprint(),
    };
    let sign_in = identity.sign_in().map(|sign_in| sign_in.contents());
    let way = [
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
    Digest::of(&parts)
}

/// Whether a person was there to answer.
fn was_asked(cause: &TerminalError) -> bool {
    match cause {
        TerminalError::Cancelled | TerminalError::TimedOut { .. } | TerminalError::Refused => true,
        TerminalError::Absent { .. } | TerminalError::Io(_) => false,
    }
}
