//! The credentials: the first ones, the roles on top of them, and the tokens, cached and new.

use crate::aws::{Caller, Failure, Survey};
use crate::clock;
use crate::commands::facts::TokenFacts;
use crate::commands::page::span;
use crate::error::Error;
use crate::get::Held;
use crate::identity::{Identity, IdentityError};
use crate::registry::{Registry, Service};
use crate::token::AuthorizationToken;

use super::report::{Area, AreaReport, Check};

fn failure_check(failure: &Failure) -> Check {
    Check::bad(failure.to_string()).fix(failure.hints())
}

/// If AWS could not be asked.
pub(super) fn error_report(error: &Error) -> AreaReport {
    let check = Check::bad(error.line()).fix(error.hint_lines());
    AreaReport::new(Area::Identity, vec![check])
}

/// Without an identity to request a token for. Public ECR allows anonymous pulls.
pub(super) fn no_identity_report(registry: &Registry, error: &IdentityError) -> AreaReport {
    let check = match registry.service {
        Service::Private(_) => Check::bad(error.to_string()).fix(error.hints()),
        Service::Public => Check::unknown(format!("pulls are anonymous: {error}")),
    };
    AreaReport::new(Area::Identity, vec![check])
}

pub(super) fn identity_report(identity: &Identity, survey: &Survey) -> AreaReport {
    let mut checks = Vec::new();
    let first = identity.first_caller();
    match &survey.source {
        None => checks.push(Check::unknown(format!("{first}: not come to"))),
        Some(Err(failure)) => checks.push(failure_check(failure)),
        Some(Ok(caller)) => checks.push(match &caller.arn {
            Ok(arn) => Check::good(format!("{first} is {arn}{}", session_end(caller))),
            Err(failure) => Check::warning(format!(
                "{first} gives credentials{}; STS does not say whose: {failure}",
                session_end(caller)
            )),
        }),
    }
    for (index, role) in identity.roles.iter().enumerate() {
        let arn = &role.arn;
        checks.push(match survey.roles.get(index) {
            None => Check::unknown(format!("the role {arn}: not come to")),
            Some(Err(failure)) => failure_check(failure),
            Some(Ok(caller)) => {
                let session = role.session_name();
                let external_id = match role.external_id {
                    Some(_) => ", with an external id",
                    None => "",
                };
                let end = session_end(caller);
                Check::good(format!(
                    "assumed the role {arn} (session {session}{external_id}){end}"
                ))
            }
        });
    }
    AreaReport::new(Area::Identity, checks)
}

/// If no MFA code is asked for, since a token is cached.
pub(super) fn unasked_identity_report(identity: &Identity) -> AreaReport {
    let mut checks = vec![Check::unknown(format!(
        "{}: not looked into, as this takes an MFA code, and the cached token takes none",
        identity.first_caller()
    ))];
    let roles = identity.roles.iter();
    checks.extend(roles.map(|role| Check::unknown(format!("the role {}", role.arn))));
    AreaReport::new(Area::Identity, checks)
}

fn session_end(caller: &Caller) -> String {
    match caller.expires_at {
        Some(end) => format!("; the session ends in {}", span(end - clock::now())),
        None => String::new(),
    }
}

/// There is no survey if AWS was not asked.
pub(super) fn token_report(
    registry: &Registry,
    cached: Option<&Held>,
    survey: Option<&Survey>,
) -> AreaReport {
    let mut checks = vec![cached_token_check(cached)];
    let action = token_action(registry);
    match survey.map(|survey| &survey.token) {
        Some(Some(Ok(token))) => checks.push(new_token_check(action, token)),
        Some(Some(Err(failure))) => checks.push(failure_check(failure)),
        Some(None) => checks.push(Check::unknown(format!("{action}: not come to"))),
        None => {}
    }
    AreaReport::new(Area::Token, checks)
}

fn new_token_check(action: &str, token: &AuthorizationToken) -> Check {
    let (now, given) = (clock::now(), format!("{action} gives a new one"));
    if !token.is_expired(now) {
        Check::good(format!(
            "{given}, good for {}",
            span(token.expires_at - now)
        ))
    } else {
        Check::warning(format!(
            "{given}, which has ended by this machine's clock: it is not kept"
        ))
        .fix(["set the clock"])
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
        return Check::unknown("no token for it in the cache");
    };
    let token = TokenFacts::from_held(held, clock::now());
    let next = match token.renewed_in {
        Some(_) => "answered without asking AWS",
        None => "renewed at the next pull",
    };
    Check::good(format!(
        "a token in the cache, {} old, good for another {}, {next}",
        span(token.age),
        span(token.time_left)
    ))
}
