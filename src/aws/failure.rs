//! Why AWS gave no token, told apart: each kind has its message, its next step, and says
//! whether an older token may still be used.

use std::error::Error as StdError;
use std::fmt;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::identity::Source;
use crate::registry::RoleArn;

use super::Session;
use super::http::{self, TransportCause, TransportFailure};

/// What was being done.
#[derive(Clone, Debug)]
pub enum Stage {
    /// Getting the first credentials.
    Source,
    /// Taking a role with a web identity.
    WebIdentity {
        /// The role.
        role: RoleArn,
    },
    /// Assuming a role.
    Role {
        /// The role that assumes it; `None` where the first credentials do.
        caller: Option<RoleArn>,
        /// The role.
        role: RoleArn,
    },
    /// Asking for the token.
    Token,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stage::Source => f.write_str("getting credentials"),
            Stage::WebIdentity { role } => write!(f, "taking the role {role} with a web identity"),
            Stage::Role { role, .. } => write!(f, "assuming the role {role}"),
            Stage::Token => f.write_str("asking for the authorization token"),
        }
    }
}

/// What happened.
#[derive(Clone, Debug)]
pub enum FailureKind {
    /// SSO without a sign-in, or with one that is over.
    SsoSignIn {
        /// The profile to sign in.
        profile: String,
        /// Its `sso-session`.
        session: Option<String>,
        /// Over, and not absent.
        expired: bool,
    },
    /// `aws login` without a sign-in, or with one that is over.
    Login {
        /// Over, and not absent.
        expired: bool,
    },
    /// No instance metadata, or no role on the instance: nobody is signed in at all.
    NotSignedIn,
    /// The process, container endpoint or token file failed.
    Source,
    /// STS denies the role.
    RoleDenied,
    /// ECR denies the token.
    TokenDenied,
    /// The key is not known.
    KeysRefused,
    /// The session behind the key is over.
    CredentialsExpired,
    /// The name of the endpoint, the connection, TLS or the proxy.
    Transport(TransportFailure),
    /// The whole time was used up.
    Timeout,
    /// Too many calls.
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

/// A failure, with AWS's words.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What was being done.
    pub stage: Stage,
    /// What happened.
    pub kind: FailureKind,
    /// Who was asking, as people name it.
    caller: String,
    /// What AWS, the source or the network said.
    detail: String,
}

impl Failure {
    fn new(session: &Session<'_>, kind: FailureKind, detail: impl Into<String>) -> Self {
        Self {
            stage: session.stage.borrow().clone(),
            kind,
            caller: session.purchase.identity.to_string(),
            detail: detail.into(),
        }
    }

    pub(super) fn timeout(session: &Session<'_>) -> Self {
        let after = session.purchase.time_left.as_secs_f32();
        Self::new(
            session,
            FailureKind::Timeout,
            format!("no answer within {after:.0} s"),
        )
    }

    pub(super) fn malformed(session: &Session<'_>, detail: &str) -> Self {
        Self::new(session, FailureKind::Malformed, detail)
    }

    pub(super) fn of_source(session: &Session<'_>, detail: &str) -> Self {
        Self::new(session, FailureKind::Source, detail)
    }

    pub(super) fn signed_out(session: &Session<'_>, expired: bool) -> Self {
        let kind = match &session.purchase.identity.source {
            Source::Sso(sso) => FailureKind::SsoSignIn {
                profile: sso.profile.clone(),
                session: sso.session.clone(),
                expired,
            },
            _ => FailureKind::Login { expired },
        };
        Self::new(session, kind, "")
    }

    /// An error of a call of ours.
    pub(super) fn of_call<E>(session: &Session<'_>, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + StdError + 'static,
    {
        if let Some(transport) = http::classify(error) {
            return Self::new(session, FailureKind::Transport(transport.clone()), "");
        }
        if let SdkError::ServiceError(answer) = error {
            let (code, message) = (answer.err().code(), answer.err().message());
            let status = answer.raw().status().as_u16();
            let kind = kind_of_code(session, code, message, status);
            let detail = match (code, message) {
                (Some(code), Some(message)) => format!("{code}: {message}"),
                (Some(code), None) => code.to_owned(),
                (None, _) => format!("HTTP status {status}, with an answer that is not AWS's"),
            };
            return Self::new(session, kind, detail);
        }
        let kind = match error {
            SdkError::TimeoutError(_) => FailureKind::Timeout,
            SdkError::ResponseError(_) => FailureKind::Malformed,
            _ => FailureKind::Refused,
        };
        Self::new(session, kind, chain(error))
    }

    /// An error of one of the SDK's providers.
    pub(super) fn of_provider(session: &Session<'_>, error: &CredentialsError) -> Self {
        if let Source::InstanceMetadata { endpoint } = &session.purchase.identity.source {
            // Nothing at the address, or no role there: both mean that nobody is signed in.
            let transport = http::classify(error);
            if transport.is_some() || matches!(error, CredentialsError::CredentialsNotLoaded(_)) {
                // The SDK's words around a connection that failed say less than the failure.
                let cause = transport.map_or_else(|| chain(error), |failure| failure.to_string());
                let why = format!("instance metadata at {endpoint} gives none: {cause}");
                return Self::new(session, FailureKind::NotSignedIn, why);
            }
        }
        if let Some(transport) = http::classify(error) {
            return Self::new(session, FailureKind::Transport(transport.clone()), "");
        }
        let detail = chain(error);
        match &session.purchase.identity.source {
            // The portal's and the sign-in service's refusals, and the errors of their token
            // files, have types that cannot be named: their words are pinned by tests.
            Source::Sso(_) if sign_in_is_over(&detail) => Self::signed_out(session, true),
            Source::Login { .. } if sign_in_is_over(&detail) => Self::signed_out(session, true),
            _ => Self::new(session, FailureKind::Source, detail),
        }
    }

    /// Whether AWS has said no to this identity: an older token must not outlive it.
    pub fn is_denial(&self) -> bool {
        matches!(
            self.kind,
            FailureKind::RoleDenied | FailureKind::TokenDenied | FailureKind::KeysRefused
        )
    }

    /// The next steps.
    pub fn hints(&self) -> Vec<String> {
        let hints: &[&str] = match &self.kind {
            FailureKind::SsoSignIn {
                profile, session, ..
            } => {
                let mut hints = vec![format!("run: aws sso login --profile {profile}")];
                if let Some(session) = session {
                    hints.push(format!("or, for every profile of the session: aws sso login --sso-session {session}"));
                }
                return hints;
            }
            FailureKind::Login { .. } => &["run: aws login"],
            FailureKind::NotSignedIn => &[
                "sign in (`aws sso login`, `aws login`, `aws configure`), or name a profile in config.toml or AWS_PROFILE",
                "on EC2: give the instance a role, and containers a hop limit of 2",
            ],
            FailureKind::Source => &["try it by hand: aws sts get-caller-identity"],
            FailureKind::RoleDenied => return self.role_hints(),
            FailureKind::TokenDenied => &[
                "in the caller's account: allow ecr:GetAuthorizationToken on resource \"*\" (the managed policy AmazonEC2ContainerRegistryPullOnly does); the registry's own policy has no part in it",
            ],
            FailureKind::KeysRefused => &[
                "the key belongs to another partition (aws, aws-cn and aws-us-gov have keys of their own)",
                "or the region is not enabled in the caller's account",
                "or the key is mistyped, deactivated or deleted",
            ],
            FailureKind::CredentialsExpired => {
                &["renew the temporary credentials where they come from, and export them anew"]
            }
            FailureKind::Transport(transport) => match &transport.cause {
                TransportCause::NameNotResolved { .. } => &[
                    "check the network, the VPN and the name server; in a VPC without internet, an interface endpoint for ecr.api needs private DNS or AWS_ENDPOINT_URL_ECR",
                ],
                TransportCause::Tls(_) => &[
                    "if a proxy or firewall opens TLS, put its certificate authority into a bundle and name it in AWS_CA_BUNDLE",
                ],
                TransportCause::Proxy(_) => &["check HTTPS_PROXY and NO_PROXY"],
                _ => &["check the network, the VPN, the firewall, HTTPS_PROXY and NO_PROXY"],
            },
            FailureKind::Timeout => &[
                "check the network, the VPN, the firewall, HTTPS_PROXY and NO_PROXY; timeout_seconds in config.toml allows more time",
            ],
            FailureKind::Throttled => {
                &["too many calls in this account and region: try again in a minute"]
            }
            FailureKind::ClockSkew => {
                &["set this machine's clock: AWS refuses requests that are more than 5 minutes off"]
            }
            FailureKind::Malformed => &[
                "something between here and AWS answers in its place: check HTTPS_PROXY and AWS_ENDPOINT_URL",
            ],
            FailureKind::Unavailable => {
                &["AWS has trouble: try again; https://health.aws.amazon.com tells more"]
            }
            FailureKind::Refused => &[],
        };
        hints.iter().map(|hint| (*hint).to_owned()).collect()
    }

    fn role_hints(&self) -> Vec<String> {
        let (Stage::Role { role, .. } | Stage::WebIdentity { role }) = &self.stage else {
            return Vec::new();
        };
        if matches!(self.stage, Stage::WebIdentity { .. }) {
            return vec![format!(
                "in account {}: the trust policy of {role} must name this identity provider, and its conditions must fit the token's subject and audience",
                role.account()
            )];
        }
        vec![
            format!(
                "in the caller's account: allow sts:AssumeRole on resource \"{role}\" in the caller's identity policy"
            ),
            format!(
                "in account {}: the role must exist, and its trust policy must name the caller, with the same external id if it asks for one",
                role.account()
            ),
        ]
    }
}

/// The kind of a refusal, by its code. Codes: the ECR and STS API references, "Common errors".
fn kind_of_code(
    session: &Session<'_>,
    code: Option<&str>,
    message: Option<&str>,
    status: u16,
) -> FailureKind {
    let message = message.unwrap_or_default();
    match code.unwrap_or_default() {
        "AccessDenied" | "AccessDeniedException" | "NotAuthorized" => {
            match *session.stage.borrow() {
                Stage::Token => FailureKind::TokenDenied,
                _ => FailureKind::RoleDenied,
            }
        }
        "InvalidIdentityToken" | "IDPRejectedClaim" => FailureKind::RoleDenied,
        "ExpiredToken" | "ExpiredTokenException" => FailureKind::CredentialsExpired,
        "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "InvalidAccessKeyId"
        | "OptInRequired" => FailureKind::KeysRefused,
        "RequestTimeTooSkewed" | "RequestExpired" | "RequestInTheFuture" => FailureKind::ClockSkew,
        "InvalidSignatureException" | "SignatureDoesNotMatch" => {
            if message.contains("Signature expired") || message.contains("not yet current") {
                FailureKind::ClockSkew
            } else {
                FailureKind::KeysRefused
            }
        }
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "TooManyRequestsException"
        | "RequestThrottled"
        | "RequestLimitExceeded"
        | "SlowDown" => FailureKind::Throttled,
        _ if status == 429 => FailureKind::Throttled,
        _ if status >= 500 => FailureKind::Unavailable,
        "" => FailureKind::Malformed,
        _ => FailureKind::Refused,
    }
}

/// Whether the words of an SSO or `aws login` failure say that a person must sign in again.
fn sign_in_is_over(words: &str) -> bool {
    const WORDS: [&str; 8] = [
        "UnauthorizedException",
        "Session token not found or invalid",
        "token has expired",
        "ExpiredToken",
        "expired",
        "InvalidGrantException",
        "AccessDeniedException",
        "missing field",
    ];
    WORDS.iter().any(|word| words.contains(word))
}

/// An error and what lies beneath it, in one text.
fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let words = cause.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        source = cause.source();
    }
    text
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            stage,
            caller,
            detail,
            ..
        } = self;
        match &self.kind {
            FailureKind::SsoSignIn {
                profile, expired, ..
            } => {
                let what = if *expired { "has expired" } else { "is absent" };
                write!(f, "the SSO sign-in of the profile {profile} {what}")
            }
            FailureKind::Login { expired } => {
                let what = if *expired { "has expired" } else { "is absent" };
                write!(f, "the sign-in of aws login {what} ({caller})")
            }
            FailureKind::NotSignedIn => write!(f, "no AWS credentials: {detail}"),
            FailureKind::Source => write!(f, "{caller} gives no credentials: {detail}"),
            FailureKind::RoleDenied => match stage {
                Stage::Role {
                    caller: Some(by),
                    role,
                } => {
                    write!(f, "the role {role} cannot be assumed by {by}: {detail}")
                }
                Stage::Role { caller: None, role } | Stage::WebIdentity { role } => {
                    write!(
                        f,
                        "the role {role} cannot be assumed by {}: {detail}",
                        first_caller(caller)
                    )
                }
                _ => write!(f, "{caller} is denied credentials: {detail}"),
            },
            FailureKind::TokenDenied => {
                write!(
                    f,
                    "ecr:GetAuthorizationToken is denied to {caller}: {detail}"
                )
            }
            FailureKind::KeysRefused => {
                write!(f, "AWS does not know the key of {caller}: {detail}")
            }
            FailureKind::CredentialsExpired => {
                write!(
                    f,
                    "the temporary credentials of {caller} have expired: {detail}"
                )
            }
            FailureKind::Transport(transport) => write!(f, "{stage}: {transport}"),
            FailureKind::Timeout => write!(f, "{stage}: {detail}"),
            FailureKind::Throttled => write!(f, "{stage}: AWS throttles: {detail}"),
            FailureKind::ClockSkew => {
                write!(f, "{stage}: the clock of this machine is wrong: {detail}")
            }
            FailureKind::Malformed => write!(f, "{stage}: malformed answer: {detail}"),
            FailureKind::Unavailable => write!(f, "{stage}: AWS is down: {detail}"),
            FailureKind::Refused => write!(f, "{stage}: {detail}"),
        }
    }
}

impl StdError for Failure {}

/// The caller of the first role: the identity's name without the roles on top.
fn first_caller(identity: &str) -> &str {
    identity
        .split_once(", then role ")
        .map_or(identity, |(first, _)| first)
}
