//! Rules that can never have a say: what they say is said before, for all their registries.
//!
//! Each thing that a rule may say counts as the first rule has it that fits and has it: who asks,
//! the two endpoints, the age, and for a host of one's own, which registry it is. So a rule is
//! idle only when every single thing that it says is said by earlier rules for every registry that
//! it is for. Rules are compared by trying them: all there is to a registry is whether account,
//! region, partition and name equal those in the rules, so a few registries stand for all.

use std::collections::BTreeSet;

use super::error::Origin;
use super::load::Config;
use super::rule::{Match, Rule};
use crate::registry::{AccountId, Partition, Region, Registry, ServerName};

/// A rule that never has a say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreachable {
    pub origin: Origin,
    /// What its `match` holds.
    pub registries: String,
    pub why: Why,
}

/// Why a rule never has a say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// All it says is said by these, for all its registries.
    SaidBefore(Vec<Origin>),
    /// Its host is another registry's by an earlier rule.
    Taken {
        by: Origin,
        /// The account and region of the registry behind the name.
        registry: String,
    },
}

const SAYS: [fn(&Rule) -> bool; 4] = [
    |rule| rule.identity().is_some(),
    |rule| rule.settings().endpoint_url.is_some(),
    |rule| rule.settings().sts_endpoint_url.is_some(),
    |rule| rule.settings().max_age.is_some(),
];

impl Config {
    /// The rules that never have a say, in their order.
    pub fn unreachable_rules(&self) -> Vec<Unreachable> {
        let samples = Samples::from_rules(self.rules());
        let judge = |(index, rule): (usize, &Rule)| {
            let why = self.why_unreachable(&self.rules()[..index], rule, &samples)?;
            Some(Unreachable {
                origin: rule.origin().clone(),
                registries: rule.registries().to_string(),
                why,
            })
        };
        self.rules().iter().enumerate().filter_map(judge).collect()
    }

    fn why_unreachable(&self, earlier: &[Rule], rule: &Rule, samples: &Samples) -> Option<Why> {
        let mut by: BTreeSet<usize> = BTreeSet::new();
        let registries: Box<dyn Iterator<Item = Registry>> = match rule.registries() {
            Match::Own(own) => {
                let servers = samples.servers(own.registry());
                for server in &servers {
                    // It is the one that says which registry this is.
                    by.insert(earlier.iter().position(|rule| names(rule, server))?);
                }
                let behind: Vec<Registry> = servers
                    .iter()
                    .filter_map(|server| self.registry(&server.to_string()))
                    .collect();
                if !behind.iter().any(|registry| rule.matches(registry)) {
                    return Some(Why::Taken {
                        by: earlier[*by.first()?].origin().clone(),
                        registry: account_and_region(behind.first()?),
                    });
                }
                Box::new(behind.into_iter())
            }
            _ => samples.registries(rule),
        };
        let said: Vec<_> = SAYS.into_iter().filter(|says| says(rule)).collect();
        for registry in registries.filter(|registry| rule.matches(registry)) {
            for says in &said {
                let before = |rule: &Rule| says(rule) && rule.matches(&registry);
                by.insert(earlier.iter().position(before)?);
            }
        }
        let origins = by.into_iter().map(|index| earlier[index].origin().clone());
        Some(Why::SaidBefore(origins.collect()))
    }
}

fn names(rule: &Rule, server: &ServerName) -> bool {
    rule.registry_behind(server).is_some()
}

fn account_and_region(registry: &Registry) -> String {
    match registry.private() {
        Some(private) => format!("{}/{}", private.account, private.region),
        None => registry.to_string(),
    }
}

/// Accounts, regions and ports that are told apart by some rule, and for all others one of each.
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
            // Those that no rule names come first: with most rules, one look is enough.
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

    /// What clients may call a host of one's own: with no port, and with each port that a rule
    /// names.
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
        // A port that no rule names stands for all others.
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

    /// The registries that stand for all of a rule's.
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
