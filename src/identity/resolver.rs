//! The layers that may choose who asks, gone through from the most explicit on.

use crate::config::{Config, IdentitySettings};
use crate::env::{Env, var};
use crate::registry::{Region, Registry, Service};

use super::aws_files::{AwsFiles, AwsFilesError, DEFAULT_PROFILE};
use super::endpoint::{Endpoint, Settings};
use super::source::Source;
use super::{ChosenBy, Identity, IdentityError, Role, environment, profile};

/// Finds out who asks for a registry.
pub struct Resolver<'a> {
    env: &'a Env,
    config: &'a Config,
    files: Result<AwsFiles, AwsFilesError>,
}

/// What one layer gives: its part of an [`Identity`].
struct Chosen {
    chosen_by: ChosenBy,
    profile: Option<String>,
    source: Source,
    roles: Vec<Role>,
    region: Option<Region>,
}

impl<'a> Resolver<'a> {
    /// Reads the AWS files once, for any number of registries.
    pub fn new(env: &'a Env, config: &'a Config) -> Self {
        let files = AwsFiles::load(env);
        if let Err(error) = &files {
            log::warn!("{error}");
        }
        Self { env, config, files }
    }

    /// Who asks for this registry's token.
    pub fn resolve(&self, registry: &Registry) -> Result<Identity, IdentityError> {
        let chosen = self.choose(registry)?;
        let ours = registry.partition();
        let web_identity_role = match &chosen.source {
            Source::WebIdentity(web) => Some(&web.role_arn),
            _ => None,
        };
        let assumed = chosen.roles.iter().map(|role| &role.arn);
        for arn in web_identity_role.into_iter().chain(assumed) {
            if arn.partition() != ours {
                return Err(IdentityError::Partition {
                    role: arn.clone(),
                    theirs: arn.partition(),
                    registry: registry.host().to_owned(),
                    ours,
                    chosen_by: chosen.chosen_by.clone(),
                });
            }
        }
        let settings = self.settings(chosen.profile.as_deref());
        let region = settings.region(chosen.region.as_ref(), registry);
        let calls_sts = web_identity_role.is_some() || !chosen.roles.is_empty();
        let sts = match calls_sts {
            true => Some(settings.endpoint("sts", region.clone(), false, false)?),
            false => None,
        };
        let (service, fips, dual_stack) = match &registry.service {
            Service::Private(private) => ("ecr", private.fips, private.dual_stack),
            // Public ECR's second name is its dual-stack one.
            Service::Public => ("ecr_public", false, registry.host() == "ecr-public.aws.com"),
        };
        let api = settings.endpoint(service, registry.api_region(), fips, dual_stack)?;
        let sign_in_api = match &chosen.source {
            Source::Sso(_) | Source::Login { .. } => {
                settings.endpoint("sso", region, false, false)?
            }
            _ => Endpoint::of(region),
        };
        Ok(Identity {
            passed_over: self.passed_over(&chosen),
            ca_bundle: settings
                .get("ca_bundle")
                .map(|path| self.env.expand_home(path.into())),
            chosen_by: chosen.chosen_by,
            profile: chosen.profile,
            source: chosen.source,
            roles: chosen.roles,
            api,
            sts,
            sign_in_api,
        })
    }

    fn choose(&self, registry: &Registry) -> Result<Chosen, IdentityError> {
        if let Some(rule) = self.config.rule_for(registry) {
            let settings = rule.identity_for(registry).map_err(IdentityError::Config)?;
            let chosen_by = ChosenBy::Rule(settings.origin.clone());
            return match settings.profile.clone() {
                Some(profile) => self.of_profile(&profile, chosen_by, Some(settings)),
                // A role alone is assumed from what the layers below give.
                None => Ok(self.ambient(registry)?.with(settings, chosen_by)),
            };
        }
        self.ambient(registry)
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
                match settings.profile.clone() {
                    Some(profile) => self.of_profile(&profile, chosen_by, Some(settings)),
                    None => Ok(self.of_the_sdk()?.with(settings, chosen_by)),
                }
            }
            None => self.of_the_sdk(),
        }
    }

    /// `AWS_*` variables, in the SDK's order: keys, the profile, the web identity, the container.
    fn of_variables(&self) -> Result<Option<Chosen>, IdentityError> {
        let chosen = |variable, source| {
            Ok(Some(Chosen {
                chosen_by: ChosenBy::Variable(variable),
                profile: None,
                source,
                roles: Vec::new(),
                region: None,
            }))
        };
        if let Some(keys) = environment::keys(self.env).map_err(IdentityError::Environment)? {
            return chosen(var::AWS_ACCESS_KEY_ID, Source::Keys(keys));
        }
        if let Some((variable, profile)) = self.named_profile() {
            let chosen_by = ChosenBy::Variable(variable);
            return self.of_profile(&profile, chosen_by, None).map(Some);
        }
        if let Some(web) =
            environment::web_identity(self.env).map_err(IdentityError::Environment)?
        {
            return chosen(var::AWS_WEB_IDENTITY_TOKEN_FILE, Source::WebIdentity(web));
        }
        if let Some(container) = environment::container(self.env) {
            let variable = container_variable(self.env);
            return chosen(variable, Source::Container(container));
        }
        Ok(None)
    }

    /// The profile that a variable names, and which.
    fn named_profile(&self) -> Option<(&'static str, String)> {
        [var::AWS_PROFILE, var::AWS_DEFAULT_PROFILE]
            .into_iter()
            .find_map(|variable| Some((variable, self.env.get(variable)?)))
    }

    /// The default profile, then instance metadata.
    fn of_the_sdk(&self) -> Result<Chosen, IdentityError> {
        let files = self
            .files
            .as_ref()
            .map_err(|error| IdentityError::Files(error.clone()))?;
        if files
            .profile(DEFAULT_PROFILE)
            .is_some_and(profile::names_credentials)
        {
            return self.of_profile(DEFAULT_PROFILE, ChosenBy::Default, None);
        }
        let settings = files.profile(DEFAULT_PROFILE);
        let source = environment::instance_metadata(self.env, settings)
            .map_err(IdentityError::Environment)?
            .ok_or(IdentityError::NotSignedIn)?;
        Ok(Chosen {
            chosen_by: ChosenBy::Default,
            profile: None,
            source,
            roles: Vec::new(),
            region: None,
        })
    }

    fn of_profile(
        &self,
        name: &str,
        chosen_by: ChosenBy,
        settings: Option<IdentitySettings>,
    ) -> Result<Chosen, IdentityError> {
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
        let chosen = Chosen {
            chosen_by: chosen_by.clone(),
            profile: Some(name.to_owned()),
            source,
            roles,
            region: None,
        };
        Ok(match settings {
            Some(settings) => chosen.with(settings, chosen_by),
            None => chosen,
        })
    }

    /// The profile whose settings (endpoints, region, switches) count, beside the variables. An
    /// unreadable file has been logged, and is an error where a profile is what asks.
    fn settings(&self, chosen: Option<&str>) -> Settings<'_> {
        let name = match chosen {
            Some(name) => name.to_owned(),
            None => self
                .named_profile()
                .map_or_else(|| DEFAULT_PROFILE.to_owned(), |(_, name)| name),
        };
        Settings::new(self.env, self.files.as_ref().ok(), &name)
    }

    /// The variables that name credentials and were not heard.
    fn passed_over(&self, chosen: &Chosen) -> Vec<&'static str> {
        // Whatever layer chose: a rule's role or profile may build on a variable.
        let heard = |variable: &str| match (variable, &chosen.source) {
            (var::AWS_PROFILE | var::AWS_DEFAULT_PROFILE, _) => {
                chosen.profile == self.env.get(variable)
            }
            (var::AWS_ACCESS_KEY_ID, Source::Keys(keys)) => {
                self.env.get(variable).as_ref() == Some(&keys.access_key_id)
            }
            (var::AWS_WEB_IDENTITY_TOKEN_FILE, Source::WebIdentity(_)) => chosen.profile.is_none(),
            (_, Source::Container(_)) => variable == container_variable(self.env),
            _ => false,
        };
        [
            var::AWS_ACCESS_KEY_ID,
            var::AWS_PROFILE,
            var::AWS_DEFAULT_PROFILE,
            var::AWS_WEB_IDENTITY_TOKEN_FILE,
            var::AWS_CONTAINER_CREDENTIALS_RELATIVE_URI,
            var::AWS_CONTAINER_CREDENTIALS_FULL_URI,
        ]
        .into_iter()
        .filter(|variable| self.env.get(variable).is_some() && !heard(variable))
        .collect()
    }
}

fn container_variable(env: &Env) -> &'static str {
    match env.get(var::AWS_CONTAINER_CREDENTIALS_RELATIVE_URI) {
        Some(_) => var::AWS_CONTAINER_CREDENTIALS_RELATIVE_URI,
        None => var::AWS_CONTAINER_CREDENTIALS_FULL_URI,
    }
}

impl Chosen {
    /// Puts the roles of a table of config.toml on top.
    fn with(mut self, settings: IdentitySettings, chosen_by: ChosenBy) -> Self {
        self.chosen_by = chosen_by;
        self.region = settings.region.or(self.region);
        self.roles
            .extend(settings.roles.into_iter().map(|role| Role {
                arn: role.arn,
                external_id: role.external_id,
                session_name: role.session_name,
                duration: role.duration,
            }));
        self
    }
}
