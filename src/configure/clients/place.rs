//! Where the clients' configuration files are.
//!
//! - docker, nerdctl, BuildKit and go-containerregistry: `config.json` in `DOCKER_CONFIG`, else in
//!   `~/.docker`.
//! - podman, skopeo and buildah: `REGISTRY_AUTH_FILE` alone (podman 4.3 reads on in the others).
//!   Without it `$XDG_RUNTIME_DIR/containers/auth.json` (on Linux without that variable
//!   `/run/containers/UID/auth.json`), then `containers/auth.json` in `$XDG_CONFIG_HOME`, else in
//!   `~/.config`, then docker's file. The first that has the host, as a login or in `credHelpers`,
//!   decides. Seen with podman 4.3 and 5.4, skopeo 1.9 and 1.18.

use std::path::PathBuf;

use crate::env::{Env, var};

/// Docker's file.
pub(crate) fn docker_file(env: &Env) -> Option<PathBuf> {
    let folder = match env.get_os(var::DOCKER_CONFIG) {
        Some(folder) => PathBuf::from(folder),
        None => env.home()?.join(".docker"),
    };
    Some(folder.join("config.json"))
}

/// The files that podman reads, in order.
pub(crate) fn podman_files(env: &Env) -> Vec<PathBuf> {
    if let Some(file) = env.get_os(var::REGISTRY_AUTH_FILE) {
        return vec![file.into()];
    }
    [
        podman_login_file(env),
        podman_own_file(env),
        docker_file(env),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The file of podman's that is to be changed. The one that `podman login` writes is gone with
/// the next start of the machine, and so this is the other.
pub(crate) fn podman_file(env: &Env) -> Option<PathBuf> {
    match env.get_os(var::REGISTRY_AUTH_FILE) {
        Some(file) => Some(file.into()),
        None => podman_own_file(env),
    }
}

/// Where `podman login` writes.
fn podman_login_file(env: &Env) -> Option<PathBuf> {
    let folder = match env.get_os(var::XDG_RUNTIME_DIR) {
        Some(folder) => PathBuf::from(folder).join("containers"),
        None => run_folder()?,
    };
    Some(folder.join("auth.json"))
}

#[cfg(target_os = "linux")]
fn run_folder() -> Option<PathBuf> {
    let user = rustix::process::getuid().as_raw();
    Some(format!("/run/containers/{user}").into())
}

#[cfg(not(target_os = "linux"))]
fn run_folder() -> Option<PathBuf> {
    None
}

fn podman_own_file(env: &Env) -> Option<PathBuf> {
    let folder = match env.get_os(var::XDG_CONFIG_HOME) {
        Some(folder) => PathBuf::from(folder),
        None => env.home()?.join(".config"),
    };
    Some(folder.join("containers/auth.json"))
}
