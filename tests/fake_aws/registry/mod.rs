//! A registry of our own that behaves as ECR does, under ECR's real names, with the bucket that
//! holds its layers.
//!
//! It speaks TLS for the hosts it is started with, and for the buckets of their regions. Nothing
//! leads from those names to it but its own [`FakeProxy`], so no name is ever resolved:
//!
//! ```text
//! let aws = FakeAws::start();
//! let registry = FakeRegistry::start(&[HOST]);
//! let mut environment = TestEnvironment::of_alice(&aws);   // AWS_ENDPOINT_URL: direct, no proxy
//! environment.trust_registry(&registry);                   // HTTPS_PROXY and AWS_CA_BUNDLE
//! let image = registry.add_image(&format!("{HOST}/team/app:1"));
//! registry.deny("*", "ecr:BatchGetImage", denial::NO_IDENTITY_POLICY);
//! ```
//!
//! **Who asks** is read out of the password, which is one that [`FakeAws`] issued
//! ([`Grant`](super::Grant)). Any other is refused like one that has expired.
//!
//! The one exception is `public.ecr.aws`, which exchanges it, or nothing (`anonymous`), for a Bearer
//! token.
//!
//! **What they may do** is everything, until rules say otherwise; of the rules that fit, the last
//! decides. Each request is one action, as in ECR: `ecr:BatchGetImage` (manifests),
//! `ecr:GetDownloadUrlForLayer` (layers), `ecr:BatchCheckLayerAvailability` (HEAD of a layer),
//! `ecr:InitiateLayerUpload` (uploads). `/v2/` wants a token, and no right.
//!
//! **What goes wrong** besides: [`FakeRegistry::on`] for one [`Route`],
//! [`FakeRegistry::revoke`] for one token, [`FakeRegistry::deny_storage`] for the bucket,
//! [`FakeProxy::forget`] and [`FakeProxy::refuse`] for what cannot be reached. The repositories of
//! one region are unknown in another: start it with the hosts of both.
//!
//! **What was asked** is in [`FakeRegistry::visits`].

mod answers;
mod image;
mod rule;
mod service;
mod state;
mod storage;
mod visit;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};

#[allow(unused_imports, reason = "each test file uses a part")]
pub use self::{
    image::{FakeImage, FakeLayer, Format},
    rule::{Refused, denial},
    storage::{SIGNATURE, bucket},
    visit::{RegistryFault, Route, Visit},
};

use self::rule::Rule;
use self::state::State;
use super::fault::Times;
use super::proxy::FakeProxy;
use super::server::{Server, lock};
use super::tls::Identity;

/// A running registry.
pub struct FakeRegistry {
    server: Server,
    proxy: FakeProxy,
    hosts: Vec<String>,
    ca_pem: String,
    state: Arc<Mutex<State>>,
}

impl FakeRegistry {
    /// Starts one under these names of ECR's.
    pub fn start(hosts: &[&str]) -> Self {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into(), hosts)
    }

    /// The same at this address, for clients that find it without the proxy.
    pub fn start_at(address: SocketAddr, hosts: &[&str]) -> Self {
        let buckets: Vec<String> = hosts.iter().map(|host| bucket(host)).collect();
        let mut names = hosts.to_vec();
        for bucket in &buckets {
            if !names.contains(&bucket.as_str()) {
                names.push(bucket);
            }
        }
        let identity = Identity::new(&names, false).expect("make a certificate");
        let state = Arc::new(Mutex::new(State::default()));
        let (config, shared) = (identity.config, Arc::clone(&state));
        let server = Server::start_at(address, move |socket, number, lifetime| {
            service::serve(socket, number, &config, &shared, lifetime);
        });
        let server = server.unwrap_or_else(|error| panic!("listen on {address}: {error}"));
        let proxy = FakeProxy::leading_nowhere();
        for name in names {
            proxy.lead(name, server.address);
        }
        Self {
            server,
            proxy,
            hosts: hosts.iter().map(ToString::to_string).collect(),
            ca_pem: identity.ca_pem,
            state,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    // Where it is.

    /// The proxy that leads to it. It knows no other host: tell it with [`FakeProxy::lead`].
    pub fn proxy(&self) -> &FakeProxy {
        &self.proxy
    }

    /// The certificate of the authority behind it.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The bucket that holds the layers of its first host.
    pub fn bucket(&self) -> String {
        bucket(&self.hosts[0])
    }

    // What is in it.

    /// Makes an empty repository: `HOST/NAME`.
    pub fn add_repository(&self, name: &str) {
        self.check(name);
        self.state()
            .repositories
            .entry(name.to_owned())
            .or_default();
    }

    /// Makes an image of three layers, and its repository: `HOST/NAME:TAG`.
    pub fn add_image(&self, image: &str) -> FakeImage {
        self.add_image_as(image, Format::Oci)
    }

    /// The same in one of the two formats.
    pub fn add_image_as(&self, image: &str, format: Format) -> FakeImage {
        let (name, tag) = self.check(image);
        let mut state = self.state();
        let repository = state.repositories.entry(name.to_owned()).or_default();
        repository.add_image(tag, format, "image")
    }

    /// Makes an image for several platforms (`linux/arm64`), and its repository; the index, whose
    /// layers are empty, and the images, in order. `unknown/unknown` makes an attestation.
    pub fn add_index(
        &self,
        image: &str,
        format: Format,
        platforms: &[&str],
    ) -> (FakeImage, Vec<FakeImage>) {
        let (name, tag) = self.check(image);
        let mut state = self.state();
        let repository = state.repositories.entry(name.to_owned()).or_default();
        repository.add_index(tag, format, platforms)
    }

    /// Makes an image that can be run here, of one layer (a tar file), and its repository.
    pub fn add_runnable(&self, image: &str, layer: &[u8], command: &[&str]) {
        let (name, tag) = self.check(image);
        let mut state = self.state();
        let repository = state.repositories.entry(name.to_owned()).or_default();
        repository.add_runnable(tag, layer, command);
    }

    /// Puts any text under a tag, and its repository; the digest.
    pub fn add_manifest(&self, image: &str, media_type: &str, text: &str) -> String {
        let (name, tag) = self.check(image);
        let mut state = self.state();
        let repository = state.repositories.entry(name.to_owned()).or_default();
        repository.add_manifest(tag, media_type, text)
    }

    /// The repository and the tag of `HOST/NAME[:TAG]`.
    fn check<'a>(&self, image: &'a str) -> (&'a str, &'a str) {
        let host = image.split('/').next().unwrap_or_default();
        assert!(
            self.hosts.iter().any(|own| own == host),
            "{host} is not among {:?}",
            self.hosts
        );
        image.rsplit_once(':').unwrap_or((image, "latest"))
    }

    // Who may do what.

    /// From now on, this principal may do this: an ARN, the beginning of one with `*` behind it,
    /// or `*`; an action as IAM spells it, or `*`.
    pub fn allow(&self, principal: &str, action: &str) {
        self.state().rules.push(Rule::new(principal, action, None));
    }

    /// From now on, it may not: 403 in AWS's words, which end in `reason` ([`denial`]; `{}` is the
    /// action).
    pub fn deny(&self, principal: &str, action: &str, reason: &str) {
        let rule = Rule::new(principal, action, Some(reason));
        self.state().rules.push(rule);
    }

    /// From now on, a token has all rights of its role. Otherwise, it has only those that the session
    /// policy allows, too, as AWS documents it of sessions.
    pub fn ignore_session_policies(&self) {
        self.state().ignores_policies = true;
    }

    /// Forgets all rules: everybody may do everything.
    pub fn allow_all(&self) {
        self.state().rules.clear();
    }

    /// From now on, the token with this serial number ([`Grant`](super::Grant)) is no longer taken,
    /// by the answer that ECR gives when one has expired.
    pub fn revoke(&self, serial: usize) {
        self.revoke_with(serial, Refused::Denied);
    }

    /// The same with another answer.
    pub fn revoke_with(&self, serial: usize, answer: Refused) {
        self.state().revoked.insert(serial, answer);
    }

    // What goes wrong.

    /// From now on, every such request of any client ends in this fault.
    pub fn on(&self, route: Route, fault: RegistryFault) {
        self.on_times(route, fault, Times::Always);
    }

    /// Queues a fault.
    pub fn on_times(&self, route: Route, fault: RegistryFault, times: Times) {
        let mut state = self.state();
        state
            .faults
            .entry(route)
            .or_default()
            .push_back((fault, times));
    }

    /// Takes back the faults of one route.
    pub fn heal(&self, route: Route) {
        self.state().faults.remove(&route);
    }

    /// How far its clock is ahead, in seconds: every `Date` tells it.
    pub fn set_clock_offset(&self, seconds: i64) {
        self.state().clock_offset = seconds;
    }

    /// The bucket denies everybody, as it does behind an endpoint whose policy does not name it.
    pub fn deny_storage(&self) {
        self.state().storage_denied = true;
    }

    /// Layers are said to be at this URL.
    pub fn redirect_layers_to(&self, url: &str) {
        self.state().layers_at = Some(url.to_owned());
    }

    /// It gives layers itself, as registries do that have no bucket.
    pub fn serve_layers(&self) {
        self.state().serves_layers = true;
    }

    /// It names new uploads by their path alone.
    pub fn name_uploads_by_path(&self) {
        self.state().relative_uploads = true;
    }

    /// It does not know how to cancel an upload: 405.
    pub fn refuse_to_cancel(&self) {
        self.state().cannot_cancel = true;
    }

    // The record.

    /// All requests since the start or the last [`FakeRegistry::clear`], those to the bucket
    /// among them.
    pub fn visits(&self) -> Vec<Visit> {
        self.state().visits.clone()
    }

    /// The requests of one route.
    pub fn visits_of(&self, route: Route) -> Vec<Visit> {
        let visits = self.visits().into_iter();
        visits.filter(|visit| visit.route == route).collect()
    }

    /// How many uploads are open.
    pub fn uploads(&self) -> usize {
        self.state().uploads.len()
    }

    /// Forgets the requests.
    pub fn clear(&self) {
        self.state().visits.clear();
    }
}
