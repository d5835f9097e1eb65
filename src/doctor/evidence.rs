//! The evidence after all requests, and the path from the caller through the roles to the registry.

use crate::aws::{Caller, Failure, Survey};
use crate::commands::Target;
use crate::commands::page::CheckMark;
use crate::identity::{Identity, Role};
use crate::registry::PrivateRegistry;

use super::credentials::token_action;
use super::registry::{Allowed, Outcome, Rejection};
use super::report::{CALLER, PathNode};

pub(super) struct Evidence<'a> {
    pub target: &'a Target,
    /// `None` if no identity could be chosen.
    pub identity: Option<&'a Identity>,
    pub survey: Option<&'a Survey>,
    pub outcome: Outcome,
}

impl Evidence<'_> {
    pub(super) fn is_allowed(&self) -> bool {
        matches!(self.outcome, Outcome::Allowed(_))
    }

    pub(super) fn refused(&self) -> Option<&Rejection> {
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

    /// The ARN of the caller, before any role.
    fn caller(&self) -> Option<&str> {
        let source = self.survey?.source.as_ref()?.as_ref().ok()?;
        source.arn.as_deref().ok()
    }

    /// The account of the caller, before any role.
    pub(super) fn caller_account(&self) -> Option<String> {
        arn_account(self.caller()?)
    }

    /// From the caller through the roles to the registry; empty without an identity.
    pub(super) fn path(&self) -> Vec<PathNode> {
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

/// The account in an ARN.
pub(super) fn arn_account(arn: &str) -> Option<String> {
    let account = arn.split(':').nth(4)?;
    (!account.is_empty()).then(|| account.to_owned())
}
