//! Right and wrong answers.
//!
//! - A token is the identity's own, for the registry asked for, and was good when the `get` was
//!   started, and when it last called AWS.
//! - A failure is excused when a fault struck this `get`, or when it is remembered from one of the
//!   same source that a fault struck, for at most a minute after that one's end. And nothing
//!   excuses it while an unexpired token lay in the cache, unless AWS has denied it meanwhile.
//! - A denial is told, and no token from before it is answered to who comes after it.
//!
//! Of a process that was killed nothing is asked. One that was stopped has no excuse.

use std::collections::HashMap;

use super::common::fake_aws::{Grant, Issue};
use super::get::{Answer, Fate, Get};
use super::identities::REGISTRIES;
use super::record::{Pair, Record};
use super::weather::fault;

/// The longest that a failure is remembered, and the second that is rounded away.
pub const MEMORY: f64 = 60.0 + 1.0;

/// How AWS's denials are told.
const DENIALS: [&str; 3] = ["denied", "cannot be assumed", "cannot assume the role"];

/// What is wrong, a line each.
pub fn complaints(record: &Record<'_>) -> Vec<String> {
    let judge = Judge::new(record);
    let complain = |get: &Get| {
        let what = judge.complaint(get)?;
        let name = record.identities[get.identity].name;
        let calls = record.calls[get.number].iter();
        let calls: Vec<_> = calls.map(|call| (call.operation, fault(call))).collect();
        Some(format!("{what}: {name}, {get:?}, calls: {calls:?}"))
    };
    record.gets.iter().filter_map(complain).collect()
}

struct Judge<'a> {
    record: &'a Record<'a>,
    struck: Vec<&'a Get>,
    denied: HashMap<Pair, Vec<&'a Get>>,
    /// When a `get` that did not request it was first seen with a token of an entry, by serial
    /// number: from then on at the latest it lay in the cache.
    seen: HashMap<Pair, HashMap<usize, f64>>,
}

impl<'a> Judge<'a> {
    fn new(record: &'a Record<'a>) -> Self {
        let mut judge = Self {
            record,
            struck: record
                .gets
                .iter()
                .filter(|get| record.is_struck(get))
                .collect(),
            denied: HashMap::new(),
            seen: HashMap::new(),
        };
        for get in record.gets {
            if record.is_denied(get) && get.fate != Fate::Killed {
                judge.denied.entry(get.pair()).or_default().push(get);
            }
            let issue = get.serial().and_then(|serial| record.issues.get(&serial));
            if let Some(issue) = issue
                && record.requester(issue).number != get.number
            {
                let of_pair = judge.seen.entry(get.pair()).or_default();
                let at = of_pair.entry(issue.grant.serial).or_insert(get.ended_at);
                *at = at.min(get.ended_at);
            }
        }
        judge
    }

    fn complaint(&self, get: &Get) -> Option<String> {
        match (get.fate, &get.answer) {
            (Fate::Killed, _) => None,
            (Fate::Hung, _) => Some("a get that does not end".to_owned()),
            (_, Answer::Other(what)) => Some(format!("no answer that makes sense: {what}")),
            (_, Answer::Token(grant)) => self.wrong_token(get, grant),
            (_, Answer::Failure(line)) => self.wrong_failure(get, line),
        }
    }

    fn wrong_token(&self, get: &Get, grant: &Grant) -> Option<String> {
        let (account, region) = REGISTRIES[get.registry];
        let principal = self.record.identities[get.identity].principal(get.registry);
        let Some(issue) = self.record.issues.get(&grant.serial) else {
            return Some("a token that was never issued".to_owned());
        };
        if issue.grant != *grant || grant.principal != principal {
            return Some("another identity's token".to_owned());
        }
        if grant.registry_ids != [account] || grant.region != region {
            return Some("a token for another registry".to_owned());
        }
        let calls = self.record.calls[get.number].iter();
        let last_call = calls.map(|call| self.record.days.at(call.at)).next_back();
        let late = last_call.unwrap_or(get.began_at) - seconds(issue.expires_at);
        if late >= 0.0 {
            return Some(format!("a token that had expired {late:.0} s ago"));
        }
        if self.record.is_denied(get) {
            return Some("a token in spite of a denial".to_owned());
        }
        let outlived = |denied: &&&Get| {
            denied.ended_at < get.began_at && seconds(issue.issued_at) < denied.began_at - 1.0
        };
        let denials = self.denied.get(&get.pair()).into_iter().flatten();
        let denial = { denials }.find(outlived)?;
        Some(format!("a token that outlived the denial of {denial:?}"))
    }

    fn wrong_failure(&self, get: &Get, line: &str) -> Option<String> {
        if self.record.is_denied(get) && !DENIALS.iter().any(|words| line.contains(words)) {
            return Some("a denial that is not told".to_owned());
        }
        let is_remembered = line.contains(": (previous attempt, ");
        let shares = |struck: &&&Get| {
            let source = |get: &Get| self.record.identities[get.identity].source;
            source(struck) == source(get)
                && struck.began_at <= get.ended_at
                && get.began_at <= struck.ended_at + MEMORY
        };
        let is_excused = self.record.is_struck(get)
            || is_remembered && self.struck.iter().any(|one| shares(&one));
        if !is_excused {
            return Some("a failure without a reason".to_owned());
        }
        let issue = self.good_token(get)?;
        let (serial, age) = (issue.grant.serial, get.began_at - seconds(issue.issued_at));
        Some(format!(
            "a failure together with token {serial}, {age:.0} s old"
        ))
    }

    /// A token that lay in the cache before this one began, expired after it ended, and was not
    /// dropped for a denial.
    fn good_token(&self, get: &Get) -> Option<&'a Issue> {
        let seen = self.seen.get(&get.pair())?;
        seen.iter().find_map(|(serial, seen_at)| {
            let issue = *self.record.issues.get(serial)?;
            let lay_there = *seen_at < get.began_at && seconds(issue.expires_at) > get.ended_at;
            let denials = self.denied.get(&get.pair()).into_iter().flatten();
            let is_dropped = { denials }.any(|denied| {
                denied.began_at <= get.ended_at && denied.ended_at >= seconds(issue.issued_at)
            });
            (lay_there && !is_dropped).then_some(issue)
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "seconds of this era fit")]
pub fn seconds(moment: i64) -> f64 {
    moment as f64
}
