//! ECR registries: the one place that knows how a host name names a service, an
//! account, a region and a partition.
//!
//! Host shapes, from AWS's "Amazon ECR endpoints" and from both established clients
//! (amazon-ecr-credential-helper, the kubelet's ECR provider), which accept `dkr.ecr`
//! and `dkr-ecr` in front of either kind of suffix:
//!
//! ```text
//! ACCOUNT.dkr.ecr[-fips].REGION.SUFFIX            SUFFIX            of the partition
//! ACCOUNT.dkr-ecr[-fips].REGION.DUAL_STACK_SUFFIX DUAL_STACK_SUFFIX of the partition
//! public.ecr.aws, ecr-public.aws.com
//! ```

use std::fmt;
use std::str::FromStr;

/// The longest host name that DNS allows, in bytes (RFC 1035, without the final dot).
const MAX_HOST_LENGTH: usize = 253;

/// A partition: a part of AWS with accounts, keys and role ARNs of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Partition {
    /// The commercial regions.
    Aws,
    /// China.
    AwsCn,
    /// GovCloud (US).
    AwsUsGov,
    /// The European Sovereign Cloud.
    AwsEusc,
    /// ISO.
    AwsIso,
    /// ISO-B.
    AwsIsoB,
    /// ISO-E.
    AwsIsoE,
    /// ISO-F.
    AwsIsoF,
}

/// What the table says of one partition. The API names are not here: the SDK derives them from
/// the region and the FIPS and dual-stack switches.
struct PartitionFacts {
    partition: Partition,
    name: &'static str,
    /// What a registry's host ends in.
    suffix: &'static str,
    /// What a dual-stack registry's host ends in; `None` where AWS documents none.
    dual_stack_suffix: Option<&'static str>,
    /// What the names of the partition's regions begin with.
    region_prefixes: &'static [&'static str],
}

/// The one partition table. `aws` and `aws-us-gov` share their suffixes, and are told apart by
/// the region; `aws` comes last, as its prefixes are the catch-all.
const PARTITIONS: &[PartitionFacts] = &[
    PartitionFacts {
        partition: Partition::AwsUsGov,
        name: "aws-us-gov",
        suffix: "amazonaws.com",
        dual_stack_suffix: Some("on.aws"),
        region_prefixes: &["us-gov-"],
    },
    PartitionFacts {
        partition: Partition::AwsCn,
        name: "aws-cn",
        suffix: "amazonaws.com.cn",
        dual_stack_suffix: Some("on.amazonwebservices.com.cn"),
        region_prefixes: &["cn-"],
    },
    PartitionFacts {
        partition: Partition::AwsEusc,
        name: "aws-eusc",
        suffix: "amazonaws.eu",
        dual_stack_suffix: Some("on.amazonwebservices.eu"),
        region_prefixes: &["eusc-"],
    },
    PartitionFacts {
        partition: Partition::AwsIsoB,
        name: "aws-iso-b",
        suffix: "sc2s.sgov.gov",
        dual_stack_suffix: Some("on.aws.scloud"),
        region_prefixes: &["us-isob-"],
    },
    PartitionFacts {
        partition: Partition::AwsIsoE,
        name: "aws-iso-e",
        suffix: "cloud.adc-e.uk",
        dual_stack_suffix: Some("on.cloud-aws.adc-e.uk"),
        region_prefixes: &["eu-isoe-"],
    },
    PartitionFacts {
        partition: Partition::AwsIsoF,
        name: "aws-iso-f",
        suffix: "csp.hci.ic.gov",
        dual_stack_suffix: Some("on.aws.hci.ic.gov"),
        region_prefixes: &["us-isof-"],
    },
    PartitionFacts {
        partition: Partition::AwsIso,
        name: "aws-iso",
        suffix: "c2s.ic.gov",
        dual_stack_suffix: Some("on.aws.ic.gov"),
        region_prefixes: &["us-iso-"],
    },
    PartitionFacts {
        partition: Partition::Aws,
        name: "aws",
        suffix: "amazonaws.com",
        dual_stack_suffix: Some("on.aws"),
        region_prefixes: &[""],
    },
];

impl Partition {
    fn facts(self) -> &'static PartitionFacts {
        PARTITIONS
            .iter()
            .find(|facts| facts.partition == self)
            .unwrap_or(&PARTITIONS[PARTITIONS.len() - 1])
    }

    /// The name that stands in an ARN: `aws`, `aws-cn`, …
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    /// The partition a region belongs to, by the beginning of its name.
    pub fn of_region(region: &Region) -> Partition {
        PARTITIONS
            .iter()
            .find(|facts| {
                facts
                    .region_prefixes
                    .iter()
                    .any(|prefix| region.as_str().starts_with(prefix))
            })
            .map_or(Partition::Aws, |facts| facts.partition)
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Partition {
    type Err = ParseError;

    fn from_str(name: &str) -> Result<Self, ParseError> {
        PARTITIONS
            .iter()
            .find(|facts| facts.name == name)
            .map(|facts| facts.partition)
            .ok_or_else(|| ParseError::Partition(name.to_owned()))
    }
}

/// Why a text is no account id, region, partition or role ARN.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Not 12 digits.
    #[error("`{0}` is not an AWS account id: those have exactly 12 digits")]
    AccountId(String),
    /// Not of the shape `eu-west-1`.
    #[error("`{0}` is not an AWS region: those look like eu-west-1")]
    Region(String),
    /// Not in the partition table.
    #[error(
        "`{0}` is not an AWS partition: those are aws, aws-cn, aws-us-gov, aws-eusc, aws-iso, aws-iso-b, aws-iso-e and aws-iso-f"
    )]
    Partition(String),
    /// Not `arn:PARTITION:iam::ACCOUNT:role/NAME`.
    #[error(
        "`{0}` is not the ARN of an IAM role: those look like arn:aws:iam::111122223333:role/name"
    )]
    RoleArn(String),
}

/// An AWS account id: exactly 12 digits.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId(String);

impl AccountId {
    /// The 12 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccountId {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseError::AccountId(text.to_owned()))
        }
    }
}

/// The name of an AWS region, in lower case: `eu-west-1`, `us-gov-east-1`.
///
/// The list of regions grows, so the shape is checked and not the name: at least three parts
/// of letters and digits, the first of letters alone, the last of digits alone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Region(String);

impl Region {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where public ECR's API lives, whoever asks and wherever from.
    pub fn us_east_1() -> Self {
        Self("us-east-1".to_owned())
    }
}

impl FromStr for Region {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let parts: Vec<&str> = text.split('-').collect();
        let words = |part: &&str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        };
        let well_formed = text.len() <= 32
            && parts.len() >= 3
            && parts.iter().all(words)
            && parts[0].bytes().all(|b| b.is_ascii_lowercase())
            && parts[parts.len() - 1].bytes().all(|b| b.is_ascii_digit());
        if well_formed {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseError::Region(text.to_owned()))
        }
    }
}

/// The ARN of an IAM role: `arn:PARTITION:iam::ACCOUNT:role/[PATH/]NAME`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RoleArn {
    arn: String,
    partition: Partition,
    account: AccountId,
}

impl RoleArn {
    /// The ARN as written.
    pub fn as_str(&self) -> &str {
        &self.arn
    }

    /// The partition the role lives in.
    pub fn partition(&self) -> Partition {
        self.partition
    }

    /// The account the role lives in.
    pub fn account(&self) -> &AccountId {
        &self.account
    }
}

impl FromStr for RoleArn {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let wrong = || ParseError::RoleArn(text.to_owned());
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next().ok_or_else(wrong);
        if next()? != "arn" {
            return Err(wrong());
        }
        let partition = next()?.parse().map_err(|_| wrong())?;
        if next()? != "iam" || !next()?.is_empty() {
            return Err(wrong());
        }
        let account = next()?.parse().map_err(|_| wrong())?;
        let name = next()?.strip_prefix("role/").ok_or_else(wrong)?;
        // IAM: names and paths are made of these characters; a name of at most 64 behind a
        // path of at most 512.
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"+=,.@_-/".contains(&b);
        if name.is_empty() || name.ends_with('/') || name.len() > 576 || !name.bytes().all(allowed)
        {
            return Err(wrong());
        }
        Ok(Self {
            arn: text.to_owned(),
            partition,
            account,
        })
    }
}

macro_rules! display_and_debug_as_str {
    ($($type:ty),*) => {$(
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self.as_str(), f)
            }
        }
    )*};
}
display_and_debug_as_str!(AccountId, Region, RoleArn);

/// The parts of a private registry's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PrivateRegistry {
    /// The account that owns the registry.
    pub account: AccountId,
    /// The region it is in.
    pub region: Region,
    /// The host has the FIPS label, so the API must be the FIPS one.
    pub fips: bool,
    /// The host is a dual-stack one, so the API must be reachable over IPv6 too.
    pub dual_stack: bool,
}

/// The two services behind ECR hosts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// `ecr`: private registries, one per account and region.
    Private(PrivateRegistry),
    /// `ecr-public`: the one public registry.
    Public,
}

/// A registry that ECR tokens may be given to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Registry {
    host: String,
    /// What serves the host.
    pub service: Service,
}

impl Registry {
    /// Reads what a client sent: a host in any spelling, with or without scheme, port and path.
    /// `None` means "not an ECR registry", for whatever reason.
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

    /// The host in lower case, without scheme, port and path.
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

    /// The region whose API gives this registry's tokens.
    pub fn api_region(&self) -> Region {
        match &self.service {
            Service::Private(private) => private.region.clone(),
            Service::Public => Region::us_east_1(),
        }
    }

    /// The partition that the registry is in.
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
        let facts = Partition::of_region(&region).facts();
        let dual_stack = Some(suffix) == facts.dual_stack_suffix;
        if !dual_stack && suffix != facts.suffix {
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

/// What a client names a server by, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub struct ServerName {
    /// The host in lower case, without a trailing dot.
    pub host: String,
    /// The port, when one was given.
    pub port: Option<u16>,
}

impl ServerName {
    /// Takes `[http[s]://]HOST[:PORT][/PATH]` apart; `None` when it is something else.
    ///
    /// User parts (`user@host`) are refused rather than skipped: the text before the `@` is a
    /// classic way to make a host look like another.
    pub fn parse(server: &str) -> Option<Self> {
        let server = server.trim();
        let lower = server.get(..8).map(str::to_ascii_lowercase);
        let rest = match lower.as_deref() {
            Some("https://") => &server[8..],
            Some(other) if other.starts_with("http://") => &server[7..],
            _ => server,
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => {
                if port.is_empty() || !port.bytes().all(|b| b.is_ascii_digit()) {
                    return None;
                }
                (host, Some(port.parse().ok().filter(|port| *port != 0)?))
            }
            None => (authority, None),
        };
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
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
    fn role_arns_are_checked() {
        let arn: RoleArn = "arn:aws-cn:iam::111122223333:role/team/pull"
            .parse()
            .unwrap();
        assert_eq!(arn.partition(), Partition::AwsCn);
        assert_eq!(arn.account().as_str(), "111122223333");
        for wrong in [
            "",
            "ecr-pull",
            "arn:aws:iam::111122223333:user/alice",
            "arn:aws:iam::11112222333:role/pull",
            "arn:aws:iam::111122223333:role/",
            "arn:aws:iam::111122223333:role/a/",
            "arn:aws:iam::111122223333:role/a b",
            "arn:aws:iam:eu-west-1:111122223333:role/pull",
            "arn:aws:sts::111122223333:assumed-role/pull/session",
            "arn:amazon:iam::111122223333:role/pull",
        ] {
            assert!(wrong.parse::<RoleArn>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn regions_are_checked_by_shape() {
        for right in [
            "us-east-1",
            "ap-southeast-12",
            "us-gov-west-1",
            "us-iso-east-1",
        ] {
            assert!(right.parse::<Region>().is_ok(), "{right}");
        }
        for wrong in [
            "",
            "us",
            "us-east",
            "US-EAST-1",
            "us-east-1a",
            "1-2-3",
            "us--1",
            "a-b-c.d-1",
        ] {
            assert!(wrong.parse::<Region>().is_err(), "{wrong}");
        }
    }
}
