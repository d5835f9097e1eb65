//! The registry whose token opens an image: that of its host, or the one that containerd asks for the images
//! of another host, by `HOST/hosts.toml` in the folder that its `config_path` names (containerd 2,
//! `docs/hosts.md`).
//!
//! containerd sends the credentials of an image to the mirrors of its host, too, as kubelet names no
//! server with them (containerd 1.6 and 2.4, `core/remotes/docker`).

use std::fmt;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use crate::config::Config;
use crate::error::escaped_path;
use crate::fs::{self, Pipes};
use crate::net::split_scheme;
use crate::registry::{Lookup, Registry, repository_in};

use super::protocol::{Image, Scope};

/// The registry whose token opens an image.
pub(super) struct Target {
    pub(super) registry: Registry,
    /// `None` if it is not known.
    repository: Option<String>,
    origin: TargetOrigin,
}

/// What says that it is this registry.
enum TargetOrigin {
    /// The host in the image's name.
    Host,
    /// A `hosts.toml` of containerd.
    Mirror,
    /// `other_hosts` of `[kubelet]`.
    OtherHosts,
}

impl Target {
    /// `None` if the image's registry is not ECR.
    pub(super) fn find(config: &Config, image: &Image) -> Option<Self> {
        let settings = &config.kubelet;
        let server = image.server();
        let path = image.repository();
        if let Some(registry) = config.registry(server) {
            return Some(Self {
                registry,
                repository: path.map(str::to_owned),
                origin: TargetOrigin::Host,
            });
        }
        if let Some(mirror) = find_mirror(&settings.hosts_dir, server) {
            return Some(Self {
                repository: path.map(|path| mirror.repository(path)),
                registry: mirror.registry,
                origin: TargetOrigin::Mirror,
            });
        }
        let (account, region) = settings.other_hosts.clone()?;
        Some(Self {
            registry: Registry::from_account(account, region),
            repository: None,
            origin: TargetOrigin::OtherHosts,
        })
    }

    pub(super) fn lookup(&self) -> Lookup<'_> {
        Lookup {
            registry: &self.registry,
            repository: self.repository.as_deref(),
        }
    }

    /// The images that the credentials for this image are for. Rules for repositories may select other
    /// identities for other images, or limit their tokens to other rights.
    pub(super) fn scope<'a>(&self, config: &Config, image: &'a Image) -> Scope<'a> {
        let server = image.server();
        let mut rules = config.repository_lookups(&self.registry);
        match (image.repository(), &self.repository) {
            (Some(repository), Some(_)) if rules.next().is_some() => {
                Scope::Repository { server, repository }
            }
            _ => Scope::Registry(server),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let registry = &self.registry;
        match self.origin {
            TargetOrigin::Host => write!(f, "{registry}"),
            TargetOrigin::Mirror => write!(f, "its mirror {registry}"),
            TargetOrigin::OtherHosts => write!(f, "{registry} (other_hosts)"),
        }
    }
}

/// No `hosts.toml` has more.
const MAX_HOSTS_FILE: u64 = 1 << 20;

/// The folder for hosts without a folder of their own.
const DEFAULT_FOLDER: &str = "_default";

/// An ECR registry, and where the images of another host are in it.
struct Mirror {
    registry: Registry,
    /// What precedes the path of an image: `docker-hub/`, or nothing.
    prefix: String,
}

impl Mirror {
    /// The repository of an image with this path.
    fn repository(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }
}

/// The first ECR registry in the host's list of mirrors, which containerd reads in the first of the
/// folders that exists (containerd 2.4, `core/remotes/docker/config/hosts.go`). A file that cannot be
/// read has none, which is logged.
fn find_mirror(hosts_dir: &Path, server: &str) -> Option<Mirror> {
    let folder = host_folders(server)
        .map(|folder| hosts_dir.join(folder))
        .find(|folder| folder.is_dir())?;
    let file = folder.join("hosts.toml");
    let urls = match fs::read(&file, MAX_HOSTS_FILE, Pipes::Refused) {
        Ok(bytes) => mirror_urls(bytes),
        Err(error) if error.is_absence() => return None,
        Err(error) => Err(error.to_string()),
    };
    match urls {
        Ok(urls) => urls.iter().find_map(|url| mirror_at(url)),
        Err(why) => {
            log::warn!("{}: {why}", escaped_path(&file));
            None
        }
    }
}

/// The names of the folder of a host, in the order in which containerd tries them: of one with a port,
/// also with underscores for colons.
fn host_folders(server: &str) -> impl Iterator<Item = PathBuf> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    let is_safe = server.bytes().all(is_name) && !server.starts_with('.');
    let with_port = server.rsplit_once(':');
    let underscored = with_port.map(|(host, port)| format!("{host}_{port}_"));
    let named = [underscored, Some(server.to_owned())];
    named
        .into_iter()
        .flatten()
        .filter(move |_| is_safe)
        .chain([DEFAULT_FOLDER.to_owned()])
        .map(PathBuf::from)
}

/// The URLs of a file in the order of its lines: those of `[host."URL"]`, then `server`.
fn mirror_urls(bytes: Vec<u8>) -> Result<Vec<String>, String> {
    let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())?;
    let table = DeTable::parse(&text).map_err(|error| error.message().to_owned())?;
    let table = table.get_ref();
    let mut urls = Vec::new();
    if let Some(DeValue::Table(hosts)) = table.get("host").map(|value| value.get_ref()) {
        let mut hosts: Vec<_> = hosts
            .iter()
            .filter(|(_, host)| is_for_pulls(host.get_ref()))
            .map(|(url, _)| (url.span().start, url.get_ref().to_string()))
            .collect();
        hosts.sort_unstable();
        urls.extend(hosts.into_iter().map(|(_, url)| url));
    }
    if let Some(DeValue::String(server)) = table.get("server").map(|value| value.get_ref()) {
        urls.push(server.to_string());
    }
    Ok(urls)
}

/// Whether images are pulled from a host: its `capabilities` are all of them if absent.
fn is_for_pulls(host: &DeValue<'_>) -> bool {
    let DeValue::Table(host) = host else {
        return false;
    };
    match host.get("capabilities").map(|value| value.get_ref()) {
        Some(DeValue::Array(capabilities)) => capabilities.iter().any(
            |capability| matches!(capability.get_ref(), DeValue::String(text) if text == "pull"),
        ),
        _ => true,
    }
}

/// The mirror of a URL, which may have no scheme. Its path begins with `/v2`, as ECR serves no other.
fn mirror_at(url: &str) -> Option<Mirror> {
    // A token is not sent without TLS.
    if split_scheme(url)
        .0
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("http"))
    {
        return None;
    }
    let registry = Registry::parse(url).filter(|registry| registry.private().is_some())?;
    let prefix = repository_in(url).and_then(|path| path.strip_prefix("v2/"));
    let prefix = prefix.map_or_else(String::new, |prefix| format!("{prefix}/"));
    Some(Mirror { registry, prefix })
}

/// A mirror is a private registry, and its prefix is a part of the file.
#[cfg(any(test, fuzzing))]
pub(crate) fn fuzz(bytes: &[u8]) {
    let Ok(urls) = mirror_urls(bytes.to_vec()) else {
        return;
    };
    for mirror in urls.iter().filter_map(|url| mirror_at(url)) {
        assert!(mirror.registry.private().is_some());
        assert!(mirror.repository("image").ends_with("image"));
    }
}
