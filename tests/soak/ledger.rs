//! API calls, compared with what a perfect cache would have made for the same demand.
//!
//! **Ideal.** One call for a token, with the one for its credentials where the identity takes
//! some, whenever a `get` runs and the entry's last delivered token has reached the age at which
//! it is renewed. A token counts as delivered when any `get` has answered it, or it lies in the
//! cache at the end. So of an entry's delivered tokens those are *needed* that were issued no
//! sooner than that age after the needed one before; the ideal is the calls for them.
//! When a `get` ran and no token was requested for one or more whole further ages, though nothing
//! went wrong, the calls that this spared are *missed*, and the ideal has them too.
//!
//! **Calls.** Every call that AWS answered properly counts, but those lost to what was done on
//! purpose: whose token was not delivered because the process was killed or stopped under way, or because
//! a fault struck another call of the same `get`. Calls that a fault struck do not count: a
//! perfect cache cannot know beforehand that AWS is down. Who pays for what is known for certain:
//! each call says which process made it.

use std::collections::HashMap;

use super::common::fake_aws::{Call, Issue};
use super::get::{Fate, Get};
use super::judge::{MEMORY, seconds};
use super::record::{Pair, Record};
use super::weather::fault;

/// Moments are stored in whole seconds.
const ROUNDING: f64 = 2.0;

/// What a call was good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Needed,
    Wasted,
    LostToKill,
    LostToStop,
    LostToFault,
    Struck,
}

/// Calls by what they were good for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    pub needed: usize,
    /// Answered properly, and for nothing.
    pub wasted: usize,
    /// Not made, though due.
    pub missed: usize,
    pub lost_to_kills: usize,
    pub lost_to_stops: usize,
    pub lost_to_faults: usize,
    /// Struck by a fault themselves.
    pub struck: usize,
}

impl Ledger {
    /// Accounts for every call up to this moment.
    pub fn of(record: &Record<'_>, ended_at: f64) -> Self {
        let mut ledger = Self::default();
        let mut uses = HashMap::new();
        for (pair, gets) in record.by_pair() {
            let needed = ledger.read_chain(record, pair, &gets, ended_at);
            uses.extend(needed);
        }
        for get in record.gets {
            let mut is_first = true;
            for call in &record.calls[get.number] {
                *ledger.count(use_of(record, &uses, get, call, is_first)) += 1;
                is_first &= call.operation.is_ecr() || fault(call).is_some();
            }
        }
        ledger
    }

    pub fn ideal(&self) -> usize {
        self.needed + self.missed
    }

    /// Whether calls and ideal differ by so many per cent at most. What was wasted does not make
    /// up for what was missed.
    pub fn is_within(&self, percent: usize) -> bool {
        (self.wasted + self.missed) * 100 <= self.ideal() * percent
    }

    /// Which of an entry's delivered tokens were needed; what was missed between them.
    fn read_chain(
        &mut self,
        record: &Record<'_>,
        pair: Pair,
        gets: &[&Get],
        ended_at: f64,
    ) -> Vec<(usize, Use)> {
        let renewal = record.identities[pair.0].renewal;
        let price = 1 + usize::from(record.identities[pair.0].takes_credentials);
        let mut due_at = f64::MIN;
        let mut uses = Vec::new();
        for issue in record.delivered_to(pair) {
            let issued_at = seconds(issue.issued_at);
            let is_due = issued_at >= due_at - ROUNDING;
            if is_due {
                self.missed += missed(record, gets, due_at, issued_at) * price;
                due_at = issued_at + renewal;
            }
            let which = if is_due { Use::Needed } else { Use::Wasted };
            uses.push((issue.grant.serial, which));
        }
        self.missed += missed(record, gets, due_at, ended_at) * price;
        uses
    }

    fn count(&mut self, which: Use) -> &mut usize {
        match which {
            Use::Needed => &mut self.needed,
            Use::Wasted => &mut self.wasted,
            Use::LostToKill => &mut self.lost_to_kills,
            Use::LostToStop => &mut self.lost_to_stops,
            Use::LostToFault => &mut self.lost_to_faults,
            Use::Struck => &mut self.struck,
        }
    }
}

/// What a call was good for. `uses` has the delivered tokens; the first proper call for
/// credentials was good for what its token was.
fn use_of(
    record: &Record<'_>,
    uses: &HashMap<usize, Use>,
    get: &Get,
    call: &Call,
    is_first: bool,
) -> Use {
    let issues = &record.issued[get.number];
    let of_issue = |issue: &&Issue| uses.get(&issue.grant.serial).copied();
    let is_answer =
        |issue: &&&Issue| (issue.call.at, issue.call.connection) == (call.at, call.connection);
    let delivered = if call.operation.is_ecr() {
        issues.iter().find(is_answer).and_then(of_issue)
    } else if is_first && fault(call).is_none() {
        issues.iter().find_map(of_issue)
    } else {
        None
    };
    match (delivered, get.fate) {
        (Some(known), _) => known,
        _ if fault(call).is_some() => Use::Struck,
        (None, Fate::Killed) => Use::LostToKill,
        _ if record.is_struck(get) => Use::LostToFault,
        (None, Fate::Stopped) => Use::LostToStop,
        (None, Fate::Undisturbed | Fate::Hung) => Use::Wasted,
    }
}

/// How many whole ages passed between the first `get` that could have requested a token that was due, and
/// the moment when one was issued, while nothing was wrong with the source.
fn missed(record: &Record<'_>, gets: &[&Get], due_at: f64, issued_at: f64) -> usize {
    let asks = |get: &&&Get| get.began_at >= due_at && get.fate == Fate::Undisturbed;
    let Some(first) = gets.iter().find(asks) else {
        return 0;
    };
    let identity = &record.identities[first.identity];
    let ages = ((issued_at - first.began_at) / identity.renewal).floor();
    let is_trouble = |get: &Get| {
        record.identities[get.identity].source == identity.source
            && (get.fate != Fate::Undisturbed || record.is_struck(get))
            && get.began_at <= issued_at
            && get.ended_at + MEMORY >= first.began_at
    };
    if ages < 1.0 || record.gets.iter().any(is_trouble) {
        return 0;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "small"
    )]
    let ages = ages as usize;
    ages
}
