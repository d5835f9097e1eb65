//! The configuration files of docker, podman and compatible clients: where they are, what they
//! contain, what in them keeps clients from using this program, and changes that leave all else as
//! it is.
//!
//! ```text
//! client ─▶ file ─ json ─▶ ClientConfig ─ edit ─▶ ClientConfig ─ masked ─▶ what may be shown
//!                              ├─ undo, with backups ─▶ ClientConfig
//!                              └─ checks, environment ─▶ ClientProblem ─▶ Repair
//! ```
//!
//! Nothing here writes a file.

mod checks;
mod client;
mod client_config;
mod edit;
mod environment;
mod registries_conf;
mod undo;

#[cfg(test)]
mod tests;

pub(crate) use checks::{ClientProblem, Repair, Severity};
pub(crate) use client::{
    ContainerClient, ECR_LOGIN, HelperLookup, OwnEntries, look_up, own_entries, own_name,
};
pub(crate) use client_config::{
    ClientConfig, ClientConfigError, SavedLogin, is_one_of_servers, split_byte_order_mark,
};
pub(crate) use edit::line_end;
pub(crate) use environment::{is_first_on_path, is_installed, named_programs_on_path};
pub(crate) use undo::{EarlierConfig, Undo};

use crate::env::Env;
use crate::registry::Registry;

/// All problems of these clients, or only those of one registry. A saved login that is still valid
/// is not a problem.
pub(crate) fn problems(
    env: &Env,
    clients: &[ContainerClient],
    registry: Option<&Registry>,
) -> Vec<ClientProblem> {
    let hosts: Vec<String> = registry.iter().map(ToString::to_string).collect();
    let mut all: Vec<ClientProblem> = Vec::new();
    // A problem of both clients is reported once.
    let mut add = |problem| {
        if !all.contains(&problem) {
            all.push(problem);
        }
    };
    for &client in clients {
        let mut configs = Vec::new();
        for path in client.files(env) {
            // podman reads docker's file last. Its problems are reported for docker.
            if clients.contains(&ContainerClient::Docker) && client.borrows(env, &path) {
                continue;
            }
            match checks::read(&path) {
                Ok(config) => configs.extend(config),
                Err(problem) => add(problem),
            }
        }
        let configs: Vec<&ClientConfig> = configs.iter().collect();
        let found = problems_in(env, client, &configs, &hosts).into_iter();
        let found = found.filter(|found| match &found.repair {
            // An entry of another registry does not affect this one.
            Some(Repair::SetHelper { host, .. }) => checks::concerns(host, &hosts),
            Some(Repair::RemoveLogin { file, key }) => !checks::is_valid_login(&configs, file, key),
            _ => true,
        });
        found.for_each(&mut add);
    }
    all
}

/// All problems of one client: `configs` are its files in the order that it reads them in. Without
/// `hosts`, all ECR registries are meant.
pub(crate) fn problems_in(
    env: &Env,
    client: ContainerClient,
    configs: &[&ClientConfig],
    hosts: &[String],
) -> Vec<ClientProblem> {
    let mut found = checks::problems_in_files(env, client, configs, hosts);
    found.extend(environment::problems(env, client, configs, hosts));
    found
}
