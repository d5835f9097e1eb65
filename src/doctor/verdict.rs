//! What it all comes to: the worst of what was found, and the path with where it breaks.

use crate::aws::{Caller, Failure, Survey};
use crate::commands::Target;
use crate::commands::page::Mark;
use crate::identity::{Identity, Role};
use crate::registry::PrivateRegistry;

use super::refused::Refused;
use super::registry::{Allowed, Outcome};
use super::report::{CALLER, Place, Station, Step, Verdict};
use super::token::token_action;

/// Everything that is known when a registry was asked about.
pub(super) struct Case<'a> {
    pub target: &'a Target,
    /// Who asks; `None` where nobody does.
    pub identity: Option<&'a Identity>,
    pub survey: Option<&'a Survey>,
    /// What the registry said.
    pub outcome: Outcome,
}

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

impl Case<'_> {
    /// Nothing was refused.
    fn is_allowed(&self) -> bool {
        matches!(self.outcome, Outcome::Allowed(_))
    }

    pub(super) fn refused(&self) -> Option<&Refused> {
        match &self.outcome {
            Outcome::Refused(refused) => Some(refused),
            Outcome::Allowed(_) | Outcome::NotAsked => None,
        }
    }

    /// The roles on top of the first credentials.
    pub(super) fn roles(&self) -> &[Role] {
        self.identity.map_or(&[], |identity| &identity.roles)
    }

    pub(super) fn private(&self) -> Option<&PrivateRegistry> {
        self.target.registry.private()
    }

    /// The account that owns the registry.
    fn account(&self) -> Option<String> {
        Some(self.private()?.account.to_string())
    }

    /// The ARN of who calls, before any role.
    fn caller(&self) -> Option<&str> {
        let source = self.survey?.source.as_ref()?.as_ref().ok()?;
        source.arn.as_deref().ok()
    }

    /// The account of who calls, before any role.
    fn caller_account(&self) -> Option<String> {
        account_of(self.caller()?)
    }

    /// From the caller by the roles to the registry; empty where nobody asks.
    fn path(&self) -> Vec<Station> {
        let Some(identity) = self.identity else {
            return Vec::new();
        };
        let reached = |step: Option<&Result<Caller, Failure>>| match step {
            Some(Ok(_)) => Mark::Good,
            Some(Err(_)) => Mark::Bad,
            None => Mark::Unknown,
        };
        let source = self.survey.and_then(|survey| survey.source.as_ref());
        let mut path = vec![Station {
            what: CALLER,
            name: match self.caller() {
                Some(arn) => arn.to_owned(),
                None => identity.first_caller(),
            },
            account: self.caller_account(),
            by: None,
            mark: reached(source),
        }];
        for (index, role) in identity.roles.iter().enumerate() {
            path.push(Station {
                what: "role",
                name: role.arn.to_string(),
                account: account_of(role.arn.as_str()),
                by: Some("sts:AssumeRole"),
                mark: reached(self.survey.and_then(|survey| survey.roles.get(index))),
            });
        }
        let (by, mark) = self.last_hop();
        let registry = &self.target.registry;
        path.push(Station {
            what: "registry",
            name: match &self.target.image {
                Some(image) => format!("{registry}/{image}"),
                None => registry.to_string(),
            },
            account: self.account(),
            by,
            mark,
        });
        path
    }

    /// What leads to the registry, and whether it does.
    fn last_hop(&self) -> (Option<&'static str>, Mark) {
        let token = Some(token_action(&self.target.registry));
        // Everybody may pull from public ECR.
        let pull = self.private().map(|_| "ecr:BatchGetImage");
        let survey = self.survey.map(|survey| &survey.token);
        let has_failed = self.private().is_some() && matches!(survey, Some(Some(Err(_))));
        match &self.outcome {
            // The cached one serves for a while yet.
            Outcome::Allowed(_) if has_failed => return (token, Mark::Bad),
            Outcome::Allowed(Allowed::Token) => return (token, Mark::Good),
            Outcome::Allowed(Allowed::Pull | Allowed::PullAndPush) => return (pull, Mark::Good),
            Outcome::Allowed(Allowed::Push) => {
                return (Some("ecr:InitiateLayerUpload"), Mark::Good);
            }
            Outcome::Refused(Refused {
                action: Some(action),
                ..
            }) => return (self.private().map(|_| *action), Mark::Bad),
            Outcome::Refused(_) | Outcome::NotAsked => {}
        }
        match survey {
            _ if has_failed => (token, Mark::Bad),
            Some(None) => (token, Mark::Unknown),
            _ if self.refused().is_some() => (None, Mark::Bad),
            _ => (token, Mark::Unknown),
        }
    }
}

/// The account in an ARN.
pub(super) fn account_of(arn: &str) -> Option<String> {
    let account = arn.split(':').nth(4)?;
    (!account.is_empty()).then(|| account.to_owned())
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
