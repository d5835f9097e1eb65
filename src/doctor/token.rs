//! The token: the one in the cache, and a new one.

use crate::aws::Survey;
use crate::clock;
use crate::commands::moment::span;
use crate::get::Held;
use crate::registry::{Registry, Service};
use crate::token::AuthorizationToken;

use super::identity::failed;
use super::report::{Finding, Place, Step};

/// What was found of tokens. There is no survey where nobody was to be asked for a code.
pub(super) fn step(registry: &Registry, cached: Option<&Held>, survey: Option<&Survey>) -> Step {
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
