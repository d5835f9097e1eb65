//! What `/etc/nsswitch.conf` adds to files and DNS, where the C library is inside the executable.
//!
//! A static C library resolves by `files` and `dns` alone: `/etc/hosts`, `/etc/resolv.conf` with
//! `search`, `ndots` and every name server, IPv4 and IPv6, TCP where an answer is cut short. Any
//! other service (`resolve`, `sss`, `mdns4_minimal`, …) is a library of the machine, which the GNU
//! one would load: that ends well only where the machine has the very version that was built with
//! (glibc 2.36, seen with strace). So where such a service is named, the machine's own resolver is
//! asked, by `getent ahosts NAME` (`getent(1)`).

use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use crate::env::{Env, var};
use crate::users::getent_program;

/// `nsswitch.conf(5)`. Without it, the C library takes files, then DNS.
const NSSWITCH: &str = "/etc/nsswitch.conf";

/// The variables that say how names are resolved (`resolver(5)`, `hostname(7)`).
const RESOLVER_VARIABLES: [&str; 3] = ["LOCALDOMAIN", "RES_OPTIONS", "HOSTALIASES"];

/// The addresses that the machine's name services give; `None` when files and DNS are all there
/// is, or nobody can be asked. Dropped, it ends the process that it has started.
pub(super) async fn lookup(host: &str) -> Option<io::Result<Vec<IpAddr>>> {
    if !names_others(&fs::read_to_string(NSSWITCH).ok()?) {
        return None;
    }
    if let Some(program) = getent_program() {
        return Some(getent(&program, host).await);
    }
    log::warn!("{NSSWITCH} names services that only getent can ask, and there is no getent");
    None
}

/// Whether hosts are looked for elsewhere than in files and DNS.
fn names_others(nsswitch: &str) -> bool {
    nsswitch
        .lines()
        .filter_map(|line| {
            let (line, _) = line.split_once('#').unwrap_or((line, ""));
            let (database, services) = line.split_once(':')?;
            (database.trim() == "hosts").then_some(services)
        })
        // Between brackets stands what to do with an answer: `[NOTFOUND=return]`.
        .flat_map(|services| services.split(['[', ']']).step_by(2))
        .flat_map(str::split_whitespace)
        .any(|service| !matches!(service, "files" | "dns"))
}

/// It is given no credentials, which the environment may hold.
async fn getent(program: &Path, host: &str) -> io::Result<Vec<IpAddr>> {
    let env = Env::process();
    let resolver = RESOLVER_VARIABLES.into_iter();
    let resolver = resolver.filter_map(|name| Some((name, env.get_os(name)?)));
    let output = Command::new(program)
        .env_clear()
        .env(var::PATH, env.search_path())
        .envs(resolver)
        .args(["ahosts", "--", host])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await?;
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
            assert!(!names_others(text), "{text}");
        }
    }

    #[test]
    fn any_other_service_is_one() {
        for text in [
            "hosts: files mdns4_minimal [NOTFOUND=return] dns\n",
            "hosts: mymachines resolve [!UNAVAIL=return] files myhostname dns\n",
            "passwd: files\nhosts:files dns sss",
        ] {
            assert!(names_others(text), "{text}");
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
