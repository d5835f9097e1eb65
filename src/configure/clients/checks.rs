//! Problems in the clients' files that keep clients from using this program, each with its effect
//! and a remedy.

use std::path::{Path, PathBuf};

use super::client::{
    ContainerClient, ECR_LOGIN, HelperLookup, helpers_of_all, look_up_in, own_name,
};
use super::client_config::{ClientConfig, ClientConfigError, is_one_of_servers, is_same_server};
use super::registries_conf::AUTH_FILES;
use crate::clock;
use crate::env::Env;
use crate::error::Error;
use crate::helper_name::is_ours;
use crate::redaction::shown_server;
use crate::registry::{Registry, ServerName};
use crate::shell_word::shell_word;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    /// A pull fails.
    Bad,
    /// A pull may fail later or with another client, or a secret is readable.
    Warning,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClientProblem {
    pub severity: Severity,
    /// The problem and its effect, in one line.
    pub text: String,
    /// The problem in a few words, if the text is long.
    pub summary: Option<String>,
    /// The remedy, in one line.
    pub fix: String,
    /// The change by which this program can repair it.
    pub repair: Option<Repair>,
}

impl ClientProblem {
    /// A problem of [`Severity::Bad`] without a repair.
    pub(crate) fn bad(text: String, fix: impl Into<String>) -> Self {
        Self {
            severity: Severity::Bad,
            text,
            summary: None,
            fix: fix.into(),
            repair: None,
        }
    }

    /// A problem of [`Severity::Warning`] without a repair.
    pub(crate) fn warning(text: String, fix: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::bad(text, fix)
        }
    }

    pub(super) fn summary(self, summary: String) -> Self {
        Self {
            summary: Some(summary),
            ..self
        }
    }

    pub(super) fn repaired_by(self, repair: impl Into<Option<Repair>>) -> Self {
        Self {
            repair: repair.into(),
            ..self
        }
    }
}

/// A change that repairs a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Repair {
    RemoveLogin {
        file: PathBuf,
        /// The key of `auths` as written.
        key: String,
    },
    /// Configure this program for a host.
    SetHelper {
        file: PathBuf,
        /// The key of `credHelpers` as written.
        key: String,
        /// The correct key.
        host: String,
        /// The name of this program's entry: `ecrx` or `ecrx-NAME`.
        helper: String,
    },
    RemoveByteOrderMark {
        file: PathBuf,
    },
}

impl Repair {
    /// Whether it changes only entries of these hosts, or the file as a whole.
    pub(crate) fn is_for(&self, hosts: &[String]) -> bool {
        let is_named = |key: &str| is_one_of_servers(key, hosts);
        match self {
            Self::RemoveLogin { key, .. } => is_named(key),
            Self::SetHelper { host, .. } => is_named(host),
            Self::RemoveByteOrderMark { .. } => true,
        }
    }
}

/// Whether a login is for one of these hosts, or for any ECR registry if none are given.
pub(super) fn concerns(key: &str, hosts: &[String]) -> bool {
    match hosts {
        [] => Registry::parse(key).is_some(),
        hosts => is_one_of_servers(key, hosts),
    }
}

/// A client's file; `None` if there is none.
pub(super) fn read(path: &Path) -> Result<Option<ClientConfig>, ClientProblem> {
    ClientConfig::read_file(path).map_err(|error| {
        let repair = match &error {
            ClientConfigError::ByteOrderMark { path } => {
                Some(Repair::RemoveByteOrderMark { file: path.clone() })
            }
            _ => None,
        };
        // Clients follow links that this program, as root, does not follow.
        let as_user = match &error {
            ClientConfigError::File(error) => error.hint("doctor"),
            _ => None,
        };
        let text = Error::failure(error).line();
        let problem = match as_user {
            Some(fix) => ClientProblem::warning(text, fix),
            None => ClientProblem::bad(
                text,
                "Correct the file: clients that read it cannot use a credential helper until then",
            ),
        };
        problem
            .summary(format!("{} cannot be read", path.display()))
            .repaired_by(repair)
    })
}

/// Whether a file has a login for a key whose password has not expired.
pub(super) fn is_valid_login(configs: &[&ClientConfig], file: &Path, key: &str) -> bool {
    let mut configs = configs.iter().filter(|config| config.path() == file);
    configs.any(|config| {
        let mut logins = config.logins().into_iter().filter(|login| login.key == key);
        logins.any(|login| login.valid_until(clock::now()).is_some())
    })
}

/// What is found in the files of one client: `configs` are its files in the order that it reads
/// them in. Without `hosts`, all ECR registries are meant.
pub(super) fn problems_in_files(
    env: &Env,
    client: ContainerClient,
    configs: &[&ClientConfig],
    hosts: &[String],
) -> Vec<ClientProblem> {
    let mut found = Vec::new();
    for (index, config) in configs.iter().enumerate() {
        old_logins(client, configs, index, hosts, &mut found);
        other_helpers(env, client, config, &mut found);
        found.extend(empty(client, config));
        if client == ContainerClient::Docker && config.is_docker_desktops() {
            found.push(docker_desktop(config));
        }
    }
    found.extend(
        hosts
            .iter()
            .filter_map(|host| hidden(client, configs, host)),
    );
    found.extend(unread(env, client, configs));
    found
}

/// registries.conf keeps the client from reading a file that names this program.
fn unread(env: &Env, client: ContainerClient, configs: &[&ClientConfig]) -> Option<ClientProblem> {
    let helpers = helpers_of_all(env, client);
    if helpers.have_auth_files() || helpers.own().is_some() {
        return None;
    }
    let mut configs = configs.iter();
    let config = configs.find(|config| config.own_helpers().next().is_some())?;
    let (name, path) = (client.name(), config.path().display());
    let set_by = helpers.file.display();
    Some(ClientProblem::bad(
        format!(
            "credential-helpers in {set_by} does not contain \"{AUTH_FILES}\", so {name} does not \
             read {path} and does not use docker-credential-ecrx"
        ),
        format!("Add \"{AUTH_FILES}\" to credential-helpers in {set_by}"),
    ))
}

/// An earlier file names another helper.
fn hidden(client: ContainerClient, configs: &[&ClientConfig], host: &str) -> Option<ClientProblem> {
    let mut asked = configs
        .iter()
        .filter_map(|config| look_up_in(client, config, host));
    let Some(HelperLookup::Other { file, helper }) = asked.next() else {
        return None;
    };
    let (ours, own_name) = asked.find_map(|asked| match asked {
        HelperLookup::Ours { file, helper, .. } => Some((file, helper)),
        _ => None,
    })?;
    let text = format!(
        "{} takes precedence over {} and sets the helper {helper} for {host}, so docker-credential-ecrx is not used",
        file.display(),
        ours.display()
    );
    let problem = ClientProblem::bad(text, format!("Remove {host} from the first file"));
    Some(problem.repaired_by(Repair::SetHelper {
        file,
        key: host.to_owned(),
        host: host.to_owned(),
        helper: own_name,
    }))
}

/// podman, skopeo and buildah fail on an empty file.
fn empty(client: ContainerClient, config: &ClientConfig) -> Option<ClientProblem> {
    let is_empty = client == ContainerClient::Podman && config.top.is_none();
    is_empty.then(|| {
        ClientProblem::bad(
            format!(
                "{} is empty, so pulls with podman fail with \"unexpected end of JSON input\"",
                config.path().display()
            ),
            "Remove the file, or set its content to {}",
        )
    })
}

/// Saved logins in one of these files, which clients read in this order.
fn old_logins(
    client: ContainerClient,
    configs: &[&ClientConfig],
    index: usize,
    hosts: &[String],
    found: &mut Vec<ClientProblem>,
) {
    let config = configs[index];
    for login in config.logins() {
        if !login.is_secret() || !concerns(&login.key, hosts) {
            continue;
        }
        let host = hosts
            .iter()
            .find(|host| is_same_server(&login.key, host))
            .cloned()
            .or_else(|| Registry::parse(&login.key).map(|registry| registry.to_string()));
        let Some(host) = host else {
            continue;
        };
        let asked = |configs: &[&ClientConfig]| {
            let mut asked = configs.iter();
            asked.find_map(|config| look_up_in(client, config, &host))
        };
        let is_us = |asked| matches!(asked, Some(HelperLookup::Ours { .. }));
        let is_asked = is_us(asked(&configs[..=index]));
        let is_asked_later = is_us(asked(&configs[index + 1..]));
        let (file, key) = (config.path().to_owned(), login.key);
        let shown = shown_server(&key);
        let summary = format!(
            "{} contains a saved login for {shown} under auths",
            file.display()
        );
        let text = |what_for: &str| {
            format!(
                "{summary}: {what_for}. 12 hours after the login, pulls fail with \"no basic auth \
                 credentials\" or \"Your authorization token has expired\""
            )
        };
        let fix = if is_asked || is_asked_later {
            format!("Run: {} logout {}", client.name(), shell_word(shown))
        } else {
            format!("Run: {} --fix {host}", client.configured_by())
        };
        let problem = if is_asked {
            ClientProblem::warning(text("some clients use it before the helper"), fix)
        } else {
            let what_for = format!("{} uses it instead of a helper", client.name());
            ClientProblem::bad(text(&what_for), fix)
        };
        let problem = problem.summary(summary);
        found.push(problem.repaired_by(Repair::RemoveLogin { file, key }));
    }
}

/// Entries of the established helper, and keys of `credHelpers` that never match.
fn other_helpers(
    env: &Env,
    client: ContainerClient,
    config: &ClientConfig,
    found: &mut Vec<ClientProblem>,
) {
    for (key, helper) in config.cred_helpers() {
        let is_of_ecr = is_ours(helper) || helper == ECR_LOGIN || Registry::parse(key).is_some();
        if !is_of_ecr {
            continue;
        }
        if let Some(why) = never_matches(key) {
            found.push(never_asked(env, client, config, (key, helper), why));
        } else if helper == ECR_LOGIN {
            found.push(established_helper(env, client, config, key));
        }
    }
    // podman does not read `credsStore`.
    if client == ContainerClient::Docker && config.creds_store() == Some(ECR_LOGIN) {
        let file = config.path();
        found.push(ClientProblem::warning(
            format!(
                "credsStore of {} is {ECR_LOGIN}, which cannot store logins, so docker login fails \
                 with \"not implemented\"",
                file.display()
            ),
            "Remove credsStore, or run: docker-credential-ecrx configure-docker --creds-store",
        ));
    }
}

/// An entry of `credHelpers` whose key never matches.
fn never_asked(
    env: &Env,
    client: ContainerClient,
    config: &ClientConfig,
    (key, helper): (&str, &str),
    why: &str,
) -> ClientProblem {
    let file = config.path();
    let text = format!(
        "credHelpers of {} has the key {}, which never matches because {why}; pulls fail with \
         \"no basic auth credentials\"",
        file.display(),
        shown_server(key)
    );
    let Some(host) = ServerName::parse(key).map(|name| name.to_string()) else {
        let all = match client {
            ContainerClient::Docker => format!(
                ". To cover every registry, run: {} --creds-store",
                client.configured_by()
            ),
            ContainerClient::Podman => String::new(),
        };
        // No host can be named.
        let fix = format!("Replace the key with one key per host{all}");
        return ClientProblem::warning(text, fix);
    };
    // `ecrx-NAME` uses another identity than `ecrx`.
    let mut named = config.helper_of(&host).into_iter().chain([helper]);
    let ours = named.find(|helper| is_ours(helper));
    let helper = ours.map_or_else(|| own_name(env), str::to_owned);
    let fix = format!("Replace the entry with \"{host}\": \"{helper}\"");
    ClientProblem::bad(text, fix).repaired_by(Repair::SetHelper {
        file: file.to_owned(),
        key: key.to_owned(),
        host,
        helper,
    })
}

/// An entry of the established helper.
fn established_helper(
    env: &Env,
    client: ContainerClient,
    config: &ClientConfig,
    key: &str,
) -> ClientProblem {
    let (file, shown) = (config.path(), shown_server(key));
    let host = ServerName::parse(key).filter(|_| Registry::parse(key).is_some());
    ClientProblem::warning(
        format!(
            "credHelpers of {} still uses {ECR_LOGIN} for {shown}, which ignores config.toml and \
             caches tokens in plain text in ~/.ecr",
            file.display()
        ),
        format!("Run: {} {}", client.configured_by(), shell_word(shown)),
    )
    .repaired_by(host.map(|host| Repair::SetHelper {
        file: file.to_owned(),
        key: key.to_owned(),
        host: host.to_string(),
        helper: own_name(env),
    }))
}

fn docker_desktop(config: &ClientConfig) -> ClientProblem {
    ClientProblem::warning(
        format!(
            "Docker Desktop manages {} and resets credsStore to its own helper when it starts \
             (entries in credHelpers take precedence)",
            config.path().display()
        ),
        "Configure hosts instead of --creds-store, and run this command again if an entry disappears",
    )
}

/// Why a key never matches: docker and podman compare it with `HOST[:PORT]`.
fn never_matches(key: &str) -> Option<&'static str> {
    if key.contains('@') {
        Some("clients look up the host without a user name")
    } else if key.contains('*') {
        Some("clients do not support wildcards")
    } else if key.contains("://") {
        Some("clients look up the bare host name")
    } else if key.contains('/') {
        Some("clients look up the host without a path")
    } else if key.contains(|c: char| c.is_ascii_uppercase()) {
        Some("clients look up hosts in lower case")
    } else {
        None
    }
}
