//! Partitions, and the one table of them.

use std::fmt;
use std::str::FromStr;

use super::names::{ParseError, Region};

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
    /// What a dual-stack registry's host ends in. AWS's endpoint tables spell it out for the
    /// commercial regions and China; for the others it is `on.` before the domain of their
    /// dual-stack API.
    dual_stack_suffix: &'static str,
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

impl Partition {
    fn facts(self) -> &'static PartitionFacts {
        PARTITIONS
            .iter()
            .find(|facts| facts.partition == self)
            .unwrap_or(&PARTITIONS[PARTITIONS.len() - 1])
    }

    /// Every partition, with what the names of its regions begin with.
    pub fn all() -> impl Iterator<Item = (Partition, &'static str)> {
        PARTITIONS
            .iter()
            .map(|facts| (facts.partition, facts.region_prefixes[0]))
    }

    /// The name that stands in an ARN: `aws`, `aws-cn`, …
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    /// What the hosts of its registries end in.
    pub fn suffix(self) -> &'static str {
        self.facts().suffix
    }

    /// What the dual-stack hosts of its registries end in.
    pub fn dual_stack_suffix(self) -> &'static str {
        self.facts().dual_stack_suffix
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

    /// The partition that an API's host is in, as far as its name tells; `None` for a name that
    /// is not AWS's.
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
            // GovCloud and the commercial regions share their suffixes.
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

#[cfg(test)]
mod tests {
    use super::*;

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
