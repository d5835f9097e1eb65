//! What all areas come to: the worst that was found.

use crate::commands::page::CheckMark;

use super::evidence::Evidence;
use super::registry::{Allowed, Outcome};
use super::report::{Area, AreaReport, Conclusion};

pub(super) fn conclude(areas: &[AreaReport], evidence: Option<&Evidence<'_>>) -> Conclusion {
    let policy = evidence.and_then(Evidence::denied_by_policy);
    let path = evidence.map(Evidence::path).unwrap_or_default();
    let (mark, mut text, changes) = match (policy, worst(areas)) {
        (Some(denial), _) => (CheckMark::Bad, denial.text, denial.changes),
        (None, Some((CheckMark::Bad, area, found))) => {
            let is_all = area == Area::Clients && evidence.is_some_and(Evidence::is_allowed);
            let rest = if is_all {
                "; AWS and the registry allow it"
            } else {
                ""
            };
            let text = format!("it breaks {}: {found}{rest}", area_name(area));
            (CheckMark::Bad, text, Vec::new())
        }
        (None, Some((mark, area, found))) => {
            let allowed = allowed(evidence).unwrap_or_else(|| "nothing fails".to_owned());
            let name = area_name(area);
            let text = format!("{allowed}; but see to this {name}: {found}");
            (mark, text, Vec::new())
        }
        (None, None) => (CheckMark::Good, nothing_wrong(evidence), Vec::new()),
    };
    // If the client does not even ask, that is said in addition to AWS's denial.
    let clients = areas.iter().find(|report| report.area == Area::Clients);
    if let Some(found) = clients.and_then(|report| first_text(report, CheckMark::Bad))
        && !text.contains(found)
    {
        text = join(&text, found);
    }
    Conclusion {
        mark,
        text,
        path,
        changes,
    }
}

fn nothing_wrong(evidence: Option<&Evidence<'_>>) -> String {
    allowed(evidence).unwrap_or_else(|| match evidence {
        Some(_) => "nothing fails, as far as could be looked at".to_owned(),
        None => {
            "nothing is wrong here; name an image, and the whole way to it is looked at".to_owned()
        }
    })
}

/// Two findings in one text. The first may be a question.
fn join(first: &str, second: &str) -> String {
    let end = if first.ends_with(['.', '?', '!']) {
        ""
    } else {
        "."
    };
    format!("{first}{end} Also: {second}")
}

/// The first thing that is bad, or else may not be meant. The clients come last: if they ask this
/// program, what keeps it from an answer remains.
fn worst(areas: &[AreaReport]) -> Option<(CheckMark, Area, &str)> {
    let is_clients = |report: &&AreaReport| report.area == Area::Clients;
    let ours = areas.iter().filter(|report| !is_clients(report));
    let in_order = ours.chain(areas.iter().filter(is_clients));
    [CheckMark::Bad, CheckMark::Warning]
        .into_iter()
        .find_map(|mark| {
            in_order
                .clone()
                .find_map(|report| Some((mark, report.area, first_text(report, mark)?)))
        })
}

fn first_text(report: &AreaReport, mark: CheckMark) -> Option<&str> {
    let found = report.checks.iter().find(|check| check.mark == mark);
    found.map(|check| check.text.as_str())
}

fn area_name(area: Area) -> &'static str {
    match area {
        Area::Machine => "on this machine",
        Area::Clients => "in the configuration of docker or podman",
        Area::Identity => "in who asks",
        Area::Token => "at the token",
        Area::Registry => "at the registry",
    }
}

/// What the registry allows; `None` if it was not asked, or refused something.
fn allowed(evidence: Option<&Evidence<'_>>) -> Option<String> {
    let evidence = evidence?;
    let Outcome::Allowed(allowed) = evidence.outcome else {
        return None;
    };
    let has_roles = !evidence.roles().is_empty();
    let whose = match (evidence.account(), evidence.caller_account()) {
        (Some(theirs), Some(ours)) if theirs == ours => " (the same account)",
        (Some(_), Some(_)) if has_roles => " (another account's, by a role)",
        (Some(_), Some(_)) => " (another account's, whose policy allows it)",
        _ => "",
    };
    let registry = &evidence.target.registry;
    let what = match allowed {
        Allowed::Token => {
            return Some(format!(
                "{registry} takes the token{whose}; name an image to see whether it can be pulled"
            ));
        }
        Allowed::Pull => "pulled from",
        Allowed::Push => "pushed to",
        Allowed::PullAndPush => "pulled from and pushed to",
    };
    let image = evidence.target.image.as_ref()?;
    Some(format!("{image} can be {what} {registry}{whose}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_findings_are_joined_with_one_mark_between_them() {
        for (first, joined) in [
            ("it breaks", "it breaks. Also: x"),
            ("did you mean A?", "did you mean A? Also: x"),
            ("It ends.", "It ends. Also: x"),
        ] {
            assert_eq!(join(first, "x"), joined);
        }
    }
}
