//! The image credential provider of kubelet: one request on stdin, one answer on stdout.
//!
//! kubelet runs the program for each image that no credentials are cached for, ends it after a minute,
//! and pulls anonymously if it fails (kubernetes 1.37, `pkg/credentialprovider/plugin/plugin.go`).
//! The identity is selected by the same rules as that of a `get`.

mod journal;
mod mirror;
pub(crate) mod node;
mod request;
mod response;
#[cfg(test)]
mod rollout;
mod workload;

use std::io::{self, IsTerminal as _, Read, Write};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use crate::clock;
use crate::config::{CacheSettings, Config, ConfigError, KubeletSettings};
use crate::env::Env;
use crate::error::{Error, Kind, message};
use crate::get::Tokens;
use crate::registry::{Lookup, Registry};
use crate::stdout::{self, StdoutError};

use request::{Image, Request, RequestError};
use response::{Response, Scope, cache_duration};
use workload::{Requester, WorkloadError};

/// The time limit for an answer. kubelet kills the program after a minute, and the user would learn
/// only that.
const LIMIT: Duration = Duration::from_secs(50);

/// How long after the limit the process ends in any case, whatever it waits for.
const GRACE: Duration = Duration::from_secs(3);

/// The configuration, an identity or AWS does not allow an answer for an image.
#[derive(Debug, thiserror::Error)]
#[error("cannot get credentials for {image}")]
struct NoAnswer {
    image: String,
    #[source]
    cause: Cause,
}

#[derive(Debug, thiserror::Error)]
enum Cause {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Workload(#[from] WorkloadError),
    #[error(transparent)]
    Token(#[from] Error),
}

impl NoAnswer {
    fn new(image: &Image, cause: impl Into<Cause>) -> Self {
        Self {
            image: image.to_string(),
            cause: cause.into(),
        }
    }
}

impl From<NoAnswer> for Error {
    fn from(error: NoAnswer) -> Self {
        let hints: Vec<String> = match &error.cause {
            // Their messages say what to do.
            Cause::Config(_) | Cause::Workload(_) => Vec::new(),
            Cause::Token(error) => error.hint_lines().collect(),
        };
        Self::failure(error).hints(hints)
    }
}

/// Answers the request on stdin, or says in one line on stderr why not.
pub(crate) fn run(env: &Env) -> ExitCode {
    end_after_the_limit();
    match answer_stdin(env) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&error);
            ExitCode::FAILURE
        }
    }
}

fn answer_stdin(env: &Env) -> Result<(), Error> {
    if io::stdin().is_terminal() {
        return Err(RequestError::Terminal.into());
    }
    stdout::check()?;
    answer(env, io::stdin(), io::stdout())
}

/// kubelet puts stderr into the event of the pod and into its own log, so that it is one line.
fn tell(error: &Error) {
    let mut line = error.line();
    for hint in error.hint_lines() {
        line.push_str("; ");
        line.push_str(&hint);
    }
    let _ = io::stderr().write_all(message(&line).as_bytes());
}

/// Ends the process some time after the limit, for a wait that has no limit of its own: stdin that is
/// not closed, or a file of a network file system.
fn end_after_the_limit() {
    let watch = || {
        thread::sleep(LIMIT + GRACE);
        let text = format!("no answer within {} s", LIMIT.as_secs());
        let _ = io::stderr().write_all(message(&text).as_bytes());
        std::process::exit(1);
    };
    if let Err(error) = thread::Builder::new().spawn(watch) {
        log::warn!("cannot start a thread: {error}");
    }
}

fn answer(env: &Env, input: impl Read, output: impl Write) -> Result<(), Error> {
    let request = Request::read(input)?;
    let image = &request.image;
    let config = config_for_nodes(env).map_err(|cause| NoAnswer::new(image, cause))?;
    let Some(target) = Target::find(&config, image) else {
        let note = format!("{image}: no credentials, as its registry is not ECR");
        let response = Response::without_credentials(&request.api_version);
        return reply(&response, output, &config.kubelet, &note);
    };
    let lookup = target.lookup();
    let mut scope = target.scope(&config, image);
    let requester = Requester::find(request.workload, &config.kubelet, env)
        .map_err(|cause| NoAnswer::new(image, cause))?;
    let mut tokens = Tokens::for_node(env, &config);
    let mut reason = String::new();
    match requester {
        Requester::Pod(identity, chosen_by) => {
            tokens = tokens.for_workload(identity, chosen_by);
            // Rules do not select it.
            scope = Scope::Registry(image.server());
        }
        Requester::Node(None) => {}
        Requester::Node(Some(why)) => reason = format!("; not the pod's, as {why}"),
    }
    let (token, identity) = match tokens.get_with_identity(lookup) {
        Ok(found) => found,
        // Public ECR, from which images can be pulled without a token.
        Err(error) if error.kind() == Kind::NotFound => {
            let note = format!("{image}: no credentials, so the pull is anonymous");
            let response = Response::without_credentials(&request.api_version);
            return reply(&response, output, &config.kubelet, &note);
        }
        Err(error) => return Err(NoAnswer::new(image, error).into()),
    };
    let duration = cache_duration(&token, clock::now());
    let response = Response::with_token(&request.api_version, scope, &token, duration);
    let origin = if tokens.has_fetched() {
        "from AWS"
    } else {
        "from the cache"
    };
    let note = format!(
        "{image}: credentials for {target} {origin}, to be cached by kubelet for {}; {}{reason}",
        humantime::format_duration(response.cache_duration()),
        identity.explain(),
    );
    reply(&response, output, &config.kubelet, &note)
}

/// Writes the answer at once, and then the note.
fn reply(
    response: &Response<'_>,
    mut output: impl Write,
    settings: &KubeletSettings,
    note: &str,
) -> Result<(), Error> {
    let line = response.line().map_err(io::Error::from);
    line.and_then(|line| output.write_all(&line))
        .and_then(|()| output.flush())
        .map_err(StdoutError::from)?;
    journal::write(settings.log_file.as_deref(), note);
    Ok(())
}

/// The configuration with the limits of a node. Tokens are cached only in the folder that is set for it:
/// that of the user is on a disk.
fn config_for_nodes(env: &Env) -> Result<Config, ConfigError> {
    let mut config = Config::from_env(env)?;
    config.timeout = LIMIT;
    let dir = config.kubelet.cache_dir.clone();
    config.cache = CacheSettings {
        enabled: dir.is_some(),
        dir,
        max_age: config.cache.max_age,
    };
    Ok(config)
}

/// The registry whose token opens an image.
struct Target {
    registry: Registry,
    /// `None` if it is not known.
    repository: Option<String>,
    origin: TargetOrigin,
}

/// What says that it is this registry.
enum TargetOrigin {
    /// The host in the image's name.
    Host,
    /// A `hosts.toml` of containerd.
    Mirror,
    /// `other_hosts` of `[kubelet]`.
    OtherHosts,
}

impl Target {
    /// `None` if the image's registry is not ECR.
    fn find(config: &Config, image: &Image) -> Option<Self> {
        let settings = &config.kubelet;
        let server = image.server();
        let path = image.repository();
        if let Some(registry) = config.registry(server) {
            return Some(Self {
                registry,
                repository: path.map(str::to_owned),
                origin: TargetOrigin::Host,
            });
        }
        if let Some(mirror) = mirror::find(&settings.hosts_dir, server) {
            return Some(Self {
                repository: path.map(|path| mirror.repository(path)),
                registry: mirror.registry,
                origin: TargetOrigin::Mirror,
            });
        }
        let (account, region) = settings.other_hosts.clone()?;
        Some(Self {
            registry: Registry::from_account(account, region),
            repository: None,
            origin: TargetOrigin::OtherHosts,
        })
    }

    fn lookup(&self) -> Lookup<'_> {
        Lookup {
            registry: &self.registry,
            repository: self.repository.as_deref(),
        }
    }

    /// The images that the node's credentials for this image are for. Rules for repositories may select
    /// other identities for other images.
    fn scope<'a>(&self, config: &Config, image: &'a Image) -> Scope<'a> {
        let server = image.server();
        let mut rules = config.repository_lookups(&self.registry);
        match (image.repository(), &self.repository) {
            (Some(repository), Some(_)) if rules.next().is_some() => {
                Scope::Repository { server, repository }
            }
            _ => Scope::Registry(server),
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let registry = &self.registry;
        match self.origin {
            TargetOrigin::Host => write!(f, "{registry}"),
            TargetOrigin::Mirror => write!(f, "its mirror {registry}"),
            TargetOrigin::OtherHosts => write!(f, "{registry} (other_hosts)"),
        }
    }
}
