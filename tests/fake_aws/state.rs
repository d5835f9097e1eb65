//! What the fake knows: principals, roles, settings, faults, and what was recorded.

use std::collections::{HashMap, HashSet, VecDeque};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::call::{Call, Operation};
use super::clock;
use super::ecr::Issue;
use super::error::{self, ServiceError};
use super::fault::{Fault, Times};
use super::http::Request;
use super::sigv4::Signature;
use super::{container, imds, sso};

/// An access key and the principal it stands for.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// `AKIA…`, or `ASIA…` for temporary keys.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: String,
    /// The session token of temporary keys.
    pub session_token: Option<String>,
    /// The ARN that GetCallerIdentity answers.
    pub principal: String,
    /// Seconds since 1970; `None` for keys that stay.
    pub expires_at: Option<i64>,
}

impl Credentials {
    /// The end as `2026-11-22T15:05:20Z`; far away for keys that stay.
    pub fn expiration(&self) -> String {
        clock::iso(self.expires_at.unwrap_or(253_402_300_799))
    }
}

/// What the trust policy of a role asks for.
#[derive(Clone, Debug, Default)]
pub(super) struct Trust {
    pub denied: bool,
    /// Principals or role prefixes; empty means everyone.
    pub callers: Vec<String>,
    pub external_id: Option<String>,
    /// The condition `aws:MultiFactorAuthPresent`.
    pub mfa: bool,
    /// The role's maximum session duration.
    pub max_seconds: Option<i64>,
}

pub(super) struct State {
    pub credentials: HashMap<String, Credentials>,
    pub trusts: HashMap<String, Trust>,
    /// The session policies of role sessions, by access key id.
    pub policies: HashMap<String, String>,
    /// Codes that work still, behind the serial number of the device that shows them.
    pub mfa_codes: HashSet<(String, String)>,
    pub faults: HashMap<Operation, VecDeque<(Fault, Times)>>,
    pub calls: Vec<Call>,
    pub issues: Vec<Issue>,
    pub connections: usize,
    /// Principals without a right to registry tokens.
    pub without_ecr: HashSet<String>,
    pub token_expires_in: i64,
    /// Passwords say for which registry they were requested, and nothing else.
    pub fixed_passwords: bool,
    pub clock_offset: i64,
    /// The clock by which tokens and sessions end, where it is not the server's.
    pub lifetime_clock: Option<Box<dyn Fn() -> i64 + Send>>,
    pub check_signatures: bool,
    pub check_dates: bool,
    pub check_partitions: bool,
    pub sso: sso::Settings,
    pub imds: imds::Settings,
    pub container: container::Settings,
    keys: usize,
    tokens: usize,
}

/// Who signed a request.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub principal: String,
    pub temporary: bool,
    pub region: String,
    /// The session policy of its role.
    pub policy: Option<String>,
}

impl State {
    pub fn new() -> Self {
        Self {
            credentials: HashMap::new(),
            trusts: HashMap::new(),
            policies: HashMap::new(),
            mfa_codes: HashSet::new(),
            faults: HashMap::new(),
            calls: Vec::new(),
            issues: Vec::new(),
            connections: 0,
            without_ecr: HashSet::new(),
            token_expires_in: 12 * 3600,
            fixed_passwords: false,
            clock_offset: 0,
            lifetime_clock: None,
            check_signatures: true,
            check_dates: true,
            check_partitions: false,
            sso: sso::Settings::default(),
            imds: imds::Settings::default(),
            container: container::Settings::default(),
            keys: 0,
            tokens: 0,
        }
    }

    /// The server's clock.
    pub fn now(&self) -> i64 {
        clock::now() + self.clock_offset
    }

    /// The clock by which tokens and sessions end.
    pub fn lifetime_now(&self) -> i64 {
        match &self.lifetime_clock {
            Some(clock) => clock(),
            None => self.now(),
        }
    }

    /// The next serial number of a registry token.
    pub fn next_token(&mut self) -> usize {
        self.tokens += 1;
        self.tokens
    }

    /// New temporary credentials.
    pub fn mint(&mut self, principal: &str, seconds: i64) -> Credentials {
        self.keys += 1;
        let serial = self.keys;
        let noise = filler(&format!("session token {serial} of {principal}"), 360);
        let credentials = Credentials {
            access_key_id: format!("ASIAEXAMPLE{serial:09}"),
            secret_access_key: format!("fake/secret/{serial:09}/EXAMPLEKEYEXAMPLEK"),
            session_token: Some(format!("FwoEXAMPLE{serial:06}{noise}")),
            principal: principal.to_owned(),
            expires_at: Some(self.lifetime_now() + seconds),
        };
        self.credentials
            .insert(credentials.access_key_id.clone(), credentials.clone());
        credentials
    }

    pub fn add_fault(&mut self, operation: Operation, fault: Fault, times: Times) {
        let queue = self.faults.entry(operation).or_default();
        let lasting = queue.iter().position(|(_, times)| *times == Times::Always);
        match (times, lasting) {
            (Times::N(0), _) => {}
            // Behind one that lasts it would never be reached.
            (Times::N(_), Some(at)) => queue.insert(at, (fault, times)),
            (Times::Always, Some(at)) => queue[at] = (fault, times),
            (_, None) => queue.push_back((fault, times)),
        }
    }

    /// The fault that strikes this call, counted down.
    pub fn next_fault(&mut self, operation: Operation) -> Option<Fault> {
        let queue = self.faults.get_mut(&operation)?;
        let (fault, times) = queue.front_mut()?;
        let fault = fault.clone();
        if matches!(fault, Fault::ClockSkew) {
            // The client now believes in the other clock.
            self.check_dates = false;
        }
        if let Times::N(left) = times {
            *left -= 1;
            if *left == 0 {
                queue.pop_front();
            }
        }
        Some(fault)
    }

    /// Checks a signed request as AWS does.
    pub fn caller(
        &self,
        request: &Request,
        operation: Operation,
        service: &str,
        only_region: Option<&str>,
    ) -> Result<Caller, ServiceError> {
        let signature = Signature::of(request).ok_or_else(|| {
            ServiceError::signed(
                operation,
                "MissingAuthenticationTokenException",
                "MissingAuthenticationToken",
                "Request is missing Authentication Token",
            )
        })?;
        let known = self.credentials.get(&signature.access_key_id);
        let known = known.ok_or_else(|| error::unrecognized(operation))?;
        if request.header("x-amz-security-token") != known.session_token.as_deref() {
            return Err(error::unrecognized(operation));
        }
        if self.check_partitions && partition(&signature.region) != arn_field(&known.principal, 1) {
            return Err(error::unrecognized(operation));
        }
        if known.expires_at.is_some_and(|at| at <= self.lifetime_now()) {
            return Err(error::expired(operation));
        }
        if signature.service != service {
            let message = format!("Credential should be scoped to correct service: '{service}'. ");
            return Err(error::bad_signature(operation, &message));
        }
        if only_region.is_some_and(|region| region != signature.region) {
            let message = "Credential should be scoped to a valid region. ";
            return Err(error::bad_signature(operation, message));
        }
        if self.check_signatures {
            let date = request.header("x-amz-date").and_then(clock::parse_basic);
            let signed_at = date.ok_or_else(|| error::signature_mismatch(operation))?;
            let distance = (signed_at - self.now()).abs();
            if self.check_dates && distance > error::skew_tolerance(operation) * 60 {
                let now = self.now();
                return Err(error::signature_expired(operation, signed_at, now));
            }
            if !signature.verifies(request, &known.secret_access_key) {
                return Err(error::signature_mismatch(operation));
            }
        }
        Ok(Caller {
            principal: known.principal.clone(),
            temporary: known.session_token.is_some(),
            region: signature.region,
            policy: self.policies.get(&signature.access_key_id).cloned(),
        })
    }
}

/// The partition that a region belongs to.
pub(super) fn partition(region: &str) -> &'static str {
    let starts = |prefix: &str| region.starts_with(prefix);
    match region {
        _ if starts("cn-") => "aws-cn",
        _ if starts("us-gov-") => "aws-us-gov",
        _ if starts("eusc-") => "aws-eusc",
        _ if starts("us-isob-") => "aws-iso-b",
        _ if starts("us-isof-") => "aws-iso-f",
        _ if starts("us-iso-") => "aws-iso",
        _ if starts("eu-isoe-") => "aws-iso-e",
        _ => "aws",
    }
}

/// One field between an ARN's colons: 1 partition, 4 account, 5 resource.
pub(super) fn arn_field(arn: &str, index: usize) -> &str {
    arn.splitn(6, ':').nth(index).unwrap_or_default()
}

/// Whether IAM takes this as the name of a role (its API reference, `CreateRole`).
pub(super) fn is_role_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    !name.is_empty() && name.chars().all(allowed)
}

pub(super) fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `arn:…:sts::ACCOUNT:assumed-role/NAME/SESSION` for a role's ARN.
pub(super) fn assumed_role(role_arn: &str, session: &str) -> Option<String> {
    let resource = arn_field(role_arn, 5).strip_prefix("role/")?;
    let name = resource.rsplit('/').next()?;
    let (partition, account) = (arn_field(role_arn, 1), arn_field(role_arn, 4));
    (is_role_name(name) && is_account_id(account)).then_some(())?;
    Some(format!(
        "arn:{partition}:sts::{account}:assumed-role/{name}/{session}"
    ))
}

/// Base64 text of this length that looks random and depends on `seed` only.
pub(super) fn filler(seed: &str, length: usize) -> String {
    let mut bytes = Sha256::digest(seed.as_bytes()).to_vec();
    while bytes.len() < length {
        let next = Sha256::digest(&bytes[bytes.len() - 32..]);
        bytes.extend_from_slice(&next);
    }
    let mut text = STANDARD.encode(bytes);
    text.truncate(length);
    text
}
