//! kubelet's rules for its configuration. If one is broken, kubelet does not start (kubernetes 1.37,
//! `pkg/credentialprovider/plugin/config.go`; kubernetes/kubelet 0.37, `config/v1/types.go`).
//!
//! The patterns in it match images as in kubernetes 1.37, `pkg/credentialprovider/keyring.go`, `URLsMatch`.

use serde_json::{Map, Value};

use crate::error::escaped;
use crate::kubelet::protocol::{GROUP, VERSIONS};
use crate::registry::{AccountId, Partition, Region, Registry, wildcard_matches};

use super::document::Document;

const CONFIG_GROUP: &str = "kubelet.config.k8s.io/";

/// The keys of each object.
const CONFIG_KEYS: [&str; 3] = ["apiVersion", "kind", "providers"];
const PROVIDER_KEYS: [&str; 7] = [
    "name",
    "matchImages",
    "defaultCacheDuration",
    "apiVersion",
    "args",
    "env",
    "tokenAttributes",
];
const VARIABLE_KEYS: [&str; 2] = ["name", "value"];
const TOKEN_KEYS: [&str; 5] = [
    "serviceAccountTokenAudience",
    "cacheType",
    "requireServiceAccount",
    REQUIRED,
    OPTIONAL,
];

pub(super) const REQUIRED: &str = "requiredServiceAccountAnnotationKeys";
pub(super) const OPTIONAL: &str = "optionalServiceAccountAnnotationKeys";

/// The rule that a file of another kind breaks.
pub(super) const OTHER_KIND: &str = "kind is not CredentialProviderConfig";

/// The broken rules of a file, one line each.
pub(super) fn broken(document: &Document) -> Vec<String> {
    let mut rules = Rules {
        broken: Vec::new(),
        place: String::new(),
    };
    rules.config(document);
    rules.broken
}

struct Rules {
    broken: Vec<String>,
    /// Of the object that is looked at, with a colon.
    place: String,
}

impl Rules {
    fn add(&mut self, text: impl AsRef<str>) {
        self.broken.push(format!("{}{}", self.place, text.as_ref()));
    }

    fn add_if(&mut self, is_broken: bool, text: impl AsRef<str>) {
        if is_broken {
            self.add(text);
        }
    }

    fn config(&mut self, document: &Document) {
        let config = document.value();
        self.keys(config, &CONFIG_KEYS);
        let is_kind =
            config.get("kind").and_then(Value::as_str) == Some("CredentialProviderConfig");
        self.add_if(!is_kind, OTHER_KIND);
        let version = self.version(config, CONFIG_GROUP);
        let is_old = version.is_some_and(|version| version != "v1");
        let has_tokens =
            |entry: &Value| entry.get("tokenAttributes").is_some_and(|it| !it.is_null());
        // kubernetes/kubelet 0.37, `config/v1beta1/types.go`.
        self.add_if(
            is_old && document.providers().iter().any(has_tokens),
            format!("tokenAttributes requires a file with apiVersion {CONFIG_GROUP}v1"),
        );
        self.add_if(document.providers().is_empty(), "there is no provider");
        for (index, entry) in document.providers().iter().enumerate() {
            let name = entry.get("name").and_then(Value::as_str);
            self.place = match name {
                Some(name) if !name.is_empty() => format!("{}: ", escaped(name)),
                _ => format!("provider {}: ", index + 1),
            };
            match entry.as_object() {
                Some(provider) => self.provider(provider),
                None => self.add("it is not an object"),
            }
        }
    }

    fn provider(&mut self, provider: &Map<String, Value>) {
        self.keys(provider, &PROVIDER_KEYS);
        match self.text(provider, "name") {
            None | Some("") => self.add("name is missing"),
            Some("." | "..") => self.add("name is not the name of a file"),
            Some(name) => self.add_if(name.contains(['/', ' ']), "name contains a slash or space"),
        }
        let version = self.version(provider, GROUP);
        let images = self.texts(provider, "matchImages");
        self.add_if(images.is_empty(), "matchImages has no pattern");
        for image in images.iter().filter(|image| !is_pattern(image)) {
            self.add(format!(
                "matchImages: `{}` is not a pattern",
                escaped(image)
            ));
        }
        match self.text(provider, "defaultCacheDuration") {
            None => self.add("defaultCacheDuration is missing"),
            Some(text) if text.starts_with('-') => self.add("defaultCacheDuration is negative"),
            Some(text) => {
                let text = escaped(text);
                let is_broken = !is_duration(&text);
                self.add_if(
                    is_broken,
                    format!("defaultCacheDuration: `{text}` is not a time such as 0s or 12h"),
                );
            }
        }
        self.texts(provider, "args");
        self.variables(provider);
        match provider.get("tokenAttributes") {
            None | Some(Value::Null) => {}
            Some(Value::Object(attributes)) => {
                let is_old = version.is_some_and(|version| version != "v1");
                self.add_if(
                    is_old,
                    format!("tokenAttributes requires apiVersion {GROUP}v1"),
                );
                self.token_attributes(attributes);
            }
            Some(_) => self.add("tokenAttributes is not an object"),
        }
    }

    fn variables(&mut self, provider: &Map<String, Value>) {
        let variables = match provider.get("env") {
            None | Some(Value::Null) => return,
            Some(Value::Array(variables)) => variables,
            Some(_) => return self.add("env is not a list"),
        };
        for variable in variables {
            let Some(variable) = variable.as_object() else {
                self.add("env: a variable is not an object with name and value");
                continue;
            };
            self.keys(variable, &VARIABLE_KEYS);
            let is_missing = self.text(variable, "name").is_none_or(str::is_empty);
            self.add_if(is_missing, "env: a variable has no name");
            self.text(variable, "value");
        }
    }

    fn token_attributes(&mut self, attributes: &Map<String, Value>) {
        self.keys(attributes, &TOKEN_KEYS);
        let audience = self.text(attributes, "serviceAccountTokenAudience");
        self.add_if(
            audience.is_none_or(str::is_empty),
            "serviceAccountTokenAudience is missing",
        );
        let cache_type = self.text(attributes, "cacheType");
        let is_known = matches!(cache_type, Some("Token" | "ServiceAccount"));
        self.add_if(!is_known, "cacheType is not Token or ServiceAccount");
        let requires = attributes
            .get("requireServiceAccount")
            .and_then(Value::as_bool);
        self.add_if(
            requires.is_none(),
            "requireServiceAccount is not true or false",
        );
        let required = self.texts(attributes, REQUIRED);
        let optional = self.texts(attributes, OPTIONAL);
        let is_broken = requires == Some(false) && !required.is_empty();
        self.add_if(
            is_broken,
            format!("{REQUIRED} needs requireServiceAccount: true"),
        );
        let mut all: Vec<&str> = required.into_iter().chain(optional).collect();
        all.sort_unstable();
        let repeated = all.windows(2).find(|pair| pair[0] == pair[1]);
        if let Some(pair) = repeated {
            self.add(format!(
                "the annotation key {} is listed twice",
                escaped(pair[0])
            ));
        }
    }

    /// kubelet refuses unknown keys.
    fn keys(&mut self, object: &Map<String, Value>, known: &[&str]) {
        for key in object.keys().filter(|key| !known.contains(&key.as_str())) {
            self.add(format!("unknown field `{}`", escaped(key)));
        }
    }

    /// The version after the group.
    fn version<'v>(&mut self, object: &'v Map<String, Value>, group: &str) -> Option<&'v str> {
        let text = self.text(object, "apiVersion").unwrap_or_default();
        let version = text.strip_prefix(group).filter(|it| VERSIONS.contains(it));
        self.add_if(version.is_none(), format!("apiVersion is not {group}v1"));
        version
    }

    /// A text; `None` if there is none, or another value.
    fn text<'v>(&mut self, object: &'v Map<String, Value>, key: &str) -> Option<&'v str> {
        match object.get(key) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text),
            Some(_) => {
                self.add(format!("{key} is not text: write it in quotes"));
                None
            }
        }
    }

    fn texts<'v>(&mut self, object: &'v Map<String, Value>, key: &str) -> Vec<&'v str> {
        let items = match object.get(key) {
            None | Some(Value::Null) => return Vec::new(),
            Some(Value::Array(items)) => items.as_slice(),
            Some(_) => &[],
        };
        let texts: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
        let is_list = object.get(key).is_some_and(Value::is_array);
        self.add_if(
            !is_list || texts.len() < items.len(),
            format!("{key} is not a list of text"),
        );
        texts
    }
}

/// Whether Go's `url.Parse` reads a pattern after `https://`, which kubelet requires.
fn is_pattern(text: &str) -> bool {
    let (server, _) = text.split_once('/').unwrap_or((text, ""));
    let (host, port) = server.split_once(':').unwrap_or((server, ""));
    let is_of_host =
        |c: char| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=?".contains(c) || !c.is_ascii();
    !host.is_empty()
        && host.chars().all(is_of_host)
        && port.bytes().all(|byte| byte.is_ascii_digit())
        && !text.contains(|c: char| c == ' ' || c.is_control())
}

/// Whether it is a duration of Go without a sign: `1h30m`, `0`, `1.5s`.
pub(super) fn is_duration(text: &str) -> bool {
    let mut rest = text;
    if rest == "0" {
        return true;
    }
    while !rest.is_empty() {
        let number = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let units = ["ns", "us", "µs", "ms", "s", "m", "h"];
        let digits = &rest[..rest.len() - number.len()];
        let unit = units.iter().filter_map(|unit| number.strip_prefix(unit));
        match unit.min_by_key(|after| after.len()) {
            Some(after) if digits.parse::<f64>().is_ok() => rest = after,
            _ => return false,
        }
    }
    !text.is_empty()
}

/// An account of AWS's documentation.
const SAMPLE_ACCOUNT: &str = "111122223333";

const PUBLIC_HOSTS: [&str; 2] = ["public.ecr.aws", "ecr-public.aws.com"];

/// A pattern or the name of an image, in its parts.
struct PatternParts<'t> {
    labels: Vec<&'t str>,
    port: Option<&'t str>,
    /// With its slash; empty if there is none.
    path: &'t str,
}

impl<'t> PatternParts<'t> {
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
pub(super) fn pattern_matches(pattern: &str, image: &str) -> bool {
    let (pattern, image) = (PatternParts::of(pattern), PatternParts::of(image));
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
    pattern.contains(['[', '\\']) || wildcard_matches(pattern, label)
}

/// A host of each form that ECR has, in each partition.
pub(super) fn sample_hosts() -> impl Iterator<Item = String> {
    let regions = Partition::all().filter_map(|(_, prefix)| {
        let prefix = if prefix.is_empty() { "us-" } else { prefix };
        format!("{prefix}west-1").parse().ok()
    });
    let private = regions.flat_map(|region: Region| private_hosts(SAMPLE_ACCOUNT, &region));
    private.chain(PUBLIC_HOSTS.map(str::to_owned))
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
pub(super) fn pattern_mistake(pattern: &str) -> Option<(String, String)> {
    if let Some((_, rest)) = pattern.split_once("://") {
        return Some((
            "names of images have no scheme".to_owned(),
            format!("Write {rest}"),
        ));
    }
    let parts = PatternParts::of(pattern);
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

fn is_for_ecr(parts: &PatternParts<'_>) -> bool {
    let host = parts.labels.join(".");
    let is_suffix = |suffix: &str| host.ends_with(suffix);
    host.contains("ecr")
        || Partition::all()
            .any(|(it, _)| is_suffix(it.suffix()) || is_suffix(it.dual_stack_suffix()))
}

/// Whether there is an ECR registry that the pattern is for: of its account and region, if it has them.
fn matches_ecr(pattern: &str, parts: &PatternParts<'_>) -> bool {
    let account = parts.labels[0].parse::<AccountId>();
    let account = account.as_ref().map_or(SAMPLE_ACCOUNT, AccountId::as_str);
    let region = parts
        .labels
        .iter()
        .find_map(|label| label.parse::<Region>().ok());
    let hosts: Vec<String> = match region {
        Some(region) => private_hosts(account, &region).into(),
        None => sample_hosts()
            .map(|host| host.replace(SAMPLE_ACCOUNT, account))
            .collect(),
    };
    let with_port = |host: String| match parts.port {
        Some(port) => format!("{host}:{port}{}", parts.path),
        None => format!("{host}{}", parts.path),
    };
    hosts
        .into_iter()
        .any(|host| pattern_matches(pattern, &with_port(host)))
}

/// The name of an image as kubelet sends it: without tag and digest, and with the registry of Docker if
/// it has none (`parsers.ParseImageName`).
pub(super) fn normal_image_name(image: &str) -> String {
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
    use super::super::configuration::{packaged_entry, patterns};
    use super::*;

    const GOOD: &str = "\
apiVersion: kubelet.config.k8s.io/v1
kind: CredentialProviderConfig
providers:
- name: ours
  apiVersion: credentialprovider.kubelet.k8s.io/v1
  matchImages: [public.ecr.aws]
  defaultCacheDuration: 12h
  args: [kubelet]
  env: [{name: HOME, value: /root}]
  tokenAttributes:
    serviceAccountTokenAudience: sts.amazonaws.com
    requireServiceAccount: true
    cacheType: Token
    requiredServiceAccountAnnotationKeys: [a/b]
    optionalServiceAccountAnnotationKeys: [c]
";

    fn broken_in(text: &str) -> Vec<String> {
        broken(&Document::parse(text.as_bytes()).expect(text))
    }

    #[test]
    fn the_packaged_configurations_break_no_rule() {
        let packaged = [
            include_str!("../../../packaging/kubernetes/credential-provider-config.yaml"),
            include_str!("../../../packaging/kubernetes/workload-identity.yaml"),
            GOOD,
        ];
        for text in packaged {
            assert_eq!(broken_in(text), Vec::<String>::new(), "{text}");
        }
        // Users replace one file by the other.
        let [one, other] = [packaged[0], packaged[1]].map(|text| {
            let document = Document::parse(text.as_bytes()).expect(text);
            let patterns = patterns(&document.providers()[0]).map(str::to_owned);
            patterns.collect::<Vec<_>>()
        });
        assert_eq!(one, other);
    }

    #[test]
    fn each_broken_rule_is_told_with_its_provider() {
        for (from, to, expected) in [
            (
                "kubelet.config.k8s.io/v1\n",
                "kubelet.config.k8s.io/v2\n",
                "apiVersion is not kubelet.config.k8s.io/v1",
            ),
            ("kind: C", "kind: X", "kind is not CredentialProviderConfig"),
            ("kind:", "extra: 1\nkind:", "unknown field `extra`"),
            (
                "name: ours",
                "name: a/b",
                "a/b: name contains a slash or space",
            ),
            ("name: ours", "name: \"\"", "provider 1: name is missing"),
            (
                "name: ours",
                "name: ..",
                "..: name is not the name of a file",
            ),
            (
                "/v1\n  match",
                "/v9\n  match",
                "ours: apiVersion is not credentialprovider.kubelet.k8s.io/v1",
            ),
            (
                "/v1\n  match",
                "/v1beta1\n  match",
                "ours: tokenAttributes requires apiVersion credentialprovider.kubelet.k8s.io/v1",
            ),
            ("[public.ecr.aws]", "[]", "ours: matchImages has no pattern"),
            (
                "[public.ecr.aws]",
                "[5]",
                "ours: matchImages is not a list of text",
            ),
            (
                "12h",
                "soon",
                "ours: defaultCacheDuration: `soon` is not a time such as 0s or 12h",
            ),
            (
                "12h",
                "12",
                "ours: defaultCacheDuration is not text: write it in quotes",
            ),
            ("12h", "-1s", "ours: defaultCacheDuration is negative"),
            (
                "  defaultCacheDuration: 12h\n",
                "",
                "ours: defaultCacheDuration is missing",
            ),
            ("args:", "arg:", "ours: unknown field `arg`"),
            (
                "value: /root",
                "values: /root",
                "ours: unknown field `values`",
            ),
            (
                "value: /root",
                "value: 1",
                "ours: value is not text: write it in quotes",
            ),
            (
                "sts.amazonaws.com",
                "\"\"",
                "ours: serviceAccountTokenAudience is missing",
            ),
            (
                "cacheType: Token",
                "cacheType: Registry",
                "ours: cacheType is not Token or ServiceAccount",
            ),
            (
                "Account: true",
                "Account: false",
                "ours: requiredServiceAccountAnnotationKeys needs requireServiceAccount: true",
            ),
            (
                "[c]",
                "[a/b]",
                "ours: the annotation key a/b is listed twice",
            ),
        ] {
            let text = GOOD.replacen(from, to, 1);
            assert_ne!(text, GOOD, "{from}");
            assert!(
                broken_in(&text).contains(&expected.to_owned()),
                "{to}: {:?}",
                broken_in(&text)
            );
        }
    }

    #[test]
    fn durations_are_those_of_go() {
        for (text, expected) in [
            ("0", true),
            ("0s", true),
            ("1h30m", true),
            ("1.5s", true),
            ("10ms", true),
            ("", false),
            ("12", false),
            ("h", false),
            ("1d", false),
        ] {
            assert_eq!(is_duration(text), expected, "{text}");
        }
    }

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
            assert_eq!(pattern_matches(pattern, image), expected, "{pattern}");
        }
        assert!(pattern_matches("*.io:5000", "quay.io:5000/x"));
        assert!(!pattern_matches("*.io", "quay.io:5000/x"));
    }

    #[test]
    fn the_packaged_patterns_are_for_every_partition() {
        let packaged = packaged_entry();
        let patterns: Vec<&str> = patterns(&packaged).collect();
        for host in sample_hosts()
            .filter(|host| host.contains("dkr.ecr.") || PUBLIC_HOSTS.contains(&&**host))
        {
            assert!(
                patterns.iter().any(|it| pattern_matches(it, &host)),
                "{host}"
            );
        }
        for pattern in patterns {
            assert_eq!(pattern_mistake(pattern), None, "{pattern}");
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
            let found = pattern_mistake(pattern).map(|(why, _)| why);
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
            assert_eq!(normal_image_name(image), expected);
        }
    }
}
