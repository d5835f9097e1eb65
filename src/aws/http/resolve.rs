//! Names to addresses, with an error that says which name.
//!
//! hyper's own resolver does the same (`getaddrinfo` on a blocking thread), but its error can
//! neither be named nor does it carry the host. A lookup that hangs goes on in its thread after
//! we have given up: the runtime must be ended with `shutdown_background`.

use std::io;
use std::time::Duration;

use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns, ResolveDnsError};
use tokio::net::lookup_host;
use tokio::time::timeout;

/// A name that gave no address.
#[derive(Debug, thiserror::Error)]
pub(super) enum LookupError {
    /// The resolver answered, and the answer was no.
    #[error("{host} could not be resolved: {source}")]
    Failed {
        /// The name.
        host: String,
        /// What the system's resolver said.
        source: io::Error,
    },
    /// The resolver knows the name, and no address for it.
    #[error("{host} has no address")]
    Empty {
        /// The name.
        host: String,
    },
    /// No name server answered.
    #[error("{host} was not resolved within {after:?}")]
    TimedOut {
        /// The name.
        host: String,
        /// How long we waited.
        after: Duration,
    },
}

/// The system's resolver, with a deadline of its own.
#[derive(Debug, Clone)]
pub(super) struct SystemResolver {
    timeout: Duration,
}

impl SystemResolver {
    /// Gives up shortly before the connection would: the whole of `connect_timeout` also covers
    /// the lookup, and "no name server answers" is a better answer than "timed out".
    pub(super) fn within(connect_timeout: Duration) -> Self {
        Self {
            timeout: connect_timeout * 9 / 10,
        }
    }
}

impl ResolveDns for SystemResolver {
    fn resolve_dns<'a>(&'a self, name: &'a str) -> DnsFuture<'a> {
        DnsFuture::new(async move {
            let host = || name.to_owned();
            let found = match timeout(self.timeout, lookup_host((name, 0))).await {
                Ok(Ok(found)) => found.map(|address| address.ip()).collect::<Vec<_>>(),
                Ok(Err(source)) => {
                    let host = host();
                    return Err(ResolveDnsError::new(LookupError::Failed { host, source }));
                }
                Err(_) => {
                    return Err(ResolveDnsError::new(LookupError::TimedOut {
                        host: host(),
                        after: self.timeout,
                    }));
                }
            };
            if found.is_empty() {
                return Err(ResolveDnsError::new(LookupError::Empty { host: host() }));
            }
            Ok(found)
        })
    }
}
