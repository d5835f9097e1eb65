//! All whom one policy is about.

use super::document::{Condition, PrincipalElement, Statement};
use super::{OrganizationId, Principal};

/// All whom a policy is about. That everybody is only let in under a condition is for this type
/// to see to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Callers {
    /// These.
    Principals(Vec<Principal>),
    /// Every account of an organization.
    Organization(OrganizationId),
}

impl Callers {
    /// A statement for these callers: one for all, and one more for each that needs a condition
    /// of its own.
    pub(super) fn let_in(&self, statement: &Statement) -> Vec<Statement> {
        let principals = match self {
            Self::Organization(id) => {
                let statement = statement.clone().to(PrincipalElement::Everybody);
                return vec![statement.given(Condition::Organization(id.clone()))];
            }
            Self::Principals(principals) => principals,
        };
        let (conditional, plain): (Vec<_>, Vec<_>) = principals
            .iter()
            .partition(|principal| principal.condition().is_some());
        let mut statements = Vec::new();
        if !plain.is_empty() {
            let arns = plain.iter().map(|principal| principal.arn()).collect();
            statements.push(statement.clone().to(PrincipalElement::Aws(arns)));
        }
        for principal in conditional {
            let element = PrincipalElement::Aws(vec![principal.arn()]);
            let condition = principal.condition();
            let statement = statement.clone().to(element);
            statements.extend(condition.map(|condition| statement.given(condition)));
        }
        statements
    }

    /// What is to be known of a policy that lets them in, a sentence or two each.
    pub(crate) fn caveats(&self) -> Vec<String> {
        let principals = match self {
            Self::Organization(id) => {
                return vec![format!(
                    "The condition lets in every account of the organization {id} and nobody \
                     else: it is what makes the principal `*` safe. Do not take it out."
                )];
            }
            Self::Principals(principals) => principals,
        };
        let mut caveats: Vec<String> = principals.iter().filter_map(Principal::caveat).collect();
        let to_create: Vec<String> = principals
            .iter()
            .filter(|principal| principal.must_exist())
            .map(Principal::called)
            .collect();
        if !to_create.is_empty() {
            caveats.push(format!(
                "Create {} first: AWS refuses principals that do not exist. What is deleted and \
                 made again is let in when this policy has been put again.",
                to_create.join(" and ")
            ));
        }
        caveats
    }
}

impl From<Principal> for Callers {
    fn from(principal: Principal) -> Self {
        Self::Principals(vec![principal])
    }
}
