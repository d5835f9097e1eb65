//! Who asks: the first credentials, the roles on top of them, and the token: the one in the cache,
//! and a new one.

use time::OffsetDateTime;

use crate::aws::{Caller, Failure, Survey};
use crate::clock;
use crate::commands::moment::span;
use crate::error::Error;
use crate::get::Held;
use crate::identity::Identity;
use crate::registry::{Registry, Service};
use crate::token::AuthorizationToken;

use super::report::{Finding, Place, Step};

/// A failure with its hints.
fn failed(failure: &Failure) -> Finding {
    Finding::bad(failure.to_string()).mend(failure.hints())
}

/// An error with its hints.
pub(super) fn error(error: &Error) -> Finding {
    Finding::bad(error.line()).mend(error.hint_lines().collect::<Vec<_>>())
}

/// What was found of who asks.
pub(super) fn identity_step(identity: &Identity, survey: &Survey) -> Step {
    let mut findings = Vec::new();
    let first = identity.first_caller();
    match &survey.source {
        None => findings.push(Finding::unknown(format!("{first}: not come to"))),
        Some(Err(failure)) => findings.push(failed(failure)),
        Some(Ok(caller)) => findings.push(match &caller.arn {
            Ok(arn) => Finding::good(format!("{first} is {arn}{}", end(caller))),
            Err(failure) => Finding::warning(format!(
                "{first} gives credentials{}; STS does not say whose: {failure}",
                end(caller)
            )),
        }),
    }
    for (index, role) in identity.roles.iter().enumerate() {
        let arn = &role.arn;
        findings.push(match survey.roles.get(index) {
            None => Finding::unknown(format!("the role {arn}: not come to")),
            Some(Err(failure)) => failed(failure),
            Some(Ok(caller)) => {
                let session = role.session_name();
                let external_id = match role.external_id {
                    Some(_) => ", with an external id",
                    None => "",
                };
                let end = end(caller);
                Finding::good(format!(
                    "assumed the role {arn} (session {session}{external_id}){end}"
                ))
            }
        });
    }
    Step::new(Place::Identity, findings)
}

/// Where no one is asked for a code, since a token is there.
pub(super) fn identity_step_without_codes(identity: &Identity) -> Step {
    let mut findings = vec![Finding::unknown(format!(
        "{}: not looked into, as this takes an MFA code, and the cached token takes none",
        identity.first_caller()
    ))];
    let roles = identity.roles.iter();
    findings.extend(roles.map(|role| Finding::unknown(format!("the role {}", role.arn))));
    Step::new(Place::Identity, findings)
}

/// When a session ends.
fn end(caller: &Caller) -> String {
    match caller.expires_at {
        Some(end) => format!("; the session ends in {}", left(end)),
        None => String::new(),
    }
}

fn left(end: OffsetDateTime) -> String {
    span(end - clock::now())
}

/// What was found of tokens. There is no survey where nobody was to be asked for a code.
pub(super) fn token_step(
    registry: &Registry,
    cached: Option<&Held>,
    survey: Option<&Survey>,
) -> Step {
    let mut findings = vec![of_cache(cached)];
    let action = token_action(registry);
    match survey.map(|survey| &survey.token) {
        Some(Some(Ok(token))) => findings.push(of_aws(action, token)),
        Some(Some(Err(failure))) => findings.push(failed(failure)),
        Some(None) => findings.push(Finding::unknown(format!("{action}: not come to"))),
        None => {}
    }
    Step::new(Place::Token, findings)
}

fn of_aws(action: &str, token: &AuthorizationToken) -> Finding {
    let (now, given) = (clock::now(), format!("{action} gives a new one"));
    if !token.is_expired(now) {
        Finding::good(format!(
            "{given}, good for {}",
            span(token.expires_at - now)
        ))
    } else {
        Finding::warning(format!(
            "{given}, which has ended by this machine's clock: it is not kept"
        ))
        .mend(["set the clock"])
    }
}

/// What gives tokens, as IAM spells it.
pub(super) fn token_action(registry: &Registry) -> &'static str {
    match registry.service {
        Service::Private(_) => "ecr:GetAuthorizationToken",
        Service::Public => "ecr-public:GetAuthorizationToken",
    }
}

fn of_cache(cached: Option<&Held>) -> Finding {
    let Some(held) = cached else {
        return Finding::unknown("no token for it in the cache");
    };
    let (token, now) = (&held.entry.token, clock::now());
    let next = match held.refresh_at {
        Some(moment) if moment > now => "answered without asking AWS",
        _ => "renewed at the next pull",
    };
    Finding::good(format!(
        "a token in the cache, {} old, good for another {}, {next}",
        span(now - token.obtained_at),
        span(token.expires_at - now)
    ))
}
