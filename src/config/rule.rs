//! A rule, `[[registry]]`: the registries that it matches, and the identity and settings for them.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use super::access::AccessLimit;
use super::error::{ConfigError, Origin, Problem};
use super::identity::{IdentitySettings, IdentityTemplate};
use super::section::Section;
use crate::net::{HttpUrl, is_loopback};
use crate::redaction::shown_url;
use crate::registry::{
    AccountId, Lookup, Partition, PrivateRegistry, Region, Registry, RepositoryPattern, ServerName,
    path_in,
};

/// The range of `max_age_seconds`. Tokens are valid for 12 hours.
pub(super) const MAX_AGE_SECONDS: RangeInclusive<u64> = 60..=43200;

/// A rule: registries, and an identity, other settings, or both.
#[derive(Clone, Debug)]
pub struct Rule {
    registries: Match,
    /// Empty if the rule is for all accounts of `registries`.
    accounts: Vec<AccountId>,
    identity: Option<IdentityTemplate>,
    settings: RegistrySettings,
    origin: Origin,
}

/// The settings of a registry other than the identity. `None`: not set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegistrySettings {
    /// The ECR endpoint.
    pub endpoint_url: Option<EndpointUrl>,
    /// The STS endpoint for assuming roles.
    pub sts_endpoint_url: Option<EndpointUrl>,
    /// The age at which its tokens are renewed, 1 min to 12 h.
    pub max_age: Option<Duration>,
    /// The rights that its tokens are limited to.
    pub access: Option<AccessLimit>,
}

impl RegistrySettings {
    /// These settings, and those of `others` that are not set here.
    pub(super) fn or(self, others: &Self) -> Self {
        let or = |one: Option<EndpointUrl>, other: &Option<_>| one.or_else(|| other.clone());
        Self {
            endpoint_url: or(self.endpoint_url, &others.endpoint_url),
            sts_endpoint_url: or(self.sts_endpoint_url, &others.sts_endpoint_url),
            max_age: self.max_age.or(others.max_age),
            access: self.access.or_else(|| others.access.clone()),
        }
    }
}

impl Rule {
    /// Reads a rule; `None` if mistakes were recorded.
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let registries = read_match(section);
        // A misspelled `match` is not reported as a missing one, too.
        let registries = match registries {
            Err(_) if section.is_flawed() && !section.has("match") => None,
            registries => section.keep(registries),
        };
        let accounts = section.keep(read_accounts(section, registries.as_ref()));
        let identity = IdentityTemplate::read(section);
        let settings = RegistrySettings {
            endpoint_url: section.keep_some(section.parsed("endpoint_url")),
            sts_endpoint_url: section.keep_some(section.parsed("sts_endpoint_url")),
            max_age: section.keep_some(section.seconds("max_age_seconds", MAX_AGE_SECONDS)),
            access: section.keep_some(AccessLimit::read(section)),
        };
        if section.is_flawed() {
            return None;
        }
        let rule = Self {
            registries: registries?,
            accounts: accounts?,
            identity,
            settings,
            origin: section.origin(),
        };
        section.keep(rule.check(section))?;
        Some(rule)
    }

    /// Refuses parts that contradict each other.
    fn check(&self, section: &Section<'_>) -> Result<(), ConfigError> {
        let registries = &self.registries;
        let is_own = matches!(registries, Match::Own(_));
        if let Some(access) = &self.settings.access {
            access.check(section, registries, self.identity.as_ref())?;
        }
        match &self.identity {
            Some(identity) => {
                let trusted = registries.account().is_some() || !self.accounts.is_empty();
                identity.check_external_id(
                    section,
                    (!trusted).then_some("list the trusted `accounts`"),
                )?;
                if *registries == Match::Public {
                    identity.check_blanks(section)?;
                }
                let partition = registries.partition();
                identity.check_partition(section, partition.map(|it| (registries as _, it)))
            }
            None if !is_own && self.settings == RegistrySettings::default() => {
                Err(section.error_of_all(Problem::NoIdentity))
            }
            None if !is_own && section.has("region") => {
                Err(section.error("region", Problem::RegionWithoutIdentity))
            }
            None => Ok(()),
        }
    }

    pub fn matches(&self, lookup: Lookup<'_>) -> bool {
        let listed = |account| self.accounts.is_empty() || self.accounts.contains(account);
        self.registries.contains(lookup)
            && lookup
                .registry
                .private()
                .is_none_or(|private| listed(&private.account))
    }

    /// A lookup that the rule matches, if it is for repositories of this registry.
    pub(crate) fn repository_lookup<'a>(&'a self, registry: &'a Registry) -> Option<Lookup<'a>> {
        let lookup = Lookup {
            registry,
            repository: Some(self.registries.repositories()?.as_str()),
        };
        self.matches(lookup).then_some(lookup)
    }

    /// The registry of a custom host name, if the rule is for this host.
    pub fn registry_behind(&self, server: &ServerName) -> Option<Registry> {
        match &self.registries {
            Match::Own(own) if own.has_name(server) => Some(own.registry().clone()),
            _ => None,
        }
    }

    pub fn registries(&self) -> &Match {
        &self.registries
    }

    /// The accounts that the rule is limited to; empty for all.
    pub fn accounts(&self) -> &[AccountId] {
        &self.accounts
    }

    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The one region in which its registries are known to be: that of `match`, else `region`.
    pub fn region(&self) -> Option<&Region> {
        let own = self.identity.as_ref().and_then(IdentityTemplate::region);
        self.registries.region().or(own)
    }

    /// The settings other than the identity.
    pub fn settings(&self) -> &RegistrySettings {
        &self.settings
    }

    /// The identity of the rule, with placeholders.
    pub(super) fn identity(&self) -> Option<&IdentityTemplate> {
        self.identity.as_ref()
    }

    /// The identity for this registry; `None` if the rule has none.
    ///
    /// # Errors
    /// If a role or the rule's region is in another partition than the registry.
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

fn read_accounts(
    section: &Section<'_>,
    registries: Option<&Match>,
) -> Result<Vec<AccountId>, ConfigError> {
    let mut accounts = Vec::new();
    for text in section.texts("accounts")?.unwrap_or_default() {
        let account = text.text.parse::<AccountId>();
        accounts.push(account.map_err(|error| section.error_in(&text, "accounts", error))?);
    }
    if registries == Some(&Match::Public) && !accounts.is_empty() {
        return Err(section.error("accounts", Problem::AccountsOfPublic));
    }
    match registries.and_then(Match::account) {
        Some(account) if !accounts.is_empty() && !accounts.contains(account) => {
            Err(section.error("accounts", Problem::AccountNotListed(account.clone())))
        }
        _ => Ok(accounts),
    }
}

/// The value of `endpoint_url` and `sts_endpoint_url`: `https://HOST[:PORT][/PATH]`, or `http://` with a
/// loopback host, as credentials are sent there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointUrl(String);

impl EndpointUrl {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for EndpointUrl {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        match HttpUrl::parse(text) {
            Some(url) if (url.is_https || is_loopback(url.host)) && !text.contains(['?', '#']) => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(Problem::EndpointUrl(shown_url(text))),
        }
    }
}

/// The `match` of a rule: a set of registries.
///
/// A registry is identified by service, account and region. FIPS, dual-stack, a port and capital
/// letters make no difference, neither in the rule nor in a client's request. Only
/// [`Match::Public`] includes public ECR.
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
    /// `"111122223333/eu-west-1/team/*"`, or with the host: repositories of that one, if the client
    /// sends the repository.
    Repositories(AccountId, Region, RepositoryPattern),
    /// `"public.ecr.aws"`: public ECR.
    Public,
    /// A custom host name, with `account` and `region`: the registry of this name.
    Own(OwnName),
}

/// A custom host name of an ECR registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnName {
    name: ServerName,
    registry: Registry,
}

impl OwnName {
    /// A name with a port matches only this port.
    pub fn new(name: ServerName, account: AccountId, region: Region) -> Self {
        let registry = Registry::behind(&name, account, region);
        Self { name, registry }
    }

    /// The registry, with this name as its host.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    fn private(&self) -> Option<&PrivateRegistry> {
        self.registry.private()
    }

    fn has_name(&self, server: &ServerName) -> bool {
        // Clients omit the port of https.
        let port = |name: &ServerName| name.port.unwrap_or(443);
        self.name.host == server.host
            && (self.name.port.is_none() || port(&self.name) == port(server))
    }
}

impl Match {
    pub fn contains(&self, lookup: Lookup<'_>) -> bool {
        let Lookup {
            registry,
            repository,
        } = lookup;
        match (self, registry.private()) {
            (Self::Public, private) => private.is_none(),
            (_, None) => false,
            (Self::Private, Some(_)) => true,
            (Self::Own(own), private) => {
                own.private() == private
                    && ServerName::parse(registry.host())
                        .is_some_and(|server| own.has_name(&server))
            }
            (Self::Partition(partition), Some(_)) => registry.partition() == *partition,
            (Self::Account(account), Some(private)) => private.account == *account,
            (Self::AccountAndRegion(account, region), Some(private)) => {
                private.account == *account && private.region == *region
            }
            (Self::Repositories(account, region, pattern), Some(private)) => {
                private.account == *account
                    && private.region == *region
                    && repository.is_some_and(|repository| pattern.matches(repository))
            }
        }
    }

    /// The account of all registries in the set.
    pub fn account(&self) -> Option<&AccountId> {
        match self {
            Self::Account(account)
            | Self::AccountAndRegion(account, _)
            | Self::Repositories(account, ..) => Some(account),
            Self::Own(own) => own.private().map(|private| &private.account),
            Self::Private | Self::Partition(_) | Self::Public => None,
        }
    }

    /// The region of all registries in the set.
    pub fn region(&self) -> Option<&Region> {
        match self {
            Self::AccountAndRegion(_, region) | Self::Repositories(_, region, _) => Some(region),
            Self::Own(own) => own.private().map(|private| &private.region),
            _ => None,
        }
    }

    /// The repositories that the set is limited to.
    pub fn repositories(&self) -> Option<&RepositoryPattern> {
        match self {
            Self::Repositories(.., pattern) => Some(pattern),
            _ => None,
        }
    }

    /// The partition of all registries in the set. (The partition of an account is not known from its
    /// ID.)
    pub fn partition(&self) -> Option<Partition> {
        match self {
            Self::Partition(partition) => Some(*partition),
            Self::AccountAndRegion(..) | Self::Repositories(..) | Self::Own(_) => {
                self.region().map(Partition::of_region)
            }
            Self::Public => Some(Partition::Aws),
            Self::Private | Self::Account(_) => None,
        }
    }
}

impl fmt::Display for Match {
    /// The shortest spelling.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Private => f.write_str("*"),
            Self::Partition(partition) => write!(f, "{partition}"),
            Self::Account(account) => write!(f, "{account}"),
            Self::AccountAndRegion(account, region) => write!(f, "{account}/{region}"),
            Self::Repositories(account, region, pattern) => {
                write!(f, "{account}/{region}/{pattern}")
            }
            Self::Public => f.write_str("public.ecr.aws"),
            Self::Own(own) => write!(f, "{}", own.name),
        }
    }
}

impl FromStr for Match {
    type Err = Problem;

    /// Parses all but custom host names, as these do not contain the registry.
    fn from_str(text: &str) -> Result<Self, Problem> {
        if text == "*" {
            return Ok(Self::Private);
        }
        if let Ok(partition) = text.parse() {
            return Ok(Self::Partition(partition));
        }
        // Of the text, or of the part that is wrong.
        let wrong = |part: &str, problem| match part.contains('*') {
            true => Problem::Wildcard(text.to_owned()),
            false => problem,
        };
        let digits =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if digits(text) {
            return Ok(Self::Account(text.parse()?));
        }
        if let Some((account, rest)) = text.split_once('/').filter(|(account, _)| digits(account)) {
            let account = account.parse()?;
            let (region, repositories) = match rest.split_once('/') {
                Some((region, repositories)) => (region, Some(repositories)),
                None => (rest, None),
            };
            let region = region
                .parse()
                .map_err(|error| wrong(region, Problem::Value(error)))?;
            return Ok(match repositories {
                None => Self::AccountAndRegion(account, region),
                Some(end) => Self::Repositories(account, region, parse_repositories(end, text)?),
            });
        }
        let Some(registry) = Registry::parse(text) else {
            return Err(wrong(text, Problem::Match(text.to_owned())));
        };
        match (registry.private(), path_in(text)) {
            (None, None) => Ok(Self::Public),
            (None, Some(_)) => Err(Problem::MatchWithPath(text.to_owned())),
            (Some(private), path) => {
                let (account, region) = (private.account.clone(), private.region.clone());
                Ok(match path {
                    None => Self::AccountAndRegion(account, region),
                    Some(path) => {
                        Self::Repositories(account, region, parse_repositories(path, text)?)
                    }
                })
            }
        }
    }
}

/// Parses the end of a `match`, of which `text` is the whole.
fn parse_repositories(repositories: &str, text: &str) -> Result<RepositoryPattern, Problem> {
    if let ("*", Some(registry)) = (repositories, text.strip_suffix("/*")) {
        return Err(Problem::EveryRepository(registry.to_owned()));
    }
    RepositoryPattern::parse(repositories).ok_or_else(|| Problem::Repositories(text.to_owned()))
}

/// Reads `match`, with `account` and `region` if it is a custom host name.
pub(super) fn read_match(section: &Section<'_>) -> Result<Match, ConfigError> {
    let Some(text) = section.text("match")? else {
        return Err(section.error("match", Problem::MissingMatch));
    };
    let ecr_match = text.text.parse::<Match>();
    let Some(account) = section.parsed("account")? else {
        return ecr_match.map_err(|problem| section.error_in(&text, "match", problem));
    };
    if ecr_match.is_ok() {
        return Err(section.error("account", Problem::AccountOfEcr));
    }
    let wrong = |problem| section.error_in(&text, "match", problem);
    if let Err(
        problem @ (Problem::Value(_) | Problem::Repositories(_) | Problem::EveryRepository(_)),
    ) = ecr_match
    {
        return Err(wrong(problem));
    }
    let name = ServerName::parse(text.text)
        .ok_or_else(|| wrong(Problem::MatchOfOwn(text.text.to_owned())))?;
    if path_in(text.text).is_some() {
        return Err(wrong(Problem::MatchWithPath(text.text.to_owned())));
    }
    let region = section
        .parsed("region")?
        .ok_or_else(|| section.error("region", Problem::MissingRegion))?;
    Ok(Match::Own(OwnName::new(name, account, region)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_or_this_machine_itself() {
        for (text, expected) in [
            (
                "https://vpce-0abc.api.ecr.eu-west-1.vpce.amazonaws.com",
                true,
            ),
            ("https://10.0.0.5:8443/ecr", true),
            ("http://localhost:4566", true),
            ("http://LOCALHOST", true),
            ("http://127.0.0.1:4566/", true),
            ("http://127.8.9.10", true),
            ("http://[::1]:4566", true),
            ("http://10.0.0.5", false),
            ("http://localhost.example.com", false),
            ("http://127.0.0.1.example.com", false),
            ("http://127.0.0.1@example.com", false),
            ("http://[2001:db8::1]", false),
            ("https://alice:secret@example.com", false),
            ("https://example.com?x=y", false),
            ("https://example.com/#x", false),
            ("https://", false),
            ("https://example.com:port", false),
            ("example.com", false),
            ("HTTPS://example.com", false),
            ("ftp://example.com", false),
            ("https://exa mple.com", false),
            ("https://example..com", false),
            ("https://[::1", false),
            ("http://[[::1]]:80", false),
            ("http://::1", false),
            ("https://[example.com]", false),
        ] {
            assert_eq!(EndpointUrl::from_str(text).is_ok(), expected, "{text}");
        }
    }

    #[test]
    fn a_password_is_not_repeated() {
        for text in [
            "https://alice:secret@example.com",
            "https://alice:secret",
            "https://example.com?key=secret",
        ] {
            let error = EndpointUrl::from_str(text).unwrap_err();
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
