//! The search for what keeps this program from being asked: in the clients' files, and with
//! `environment` around them.

use std::path::{Path, PathBuf};

use super::client::{Asked, Client, ECR_LOGIN, asked_by, docker_file, own_name};
use super::client_config::{ClientConfigError, Document, is_same_server};
use super::environment;
use super::problem::{Finding, Repair, Severity, concerns};
use crate::configure::user_file::UserFile;
use crate::env::{Env, var};
use crate::error::Error;
use crate::helper_name::is_ours;
use crate::redaction::shown_server;
use crate::registry::{Registry, ServerName};
use crate::shell_word::shell_word;

/// Everything that is found for docker and for podman; `registry` limits it to what matters for
/// one registry.
pub(crate) fn findings(env: &Env, registry: Option<&Registry>) -> Vec<Finding> {
    let hosts: Vec<String> = registry.iter().map(ToString::to_string).collect();
    let mut all: Vec<Finding> = Vec::new();
    for client in [Client::Docker, Client::Podman] {
        let mut documents = Vec::new();
        // podman reads docker's file last. What is in the way there is docker's to tell.
        let is_told = |path: &PathBuf| {
            client == Client::Podman
                && env.get_os(var::REGISTRY_AUTH_FILE).is_none()
                && Some(path) == docker_file(env).as_ref()
        };
        for path in client.files(env) {
            if is_told(&path) {
                continue;
            }
            match read(&path) {
                Ok(document) => documents.extend(document),
                Err(finding) => all.push(finding),
            }
        }
        let documents: Vec<&Document> = documents.iter().collect();
        let found = findings_in(env, client, &documents, &hosts).into_iter();
        all.extend(found.filter(|found| match &found.repair {
            // A line for another registry keeps nobody from this one.
            Some(Repair::SetHelper { host, .. }) => concerns(host, &hosts),
            _ => true,
        }));
    }
    // What is found for both is told once.
    let mut told: Vec<Finding> = Vec::new();
    for finding in all {
        if !told.contains(&finding) {
            told.push(finding);
        }
    }
    told
}

fn read(path: &Path) -> Result<Option<Document>, Finding> {
    let document = UserFile::read(path).map_err(Into::into).and_then(|file| {
        file.bytes()
            .map(|bytes| Document::read(path, bytes))
            .transpose()
    });
    document.map_err(|error: ClientConfigError| {
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
        Finding {
            severity: match as_user {
                Some(_) => Severity::Warning,
                None => Severity::Bad,
            },
            text: Error::failure(error).line(),
            fix: as_user.unwrap_or_else(|| {
                "correct the file: until then the clients that read it ask no helper".to_owned()
            }),
            repair,
        }
    })
}

/// What is found for one client: `documents` are its files in the order that it reads them in.
/// Without `hosts`, all of ECR's are meant.
pub(crate) fn findings_in(
    env: &Env,
    client: Client,
    documents: &[&Document],
    hosts: &[String],
) -> Vec<Finding> {
    let mut found = Vec::new();
    for (index, document) in documents.iter().enumerate() {
        old_logins(client, documents, index, hosts, &mut found);
        other_helpers(env, client, document, &mut found);
        found.extend(empty(client, document));
        if client == Client::Docker && document.is_docker_desktops() {
            found.push(docker_desktop(document));
        }
    }
    found.extend(
        hosts
            .iter()
            .filter_map(|host| hidden(client, documents, host)),
    );
    found.extend(environment::findings(env, client, documents, hosts));
    found
}

/// A file that is read earlier names another helper.
fn hidden(client: Client, documents: &[&Document], host: &str) -> Option<Finding> {
    let mut asked = documents
        .iter()
        .filter_map(|document| asked_by(client, document, host));
    let Some(Asked::Another { file, helper }) = asked.next() else {
        return None;
    };
    let (ours, own_name) = asked.find_map(|asked| match asked {
        Asked::Us { file, helper, .. } => Some((file, helper)),
        _ => None,
    })?;
    Some(Finding {
        severity: Severity::Bad,
        text: format!(
            "{} is read before {}, and names the helper {helper} for {host}: this program is not asked",
            file.display(),
            ours.display()
        ),
        fix: format!("take {host} out of the former"),
        repair: Some(Repair::SetHelper {
            file,
            key: host.to_owned(),
            host: host.to_owned(),
            helper: own_name,
        }),
    })
}

/// podman and its kin read no file that is empty, and none after it.
fn empty(client: Client, document: &Document) -> Option<Finding> {
    let is_empty = client == Client::Podman && document.top.is_none();
    is_empty.then(|| Finding {
        severity: Severity::Bad,
        text: format!(
            "{} is empty, which podman takes for broken: a pull fails with \"unexpected end of JSON input\"",
            document.path().display()
        ),
        fix: "remove the file, or write {} into it".to_owned(),
        repair: None,
    })
}

/// Logins in one of these files, which are read in this order.
fn old_logins(
    client: Client,
    documents: &[&Document],
    index: usize,
    hosts: &[String],
    found: &mut Vec<Finding>,
) {
    let document = documents[index];
    for login in document.logins() {
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
        let asked = |documents: &[&Document]| {
            let mut asked = documents.iter();
            asked.find_map(|document| asked_by(client, document, &host))
        };
        let is_us = |asked| matches!(asked, Some(Asked::Us { .. }));
        let is_asked = is_us(asked(&documents[..=index]));
        let is_asked_later = is_us(asked(&documents[index + 1..]));
        let (file, key) = (document.path().to_owned(), login.key);
        let shown = shown_server(&key);
        let (severity, what_for) = if is_asked {
            (
                Severity::Warning,
                "clients that look there first send it".to_owned(),
            )
        } else {
            (
                Severity::Bad,
                format!("{} sends it and asks no helper", client.name()),
            )
        };
        found.push(Finding {
            severity,
            text: format!(
                "auths of {} holds an old login for {shown}: {what_for}, and 12 hours after it was \
                 made a pull fails with \"no basic auth credentials\" or \"Your authorization token \
                 has expired\"",
                file.display()
            ),
            fix: if is_asked || is_asked_later { format!("{} logout {}", client.name(), shell_word(shown)) } else { format!("{} --fix {host}", client.configured_by()) },
            repair: Some(Repair::RemoveLogin { file, key }),
        });
    }
}

/// Entries of the established helper, and keys of `credHelpers` that no client ever asks for.
fn other_helpers(env: &Env, client: Client, document: &Document, found: &mut Vec<Finding>) {
    for (key, helper) in document.cred_helpers() {
        let is_of_ecr = is_ours(helper) || helper == ECR_LOGIN || Registry::parse(key).is_some();
        if !is_of_ecr {
            continue;
        }
        if let Some(why) = never_matches(key) {
            found.push(never_asked(env, client, document, (key, helper), why));
        } else if helper == ECR_LOGIN {
            found.push(established_helper(env, client, document, key));
        }
    }
    // podman and its kin know no `credsStore`.
    if client == Client::Docker && document.creds_store() == Some(ECR_LOGIN) {
        let file = document.path();
        found.push(Finding {
            severity: Severity::Warning,
            text: format!(
                "credsStore of {} is {ECR_LOGIN}, which is asked for every host that credHelpers \
                 does not name and keeps no login: docker login fails with \"not implemented\"",
                file.display()
            ),
            fix: "remove credsStore, or put this program there: configure-docker --creds-store"
                .to_owned(),
            repair: None,
        });
    }
}

/// An entry of `credHelpers` whose key never matches.
fn never_asked(
    env: &Env,
    client: Client,
    document: &Document,
    (key, helper): (&str, &str),
    why: &str,
) -> Finding {
    let file = document.path();
    let (severity, fix, repair) = match ServerName::parse(key).map(|name| name.to_string()) {
        Some(host) => {
            // `ecrx-NAME` asks as somebody else than `ecrx`.
            let mut named = document.helper_of(&host).into_iter().chain([helper]);
            let ours = named.find(|helper| is_ours(helper));
            let helper = ours.map_or_else(|| own_name(env), str::to_owned);
            (
                Severity::Bad,
                format!("write \"{host}\": \"{helper}\""),
                Some(Repair::SetHelper {
                    file: file.to_owned(),
                    key: key.to_owned(),
                    host,
                    helper,
                }),
            )
        }
        None => {
            let all = match client {
                Client::Docker => format!(
                    ", or {} --creds-store has this program asked for all",
                    client.configured_by()
                ),
                Client::Podman => String::new(),
            };
            // It is for no host that could be named.
            (
                Severity::Warning,
                format!("take the key out: each host needs a line of its own{all}"),
                None,
            )
        }
    };
    Finding {
        severity,
        text: format!(
            "credHelpers of {} has the key {}, which never matches, as {why}: the helper is not \
             asked, and a pull fails with \"no basic auth credentials\"",
            file.display(),
            shown_server(key)
        ),
        fix,
        repair,
    }
}

/// An entry of the established helper.
fn established_helper(env: &Env, client: Client, document: &Document, key: &str) -> Finding {
    let (file, shown) = (document.path(), shown_server(key));
    let host = ServerName::parse(key).filter(|_| Registry::parse(key).is_some());
    Finding {
        severity: Severity::Warning,
        text: format!(
            "credHelpers of {} still has {ECR_LOGIN} for {shown}: it asks by rules of its own, and \
             keeps tokens in plain text in ~/.ecr",
            file.display()
        ),
        fix: format!("{} {}", client.configured_by(), shell_word(shown)),
        repair: host.map(|host| Repair::SetHelper {
            file: file.to_owned(),
            key: key.to_owned(),
            host: host.to_string(),
            helper: own_name(env),
        }),
    }
}

fn docker_desktop(document: &Document) -> Finding {
    Finding {
        severity: Severity::Warning,
        text: format!(
            "Docker Desktop keeps {}: at its start it sets credsStore to its own helper again \
             (lines in credHelpers come before that)",
            document.path().display()
        ),
        fix: "name the hosts, not --creds-store; should a line vanish, run this again".to_owned(),
        repair: None,
    }
}

/// Why no client ever looks for such a key; docker and podman compare it with `HOST[:PORT]`.
fn never_matches(key: &str) -> Option<&'static str> {
    if key.contains('@') {
        Some("clients leave the user before a host away")
    } else if key.contains('*') {
        Some("no client knows wildcards")
    } else if key.contains("://") {
        Some("clients leave the scheme away")
    } else if key.contains('/') {
        Some("clients ask for the host without a path")
    } else if key.contains(|c: char| c.is_ascii_uppercase()) {
        Some("hosts are in lower case")
    } else {
        None
    }
}
