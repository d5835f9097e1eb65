//! The conclusion from the evidence after all requests: the worst finding of all areas in few words, the
//! path from the caller through the roles to the registry, and the policy to change if a request was
//! denied, with the statement to add. If a policy sets limits or denies explicitly, no statement in
//! another policy helps.

use crate::aws::{Caller, Failure, FailureKind, Stage, Survey};
use crate::commands::Target;
use crate::commands::page::CheckMark;
use crate::iam::{self, Access, Callers, Principal, PrincipalKind, Repositories, RepositoryArn};
use crate::identity::{Identity, Role};
use crate::registry::PrivateRegistry;

use super::credentials::token_action;
use super::denial::DenialReason::{self, Denies, NoneAllows, Other, Unstated};
use super::denial::{Denial, PolicyKind};
use super::registry::{Allowed, Outcome, Rejection};
use super::report::{Area, AreaReport, CALLER, Check, Conclusion, PathNode, PolicyChange};

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
    fn is_allowed(&self) -> bool {
        matches!(self.outcome, Outcome::Allowed(_))
    }

    fn refused(&self) -> Option<&Rejection> {
        match &self.outcome {
            Outcome::Refused(refused) => Some(refused),
            Outcome::Allowed(_) | Outcome::NotAsked => None,
        }
    }

    /// The roles on top of the first credentials.
    fn roles(&self) -> &[Role] {
        self.identity.map_or(&[], |identity| &identity.roles)
    }

    fn private(&self) -> Option<&PrivateRegistry> {
        self.target.registry.private()
    }

    /// The account that owns the registry.
    fn account(&self) -> Option<String> {
        Some(self.private()?.account.to_string())
    }

    /// The ARN of the caller, before any role.
    fn caller(&self) -> Option<&str> {
        let source = self.survey?.source.as_ref()?.as_ref().ok()?;
        source.arn.as_deref().ok()
    }

    /// The account of the caller, before any role.
    fn caller_account(&self) -> Option<String> {
        arn_account(self.caller()?)
    }
}

/// A policy prevents the pull or push.
struct PolicyDenial {
    /// The denial in a sentence.
    pub text: String,
    /// If there are several, the text says whether one is enough, or all are needed.
    pub changes: Vec<PolicyChange>,
}

impl Evidence<'_> {
    fn denied_by_policy(&self) -> Option<PolicyDenial> {
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
            NoneAllows(kind) => vec![
                self.access_of_rule(*kind)
                    .unwrap_or_else(|| limit(*kind, caller, Some(&owner))),
            ],
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

    /// The session policy that this program has sent.
    fn access_of_rule(&self, kind: PolicyKind) -> Option<PolicyChange> {
        let policy = self.identity?.session_policy.as_ref();
        let policy = policy.filter(|_| kind == PolicyKind::Session)?;
        Some(PolicyChange {
            account: None,
            place: format!("the rule at {}", policy.limit.origin()),
            statement: None,
            notes: vec![
                "Change access or access_repositories of this rule to allow the action.".to_owned(),
                ONLY_THERE.to_owned(),
            ],
        })
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
fn arn_account(arn: &str) -> Option<String> {
    let account = arn.split(':').nth(4)?;
    (!account.is_empty()).then(|| account.to_owned())
}

pub(super) fn conclude(areas: &[AreaReport], evidence: Option<&Evidence<'_>>) -> Conclusion {
    let policy = evidence.and_then(Evidence::denied_by_policy);
    let path = evidence.map(Evidence::path).unwrap_or_default();
    let (mark, mut text, changes) = match (policy, worst(areas)) {
        (Some(denial), _) => (CheckMark::Bad, denial.text, denial.changes),
        (None, Some((CheckMark::Bad, area, found))) => {
            let is_allowed = area == Area::Clients && evidence.is_some_and(Evidence::is_allowed);
            (CheckMark::Bad, failed(area, found, is_allowed), Vec::new())
        }
        (None, Some((mark, area, found))) => (mark, warned(area, found, evidence), Vec::new()),
        (None, None) => (CheckMark::Good, nothing_wrong(evidence), Vec::new()),
    };
    // If the client does not use this program, the verdict adds that to AWS's denial.
    let clients = areas.iter().find(|report| report.area == Area::Clients);
    if let Some(found) = clients.and_then(|report| first_check(report, CheckMark::Bad))
        && !text.contains(summary(found))
    {
        text = join(&text, summary(found));
    }
    Conclusion {
        mark,
        text,
        path,
        changes,
    }
}

/// With the command to run next, if the finding has one.
fn failed(area: Area, found: &Check, is_allowed: bool) -> String {
    let (place, _) = names(area);
    let mut text = sentence(&format!("Failed {place}: {}", summary(found)));
    if is_allowed {
        text.push_str(" AWS and the registry allow the request.");
    }
    if let Some(command) = found.fixes.iter().find(|fix| fix.starts_with("Run: ")) {
        text.push(' ');
        text.push_str(command);
    }
    text
}

fn warned(area: Area, found: &Check, evidence: Option<&Evidence<'_>>) -> String {
    let (_, subject) = names(area);
    let start = match allowed(evidence) {
        Some(_) => "Works",
        None => "No failure found",
    };
    sentence(&format!(
        "{start}, with a warning about {subject}: {}",
        summary(found)
    ))
}

fn nothing_wrong(evidence: Option<&Evidence<'_>>) -> String {
    match (allowed(evidence), evidence) {
        (Some(allowed), _) => format!("Works: {allowed}"),
        (None, Some(_)) => "No failure found. Some checks were skipped.".to_owned(),
        (None, None) => "This machine is set up. To check a pull, run: \
                         docker-credential-ecrx doctor IMAGE"
            .to_owned(),
    }
}

/// A text with a mark at its end.
fn sentence(text: &str) -> String {
    let end = if text.ends_with(['.', '?', '!']) {
        ""
    } else {
        "."
    };
    format!("{text}{end}")
}

/// Two findings in one text. The first may be a question.
fn join(first: &str, second: &str) -> String {
    format!("{} Also: {}", sentence(first), sentence(second))
}

fn summary(check: &Check) -> &str {
    check.summary.as_deref().unwrap_or(&check.text)
}

/// The first thing that is bad, or else may not be meant. The clients come last: even if they use
/// this program, the other failures remain.
fn worst(areas: &[AreaReport]) -> Option<(CheckMark, Area, &Check)> {
    let is_clients = |report: &&AreaReport| report.area == Area::Clients;
    let ours = areas.iter().filter(|report| !is_clients(report));
    let in_order = ours.chain(areas.iter().filter(is_clients));
    [CheckMark::Bad, CheckMark::Warning]
        .into_iter()
        .find_map(|mark| {
            in_order
                .clone()
                .find_map(|report| Some((mark, report.area, first_check(report, mark)?)))
        })
}

fn first_check(report: &AreaReport, mark: CheckMark) -> Option<&Check> {
    report.checks.iter().find(|check| check.mark == mark)
}

/// An area after "Failed", and after "about".
fn names(area: Area) -> (&'static str, &'static str) {
    match area {
        Area::Machine => ("on this machine", "this machine"),
        Area::Clients => ("at client configuration", "the client configuration"),
        Area::Identity => ("at AWS identity", "the AWS identity"),
        Area::Token => ("at authorization token", "the authorization token"),
        Area::Registry => ("at registry", "the registry"),
        Area::Providers => ("at credential providers", "the credential providers"),
        Area::Answer => ("at the answer to kubelet", "the answer to kubelet"),
    }
}

/// What the registry allows; `None` if no request was possible, or it rejected one.
fn allowed(evidence: Option<&Evidence<'_>>) -> Option<String> {
    let evidence = evidence?;
    let Outcome::Allowed(allowed) = evidence.outcome else {
        return None;
    };
    let has_roles = !evidence.roles().is_empty();
    let whose = match (evidence.account(), evidence.caller_account()) {
        (Some(theirs), Some(ours)) if theirs == ours => " (same account)",
        // No policy of a repository was checked.
        (Some(_), Some(_)) if allowed == Allowed::Token => " (cross-account)",
        (Some(_), Some(_)) if has_roles => " (cross-account, through a role)",
        (Some(_), Some(_)) => " (cross-account, allowed by the repository policy)",
        _ => "",
    };
    let registry = &evidence.target.registry;
    let what = match allowed {
        Allowed::Token => {
            return Some(format!(
                "{registry} accepts the token{whose}. To check a pull, run: docker-credential-ecrx doctor IMAGE"
            ));
        }
        Allowed::Pull => "pulled from",
        Allowed::Push => "pushed to",
        Allowed::PullAndPush => "pulled from and pushed to",
    };
    let image = evidence.target.image.as_ref()?;
    Some(format!("{image} can be {what} {registry}{whose}."))
}

impl Evidence<'_> {
    /// From the caller through the roles to the registry; empty without an identity.
    fn path(&self) -> Vec<PathNode> {
        let Some(identity) = self.identity else {
            return Vec::new();
        };
        let reached = |result: Option<&Result<Caller, Failure>>| match result {
            Some(Ok(_)) => CheckMark::Good,
            Some(Err(_)) => CheckMark::Bad,
            None => CheckMark::Unknown,
        };
        let source = self.survey.and_then(|survey| survey.source.as_ref());
        let mut path = vec![PathNode {
            what: CALLER,
            name: match self.caller() {
                Some(arn) => arn.to_owned(),
                None => identity.first_caller(),
            },
            account: self.caller_account(),
            by: None,
            mark: reached(source),
            is_absent: false,
        }];
        for (index, role) in identity.roles.iter().enumerate() {
            path.push(PathNode {
                what: "role",
                name: role.arn.to_string(),
                account: arn_account(role.arn.as_str()),
                by: Some("sts:AssumeRole"),
                mark: reached(self.survey.and_then(|survey| survey.roles.get(index))),
                is_absent: false,
            });
        }
        let (by, mark) = self.last_hop();
        let registry = &self.target.registry;
        path.push(PathNode {
            what: "registry",
            name: match &self.target.image {
                Some(image) => format!("{registry}/{image}"),
                None => registry.to_string(),
            },
            account: self.account(),
            by,
            mark,
            is_absent: self.refused().is_some_and(|refused| refused.is_absent),
        });
        path
    }

    /// The action that leads to the registry, and whether it is allowed.
    fn last_hop(&self) -> (Option<&'static str>, CheckMark) {
        let token = Some(token_action(&self.target.registry));
        // Public ECR allows anonymous pulls.
        let pull = self.private().map(|_| "ecr:BatchGetImage");
        let survey = self.survey.map(|survey| &survey.token);
        let has_failed = self.private().is_some() && matches!(survey, Some(Some(Err(_))));
        match &self.outcome {
            // The cached token is still accepted.
            Outcome::Allowed(_) if has_failed => return (token, CheckMark::Bad),
            Outcome::Allowed(Allowed::Token) => return (token, CheckMark::Good),
            Outcome::Allowed(Allowed::Pull | Allowed::PullAndPush) => {
                return (pull, CheckMark::Good);
            }
            Outcome::Allowed(Allowed::Push) => {
                return (Some("ecr:InitiateLayerUpload"), CheckMark::Good);
            }
            Outcome::Refused(Rejection {
                action: Some(action),
                ..
            }) => return (self.private().map(|_| *action), CheckMark::Bad),
            Outcome::Refused(_) | Outcome::NotAsked => {}
        }
        match survey {
            _ if has_failed => (token, CheckMark::Bad),
            Some(None) => (token, CheckMark::Unknown),
            _ if self.refused().is_some() => (None, CheckMark::Bad),
            _ => (token, CheckMark::Unknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_findings_are_joined_with_one_mark_between_them() {
        for (first, joined) in [
            ("It fails", "It fails. Also: x."),
            ("Did you mean A?", "Did you mean A? Also: x."),
            ("It ends.", "It ends. Also: x."),
        ] {
            assert_eq!(join(first, "x"), joined);
        }
    }
}
