//! The identity of `[[registry]]`, `[defaults]` and `[identity.NAME]`: a source, roles, or both. A
//! role ARN may have placeholders: with `arn:{partition}:iam::{account}:role/pull`, one rule is enough
//! for an organization.

use std::fmt;
use std::time::Duration;

use super::error::{ConfigError, Origin, Problem};
use super::section::{Section, Text};
use super::source::SourceSettings;
use crate::error::nearest;
use crate::registry::{MfaDevice, Partition, Region, Registry, RoleArn};
use crate::secret::Secret;

/// The maximum number of roles in a chain.
const MOST_ROLES: usize = 5;

/// The longest session of a role that was assumed by another role, in seconds (AWS STS,
/// `AssumeRole`, `DurationSeconds`).
const LONGEST_CHAINED_SECONDS: u64 = 3600;

/// An identity for one registry. It is not combined with the identities of other layers, except that
/// roles without a source are assumed with the identity of a later layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentitySettings {
    /// Where the credentials come from that are used, or that assume the first role. The account
    /// of an SSO role is set.
    pub source: Option<SourceSettings>,
    /// The roles to assume, each with the one before. The last one requests the token. If empty, the
    /// source does, and is set.
    pub roles: Vec<RoleSettings>,
    /// The STS region for the roles. It takes precedence over the profile's and `AWS_REGION`.
    pub region: Option<Region>,
    /// The place of its table.
    pub origin: Origin,
}

/// One role and how it is assumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleSettings {
    pub arn: RoleArn,
    /// The `sts:ExternalId` that the role's trust policy requires. It is not a secret to AWS, but
    /// treated as one, as it may be all that a role requires. Only the last role of a chain has one.
    pub external_id: Option<Secret>,
    /// The name of the session in CloudTrail, the same for all roles of a chain.
    pub session_name: Option<String>,
    /// The duration of the session. Only the last role of a chain has one.
    pub duration: Option<Duration>,
    /// The MFA device. Only the first role of a chain has one, as AWS accepts codes only from users.
    pub mfa_device: Option<MfaDevice>,
}

/// An identity with placeholders.
///
/// New settings of identities belong here, so that all tables with an identity (`[[registry]]`,
/// `[defaults]`, `[identity.NAME]`) have them.
#[derive(Clone, Debug)]
pub(super) struct IdentityTemplate {
    source: Option<SourceSettings>,
    roles: Vec<RoleArnTemplate>,
    external_id: Option<Secret>,
    session_name: Option<String>,
    duration: Option<Duration>,
    mfa_device: Option<MfaDevice>,
    region: Option<Region>,
    /// The name of its table, for errors.
    table: String,
    origin: Origin,
}

impl IdentityTemplate {
    /// Reads the identity of a table; `None` if it has neither a source nor a role.
    /// Mistakes are recorded in `section`.
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let roles = section.keep(read_roles(section)).unwrap_or_default();
        let template = Self {
            source: SourceSettings::read(section),
            external_id: section.keep_some(read_external_id(section)),
            session_name: section.keep_some(read_session_name(section)),
            duration: section.keep_some(read_duration(section, roles.len())),
            mfa_device: section.keep_some(section.parsed("mfa_serial")),
            region: section.keep_some(section.parsed("region")),
            table: section.name().to_owned(),
            origin: section.origin(),
            roles,
        };
        if template.roles.is_empty() && !section.is_flawed() {
            for key in KEYS_OF_ROLES.iter().filter(|key| section.has(key)) {
                section.record(section.error(key, Problem::WithoutRole));
            }
        }
        if let Some(source) = template.source.as_ref().filter(|_| !section.is_flawed()) {
            section.keep(source.check_roles(section, template.roles.len()));
        }
        let names_identity = template.source.is_some() || !template.roles.is_empty();
        names_identity.then_some(template)
    }

    /// Refuses an external ID that would be sent to a role in the account of any image: an attacker
    /// could learn it with an image in an account of their own.
    ///
    /// `remedy` is the advice in the error; `None` if the accounts are known.
    pub(super) fn check_external_id(
        &self,
        section: &Section<'_>,
        remedy: Option<&'static str>,
    ) -> Result<(), ConfigError> {
        let any_account = self.roles.iter().any(RoleArnTemplate::has_account);
        match remedy {
            Some(remedy) if any_account && self.external_id.is_some() => {
                Err(section.error("external_id", Problem::ExternalIdForAll { remedy }))
            }
            _ => Ok(()),
        }
    }

    /// Refuses placeholders, which have no values for public ECR.
    pub(super) fn check_blanks(&self, section: &Section<'_>) -> Result<(), ConfigError> {
        if self
            .source
            .as_ref()
            .is_some_and(SourceSettings::has_account)
        {
            return Err(section.error("sso_account_id", Problem::SsoAccountOfPublic));
        }
        match self.roles.iter().find(|role| role.has_blanks()) {
            None => Ok(()),
            Some(role) => {
                let problem = Problem::TemplateForPublic(role.as_str().to_owned());
                Err(section.error("role_arn", problem))
            }
        }
    }

    /// Refuses parts in different partitions, which cannot be used for any registry.
    ///
    /// `registries` is the `match` of a rule and its partition. It is formatted only for an error, as
    /// each `get` checks all rules, of which there may be a thousand.
    pub(super) fn check_partition(
        &self,
        section: &Section<'_>,
        registries: Option<(&dyn fmt::Display, Partition)>,
    ) -> Result<(), ConfigError> {
        let roles = self
            .roles
            .iter()
            .map(|role| ("role_arn", role.as_str(), role.partition()));
        let device = self
            .mfa_device
            .iter()
            .map(|device| ("mfa_serial", device.as_str(), device.partition()));
        let region = self.region.iter().map(|region| {
            let partition = Partition::of_region(region);
            ("region", region.as_str(), Some(partition))
        });
        let sso_region = self.source.iter().filter_map(SourceSettings::region);
        let sso_region = sso_region.map(|region| {
            let partition = Partition::of_region(region);
            ("sso_region", region.as_str(), Some(partition))
        });
        let mut first = None;
        for (key, this, partition) in roles.chain(device).chain(region).chain(sso_region) {
            let Some(partition) = partition else { continue };
            let (other, other_partition) = match (registries, first) {
                (Some((_, known)), _) if known == partition => continue,
                (Some((registries, known)), _) => (format!("`match` = `{registries}`"), known),
                (None, Some((_, known))) if known == partition => continue,
                (None, Some((text, known))) => (format!("`{text}`"), known),
                (None, None) => {
                    first = Some((this, partition));
                    continue;
                }
            };
            return same_partition(this, partition, &other, other_partition)
                .map_err(|problem| section.error(key, problem));
        }
        Ok(())
    }

    /// The profile, and the place of the table.
    pub(super) fn profile(&self) -> Option<(&str, &Origin)> {
        Some((self.source.as_ref()?.profile()?, &self.origin))
    }

    /// The SSO session, and the place of the table.
    pub(super) fn sso_session(&self) -> Option<(&str, &Origin)> {
        match self.source.as_ref()? {
            SourceSettings::Sso(sso) => Some((sso.session()?, &self.origin)),
            SourceSettings::Profile(_) | SourceSettings::WebIdentity(_) => None,
        }
    }

    /// Whether it names a role that is assumed.
    pub(super) fn has_roles(&self) -> bool {
        !self.roles.is_empty()
    }

    /// Whether no role is assumed: SSO supplies the credentials of its role. (A profile may have a role.)
    pub(super) fn is_without_role(&self) -> bool {
        !self.has_roles() && matches!(self.source, Some(SourceSettings::Sso(_)))
    }

    /// The region of the table.
    pub(super) fn region(&self) -> Option<&Region> {
        self.region.as_ref()
    }

    /// Whether a role has placeholders, or the source is in the registry's account.
    pub(super) fn has_blanks(&self) -> bool {
        self.roles.iter().any(RoleArnTemplate::has_blanks)
            || self
                .source
                .as_ref()
                .is_some_and(SourceSettings::has_account)
    }

    /// The identity for one registry.
    pub(super) fn expand(&self, registry: &Registry) -> Result<IdentitySettings, ConfigError> {
        let partition = registry.partition();
        let values = Blanks::from_registry(registry);
        let fail = |key: &str, problem| ConfigError::Setting {
            origin: self.origin.clone(),
            key: format!("{}.{key}", self.table),
            problem,
            excerpt: None,
        };
        let account = registry.private().map(|private| &private.account);
        let source = self.source.as_ref().map(|source| source.expand(account));
        let source = source
            .transpose()
            .map_err(|problem| fail("sso_account_id", problem))?;
        let mut arns = Vec::with_capacity(self.roles.len());
        for role in &self.roles {
            let arn = role.expand(values).and_then(|arn| {
                same_partition(arn.as_str(), arn.partition(), registry.host(), partition)?;
                Ok(arn)
            });
            arns.push(arn.map_err(|problem| fail("role_arn", problem))?);
        }
        if let Some(region) = &self.region {
            let of_region = Partition::of_region(region);
            same_partition(region.as_str(), of_region, registry.host(), partition)
                .map_err(|problem| fail("region", problem))?;
        }
        let last = arns.len().saturating_sub(1);
        let role = |(index, arn)| RoleSettings {
            arn,
            external_id: self.external_id.clone().filter(|_| index == last),
            session_name: self.session_name.clone(),
            duration: self.duration.filter(|_| index == last),
            mfa_device: self.mfa_device.clone().filter(|_| index == 0),
        };
        Ok(IdentitySettings {
            source,
            roles: arns.into_iter().enumerate().map(role).collect(),
            region: self.region.clone(),
            origin: self.origin.clone(),
        })
    }
}

/// The keys that say how a role is assumed.
const KEYS_OF_ROLES: [&str; 5] = [
    "source_profile",
    "external_id",
    "role_session_name",
    "duration_seconds",
    "mfa_serial",
];

fn read_roles(section: &Section<'_>) -> Result<Vec<RoleArnTemplate>, ConfigError> {
    let texts = section.one_or_more_texts("role_arn")?.unwrap_or_default();
    if texts.len() > MOST_ROLES {
        let (most, found) = (MOST_ROLES, texts.len());
        return Err(section.error("role_arn", Problem::LongList { most, found }));
    }
    let read = |text: Text<'_>| {
        RoleArnTemplate::parse(text.text)
            .map_err(|problem| section.error_in(&text, "role_arn", problem))
    };
    texts.into_iter().map(read).collect()
}

/// Keys, roles and registries are valid only in their own partition.
fn same_partition(
    this: &str,
    partition: Partition,
    other: &str,
    other_partition: Partition,
) -> Result<(), Problem> {
    if partition == other_partition {
        return Ok(());
    }
    Err(Problem::AcrossPartitions {
        this: this.to_owned(),
        partition,
        other: other.to_owned(),
        other_partition,
    })
}

fn read_external_id(section: &Section<'_>) -> Result<Option<Secret>, ConfigError> {
    let Some(text) = section.text("external_id")? else {
        return Ok(None);
    };
    parse_external_id(text.text)
        .map(Some)
        .map_err(|problem| section.error_in(&text, "external_id", problem))
}

/// Parses an external ID: 2 to 1224 of `[\w+=,.@:\/-]` (IAM).
pub fn parse_external_id(text: &str) -> Result<Secret, Problem> {
    if (2..=1224).contains(&text.len()) && text.bytes().all(|byte| is_word(byte, b"_+=,.@:/-")) {
        Ok(Secret::new(text))
    } else {
        Err(Problem::ExternalId)
    }
}

fn read_session_name(section: &Section<'_>) -> Result<Option<String>, ConfigError> {
    let Some(text) = section.text("role_session_name")? else {
        return Ok(None);
    };
    parse_session_name(text.text)
        .map(Some)
        .map_err(|problem| section.error_in(&text, "role_session_name", problem))
}

/// Parses a session name: 2 to 64 of `[\w+=,.@-]` (IAM).
pub fn parse_session_name(text: &str) -> Result<String, Problem> {
    if (2..=64).contains(&text.len()) && text.bytes().all(|byte| is_word(byte, b"_+=,.@-")) {
        Ok(text.to_owned())
    } else {
        Err(Problem::SessionName(text.to_owned()))
    }
}

fn is_word(byte: u8, others: &[u8]) -> bool {
    byte.is_ascii_alphanumeric() || others.contains(&byte)
}

/// 15 minutes to 12 hours, or at most an hour if a role assumes the last one. A profile may have a role
/// as well, which is not known here. STS refuses longer durations then.
fn read_duration(section: &Section<'_>, roles: usize) -> Result<Option<Duration>, ConfigError> {
    match section.number("duration_seconds", 900..=43200)? {
        Some(seconds) if roles > 1 && seconds > LONGEST_CHAINED_SECONDS => {
            Err(section.error("duration_seconds", Problem::ChainTooLong(seconds)))
        }
        seconds => Ok(seconds.map(Duration::from_secs)),
    }
}

/// The values of placeholders: the parts of a private registry's name.
#[derive(Debug, Clone, Copy)]
pub struct Blanks<'a> {
    account: &'a str,
    region: &'a str,
    partition: &'a str,
}

impl<'a> Blanks<'a> {
    /// The parts of a registry's name; `None` for public ECR.
    pub fn from_registry(registry: &'a Registry) -> Option<Self> {
        registry.private().map(|private| Self {
            account: private.account.as_str(),
            region: private.region.as_str(),
            partition: registry.partition().name(),
        })
    }

    fn sample(partition: Partition) -> Self {
        Self {
            account: "111122223333",
            region: "eu-west-1",
            partition: partition.name(),
        }
    }
}

/// A role ARN that may have placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoleArnTemplate {
    Literal(RoleArn),
    /// With at least one placeholder. With values, it is an ARN.
    Blanks {
        text: String,
        /// `None` if it is a placeholder.
        partition: Option<Partition>,
    },
}

const ACCOUNT: &str = "account";
const REGION: &str = "region";
const PARTITION: &str = "partition";

impl RoleArnTemplate {
    /// Parses a template, and checks it with sample values.
    ///
    /// # Errors
    /// If it has an unmatched brace or an unknown placeholder, or does not become an ARN.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let mut blanks = false;
        for piece in pieces(text) {
            match piece {
                Piece::Text(_) => {}
                Piece::Blank(ACCOUNT | REGION | PARTITION) => blanks = true,
                Piece::Blank(word) => {
                    return Err(Problem::Placeholder {
                        word: word.to_owned(),
                        nearest: nearest(word, [ACCOUNT, REGION, PARTITION]),
                    });
                }
                Piece::LoneBrace => return Err(Problem::Brace(text.to_owned())),
            }
        }
        if !blanks {
            return Ok(Self::Literal(text.parse()?));
        }
        let of = |partition| fill_in(text, Blanks::sample(partition)).map(|arn| arn.partition());
        let (first, second) = (of(Partition::Aws)?, of(Partition::AwsCn)?);
        Ok(Self::Blanks {
            text: text.to_owned(),
            partition: (first == second).then_some(first),
        })
    }

    pub fn has_blanks(&self) -> bool {
        matches!(self, Self::Blanks { .. })
    }

    /// The role's partition, if it does not depend on the registry.
    pub fn partition(&self) -> Option<Partition> {
        match self {
            Self::Literal(arn) => Some(arn.partition()),
            Self::Blanks { partition, .. } => *partition,
        }
    }

    /// Whether the role depends on the registry's account.
    pub fn has_account(&self) -> bool {
        matches!(self, Self::Blanks { text, .. } if pieces(text).any(|piece| piece == Piece::Blank(ACCOUNT)))
    }

    pub fn as_str(&self) -> &str {
        match self {
            Self::Literal(arn) => arn.as_str(),
            Self::Blanks { text, .. } => text,
        }
    }

    /// The role for a registry with these values; `None` for public ECR.
    ///
    /// # Errors
    /// If placeholders have no values, or the result is not a role ARN.
    pub fn expand(&self, values: Option<Blanks<'_>>) -> Result<RoleArn, Problem> {
        match (self, values) {
            (Self::Literal(arn), _) => Ok(arn.clone()),
            (Self::Blanks { text, .. }, Some(values)) => fill_in(text, values),
            (Self::Blanks { text, .. }, None) => Err(Problem::TemplateForPublic(text.clone())),
        }
    }
}

fn fill_in(template: &str, values: Blanks<'_>) -> Result<RoleArn, Problem> {
    let expanded: String = pieces(template)
        .map(|piece| match piece {
            Piece::Text(text) => text,
            Piece::Blank(ACCOUNT) => values.account,
            Piece::Blank(REGION) => values.region,
            Piece::Blank(PARTITION) => values.partition,
            Piece::Blank(_) | Piece::LoneBrace => "",
        })
        .collect();
    expanded.parse().map_err(|_| Problem::Template {
        template: template.to_owned(),
        expanded,
    })
}

#[derive(Debug, PartialEq, Eq)]
enum Piece<'a> {
    Text(&'a str),
    Blank(&'a str),
    LoneBrace,
}

/// Takes a template apart, left to right.
fn pieces(mut rest: &str) -> impl Iterator<Item = Piece<'_>> {
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        if first == '{' || first == '}' {
            let blank = rest[1..]
                .split_once('}')
                .filter(|(word, _)| first == '{' && !word.contains('{'));
            let (piece, after) = match blank {
                Some((word, after)) => (Piece::Blank(word), after),
                None => (Piece::LoneBrace, &rest[1..]),
            };
            rest = after;
            return Some(piece);
        }
        let (text, after) = rest.split_at(rest.find(['{', '}']).unwrap_or(rest.len()));
        rest = after;
        Some(Piece::Text(text))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(template: &str) -> Result<String, String> {
        let values = Blanks {
            account: "999999999999",
            region: "cn-north-1",
            partition: "aws-cn",
        };
        RoleArnTemplate::parse(template)
            .and_then(|template| template.expand(Some(values)))
            .map(|arn| arn.to_string())
            .map_err(|problem| problem.to_string())
    }

    #[test]
    fn blanks_are_filled_in() {
        for (template, expected) in [
            (
                "arn:aws:iam::111122223333:role/pull",
                "arn:aws:iam::111122223333:role/pull",
            ),
            (
                "arn:{partition}:iam::{account}:role/ecr/pull-{region}",
                "arn:aws-cn:iam::999999999999:role/ecr/pull-cn-north-1",
            ),
            (
                "arn:aws-cn:iam::111122223333:role/{account}{region}{partition}",
                "arn:aws-cn:iam::111122223333:role/999999999999cn-north-1aws-cn",
            ),
        ] {
            assert_eq!(expand(template).as_deref(), Ok(expected), "{template}");
        }
    }

    #[test]
    fn wrong_templates_say_what_is_wrong() {
        let brace = |template: &str| {
            format!(
                "`{template}` contains an unmatched brace; write {{account}}, {{region}} or {{partition}}"
            )
        };
        for lone in [
            "{",
            "}",
            "arn:aws:iam::{account:role/x",
            "a}b",
            "{a{account}",
            "{account}}",
        ] {
            assert_eq!(expand(lone), Err(brace(lone)));
        }
        for (template, expected) in [
            (
                "{acount}",
                "`{acount}` is not a placeholder; did you mean `{account}`?",
            ),
            (
                "{Account}",
                "`{Account}` is not a placeholder; did you mean `{account}`?",
            ),
            (
                "{}",
                "`{}` is not a placeholder; use {account}, {region} or {partition}",
            ),
            (
                "{host}",
                "`{host}` is not a placeholder; use {account}, {region} or {partition}",
            ),
            (
                "arn:aws:iam::{region}:role/x",
                "`arn:aws:iam::{region}:role/x` would become `arn:aws:iam::eu-west-1:role/x`, \
                 which is not an IAM role ARN: expected arn:aws:iam::111122223333:role/NAME",
            ),
            (
                "pull",
                "`pull` is not an IAM role ARN: expected arn:aws:iam::111122223333:role/NAME",
            ),
        ] {
            assert_eq!(expand(template), Err(expected.to_owned()), "{template}");
        }
    }

    #[test]
    fn partition_is_known_unless_it_is_a_blank() {
        for (template, expected) in [
            (
                "arn:aws-cn:iam::111122223333:role/x",
                Some(Partition::AwsCn),
            ),
            ("arn:aws-cn:iam::{account}:role/x", Some(Partition::AwsCn)),
            (
                "arn:aws:iam::{account}:role/{partition}",
                Some(Partition::Aws),
            ),
            ("arn:{partition}:iam::111122223333:role/x", None),
        ] {
            let template = RoleArnTemplate::parse(template).unwrap();
            assert_eq!(template.partition(), expected, "{}", template.as_str());
        }
    }

    #[test]
    fn public_ecr_has_nothing_to_fill_in_with() {
        let template = RoleArnTemplate::parse("arn:aws:iam::{account}:role/pull").unwrap();
        assert!(template.expand(None).is_err());
        let literal = RoleArnTemplate::parse("arn:aws:iam::111122223333:role/pull").unwrap();
        assert!(literal.expand(None).is_ok());
    }
}
