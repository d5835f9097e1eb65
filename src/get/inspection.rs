//! What the interactive commands ask besides the token: the identity, the content and state of the
//! cache, and which step to a new token fails. Nothing here is a part of a `get`.

use std::iter;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use time::OffsetDateTime;

use crate::aws::{self, FetchError, FetchRequest, Survey};
use crate::cache::{CacheError, CacheLocation, CacheOff, Entry, Key};
use crate::clock;
use crate::error::Error;
use crate::http::{self, EcrxClient};
use crate::identity::{Endpoint, Identity, Resolver};
use crate::registry::{Lookup, Registry};
use crate::token::AuthorizationToken;

use super::error::{NoCredentials, Obstacle, TooShort};
use super::key;
use super::tokens::{TokenRequest, Tokens};

/// Whether tokens are cached.
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
    /// Caching is disabled, or there is no folder for it.
    Off(CacheOff),
    /// The cache cannot be used, so every `get` asks AWS.
    Unusable(CacheError),
}

/// How much shorter than requested the lifetime of a new token may be: the response takes time, and
/// AWS's clock differs from the local one.
const ON_ITS_WAY: Duration = Duration::from_secs(60);

/// A token in the cache, and when it would be replaced.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    /// The token, and its identity.
    pub entry: Entry,
    /// When it is renewed; `None` if it belongs to an identity that is not the one selected now, as
    /// that identity's settings decide.
    pub refresh_at: Option<OffsetDateTime>,
}

impl Tokens<'_> {
    /// A token with at least this remaining lifetime: a cached one with less is not used. The error
    /// says the cause for public ECR too.
    ///
    /// # Errors
    /// [`TooShort`] if the new token has less. It is cached for other requests.
    pub(crate) fn get_living(
        &self,
        lookup: Lookup<'_>,
        least: Duration,
    ) -> Result<AuthorizationToken, Error> {
        let registry = lookup.registry;
        let identity = self.identity(lookup)?;
        let token = TokenRequest::new(self, registry, &identity)
            .living(least)
            .token()
            .map_err(|cause| {
                NoCredentials::new(registry, cause)
                    .asked_as(&identity)
                    .for_user()
            })?;
        // Without a requested lifetime, a token that looks expired by the local clock is an answer,
        // as for `get`.
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

    /// The identity that requests the token.
    ///
    /// # Errors
    /// If it cannot be determined, with what to do about it; for public ECR too.
    pub(crate) fn identity(&self, lookup: Lookup<'_>) -> Result<Identity, Error> {
        let identity = self.resolver.resolve(lookup);
        Ok(identity.map_err(|cause| NoCredentials::new(lookup.registry, cause).for_user())?)
    }

    /// Determines the identity for a registry.
    pub(crate) fn resolver(&self) -> &Resolver<'_> {
        &self.resolver
    }

    /// The cached token of an identity, expired or not; `None` if the identity's sign-in is
    /// missing, as a `get` does not use the token then.
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

    /// Entries, each with the time of its renewal, if that is known.
    pub(crate) fn judge(&self, entries: Vec<(Key, Entry)>) -> Vec<Held> {
        let refresh_at = |key: &Key, entry: &Entry| {
            let registry = &self.config.registry(&entry.registry)?;
            let repositories = self.config.repository_lookups(registry);
            let mut lookups = iter::once(registry.into()).chain(repositories);
            lookups.find_map(|lookup| {
                let identity = self.resolver.resolve(lookup).ok()?;
                let is_theirs =
                    !identity.is_signed_out() && key::entry(registry, &identity) == *key;
                is_theirs.then(|| self.refresh_at(entry, &identity))
            })
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

    /// Whether the cache can be used; this tries to write to it.
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

    /// The client for AWS and the registry, with the identity's CA bundle if it has one. A command
    /// uses one client for all requests: a CA bundle from a pipe can be read only once.
    ///
    /// # Errors
    /// When certificates or proxy settings cannot be used.
    pub(crate) fn client(&self, identity: Option<&Identity>) -> Result<EcrxClient, FetchError> {
        let deadline = Instant::now() + self.config.timeout;
        Ok(http::client(&self.http_settings(identity, deadline))?)
    }

    /// Removes this token, which the registry has rejected, and the remembered failures from the
    /// cache. A token that another process has stored in its place meanwhile stays.
    ///
    /// # Errors
    /// If it could not be removed.
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

    /// Takes the steps to a new token one by one, with [`Tokens::client`]. Nothing is cached. The
    /// endpoint is the one that the caller's identity was requested from.
    ///
    /// # Errors
    /// If no request could be made at all: no MFA code, unusable certificates or proxy settings.
    pub(crate) fn survey(
        &self,
        lookup: Lookup<'_>,
        identity: &Identity,
        client: Result<EcrxClient, FetchError>,
        ends_at: Instant,
    ) -> Result<(Survey, Endpoint), Error> {
        let survey = self.try_survey(lookup, identity, client, ends_at);
        Ok(
            survey
                .map_err(|cause| NoCredentials::new(lookup.registry, cause).asked_as(identity))?,
        )
    }

    fn try_survey(
        &self,
        lookup: Lookup<'_>,
        identity: &Identity,
        client: Result<EcrxClient, FetchError>,
        ends_at: Instant,
    ) -> Result<(Survey, Endpoint), Obstacle> {
        let registry = lookup.registry;
        let sts = self.resolver.sts(lookup)?;
        let client = client?;
        let request = TokenRequest::new(self, registry, identity);
        // A pull from public ECR would not prompt either.
        request.refuse_prompt_for_public()?;
        let codes = request.codes()?;
        // The time that the user took to enter a code does not count.
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
            is_for_node: self.is_for_node,
            time_left: time_left.max(Duration::from_millis(1)),
        };
        Ok((aws::survey(&request, &sts)?, sts))
    }
}
