//! Repositories, as policies name them.

use std::fmt;
use std::str::FromStr;

use crate::redaction::output::without_urls;
use crate::registry::{AccountId, Partition, PrivateRegistry, Region, is_repository_name};

/// The ARN of a repository: `arn:PARTITION:ecr:REGION:ACCOUNT:repository/NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RepositoryArn {
    region: Region,
    account: AccountId,
    name: String,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RepositoryError {
    #[error(
        "`{}` is not a repository ARN. Expected an ARN such as \
         arn:aws:ecr:eu-west-1:111122223333:repository/team/app",
        without_urls(.0)
    )]
    Arn(String),
    #[error(
        "`{0}` is not a repository name. Expected 2 to 256 lower-case letters and digits, \
         separated by single `.`, `_`, `-` or `/`"
    )]
    Name(String),
    #[error(
        "`{0}` contains a wildcard. Name each repository, or use --registry for the whole registry"
    )]
    Wildcard(String),
    #[error(
        "`{0}` is a public repository. Anyone can pull from it, and only its own account can push \
         to it"
    )]
    Public(String),
    /// `arn:aws:ecr:cn-north-1:…`.
    #[error("`{arn}` does not exist: the region {region} is in the partition {partition}")]
    Partition {
        arn: String,
        region: Region,
        partition: Partition,
    },
}

impl RepositoryArn {
    /// A repository by its name in a registry: `team/app`.
    pub(crate) fn in_registry(
        registry: &PrivateRegistry,
        name: &str,
    ) -> Result<Self, RepositoryError> {
        Self::new(registry.region.clone(), registry.account.clone(), name)
    }

    fn new(region: Region, account: AccountId, name: &str) -> Result<Self, RepositoryError> {
        if !is_repository_name(name) {
            return Err(RepositoryError::Name(name.to_owned()));
        }
        Ok(Self {
            region,
            account,
            name: name.to_owned(),
        })
    }

    pub(crate) fn region(&self) -> &Region {
        &self.region
    }

    pub(crate) fn account(&self) -> &AccountId {
        &self.account
    }

    /// `team/app`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn partition(&self) -> Partition {
        Partition::of_region(&self.region)
    }
}

impl FromStr for RepositoryArn {
    type Err = RepositoryError;

    fn from_str(text: &str) -> Result<Self, RepositoryError> {
        let wrong = || RepositoryError::Arn(text.to_owned());
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let ["arn", partition, service, region, account, resource] = parts[..] else {
            return Err(wrong());
        };
        match service {
            "ecr" => {}
            "ecr-public" => return Err(RepositoryError::Public(text.to_owned())),
            _ => return Err(wrong()),
        }
        let partition: Partition = partition.parse().map_err(|_| wrong())?;
        let name = resource.strip_prefix("repository/").ok_or_else(wrong)?;
        if text.contains(['*', '?']) {
            return Err(RepositoryError::Wildcard(text.to_owned()));
        }
        let region: Region = region.parse().map_err(|_| wrong())?;
        let account = account.parse().map_err(|_| wrong())?;
        if Partition::of_region(&region) != partition {
            return Err(RepositoryError::Partition {
                arn: text.to_owned(),
                partition: Partition::of_region(&region),
                region,
            });
        }
        Self::new(region, account, name)
    }
}

impl fmt::Display for RepositoryArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&arn_of(&self.region, &self.account, &self.name))
    }
}

/// The ARN of a repository, or of all whose names match a wildcard.
pub(super) fn arn_of(region: &Region, account: &AccountId, name: &str) -> String {
    let partition = Partition::of_region(region);
    format!("arn:{partition}:ecr:{region}:{account}:repository/{name}")
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Repositories {
    Named(Vec<RepositoryArn>),
    /// All repositories of a registry, also those created later.
    AllOf {
        account: AccountId,
        region: Region,
    },
}

impl Repositories {
    pub(crate) fn all_of(registry: &PrivateRegistry) -> Self {
        Self::AllOf {
            account: registry.account.clone(),
            region: registry.region.clone(),
        }
    }

    pub(crate) fn in_account(&self, account: &AccountId) -> Self {
        match self {
            Self::AllOf { .. } => self.clone(),
            Self::Named(named) => {
                let theirs = named.iter().filter(|each| each.account() == account);
                Self::Named(theirs.cloned().collect())
            }
        }
    }

    /// The ARNs for a `Resource` element.
    pub(crate) fn arns(&self) -> Vec<String> {
        match self {
            Self::Named(repositories) => repositories.iter().map(ToString::to_string).collect(),
            Self::AllOf { account, region } => vec![arn_of(region, account, "*")],
        }
    }
}

impl From<RepositoryArn> for Repositories {
    fn from(repository: RepositoryArn) -> Self {
        Self::Named(vec![repository])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_are_taken_apart_and_put_together() {
        for (text, name, partition) in [
            (
                "arn:aws:ecr:eu-west-1:111122223333:repository/team/app_1.x-y",
                "team/app_1.x-y",
                Partition::Aws,
            ),
            (
                "arn:aws-cn:ecr:cn-north-1:111122223333:repository/ab",
                "ab",
                Partition::AwsCn,
            ),
            (
                "arn:aws-us-gov:ecr:us-gov-west-1:111122223333:repository/ab",
                "ab",
                Partition::AwsUsGov,
            ),
        ] {
            let arn: RepositoryArn = text.parse().unwrap();
            assert_eq!((arn.name(), arn.partition()), (name, partition));
            assert_eq!(arn.to_string(), text);
            assert_eq!(Repositories::from(arn).arns(), [text]);
        }
    }

    #[test]
    fn nothing_else_is_a_repository() {
        use RepositoryError::{Arn, Name, Public, Wildcard};
        let arn = |rest: &str| format!("arn:aws:ecr:eu-west-1:111122223333:{rest}");
        for text in [
            String::new(),
            "team/app".to_owned(),
            "111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/app".to_owned(),
            "arn:aws:ecr:eu-west-1:111122223333".to_owned(),
            "arn:aws:s3:::repository/app".to_owned(),
            "arn:aws:ecr:eu-west-1:11112222333:repository/app".to_owned(),
            "arn:aws:ecr::111122223333:repository/app".to_owned(),
            "arn:amazon:ecr:eu-west-1:111122223333:repository/app".to_owned(),
            arn("image/app"),
        ] {
            assert_eq!(text.parse::<RepositoryArn>(), Err(Arn(text)));
        }
        for name in [
            "", "a", "/app", "app/", "a//b", "App", "a:b", "a__b", "a b", "äpp",
        ] {
            let text = arn(&format!("repository/{name}"));
            assert_eq!(text.parse::<RepositoryArn>(), Err(Name(name.to_owned())));
        }
        for text in [
            arn("repository/*"),
            arn("repository/team/*"),
            "arn:aws:ecr:*:111122223333:repository/app".to_owned(),
        ] {
            assert_eq!(text.parse::<RepositoryArn>(), Err(Wildcard(text)));
        }
        let text = "arn:aws:ecr-public::111122223333:repository/app".to_owned();
        assert_eq!(text.parse::<RepositoryArn>(), Err(Public(text)));
        let text = "arn:aws:ecr:cn-north-1:111122223333:repository/app";
        assert!(matches!(
            text.parse::<RepositoryArn>(),
            Err(RepositoryError::Partition {
                partition: Partition::AwsCn,
                ..
            })
        ));
    }
}
