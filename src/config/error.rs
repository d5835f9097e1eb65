//! What can be wrong with the configuration, in sentences of one line that begin with the
//! place, as compilers do: `/etc/docker-credential-ecrx/config.toml:3: cache.dir: …`.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, escaped, escaped_path};
use crate::redaction::output::{holds_key, without_urls};
use crate::redaction::shown_input;
use crate::registry::{AccountId, ParseError, Partition};

use super::excerpt::Excerpt;

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
        "{}: file not found, but ECRX_CONFIG is set to it: correct or unset ECRX_CONFIG",
        escaped_path(path)
    )]
    Missing { path: PathBuf },
    /// A file is there and the system does not let us read it.
    #[error("{}: cannot be read: {cause}", escaped_path(path))]
    Unreadable { path: PathBuf, cause: io::Error },
    /// A folder, pipe or device where a file should be.
    #[error(
        "{}: is not a regular file: if you want no settings, use an empty file",
        escaped_path(path)
    )]
    NotAFile { path: PathBuf },
    /// More than [`super::MAX_FILE_BYTES`].
    #[error(
        "{}: is larger than 1 MiB, the maximum size of a configuration file",
        escaped_path(path)
    )]
    TooLarge { path: PathBuf },
    /// The bytes are no UTF-8, which TOML must be.
    #[error("{origin}: is not UTF-8 text: save the file as UTF-8")]
    NotUtf8 {
        /// The line with the first wrong byte.
        origin: Origin,
    },
    #[error("{origin}: invalid TOML: {}", escaped(message))]
    Syntax {
        origin: Origin,
        message: String,
        excerpt: Option<Box<Excerpt>>,
    },
    /// The file is TOML, but one of its settings is wrong, or fits the file and not the
    /// registry that was asked for.
    #[error("{origin}: {}: {}", escaped(&shown_key(key)), escaped(&without_urls(&problem.to_string())))]
    Setting {
        /// The setting's line, or that of the rule when no single line is at fault.
        origin: Origin,
        /// The setting's name behind that of its table: `cache.dir`, `registry.role_arn`.
        key: String,
        problem: Problem,
        excerpt: Option<Box<Excerpt>>,
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

    /// The source line with a mark, if it may be shown.
    pub fn excerpt(&self) -> Option<&Excerpt> {
        match self {
            Self::Syntax { excerpt, .. } | Self::Setting { excerpt, .. } => excerpt.as_deref(),
            _ => None,
        }
    }

    /// Line and column, to sort by.
    pub(super) fn position(&self) -> (Option<usize>, Option<usize>) {
        (self.line(), self.excerpt().map(|excerpt| excerpt.column))
    }

    /// The message without the place.
    pub fn message(&self) -> String {
        let text = self.to_string();
        let path = escaped_path(self.path()).to_string();
        let place = match self.line() {
            Some(line) => format!("{path}:{line}: "),
            None => format!("{path}: "),
        };
        text.strip_prefix(&place).unwrap_or(&text).to_owned()
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
    if holds_key(key) || key.contains([':', '@']) {
        shown_input(key).into()
    } else {
        key.into()
    }
}

/// What is wrong with one setting. Values are shown where that helps, external ids never.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Misspelled: a known key is near.
    #[error("unknown key; did you mean `{nearest}`?")]
    UnknownNear { nearest: &'static str },
    /// Known in another table, or near to what is known there.
    #[error("unknown key in this table: `{word}` belongs {tables}")]
    Misplaced { word: &'static str, tables: String },
    /// Nothing like it is known.
    #[error("unknown key; the keys of this table are {known}")]
    Unknown { known: String },
    /// A rule without `match`.
    #[error(
        "is missing: set it to the registries of this rule, or to `*` for all private registries"
    )]
    MissingMatch,
    /// A table that should bring an identity and brings none.
    #[error("has no identity: add `profile`, `role_arn` or both")]
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
    #[error("is an empty list: add a value or remove the line")]
    EmptyList,
    /// An array that should be shorter.
    #[error("lists {found} roles; the maximum is {most}")]
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
        "`{0}` is not {MATCH_KINDS}; if it is a custom host name for an ECR registry, add `account` and `region`"
    )]
    Match(String),
    /// `account` without `region`.
    #[error("is missing: a custom host name needs both `account` and `region`")]
    MissingRegion,
    /// `account` where `match` names ECR registries.
    #[error(
        "is only for custom host names, and `match` is an ECR registry: to limit the rule to some accounts, use `accounts`"
    )]
    AccountOfEcr,
    /// A `match` that is no host at all, with `account` beside it.
    #[error("`{0}` is not a host name: if `account` is set, `match` must be a custom host name")]
    MatchOfOwn(String),
    /// `region` in a rule that assumes nothing.
    #[error(
        "is the STS region for assuming roles, but this rule has no identity: add `profile` or `role_arn`, or remove the line"
    )]
    RegionOfNobody,
    #[error("means the same as `profile`, which is also set: remove one of them")]
    TwoProfiles,
    #[error(
        "the name must be valid in a file name, docker-credential-ecrx-NAME: remove slashes, backslashes and control characters"
    )]
    IdentityName,
    /// A name with a dot in it, without quotes.
    #[error("is a nested table: quote a name that contains a dot, [{table}.\"{name}\"]")]
    DottedName { table: &'static str, name: String },
    /// An endpoint that credentials must not travel to.
    #[error(
        "`{0}` must be https://HOST, or http:// with a loopback host (localhost, 127.0.0.1, [::1])"
    )]
    EndpointUrl(String),
    /// A `*` among other characters in a `match`.
    #[error("`{0}` contains a wildcard, but `*` is only supported alone: use {MATCH_KINDS}")]
    Wildcard(String),
    /// A `match` with a repository behind the host.
    #[error(
        "`{0}` contains a path, but rules apply to whole registries: remove everything after the host"
    )]
    MatchWithPath(String),
    /// `accounts` on a rule for public ECR.
    #[error("does not apply to public ECR: remove the line")]
    AccountsOfPublic,
    /// `accounts` that exclude the account in `match`.
    #[error(
        "does not list {0}, the account in `match`, so the rule is never used: add the account or correct `match`"
    )]
    AccountNotListed(AccountId),
    /// A setting of a role where there is no role.
    #[error("applies only to assumed roles: add `role_arn` or remove the line")]
    WithoutRole,
    /// Not what IAM takes as an external id. The value stays untold.
    #[error("must be 2 to 1224 characters from A-Z a-z 0-9 and _+=,.@:/-")]
    ExternalId,
    /// Not what IAM takes as a session name.
    #[error(
        "`{0}` is not a valid session name: use 2 to 64 characters from A-Z a-z 0-9 and _+=,.@-"
    )]
    SessionName(String),
    /// An hour is the most that AWS gives to a role that a role assumes.
    #[error("must be at most 3600, because AWS limits chained roles to one hour, not {0}")]
    ChainTooLong(u64),
    /// An external id that would go to any account an image name mentions.
    #[error(
        "would be sent to the account of any image, because `role_arn` contains {{account}}: {remedy}"
    )]
    ExternalIdForAll { remedy: &'static str },
    /// A `{word}` that is not a placeholder.
    #[error("`{{{word}}}` is not a placeholder{}", DidYouMean(*nearest))]
    Placeholder {
        word: String,
        /// The nearest that does stand for something.
        nearest: Option<&'static str>,
    },
    /// A brace without its other half.
    #[error("`{0}` contains an unmatched brace: write {{account}}, {{region}} or {{partition}}")]
    Brace(String),
    /// A template that gives no role ARN.
    #[error(
        "`{template}` would become `{expanded}`, which is not an IAM role ARN: expected arn:aws:iam::111122223333:role/NAME"
    )]
    Template {
        template: String,
        /// Filled in with a sample, or with the registry at hand.
        expanded: String,
    },
    /// A template on a rule for public ECR.
    #[error(
        "`{0}` contains placeholders, which have no values for public ECR: write the full role ARN"
    )]
    TemplateForPublic(String),
    /// Two parts that should work together, or a part and a registry, in two partitions.
    #[error(
        "`{this}` is in the partition {partition}, and {other} in {other_partition}: AWS identities and registries must be in the same partition"
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
    #[error("`{name}` is the full program name: write only `{end}`")]
    WholeHelperName { name: String, end: String },
    /// Not what a helper's executable can be called.
    #[error(
        "`{0}` is not a valid helper name: use 1 to 64 characters from A-Z a-z 0-9 and ._-, without . or - at the start"
    )]
    HelperName(String),
    /// The helper would hand everything to itself.
    #[error(
        "`{0}` is this program, which cannot call itself: name the helper that stores your other logins, such as `secretservice`"
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
            None => f.write_str(": use {account}, {region} or {partition}"),
        }
    }
}
