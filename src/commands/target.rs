//! The registry or image that is named on the command line.

use std::fmt;

use crate::config::{Config, Match, Rule};
use crate::env::Env;
use crate::error::Error;
use crate::identity::Misspelled;
use crate::net::split_scheme;
use crate::redaction::{output::holds_key, shown_input, shown_url};
use crate::registry::{AccountId, Lookup, Partition, Region, Registry, is_image_digest};

/// A registry, and an image in it if one is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub registry: Registry,
    /// The part after the host.
    pub image: Option<Image>,
}

/// The part of an image reference after the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Image {
    /// The repository: `team/app`.
    pub repository: String,
    /// A tag or a digest: `latest` if neither is named, the digest if both are.
    pub reference: String,
}

/// Why a text is neither a registry nor an image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TargetError {
    /// Its host is not an ECR host, and no rule maps it to a registry.
    #[error(
        "`{0}` is not an ECR registry. Expected HOST (111122223333.dkr.ecr.eu-west-1.amazonaws.com), \
         ACCOUNT/REGION (111122223333/eu-west-1), an image, or a custom host name from a config.toml rule"
    )]
    Registry(String),
    /// The part after the host is not an image.
    #[error("`{0}` is not an image: {1}")]
    Image(String, &'static str),
}

impl TargetError {
    /// The error of a command. An unknown host may be configured in the file that a misspelled
    /// `ECRX_CONFIG` names, so the hints name that variable.
    pub(crate) fn told(self, env: &Env) -> Error {
        let misspelled = match self {
            Self::Registry(_) => Misspelled::meant_for_config(env),
            Self::Image(..) => Vec::new(),
        };
        let hints = misspelled.iter().flat_map(|it| [it.to_string(), it.hint()]);
        Error::usage(self).hints(hints)
    }
}

impl Target {
    /// Reads a host in any spelling, `ACCOUNT/REGION`, or either with an image.
    pub(crate) fn parse(text: &str, config: &Config) -> Result<Self, TargetError> {
        let text = text.trim();
        // As skopeo and helm name images.
        let transports = ["docker://", "oci://"].into_iter();
        let text = transports
            .filter_map(|transport| text.strip_prefix(transport))
            .next()
            .unwrap_or(text);
        let (registry, name) = match by_account_and_region(text) {
            Some(found) => found,
            None => {
                let unknown = || TargetError::Registry(shown(text));
                let registry = config.registry(text).ok_or_else(unknown)?;
                let (_, rest) = split_scheme(text);
                (registry, rest.split_once('/').map_or("", |(_, name)| name))
            }
        };
        let wrong = |why| TargetError::Image(shown(text), why);
        let image = match name {
            "" => None,
            name => Some(Image::parse(name).map_err(wrong)?),
        };
        Ok(Self { registry, image })
    }

    /// What a client that sends the repository requests credentials for.
    pub(crate) fn lookup(&self) -> Lookup<'_> {
        let image = self.image.as_ref();
        Lookup {
            registry: &self.registry,
            repository: image.map(|image| &*image.repository),
        }
    }

    /// The registry of a rule that matches only one; `written` is its `match` as written.
    pub(crate) fn registry_of_rule(
        rule: &Rule,
        written: &str,
        config: &Config,
    ) -> Option<Registry> {
        match rule.registries() {
            Match::AccountAndRegion(..) | Match::Public => {
                let target = Self::parse(written, config).ok()?;
                Some(target.registry)
            }
            Match::Own(own) => Some(own.registry().clone()),
            Match::Private | Match::Partition(_) | Match::Account(_) | Match::Repositories(..) => {
                None
            }
        }
    }

    /// The registries of a rule whose hosts are known: the one that it matches, or the one of each
    /// of its accounts in its region.
    pub(crate) fn registries_of_rule(rule: &Rule, written: &str, config: &Config) -> Vec<Registry> {
        if let Some(registry) = Self::registry_of_rule(rule, written, config) {
            return vec![registry];
        }
        let Some(region) = rule.region() else {
            return Vec::new();
        };
        let account = rule.registries().account();
        let accounts = account.map_or(rule.accounts(), std::slice::from_ref);
        let registry = |account: &AccountId| {
            let text = format!("{account}/{region}");
            by_account_and_region(&text).map(|(registry, _)| registry)
        };
        accounts
            .iter()
            .filter_map(registry)
            .filter(|registry| rule.matches(registry.into()))
            .collect()
    }
}

/// The text of the user without parts that may contain a password: only text in the form of a host
/// or an image is shown.
pub(crate) fn shown(text: &str) -> String {
    let (scheme, rest) = split_scheme(text);
    let (host, name) = rest.split_once('/').unwrap_or((rest, ""));
    if let Some((first, _)) = text.split_once(char::is_whitespace) {
        format!("{} …", shown(first))
    } else if holds_key(text) || !is_written_as_image(host, name) {
        shown_input(text)
    } else if may_be_user(host) && !name.is_empty() {
        let scheme = scheme.map_or(String::new(), |name| format!("{name}://"));
        format!("{scheme}{host}/…")
    } else {
        text.to_owned()
    }
}

/// `HOST` and `REPOSITORY[:TAG][@DIGEST]`, with mistakes that cannot be a password.
fn is_written_as_image(host: &str, name: &str) -> bool {
    let is_word = |c: char| !c.is_whitespace() && !":@%;?#".contains(c);
    let is_host = !host.is_empty() && (host.chars().all(is_word) || shown_url(host) == host);
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || "._-/:@+".contains(c);
    let digest = name.split_once('@').map_or(":", |(_, digest)| digest);
    let is_name = !name.starts_with('/') && name.chars().all(is_of_name) && digest.contains(':');
    is_host && is_name
}

/// `alice:7`, of `alice:7/secret`.
fn may_be_user(host: &str) -> bool {
    host.contains(':') && !host.contains('.') && !host.starts_with("localhost:")
}

/// Reads `ACCOUNT/REGION[/NAME]`. The name may be empty.
fn by_account_and_region(text: &str) -> Option<(Registry, &str)> {
    let (account, rest) = text.split_once('/')?;
    let (region, name) = rest.split_once('/').unwrap_or((rest, ""));
    let (account, region): (AccountId, Region) = (account.parse().ok()?, region.parse().ok()?);
    let suffix = Partition::of_region(&region).suffix();
    let registry = Registry::parse(&format!("{account}.dkr.ecr.{region}.{suffix}"))?;
    Some((registry, name))
}

impl Image {
    /// Parses the part after `HOST/`: `REPOSITORY[:TAG][@DIGEST]`. The grammar is that of the
    /// distribution specification and of Docker's image references (distribution/reference).
    pub(crate) fn parse(name: &str) -> Result<Self, &'static str> {
        let (name, digest) = match name.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (name, None),
        };
        let (repository, tag) = match name.rsplit_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (name, None),
        };
        if repository.is_empty() || !repository.split('/').all(is_path_component) {
            return Err(
                "the repository name must consist of lower-case letters and digits, separated by `.`, `_`, `-` \
                 and `/`",
            );
        }
        if let Some(tag) = tag {
            let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            let is_tag = tag.len() <= 128
                && tag.bytes().next().is_some_and(is_word)
                && tag
                    .bytes()
                    .all(|byte| is_word(byte) || b".-".contains(&byte));
            if !is_tag {
                return Err("the tag is not valid");
            }
        }
        if digest.is_some_and(|digest| !is_image_digest(digest)) {
            return Err("the digest is not valid");
        }
        Ok(Self {
            repository: repository.to_owned(),
            reference: digest.or(tag).unwrap_or("latest").to_owned(),
        })
    }
}

/// Letters and digits, with one period, one or two underscores, or dashes in between.
fn is_path_component(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends_well = |byte: Option<u8>| byte.is_some_and(is_plain);
    ends_well(text.bytes().next())
        && ends_well(text.bytes().last())
        && text
            .split(|c: char| c.is_ascii_alphanumeric())
            .all(|between| {
                matches!(between, "" | "." | "_" | "__") || between.bytes().all(|byte| byte == b'-')
            })
        && text
            .bytes()
            .all(|byte| is_plain(byte) || b"._-".contains(&byte))
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let between = if self.reference.contains(':') {
            '@'
        } else {
            ':'
        };
        write!(f, "{}{between}{}", self.repository, self.reference)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";
    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn parse(text: &str) -> Result<(String, Option<String>), TargetError> {
        let target = Target::parse(text, &Config::default())?;
        Ok((
            target.registry.to_string(),
            target.image.map(|image| image.to_string()),
        ))
    }

    #[test]
    fn hosts_accounts_and_images_are_read() {
        let table = [
            (HOST.to_owned(), None),
            (format!(" https://{HOST}/ "), None),
            ("111122223333/eu-west-1".to_owned(), None),
            ("111122223333/eu-west-1/".to_owned(), None),
            (
                "111122223333/eu-west-1/team/app:v1".to_owned(),
                Some("team/app:v1".to_owned()),
            ),
            (
                "docker://111122223333/eu-west-1/app".to_owned(),
                Some("app:latest".to_owned()),
            ),
            (
                format!("docker://{HOST}/app"),
                Some("app:latest".to_owned()),
            ),
            (format!("oci://{HOST}"), None),
            (
                format!("{HOST}/team/app"),
                Some("team/app:latest".to_owned()),
            ),
            (
                format!("{HOST}:443/app:v1.2-rc_1"),
                Some("app:v1.2-rc_1".to_owned()),
            ),
            (
                format!("{HOST}/a-b/c__d/e.f@{DIGEST}"),
                Some(format!("a-b/c__d/e.f@{DIGEST}")),
            ),
            (
                format!("{HOST}/app:v1@{DIGEST}"),
                Some(format!("app@{DIGEST}")),
            ),
        ];
        for (text, image) in table {
            assert_eq!(parse(&text), Ok((HOST.to_owned(), image)), "{text}");
        }
        let china = parse("111122223333/cn-north-1").unwrap().0;
        assert_eq!(china, "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn");
    }

    #[test]
    fn what_may_hold_a_password_is_not_shown() {
        for text in [
            "https//alice:vexed7",
            "https://alice:7/vexed7",
            "alice:7/vexed7",
            "alice:vexed7",
            "https:///vexed7",
            "h vexed7",
            "https://alice:vexed7@example.com/app",
            "example.com/app@vexed7",
            "example.com/app?vexed7",
            "example.com/a vexed7",
            "wJalrXUtnFEMI/K7MDENG/vexed7",
        ] {
            assert!(!shown(text).contains("vexed7"), "{}", shown(text));
        }
        for text in [
            "ubuntu",
            "https://example.com/team/app:v1",
            "localhost:5000/app",
            "registry.corp:5000/App",
            &format!("{HOST}/app@{DIGEST}"),
        ] {
            assert_eq!(shown(text), text);
        }
    }

    #[test]
    fn what_is_neither_is_refused() {
        for text in [
            "",
            "docker.io",
            "ubuntu",
            "111122223333",
            "11112222333/eu-west-1",
            "/app",
        ] {
            assert!(
                matches!(parse(text), Err(TargetError::Registry(_))),
                "{text}"
            );
        }
        let error = parse(&format!("https://alice:secret@{HOST}/app")).unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
        for name in [
            "App",
            "a//b",
            "a/",
            "-a",
            "a-",
            "a..b",
            "a___b",
            "a:",
            "a:-x",
            "a@sha256:12",
            "a b",
            "a?x",
        ] {
            for registry in [HOST, "111122223333/eu-west-1"] {
                let text = format!("{registry}/{name}");
                assert!(
                    matches!(parse(&text), Err(TargetError::Image(..))),
                    "{text}"
                );
            }
        }
    }
}
