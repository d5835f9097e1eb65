//! The search for problems that keep clients from using this program: in the clients' files, and
//! in their `environment`.

use std::path::Path;

use super::client::{ContainerClient, ECR_LOGIN, HelperLookup, look_up_in, own_name};
use super::client_config::{ClientConfig, ClientConfigError, is_same_server};
use super::environment;
use super::problem::{ClientProblem, Repair, concerns};
use crate::clock;
use crate::env::Env;
use crate::error::Error;
use crate::helper_name::is_ours;
use crate::redaction::shown_server;
use crate::registry::{Registry, ServerName};
use crate::shell_word::shell_word;

/// All problems of these clients; `registry` limits them to those of one registry. A saved login
/// that is still valid is not a problem.
pub(crate) fn problems(
    env: &Env,
    clients: &[ContainerClient],
    registry: Option<&Registry>,
) -> Vec<ClientProblem> {
    let hosts: Vec<String> = registry.iter().map(ToString::to_string).collect();
    let mut all: Vec<ClientProblem> = Vec::new();
    // What is found for both is told once.
    let mut add = |problem| {
        if !all.contains(&problem) {
            all.push(problem);
        }
    };
    for &client in clients {
        let mut configs = Vec::new();
        for path in client.files(env) {
            // podman reads docker's file last. What is in the way there is docker's to tell.
            if clients.contains(&ContainerClient::Docker) && client.borrows(env, &path) {
                continue;
            }
            match read(&path) {
                Ok(config) => configs.extend(config),
                Err(problem) => add(problem),
            }
        }
        let configs: Vec<&ClientConfig> = configs.iter().collect();
        let found = problems_in(env, client, &configs, &hosts).into_iter();
        let found = found.filter(|found| match &found.repair {
            // A line for another registry does not affect this one.
            Some(Repair::SetHelper { host, .. }) => concerns(host, &hosts),
            Some(Repair::RemoveLogin { file, key }) => !is_valid_login(&configs, file, key),
            _ => true,
        });
        found.for_each(&mut add);
    }
    all
}

fn is_valid_login(configs: &[&ClientConfig], file: &Path, key: &str) -> bool {
    let mut configs = configs.iter().filter(|config| config.path() == file);
    configs.any(|config| {
        let mut logins = config.logins().into_iter().filter(|login| login.key == key);
        logins.any(|login| login.valid_until(clock::now()).is_some())
    })
}

fn read(path: &Path) -> Result<Option<ClientConfig>, ClientProblem> {
    ClientConfig::read_file(path).map_err(|error| {
        let repair = match &error {
            ClientConfigError::ByteOrderMark { path } => {
                Some(Repair::RemoveByteOrderMark { file: path.clone() })
            }
            _ => None,
        };
        // Clients follow links that this program does not follow as root.
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

/// What is found for one client: `configs` are its files in the order that it reads them in.
/// Without `hosts`, all of ECR's are meant.
pub(crate) fn problems_in(
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
    found.extend(environment::problems(env, client, configs, hosts));
    found
}

/// A file that is read earlier names another helper.
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

/// podman, skopeo and buildah fail at an empty file.
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

/// Logins in one of these files, which are read in this order.
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
                "{summary}: {what_for}; 12 hours after the login, pulls fail with \"no basic auth \
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
        // It is for no host that could be named.
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

/// Why no client ever looks for such a key; docker and podman compare it with `HOST[:PORT]`.
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
