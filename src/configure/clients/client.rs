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
use toml::de::DeTable;

use crate::clock;
use crate::env::{Env, var};
use crate::fs::{self, Pipes};
use crate::helper_name::{self, is_ours};
use crate::redaction::shown_server;
use crate::registry::Registry;

use super::client_config::{ClientConfig, ClientConfigError, host_of};

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

const SYSTEM_FOLDER: &str = "/etc/containers";

/// More of a registries.conf is not read, in bytes.
const MAX_CONF_LENGTH: u64 = 1 << 20;

/// Stands for the files of logins and `credHelpers` (`AuthenticationFileHelper` there).
pub(super) const AUTH_FILES: &str = "containers-auth.json";

/// `credential-helpers` in registries.conf: the helpers that podman, skopeo and buildah ask for every
/// registry (containers-registries.conf(5)). The file is only read here.
///
/// A file that sets the list replaces the list of the files before it (containers/image 5,
/// `sysregistriesv2`): `CONTAINERS_REGISTRIES_CONF`, or else the user's file, or else the system's;
/// then `registries.conf.d` of the system, and of the user.
#[derive(Debug)]
pub(super) struct CredentialHelpers {
    /// The file that sets them; empty if none does.
    pub(super) file: PathBuf,
    /// In the order that they are asked in.
    names: Vec<String>,
}

/// Without a list, or if it is empty.
impl Default for CredentialHelpers {
    fn default() -> Self {
        Self {
            file: PathBuf::new(),
            names: vec![AUTH_FILES.to_owned()],
        }
    }
}

impl CredentialHelpers {
    /// Unreadable files set nothing.
    fn read(env: &Env) -> Self {
        let set = conf_files(env).into_iter().rev().find_map(|file| {
            let names = credential_helpers(&file)?;
            Some(Self { file, names })
        });
        set.filter(|set| !set.names.is_empty()).unwrap_or_default()
    }

    /// This program, if it is one of them: its name there.
    pub(super) fn own(&self) -> Option<&String> {
        self.names.iter().find(|name| is_ours(name))
    }

    /// Whether the client also reads its files.
    pub(super) fn have_auth_files(&self) -> bool {
        self.names.iter().any(|name| name == AUTH_FILES)
    }
}

/// The files in the order that they are read in.
fn conf_files(env: &Env) -> Vec<PathBuf> {
    let user = env.home().map(|home| home.join(".config/containers"));
    let own = user.as_ref().map(|folder| folder.join("registries.conf"));
    let first = match env.get_os(var::CONTAINERS_REGISTRIES_CONF) {
        Some(file) => file.into(),
        None => own
            .filter(|file| file.exists())
            .unwrap_or_else(|| Path::new(SYSTEM_FOLDER).join("registries.conf")),
    };
    let mut files = vec![first];
    for folder in [Some(SYSTEM_FOLDER.into()), user].into_iter().flatten() {
        files.extend(drop_ins(&folder.join("registries.conf.d")));
    }
    files
}

/// The `.conf` files of a folder, by name.
fn drop_ins(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|file| file.extension().is_some_and(|end| end == "conf"))
        .collect();
    files.sort_unstable();
    files
}

/// The list of a file; `None` if it does not set one, or cannot be read.
fn credential_helpers(file: &Path) -> Option<Vec<String>> {
    let bytes = fs::read(file, MAX_CONF_LENGTH, Pipes::Refused).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let top = DeTable::parse(&text).ok()?;
    let helpers = top.get_ref().get("credential-helpers")?.get_ref();
    let names = helpers.as_array()?.iter().filter_map(|helper| {
        let name = helper.get_ref().as_str();
        name.map(str::to_owned)
    });
    Some(names.collect())
}
