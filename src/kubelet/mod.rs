//! The image credential provider of kubelet: one request on stdin, one answer on stdout.
//!
//! kubelet runs the program for each image that no credentials are cached for, ends it after a minute,
//! and pulls anonymously if it fails (kubernetes 1.37, `pkg/credentialprovider/plugin/plugin.go`).
//! The identity is selected by the same rules as that of a `get`.

pub(crate) mod node;
mod protocol;
#[cfg(test)]
mod rollout;
mod target;
mod workload;

#[cfg(any(test, fuzzing))]
pub(crate) use protocol::fuzz as fuzz_request;
#[cfg(any(test, fuzzing))]
pub(crate) use target::fuzz as fuzz_hosts_toml;

use std::fs::OpenOptions;
use std::io::{self, IsTerminal as _, Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use crate::clock;
use crate::config::{CacheSettings, Config, ConfigError, KubeletSettings};
use crate::env::Env;
use crate::error::{Error, escaped_path, message, one_line};
use crate::get::Tokens;
use crate::identity::MORE_TIME;
use crate::stdout::{self, StdoutError};

use protocol::{Image, Request, RequestError, Response, Scope, cache_duration};
use target::Target;
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

/// kubelet puts stderr into its own log, so that it is one line. The limits of `config.toml` do not
/// apply.
fn tell(error: &Error) {
    let mut line = error.line();
    for hint in error.hint_lines().filter(|hint| hint != MORE_TIME) {
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
    let is_pod = matches!(requester, Requester::Pod(..));
    match requester {
        Requester::Pod(identity, chosen_by) => {
            tokens = tokens.for_workload(identity, chosen_by);
            // Rules do not select it, but can limit its tokens.
            if !config.limits_repositories(&target.registry) {
                scope = Scope::Registry(image.server());
            }
        }
        Requester::Node(None) => {}
        Requester::Node(Some(why)) => reason = format!("; not the pod's, as {why}"),
    }
    let (token, identity) = match tokens.get_with_identity(lookup) {
        Ok(found) => found,
        // From public ECR, images can be pulled without a token. A pod with a role is never given less
        // than the role.
        Err(error) if error.is_public() && !is_pod => {
            let cause = error.cause();
            let note = format!("{image}: no credentials, so the pull is anonymous: {cause}");
            let response = Response::without_credentials(&request.api_version);
            return reply(&response, output, &config.kubelet, &note);
        }
        Err(error) => return Err(NoAnswer::new(image, Error::from(error)).into()),
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
    write_log(settings.log_file.as_deref(), note);
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

/// Writes a line for an answer to the system log or a file: kubelet discards what a program that succeeds
/// prints on stderr (kubernetes 1.37, `pkg/credentialprovider/plugin/plugin.go`). That it cannot be written
/// is logged, and costs no pull.
fn write_log(file: Option<&Path>, text: &str) {
    let text = one_line(text);
    let (result, place) = match file {
        Some(file) => (append(file, &text), escaped_path(file)),
        None => (send_to_system_log(&text), "the system log".to_owned()),
    };
    if let Err(error) = result {
        log::warn!("cannot write to {place}: {error}");
    }
}

/// Adds the line with the time to a file. A pipe in its place is not waited for.
fn append(file: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;

        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options
            .mode(0o600)
            .custom_flags(flags.bits().try_into().map_err(io::Error::other)?);
    }
    let mut file = options.open(file)?;
    // In one write, so that the lines of several processes do not mix.
    let now = humantime::format_rfc3339_seconds(clock::now().into());
    file.write_all(format!("{now} {text}\n").as_bytes())
}

/// Sends the line as a datagram to the local syslog socket, which on systemd is the journal's (RFC 3164,
/// section 4.1; facility `daemon`, severity `info`).
#[cfg(unix)]
fn send_to_system_log(text: &str) -> io::Result<()> {
    use std::os::unix::net::UnixDatagram;

    /// 8 × 3 (`daemon`) + 6 (`info`).
    const PRIORITY: u8 = 30;

    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    let line = format!(
        "<{PRIORITY}>docker-credential-ecrx[{}]: {text}",
        std::process::id()
    );
    socket.send_to(line.as_bytes(), "/dev/log").map(drop)
}

#[cfg(not(unix))]
fn send_to_system_log(_: &str) -> io::Result<()> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "this system has none; set log_file under [kubelet]",
    ))
}
