//! What is to be done, worked out from the files as they are, without doing any of it.

use std::path::PathBuf;

use super::change::Change;
use super::client_files::ClientFiles;
use super::clients::{ClientProblem, ContainerClient, Repair, Severity, Undo, own_name};
use super::config_toml::{self, RuleError, RuleIdentity};
use super::creds_store::{self, HelperLogin, Preparation};
use super::hosts::{self, Host};
use super::remaining::remaining;
use super::user_file::Locks;
use crate::cli::ConfigureDocker;
use crate::config::{Config, ConfigPaths};
use crate::env::Env;
use crate::error::Error;
use crate::helper_name::{is_ours, meant};
use crate::identity::Resolver;
use crate::shell_word::shell_word;

/// Everything, in the order in which it is done.
#[derive(Debug)]
pub(super) struct ChangePlan {
    /// The rules, which are written before clients are sent to this program.
    pub config_file: Option<Change>,
    /// Logins that the other helper has before they vanish from the file.
    pub moves: Vec<HelperLogin>,
    pub client_files: Vec<Change>,
    /// What was skipped or is not removed, and why.
    pub notes: Vec<String>,
    /// What else is to be known.
    pub remarks: Vec<String>,
    /// What is in the way when all this is done.
    pub problems: Vec<ClientProblem>,
    pub config: Config,
    /// The file that it is about.
    pub file: PathBuf,
}

impl ChangePlan {
    pub(super) fn changes(&self) -> impl Iterator<Item = &Change> {
        self.config_file.iter().chain(&self.client_files)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.changes().next().is_none()
    }

    /// Works it out. With `locks`, no other process of this program changes these files until they are
    /// given back.
    pub(super) fn make(
        arguments: &ConfigureDocker,
        env: &Env,
        mut locks: Option<&mut Locks>,
    ) -> Result<Self, Error> {
        let client = if arguments.podman {
            ContainerClient::Podman
        } else {
            ContainerClient::Docker
        };
        // --identity selects the same identity as a call by that name.
        let named_env = arguments.identity.clone();
        let named_env = named_env.map(|name| env.clone().called_as(Some(name)));
        let env = named_env.as_ref().unwrap_or(env);
        let who = RuleIdentity::from_arguments(arguments);
        let paths = ConfigPaths::from_env(env);
        if let Some(end) = env.name().filter(|_| who.is_given()) {
            return Err(Error::usage(RuleError::NamedIdentity {
                name: own_name(env),
                end: end.to_owned(),
            }));
        }
        let needs_config_file = who.is_given() || (arguments.creds_store && arguments.fix);
        let config_file = needs_config_file
            .then(|| config_toml::open_config(&paths, arguments, locks.as_deref_mut()))
            .transpose()?;
        let config = Config::from_env(env).map_err(Error::failure)?;
        let file = client.file(env).map_err(Error::failure)?;
        let mut files = ClientFiles::open(client, env, &file, arguments, locks)?;
        let (hosts, notes) = meant_hosts(arguments, env, &config)?;
        let mut plan = Self {
            config_file: None,
            moves: Vec::new(),
            client_files: Vec::new(),
            notes,
            remarks: Vec::new(),
            problems: Vec::new(),
            config,
            file,
        };
        let mut other_helper = None;
        if arguments.undo {
            plan.undo(&mut files, arguments, env)?;
        } else {
            other_helper = plan.set_helpers(arguments, env, &hosts, &mut files)?;
            plan.find_problems(arguments, env, client, &hosts, &mut files)?;
        }
        plan.problems.append(&mut files.unreadable);
        plan.problems
            .extend(missing_profile(env, &plan.config, who));
        let identity = arguments.identity.as_deref();
        plan.problems
            .extend(identity.and_then(|name| missing_identity(env, &plan.config, name)));
        if let Some(file) = config_file {
            plan.config_file = config_toml::change(&paths, file, &hosts, who, other_helper)?;
        }
        plan.client_files = files.changes();
        Ok(plan)
    }

    /// Configures this program as the helper. Returns the helper that `config.toml` is to name for
    /// registries other than ECR.
    fn set_helpers(
        &mut self,
        arguments: &ConfigureDocker,
        env: &Env,
        hosts: &[Host],
        files: &mut ClientFiles,
    ) -> Result<Option<String>, Error> {
        let name = own_name(env);
        let target = &mut files.target;
        for host in hosts {
            target.edit(|target| target.set_helper(&host.key, &name))?;
        }
        if !arguments.creds_store {
            return Ok(None);
        }
        let Preparation {
            moves,
            drops,
            other_helper,
        } = creds_store::prepare(&target.config, &self.config, arguments.fix)?;
        self.moves = moves;
        for key in &drops {
            target.edit(|target| target.without_login(key))?;
        }
        target.drops_logins = !drops.is_empty();
        target.edit(|target| target.set_creds_store(&name))?;
        Ok(other_helper)
    }

    /// Finds what is in the way, and repairs what `--fix` may.
    fn find_problems(
        &mut self,
        arguments: &ConfigureDocker,
        env: &Env,
        client: ContainerClient,
        hosts: &[Host],
        files: &mut ClientFiles,
    ) -> Result<(), Error> {
        let keys: Vec<String> = hosts.iter().map(|host| host.key.clone()).collect();
        // With --creds-store alone, no login of ECR may be in the way.
        let is_meant = |repair: &Repair| {
            let is_login = matches!(repair, Repair::RemoveLogin { .. });
            repair.is_for(&keys) || (is_login && keys.is_empty() && arguments.creds_store)
        };
        if arguments.fix {
            for problem in files.problems(env, client, &keys) {
                if let Some(repair) = problem.repair.filter(is_meant) {
                    repair_in(files, repair)?;
                }
            }
        }
        self.problems = files.problems(env, client, &keys);
        for problem in &mut self.problems {
            if problem.repair.as_ref().is_some_and(|it| !is_meant(it)) {
                // Other registries are not what this run is about.
                problem.repair = None;
                problem.severity = Severity::Warning;
            }
        }
        Ok(())
    }

    /// Takes this program out.
    fn undo(
        &mut self,
        files: &mut ClientFiles,
        arguments: &ConfigureDocker,
        env: &Env,
    ) -> Result<(), Error> {
        let named = hosts::keys_from_texts(&arguments.hosts, &self.config);
        let named = named.map_err(|error| error.told(env))?;
        let other_helper = self.config.other_registries_helper.as_ref();
        let mut undo = Undo {
            // With --creds-store and no host, that alone is meant.
            hosts: (!named.is_empty() || arguments.creds_store).then_some(&*named),
            creds_store: named.is_empty() || arguments.creds_store,
            undone: &[],
            other_helper: other_helper.map(|helper| helper.name()),
        };
        let all = files.all().flat_map(|open| undo.hosts_in(&open.config));
        let undone: Vec<String> = all.collect();
        undo.undone = &undone;
        let had_store = files.target.config.creds_store().is_some_and(is_ours);
        for open in files.all() {
            if open.undo(&undo)? {
                self.remarks.push(format!(
                    "no backup of {} was found, so no earlier entries were restored",
                    open.file.path().display()
                ));
            }
        }
        let store = files.target.config.creds_store();
        if let Some(helper) = other_helper
            && had_store
            && undo.creds_store
            && store != Some(helper.name())
        {
            self.remarks.push(format!(
                "later logins are stored by {}; to use them, set credsStore to \"{}\"",
                helper.program(),
                helper.name()
            ));
        }
        self.notes = remaining(&self.config, files, &undo, arguments, env);
        Ok(())
    }
}

/// The hosts that are to be served, and what of `--all` is not, with why.
fn meant_hosts(
    arguments: &ConfigureDocker,
    env: &Env,
    config: &Config,
) -> Result<(Vec<Host>, Vec<String>), Error> {
    if arguments.undo {
        return Ok(Default::default());
    }
    let (mut hosts, skipped) = if arguments.all {
        hosts::from_rules(config)
    } else {
        Default::default()
    };
    let named = hosts::from_texts(&arguments.hosts, config);
    hosts.extend(named.map_err(|error| error.told(env))?);
    Ok((hosts, skipped))
}

fn repair_in(files: &mut ClientFiles, repair: Repair) -> Result<(), Error> {
    match repair {
        Repair::RemoveLogin { file, key } => {
            if let Some(found) = files.get(&file) {
                found.edit(|config| config.without_login(&key))?;
                found.drops_logins = true;
            }
        }
        Repair::SetHelper {
            file,
            key,
            host,
            helper,
        } => {
            if let Some(found) = files.get(&file) {
                // The new one first: it takes the place of what is removed.
                found.edit(|config| config.set_helper(&host, &helper))?;
                if key != host {
                    found.edit(|config| config.without_helpers(|host, _| host == key))?;
                }
            }
        }
        // Files are opened without it.
        Repair::RemoveByteOrderMark { .. } => {}
    }
    Ok(())
}

/// Warns of a profile that the AWS files do not have.
fn missing_profile(env: &Env, config: &Config, who: RuleIdentity<'_>) -> Option<ClientProblem> {
    let profile = who.profile?;
    let resolver = Resolver::new(env, config);
    // What needs files that cannot be read reports them itself.
    let is_there = resolver.profile_names().ok()?.contains(&profile);
    (!is_there).then(|| {
        ClientProblem::warning(
            format!(
                "the AWS profile `{profile}` does not exist, so no token can be requested for these registries"
            ),
            format!("Correct the profile name, or run: aws configure --profile {}", shell_word(profile)),
        )
    })
}

/// Warns of a name that is neither an identity of `config.toml` nor an AWS profile.
fn missing_identity(env: &Env, config: &Config, name: &str) -> Option<ClientProblem> {
    let resolver = Resolver::new(env, config);
    let profiles = resolver.profile_names().ok()?;
    let meant = meant(name, config.identity_names(), profiles.iter().copied());
    let exists = config.identity_names().any(|it| it == meant) || profiles.contains(&meant);
    (!exists).then(|| {
        let text = format!(
            "neither [identity.{name}] in config.toml nor the AWS profile `{name}` exists, so \
             no token can be requested for these registries"
        );
        let command = format!("aws configure --profile {}", shell_word(name));
        ClientProblem::warning(
            text,
            format!("Add [identity.{name}] to config.toml, or run: {command}"),
        )
    })
}
