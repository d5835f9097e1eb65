//! `access` of a rule: the rights that tokens of the registry are requested with.
//!
//! A token has the rights of the role session that requests it, so the role is assumed with a session
//! policy. The session has the rights that both the role and this policy allow (IAM user guide, "Session
//! policies").
//!
//! Three keys in the rule, and not a table: `access = "pull"` is all that most rules need, rules have no
//! tables, and `access` is taken from the first matching rule that has it together with the other two.

use std::fmt;

use super::error::{ConfigError, Origin, Problem};
use super::identity::IdentityTemplate;
use super::rule::Match;
use super::section::{Section, Text};
use crate::error::nearest;
use crate::iam::{self, Access};
use crate::registry::{AccountId, Region, Registry, RepositoryWildcard, RoleArn, Service};

/// The longest session policy, in characters (AWS STS, `AssumeRole`, `Policy`). STS also limits its
/// length in a packed binary format, which is not documented.
const LONGEST_POLICY: usize = 2048;

/// The shortest names of an account and a region, for the length of a policy.
const SAMPLE: (&str, &str) = ("111122223333", "us-east-1");

/// How many repositories are shown.
const MOST_SHOWN: usize = 3;

/// `access`, `access_repositories` and `access_pull_through` of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessLimit {
    /// Pull, or push with pull.
    access: Access,
    /// Empty for all of the registry.
    repositories: Vec<RepositoryWildcard>,
    /// Whether pulls may create repositories and import images by pull-through cache rules.
    pull_through: bool,
    /// The place of the rule.
    origin: Origin,
}

impl AccessLimit {
    /// Reads the three keys. `None` if the rule has none of them.
    pub(super) fn read(section: &Section<'_>) -> Result<Option<Self>, ConfigError> {
        let Some(access) = read_access(section)? else {
            let others = ["access_repositories", "access_pull_through"];
            return match others.into_iter().find(|key| section.has(key)) {
                Some(key) => Err(section.error(key, Problem::WithoutAccess)),
                None => Ok(None),
            };
        };
        Ok(Some(Self {
            access,
            repositories: read_repositories(section)?,
            pull_through: section.switch("access_pull_through")?.unwrap_or_default(),
            origin: section.origin(),
        }))
    }

    /// Refuses what can be used for none of the rule's registries.
    pub(super) fn check(
        &self,
        section: &Section<'_>,
        registries: &Match,
        identity: Option<&IdentityTemplate>,
    ) -> Result<(), ConfigError> {
        if identity.is_some_and(IdentityTemplate::is_without_role) {
            return Err(section.error("access", Problem::AccessWithoutRole));
        }
        if self.pull_through && *registries == Match::Public {
            return Err(section.error("access_pull_through", Problem::PullThroughOfPublic));
        }
        if self.repositories.is_empty() {
            return Ok(());
        }
        let account: AccountId = SAMPLE.0.parse().expect("an account ID");
        let region: Region = SAMPLE.1.parse().expect("a region");
        let policy = match registries {
            Match::Public => self.public_policy(&account),
            _ => self.private_policy(&account, registries.region().unwrap_or(&region)),
        };
        policy
            .map(|_| ())
            .map_err(|problem| section.error("access_repositories", problem))
    }

    /// The session policy for tokens of a registry that this role requests: JSON.
    ///
    /// # Errors
    /// If it is longer than STS accepts.
    pub(crate) fn policy(
        &self,
        registry: &Registry,
        role: &RoleArn,
    ) -> Result<String, ConfigError> {
        let policy = match &registry.service {
            Service::Private(private) => self.private_policy(&private.account, &private.region),
            // Its hosts do not name an account, and only the role's own can push.
            Service::Public => self.public_policy(role.account()),
        };
        policy.map_err(|problem| ConfigError::Setting {
            origin: self.origin.clone(),
            key: "registry.access_repositories".to_owned(),
            problem,
            excerpt: None,
        })
    }

    fn private_policy(&self, account: &AccountId, region: &Region) -> Result<String, Problem> {
        let (names, registry) = (self.names(), (account, region));
        let policy = iam::session_policy(self.access, self.pull_through, registry, &names);
        within_limit(policy.compact())
    }

    fn public_policy(&self, account: &AccountId) -> Result<String, Problem> {
        let policy = iam::public_session_policy(self.access, account, &self.names());
        within_limit(policy.compact())
    }

    /// The names of the repositories, with wildcards.
    pub(crate) fn names(&self) -> Vec<&str> {
        match &self.repositories[..] {
            [] => vec!["*"],
            some => some.iter().map(RepositoryWildcard::as_str).collect(),
        }
    }

    /// `pull` or `push`.
    pub(crate) fn word(&self) -> &'static str {
        word(self.access)
    }

    pub(crate) fn has_push(&self) -> bool {
        self.access == Access::Push
    }

    pub(crate) fn has_pull_through(&self) -> bool {
        self.pull_through
    }

    pub(crate) fn includes(&self, repository: &str) -> bool {
        let mut names = self.repositories.iter();
        self.repositories.is_empty() || names.any(|name| name.matches(repository))
    }

    /// Whether some repositories of the registry are not included.
    pub(crate) fn lists_repositories(&self) -> bool {
        !self.repositories.is_empty()
    }

    /// The place of the rule.
    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }
}

/// `pull`, or `push and pull of team/*, including pull-through caches`.
impl fmt::Display for AccessLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.access {
            Access::Push => "push and pull",
            access => word(access),
        })?;
        let names = self.repositories.iter().map(RepositoryWildcard::as_str);
        let shown: Vec<&str> = names.take(MOST_SHOWN).collect();
        if !shown.is_empty() {
            write!(f, " of {}", shown.join(", "))?;
        }
        match self.repositories.len().saturating_sub(MOST_SHOWN) {
            0 => {}
            more => write!(f, " and {more} more")?,
        }
        if self.pull_through {
            f.write_str(", including pull-through caches")?;
        }
        Ok(())
    }
}

const WORDS: [(&str, Access); 2] = [("pull", Access::Pull), ("push", Access::Push)];

fn word(access: Access) -> &'static str {
    let known = WORDS.into_iter().find(|(_, known)| *known == access);
    known.map_or("", |(word, _)| word)
}

fn read_access(section: &Section<'_>) -> Result<Option<Access>, ConfigError> {
    let Some(text) = section.text("access")? else {
        return Ok(None);
    };
    match WORDS.into_iter().find(|(word, _)| *word == text.text) {
        Some((_, access)) => Ok(Some(access)),
        None => {
            let problem = Problem::Access {
                word: text.text.to_owned(),
                nearest: nearest(text.text, WORDS.map(|(word, _)| word)),
            };
            Err(section.error_in(&text, "access", problem))
        }
    }
}

fn read_repositories(section: &Section<'_>) -> Result<Vec<RepositoryWildcard>, ConfigError> {
    let texts = section.one_or_more_texts("access_repositories")?;
    let read = |text: Text<'_>| {
        RepositoryWildcard::parse(text.text).ok_or_else(|| {
            let problem = Problem::AccessRepository(text.text.to_owned());
            section.error_in(&text, "access_repositories", problem)
        })
    };
    texts.unwrap_or_default().into_iter().map(read).collect()
}

fn within_limit(policy: String) -> Result<String, Problem> {
    let length = policy.len();
    if length > LONGEST_POLICY {
        let most = LONGEST_POLICY;
        return Err(Problem::LongPolicy { most, length });
    }
    Ok(policy)
}
