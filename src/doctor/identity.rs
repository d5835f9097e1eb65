//! Who asks: the first credentials, and the roles on top of them.

use time::OffsetDateTime;

use crate::aws::{Caller, Failure, Survey};
use crate::clock;
use crate::commands::moment::span;
use crate::error::Error;
use crate::identity::Identity;

use super::report::{Finding, Place, Step};

/// A failure with its hints.
pub(super) fn failed(failure: &Failure) -> Finding {
    Finding::bad(failure.to_string()).mend(failure.hints())
}

/// An error with its hints.
pub(super) fn error(error: &Error) -> Finding {
    Finding::bad(error.line()).mend(error.hint_lines().collect::<Vec<_>>())
}

/// What was found of who asks.
pub(super) fn step(identity: &Identity, survey: &Survey) -> Step {
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
pub(super) fn step_without_codes(identity: &Identity) -> Step {
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
