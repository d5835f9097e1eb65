//! The clients (docker, podman, and the programs that read their files), where those files are,
//! and the helper that they name for a host.
//!
//! - docker, nerdctl, BuildKit and go-containerregistry: `config.json` in `DOCKER_CONFIG`, else in
//!   `~/.docker`.
//! - podman, skopeo and buildah: `REGISTRY_AUTH_FILE` alone (podman 4.3 reads on in the others).
//!   Without it `$XDG_RUNTIME_DIR/containers/auth.json` (on Linux without that variable
//!   `/run/containers/UID/auth.json`), then `containers/auth.json` in `$XDG_CONFIG_HOME`, else in
//!   `~/.config`, then docker's file. The first that has the host, as a login or in `credHelpers`,
//!   decides. If registries.conf has `credential-helpers`, these are asked in order, and the files
//!   are read in place of the helper `containers-auth.json`. Seen with podman 4.3 and 5.4, skopeo 1.9
//!   and 1.18.

use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::client_config::{ClientConfig, ClientConfigError, host_of};
use super::registries_conf::{AUTH_FILES, CredentialHelpers};
use crate::clock;
use crate::env::{Env, var};
use crate::helper_name::{self, is_ours};
use crate::redaction::shown_server;
use crate::registry::Registry;

/// The established helper for ECR, by its name in configurations.
pub(crate) const ECR_LOGIN: &str = "ecr-login";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContainerClient {
    /// docker, and the programs that read its file.
    Docker,
    /// podman, skopeo and buildah.
    Podman,
}

impl ContainerClient {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
        }
    }

    /// The command that changes its file.
    pub(crate) fn configured_by(self) -> &'static str {
        match self {
            Self::Docker => "docker-credential-ecrx configure-docker",
            Self::Podman => "docker-credential-ecrx configure-docker --podman",
        }
    }

    /// Whether a file is docker's own, which podman only reads last.
    pub(super) fn borrows(self, env: &Env, file: &Path) -> bool {
        self == Self::Podman
            && env.get_os(var::REGISTRY_AUTH_FILE).is_none()
            && Some(file) == docker_file(env).as_deref()
    }

    /// The files that it reads, in order. They need not exist.
    pub(crate) fn files(self, env: &Env) -> Vec<PathBuf> {
        let files = match (self, env.get_os(var::REGISTRY_AUTH_FILE)) {
            (Self::Docker, _) => vec![docker_file(env)],
            (Self::Podman, Some(file)) => vec![Some(file.into())],
            (Self::Podman, None) => vec![
                podman_login_file(env),
                podman_own_file(env),
                docker_file(env),
            ],
        };
        files.into_iter().flatten().collect()
    }

    /// The file that is changed to configure this program.
    ///
    /// # Errors
    /// When no home directory is known.
    pub(crate) fn file(self, env: &Env) -> Result<PathBuf, ClientConfigError> {
        let file = match (self, env.get_os(var::REGISTRY_AUTH_FILE)) {
            (Self::Docker, _) => docker_file(env),
            (Self::Podman, Some(file)) => Some(file.into()),
            // The file that `podman login` writes does not outlive a restart.
            (Self::Podman, None) => podman_own_file(env),
        };
        file.ok_or(ClientConfigError::NoHome(self.name()))
    }
}

fn docker_file(env: &Env) -> Option<PathBuf> {
    let folder = folder(env, var::DOCKER_CONFIG, ".docker")?;
    Some(folder.join("config.json"))
}

/// The folder that a variable names, or else the one of this name in the home folder.
fn folder(env: &Env, variable: &str, name: &str) -> Option<PathBuf> {
    let named = env.get_os(variable).map(PathBuf::from);
    named.or_else(|| Some(env.home()?.join(name)))
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
    let folder = folder(env, var::XDG_CONFIG_HOME, ".config")?;
    Some(folder.join("containers/auth.json"))
}

/// Where a client gets the password for a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HelperLookup {
    Ours {
        file: PathBuf,
        /// The name in the file: `ecrx` or `ecrx-NAME`.
        helper: String,
        /// The setting: `credHelpers` for the host, or `credsStore` or `credential-helpers` for all.
        setting: &'static str,
    },
    Other {
        file: PathBuf,
        helper: String,
    },
    /// A login in the file, used instead of a helper.
    Login {
        file: PathBuf,
        /// The key of `auths` as written.
        key: String,
        /// When its password expires, if that is an ECR token that is still valid.
        expires_at: Option<OffsetDateTime>,
    },
    /// No helper and no login: the client pulls anonymously.
    Anonymous,
}

/// Finds where a client gets the password for a host, `HOST[:PORT]` as in an image reference.
///
/// # Errors
/// When one of its files cannot be read, which the client cannot read either.
pub(crate) fn look_up(
    env: &Env,
    client: ContainerClient,
    host: &str,
) -> Result<HelperLookup, ClientConfigError> {
    let CredentialHelpers {
        file: set_by,
        names,
    } = helpers_of_all(env, client);
    for helper in names {
        if is_ours(&helper) {
            return Ok(HelperLookup::Ours {
                file: set_by,
                helper,
                setting: "credential-helpers",
            });
        }
        // What another helper stores is not known.
        let files = match &*helper {
            AUTH_FILES => client.files(env),
            _ => Vec::new(),
        };
        for file in files {
            let config = ClientConfig::read_file(&file)?;
            if let Some(found) = config.and_then(|config| look_up_in(client, &config, host)) {
                return Ok(found);
            }
        }
    }
    Ok(HelperLookup::Anonymous)
}

/// The same for one file; `None` if it has no entry for the host.
pub(super) fn look_up_in(
    client: ContainerClient,
    config: &ClientConfig,
    host: &str,
) -> Option<HelperLookup> {
    let file = config.path().to_owned();
    let named = config.helper_of(host).map(|helper| (helper, "credHelpers"));
    // podman does not read `credsStore`.
    let helper = named.or_else(|| match client {
        ContainerClient::Docker => config.creds_store().map(|helper| (helper, "credsStore")),
        ContainerClient::Podman => None,
    });
    if let Some((helper, setting)) = helper {
        let helper = helper.to_owned();
        return Some(if is_ours(&helper) {
            HelperLookup::Ours {
                file,
                helper,
                setting,
            }
        } else {
            HelperLookup::Other { file, helper }
        });
    }
    let login = config
        .logins()
        .into_iter()
        .find(|login| login.is_secret() && host_of(&login.key) == host)?;
    Some(HelperLookup::Login {
        file,
        expires_at: login.valid_until(clock::now()),
        key: login.key,
    })
}

/// The registries that a client uses this program for.
#[derive(Debug, Default)]
pub(crate) struct OwnEntries {
    /// The keys in `credHelpers`.
    pub hosts: Vec<String>,
    /// The program is the `credsStore`, or one of podman's `credential-helpers`.
    pub is_store: bool,
    /// ECR registries with a saved login that is still valid.
    pub logins: Vec<String>,
}

impl OwnEntries {
    pub(crate) fn is_empty(&self) -> bool {
        self.hosts.is_empty() && !self.is_store && self.logins.is_empty()
    }
}

/// All entries of this program. Unreadable files have none.
pub(crate) fn own_entries(env: &Env, client: ContainerClient) -> OwnEntries {
    let helpers = helpers_of_all(env, client);
    let mut own = OwnEntries {
        is_store: helpers.own().is_some(),
        ..OwnEntries::default()
    };
    if !helpers.have_auth_files() {
        return own;
    }
    for path in client.files(env) {
        let Ok(Some(config)) = ClientConfig::read_file(&path) else {
            continue;
        };
        let ours = config.own_helpers();
        own.hosts
            .extend(ours.map(|(key, _)| shown_server(key).to_string()));
        own.is_store |=
            client == ContainerClient::Docker && config.creds_store().is_some_and(is_ours);
        let logins = config.logins().into_iter();
        let valid = logins.filter(|login| login.valid_until(clock::now()).is_some());
        let registries = valid.filter_map(|login| Registry::parse(&login.key));
        own.logins
            .extend(registries.map(|registry| registry.to_string()));
    }
    own
}

/// The helpers that a client asks for every registry. docker only reads its file.
pub(super) fn helpers_of_all(env: &Env, client: ContainerClient) -> CredentialHelpers {
    match client {
        ContainerClient::Docker => CredentialHelpers::default(),
        ContainerClient::Podman => CredentialHelpers::read(env),
    }
}

/// The name of this program in clients' files, as it was called: `ecrx` or `ecrx-NAME`.
pub(crate) fn own_name(env: &Env) -> String {
    helper_name::in_client_files(env.name())
}
