//! The verdict: the worst finding of all areas in few words, and the path from the caller through
//! the roles to the registry.

use crate::aws::{Caller, Failure};
use crate::commands::page::CheckMark;

use super::credentials::token_action;
use super::evidence::{Evidence, arn_account};
use super::registry::{Allowed, Outcome, Rejection};
use super::report::{Area, AreaReport, CALLER, Check, Conclusion, PathNode};

pub(super) fn conclude(areas: &[AreaReport], evidence: Option<&Evidence<'_>>) -> Conclusion {
    let policy = evidence.and_then(Evidence::denied_by_policy);
    let path = evidence.map(Evidence::path).unwrap_or_default();
    let (mark, mut text, changes) = match (policy, worst(areas)) {
        (Some(denial), _) => (CheckMark::Bad, denial.text, denial.changes),
        (None, Some((CheckMark::Bad, area, found))) => {
            let is_allowed = area == Area::Clients && evidence.is_some_and(Evidence::is_allowed);
            (CheckMark::Bad, failed(area, found, is_allowed), Vec::new())
        }
        (None, Some((mark, area, found))) => (mark, warned(area, found, evidence), Vec::new()),
        (None, None) => (CheckMark::Good, nothing_wrong(evidence), Vec::new()),
    };
    // If the client does not use this program, the verdict adds that to AWS's denial.
    let clients = areas.iter().find(|report| report.area == Area::Clients);
    if let Some(found) = clients.and_then(|report| first_check(report, CheckMark::Bad))
        && !text.contains(summary(found))
    {
        text = join(&text, summary(found));
    }
    Conclusion {
        mark,
        text,
        path,
        changes,
    }
}

/// With the command to run next, if the finding has one.
fn failed(area: Area, found: &Check, is_allowed: bool) -> String {
    let (place, _) = names(area);
    let mut text = sentence(&format!("Failed {place}: {}", summary(found)));
    if is_allowed {
        text.push_str(" AWS and the registry allow the request.");
    }
    if let Some(command) = found.fixes.iter().find(|fix| fix.starts_with("Run: ")) {
        text.push(' ');
        text.push_str(command);
    }
    text
}

fn warned(area: Area, found: &Check, evidence: Option<&Evidence<'_>>) -> String {
    let (_, subject) = names(area);
    let start = match allowed(evidence) {
        Some(_) => "Works",
        None => "No failure found",
    };
    sentence(&format!(
        "{start}, with a warning about {subject}: {}",
        summary(found)
    ))
}

fn nothing_wrong(evidence: Option<&Evidence<'_>>) -> String {
    match (allowed(evidence), evidence) {
        (Some(allowed), _) => format!("Works: {allowed}"),
        (None, Some(_)) => "No failure found. Some checks were skipped.".to_owned(),
        (None, None) => "This machine is set up. To check a pull, run: \
                         docker-credential-ecrx doctor IMAGE"
            .to_owned(),
    }
}

/// A text with a mark at its end.
fn sentence(text: &str) -> String {
    let end = if text.ends_with(['.', '?', '!']) {
        ""
    } else {
        "."
    };
    format!("{text}{end}")
}

/// Two findings in one text. The first may be a question.
fn join(first: &str, second: &str) -> String {
    format!("{} Also: {}", sentence(first), sentence(second))
}

fn summary(check: &Check) -> &str {
    check.summary.as_deref().unwrap_or(&check.text)
}

/// The first thing that is bad, or else may not be meant. The clients come last: even if they use
/// this program, the other failures remain.
fn worst(areas: &[AreaReport]) -> Option<(CheckMark, Area, &Check)> {
    let is_clients = |report: &&AreaReport| report.area == Area::Clients;
    let ours = areas.iter().filter(|report| !is_clients(report));
    let in_order = ours.chain(areas.iter().filter(is_clients));
    [CheckMark::Bad, CheckMark::Warning]
        .into_iter()
        .find_map(|mark| {
            in_order
                .clone()
                .find_map(|report| Some((mark, report.area, first_check(report, mark)?)))
        })
}

fn first_check(report: &AreaReport, mark: CheckMark) -> Option<&Check> {
    report.checks.iter().find(|check| check.mark == mark)
}

/// An area after "Failed", and after "about".
fn names(area: Area) -> (&'static str, &'static str) {
    match area {
        Area::Machine => ("on this machine", "this machine"),
        Area::Clients => ("at client configuration", "the client configuration"),
        Area::Identity => ("at AWS identity", "the AWS identity"),
        Area::Token => ("at authorization token", "the authorization token"),
        Area::Registry => ("at registry", "the registry"),
        Area::Providers => ("at credential providers", "the credential providers"),
        Area::Answer => ("at the answer to kubelet", "the answer to kubelet"),
    }
}

/// What the registry allows; `None` if no request was possible, or it rejected one.
fn allowed(evidence: Option<&Evidence<'_>>) -> Option<String> {
    let evidence = evidence?;
    let Outcome::Allowed(allowed) = evidence.outcome else {
        return None;
    };
    let has_roles = !evidence.roles().is_empty();
    let whose = match (evidence.account(), evidence.caller_account()) {
        (Some(theirs), Some(ours)) if theirs == ours => " (same account)",
        // No policy of a repository was checked.
        (Some(_), Some(_)) if allowed == Allowed::Token => " (cross-account)",
        (Some(_), Some(_)) if has_roles => " (cross-account, through a role)",
        (Some(_), Some(_)) => " (cross-account, allowed by the repository policy)",
        _ => "",
    };
    let registry = &evidence.target.registry;
    let what = match allowed {
        Allowed::Token => {
            return Some(format!(
                "{registry} accepts the token{whose}. To check a pull, run: docker-credential-ecrx doctor IMAGE"
            ));
        }
        Allowed::Pull => "pulled from",
        Allowed::Push => "pushed to",
        Allowed::PullAndPush => "pulled from and pushed to",
    };
    let image = evidence.target.image.as_ref()?;
    Some(format!("{image} can be {what} {registry}{whose}."))
}

impl Evidence<'_> {
    /// From the caller through the roles to the registry; empty without an identity.
    fn path(&self) -> Vec<PathNode> {
        let Some(identity) = self.identity else {
            return Vec::new();
        };
        let reached = |result: Option<&Result<Caller, Failure>>| match result {
            Some(Ok(_)) => CheckMark::Good,
            Some(Err(_)) => CheckMark::Bad,
            None => CheckMark::Unknown,
        };
        let source = self.survey.and_then(|survey| survey.source.as_ref());
        let mut path = vec![PathNode {
            what: CALLER,
            name: match self.caller() {
                Some(arn) => arn.to_owned(),
                None => identity.first_caller(),
            },
            account: self.caller_account(),
            by: None,
            mark: reached(source),
            is_absent: false,
        }];
        for (index, role) in identity.roles.iter().enumerate() {
            path.push(PathNode {
                what: "role",
                name: role.arn.to_string(),
                account: arn_account(role.arn.as_str()),
                by: Some("sts:AssumeRole"),
                mark: reached(self.survey.and_then(|survey| survey.roles.get(index))),
                is_absent: false,
            });
        }
        let (by, mark) = self.last_hop();
        let registry = &self.target.registry;
        path.push(PathNode {
            what: "registry",
            name: match &self.target.image {
                Some(image) => format!("{registry}/{image}"),
                None => registry.to_string(),
            },
            account: self.account(),
            by,
            mark,
            is_absent: self.refused().is_some_and(|refused| refused.is_absent),
        });
        path
    }

    /// The action that leads to the registry, and whether it is allowed.
    fn last_hop(&self) -> (Option<&'static str>, CheckMark) {
        let token = Some(token_action(&self.target.registry));
        // Public ECR allows anonymous pulls.
        let pull = self.private().map(|_| "ecr:BatchGetImage");
        let survey = self.survey.map(|survey| &survey.token);
        let has_failed = self.private().is_some() && matches!(survey, Some(Some(Err(_))));
        match &self.outcome {
            // The cached token is still accepted.
            Outcome::Allowed(_) if has_failed => return (token, CheckMark::Bad),
            Outcome::Allowed(Allowed::Token) => return (token, CheckMark::Good),
            Outcome::Allowed(Allowed::Pull | Allowed::PullAndPush) => {
                return (pull, CheckMark::Good);
            }
            Outcome::Allowed(Allowed::Push) => {
                return (Some("ecr:InitiateLayerUpload"), CheckMark::Good);
            }
            Outcome::Refused(Rejection {
                action: Some(action),
                ..
            }) => return (self.private().map(|_| *action), CheckMark::Bad),
            Outcome::Refused(_) | Outcome::NotAsked => {}
        }
        match survey {
            _ if has_failed => (token, CheckMark::Bad),
            Some(None) => (token, CheckMark::Unknown),
            _ if self.refused().is_some() => (None, CheckMark::Bad),
            _ => (token, CheckMark::Unknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_findings_are_joined_with_one_mark_between_them() {
        for (first, joined) in [
            ("It fails", "It fails. Also: x."),
            ("Did you mean A?", "Did you mean A? Also: x."),
            ("It ends.", "It ends. Also: x."),
        ] {
            assert_eq!(join(first, "x"), joined);
        }
    }
}
