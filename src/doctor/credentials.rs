//! The credentials: the first ones, the roles on top of them, and the tokens, cached and new.

use crate::aws::{Caller, Failure, FailureKind, SignInFault, Stage, Survey};
use crate::clock;
use crate::commands::facts::{HostOnly, IdentityFacts, TokenFacts};
use crate::commands::page::span;
use crate::error::Error;
use crate::get::Held;
use crate::identity::{Endpoint, Identity, IdentityError};
use crate::redaction::shown_url;
use crate::registry::{Registry, Service};
use crate::token::AuthorizationToken;

use super::report::{Area, AreaReport, Check};

/// `sts` is the endpoint of the request for the caller's identity, if it was sent.
fn failure_check(failure: &Failure, identity: &Identity, sts: Option<&Endpoint>) -> Check {
    Check::bad(failure.to_string())
        .summary(failure_summary(failure))
        .fix(endpoint_hint(failure, identity, sts))
        .fix(failure.hints())
}

/// Names the setting of an endpoint that does not respond.
fn endpoint_hint(failure: &Failure, identity: &Identity, sts: Option<&Endpoint>) -> Option<String> {
    if !matches!(
        failure.kind,
        FailureKind::Transport(_) | FailureKind::Timeout
    ) {
        return None;
    }
    let endpoint = match failure.stage {
        Stage::Source => &identity.sign_in_api,
        Stage::Caller => sts?,
        Stage::WebIdentity { .. } | Stage::Role { .. } => identity.sts.as_ref()?,
        Stage::Token => &identity.api,
    };
    let (url, from) = (endpoint.url.as_ref()?, endpoint.url_from.as_ref()?);
    Some(format!(
        "Check {from}. It sets the endpoint to {}",
        shown_url(url)
    ))
}

/// A failure in a few words, for the verdict.
fn failure_summary(failure: &Failure) -> &'static str {
    match failure.kind {
        FailureKind::SignIn(SignInFault::Absent) => "you are not signed in to AWS",
        FailureKind::SignIn(SignInFault::Expired) => "the AWS sign-in has expired",
        FailureKind::SignIn(SignInFault::Unreadable) => "the AWS sign-in is unreadable",
        FailureKind::NotSignedIn(_) => "no AWS credentials were found",
        FailureKind::Source => "the credential source failed",
        FailureKind::Loop => "credential_process starts this program again",
        FailureKind::RoleDenied => "assuming the role was denied",
        FailureKind::CodeRefused => "the MFA code was rejected",
        FailureKind::TokenDenied => "the token request was denied",
        FailureKind::PolicyTooLarge => "the session policy is too large",
        FailureKind::KeysRefused => "the access key was rejected",
        FailureKind::WrongSecret => "the secret access key is wrong",
        FailureKind::CredentialsExpired => "the credentials have expired",
        FailureKind::Transport(_) => "the endpoint is unreachable",
        FailureKind::Timeout => "AWS did not respond in time",
        FailureKind::Throttled => "AWS throttled the request",
        FailureKind::ClockSkew => "this machine's clock is wrong",
        FailureKind::Malformed => "the response is not valid",
        FailureKind::Unavailable => "the service is unavailable",
        FailureKind::Refused => "AWS rejected the request",
    }
}

/// If no request to AWS was possible.
pub(super) fn error_check(error: &Error) -> Check {
    Check::bad(error.line())
        .summary("no credentials could be obtained")
        .fix(error.hint_lines())
}

/// The facts about an identity, and these checks.
pub(super) fn identity_report(facts: &IdentityFacts, checks: Vec<Check>) -> AreaReport {
    let not_used = facts.not_used().map(|variables| {
        let text = format!("not used: {variables}");
        Check::warning(text)
    });
    let checks = not_used.into_iter().chain(checks).collect();
    AreaReport::new(Area::Identity, checks).with_facts(facts.lines())
}

pub(super) fn host_only_check(host_only: HostOnly) -> Check {
    Check::new(host_only.mark, host_only.text)
        .summary("docker and podman use another identity for this registry")
}

/// Without an identity to request a token for. Public ECR allows anonymous pulls.
pub(super) fn no_identity_report(registry: &Registry, error: &IdentityError) -> AreaReport {
    let check = match registry.service {
        Service::Private(_) => Check::bad(error.to_string())
            .summary("no usable AWS identity")
            .fix(error.hints()),
        Service::Public => {
            Check::unknown(format!("no AWS identity, so pulls are anonymous: {error}"))
        }
    };
    AreaReport::new(Area::Identity, vec![check])
}

/// `sts` is the endpoint that the caller's identity is requested from.
pub(super) fn identity_checks(identity: &Identity, survey: &Survey, sts: &Endpoint) -> Vec<Check> {
    let sts = Some(sts);
    let mut checks = Vec::new();
    let first = identity.first_caller();
    match &survey.source {
        None => checks.push(Check::unknown(format!("{first}: skipped"))),
        Some(Err(failure)) => checks.push(failure_check(failure, identity, sts)),
        Some(Ok(caller)) => checks.push(match &caller.arn {
            Ok(arn) => Check::good(format!("{first} is {arn}{}", session_end(caller))),
            Err(failure) => Check::warning(format!(
                "{first} provides credentials{}, but STS did not return their ARN: {failure}",
                session_end(caller)
            ))
            .summary("STS did not return the caller's ARN")
            .fix(endpoint_hint(failure, identity, sts)),
        }),
    }
    for (index, role) in identity.roles.iter().enumerate() {
        let arn = &role.arn;
        checks.push(match survey.roles.get(index) {
            None => Check::unknown(format!("role {arn}: skipped")),
            Some(Err(failure)) => failure_check(failure, identity, sts),
            Some(Ok(caller)) => Check::good(format!("assumed role {arn}{}", session_end(caller))),
        });
    }
    checks
}

/// If no MFA code is requested, because a token is cached.
pub(super) fn unasked_identity_checks(identity: &Identity) -> Vec<Check> {
    let mut checks = vec![Check::unknown(format!(
        "{}: skipped, because it requires an MFA code and a token is cached",
        identity.first_caller()
    ))];
    let roles = identity.roles.iter();
    checks.extend(roles.map(|role| Check::unknown(format!("role {}: skipped", role.arn))));
    checks
}

fn session_end(caller: &Caller) -> String {
    match caller.expires_at {
        Some(end) => format!("; session expires in {}", span(end - clock::now())),
        None => String::new(),
    }
}

/// Without a survey, AWS was not contacted.
pub(super) fn token_report(
    registry: &Registry,
    identity: &Identity,
    cached: Option<&Held>,
    survey: Option<&Survey>,
) -> AreaReport {
    let mut checks = vec![cached_token_check(cached)];
    let action = token_action(registry);
    match survey.map(|survey| &survey.token) {
        Some(Some(Ok(token))) => checks.push(new_token_check(action, token)),
        Some(Some(Err(failure))) => checks.push(failure_check(failure, identity, None)),
        Some(None) => checks.push(Check::unknown(format!("{action}: skipped"))),
        None => {}
    }
    AreaReport::new(Area::Token, checks)
}

fn new_token_check(action: &str, token: &AuthorizationToken) -> Check {
    let (now, given) = (clock::now(), format!("{action} returned a new token"));
    if !token.is_expired(now) {
        Check::good(format!(
            "{given}, valid for {}",
            span(token.expires_at - now)
        ))
    } else {
        Check::warning(format!(
            "{given} that has already expired by this machine's clock, so it is not cached"
        ))
        .summary("the new token is expired by this machine's clock")
        .fix(["Set this machine's clock"])
    }
}

/// The action of IAM that gives tokens.
pub(super) fn token_action(registry: &Registry) -> &'static str {
    match registry.service {
        Service::Private(_) => "ecr:GetAuthorizationToken",
        Service::Public => "ecr-public:GetAuthorizationToken",
    }
}

fn cached_token_check(cached: Option<&Held>) -> Check {
    let Some(held) = cached else {
        return Check::unknown("no cached token");
    };
    let token = TokenFacts::from_held(held, clock::now());
    let next = match token.renewed_in {
        Some(_) => "used without a request to AWS",
        None => "renewed at the next pull",
    };
    Check::good(format!(
        "cached token: {} old, valid for another {}, {next}",
        span(token.age),
        span(token.time_left)
    ))
}
