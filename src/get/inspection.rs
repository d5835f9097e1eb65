//! What people ask about the path, beside its end: who would ask, what the cache holds and whether
//! it can be used, and where the way to a new token breaks. Nothing here is on the way of a `get`.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::aws::{self, FetchError, Survey, TokenRequest};
use crate::cache::{CacheError, Entry};
use crate::clock;
use crate::error::Error;
use crate::http;
use crate::http::EcrxClient;
use crate::identity::Identity;
use crate::registry::Registry;
use crate::token::AuthorizationToken;

use super::lookup::Lookup;
use super::{CacheOff, CachePlace, Obstacle, Provider, key, told};

/// Whether tokens are kept.
#[derive(Debug)]
pub(crate) enum CacheState {
    /// They are, in this folder.
    Usable {
        /// The folder that was configured.
        dir: PathBuf,
        /// How many entries it holds.
        entries: usize,
        /// How many more are damaged, or of another version.
        doubtful: usize,
    },
    /// They are not to be, or there is no place for it.
    Off(CacheOff),
    /// Every `get` asks AWS.
    Unusable(CacheError),
}

impl Provider<'_> {
    /// Whether the cache can be used, tried out.
    pub(crate) fn cache_state(&self) -> CacheState {
        let Some(cache) = &self.cache else {
            let off = CachePlace::find(self.env, self.config).off;
            return CacheState::Off(off.unwrap_or(CacheOff::NoHome));
        };
        let now = clock::now();
        let tried = cache.probe(now).and_then(|()| {
            let entries = cache.list(now)?.len();
            Ok((entries, cache.doubtful(entries)?))
        });
        match tried {
            Ok((entries, doubtful)) => CacheState::Usable {
                dir: cache.dir().to_owned(),
                entries,
                doubtful,
            },
            Err(error) => CacheState::Unusable(error),
        }
    }

    /// What AWS and the registry are reached by, with the identity's certificates if it names any.
    /// One serves for all requests of a command: certificates that come from a pipe can be read
    /// only once.
    ///
    /// # Errors
    /// When certificates or proxy settings cannot be used.
    pub(crate) fn client(&self, identity: Option<&Identity>) -> Result<EcrxClient, FetchError> {
        let deadline = Instant::now() + self.config.timeout;
        Ok(http::client(&self.http_settings(identity, deadline))?)
    }

    /// Drops this token from the cache, and what is remembered of failures, as the registry does
    /// not take it. One that somebody has put in its place meanwhile stays.
    ///
    /// # Errors
    /// When it is still there.
    pub(crate) fn drop_dead(
        &self,
        registry: &Registry,
        identity: &Identity,
        dead: &AuthorizationToken,
    ) -> Result<(), CacheError> {
        let Some(cache) = &self.cache else {
            return Ok(());
        };
        let key = key::of_entry(registry, identity);
        let held = cache.get(&key, clock::now())?;
        let is_dead = |entry: &Entry| entry.token.password().expose() == dead.password().expose();
        if held.as_ref().is_some_and(is_dead) {
            cache.erase(&key)?;
        }
        for key in key::of_memories(registry, identity) {
            cache.clear_mark(&key)?;
        }
        Ok(())
    }

    /// Goes the way to a new token step by step, with [`Provider::client`]. Nothing is kept.
    ///
    /// # Errors
    /// When nothing could be asked at all: a code that was not given, certificates, proxy settings.
    pub(crate) fn survey(
        &self,
        registry: &Registry,
        identity: &Identity,
        client: Result<EcrxClient, FetchError>,
        ends_at: Instant,
    ) -> Result<Survey, Error> {
        let wrong = |cause: Obstacle| told(registry, cause).hint(identity.explain());
        let sts = self.resolver.sts(registry);
        let sts = sts.map_err(|error| wrong(error.into()))?;
        let client = client.map_err(|error| wrong(error.into()))?;
        let lookup = Lookup::new(self, registry, identity);
        // A pull from public ECR would ask nobody, either.
        lookup.asks_nobody_for_public().map_err(wrong)?;
        let codes = if identity.needs_a_sign_in(clock::now()) {
            Vec::new()
        } else {
            lookup.codes().map_err(wrong)?
        };
        // What a person took to type counts for nobody.
        let time_left = if codes.is_empty() {
            ends_at.saturating_duration_since(Instant::now())
        } else {
            lookup.limit(false)
        };
        let purchase = TokenRequest {
            env: self.env,
            registry,
            identity,
            codes: &codes,
            client: &client,
            time_left: time_left.max(Duration::from_millis(1)),
        };
        aws::survey(&purchase, &sts).map_err(|error| wrong(error.into()))
    }
}
