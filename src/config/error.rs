//! The mistakes in the configuration. Each is one line that begins with the place, as compilers print
//! it: `/etc/docker-credential-ecrx/config.toml:3: cache.dir: …`.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use textwrap::core::display_width;

use crate::error::{Error, escaped, escaped_path};
use crate::redaction::output::{holds_key, without_urls};
use crate::redaction::{shown_input, shown_url};
use crate::registry::{AccountId, ParseError, Partition};

/// The place of a setting.
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

/// Why the configuration cannot be used. Every mistake is an error, as another identity would be used
/// if a rule were ignored.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// `ECRX_CONFIG` names a file that does not exist. (The other two files may be absent.)
    #[error(
        "{}: file not found, but ECRX_CONFIG is set to it; correct or unset ECRX_CONFIG",
        escaped_path(path)
    )]
    Missing { path: PathBuf },
    /// The system denies access to the file.
    #[error("{}: cannot be read: {cause}", escaped_path(path))]
    Unreadable { path: PathBuf, cause: io::Error },
    /// A folder, pipe or device.
    #[error(
        "{}: is not a regular file; if you want no settings, use an empty file",
        escaped_path(path)
    )]
    NotAFile { path: PathBuf },
    /// More than [`super::MAX_FILE_BYTES`].
    #[error(
        "{}: is larger than 1 MiB, the maximum size of a configuration file",
        escaped_path(path)
    )]
    TooLarge { path: PathBuf },
    /// TOML must be UTF-8.
    #[error("{origin}: is not UTF-8 text; save the file as UTF-8")]
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
    /// A setting is wrong, or cannot be used for the registry in question.
    #[error("{origin}: {}: {}", escaped(&shown_key(key)), escaped(&without_urls(&problem.to_string())))]
    Setting {
        /// The setting's line, or the rule's if the mistake is not in a single line.
        origin: Origin,
        /// The setting's name after its table's: `cache.dir`, `registry.role_arn`.
        key: String,
        problem: Problem,
        excerpt: Option<Box<Excerpt>>,
    },
}

/// The messages contain the remedy.
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

    /// The line of the mistake; `None` if it is the file as a whole.
    pub fn line(&self) -> Option<usize> {
        match self {
            Self::NotUtf8 { origin }
            | Self::Syntax { origin, .. }
            | Self::Setting { origin, .. } => Some(origin.line),
            _ => None,
        }
    }

    /// The source line with carets, if it may be shown.
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

    /// The setting with the mistake, if it is not in the file as a whole.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Setting { key, .. } => Some(key),
            _ => None,
        }
    }
}

/// A key. If it is a URL, written in the wrong place, its password is not shown.
fn shown_key(key: &str) -> Cow<'_, str> {
    if holds_key(key) || key.contains([':', '@']) {
        shown_input(key).into()
    } else {
        key.into()
    }
}

/// What is wrong with a setting. Values are shown if that helps, but never external IDs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A misspelled key.
    #[error("unknown key; did you mean `{nearest}`?")]
    UnknownNear { nearest: &'static str },
    /// A key of another table, or a misspelled one.
    #[error("unknown key in this table: `{word}` belongs {tables}")]
    Misplaced { word: &'static str, tables: String },
    /// A key that resembles none.
    #[error("unknown key; the keys of this table are {known}")]
    Unknown { known: String },
    /// A rule without `match`.
    #[error(
        "is missing; set it to the registries of this rule, or to `*` for all private registries"
    )]
    MissingMatch,
    /// A table for an identity without one.
    #[error("has no identity; add `profile`, `sso_session`, `web_identity` or `role_arn`")]
    NoIdentity,
    /// A value of the wrong type.
    #[error("must be {expected}, not {found}")]
    WrongType {
        expected: &'static str,
        found: &'static str,
    },
    /// A value instead of a table or a list of tables.
    #[error("must be written as {written}, not as {found}")]
    NotSection {
        written: &'static str,
        found: &'static str,
    },
    /// A number outside its range.
    #[error("must be between {least} and {most}, not {found}")]
    OutOfRange {
        least: u64,
        most: u64,
        found: String,
    },
    #[error("is empty; give it a value or remove the line")]
    Empty,
    /// An empty list.
    #[error("is an empty list; add a value or remove the line")]
    EmptyList,
    /// A list of too many values.
    #[error("lists {found} roles; the maximum is {most}")]
    LongList { most: usize, found: usize },
    /// A text that is longer than any of AWS.
    #[error("is longer than {most} bytes")]
    TooLong { most: usize },
    /// White space at an end, or a control character.
    #[error("begins or ends with white space, or contains a control character; remove it")]
    Unclean,
    /// Not an account ID, region or role ARN.
    #[error(transparent)]
    Value(#[from] ParseError),
    /// A `match` of no known kind.
    #[error(
        "`{0}` is not {MATCH_KINDS}; if it is a custom host name for an ECR registry, add `account` and `region`"
    )]
    Match(String),
    /// `account` without `region`.
    #[error("is missing; a custom host name needs both `account` and `region`")]
    MissingRegion,
    /// `account` with a `match` of ECR registries.
    #[error(
        "is only for custom host names, and `match` is an ECR registry; to limit the rule to some accounts, use `accounts`"
    )]
    AccountOfEcr,
    /// A `match` that is not a host, with `account`.
    #[error("`{0}` is not a host name; if `account` is set, `match` must be a custom host name")]
    MatchOfOwn(String),
    /// `region` in a rule without an identity.
    #[error(
        "is the STS region for assuming roles, but this rule has no identity; add `profile` or `role_arn`, or remove the line"
    )]
    RegionWithoutIdentity,
    #[error("means the same as `profile`, which is also set; remove one of them")]
    TwoProfiles,
    /// Keys of two kinds of credential sources.
    #[error(
        "cannot be used with `{other}`: an identity has one credential source; remove one of them"
    )]
    TwoSources { other: &'static str },
    /// A setting of SSO without a sign-in.
    #[error(
        "applies only to SSO; add `sso_session`, or `sso_start_url` with `sso_region`, or remove the line"
    )]
    WithoutSignIn,
    /// The session has the setting, too.
    #[error(
        "cannot be used with `sso_session`, whose section in ~/.aws/config sets it; remove the line"
    )]
    SetBySession,
    #[error("is missing; SSO needs the role name of a permission set")]
    MissingSsoRole,
    #[error("is missing; `sso_start_url` needs the region of IAM Identity Center")]
    MissingSsoRegion,
    #[error("`{0}` is not a role name; use 1 to 64 characters from A-Z a-z 0-9 and _+=,.@-")]
    SsoRoleName(String),
    #[error("`{0}` must be https://HOST, optionally with a path")]
    StartUrl(String),
    /// An SSO role in the registry's account, for public ECR.
    #[error("is missing; public ECR has no account, so name the account of the SSO role")]
    SsoAccountOfPublic,
    #[error(
        "`{0}` must be `github`, `env:NAME` with the name of a variable, or an absolute path (`~` and variables are not expanded)"
    )]
    WebIdentity(String),
    #[error("needs `role_arn`, the role that is assumed with the token")]
    WebIdentityWithoutRole,
    /// A setting that `AssumeRoleWithWebIdentity` does not take.
    #[error(
        "cannot be used with `web_identity`: AWS does not accept it with a web identity token; remove the line"
    )]
    NotWithWebIdentity,
    #[error("applies only to `web_identity = \"github\"`; remove the line")]
    AudienceOfGitHub,
    #[error(
        "the name must be valid in a file name, docker-credential-ecrx-NAME; remove slashes, backslashes and control characters"
    )]
    IdentityName,
    /// A name with a dot, without quotes.
    #[error("is a nested table; quote a name that contains a dot, [{table}.\"{name}\"]")]
    DottedName { table: &'static str, name: String },
    /// An endpoint that credentials must not be sent to.
    #[error(
        "`{0}` must be https://HOST, or http:// with a loopback host (localhost, 127.0.0.1, [::1])"
    )]
    EndpointUrl(String),
    /// A `*` among other characters in a `match`.
    #[error(
        "`{0}` contains a wildcard, but `*` is only supported alone or at the end of repositories; use {MATCH_KINDS}"
    )]
    Wildcard(String),
    /// A `match` with a path after public ECR or a custom host name.
    #[error(
        "`{0}` contains a path, but only private ECR registries can be followed by repositories (111122223333/eu-west-1/team/*); remove everything after the host"
    )]
    MatchWithPath(String),
    /// A `match` that ends in what is neither a repository nor a prefix.
    #[error(
        "`{0}` must end in a repository (team/app) or in a prefix and `/*` (team/*), with names of ECR: lower-case letters and digits, separated by single `.`, `_`, `-` or `/`, without tag and digest"
    )]
    Repositories(String),
    /// A registry and `/*`.
    #[error(
        "`{0}/*` matches every repository, but not clients that send only the host; write `{0}`, which matches both"
    )]
    EveryRepository(String),
    /// `accounts` on a rule for public ECR.
    #[error("does not apply to public ECR; remove the line")]
    AccountsOfPublic,
    /// `accounts` that exclude the account in `match`.
    #[error(
        "does not list {0}, the account in `match`, so the rule is never used; add the account or correct `match`"
    )]
    AccountNotListed(AccountId),
    /// A setting of a role without a role.
    #[error("applies only to assumed roles; add `role_arn` or remove the line")]
    WithoutRole,
    /// Not an external ID by the rules of IAM. The value is not shown.
    #[error("must be 2 to 1224 characters from A-Z a-z 0-9 and _+=,.@:/-")]
    ExternalId,
    /// Not a session name by the rules of IAM.
    #[error(
        "`{0}` is not a valid session name; use 2 to 64 characters from A-Z a-z 0-9 and _+=,.@-"
    )]
    SessionName(String),
    /// AWS limits the session of a role that is assumed by a role to an hour.
    #[error("must be at most 3600, because AWS limits chained roles to one hour, not {0}")]
    ChainTooLong(u64),
    /// An external ID that would be sent to the account of any image.
    #[error(
        "would be sent to the account of any image, because `role_arn` contains {{account}}; {remedy}"
    )]
    ExternalIdForAll { remedy: &'static str },
    /// A `{word}` that is not a placeholder.
    #[error("`{{{word}}}` is not a placeholder{}", DidYouMean(*nearest))]
    Placeholder {
        word: String,
        /// The nearest placeholder.
        nearest: Option<&'static str>,
    },
    /// A brace without its other half.
    #[error("`{0}` contains an unmatched brace; write {{account}}, {{region}} or {{partition}}")]
    Brace(String),
    /// A template that does not become a role ARN.
    #[error(
        "`{template}` would become `{expanded}`, which is not an IAM role ARN: expected arn:aws:iam::111122223333:role/NAME"
    )]
    Template {
        template: String,
        /// With the values of a sample, or of the registry in question.
        expanded: String,
    },
    /// A template on a rule for public ECR.
    #[error(
        "`{0}` contains placeholders, which have no values for public ECR; write the full role ARN"
    )]
    TemplateForPublic(String),
    /// Two parts of an identity, or a part and a registry, in different partitions.
    #[error(
        "`{this}` is in the partition {partition}, and {other} in {other_partition}; AWS identities and registries must be in the same partition"
    )]
    AcrossPartitions {
        this: String,
        partition: Partition,
        other: String,
        other_partition: Partition,
    },
    /// Neither of the two values of `workload`.
    #[error("must be `optional` or `required`, not `{0}`")]
    Workload(String),
    /// Not the key of an annotation by the rules of Kubernetes.
    #[error("`{0}` is not the key of an annotation, such as `eks.amazonaws.com/ecr-role-arn`")]
    Annotation(String),
    /// Not one private registry.
    #[error(
        "`{0}` is not a private registry; write an account and region (111122223333/eu-west-1)"
    )]
    OtherHosts(String),
    /// Neither of the two values of `access`.
    #[error(
        "must be `pull` or `push`, not `{word}`{}",
        .nearest.map_or_else(String::new, |nearest| format!("; did you mean `{nearest}`?"))
    )]
    Access {
        word: String,
        nearest: Option<&'static str>,
    },
    /// A setting of `access` without it.
    #[error(
        "applies only with `access`; add access = \"pull\" or access = \"push\", or remove the line"
    )]
    WithoutAccess,
    /// `access` with an identity that assumes no role.
    #[error(
        "needs a role, because AWS limits only the session of an assumed role; add `role_arn` or remove the line"
    )]
    AccessWithoutRole,
    #[error("does not apply to public ECR, which has no pull-through cache rules; remove the line")]
    PullThroughOfPublic,
    /// Not a name of a repository, with or without wildcards.
    #[error(
        "`{0}` is not a repository; write a name of ECR in which `*` matches any characters (team/app, team/*): lower-case letters and digits, separated by single `.`, `_`, `-` or `/`"
    )]
    AccessRepository(String),
    /// A session policy that STS does not accept.
    #[error(
        "results in a session policy of {length} characters, but AWS accepts at most {most}; use fewer repositories, with wildcards (team/*)"
    )]
    LongPolicy { most: usize, length: usize },
    /// A path that would depend on the caller's working folder.
    #[error("must be an absolute path (`~` and variables are not expanded), not `{0}`")]
    RelativePath(String),
    /// A helper's name with the prefix `docker-credential-`.
    #[error("`{name}` is the full program name; write only `{end}`")]
    WholeHelperName { name: String, end: String },
    /// Not a valid name of a helper.
    #[error(
        "`{0}` is not a valid helper name; use 1 to 64 characters from A-Z a-z 0-9 and ._-, without . or - at the start"
    )]
    HelperName(String),
    /// This program, which would call itself.
    #[error(
        "`{0}` is this program, which cannot call itself; name the helper that stores your other logins, such as `secretservice`"
    )]
    OwnHelperName(String),
}

/// The kinds of `match`, as messages list them.
const MATCH_KINDS: &str = "an account ID, an account and region (111122223333/eu-west-1), \
     repositories of these (111122223333/eu-west-1/team/*), a partition (aws-cn), an ECR host, public.ecr.aws or *";

struct DidYouMean(Option<&'static str>);

impl fmt::Display for DidYouMean {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(nearest) => write!(f, "; did you mean `{{{nearest}}}`?"),
            None => f.write_str("; use {account}, {region} or {partition}"),
        }
    }
}

/// A source line with the place of a mistake.
#[derive(Clone, Debug)]
pub struct Excerpt {
    /// In characters, from 1.
    pub column: usize,
    /// As it is printed.
    line: String,
    /// In columns of the terminal.
    indent: usize,
    width: usize,
}

impl Excerpt {
    /// `earlier` is the text above the line, `before` the line up to the `marked` part. `None` if
    /// the line may hold a secret.
    pub(super) fn new(earlier: &str, before: &str, line: &str, marked: &str) -> Option<Self> {
        let shown = shown_line(earlier, line)?;
        let (length, before) = (shown.chars().count(), before.chars().count());
        // If a part is left out, the ellipsis is marked.
        let start = before.min(length - usize::from(shown != line));
        let marked = marked.chars().count().min(length - start);
        let columns = |skip: usize, take: usize| {
            let part: String = shown.chars().skip(skip).take(take).collect();
            display_width(&printed(&part))
        };
        Some(Self {
            column: before + 1,
            indent: columns(0, start),
            width: columns(start, marked).max(1),
            line: printed(&shown),
        })
    }

    /// The source line, and a line with carets under the place.
    pub fn lines(&self) -> [String; 2] {
        let carets = " ".repeat(self.indent) + &"^".repeat(self.width);
        [self.line.clone(), carets]
    }
}

/// The text with tabs as blanks, since a terminal shows them in different widths, and with other
/// control characters escaped.
fn printed(text: &str) -> String {
    let parts: Vec<String> = text.split('\t').map(escaped).collect();
    parts.join("    ")
}

/// Keys whose values are no secrets: all but `external_id`.
pub(super) const SHOWN_KEYS: [&str; 35] = [
    "access",
    "access_pull_through",
    "access_repositories",
    "account",
    "accounts",
    "cache_dir",
    "connect_timeout_seconds",
    "dir",
    "duration_seconds",
    "enabled",
    "endpoint_url",
    "hosts_dir",
    "log_file",
    "match",
    "max_age_seconds",
    "mfa_serial",
    "other_hosts",
    "other_registries_helper",
    "other_registries_timeout_seconds",
    "profile",
    "region",
    "role_annotations",
    "role_arn",
    "role_session_name",
    "source_profile",
    "sso_account_id",
    "sso_region",
    "sso_role_name",
    "sso_session",
    "sso_start_url",
    "sts_endpoint_url",
    "timeout_seconds",
    "web_identity",
    "web_identity_audience",
    "workload",
];

/// Longer lines are not shown.
const LONGEST_LINE: usize = 200;

/// A line without what may be secret: the value of an unknown key, comments, and what has no key.
fn shown_line(earlier: &str, line: &str) -> Option<String> {
    let is_hidden = |part: &str| holds_key(part) || part.contains("://") && shown_url(part) != part;
    let mut parts = line.split(['"', '\'']);
    if line.len() > LONGEST_LINE || line.contains('@') || parts.any(is_hidden) {
        return None;
    }
    let Some((key, value)) = line.split_once('=') else {
        return shown_without_key(earlier, line);
    };
    let is_shown = SHOWN_KEYS.contains(&key.trim()) && !value.contains(['=', '#']);
    let is_key = !key.trim().contains([':', ' ', '#', '"']);
    if is_shown {
        Some(line.to_owned())
    } else {
        is_key.then(|| format!("{key}= …"))
    }
}

/// A table header, or a part of a list or text that began in an earlier line.
fn shown_without_key(earlier: &str, line: &str) -> Option<String> {
    let is_header = line.trim_start().starts_with('[') && !line.contains([':', '"', '#']);
    let statement = earlier.lines().rev().find(|line| line.contains('='));
    let key = statement.and_then(|line| line.split_once('='));
    let is_of_shown = key.is_some_and(|(key, _)| SHOWN_KEYS.contains(&key.trim()));
    let is_list = line.trim_start().starts_with(['"', ']']) && !line.contains('#');
    (is_header || is_of_shown && is_list).then(|| line.to_owned())
}
