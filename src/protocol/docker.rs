//! Docker's credential-helper protocol (docker/docker-credential-helpers, `credentials/`).
//!
//! One argument names the action; the question comes on stdin, the answer goes to stdout.

use std::io::{Read, Write};

use serde::{Deserialize, Serialize};

use crate::env::{Env, var};
use crate::error::Error;
use crate::provider::{Provider, load_config, misconfigured};
use crate::registry::Registry;
use crate::token::USERNAME;

/// No client sends more.
const MAX_INPUT: u64 = 64 * 1024;

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Credentials for a server.
    Get,
    /// To keep credentials.
    Store,
    /// To forget credentials.
    Erase,
    /// The servers there are credentials for.
    List,
}

impl Action {
    /// The action that an argument names.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "get" => Some(Action::Get),
            "store" => Some(Action::Store),
            "erase" => Some(Action::Erase),
            "list" => Some(Action::List),
            _ => None,
        }
    }
}

/// What `store` sends, and `get` answers.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Credentials<'a> {
    #[serde(rename = "ServerURL", default)]
    server_url: std::borrow::Cow<'a, str>,
    #[serde(default)]
    username: std::borrow::Cow<'a, str>,
    #[serde(default)]
    secret: std::borrow::Cow<'a, str>,
}

/// Why a question cannot be understood. None of them repeats what was sent.
#[derive(Debug, thiserror::Error)]
enum QuestionError {
    #[error("cannot read the question from stdin")]
    Read(#[source] std::io::Error),
    #[error("the question on stdin is longer than 64 KiB")]
    TooLong,
    #[error("the question on stdin is not UTF-8 text")]
    NotText,
    #[error("the server name on stdin holds a control character")]
    ControlCharacter,
    #[error(
        "the credentials on stdin are not a JSON object with the texts ServerURL, Username and Secret (line {line}, column {column})"
    )]
    NotCredentials { line: usize, column: usize },
}

/// Why an answer did not arrive.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the answer to stdout")]
struct AnswerError(#[source] std::io::Error);

/// `store` for a server that is none of ours.
#[derive(Debug, thiserror::Error)]
#[error(
    "docker-credential-ecrx serves ECR registries only and keeps no passwords, so the login to {0} was not saved"
)]
struct NotKept(String);

/// Answers one question. What a person must be told on success goes to `notes`: that is for
/// `store` alone.
pub fn handle(
    action: Action,
    env: &Env,
    input: impl Read,
    mut output: impl Write,
    mut notes: impl Write,
) -> Result<(), Error> {
    match action {
        Action::Get => get(env, input, &mut output),
        Action::Store => store(env, input, &mut notes),
        Action::Erase => {
            if let Err(error) = erase(env, input) {
                log::warn!("nothing was erased: {error}");
            }
            Ok(())
        }
        Action::List => list(env, &mut output),
    }
}

fn get(env: &Env, input: impl Read, output: &mut impl Write) -> Result<(), Error> {
    let server = read_server(input)?;
    let config = load_config(env).map_err(|cause| misconfigured(&server, cause))?;
    let registry = config.registry(&server).ok_or_else(Error::not_found)?;
    let token = Provider::new(env, &config).get(&registry)?;
    answer(
        output,
        &Credentials {
            server_url: server.into(),
            username: USERNAME.into(),
            secret: token.password().expose().into(),
        },
    )
}

/// Keeps nothing: the next `get` buys a token of its own. `docker login` calls this always, and
/// must not fail where its login has just succeeded.
fn store(env: &Env, input: impl Read, notes: &mut impl Write) -> Result<(), Error> {
    let text = read_text(input)?;
    let credentials: Credentials<'_> = serde_json::from_str(&text).map_err(|error| {
        Error::failure(QuestionError::NotCredentials {
            line: error.line(),
            column: error.column(),
        })
    })?;
    let server = credentials.server_url.trim();
    if server.is_empty() {
        return Err(Error::no_server_url());
    }
    if credentials.username.trim().is_empty() {
        return Err(Error::no_username());
    }
    let Some(registry) = Registry::parse(server) else {
        // A user part may hold a password: `https://alice:secret@host`.
        let server = server.rsplit_once('@').map_or(server, |(_, host)| host);
        if env.is_true(var::AWS_ECR_IGNORE_CREDS_STORAGE) {
            let variable = var::AWS_ECR_IGNORE_CREDS_STORAGE;
            note(
                notes,
                &format!("the login to {server} was not saved ({variable} is true)"),
            );
            return Ok(());
        }
        return Err(Error::failure(NotKept(server.to_owned()))
            .hint("name this helper for ECR hosts only (credHelpers), and another for the rest (credsStore)"));
    };
    let who = load_config(env)
        .map_err(|error| error.to_string())
        .and_then(|config| Provider::new(env, &config).explain(&registry))
        .unwrap_or_else(|error| format!("but not now: {error}"));
    note(
        notes,
        &format!(
            "no password was saved: credentials for {registry} are bought when they are needed, {who}"
        ),
    );
    Ok(())
}

fn erase(env: &Env, input: impl Read) -> Result<(), Error> {
    let server = read_server(input)?;
    let Some(registry) = Registry::parse(&server) else {
        return Ok(());
    };
    let config = load_config(env).map_err(|cause| misconfigured(&server, cause))?;
    Provider::new(env, &config)
        .erase(&registry)
        .map_err(Error::failure)
}

/// Never fails: a failing `list` loses every login of a classic `docker build`.
fn list(env: &Env, output: &mut impl Write) -> Result<(), Error> {
    let hosts = load_config(env)
        .map_err(Error::failure)
        .and_then(|config| Provider::new(env, &config).list().map_err(Error::failure))
        .unwrap_or_else(|error| {
            log::warn!("{error}");
            Vec::new()
        });
    let listed: serde_json::Map<String, serde_json::Value> = hosts
        .into_iter()
        .map(|host| (host, USERNAME.into()))
        .collect();
    answer(output, &listed)
}

fn read_text(input: impl Read) -> Result<String, Error> {
    let mut bytes = Vec::new();
    input
        .take(MAX_INPUT + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Error::failure(QuestionError::Read(error)))?;
    if bytes.len() as u64 > MAX_INPUT {
        return Err(Error::failure(QuestionError::TooLong));
    }
    String::from_utf8(bytes).map_err(|_| Error::failure(QuestionError::NotText))
}

/// The server, without the line break that a person types.
fn read_server(input: impl Read) -> Result<String, Error> {
    let text = read_text(input)?;
    let server = text.trim();
    if server.is_empty() {
        return Err(Error::no_server_url());
    }
    if server.contains(char::is_control) {
        return Err(Error::failure(QuestionError::ControlCharacter));
    }
    Ok(server.to_owned())
}

/// Writes one line of JSON, at once: half an answer is worse than none.
fn answer(output: &mut impl Write, value: &impl Serialize) -> Result<(), Error> {
    let mut line =
        serde_json::to_vec(value).map_err(|error| Error::failure(AnswerError(error.into())))?;
    line.push(b'\n');
    output
        .write_all(&line)
        .and_then(|()| output.flush())
        .map_err(|error| Error::failure(AnswerError(error)))
}

/// A person may have closed stderr; what was asked for has been done all the same.
fn note(notes: &mut impl Write, text: &str) {
    let text = crate::error::one_line(text);
    if let Err(error) = writeln!(notes, "docker-credential-ecrx: {text}") {
        log::debug!("cannot write to stderr: {error}");
    }
}
