//! Whom policies are about: principals, organizations, and all callers of one policy.

use std::fmt;
use std::str::FromStr;

use crate::registry::{AccountId, Partition, RoleArn};

/// Where IAM Identity Center keeps the roles of its permission sets: behind this in every
/// region, save that there is a folder of the region's name in between in most.
const IDENTITY_CENTER_PATH: &str = "aws-reserved/sso.amazonaws.com";

/// What the names of these roles begin with. Nobody else can make a role called so.
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
    /// A role of IAM Identity Center, by its name alone: a session's ARN does not tell the path,
    /// which holds the region that Identity Center is in. AWS advises against naming such a role
    /// by its ARN, as it is made anew when its permission set is ("Referencing permission sets in
    /// resource policies").
    PermissionSet(String),
    /// A user: the path and the name, `team/alice`.
    User(String),
}

/// Why a text names no principal that ECR's policies could let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PrincipalError {
    #[error(
        "`{0}` is no principal: give an account by its 12 digits, or the ARN of a role, of a user \
         or of an account's root"
    )]
    Neither(String),
    /// `*`.
    #[error(
        "the principal `{0}` is every AWS account there is: name accounts, roles or users, or an \
         organization"
    )]
    Everybody(String),
    /// `arn:aws:iam::111122223333:role/*`.
    #[error(
        "`{0}` has a wildcard, which AWS does not take in a principal: name each role or user, or \
         the whole account"
    )]
    Wildcard(String),
    /// `arn:aws:sts::111122223333:federated-user/alice`.
    #[error(
        "`{0}` is the session of a federated user: its rights are those of the user who began it, \
         so name that user"
    )]
    FederatedUser(String),
    /// `ecs-tasks.amazonaws.com`.
    #[error(
        "`{0}` is a service of AWS: name the role that it assumes, such as the execution role of an \
         ECS task. Those that pull as themselves (Lambda; CodeBuild with its own credentials) take \
         a statement of their own, with aws:SourceArn, which AWS's guides to them have"
    )]
    Service(String),
    #[error(
        "`{0}` is an identity provider: its users come as the role that they assume, so name that \
         role"
    )]
    Provider(String),
    /// `arn:aws:iam::111122223333:group/team`.
    #[error(
        "`{0}` is a group, which AWS does not take as principal: name its users, or the account"
    )]
    Group(String),
    /// `arn:aws:iam::111122223333:instance-profile/node`.
    #[error("`{0}` is an instance profile: name the role that is in it")]
    InstanceProfile(String),
    /// `AROAEXAMPLEID`.
    #[error(
        "`{0}` is the unique id of a role or user: AWS writes it where the one that was named has \
         been deleted. Name the one there is now, by its ARN"
    )]
    UniqueId(String),
    #[error(
        "`{principal}` is in the partition {theirs}, and the registry in {ours}: no policy reaches \
         from one to the other. Name a principal of {ours}"
    )]
    Partition {
        principal: String,
        theirs: Partition,
        ours: Partition,
    },
}

impl Principal {
    /// Reads an account id, or an ARN as policies, `aws sts get-caller-identity` and denials
    /// write them. An `assumed-role` session becomes its role. `ours` is the partition of what
    /// the policy is about: that of an account id, and what an ARN must be in.
    pub(crate) fn parse(text: &str, ours: Partition) -> Result<Self, PrincipalError> {
        let wrong = || PrincipalError::Neither(text.to_owned());
        if let Ok(account) = text.parse() {
            return Ok(Self::new(ours, account, PrincipalKind::Account));
        }
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let ["arn", partition, service, "", account, resource] = parts[..] else {
            return Err(no_arn(text));
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
                if session.is_empty() || !is_path_and_name(role) {
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

    /// Whether policies name both alike: a role and its sessions.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        (self.partition, &self.account, &self.kind)
            == (other.partition, &other.account, &other.kind)
    }

    /// The same with its path, where it is a session of this role: sessions do not tell it.
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

    /// As people call it: `the role ecr-pull`, `the account 111122223333`.
    pub(crate) fn called(&self) -> String {
        match &self.kind {
            PrincipalKind::Account => format!("the account {}", self.account),
            PrincipalKind::Role(role) => format!("the role {}", role_name(role)),
            PrincipalKind::PermissionSet(role) => format!("the role {role}"),
            PrincipalKind::User(path) => format!("the user {}", friendly_name(path)),
        }
    }

    /// What is to be known where a policy names it, in a sentence or two.
    pub(crate) fn caveat(&self) -> Option<String> {
        let called = self.called();
        match &self.kind {
            PrincipalKind::Account => Some(format!(
                "The root of {} stands for the whole account: every role and user there whose own \
                 identity policy allows it.",
                self.account
            )),
            PrincipalKind::PermissionSet(role) => Some(format!(
                "{role} is a role of IAM Identity Center: it may be made anew, and a session does \
                 not tell its path. So the account is named, with a condition that only the ARN of \
                 this role fits."
            )),
            PrincipalKind::Role(_) if self.was_session => Some(format!(
                "The session stands for {called}. Sessions do not tell the path of their role: if \
                 it has one, put it in, as in role/path/name."
            )),
            PrincipalKind::Role(_) | PrincipalKind::User(_) => None,
        }
    }

    /// Whether AWS looks if there is such a role or user.
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

    /// What the caller's ARN must be like, if [`Self::arn`] names more than the one that is meant.
    pub(super) fn arn_pattern(&self) -> Option<String> {
        let PrincipalKind::PermissionSet(role) = &self.kind else {
            return None;
        };
        let Self {
            partition, account, ..
        } = self;
        Some(format!(
            "arn:{partition}:iam::{account}:role/{IDENTITY_CENTER_PATH}*/{role}"
        ))
    }
}

/// What kind of principal the ARN of a role names.
fn role_kind(arn: &str) -> Option<PrincipalKind> {
    let role: RoleArn = arn.parse().ok()?;
    let name = role_name(&role);
    Some(if name.starts_with(IDENTITY_CENTER_ROLE) {
        PrincipalKind::PermissionSet(name.to_owned())
    } else {
        PrincipalKind::Role(role)
    })
}

/// The name of a permission set, from its role's: `AWSReservedSSO_NAME_0123456789abcdef`.
pub(crate) fn permission_set(role: &str) -> &str {
    let rest = role.strip_prefix(IDENTITY_CENTER_ROLE);
    let name = rest.and_then(|rest| rest.rsplit_once('_'));
    name.map_or(role, |(name, _)| name)
}

/// The name of a role without its path.
pub(crate) fn role_name(role: &RoleArn) -> &str {
    friendly_name(role.as_str())
}

/// The path of a role, `/team/`, where it has one.
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

/// Why what is no ARN, or an ARN with a region, is no principal.
fn no_arn(text: &str) -> PrincipalError {
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
        "*" => PrincipalError::Everybody(owned),
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
    "`{0}` is no organization's id: those are `o-` and 10 to 32 lower-case letters and digits, as \
     `aws organizations describe-organization` prints"
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

/// All whom a policy is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Callers {
    Principals(Vec<Principal>),
    /// Every account of an organization.
    Organization(OrganizationId),
}

impl Callers {
    /// Those that are not in the account: its resources have to let them in.
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

    /// What is to be known of a policy that lets them in, a sentence or two each.
    pub(crate) fn caveats(&self) -> Vec<String> {
        let principals = match self {
            Self::Organization(id) => {
                return vec![format!(
                    "The condition lets in every account of the organization {id} and nobody \
                     else: it is what makes the principal `*` safe. Do not take it out."
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
                "Create {} first: AWS refuses principals that do not exist. What is deleted and \
                 made again is let in when this policy has been put again.",
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
