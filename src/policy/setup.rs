//! From what is granted to the documents that bring it about.
//!
//! Of Amazon Inspector: its access to another account's findings was not seen live. That it has
//! no resource-based policies is from the Service Authorization Reference; that reading the
//! findings of enhanced scanning takes `inspector2:ListFindings` and `inspector2:ListCoverage`, from the
//! ECR user guide ("IAM permissions required for enhanced scanning").

use serde::Serialize;

use crate::policy::iam::{
    Access, Callers, Document, Principal, PrincipalKind, Repositories, Statement, assume_role,
    get_token, in_identity_policy, in_registry_policy, in_repository_policy, in_trust_policy,
    read_inspector, role_name,
};
use crate::registry::{AccountId, Partition, Region, RoleArn};

use super::grant::Grant;
use super::notes;
use super::target::{Holder, PolicyTarget};

/// The role that is made up for reading Inspector's findings, where none is named.
const SCAN_ROLE: &str = "ecr-scan-findings";

/// A whole set-up.
#[derive(Debug)]
pub(super) struct Setup {
    /// Its documents, in the order in which they are put there.
    pub policies: Vec<SetupPolicy>,
    /// What is to be known besides, a sentence or two each.
    pub notes: Vec<String>,
    /// The region that commands are written for where any would do.
    pub region: Region,
}

/// One document of a set-up.
#[derive(Debug, Serialize)]
pub(super) struct SetupPolicy {
    #[serde(flatten)]
    pub target: PolicyTarget,
    /// What is to be known of it, a sentence or two each.
    pub notes: Vec<String>,
    pub document: Document,
}

pub(super) fn setup(grant: &Grant) -> Setup {
    let mut setup = Setup {
        policies: Vec::new(),
        notes: Vec::new(),
        region: grant.region().clone(),
    };
    match &grant.role {
        Some(role) => by_role(grant, role, &mut setup),
        None => by_resource(grant, &mut setup),
    }
    for policy in &mut setup.policies {
        policy
            .notes
            .extend(notes::excess_length(&policy.target, &policy.document));
    }
    setup
}

/// The registry lets the callers in as themselves.
fn by_resource(grant: &Grant, setup: &mut Setup) {
    match &grant.repositories {
        Repositories::AllOf { account, region } => {
            if let Some(callers) = outside(&grant.callers, account) {
                let each = |&access| in_registry_policy(&callers, access, &grant.repositories);
                setup.policies.push(SetupPolicy {
                    target: PolicyTarget::Registry {
                        account: account.clone(),
                        region: region.clone(),
                    },
                    notes: notes::registry_policy(grant, &callers),
                    document: Document::new(grant.access.iter().flat_map(each).collect()),
                });
            }
        }
        Repositories::Named(repositories) => {
            for repository in repositories {
                let Some(callers) = outside(&grant.callers, repository.account()) else {
                    continue;
                };
                let each = |&access| in_repository_policy(&callers, access);
                setup.policies.push(SetupPolicy {
                    target: PolicyTarget::Repository(repository.clone()),
                    notes: notes::resource_policy(grant, &callers, "repository"),
                    document: Document::new(grant.access.iter().flat_map(each).collect()),
                });
            }
        }
    }
    let scans = grant.access.contains(&Access::Scan);
    let roles = if scans {
        scan_roles(grant, setup)
    } else {
        Vec::new()
    };
    for holder in holders(&grant.callers) {
        let mut statements = statements_of(grant);
        let account = holder.account();
        let is_inside = |owner: &&AccountId| Some(*owner) == account;
        let mut missing = Vec::new();
        if scans && grant.accounts().iter().any(is_inside) {
            statements.push(read_inspector());
            missing.push("reading Inspector");
        }
        let others = roles.iter().filter(|role| Some(role.account()) != account);
        let assumed: Vec<Statement> = others.map(assume_role).collect();
        if !assumed.is_empty() {
            statements.extend(assumed);
            missing.push("assuming the role");
        }
        let mut notes = notes::permission_set(&holder);
        notes.push(notes::managed_policy(grant, &missing));
        if grant.accounts().iter().all(is_inside) {
            notes.push(notes::ONE_ACCOUNT.to_owned());
        }
        setup
            .policies
            .push(identity(grant, holder, statements, notes));
    }
    setup.notes.extend(notes::orchestrators(grant));
}

/// The callers assume a role of the registry's account.
fn by_role(grant: &Grant, role: &RoleArn, setup: &mut Setup) {
    setup.policies.push(SetupPolicy {
        target: PolicyTarget::Trust(role.clone()),
        notes: grant.callers.caveats(),
        document: Document::new(in_trust_policy(
            &grant.callers,
            grant.external_id.as_deref(),
        )),
    });
    let mut statements = statements_of(grant);
    let mut missing = Vec::new();
    if grant.access.contains(&Access::Scan) {
        statements.push(read_inspector());
        missing.push("reading Inspector");
    }
    let notes = vec![notes::managed_policy(grant, &missing)];
    let holder = Holder::Role(role.clone());
    setup
        .policies
        .push(identity(grant, holder, statements, notes));
    for holder in holders(&grant.callers) {
        setup.policies.push(SetupPolicy {
            notes: notes::permission_set(&holder),
            target: PolicyTarget::Identity {
                holder,
                name: format!("assume-{}-{}", role_name(role), role.account()),
            },
            document: Document::new(vec![assume_role(role)]),
        });
    }
    setup.notes.extend(notes::assumed_role(grant, role));
}

/// Roles that the findings of Amazon Inspector are read by, in each account that a caller is not
/// in. It adds what they are made from, and what has to be known.
fn scan_roles(grant: &Grant, setup: &mut Setup) -> Vec<RoleArn> {
    let mut roles = Vec::new();
    for account in grant.accounts() {
        let Some(callers) = outside(&grant.callers, account) else {
            continue;
        };
        let partition = Partition::of_region(grant.region());
        let role: RoleArn = format!("arn:{partition}:iam::{account}:role/{SCAN_ROLE}")
            .parse()
            .expect("the ARN of a role");
        let mut notes = vec![notes::scan_role(account)];
        notes.extend(callers.caveats());
        setup.policies.push(SetupPolicy {
            target: PolicyTarget::Trust(role.clone()),
            notes,
            document: Document::new(in_trust_policy(&callers, None)),
        });
        let repositories = of_account(&grant.repositories, account);
        let statements = vec![
            in_identity_policy(Access::Scan, &repositories),
            read_inspector(),
        ];
        setup.policies.push(SetupPolicy {
            target: PolicyTarget::Identity {
                holder: Holder::Role(role.clone()),
                name: SCAN_ROLE.to_owned(),
            },
            notes: Vec::new(),
            document: Document::new(statements),
        });
        roles.push(role);
    }
    if !roles.is_empty() {
        setup.notes.push(notes::SCANNING.to_owned());
    }
    roles
}

/// The callers that are not in the account: those that its resources have to let in.
fn outside(callers: &Callers, account: &AccountId) -> Option<Callers> {
    let Callers::Principals(principals) = callers else {
        return Some(callers.clone());
    };
    let outside: Vec<Principal> = principals
        .iter()
        .filter(|principal| principal.account() != account)
        .cloned()
        .collect();
    (!outside.is_empty()).then_some(Callers::Principals(outside))
}

fn of_account(repositories: &Repositories, account: &AccountId) -> Repositories {
    match repositories {
        Repositories::AllOf { .. } => repositories.clone(),
        Repositories::Named(named) => {
            let theirs = named.iter().filter(|each| each.account() == account);
            Repositories::Named(theirs.cloned().collect())
        }
    }
}

/// Those who need an identity policy.
fn holders(callers: &Callers) -> Vec<Holder> {
    let principals = match callers {
        Callers::Organization(id) => return vec![Holder::AnyOf(id.clone())],
        Callers::Principals(principals) => principals,
    };
    let holder = |principal: &Principal| {
        let account = principal.account().clone();
        match principal.kind() {
            PrincipalKind::Account => Holder::Any(account),
            PrincipalKind::Role(role) => Holder::Role(role.clone()),
            PrincipalKind::PermissionSet(role) => Holder::permission_set(account, role),
            PrincipalKind::User(user) => Holder::User {
                account,
                user: user.clone(),
            },
        }
    };
    principals.iter().map(holder).collect()
}

/// What the identity policy of whoever uses the registry says.
fn statements_of(grant: &Grant) -> Vec<Statement> {
    let token = grant.needs_tokens().then(get_token);
    let uses = grant
        .access
        .iter()
        .map(|&access| in_identity_policy(access, &grant.repositories));
    token.into_iter().chain(uses).collect()
}

fn identity(
    grant: &Grant,
    holder: Holder,
    statements: Vec<Statement>,
    notes: Vec<String>,
) -> SetupPolicy {
    let words: Vec<&str> = grant
        .access
        .iter()
        .map(|access| match access {
            Access::Pull => "pull",
            Access::Push => "push",
            Access::Scan => "scan",
        })
        .collect();
    let mut name = format!("ecr-{}", words.join("-"));
    // One name for each account, so that two set-ups do not overwrite each other.
    if let [account] = grant.accounts()[..] {
        name = format!("{name}-{account}");
    }
    SetupPolicy {
        target: PolicyTarget::Identity { holder, name },
        notes,
        document: Document::new(statements),
    }
}
