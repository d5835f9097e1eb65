//! The command line, defined once: arguments are parsed with it, and `--help`, the manual page and
//! the completions are generated from it.
//!
//! `run` recognises the protocol's commands (`get`, `store`, `erase`, `list`), `version` and `help`
//! before clap is used: they are not clap commands, and their help is appended to clap's.

use std::convert::Infallible;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, CommandFactory as _, Parser, Subcommand, ValueEnum, ValueHint};

use crate::config::{Problem, RoleArnTemplate, WebIdentitySettings, parse_session_name};
use crate::error::nearest;
use crate::registry::MfaDevice;
use crate::secret::Secret;

/// Supplies Amazon ECR credentials to docker, podman, skopeo, buildah and other clients
///
/// Clients run it when they need credentials for a registry. To configure Docker, run:
/// `docker-credential-ecrx configure-docker HOST`.
#[derive(Debug, Parser)]
#[command(
    name = "docker-credential-ecrx",
    bin_name = "docker-credential-ecrx",
    disable_version_flag = true,
    disable_help_subcommand = true,
    help_template = TEMPLATE,
    after_help = after_help(),
    max_term_width = 100
)]
pub struct Cli {
    /// The command to run
    #[command(subcommand)]
    pub command: Command,
}

const TEMPLATE: &str = "\
{usage-heading} {usage}

{about-with-newline}
Commands:
{subcommands}{after-help}";

/// clap's own line would be wider than 100 columns.
const POLICY_USAGE: &str = "\
docker-credential-ecrx policy [OPTIONS] <--registry <HOST>|--repository <ARN>>
           <--principal <ARN|ACCOUNT>|--org <o-ID>>";

const KUBELET_USAGE: &str = "\
docker-credential-ecrx kubelet < REQUEST
       docker-credential-ecrx kubelet <COMMAND>";

/// The default name of the credential provider of a node.
const PROVIDER: &str = "docker-credential-ecrx";

/// ECR authorization tokens are valid for 12 hours (Amazon ECR API reference,
/// `AuthorizationData`).
const MAX_LIFETIME: Duration = Duration::from_secs(12 * 3600);

/// A shorter time is most likely a wrong unit: no client needs a password that lasts for seconds.
const MIN_LIFETIME: Duration = Duration::from_secs(60);

/// The commands that clap parses.
#[allow(
    missing_docs,
    reason = "clap would print it instead of the documentation of the types below"
)]
#[derive(Debug, Subcommand)]
pub enum Command {
    ConfigureDocker(ConfigureDocker),
    Doctor(Doctor),
    Kubelet(KubeletArguments),
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
#[command(group = ArgGroup::new("rule").args(["profile", "sso_session", "web_identity", "role_arn"]).multiple(true))]
pub struct ConfigureDocker {
    /// Registry: a host, `ACCOUNT/REGION` (`111122223333/eu-west-1`), or an image
    #[arg(value_name = "HOST", required_unless_present_any = ["all", "creds_store", "undo"])]
    pub hosts: Vec<String>,
    /// Use this AWS profile for the registries, by adding a rule to config.toml
    #[arg(long, value_name = "PROFILE", requires = "hosts", value_parser = profile)]
    pub profile: Option<String>,
    /// Use this SSO session ([sso-session NAME] in ~/.aws/config) for the registries, by adding a
    /// rule to config.toml. The account is the registry's
    #[arg(
        long,
        value_name = "NAME",
        requires_all = ["hosts", "sso_role_name"],
        conflicts_with_all = ["profile", "web_identity"]
    )]
    pub sso_session: Option<String>,
    /// Use the permission set with this role name
    #[arg(long, value_name = "NAME", requires = "sso_session")]
    pub sso_role_name: Option<String>,
    /// Assume the role with this OIDC token, by adding a rule to config.toml: `github` (the job's
    /// own), `env:NAME` (a variable) or a file
    #[arg(
        long,
        value_name = "TOKEN",
        requires_all = ["hosts", "role_arn"],
        conflicts_with_all = ["profile", "external_id", "mfa_serial"],
        value_parser = web_identity
    )]
    pub web_identity: Option<String>,
    /// Assume this role for the registries, by adding a rule to config.toml
    #[arg(long, value_name = "ARN", requires = "hosts", value_parser = role_arn)]
    pub role_arn: Option<String>,
    /// Send this external ID when assuming the role
    // It is checked later: clap's errors repeat the value.
    #[arg(long, value_name = "ID", requires = "role_arn", allow_hyphen_values = true, value_parser = secret)]
    pub external_id: Option<Secret>,
    /// Prompt for a code of this MFA device when assuming the role
    #[arg(long, value_name = "ARN", requires = "role_arn")]
    pub mfa_serial: Option<MfaDevice>,
    /// Use this session name when assuming the role
    #[arg(long, value_name = "NAME", requires = "role_arn", value_parser = parse_session_name)]
    pub role_session_name: Option<String>,
    /// Change an existing rule for the registry so that it uses exactly this identity
    #[arg(long, requires = "rule")]
    pub replace: bool,
    /// Use [identity.NAME] of config.toml or the AWS profile NAME, by configuring the helper
    /// ecrx-NAME. NAME is part of a file name and can have at most 228 bytes
    #[arg(long, value_name = "NAME", conflicts_with = "rule", value_parser = identity_name)]
    pub identity: Option<String>,
    /// Change auth.json of podman, skopeo and buildah instead of Docker's config.json
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
    #[arg(long, conflicts_with_all = ["rule", "replace", "identity", "fix"])]
    pub undo: bool,
}

/// Find out why an image cannot be pulled or pushed
///
/// Checks each step of a pull: this machine, the clients, the AWS identity, the token and the
/// registry. If a policy denies access, prints the statement to add and names the policy. If a
/// rule limits the token with `access`, starts an upload that must be denied, and cancels it.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Image, or registry (a host or `ACCOUNT/REGION`). If omitted, only this machine is checked
    #[arg(value_name = "IMAGE|HOST")]
    pub target: Option<String>,
    /// Also check whether you can push: starts an upload and cancels it
    #[arg(long, requires = "target")]
    pub push: bool,
    /// Check only this client. By default, checks all installed clients
    #[arg(long, value_name = "CLIENT", value_enum)]
    pub client: Option<CheckedClient>,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// A client whose configuration `doctor` checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CheckedClient {
    Docker,
    Podman,
}

/// Supply kubelet with image credentials, and set up a Kubernetes node
///
/// Without a command, reads a CredentialProviderRequest of kubelet from stdin, and prints a
/// CredentialProviderResponse. On a failure, prints one line to stderr and exits with 1. Each answer
/// is noted in the system log. A program name without the prefix docker-credential- does the same, with
/// any arguments that are not a command. See docker-credential-ecrx-kubernetes(7).
#[derive(Debug, Args)]
#[command(override_usage = KUBELET_USAGE)]
pub struct KubeletArguments {
    /// The command to run
    #[command(subcommand)]
    pub command: KubeletCommand,
}

/// The commands of `kubelet`.
#[allow(
    missing_docs,
    reason = "clap would print it instead of the documentation of the types below"
)]
#[derive(Debug, Subcommand)]
pub enum KubeletCommand {
    Install(KubeletInstall),
    Uninstall(KubeletUninstall),
    Check(KubeletCheck),
    Pause(KubeletPause),
}

/// Install this program as a credential provider of this node's kubelet
///
/// Copies the executable to the folder of credential providers, and adds an entry to kubelet's
/// configuration. The rest of the file is left untouched, and a backup is written next to it. Run it as
/// root.
#[derive(Debug, Args)]
pub struct KubeletInstall {
    #[command(flatten)]
    pub paths: KubeletPaths,
    /// Set the name of the executable and of its entry
    #[arg(long, value_name = "NAME", default_value = PROVIDER, value_parser = provider_name)]
    pub name: String,
    /// Replace the entry of another provider, such as `ecr-credential-provider`. With `--name`, also its
    /// executable
    #[arg(long, value_name = "NAME")]
    pub replace: Option<String>,
    /// Supply credentials for images that match this pattern; can be repeated. By default, the patterns
    /// of Amazon ECR
    #[arg(long, value_name = "PATTERN", value_parser = image_pattern)]
    pub match_image: Vec<String>,
    /// Let kubelet send service account tokens, so that pods can use roles of their own
    #[arg(long)]
    pub workload_identity: bool,
    /// Request tokens for this audience
    #[arg(
        long,
        value_name = "AUDIENCE",
        default_value = "sts.amazonaws.com",
        requires = "workload_identity"
    )]
    pub audience: String,
    /// Copy only the executable, and do not read or change kubelet's configuration. An executable of
    /// another program is replaced only if `--replace` has the same name
    #[arg(
        long,
        requires = "bin_dir",
        conflicts_with_all = ["config", "match_image", "workload_identity", "restart_kubelet"]
    )]
    pub executable_only: bool,
    #[command(flatten)]
    pub restart: KubeletRestart,
    /// Show the changes without applying them
    #[arg(long)]
    pub dry_run: bool,
}

/// Remove what `kubelet install` has added
///
/// Removes the entry and the executable, and restores what they have replaced.
#[derive(Debug, Args)]
pub struct KubeletUninstall {
    #[command(flatten)]
    pub paths: KubeletPaths,
    /// Remove the entry and the executable with this name
    #[arg(long, value_name = "NAME", default_value = PROVIDER, value_parser = provider_name)]
    pub name: String,
    /// Remove only the executable, and do not read or change kubelet's configuration. kubelet does not
    /// start without an executable that its configuration names
    #[arg(long, requires = "bin_dir", conflicts_with_all = ["config", "restart_kubelet"])]
    pub executable_only: bool,
    #[command(flatten)]
    pub restart: KubeletRestart,
    /// Show the changes without applying them
    #[arg(long)]
    pub dry_run: bool,
}

/// Check kubelet's credential providers, and what they answer for an image
///
/// Checks the configuration by kubelet's own rules, the executables and the patterns of images. With
/// IMAGE, runs its providers as kubelet does. Exits with 1 if it finds a failure.
#[derive(Debug, Args)]
pub struct KubeletCheck {
    /// Image. If omitted, no provider is run
    #[arg(value_name = "IMAGE")]
    pub image: Option<String>,
    #[command(flatten)]
    pub paths: KubeletPaths,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// Wait for SIGTERM or SIGINT, and do nothing else
///
/// Keeps a pod of a DaemonSet running after its init container has installed the executable.
#[derive(Debug, Args)]
pub struct KubeletPause {}

/// The paths of a node's kubelet.
#[derive(Debug, Default, Args)]
pub struct KubeletPaths {
    /// Use this file (or folder of files) with kubelet's configuration of credential providers. By
    /// default, that of the running kubelet, or of the platform
    #[arg(long, value_name = "FILE", value_hint = ValueHint::AnyPath)]
    pub config: Option<PathBuf>,
    /// Use this folder of credential providers. By default, that of the running kubelet, or of the
    /// platform
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub bin_dir: Option<PathBuf>,
}

/// Whether kubelet is restarted.
#[derive(Debug, Args)]
pub struct KubeletRestart {
    /// Restart kubelet if its configuration has changed since it was started. If it does not run with the
    /// change of this command, undo the change
    #[arg(long)]
    pub restart_kubelet: bool,
    /// Restart this systemd unit. By default, kubelet, k3s, rke2 or another that contains kubelet
    #[arg(long, value_name = "UNIT", requires = "restart_kubelet")]
    pub unit: Option<String>,
}

/// Print the IAM and ECR policies that grant other accounts access to a registry
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
    /// Grant access to this registry (a host or `ACCOUNT/REGION`), or to the repository of an image
    #[arg(long, value_name = "HOST")]
    pub registry: Option<String>,
    /// Grant access to the repository with this ARN; can be repeated
    #[arg(long, value_name = "ARN")]
    pub repository: Vec<String>,
    /// Allow this role or user (its ARN) or account to access the registry; can be repeated
    #[arg(long, value_name = "ARN|ACCOUNT")]
    pub principal: Vec<String>,
    /// Allow every account of this organization to access the registry
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
    /// Print the policies as JSON (same as `--format json`)
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
    /// One JSON object with all policies and notes, for programs
    Json,
    /// Terraform resources
    Terraform,
    /// CloudFormation templates, one for each account and region
    #[value(name = "cloudformation")]
    CloudFormation,
    /// AWS CLI commands, in a section for each account
    Cli,
}

/// Print the password for a registry, for `docker login --password-stdin`
///
/// Prints only the password, from the cache if available. The user name is AWS.
#[derive(Debug, Args)]
pub struct Password {
    /// Registry: a host, `ACCOUNT/REGION` (`111122223333/eu-west-1`), or an image
    #[arg(value_name = "HOST")]
    pub host: String,
    /// Require a password that stays valid for at least this time, such as `30m` or `11h` (at most
    /// `12h`). A new token is requested if the cached one expires earlier
    #[arg(long, value_name = "TIME", value_parser = lifetime)]
    pub min_lifetime: Option<Duration>,
}

/// Show which AWS identity would be used for a registry, and why (offline)
///
/// Without HOST, lists every registry that is configured in config.toml or in a client's
/// configuration file. Exits with 1 if a registry has no usable identity, or if a client's file cannot
/// be read.
#[derive(Debug, Args)]
pub struct Whoami {
    /// Registry: a host, `ACCOUNT/REGION`, or an image. If omitted, all configured registries are
    /// listed
    #[arg(value_name = "HOST")]
    pub host: Option<String>,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// List and delete cached tokens
#[derive(Debug, Args)]
pub struct CacheArguments {
    /// The command to run
    #[command(subcommand)]
    pub command: CacheCommand,
}

/// The commands of `cache`.
#[derive(Debug, Subcommand)]
pub enum CacheCommand {
    /// List cached tokens: registry, identity, age, renewal and expiry
    List {
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Delete the cached tokens of a registry, or all cached tokens
    ///
    /// Deletes the tokens of every identity, and remembered failures. Other files in the cache
    /// folder are left untouched.
    Clear {
        /// Registry: a host, `ACCOUNT/REGION`, or an image. If omitted, all cached tokens are
        /// deleted
        #[arg(value_name = "HOST")]
        host: Option<String>,
    },
    /// Print the path of the cache folder
    Path,
}

/// Check config.toml and show the settings that apply to a registry
#[derive(Debug, Args)]
pub struct ConfigArguments {
    /// The command to run
    #[command(subcommand)]
    pub command: ConfigCommand,
}

/// The commands of `config`.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Check the configuration files for mistakes
    ///
    /// Reports rules that are never used because an earlier rule matches first, hosts that are
    /// defined twice, AWS profiles that do not exist or lack the role that `access` needs, and
    /// misspelled ECRX_* variables. Exits with 1 if it finds a mistake.
    Check {
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show the identity sources, rules and settings that apply to a registry
    Show {
        /// Registry: a host, `ACCOUNT/REGION`, or an image. If omitted, all configured registries
        /// are listed
        #[arg(value_name = "HOST")]
        host: Option<String>,
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
}

/// Print or install shell completions
#[derive(Debug, Args)]
pub struct Completions {
    /// Shell
    #[arg(value_enum)]
    pub shell: Shell,
    /// Write the completions to the folder that the shell loads them from, and print the path
    #[arg(long)]
    pub install: bool,
}

/// The supported shells.
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
    /// The text of the file in `packaging/completions` that is generated from this file.
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

/// Parses the name of an AWS profile.
fn profile(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() {
        Err("the profile name is empty")
    } else {
        Ok(text.to_owned())
    }
}

/// Parses the name of a provider, by kubelet's rules (kubernetes 1.37, `pkg/credentialprovider/plugin`).
fn provider_name(text: &str) -> Result<String, &'static str> {
    let is_wrong =
        |character: char| character == '/' || character.is_whitespace() || character.is_control();
    match text {
        "" | "." | ".." => Err("it is not the name of a file"),
        _ if text.contains(is_wrong) => Err("kubelet allows no slash or space in it"),
        _ => Ok(text.to_owned()),
    }
}

/// Parses a pattern of images.
fn image_pattern(text: &str) -> Result<String, &'static str> {
    match text {
        "" => Err("the pattern is empty"),
        _ if text.contains("://") => Err("names of images have no scheme"),
        _ if text.contains(char::is_whitespace) => Err("a pattern contains no white space"),
        _ => Ok(text.to_owned()),
    }
}

fn secret(text: &str) -> Result<Secret, Infallible> {
    Ok(Secret::new(text))
}

/// The longest identity name, in bytes: file names have at most 255, and this one begins with
/// `docker-credential-ecrx-` and ends in `.exe` on Windows.
const MAX_IDENTITY_NAME: usize = 255 - "docker-credential-ecrx-.exe".len();

/// Why a text cannot be the end of a helper's file name.
#[derive(Debug, thiserror::Error)]
enum IdentityNameError {
    #[error("the identity name is empty")]
    Empty,
    #[error(
        "the identity name is part of a file name and cannot contain `/`, `\\`, `:` or control characters"
    )]
    Character,
    #[error(
        "the identity name is part of a file name and cannot be longer than {MAX_IDENTITY_NAME} bytes"
    )]
    TooLong,
    #[error("the identity name begins or ends with white space")]
    Blank,
}

/// Parses a name that a helper's file can end with.
fn identity_name(text: &str) -> Result<String, IdentityNameError> {
    let is_separator = |character: char| character.is_control() || "/\\:".contains(character);
    if text.trim().is_empty() {
        Err(IdentityNameError::Empty)
    } else if text.contains(is_separator) {
        Err(IdentityNameError::Character)
    } else if text.len() > MAX_IDENTITY_NAME {
        Err(IdentityNameError::TooLong)
    } else if text.trim() != text {
        Err(IdentityNameError::Blank)
    } else {
        Ok(text.to_owned())
    }
}

/// Parses a role ARN, which may contain placeholders.
fn role_arn(text: &str) -> Result<String, Problem> {
    RoleArnTemplate::parse(text).map(|_| text.to_owned())
}

/// Parses the token of a web identity.
fn web_identity(text: &str) -> Result<String, Problem> {
    text.parse::<WebIdentitySettings>().map(|_| text.to_owned())
}

/// Why a text is not a token lifetime.
#[derive(Debug, thiserror::Error)]
enum LifetimeError {
    #[error("expected a time such as 30m or 11h")]
    NotATime,
    #[error("units are lower-case letters; did you mean `{0}`?")]
    CapitalUnit(String),
    #[error("the unit is missing; did you mean `{0}`?")]
    NoUnit(String),
    #[error("the minimum is 1 minute")]
    TooShort,
    #[error("the maximum is 12 hours, the lifetime of an ECR token")]
    TooLong,
}

/// Parses a token lifetime.
fn lifetime(text: &str) -> Result<Duration, LifetimeError> {
    if let Ok(number) = text.trim().parse::<u64>() {
        return Err(lifetime_without_unit(number));
    }
    let time = humantime::parse_duration(text).map_err(|_| {
        let lower = text.to_lowercase();
        match humantime::parse_duration(&lower) {
            Ok(_) => LifetimeError::CapitalUnit(lower),
            Err(_) => LifetimeError::NotATime,
        }
    })?;
    if time < MIN_LIFETIME {
        Err(LifetimeError::TooShort)
    } else if time > MAX_LIFETIME {
        Err(LifetimeError::TooLong)
    } else {
        Ok(time)
    }
}

/// Suggests the largest unit with which the number is a lifetime.
fn lifetime_without_unit(number: u64) -> LifetimeError {
    let units = [("h", 3600), ("m", 60), ("s", 1)];
    let is_lifetime = |seconds: u64| {
        let time = Duration::from_secs(seconds);
        (MIN_LIFETIME..=MAX_LIFETIME).contains(&time)
    };
    let unit = units
        .iter()
        .find(|(_, seconds)| number.checked_mul(*seconds).is_some_and(is_lifetime));
    match unit {
        Some((unit, _)) => LifetimeError::NoUnit(format!("{number}{unit}")),
        None if number == 0 => LifetimeError::TooShort,
        None => LifetimeError::TooLong,
    }
}

impl Cli {
    /// Whether clap has a command of this name.
    pub fn has(word: &str) -> bool {
        Self::command().find_subcommand(word).is_some()
    }

    /// The names of the commands that clap parses.
    fn names() -> Vec<String> {
        let command = Self::command();
        let commands = command.get_subcommands();
        commands.map(|it| it.get_name().to_owned()).collect()
    }

    /// Parses the arguments, the program's name first. An error is clap's own text, which includes
    /// requested help.
    pub fn read(arguments: &[OsString]) -> Result<Self, clap::Error> {
        Self::try_parse_from(arguments)
    }

    /// The help of the program.
    pub fn help() -> String {
        Self::command().render_help().to_string()
    }

    /// Whether a command has commands of its own, such as `cache`.
    pub fn is_group(word: &str) -> bool {
        let command = Self::command();
        let found = command.find_subcommand(word);
        found.is_some_and(clap::Command::has_subcommands)
    }

    /// The help of a command.
    pub fn help_of(word: &str) -> String {
        let mut command = Self::command();
        command.build();
        let found = command.find_subcommand_mut(word);
        found.map_or_else(String::new, |found| found.render_help().to_string())
    }
}

/// A command that is recognised before clap is used.
#[derive(Debug)]
pub struct PlainCommand {
    pub name: &'static str,
    /// What follows the name in the usage line.
    pub usage: &'static str,
    pub about: &'static str,
    /// The text for the command's own help and the manual page: its input and its output.
    pub long_about: &'static str,
}

impl PlainCommand {
    pub fn has(word: &str) -> bool {
        Self::find(word).is_some()
    }

    fn find(word: &str) -> Option<&'static Self> {
        Self::all().find(|known| known.name == word)
    }

    fn all() -> impl Iterator<Item = &'static Self> {
        FOR_CLIENTS.iter().chain(&FOR_ALL)
    }

    fn names() -> impl Iterator<Item = &'static str> {
        Self::all().map(|known| known.name)
    }

    /// The help of the command of this name.
    pub fn help(word: &str) -> Option<String> {
        let plain = Self::find(word)?;
        let usage = format!("docker-credential-ecrx {} {}", plain.name, plain.usage);
        let mut command = clap::Command::new(plain.name)
            .long_about(format!("{}\n\n{}", plain.about, plain.long_about))
            .override_usage(usage.trim_end().to_owned())
            .disable_help_flag(true)
            .help_template("{usage-heading} {usage}\n\n{about}\n")
            .max_term_width(100);
        Some(command.render_long_help().to_string())
    }
}

/// The commands of the credential-helper protocol.
pub const FOR_CLIENTS: [PlainCommand; 4] = [
    PlainCommand {
        name: "get",
        usage: "< HOST",
        about: "Print the credentials for a registry as JSON",
        long_about: "Reads a registry host from stdin, in any spelling, and prints \
            `{\"ServerURL\":…,\"Username\":\"AWS\",\"Secret\":…}`. If there are no credentials, it \
            prints `credentials not found in native keychain`, and the client continues \
            anonymously. On any other failure, it prints one line to stdout, and the same line with \
            hints to stderr.",
    },
    PlainCommand {
        name: "store",
        usage: "< LOGIN",
        about: "Accept a login to an ECR registry without saving it",
        long_about: "Reads `{\"ServerURL\":…,\"Username\":…,\"Secret\":…}` from stdin, as \
            `docker login` sends it. Logins to ECR registries are not saved: credentials are \
            requested on demand.",
    },
    PlainCommand {
        name: "erase",
        usage: "< HOST",
        about: "Delete the cached token of a registry",
        long_about: "Reads a registry host from stdin, and deletes its cached token, the one that \
            `get` would return. Never fails for an ECR registry.",
    },
    PlainCommand {
        name: "list",
        usage: "",
        about: "Print the registries with a usable cached token as JSON",
        long_about: "Prints a JSON object of registry hosts and user names. It makes no network \
            calls.",
    },
];

/// The commands of both clients and users.
pub const FOR_ALL: [PlainCommand; 2] = [
    PlainCommand {
        name: "version",
        usage: "[--json]",
        about: "Print the version, commit and target (--version: only the version)",
        long_about: "Prints the program's name, package and version on one line, then the commit, \
            its date and the target. With `--json`, prints the same as JSON. `-v` and `--version` \
            print only the first line.",
    },
    PlainCommand {
        name: "help",
        usage: "[COMMAND]",
        about: "Show help; help COMMAND shows a command's help",
        long_about: "Prints an overview, or the help of COMMAND. Also `-h` and `--help`.",
    },
];

const NAMED: &str = "\
If started as docker-credential-ecrx-NAME (a link or a copy), the program uses
[identity.NAME] of config.toml or the AWS profile NAME.

ECRX_PROFILE and ECRX_ROLE_ARN select the identity.
ECRX_LOG=error|warn|info|debug logs to stderr.
Manual pages: docker-credential-ecrx(1), docker-credential-ecrx-config(5).
";

/// The help after the list of commands.
fn after_help() -> String {
    let lines = |commands: &[PlainCommand]| -> String {
        commands
            .iter()
            .map(|command| format!("  {:<9}{}\n", command.name, command.about))
            .collect()
    };
    format!(
        "Credential-helper protocol (clients run these, with input on stdin):\n{}\n\
         {}\n{NAMED}",
        lines(&FOR_CLIENTS),
        lines(&FOR_ALL)
    )
}

/// Why the arguments are not a command.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// No words, from a program: kubelet's configuration may lack `args`.
    #[error(
        "no command: this is a credential helper, which Docker runs with `get`; for kubelet, set `args: [kubelet]`, so that it runs: docker-credential-ecrx kubelet"
    )]
    Absent,
    #[error("unknown command `{0}`; run: docker-credential-ecrx help")]
    Unknown(String),
    #[error("unknown command `{word}`; did you mean `{nearest}`?")]
    Misspelled { word: String, nearest: String },
    /// A command of another program.
    #[error("unknown command `{word}`: {}", .familiar.why)]
    Familiar {
        word: String,
        familiar: &'static FamiliarCommand,
    },
    /// `get` with a registry as an argument, for example.
    #[error("`{0}` takes no arguments: it reads the registry host from stdin")]
    ForClients(String),
    /// `help` with an option, for example.
    #[error("`{0}` does not take these arguments")]
    ForAll(String),
}

/// A command that users know from other programs, and the one to run instead.
#[derive(Debug, PartialEq, Eq)]
pub struct FamiliarCommand {
    word: &'static str,
    why: &'static str,
    instead: &'static str,
}

static FAMILIAR: [FamiliarCommand; 3] = [
    FamiliarCommand {
        word: "login",
        why: "no login is needed, as clients run this program when they need credentials",
        instead: "To configure docker for a registry, run: docker-credential-ecrx configure-docker HOST",
    },
    FamiliarCommand {
        word: "logout",
        why: "no login is saved",
        instead: "To delete cached tokens, run: docker-credential-ecrx cache clear HOST",
    },
    FamiliarCommand {
        word: "get-login-password",
        why: "`password` prints the password for a registry",
        instead: "Run: docker-credential-ecrx password HOST | docker login --username AWS \
            --password-stdin HOST",
    },
];

impl CommandError {
    /// Reads the words after the program's name. `None` if there are none, or if the first is not
    /// UTF-8 (then it is empty here) or is a command that clap parses.
    pub fn from_words(words: &[&str]) -> Option<Self> {
        let (&word, is_help) = match words {
            ["help" | "--help" | "-h", word, ..] => (word, true),
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
        Some(Self::of_unknown(owned))
    }

    fn of_unknown(word: String) -> Self {
        let mut known = FAMILIAR.iter();
        if let Some(familiar) = known.find(|known| known.word.eq_ignore_ascii_case(&word)) {
            return Self::Familiar { word, familiar };
        }
        let all: Vec<String> = PlainCommand::names()
            .map(str::to_owned)
            .chain(Cli::names())
            .collect();
        match nearest(&word, all.iter().map(String::as_str)) {
            Some(nearest) => Self::Misspelled {
                nearest: nearest.to_owned(),
                word,
            },
            None => Self::Unknown(word),
        }
    }

    /// The command to run instead, if it is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Familiar { familiar, .. } => Some(familiar.instead),
            _ => None,
        }
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
    fn an_unknown_command_is_named_with_the_nearest_one() {
        let table: [(&[&str], &str); 11] = [
            (
                &["doctr"],
                "unknown command `doctr`; did you mean `doctor`?",
            ),
            (
                &["help", "doctr"],
                "unknown command `doctr`; did you mean `doctor`?",
            ),
            (
                &["configure_docker", "--all"],
                "unknown command `configure_docker`; did you mean `configure-docker`?",
            ),
            (
                &["configure"],
                "unknown command `configure`; did you mean `configure-docker`?",
            ),
            (&["gets"], "unknown command `gets`; did you mean `get`?"),
            (&["logout"], "unknown command `logout`: no login is saved"),
            (
                &["-x"],
                "unknown command `-x`; run: docker-credential-ecrx help",
            ),
            (
                &["get", "public.ecr.aws"],
                "`get` takes no arguments: it reads the registry host from stdin",
            ),
            (&["version", "x"], "`version` does not take these arguments"),
            (
                &["--help", "--version"],
                "`--version` does not take these arguments",
            ),
            (&["Logout"], "unknown command `Logout`: no login is saved"),
        ];
        for (words, text) in table {
            let found = CommandError::from_words(words).map(|error| error.to_string());
            assert_eq!(found.as_deref(), Some(text), "{words:?}");
        }
        for words in [&[][..], &[""], &["help", "doctor", "--", "x"]] {
            assert_eq!(CommandError::from_words(words), None, "{words:?}");
        }
    }

    #[test]
    fn a_lifetime_without_a_unit_is_answered_with_the_likely_unit() {
        for (text, why) in [
            ("11", "the unit is missing; did you mean `11h`?"),
            ("30", "the unit is missing; did you mean `30m`?"),
            ("3600", "the unit is missing; did you mean `3600s`?"),
            ("1H", "units are lower-case letters; did you mean `1h`?"),
            ("11 hours and a half", "expected a time such as 30m or 11h"),
            ("0", "the minimum is 1 minute"),
            ("59s", "the minimum is 1 minute"),
            (
                "99999",
                "the maximum is 12 hours, the lifetime of an ECR token",
            ),
        ] {
            assert_eq!(lifetime(text).unwrap_err().to_string(), why, "{text}");
        }
    }
}
