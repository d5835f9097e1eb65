//! The callers that policies name: principals and organizations.

use std::fmt;
use std::str::FromStr;

use crate::registry::{AccountId, Partition, RoleArn};

/// The path of the roles that IAM Identity Center creates. Outside us-east-1, the home region
/// follows: `aws-reserved/sso.amazonaws.com/eu-west-1`.
const IDENTITY_CENTER_PATH: &str = "aws-reserved/sso.amazonaws.com";

/// The prefix of the names of these roles, which IAM reserves for Identity Center.
const IDENTITY_CENTER_ROLE: &str = "AWSReservedSSO_";

/// A caller that a policy can name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Principal {
    partition: Partition,
    account: AccountId,
    kind: PrincipalKind,
    was_session: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PrincipalKind {
    /// The whole account, which policies write as the ARN of its root.
    Account,
    Role(RoleArn),
    /// A role of IAM Identity Center, by its name: the ARN of a session does not include the path.
    /// AWS advises against naming such a role by its ARN, as the suffix of its name changes when it
    /// is re-created ("Referencing permission sets in resource policies").
    PermissionSet(String),
    /// A user: the path and the name, `team/alice`.
    User(String),
}

/// Why a text is not a principal that ECR policies can name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PrincipalError {
    #[error(
        "`{0}` is not a principal. Expected a 12-digit account ID, or the ARN of a role, a user \
         or an account root"
    )]
    Neither(String),
    /// `*`.
    #[error(
        "the principal `{0}` matches every AWS account. Name accounts, roles or users, or an \
         organization"
    )]
    Anyone(String),
    /// `arn:aws:iam::111122223333:role/*`.
    #[error(
        "`{0}` contains a wildcard, which AWS does not accept in a principal. Name each role or \
         user, or the whole account"
    )]
    Wildcard(String),
    /// `arn:aws:sts::111122223333:federated-user/alice`.
    #[error("`{0}` is a federated user session. Name the IAM user that started the session")]
    FederatedUser(String),
    /// `ecs-tasks.amazonaws.com`.
    #[error(
        "`{0}` is an AWS service. Name the role that it assumes, such as the ECS task execution \
         role. Services that pull as themselves (Lambda, or CodeBuild with its own credentials) need \
         a statement with aws:SourceArn. See the AWS documentation of the service"
    )]
    Service(String),
    #[error("`{0}` is an identity provider. Name the role that its users assume")]
    Provider(String),
    /// `arn:aws:iam::111122223333:group/team`.
    #[error(
        "`{0}` is a group, which AWS does not accept as a principal. Name its users, or the account"
    )]
    Group(String),
    /// `arn:aws:iam::111122223333:instance-profile/node`.
    #[error("`{0}` is an instance profile. Name the role that it contains")]
    InstanceProfile(String),
    /// `AROAEXAMPLEID`.
    #[error(
        "`{0}` is the unique ID of a role or user. AWS shows it in a policy after that role or user \
         is deleted. Name the current role or user by its ARN"
    )]
    UniqueId(String),
    #[error(
        "`{principal}` is in the partition {theirs}, but the registry is in {ours}. Policies do \
         not work across partitions. Name a principal in {ours}"
    )]
    Partition {
        principal: String,
        theirs: Partition,
        ours: Partition,
    },
}

impl Principal {
    /// Parses an account ID, or an ARN as in policies, `aws sts get-caller-identity` and denials.
    /// An `assumed-role` session becomes its role. `ours` is the partition of the registry: an
    /// account ID is taken to be in it, and an ARN must be.
    pub(crate) fn parse(text: &str, ours: Partition) -> Result<Self, PrincipalError> {
        let wrong = || PrincipalError::Neither(text.to_owned());
        if let Ok(account) = text.parse() {
            return Ok(Self::new(ours, account, PrincipalKind::Account));
        }
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let ["arn", partition, service, "", account, resource] = parts[..] else {
            return Err(not_an_arn(text));
        };
        if text.contains(['*', '?']) {
            return Err(PrincipalError::Wildcard(text.to_owned()));
        }
        let theirs: Partition = partition.parse().map_err(|_| wrong())?;
        let account: AccountId = account.parse().map_err(|_| wrong())?;
        let (word, rest) = resource.split_once('/').unwrap_or((resource, ""));
        let mut was_session = false;
        let kind = match (service, word) {
            ("iam", "root") if resource == "root" => PrincipalKind::Account,
            ("iam", "role") => role_kind(text).ok_or_else(wrong)?,
            ("iam", "user") if is_path_and_name(rest) => PrincipalKind::User(rest.to_owned()),
            ("sts", "assumed-role") => {
                was_session = true;
                let (role, session) = rest.split_once('/').ok_or_else(wrong)?;
                if session.is_empty() {
                    return Err(wrong());
                }
                role_kind(&format!("arn:{theirs}:iam::{account}:role/{role}")).ok_or_else(wrong)?
            }
            ("sts", "federated-user") => {
                return Err(PrincipalError::FederatedUser(text.to_owned()));
            }
            ("iam", "saml-provider" | "oidc-provider") => {
                return Err(PrincipalError::Provider(text.to_owned()));
            }
            ("iam", "group") => return Err(PrincipalError::Group(text.to_owned())),
            ("iam", "instance-profile") => {
                return Err(PrincipalError::InstanceProfile(text.to_owned()));
            }
            _ => return Err(wrong()),
        };
        if theirs != ours {
            return Err(PrincipalError::Partition {
                principal: text.to_owned(),
                theirs,
                ours,
            });
        }
        Ok(Self {
            was_session,
            ..Self::new(theirs, account, kind)
        })
    }

    fn new(partition: Partition, account: AccountId, kind: PrincipalKind) -> Self {
        Self {
            partition,
            account,
            kind,
            was_session: false,
        }
    }

    /// Whether policies name both in the same way: a role and its sessions, for example.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        (self.arn(), self.arn_pattern()) == (other.arn(), other.arn_pattern())
    }

    /// Adds the path of this role, if the principal is a session of it: the ARN of a session does
    /// not include the path.
    #[must_use]
    pub(crate) fn or_role(self, role: &RoleArn) -> Self {
        let is_it = |found: &RoleArn| {
            role_name(found) == role_name(role) && found.account() == role.account()
        };
        match &self.kind {
            PrincipalKind::Role(found) if self.was_session && is_it(found) => Self::new(
                self.partition,
                self.account,
                PrincipalKind::Role(role.clone()),
            ),
            _ => self,
        }
    }

    pub(crate) fn account(&self) -> &AccountId {
        &self.account
    }

    pub(crate) fn kind(&self) -> &PrincipalKind {
        &self.kind
    }

    /// A name for messages: `the role ecr-pull`, `the account 111122223333`.
    pub(crate) fn called(&self) -> String {
        match &self.kind {
            PrincipalKind::Account => format!("the account {}", self.account),
            PrincipalKind::Role(role) => format!("the role {}", role_name(role)),
            PrincipalKind::PermissionSet(role) => format!("the role {role}"),
            PrincipalKind::User(path) => format!("the user {}", friendly_name(path)),
        }
    }

    /// A note for a policy that names this principal, in a few sentences.
    pub(crate) fn caveat(&self) -> Option<String> {
        let called = self.called();
        match &self.kind {
            PrincipalKind::Account => Some(format!(
                "The root ARN of {} means the whole account: each of its roles and users that has \
                 an identity policy allowing the same actions.",
                self.account
            )),
            PrincipalKind::PermissionSet(role) => {
                let name = permission_set(role);
                Some(format!(
                    "The suffix of an IAM Identity Center role changes when the role is re-created. \
                     The statement names the account, with a condition that matches \
                     {IDENTITY_CENTER_ROLE}{name}_*. The condition also matches permission sets \
                     with names that start with {name}_."
                ))
            }
            PrincipalKind::Role(_) if self.was_session => Some(format!(
                "Policies name the role of a session, here {called}. The ARN of a session does not \
                 include the path of the role. If the role has a path, add it: role/PATH/NAME."
            )),
            PrincipalKind::Role(_) | PrincipalKind::User(_) => None,
        }
    }

    /// Whether AWS checks that the principal exists.
    pub(super) fn must_exist(&self) -> bool {
        matches!(self.kind, PrincipalKind::Role(_) | PrincipalKind::User(_))
    }

    /// The value of `"AWS":` in a policy.
    pub(super) fn arn(&self) -> String {
        let Self {
            partition, account, ..
        } = self;
        match &self.kind {
            PrincipalKind::Role(role) => role.to_string(),
            PrincipalKind::User(user) => format!("arn:{partition}:iam::{account}:user/{user}"),
            PrincipalKind::Account | PrincipalKind::PermissionSet(_) => {
                format!("arn:{partition}:iam::{account}:root")
            }
        }
    }

    /// The pattern of the caller's ARN, if [`Self::arn`] names more than this principal.
    pub(super) fn arn_pattern(&self) -> Option<String> {
        let PrincipalKind::PermissionSet(role) = &self.kind else {
            return None;
        };
        let Self {
            partition, account, ..
        } = self;
        let name = permission_set(role);
        Some(format!(
            "arn:{partition}:iam::{account}:role/{IDENTITY_CENTER_PATH}*/\
             {IDENTITY_CENTER_ROLE}{name}_*"
        ))
    }
}

/// The kind of principal that the ARN of a role names.
fn role_kind(arn: &str) -> Option<PrincipalKind> {
    let role: RoleArn = arn.parse().ok()?;
    let name = role_name(&role);
    Some(if name.starts_with(IDENTITY_CENTER_ROLE) {
        PrincipalKind::PermissionSet(name.to_owned())
    } else {
        PrincipalKind::Role(role)
    })
}

/// The name of a permission set, from the name of its role: `AWSReservedSSO_NAME_` and 16
/// hexadecimal digits.
pub(crate) fn permission_set(role: &str) -> &str {
    let is_suffix =
        |text: &str| text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let name = role.strip_prefix(IDENTITY_CENTER_ROLE).unwrap_or(role);
    match name.rsplit_once('_') {
        Some((name, suffix)) if is_suffix(suffix) => name,
        _ => name,
    }
}

/// The name of a role without its path.
pub(crate) fn role_name(role: &RoleArn) -> &str {
    friendly_name(role.as_str())
}

/// The path of a role, `/team/`, if it has one.
pub(crate) fn role_path(role: &RoleArn) -> Option<String> {
    let (_, rest) = role.as_str().split_once(":role/")?;
    let (path, _) = rest.rsplit_once('/')?;
    Some(format!("/{path}/"))
}

/// A name without its path (IAM user guide, "Friendly names and paths").
pub(crate) fn friendly_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// IAM: a name of at most 64 characters after a path of at most 512.
fn is_path_and_name(text: &str) -> bool {
    (1..=576).contains(&text.len())
        && !text.ends_with('/')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+=,.@_-/".contains(&byte))
}

/// The error for a text that is not an ARN, or that is an ARN with a region.
fn not_an_arn(text: &str) -> PrincipalError {
    let owned = text.to_owned();
    let is_service = [".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu"]
        .iter()
        .any(|suffix| text.ends_with(suffix));
    // IAM user guide, "IAM identifiers", "Unique identifiers".
    let is_unique_id = ["AROA", "AIDA"]
        .iter()
        .any(|prefix| text.starts_with(prefix))
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match text {
        "*" => PrincipalError::Anyone(owned),
        _ if text.contains('*') => PrincipalError::Wildcard(owned),
        _ if is_service => PrincipalError::Service(owned),
        _ if is_unique_id => PrincipalError::UniqueId(owned),
        _ => PrincipalError::Neither(owned),
    }
}

/// The id of an organization: `o-` and 10 to 32 lower-case letters and digits (the Organizations
/// API reference, "Organization").
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OrganizationId(String);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an organization ID. Expected `o-` and 10 to 32 lower-case letters and digits. \
     To look it up, run: aws organizations describe-organization"
)]
pub(crate) struct OrganizationIdError(String);

impl FromStr for OrganizationId {
    type Err = OrganizationIdError;

    fn from_str(text: &str) -> Result<Self, OrganizationIdError> {
        let is_id = text.strip_prefix("o-").is_some_and(|rest| {
            (10..=32).contains(&rest.len())
                && rest
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        });
        if is_id {
            Ok(Self(text.to_owned()))
        } else {
            Err(OrganizationIdError(text.to_owned()))
        }
    }
}

impl fmt::Display for OrganizationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The callers that a policy allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Callers {
    Principals(Vec<Principal>),
    /// Every account of an organization.
    Organization(OrganizationId),
}

impl Callers {
    /// Those that are not in the account, so that its resource policies must allow them.
    pub(crate) fn outside(&self, account: &AccountId) -> Option<Self> {
        let Self::Principals(principals) = self else {
            return Some(self.clone());
        };
        let outside: Vec<Principal> = principals
            .iter()
            .filter(|principal| principal.account() != account)
            .cloned()
            .collect();
        (!outside.is_empty()).then_some(Self::Principals(outside))
    }

    /// Notes for a policy that allows these callers, a few sentences each.
    pub(crate) fn caveats(&self) -> Vec<String> {
        let principals = match self {
            Self::Organization(id) => {
                return vec![format!(
                    "The condition allows only accounts of the organization {id}. Do not remove \
                     it: without it, the principal `*` allows every AWS account."
                )];
            }
            Self::Principals(principals) => principals,
        };
        let mut caveats: Vec<String> = principals.iter().filter_map(Principal::caveat).collect();
        let to_create: Vec<String> = principals
            .iter()
            .filter(|principal| principal.must_exist())
            .map(Principal::called)
            .collect();
        if !to_create.is_empty() {
            caveats.push(format!(
                "Create {} first: AWS rejects a policy that names a principal that does not exist. \
                 If you delete and re-create the principal, apply this policy again.",
                to_create.join(" and ")
            ));
        }
        caveats
    }
}

impl From<Principal> for Callers {
    fn from(principal: Principal) -> Self {
        Self::Principals(vec![principal])
    }
}

#[cfg(test)]
mod tests;
