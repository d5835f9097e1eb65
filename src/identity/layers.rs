//! The layers that may choose who asks, gone through from the most explicit on. The first that
//! speaks is taken whole.

use std::borrow::Cow;

use crate::config::{Config, IdentitySettings};
use crate::env::{Env, PER_ACCOUNT, var};
use crate::helper_name;
use crate::registry::{Region, Registry};

use super::aws_files::{AwsFiles, AwsFilesError, DEFAULT_PROFILE};
use super::error::ProfileError;
use super::source::{Container, InstanceMetadata, Keys, Source, WebIdentity};
use super::{ChosenBy, IdentityError, Misspelled, Role, profile};

/// Everything that layers are made of.
pub(super) struct Layers<'a> {
    pub(super) env: &'a Env,
    pub(super) config: &'a Config,
    pub(super) files: Result<AwsFiles, AwsFilesError>,
    pub(super) misspelled: Vec<Misspelled>,
}

/// What one layer gives: its part of an [`super::Identity`].
pub(super) struct Chosen {
    pub(super) chosen_by: ChosenBy,
    pub(super) profile: Option<String>,
    pub(super) source: Source,
    pub(super) roles: Vec<Role>,
    pub(super) region: Option<Region>,
}

/// What a table of config.toml or the `ECRX_*` variables say.
pub(super) struct Layer {
    pub(super) chosen_by: ChosenBy,
    pub(super) profile: Option<String>,
    pub(super) roles: Vec<Role>,
    pub(super) region: Option<Region>,
}

impl<'a> Layers<'a> {
    /// Who asks for a registry's token.
    pub(super) fn choose(&self, registry: &Registry) -> Result<Chosen, IdentityError> {
        self.refuse_misspelled(registry)?;
        if let Some(name) = self.env.name() {
            return self.of_name(name, registry);
        }
        if let Some(layer) = self.ecrx_variables(registry)? {
            return self.of_layer(layer, || self.ambient(registry));
        }
        let rule = self
            .config
            .rule_for(registry)
            .map_err(IdentityError::Config)?;
        match rule {
            Some(settings) => {
                let chosen_by = ChosenBy::Rule(settings.origin.clone());
                self.of_layer(Layer::of(settings, chosen_by), || self.ambient(registry))
            }
            None => self.ambient(registry),
        }
    }

    /// Refuses a misspelled variable if the right one could decide something here. Public ECR needs
    /// no identity, and if the program is called by a name, no variable chooses one.
    pub(super) fn refuse_misspelled(&self, registry: &Registry) -> Result<(), IdentityError> {
        for misspelled in &self.misspelled {
            let is_read = self.env.name().is_none() || !misspelled.is_of_identity();
            if is_read && registry.private().is_some() {
                return Err(IdentityError::Misspelled(misspelled.clone()));
            }
            log::warn!("{misspelled}");
        }
        Ok(())
    }

    /// `[identity.NAME]`, or else the AWS profile NAME.
    pub(super) fn of_name(&self, name: &str, registry: &Registry) -> Result<Chosen, IdentityError> {
        let chosen_by = |origin| ChosenBy::Name {
            name: name.to_owned(),
            origin,
        };
        let meant = self.meant(name);
        let identity = self
            .config
            .identity_for(meant, registry)
            .map_err(IdentityError::Config)?;
        if let Some(settings) = identity {
            let chosen_by = chosen_by(Some(settings.origin.clone()));
            return self.of_layer(Layer::of(settings, chosen_by), || self.ambient(registry));
        }
        let own = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
        match self.of_profile(meant, chosen_by(None)) {
            Err(IdentityError::Profile {
                cause:
                    ProfileError::Missing {
                        by: None, files, ..
                    },
                known,
                ..
            }) => Err(IdentityError::Name {
                name: name.to_owned(),
                files,
                identities: own(self.config.identity_names().collect()),
                profiles: known,
            }),
            chosen => chosen,
        }
    }

    /// The identity or else the profile that a name means.
    pub(super) fn meant<'n>(&'n self, name: &'n str) -> &'n str {
        let profiles = self.files.iter().flat_map(AwsFiles::profile_names);
        let identities = self.config.identity_names();
        helper_name::meant(name, identities, profiles)
    }

    /// A layer's profile, or where it has none, what `below` gives; with its roles on top.
    fn of_layer(
        &self,
        layer: Layer,
        below: impl FnOnce() -> Result<Chosen, IdentityError>,
    ) -> Result<Chosen, IdentityError> {
        let mut chosen = match &layer.profile {
            Some(profile) => {
                let chosen_by = match &layer.chosen_by {
                    ChosenBy::Variables { profile, .. } => {
                        ChosenBy::Variable(profile.clone().into())
                    }
                    chosen_by => chosen_by.clone(),
                };
                self.of_profile(profile, chosen_by)?
            }
            None => below()?,
        };
        chosen.chosen_by = layer.chosen_by;
        chosen.region = layer.region.or(chosen.region);
        chosen.roles.extend(layer.roles);
        Ok(chosen)
    }

    /// The layers below the rules: variables, `[defaults]`, the SDK's own defaults.
    fn ambient(&self, registry: &Registry) -> Result<Chosen, IdentityError> {
        if let Some(chosen) = self.of_variables()? {
            return Ok(chosen);
        }
        let defaults = self
            .config
            .defaults_for(registry)
            .map_err(IdentityError::Config)?;
        match defaults {
            Some(settings) => {
                let chosen_by = ChosenBy::Defaults(settings.origin.clone());
                self.of_layer(Layer::of(settings, chosen_by), || self.of_the_sdk())
            }
            None => self.of_the_sdk(),
        }
    }

    /// `AWS_*` variables, in the SDK's order: keys, the profile, the web identity, the container.
    pub(super) fn of_variables(&self) -> Result<Option<Chosen>, IdentityError> {
        let chosen = |variable: &'static str, source| {
            Ok(Some(Chosen {
                chosen_by: ChosenBy::Variable(variable.into()),
                profile: None,
                source,
                roles: Vec::new(),
                region: None,
            }))
        };
        if let Some(keys) = Keys::from_env(self.env).map_err(IdentityError::Environment)? {
            return chosen(var::AWS_ACCESS_KEY_ID, Source::Keys(keys));
        }
        if let Some((variable, profile)) = self.named_profile() {
            self.tell_of_another_than(&profile);
            let chosen_by = ChosenBy::Variable(variable.into());
            return self.of_profile(&profile, chosen_by).map(Some);
        }
        if let Some(web) = WebIdentity::from_env(self.env).map_err(IdentityError::Environment)? {
            return chosen(var::AWS_WEB_IDENTITY_TOKEN_FILE, Source::WebIdentity(web));
        }
        if let Some(container) =
            Container::from_env(self.env).map_err(IdentityError::Environment)?
        {
            let variable = Container::variable(self.env);
            return chosen(variable, Source::Container(container));
        }
        Ok(None)
    }

    /// The profile that a variable names, and which: in the AWS CLI's order (botocore,
    /// `configprovider.py`).
    pub(super) fn named_profile(&self) -> Option<(&'static str, String)> {
        [var::AWS_DEFAULT_PROFILE, var::AWS_PROFILE]
            .into_iter()
            .find_map(|variable| Some((variable, self.env.get(variable)?)))
    }

    /// Both variables may name a profile, and other tools read them in another order.
    fn tell_of_another_than(&self, profile: &str) {
        let (first, second) = (var::AWS_DEFAULT_PROFILE, var::AWS_PROFILE);
        if self.env.get(second).is_some_and(|other| other != profile) {
            log::warn!(
                "{second} is not used: {first} names another profile and comes first, as in the AWS CLI"
            );
        }
    }

    /// The default profile, then instance metadata.
    pub(super) fn of_the_sdk(&self) -> Result<Chosen, IdentityError> {
        let files = self
            .files
            .as_ref()
            .map_err(|error| IdentityError::Files(error.clone()))?;
        if files
            .profile(DEFAULT_PROFILE)
            .is_some_and(profile::names_credentials)
        {
            return self.of_profile(DEFAULT_PROFILE, ChosenBy::Default);
        }
        let settings = files.profile(DEFAULT_PROFILE);
        let source = InstanceMetadata::from_settings(self.env, settings)
            .map_err(IdentityError::Environment)?
            .map(Source::InstanceMetadata)
            .ok_or(IdentityError::NotSignedIn)?;
        Ok(Chosen {
            chosen_by: ChosenBy::Default,
            profile: None,
            source,
            roles: Vec::new(),
            region: None,
        })
    }

    fn of_profile(&self, name: &str, chosen_by: ChosenBy) -> Result<Chosen, IdentityError> {
        let files = self
            .files
            .as_ref()
            .map_err(|error| IdentityError::Files(error.clone()))?;
        let (source, roles) =
            profile::resolve(name, files, self.env).map_err(|cause| IdentityError::Profile {
                cause,
                chosen_by: chosen_by.clone(),
                known: files
                    .profile_names()
                    .into_iter()
                    .map(str::to_owned)
                    .collect(),
            })?;
        Ok(Chosen {
            chosen_by,
            profile: Some(name.to_owned()),
            source,
            roles,
            region: None,
        })
    }

    /// The variables that name credentials and were not heard.
    pub(super) fn passed_over(
        &self,
        chosen: &Chosen,
        registry: &Registry,
    ) -> Vec<Cow<'static, str>> {
        // Whatever layer chose: a rule's role or profile may build on a variable.
        let source = chosen.source.get();
        let has_profile = chosen.profile.is_some();
        let heard = |variable: &str| match variable {
            var::AWS_DEFAULT_PROFILE | var::AWS_PROFILE => chosen.profile == self.env.get(variable),
            _ => source.is_from(variable, has_profile, self.env),
        };
        let by_name = matches!(chosen.chosen_by, ChosenBy::Name { .. });
        let of_ecrx = PER_ACCOUNT
            .into_iter()
            .filter(|_| by_name)
            .filter_map(|name| self.ecrx_variable(name, registry))
            .map(|(variable, _)| variable.into());
        let of_aws = [
            var::AWS_ACCESS_KEY_ID,
            var::AWS_DEFAULT_PROFILE,
            var::AWS_PROFILE,
            var::AWS_WEB_IDENTITY_TOKEN_FILE,
            var::AWS_CONTAINER_CREDENTIALS_RELATIVE_URI,
            var::AWS_CONTAINER_CREDENTIALS_FULL_URI,
        ]
        .into_iter()
        .filter(|variable| self.env.get(variable).is_some() && !heard(variable))
        .map(Cow::Borrowed);
        of_ecrx.chain(of_aws).collect()
    }
}

impl Layer {
    pub(super) fn of(settings: IdentitySettings, chosen_by: ChosenBy) -> Self {
        let role = |role: crate::config::RoleSettings| Role {
            arn: role.arn,
            external_id: role.external_id,
            session_name: role.session_name,
            duration: role.duration,
            mfa_device: role.mfa_device,
        };
        Self {
            chosen_by,
            profile: settings.profile,
            roles: settings.roles.into_iter().map(role).collect(),
            region: settings.region,
        }
    }
}
