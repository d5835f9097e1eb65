//! What a policy is attached to.

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use crate::policy::iam::{OrganizationId, RepositoryArn, friendly_name, role_name};
use crate::registry::{AccountId, Region, RoleArn};

/// What a policy is attached to.
#[derive(Clone, Debug)]
pub(super) enum PolicyTarget {
    Repository(RepositoryArn),
    Registry {
        account: AccountId,
        region: Region,
    },
    /// A role, as its trust policy.
    Trust(RoleArn),
    /// An IAM identity, as one of its policies, under this name.
    Identity {
        holder: Holder,
        name: String,
    },
}

/// Whose an identity policy is.
#[derive(Clone, Debug)]
pub(super) enum Holder {
    Role(RoleArn),
    User {
        account: AccountId,
        /// The path and name.
        user: String,
    },
    /// IAM Identity Center's; its roles cannot be changed themselves.
    PermissionSet {
        /// Where it has its role.
        account: AccountId,
        name: String,
    },
    /// Each that asks, in this account.
    Any(AccountId),
    /// Each that asks, in an account of this organization.
    AnyOf(OrganizationId),
}

impl Holder {
    pub(super) fn account(&self) -> Option<&AccountId> {
        match self {
            Self::Role(role) => Some(role.account()),
            Self::User { account, .. }
            | Self::PermissionSet { account, .. }
            | Self::Any(account) => Some(account),
            Self::AnyOf(_) => None,
        }
    }
}

impl PolicyTarget {
    fn account(&self) -> Option<&AccountId> {
        match self {
            Self::Repository(repository) => Some(repository.account()),
            Self::Registry { account, .. } => Some(account),
            Self::Trust(role) => Some(role.account()),
            Self::Identity { holder, .. } => holder.account(),
        }
    }

    /// IAM has no regions.
    fn region(&self) -> Option<&Region> {
        match self {
            Self::Repository(repository) => Some(repository.region()),
            Self::Registry { region, .. } => Some(region),
            Self::Trust(_) | Self::Identity { .. } => None,
        }
    }

    /// Says in which account it goes where.
    pub(super) fn heading(&self) -> String {
        match self {
            Self::Repository(repository) => format!(
                "In account {}, region {}: the policy of the repository {}",
                repository.account(),
                repository.region(),
                repository.name()
            ),
            Self::Registry { account, region } => {
                format!("In account {account}, region {region}: the policy of the registry")
            }
            Self::Trust(role) => format!(
                "In account {}: the trust policy of the role {}",
                role.account(),
                role_name(role)
            ),
            Self::Identity { holder, .. } => match holder {
                Holder::Role(role) => format!(
                    "In account {}: an identity policy of the role {}",
                    role.account(),
                    role_name(role)
                ),
                Holder::User { account, user } => {
                    format!(
                        "In account {account}: an identity policy of the user {}",
                        friendly_name(user)
                    )
                }
                Holder::PermissionSet { account, name, .. } => format!(
                    "In IAM Identity Center: the inline policy of the permission set {name}, which \
                     account {account} has"
                ),
                Holder::Any(account) => {
                    format!(
                        "In account {account}: an identity policy of each role or user that asks"
                    )
                }
                Holder::AnyOf(organization) => format!(
                    "In each account of the organization {organization}: an identity policy of \
                     each role or user that asks"
                ),
            },
        }
    }

    /// What kind of policy it is, for programs; and whose.
    fn kind(&self) -> (&'static str, Option<String>) {
        match self {
            Self::Repository(repository) => ("repository-policy", Some(repository.to_string())),
            Self::Registry { .. } => ("registry-policy", None),
            Self::Trust(role) => ("trust-policy", Some(role.to_string())),
            Self::Identity { holder, .. } => (
                "identity-policy",
                match holder {
                    Holder::Role(role) => Some(role.to_string()),
                    Holder::User { user, .. } => Some(user.clone()),
                    Holder::PermissionSet { name, .. } => Some(name.clone()),
                    Holder::Any(_) | Holder::AnyOf(_) => None,
                },
            ),
        }
    }
}

impl Serialize for PolicyTarget {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (kind, of) = self.kind();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("heading", &self.heading())?;
        map.serialize_entry("kind", kind)?;
        map.serialize_entry("of", &of)?;
        map.serialize_entry("account", &self.account().map(AccountId::as_str))?;
        map.serialize_entry("region", &self.region().map(Region::as_str))?;
        map.end()
    }
}
