//! All whom one policy is about.

use super::{OrganizationId, Principal};

/// All whom a policy is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Callers {
    /// These.
    Principals(Vec<Principal>),
    /// Every account of an organization.
    Organization(OrganizationId),
}

impl Callers {
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
