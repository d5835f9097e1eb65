//! From the layer that chose to an [`Identity`]: endpoints, local state, and one partition for all
//! of it.

use std::fmt;

use crate::config::{Config, RegistrySettings};
use crate::env::{Env, var};
use crate::net::HttpUrl;
use crate::redaction::shown_url;
use crate::registry::{Lookup, Partition, Region, Registry, Service};
use crate::secret::Secret;

use super::Identity;
use super::aws_files::{AwsFiles, AwsFilesError, DEFAULT_PROFILE};
use super::chosen_by::ChosenBy;
use super::endpoint::{AwsApi, Endpoint, EndpointKinds, Settings};
use super::error::IdentityError;
use super::layers::{Choice, ExplainedLayer, Layers};
use super::misspelled::Misspelled;
use super::session_policy::SessionPolicy;
use super::source::{Source, WebIdentity};

/// Determines the identity for a registry.
pub(crate) struct Resolver<'a> {
    pub(super) layers: Layers<'a>,
    /// The identity of a pod, with what selected it. It is used in place of the layers'.
    workload: Option<(WebIdentity, ChosenBy)>,
}

impl<'a> Resolver<'a> {
    /// Reads the AWS files once, for any number of registries.
    pub(crate) fn new(env: &'a Env, config: &'a Config) -> Self {
        let files = AwsFiles::load(env);
        match &files {
            Ok(files) => files.passed_over().for_each(|file| log::warn!("{file}")),
            Err(error) => log::warn!("{error}"),
        }
        let layers = Layers {
            env,
            config,
            files,
            misspelled: Misspelled::all(env),
        };
        Self {
            layers,
            workload: None,
        }
    }

    /// The same for a pod with an identity of its own.
    pub(crate) fn for_workload(self, identity: WebIdentity, chosen_by: ChosenBy) -> Self {
        Self {
            workload: Some((identity, chosen_by)),
            ..self
        }
    }

    /// The identity that requests the token for this registry or repository.
    pub(crate) fn resolve(&self, lookup: Lookup<'_>) -> Result<Identity, IdentityError> {
        let Layers { env, config, .. } = self.layers;
        let registry = lookup.registry;
        let chosen = match self.workload.clone() {
            Some((web, chosen_by)) => Choice::from_source(chosen_by, Source::WebIdentity(web)),
            None => self.layers.choose(lookup)?,
        };
        let settings = self.settings(chosen.profile.as_deref());
        same_partition(&chosen, &settings, registry)?;
        let by_hand = config.settings_for(lookup);
        let limit = by_hand.access.clone();
        let session_policy = limit.map(|limit| SessionPolicy::new(limit, &chosen, registry));
        let session_policy = session_policy.transpose()?;
        let region = settings.region(chosen.region.as_ref(), registry);
        let properties = chosen.source.properties();
        let sts = if properties.role.is_some() || !chosen.roles.is_empty() {
            Some(sts_endpoint(&settings, &region, &by_hand, registry)?)
        } else {
            None
        };
        let api_name = match &registry.service {
            Service::Private(_) => AwsApi::Ecr,
            Service::Public => AwsApi::EcrPublic,
        };
        let api = match by_hand.endpoint_url {
            Some(url) => Endpoint::from_url(registry.api_region(), url.as_str(), "endpoint_url"),
            None => {
                let kinds = EndpointKinds::of_registry(registry);
                settings.endpoint(api_name, registry.api_region(), kinds)?
            }
        };
        same_partition_as_endpoint(&api, registry)?;
        let endpoint = |api| settings.endpoint(api, region.clone(), EndpointKinds::ORDINARY);
        let [sign_in_api, renewal_api] = match &chosen.source {
            Source::Sso(_) => [endpoint(AwsApi::Sso)?, endpoint(AwsApi::SsoOidc)?],
            Source::Login(_) => {
                // The SDK does not say that a sign-in was not renewed because of a wrong URL.
                settings.refuse_wrong_url(var::AWS_ENDPOINT_URL_SIGNIN)?;
                [endpoint(AwsApi::Signin)?, endpoint(AwsApi::Signin)?]
            }
            _ => [&region; 2].map(|region| Endpoint::from_region(region.clone())),
        };
        Ok(Identity {
            passed_over: self.layers.passed_over(Some(&chosen), registry),
            local_state: chosen.source.get().local_state(env),
            ca_bundle: settings
                .get("ca_bundle")
                .map(|path| env.expand_home(path.into())),
            chosen_by: chosen.chosen_by,
            profile: chosen.profile,
            source: chosen.source,
            roles: chosen.roles,
            session_policy,
            api,
            sts,
            sign_in_api,
            renewal_api,
            max_age: by_hand.max_age,
        })
    }

    /// What each layer says of this registry or repository.
    pub(crate) fn layers(&self, lookup: Lookup<'_>) -> [ExplainedLayer; 6] {
        self.layers.explain(lookup)
    }

    /// The STS endpoint for this registry or repository, also for an identity without a role.
    pub(crate) fn sts(&self, lookup: Lookup<'_>) -> Result<Endpoint, IdentityError> {
        let chosen = self.layers.choose(lookup)?;
        let settings = self.settings(chosen.profile.as_deref());
        let by_hand = self.layers.config.settings_for(lookup);
        let region = settings.region(chosen.region.as_ref(), lookup.registry);
        sts_endpoint(&settings, &region, &by_hand, lookup.registry)
    }

    /// The names of all profiles in AWS's files.
    ///
    /// # Errors
    /// When those cannot be used.
    pub(crate) fn profile_names(&self) -> Result<Vec<&str>, &AwsFilesError> {
        self.layers.files.as_ref().map(AwsFiles::profile_names)
    }

    /// Whether a role is assumed for a profile; `None` if its settings are invalid.
    pub(crate) fn has_role(&self, profile: &str) -> Option<bool> {
        let chosen = self.layers.choose_profile(profile, ChosenBy::Default);
        Some(chosen.ok()?.last_role().is_some())
    }

    /// Whether AWS's files have an `[sso-session]` of this name.
    ///
    /// # Errors
    /// When those cannot be used.
    pub(crate) fn has_sso_session(&self, name: &str) -> Result<bool, &AwsFilesError> {
        let files = self.layers.files.as_ref()?;
        Ok(files.sso_session(name).is_some())
    }

    /// The texts of all configuration files: this program's and AWS's.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &Secret> {
        let aws = self.layers.files.iter().flat_map(AwsFiles::texts);
        self.layers.config.texts().chain(aws)
    }

    /// The profile whose settings (endpoints, region, switches) count after the variables. An
    /// unreadable file has been logged. It is an error only if the identity is a profile.
    fn settings(&self, chosen: Option<&str>) -> Settings<'_> {
        let name = match chosen {
            Some(name) => name.to_owned(),
            None => self
                .layers
                .named_profile()
                .map_or_else(|| DEFAULT_PROFILE.to_owned(), |(_, name)| name),
        };
        let files: Option<&AwsFiles> = self.layers.files.as_ref().ok();
        Settings::new(self.layers.env, files, &name)
    }
}

fn sts_endpoint(
    settings: &Settings<'_>,
    region: &Region,
    by_hand: &RegistrySettings,
    registry: &Registry,
) -> Result<Endpoint, IdentityError> {
    let region = region.clone();
    let endpoint = match &by_hand.sts_endpoint_url {
        Some(url) => Endpoint::from_url(region, url.as_str(), "sts_endpoint_url"),
        None => settings.endpoint(AwsApi::Sts, region, EndpointKinds::of_registry(registry))?,
    };
    same_partition_as_endpoint(&endpoint, registry).map(|()| endpoint)
}

/// Refuses whatever is known, offline, to belong to another partition than the registry.
fn same_partition(
    chosen: &Choice,
    settings: &Settings<'_>,
    registry: &Registry,
) -> Result<(), IdentityError> {
    let region = |text: &str| {
        let region: Region = text.trim().parse().ok()?;
        Some(Partition::of_region(&region))
    };
    let profile = chosen.profile.as_deref().unwrap_or_default();
    // Its words are put together only where they are needed.
    let is_ours = |what: &dyn fmt::Display, partition: Option<Partition>| match partition {
        Some(theirs) if theirs != registry.partition() => {
            Err(crosses(what.to_string(), theirs, chosen, registry))
        }
        _ => Ok(()),
    };
    let foreign = chosen
        .source
        .get()
        .foreign_part(registry.partition(), profile);
    if let Some((what, theirs)) = foreign {
        return Err(crosses(what, theirs, chosen, registry));
    }
    for role in &chosen.roles {
        is_ours(
            &format_args!("the role {}", role.arn),
            Some(role.arn.partition()),
        )?;
        if let Some(device) = &role.mfa_device {
            is_ours(&format_args!("the MFA device {device}"), device.partition())?;
        }
    }
    // The region in a profile says in which partition its keys are valid; one from a rule or a
    // variable does not.
    if let Some(own) = settings.get("region").filter(|_| chosen.profile.is_some()) {
        is_ours(
            &format_args!("the AWS profile {profile} (region {own})"),
            region(own),
        )?;
    }
    Ok(())
}

fn same_partition_as_endpoint(
    endpoint: &Endpoint,
    registry: &Registry,
) -> Result<(), IdentityError> {
    let url = endpoint.url.as_deref().unwrap_or_default();
    match HttpUrl::parse(url).and_then(|url| Partition::of_api_host(url.host)) {
        Some(theirs) if theirs != registry.partition() => Err(IdentityError::EndpointPartition {
            url: shown_url(url),
            theirs,
            registry: registry.host().to_owned(),
            ours: registry.partition(),
        }),
        _ => Ok(()),
    }
}

fn crosses(what: String, theirs: Partition, chosen: &Choice, registry: &Registry) -> IdentityError {
    IdentityError::Partition {
        what,
        theirs,
        registry: registry.host().to_owned(),
        ours: registry.partition(),
        chosen_by: chosen.chosen_by.clone(),
    }
}
