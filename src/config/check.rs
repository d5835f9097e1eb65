//! Rules that are never used, because earlier rules set the same for all their registries.
//!
//! Each part of a rule is taken from the first matching rule that sets it: the identity, the two
//! endpoints, the age, the access, and the registry of a custom host name. A rule is unreachable only
//! if earlier rules set each of its parts for each of its registries. Rules are compared by trying them
//! with sample registries. A few are enough, as rules only compare account, region, partition and name.
//! The sample of a rule for repositories is its own pattern: what matches that matches all of them.

use std::collections::BTreeSet;

use super::error::Origin;
use super::load::Config;
use super::rule::{Match, Rule};
use crate::registry::{
    AccountId, Lookup, Partition, Region, Registry, RepositoryPattern, ServerName,
};

/// A rule that is never used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreachable {
    pub origin: Origin,
    /// Its `match`.
    pub registries: String,
    pub why: Why,
}

/// Why a rule is never used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// These rules set all its parts for all its registries.
    EarlierRules(Vec<Origin>),
    /// An earlier rule maps its host to another registry.
    HostTaken {
        by: Origin,
        /// The account and region of that registry.
        registry: String,
    },
}

/// Whether a rule sets each of the parts that registries get from rules.
const PARTS: [fn(&Rule) -> bool; 5] = [
    |rule| rule.identity().is_some(),
    |rule| rule.settings().endpoint_url.is_some(),
    |rule| rule.settings().sts_endpoint_url.is_some(),
    |rule| rule.settings().max_age.is_some(),
    |rule| rule.settings().access.is_some(),
];

impl Config {
    /// The rules that are never used, in their order.
    pub fn unreachable_rules(&self) -> Vec<Unreachable> {
        let samples = Samples::from_rules(self.rules());
        let unreachable = |(index, rule): (usize, &Rule)| {
            let why = self.why_unreachable(&self.rules()[..index], rule, &samples)?;
            Some(Unreachable {
                origin: rule.origin().clone(),
                registries: rule.registries().to_string(),
                why,
            })
        };
        self.rules()
            .iter()
            .enumerate()
            .filter_map(unreachable)
            .collect()
    }

    fn why_unreachable(&self, earlier: &[Rule], rule: &Rule, samples: &Samples) -> Option<Why> {
        let mut by: BTreeSet<usize> = BTreeSet::new();
        let repository = rule.registries().repositories();
        let repository = repository.map(RepositoryPattern::as_str);
        let matches = |rule: &Rule, registry: &Registry| {
            rule.matches(Lookup {
                registry,
                repository,
            })
        };
        let registries: Box<dyn Iterator<Item = Registry>> = match rule.registries() {
            Match::Own(own) => {
                let servers = samples.servers(own.registry());
                for server in &servers {
                    // The first rule with the host decides which registry it is.
                    let has_host = |rule: &Rule| rule.registry_behind(server).is_some();
                    by.insert(earlier.iter().position(has_host)?);
                }
                let registries: Vec<Registry> = servers
                    .iter()
                    .filter_map(|server| self.registry(&server.to_string()))
                    .collect();
                if !registries.iter().any(|registry| matches(rule, registry)) {
                    return Some(Why::HostTaken {
                        by: earlier[*by.first()?].origin().clone(),
                        registry: account_and_region(registries.first()?),
                    });
                }
                Box::new(registries.into_iter())
            }
            _ => samples.registries(rule),
        };
        let parts: Vec<_> = PARTS.into_iter().filter(|is_set| is_set(rule)).collect();
        for registry in registries.filter(|registry| matches(rule, registry)) {
            for is_set in &parts {
                let takes_precedence = |rule: &Rule| is_set(rule) && matches(rule, &registry);
                by.insert(earlier.iter().position(takes_precedence)?);
            }
        }
        let origins = by.into_iter().map(|index| earlier[index].origin().clone());
        Some(Why::EarlierRules(origins.collect()))
    }
}

fn account_and_region(registry: &Registry) -> String {
    match registry.private() {
        Some(private) => format!("{}/{}", private.account, private.region),
        None => registry.to_string(),
    }
}

/// The accounts, regions and ports that rules name, and one of each that no rule names.
struct Samples {
    accounts: Vec<AccountId>,
    regions: Vec<Region>,
    names: Vec<ServerName>,
}

impl Samples {
    fn from_rules(rules: &[Rule]) -> Self {
        let named: BTreeSet<AccountId> = rules
            .iter()
            .flat_map(|rule| rule.accounts().iter().chain(rule.registries().account()))
            .cloned()
            .collect();
        let other = (0..)
            .filter_map(|number| format!("{number:012}").parse::<AccountId>().ok())
            .find(|account| !named.contains(account));
        let regions: BTreeSet<Region> = rules
            .iter()
            .filter_map(|rule| rule.registries().region())
            .cloned()
            .collect();
        let others = Partition::all().map(|(_, prefix)| other_region(prefix, &regions));
        Self {
            // Those that no rule names come first, as most rules are found to be used by one of them.
            regions: others.chain(regions.iter().cloned()).collect(),
            accounts: other.into_iter().chain(named).collect(),
            names: rules
                .iter()
                .filter_map(|rule| match rule.registries() {
                    Match::Own(own) => ServerName::parse(own.registry().host()),
                    _ => None,
                })
                .collect(),
        }
    }

    /// The names that clients may use for a custom host: without a port, and with each port that a
    /// rule names.
    fn servers(&self, own: &Registry) -> Vec<ServerName> {
        let Some(name) = ServerName::parse(own.host()) else {
            return Vec::new();
        };
        if name.port.is_some() {
            return vec![name];
        }
        let others = self
            .names
            .iter()
            .filter(|other| other.host == name.host && other.port.is_some());
        // One port that no rule names is a sample of all others.
        let unnamed = (1..=u16::MAX).find(|port| {
            !self
                .names
                .iter()
                .any(|other| other.port.unwrap_or(443) == *port)
        });
        [name.port, unnamed]
            .into_iter()
            .map(|port| ServerName {
                host: name.host.clone(),
                port,
            })
            .chain(others.cloned())
            .collect()
    }

    /// Samples of a rule's registries.
    fn registries<'a>(&'a self, rule: &'a Rule) -> Box<dyn Iterator<Item = Registry> + 'a> {
        if *rule.registries() == Match::Public {
            return Box::new(Registry::parse("public.ecr.aws").into_iter());
        }
        let accounts = match rule.registries().account() {
            Some(account) => std::slice::from_ref(account),
            None if rule.accounts().is_empty() => &self.accounts[..],
            None => rule.accounts(),
        };
        let host = |account: &AccountId, region: &Region| {
            let suffix = Partition::of_region(region).suffix();
            Registry::parse(&format!("{account}.dkr.ecr.{region}.{suffix}"))
        };
        Box::new(self.regions.iter().flat_map(move |region| {
            let of_region = move |account| host(account, region);
            accounts.iter().filter_map(of_region)
        }))
    }
}

/// A region of a partition that no rule names.
fn other_region(prefix: &str, named: &BTreeSet<Region>) -> Region {
    (1..)
        .filter_map(|number| format!("{prefix}x-x-{number}").parse::<Region>().ok())
        .find(|region| !named.contains(region))
        .expect("there are more regions than rules")
}
