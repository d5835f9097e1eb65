//! From what is wanted to the documents that bring it about.
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

use super::notes;
use super::place::{Holder, Place};
use super::request::Request;

/// The role that is made up for reading Inspector's findings, where none is named.
const SCAN_ROLE: &str = "ecr-scan-findings";

/// A whole set-up.
#[derive(Debug)]
pub(super) struct Plan {
    /// Its documents, in the order in which they are put there.
    pub parts: Vec<Part>,
    /// What is to be known besides, a sentence or two each.
    pub notes: Vec<String>,
    /// The region that commands are written for where any would do.
    pub region: Region,
}

/// One document of a set-up.
#[derive(Debug, Serialize)]
pub(super) struct Part {
    #[serde(flatten)]
    pub place: Place,
    /// What is to be known of it, a sentence or two each.
    pub notes: Vec<String>,
    pub document: Document,
}

pub(super) fn plan(request: &Request) -> Plan {
    let mut plan = Plan {
        parts: Vec::new(),
        notes: Vec::new(),
        region: request.region().clone(),
    };
    match &request.role {
        Some(role) => by_role(request, role, &mut plan),
        None => by_resource(request, &mut plan),
    }
    for part in &mut plan.parts {
        part.notes
            .extend(notes::of_length(&part.place, &part.document));
    }
    plan
}

/// The registry lets the callers in as themselves.
fn by_resource(request: &Request, plan: &mut Plan) {
    match &request.repositories {
        Repositories::AllOf { account, region } => {
            if let Some(callers) = outside(&request.callers, account) {
                let each = |&access| in_registry_policy(&callers, access, &request.repositories);
                plan.parts.push(Part {
                    place: Place::Registry {
                        account: account.clone(),
                        region: region.clone(),
                    },
                    notes: notes::of_registry(request, &callers),
                    document: Document::of(request.access.iter().flat_map(each).collect()),
                });
            }
        }
        Repositories::Named(repositories) => {
            for repository in repositories {
                let Some(callers) = outside(&request.callers, repository.account()) else {
                    continue;
                };
                let each = |&access| in_repository_policy(&callers, access);
                plan.parts.push(Part {
                    place: Place::Repository(repository.clone()),
                    notes: notes::of_resource(request, &callers, "repository"),
                    document: Document::of(request.access.iter().flat_map(each).collect()),
                });
            }
        }
    }
    let scans = request.access.contains(&Access::Scan);
    let roles = if scans {
        scan_roles(request, plan)
    } else {
        Vec::new()
    };
    for holder in holders(&request.callers) {
        let mut statements = statements_of(request);
        let account = holder.account();
        let is_inside = |owner: &&AccountId| Some(*owner) == account;
        let mut missing = Vec::new();
        if scans && request.accounts().iter().any(is_inside) {
            statements.push(read_inspector());
            missing.push("reading Inspector");
        }
        let others = roles.iter().filter(|role| Some(role.account()) != account);
        let assumed: Vec<Statement> = others.map(assume_role).collect();
        if !assumed.is_empty() {
            statements.extend(assumed);
            missing.push("assuming the role");
        }
        let mut notes = notes::of_holder(&holder);
        notes.push(notes::of_managed_policy(request, &missing));
        if request.accounts().iter().all(is_inside) {
            notes.push(notes::ONE_ACCOUNT.to_owned());
        }
        plan.parts
            .push(identity(request, holder, statements, notes));
    }
    plan.notes.extend(notes::of_orchestrators(request));
}

/// The callers assume a role of the registry's account.
fn by_role(request: &Request, role: &RoleArn, plan: &mut Plan) {
    plan.parts.push(Part {
        place: Place::Trust(role.clone()),
        notes: request.callers.caveats(),
        document: Document::of(in_trust_policy(
            &request.callers,
            request.external_id.as_deref(),
        )),
    });
    let mut statements = statements_of(request);
    let mut missing = Vec::new();
    if request.access.contains(&Access::Scan) {
        statements.push(read_inspector());
        missing.push("reading Inspector");
    }
    let notes = vec![notes::of_managed_policy(request, &missing)];
    let holder = Holder::Role(role.clone());
    plan.parts
        .push(identity(request, holder, statements, notes));
    for holder in holders(&request.callers) {
        plan.parts.push(Part {
            notes: notes::of_holder(&holder),
            place: Place::Identity {
                holder,
                name: format!("assume-{}-{}", role_name(role), role.account()),
            },
            document: Document::of(vec![assume_role(role)]),
        });
    }
    plan.notes.extend(notes::of_role(request, role));
}

/// Roles that the findings of Amazon Inspector are read by, in each account that a caller is not
/// in. It adds what they are made from, and what has to be known.
fn scan_roles(request: &Request, plan: &mut Plan) -> Vec<RoleArn> {
    let mut roles = Vec::new();
    for account in request.accounts() {
        let Some(callers) = outside(&request.callers, account) else {
            continue;
        };
        let partition = Partition::of_region(request.region());
        let role: RoleArn = format!("arn:{partition}:iam::{account}:role/{SCAN_ROLE}")
            .parse()
            .expect("the ARN of a role");
        let mut notes = vec![notes::of_scan_role(account)];
        notes.extend(callers.caveats());
        plan.parts.push(Part {
            place: Place::Trust(role.clone()),
            notes,
            document: Document::of(in_trust_policy(&callers, None)),
        });
        let repositories = of_account(&request.repositories, account);
        let statements = vec![
            in_identity_policy(Access::Scan, &repositories),
            read_inspector(),
        ];
        plan.parts.push(Part {
            place: Place::Identity {
                holder: Holder::Role(role.clone()),
                name: SCAN_ROLE.to_owned(),
            },
            notes: Vec::new(),
            document: Document::of(statements),
        });
        roles.push(role);
    }
    if !roles.is_empty() {
        plan.notes.push(notes::SCANNING.to_owned());
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
fn statements_of(request: &Request) -> Vec<Statement> {
    let token = request.needs_tokens().then(get_token);
    let uses = request
        .access
        .iter()
        .map(|&access| in_identity_policy(access, &request.repositories));
    token.into_iter().chain(uses).collect()
}

fn identity(
    request: &Request,
    holder: Holder,
    statements: Vec<Statement>,
    notes: Vec<String>,
) -> Part {
    let words: Vec<&str> = request
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
    if let [account] = request.accounts()[..] {
        name = format!("{name}-{account}");
    }
    Part {
        place: Place::Identity { holder, name },
        notes,
        document: Document::of(statements),
    }
}
