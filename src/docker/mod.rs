//! Docker's credential-helper protocol (docker/docker-credential-helpers, `credentials/`).
//!
//! One argument names the action; the question comes on stdin, the answer goes to stdout.
//!
//! ECR registries are ours. Every other server is handed to `other_registries_helper`, when the
//! configuration names one.

pub(crate) mod other_helper;
mod question;

use std::io::{Read, Write};
use std::mem::ManuallyDrop;
use std::process::ExitCode;

use serde::Serialize;

use crate::config::{Config, ConfigError};
use crate::env::{Env, var};
use crate::error::{Error, message};
use crate::get::{self, Tokens};
use crate::identity::Misspelled;
use crate::redaction::shown_server;
use crate::registry::{Lookup, Registry};
use crate::token::USERNAME;

use other_helper::{OtherHelper, OtherHelperError};
pub(crate) use question::Action;
#[cfg(any(test, fuzzing))]
pub(crate) use question::fuzz;
use question::{Credentials, Question, can_be_asked_for};

/// Why an answer did not arrive.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the response to stdout")]
struct AnswerError(#[source] std::io::Error);

impl From<AnswerError> for Error {
    fn from(error: AnswerError) -> Self {
        Self::failure(error)
    }
}

/// `store` for a server that is none of ours.
#[derive(Debug, thiserror::Error)]
#[error(
    "docker-credential-ecrx serves only ECR registries and stores no passwords; the login to {0} was not saved"
)]
struct NotKept(String);

impl From<NotKept> for Error {
    fn from(error: NotKept) -> Self {
        Self::failure(error)
            .hint("To store it with another helper, set other_registries_helper in config.toml")
            .hint("Or set credsStore in Docker's config.json to that helper, and use ecrx only for ECR hosts (credHelpers)")
    }
}

/// A request about a server that is not ECR, or may not be, and that no helper has answered.
#[derive(Debug, thiserror::Error)]
#[error("{}", not_done(*.action, .server))]
struct NotAnswered {
    action: Action,
    server: String,
    #[source]
    cause: NotAnsweredCause,
}

#[derive(Debug, thiserror::Error)]
enum NotAnsweredCause {
    /// The configuration cannot be read, so no one knows which helper serves this server.
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    OtherHelper(#[from] OtherHelperError),
}

fn not_done(action: Action, server: &str) -> String {
    match action {
        Action::Get => format!("no credentials for {server}"),
        Action::Store => format!("the login to {server} was not saved"),
        Action::Erase => format!("the login to {server} was not erased"),
        Action::List => "logins for other registries are not listed".to_owned(),
    }
}

impl NotAnswered {
    fn new(action: Action, server: &str, cause: impl Into<NotAnsweredCause>) -> Self {
        Self {
            action,
            server: shown_server(server).to_owned(),
            cause: cause.into(),
        }
    }

    fn hints(&self) -> Vec<String> {
        match &self.cause {
            NotAnsweredCause::Config(_) => Vec::new(),
            NotAnsweredCause::OtherHelper(error) => error.hints(),
        }
    }
}

impl From<NotAnswered> for Error {
    fn from(error: NotAnswered) -> Self {
        let hints = error.hints();
        Self::failure(error).hints(hints)
    }
}

/// The helper that serves a server.
enum Keeper<'a> {
    Ecr(Registry),
    OtherHelper(OtherHelper<'a>),
    None,
}

impl<'a> Keeper<'a> {
    /// The one place that decides it.
    fn find(config: &'a Config, server: &str) -> Self {
        match config.registry(server) {
            Some(registry) => Self::Ecr(registry),
            None => OtherHelper::from_config(config).map_or(Self::None, Self::OtherHelper),
        }
    }
}

/// Answers one request. If the other helper has answered, the exit code is its own. Messages for
/// the user after a success go to `notes`: those of `store`, and what `list` and `erase` left out.
pub(crate) fn handle(
    action: Action,
    env: &Env,
    input: impl Read,
    mut output: impl Write,
    mut notes: impl Write,
) -> Result<ExitCode, Error> {
    match action {
        Action::Get => get(env, input, &mut output),
        Action::Store => store(env, input, &mut output, &mut notes),
        Action::Erase => erase(env, input, &mut output, &mut notes),
        Action::List => list(env, &mut output, &mut notes),
    }
}

fn get(env: &Env, input: impl Read, output: &mut impl Write) -> Result<ExitCode, Error> {
    let question = Question::read(input)?;
    let server = question.server()?;
    let config = Config::from_env(env).map_err(|cause| match Registry::parse(server) {
        Some(registry) => get::misconfigured(&registry, cause),
        None => NotAnswered::new(Action::Get, server, cause).into(),
    })?;
    let keeper = Keeper::find(&config, server);
    if !matches!(keeper, Keeper::Ecr(_)) {
        warn_of_misspelled_config(env);
    }
    let registry = match keeper {
        Keeper::Ecr(registry) => registry,
        Keeper::OtherHelper(helper) => {
            return hand_over(Action::Get, env, &helper, &question, server, output);
        }
        Keeper::None => return Err(Error::not_found()),
    };
    // Not dropped, to save time: the process is about to end.
    let tokens = ManuallyDrop::new(Tokens::new(env, &config));
    let token = tokens.get(Lookup::from_server(server, &registry))?;
    write(output, &credentials(server, token.password().expose())?)?;
    Ok(ExitCode::SUCCESS)
}

/// A configuration that was meant and is not read may say that the server is ours after all. For
/// our own servers the identity is an error then.
fn warn_of_misspelled_config(env: &Env) {
    for misspelled in Misspelled::meant_for_config(env) {
        log::warn!("{misspelled}");
    }
}

/// The answer to `get`. The password is nearly all of it, and serde_json would look at it byte by
/// byte; where nothing in it is to be escaped, which is known sooner, it is put into its place.
fn credentials(server: &str, password: &str) -> Result<Vec<u8>, AnswerError> {
    const END: &[u8] = b"\"}\n";
    // Without an early end, so that the compiler makes vector code of it.
    let is_plain = password.bytes().fold(true, |all, byte| {
        all & (byte >= b' ') & (byte != b'"') & (byte != b'\\')
    });
    let mut line = line(&Credentials {
        server_url: server.into(),
        username: USERNAME.into(),
        secret: if is_plain { "" } else { password }.into(),
    })?;
    if is_plain {
        line.truncate(line.len() - END.len());
        line.extend_from_slice(password.as_bytes());
        line.extend_from_slice(END);
    }
    Ok(line)
}

/// Keeps nothing of ECR: the next `get` fetches a token of its own. `docker login` calls this
/// always, and must not fail where its login has just succeeded.
fn store(
    env: &Env,
    input: impl Read,
    output: &mut impl Write,
    notes: &mut impl Write,
) -> Result<ExitCode, Error> {
    let question = Question::read(input)?;
    let server = question.server_of_credentials()?;
    let on_demand = |notes: &mut _, registry: &Registry, who: Result<String, String>| {
        let who = who.unwrap_or_else(|error| format!("currently failing: {error}"));
        note(
            notes,
            &format!(
                "no password was saved: credentials for {registry} are requested on demand; {who}"
            ),
        );
        Ok(ExitCode::SUCCESS)
    };
    let config = match Config::from_env(env) {
        Ok(config) => config,
        Err(cause) => {
            return match Registry::parse(&server) {
                Some(registry) => on_demand(notes, &registry, Err(cause.to_string())),
                None => Err(NotAnswered::new(Action::Store, &server, cause).into()),
            };
        }
    };
    match Keeper::find(&config, &server) {
        Keeper::Ecr(registry) => {
            let lookup = Lookup::from_server(&server, &registry);
            let who = Tokens::new(env, &config).explain(lookup);
            on_demand(notes, &registry, who)
        }
        Keeper::OtherHelper(helper) => {
            hand_over(Action::Store, env, &helper, &question, &server, output)
        }
        Keeper::None => not_kept(env, shown_server(&server), notes),
    }
}

/// A login that no helper stores.
fn not_kept(env: &Env, server: &str, notes: &mut impl Write) -> Result<ExitCode, Error> {
    let variable = var::AWS_ECR_IGNORE_CREDS_STORAGE;
    if env.is_true(variable) {
        note(
            notes,
            &format!("the login to {server} was not saved ({variable} is true)"),
        );
        return Ok(ExitCode::SUCCESS);
    }
    Err(NotKept(server.to_owned()).into())
}

/// Never fails at what is ours: there are clients that crash when it does.
fn erase(
    env: &Env,
    input: impl Read,
    output: &mut impl Write,
    notes: &mut impl Write,
) -> Result<ExitCode, Error> {
    let nothing_erased = |error: &dyn std::error::Error| {
        log::warn!("nothing was erased: {error}");
        Ok(ExitCode::SUCCESS)
    };
    let question = match Question::read(input) {
        Ok(question) => question,
        Err(error) => return nothing_erased(&Error::from(error)),
    };
    let server = match question.server() {
        Ok(server) => server,
        Err(error) => return nothing_erased(&error),
    };
    let config = match Config::from_env(env) {
        Ok(config) => config,
        Err(cause) => {
            // The other helper may still have a password that the user believes to be erased.
            if Registry::parse(server).is_none() {
                report(
                    notes,
                    &NotAnswered::new(Action::Erase, server, cause).into(),
                );
                return Ok(ExitCode::SUCCESS);
            }
            return nothing_erased(&cause);
        }
    };
    match Keeper::find(&config, server) {
        Keeper::Ecr(registry) => {
            let lookup = Lookup::from_server(server, &registry);
            match Tokens::new(env, &config).erase(lookup) {
                Ok(()) => Ok(ExitCode::SUCCESS),
                Err(error) => nothing_erased(&error),
            }
        }
        Keeper::OtherHelper(helper) => {
            match hand_over(Action::Erase, env, &helper, &question, server, output) {
                Ok(code) => Ok(code),
                // Its own failure is its own to tell. That it could not be asked is ours.
                Err(error) => {
                    report(notes, &error);
                    Ok(ExitCode::SUCCESS)
                }
            }
        }
        Keeper::None => Ok(ExitCode::SUCCESS),
    }
}

/// Never fails: a failing `list` loses every login of a classic `docker build`. So does a server
/// in it that `get` has no credentials for: of the other helper's, only those are listed that a
/// `get` would be handed over for, and not what it keeps of ECR.
fn list(env: &Env, output: &mut impl Write, notes: &mut impl Write) -> Result<ExitCode, Error> {
    let mut listed = std::collections::BTreeMap::new();
    match Config::from_env(env) {
        Err(error) => note(notes, &format!("no logins are listed: {error}")),
        Ok(config) => {
            match OtherHelper::from_config(&config).map(|helper| helper.list(env)) {
                None => {}
                Some(Ok(logins)) => {
                    listed = logins;
                    listed.retain(|server, _| {
                        can_be_asked_for(server)
                            && matches!(Keeper::find(&config, server), Keeper::OtherHelper(_))
                    });
                }
                Some(Err(error)) => note(
                    notes,
                    &format!(
                        "{}: {error} (it is set by {})",
                        not_done(Action::List, ""),
                        error.setting()
                    ),
                ),
            }
            match Tokens::new(env, &config).list() {
                Ok(hosts) => {
                    listed.extend(hosts.into_iter().map(|host| (host, USERNAME.to_owned())));
                }
                Err(error) => log::warn!("{error}"),
            }
        }
    }
    answer(output, &listed)
}

/// Lets the other helper answer, in its own words and with its own exit code.
fn hand_over(
    action: Action,
    env: &Env,
    helper: &OtherHelper<'_>,
    question: &Question,
    server: &str,
    output: &mut impl Write,
) -> Result<ExitCode, Error> {
    let answer = helper
        .ask(env, action.word(), question.bytes())
        .map_err(|cause| NotAnswered::new(action, server, cause))?;
    write(output, &answer.stdout)?;
    Ok(answer.code.into())
}

/// Writes one line of JSON, at once: half an answer is worse than none.
fn answer(output: &mut impl Write, value: &impl Serialize) -> Result<ExitCode, Error> {
    write(output, &line(value)?)?;
    Ok(ExitCode::SUCCESS)
}

fn line(value: &impl Serialize) -> Result<Vec<u8>, AnswerError> {
    let mut line = serde_json::to_vec(value).map_err(|error| AnswerError(error.into()))?;
    line.push(b'\n');
    Ok(line)
}

fn write(output: &mut impl Write, answer: &[u8]) -> Result<(), AnswerError> {
    output
        .write_all(answer)
        .and_then(|()| output.flush())
        .map_err(AnswerError)
}

/// Reports an error that must not be one for the client.
fn report(notes: &mut impl Write, error: &Error) {
    write_note(notes, &error.text());
}

/// Reports a fact about a request that has succeeded.
fn note(notes: &mut impl Write, fact: &str) {
    write_note(notes, &message(fact));
}

/// stderr may be closed; the request has succeeded all the same.
fn write_note(notes: &mut impl Write, text: &str) {
    if let Err(error) = notes.write_all(text.as_bytes()) {
        log::debug!("cannot write to stderr: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_password_is_written_as_serde_json_writes_it() {
        for password in ["plain", "", "\"", "back\\slash", "tab\t", "é€", "\u{7f}"] {
            let expected = line(&Credentials {
                server_url: "host".into(),
                username: USERNAME.into(),
                secret: password.into(),
            });
            assert_eq!(credentials("host", password).ok(), expected.ok());
        }
    }
}
