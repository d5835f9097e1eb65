//! What people ask besides tokens, by the same path.

use std::time::Duration;

use time::OffsetDateTime;

use super::lookup::Lookup;
use super::{Provider, key, told};
use crate::cache::{CacheError, Entry, Key};
use crate::clock;
use crate::error::Error;
use crate::identity::{Identity, Resolver};
use crate::registry::{Registry, Service};
use crate::token::{AuthorizationToken, Renewal};

/// How much less than it was asked for a new token may live: it has been on its way, and AWS's
/// clock is another.
const ON_ITS_WAY: Duration = Duration::from_secs(60);

/// A token that lives less long than it must.
#[derive(Debug, thiserror::Error)]
#[error(
    "the new token for {registry} ends in {}, and {} are asked for",
    humantime::format_duration(*.life),
    humantime::format_duration(*.least)
)]
pub(crate) struct TooShort {
    registry: String,
    life: Duration,
    least: Duration,
}

/// A token in the cache, and when whoever asks now would replace it.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    /// The token, and who bought it.
    pub entry: Entry,
    /// When it is renewed; `None` where it belongs to somebody who does not ask now, and by whose
    /// settings it goes.
    pub refresh_at: Option<OffsetDateTime>,
}

impl Provider<'_> {
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
        let token = Lookup::new(self, registry, &identity)
            .living(least)
            .token()
            .map_err(|cause| anonymous(registry, told(registry, cause)).hint(identity.explain()))?;
        // Without a word of how long, one that looks expired by the local clock is answered, as by
        // a `get`.
        let is_asked = !least.is_zero();
        if is_asked && token.is_expired(clock::now() + least.saturating_sub(ON_ITS_WAY)) {
            let life = (token.expires_at - clock::now()).whole_seconds().max(0);
            return Err(Error::failure(TooShort {
                registry: registry.to_string(),
                life: Duration::from_secs(life.unsigned_abs()),
                least,
            })
            .hint("AWS decides how long a token lives: ask for less with --min-lifetime"));
        }
        Ok(token)
    }

    /// Who asks for a registry's token.
    ///
    /// # Errors
    /// When that cannot be said, with what to do about it; at public ECR too.
    pub(crate) fn identity(&self, registry: &Registry) -> Result<Identity, Error> {
        self.resolver
            .resolve(registry)
            .map_err(|cause| anonymous(registry, told(registry, cause.into())))
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
        let entry = cache.get(&key::of_entry(registry, identity), clock::now())?;
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
            let is_theirs =
                !identity.is_signed_out() && key::of_entry(&registry, &identity) == *key;
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

    /// When tokens of this identity are replaced.
    pub(crate) fn renewal_of(&self, identity: &Identity) -> Renewal {
        self.renewal(identity)
    }

    fn refresh_at(&self, entry: &Entry, identity: &Identity) -> OffsetDateTime {
        entry.token.refresh_at(self.renewal(identity))
    }
}

/// Says of public ECR that nobody needs a token there to pull.
fn anonymous(registry: &Registry, error: Error) -> Error {
    match registry.service {
        Service::Public => error.hint(format!(
            "pulls from {registry} need no token: without one they are anonymous"
        )),
        Service::Private(_) => error,
    }
}
