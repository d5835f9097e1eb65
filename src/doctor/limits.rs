//! Policies that no statement outweighs: those that set limits, and those that deny.

use crate::policy::iam::Principal;

use super::denial::{Because, PolicyKind};
use super::mending::account;
use super::report::Mending;

/// Said of what outweighs every policy that allows.
const ONLY_THERE: &str = "allowing more elsewhere does not help: it has to change there";

/// Why somebody was denied, behind the sentence that says so.
pub(super) fn why(because: &Because) -> String {
    match because {
        Because::NoneAllows(kind) => format!(": no {} allows it", name(*kind)),
        Because::Denies {
            kind: Some(kind), ..
        } => format!(": {} denies it explicitly", with_article(*kind)),
        Because::Denies { kind: None, .. } => ": a policy denies it explicitly".to_owned(),
        Because::Other(words) => format!(": because {words}"),
        Because::Untold => String::new(),
    }
}

fn name(kind: PolicyKind) -> &'static str {
    match kind {
        PolicyKind::Identity => "identity policy of the caller",
        PolicyKind::Resource => "policy of the repository or registry",
        PolicyKind::RoleTrust => "trust policy of the role",
        PolicyKind::PermissionsBoundary => "permissions boundary of the caller",
        PolicyKind::ServiceControl => "service control policy of the caller's organization",
        PolicyKind::ResourceControl => "resource control policy of the owner's organization",
        PolicyKind::Session => "session policy of the caller",
        PolicyKind::VpcEndpoint => "policy of the VPC endpoint that the call came through",
    }
}

fn with_article(kind: PolicyKind) -> String {
    let name = name(kind);
    if name.starts_with(['a', 'e', 'i', 'o', 'u']) {
        format!("an {name}")
    } else {
        format!("a {name}")
    }
}

/// A policy that sets limits, and does not let this through: there is no statement to paste.
pub(super) fn elsewhere(
    kind: PolicyKind,
    caller: Option<&Principal>,
    owner: Option<&str>,
) -> Mending {
    Mending {
        account: account_with(kind, caller, owner),
        place: format!("the {}", name(kind)),
        statement: None,
        notes: vec![
            "let it through: it limits what all other policies can allow".to_owned(),
            ONLY_THERE.to_owned(),
        ],
    }
}

/// A policy that denies it in so many words.
pub(super) fn denies(
    kind: Option<PolicyKind>,
    policy: Option<&str>,
    caller: Option<&Principal>,
    owner: Option<&str>,
) -> Mending {
    let place = match (kind, policy) {
        (_, Some(arn)) => format!("the policy {arn}"),
        (Some(kind), None) => format!("the {}", name(kind)),
        (None, None) => "the policy that denies it".to_owned(),
    };
    Mending {
        account: kind.and_then(|kind| account_with(kind, caller, owner)),
        place,
        statement: None,
        notes: vec![
            "take the denying statement out, or except the caller from it".to_owned(),
            ONLY_THERE.to_owned(),
        ],
    }
}

/// Whose account such a policy is in; of an organization's nobody outside knows.
fn account_with(
    kind: PolicyKind,
    caller: Option<&Principal>,
    owner: Option<&str>,
) -> Option<String> {
    match kind {
        PolicyKind::Resource | PolicyKind::RoleTrust => owner.map(str::to_owned),
        PolicyKind::Identity | PolicyKind::PermissionsBoundary | PolicyKind::Session => {
            account(caller)
        }
        _ => None,
    }
}
