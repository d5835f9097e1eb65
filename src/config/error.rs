//! What can be wrong with the configuration, in sentences of one line that begin with the
//! place, as compilers do: `/etc/docker-credential-ecrx/config.toml:3: cache.dir: …`.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, escaped, escaped_path};
use crate::redaction::{output::holds_key, shown_url};
use crate::registry::{AccountId, ParseError, Partition};

/// Where in the files a setting stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub file: Arc<Path>,
    pub line: usize,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", escaped_path(&self.file), self.line)
    }
}

/// Why the configuration cannot be used. Nothing is ever skipped: whoever meets one of these
/// stops and shows it, as a rule that is silently ignored would let another identity ask.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// `ECRX_CONFIG` names a file that is not there. (The other two files may be absent.)
    #[error(
        "{}: there is no such file, though ECRX_CONFIG names it: correct or unset ECRX_CONFIG",
        escaped_path(path)
    )]
    Missing { path: PathBuf },
    /// A file is there and the system does not let us read it.
    #[error("{}: cannot be read: {cause}", escaped_path(path))]
    Unreadable { path: PathBuf, cause: io::Error },
    /// A folder, pipe or device where a file should be.
    #[error(
        "{}: is not a regular file (where no settings are wanted, an empty file does it)",
        escaped_path(path)
    )]
    NotAFile { path: PathBuf },
    /// More than [`super::MAX_FILE_BYTES`].
    #[error(
        "{}: is larger than 1 MiB, the most that is read of a configuration file",
        escaped_path(path)
    )]
    TooLarge { path: PathBuf },
    /// The bytes are no UTF-8, which TOML must be.
    #[error("{origin}: is not UTF-8 text: save the file as UTF-8")]
    NotUtf8 {
        /// The line with the first wrong byte.
        origin: Origin,
    },
    #[error("{origin}: is not valid TOML: {}", escaped(message))]
    Syntax { origin: Origin, message: String },
    /// The file is TOML, but one of its settings is wrong, or fits the file and not the
    /// registry that was asked for.
    #[error("{origin}: {}: {}", escaped(&shown_key(key)), escaped(&problem.to_string()))]
    Setting {
        /// The setting's line, or that of the rule when no single line is at fault.
        origin: Origin,
        /// The setting's name behind that of its table: `cache.dir`, `registry.role_arn`.
        key: String,
        problem: Problem,
    },
}

/// What to do stands in the messages.
impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        Self::failure(error)
    }
}

impl ConfigError {
    pub fn path(&self) -> &Path {
        match self {
            Self::Missing { path }
            | Self::Unreadable { path, .. }
            | Self::NotAFile { path }
            | Self::TooLarge { path } => path,
            Self::NotUtf8 { origin }
            | Self::Syntax { origin, .. }
            | Self::Setting { origin, .. } => &origin.file,
        }
    }

    /// The line at fault, when it is not the file as a whole.
    pub fn line(&self) -> Option<usize> {
        match self {
            Self::NotUtf8 { origin }
            | Self::Syntax { origin, .. }
            | Self::Setting { origin, .. } => Some(origin.line),
            _ => None,
        }
    }

    /// The setting at fault, when the file could be read so far.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Setting { key, .. } => Some(key),
            _ => None,
        }
    }
}

/// A key, but for the password of a URL that stands where one belongs.
fn shown_key(key: &str) -> Cow<'_, str> {
    if holds_key(key) {
        "…".into()
    } else if key.contains([':', '@']) {
        shown_url(key).into()
    } else {
        key.into()
    }
}

/// What is wrong with one setting. Values are shown where that helps, external ids never.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Misspelled: a known key is near.
    #[error("unknown key, did you mean `{nearest}`?")]
    UnknownNear { nearest: &'static str },
    /// Known in another table, or near to what is known there.
    #[error("unknown key here: the place of `{word}` is {tables}")]
    Misplaced { word: &'static str, tables: String },
    /// Nothing like it is known.
    #[error("unknown key: known here are {known}")]
    Unknown { known: String },
    /// A rule without `match`.
    #[error("is missing: it says which registries the rule is for, `*` for every private one")]
    MissingMatch,
    /// A table that should bring an identity and brings none.
    #[error("names nobody: add `profile`, `role_arn` or both")]
    NoIdentity,
    /// A value of another type than the key has.
    #[error("must be {expected}, not {found}")]
    WrongType {
        expected: &'static str,
        found: &'static str,
    },
    /// Something else where a table, or a list of tables, should be.
    #[error("must be written as {written}, not as {found}")]
    NotSection {
        written: &'static str,
        found: &'static str,
    },
    /// A number beyond its bounds.
    #[error("must be between {least} and {most}, not {found}")]
    OutOfRange {
        least: u64,
        most: u64,
        found: String,
    },
    #[error("is empty: give it a value or remove the line")]
    Empty,
    /// An array with nothing in it.
    #[error("is an empty list: put something in or remove the line")]
    EmptyList,
    /// An array that should be shorter.
    #[error("lists {found}, and at most {most} are supported")]
    LongList { most: usize, found: usize },
    /// A text longer than any that AWS knows.
    #[error("is longer than {most} bytes")]
    TooLong { most: usize },
    /// White space at an end, or a control character.
    #[error("begins or ends with white space, or contains a control character: remove it")]
    Unclean,
    /// Not an account id, region or role ARN.
    #[error(transparent)]
    Value(#[from] ParseError),
    /// A `match` of no known kind.
    #[error(
        "`{0}` is none of {MATCH_KINDS}; a host of one's own in front of ECR needs `account` and `region` beside it"
    )]
    Match(String),
    /// `account` without `region`.
    #[error("is missing: `account` and `region` together say which registry is behind `match`")]
    MissingRegion,
    /// `account` where `match` names ECR registries.
    #[error(
        "says which registry is behind a host of one's own, but `match` names ECR's own registries (`accounts` limits a rule to some accounts)"
    )]
    AccountOfEcr,
    /// A `match` that is no host at all, with `account` beside it.
    #[error("`{0}` is not a host, which it must be where `account` and `region` stand beside it")]
    MatchOfOwn(String),
    /// `region` in a rule that assumes nothing.
    #[error("says where roles are assumed, but the rule names nobody who could assume one")]
    RegionOfNobody,
    #[error("means the same as `profile`, which is there too: write one of the two")]
    TwoProfiles,
    #[error("its name cannot be that of a file, docker-credential-ecrx-NAME")]
    IdentityName,
    /// A name with a dot in it, without quotes.
    #[error("is a table in a table: a name with a dot is written in quotes, [{table}.\"{name}\"]")]
    DottedName { table: &'static str, name: String },
    /// An endpoint that credentials must not travel to.
    #[error(
        "`{0}` must be https://HOST, or http:// to this machine itself (localhost, 127.0.0.1, [::1])"
    )]
    EndpointUrl(String),
    /// A `*` among other characters in a `match`.
    #[error("`{0}` holds a wildcard, and a `*` can only stand alone: supported are {MATCH_KINDS}")]
    Wildcard(String),
    /// A `match` with a repository behind the host.
    #[error(
        "`{0}` names a path, and rules are for whole registries: leave away what follows the host"
    )]
    MatchWithPath(String),
    /// `accounts` on a rule for public ECR.
    #[error("public ECR is one registry without accounts: remove `accounts`")]
    AccountsOfPublic,
    /// `accounts` that exclude the account in `match`.
    #[error("does not list {0}, the account that `match` names: the rule would never be used")]
    AccountNotListed(AccountId),
    /// A setting of a role where there is no role.
    #[error("says how a role is assumed, but there is no `role_arn` beside it")]
    WithoutRole,
    /// Not what IAM takes as an external id. The value stays untold.
    #[error("must be 2 to 1224 of the characters A-Z a-z 0-9 and _+=,.@:/-")]
    ExternalId,
    /// Not what IAM takes as a session name.
    #[error(
        "`{0}` is not a session name: those are 2 to 64 of the characters A-Z a-z 0-9 and _+=,.@-"
    )]
    SessionName(String),
    /// An hour is the most that AWS gives to a role that a role assumes.
    #[error("must be at most 3600, as AWS gives a chain of roles one hour and no more, not {0}")]
    ChainTooLong(u64),
    /// An external id that would go to any account an image name mentions.
    #[error(
        "would be told to any account that an image names, as `role_arn` holds {{account}}: {remedy}"
    )]
    ExternalIdForAll { remedy: &'static str },
    /// A `{word}` that stands for nothing.
    #[error("`{{{word}}}` stands for nothing{}", DidYouMean(*nearest))]
    Placeholder {
        word: String,
        /// The nearest that does stand for something.
        nearest: Option<&'static str>,
    },
    /// A brace without its other half.
    #[error(
        "`{0}` holds a brace without its other half: write {{account}}, {{region}} or {{partition}}"
    )]
    Brace(String),
    /// A template that gives no role ARN.
    #[error(
        "`{template}` would become `{expanded}`, which is not the ARN of an IAM role: those look like arn:aws:iam::111122223333:role/name"
    )]
    Template {
        template: String,
        /// Filled in with a sample, or with the registry at hand.
        expanded: String,
    },
    /// A template on a rule for public ECR.
    #[error(
        "`{0}` is filled in from a private registry's name, which public ECR does not have: write the role out"
    )]
    TemplateForPublic(String),
    /// Two parts that should work together, or a part and a registry, in two partitions.
    #[error(
        "`{this}` is in the partition {partition}, and {other} in {other_partition}: nothing in AWS crosses partitions"
    )]
    AcrossPartitions {
        this: String,
        partition: Partition,
        other: String,
        other_partition: Partition,
    },
    /// A cache folder that would depend on the caller's working folder.
    #[error("must be an absolute path (`~` and variables are not expanded), not `{0}`")]
    RelativePath(String),
    /// `docker-credential-` in front of a helper's name.
    #[error("`{name}` is the whole name of a helper: write its end alone, `{end}`")]
    WholeHelperName { name: String, end: String },
    /// Not what a helper's executable can be called.
    #[error(
        "`{0}` is not the end of a helper's name: those are 1 to 64 of the characters A-Z a-z 0-9 and ._-, the first none of . and -"
    )]
    HelperName(String),
    /// The helper would hand everything to itself.
    #[error(
        "`{0}` is this program, which would call itself: name the helper that keeps the logins, such as `secretservice`"
    )]
    OwnHelperName(String),
}

/// The kinds of `match`, as messages list them.
const MATCH_KINDS: &str = "an account id, an account and region (111122223333/eu-west-1), \
     a partition (aws-cn), an ECR host, public.ecr.aws or *";

struct DidYouMean(Option<&'static str>);

impl fmt::Display for DidYouMean {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(nearest) => write!(f, ", did you mean `{{{nearest}}}`?"),
            None => f.write_str(": known are {account}, {region} and {partition}"),
        }
    }
}
