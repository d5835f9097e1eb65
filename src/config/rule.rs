//! One `[[registry]]`: which registries it is for, and who asks for their tokens.

use std::fmt;
use std::str::FromStr;

use super::error::{ConfigError, Origin};
use super::identity_settings::{IdentitySettings, IdentityTemplate};
use super::problem::Problem;
use super::section::Section;
use crate::registry::{AccountId, Partition, Region, Registry};

/// What `match` holds: a set of registries.
///
/// A registry is known by service, account and region, so FIPS, dual-stack, a port and capital
/// letters make no difference, in the rule as in what a client sends. Only [`Match::Public`]
/// ever means public ECR.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// `"*"`: every private registry.
    Private,
    /// `"aws-cn"`: every private registry of a partition.
    Partition(Partition),
    /// `"111122223333"`: the private registries of an account, in all regions.
    Account(AccountId),
    /// `"111122223333/eu-west-1"`, or a private registry's host: that one.
    AccountAndRegion(AccountId, Region),
    /// `"public.ecr.aws"`: public ECR.
    Public,
}

impl Match {
    /// The registry is in the set.
    pub fn contains(&self, registry: &Registry) -> bool {
        match (self, registry.private()) {
            (Self::Public, private) => private.is_none(),
            (_, None) => false,
            (Self::Private, Some(_)) => true,
            (Self::Partition(partition), Some(_)) => registry.partition() == *partition,
            (Self::Account(account), Some(private)) => private.account == *account,
            (Self::AccountAndRegion(account, region), Some(private)) => {
                private.account == *account && private.region == *region
            }
        }
    }

    /// The one account that all registries of the set are in.
    pub fn account(&self) -> Option<&AccountId> {
        match self {
            Self::Account(account) | Self::AccountAndRegion(account, _) => Some(account),
            Self::Private | Self::Partition(_) | Self::Public => None,
        }
    }

    /// The one region that all registries of the set are in.
    pub fn region(&self) -> Option<&Region> {
        match self {
            Self::AccountAndRegion(_, region) => Some(region),
            _ => None,
        }
    }

    /// The one partition that all registries of the set are in. (An account is in one too, but
    /// its number does not tell which.)
    pub fn partition(&self) -> Option<Partition> {
        match self {
            Self::Partition(partition) => Some(*partition),
            Self::AccountAndRegion(_, region) => Some(Partition::of_region(region)),
            Self::Public => Some(Partition::Aws),
            Self::Private | Self::Account(_) => None,
        }
    }
}

impl fmt::Display for Match {
    /// The shortest spelling that means the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Private => f.write_str("*"),
            Self::Partition(partition) => write!(f, "{partition}"),
            Self::Account(account) => write!(f, "{account}"),
            Self::AccountAndRegion(account, region) => write!(f, "{account}/{region}"),
            Self::Public => f.write_str("public.ecr.aws"),
        }
    }
}

impl FromStr for Match {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        if text == "*" {
            return Ok(Self::Private);
        }
        if text.contains('*') {
            return Err(Problem::Wildcard(text.to_owned()));
        }
        if let Ok(partition) = text.parse() {
            return Ok(Self::Partition(partition));
        }
        let digits =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if digits(text) {
            return Ok(Self::Account(text.parse()?));
        }
        if let Some((account, region)) = text.split_once('/').filter(|(account, _)| digits(account))
        {
            return Ok(Self::AccountAndRegion(account.parse()?, region.parse()?));
        }
        // A host of one's own in front of ECR would be found here: it needs `account` and
        // `region` beside it, which a rule cannot have yet.
        let Some(registry) = Registry::parse(text) else {
            return Err(Problem::Match(text.to_owned()));
        };
        if has_path(text) {
            return Err(Problem::MatchWithPath(text.to_owned()));
        }
        Ok(match registry.private() {
            Some(private) => {
                Self::AccountAndRegion(private.account.clone(), private.region.clone())
            }
            None => Self::Public,
        })
    }
}

/// Something follows the host, which someone may take for a rule about one repository.
fn has_path(server: &str) -> bool {
    let server = match server.split_once("://") {
        Some((scheme, rest)) if !scheme.contains('/') => rest,
        _ => server,
    };
    server
        .strip_suffix('/')
        .unwrap_or(server)
        .contains(['/', '?', '#'])
}

/// A rule: registries, and the identity that asks for them.
#[derive(Clone, Debug)]
pub struct Rule {
    registries: Match,
    /// Empty where the rule is for all accounts of `registries`.
    accounts: Vec<AccountId>,
    identity: IdentityTemplate,
}

impl Rule {
    /// Reads a `[[registry]]`.
    pub(super) fn read(section: &Section<'_>) -> Result<Self, ConfigError> {
        let Some(text) = section.text("match")? else {
            return Err(section.error("match", Problem::MissingMatch));
        };
        let registries: Match = text
            .text
            .parse()
            .map_err(|problem: Problem| section.error_in(&text, "match", problem))?;
        let accounts = read_accounts(section, &registries)?;
        let Some(identity) = IdentityTemplate::read(section)? else {
            return Err(section.error_of_all(Problem::NoIdentity));
        };
        let trusted = registries.account().is_some() || !accounts.is_empty();
        identity.check_external_id(
            section,
            (!trusted).then_some("list the `accounts` that may know it"),
        )?;
        identity.check_registries(section, Some(&registries))?;
        Ok(Self {
            registries,
            accounts,
            identity,
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
        self.identity.origin()
    }

    /// Who asks for this registry, with the roles' blanks filled in.
    ///
    /// # Errors
    /// When a role or the rule's region is of another partition than the registry.
    pub fn identity_for(&self, registry: &Registry) -> Result<IdentitySettings, ConfigError> {
        self.identity.expand(registry)
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
