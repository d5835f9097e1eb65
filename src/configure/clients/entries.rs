//! The hosts in the clients' `credHelpers` that use this program.

use std::path::PathBuf;

use crate::env::Env;

use super::{ClientConfig, ContainerClient};

/// A `credHelpers` entry that names this program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HelperEntry {
    pub host: String,
    /// The helper's name in the file: `ecrx` or `ecrx-NAME`.
    pub helper: String,
    pub file: PathBuf,
}

/// Reads the entries of all clients. A file that cannot be read has none: `doctor` reports it.
pub(crate) fn helper_entries(env: &Env) -> Vec<HelperEntry> {
    let clients = [ContainerClient::Docker, ContainerClient::Podman];
    let mut files: Vec<PathBuf> = Vec::new();
    for file in clients.iter().flat_map(|client| client.files(env)) {
        if !files.contains(&file) {
            files.push(file);
        }
    }
    files.into_iter().flat_map(entries_in).collect()
}

fn entries_in(file: PathBuf) -> Vec<HelperEntry> {
    let Ok(Some(config)) = ClientConfig::read_file(&file) else {
        return Vec::new();
    };
    config
        .own_helpers()
        .map(|(host, helper)| HelperEntry {
            host: host.to_owned(),
            helper: helper.to_owned(),
            file: file.clone(),
        })
        .collect()
}
