//! What people ask beside the token: who would ask, what the cache holds and whether it can be used,
//! and where the way to a new token breaks. Nothing here is on the way of a `get`.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use time::OffsetDateTime;

use crate::aws::{self, FetchError, FetchRequest, Survey};
use crate::cache::{CacheError, CacheLocation, CacheOff, Entry, Key};
use crate::clock;
use crate::error::Error;
use crate::http::{self, EcrxClient};
use crate::identity::{Endpoint, Identity, Resolver};
use crate::registry::Registry;
use crate::token::AuthorizationToken;

use super::error::{NoCredentials, Obstacle, TooShort};
use super::key;
use super::request::TokenRequest;
use super::tokens::Tokens;

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

/// How much less than it was asked for a new token may live: it has been on its way, and AWS's
/// clock is another.
const ON_ITS_WAY: Duration = Duration::from_secs(60);

/// A token in the cache, and when whoever asks now would replace it.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    /// The token, and whose it is.
    pub entry: Entry,
    /// When it is renewed; `None` where it belongs to somebody who does not ask now, and by whose
    /// settings it goes.
    pub refresh_at: Option<OffsetDateTime>,
}

impl Tokens<'_> {
    /// A token that lives so long at least: one that does not counts as none. At public ECR too it
    /// says why there is none.
    ///
    /// # Errors
    /// [`TooShort`] when AWS gives one that lives less long. It is kept for others.
    pub(crate) fn get_living(
        &self,
        registry: &Registry,
        least: Duration,
    ) -> Result<AuthorizationToken, Error> {
        let identity = self.identity(registry)?;
        let token = TokenRequest::new(self, registry, &identity)
            .living(least)
            .token()
            .map_err(|cause| {
                NoCredentials::new(registry, cause)
                    .asked_as(&identity)
                    .for_person()
            })?;
        // Without a word of how long, one that looks expired by the local clock is answered, as by
        // a `get`.
        let is_asked = !least.is_zero();
        if is_asked && token.is_expired(clock::now() + least.saturating_sub(ON_ITS_WAY)) {
            let life = (token.expires_at - clock::now()).whole_seconds().max(0);
            return Err(Error::from(TooShort {
                registry: registry.clone(),
                life: Duration::from_secs(life.unsigned_abs()),
                least,
            }));
        }
        Ok(token)
    }

    /// Who asks for a registry's token.
    ///
    /// # Errors
    /// When that cannot be said, with what to do about it; at public ECR too.
    pub(crate) fn identity(&self, registry: &Registry) -> Result<Identity, Error> {
        let identity = self.resolver.resolve(registry);
        Ok(identity.map_err(|cause| NoCredentials::new(registry, cause).for_person())?)
    }

    /// What identities are made of.
    pub(crate) fn resolver(&self) -> &Resolver<'_> {
        &self.resolver
    }

    /// The token that the cache holds for whoever asks, expired or not; `None` where nobody is
    /// signed in, as a `get` answers none then.
    ///
    /// # Errors
    /// When the cache cannot be used.
    pub(crate) fn held(
        &self,
        registry: &Registry,
        identity: &Identity,
    ) -> Result<Option<Held>, CacheError> {
        let Some(cache) = &self.cache else {
            return Ok(None);
        };
        if identity.is_signed_out() {
            return Ok(None);
        }
        let entry = cache.get(&key::entry(registry, identity), clock::now())?;
        Ok(entry.map(|entry| Held {
            refresh_at: Some(self.refresh_at(&entry, identity)),
            entry,
        }))
    }

    /// Entries, with when each is renewed where that is known.
    pub(crate) fn judge(&self, entries: Vec<(Key, Entry)>) -> Vec<Held> {
        let refresh_at = |key: &Key, entry: &Entry| {
            let registry = self.config.registry(&entry.registry)?;
            let identity = self.resolver.resolve(&registry).ok()?;
            let is_theirs = !identity.is_signed_out() && key::entry(&registry, &identity) == *key;
            is_theirs.then(|| self.refresh_at(entry, &identity))
        };
        entries
            .into_iter()
            .map(|(key, entry)| Held {
                refresh_at: refresh_at(&key, &entry),
                entry,
            })
            .collect()
    }

    fn refresh_at(&self, entry: &Entry, identity: &Identity) -> OffsetDateTime {
        entry.token.refresh_at(self.renewal(identity))
    }

    /// Whether the cache can be used, tried out.
    pub(crate) fn cache_state(&self) -> CacheState {
        let Some(cache) = &self.cache else {
            let off = CacheLocation::find(self.env, self.config).off;
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
        let key = key::entry(registry, identity);
        let held = cache.get(&key, clock::now())?;
        let is_dead = |entry: &Entry| entry.token.password().expose() == dead.password().expose();
        if held.as_ref().is_some_and(is_dead) {
            cache.erase(&key)?;
        }
        for key in key::memories(registry, identity) {
            cache.clear_mark(&key)?;
        }
        Ok(())
    }

    /// Goes the way to a new token step by step, with [`Tokens::client`]. Nothing is kept. The
    /// endpoint is the one that the caller's identity was requested from.
    ///
    /// # Errors
    /// When nothing could be asked at all: a code that was not given, certificates, proxy settings.
    pub(crate) fn survey(
        &self,
        registry: &Registry,
        identity: &Identity,
        client: Result<EcrxClient, FetchError>,
        ends_at: Instant,
    ) -> Result<(Survey, Endpoint), Error> {
        let survey = self.try_survey(registry, identity, client, ends_at);
        Ok(survey.map_err(|cause| NoCredentials::new(registry, cause).asked_as(identity))?)
    }

    fn try_survey(
        &self,
        registry: &Registry,
        identity: &Identity,
        client: Result<EcrxClient, FetchError>,
        ends_at: Instant,
    ) -> Result<(Survey, Endpoint), Obstacle> {
        let sts = self.resolver.sts(registry)?;
        let client = client?;
        let request = TokenRequest::new(self, registry, identity);
        // A pull from public ECR would ask nobody, either.
        request.asks_nobody_for_public()?;
        let codes = request.codes()?;
        // What a person took to type counts for nobody.
        let time_left = if codes.is_empty() {
            ends_at.saturating_duration_since(Instant::now())
        } else {
            request.limit(false)
        };
        let request = FetchRequest {
            env: self.env,
            registry,
            identity,
            codes: &codes,
            client: &client,
            time_left: time_left.max(Duration::from_millis(1)),
        };
        Ok((aws::survey(&request, &sts)?, sts))
    }
}
