//! What the fake AWS and the processes said, put in order.

use std::collections::{BTreeMap, BTreeSet};

use super::common::fake_aws::{Call, Fault, Issue};
use super::days::Days;
use super::get::{Answer, Get, number_of};
use super::identities::Identity;
use super::weather::fault;

/// All that happened.
pub struct Record<'a> {
    pub days: Days,
    pub identities: &'a [Identity],
    /// In order of their numbers, from 0.
    pub gets: &'a [Get],
    /// The calls of each `get`, in order.
    pub calls: Vec<Vec<&'a Call>>,
    /// The tokens that each `get` requested, in order.
    pub issued: Vec<Vec<&'a Issue>>,
    /// Each token, by its serial number.
    pub issues: BTreeMap<usize, &'a Issue>,
    /// The tokens that lie in the cache at the end, by their serial numbers.
    pub kept: BTreeSet<usize>,
}

/// An identity and a registry: what has one entry in the cache.
pub type Pair = (usize, usize);

impl Get {
    pub fn pair(&self) -> Pair {
        (self.identity, self.registry)
    }

    /// The token that was answered.
    pub fn serial(&self) -> Option<usize> {
        match &self.answer {
            Answer::Token(grant) => Some(grant.serial),
            _ => None,
        }
    }
}

impl<'a> Record<'a> {
    pub fn new(
        days: Days,
        identities: &'a [Identity],
        gets: &'a [Get],
        calls: &'a [Call],
        issues: &'a [Issue],
        kept: BTreeSet<usize>,
    ) -> Self {
        let mut record = Self {
            days,
            identities,
            gets,
            calls: vec![Vec::new(); gets.len()],
            issued: vec![Vec::new(); gets.len()],
            issues: issues
                .iter()
                .map(|issue| (issue.grant.serial, issue))
                .collect(),
            kept,
        };
        for call in calls {
            record.calls[number_of(call)].push(call);
        }
        for issue in issues {
            record.issued[number_of(&issue.call)].push(issue);
        }
        record
    }

    /// The gets of each entry, in order of their begin.
    pub fn by_pair(&self) -> BTreeMap<Pair, Vec<&'a Get>> {
        let mut pairs: BTreeMap<Pair, Vec<&Get>> = BTreeMap::new();
        for get in self.gets {
            pairs.entry(get.pair()).or_default().push(get);
        }
        for gets in pairs.values_mut() {
            gets.sort_by(|one, other| one.began_at.total_cmp(&other.began_at));
        }
        pairs
    }

    /// Whether a fault struck a `get`.
    pub fn is_struck(&self, get: &Get) -> bool {
        self.calls[get.number]
            .iter()
            .any(|call| fault(call).is_some())
    }

    /// Whether AWS said no to a `get`.
    pub fn is_denied(&self, get: &Get) -> bool {
        let is_no = |call: &&Call| matches!(fault(call), Some(Fault::AccessDenied));
        self.calls[get.number].iter().any(is_no)
    }

    /// Which `get` requested a token.
    pub fn requester(&self, issue: &Issue) -> &'a Get {
        &self.gets[number_of(&issue.call)]
    }

    /// The tokens of an entry that were delivered, or at least into the cache, in the order in
    /// which they were issued.
    pub fn delivered_to(&self, pair: Pair) -> Vec<&'a Issue> {
        let mut serials = self.kept.clone();
        serials.extend(
            self.gets
                .iter()
                .filter(|get| get.pair() == pair)
                .filter_map(Get::serial),
        );
        serials
            .iter()
            .filter_map(|serial| self.issues.get(serial).copied())
            .filter(|issue| self.requester(issue).pair() == pair)
            .collect()
    }
}
