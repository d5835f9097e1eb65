//! What it all comes to: the worst of what was found.

use crate::commands::page::Mark;

use super::evidence::Case;
use super::registry::{Allowed, Outcome};
use super::report::{Place, Step, Verdict};

/// The verdict over these steps.
pub(super) fn verdict(steps: &[Step], case: Option<&Case<'_>>) -> Verdict {
    let policy = case.and_then(Case::policy_trouble);
    let path = case.map(Case::path).unwrap_or_default();
    let (mark, mut text, mendings) = match (policy, worst(steps)) {
        (Some((text, mendings)), _) => (Mark::Bad, text, mendings),
        (None, Some((Mark::Bad, place, found))) => {
            let is_all = place == Place::Clients && case.is_some_and(Case::is_allowed);
            let rest = if is_all {
                "; AWS and the registry allow it"
            } else {
                ""
            };
            let text = format!("it breaks {}: {found}{rest}", name_of(place));
            (Mark::Bad, text, Vec::new())
        }
        (None, Some((mark, place, found))) => {
            let well = well(case).unwrap_or_else(|| "nothing fails".to_owned());
            let text = format!("{well}; but see to this {}: {found}", name_of(place));
            (mark, text, Vec::new())
        }
        (None, None) => {
            let nothing = || match case {
                Some(_) => "nothing fails, as far as could be looked at".to_owned(),
                None => {
                    "nothing is wrong here; name an image, and the whole way to it is looked at"
                        .to_owned()
                }
            };
            (Mark::Good, well(case).unwrap_or_else(nothing), Vec::new())
        }
    };
    // What keeps the client from asking at all comes on top of what AWS says.
    let of_clients = steps
        .iter()
        .find(|step| step.place == Place::Clients && step.mark == Mark::Bad);
    if let Some(found) = of_clients.and_then(|step| first(step, Mark::Bad))
        && !text.contains(found)
    {
        text = join(&text, found);
    }
    Verdict {
        mark,
        text,
        path,
        mendings,
    }
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

/// The first thing that is bad, or else may not be meant. The clients come last: what keeps this
/// program from an answer stays when they ask it.
fn worst(steps: &[Step]) -> Option<(Mark, Place, &str)> {
    let is_clients = |step: &&Step| step.place == Place::Clients;
    let ours = steps.iter().filter(|step| !is_clients(step));
    let in_order = ours.chain(steps.iter().filter(is_clients));
    [Mark::Bad, Mark::Warning].into_iter().find_map(|mark| {
        in_order
            .clone()
            .find_map(|step| Some((mark, step.place, first(step, mark)?)))
    })
}

fn first(step: &Step, mark: Mark) -> Option<&str> {
    let found = step.findings.iter().find(|finding| finding.mark == mark);
    found.map(|finding| finding.text.as_str())
}

fn name_of(place: Place) -> &'static str {
    match place {
        Place::Machine => "on this machine",
        Place::Clients => "in the configuration of docker or podman",
        Place::Identity => "in who asks",
        Place::Token => "at the token",
        Place::Registry => "at the registry",
    }
}

/// What the registry allows; `None` where it does not, or was not asked.
fn well(case: Option<&Case<'_>>) -> Option<String> {
    let case = case?;
    let Outcome::Allowed(allowed) = case.outcome else {
        return None;
    };
    let has_roles = !case.roles().is_empty();
    let whose = match (case.account(), case.caller_account()) {
        (Some(theirs), Some(ours)) if theirs == ours => " (the same account)",
        (Some(_), Some(_)) if has_roles => " (another account's, by a role)",
        (Some(_), Some(_)) => " (another account's, whose policy allows it)",
        _ => "",
    };
    let registry = &case.target.registry;
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
    let image = case.target.image.as_ref()?;
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
