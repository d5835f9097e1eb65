//! AWS: with `identity/aws_files.rs` the only room that names SDK types.
//!
//! [`fetch_token`] makes a runtime, gets the credentials of exactly the source that was chosen,
//! assumes the roles on top, and requests the token. All of it ends at the deadline. [`survey()`]
//! takes the same steps for `doctor`, and records the result of each.

mod credentials;
mod ecr;
mod failure;
mod fetch;
mod instance_metadata;
mod process;
mod sso;
mod sts;
mod survey;
#[cfg(test)]
pub(crate) mod throttled;
mod web_identity;

use aws_credential_types::Credentials;

use crate::http::HttpError;
use crate::identity::Endpoint;
use crate::registry::Service;
use crate::runtime;
use crate::token::AuthorizationToken;

pub(crate) use failure::{Failure, FailureKind, SignInFault};
pub(crate) use fetch::{FetchRequest, Stage};
pub(crate) use survey::{Caller, Survey};

use fetch::Fetch;
use sts::Hop;
use survey::Surveyor;

#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
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

impl FetchError {
    pub(crate) fn hints(&self) -> Vec<String> {
        match self {
            FetchError::Failure(failure) => failure.hints(),
            // Their messages say what to do.
            FetchError::Http(_) | FetchError::Runtime(_) => Vec::new(),
        }
    }
}

pub(crate) fn fetch_token(request: &FetchRequest<'_>) -> Result<AuthorizationToken, FetchError> {
    let fetch = Fetch::new(request);
    let result = runtime::block_on(async {
        match tokio::time::timeout(request.time_left, fetch.walk(None)).await {
            Ok(result) => result,
            Err(_) => Err(Failure::timeout(&fetch, request.time_left)),
        }
    });
    Ok(result.map_err(FetchError::Runtime)??)
}

/// Takes every step to a new token, and asks `sts` for the caller identity.
///
/// # Errors
/// When nothing could be asked: certificates, proxy settings, the system.
pub(crate) fn survey(request: &FetchRequest<'_>, sts: &Endpoint) -> Result<Survey, FetchError> {
    let fetch = Fetch::new(request);
    let surveyor = Surveyor::new(sts);
    let work = async {
        let walk = fetch.walk(Some(&surveyor));
        let result = tokio::time::timeout(request.time_left, walk).await;
        result.unwrap_or_else(|_| Err(Failure::timeout(&fetch, request.time_left)))
    };
    let result = runtime::block_on(work).map_err(FetchError::Runtime)?;
    let mut survey = surveyor.into_found();
    match result {
        Ok(token) => survey.token = Some(Ok(token)),
        Err(failure) => survey.end(failure),
    }
    Ok(survey)
}

impl Fetch<'_> {
    /// Takes every step: the first credentials, the roles, the token. A surveyor records the result
    /// of each step.
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
        if !self.request.identity.roles.is_empty() {
            self.connect_ahead().await;
        }
        Ok(credentials)
    }

    /// The roles to assume, in order.
    fn hops(&self) -> impl Iterator<Item = Hop<'_>> {
        let identity = self.request.identity;
        let mut codes = self.request.codes.iter();
        let mut caller = None;
        // An identity with roles always has an STS endpoint.
        let roles = identity.sts.iter().flat_map(|sts| {
            let roles = identity.roles.iter();
            roles.map(move |role| (sts, role))
        });
        let last = identity.roles.len().saturating_sub(1);
        let policy = identity.policy();
        roles.enumerate().map(move |(index, (sts, role))| Hop {
            caller: caller.replace(&role.arn),
            role,
            code: role.mfa_device.as_ref().and_then(|_| codes.next()),
            sts,
            policy: policy.filter(|_| index == last),
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
        let config = self.sdk_config(&self.request.identity.api, Some(credentials));
        match &self.request.registry.service {
            Service::Private(private) => self.private_token(&config, private).await,
            Service::Public => self.public_token(&config).await,
        }
    }

    /// Keeps credentials secret, and refuses those that cannot be in a header. The SDK panics on
    /// them (aws-runtime 1.10, `auth.rs`), and a Kubernetes secret made with `echo` has a line
    /// break after the key.
    fn sendable(&self, credentials: Credentials) -> Result<Credentials, Failure> {
        self.keep_keys_secret(&credentials);
        let id = credentials.access_key_id();
        let is_odd = |text: &str| !text.bytes().all(|byte| byte.is_ascii_graphic());
        let what = if id.is_empty() || is_odd(id) {
            "access key ID"
        } else if credentials.session_token().is_some_and(is_odd) {
            "session token"
        } else {
            return Ok(credentials);
        };
        let why = format!(
            "the {what} is empty, or contains a space, a line break or a non-ASCII character"
        );
        Err(match &*self.stage.borrow() {
            Stage::Source => Failure::no_credentials(self, &why),
            _ => Failure::malformed(self, &why),
        })
    }
}

/// What answers with credentials outside of the SDK.
#[cfg(any(test, fuzzing))]
pub(crate) fn fuzz(bytes: &[u8]) {
    process::fuzz(bytes);
    instance_metadata::fuzz(bytes);
}
