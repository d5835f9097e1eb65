//! The steps to a token with the result of each: the caller identity, the roles, the token.
//! `doctor` shows which step fails; a `get` takes the same steps with [`super::fetch_token`].

use std::cell::RefCell;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use time::OffsetDateTime;

use crate::identity::Endpoint;
use crate::token::AuthorizationToken;

use super::failure::Failure;
use super::fetch::{Fetch, Stage};

/// The principal that credentials belong to.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// The ARN of the user or session; `Err` if STS did not answer. A token may be available all
    /// the same.
    pub arn: Result<String, Failure>,
    /// When the session ends; `None` where its source does not say, or it has no end.
    pub expires_at: Option<OffsetDateTime>,
}

/// The results of the steps, up to the first that failed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Survey {
    /// The first credentials; `None` if the deadline passed before.
    pub source: Option<Result<Caller, Failure>>,
    /// The roles that were tried.
    pub roles: Vec<Result<Caller, Failure>>,
    pub token: Option<Result<AuthorizationToken, Failure>>,
}

/// Records the result of each step.
pub(super) struct Surveyor<'a> {
    /// The endpoint for `GetCallerIdentity`.
    sts: &'a Endpoint,
    found: RefCell<Survey>,
}

impl Survey {
    /// The first failure that keeps a token from being fetched.
    pub(crate) fn failure(&self) -> Option<&Failure> {
        let steps = self.source.iter().chain(&self.roles);
        let failed = steps.filter_map(|step| step.as_ref().err()).next();
        failed.or_else(|| self.token.as_ref()?.as_ref().err())
    }

    /// The principal that made the last call, if it is known. For a role that could not be assumed,
    /// that is the principal before it.
    pub(crate) fn last_caller(&self) -> Option<&str> {
        let callers = self.source.iter().chain(&self.roles);
        let last = callers.filter_map(|step| step.as_ref().ok()).next_back()?;
        last.arn.as_deref().ok()
    }

    /// Puts a failure into the step that was under way.
    pub(super) fn end(&mut self, failure: Failure) {
        match failure.stage {
            Stage::Source | Stage::WebIdentity { .. } => self.source = Some(Err(failure)),
            Stage::Role { .. } => self.roles.push(Err(failure)),
            Stage::Token | Stage::Caller => self.token = Some(Err(failure)),
        }
    }
}

impl<'a> Surveyor<'a> {
    pub(super) fn new(sts: &'a Endpoint) -> Self {
        Self {
            sts,
            found: RefCell::default(),
        }
    }

    /// What was found so far.
    pub(super) fn into_found(self) -> Survey {
        self.found.into_inner()
    }

    /// Asks which principal the first credentials belong to. The answer is only for the report, so
    /// the next steps must not wait long for it.
    pub(super) async fn saw_source(&self, fetch: &Fetch<'_>, credentials: &Credentials) {
        fetch.enter(Stage::Caller);
        let limit = fetch.request.time_left / 3;
        let asked = fetch.caller_identity(credentials.clone(), self.sts);
        let arn = tokio::time::timeout(limit, asked).await;
        let arn = arn.unwrap_or_else(|_| Err(Failure::timeout(fetch, limit)));
        self.found.borrow_mut().source = Some(Ok(Caller::new(credentials, arn)));
    }

    pub(super) fn saw_role(
        &self,
        fetch: &Fetch<'_>,
        credentials: &Credentials,
        arn: Option<String>,
    ) {
        let arn = arn.ok_or_else(|| Failure::malformed(fetch, "the response contains no ARN"));
        let caller = Caller::new(credentials, arn);
        self.found.borrow_mut().roles.push(Ok(caller));
    }
}

impl Caller {
    fn new(credentials: &Credentials, arn: Result<String, Failure>) -> Self {
        let since_1970 = |end: SystemTime| end.duration_since(SystemTime::UNIX_EPOCH).ok();
        let seconds = credentials.expiry().and_then(since_1970);
        let expires_at = seconds.and_then(|time| {
            let seconds = i64::try_from(time.as_secs()).ok()?;
            OffsetDateTime::from_unix_timestamp(seconds).ok()
        });
        Self { arn, expires_at }
    }
}
