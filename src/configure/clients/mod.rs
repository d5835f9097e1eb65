//! The configuration files of docker, podman and their kin: where they are, what they say, what
//! in them would keep this program from being asked, and changes that leave all else as it is.
//!
//! ```text
//! place ─▶ file ─ json, document ─▶ Document ─ edit, style ─▶ Document ─ mask ─▶ what may be shown
//!                                       ├─ undo, with backups ─▶ Document
//!                                       └─ within, surroundings ─▶ Finding ─▶ Repair
//! ```
//!
//! Nothing here writes a file.

mod document;
mod edit;
mod error;
mod finding;
mod json;
mod mask;
mod place;
mod style;
mod surroundings;
mod undo;
mod within;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

pub(crate) use document::{Document, Login, host_of, without_byte_order_mark};
pub(crate) use error::ClientConfigError;
pub(crate) use finding::{Finding, Repair, Severity, findings, findings_in, is_same_server};
pub(crate) use place::{docker_file, podman_file, podman_files};
pub(crate) use surroundings::is_first_on_path;
pub(crate) use undo::{Before, Undo};

pub(crate) use crate::helper_name::is_ours;

use crate::configure::user_file::UserFile;
use crate::env::Env;
use crate::helper_name::OWN_NAME;

/// What credential helpers are called before their names.
const PREFIX: &str = "docker-credential-";

/// The established helper for ECR, by its name in configurations.
pub(crate) const ECR_LOGIN: &str = "ecr-login";

/// Whose configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    /// docker, and what reads its file.
    Docker,
    /// podman, skopeo and buildah.
    Podman,
}

impl Client {
    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Client::Docker => "docker",
            Client::Podman => "podman",
        }
    }

    /// The command that changes its file.
    pub(crate) fn configured_by(self) -> &'static str {
        match self {
            Client::Docker => "docker-credential-ecrx configure-docker",
            Client::Podman => "docker-credential-ecrx configure-docker --podman",
        }
    }

    /// The files that it reads, in order. They need not be there.
    pub(crate) fn files(self, env: &Env) -> Vec<PathBuf> {
        match self {
            Client::Docker => docker_file(env).into_iter().collect(),
            Client::Podman => podman_files(env),
        }
    }

    /// The file that is changed to have it ask this program.
    ///
    /// # Errors
    /// When there is no home folder.
    pub(crate) fn file(self, env: &Env) -> Result<PathBuf, ClientConfigError> {
        let file = match self {
            Client::Docker => docker_file(env),
            Client::Podman => podman_file(env),
        };
        file.ok_or(ClientConfigError::NoHome(self.name()))
    }
}

/// Whom a client asks for the password of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// This program.
    Us {
        /// What says so.
        file: PathBuf,
        /// The name it is called by: `ecrx`, or `ecrx-NAME`.
        helper: String,
        /// The host is named (`credHelpers`), not all hosts are meant (`credsStore`).
        is_named: bool,
    },
    /// Another helper.
    Another {
        /// What says so.
        file: PathBuf,
        /// Its name.
        helper: String,
    },
    /// Nobody: it takes a login from the file.
    Login {
        /// The file.
        file: PathBuf,
        /// What the login is for, as written.
        key: String,
    },
    /// Nobody, and there is no login: it goes on anonymously.
    Nobody,
}

/// Whom a client asks for the password of a host, `HOST[:PORT]` as in an image's name.
///
/// # Errors
/// When one of its files cannot be read. Then the client cannot read it either.
pub(crate) fn asked(env: &Env, client: Client, host: &str) -> Result<Asked, ClientConfigError> {
    for file in client.files(env) {
        let found = UserFile::read(&file)?;
        let Some(bytes) = found.bytes() else {
            continue;
        };
        let document = Document::read(&file, bytes)?;
        if let Some(asked) = asked_by(client, &document, host) {
            return Ok(asked);
        }
    }
    Ok(Asked::Nobody)
}

/// The same by one file; `None` where it says nothing of the host.
fn asked_by(client: Client, document: &Document, host: &str) -> Option<Asked> {
    let file = document.path().to_owned();
    let named = document.helper_of(host).map(|helper| (helper, true));
    // podman and its kin know no `credsStore`.
    let helper = named.or_else(|| match client {
        Client::Docker => document.creds_store().map(|helper| (helper, false)),
        Client::Podman => None,
    });
    if let Some((helper, is_named)) = helper {
        let helper = helper.to_owned();
        return Some(if is_ours(&helper) {
            Asked::Us {
                file,
                helper,
                is_named,
            }
        } else {
            Asked::Another { file, helper }
        });
    }
    let login = document
        .logins()
        .into_iter()
        .find(|login| login.is_secret() && host_of(&login.key) == host)?;
    Some(Asked::Login {
        file,
        key: login.key,
    })
}

/// The name that clients know this program by, as it was called now.
pub(crate) fn own_name(env: &Env) -> String {
    match env.name() {
        Some(name) => format!("{OWN_NAME}-{name}"),
        None => OWN_NAME.to_owned(),
    }
}
