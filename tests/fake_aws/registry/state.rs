//! What the registry knows, and what it was asked.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::super::clock;
use super::super::fault::Times;
use super::image::Repository;
use super::rule::{Refused, Rule};
use super::visit::{RegistryFault, Route, Visit};

#[derive(Default)]
pub(super) struct State {
    /// By `HOST/NAME`.
    pub repositories: BTreeMap<String, Repository>,
    pub rules: Vec<Rule>,
    /// By the serial number of the token.
    pub revoked: HashMap<usize, Refused>,
    pub faults: HashMap<Route, VecDeque<(RegistryFault, Times)>>,
    pub visits: Vec<Visit>,
    pub clock_offset: i64,
    pub storage_denied: bool,
    /// Where layers are said to be, in place of the bucket.
    pub layers_at: Option<String>,
    pub serves_layers: bool,
    /// The `Location` of new uploads is a path, as in other registries; ECR gives a whole URL.
    pub relative_uploads: bool,
    pub cannot_cancel: bool,
    /// Tokens have all rights of the role, whatever its session policy is.
    pub ignores_policies: bool,
    pub uploads: Vec<String>,
}

impl State {
    /// Its clock.
    pub fn now(&self) -> i64 {
        clock::now() + self.clock_offset
    }

    /// The fault that this request meets, counted down.
    pub fn next_fault(&mut self, route: Route) -> Option<RegistryFault> {
        let queue = self.faults.get_mut(&route)?;
        let (fault, times) = queue.front_mut()?;
        let fault = fault.clone();
        if let Times::N(left) = times {
            *left = left.saturating_sub(1);
            if *left == 0 {
                queue.pop_front();
            }
        }
        Some(fault)
    }
}
