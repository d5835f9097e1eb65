//! The cache keys of tokens and of remembered failures.

#[cfg(test)]
mod tests;

use crate::cache::Key;
use crate::identity::Identity;
use crate::registry::{Registry, Service};

/// The key of a token: the registry, the endpoint that issues it, and the identity.
pub(super) fn entry(registry: &Registry, identity: &Identity) -> Key {
    let (service, account) = match &registry.service {
        Service::Private(private) => ("ecr", private.account.as_str()),
        Service::Public => ("ecr-public", ""),
    };
    Key::rotating(
        &[
            service.as_bytes(),
            account.as_bytes(),
            &endpoint(identity),
            identity.lineage().as_bytes(),
        ],
        &[identity.fingerprint().as_bytes()],
    )
}

/// The key of attempts with a source, for all registries of a service and all roles.
pub(super) fn attempts(registry: &Registry, identity: &Identity) -> Key {
    let service: &[u8] = match &registry.service {
        Service::Private(_) => b"attempt ecr",
        Service::Public => b"attempt ecr-public",
    };
    Key::stable(&[
        service,
        &endpoint(identity),
        identity.source_fingerprint().as_bytes(),
    ])
}

/// The key of attempts with a source, for all registries and roles: at any endpoint, or at one
/// configured endpoint.
pub(super) fn source(identity: &Identity, endpoint: Option<&str>) -> Key {
    let source = identity.source_fingerprint();
    match endpoint {
        None => Key::stable(&[b"source", source.as_bytes()]),
        Some(url) => Key::stable(&[b"source at", source.as_bytes(), url.as_bytes()]),
    }
}

/// The key of a network failure: everywhere, or at one configured endpoint.
pub(super) fn network(endpoint: Option<&str>) -> Key {
    match endpoint {
        None => Key::stable(&[b"network"]),
        Some(url) => Key::stable(&[b"network at", url.as_bytes()]),
    }
}

/// Which of the failures of several processes that request the same token.
#[derive(Clone, Copy, Debug)]
pub(super) enum Nth {
    First,
    Second,
}

/// The key of failures to fetch one entry.
pub(super) fn failure(registry: &Registry, identity: &Identity, nth: Nth) -> Key {
    let nth: &[u8] = match nth {
        Nth::First => b"first",
        Nth::Second => b"second",
    };
    let entry = entry(registry, identity);
    let (slot, owner) = (entry.slot().to_string(), entry.owner().to_string());
    Key::rotating(&[b"failure", nth, slot.as_bytes()], &[owner.as_bytes()])
}

/// The keys of all remembered failures for a registry and identity.
pub(super) fn memories(registry: &Registry, identity: &Identity) -> [Key; 8] {
    let url = Some(identity.api.url.as_deref().unwrap_or_default());
    [
        attempts(registry, identity),
        codes(registry, identity),
        source(identity, None),
        source(identity, url),
        network(None),
        network(url),
        failure(registry, identity, Nth::First),
        failure(registry, identity, Nth::Second),
    ]
}

/// The key of MFA codes that were not entered or not accepted.
pub(super) fn codes(registry: &Registry, identity: &Identity) -> Key {
    let attempts = attempts(registry, identity);
    Key::stable(&[
        b"codes",
        attempts.to_string().as_bytes(),
        identity.lineage().as_bytes(),
    ])
}

/// The endpoint as part of a key: its region, URL and switches.
fn endpoint(identity: &Identity) -> Vec<u8> {
    let api = &identity.api;
    let url = api.url.as_deref().unwrap_or_default();
    let (region, fips, dual_stack) = (&api.region, api.fips, api.dual_stack);
    format!("{region} {fips} {dual_stack} {url}").into_bytes()
}
