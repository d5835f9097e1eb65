//! How a denial is mended: whose policy has to change, and the statement to add. Against a policy
//! that sets limits, or denies, no statement helps.

use crate::aws::{Failure, FailureKind, Stage, Survey};
use crate::identity::Role;
use crate::policy::iam::{
    self, Access, Callers, Principal, PrincipalKind, Repositories, RepositoryArn,
};

use super::denial::{Because, Denial, PolicyKind};
use super::evidence::{Case, account_of};
use super::registry::Refused;
use super::report::Mending;

/// What stands where AWS is to be told an external id, which is not for screens.
const EXTERNAL_ID: &str = "EXTERNAL-ID";

/// Said of what outweighs every policy that allows.
const ONLY_THERE: &str = "allowing more elsewhere does not help: it has to change there";

/// Said where two accounts have a say, and AWS names neither.
const BOTH: &str = ": AWS does not say which side is missing, and both must allow it";

impl Case<'_> {
    /// What keeps the image from being pulled, where it is a policy, and how it is mended.
    pub(super) fn policy_trouble(&self) -> Option<(String, Vec<Mending>)> {
        if let Some(denied) = self.refused().filter(|refused| refused.denial.is_some()) {
            return self.registry_denies(denied);
        }
        // Public ECR lets everybody pull.
        self.private()?;
        let failure = self.survey?.failure()?;
        match (&failure.kind, &failure.stage) {
            (FailureKind::RoleDenied, Stage::Role { role, .. }) => {
                let mut roles = self.roles().iter();
                let role = roles.find(|known| known.arn == *role)?;
                Some(self.role_denies(failure, role))
            }
            (FailureKind::TokenDenied, _) => Some(self.token_is_denied(failure)),
            _ => None,
        }
    }

    fn role_denies(&self, failure: &Failure, role: &Role) -> (String, Vec<Mending>) {
        let denial = Denial::read(&failure.to_string());
        let caller = self.principal(denial.as_ref());
        let who = called(caller.as_ref());
        let because = denial.map_or(Because::Untold, |denial| of_a_role(denial.because));
        let arn = &role.arn;
        let owner = account_of(arn.as_str());
        let owner = owner.as_deref();
        let identity = |notes| Mending {
            statement: Some(iam::assume_role(arn)),
            notes,
            ..in_identity_policy(caller.as_ref())
        };
        let trust = |mut notes: Vec<String>| {
            notes.extend(caller.as_ref().and_then(Principal::caveat));
            let external_id = role.external_id.as_ref().map(|_| EXTERNAL_ID);
            if external_id.is_some() {
                notes.push(format!(
                    "in place of {EXTERNAL_ID}, the external_id of your rule"
                ));
            }
            Mending {
                account: owner.map(str::to_owned),
                place: format!("the trust policy of the role {}", iam::role_name(arn)),
                statement: caller.clone().and_then(|caller| {
                    let callers = Callers::from(caller);
                    iam::in_trust_policy(&callers, external_id)
                        .into_iter()
                        .next()
                }),
                notes,
            }
        };
        let mendings = match &because {
            Because::NoneAllows(PolicyKind::Identity) => vec![identity(Vec::new())],
            Because::NoneAllows(PolicyKind::RoleTrust) => vec![trust(Vec::new())],
            Because::Untold | Because::Other(_) => {
                let exists = "the role must exist, too";
                vec![identity(Vec::new()), trust(vec![exists.to_owned()])]
            }
            Because::NoneAllows(kind) => vec![elsewhere(*kind, caller.as_ref(), owner)],
            Because::Denies { kind, policy } => {
                vec![denies(*kind, policy.as_deref(), caller.as_ref(), owner)]
            }
        };
        let which = match mendings.len() {
            1 => "",
            _ if account(caller.as_ref()).as_deref() == owner => {
                ": AWS does not say which side is missing; within one account it is enough that \
                 the trust policy names the caller"
            }
            _ => BOTH,
        };
        let why = why(&because);
        (
            format!("{who} may not assume the role {arn}{why}{which}"),
            mendings,
        )
    }

    fn token_is_denied(&self, failure: &Failure) -> (String, Vec<Mending>) {
        let denial = Denial::read(&failure.to_string());
        let caller = self.principal(denial.as_ref());
        let who = called(caller.as_ref());
        let because = denial.map_or(Because::Untold, |denial| denial.because);
        let mending = match &because {
            Because::NoneAllows(PolicyKind::Identity) | Because::Untold | Because::Other(_) => {
                Mending {
                    statement: Some(iam::get_token()),
                    notes: vec![
                        "or attach AmazonEC2ContainerRegistryPullOnly, which is AWS's own"
                            .to_owned(),
                    ],
                    ..in_identity_policy(caller.as_ref())
                }
            }
            Because::NoneAllows(kind) => elsewhere(*kind, caller.as_ref(), None),
            Because::Denies { kind, policy } => {
                denies(*kind, policy.as_deref(), caller.as_ref(), None)
            }
        };
        let why = why(&because);
        (format!("{who} gets no token{why}"), vec![mending])
    }

    fn registry_denies(&self, refused: &Refused) -> Option<(String, Vec<Mending>)> {
        let denial = refused.denial.as_ref()?;
        let private = self.private()?;
        let image = self.target.image.as_ref()?;
        let caller = self.principal(Some(denial));
        let who = called(caller.as_ref());
        let owner = private.account.to_string();
        let theirs = account(caller.as_ref());
        let access = if refused.is_for_a_push {
            Access::Push
        } else {
            Access::Pull
        };
        let repository = RepositoryArn::new(private, &image.repository).ok()?;
        let of_repository = |mut notes: Vec<String>| {
            notes.extend(caller.as_ref().and_then(Principal::caveat));
            Mending {
                account: Some(owner.clone()),
                place: format!("the policy of the repository {}", image.repository),
                statement: caller.clone().and_then(|caller| {
                    let callers = Callers::from(caller);
                    iam::in_repository_policy(&callers, access)
                        .into_iter()
                        .next()
                }),
                notes,
            }
        };
        let of_caller = |notes: Vec<String>| Mending {
            statement: Some(iam::in_identity_policy(
                access,
                &Repositories::from(repository.clone()),
            )),
            notes,
            ..in_identity_policy(caller.as_ref())
        };
        let crosses = theirs.as_deref() != Some(owner.as_str());
        let mendings = match &denial.because {
            Because::NoneAllows(PolicyKind::Identity) => {
                let managed = match access {
                    Access::Push => "AmazonEC2ContainerRegistryPowerUser",
                    _ => "AmazonEC2ContainerRegistryPullOnly",
                };
                vec![of_caller(vec![format!(
                    "or attach {managed}, which is AWS's own, for all repositories"
                )])]
            }
            Because::NoneAllows(PolicyKind::Resource) if crosses => vec![of_repository(vec![
                "the caller's own identity policy must allow the same: when this is mended, ask again"
                    .to_owned(),
            ])],
            Because::NoneAllows(PolicyKind::Resource) => vec![of_repository(Vec::new())],
            Because::Untold | Because::Other(_) if crosses => {
                vec![of_caller(Vec::new()), of_repository(Vec::new())]
            }
            Because::Untold | Because::Other(_) => vec![of_caller(Vec::new())],
            Because::NoneAllows(kind) => vec![elsewhere(*kind, caller.as_ref(), Some(&owner))],
            Because::Denies { kind, policy } => {
                let owner = Some(owner.as_str());
                vec![denies(*kind, policy.as_deref(), caller.as_ref(), owner)]
            }
        };
        let which = match mendings.len() {
            1 => "",
            _ => BOTH,
        };
        let why = why(&denial.because);
        let action = &denial.action;
        let text = format!(
            "{who} may not {action} in the repository {} of account {owner}{why}{which}",
            image.repository
        );
        Some((text, mendings))
    }

    /// Whom AWS denied: by what STS said of who asks, else by the denial. A registry could name
    /// anybody there, and have that one let in.
    fn principal(&self, denial: Option<&Denial>) -> Option<Principal> {
        let partition = self.target.registry.partition();
        let known = self.survey.and_then(Survey::last_caller);
        let denied = denial.map(|denial| denial.principal.as_str());
        let principal = known
            .into_iter()
            .chain(denied)
            .find_map(|arn| Principal::parse(arn, partition).ok())?;
        let of_source = self
            .identity
            .and_then(|identity| identity.source.get().role());
        let roles = self.roles().iter().map(|role| &role.arn).chain(of_source);
        Some(roles.fold(principal, Principal::or_role))
    }
}

/// The resource of sts:AssumeRole is the role, and its policy the trust policy.
fn of_a_role(because: Because) -> Because {
    match because {
        Because::NoneAllows(PolicyKind::Resource) => Because::NoneAllows(PolicyKind::RoleTrust),
        Because::Denies {
            kind: Some(PolicyKind::Resource),
            policy,
        } => Because::Denies {
            kind: Some(PolicyKind::RoleTrust),
            policy,
        },
        other => other,
    }
}

/// The account of who was denied.
fn account(caller: Option<&Principal>) -> Option<String> {
    Some(caller?.account().to_string())
}

/// A change on the caller's side. The role of a permission set cannot be changed itself, and
/// Identity Center may be in another account.
fn in_identity_policy(caller: Option<&Principal>) -> Mending {
    let (account, place) = match caller.map(|caller| (caller, caller.kind())) {
        Some((_, PrincipalKind::PermissionSet(role))) => {
            let name = iam::permission_set(role);
            let place = format!("the inline policy of the permission set {name}");
            (None, format!("{place}, in IAM Identity Center"))
        }
        Some((caller, _)) => (
            account(Some(caller)),
            format!("the identity policy of {}", caller.called()),
        ),
        None => (None, "the identity policy of the caller".to_owned()),
    };
    Mending {
        account,
        place,
        statement: None,
        notes: Vec::new(),
    }
}

fn called(caller: Option<&Principal>) -> String {
    match caller {
        Some(caller) => format!("{} of account {}", caller.called(), caller.account()),
        None => "the caller".to_owned(),
    }
}

/// Why somebody was denied, behind the sentence that says so.
fn why(because: &Because) -> String {
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
fn elsewhere(kind: PolicyKind, caller: Option<&Principal>, owner: Option<&str>) -> Mending {
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
fn denies(
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
