//! The session policy of a role: the rights that its tokens are limited to.

use std::fmt;

use crate::config::AccessLimit;
use crate::registry::Registry;

use super::error::IdentityError;
use super::layers::Choice;

/// What the last role is assumed with, if a rule limits the registry's tokens.
#[derive(Clone, Debug)]
pub(crate) struct SessionPolicy {
    pub limit: AccessLimit,
    /// The policy document: JSON without white space.
    pub document: String,
}

impl SessionPolicy {
    /// # Errors
    /// If no role is assumed, as nothing else limits a token, or the policy is longer than STS accepts.
    pub(super) fn new(
        limit: AccessLimit,
        chosen: &Choice,
        registry: &Registry,
    ) -> Result<Self, IdentityError> {
        let Some(role) = chosen.last_role() else {
            return Err(IdentityError::AccessWithoutRole {
                origin: limit.origin().clone(),
                word: limit.word(),
                credentials: chosen.source.to_string(),
                chosen_by: chosen.chosen_by.clone(),
            });
        };
        let document = limit
            .policy(registry, role)
            .map_err(IdentityError::Config)?;
        Ok(Self { limit, document })
    }
}

impl fmt::Display for SessionPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "limited to {}", self.limit)
    }
}
