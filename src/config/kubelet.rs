//! `[kubelet]`: how kubelet is supplied with image credentials on a node.

use std::path::PathBuf;

use super::error::{ConfigError, Problem};
use super::rule::Match;
use super::section::{Section, Shape};
use crate::registry::{AccountId, Region};

pub(super) const KUBELET: Shape = Shape {
    name: "kubelet",
    written: "[kubelet]",
    groups: &[&[
        "workload",
        "role_annotations",
        "cache_dir",
        "log_file",
        "hosts_dir",
        "other_hosts",
    ]],
};

/// The annotation that upstream's `ecr-credential-provider` reads (cloud-provider-aws 1.37).
const ROLE_ANNOTATION: &str = "eks.amazonaws.com/ecr-role-arn";

/// Where containerd looks for `HOST/hosts.toml`, if its `config_path` is the usual one.
const HOSTS_DIR: &str = "/etc/containerd/certs.d";

/// The settings of `[kubelet]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubeletSettings {
    /// Whether a pod without a role of its own gets the credentials of the node.
    pub workload: WorkloadPolicy,
    /// The annotations of a service account that name its role. The first that it has counts.
    pub role_annotations: Vec<String>,
    /// The folder of the token cache, which should be on a tmpfs; `None`: nothing is cached.
    pub cache_dir: Option<PathBuf>,
    /// The file to log to; `None`: the system log.
    pub log_file: Option<PathBuf>,
    /// The folder of containerd with the mirrors of each host.
    pub hosts_dir: PathBuf,
    /// The ECR registry whose credentials are given for hosts that neither are ECR nor have an ECR
    /// mirror; `None`: no credentials are given for them.
    pub other_hosts: Option<(AccountId, Region)>,
}

/// Whether pods have to have a role of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WorkloadPolicy {
    /// A service account without a role gets the credentials of the node.
    #[default]
    Optional,
    /// It gets none.
    Required,
}

/// The settings of `[kubelet]` in one file. `None`: not set.
#[derive(Debug, Default)]
pub(super) struct KubeletSection {
    workload: Option<WorkloadPolicy>,
    role_annotations: Option<Vec<String>>,
    cache_dir: Option<PathBuf>,
    log_file: Option<PathBuf>,
    hosts_dir: Option<PathBuf>,
    other_hosts: Option<(AccountId, Region)>,
}

impl KubeletSection {
    /// Reads the settings that are right. The mistakes are recorded in `section`.
    pub(super) fn read(section: &Section<'_>) -> Self {
        Self {
            workload: section.keep_some(read_workload(section)),
            role_annotations: section.keep_some(read_annotations(section)),
            cache_dir: section.keep_some(section.absolute_path("cache_dir")),
            log_file: section.keep_some(section.absolute_path("log_file")),
            hosts_dir: section.keep_some(section.absolute_path("hosts_dir")),
            other_hosts: section.keep_some(read_other_hosts(section)),
        }
    }

    /// These settings, and those of `other` that are not set here.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            workload: self.workload.or(other.workload),
            role_annotations: self.role_annotations.or(other.role_annotations),
            cache_dir: self.cache_dir.or(other.cache_dir),
            log_file: self.log_file.or(other.log_file),
            hosts_dir: self.hosts_dir.or(other.hosts_dir),
            other_hosts: self.other_hosts.or(other.other_hosts),
        }
    }

    pub(super) fn with_defaults(self) -> KubeletSettings {
        KubeletSettings {
            workload: self.workload.unwrap_or_default(),
            role_annotations: self
                .role_annotations
                .unwrap_or_else(|| vec![ROLE_ANNOTATION.to_owned()]),
            cache_dir: self.cache_dir,
            log_file: self.log_file,
            hosts_dir: self.hosts_dir.unwrap_or_else(|| HOSTS_DIR.into()),
            other_hosts: self.other_hosts,
        }
    }
}

fn read_workload(section: &Section<'_>) -> Result<Option<WorkloadPolicy>, ConfigError> {
    let Some(text) = section.text("workload")? else {
        return Ok(None);
    };
    match text.text {
        "optional" => Ok(Some(WorkloadPolicy::Optional)),
        "required" => Ok(Some(WorkloadPolicy::Required)),
        other => {
            let problem = Problem::Workload(other.to_owned());
            Err(section.error_in(&text, "workload", problem))
        }
    }
}

fn read_annotations(section: &Section<'_>) -> Result<Option<Vec<String>>, ConfigError> {
    let Some(texts) = section.one_or_more_texts("role_annotations")? else {
        return Ok(None);
    };
    let read = |text: super::section::Text<'_>| {
        if is_annotation(text.text) {
            Ok(text.text.to_owned())
        } else {
            let problem = Problem::Annotation(text.text.to_owned());
            Err(section.error_in(&text, "role_annotations", problem))
        }
    };
    texts
        .into_iter()
        .map(read)
        .collect::<Result<_, _>>()
        .map(Some)
}

/// Whether Kubernetes allows it as the key of an annotation: `[PREFIX/]NAME`, with a DNS name of at
/// most 253 characters and a name of at most 63 (Kubernetes, "Annotations").
fn is_annotation(key: &str) -> bool {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    let ends = |text: &str, allowed: &str| {
        let is_end = |byte: u8| byte.is_ascii_alphanumeric();
        let in_between = |byte: u8| is_end(byte) || allowed.as_bytes().contains(&byte);
        text.bytes().all(in_between)
            && text.bytes().next().is_some_and(is_end)
            && text.bytes().next_back().is_some_and(is_end)
    };
    name.len() <= 63
        && ends(name, "-_.")
        && prefix.is_none_or(|prefix| prefix.len() <= 253 && ends(prefix, "-."))
}

fn read_other_hosts(section: &Section<'_>) -> Result<Option<(AccountId, Region)>, ConfigError> {
    let Some(text) = section.text("other_hosts")? else {
        return Ok(None);
    };
    match text.text.parse() {
        Ok(Match::AccountAndRegion(account, region)) => Ok(Some((account, region))),
        _ => {
            let problem = Problem::OtherHosts(text.text.to_owned());
            Err(section.error_in(&text, "other_hosts", problem))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotations_are_those_that_kubernetes_allows() {
        for (key, expected) in [
            (ROLE_ANNOTATION, true),
            ("ecr-role", true),
            ("a.example/B_c.d-9", true),
            ("", false),
            ("/name", false),
            ("example.com/", false),
            ("a/b/c", false),
            ("-name", false),
            ("name-", false),
            ("ex_ample.com/name", false),
            ("na me", false),
            (&"n".repeat(63), true),
            (&"n".repeat(64), false),
        ] {
            assert_eq!(is_annotation(key), expected, "{key}");
        }
    }
}
