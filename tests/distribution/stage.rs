//! A fake registry, and a client of it.

use std::fs;
use std::time::Duration;

use docker_credential_ecrx::doctor::distribution::{RegistryClient, RegistryError};
use docker_credential_ecrx::http::{self, EcrxClient, HttpSettings};
use docker_credential_ecrx::registry::Registry;
use docker_credential_ecrx::secret::Secret;
use tempfile::TempDir;

use crate::common::HOST;
use crate::common::fake_aws::{ALICE, FakeRegistry, Grant, SIGNATURE};

/// For requests that get a response.
pub const LIMIT: Duration = Duration::from_secs(20);

/// The repository of the tests.
pub const REPOSITORY: &str = "team/app";

pub struct Stage {
    pub registry: FakeRegistry,
    pub http: EcrxClient,
    _folder: TempDir,
}

impl Stage {
    pub fn new() -> Self {
        Self::of(&[HOST])
    }

    pub fn of(hosts: &[&str]) -> Self {
        let registry = FakeRegistry::start(hosts);
        let folder = tempfile::tempdir().expect("a folder");
        let bundle = folder.path().join("authority.pem");
        fs::write(&bundle, registry.ca_pem()).expect("a file");
        let settings = HttpSettings {
            connect_timeout: LIMIT,
            ca_bundle: Some(bundle),
            https_proxy: Some(registry.proxy().url()),
            ..HttpSettings::default()
        };
        Self {
            registry,
            http: http::client(&settings).expect("a client"),
            _folder: folder,
        }
    }

    /// A client of [`HOST`].
    pub fn client(&self) -> RegistryClient<'_> {
        self.client_of(HOST, LIMIT)
    }

    pub fn client_of(&self, host: &str, time_left: Duration) -> RegistryClient<'_> {
        let registry = Registry::parse(host).expect("a registry");
        RegistryClient::new(&self.http, &registry, time_left).expect("a runtime")
    }

    /// The hosts in the requests to the proxy.
    pub fn hosts(&self) -> Vec<String> {
        let mut hosts = self.registry.proxy().targets();
        hosts.sort_unstable();
        hosts.dedup();
        hosts
    }
}

/// [`REPOSITORY`] with a tag, by its full name.
pub fn image(tag: &str) -> String {
    format!("{HOST}/{REPOSITORY}:{tag}")
}

/// A token of Alice's.
pub fn alice() -> Secret {
    token(ALICE.2, 1)
}

/// A token as the fake AWS gives them.
pub fn token(principal: &str, serial: usize) -> Secret {
    let grant = Grant {
        principal: principal.to_owned(),
        region: "us-west-2".to_owned(),
        registry_ids: vec!["999999999999".to_owned()],
        serial,
        policy: None,
    };
    Secret::new(grant.to_password())
}

/// The message, which contains neither a secret nor a control character.
#[track_caller]
pub fn told(refusal: &RegistryError) -> String {
    for text in [refusal.to_string(), format!("{refusal:?}")] {
        assert!(!text.contains(SIGNATURE), "{text}");
        assert!(!text.contains("X-Amz-"), "{text}");
        assert!(!text.contains(&alice().expose()[..40]), "{text}");
        assert!(!text.contains(char::is_control), "{text:?}");
    }
    refusal.to_string()
}
