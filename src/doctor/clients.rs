//! The checks of the clients' configuration: whether docker and podman use this program, and what
//! prevents it.

use crate::cli::CheckedClient;
use crate::clock;
use crate::commands::page::{CheckMark, span};
use crate::configure::clients::{
    self, ClientConfig, ContainerClient, HelperLookup, OwnEntries, Severity, is_installed,
};
use crate::env::Env;
use crate::registry::{Registry, Service};

use super::report::{Area, AreaReport, Check};

/// The clients to check: the given one, else the installed ones.
pub(super) fn checked_clients(env: &Env, only: Option<CheckedClient>) -> Vec<ContainerClient> {
    match only {
        Some(CheckedClient::Docker) => vec![ContainerClient::Docker],
        Some(CheckedClient::Podman) => vec![ContainerClient::Podman],
        None => [ContainerClient::Docker, ContainerClient::Podman]
            .into_iter()
            .filter(|client| is_installed(env, *client))
            .collect(),
    }
}

/// For one registry, or without one for all.
pub(super) fn clients_report(
    env: &Env,
    checked: &[ContainerClient],
    registry: Option<&Registry>,
) -> AreaReport {
    let mut checks = match registry {
        Some(registry) => registry_checks(env, checked, registry),
        None => setup_checks(env, checked),
    };
    if checked.is_empty() {
        checks.push(no_client_check(registry));
    }
    for found in clients::problems(env, checked, registry) {
        let mark = match found.severity {
            Severity::Bad => CheckMark::Bad,
            Severity::Warning => CheckMark::Warning,
        };
        let check = Check::new(mark, found.text).fix([found.fix]);
        checks.push(match found.summary {
            Some(summary) => check.summary(summary),
            None => check,
        });
    }
    if checks.is_empty() {
        checks.push(Check::good("no problems found"));
    }
    AreaReport::new(Area::Clients, checks)
}

/// The helper of each client for one registry.
fn registry_checks(env: &Env, checked: &[ContainerClient], registry: &Registry) -> Vec<Check> {
    let look_up = |client: &ContainerClient| {
        // An unreadable file is among the problems.
        let found = clients::look_up(env, *client, registry.host()).ok()?;
        Some((*client, found))
    };
    let found: Vec<_> = checked.iter().filter_map(look_up).collect();
    let is_used = found
        .iter()
        .any(|(_, found)| matches!(found, HelperLookup::Ours { .. }));
    let checks = found
        .iter()
        .filter_map(|(client, found)| helper_check(*client, registry, found, is_used));
    checks.collect()
}

/// The credential helper of a client. Another helper than this program is bad only if no client
/// uses this program, as many machines use only one client.
fn helper_check(
    client: ContainerClient,
    registry: &Registry,
    found: &HelperLookup,
    is_used: bool,
) -> Option<Check> {
    let name = client.name();
    let other = |summary: String, text: String| {
        let mark = match (&registry.service, is_used) {
            (Service::Public, _) => CheckMark::Unknown,
            (Service::Private(_), true) => CheckMark::Warning,
            (Service::Private(_), false) => CheckMark::Bad,
        };
        let fix = format!("Run: {} {registry}", client.configured_by());
        Check::new(mark, text).summary(summary).fix([fix])
    };
    Some(match found {
        HelperLookup::Ours {
            file,
            helper,
            setting,
        } => {
            let file = file.display();
            Check::good(format!(
                "{name} uses docker-credential-{helper} for {registry} ({setting} in {file})"
            ))
        }
        HelperLookup::Other { file, helper } => other(
            format!("{name} uses another credential helper"),
            format!(
                "{name} uses docker-credential-{helper} for {registry} instead of docker-credential-ecrx ({})",
                file.display()
            ),
        ),
        HelperLookup::Login {
            file,
            expires_at: Some(expires_at),
            ..
        } => Check::good(format!(
            "{name} uses the login saved in {} for {registry}, valid for another {}",
            file.display(),
            span(*expires_at - clock::now())
        )),
        // Among the problems.
        HelperLookup::Login { .. } => return None,
        HelperLookup::Anonymous => {
            let summary = format!("{name} has no credential helper for {registry}");
            let effect = match registry.service {
                Service::Public => "pulls are anonymous",
                Service::Private(_) => "pulls fail with \"no basic auth credentials\"",
            };
            other(summary.clone(), format!("{summary}, so {effect}"))
        }
    })
}

/// Whether each client uses this program for any registry. If a file of a client cannot be read, an
/// entry may be in it: that file is among the problems.
fn setup_checks(env: &Env, checked: &[ContainerClient]) -> Vec<Check> {
    let found: Vec<(ContainerClient, OwnEntries)> = checked
        .iter()
        .map(|client| (*client, clients::own_entries(env, *client)))
        .filter(|(client, entries)| !entries.is_empty() || is_readable(env, *client))
        .collect();
    let is_set_up = found.iter().any(|(_, entries)| !entries.is_empty());
    let checks = found
        .iter()
        .map(|(client, entries)| setup_check(*client, entries, is_set_up));
    checks.collect()
}

fn is_readable(env: &Env, client: ContainerClient) -> bool {
    let files = client.files(env);
    files
        .iter()
        .all(|file| ClientConfig::read_file(file).is_ok())
}

fn setup_check(client: ContainerClient, entries: &OwnEntries, is_set_up: bool) -> Check {
    let name = client.name();
    match (entries.is_store, entries.hosts.as_slice()) {
        (true, _) => Check::good(format!(
            "{name} uses docker-credential-ecrx for every registry"
        )),
        (false, [_, ..]) => {
            let hosts = entries.hosts.join(", ");
            Check::good(format!("{name} uses docker-credential-ecrx for {hosts}"))
        }
        (false, []) if !entries.logins.is_empty() => {
            let hosts = entries.logins.join(", ");
            Check::good(format!("{name} uses a saved, valid login for {hosts}"))
        }
        (false, []) => {
            let mark = match is_set_up {
                true => CheckMark::Unknown,
                false => CheckMark::Bad,
            };
            let text = format!("{name} has no credential helper for Amazon ECR");
            let fix = format!("Run: {} HOST", client.configured_by());
            Check::new(mark, text).fix([fix])
        }
    }
}

/// With AWS and a registry to check, a machine without a client is not a failure.
fn no_client_check(registry: Option<&Registry>) -> Check {
    let (mark, host) = match registry {
        Some(registry) => (CheckMark::Warning, registry.to_string()),
        None => (CheckMark::Bad, "HOST".to_owned()),
    };
    let command = ContainerClient::Docker.configured_by();
    Check::new(mark, "neither docker nor podman is installed or configured")
        .fix([format!("Run: {command} {host}")])
}
