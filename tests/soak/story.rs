//! Stories with one mistake each, told in hours, by which judge and ledger are tried.

use std::collections::BTreeSet;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::Value;

use super::common::TestEnvironment;
use super::common::fake_aws::{Call, FakeAws, Fault, Grant, Issue, Operation};
use super::days::Days;
use super::get::{Answer, Fate, Get};
use super::identities::{self, HOUR, Identity, REGISTRIES};
use super::judge::complaints;
use super::ledger::Ledger;
use super::record::Record;

pub const ECR: Operation = Operation::EcrGetAuthorizationToken;
pub const STS: Operation = Operation::StsAssumeRole;

/// The first registry, and who has its role there.
const ROLE: usize = 1;

/// What happened to one entry.
pub struct Story {
    identities: Vec<Identity>,
    pub gets: Vec<Get>,
    pub calls: Vec<Call>,
    issues: Vec<Issue>,
}

impl Story {
    pub fn new() -> Self {
        let aws = FakeAws::start();
        let identities = identities::set_up(&mut TestEnvironment::with_aws(&aws), &aws);
        Self {
            identities,
            gets: Vec::new(),
            calls: Vec::new(),
            issues: Vec::new(),
        }
    }

    /// A `get` of a minute, from this hour on.
    pub fn get(&mut self, hour: f64, answer: Answer) -> &mut Get {
        self.gets.push(Get {
            number: self.gets.len(),
            identity: ROLE,
            registry: 0,
            began_at: hour * HOUR,
            ended_at: hour * HOUR + 60.0,
            fate: Fate::Undisturbed,
            answer,
        });
        self.gets.last_mut().expect("just told")
    }

    /// One that fails of a call.
    pub fn fail(&mut self, hour: f64, line: &str, operation: Operation, fault: Fault) {
        self.call(operation, Some(fault));
        self.get(hour, Answer::Failure(line.to_owned()));
    }

    /// One that requests a token, and gets it.
    pub fn fetch(&mut self, hour: u32) -> Grant {
        self.call(STS, None);
        self.call(ECR, None);
        let (account, region) = REGISTRIES[0];
        let grant = Grant {
            principal: self.identities[ROLE].principal(0),
            region: region.to_owned(),
            registry_ids: vec![account.to_owned()],
            serial: self.issues.len() + 1,
            policy: None,
        };
        let issued_at = i64::from(hour) * 3600 + 30;
        self.issues.push(Issue {
            grant: grant.clone(),
            issued_at,
            expires_at: issued_at + 12 * 3600,
            call: self.calls.last().expect("just made").clone(),
        });
        self.get(f64::from(hour), Answer::Token(grant.clone()));
        grant
    }

    /// A call of the `get` that is told next.
    pub fn call(&mut self, operation: Operation, fault: Option<Fault>) {
        let agent = format!("aws-sdk-rust exec-env/get-{} x", self.gets.len());
        let number = u64::try_from(self.calls.len()).expect("small");
        self.calls.push(Call {
            operation,
            principal: None,
            access_key_id: None,
            signed_region: None,
            signed_service: None,
            session_token: None,
            host: String::new(),
            method: String::new(),
            path: String::new(),
            headers: vec![("x-amz-user-agent".to_owned(), agent)],
            params: Value::Null,
            at: UNIX_EPOCH + Duration::from_secs(number),
            connection: 1,
            fault,
        });
    }

    pub fn judge(&self, kept: &[usize], ended_at: f64) -> (Vec<String>, Ledger) {
        let kept: BTreeSet<usize> = kept.iter().copied().collect();
        let record = Record::new(
            Days::from_the_epoch(),
            &self.identities,
            &self.gets,
            &self.calls,
            &self.issues,
            kept,
        );
        (complaints(&record), Ledger::of(&record, ended_at * HOUR))
    }

    #[track_caller]
    pub fn is_right(&self) {
        let (complaints, _) = self.judge(&[], 0.0);
        assert_eq!(complaints, [] as [String; 0]);
    }

    #[track_caller]
    pub fn is_wrong(&self, what: &str) {
        let (complaints, _) = self.judge(&[], 0.0);
        assert_eq!(complaints.len(), 1, "{complaints:?}");
        assert!(
            complaints[0].starts_with(&format!("{what}: ")),
            "{complaints:?}"
        );
    }

    #[track_caller]
    pub fn costs(&self, ended_at: f64, expected: Ledger) {
        let (_, ledger) = self.judge(&[], ended_at);
        assert_eq!(ledger, expected);
    }
}
