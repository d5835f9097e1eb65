//! Who asks, as a rule or `[defaults]` says it: a profile, roles on top of it, or both.

use std::fmt;
use std::time::Duration;

use super::error::{ConfigError, Origin};
use super::matching::Match;
use super::problem::Problem;
use super::section::Section;
use super::template::{Blanks, RoleArnTemplate};
use crate::registry::{MfaDevice, Partition, Region, Registry, RoleArn};
use crate::secret::Secret;

/// The most roles of a chain.
const MOST_ROLES: usize = 5;

/// The longest session of a role that was assumed by another role, in seconds (AWS STS,
/// `AssumeRole`, `DurationSeconds`).
const LONGEST_CHAINED_SECONDS: u64 = 3600;

/// An identity for one registry. Taken whole or not at all: nothing is added to it from
/// another layer, save that roles without a profile are assumed from what the later layers say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentitySettings {
    /// The profile of `~/.aws/config` that asks, or from which the first role is assumed.
    pub profile: Option<String>,
    /// The roles to assume, each from the one before; the last one asks. Empty when the profile
    /// asks itself, in which case there is a profile.
    pub roles: Vec<RoleSettings>,
    /// The region whose STS is asked for the roles, before the profile's own and `AWS_REGION`.
    pub region: Option<Region>,
    /// Where all this stands.
    pub origin: Origin,
}

/// One role and how it is assumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleSettings {
    /// The role.
    pub arn: RoleArn,
    /// What the role's trust policy asks for as `sts:ExternalId`. No secret to AWS, and kept
    /// like one here, as a role may trust whoever knows it. Only the last role of a chain has one.
    pub external_id: Option<Secret>,
    /// What the session is called in CloudTrail. All roles of a chain have the same.
    pub session_name: Option<String>,
    /// How long the session lasts. Only the last role of a chain has it.
    pub duration: Option<Duration>,
    /// The device whose code is asked for. Only the first role of a chain has it: AWS takes
    /// codes from users alone.
    pub mfa_device: Option<MfaDevice>,
}

/// An identity before its roles' blanks are filled in.
///
/// Whatever else an identity will be able to say belongs here, so that every table that holds
/// one (`[[registry]]`, `[defaults]`, `[identity.NAME]`) learns it at once.
#[derive(Clone, Debug)]
pub(super) struct IdentityTemplate {
    profile: Option<String>,
    roles: Vec<RoleArnTemplate>,
    external_id: Option<Secret>,
    session_name: Option<String>,
    duration: Option<Duration>,
    mfa_device: Option<MfaDevice>,
    region: Option<Region>,
    /// The name of the table it stands in, for errors.
    table: String,
    origin: Origin,
}

impl IdentityTemplate {
    /// Reads the identity of a table; `None` when it names nobody.
    pub(super) fn read(section: &Section<'_>) -> Result<Option<Self>, ConfigError> {
        let mut roles = Vec::new();
        let texts = section.one_or_more_texts("role_arn")?.unwrap_or_default();
        if texts.len() > MOST_ROLES {
            let (most, found) = (MOST_ROLES, texts.len());
            return Err(section.error("role_arn", Problem::LongList { most, found }));
        }
        for text in texts {
            let role = RoleArnTemplate::parse(text.text);
            roles.push(role.map_err(|problem| section.error_in(&text, "role_arn", problem))?);
        }
        let template = Self {
            profile: read_profile(section)?,
            external_id: read_external_id(section)?,
            session_name: read_session_name(section)?,
            duration: read_duration(section, roles.len())?,
            mfa_device: section.parsed("mfa_serial")?,
            region: section.parsed("region")?,
            table: section.name().to_owned(),
            origin: section.origin(),
            roles,
        };
        if template.roles.is_empty() {
            let of_roles = [
                "source_profile",
                "external_id",
                "role_session_name",
                "duration_seconds",
                "mfa_serial",
            ];
            if let Some(key) = of_roles.into_iter().find(|key| section.has(key)) {
                return Err(section.error(key, Problem::WithoutRole));
            }
            if template.profile.is_none() {
                return Ok(None);
            }
        }
        Ok(Some(template))
    }

    /// Refuses an external id that a stranger could learn by having an image of his account
    /// pulled: it would be sent to a role in whatever account the image's name holds.
    ///
    /// `remedy` is what to do about it, and `None` where the accounts are known.
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

    /// Refuses what could serve no registry of the set, whichever it is: blanks where nothing
    /// fills them in, and parts that are in different partitions.
    ///
    /// `registries` is `None` where the identity is for all that no rule speaks for.
    pub(super) fn check_registries(
        &self,
        section: &Section<'_>,
        registries: Option<&Match>,
    ) -> Result<(), ConfigError> {
        if let Some(role) = self.roles.iter().find(|role| role.has_blanks())
            && registries == Some(&Match::Public)
        {
            let problem = Problem::TemplateForPublic(role.as_str().to_owned());
            return Err(section.error("role_arn", problem));
        }
        let mut known = registries.and_then(|registries| {
            let partition = registries.partition()?;
            Some((Teller::Match(registries), partition))
        });
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
        for (key, this, partition) in roles.chain(device).chain(region) {
            match (&known, partition) {
                (_, None) => {}
                (None, Some(partition)) => known = Some((Teller::Text(this), partition)),
                (Some((_, other)), Some(partition)) if *other == partition => {}
                (Some((teller, other)), Some(partition)) => {
                    return same_partition(this, partition, &teller.to_string(), *other)
                        .map_err(|problem| section.error(key, problem));
                }
            }
        }
        Ok(())
    }

    /// The profile that it names, and where it stands.
    pub(super) fn profile(&self) -> Option<(&str, &Origin)> {
        Some((self.profile.as_deref()?, &self.origin))
    }

    /// Some role cannot be named without a private registry.
    pub(super) fn has_blanks(&self) -> bool {
        self.roles.iter().any(RoleArnTemplate::has_blanks)
    }

    /// The identity for one registry.
    pub(super) fn expand(&self, registry: &Registry) -> Result<IdentitySettings, ConfigError> {
        let partition = registry.partition();
        let values = Blanks::of(registry);
        let fail = |key: &str, problem| ConfigError::Setting {
            origin: self.origin.clone(),
            key: format!("{}.{key}", self.table),
            problem,
        };
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
            profile: self.profile.clone(),
            roles: arns.into_iter().enumerate().map(role).collect(),
            region: self.region.clone(),
            origin: self.origin.clone(),
        })
    }
}

/// What a partition is known from. Put into words only where something contradicts it: there may
/// be a thousand rules, and they are all checked for each `get`.
enum Teller<'a> {
    Match(&'a Match),
    Text(&'a str),
}

impl fmt::Display for Teller<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Match(registries) => write!(f, "`match` = `{registries}`"),
            Self::Text(text) => write!(f, "`{text}`"),
        }
    }
}

/// Keys, roles and registries of one partition mean nothing in another.
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

/// `source_profile` is `profile` by the name that `~/.aws/config` has for it beside a role.
fn read_profile(section: &Section<'_>) -> Result<Option<String>, ConfigError> {
    if section.has("profile") && section.has("source_profile") {
        return Err(section.error("source_profile", Problem::TwoProfiles));
    }
    let profile = match section.text("profile")? {
        None => section.text("source_profile")?,
        profile => profile,
    };
    Ok(profile.map(|text| text.text.to_owned()))
}

fn read_external_id(section: &Section<'_>) -> Result<Option<Secret>, ConfigError> {
    let Some(text) = section.text("external_id")? else {
        return Ok(None);
    };
    parse_external_id(text.text)
        .map(Some)
        .map_err(|problem| section.error_in(&text, "external_id", problem))
}

/// An external id, as IAM takes it: 2 to 1224 of `[\w+=,.@:\/-]`.
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

/// The name of a session, as IAM takes it: 2 to 64 of `[\w+=,.@-]`.
pub fn parse_session_name(text: &str) -> Result<String, Problem> {
    if (2..=64).contains(&text.len()) && text.bytes().all(|byte| is_word(byte, b"_+=,.@-")) {
        Ok(text.to_owned())
    } else {
        Err(Problem::SessionName(text.to_owned()))
    }
}

fn is_word(byte: u8, besides: &[u8]) -> bool {
    byte.is_ascii_alphanumeric() || besides.contains(&byte)
}

/// 15 minutes to 12 hours; an hour at most where a role assumes the last one. A profile may be
/// a role too, which cannot be seen from here: then STS refuses.
fn read_duration(section: &Section<'_>, roles: usize) -> Result<Option<Duration>, ConfigError> {
    match section.number("duration_seconds", 900..=43200)? {
        Some(seconds) if roles > 1 && seconds > LONGEST_CHAINED_SECONDS => {
            Err(section.error("duration_seconds", Problem::ChainTooLong(seconds)))
        }
        seconds => Ok(seconds.map(Duration::from_secs)),
    }
}
