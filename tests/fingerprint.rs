//! What makes a cached token another identity's without a change of configuration: another sign-in,
//! other visible inputs of a source that cannot be known offline, another machine.

mod common;
#[path = "fingerprint/inputs.rs"]
mod inputs;
#[cfg(target_os = "linux")]
#[path = "fingerprint/machine.rs"]
mod machine;
#[path = "fingerprint/sign_ins.rs"]
mod sign_ins;

use common::fake_aws::{FakeAws, Operation};
use common::{HOST, TestEnvironment};

const ECR: Operation = Operation::EcrGetAuthorizationToken;

/// A token is requested, and replaces the one before: the cache holds one entry.
#[track_caller]
fn requests_for(environment: &TestEnvironment, aws: &FakeAws, principal: &str) {
    aws.clear();
    let grant = environment.get(HOST).grant();
    assert_eq!(grant.principal, principal);
    assert_eq!(aws.count(ECR), 1, "{principal}");
    assert_eq!(environment.entries().len(), 1, "{principal}");
}

/// The cache answers, and AWS is not asked.
#[track_caller]
fn hits_for(environment: &TestEnvironment, aws: &FakeAws, principal: &str) {
    aws.clear();
    assert_eq!(environment.get(HOST).grant().principal, principal);
    assert_eq!(aws.connections(), 0, "{principal}");
}
