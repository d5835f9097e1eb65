//! One `[[registry]]`: which registries it is for, and who asks for their tokens.

use std::time::Duration;

use super::endpoint_url::EndpointUrl;
use super::error::{ConfigError, Origin};
use super::identity_settings::{IdentitySettings, IdentityTemplate};
use super::matching::{Match, read_match};
use super::problem::Problem;
use super::section::Section;
use super::shape::MAX_AGE_SECONDS;
use crate::registry::{AccountId, Registry, ServerName};

/// A rule: registries, and the identity that asks for them, how they are reached, or both.
#[derive(Clone, Debug)]
pub struct Rule {
    registries: Match,
    /// Empty where the rule is for all accounts of `registries`.
    accounts: Vec<AccountId>,
    identity: Option<IdentityTemplate>,
    settings: RegistrySettings,
    origin: Origin,
}

/// What rules say of a registry besides who asks. `None`: nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegistrySettings {
    /// Where ECR is asked for its tokens.
    pub endpoint_url: Option<EndpointUrl>,
    /// Where roles are assumed for it.
    pub sts_endpoint_url: Option<EndpointUrl>,
    /// How old its tokens may become before they are bought anew, 1 min to 12 h.
    pub max_age: Option<Duration>,
}

impl RegistrySettings {
    /// What these say, and where they say nothing, what `others` say.
    pub(super) fn or(self, others: &Self) -> Self {
        let or = |one: Option<EndpointUrl>, other: &Option<_>| one.or_else(|| other.clone());
        Self {
            endpoint_url: or(self.endpoint_url, &others.endpoint_url),
            sts_endpoint_url: or(self.sts_endpoint_url, &others.sts_endpoint_url),
            max_age: self.max_age.or(others.max_age),
        }
    }
}

impl Rule {
    /// Reads a `[[registry]]`.
    pub(super) fn read(section: &Section<'_>) -> Result<Self, ConfigError> {
        let registries = read_match(section)?;
        let accounts = read_accounts(section, &registries)?;
        let identity = IdentityTemplate::read(section)?;
        let settings = RegistrySettings {
            endpoint_url: section.parsed("endpoint_url")?,
            sts_endpoint_url: section.parsed("sts_endpoint_url")?,
            max_age: section.seconds("max_age_seconds", MAX_AGE_SECONDS)?,
        };
        let is_own = matches!(registries, Match::Own(_));
        match &identity {
            Some(identity) => {
                let trusted = registries.account().is_some() || !accounts.is_empty();
                identity.check_external_id(
                    section,
                    (!trusted).then_some("list the `accounts` that may know it"),
                )?;
                identity.check_registries(section, Some(&registries))?;
            }
            None if !is_own && settings == RegistrySettings::default() => {
                return Err(section.error_of_all(Problem::NoIdentity));
            }
            None if !is_own && section.has("region") => {
                return Err(section.error("region", Problem::RegionOfNobody));
            }
            None => {}
        }
        Ok(Self {
            registries,
            accounts,
            identity,
            settings,
            origin: section.origin(),
        })
    }

    /// The rule is for this registry.
    pub fn matches(&self, registry: &Registry) -> bool {
        let listed = |account| self.accounts.is_empty() || self.accounts.contains(account);
        self.registries.contains(registry)
            && registry
                .private()
                .is_none_or(|private| listed(&private.account))
    }

    /// The registry behind a host of one's own, where the rule names that host.
    pub fn registry_behind(&self, server: &ServerName) -> Option<Registry> {
        match &self.registries {
            Match::Own(own) if own.is_of(server) => Some(own.registry().clone()),
            _ => None,
        }
    }

    /// What `match` holds.
    pub fn registries(&self) -> &Match {
        &self.registries
    }

    /// The accounts that the rule is limited to; empty when it is not.
    pub fn accounts(&self) -> &[AccountId] {
        &self.accounts
    }

    /// Where the rule stands.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// What the rule says besides who asks.
    pub fn settings(&self) -> &RegistrySettings {
        &self.settings
    }

    /// The identity of the rule, before its roles' blanks are filled in.
    pub(super) fn identity(&self) -> Option<&IdentityTemplate> {
        self.identity.as_ref()
    }

    /// Who asks for this registry, with the roles' blanks filled in; `None` where the rule does
    /// not say.
    ///
    /// # Errors
    /// When a role or the rule's region is of another partition than the registry.
    pub fn identity_for(
        &self,
        registry: &Registry,
    ) -> Result<Option<IdentitySettings>, ConfigError> {
        self.identity
            .as_ref()
            .map(|identity| identity.expand(registry))
            .transpose()
    }
}

fn read_accounts(section: &Section<'_>, registries: &Match) -> Result<Vec<AccountId>, ConfigError> {
    let mut accounts = Vec::new();
    for text in section.texts("accounts")?.unwrap_or_default() {
        let account = text.text.parse::<AccountId>();
        accounts.push(account.map_err(|error| section.error_in(&text, "accounts", error))?);
    }
    if *registries == Match::Public && !accounts.is_empty() {
        return Err(section.error("accounts", Problem::AccountsOfPublic));
    }
    match registries.account() {
        Some(account) if !accounts.is_empty() && !accounts.contains(account) => {
            Err(section.error("accounts", Problem::AccountNotListed(account.clone())))
        }
        _ => Ok(accounts),
    }
}
