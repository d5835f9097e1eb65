//! The policies that a grant needs.
//!
//! Access to the Amazon Inspector findings of another account was not tested against AWS. That
//! Inspector has no resource-based policies is from the Service Authorization Reference. The actions
//! `inspector2:ListFindings` and `inspector2:ListCoverage` are from the ECR user guide ("IAM
//! permissions required for enhanced scanning").

use serde::Serialize;

use crate::iam::{
    Access, Callers, Document, Principal, PrincipalKind, Repositories, Statement, assume_role,
    get_token, in_identity_policy, in_registry_policy, in_repository_policy, in_trust_policy,
    permission_set, read_inspector, role_name,
};
use crate::registry::{AccountId, Partition, Region, RoleArn};

use super::grant::Grant;
use super::notes::{self, Note};
use super::target::{Holder, PolicyTarget};

/// The role that reads Inspector findings, if no role is named.
const SCAN_ROLE: &str = "ecr-scan-findings";

/// Missing from the AWS managed policies for ECR.
const READING_INSPECTOR: &str = "reading Inspector findings";

#[derive(Debug)]
pub(super) struct Setup {
    /// In the order in which they are attached.
    pub policies: Vec<SetupPolicy>,
    /// Notes on the whole set-up.
    pub notes: Vec<Note>,
    /// The region of the first repository.
    pub region: Region,
}

#[derive(Debug, Serialize)]
pub(super) struct SetupPolicy {
    #[serde(flatten)]
    pub target: PolicyTarget,
    pub notes: Vec<Note>,
    pub document: Document,
}

impl Setup {
    /// The region of the first ECR resource in an account. Its IAM resources go with it.
    pub(super) fn first_region(&self, account: &AccountId) -> &Region {
        let targets = self.policies.iter().map(|policy| &policy.target);
        let mut regions = targets
            .filter(|target| target.account() == Some(account))
            .filter_map(PolicyTarget::region);
        regions.next().unwrap_or(&self.region)
    }

    pub(super) fn new(grant: &Grant) -> Self {
        let mut setup = Self {
            policies: Vec::new(),
            notes: Vec::new(),
            region: grant.region().clone(),
        };
        match &grant.role {
            Some(role) => setup.grant_by_role(grant, role),
            None => setup.grant_by_resource(grant),
        }
        for policy in &mut setup.policies {
            let excess = notes::excess_length(&policy.target, &policy.document);
            policy.notes.extend(excess);
        }
        setup
    }

    /// The policies of the registry allow the callers directly.
    fn grant_by_resource(&mut self, grant: &Grant) {
        self.add_resource_policies(grant);
        let roles = if grant.access.contains(&Access::Scan) {
            self.add_scan_roles(grant)
        } else {
            Vec::new()
        };
        for holder in holders(&grant.callers) {
            self.policies.push(caller_policy(grant, holder, &roles));
        }
        self.notes.extend(notes::orchestrators(grant));
    }

    fn add_resource_policies(&mut self, grant: &Grant) {
        match &grant.repositories {
            Repositories::AllOf { account, region } => {
                if let Some(callers) = grant.callers.outside(account) {
                    let each = |&access| in_registry_policy(&callers, access, &grant.repositories);
                    self.policies.push(SetupPolicy {
                        target: PolicyTarget::Registry {
                            account: account.clone(),
                            region: region.clone(),
                        },
                        notes: notes::registry_policy(grant, &callers, region),
                        document: Document::new(grant.access.iter().flat_map(each).collect()),
                    });
                }
            }
            Repositories::Named(repositories) => {
                for repository in repositories {
                    let Some(callers) = grant.callers.outside(repository.account()) else {
                        continue;
                    };
                    let each = |&access| in_repository_policy(&callers, access);
                    self.policies.push(SetupPolicy {
                        target: PolicyTarget::Repository(repository.clone()),
                        notes: notes::repository_policy(grant, &callers, repository),
                        document: Document::new(grant.access.iter().flat_map(each).collect()),
                    });
                }
            }
        }
    }

    /// Roles that read Amazon Inspector findings, in each account that is not a caller's own.
    fn add_scan_roles(&mut self, grant: &Grant) -> Vec<RoleArn> {
        let mut roles = Vec::new();
        for account in grant.accounts() {
            if let Some(callers) = grant.callers.outside(account) {
                roles.push(self.add_scan_role(grant, account, &callers));
            }
        }
        if !roles.is_empty() {
            self.notes.extend(notes::scanning(grant.region()));
        }
        roles
    }

    fn add_scan_role(&mut self, grant: &Grant, account: &AccountId, callers: &Callers) -> RoleArn {
        let partition = Partition::of_region(grant.region());
        let role: RoleArn = format!("arn:{partition}:iam::{account}:role/{SCAN_ROLE}")
            .parse()
            .expect("the ARN of a role");
        let mut notes = vec![notes::scan_role(account)];
        notes.extend(callers.caveats().into_iter().map(Note::from));
        self.policies.push(SetupPolicy {
            target: PolicyTarget::Trust(role.clone()),
            notes,
            document: Document::new(in_trust_policy(callers, None)),
        });
        let repositories = grant.repositories.in_account(account);
        self.policies.push(SetupPolicy {
            target: PolicyTarget::Identity {
                holder: Holder::Role(role.clone()),
                name: SCAN_ROLE.to_owned(),
            },
            notes: Vec::new(),
            document: Document::new(vec![
                in_identity_policy(Access::Scan, &repositories),
                read_inspector(),
            ]),
        });
        role
    }

    /// The callers assume a role in the registry's account.
    fn grant_by_role(&mut self, grant: &Grant, role: &RoleArn) {
        let caveats = grant.callers.caveats();
        self.policies.push(SetupPolicy {
            target: PolicyTarget::Trust(role.clone()),
            notes: caveats.into_iter().map(Note::from).collect(),
            document: Document::new(in_trust_policy(
                &grant.callers,
                grant.external_id.as_deref(),
            )),
        });
        self.policies.push(role_policy(grant, role));
        for holder in holders(&grant.callers) {
            let name = format!("assume-{}-{}", role_name(role), role.account());
            self.policies.push(SetupPolicy {
                notes: notes::attachment(grant, &holder, &name),
                target: PolicyTarget::Identity { holder, name },
                document: Document::new(vec![assume_role(role)]),
            });
        }
        self.notes.extend(notes::assumed_role(grant, role));
    }
}

/// The identity policy of the role that the callers assume.
fn role_policy(grant: &Grant, role: &RoleArn) -> SetupPolicy {
    let mut statements = use_statements(grant);
    let mut missing = Vec::new();
    if grant.access.contains(&Access::Scan) {
        statements.push(read_inspector());
        missing.push(READING_INSPECTOR);
    }
    let notes = vec![notes::managed_policy(grant, "role", &missing)];
    SetupPolicy {
        target: PolicyTarget::Identity {
            holder: Holder::Role(role.clone()),
            name: policy_name(grant),
        },
        notes,
        document: Document::new(statements),
    }
}

/// The identity policy of a caller that the registry allows directly. To read Amazon Inspector
/// findings in other accounts, the caller assumes these roles.
fn caller_policy(grant: &Grant, holder: Holder, scan_roles: &[RoleArn]) -> SetupPolicy {
    let mut statements = use_statements(grant);
    let account = holder.account();
    let is_own = |owner: &&AccountId| Some(*owner) == account;
    let mut missing = Vec::new();
    if grant.access.contains(&Access::Scan) && grant.accounts().iter().any(is_own) {
        statements.push(read_inspector());
        missing.push(READING_INSPECTOR);
    }
    let others = scan_roles
        .iter()
        .filter(|role| Some(role.account()) != account);
    let assumed: Vec<Statement> = others.map(assume_role).collect();
    if !assumed.is_empty() {
        statements.extend(assumed);
        missing.push("assuming the role");
    }
    let name = policy_name(grant);
    let mut notes = notes::attachment(grant, &holder, &name);
    notes.push(notes::managed_policy(grant, "caller", &missing));
    if grant.accounts().iter().all(is_own) {
        notes.push(notes::one_account());
    }
    SetupPolicy {
        target: PolicyTarget::Identity { holder, name },
        notes,
        document: Document::new(statements),
    }
}

/// The IAM identities that need a policy.
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
            PrincipalKind::PermissionSet(role) => Holder::PermissionSet {
                account,
                name: permission_set(role).to_owned(),
            },
            PrincipalKind::User(user) => Holder::User {
                account,
                user: user.clone(),
            },
        }
    };
    principals.iter().map(holder).collect()
}

/// The statements for an identity that uses the registry.
fn use_statements(grant: &Grant) -> Vec<Statement> {
    let token = grant.needs_tokens().then(get_token);
    let uses = grant
        .access
        .iter()
        .map(|&access| in_identity_policy(access, &grant.repositories));
    token.into_iter().chain(uses).collect()
}

/// The name of an identity policy: `ecr-pull-111122223333`.
fn policy_name(grant: &Grant) -> String {
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
    name
}

/// A file of the output.
#[derive(Debug)]
pub(super) struct OutputFile {
    /// The name without an extension.
    pub stem: String,
    pub text: String,
}

/// A name, with a number added after `gap` if it is in use.
pub(super) fn numbered(name: &str, gap: &str, mut is_free: impl FnMut(&str) -> bool) -> String {
    let mut free = name.to_owned();
    let mut number = 1;
    while !is_free(&free) {
        number += 1;
        free = format!("{name}{gap}{number}");
    }
    free
}
