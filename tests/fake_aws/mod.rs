//! An AWS of our own on loopback: STS, ECR, ECR Public, IAM Identity Center, sign-in, instance
//! metadata and container credentials behind one port, with faults on demand and a record of
//! every call. It uses the standard library's threads and ends when it is dropped.

#![allow(dead_code, reason = "each test file uses a part")]

mod call;
mod clock;
mod cluster;
mod container;
mod echo;
mod ecr;
mod error;
mod fault;
mod github;
mod http;
mod imds;
mod proxy;
mod reader;
mod registry;
mod server;
mod service;
mod setup;
mod sigv4;
mod site;
mod sso;
mod state;
mod sts;
mod tls;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

#[allow(unused_imports, reason = "each test file uses a part")]
pub use self::{
    call::{Call, Operation},
    cluster::FakeCluster,
    echo::{Echo, echo},
    ecr::{Grant, Issue},
    fault::{Fault, Gate, Times},
    github::{GITHUB_BEARER, github_token},
    proxy::FakeProxy,
    registry::{
        FakeImage, FakeLayer, FakeRegistry, Format, Refused, RegistryFault, Route, SIGNATURE,
        Visit, bucket, denial,
    },
    site::FakeSite,
    sso::{LOGIN_REFRESH_TOKEN, SSO_ACCESS_TOKEN, SSO_REFRESH_TOKEN},
    state::Credentials,
};

use self::server::{Server, lock};
use self::state::State;
use self::tls::Identity;

/// Access key id, secret and ARN of the user that every fake knows.
pub const ALICE: (&str, &str, &str) = (
    "AKIAIOSFODNN7EXAMPLE",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "arn:aws:iam::111122223333:user/alice",
);
/// Access key id, secret and ARN of a user of another account.
pub const BOB: (&str, &str, &str) = (
    "AKIAI44QH8DHBEXAMPLE",
    "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY",
    "arn:aws:iam::444455556666:user/bob",
);

/// A running fake AWS.
pub struct FakeAws {
    server: Server,
    others: Vec<Server>,
    state: Arc<Mutex<State>>,
    ca_pem: Option<String>,
}

impl FakeAws {
    /// Starts one that speaks plain http.
    pub fn start() -> Self {
        Self::serve(None)
    }

    /// Starts one that speaks TLS for these names, `localhost` and 127.0.0.1.
    pub fn start_tls(names: &[&str]) -> Self {
        let mut names = names.to_vec();
        for own in ["localhost", "127.0.0.1"] {
            if !names.contains(&own) {
                names.push(own);
            }
        }
        Self::start_tls_strict(&names)
    }

    /// Starts one whose certificate holds exactly these names.
    pub fn start_tls_strict(names: &[&str]) -> Self {
        Self::serve(Some(identity(names, false)))
    }

    /// Starts one at this address that speaks TLS for exactly these names.
    pub fn start_tls_at(address: SocketAddr, names: &[&str]) -> Self {
        Self::serve_at(address, Some(identity(names, false)))
    }

    /// Starts one whose certificate ended yesterday.
    pub fn start_tls_expired(names: &[&str]) -> Self {
        let names = [names, &["localhost", "127.0.0.1"]].concat();
        Self::serve(Some(identity(&names, true)))
    }

    fn serve(identity: Option<Identity>) -> Self {
        Self::serve_at((Ipv4Addr::LOCALHOST, 0).into(), identity)
    }

    fn serve_at(address: SocketAddr, identity: Option<Identity>) -> Self {
        let state = Arc::new(Mutex::new(State::new()));
        let (config, ca_pem) = identity.map(|id| (id.config, id.ca_pem)).unzip();
        let shared = Arc::clone(&state);
        let server = Server::start_at(address, move |socket, number, lifetime| {
            service::serve(socket, number, config.as_ref(), &shared, lifetime);
        });
        let fake = Self {
            server: server.unwrap_or_else(|error| panic!("listen on {address}: {error}")),
            others: Vec::new(),
            state,
            ca_pem,
        };
        for (id, secret, arn) in [ALICE, BOB] {
            fake.add_user(id, secret, arn);
        }
        fake
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    // Where it is.

    /// The base URL, without a slash at its end.
    pub fn url(&self) -> String {
        let scheme = if self.ca_pem.is_some() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}", self.server.address)
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// Answers in plain http at another address of this machine too, with the same principals,
    /// faults and record. Where that is, should any port have been free to take.
    pub fn also_at(&mut self, address: SocketAddr) -> SocketAddr {
        let shared = Arc::clone(&self.state);
        let server = Server::start_at(address, move |socket, number, lifetime| {
            service::serve(socket, number, None, &shared, lifetime);
        });
        let server = server.unwrap_or_else(|error| panic!("listen on {address}: {error}"));
        let address = server.address;
        self.others.push(server);
        address
    }

    /// The certificate of the authority behind a TLS fake.
    pub fn ca_pem(&self) -> &str {
        self.ca_pem.as_deref().expect("started with TLS")
    }

    /// The environment that sends every service of the SDK, and instance metadata, here.
    pub fn env(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", self.url()),
            ("AWS_EC2_METADATA_SERVICE_ENDPOINT", self.url()),
        ]
    }

    // Faults.

    /// From now on, every such call ends in this fault.
    pub fn on(&self, operation: Operation, fault: Fault) {
        self.on_times(operation, fault, Times::Always);
    }

    /// Queues a fault; those with a count strike in order, and before the one that lasts.
    pub fn on_times(&self, operation: Operation, fault: Fault, times: Times) {
        self.state().add_fault(operation, fault, times);
    }

    /// Takes back the faults of one operation.
    pub fn heal(&self, operation: Operation) {
        self.state().faults.remove(&operation);
    }

    /// Takes back all faults.
    pub fn heal_all(&self) {
        self.state().faults.clear();
    }

    /// All credentials that are known: of users, and those that were given out.
    pub fn credentials(&self) -> Vec<Credentials> {
        self.state().credentials.values().cloned().collect()
    }

    // The record.

    /// All calls since the start or the last [`FakeAws::clear`].
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    /// The calls of one operation.
    pub fn calls_of(&self, operation: Operation) -> Vec<Call> {
        let state = self.state();
        let calls = state.calls.iter();
        calls
            .filter(|call| call.operation == operation)
            .cloned()
            .collect()
    }

    /// How many calls of one operation came.
    pub fn count(&self, operation: Operation) -> usize {
        let state = self.state();
        let calls = state.calls.iter();
        calls.filter(|call| call.operation == operation).count()
    }

    /// Waits until so many calls of one operation have come.
    ///
    /// # Panics
    /// When half a minute passes without them.
    pub fn wait_for(&self, operation: Operation, count: usize) {
        let start = Instant::now();
        while self.count(operation) < count {
            assert!(
                start.elapsed() < Duration::from_secs(30),
                "AWS is not asked"
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// The registry tokens that were issued, in order, whatever became of the answers.
    pub fn issues(&self) -> Vec<Issue> {
        self.state().issues.clone()
    }

    /// How many TCP connections were accepted since the start or the last [`FakeAws::clear`].
    pub fn connections(&self) -> usize {
        self.state().connections
    }

    /// Waits until every call is on record that a process has made which has ended, or was killed.
    /// No other client may be connected.
    pub fn settle(&self) {
        self.server.settle().expect("no connection is open");
    }

    /// As [`FakeAws::settle`], unless a call was left hanging: its process had time for no other.
    pub fn settle_what_ends(&self) {
        let hangs = |call: &Call| matches!(call.fault, Some(Fault::Hang));
        if !self.calls().iter().any(hangs) {
            self.settle();
        }
    }

    /// Forgets recorded calls, tokens and connections; principals, settings and faults stay.
    pub fn clear(&self) {
        let mut state = self.state();
        state.calls.clear();
        state.issues.clear();
        state.connections = 0;
    }
}

fn identity(names: &[&str], expired: bool) -> Identity {
    Identity::new(names, expired).expect("make a certificate")
}
