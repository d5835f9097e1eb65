//! AWS names as validated types, and the table of partitions.

use std::fmt;
use std::str::FromStr;

use crate::error::nearest_within;

/// Why a text is not an account ID, region, partition, role ARN or MFA device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Not 12 digits.
    #[error("`{0}` is not an AWS account ID: expected 12 digits")]
    AccountId(String),
    /// Not of the shape `eu-west-1`.
    #[error("`{0}` is not an AWS region: expected a name such as eu-west-1")]
    Region(String),
    /// Not in the partition table.
    #[error("`{}` is not an AWS partition: expected one of {}", .0, partition_names())]
    Partition(String),
    /// Not `arn:PARTITION:iam::ACCOUNT:role/NAME`.
    #[error("`{0}` is not an IAM role ARN: expected arn:aws:iam::111122223333:role/NAME")]
    RoleArn(String),
    /// Neither the ARN of a virtual MFA device nor a serial number.
    #[error(
        "`{0}` is not an MFA device: expected an ARN such as arn:aws:iam::111122223333:mfa/alice, or a serial number"
    )]
    MfaDevice(String),
}

/// An AWS account ID: exactly 12 digits.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId(String);

impl AccountId {
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
/// AWS adds regions, so only the form is checked: at least three parts of letters and digits, the first
/// only of letters, the last only of digits.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Region(String);

impl Region {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The region of public ECR's API.
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

/// An MFA device, the value of `mfa_serial`: the ARN of a virtual device
/// (`arn:PARTITION:iam::ACCOUNT:mfa/NAME`), or the serial number of a hardware device.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct MfaDevice {
    serial: String,
    partition: Option<Partition>,
}

impl MfaDevice {
    pub fn as_str(&self) -> &str {
        &self.serial
    }

    /// The partition of the device; `None` for a serial number.
    pub fn partition(&self) -> Option<Partition> {
        self.partition
    }
}

impl FromStr for MfaDevice {
    type Err = ParseError;

    /// STS: 9 to 256 of `[\w+=/:,.@-]`.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let wrong = || ParseError::MfaDevice(text.to_owned());
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_+=/:,.@-".contains(&b);
        if !(9..=256).contains(&text.len()) || !text.bytes().all(allowed) {
            return Err(wrong());
        }
        let partition = match text.strip_prefix("arn:") {
            None => None,
            Some(rest) => {
                let parts: Vec<&str> = rest.splitn(5, ':').collect();
                let [partition, "iam", "", account, device] = parts[..] else {
                    return Err(wrong());
                };
                let is_device = device
                    .strip_prefix("mfa/")
                    .is_some_and(|name| !name.is_empty());
                if account.parse::<AccountId>().is_err() || !is_device {
                    return Err(wrong());
                }
                Some(partition.parse().map_err(|_| wrong())?)
            }
        };
        Ok(Self {
            serial: text.to_owned(),
            partition,
        })
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
    pub fn as_str(&self) -> &str {
        &self.arn
    }

    pub fn partition(&self) -> Partition {
        self.partition
    }

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
        // IAM allows these characters in names and paths, 64 of them in a name and 512 in a path.
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
display_and_debug_as_str!(AccountId, MfaDevice, Region, RoleArn);

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
    AwsIso,
    AwsIsoB,
    AwsIsoE,
    AwsIsoF,
}

/// A row of the partition table. It has no API endpoints: the SDK derives them from the region and the
/// FIPS and dual-stack settings.
struct PartitionFacts {
    partition: Partition,
    name: &'static str,
    /// The end of a registry's host.
    suffix: &'static str,
    /// The end of a dual-stack registry's host. AWS's endpoint tables contain it for the commercial
    /// regions and China. For the others, it is `on.` before the domain of their dual-stack API.
    dual_stack_suffix: &'static str,
    /// The prefixes of the partition's region names.
    region_prefixes: &'static [&'static str],
}

/// The partition table. `aws` and `aws-us-gov` have the same suffixes, and differ in the region. `aws`
/// is the last, as its prefix matches all regions.
const PARTITIONS: &[PartitionFacts] = &[
    PartitionFacts {
        partition: Partition::AwsUsGov,
        name: "aws-us-gov",
        suffix: "amazonaws.com",
        dual_stack_suffix: "on.aws",
        region_prefixes: &["us-gov-"],
    },
    PartitionFacts {
        partition: Partition::AwsCn,
        name: "aws-cn",
        suffix: "amazonaws.com.cn",
        dual_stack_suffix: "on.amazonwebservices.com.cn",
        region_prefixes: &["cn-"],
    },
    PartitionFacts {
        partition: Partition::AwsEusc,
        name: "aws-eusc",
        suffix: "amazonaws.eu",
        dual_stack_suffix: "on.amazonwebservices.eu",
        region_prefixes: &["eusc-"],
    },
    PartitionFacts {
        partition: Partition::AwsIsoB,
        name: "aws-iso-b",
        suffix: "sc2s.sgov.gov",
        dual_stack_suffix: "on.aws.scloud",
        region_prefixes: &["us-isob-"],
    },
    PartitionFacts {
        partition: Partition::AwsIsoE,
        name: "aws-iso-e",
        suffix: "cloud.adc-e.uk",
        dual_stack_suffix: "on.cloud-aws.adc-e.uk",
        region_prefixes: &["eu-isoe-"],
    },
    PartitionFacts {
        partition: Partition::AwsIsoF,
        name: "aws-iso-f",
        suffix: "csp.hci.ic.gov",
        dual_stack_suffix: "on.aws.hci.ic.gov",
        region_prefixes: &["us-isof-"],
    },
    PartitionFacts {
        partition: Partition::AwsIso,
        name: "aws-iso",
        suffix: "c2s.ic.gov",
        dual_stack_suffix: "on.aws.ic.gov",
        region_prefixes: &["us-iso-"],
    },
    PartitionFacts {
        partition: Partition::Aws,
        name: "aws",
        suffix: "amazonaws.com",
        dual_stack_suffix: "on.aws",
        region_prefixes: &[""],
    },
];

/// The names of all partitions, in the order of [`Partition`].
fn partition_names() -> String {
    let names: Vec<&str> = Partition::sorted()
        .into_iter()
        .map(Partition::name)
        .collect();
    match names.split_last() {
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

impl Partition {
    fn facts(self) -> &'static PartitionFacts {
        PARTITIONS
            .iter()
            .find(|facts| facts.partition == self)
            .unwrap_or(&PARTITIONS[PARTITIONS.len() - 1])
    }

    /// Every partition, with the prefix of its region names.
    pub fn all() -> impl Iterator<Item = (Partition, &'static str)> {
        PARTITIONS
            .iter()
            .map(|facts| (facts.partition, facts.region_prefixes[0]))
    }

    /// Every partition, in the order of the variants.
    fn sorted() -> Vec<Self> {
        let mut partitions: Vec<Self> = PARTITIONS.iter().map(|facts| facts.partition).collect();
        partitions.sort_unstable();
        partitions
    }

    /// The name in ARNs: `aws`, `aws-cn`, …
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    /// The end of its registries' hosts.
    pub fn suffix(self) -> &'static str {
        self.facts().suffix
    }

    /// The end of its registries' dual-stack hosts.
    pub fn dual_stack_suffix(self) -> &'static str {
        self.facts().dual_stack_suffix
    }

    /// The partition of a region, by the prefix of its name.
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

    /// The partition of an API host, by its name; `None` for a host that is not AWS's.
    pub fn of_api_host(host: &str) -> Option<Partition> {
        let host = host.to_ascii_lowercase();
        let ends_in = |before: &str, suffix: &str| {
            host.strip_suffix(suffix)
                .is_some_and(|rest| rest.ends_with(before))
        };
        PARTITIONS
            .iter()
            .filter(|facts| {
                let suffix = facts.dual_stack_suffix;
                ends_in(".", facts.suffix)
                    || ends_in(".api.", suffix.strip_prefix("on.").unwrap_or(suffix))
            })
            // GovCloud and the commercial regions have the same suffixes.
            .find(|facts| {
                facts.partition != Partition::AwsUsGov
                    || host.split('.').any(|label| label.starts_with("us-gov-"))
            })
            .map(|facts| facts.partition)
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

/// The directions in region names. A list of regions would reject each new one. AWS composes the names
/// from an area, a direction and a number, and a misspelled part is not an area or direction.
const DIRECTIONS: [&str; 9] = [
    "central",
    "east",
    "north",
    "northeast",
    "northwest",
    "south",
    "southeast",
    "southwest",
    "west",
];

fn areas(partition: Partition) -> &'static [&'static str] {
    match partition {
        Partition::Aws => &["us", "eu", "ap", "sa", "ca", "me", "af", "il", "mx"],
        Partition::AwsUsGov => &["us-gov"],
        Partition::AwsCn => &["cn"],
        Partition::AwsEusc => &["eusc-de"],
        Partition::AwsIso => &["us-iso"],
        Partition::AwsIsoB => &["us-isob"],
        Partition::AwsIsoE => &["eu-isoe"],
        Partition::AwsIsoF => &["us-isof"],
    }
}

/// A region name that no partition has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownRegion {
    /// The name that was probably meant.
    pub nearest: Option<String>,
}

impl Region {
    /// `None` if a partition can have a region of this name.
    pub fn check_name(&self) -> Option<UnknownRegion> {
        let (stem, number) = self.as_str().rsplit_once('-')?;
        // Of names that are equally near, the first is meant: that of `aws`.
        let known: Vec<String> = Partition::sorted()
            .into_iter()
            .flat_map(areas)
            .flat_map(|area| DIRECTIONS.map(|direction| format!("{area}-{direction}")))
            .collect();
        if known.iter().any(|known| known == stem) {
            return None;
        }
        let nearest = nearest_within(2, stem, known.iter().map(String::as_str));
        Some(UnknownRegion {
            nearest: nearest.map(|stem| format!("{stem}-{number}")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelled_region_finds_its_neighbour_and_real_ones_pass() {
        for region in [
            "eu-west-1",
            "us-east-2",
            "ap-southeast-5",
            "me-central-1",
            "us-gov-west-1",
            "cn-northwest-1",
            "eusc-de-east-1",
            "us-isob-east-1",
            "eu-isoe-west-1",
            "us-isof-south-1",
        ] {
            assert_eq!(region.parse::<Region>().unwrap().check_name(), None);
        }
        for (written, nearest) in [
            ("eu-wets-1", Some("eu-west-1")),
            ("us-esat-2", Some("us-east-2")),
            ("ap-souteast-2", Some("ap-southeast-2")),
            ("zz-nowhere-1", None),
        ] {
            let unknown = written.parse::<Region>().unwrap().check_name().unwrap();
            assert_eq!(unknown.nearest.as_deref(), nearest, "{written}");
        }
    }

    #[test]
    fn an_unknown_partition_is_told_all_that_there_are() {
        assert_eq!(
            "aws-de".parse::<Partition>().unwrap_err().to_string(),
            "`aws-de` is not an AWS partition: expected one of aws, aws-cn, aws-us-gov, aws-eusc, aws-iso, aws-iso-b, aws-iso-e and aws-iso-f"
        );
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

    #[test]
    fn an_apis_host_tells_its_partition() {
        for (host, expected) in [
            ("sts.amazonaws.com", Some(Partition::Aws)),
            ("api.ecr.eu-west-1.amazonaws.com", Some(Partition::Aws)),
            ("ecr.us-gov-west-1.api.aws", Some(Partition::AwsUsGov)),
            (
                "vpce-0abc-1.api.ecr.US-GOV-west-1.vpce.amazonaws.com",
                Some(Partition::AwsUsGov),
            ),
            (
                "vpce-0abc-1.sts.eu-west-1.vpce.amazonaws.com",
                Some(Partition::Aws),
            ),
            ("sts.cn-north-1.amazonaws.com.cn", Some(Partition::AwsCn)),
            (
                "ecr.cn-north-1.api.amazonwebservices.com.cn",
                Some(Partition::AwsCn),
            ),
            ("sts.eusc-de-east-1.amazonaws.eu", Some(Partition::AwsEusc)),
            ("sts.us-iso-east-1.c2s.ic.gov", Some(Partition::AwsIso)),
            (
                "ecr.us-isof-south-1.api.aws.hci.ic.gov",
                Some(Partition::AwsIsoF),
            ),
            ("sts.example.com", None),
            ("notamazonaws.com", None),
            ("127.0.0.1", None),
        ] {
            assert_eq!(Partition::of_api_host(host), expected, "{host}");
        }
    }
}
