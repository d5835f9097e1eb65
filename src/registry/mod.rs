//! ECR registries, and their host names, which contain the service, account, region and partition.
//!
//! The forms are those of AWS's "Amazon ECR endpoints" and of two established programs
//! (amazon-ecr-credential-helper, the kubelet's ECR provider), which accept `dkr.ecr` and `dkr-ecr`
//! before either suffix:
//!
//! ```text
//! ACCOUNT.dkr.ecr[-fips].REGION.SUFFIX            SUFFIX            of the partition
//! ACCOUNT.dkr-ecr[-fips].REGION.DUAL_STACK_SUFFIX DUAL_STACK_SUFFIX of the partition
//! public.ecr.aws, ecr-public.aws.com
//! ```

mod names;

use std::fmt;

use crate::net::{Authority, split_scheme};

pub use names::{AccountId, MfaDevice, ParseError, Partition, Region, RoleArn};

/// The longest host name that DNS allows, in bytes (RFC 1035, without the final dot).
const MAX_HOST_LENGTH: usize = 253;

/// The parts of a private registry's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PrivateRegistry {
    /// The account that owns the registry.
    pub account: AccountId,
    pub region: Region,
    /// Whether the host has the FIPS label, so that the FIPS API must be called.
    pub fips: bool,
    /// Whether the host is a dual-stack one, so that the dual-stack API must be called.
    pub dual_stack: bool,
}

/// The two services with ECR hosts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// `ecr`: private registries, one per account and region.
    Private(PrivateRegistry),
    /// `ecr-public`: the public registry.
    Public,
}

/// A registry that ECR tokens may be given to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Registry {
    host: String,
    pub service: Service,
}

impl Registry {
    /// Parses a server name that a client sends: a host in any spelling, with or without scheme, port
    /// and path. `None` if it is not an ECR registry.
    ///
    /// ```
    /// use docker_credential_ecrx::registry::Registry;
    /// let registry = Registry::parse("https://111122223333.dkr.ecr.eu-west-1.amazonaws.com/v2/");
    /// assert_eq!(registry.unwrap().host(), "111122223333.dkr.ecr.eu-west-1.amazonaws.com");
    /// assert_eq!(Registry::parse("ghcr.io"), None);
    /// ```
    pub fn parse(server: &str) -> Option<Self> {
        let host = ServerName::parse(server)?.host;
        let service = if host == "public.ecr.aws" || host == "ecr-public.aws.com" {
            Service::Public
        } else {
            Service::Private(PrivateRegistry::parse_host(&host)?)
        };
        Some(Self { host, service })
    }

    /// A private registry with a custom host name: a mirror, a CNAME, a VPC endpoint. Custom host names
    /// are known only from the configuration.
    pub fn behind(name: &ServerName, account: AccountId, region: Region) -> Self {
        Self {
            host: name.to_string(),
            service: Service::Private(PrivateRegistry::ordinary(account, region)),
        }
    }

    /// The same private registry with its ECR host, without FIPS and dual-stack; `None` for public ECR.
    pub fn by_ecrs_name(&self) -> Option<Self> {
        let PrivateRegistry {
            account, region, ..
        } = self.private()?;
        Some(Self::from_account(account.clone(), region.clone()))
    }

    /// The private registry of an account in a region, with its ECR host.
    pub fn from_account(account: AccountId, region: Region) -> Self {
        let suffix = Partition::of_region(&region).suffix();
        Self {
            host: format!("{account}.dkr.ecr.{region}.{suffix}"),
            service: Service::Private(PrivateRegistry::ordinary(account, region)),
        }
    }

    /// The host in lower case, without scheme and path. Only a custom host name of the configuration
    /// can have a port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The private registry's parts; `None` for public ECR.
    pub fn private(&self) -> Option<&PrivateRegistry> {
        match &self.service {
            Service::Private(private) => Some(private),
            Service::Public => None,
        }
    }

    /// The region of the API that issues tokens for this registry.
    pub fn api_region(&self) -> Region {
        match &self.service {
            Service::Private(private) => private.region.clone(),
            Service::Public => Region::us_east_1(),
        }
    }

    pub fn partition(&self) -> Partition {
        match &self.service {
            Service::Private(private) => Partition::of_region(&private.region),
            Service::Public => Partition::Aws,
        }
    }
}

impl fmt::Display for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)
    }
}

impl PrivateRegistry {
    /// Without FIPS and dual-stack.
    fn ordinary(account: AccountId, region: Region) -> Self {
        Self {
            account,
            region,
            fips: false,
            dual_stack: false,
        }
    }

    fn parse_host(host: &str) -> Option<Self> {
        let (account, rest) = host.split_once('.')?;
        let account = account.parse().ok()?;
        let rest = rest
            .strip_prefix("dkr.ecr")
            .or_else(|| rest.strip_prefix("dkr-ecr"))?;
        let (fips, rest) = match rest.strip_prefix("-fips") {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let (region, suffix) = rest.strip_prefix('.')?.split_once('.')?;
        let region: Region = region.parse().ok()?;
        let partition = Partition::of_region(&region);
        let dual_stack = suffix == partition.dual_stack_suffix();
        if !dual_stack && suffix != partition.suffix() {
            return None;
        }
        Some(Self {
            account,
            region,
            fips,
            dual_stack,
        })
    }
}

/// The parts of a server name that a client sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerName {
    /// The host in lower case, without a trailing dot.
    pub host: String,
    /// The port, if one is named.
    pub port: Option<u16>,
}

impl ServerName {
    /// Parses `[http[s]://]HOST[:PORT][/PATH]`.
    ///
    /// A user name (`user@host`) is refused, not skipped, as attackers use it to make a host look like
    /// another.
    pub fn parse(server: &str) -> Option<Self> {
        let (authority, _) = split_server(server);
        if authority.user.is_some() {
            return None;
        }
        let port = match authority.port {
            Some(port) => Some(port_number(port)?),
            None => None,
        };
        let host = authority.host.strip_suffix('.').unwrap_or(authority.host);
        let host = host.to_ascii_lowercase();
        let label = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        (host.len() <= MAX_HOST_LENGTH && host.split('.').all(label)).then_some(Self { host, port })
    }
}

/// Splits `[http[s]://]AUTHORITY[/PATH]` into the authority and what follows it.
fn split_server(server: &str) -> (Authority<'_>, &str) {
    let server = server.trim();
    let is_http =
        |scheme: &str| scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http");
    let rest = match split_scheme(server) {
        (Some(scheme), rest) if is_http(scheme) => rest,
        _ => server,
    };
    Authority::split(rest)
}

/// Digits alone, which `u16::from_str` does not insist on.
fn port_number(text: &str) -> Option<u16> {
    let number = text.parse().ok().filter(|number| *number != 0)?;
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then_some(number)
}

/// `HOST` or `HOST:PORT`.
impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)?;
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

/// Whether a text is the digest of an image, manifest or layer: `sha256:` and 64 hexadecimal digits, or
/// another algorithm with 32 to 256 of them (distribution/reference, "digest").
pub(crate) fn is_image_digest(text: &str) -> bool {
    text.split_once(':').is_some_and(|(algorithm, hex)| {
        !algorithm.is_empty()
            && algorithm
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+._-".contains(&byte))
            && (32..=256).contains(&hex.len())
            && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

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

/// Whether a text matches a pattern, in which `*` matches any characters and `?` one.
pub(crate) fn wildcard_matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut index) = (0, 0);
    // Where the last `*` is, and what it has matched so far.
    let mut star = None;
    while index < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, index));
                at += 1;
            }
            Some(it) if *it == '?' || *it == text[index] => {
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

/// Repositories as the resource of an IAM policy names them: in `team-*/app`, each `*` matches any
/// characters, `/` included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryWildcard(Box<str>);

impl RepositoryWildcard {
    /// `None` if no name of a repository matches the text.
    pub fn parse(text: &str) -> Option<Self> {
        let is_valid = !text.contains("**") && is_repository_name(&text.replace('*', "xx"));
        is_valid.then(|| Self(text.into()))
    }

    pub fn matches(&self, repository: &str) -> bool {
        wildcard_matches(&self.0, repository)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RepositoryWildcard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn private(host: &str) -> PrivateRegistry {
        match Registry::parse(host) {
            Some(Registry {
                service: Service::Private(private),
                ..
            }) => private,
            other => panic!("{host} should be a private registry, was {other:?}"),
        }
    }

    #[test]
    fn every_partition_is_recognised() {
        // region, suffix, dual-stack suffix, partition
        let table = [
            ("us-west-2", "amazonaws.com", "on.aws", "aws"),
            ("us-gov-east-1", "amazonaws.com", "on.aws", "aws-us-gov"),
            (
                "cn-north-1",
                "amazonaws.com.cn",
                "on.amazonwebservices.com.cn",
                "aws-cn",
            ),
            (
                "eusc-de-east-1",
                "amazonaws.eu",
                "on.amazonwebservices.eu",
                "aws-eusc",
            ),
            ("us-iso-east-1", "c2s.ic.gov", "on.aws.ic.gov", "aws-iso"),
            (
                "us-isob-east-1",
                "sc2s.sgov.gov",
                "on.aws.scloud",
                "aws-iso-b",
            ),
            (
                "eu-isoe-west-1",
                "cloud.adc-e.uk",
                "on.cloud-aws.adc-e.uk",
                "aws-iso-e",
            ),
            (
                "us-isof-south-1",
                "csp.hci.ic.gov",
                "on.aws.hci.ic.gov",
                "aws-iso-f",
            ),
        ];
        for (region, suffix, dual_stack_suffix, partition) in table {
            for label in ["dkr.ecr", "dkr-ecr"] {
                for fips in [false, true] {
                    for dual_stack in [false, true] {
                        let host = format!(
                            "111122223333.{label}{}.{region}.{}",
                            if fips { "-fips" } else { "" },
                            if dual_stack {
                                dual_stack_suffix
                            } else {
                                suffix
                            },
                        );
                        let expected = PrivateRegistry {
                            account: "111122223333".parse().unwrap(),
                            region: region.parse().unwrap(),
                            fips,
                            dual_stack,
                        };
                        assert_eq!(private(&host), expected, "{host}");
                        let registry = Registry::parse(&host).unwrap();
                        assert_eq!(registry.partition().name(), partition, "{host}");
                    }
                }
            }
        }
    }

    #[test]
    fn every_spelling_names_the_same_host() {
        let host = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";
        for spelling in [
            "111122223333.dkr.ecr.eu-west-1.amazonaws.com",
            "  111122223333.dkr.ecr.eu-west-1.amazonaws.com \r\n",
            "111122223333.dkr.ecr.eu-west-1.amazonaws.com:443",
            "111122223333.dkr.ecr.eu-west-1.amazonaws.com.",
            "https://111122223333.dkr.ecr.eu-west-1.amazonaws.com",
            "HTTPS://111122223333.DKR.ECR.EU-WEST-1.AMAZONAWS.COM/",
            "http://111122223333.dkr.ecr.eu-west-1.amazonaws.com:443/v2/",
            "111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/app",
            "https://111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/app:tag@sha256:00",
        ] {
            assert_eq!(
                Registry::parse(spelling).unwrap().host(),
                host,
                "{spelling}"
            );
        }
    }

    #[test]
    fn public_hosts_are_public() {
        for host in [
            "public.ecr.aws",
            "https://Public.ECR.aws/x/y",
            "ecr-public.aws.com:443",
        ] {
            assert_eq!(
                Registry::parse(host).unwrap().service,
                Service::Public,
                "{host}"
            );
        }
    }

    #[test]
    fn lookalikes_are_not_ecr() {
        for host in [
            "",
            "/",
            "ghcr.io",
            "https://index.docker.io/v1/",
            "111122223333.dkr.ecr.eu-west-1.amazonaws.com.evil.example",
            "evil.example/111122223333.dkr.ecr.eu-west-1.amazonaws.com",
            "111122223333.dkr.ecr.eu-west-1.amazonaws.com@evil.example",
            "evil.example@111122223333.dkr.ecr.eu-west-1.amazonaws.com",
            "user:secret@111122223333.dkr.ecr.eu-west-1.amazonaws.com",
            "11112222333.dkr.ecr.eu-west-1.amazonaws.com",
            "1111222233334.dkr.ecr.eu-west-1.amazonaws.com",
            "11112222333x.dkr.ecr.eu-west-1.amazonaws.com",
            "١١١١٢٢٢٢٣٣٣٣.dkr.ecr.eu-west-1.amazonaws.com",
            "111122223333.dkr.ecr.eu-west-1.amazonaws.com.cn",
            "111122223333.dkr.ecr.cn-north-1.amazonaws.com",
            "111122223333.dkr-ecr.cn-north-1.on.aws.com.cn",
            "111122223333.dkr-ecr.cn-north-1.on.aws",
            "111122223333.dkr.ecr.amazonaws.com",
            "111122223333.dkr.ecr..amazonaws.com",
            "111122223333.dkr.ecr.eu_west_1.amazonaws.com",
            "111122223333.dkr.ecr-fipss.eu-west-1.amazonaws.com",
            "111122223333.dkr.ecrfips.eu-west-1.amazonaws.com",
            "x.111122223333.dkr.ecr.eu-west-1.amazonaws.com",
            "api.ecr.eu-west-1.amazonaws.com",
            "111122223333.dkr.ecr.eu-west-1.amazonaws.com:port",
            "111122223333.dkr.ecr.eu-west-1.amazonaws.com:",
            "111122223333.dkr.ecr.eu-west-1.amazonaws.com:99999",
            "111122223333.dkr.ecr.eu-west-1.amazonaws.com:443:443",
            "ftp://111122223333.dkr.ecr.eu-west-1.amazonaws.com",
            "public.ecr.aws.evil.example",
            "xpublic.ecr.aws",
        ] {
            assert_eq!(Registry::parse(host), None, "{host}");
        }
    }

    #[test]
    fn an_image_digest_cannot_change_the_path_of_a_url() {
        let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert!(is_image_digest(&format!("sha256:{hex}")));
        assert!(is_image_digest(&format!("sha512:{hex}{hex}")));
        for text in [
            "",
            "sha256",
            "sha256:",
            "sha256:12",
            hex,
            &format!(":{hex}"),
            &format!("sha256:{hex}/.."),
            &format!("sha256:{hex}?x"),
            &format!("../{hex}:{hex}"),
            &format!("sha256:{}", hex.replace('e', "%")),
        ] {
            assert!(!is_image_digest(text), "{text}");
        }
    }

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

    #[test]
    fn a_wildcard_of_iam_matches_any_characters_and_has_no_name_of_its_own_to_match() {
        for (text, repository, expected) in [
            ("team/app", "team/app", true),
            ("team/app", "team/app2", false),
            ("team/*", "team/sub/app", true),
            ("team/*", "team", false),
            ("team*", "team-secret/app", true),
            ("*/app", "a/b/app", true),
            ("*/app", "a/b/app2", false),
            ("a*b*c*d", "a-b-c-d", true),
            ("a*b*c*d", "a-c-b-d", false),
            ("aa*aa", "aaa", false),
            ("*", "any/name", true),
        ] {
            let wildcard = RepositoryWildcard::parse(text).unwrap();
            assert_eq!(
                wildcard.matches(repository),
                expected,
                "{text} {repository}"
            );
        }
        for text in [
            "",
            "a",
            "/*",
            "team//*",
            "team/**",
            "Team/*",
            "team/app:v1",
            "team/?",
            "${x}",
            "team/",
            "team/a p",
        ] {
            assert_eq!(RepositoryWildcard::parse(text), None, "{text}");
        }
    }
}
