//! Names to addresses, with an error that says which name.
//!
//! hyper's own resolver does the same (`getaddrinfo` on a blocking thread), but its error can
//! neither be named nor does it carry the host. A lookup that hangs goes on in its thread after
//! we have given up, until the process ends.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, ToSocketAddrs as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns, ResolveDnsError};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::runtime;

use super::name_services;

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
///
/// A lookup that is not done by then goes on, and the next attempt takes it up: the C library
/// waits 5 s for a name server before it asks the next one, and would begin with the first again.
#[derive(Debug, Clone)]
pub(super) struct SystemResolver {
    timeout: Duration,
    unfinished: Arc<Mutex<HashMap<String, Lookup>>>,
}

type Lookup = JoinHandle<io::Result<Vec<IpAddr>>>;

impl SystemResolver {
    /// Gives up shortly before the connection would: the whole of `connect_timeout` also covers
    /// the lookup, and "no name server answers" is a better answer than "timed out".
    pub(super) fn within(connect_timeout: Duration) -> Self {
        Self {
            timeout: connect_timeout * 9 / 10,
            unfinished: Arc::default(),
        }
    }

    fn unfinished(&self) -> MutexGuard<'_, HashMap<String, Lookup>> {
        self.unfinished
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl ResolveDns for SystemResolver {
    fn resolve_dns<'a>(&'a self, name: &'a str) -> DnsFuture<'a> {
        DnsFuture::new(async move {
            let host = || name.to_owned();
            let begun = self.unfinished().remove(name);
            let mut lookup = begun.unwrap_or_else(|| tokio::spawn(lookup(host())));
            let found = match timeout(self.timeout, &mut lookup).await {
                // Whoever is no longer waited for ends with the runtime, and a panic ends the program.
                Ok(ended) => ended.unwrap_or_else(|error| Err(io::Error::other(error))),
                Err(_) => {
                    self.unfinished().insert(host(), lookup);
                    return Err(ResolveDnsError::new(LookupError::TimedOut {
                        host: host(),
                        after: self.timeout,
                    }));
                }
            };
            let found = found.map_err(|source| {
                let host = host();
                ResolveDnsError::new(LookupError::Failed { host, source })
            })?;
            if found.is_empty() {
                return Err(ResolveDnsError::new(LookupError::Empty { host: host() }));
            }
            Ok(found)
        })
    }
}

async fn lookup(name: String) -> io::Result<Vec<IpAddr>> {
    // What is linked dynamically is the machine's own C library, and knows all of its services.
    if cfg!(all(target_os = "linux", target_feature = "crt-static"))
        && let Some(answer) = name_services::lookup(&name).await
    {
        return answer;
    }
    let found = runtime::apart(move || (name.as_str(), 0).to_socket_addrs());
    Ok(found.await??.map(|address| address.ip()).collect())
}
