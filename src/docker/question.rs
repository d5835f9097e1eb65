//! What a client sends on stdin.

use std::borrow::Cow;
use std::io::Read;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::fs::{self, ReadError};

/// No client sends more.
const MAX_LENGTH: u64 = 64 * 1024;

/// What `store` sends, and `get` answers.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Credentials<'a> {
    #[serde(rename = "ServerURL", default)]
    pub server_url: Cow<'a, str>,
    #[serde(default)]
    pub username: Cow<'a, str>,
    #[serde(default)]
    pub secret: Cow<'a, str>,
}

/// Why a question cannot be understood. None of them repeats what was sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum QuestionError {
    #[error("cannot read the request from stdin")]
    Read(#[source] std::io::Error),
    #[error("the request on stdin is longer than 64 KiB")]
    TooLong,
    #[error("the request on stdin is not UTF-8 text")]
    NotText,
    #[error("the server name on stdin contains a control character")]
    ControlCharacter,
    #[error(
        "stdin is a CredentialProviderRequest, which kubelet sends; for kubelet, set `args: [kubelet]`, so that it runs: docker-credential-ecrx kubelet"
    )]
    KubeletsProtocol,
    #[error(
        "the credentials on stdin are not a JSON object with the strings ServerURL, Username and Secret (line {line}, column {column})"
    )]
    NotCredentials { line: usize, column: usize },
}

impl From<QuestionError> for Error {
    fn from(error: QuestionError) -> Self {
        Self::failure(error)
    }
}

/// A question as it came, so that it can be handed on byte for byte. It may hold a password.
pub(super) struct Question {
    text: String,
}

impl Question {
    /// Reads all of stdin.
    pub(super) fn read(input: impl Read) -> Result<Self, QuestionError> {
        let bytes = fs::read_all(input, Vec::new(), MAX_LENGTH).map_err(|error| match error {
            ReadError::TooLarge(_) => QuestionError::TooLong,
            error => QuestionError::Read(error.into()),
        })?;
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Self { text }),
            Err(_) => Err(QuestionError::NotText),
        }
    }

    /// The bytes that came.
    pub(super) fn bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// What was asked, without the byte order mark that PowerShell may put before it.
    fn text(&self) -> &str {
        self.text.trim_start_matches('\u{feff}')
    }

    /// The server that `get` and `erase` name, without the line break that a user types.
    pub(super) fn server(&self) -> Result<&str, Error> {
        let text = self.text();
        if text.starts_with('{') && text.contains("CredentialProviderRequest") {
            return Err(QuestionError::KubeletsProtocol.into());
        }
        checked(text)
    }

    /// The server that `store` names, once the whole is known to be what `store` should send.
    pub(super) fn server_of_credentials(&self) -> Result<String, Error> {
        let credentials: Credentials<'_> =
            serde_json::from_str(self.text()).map_err(|error| QuestionError::NotCredentials {
                line: error.line(),
                column: error.column(),
            })?;
        let server = checked(&credentials.server_url)?;
        if credentials.username.trim().is_empty() {
            return Err(Error::no_username());
        }
        Ok(server.to_owned())
    }
}

/// A server that is fit to be asked for.
fn checked(server: &str) -> Result<&str, Error> {
    let server = server.trim();
    if server.is_empty() {
        return Err(Error::no_server_url());
    }
    if server.contains(char::is_control) {
        return Err(QuestionError::ControlCharacter.into());
    }
    Ok(server)
}

/// Whether a server can be asked for at all.
pub(super) fn can_be_asked_for(server: &str) -> bool {
    checked(server).is_ok()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Get,
    Store,
    Erase,
    /// The servers there are credentials for.
    List,
}

impl Action {
    /// The action that an argument names.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        match word {
            "get" => Some(Action::Get),
            "store" => Some(Action::Store),
            "erase" => Some(Action::Erase),
            "list" => Some(Action::List),
            _ => None,
        }
    }

    /// The argument that names it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Action::Get => "get",
            Action::Store => "store",
            Action::Erase => "erase",
            Action::List => "list",
        }
    }
}

/// A server that is read can be asked for, and has no character that drives a terminal.
#[cfg(any(test, fuzzing))]
pub(crate) fn fuzz(bytes: &[u8]) {
    let Ok(question) = Question::read(bytes) else {
        return;
    };
    assert_eq!(question.bytes(), bytes);
    let servers = [
        question.server().map(str::to_owned),
        question.server_of_credentials(),
    ];
    for server in servers.into_iter().flatten() {
        assert!(can_be_asked_for(&server) && server.trim() == server && !server.is_empty());
    }
}
