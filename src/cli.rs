//! The command line of the commands for people, told once: it is what arguments are read by, and
//! what `--help`, the manual page and the completions are made from.
//!
//! What clients call (`get`, `store`, `erase`, `list`), `version` and `help` are recognised before
//! any of this is built: they are no commands of clap's, and their help is put below its own.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, CommandFactory as _, Parser, Subcommand, ValueEnum, ValueHint};

use crate::config::{Problem, RoleArnTemplate, parse_external_id, parse_session_name};
use crate::nearest::nearest;
use crate::registry::MfaDevice;
use crate::secret::Secret;

/// Credentials for Amazon ECR, for docker, podman, skopeo and their kin
///
/// Clients call it when they need a password. To have them do so, name it in their configuration:
/// `docker-credential-ecrx configure-docker HOST`.
#[derive(Debug, Parser)]
#[command(
    name = "docker-credential-ecrx",
    disable_version_flag = true,
    disable_help_subcommand = true,
    help_template = TEMPLATE,
    after_help = after_help(),
    max_term_width = 100
)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

const TEMPLATE: &str = "\
{usage-heading} {usage}

{about-with-newline}
Commands for people:
{subcommands}{after-help}";

/// clap's own line would be wider than 100 columns.
const POLICY_USAGE: &str = "\
docker-credential-ecrx policy [OPTIONS] <--registry <HOST>|--repository <ARN>>
           <--principal <ARN|ACCOUNT>|--org <o-ID>>";

/// ECR's tokens live 12 hours (Amazon ECR API reference, `AuthorizationData`).
const LONGEST_LIFE: Duration = Duration::from_secs(12 * 3600);

/// The commands for people.
#[allow(
    missing_docs,
    reason = "clap would print it instead of what the types below say"
)]
#[derive(Debug, Subcommand)]
pub enum Command {
    ConfigureDocker(ConfigureDocker),
    Doctor(Doctor),
    Policy(Policy),
    Password(Password),
    Whoami(Whoami),
    Cache(CacheArguments),
    Config(ConfigArguments),
    Completions(Completions),
}

/// Configure docker or podman to use docker-credential-ecrx for registries
///
/// Shows the changes to the client's configuration file and applies them. The rest of the file is
/// left untouched, and a backup is written next to it.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("rule").args(["profile", "role_arn"]).multiple(true))]
pub struct ConfigureDocker {
    /// Registry: a host, an account and region (`111122223333/eu-west-1`), or an image
    #[arg(value_name = "HOST", required_unless_present_any = ["all", "creds_store", "undo"])]
    pub hosts: Vec<String>,
    /// Use this AWS profile for the registries, by adding a rule to config.toml
    #[arg(long, value_name = "PROFILE", requires = "hosts", value_parser = profile)]
    pub profile: Option<String>,
    /// Assume this role for the registries, by adding a rule to config.toml
    #[arg(long, value_name = "ARN", requires = "hosts", value_parser = role_arn)]
    pub role_arn: Option<String>,
    /// Send this external ID when assuming the role
    #[arg(long, value_name = "ID", requires = "role_arn", value_parser = parse_external_id)]
    pub external_id: Option<Secret>,
    /// Prompt for a code of this MFA device when assuming the role
    #[arg(long, value_name = "ARN", requires = "role_arn")]
    pub mfa_serial: Option<MfaDevice>,
    /// Use this session name when assuming the role
    #[arg(long, value_name = "NAME", requires = "role_arn", value_parser = parse_session_name)]
    pub role_session_name: Option<String>,
    /// Change the rule that config.toml already has for a registry
    #[arg(long, requires = "rule")]
    pub replace: bool,
    /// Use [identity.NAME] of config.toml or the AWS profile NAME, by configuring the helper
    /// ecrx-NAME
    #[arg(long, value_name = "NAME", conflicts_with = "rule", value_parser = identity_name)]
    pub identity: Option<String>,
    /// Change auth.json of podman, skopeo and buildah instead of docker's file
    #[arg(long)]
    pub podman: bool,
    /// Configure every registry that a rule in config.toml names
    #[arg(long, conflicts_with = "undo")]
    pub all: bool,
    /// Make ecrx the default credential store (credsStore), also for registries other than ECR
    #[arg(long, conflicts_with = "podman")]
    pub creds_store: bool,
    /// Remove saved logins and correct misspelled entries of the registries
    #[arg(long)]
    pub fix: bool,
    /// Show the changes without applying them
    #[arg(long)]
    pub dry_run: bool,
    /// Remove the entries for the hosts, or all entries, and restore the earlier ones from the
    /// backup. config.toml is not changed
    #[arg(long, conflicts_with_all = ["rule", "identity", "fix"])]
    pub undo: bool,
}

/// Find out why an image cannot be pulled
///
/// Checks each step of a pull: this machine, the clients, the AWS identity, the token and the
/// registry. If a policy denies access, prints the statement to add and names the policy.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Image, or registry (host or ACCOUNT/REGION). Without one, checks only this machine
    #[arg(value_name = "IMAGE|HOST")]
    pub target: Option<String>,
    /// Also check whether you can push: starts an upload and cancels it
    #[arg(long, requires = "target")]
    pub push: bool,
    /// Check only this client. By default, checks all installed clients
    #[arg(long, value_name = "CLIENT", value_enum)]
    pub client: Option<CheckedClient>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// A client whose configuration `doctor` checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CheckedClient {
    Docker,
    Podman,
}

/// Print the IAM policies that give other accounts access to a registry
///
/// Prints each policy document with its account and resource. Makes no network calls and changes
/// nothing in AWS.
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    override_usage = POLICY_USAGE,
    group(ArgGroup::new("repositories").args(["registry", "repository"]).required(true)),
    group(ArgGroup::new("callers").args(["principal", "org"]).required(true))
)]
pub struct Policy {
    /// Give access to this registry (a host, or an account and region such as
    /// `111122223333/eu-west-1`), or to the repository of an image
    #[arg(long, value_name = "HOST")]
    pub registry: Option<String>,
    /// Give access to the repository with this ARN; can be repeated
    #[arg(long, value_name = "ARN")]
    pub repository: Vec<String>,
    /// Give access to this role or user (its ARN) or account; can be repeated
    #[arg(long, value_name = "ARN|ACCOUNT")]
    pub principal: Vec<String>,
    /// Give access to every account of this organization
    #[arg(long, value_name = "o-ID")]
    pub org: Option<String>,
    /// Allow pulling images (the default)
    #[arg(long)]
    pub pull: bool,
    /// Allow pushing and pulling images
    #[arg(long)]
    pub push: bool,
    /// Allow reading image scan findings
    #[arg(long)]
    pub scan: bool,
    /// Grant access through this role in the registry's account
    #[arg(long, value_name = "ARN")]
    pub role_arn: Option<String>,
    /// Require this external ID to assume the role
    #[arg(long, value_name = "ID", requires = "role_arn")]
    pub external_id: Option<String>,
    /// Select the output format
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = PolicyForm::Text)]
    pub format: PolicyForm,
    /// Print JSON (same as `--format json`)
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
    /// Write each document to a file in this directory; existing files are not overwritten
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub out: Option<PathBuf>,
}

/// The output formats of `policy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PolicyForm {
    /// JSON documents, each under a heading and notes
    Text,
    /// One JSON list of all documents, for programs
    Json,
    /// Terraform resources
    Terraform,
    /// CloudFormation templates, one for each account and region
    #[value(name = "cloudformation")]
    CloudFormation,
    /// AWS CLI commands
    Cli,
}

/// Print the password of a registry, for `docker login --password-stdin` and its like
///
/// The user name is AWS. It is printed alone on a line, from the cache where it is there.
#[derive(Debug, Args)]
pub struct Password {
    /// The registry: a host, an account and region (`111122223333/eu-west-1`), or an image
    #[arg(value_name = "HOST")]
    pub host: String,
    /// How long it must be good for, at least: `30m`, `11h`; 12 hours at most. When the cached one
    /// is not, a new one is bought
    #[arg(long, value_name = "TIME", value_parser = lifetime)]
    pub min_lifetime: Option<Duration>,
}

/// Say who would ask for a registry's token, and why, without asking anybody
///
/// The exit code is 1 when nobody could ask: there is no such profile, or the sign-in is over.
#[derive(Debug, Args)]
pub struct Whoami {
    /// The registry: a host, an account and region (`111122223333/eu-west-1`), or an image
    #[arg(value_name = "HOST")]
    pub host: String,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// See and empty the cache of tokens
#[derive(Debug, Args)]
pub struct CacheArguments {
    /// What to do
    #[command(subcommand)]
    pub command: CacheCommand,
}

/// What can be done with the cache.
#[derive(Debug, Subcommand)]
pub enum CacheCommand {
    /// List the tokens: registry, who bought it, its age, when it is renewed and when it ends
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Delete the tokens of a registry, whoever bought them, or all there are
    ///
    /// What is remembered of failures goes too. Files in the folder that are not the cache's stay.
    Clear {
        /// The registry: a host, an account and region (`111122223333/eu-west-1`), or an image
        #[arg(value_name = "HOST")]
        host: Option<String>,
    },
    /// Print the folder
    Path,
}

/// Check config.toml, and see what it decides
#[derive(Debug, Args)]
pub struct ConfigArguments {
    /// What to do
    #[command(subcommand)]
    pub command: ConfigCommand,
}

/// What can be done with the configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Read the configuration files, and find what in them can never work
    ///
    /// That is rules that never have a say, as all they say is said before; hosts that are defined
    /// twice; AWS profiles that do not exist; and misspelled ECRX_* variables. With any of them the
    /// exit code is 1.
    Check {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show what decides for a registry: each layer, the rule, and the settings
    Show {
        /// The registry: a host, an account and region (`111122223333/eu-west-1`), or an image
        #[arg(value_name = "HOST")]
        host: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// Print the completions of a shell
#[derive(Debug, Args)]
pub struct Completions {
    /// Which
    #[arg(value_enum)]
    pub shell: Shell,
}

/// The shells there are completions for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// bash
    Bash,
    /// zsh
    Zsh,
    /// fish
    Fish,
    /// PowerShell
    #[value(name = "powershell")]
    PowerShell,
}

impl Shell {
    /// The file under `packaging/completions`, which is made from this one.
    pub fn completions(self) -> &'static str {
        match self {
            Shell::Bash => include_str!("../packaging/completions/docker-credential-ecrx.bash"),
            Shell::Zsh => include_str!("../packaging/completions/_docker-credential-ecrx"),
            Shell::Fish => include_str!("../packaging/completions/docker-credential-ecrx.fish"),
            Shell::PowerShell => {
                include_str!("../packaging/completions/docker-credential-ecrx.ps1")
            }
        }
    }
}

/// A profile's name.
fn profile(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() {
        Err("the profile name is empty")
    } else {
        Ok(text.to_owned())
    }
}

/// A name that a helper's file can end with.
fn identity_name(text: &str) -> Result<String, &'static str> {
    let is_separator = |character: char| character.is_control() || "/\\:".contains(character);
    if text.trim().is_empty() {
        Err("the identity name is empty")
    } else if text.contains(is_separator) {
        Err("the identity name is part of a file name and cannot contain `/`, `\\` or `:`")
    } else {
        Ok(text.to_owned())
    }
}

/// The ARN of a role, which may have blanks in it.
fn role_arn(text: &str) -> Result<String, Problem> {
    RoleArnTemplate::parse(text).map(|_| text.to_owned())
}

/// Why a time is no lifetime of a token.
#[derive(Debug, thiserror::Error)]
enum LifetimeError {
    #[error("write it as 30m or 11h: {0}")]
    Duration(#[from] humantime::DurationError),
    #[error("no token lives longer than 12 hours")]
    TooLong,
}

/// A time that a token can live.
fn lifetime(text: &str) -> Result<Duration, LifetimeError> {
    let time = humantime::parse_duration(text)?;
    if time <= LONGEST_LIFE {
        Ok(time)
    } else {
        Err(LifetimeError::TooLong)
    }
}

impl Cli {
    /// Whether a word is a command for people.
    pub fn has(word: &str) -> bool {
        Self::command().find_subcommand(word).is_some()
    }

    /// The commands for people.
    fn names() -> Vec<String> {
        let command = Self::command();
        let commands = command.get_subcommands();
        commands.map(|it| it.get_name().to_owned()).collect()
    }

    /// Reads the arguments, the program's name first. An error is clap's own text, a request for
    /// help included.
    pub fn read(arguments: &[OsString]) -> Result<Self, clap::Error> {
        Self::try_parse_from(arguments)
    }

    /// The help of the whole program.
    pub fn help() -> String {
        Self::command().render_help().to_string()
    }
}

/// A command without arguments, which is recognised before clap is touched.
#[derive(Debug)]
pub struct PlainCommand {
    pub name: &'static str,
    pub about: &'static str,
    /// The same for the manual page: what is read and what is printed.
    pub long_about: &'static str,
}

impl PlainCommand {
    pub fn has(word: &str) -> bool {
        Self::names().any(|name| name == word)
    }

    fn names() -> impl Iterator<Item = &'static str> {
        FOR_CLIENTS.iter().chain(&FOR_ALL).map(|known| known.name)
    }
}

/// What clients call.
pub const FOR_CLIENTS: [PlainCommand; 4] = [
    PlainCommand {
        name: "get",
        about: "print the credentials of a server as JSON",
        long_about: "Reads a server from stdin, a host in any spelling, and prints \
            `{\"ServerURL\":…,\"Username\":\"AWS\",\"Secret\":…}`. Where there are none, it prints \
            `credentials not found in native keychain`, and the client goes on anonymously. Any \
            other failure is one line on stdout, and the same with hints on stderr.",
    },
    PlainCommand {
        name: "store",
        about: "accept a login to an ECR registry (nothing is kept)",
        long_about: "Reads `{\"ServerURL\":…,\"Username\":…,\"Secret\":…}` from stdin, as \
            `docker login` sends it. Of an ECR registry nothing is kept: its passwords are bought \
            when they are needed.",
    },
    PlainCommand {
        name: "erase",
        about: "drop the cached token of a server",
        long_about: "Reads a server from stdin, and drops what `get` would answer for it from the \
            cache. Never fails at an ECR registry.",
    },
    PlainCommand {
        name: "list",
        about: "print the registries that the cache could answer for now",
        long_about: "Prints a JSON object of servers and user names. No AWS is asked.",
    },
];

/// What clients and people call.
pub const FOR_ALL: [PlainCommand; 2] = [
    PlainCommand {
        name: "version",
        about: "print the version; also -v, --version",
        long_about: "Prints the name, the package and the version. Also `-v` and `--version`.",
    },
    PlainCommand {
        name: "help",
        about: "print this, or with a command behind it, the help of that",
        long_about: "Prints an overview, or with a command behind it, the help of that. Also `-h` \
            and `--help`.",
    },
];

const NAMED: &str = "\
Called as docker-credential-ecrx-NAME, by a link or a copy, it asks as
[identity.NAME] of config.toml or as the AWS profile NAME. Other registries
are handed to the helper that other_registries_helper names in config.toml.

ECRX_PROFILE and ECRX_ROLE_ARN say who asks, ECRX_LOG=error|warn|info|debug
logs to stderr. The manual pages docker-credential-ecrx(1) and
docker-credential-ecrx-config(5) have the rest.
";

/// The help below the commands for people.
fn after_help() -> String {
    let lines = |commands: &[PlainCommand]| -> String {
        commands
            .iter()
            .map(|command| format!("  {:<9}{}\n", command.name, command.about))
            .collect()
    };
    format!(
        "Commands for clients, which send their question on stdin:\n{}\n{}\n{NAMED}",
        lines(&FOR_CLIENTS),
        lines(&FOR_ALL)
    )
}

/// What is wrong with words that are not a command. The usage alone does not tell.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    #[error("there is no command `{0}`")]
    Unknown(String),
    #[error("there is no command `{word}`, did you mean `{nearest}`?")]
    Misspelled { word: String, nearest: String },
    /// `get` with a server as an argument, for example.
    #[error("`{0}` takes no arguments: what it is asked about comes on stdin")]
    ForClients(String),
    /// `version` with an argument, for example.
    #[error("`{0}` takes no arguments")]
    ForAll(String),
}

impl CommandError {
    /// Takes the words after the program's name; `None` if there are none, if the first is not
    /// text (and so empty here), or is a command for people.
    pub fn from_words(words: &[&str]) -> Option<Self> {
        let (&word, is_help) = match words {
            ["help", word, ..] => (word, true),
            [word, ..] => (word, false),
            [] => return None,
        };
        if word.is_empty() || Cli::has(word) {
            return None;
        }
        let owned = word.to_owned();
        if !is_help && FOR_CLIENTS.iter().any(|known| known.name == word) {
            return Some(Self::ForClients(owned));
        }
        if PlainCommand::has(word) || ["--version", "-v", "--help", "-h"].contains(&word) {
            return Some(Self::ForAll(owned));
        }
        let all: Vec<String> = PlainCommand::names()
            .map(str::to_owned)
            .chain(Cli::names())
            .collect();
        Some(match nearest(word, all.iter().map(String::as_str)) {
            Some(nearest) => Self::Misspelled {
                word: owned,
                nearest: nearest.to_owned(),
            },
            None => Self::Unknown(owned),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definitions_hold_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_is_wrong_is_said() {
        let table: [(&[&str], &str); 10] = [
            (
                &["doctr"],
                "there is no command `doctr`, did you mean `doctor`?",
            ),
            (
                &["help", "doctr"],
                "there is no command `doctr`, did you mean `doctor`?",
            ),
            (
                &["configure_docker", "--all"],
                "there is no command `configure_docker`, did you mean `configure-docker`?",
            ),
            (
                &["configure"],
                "there is no command `configure`, did you mean `configure-docker`?",
            ),
            (&["gets"], "there is no command `gets`, did you mean `get`?"),
            (&["login"], "there is no command `login`"),
            (&["-x"], "there is no command `-x`"),
            (
                &["get", "public.ecr.aws"],
                "`get` takes no arguments: what it is asked about comes on stdin",
            ),
            (&["version", "x"], "`version` takes no arguments"),
            (&["--help", "get"], "`--help` takes no arguments"),
        ];
        for (words, text) in table {
            let found = CommandError::from_words(words).map(|error| error.to_string());
            assert_eq!(found.as_deref(), Some(text), "{words:?}");
        }
        for words in [&[][..], &[""], &["help", "doctor", "--", "x"]] {
            assert_eq!(CommandError::from_words(words), None, "{words:?}");
        }
    }
}
