//! Attempts that failed, as far as they are remembered: by source and endpoint, not by registry,
//! so that one dead network is found out once.

use time::OffsetDateTime;

use crate::aws::PurchaseError;
use crate::cache::{Cache, Digest, Key, Mark};
use crate::env::{Env, var};
use crate::identity::Identity;
use crate::registry::{Registry, Service};

use super::key;

/// How long after a refresh that failed nobody tries again with the same source and endpoint.
const REFRESH_PAUSE: time::Duration = time::Duration::seconds(60);

/// How long "public ECR gives no token here" is remembered.
const PUBLIC_PAUSE: time::Duration = time::Duration::minutes(10);

/// The memory of one source and endpoint.
pub(super) struct Attempts<'a> {
    cache: &'a Cache,
    registry: &'a Registry,
    key: Key,
    state: Digest,
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
        }
    }

    /// The failure that makes a new attempt needless: any, for who holds a token; for who holds
    /// none, only public ECR's.
    pub(super) fn remembered(&self, holds_token: bool) -> Option<String> {
        if !holds_token && self.registry.service != Service::Public {
            return None;
        }
        let now = OffsetDateTime::now_utc();
        let mark = self.cache.mark(&self.key, &self.state, now)?;
        let registry = self.registry;
        log::info!(
            "{registry}: not tried again until {}: {}",
            mark.until,
            mark.message
        );
        Some(mark.message)
    }

    /// Remembers a failure where that spares others the wait: for who holds a token, one that
    /// concerns the source whatever role is on top; and public ECR's, of any kind. What is wrong
    /// on this machine alone (certificates, proxy settings) costs nothing to find out again, and
    /// its mending is to count at once.
    pub(super) fn remember(&self, error: &PurchaseError, holds_token: bool) {
        let PurchaseError::Failure(failure) = error else {
            return;
        };
        let pause = if holds_token && failure.concerns_the_source() {
            REFRESH_PAUSE
        } else if !holds_token && self.registry.service == Service::Public {
            PUBLIC_PAUSE
        } else {
            return;
        };
        let now = OffsetDateTime::now_utc();
        let mark = Mark {
            made_at: now,
            until: now.saturating_add(pause),
            state: self.state,
            message: error.to_string(),
        };
        if let Err(error) = self.cache.put_mark(&self.key, &mark) {
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
    let sign_in = identity.sign_in(env).map(|sign_in| sign_in.contents());
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
