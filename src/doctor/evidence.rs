//! The evidence after all requests, and the policy to change if one of them was denied, with the
//! statement to add. If a policy sets limits or denies explicitly, no statement in another policy
//! helps.

use crate::aws::{FailureKind, Stage, Survey};
use crate::commands::Target;
use crate::identity::{Identity, Role};
use crate::policy::iam::{
    self, Access, Callers, Principal, PrincipalKind, Repositories, RepositoryArn,
};
use crate::registry::PrivateRegistry;

use super::denial::DenialReason::{self, Denies, NoneAllows, Other, Unstated};
use super::denial::{Denial, PolicyKind};
use super::registry::{Outcome, Rejection};
use super::report::PolicyChange;

/// In place of the external id, which is a secret.
const EXTERNAL_ID: &str = "EXTERNAL-ID";

/// A note on what outweighs every policy that allows.
const ONLY_THERE: &str = "Allowing more in other policies has no effect. Change this policy.";

/// If two accounts must allow it, and AWS names neither.
const BOTH: &str = " AWS does not report which policy is missing, and both accounts must allow it.";

pub(super) struct Evidence<'a> {
    pub target: &'a Target,
    /// `None` if no identity could be chosen.
    pub identity: Option<&'a Identity>,
    pub survey: Option<&'a Survey>,
    pub outcome: Outcome,
}

impl Evidence<'_> {
    pub(super) fn is_allowed(&self) -> bool {
        matches!(self.outcome, Outcome::Allowed(_))
    }

    pub(super) fn refused(&self) -> Option<&Rejection> {
        match &self.outcome {
            Outcome::Refused(refused) => Some(refused),
            Outcome::Allowed(_) | Outcome::NotAsked => None,
        }
    }

    /// The roles on top of the first credentials.
    pub(super) fn roles(&self) -> &[Role] {
        self.identity.map_or(&[], |identity| &identity.roles)
    }

    pub(super) fn private(&self) -> Option<&PrivateRegistry> {
        self.target.registry.private()
    }

    /// The account that owns the registry.
    pub(super) fn account(&self) -> Option<String> {
        Some(self.private()?.account.to_string())
    }

    /// The ARN of the caller, before any role.
    pub(super) fn caller(&self) -> Option<&str> {
        let source = self.survey?.source.as_ref()?.as_ref().ok()?;
        source.arn.as_deref().ok()
    }

    /// The account of the caller, before any role.
    pub(super) fn caller_account(&self) -> Option<String> {
        arn_account(self.caller()?)
    }
}

/// A policy prevents the pull or push.
pub(super) struct PolicyDenial {
    /// The denial in a sentence.
    pub text: String,
    /// If there are several, the text says whether one is enough, or all are needed.
    pub changes: Vec<PolicyChange>,
}

impl Evidence<'_> {
    pub(super) fn denied_by_policy(&self) -> Option<PolicyDenial> {
        if let Some(denied) = self.refused().filter(|refused| refused.denial.is_some()) {
            return self.registry_denied(denied);
        }
        // Public ECR allows anonymous pulls.
        self.private()?;
        let failure = self.survey?.failure()?;
        let denial = Denial::parse(&failure.to_string());
        let caller = self.principal(denial.as_ref());
        let caller = caller.as_ref();
        let reason = denial.map_or(Unstated, |denial| denial.reason);
        match (&failure.kind, &failure.stage) {
            (FailureKind::RoleDenied, Stage::Role { role, .. }) => {
                let mut roles = self.roles().iter();
                let role = roles.find(|known| known.arn == *role)?;
                Some(role_denied(role, caller, &for_trust_policy(reason)))
            }
            (FailureKind::TokenDenied, _) => Some(token_denied(caller, &reason)),
            _ => None,
        }
    }

    fn registry_denied(&self, rejection: &Rejection) -> Option<PolicyDenial> {
        let denial = rejection.denial.as_ref()?;
        let private = self.private()?;
        let name = &self.target.image.as_ref()?.repository;
        let caller = self.principal(Some(denial));
        let caller = caller.as_ref();
        let owner = private.account.to_string();
        let (access, managed) = if rejection.is_for_a_push {
            (Access::Push, "AmazonEC2ContainerRegistryPowerUser")
        } else {
            (Access::Pull, "AmazonEC2ContainerRegistryPullOnly")
        };
        let repositories = Repositories::from(RepositoryArn::in_registry(private, name).ok()?);
        let identity = PolicyChange {
            statement: Some(iam::in_identity_policy(access, &repositories)),
            ..identity_policy(caller)
        };
        let repository = |note| repository_policy(&owner, name, access, caller, note);
        let crosses = caller_account(caller).as_deref() != Some(owner.as_str());
        let changes = match &denial.reason {
            NoneAllows(PolicyKind::Identity) => vec![PolicyChange {
                notes: vec![format!(
                    "Or attach the AWS managed policy {managed}, which covers all repositories."
                )],
                ..identity
            }],
            NoneAllows(PolicyKind::Resource) => vec![repository(crosses.then_some(
                "The caller's identity policy must allow the same. Run doctor again after this change.",
            ))],
            Unstated | Other(_) if crosses => vec![identity, repository(None)],
            Unstated | Other(_) => vec![identity],
            NoneAllows(kind) => vec![limit(*kind, caller, Some(&owner))],
            Denies { kind, policy } => {
                vec![explicit_deny(*kind, policy.as_deref(), caller, Some(&owner))]
            }
        };
        let which = if changes.len() == 1 { "" } else { BOTH };
        let (who, why) = (caller_text(caller), reason_text(&denial.reason));
        let action = &denial.action;
        let text = format!(
            "Failed at registry: {who} is not allowed to perform {action} on repository {name} in account {owner}{why}.{which}"
        );
        Some(PolicyDenial { text, changes })
    }

    /// The principal that AWS denied: the last caller by STS, else the one in the denial. A registry
    /// could name any principal there, to have it allowed.
    fn principal(&self, denial: Option<&Denial>) -> Option<Principal> {
        let partition = self.target.registry.partition();
        let known = self.survey.and_then(Survey::last_caller);
        let denied = denial.map(|denial| denial.principal.as_str());
        let principal = known
            .into_iter()
            .chain(denied)
            .find_map(|arn| Principal::parse(arn, partition).ok())?;
        let source_role = self
            .identity
            .and_then(|identity| identity.source.properties().role);
        let roles = self.roles().iter().map(|role| &role.arn).chain(source_role);
        Some(roles.fold(principal, Principal::or_role))
    }
}

fn role_denied(role: &Role, caller: Option<&Principal>, reason: &DenialReason) -> PolicyDenial {
    let arn = &role.arn;
    let owner = arn_account(arn.as_str());
    let owner = owner.as_deref();
    let identity = PolicyChange {
        statement: Some(iam::assume_role(arn)),
        ..identity_policy(caller)
    };
    let changes = match reason {
        NoneAllows(PolicyKind::Identity) => vec![identity],
        NoneAllows(PolicyKind::RoleTrust) => vec![trust_policy(role, caller, None)],
        Unstated | Other(_) => {
            let exists = "Check that the role exists.";
            vec![identity, trust_policy(role, caller, Some(exists))]
        }
        NoneAllows(kind) => vec![limit(*kind, caller, owner)],
        Denies { kind, policy } => {
            vec![explicit_deny(*kind, policy.as_deref(), caller, owner)]
        }
    };
    let which = match changes.len() {
        1 => "",
        _ if caller_account(caller).as_deref() == owner => {
            " AWS does not report which policy is missing. Within one account, a trust policy \
             that names the caller is enough."
        }
        _ => BOTH,
    };
    let (who, why) = (caller_text(caller), reason_text(reason));
    PolicyDenial {
        text: format!(
            "Failed at AWS identity: {who} is not allowed to assume role {arn}{why}.{which}"
        ),
        changes,
    }
}

fn token_denied(caller: Option<&Principal>, reason: &DenialReason) -> PolicyDenial {
    let change = match reason {
        NoneAllows(PolicyKind::Identity) | Unstated | Other(_) => {
            let managed = "Or attach the AWS managed policy AmazonEC2ContainerRegistryPullOnly.";
            PolicyChange {
                statement: Some(iam::get_token()),
                notes: vec![managed.to_owned()],
                ..identity_policy(caller)
            }
        }
        NoneAllows(kind) => limit(*kind, caller, None),
        Denies { kind, policy } => explicit_deny(*kind, policy.as_deref(), caller, None),
    };
    let (who, why) = (caller_text(caller), reason_text(reason));
    PolicyDenial {
        text: format!(
            "Failed at authorization token: {who} is not allowed to request a token{why}."
        ),
        changes: vec![change],
    }
}

/// The resource of sts:AssumeRole is the role, and its policy the trust policy.
fn for_trust_policy(reason: DenialReason) -> DenialReason {
    match reason {
        NoneAllows(PolicyKind::Resource) => NoneAllows(PolicyKind::RoleTrust),
        Denies {
            kind: Some(PolicyKind::Resource),
            policy,
        } => Denies {
            kind: Some(PolicyKind::RoleTrust),
            policy,
        },
        other => other,
    }
}

fn caller_account(caller: Option<&Principal>) -> Option<String> {
    Some(caller?.account().to_string())
}

/// A change on the caller's side. The role of a permission set cannot be changed itself, and
/// Identity Center may be in another account.
fn identity_policy(caller: Option<&Principal>) -> PolicyChange {
    let (account, place) = match caller.map(|caller| (caller, caller.kind())) {
        Some((_, PrincipalKind::PermissionSet(role))) => {
            let name = iam::permission_set(role);
            let place = format!("the inline policy of permission set {name}");
            (None, format!("{place} in IAM Identity Center"))
        }
        Some((caller, _)) => (
            caller_account(Some(caller)),
            format!("the identity policy of {}", caller.called()),
        ),
        None => (None, "the identity policy of the caller".to_owned()),
    };
    PolicyChange {
        account,
        place,
        statement: None,
        notes: Vec::new(),
    }
}

fn trust_policy(role: &Role, caller: Option<&Principal>, note: Option<&str>) -> PolicyChange {
    let external_id = role.external_id.as_ref().map(|_| EXTERNAL_ID);
    let mut notes = notes(note, caller);
    if external_id.is_some() {
        notes.push(format!(
            "Replace {EXTERNAL_ID} with the external_id of your rule."
        ));
    }
    PolicyChange {
        account: arn_account(role.arn.as_str()),
        place: format!("the trust policy of role {}", iam::role_name(&role.arn)),
        statement: caller.and_then(|caller| {
            let callers = Callers::from(caller.clone());
            let statements = iam::in_trust_policy(&callers, external_id);
            statements.into_iter().next()
        }),
        notes,
    }
}

fn repository_policy(
    owner: &str,
    name: &str,
    access: Access,
    caller: Option<&Principal>,
    note: Option<&str>,
) -> PolicyChange {
    PolicyChange {
        account: Some(owner.to_owned()),
        place: format!("the policy of repository {name}"),
        statement: caller.and_then(|caller| {
            let callers = Callers::from(caller.clone());
            let statements = iam::in_repository_policy(&callers, access);
            statements.into_iter().next()
        }),
        notes: notes(note, caller),
    }
}

/// A note, and the caveat about the caller.
fn notes(note: Option<&str>, caller: Option<&Principal>) -> Vec<String> {
    let caveat = caller.and_then(Principal::caveat);
    note.map(str::to_owned).into_iter().chain(caveat).collect()
}

fn caller_text(caller: Option<&Principal>) -> String {
    match caller {
        Some(caller) => format!("{} in account {}", caller.called(), caller.account()),
        None => "the caller".to_owned(),
    }
}

/// The reason of a denial, after the sentence about it.
fn reason_text(reason: &DenialReason) -> String {
    match reason {
        NoneAllows(kind) => format!(", because no {} allows it", policy_name(*kind)),
        Denies {
            kind: Some(kind), ..
        } => format!(", because {} explicitly denies it", with_article(*kind)),
        Denies { kind: None, .. } => ", because a policy explicitly denies it".to_owned(),
        Other(words) => format!(", because {words}"),
        Unstated => String::new(),
    }
}

fn policy_name(kind: PolicyKind) -> &'static str {
    match kind {
        PolicyKind::Identity => "identity policy of the caller",
        PolicyKind::Resource => "repository or registry policy",
        PolicyKind::RoleTrust => "role trust policy",
        PolicyKind::PermissionsBoundary => "permissions boundary of the caller",
        PolicyKind::ServiceControl => "service control policy of the caller's organization",
        PolicyKind::ResourceControl => "resource control policy of the owner's organization",
        PolicyKind::Session => "session policy of the caller",
        PolicyKind::VpcEndpoint => "VPC endpoint policy on the path of the request",
    }
}

fn with_article(kind: PolicyKind) -> String {
    let name = policy_name(kind);
    if name.starts_with(['a', 'e', 'i', 'o', 'u']) {
        format!("an {name}")
    } else {
        format!("a {name}")
    }
}

/// A policy that sets limits, and does not allow this. No statement can be added.
fn limit(kind: PolicyKind, caller: Option<&Principal>, owner: Option<&str>) -> PolicyChange {
    PolicyChange {
        account: policy_account(kind, caller, owner),
        place: format!("the {}", policy_name(kind)),
        statement: None,
        notes: vec![
            "Allow the action here. This policy limits what all other policies can allow."
                .to_owned(),
            ONLY_THERE.to_owned(),
        ],
    }
}

/// A policy that denies it explicitly.
fn explicit_deny(
    kind: Option<PolicyKind>,
    policy: Option<&str>,
    caller: Option<&Principal>,
    owner: Option<&str>,
) -> PolicyChange {
    let place = match (kind, policy) {
        (_, Some(arn)) => format!("the policy {arn}"),
        (Some(kind), None) => format!("the {}", policy_name(kind)),
        (None, None) => "the policy that denies it".to_owned(),
    };
    PolicyChange {
        account: kind.and_then(|kind| policy_account(kind, caller, owner)),
        place,
        statement: None,
        notes: vec![
            "Remove the Deny statement, or exclude the caller from it.".to_owned(),
            ONLY_THERE.to_owned(),
        ],
    }
}

/// The account that such a policy is in, which is unknown for an organization's.
fn policy_account(
    kind: PolicyKind,
    caller: Option<&Principal>,
    owner: Option<&str>,
) -> Option<String> {
    match kind {
        PolicyKind::Resource | PolicyKind::RoleTrust => owner.map(str::to_owned),
        PolicyKind::Identity | PolicyKind::PermissionsBoundary | PolicyKind::Session => {
            caller_account(caller)
        }
        _ => None,
    }
}

/// The account in an ARN.
pub(super) fn arn_account(arn: &str) -> Option<String> {
    let account = arn.split(':').nth(4)?;
    (!account.is_empty()).then(|| account.to_owned())
}
