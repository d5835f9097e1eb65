//! The access that a set-up grants: repositories, callers, and the role to assume, if any.

use crate::cli::Policy;
use crate::commands::Target;
use crate::config::{Config, Problem, parse_external_id};
use crate::env::Env;
use crate::error::Error;
use crate::iam::{
    Access, Callers, OrganizationIdError, Principal, PrincipalError, Repositories, RepositoryArn,
    RepositoryError,
};
use crate::registry::{AccountId, ParseError, Partition, Region, RoleArn};

/// The access to grant, checked for contradictions.
#[derive(Debug)]
pub(super) struct Grant {
    /// All in one partition.
    pub repositories: Repositories,
    /// In the same partition.
    pub callers: Callers,
    /// Never empty, each once.
    pub access: Vec<Access>,
    /// The role to assume, in the account of all repositories.
    pub role: Option<RoleArn>,
    /// The external ID required to assume the role.
    pub external_id: Option<String>,
}

#[derive(Debug, thiserror::Error)]
enum GrantError {
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    #[error(transparent)]
    Principal(#[from] PrincipalError),
    #[error(transparent)]
    Organization(#[from] OrganizationIdError),
    #[error(transparent)]
    Role(#[from] ParseError),
    #[error(
        "`{0}` is public ECR. Anyone can pull from it, and only the repository's own account can \
         push to it"
    )]
    PublicRegistry(String),
    #[error(
        "`{first}` and `{other}` are in different partitions. Run policy once for each partition"
    )]
    Partitions {
        first: RepositoryArn,
        other: RepositoryArn,
    },
    #[error(
        "the role {role} is not in the account and partition of `{repository}`. Name a role in \
         account {account}"
    )]
    RoleElsewhere {
        role: RoleArn,
        repository: String,
        account: AccountId,
    },
    #[error("--external-id {0}")]
    ExternalId(Problem),
}

impl Grant {
    /// Reads the arguments. The configuration is only read for the name of a registry.
    pub(super) fn read(arguments: &Policy, env: &Env) -> Result<Self, Error> {
        let repositories = match &arguments.registry {
            Some(name) => {
                let config = Config::from_env(env).map_err(Error::failure)?;
                let target = Target::parse(name, &config).map_err(|error| error.told(env))?;
                target_repositories(name, target)
            }
            None => parse_repositories(&arguments.repository),
        };
        repositories
            .and_then(|repositories| Self::new(arguments, repositories))
            .map_err(|error| {
                let hint = match &error {
                    GrantError::Principal(PrincipalError::Anyone(_)) => {
                        Some("To name an organization, use --org o-ID")
                    }
                    _ => None,
                };
                Error::usage(error).hints(hint.map(str::to_owned))
            })
    }

    fn new(arguments: &Policy, repositories: Repositories) -> Result<Self, GrantError> {
        let partition = Partition::of_region(first_region(&repositories));
        let callers = match &arguments.org {
            Some(id) => Callers::Organization(id.trim().parse()?),
            None => {
                let mut principals: Vec<Principal> = Vec::new();
                for text in &arguments.principal {
                    let principal = Principal::parse(text.trim(), partition)?;
                    if !principals.iter().any(|known| known.is_same(&principal)) {
                        principals.push(principal);
                    }
                }
                Callers::Principals(principals)
            }
        };
        let role = match &arguments.role_arn {
            Some(text) => Some(parse_role(text.trim(), &repositories)?),
            None => None,
        };
        let external_id = match &arguments.external_id {
            Some(id) => {
                let id = parse_external_id(id).map_err(GrantError::ExternalId)?;
                Some(id.expose().to_owned())
            }
            None => None,
        };
        let access = match (arguments.push, arguments.pull, arguments.scan) {
            (true, _, true) => vec![Access::Push, Access::Scan],
            (true, _, false) => vec![Access::Push],
            (false, true, true) => vec![Access::Pull, Access::Scan],
            (false, false, true) => vec![Access::Scan],
            (false, _, false) => vec![Access::Pull],
        };
        Ok(Self {
            repositories,
            callers,
            access,
            role,
            external_id,
        })
    }

    /// The region of the first repository.
    pub(super) fn region(&self) -> &Region {
        first_region(&self.repositories)
    }

    /// Whether the callers need authorization tokens: for pulls and pushes, not for API calls.
    pub(super) fn needs_tokens(&self) -> bool {
        self.access.iter().any(|access| *access != Access::Scan)
    }

    /// The accounts of the repositories, each once.
    pub(super) fn accounts(&self) -> Vec<&AccountId> {
        match &self.repositories {
            Repositories::AllOf { account, .. } => vec![account],
            Repositories::Named(repositories) => {
                let mut accounts: Vec<&AccountId> = Vec::new();
                for repository in repositories {
                    if !accounts.contains(&repository.account()) {
                        accounts.push(repository.account());
                    }
                }
                accounts
            }
        }
    }
}

fn first_region(repositories: &Repositories) -> &Region {
    match repositories {
        Repositories::AllOf { region, .. } => region,
        Repositories::Named(repositories) => repositories[0].region(),
    }
}

fn target_repositories(name: &str, target: Target) -> Result<Repositories, GrantError> {
    let public = || GrantError::PublicRegistry(name.trim().to_owned());
    let registry = target.registry.private().ok_or_else(public)?;
    Ok(match target.image {
        Some(image) => RepositoryArn::in_registry(registry, &image.repository)?.into(),
        None => Repositories::all_of(registry),
    })
}

/// clap requires at least one.
fn parse_repositories(texts: &[String]) -> Result<Repositories, GrantError> {
    let mut repositories: Vec<RepositoryArn> = Vec::new();
    for text in texts {
        let repository: RepositoryArn = text.trim().parse()?;
        if let Some(first) = repositories.first()
            && first.partition() != repository.partition()
        {
            return Err(GrantError::Partitions {
                first: first.clone(),
                other: repository,
            });
        }
        if !repositories.contains(&repository) {
            repositories.push(repository);
        }
    }
    Ok(Repositories::Named(repositories))
}

/// The role must be in the account of each repository.
fn parse_role(text: &str, repositories: &Repositories) -> Result<RoleArn, GrantError> {
    let role: RoleArn = text.parse()?;
    let partition = Partition::of_region(first_region(repositories));
    let elsewhere = |account: &AccountId, repository: String| GrantError::RoleElsewhere {
        role: role.clone(),
        repository,
        account: account.clone(),
    };
    let is_there = |account| role.account() == account && role.partition() == partition;
    match repositories {
        Repositories::AllOf { account, .. } if !is_there(account) => {
            return Err(elsewhere(account, repositories.arns().remove(0)));
        }
        Repositories::Named(named) => {
            if let Some(other) = named.iter().find(|each| !is_there(each.account())) {
                return Err(elsewhere(other.account(), other.to_string()));
            }
        }
        Repositories::AllOf { .. } => {}
    }
    Ok(role)
}
