//! Docker and podman: whether they ask this program, and what would keep its answer from them.

use crate::commands::page::CheckMark;
use crate::configure::clients::{self, ContainerClient, HelperLookup, Severity};
use crate::env::Env;
use crate::registry::{Registry, Service};

use super::report::{Area, AreaReport, Check};

/// For one registry, or without one for all.
pub(super) fn report(env: &Env, registry: Option<&Registry>) -> AreaReport {
    let mut checks = Vec::new();
    if let Some(registry) = registry {
        let clients = [ContainerClient::Docker, ContainerClient::Podman];
        let asked = clients.map(|client| clients::look_up(env, client, registry.host()));
        let is_asked = asked
            .iter()
            .any(|asked| matches!(asked, Ok(HelperLookup::Ours { .. })));
        for (client, asked) in clients.into_iter().zip(asked) {
            // A file that cannot be read, and an old login, are among the checks below.
            if let Ok(asked) = asked {
                checks.extend(asked_helper(client, registry, &asked, is_asked));
            }
        }
    }
    for found in clients::problems(env, registry) {
        let mark = match found.severity {
            Severity::Bad => CheckMark::Bad,
            Severity::Warning => CheckMark::Warning,
        };
        checks.push(Check::new(mark, found.text).fix([found.fix]));
    }
    if checks.is_empty() {
        checks.push(Check::good(
            "nothing in their configuration stands in the way",
        ));
    }
    AreaReport::new(Area::Clients, checks)
}

/// The credential helper that a client asks. Another helper than this program is bad only if no
/// client asks this program, as many people use but one of them.
fn asked_helper(
    client: ContainerClient,
    registry: &Registry,
    asked: &HelperLookup,
    is_asked: bool,
) -> Option<Check> {
    let name = client.name();
    let other = |text: String| {
        let mark = match (&registry.service, is_asked) {
            (Service::Public, _) => CheckMark::Unknown,
            (Service::Private(_), true) => CheckMark::Warning,
            (Service::Private(_), false) => CheckMark::Bad,
        };
        Check::new(mark, text).fix([format!("{} {registry}", client.configured_by())])
    };
    Some(match asked {
        HelperLookup::Ours {
            file,
            helper,
            is_named,
        } => {
            let by = match is_named {
                true => "credHelpers",
                false => "credsStore",
            };
            let file = file.display();
            Check::good(format!(
                "{name} asks docker-credential-{helper} for {registry} ({by} in {file})"
            ))
        }
        HelperLookup::Other { file, helper } => other(format!(
            "{name} asks docker-credential-{helper} for {registry}, and not this program ({})",
            file.display()
        )),
        HelperLookup::Login { .. } => return None,
        HelperLookup::Anonymous => other(format!(
            "{name} asks nobody for {registry}: \"no basic auth credentials\""
        )),
    })
}
