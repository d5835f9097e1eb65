//! What remains configured after `--undo`, so that an uninstallation can be completed.

use std::collections::BTreeSet;

use super::client_files::ClientFiles;
use super::clients::{
    ClientConfig, ContainerClient, Undo, is_one_of_servers, named_programs_on_path,
};
use crate::cli::ConfigureDocker;
use crate::config::Config;
use crate::env::Env;
use crate::helper_name::is_ours;

/// Everything that undoing does not remove, one line each.
pub(super) fn remaining(
    config: &Config,
    files: &mut ClientFiles,
    undo: &Undo<'_>,
    arguments: &ConfigureDocker,
    env: &Env,
) -> Vec<String> {
    let mut notes = Vec::new();
    if undo.creds_store && !arguments.podman {
        notes.extend(other_helper(config));
    }
    notes.extend(foreign_entries(&files.target.config, undo));
    let client = if arguments.podman {
        ContainerClient::Docker
    } else {
        ContainerClient::Podman
    };
    notes.extend(entries_of(client, files, undo, env));
    notes.extend(rules(config));
    if arguments.hosts.is_empty() && !arguments.creds_store {
        notes.extend(executables(env));
    }
    notes
}

fn other_helper(config: &Config) -> Option<String> {
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
        .map(|(key, helper)| format!("the helper {helper} of {key}, which is another program"))
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

fn rules(config: &Config) -> impl Iterator<Item = String> {
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
