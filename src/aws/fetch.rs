//! One token that is being fetched: the request, what is being done for it, and the secrets on the
//! way, which are masked in every answer.

use std::cell::RefCell;
use std::fmt;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::SharedTimeSource;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use serde_json::Value;

use crate::child::Printed;
use crate::env::Env;
use crate::http::EcrxClient;
use crate::identity::{Endpoint, Identity};
use crate::redaction::{Redactor, shown_url};
use crate::registry::{Registry, RoleArn};
use crate::secret::Secret;

/// Calls that fail in passing (throttled, 5xx, connection lost) are made this often in all.
const MAX_ATTEMPTS: u32 = 3;

/// How often a node's call to AWS that fails in passing is made in all. The SDK waits longer before each
/// one, at random, and the time limit ends them: the nodes of a rollout are throttled together.
const ATTEMPTS_OF_NODES: u32 = 6;

/// The secret values of sign-in files (botocore 1.43, `tokens.py`; aws-config 1.13, `login/cache.rs`).
const IN_SIGN_INS: [&str; 8] = [
    "accessToken",
    "clientSecret",
    "dpopKey",
    "idToken",
    "refreshToken",
    "registrationAccessToken",
    "secretAccessKey",
    "sessionToken",
];

/// All that a token is fetched with.
#[derive(Debug)]
pub(crate) struct FetchRequest<'a> {
    /// What the programs that are started inherit.
    pub env: &'a Env,
    pub registry: &'a Registry,
    pub identity: &'a Identity,
    /// The codes of the MFA devices, in the order of the roles that want one.
    pub codes: &'a [Secret],
    pub client: &'a EcrxClient,
    /// Whether it is for kubelet: calls are made more often, and no program that is started needs a
    /// terminal.
    pub is_for_node: bool,
    /// How long all of it may take.
    pub time_left: Duration,
}

impl FetchRequest<'_> {
    /// How often a call that fails in passing is made in all.
    pub(super) fn max_attempts(&self) -> u32 {
        if self.is_for_node {
            ATTEMPTS_OF_NODES
        } else {
            MAX_ATTEMPTS
        }
    }
}

pub(super) struct Fetch<'a> {
    pub(super) request: &'a FetchRequest<'a>,
    /// What is being done now, for the message when the time is over.
    pub(super) stage: RefCell<Stage>,
    /// What a `credential_process` that runs has printed so far.
    pub(super) printed: Printed,
    /// The secrets that are known so far.
    redactor: RefCell<Redactor>,
}

/// What was being done.
#[derive(Clone, Debug)]
pub(crate) enum Stage {
    /// Getting the first credentials.
    Source,
    /// Taking a role with a web identity.
    WebIdentity {
        role: RoleArn,
    },
    Role {
        /// The role that assumes it; `None` where the first credentials do.
        caller: Option<RoleArn>,
        role: RoleArn,
    },
    Token,
    /// Asking which principal the first credentials belong to.
    Caller,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stage::Source => f.write_str("getting credentials"),
            Stage::WebIdentity { role } => {
                write!(f, "assuming the role {role} with a web identity token")
            }
            Stage::Role { role, .. } => write!(f, "assuming the role {role}"),
            Stage::Token => f.write_str("requesting an authorization token"),
            Stage::Caller => f.write_str("calling sts:GetCallerIdentity"),
        }
    }
}

impl<'a> Fetch<'a> {
    pub(super) fn new(request: &'a FetchRequest<'a>) -> Self {
        Self {
            request,
            stage: RefCell::new(Stage::Source),
            printed: Printed::default(),
            redactor: RefCell::new(redactor(request)),
        }
    }
}

impl Fetch<'_> {
    pub(super) fn enter(&self, stage: Stage) {
        log::info!("{stage}");
        *self.stage.borrow_mut() = stage;
    }

    /// The configuration of a service's client. It reads neither environment nor files: all of
    /// that has been settled.
    pub(super) fn sdk_config(
        &self,
        endpoint: &Endpoint,
        credentials: Option<Credentials>,
    ) -> SdkConfig {
        let mut builder = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(aws_types::region::Region::new(
                endpoint.region.as_str().to_owned(),
            ))
            .use_fips(endpoint.fips)
            .use_dual_stack(endpoint.dual_stack)
            .http_client(self.request.client.clone())
            .retry_config(RetryConfig::standard().with_max_attempts(self.request.max_attempts()))
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(self.request.client.connect_timeout())
                    .build(),
            )
            .time_source(SharedTimeSource::default())
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()));
        builder.set_endpoint_url(endpoint.url.clone());
        builder.set_credentials_provider(credentials.map(SharedCredentialsProvider::new));
        builder.build()
    }

    /// Masks this text in every message from now on.
    pub(super) fn keep_secret(&self, text: &str) {
        self.redactor.borrow_mut().add(text);
    }

    /// Does so with the secret access key and the session token.
    pub(super) fn keep_keys_secret(&self, credentials: &Credentials) {
        self.keep_secret(credentials.secret_access_key());
        self.keep_secret(credentials.session_token().unwrap_or_default());
    }

    /// Does so with the secrets that the source reads from disk, as they are now: those of a sign-in,
    /// or a token file.
    pub(super) fn keep_proof_secret(&self) {
        let identity = self.request.identity;
        let proof = identity.proof();
        match serde_json::from_slice(&proof) {
            Ok(sign_in) if identity.sign_in().is_some() => self.keep_sign_in_secret(&sign_in),
            _ => self.keep_secret(String::from_utf8_lossy(&proof).trim()),
        }
    }

    fn keep_sign_in_secret(&self, sign_in: &Value) {
        let Some(sign_in) = sign_in.as_object() else {
            return;
        };
        for (name, value) in sign_in {
            match value {
                Value::String(text) if IN_SIGN_INS.contains(&name.as_str()) => {
                    self.keep_secret(text);
                }
                value => self.keep_sign_in_secret(value),
            }
        }
    }

    /// A text from outside, without the secrets that are known so far.
    pub(super) fn redact(&self, text: &str) -> String {
        // A token that one of the SDK's providers has obtained can be seen only in its request.
        for secret in self.request.client.sent_secrets() {
            self.keep_secret(secret.expose());
        }
        self.redactor.borrow().redact(text)
    }
}

/// Knows the secrets of the configuration and the MFA codes, and what messages show anyway.
fn redactor(request: &FetchRequest<'_>) -> Redactor {
    let identity = request.identity;
    let mut redactor = Redactor::default();
    identity.source.get().add_secrets(&mut redactor);
    let external_ids = identity.roles.iter().flat_map(|role| &role.external_id);
    for secret in external_ids.chain(request.codes) {
        redactor.add(secret.expose());
    }
    let endpoints =
        identity
            .sts
            .iter()
            .chain([&identity.api, &identity.sign_in_api, &identity.renewal_api]);
    for url in endpoints.flat_map(|endpoint| &endpoint.url) {
        redactor.add_url(url);
        redactor.show(&shown_url(url));
    }
    redactor.show(request.registry.host());
    redactor.show(&identity.to_string());
    for role in &identity.roles {
        redactor.show(role.session_name());
        role.mfa_device
            .iter()
            .for_each(|device| redactor.show(device.as_str()));
    }
    redactor
}
