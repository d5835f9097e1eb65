//! What is known when a registry was asked about, and the path that it makes: from the caller by the
//! roles to the registry.

use crate::aws::{Caller, Failure, Survey};
use crate::commands::Target;
use crate::commands::page::Mark;
use crate::identity::{Identity, Role};
use crate::registry::PrivateRegistry;

use super::credentials::token_action;
use super::registry::{Allowed, Outcome, Refused};
use super::report::{CALLER, Station};

/// Everything that is known when a registry was asked about.
pub(super) struct Case<'a> {
    pub target: &'a Target,
    /// Who asks; `None` where nobody does.
    pub identity: Option<&'a Identity>,
    pub survey: Option<&'a Survey>,
    /// What the registry said.
    pub outcome: Outcome,
}

impl Case<'_> {
    /// Nothing was refused.
    pub(super) fn is_allowed(&self) -> bool {
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
    pub(super) fn account(&self) -> Option<String> {
        Some(self.private()?.account.to_string())
    }

    /// The ARN of who calls, before any role.
    fn caller(&self) -> Option<&str> {
        let source = self.survey?.source.as_ref()?.as_ref().ok()?;
        source.arn.as_deref().ok()
    }

    /// The account of who calls, before any role.
    pub(super) fn caller_account(&self) -> Option<String> {
        account_of(self.caller()?)
    }

    /// From the caller by the roles to the registry; empty where nobody asks.
    pub(super) fn path(&self) -> Vec<Station> {
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
