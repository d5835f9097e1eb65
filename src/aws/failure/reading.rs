//! From the SDK's errors to failures.
//!
//! Of a call of ours, code and status are at hand. Of the SDK's own providers often only words
//! are: their errors have types that cannot be named. What is read from words here is pinned by
//! `tests/errors.rs`.

use std::error::Error as StdError;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::aws::fetch::{Fetch, Stage};
use crate::aws::instance_metadata::MetadataError;
use crate::error::chain;
use crate::http;
use crate::identity::{SearchedFiles, Source};
use crate::redaction::shown_url;

use super::{Failure, FailureKind, SignInFault};

impl Failure {
    /// An error of a call of ours.
    pub(in crate::aws) fn from_call<E>(fetch: &Fetch<'_>, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + StdError + 'static,
    {
        if let Some(transport) = http::classify(error) {
            return Self::new(fetch, FailureKind::Transport(transport), "");
        }
        if let SdkError::ServiceError(answer) = error {
            let (code, message) = (answer.err().code(), answer.err().message());
            let status = answer.raw().status().as_u16();
            let kind = kind_of_code(&fetch.stage.borrow(), code, message, Some(status));
            let detail = match (code, message) {
                (Some(code), message) => answered(code, message),
                (None, _) => format!("HTTP status {status}, with a response that is not from AWS"),
            };
            return Self::new(fetch, kind, detail);
        }
        let kind = match error {
            SdkError::TimeoutError(_) => FailureKind::Timeout,
            SdkError::ResponseError(_) => FailureKind::Malformed,
            _ => FailureKind::Refused,
        };
        Self::new(fetch, kind, words(error))
    }

    /// An error of one of the SDK's providers.
    pub(in crate::aws) fn from_provider(fetch: &Fetch<'_>, error: &CredentialsError) -> Self {
        let source = &fetch.request.identity.source;
        match source {
            Source::Container(container) => {
                let file = container.token_file.as_deref();
                Self::from_usual_provider(fetch, error, || container_words(file, error))
            }
            Source::Keys(_)
            | Source::Sso(_)
            | Source::Login(_)
            | Source::Process(_)
            | Source::WebIdentity(_)
            | Source::InstanceMetadata(_) => Self::from_usual_provider(fetch, error, || None),
        }
    }

    /// `own_words`: a better wording than the SDK's, which some sources have.
    fn from_usual_provider(
        fetch: &Fetch<'_>,
        error: &CredentialsError,
        own_words: impl FnOnce() -> Option<String>,
    ) -> Self {
        if let Some(transport) = http::classify(error) {
            return Self::new(fetch, FailureKind::Transport(transport), "");
        }
        let words = words(error);
        let is_login = matches!(fetch.request.identity.source, Source::Login(_));
        if let Some(fault) = login_fault(&words).filter(|_| is_login) {
            return Self::sign_in(fetch, fault);
        }
        if let Some((code, message)) = code_and_message(error) {
            let stage = fetch.stage.borrow().clone();
            let kind = match kind_of_code(&stage, Some(&code), message.as_deref(), None) {
                // `aws login` has no role that could be denied.
                FailureKind::RoleDenied if is_login => FailureKind::Source,
                FailureKind::Refused => FailureKind::Source,
                kind => kind,
            };
            let detail = match login_words(&words) {
                Some(words) if matches!(kind, FailureKind::Source) => words.to_owned(),
                _ => answered(&code, message.as_deref()),
            };
            return Self::new(fetch, kind, detail);
        }
        if is_no_answer(&words) {
            return Self::without_credentials(fetch);
        }
        let detail = own_words().unwrap_or(words);
        Self::new(fetch, FailureKind::Source, detail)
    }

    /// An error of a call to IAM Identity Center with a sign-in's access token.
    pub(in crate::aws) fn from_portal<E>(
        fetch: &Fetch<'_>,
        error: &SdkError<E, HttpResponse>,
    ) -> Self
    where
        E: ProvideErrorMetadata + StdError + 'static,
    {
        let code = error.as_service_error().and_then(|error| error.code());
        if code == Some("UnauthorizedException") {
            return Self::sign_in(fetch, SignInFault::Expired);
        }
        let failure = Self::from_call(fetch, error);
        match failure.kind {
            FailureKind::Refused => Self {
                kind: FailureKind::Source,
                ..failure
            },
            FailureKind::Malformed => Self::without_credentials(fetch),
            _ => failure,
        }
    }

    /// A response that should contain credentials does not.
    pub(in crate::aws) fn without_credentials(fetch: &Fetch<'_>) -> Self {
        Self::malformed(fetch, "it contains no credentials")
    }

    pub(in crate::aws) fn from_instance_metadata(
        fetch: &Fetch<'_>,
        endpoint: &str,
        error: &MetadataError,
    ) -> Self {
        match error {
            MetadataError::Malformed => Self::without_credentials(fetch),
            MetadataError::Status(_) | MetadataError::Refused(_) => {
                Self::new(fetch, FailureKind::Source, error.to_string())
            }
            MetadataError::Unreachable(_)
            | MetadataError::NoRole
            | MetadataError::Forbidden
            | MetadataError::Version1Disabled => {
                let endpoint = shown_url(endpoint);
                let detail = format!("instance metadata at {endpoint} {error}");
                let searched = SearchedFiles::from_env(fetch.request.env);
                Self::new(fetch, FailureKind::NotSignedIn(searched), detail)
            }
        }
    }
}

/// The kind of a refusal, by its code. Codes: the ECR and STS API references, "Common errors",
/// and those of the SSO portal and the sign-in service.
fn kind_of_code(
    stage: &Stage,
    code: Option<&str>,
    message: Option<&str>,
    status: Option<u16>,
) -> FailureKind {
    let message = message.unwrap_or_default();
    match code.unwrap_or_default() {
        // Whatever its code says: trouble is no denial, and must not cost a token.
        _ if status.is_some_and(|status| status >= 500 && status != 503) => {
            FailureKind::Unavailable
        }
        "AccessDenied" if message.contains("MultiFactorAuthentication failed") => {
            FailureKind::CodeRefused
        }
        "AccessDenied" | "AccessDeniedException" | "NotAuthorized" => match stage {
            Stage::Token => FailureKind::TokenDenied,
            Stage::Source | Stage::WebIdentity { .. } | Stage::Role { .. } | Stage::Caller => {
                FailureKind::RoleDenied
            }
        },
        // The SSO portal's.
        "ForbiddenException" if matches!(stage, Stage::Source) => FailureKind::RoleDenied,
        // STS could not ask the identity provider, which says nothing of the token.
        "IDPCommunicationError" => FailureKind::Unavailable,
        "InvalidIdentityToken" if message.contains("Couldn't retrieve verification key") => {
            FailureKind::Unavailable
        }
        "InvalidIdentityToken" | "IDPRejectedClaim" => FailureKind::RoleDenied,
        "PackedPolicyTooLarge" => FailureKind::PolicyTooLarge,
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
                FailureKind::WrongSecret
            }
        }
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "TooManyRequestsException"
        | "TooManyRequestsError"
        | "RequestThrottled"
        | "RequestLimitExceeded"
        | "SlowDown" => FailureKind::Throttled,
        _ if status == Some(429) => FailureKind::Throttled,
        "InternalServerException" | "ServiceUnavailableException" => FailureKind::Unavailable,
        _ if status.is_some_and(|status| status >= 500) => FailureKind::Unavailable,
        "" => FailureKind::Malformed,
        _ => FailureKind::Refused,
    }
}

/// What the words of the SDK's provider say about a sign-in by `aws login`.
fn login_fault(words: &str) -> Option<SignInFault> {
    const EXPIRED: [&str; 3] = [
        "cached Login token is expired",
        "Your session has expired",
        "because of a change in your password",
    ];
    const UNREADABLE: [&str; 2] = [
        "in cached Login token file",
        "failed to load cached Login token",
    ];
    let says = |list: &[&str]| list.iter().any(|some| words.contains(some));
    if says(&EXPIRED) {
        Some(SignInFault::Expired)
    } else if says(&UNREADABLE) {
        Some(SignInFault::Unreadable)
    } else {
        None
    }
}

/// Whether a provider got an answer, and it was not what it should be.
fn is_no_answer(words: &str) -> bool {
    const WORDS: [&str; 3] = [
        "Error at offset",
        "invalid JSON in response",
        "in response but it was missing",
    ];
    WORDS.iter().any(|some| words.contains(some))
}

/// The SDK's own explanation of a refusal by the sign-in service, without the response after it.
fn login_words(words: &str) -> Option<&str> {
    let words = words.strip_prefix("failed to refresh cached Login token: ")?;
    let (explanation, _) = words.split_once(": AccessDeniedException")?;
    Some(explanation)
}

/// The token of a container endpoint cannot be read.
pub(in crate::aws) fn unreadable_token(file: &str, reason: &dyn std::fmt::Display) -> String {
    format!("cannot read {file} (set by AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE): {reason}")
}

/// The token of a container endpoint, or the endpoint itself, is waited for in vain.
pub(in crate::aws) fn unfinished_token(file: &str, limit: Duration) -> String {
    format!(
        "no response within {:.1} s; its token is read from the pipe {file} (set by AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE)",
        limit.as_secs_f32()
    )
}

fn container_words(token_file: Option<&str>, error: &CredentialsError) -> Option<String> {
    if let (Some(file), Some(reason)) = (
        token_file,
        chain(error).find_map(|cause| cause.downcast_ref::<std::io::Error>()),
    ) {
        return Some(unreadable_token(file, reason));
    }
    let words = words(error);
    if words.starts_with("the auth token could not be used as an HTTP header value") {
        let variable = match token_file {
            Some(_) => "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
            None => "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        };
        return Some(format!(
            "the token from {variable} contains a line break or a character that is not allowed in an HTTP header"
        ));
    }
    // The SDK repeats the URL, whose query may hold a token.
    let refusal = words.strip_prefix("invalid full URI for ECS provider (");
    if let Some((reason, _)) = refusal.and_then(|refusal| refusal.split_once("): ")) {
        return Some(format!(
            "the AWS SDK rejects the URL in AWS_CONTAINER_CREDENTIALS_FULL_URI: {reason}"
        ));
    }
    let status =
        words.strip_prefix("Non-success status from HTTP credential provider: StatusCode(");
    status.map(|status| format!("HTTP status {}", status.trim_end_matches(')')))
}

/// `Code: message`, as AWS answered.
fn answered(code: &str, message: Option<&str>) -> String {
    match message {
        Some(message) => format!("{code}: {message}"),
        None => code.to_owned(),
    }
}

/// What a service answered to one of the SDK's providers: typed where the provider's service
/// does not know the error, else from words such as `TooManyRequestsException: Rate exceeded`.
fn code_and_message(error: &(dyn StdError + 'static)) -> Option<(String, Option<String>)> {
    chain(error).find_map(|cause| {
        if let Some(answer) = cause.downcast_ref::<ErrorMetadata>() {
            let message = answer.message().map(str::to_owned);
            return Some((answer.code()?.to_owned(), message));
        }
        let text = cause.to_string();
        let (code, message) = match text.split_once(": ") {
            Some((code, message)) => (code, Some(message.to_owned())),
            None => (text.as_str(), None),
        };
        let is_code = (code.ends_with("Exception") || code.ends_with("Error"))
            && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_code.then(|| (code.to_owned(), message))
    })
}

/// An error and what lies beneath it, in one text, without what only a programmer would miss.
fn words(error: &(dyn StdError + 'static)) -> String {
    // The SDK's own steps, which say nothing about the cause.
    const STEPS: [&str; 12] = [
        "an error occurred while loading credentials",
        "an error occurred while loading an access token",
        "unexpected credentials error",
        "the credential provider was not enabled",
        "the credentials provider was not properly configured",
        "service error",
        "response error",
        "dispatch failure",
        "other",
        "io error",
        "user error",
        "unhandled error",
    ];
    // Whole requests and answers, in the form of `Debug`: they may hold secrets.
    const DUMPS: [&str; 2] = [". Response {", " to request `Request {"];
    let mut parts: Vec<String> = Vec::new();
    for cause in chain(error) {
        let mut text = cause.to_string();
        if let Some(answer) = cause.downcast_ref::<ErrorMetadata>() {
            text = answered(answer.code().unwrap_or("unknown"), answer.message());
        }
        for dump in DUMPS {
            if let Some(at) = text.find(dump) {
                text.truncate(at);
            }
        }
        let is_step = STEPS.contains(&text.as_str()) || text.starts_with("unhandled error (");
        if !is_step && !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
    }
    if parts.is_empty() {
        return error.to_string();
    }
    parts.join(": ")
}
