//! Patterns of images, as kubelet matches them (kubernetes 1.37, `pkg/credentialprovider/keyring.go`,
//! `URLsMatch`).

use crate::registry::{AccountId, Partition, Region, Registry};

/// An account of AWS's documentation.
const ACCOUNT: &str = "111122223333";

const PUBLIC: [&str; 2] = ["public.ecr.aws", "ecr-public.aws.com"];

/// A pattern or the name of an image, in its parts.
struct Parts<'t> {
    labels: Vec<&'t str>,
    port: Option<&'t str>,
    /// With its slash; empty if there is none.
    path: &'t str,
}

impl<'t> Parts<'t> {
    fn of(text: &'t str) -> Self {
        let end = text.find('/').unwrap_or(text.len());
        let (server, path) = text.split_at(end);
        let (host, port) = match server.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (server, None),
        };
        Self {
            labels: host.split('.').collect(),
            port,
            path,
        }
    }
}

/// Whether a pattern, or a key of an answer, is for an image, or a host.
pub(super) fn matches(pattern: &str, image: &str) -> bool {
    let (pattern, image) = (Parts::of(pattern), Parts::of(image));
    let labels = pattern.labels.iter().zip(&image.labels);
    pattern.port == image.port
        && pattern.labels.len() == image.labels.len()
        && labels
            .into_iter()
            .all(|(pattern, label)| is_like(pattern, label))
        && image.path.starts_with(pattern.path)
}

/// Go's `filepath.Match` for one label. Ranges (`[a-z]`) are taken to match.
fn is_like(pattern: &str, label: &str) -> bool {
    if pattern.contains(['[', '\\']) {
        return true;
    }
    let (pattern, label): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), label.chars().collect());
    let (mut at, mut index) = (0, 0);
    // Where the last `*` is, and what it has matched so far.
    let mut star = None;
    while index < label.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, index));
                at += 1;
            }
            Some(it) if *it == '?' || *it == label[index] => {
                at += 1;
                index += 1;
            }
            _ => {
                let Some((place, end)) = star else {
                    return false;
                };
                star = Some((place, end + 1));
                (at, index) = (place + 1, end + 1);
            }
        }
    }
    pattern[at..].iter().all(|it| *it == '*')
}

/// A host of each form that ECR has, in each partition.
pub(super) fn sample_hosts() -> impl Iterator<Item = String> {
    let regions = Partition::all().filter_map(|(_, prefix)| {
        let prefix = if prefix.is_empty() { "us-" } else { prefix };
        format!("{prefix}west-1").parse().ok()
    });
    let private = regions.flat_map(|region: Region| private_hosts(ACCOUNT, &region));
    private.chain(PUBLIC.map(str::to_owned))
}

/// The hosts of a registry: ordinary, FIPS and dual-stack ones.
fn private_hosts(account: &str, region: &Region) -> [String; 4] {
    let partition = Partition::of_region(region);
    let (suffix, dual_stack) = (partition.suffix(), partition.dual_stack_suffix());
    let region = region.as_str();
    [
        format!("{account}.dkr.ecr.{region}.{suffix}"),
        format!("{account}.dkr.ecr-fips.{region}.{suffix}"),
        format!("{account}.dkr-ecr.{region}.{dual_stack}"),
        format!("{account}.dkr-ecr-fips.{region}.{dual_stack}"),
    ]
}

/// Why no image of ECR matches a pattern that seems to be meant for it, and what to write instead.
pub(super) fn mistake(pattern: &str) -> Option<(String, String)> {
    if let Some((_, rest)) = pattern.split_once("://") {
        return Some((
            "names of images have no scheme".to_owned(),
            format!("Write {rest}"),
        ));
    }
    let parts = Parts::of(pattern);
    if parts.path.contains(['*', '?']) {
        let server = &pattern[..pattern.len() - parts.path.len()];
        return Some((
            "the path of a pattern is compared as plain text, also the `*`".to_owned(),
            format!("Write {server}"),
        ));
    }
    if !is_for_ecr(&parts) || matches_ecr(pattern, &parts) {
        return None;
    }
    Some((
        "it matches no ECR host, as each `*` matches one part of a host between dots".to_owned(),
        "Write, for example, *.dkr.ecr.*.amazonaws.com".to_owned(),
    ))
}

fn is_for_ecr(parts: &Parts<'_>) -> bool {
    let host = parts.labels.join(".");
    let is_suffix = |suffix: &str| host.ends_with(suffix);
    host.contains("ecr")
        || Partition::all()
            .any(|(it, _)| is_suffix(it.suffix()) || is_suffix(it.dual_stack_suffix()))
}

/// Whether there is an ECR registry that the pattern is for: of its account and region, if it has them.
fn matches_ecr(pattern: &str, parts: &Parts<'_>) -> bool {
    let account = parts.labels[0].parse::<AccountId>();
    let account = account.as_ref().map_or(ACCOUNT, AccountId::as_str);
    let region = parts
        .labels
        .iter()
        .find_map(|label| label.parse::<Region>().ok());
    let hosts: Vec<String> = match region {
        Some(region) => private_hosts(account, &region).into(),
        None => sample_hosts()
            .map(|host| host.replace(ACCOUNT, account))
            .collect(),
    };
    let with_port = |host: String| match parts.port {
        Some(port) => format!("{host}:{port}{}", parts.path),
        None => format!("{host}{}", parts.path),
    };
    hosts
        .into_iter()
        .any(|host| matches(pattern, &with_port(host)))
}

/// The name of an image as kubelet sends it: without tag and digest, and with the registry of Docker if
/// it has none (`parsers.ParseImageName`).
pub(super) fn normal_name(image: &str) -> String {
    let name = image.split('@').next().unwrap_or_default();
    let last = name.rfind('/').map_or(0, |slash| slash + 1);
    let name = match name[last..].find(':') {
        Some(tag) => &name[..last + tag],
        None => name,
    };
    match name.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => name.to_owned(),
        Some(_) => format!("docker.io/{name}"),
        None if Registry::parse(name).is_some() => name.to_owned(),
        None => format!("docker.io/library/{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_label_by_label_with_an_equal_port_and_a_plain_path() {
        let image = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/app";
        for (pattern, expected) in [
            ("*.dkr.ecr.*.amazonaws.com", true),
            ("1111*3333.dkr.e?r.*-west-1.amazonaws.com/team", true),
            ("*.amazonaws.com", false),
            ("*.dkr.ecr.*.amazonaws.com:443", false),
            ("*.dkr.ecr.*.amazonaws.com/*", false),
            ("*.dkr.ecr.*.amazonaws.com/other", false),
            ("[0-9]*.dkr.ecr.*.amazonaws.com", true),
            ("", false),
        ] {
            assert_eq!(matches(pattern, image), expected, "{pattern}");
        }
        assert!(matches("*.io:5000", "quay.io:5000/x"));
        assert!(!matches("*.io", "quay.io:5000/x"));
    }

    #[test]
    fn the_packaged_patterns_are_for_every_partition() {
        let packaged = super::super::entry::packaged();
        let patterns: Vec<&str> = super::super::entry::patterns(&packaged).collect();
        for host in
            sample_hosts().filter(|host| host.contains("dkr.ecr.") || PUBLIC.contains(&&**host))
        {
            assert!(patterns.iter().any(|it| matches(it, &host)), "{host}");
        }
        for pattern in patterns {
            assert_eq!(mistake(pattern), None, "{pattern}");
        }
    }

    #[test]
    fn a_pattern_that_no_ecr_host_matches_is_found() {
        for (pattern, start) in [
            ("*.amazonaws.com", Some("it matches no ECR host")),
            ("*.dkr.ecr.amazonaws.com", Some("it matches no ECR host")),
            ("*.dkr.ecr.*.amazonaws.com/*", Some("the path of a pattern")),
            (
                "https://public.ecr.aws",
                Some("names of images have no scheme"),
            ),
            (
                "444455556666.dkr.ecr.cn-north-1.amazonaws.com",
                Some("it matches no ECR host"),
            ),
            ("444455556666.dkr.ecr.cn-north-1.amazonaws.com.cn", None),
            ("444455556666.dkr.ecr.*.amazonaws.com/team", None),
            ("*.dkr.ecr.*.amazonaws.com:443", None),
            ("docker.io", None),
            ("registry.example.com:5000", None),
        ] {
            let found = mistake(pattern).map(|(why, _)| why);
            let is_it = match (&found, start) {
                (Some(why), Some(start)) => why.starts_with(start),
                (found, start) => found.is_none() && start.is_none(),
            };
            assert!(is_it, "{pattern}: {found:?}");
        }
    }

    #[test]
    fn the_name_of_an_image_is_sent_without_tag_and_digest() {
        for (image, expected) in [
            ("busybox", "docker.io/library/busybox"),
            ("busybox:1.36", "docker.io/library/busybox"),
            ("team/app@sha256:00", "docker.io/team/app"),
            ("localhost/app:1", "localhost/app"),
            ("host:5000/app:1@sha256:00", "host:5000/app"),
            ("public.ecr.aws/a/b:latest", "public.ecr.aws/a/b"),
            (
                "111122223333.dkr.ecr.eu-west-1.amazonaws.com",
                "111122223333.dkr.ecr.eu-west-1.amazonaws.com",
            ),
        ] {
            assert_eq!(normal_name(image), expected);
        }
    }
}
