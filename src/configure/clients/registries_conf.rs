//! `credential-helpers` in registries.conf: the helpers that podman, skopeo and buildah ask for every
//! registry (containers-registries.conf(5)). The file is only read here.
//!
//! A file that sets the list replaces the list of the files before it (containers/image 5,
//! `sysregistriesv2`): `CONTAINERS_REGISTRIES_CONF`, or else the user's file, or else the system's;
//! then `registries.conf.d` of the system, and of the user.

use std::path::{Path, PathBuf};

use toml::de::DeTable;

use crate::env::{Env, var};
use crate::fs::{self, Pipes};
use crate::helper_name::is_ours;

const SYSTEM: &str = "/etc/containers";

/// More of a file is not read, in bytes.
const MAX_LENGTH: u64 = 1 << 20;

/// Stands for the files of logins and `credHelpers` (`AuthenticationFileHelper` there).
pub(super) const AUTH_FILES: &str = "containers-auth.json";

/// The helpers that are asked for every registry.
#[derive(Debug)]
pub(super) struct CredentialHelpers {
    /// The file that sets them; empty if none does.
    pub(super) file: PathBuf,
    /// In the order that they are asked in.
    pub(super) names: Vec<String>,
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
    pub(super) fn read(env: &Env) -> Self {
        let set = files(env).into_iter().rev().find_map(|file| {
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
fn files(env: &Env) -> Vec<PathBuf> {
    let user = env.home().map(|home| home.join(".config/containers"));
    let own = user.as_ref().map(|folder| folder.join("registries.conf"));
    let first = match env.get_os(var::CONTAINERS_REGISTRIES_CONF) {
        Some(file) => file.into(),
        None => own
            .filter(|file| file.exists())
            .unwrap_or_else(|| Path::new(SYSTEM).join("registries.conf")),
    };
    let mut files = vec![first];
    for folder in [Some(SYSTEM.into()), user].into_iter().flatten() {
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
    let bytes = fs::read(file, MAX_LENGTH, Pipes::Refused).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let top = DeTable::parse(&text).ok()?;
    let helpers = top.get_ref().get("credential-helpers")?.get_ref();
    let names = helpers.as_array()?.iter().filter_map(|helper| {
        let name = helper.get_ref().as_str();
        name.map(str::to_owned)
    });
    Some(names.collect())
}
