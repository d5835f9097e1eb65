//! The resource or IAM identity that a policy is attached to.

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use crate::iam::{OrganizationId, RepositoryArn, friendly_name, role_name};
use crate::registry::{AccountId, Region, RoleArn};

/// The resource or IAM identity that a policy is attached to.
#[derive(Clone, Debug)]
pub(super) enum PolicyTarget {
    Repository(RepositoryArn),
    Registry {
        account: AccountId,
        region: Region,
    },
    /// The trust policy of a role.
    Trust(RoleArn),
    /// A policy of an IAM identity, with this name.
    Identity {
        holder: Holder,
        name: String,
    },
}

/// The IAM identity that an identity policy is attached to.
#[derive(Clone, Debug)]
pub(super) enum Holder {
    Role(RoleArn),
    User {
        account: AccountId,
        /// The path and name.
        user: String,
    },
    /// A permission set of IAM Identity Center, as its roles cannot be changed directly.
    PermissionSet {
        /// The account of its role.
        account: AccountId,
        name: String,
    },
    /// Any role or user of this account that needs access.
    Any(AccountId),
    /// Any role or user of this organization that needs access.
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

/// The accounts whose credentials set a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner<'a> {
    Account(&'a AccountId),
    /// The account that manages IAM Identity Center.
    IdentityCenter,
    /// Each account of an organization.
    Members(&'a OrganizationId),
}

impl PolicyTarget {
    pub(super) fn owner(&self) -> Owner<'_> {
        match self {
            Self::Repository(repository) => Owner::Account(repository.account()),
            Self::Registry { account, .. } => Owner::Account(account),
            Self::Trust(role) => Owner::Account(role.account()),
            Self::Identity { holder, .. } => match holder {
                Holder::Role(role) => Owner::Account(role.account()),
                Holder::User { account, .. } | Holder::Any(account) => Owner::Account(account),
                Holder::PermissionSet { .. } => Owner::IdentityCenter,
                Holder::AnyOf(organization) => Owner::Members(organization),
            },
        }
    }

    pub(super) fn account(&self) -> Option<&AccountId> {
        match self {
            Self::Repository(repository) => Some(repository.account()),
            Self::Registry { account, .. } => Some(account),
            Self::Trust(role) => Some(role.account()),
            Self::Identity { holder, .. } => holder.account(),
        }
    }

    /// IAM has no regions.
    pub(super) fn region(&self) -> Option<&Region> {
        match self {
            Self::Repository(repository) => Some(repository.region()),
            Self::Registry { region, .. } => Some(region),
            Self::Trust(_) | Self::Identity { .. } => None,
        }
    }

    /// The account, the resource and the kind of policy.
    pub(super) fn heading(&self) -> String {
        match self {
            Self::Repository(repository) => format!(
                "Account {}, region {}: repository policy of {}",
                repository.account(),
                repository.region(),
                repository.name()
            ),
            Self::Registry { account, region } => {
                format!("Account {account}, region {region}: registry policy")
            }
            Self::Trust(role) => format!(
                "Account {}: trust policy of the role {}",
                role.account(),
                role_name(role)
            ),
            Self::Identity { holder, .. } => match holder {
                Holder::Role(role) => format!(
                    "Account {}: identity policy of the role {}",
                    role.account(),
                    role_name(role)
                ),
                Holder::User { account, user } => {
                    format!(
                        "Account {account}: identity policy of the user {}",
                        friendly_name(user)
                    )
                }
                Holder::PermissionSet { account, name, .. } => format!(
                    "IAM Identity Center: inline policy of the permission set {name} (account \
                     {account})"
                ),
                Holder::Any(account) => {
                    format!("Account {account}: identity policy of each role that needs access")
                }
                Holder::AnyOf(organization) => format!(
                    "Each account of the organization {organization}: identity policy of each \
                     role that needs access"
                ),
            },
        }
    }

    /// The kind of policy, and the name or ARN of its resource or identity, for programs.
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

impl PolicyTarget {
    /// The name of a file for this policy, without an extension: the account and the kind.
    pub(super) fn file_stem(&self) -> String {
        let (kind, _) = self.kind();
        let (owner, name) = match self {
            Self::Repository(repository) => (None, repository.name()),
            Self::Registry { .. } => (None, ""),
            Self::Trust(role) => (None, role_name(role)),
            Self::Identity { holder, .. } => match holder {
                Holder::Role(role) => (None, role_name(role)),
                Holder::User { user, .. } => (None, friendly_name(user)),
                Holder::PermissionSet { name, .. } => (None, name.as_str()),
                Holder::Any(_) => (None, ""),
                Holder::AnyOf(organization) => (Some(organization.to_string()), ""),
            },
        };
        let account = self.account().map(ToString::to_string);
        let region = self.region().map(ToString::to_string);
        let parts = [account.or(owner), region, Some(kind.to_owned())];
        let mut stem: Vec<String> = parts.into_iter().flatten().collect();
        if !name.is_empty() {
            stem.push(name.replace('/', "-"));
        }
        stem.join("-")
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
