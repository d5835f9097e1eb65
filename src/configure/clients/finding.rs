//! What keeps this program from being asked, or from being what is used: each with what people
//! see of it, and what to do.

use std::path::{Path, PathBuf};

use super::document::Document;
use super::error::ClientConfigError;
use super::within::{docker_desktop, empty, hidden, old_logins, other_helpers};
use super::{Client, docker_file, surroundings};
use crate::configure::user_file::UserFile;
use crate::env::{Env, var};
use crate::error::Error;
use crate::registry::{Registry, ServerName};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    /// A pull fails.
    Bad,
    /// A pull may fail, with another client or later; or a secret lies about.
    Warning,
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What was found and what comes of it, in one line.
    pub text: String,
    /// What to do about it, in one line.
    pub fix: String,
    /// What this program can do about it itself.
    pub repair: Option<Repair>,
}

/// A change that puts an end to a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Repair {
    /// Take a login out of `auths`.
    RemoveLogin {
        /// The file.
        file: PathBuf,
        /// What the login is for, as written.
        key: String,
    },
    /// Have this program asked for a host.
    SetHelper {
        /// The file.
        file: PathBuf,
        /// The key of `credHelpers` as written.
        key: String,
        /// As it has to be.
        host: String,
        /// The name of this program that is to be asked.
        helper: String,
    },
    /// Take the byte order mark out.
    RemoveByteOrderMark {
        /// The file.
        file: PathBuf,
    },
}

impl Repair {
    /// Whether it changes nothing but what is there for these hosts, or for the whole file.
    pub(crate) fn is_for(&self, hosts: &[String]) -> bool {
        let is_named = |key: &str| hosts.iter().any(|host| is_same_server(key, host));
        match self {
            Self::RemoveLogin { key, .. } => is_named(key),
            Self::SetHelper { host, .. } => is_named(host),
            Self::RemoveByteOrderMark { .. } => true,
        }
    }
}

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
    found.extend(surroundings::findings(env, client, documents, hosts));
    found
}

/// A login is for one of these hosts, or for ECR where there are none.
pub(super) fn concerns(key: &str, hosts: &[String]) -> bool {
    match hosts {
        [] => Registry::parse(key).is_some(),
        hosts => hosts.iter().any(|host| is_same_server(key, host)),
    }
}

/// Whether two texts name the same server, in any spelling: scheme, path, capitals, the port of https.
pub(crate) fn is_same_server(one: &str, other: &str) -> bool {
    let server = |text: &str| {
        let name = ServerName::parse(text)?;
        Some((name.host, name.port.unwrap_or(443)))
    };
    server(one).is_some_and(|one| server(other) == Some(one))
}
