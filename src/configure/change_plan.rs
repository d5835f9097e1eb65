//! The plan of a run: everything that it changes, worked out from the files without writing any.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::change::{Change, ClientFiles};
use super::clients::{
    ClientConfig, ClientProblem, ContainerClient, Repair, Severity, Undo, is_one_of_servers,
    named_programs_on_path, own_name,
};
use super::config_toml::{self, RuleIdentity};
use super::creds_store::{self, HelperLogin, Preparation};
use super::user_file::Locks;
use crate::cli::ConfigureDocker;
use crate::commands::target::{Target, TargetError};
use crate::config::{Config, ConfigPaths, Match};
use crate::env::Env;
use crate::error::{Error, nearest};
use crate::helper_name::{is_ours, meant};
use crate::identity::Resolver;
use crate::registry::{Registry, ServerName};
use crate::shell_word::shell_word;

/// All changes, in the order in which they are made.
#[derive(Debug)]
pub(super) struct ChangePlan {
    /// The rules, which are written before clients are configured to use this program.
    pub config_file: Option<Change>,
    /// Logins that the other helper stores before they are removed from the file.
    pub moves: Vec<HelperLogin>,
    pub client_files: Vec<Change>,
    /// Rules that were skipped or entries that are not removed, and why.
    pub notes: Vec<String>,
    /// Further information.
    pub remarks: Vec<String>,
    /// Problems that remain after the changes.
    pub problems: Vec<ClientProblem>,
    pub config: Config,
    /// The client's file that is changed.
    pub file: PathBuf,
    /// All files that were compared with the wanted state, beginning with that one.
    pub files: Vec<PathBuf>,
}

impl ChangePlan {
    pub(super) fn changes(&self) -> impl Iterator<Item = &Change> {
        self.config_file.iter().chain(&self.client_files)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.changes().next().is_none()
    }

    /// Makes the plan. While `locks` are held, no other process of this program changes the files.
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
            return Err(Error::usage(IdentityError::Fixed {
                helper: own_name(env),
                name: end.to_owned(),
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
        check_profile(env, &config, who)?;
        check_sso_session(env, &config, who)?;
        check_identity(env, &config, arguments)?;
        let opened = config_file.iter().map(|file| file.path());
        let checked = files.paths().chain(opened).map(Path::to_owned).collect();
        let mut plan = Self {
            config_file: None,
            moves: Vec::new(),
            client_files: Vec::new(),
            notes,
            remarks: Vec::new(),
            problems: Vec::new(),
            config,
            file,
            files: checked,
        };
        let mut other_helper = None;
        if arguments.undo {
            plan.undo(&mut files, arguments, env)?;
        } else {
            other_helper = plan.set_helpers(arguments, env, &hosts, &mut files)?;
            plan.find_problems(arguments, env, client, &hosts, &mut files)?;
        }
        plan.problems.append(&mut files.unreadable);
        if let Some(file) = config_file {
            let registries = hosts.iter().map(|host| &host.registry);
            plan.config_file = config_toml::change(&paths, file, registries, who, other_helper)?;
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

    /// Finds problems, and repairs those that `--fix` may.
    fn find_problems(
        &mut self,
        arguments: &ConfigureDocker,
        env: &Env,
        client: ContainerClient,
        hosts: &[Host],
        files: &mut ClientFiles,
    ) -> Result<(), Error> {
        let keys: Vec<String> = hosts.iter().map(|host| host.key.clone()).collect();
        // With --creds-store alone, the logins of all ECR registries are meant.
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
                // It concerns a registry that was not selected.
                problem.repair = None;
                problem.severity = Severity::Warning;
            }
        }
        Ok(())
    }

    /// Removes this program's entries.
    fn undo(
        &mut self,
        files: &mut ClientFiles,
        arguments: &ConfigureDocker,
        env: &Env,
    ) -> Result<(), Error> {
        let named = keys_from_texts(&arguments.hosts, &self.config);
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
                "logins saved since then are stored by {}; to use them, set credsStore to \"{}\"",
                helper.program(),
                helper.name()
            ));
        }
        self.notes = remaining(&self.config, files, &undo, arguments, env);
        Ok(())
    }
}

/// The hosts to configure, and why `--all` skipped rules.
fn meant_hosts(
    arguments: &ConfigureDocker,
    env: &Env,
    config: &Config,
) -> Result<(Vec<Host>, Vec<String>), Error> {
    if arguments.undo {
        return Ok(Default::default());
    }
    let (mut hosts, skipped) = if arguments.all {
        hosts_from_rules(config)
    } else {
        Default::default()
    };
    let named = hosts_from_texts(&arguments.hosts, config);
    hosts.extend(named.map_err(|error| error.told(env))?);
    Ok((hosts, skipped))
}

/// A host that clients are to use this program for, and its registry.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Host {
    /// `HOST[:PORT]`, as in an image reference.
    key: String,
    registry: Registry,
}

/// The hosts in the arguments.
fn hosts_from_texts(texts: &[String], config: &Config) -> Result<Vec<Host>, TargetError> {
    let mut hosts = Vec::new();
    for text in texts {
        let registry = Target::parse(text, config)?.registry;
        let key = match config.registry(text) {
            Some(_) => key_of(text, &registry),
            // An account and a region.
            None => registry.to_string(),
        };
        add_host(&mut hosts, Host { key, registry });
    }
    Ok(hosts)
}

/// The hosts whose entries are to be removed. The rule that mapped such a host to a registry may
/// have been deleted since.
fn keys_from_texts(texts: &[String], config: &Config) -> Result<Vec<String>, TargetError> {
    let key = |text: &String| match hosts_from_texts(std::slice::from_ref(text), config) {
        Ok(hosts) => Ok(hosts.into_iter().map(|host| host.key).collect()),
        Err(error) => match ServerName::parse(text) {
            Some(name) => Ok(name.to_string()),
            None => Err(error),
        },
    };
    texts.iter().map(key).collect()
}

/// The host with the typed port: clients compare both.
fn key_of(text: &str, registry: &Registry) -> String {
    let is_url = text.contains("://");
    match ServerName::parse(text) {
        Some(name) if name.port.is_some() && !(is_url && name.port == Some(443)) => {
            name.to_string()
        }
        Some(name) if ServerName::parse(registry.host()).is_some_and(|own| own.port.is_none()) => {
            name.host
        }
        _ => registry.to_string(),
    }
}

/// The hosts that rules name, and why other rules name none.
fn hosts_from_rules(config: &Config) -> (Vec<Host>, Vec<String>) {
    let mut hosts = Vec::new();
    let mut skipped = Vec::new();
    for (rule, written) in config.rules().iter().zip(config.matches_as_written()) {
        let registries = Target::registries_of_rule(rule, &written, config);
        let what = match rule.registries() {
            Match::Private => "every private registry and names no single host",
            Match::Partition(_) => "every registry of a partition and names no single host",
            Match::Repositories(..) => "repositories, and clients send only the host",
            _ => "the registries of an account in all regions and names no single host",
        };
        if registries.is_empty() {
            skipped.push(format!(
                "{}: the rule for `{}` matches {what}",
                rule.origin(),
                rule.registries()
            ));
        }
        for registry in registries {
            let key = registry.to_string();
            add_host(&mut hosts, Host { key, registry });
        }
    }
    (hosts, skipped)
}

fn add_host(hosts: &mut Vec<Host>, host: Host) {
    if !hosts.iter().any(|known| known.key == host.key) {
        hosts.push(host);
    }
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
                // The new entry first: it replaces the one that is removed.
                found.edit(|config| config.set_helper(&host, &helper))?;
                if key != host {
                    found.edit(|config| config.without_helpers(|host, _| host == key))?;
                }
            }
        }
        // Files are opened without the mark.
        Repair::RemoveByteOrderMark { .. } => {}
    }
    Ok(())
}

/// Everything that remains configured after `--undo`, one line each, to complete an uninstallation.
fn remaining(
    config: &Config,
    files: &mut ClientFiles,
    undo: &Undo<'_>,
    arguments: &ConfigureDocker,
    env: &Env,
) -> Vec<String> {
    let mut notes = Vec::new();
    if undo.creds_store && !arguments.podman {
        notes.extend(remaining_helper(config));
    }
    notes.extend(foreign_entries(&files.target.config, undo));
    let client = if arguments.podman {
        ContainerClient::Docker
    } else {
        ContainerClient::Podman
    };
    notes.extend(entries_of(client, files, undo, env));
    notes.extend(remaining_rules(config));
    if arguments.hosts.is_empty() && !arguments.creds_store {
        notes.extend(executables(env));
    }
    notes
}

fn remaining_helper(config: &Config) -> Option<String> {
    let helper = config.other_registries_helper.as_ref()?;
    let (name, origin) = (helper.name(), helper.origin());
    Some(format!("other_registries_helper = \"{name}\" at {origin}"))
}

/// Entries of the hosts that name another program.
fn foreign_entries(target: &ClientConfig, undo: &Undo<'_>) -> Vec<String> {
    let hosts = undo.hosts.unwrap_or_default();
    let entries = target.cred_helpers().into_iter();
    entries
        .filter(|(key, _)| is_one_of_servers(key, hosts) && !is_one_of_servers(key, undo.undone))
        .map(|(key, helper)| format!("the entry for {key}, which uses another helper ({helper})"))
        .collect()
}

/// Files of the other client that still have entries of this program.
fn entries_of(
    client: ContainerClient,
    files: &mut ClientFiles,
    undo: &Undo<'_>,
    env: &Env,
) -> Vec<String> {
    let mut paths = client.files(env);
    paths.retain(|path| files.get(path).is_none());
    if client == ContainerClient::Podman {
        let dockers = ContainerClient::Docker.files(env);
        paths.retain(|path| !dockers.contains(path));
    }
    let mut command = format!("{} --undo", client.configured_by());
    for host in undo.hosts.unwrap_or_default() {
        command = format!("{command} {host}");
    }
    let configs = paths
        .iter()
        .filter_map(|path| ClientConfig::read_file(path).ok()?);
    configs
        .filter(|config| has_entries(client, config, undo))
        .map(|config| {
            let (name, path) = (client.name(), config.path().display());
            format!("entries for {name} in {path}. To remove them, run: {command}")
        })
        .collect()
}

fn has_entries(client: ContainerClient, config: &ClientConfig, undo: &Undo<'_>) -> bool {
    // podman does not read `credsStore`.
    let is_store = client == ContainerClient::Docker && undo.creds_store;
    let has_store = is_store && config.creds_store().is_some_and(is_ours);
    has_store || !undo.hosts_in(config).is_empty()
}

fn remaining_rules(config: &Config) -> impl Iterator<Item = String> {
    let files = config.rules().iter().map(|rule| &rule.origin().file);
    let files: BTreeSet<_> = files.collect();
    files
        .into_iter()
        .map(|file| format!("the [[registry]] rules in {}", file.display()))
}

fn executables(env: &Env) -> impl Iterator<Item = String> {
    named_programs_on_path(env)
        .into_iter()
        .map(|path| format!("the executable {}", path.display()))
}

/// Why the identity for the registries was refused. Nothing was changed.
#[derive(Debug, thiserror::Error)]
enum IdentityError {
    /// A rule would have no effect.
    #[error(
        "docker-credential-{helper} always uses [identity.{name}] of config.toml or the AWS profile `{name}`, so options that add a rule have no effect"
    )]
    Fixed { helper: String, name: String },
    #[error("the AWS profile `{profile}` does not exist{}", did_you_mean(.nearest))]
    MissingProfile {
        profile: String,
        nearest: Option<String>,
    },
    #[error("the section [sso-session {session}] does not exist in ~/.aws/config")]
    MissingSession { session: String },
    #[error(
        "neither [identity.{name}] in config.toml nor the AWS profile `{name}` exists{}",
        did_you_mean(.nearest)
    )]
    MissingIdentity {
        name: String,
        nearest: Option<String>,
    },
}

fn did_you_mean(nearest: &Option<String>) -> String {
    let nearest = nearest.as_deref();
    nearest.map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

/// Refuses a profile that the AWS files do not have.
fn check_profile(env: &Env, config: &Config, who: RuleIdentity<'_>) -> Result<(), Error> {
    let Some(profile) = who.profile else {
        return Ok(());
    };
    let resolver = Resolver::new(env, config);
    // Requests report files that cannot be read.
    let Ok(profiles) = resolver.profile_names() else {
        return Ok(());
    };
    if profiles.contains(&profile) {
        return Ok(());
    }
    let error = IdentityError::MissingProfile {
        profile: profile.to_owned(),
        nearest: nearest(profile, profiles).map(str::to_owned),
    };
    Err(Error::failure(error).hint(format!(
        "Correct the profile name, or run: aws configure --profile {}",
        shell_word(profile)
    )))
}

/// Refuses a session that the AWS files do not have.
fn check_sso_session(env: &Env, config: &Config, who: RuleIdentity<'_>) -> Result<(), Error> {
    let Some((session, _)) = who.sso_session else {
        return Ok(());
    };
    match Resolver::new(env, config).has_sso_session(session) {
        // Requests report files that cannot be read.
        Ok(true) | Err(_) => Ok(()),
        Ok(false) => {
            let session = session.to_owned();
            let error = Error::failure(IdentityError::MissingSession { session });
            Err(error.hint("Correct the session name, or run: aws configure sso-session"))
        }
    }
}

/// Refuses a name that is neither an identity of `config.toml` nor an AWS profile.
fn check_identity(env: &Env, config: &Config, arguments: &ConfigureDocker) -> Result<(), Error> {
    let Some(name) = arguments.identity.as_deref() else {
        return Ok(());
    };
    let resolver = Resolver::new(env, config);
    let Ok(profiles) = resolver.profile_names() else {
        return Ok(());
    };
    let known = || config.identity_names().chain(profiles.iter().copied());
    let meant = meant(name, config.identity_names(), profiles.iter().copied());
    if known().any(|known| known == meant) {
        return Ok(());
    }
    let error = IdentityError::MissingIdentity {
        name: name.to_owned(),
        nearest: nearest(name, known()).map(str::to_owned),
    };
    Err(Error::failure(error).hint(format!(
        "Add [identity.{name}] to config.toml, or run: aws configure --profile {}",
        shell_word(name)
    )))
}
