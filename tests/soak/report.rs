//! What a run consisted of.

use std::fmt;

use super::get::{Answer, Fate};
use super::identities::HOUR;
use super::judge::seconds;
use super::record::Record;

/// Numbers of gets, by what became of them.
#[derive(Debug, Default)]
pub struct Report {
    gets: usize,
    killed: usize,
    stopped: usize,
    struck: usize,
    denied: usize,
    tokens: usize,
    failures: usize,
    /// Failures that another `get` had met.
    remembered: usize,
    /// Answered with a token that was due for renewal.
    old: usize,
    /// Answered with a token that ended while the `get` was under way.
    ended_under_way: usize,
    calls: usize,
    issues: usize,
    /// Of undisturbed gets without a fault, in simulated seconds.
    longest: f64,
}

impl Report {
    pub fn of(record: &Record<'_>) -> Self {
        let mut report = Self {
            gets: record.gets.len(),
            calls: record.calls.iter().map(Vec::len).sum(),
            issues: record.issues.len(),
            ..Self::default()
        };
        for get in record.gets {
            let is_struck = record.is_struck(get);
            report.killed += usize::from(get.fate == Fate::Killed);
            report.stopped += usize::from(get.fate == Fate::Stopped);
            report.struck += usize::from(is_struck);
            report.denied += usize::from(record.is_denied(get));
            if get.fate == Fate::Undisturbed && !is_struck {
                report.longest = report.longest.max(get.ended_at - get.began_at);
            }
            match &get.answer {
                Answer::Failure(line) => {
                    report.failures += 1;
                    report.remembered += usize::from(line.contains(": (previous attempt, "));
                }
                Answer::Token(grant) => {
                    report.tokens += 1;
                    if let Some(issue) = record.issues.get(&grant.serial) {
                        let renewal = record.identities[get.identity].renewal;
                        let age = get.began_at - seconds(issue.issued_at);
                        report.old += usize::from(age > renewal);
                        let is_over = seconds(issue.expires_at) <= get.ended_at;
                        report.ended_under_way += usize::from(is_over);
                    }
                }
                Answer::Other(_) => {}
            }
        }
        report
    }

    /// A run in which nothing went wrong shows nothing.
    pub fn assert_not_idle(&self) {
        for (what, count, least) in [
            ("gets", self.gets, 1000),
            ("killed", self.killed, 10),
            ("stopped", self.stopped, 10),
            ("struck", self.struck, 50),
            ("denied", self.denied, 1),
            ("failures", self.failures, 10),
            ("old tokens", self.old, 10),
            ("API calls", self.calls, 100),
            ("tokens issued", self.issues, 100),
        ] {
            assert!(count >= least, "{what}: {count}, not even {least}");
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{self:#?}")?;
        let hours = self.longest / HOUR;
        writeln!(
            f,
            "longest get without a disturbance: {hours:.1} simulated hours"
        )
    }
}
