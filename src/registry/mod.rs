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
mod repository;

use std::fmt;

pub use names::{AccountId, MfaDevice, ParseError, Partition, Region, RoleArn};
pub use repository::{Lookup, RepositoryPattern};
pub(crate) use repository::{is_repository_name, path_in, repository_in};

use crate::net::{Authority, split_scheme};

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
}
