//! Who asks, and for what: every identity for every registry, from one home folder and one cache.

use std::time::Duration;

use super::common::fake_aws::{ALICE, FakeAws};
use super::common::{TestEnvironment, sources};

/// Account and region of each registry.
pub const REGISTRIES: [(&str, &str); 6] = [
    ("111122223333", "eu-west-1"),
    ("111122223333", "us-west-2"),
    ("444455556666", "eu-west-1"),
    ("444455556666", "us-east-1"),
    ("999999999999", "us-west-2"),
    ("999999999999", "us-east-1"),
];

pub const HOUR: f64 = 3600.0;

/// The host of a registry.
pub fn host(registry: usize) -> String {
    let (account, region) = REGISTRIES[registry];
    format!("{account}.dkr.ecr.{region}.amazonaws.com")
}

/// One who asks.
#[derive(Debug)]
pub struct Identity {
    pub name: &'static str,
    pub variables: Vec<(&'static str, String)>,
    /// The ARN, with `ACCOUNT` for the registry's account.
    principal: String,
    /// Who share a source share its failures.
    pub source: usize,
    /// After how many seconds a token is renewed at the earliest.
    pub renewal: f64,
    /// Whether it takes a call to have credentials.
    pub takes_credentials: bool,
}

impl Identity {
    fn new(
        name: &'static str,
        source: usize,
        principal: &str,
        variables: Vec<(&'static str, String)>,
    ) -> Self {
        Self {
            name,
            variables,
            principal: principal.to_owned(),
            source,
            renewal: 5.4 * HOUR,
            takes_credentials: false,
        }
    }

    fn with_credentials(mut self) -> Self {
        self.takes_credentials = true;
        self
    }

    /// The principal that must request the token for this registry.
    pub fn principal(&self, registry: usize) -> String {
        self.principal.replace("ACCOUNT", REGISTRIES[registry].0)
    }
}

/// Six kinds of identities, of which two draw on one source.
pub fn set_up(environment: &mut TestEnvironment, aws: &FakeAws) -> Vec<Identity> {
    let bob = sources::keys(environment, aws, "bob").principal;
    let web = sources::web_identity(environment, aws, "web").principal;
    let work = sources::sso_session(environment, aws, "work").principal;
    let session = "arn:aws:sts::111122223333:assumed-role/session/ci";
    let keys = aws.temporary_credentials(session, Duration::from_secs(365 * 86400));
    let profile = |name: &str| vec![("AWS_PROFILE", name.to_owned())];
    let alice = || {
        vec![
            ("AWS_ACCESS_KEY_ID", ALICE.0.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", ALICE.1.to_owned()),
        ]
    };
    let mut role_of_alice = alice();
    let role = "arn:{partition}:iam::{account}:role/pull".to_owned();
    role_of_alice.push(("ECRX_ROLE_ARN", role));
    let mut identities = vec![
        Identity::new("alice", 0, ALICE.2, alice()),
        Identity::new(
            "a role per account",
            0,
            "arn:aws:sts::ACCOUNT:assumed-role/pull/docker-credential-ecrx",
            role_of_alice,
        )
        .with_credentials(),
        Identity::new("bob", 1, &bob, profile("bob")),
        Identity::new("web identity", 2, &web, profile("web")).with_credentials(),
        Identity::new("SSO", 3, &work, profile("work")).with_credentials(),
        Identity::new(
            "session keys",
            4,
            session,
            vec![
                ("AWS_ACCESS_KEY_ID", keys.access_key_id),
                ("AWS_SECRET_ACCESS_KEY", keys.secret_access_key),
                ("AWS_SESSION_TOKEN", keys.session_token.unwrap_or_default()),
            ],
        ),
    ];
    // Offline, their principal is unknown.
    identities[5].renewal = 0.9 * HOUR;
    identities
}
