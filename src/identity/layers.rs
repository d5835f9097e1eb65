//! The layers that can select the identity: one table, the most explicit first. The first layer
//! that selects one is taken whole. `config show` shows the answer of every layer.

use std::borrow::Cow;

use crate::config::{
    Blanks, Config, IdentitySettings, Origin, Problem, RoleArnTemplate, SourceSettings,
    SsoSettings, parse_external_id, parse_session_name,
};
use crate::env::{Env, PER_ACCOUNT, var};
use crate::helper_name;
use crate::registry::{Lookup, Region, Registry, RoleArn};

use super::Role;
use super::aws_files::{AwsFiles, AwsFilesError, DEFAULT_PROFILE, Profile};
use super::chosen_by::{ChosenBy, LayerName};
use super::error::{IdentityError, ProfileError};
use super::misspelled::Misspelled;
use super::profile::{self, WebIdentityVariables};
use super::searched_files::SearchedFiles;
use super::source::{Container, InstanceMetadata, Keys, Source, Sso, WebIdentity};

/// Asks one layer; `None` if it is silent.
type Ask = for<'a> fn(&Layers<'a>, Lookup<'_>) -> Result<Option<LayerAnswer>, IdentityError>;

/// All layers, in their order.
const LAYERS: [(LayerName, Ask); 6] = [
    (LayerName::Name, |layers, lookup| {
        layers.name(lookup.registry)
    }),
    (LayerName::EcrxVariables, |layers, lookup| {
        layers.refuse_misspelled(lookup.registry)?;
        let choice = layers.ecrx_variables(lookup.registry)?;
        Ok(choice.map(LayerAnswer::Partial))
    }),
    (LayerName::Rules, |layers, lookup| {
        let settings = layers.config.rule_for(lookup);
        let settings = settings.map_err(IdentityError::Config)?;
        Ok(settings.map(|settings| LayerAnswer::from_config(settings, ChosenBy::Rule)))
    }),
    (LayerName::AwsVariables, |layers, _| {
        Ok(layers.aws_variables()?.map(LayerAnswer::Complete))
    }),
    (LayerName::Defaults, |layers, lookup| {
        let settings = layers.config.defaults_for(lookup.registry);
        let settings = settings.map_err(IdentityError::Config)?;
        Ok(settings.map(|settings| LayerAnswer::from_config(settings, ChosenBy::Defaults)))
    }),
    (LayerName::Sdk, |layers, _| {
        Ok(layers.aws_defaults()?.map(LayerAnswer::Complete))
    }),
];

/// The variables that name credentials, in the order in which they are read.
const AWS_VARIABLES: [&str; 6] = [
    var::AWS_ACCESS_KEY_ID,
    var::AWS_DEFAULT_PROFILE,
    var::AWS_PROFILE,
    var::AWS_WEB_IDENTITY_TOKEN_FILE,
    var::AWS_CONTAINER_CREDENTIALS_RELATIVE_URI,
    var::AWS_CONTAINER_CREDENTIALS_FULL_URI,
];

/// The first layer that a role without a profile can be assumed from. Those before it select the
/// identity of a registry, and so exclude each other.
const FIRST_BELOW: usize = 3;
const _: () = assert!(matches!(LAYERS[FIRST_BELOW].0, LayerName::AwsVariables));

enum LayerAnswer {
    /// A source or roles or both. Without a source, a layer below gives it.
    Partial(PartialChoice),
    Complete(Choice),
}

/// Everything that layers are made of.
pub(super) struct Layers<'a> {
    pub(super) env: &'a Env,
    pub(super) config: &'a Config,
    pub(super) files: Result<AwsFiles, AwsFilesError>,
    pub(super) misspelled: Vec<Misspelled>,
}

/// A complete choice: a layer's part of an [`super::Identity`].
pub(super) struct Choice {
    pub(super) chosen_by: ChosenBy,
    pub(super) profile: Option<String>,
    pub(super) source: Source,
    pub(super) roles: Vec<Role>,
    pub(super) region: Option<Region>,
}

/// What a table of config.toml or the `ECRX_*` variables say.
pub(super) struct PartialChoice {
    pub(super) chosen_by: ChosenBy,
    pub(super) source: Option<SourceSettings>,
    pub(super) roles: Vec<Role>,
    pub(super) region: Option<Region>,
}

#[derive(Debug)]
pub(crate) struct ExplainedLayer {
    pub layer: LayerName,
    /// `None` if the layer selects nothing; an error if its settings are invalid.
    pub choice: Result<Option<ChoiceSummary>, IdentityError>,
}

/// The identity that a layer would select.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChoiceSummary {
    /// The exact place of the setting.
    pub chosen_by: ChosenBy,
    /// The profile or source, and the roles on top.
    pub who: String,
}

impl Choice {
    /// The role that requests the token, if one is assumed at STS.
    pub(super) fn last_role(&self) -> Option<&RoleArn> {
        let of_source = || self.source.properties().role;
        self.roles.last().map(|role| &role.arn).or_else(of_source)
    }

    /// A source that is not a profile's.
    pub(super) fn from_source(chosen_by: ChosenBy, source: Source) -> Self {
        Self {
            chosen_by,
            profile: None,
            source,
            roles: Vec::new(),
            region: None,
        }
    }

    /// The source that a variable names.
    fn from_variable(variable: &'static str, source: Source) -> Self {
        Self::from_source(ChosenBy::Variable(variable.into()), source)
    }

    /// What a profile leads to.
    fn from_profile(chosen_by: ChosenBy, name: &str, (source, roles): (Source, Vec<Role>)) -> Self {
        Self {
            profile: Some(name.to_owned()),
            roles,
            ..Self::from_source(chosen_by, source)
        }
    }
}

impl Layers<'_> {
    /// The identity for a registry or repository.
    pub(super) fn choose(&self, lookup: Lookup<'_>) -> Result<Choice, IdentityError> {
        self.refuse_misspelled(lookup.registry)?;
        self.choose_from(0, lookup)
    }

    /// The answer of the first layer that selects an identity, from this one on.
    fn choose_from(&self, start: usize, lookup: Lookup<'_>) -> Result<Choice, IdentityError> {
        for (at, (_, ask)) in LAYERS.iter().enumerate().skip(start) {
            match ask(self, lookup)? {
                None => {}
                Some(LayerAnswer::Complete(chosen)) => return Ok(chosen),
                Some(LayerAnswer::Partial(partial)) => {
                    let below = FIRST_BELOW.max(at + 1);
                    return self.complete(partial, || self.choose_from(below, lookup));
                }
            }
        }
        Err(IdentityError::NotSignedIn {
            searched: SearchedFiles::from_env(self.env),
            passed_over: self.passed_over(None, lookup.registry),
        })
    }

    /// What each layer says of this registry or repository, also those that are passed over.
    pub(super) fn explain(&self, lookup: Lookup<'_>) -> [ExplainedLayer; 6] {
        LAYERS.map(|(layer, ask)| ExplainedLayer {
            layer,
            choice: ask(self, lookup).map(|answer| answer.map(ChoiceSummary::from)),
        })
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

    /// `[identity.NAME]`, or else the AWS profile NAME, if the program was called by a name.
    fn name(&self, registry: &Registry) -> Result<Option<LayerAnswer>, IdentityError> {
        let Some(name) = self.env.name() else {
            return Ok(None);
        };
        let chosen_by = |origin| ChosenBy::Name {
            name: name.to_owned(),
            origin,
        };
        let meant = self.meant(name);
        let identity = self.config.identity_for(meant, registry);
        if let Some(settings) = identity.map_err(IdentityError::Config)? {
            let chosen_by = |origin| chosen_by(Some(origin));
            return Ok(Some(LayerAnswer::from_config(settings, chosen_by)));
        }
        let own = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
        match self.choose_profile(meant, chosen_by(None)) {
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
            chosen => chosen.map(|chosen| Some(LayerAnswer::Complete(chosen))),
        }
    }

    /// The identity or else the profile that a name means.
    pub(super) fn meant<'n>(&'n self, name: &'n str) -> &'n str {
        let profiles = self.files.iter().flat_map(AwsFiles::profile_names);
        let identities = self.config.identity_names();
        helper_name::meant(name, identities, profiles)
    }

    /// A layer's source, or where it has none, what `below` gives; with its roles on top.
    fn complete(
        &self,
        mut partial: PartialChoice,
        below: impl FnOnce() -> Result<Choice, IdentityError>,
    ) -> Result<Choice, IdentityError> {
        let mut chosen = match &partial.source {
            Some(SourceSettings::Profile(profile)) => {
                let chosen_by = match &partial.chosen_by {
                    ChosenBy::Variables { profile, .. } => {
                        ChosenBy::Variable(profile.clone().into())
                    }
                    chosen_by => chosen_by.clone(),
                };
                self.choose_profile(profile, chosen_by)?
            }
            Some(SourceSettings::Sso(settings)) => {
                let sso = self.sso_of_config(settings, &partial.chosen_by)?;
                Choice::from_source(partial.chosen_by.clone(), Source::Sso(sso))
            }
            Some(SourceSettings::WebIdentity(settings)) => {
                // The first role is the source's own.
                let has_role = !partial.roles.is_empty();
                let role = has_role.then(|| partial.roles.remove(0));
                let web = WebIdentity::from_config(settings, role, self.env);
                let web = web.map_err(|cause| IdentityError::WebIdentity {
                    cause,
                    chosen_by: partial.chosen_by.clone(),
                })?;
                Choice::from_source(partial.chosen_by.clone(), Source::WebIdentity(web))
            }
            None => below()?,
        };
        chosen.chosen_by = partial.chosen_by;
        chosen.region = partial.region.or(chosen.region);
        chosen.roles.extend(partial.roles);
        Ok(chosen)
    }

    /// The sign-in that a table of `config.toml` names.
    fn sso_of_config(
        &self,
        settings: &SsoSettings,
        chosen_by: &ChosenBy,
    ) -> Result<Sso, IdentityError> {
        Sso::from_config(settings, self.files()?).map_err(|cause| IdentityError::SsoSession {
            session: settings.session().unwrap_or_default().to_owned(),
            cause,
            chosen_by: chosen_by.clone(),
        })
    }

    /// `ECRX_PROFILE` and `ECRX_ROLE_ARN`, each with `_<account>` of the registry first. On
    /// public ECR a role that is to be filled in from a private registry's name says nothing.
    fn ecrx_variables(&self, registry: &Registry) -> Result<Option<PartialChoice>, IdentityError> {
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
        Ok(Some(PartialChoice {
            chosen_by,
            source: profile.map(|(_, profile)| SourceSettings::Profile(profile)),
            roles,
            region,
        }))
    }

    /// A variable of this account, or of all.
    fn ecrx_variable(&self, name: &str, registry: &Registry) -> Option<(String, String)> {
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
                "set the role of each account in its own variable, ECRX_ROLE_ARN_<account>";
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

    /// What the AWS CLI would choose, if a variable has a part in it.
    fn aws_variables(&self) -> Result<Option<Choice>, IdentityError> {
        if !AWS_VARIABLES.iter().any(|name| self.env.is_set(name)) {
            return Ok(None);
        }
        self.tell_of_another_profile();
        let is_default = |chosen_by: &ChosenBy| matches!(chosen_by, ChosenBy::Default);
        match self.aws_choice() {
            Ok(choice) => Ok(choice.filter(|choice| !is_default(&choice.chosen_by))),
            Err(IdentityError::Profile { chosen_by, .. }) if is_default(&chosen_by) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What the AWS CLI would choose, if no variable has a part in it: the default profile, or
    /// instance metadata.
    fn aws_defaults(&self) -> Result<Option<Choice>, IdentityError> {
        let choice = self.aws_choice()?;
        Ok(choice.filter(|choice| matches!(choice.chosen_by, ChosenBy::Default)))
    }

    /// What the AWS CLI would choose, from AWS's variables and files and what the machine has
    /// (botocore 1.43, `create_credential_resolver`).
    fn aws_choice(&self) -> Result<Option<Choice>, IdentityError> {
        let files = self.files()?;
        let (chosen_by, profile) = self.aws_profile(files)?;
        let wrong = |error| self.profile_error(error, chosen_by.clone());
        Sso::check_session(&profile, files).map_err(wrong)?;
        if let Some(keys) = Keys::from_env(self.env).map_err(IdentityError::Environment)? {
            let keys = Source::Keys(keys);
            return Ok(Some(Choice::from_variable(var::AWS_ACCESS_KEY_ID, keys)));
        }
        let found = profile::resolve(&profile, files, self.env, WebIdentityVariables::Read);
        let Some((source, roles)) = found.map_err(wrong)? else {
            return self.machine_choice(&profile);
        };
        let token_file = var::AWS_WEB_IDENTITY_TOKEN_FILE;
        let is_by_token = roles.is_empty()
            && self.env.is_set(token_file)
            && source.get().is_from(token_file, false, self.env);
        Ok(Some(if is_by_token {
            Choice::from_variable(token_file, source)
        } else {
            Choice::from_profile(chosen_by, profile.name(), (source, roles))
        }))
    }

    /// The profile of `AWS_DEFAULT_PROFILE` or `AWS_PROFILE`, which must exist even if keys in
    /// variables come first, or the default one.
    fn aws_profile<'f>(
        &self,
        files: &'f AwsFiles,
    ) -> Result<(ChosenBy, Profile<'f>), IdentityError> {
        let Some((variable, name)) = self.named_profile() else {
            let profile = files.profile(DEFAULT_PROFILE);
            let profile = profile.unwrap_or_else(|| Profile::empty(DEFAULT_PROFILE));
            return Ok((ChosenBy::Default, profile));
        };
        let chosen_by = ChosenBy::Variable(variable.into());
        match files.profile(&name) {
            Some(profile) => Ok((chosen_by, profile)),
            None => Err(self.profile_error(profile::missing(&name, None, files), chosen_by)),
        }
    }

    /// What the machine has: a container's endpoint, or instance metadata.
    fn machine_choice(&self, profile: &Profile<'_>) -> Result<Option<Choice>, IdentityError> {
        let container = Container::from_env(self.env).map_err(IdentityError::Environment)?;
        if let Some(container) = container {
            let variable = Container::variable(self.env);
            let container = Source::Container(container);
            return Ok(Some(Choice::from_variable(variable, container)));
        }
        let metadata = InstanceMetadata::from_settings(self.env, profile)
            .map_err(IdentityError::Environment)?;
        let source = metadata.map(Source::InstanceMetadata);
        Ok(source.map(|source| Choice::from_source(ChosenBy::Default, source)))
    }

    /// The profile that a variable names, and which: in the AWS CLI's order (botocore,
    /// `configprovider.py`).
    pub(super) fn named_profile(&self) -> Option<(&'static str, String)> {
        [var::AWS_DEFAULT_PROFILE, var::AWS_PROFILE]
            .into_iter()
            .find_map(|variable| Some((variable, self.env.get(variable)?)))
    }

    /// Both variables may name a profile, and other tools read them in another order.
    fn tell_of_another_profile(&self) {
        let [first, second] = [var::AWS_DEFAULT_PROFILE, var::AWS_PROFILE];
        let names = [first, second].map(|variable| self.env.get(variable));
        let has_keys = self.env.is_set(var::AWS_ACCESS_KEY_ID);
        if !has_keys && matches!(&names, [Some(name), Some(other)] if name != other) {
            log::warn!(
                "{second} is not used; {first} sets another profile and takes precedence, as in the AWS CLI"
            );
        }
    }

    fn files(&self) -> Result<&AwsFiles, IdentityError> {
        let files = self.files.as_ref();
        files.map_err(|error| IdentityError::Files(error.clone()))
    }

    /// Exactly this profile, and an error if it has no credentials.
    pub(super) fn choose_profile(
        &self,
        name: &str,
        chosen_by: ChosenBy,
    ) -> Result<Choice, IdentityError> {
        let files = self.files()?;
        let found = match files.profile(name) {
            Some(profile) => {
                profile::resolve(&profile, files, self.env, WebIdentityVariables::Ignored)
            }
            None => Err(profile::missing(name, None, files)),
        };
        let found = found.and_then(|found| {
            found.ok_or_else(|| ProfileError::NoCredentials {
                profile: name.to_owned(),
            })
        });
        let found = found.map_err(|cause| self.profile_error(cause, chosen_by.clone()))?;
        Ok(Choice::from_profile(chosen_by, name, found))
    }

    fn profile_error(&self, cause: ProfileError, chosen_by: ChosenBy) -> IdentityError {
        if let ProfileError::Environment(error) = cause {
            return IdentityError::Environment(error);
        }
        let known = self.files.iter().flat_map(AwsFiles::profile_names);
        IdentityError::Profile {
            cause,
            chosen_by,
            known: known.map(str::to_owned).collect(),
        }
    }

    /// The variables and files that could name credentials and do not count here, with the reason
    /// where it is not that something else comes first.
    pub(super) fn passed_over(
        &self,
        chosen: Option<&Choice>,
        registry: &Registry,
    ) -> Vec<Cow<'static, str>> {
        let by_name = chosen.is_some_and(|it| matches!(it.chosen_by, ChosenBy::Name { .. }));
        let of_ecrx = PER_ACCOUNT
            .into_iter()
            .filter(|_| by_name)
            .filter_map(|name| self.ecrx_variable(name, registry))
            .map(|(variable, _)| variable.into());
        let of_aws = AWS_VARIABLES
            .into_iter()
            .filter(|variable| self.env.is_set(variable) && !self.counts(variable, chosen))
            .map(|variable| match self.why_passed_over(variable, chosen) {
                Some(reason) => format!("{variable} ({reason})").into(),
                None => Cow::Borrowed(variable),
            });
        let half = (self.env.is_set(var::AWS_SECRET_ACCESS_KEY)
            && !self.env.is_set(var::AWS_ACCESS_KEY_ID))
        .then(|| {
            let (set, unset) = (var::AWS_SECRET_ACCESS_KEY, var::AWS_ACCESS_KEY_ID);
            format!("{set} ({unset} is not set)").into()
        });
        let files = self.files.iter().flat_map(AwsFiles::passed_over);
        let files = files.map(|file| file.short().into());
        of_ecrx.chain(of_aws).chain(half).chain(files).collect()
    }

    /// Whether a choice draws on a variable. Whatever layer made it: a rule's role or profile may
    /// build on a variable.
    fn counts(&self, variable: &str, chosen: Option<&Choice>) -> bool {
        let Some(chosen) = chosen else { return false };
        match variable {
            var::AWS_DEFAULT_PROFILE | var::AWS_PROFILE => {
                chosen.profile.is_some() && chosen.profile == self.env.get(variable)
            }
            _ => {
                let has_profile = chosen.profile.is_some();
                chosen.source.get().is_from(variable, has_profile, self.env)
            }
        }
    }

    /// Why a variable counts for nothing, where only what the machine has comes after it.
    fn why_passed_over(&self, variable: &str, chosen: Option<&Choice>) -> Option<String> {
        use Source::{Container, InstanceMetadata};

        let (named_by, name) = self.named_profile()?;
        let source = chosen.map(|chosen| &chosen.source);
        let is_last = matches!(source, None | Some(Container(_) | InstanceMetadata(_)));
        if named_by != variable || !is_last {
            return None;
        }
        let files = self.files.as_ref().ok()?;
        let profile = files.profile(&name)?;
        let found = profile::resolve(&profile, files, self.env, WebIdentityVariables::Ignored);
        matches!(found, Ok(None)).then(|| format!("the profile `{name}` has no credentials"))
    }
}

impl PartialChoice {
    fn from_config(settings: IdentitySettings, chosen_by: ChosenBy) -> Self {
        let role = |role: crate::config::RoleSettings| Role {
            arn: role.arn,
            external_id: role.external_id,
            session_name: role.session_name,
            duration: role.duration,
            mfa_device: role.mfa_device,
        };
        Self {
            chosen_by,
            source: settings.source,
            roles: settings.roles.into_iter().map(role).collect(),
            region: settings.region,
        }
    }
}

impl LayerAnswer {
    /// What a table of `config.toml` says.
    fn from_config(settings: IdentitySettings, chosen_by: impl FnOnce(Origin) -> ChosenBy) -> Self {
        let chosen_by = chosen_by(settings.origin.clone());
        Self::Partial(PartialChoice::from_config(settings, chosen_by))
    }
}

impl From<LayerAnswer> for ChoiceSummary {
    fn from(answer: LayerAnswer) -> Self {
        match answer {
            LayerAnswer::Partial(choice) => Self::from_partial(choice),
            LayerAnswer::Complete(choice) => Self::from_complete(choice),
        }
    }
}

impl ChoiceSummary {
    fn from_partial(choice: PartialChoice) -> Self {
        let below = choice.source.is_none();
        let source = choice.source.iter().map(ToString::to_string);
        let roles = choice.roles.iter().map(|role| format!("role {}", role.arn));
        let mut who = source.chain(roles).collect::<Vec<_>>().join(", then ");
        if below {
            who.push_str(", assumed with the next identity in this list");
        }
        Self {
            chosen_by: choice.chosen_by,
            who,
        }
    }

    fn from_complete(choice: Choice) -> Self {
        let mut who = match &choice.profile {
            Some(profile) => format!("profile {profile} ({})", choice.source),
            None => choice.source.to_string(),
        };
        for role in &choice.roles {
            who.push_str(&format!(", then role {}", role.arn));
        }
        Self {
            chosen_by: choice.chosen_by,
            who,
        }
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
