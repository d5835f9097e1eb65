//! Why AWS gave no token, told apart: each kind has its message, its next step, and says
//! whether an older token may still be used.

mod hints;
mod reading;

pub(super) use reading::{unfinished_token, unreadable_token};

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use crate::identity::{Identity, SignInMethod};
use crate::registry::Service;

use super::fetch::{Fetch, Stage};
use crate::http::TransportFailure;

#[derive(Clone, Debug)]
pub(crate) enum FailureKind {
    /// SSO or `aws login` without a sign-in that holds.
    SignIn(SignInFault),
    /// No instance metadata, or no role on the instance: nobody is signed in at all.
    NotSignedIn,
    /// The process, container endpoint or token file failed.
    Source,
    /// The process has started this program, which is to start it again.
    Loop,
    /// STS, or the SSO portal, denies the role.
    RoleDenied,
    /// STS does not take the MFA code.
    CodeRefused,
    TokenDenied,
    KeysRefused,
    /// The key is known, and its secret is another.
    WrongSecret,
    /// The session behind the key is over, or the web identity token is.
    CredentialsExpired,
    /// The name of the endpoint, the connection, TLS or the proxy.
    Transport(TransportFailure),
    /// The whole time was used up.
    Timeout,
    Throttled,
    /// The clocks differ, and the SDK's own correction did not help.
    ClockSkew,
    /// An answer that is none.
    Malformed,
    /// AWS answered 5xx, after all attempts.
    Unavailable,
    /// AWS refused for another reason.
    Refused,
}

/// What a failure means for older tokens and for other attempts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// AWS denies the identity.
    Denial,
    /// Every attempt with the same source would fail alike.
    Source,
    /// It says nothing of any other attempt.
    Attempt,
}

/// What is wrong with a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignInFault {
    Absent,
    Expired,
    /// Its file cannot be understood.
    Unreadable,
}

impl fmt::Display for SignInFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SignInFault::Absent => "is absent",
            SignInFault::Expired => "has expired",
            SignInFault::Unreadable => "cannot be read",
        })
    }
}

/// A failure, with AWS's words.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// What was being done.
    pub stage: Stage,
    pub kind: FailureKind,
    identity: Box<Identity>,
    /// The token was for public ECR, which has actions of its own.
    is_public: bool,
    /// What AWS, the source or the network said, without secrets.
    detail: String,
}

impl Failure {
    /// Every failure is made here, so that no detail keeps a secret of the request.
    fn new(fetch: &Fetch<'_>, kind: FailureKind, detail: impl AsRef<str>) -> Self {
        Self {
            stage: fetch.stage.borrow().clone(),
            kind,
            identity: Box::new(fetch.request.identity.clone()),
            is_public: fetch.request.registry.service == Service::Public,
            detail: fetch.redact(detail.as_ref()),
        }
    }

    pub(super) fn timeout(fetch: &Fetch<'_>, after: Duration) -> Self {
        let after = after.as_secs_f32();
        let digits = usize::from(after < 0.5);
        Self::new(
            fetch,
            FailureKind::Timeout,
            format!("no answer within {after:.digits$} s"),
        )
    }

    pub(super) fn malformed(fetch: &Fetch<'_>, detail: &str) -> Self {
        Self::new(fetch, FailureKind::Malformed, detail)
    }

    pub(super) fn of_source(fetch: &Fetch<'_>, detail: &str) -> Self {
        Self::new(fetch, FailureKind::Source, detail)
    }

    pub(super) fn of_loop(fetch: &Fetch<'_>) -> Self {
        Self::new(fetch, FailureKind::Loop, "")
    }

    pub(super) fn of_sign_in(fetch: &Fetch<'_>, fault: SignInFault) -> Self {
        let kind = match fetch.request.identity.source.properties().sign_in {
            Some(_) => FailureKind::SignIn(fault),
            None => FailureKind::Source,
        };
        Self::new(fetch, kind, "")
    }

    /// What it means for older tokens and for other attempts.
    fn scope(&self) -> Scope {
        match self.kind {
            FailureKind::RoleDenied
            | FailureKind::TokenDenied
            | FailureKind::KeysRefused
            | FailureKind::WrongSecret => Scope::Denial,
            FailureKind::CodeRefused | FailureKind::Refused => Scope::Attempt,
            FailureKind::SignIn(_)
            | FailureKind::NotSignedIn
            | FailureKind::Source
            | FailureKind::Loop
            | FailureKind::CredentialsExpired
            | FailureKind::Transport(_)
            | FailureKind::Timeout
            | FailureKind::Throttled
            | FailureKind::ClockSkew
            | FailureKind::Malformed
            | FailureKind::Unavailable => Scope::Source,
        }
    }

    /// Whether AWS has denied this identity: an older token must not be used any longer.
    pub(crate) fn is_denial(&self) -> bool {
        self.scope() == Scope::Denial
    }

    /// Whether the next attempt with the same source would fail alike, whatever registry and role
    /// it is for.
    pub(crate) fn concerns_the_source(&self) -> bool {
        self.scope() == Scope::Source
    }

    /// Whether another code may be all it takes.
    pub(crate) fn is_about_the_code(&self) -> bool {
        matches!(self.kind, FailureKind::CodeRefused)
    }

    /// Who made the call that failed: at a role, the one before it.
    fn caller(&self) -> String {
        let role = match &self.stage {
            Stage::Role { caller, .. } => caller.as_ref(),
            Stage::Token => self.identity.roles.last().map(|role| &role.arn),
            Stage::Source | Stage::WebIdentity { .. } | Stage::Caller => None,
        };
        match role {
            Some(role) => format!("the role {role}"),
            None => self.identity.first_caller(),
        }
    }

    /// The key of [`Failure::caller`].
    fn key(&self) -> String {
        let Identity {
            profile, source, ..
        } = &*self.identity;
        let caller = self.caller();
        let is_named = profile.is_none() && source.properties().access_key_id.is_some();
        if is_named && caller == source.to_string() {
            caller
        } else {
            format!("the key of {caller}")
        }
    }

    fn role_denied(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (caller, detail) = (self.caller(), &self.detail);
        match (&self.stage, self.identity.source.properties().token_file) {
            (Stage::WebIdentity { role }, Some(file)) => write!(
                f,
                "the role {role} is refused to the web identity token {}: {detail}",
                file.display()
            ),
            (Stage::Role { role, .. } | Stage::WebIdentity { role }, _) => {
                write!(f, "the role {role} cannot be assumed by {caller}: {detail}")
            }
            _ => write!(f, "{caller} is denied: {detail}"),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stage, detail, .. } = self;
        let source = self.identity.source.properties();
        // Whose credentials, where that is not said by the stage.
        let stage = match stage {
            Stage::Source => format!("{stage} from {}", self.identity.first_caller()),
            _ => stage.to_string(),
        };
        match &self.kind {
            FailureKind::SignIn(fault) => {
                // Only such a source has this kind of failure.
                source
                    .sign_in
                    .map_or(Ok(()), |method| sign_in_failed(f, &method, *fault))
            }
            FailureKind::NotSignedIn => write!(f, "nobody is signed in to AWS: {detail}"),
            FailureKind::Source => {
                write!(
                    f,
                    "{} gives no credentials: {detail}",
                    self.identity.first_caller()
                )
            }
            FailureKind::Loop => write!(
                f,
                "the credentials of {} are a loop: it has called docker-credential-ecrx, which would start it again",
                self.identity.first_caller()
            ),
            FailureKind::RoleDenied => self.role_denied(f),
            FailureKind::CodeRefused => write!(f, "{stage}: the MFA code is refused: {detail}"),
            FailureKind::TokenDenied if self.is_public => write!(
                f,
                "ecr-public:GetAuthorizationToken is denied to {}: {detail}",
                self.caller()
            ),
            FailureKind::TokenDenied => write!(
                f,
                "ecr:GetAuthorizationToken is denied to {}: {detail}",
                self.caller()
            ),
            FailureKind::KeysRefused => {
                write!(f, "AWS does not know {}: {detail}", self.key())
            }
            FailureKind::WrongSecret => {
                write!(f, "the secret of {} is wrong: {detail}", self.caller())
            }
            FailureKind::CredentialsExpired => match (&self.stage, source.token_file) {
                (Stage::WebIdentity { .. }, Some(file)) => write!(
                    f,
                    "the web identity token {} has expired: {detail}",
                    file.display()
                ),
                _ => write!(
                    f,
                    "the temporary credentials of {} have expired: {detail}",
                    self.caller()
                ),
            },
            FailureKind::Transport(transport) => write!(f, "{stage}: {transport}"),
            FailureKind::Timeout | FailureKind::Refused => write!(f, "{stage}: {detail}"),
            FailureKind::Throttled => write!(f, "{stage}: AWS throttles: {detail}"),
            FailureKind::ClockSkew => {
                write!(f, "{stage}: the clock of this machine is wrong: {detail}")
            }
            FailureKind::Malformed => write!(f, "{stage}: malformed answer: {detail}"),
            FailureKind::Unavailable => write!(f, "{stage}: AWS is down: {detail}"),
        }
    }
}

/// Most clients show this line alone, so the command stands in it.
fn sign_in_failed(
    f: &mut fmt::Formatter<'_>,
    method: &SignInMethod<'_>,
    fault: SignInFault,
) -> fmt::Result {
    let SignInMethod { name, profile, .. } = method;
    write!(f, "the {name} sign-in of the profile {profile}")?;
    if let Some(session) = method.session {
        write!(f, " (session {session})")?;
    }
    write!(f, " {fault}; run: {}", method.command())
}

impl StdError for Failure {}
