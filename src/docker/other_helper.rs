//! The credential helper that everything but ECR is handed to (`other_registries_helper`).
//!
//! It gets the request byte for byte, and this program's stderr, as it may have to prompt the user.
//! Its output and its exit code are passed on. It is stopped at the deadline; the processes that it
//! has started are not. It gets the whole environment: a keyring may need it, and
//! amazon-ecr-credential-helper, which may be that helper, reads AWS's variables.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::call_chain::{self, Callee};
use crate::child::{self, ChildError, Keep, LACKS_NOTHING, Printed};
use crate::config::{Config, OtherHelperName};
use crate::env::{Env, var};
use crate::runtime;
use crate::secret::Secret;

use super::question::Credentials;

/// The most that it may print, in bytes: a `list` of some 40,000 logins.
const MAX_ANSWER: usize = 4 * 1024 * 1024;

/// The other helper, ready to be asked.
pub(crate) struct OtherHelper<'a> {
    name: &'a OtherHelperName,
    timeout: Duration,
}

pub(crate) struct Answer {
    /// What it printed on stdout.
    pub stdout: Vec<u8>,
    pub code: u8,
}

/// Why there is no answer of it.
#[derive(Debug, thiserror::Error)]
#[error("{program} {fault}")]
pub(crate) struct OtherHelperError {
    program: String,
    /// Where it is named: `FILE:LINE`.
    named_at: String,
    fault: Fault,
}

#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("called docker-credential-ecrx back, which is a loop")]
    Loop,
    #[error("is not on PATH")]
    Missing { path: Option<OsString> },
    #[error("cannot be run: {} is not executable", .0.display())]
    #[cfg_attr(not(unix), expect(dead_code))]
    NotExecutable(PathBuf),
    #[error("cannot be run: {0}")]
    Run(#[source] io::Error),
    #[error("did not respond within {} s and was stopped", .0.as_secs())]
    Hanging(Duration),
    #[error("returned no response ({0})")]
    Killed(ExitStatus),
    #[error("printed more than 4 MiB and was stopped")]
    TooMuch,
    #[error("failed with exit code {code}{}", said(text))]
    Failed { code: u8, text: String },
    #[error("did not print a JSON object of servers and user names")]
    NotAList,
    #[error("does not return the login that it stored")]
    NotKept,
}

/// Its own words, if it has any.
fn said(text: &str) -> String {
    match text.trim() {
        "" => " and no message".to_owned(),
        text => format!(": {text}"),
    }
}

impl OtherHelperError {
    /// What can be done about it.
    pub(crate) fn hints(&self) -> Vec<String> {
        let named_at = &self.named_at;
        match &self.fault {
            Fault::Missing { path } => vec![
                format!("Install it, or correct other_registries_helper at {named_at}"),
                match path {
                    Some(path) => format!("PATH is {}", path.display()),
                    None => "PATH is not set".to_owned(),
                },
            ],
            Fault::Loop => vec![format!(
                "Set other_registries_helper at {named_at} to a helper that stores logins itself"
            )],
            Fault::Hanging(_) => vec![
                "If it waits for you to unlock a keyring, increase other_registries_timeout_seconds"
                    .to_owned(),
                format!("It is set by {}", self.setting()),
            ],
            Fault::NotExecutable(_)
            | Fault::Run(_)
            | Fault::Killed(_)
            | Fault::TooMuch
            | Fault::Failed { .. }
            | Fault::NotAList
            | Fault::NotKept => vec![format!("It is set by {}", self.setting())],
        }
    }

    /// The setting that names it, with its line.
    pub(crate) fn setting(&self) -> String {
        format!("other_registries_helper at {}", self.named_at)
    }
}

impl<'a> OtherHelper<'a> {
    /// Gives it a login to keep.
    ///
    /// # Errors
    /// When it does not take it.
    pub(crate) fn keep(
        &self,
        env: &Env,
        server: &str,
        username: &str,
        secret: &Secret,
    ) -> Result<(), OtherHelperError> {
        let login = Credentials {
            server_url: server.into(),
            username: username.into(),
            secret: secret.expose().into(),
        };
        let mut line = serde_json::to_vec(&login).expect("texts are JSON");
        line.push(b'\n');
        let stored = self.ask(env, "store", &line)?;
        if stored.code != 0 {
            return Err(self.refused(stored, secret));
        }
        Ok(())
    }

    /// Sees that it gives back a login that it was given. Another that it was given later may have
    /// taken the place: many helpers know one login for all spellings of a server.
    ///
    /// # Errors
    /// When it does not, for whatever reason. The caller must then keep the login elsewhere.
    pub(crate) fn check_kept(
        &self,
        env: &Env,
        server: &str,
        username: &str,
        secret: &Secret,
    ) -> Result<(), OtherHelperError> {
        let got = self.ask(env, "get", server.as_bytes())?;
        if got.code != 0 {
            return Err(self.refused(got, secret));
        }
        let is_same = serde_json::from_slice::<Credentials<'_>>(&got.stdout).is_ok_and(|got| {
            let is = |one: &Cow<'_, str>, other: &str| *one == other;
            is(&got.username, username) && is(&got.secret, secret.expose())
        });
        if is_same {
            Ok(())
        } else {
            Err(self.error(Fault::NotKept))
        }
    }

    /// It may repeat what it was given to keep.
    fn refused(&self, answer: Answer, secret: &Secret) -> OtherHelperError {
        let text = String::from_utf8_lossy(&answer.stdout).replace(secret.expose(), "…");
        self.failed(&Answer {
            stdout: text.into_bytes(),
            ..answer
        })
    }

    /// The one that the configuration names, if it names one.
    pub(crate) fn from_config(config: &'a Config) -> Option<Self> {
        Some(Self {
            name: config.other_registries_helper.as_ref()?,
            timeout: config.other_registries_timeout,
        })
    }

    /// Hands a question over. `action` is one of the protocol's words.
    ///
    /// # Errors
    /// When it cannot be started or did not end by itself. An exit code other than 0 is an
    /// answer.
    pub(crate) fn ask(
        &self,
        env: &Env,
        action: &str,
        question: &[u8],
    ) -> Result<Answer, OtherHelperError> {
        self.run(env, action, question)
            .map_err(|fault| self.error(fault))
    }

    /// Its logins: servers, with their user names.
    ///
    /// # Errors
    /// As [`OtherHelper::ask`], and when it fails or prints something else.
    pub(crate) fn list(&self, env: &Env) -> Result<BTreeMap<String, String>, OtherHelperError> {
        // What docker sends (docker/docker-credential-helpers, `client/client.go`).
        let answer = self.ask(env, "list", b"unused")?;
        if answer.code != 0 {
            return Err(self.failed(&answer));
        }
        // A helper in Go may print its empty list as `null`.
        serde_json::from_slice::<Option<_>>(&answer.stdout)
            .map(Option::unwrap_or_default)
            .map_err(|_| self.error(Fault::NotAList))
    }

    fn failed(&self, answer: &Answer) -> OtherHelperError {
        self.error(Fault::Failed {
            code: answer.code,
            text: String::from_utf8_lossy(&answer.stdout).into_owned(),
        })
    }

    fn error(&self, fault: Fault) -> OtherHelperError {
        OtherHelperError {
            program: self.name.program(),
            named_at: self.name.origin().to_string(),
            fault,
        }
    }

    fn run(&self, env: &Env, action: &str, question: &[u8]) -> Result<Answer, Fault> {
        if call_chain::is_loop(Callee::OtherHelper, env) {
            return Err(Fault::Loop);
        }
        let mut command = self.command(env)?;
        command
            .arg(action)
            .env(
                var::ECRX_HANDED_OVER,
                call_chain::extended_by(Callee::OtherHelper, self.timeout, env),
            )
            .env(var::PATH, env.search_path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true);
        let answer = runtime::block_on(async {
            let mut child = command.spawn().map_err(|error| self.not_run(env, error))?;
            let (stdout, stderr) = (Keep::All(MAX_ANSWER), Keep::End(0));
            let printed = Printed::default();
            let end = child::finish(
                &mut child,
                question,
                stdout,
                stderr,
                LACKS_NOTHING,
                &printed,
            );
            let status = match timeout(self.timeout, end).await {
                Ok(Ok(status)) => status,
                Ok(Err(ChildError::TooMuch)) => return Err(stopped(child, Fault::TooMuch).await),
                Ok(Err(ChildError::Io(error))) => {
                    return Err(stopped(child, Fault::Run(error)).await);
                }
                Err(_) => return Err(stopped(child, Fault::Hanging(self.timeout)).await),
            };
            match status.code() {
                // Only Windows has codes beyond 255.
                Some(code) => Ok(Answer {
                    stdout: printed.stdout.into_inner(),
                    code: u8::try_from(code).unwrap_or(1),
                }),
                None => Err(Fault::Killed(status)),
            }
        });
        answer.map_err(Fault::Run)?
    }

    /// The executable, from an absolute folder of PATH. A program in the working folder is not run;
    /// docker would not run it either.
    #[cfg(unix)]
    fn command(&self, env: &Env) -> Result<Command, Fault> {
        let program = self.name.program();
        match child::find(&program, &env.search_folders()) {
            Ok(file) => {
                let mut command = Command::new(file);
                command.arg0(program);
                Ok(command)
            }
            Err(Some(not_executable)) => Err(Fault::NotExecutable(not_executable)),
            Err(None) => Err(missing(env)),
        }
    }

    /// The system looks for it, and not in the working folder.
    #[cfg(not(unix))]
    fn command(&self, _: &Env) -> Result<Command, Fault> {
        Ok(Command::new(self.name.program()))
    }

    fn not_run(&self, env: &Env, error: io::Error) -> Fault {
        // Where we have found it ourselves, it is the interpreter of a script that is missing.
        match error.kind() {
            io::ErrorKind::NotFound if !cfg!(unix) => missing(env),
            _ => Fault::Run(error),
        }
    }
}

/// Kills the process and waits for its end, so that it is gone when the fault is reported.
async fn stopped(mut child: Child, fault: Fault) -> Fault {
    match timeout(Duration::from_secs(1), child.kill()).await {
        Ok(Ok(())) => {}
        result => log::warn!("the other helper cannot be stopped: {result:?}"),
    }
    fault
}

fn missing(env: &Env) -> Fault {
    let path = env.get_os(var::PATH);
    Fault::Missing { path }
}
