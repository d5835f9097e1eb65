//! Docker and podman: whether they ask this program, and what would keep its answer from them.

use crate::commands::page::Mark;
use crate::configure::clients::{self, ContainerClient, HelperLookup, Severity};
use crate::env::Env;
use crate::registry::{Registry, Service};

use super::report::{Finding, Place, Step};

/// What is found for one registry, or without one for all.
pub(super) fn step(env: &Env, registry: Option<&Registry>) -> Step {
    let mut findings = Vec::new();
    if let Some(registry) = registry {
        let clients = [ContainerClient::Docker, ContainerClient::Podman];
        let asked = clients.map(|client| clients::look_up(env, client, registry.host()));
        let is_asked = asked
            .iter()
            .any(|asked| matches!(asked, Ok(HelperLookup::Ours { .. })));
        for (client, asked) in clients.into_iter().zip(asked) {
            // A file that cannot be read, and an old login, are among the findings below.
            if let Ok(asked) = asked {
                findings.extend(told(client, registry, &asked, is_asked));
            }
        }
    }
    for found in clients::problems(env, registry) {
        let mark = match found.severity {
            Severity::Bad => Mark::Bad,
            Severity::Warning => Mark::Warning,
        };
        findings.push(Finding::new(mark, found.text).mend([found.fix]));
    }
    if findings.is_empty() {
        findings.push(Finding::good(
            "nothing in their configuration stands in the way",
        ));
    }
    Step::new(Place::Clients, findings)
}

/// Whom a client asks. That it does not ask this program is bad where no client does: many people
/// use but one of them.
fn told(
    client: ContainerClient,
    registry: &Registry,
    asked: &HelperLookup,
    is_asked: bool,
) -> Option<Finding> {
    let name = client.name();
    let other = |text: String| {
        let mark = match (&registry.service, is_asked) {
            (Service::Public, _) => Mark::Unknown,
            (Service::Private(_), true) => Mark::Warning,
            (Service::Private(_), false) => Mark::Bad,
        };
        Finding::new(mark, text).mend([format!("{} {registry}", client.configured_by())])
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
            Finding::good(format!(
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
