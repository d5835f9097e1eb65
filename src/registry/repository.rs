//! Repositories of a registry: their names, the patterns of rules, and what clients send of them.

use std::fmt;

use super::{Registry, split_server};

/// Whether a text is the name of a repository (the ECR API reference, "CreateRepository").
pub(crate) fn is_repository_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_between = |byte: u8| b"._-/".contains(&byte);
    let bytes = name.as_bytes();
    (2..=256).contains(&name.len())
        && bytes.iter().all(|&byte| is_plain(byte) || is_between(byte))
        && !bytes
            .windows(2)
            .any(|pair| is_between(pair[0]) && is_between(pair[1]))
        && is_plain(bytes[0])
        && is_plain(bytes[bytes.len() - 1])
}

/// The path after the host, as `HOST/team/app:v1` has one; without it, `None`.
pub(crate) fn path_in(server: &str) -> Option<&str> {
    let (_, after) = split_server(server);
    (!matches!(after, "" | "/")).then(|| after.strip_prefix('/').unwrap_or(after))
}

/// The repository after the host in a server name or an image, without tag and digest. Its spelling is
/// not checked.
pub(crate) fn repository_in(server: &str) -> Option<&str> {
    let name = path_in(server)?.split(['@', ':', '?', '#']).next()?;
    let name = name.trim_end_matches('/');
    (!name.is_empty()).then_some(name)
}

/// What credentials are requested for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lookup<'a> {
    pub registry: &'a Registry,
    /// `None` if the client sends only the host.
    pub repository: Option<&'a str>,
}

impl<'a> Lookup<'a> {
    /// The lookup of a server name that a client sends, of which `registry` is the registry.
    pub fn from_server(server: &'a str, registry: &'a Registry) -> Self {
        // Most clients send only the host.
        let is_host = server.len() == registry.host().len();
        Self {
            registry,
            repository: if is_host { None } else { repository_in(server) },
        }
    }
}

impl<'a> From<&'a Registry> for Lookup<'a> {
    fn from(registry: &'a Registry) -> Self {
        Self {
            registry,
            repository: None,
        }
    }
}

/// A repository, `team/app`, or all whose names have a prefix, `team/*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryPattern(Box<str>);

impl RepositoryPattern {
    /// `None` if the text is neither.
    pub fn parse(text: &str) -> Option<Self> {
        let is_valid = match text.strip_suffix('*') {
            Some(prefix) => prefix.ends_with('/') && is_repository_name(&format!("{prefix}xx")),
            None => is_repository_name(text),
        };
        is_valid.then(|| Self(text.into()))
    }

    pub fn matches(&self, repository: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(prefix) => repository.starts_with(prefix),
            None => repository == &*self.0,
        }
    }

    /// The text of the pattern. Taken as the name of a repository, it is one that only this pattern and
    /// those that include it match, as no name has a `*`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RepositoryPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";

    #[test]
    fn the_repository_is_what_follows_the_host_without_tag_and_digest() {
        for (after, expected) in [
            ("", None),
            ("/", None),
            (":443", None),
            ("/team", Some("team")),
            ("/team/app", Some("team/app")),
            ("/team/app/", Some("team/app")),
            (":443/team/app:v1", Some("team/app")),
            ("/team/app@sha256:00", Some("team/app")),
            ("/team/app:v1@sha256:00", Some("team/app")),
            ("/:v1", None),
            ("?x", None),
        ] {
            for scheme in ["", "https://", " HTTPS://"] {
                let server = format!("{scheme}{HOST}{after}");
                assert_eq!(repository_in(&server), expected, "{server}");
                let registry = Registry::parse(&server).unwrap();
                let lookup = Lookup::from_server(&server, &registry);
                assert_eq!(lookup.repository, expected, "{server}");
            }
        }
    }

    #[test]
    fn a_prefix_ends_at_a_slash_and_a_name_matches_only_itself() {
        let matches = |pattern: &str, repository: &str| {
            RepositoryPattern::parse(pattern)
                .unwrap()
                .matches(repository)
        };
        for (pattern, repository, expected) in [
            ("team/*", "team/app", true),
            ("team/*", "team/sub/app", true),
            ("team/*", "team", false),
            ("team/*", "team2/app", false),
            ("team/*", "team-x", false),
            ("team/*", "other/team/app", false),
            ("t/*", "t/app", true),
            ("team/app", "team/app", true),
            ("team/app", "team", false),
            ("team/app", "team/app2", false),
            ("team/app", "team/app/x", false),
        ] {
            assert_eq!(
                matches(pattern, repository),
                expected,
                "{pattern} {repository}"
            );
        }
        for (pattern, other, expected) in [
            ("team/*", "team/*", true),
            ("team/*", "team/sub/*", true),
            ("team/sub/*", "team/*", false),
            ("team/*", "team/app", true),
            ("team/app", "team/*", false),
        ] {
            let other = RepositoryPattern::parse(other).unwrap();
            assert_eq!(
                matches(pattern, other.as_str()),
                expected,
                "{pattern} {other}"
            );
        }
    }

    #[test]
    fn nothing_else_is_a_pattern() {
        for text in [
            "",
            "*",
            "/*",
            "a",
            "team*",
            "*/x",
            "te*m",
            "team/**",
            "team/*/x",
            "team//*",
            "team//app",
            "/team/*",
            "team/app/",
            "Team/*",
            "Team/app",
            "team_/*",
            "team/a__b",
            "team/app:v1",
            "team/app@sha256:00",
            "team/a p",
            "team/?",
        ] {
            assert_eq!(RepositoryPattern::parse(text), None, "{text}");
        }
    }
}
