//! The `ECRX_*` variables that say who asks: a layer of their own, for CI.

use crate::config::{Blanks, Problem, RoleArnTemplate, parse_external_id, parse_session_name};
use crate::env::var;
use crate::registry::Registry;

use super::layers::{Layer, Layers};
use super::{ChosenBy, IdentityError, Role};

impl Layers<'_> {
    /// `ECRX_PROFILE` and `ECRX_ROLE_ARN`, each with the registry's account behind it first. On
    /// public ECR a role that is to be filled in from a private registry's name says nothing.
    pub(super) fn ecrx_variables(
        &self,
        registry: &Registry,
    ) -> Result<Option<Layer>, IdentityError> {
        let profile = self.ecrx_variable(var::ECRX_PROFILE, registry);
        let role = self.ecrx_variable(var::ECRX_ROLE_ARN, registry);
        let roles = match &role {
            Some((variable, text)) => self.ecrx_role(variable, text, registry)?,
            None => Some(Vec::new()),
        };
        let name = |variable: &Option<(String, String)>| Some(variable.as_ref()?.0.clone());
        let chosen_by = match (name(&profile), name(&role)) {
            (Some(profile), Some(role)) => ChosenBy::Variables { profile, role },
            (Some(variable), None) | (None, Some(variable)) => ChosenBy::Variable(variable.into()),
            (None, None) => return Ok(None),
        };
        let Some(roles) = roles else {
            return Ok(None);
        };
        let region = match self.env.get(var::ECRX_REGION) {
            Some(region) => Some(region.trim().parse().map_err(wrong(var::ECRX_REGION))?),
            None => None,
        };
        Ok(Some(Layer {
            chosen_by,
            profile: profile.map(|(_, profile)| profile),
            roles,
            region,
        }))
    }

    /// A variable of this account, or of all.
    pub(super) fn ecrx_variable(
        &self,
        name: &str,
        registry: &Registry,
    ) -> Option<(String, String)> {
        let of_account = registry
            .private()
            .map(|private| format!("{name}_{}", private.account));
        of_account
            .into_iter()
            .chain([name.to_owned()])
            .find_map(|variable| {
                let value = self.env.get(&variable)?.trim().to_owned();
                Some((variable, value))
            })
    }

    fn ecrx_role(
        &self,
        variable: &str,
        text: &str,
        registry: &Registry,
    ) -> Result<Option<Vec<Role>>, IdentityError> {
        let template = RoleArnTemplate::parse(text).map_err(wrong(variable))?;
        let blanks = Blanks::from_registry(registry);
        if blanks.is_none() && template.has_blanks() {
            return Ok(None);
        }
        let get = |name| self.env.get(name);
        let external_id = get(var::ECRX_EXTERNAL_ID)
            .map(|id| parse_external_id(id.trim()).map_err(wrong(var::ECRX_EXTERNAL_ID)))
            .transpose()?;
        // A variable of one account goes nowhere else, whatever blanks it has.
        let for_all = variable == var::ECRX_ROLE_ARN && template.has_account();
        if external_id.is_some() && for_all {
            let remedy =
                "name the role of each account in a variable of its own, ECRX_ROLE_ARN_<account>";
            return Err(wrong(var::ECRX_EXTERNAL_ID)(Problem::ExternalIdForAll {
                remedy,
            }));
        }
        Ok(Some(vec![Role {
            arn: template.expand(blanks).map_err(wrong(variable))?,
            external_id,
            session_name: get(var::ECRX_ROLE_SESSION_NAME)
                .map(|name| {
                    parse_session_name(name.trim()).map_err(wrong(var::ECRX_ROLE_SESSION_NAME))
                })
                .transpose()?,
            duration: None,
            mfa_device: None,
        }]))
    }
}

/// An error of a variable's value.
fn wrong<P: Into<Problem>>(variable: &str) -> impl Fn(P) -> IdentityError {
    let variable = variable.to_owned();
    move |problem| IdentityError::Variable {
        variable: variable.clone(),
        problem: problem.into(),
    }
}
