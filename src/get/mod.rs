//! The one path: registry → rule → identity → cache → AWS → token. Every mode of the program takes
//! it. The modes differ only in how they read the request and print the answer.

mod error;
mod failure_memory;
mod inspection;
mod key;
mod state;
mod tokens;
mod walk;

use std::collections::HashMap;
use std::mem::ManuallyDrop;

use crate::clock;

use crate::cache::CacheError;
use crate::config::ConfigError;
use crate::error::Error;
use crate::identity::Identity;
use crate::registry::{Lookup, Registry};
use crate::token::AuthorizationToken;

pub(crate) use inspection::{CacheState, Held};

pub(crate) use error::NoCredentials;
use tokens::TokenRequest;
pub(crate) use tokens::Tokens;

impl Tokens<'_> {
    pub(crate) fn get(&self, lookup: Lookup<'_>) -> Result<AuthorizationToken, Error> {
        match self.get_with_identity(lookup) {
            Ok((token, _)) => Ok(token),
            Err(error) => Err(error.for_client()),
        }
    }

    /// The same, with the identity that the token belongs to.
    pub(crate) fn get_with_identity(
        &self,
        lookup: Lookup<'_>,
    ) -> Result<(AuthorizationToken, ManuallyDrop<Identity>), NoCredentials> {
        let registry = lookup.registry;
        let identity = self
            .resolver
            .resolve(lookup)
            .map_err(|cause| NoCredentials::new(registry, cause))?;
        // Not dropped, to save time: the process is about to end.
        let identity = ManuallyDrop::new(identity);
        let token = TokenRequest::new(self, registry, &identity).token();
        match token {
            Ok(token) => Ok((token, identity)),
            Err(cause) => Err(NoCredentials::new(registry, cause).asked_as(&identity)),
        }
    }

    /// The identity that would request the token, as a line for the user.
    pub(crate) fn explain(&self, lookup: Lookup<'_>) -> Result<String, String> {
        match self.resolver.resolve(lookup) {
            Ok(identity) => Ok(identity.explain()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Drops what `get` would answer now.
    pub(crate) fn erase(&self, lookup: Lookup<'_>) -> Result<(), CacheError> {
        let (Some(cache), Ok(identity)) = (&self.cache, self.resolver.resolve(lookup)) else {
            return Ok(());
        };
        let registry = lookup.registry;
        cache.erase(&key::entry(registry, &identity))?;
        for key in key::memories(registry, &identity) {
            cache.clear_mark(&key)?;
        }
        Ok(())
    }

    /// The registries that `get` would answer from the cache now.
    pub(crate) fn list(&self) -> Result<Vec<String>, CacheError> {
        let Some(cache) = &self.cache else {
            return Ok(Vec::new());
        };
        let now = clock::now();
        let entries: HashMap<_, _> = cache.list(now)?.into_iter().collect();
        // With the hosts as they are written here, not as in the file. A token that was requested
        // under one name of a registry is the answer for its other names too.
        let mut registries: Vec<Registry> = entries
            .values()
            .filter_map(|entry| self.config.registry(&entry.registry))
            // A name may be in two rules: the first says which registry it is.
            .chain(
                self.config
                    .own_registries()
                    .filter_map(|registry| self.config.registry(registry.host())),
            )
            .chain(
                self.config
                    .own_registries()
                    .filter_map(Registry::by_ecrs_name),
            )
            .collect();
        registries.retain(|registry| {
            self.resolver
                .resolve(registry.into())
                .is_ok_and(|identity| {
                    !identity.is_signed_out()
                        && entries
                            .get(&key::entry(registry, &identity))
                            .is_some_and(|entry| entry.token.is_fresh(now, self.renewal(&identity)))
                })
        });
        let mut hosts: Vec<String> = registries
            .iter()
            .map(|registry| registry.host().to_owned())
            .collect();
        hosts.sort_unstable();
        hosts.dedup();
        Ok(hosts)
    }
}

/// The error for a client if the configuration of a registry cannot be used.
pub(crate) fn misconfigured(registry: &Registry, cause: ConfigError) -> Error {
    NoCredentials::new(registry, cause).for_client()
}

/// What a simulation needs of a `get` that no file and no call belong to.
#[cfg(test)]
pub(crate) mod simulated {
    use std::time::{Duration, Instant};

    use crate::aws::{self, FetchRequest};
    use crate::cache::Seat;
    use crate::http;
    use crate::registry::Registry;
    use crate::token::Renewal;

    use super::tokens::{TokenRequest, Tokens};

    pub(crate) use super::failure_memory::{REFRESH_PAUSE, SHARED_PAUSE};
    pub(crate) use super::state::{Action, End, Event, GetState, Lock, Sight, When};

    /// The time limits of a request, and the waits of a call that is throttled.
    pub(crate) struct Patience {
        /// Of the whole request, without a valid token and with one.
        pub limit: [Duration; 2],
        /// For the lock of each seat, without a valid token and with one.
        pub overdue: [[Duration; 3]; 2],
        /// Those of each of many calls.
        pub waits: Vec<Vec<Duration>>,
        /// When a token is replaced.
        pub renewal: Renewal,
    }

    impl Patience {
        /// That of requests for a private registry.
        pub(crate) fn of(tokens: &Tokens<'_>, calls: usize) -> Self {
            let registry = Registry::parse("999999999999.dkr.ecr.us-west-2.amazonaws.com").unwrap();
            let identity = tokens.resolver.resolve((&registry).into()).unwrap();
            let request = TokenRequest::new(tokens, &registry, &identity);
            let overdue = |holds_token| {
                [Seat::First, Seat::Second, Seat::Third].map(|seat| {
                    let at = request.overdue_at(Lock::Entry(seat), holds_token);
                    at.saturating_duration_since(tokens.started)
                })
            };
            let settings = tokens.http_settings(Some(&identity), Instant::now());
            let fetch = FetchRequest {
                env: tokens.env,
                registry: &registry,
                identity: &identity,
                codes: &[],
                client: &http::client(&settings).unwrap(),
                is_for_node: tokens.is_for_node,
                time_left: request.limit(false),
            };
            Self {
                limit: [false, true].map(|holds_token| request.limit(holds_token)),
                overdue: [false, true].map(overdue),
                waits: aws::throttled::waits(&fetch, calls),
                renewal: tokens.renewal(&identity),
            }
        }
    }
}
