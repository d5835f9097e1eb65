//! AWS: with `identity/aws_files.rs` the only room that names SDK types.
//!
//! [`buy`] is the one entry: it makes a runtime, gets the credentials of
//! exactly the source that was chosen, assumes the roles on top, and asks for the token. All of
//! it ends at the deadline.

mod credentials;
mod ecr;
mod failure;
mod process;
mod secrets;
mod sts;
mod survey;

use std::cell::RefCell;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::SharedTimeSource;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use time::OffsetDateTime;

pub(crate) use failure::{Failure, FailureKind, SignInFault, Stage};
pub(crate) use survey::{Caller, Survey, survey};

use survey::Surveyor;

use crate::clock;
use crate::env::Env;
use crate::identity::{Endpoint, Identity, Role};
use crate::redaction::Redactor;
use crate::registry::{Registry, RoleArn, Service};
use crate::runtime;
use crate::secret::Secret;
use crate::token::AuthorizationToken;

use crate::http::{EcrxClient, HttpError};

/// Calls that fail in passing (throttled, 5xx, connection lost) are made this often in all.
const MAX_ATTEMPTS: u32 = 3;

/// Everything that buying one token takes.
#[derive(Debug)]
pub(crate) struct Purchase<'a> {
    /// What the programs that are started inherit.
    pub env: &'a Env,
    /// For which registry.
    pub registry: &'a Registry,
    /// Who asks.
    pub identity: &'a Identity,
    /// The codes of the MFA devices, in the order of the roles that want one.
    pub codes: &'a [Secret],
    /// How AWS is reached.
    pub client: &'a EcrxClient,
    /// How long all of it may take.
    pub time_left: Duration,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PurchaseError {
    /// AWS, or the way there.
    #[error(transparent)]
    Failure(#[from] Failure),
    /// The certificates or the proxy settings.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The system refused what the async runtime needs.
    #[error("cannot start the async runtime")]
    Runtime(#[source] std::io::Error),
}

/// Buys a token.
pub(crate) fn buy(purchase: &Purchase<'_>) -> Result<AuthorizationToken, PurchaseError> {
    let session = Session::of(purchase);
    let result = block_on(async {
        match tokio::time::timeout(purchase.time_left, session.walk(None)).await {
            Ok(result) => result,
            Err(_) => Err(Failure::timeout(&session, purchase.time_left)),
        }
    });
    Ok(result.map_err(PurchaseError::Runtime)??)
}

/// Runs something to its end, in a runtime of its own.
fn block_on<T>(work: impl Future<Output = T>) -> std::io::Result<T> {
    let runtime = runtime::start()?;
    let result = runtime.block_on(work);
    // What blocks a thread of its own cannot be stopped: do not wait.
    runtime.shutdown_background();
    Ok(result)
}

/// One purchase under way.
struct Session<'a> {
    purchase: &'a Purchase<'a>,
    /// What is being done now, for the message when the time is over.
    stage: RefCell<Stage>,
    /// The secrets that are known so far.
    redactor: RefCell<Redactor>,
}

/// A role to assume, and who assumes it.
#[derive(Clone, Copy)]
struct Hop<'a> {
    /// The role before it; `None` where the first credentials assume it.
    caller: Option<&'a RoleArn>,
    role: &'a Role,
    /// The code of its device, where it has one.
    code: Option<&'a Secret>,
    sts: &'a Endpoint,
}

impl<'a> Session<'a> {
    fn of(purchase: &'a Purchase<'a>) -> Self {
        Self {
            purchase,
            stage: RefCell::new(Stage::Source),
            redactor: RefCell::new(secrets::redactor(purchase)),
        }
    }
}

impl Session<'_> {
    /// Goes the whole way: from the first credentials over the roles to the token. Who surveys it is
    /// told what each step gives.
    async fn walk(&self, surveyor: Option<&Surveyor<'_>>) -> Result<AuthorizationToken, Failure> {
        let mut credentials = self.first_credentials().await?;
        if let Some(surveyor) = surveyor {
            surveyor.saw_source(self, &credentials).await;
        }
        for hop in self.hops() {
            let (session, arn) = self.take(hop, credentials).await?;
            if let Some(surveyor) = surveyor {
                surveyor.saw_role(self, &session, arn);
            }
            credentials = session;
        }
        self.ask_for_token(credentials).await
    }

    /// The credentials beneath all roles.
    async fn first_credentials(&self) -> Result<Credentials, Failure> {
        let credentials = self.sendable(self.source_credentials().await?)?;
        if !self.purchase.identity.roles.is_empty() {
            self.connect_ahead().await;
        }
        Ok(credentials)
    }

    /// The roles to assume, in order.
    fn hops(&self) -> impl Iterator<Item = Hop<'_>> {
        let identity = self.purchase.identity;
        let mut codes = self.purchase.codes.iter();
        let mut caller = None;
        // Whoever has roles has an endpoint of STS.
        let roles = identity.sts.iter().flat_map(|sts| {
            let roles = identity.roles.iter();
            roles.map(move |role| (sts, role))
        });
        roles.map(move |(sts, role)| Hop {
            caller: caller.replace(&role.arn),
            role,
            code: role.mfa_device.as_ref().and_then(|_| codes.next()),
            sts,
        })
    }

    /// Assumes a role: its credentials, and the ARN of its session.
    async fn take(
        &self,
        hop: Hop<'_>,
        credentials: Credentials,
    ) -> Result<(Credentials, Option<String>), Failure> {
        self.enter(Stage::Role {
            caller: hop.caller.cloned(),
            role: hop.role.arn.clone(),
        });
        let (session, arn) = self.assume_role(credentials, hop).await?;
        Ok((self.sendable(session)?, arn))
    }

    async fn ask_for_token(&self, credentials: Credentials) -> Result<AuthorizationToken, Failure> {
        self.enter(Stage::Token);
        let config = self.sdk_config(&self.purchase.identity.api, Some(credentials));
        match &self.purchase.registry.service {
            Service::Private(private) => self.private_token(&config, private).await,
            Service::Public => self.public_token(&config).await,
        }
    }

    /// Begins to connect to the API, while others are asked for the credentials.
    async fn connect_ahead(&self) {
        let api = &self.purchase.identity.api;
        let url = match (&api.url, &self.purchase.registry.service) {
            (Some(url), _) => Some(url.clone()),
            (None, Service::Private(_)) => ecr::url(api).await,
            (None, Service::Public) => ecr::public_url(api).await,
        };
        if let Some(url) = url {
            self.purchase.client.connect_ahead(&url);
        }
    }

    /// Keeps credentials secret, and refuses those that cannot be in a header. The SDK panics on
    /// them (aws-runtime 1.10, `auth.rs`), and a line break behind a key is what a Kubernetes secret made with `echo` gives.
    fn sendable(&self, credentials: Credentials) -> Result<Credentials, Failure> {
        self.keep_keys_secret(&credentials);
        let id = credentials.access_key_id();
        let is_odd = |text: &str| !text.bytes().all(|byte| byte.is_ascii_graphic());
        let what = if id.is_empty() || is_odd(id) {
            "access key id"
        } else if credentials.session_token().is_some_and(is_odd) {
            "session token"
        } else {
            return Ok(credentials);
        };
        let why =
            format!("the {what} is empty, or holds a blank, a line break or what is not ASCII");
        Err(match &*self.stage.borrow() {
            Stage::Source => Failure::of_source(self, &why),
            _ => Failure::malformed(self, &why),
        })
    }

    fn enter(&self, stage: Stage) {
        log::info!("{stage}");
        *self.stage.borrow_mut() = stage;
    }

    /// The configuration of a service's client. It reads neither environment nor files: all of
    /// that has been settled.
    fn sdk_config(&self, endpoint: &Endpoint, credentials: Option<Credentials>) -> SdkConfig {
        let mut builder = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(aws_types::region::Region::new(
                endpoint.region.as_str().to_owned(),
            ))
            .use_fips(endpoint.fips)
            .use_dual_stack(endpoint.dual_stack)
            .http_client(self.purchase.client.clone())
            .retry_config(RetryConfig::standard().with_max_attempts(MAX_ATTEMPTS))
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(self.purchase.client.connect_timeout())
                    .build(),
            )
            .time_source(SharedTimeSource::default())
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()));
        builder.set_endpoint_url(endpoint.url.clone());
        builder.set_credentials_provider(credentials.map(SharedCredentialsProvider::new));
        builder.build()
    }

    /// Takes the token out of AWS's answer. A token just minted is taken whatever the local clock
    /// says of its end: the clock may be wrong, and AWS has just said it is good.
    fn token(
        &self,
        encoded: Option<&str>,
        expires_at: Option<&aws_smithy_types::DateTime>,
    ) -> Result<AuthorizationToken, Failure> {
        let encoded =
            encoded.ok_or_else(|| Failure::malformed(self, "the answer holds no token"))?;
        let obtained_at = clock::now();
        let expires_at = expires_at
            .and_then(|moment| OffsetDateTime::from_unix_timestamp(moment.secs()).ok())
            .unwrap_or(obtained_at);
        AuthorizationToken::decode(encoded, obtained_at, expires_at)
            .map_err(|error| Failure::malformed(self, &error.to_string()))
    }
}
