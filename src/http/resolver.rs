//! Names to addresses, with an error that says which name.
//!
//! hyper's own resolver does the same (`getaddrinfo` on a blocking thread), but its error can
//! neither be named nor does it carry the host. A lookup that hangs goes on in its thread after
//! we have given up, until the process ends.
//!
//! # Name services
//!
//! What `/etc/nsswitch.conf` adds to files and DNS, where the C library is inside the executable.
//!
//! A static C library resolves by `files` and `dns` alone: `/etc/hosts`, `/etc/resolv.conf` with
//! `search`, `ndots` and every name server, IPv4 and IPv6, TCP where an answer is cut short. Any
//! other service (`resolve`, `sss`, `mdns4_minimal`, …) is a library of the machine, which the GNU
//! one would load: that ends well only where the machine has the very version that was built with
//! (glibc 2.36, seen with strace). So where such a service is named, the machine's own resolver is
//! asked, by `getent ahosts NAME` (`getent(1)`).

use std::collections::HashMap;
use std::fs;
use std::io;
use std::net::{IpAddr, ToSocketAddrs as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns, ResolveDnsError};
use tokio::process::Command;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::env::Env;
use crate::runtime;
use crate::users;

/// A name that gave no address.
#[derive(Debug, thiserror::Error)]
pub(super) enum LookupError {
    /// The resolver answered, and the answer was no.
    #[error("cannot resolve {host}: {source}")]
    Failed { host: String, source: io::Error },
    #[error("{host} has no address")]
    Empty { host: String },
    /// No name server answered.
    #[error("{host} was not resolved within {after:?}")]
    TimedOut { host: String, after: Duration },
}

/// The system's resolver, with a deadline of its own.
///
/// A lookup that is not done by then goes on, and the next attempt takes it up: the C library
/// waits 5 s for a name server before it asks the next one, and would begin with the first again.
#[derive(Debug, Clone)]
pub(super) struct SystemResolver {
    timeout: Duration,
    unfinished: Arc<Mutex<HashMap<String, PendingLookup>>>,
}

type PendingLookup = JoinHandle<io::Result<Vec<IpAddr>>>;

impl SystemResolver {
    /// Gives up shortly before the connection would: the whole of `connect_timeout` also covers
    /// the lookup, and "no name server answers" is a better answer than "timed out".
    pub(super) fn new(connect_timeout: Duration) -> Self {
        Self {
            timeout: connect_timeout * 9 / 10,
            unfinished: Arc::default(),
        }
    }

    fn unfinished(&self) -> MutexGuard<'_, HashMap<String, PendingLookup>> {
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
                // Never an error in practice: only the end of the runtime cancels the task, and a
                // panic ends the program.
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
        && let Some(answer) = ask_name_services(&name).await
    {
        return answer;
    }
    let found = runtime::apart(move || (name.as_str(), 0).to_socket_addrs());
    Ok(found.await??.map(|address| address.ip()).collect())
}

/// `nsswitch.conf(5)`. Without it, the C library takes files, then DNS.
const NSSWITCH: &str = "/etc/nsswitch.conf";

/// The variables that say how names are resolved (`resolver(5)`, `hostname(7)`).
const RESOLVER_VARIABLES: [&str; 3] = ["LOCALDOMAIN", "RES_OPTIONS", "HOSTALIASES"];

/// The addresses that the machine's name services give; `None` when files and DNS are all there
/// is, or there is no `getent`. Dropped, it ends the process that it has started.
async fn ask_name_services(host: &str) -> Option<io::Result<Vec<IpAddr>>> {
    if !needs_other_services(&fs::read_to_string(NSSWITCH).ok()?) {
        return None;
    }
    let env = Env::process();
    if let Some(getent) = users::getent(&env.search_path()) {
        return Some(ask_getent(getent, &env, host).await);
    }
    log::warn!("{NSSWITCH} lists services that require getent, which was not found");
    None
}

/// Whether hosts are looked for elsewhere than in files and DNS.
fn needs_other_services(nsswitch: &str) -> bool {
    nsswitch
        .lines()
        .filter_map(|line| {
            let (line, _) = line.split_once('#').unwrap_or((line, ""));
            let (database, services) = line.split_once(':')?;
            (database.trim() == "hosts").then_some(services)
        })
        // Words in brackets say what to do with a result: `[NOTFOUND=return]`.
        .flat_map(|services| services.split(['[', ']']).step_by(2))
        .flat_map(str::split_whitespace)
        .any(|service| !matches!(service, "files" | "dns"))
}

async fn ask_getent(mut getent: Command, env: &Env, host: &str) -> io::Result<Vec<IpAddr>> {
    let resolver = RESOLVER_VARIABLES.into_iter();
    let resolver = resolver.filter_map(|name| Some((name, env.get_os(name)?)));
    getent.envs(resolver).args(["ahosts", "--", host]);
    let output = getent.output().await?;
    match output.status.code() {
        Some(0) => Ok(addresses(&String::from_utf8_lossy(&output.stdout))),
        // "One or more supplied key could not be found in the database."
        Some(2) => Err(io::Error::other("Name or service not known")),
        _ => Err(io::Error::other(format!("getent: {}", output.status))),
    }
}

/// Each line begins with an address, and each address has a line for each kind of socket.
fn addresses(output: &str) -> Vec<IpAddr> {
    let mut addresses: Vec<IpAddr> = output
        .lines()
        .filter_map(|line| line.split_whitespace().next()?.parse().ok())
        .collect();
    addresses.dedup();
    addresses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_dns_are_no_others_in_any_order_and_with_any_action() {
        for text in [
            "",
            "passwd: files sss\n",
            "hosts: files dns\n",
            "hosts:\tdns [!UNAVAIL=return] files # resolve\n",
            " hosts : files [NOTFOUND=continue SUCCESS=return] dns\nnetworks: nis\n",
            "# hosts: resolve\n",
        ] {
            assert!(!needs_other_services(text), "{text}");
        }
    }

    #[test]
    fn any_other_service_is_one() {
        for text in [
            "hosts: files mdns4_minimal [NOTFOUND=return] dns\n",
            "hosts: mymachines resolve [!UNAVAIL=return] files myhostname dns\n",
            "passwd: files\nhosts:files dns sss",
        ] {
            assert!(needs_other_services(text), "{text}");
        }
    }

    #[test]
    fn each_address_is_taken_once_and_in_its_order() {
        let output = "2001:db8::1     STREAM api.example.com\n\
                      2001:db8::1     DGRAM  \n\
                      fe80::1%eth0    STREAM \n\
                      192.0.2.1       STREAM \n\
                      192.0.2.1       RAW    \n";
        let expected: [IpAddr; 2] = ["2001:db8::1", "192.0.2.1"].map(|ip| ip.parse().unwrap());
        assert_eq!(addresses(output), expected);
        assert_eq!(addresses(""), [] as [IpAddr; 0]);
    }
}
