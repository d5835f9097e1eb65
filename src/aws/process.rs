//! `credential_process`, run here and not by the SDK: its provider leaves a process that hangs
//! running when the deadline has passed, and keeps whatever it prints in memory.
//!
//! Command line and output are those of the AWS SDKs' reference guide, "Process credential
//! provider", as the AWS CLI reads them (botocore 1.43, `ProcessProvider`): the command is split
//! into words and run without a shell.

use std::process::{ExitStatus, Stdio};

use aws_credential_types::Credentials;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};
use tokio::process::Command;

use crate::call_chain::{self, Callee};
use crate::child::{self, ChildError, Keep, Printed};
use crate::env::{Env, var};
use crate::identity::Source;
use crate::redaction::{Redactor, output as output_secrets, process as process_secrets};
#[cfg(not(windows))]
use crate::shell_word::split_words;

use super::credentials::is_past;
use super::failure::Failure;
use super::fetch::Fetch;

/// More output than this is an error. Session tokens have a few KiB.
const MAX_OUTPUT: usize = 64 * 1024;

/// No more of its complaints is shown, from the end: there a traceback says what it is about.
const MAX_COMPLAINT: usize = 1000;

/// Why a process gave no credentials. What it printed on stdout is never shown.
#[derive(Debug, thiserror::Error)]
enum ProcessError {
    #[cfg(not(windows))]
    #[error("its quotes do not match")]
    Quotes,
    #[error("it cannot be run: {0}; it is run without a shell, as in the AWS CLI")]
    Run(#[source] std::io::Error),
    #[error("its output cannot be read: {0}")]
    Output(#[source] std::io::Error),
    #[error("it printed more than {} KiB and was stopped", MAX_OUTPUT / 1024)]
    TooMuch,
    #[error("it failed without a message ({status})")]
    Silent { status: ExitStatus },
    #[error("it failed ({status}): {complaint}")]
    Failed {
        status: ExitStatus,
        complaint: String,
    },
    #[error("its output is not a JSON object")]
    NotJson,
    #[error("its output does not have Version 1")]
    Version,
    #[error("its output has no string {0}")]
    Missing(&'static str),
    #[error("its output contains credentials that expired at {0}")]
    Expired(String),
}

impl Fetch<'_> {
    /// Runs the command of a profile. It ends with the future: at the deadline, a process that
    /// still runs is killed. What it has started itself has lost its readers, and is killed, too, on a
    /// node.
    pub(super) async fn run_process(&self, command: &str) -> Result<Credentials, Failure> {
        let env = self.request.env;
        let callee = Callee::Process {
            profile: self.request.identity.profile.as_deref(),
            command,
        };
        if call_chain::is_loop(callee, env) {
            return Err(Failure::process_loop(self));
        }
        let chain = call_chain::extended_by(callee, self.request.time_left, env);
        let result = self.output(command, &chain).await;
        self.printed.stderr.take();
        match result.and_then(|()| parse(&self.printed.stdout.take())) {
            Ok(credentials) => Ok(credentials),
            Err(error) => Err(Failure::no_credentials(self, &error.to_string())),
        }
    }

    /// What a process that has not ended has printed on stderr; `None` for nothing.
    pub(super) fn unfinished_complaint(&self) -> Option<String> {
        let Source::Process(process) = &self.request.identity.source else {
            return None;
        };
        let command = process.command.expose();
        let complaint = complaint(command, self.request.env, &self.printed);
        Some(complaint).filter(|complaint| !complaint.is_empty())
    }

    /// It has the whole environment, as it often is an AWS tool that goes by it; but of `PATH` only the
    /// absolute folders.
    async fn output(&self, command: &str, chain: &str) -> Result<(), ProcessError> {
        let (env, printed) = (self.request.env, &self.printed);
        let mut program = program(command)?;
        // A group of its own may not read the terminal, which a process may need for an MFA code.
        #[cfg(unix)]
        if self.request.is_for_node {
            program.process_group(0);
        }
        let mut child = program
            .env(var::PATH, env.search_path())
            .env(var::ECRX_HANDED_OVER, chain)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(ProcessError::Run)?;
        #[cfg(unix)]
        let _group = ProcessGroup::of(&child).filter(|_| self.request.is_for_node);
        let (stdout, stderr) = (Keep::All(MAX_OUTPUT), Keep::End(MAX_OUTPUT));
        let end = child::finish(&mut child, b"", stdout, stderr, is_cut, printed);
        let status = end.await.map_err(|error| match error {
            ChildError::Io(error) => ProcessError::Output(error),
            ChildError::TooMuch => ProcessError::TooMuch,
        })?;
        if status.success() {
            return Ok(());
        }
        let complaint = complaint(command, env, printed);
        Err(if complaint.is_empty() {
            ProcessError::Silent { status }
        } else {
            ProcessError::Failed { status, complaint }
        })
    }
}

/// The processes that a process has started, which are killed when this is dropped.
#[cfg(unix)]
struct ProcessGroup(rustix::process::Pid);

#[cfg(unix)]
impl ProcessGroup {
    fn of(leader: &tokio::process::Child) -> Option<Self> {
        let id = leader.id()?.try_into().ok()?;
        rustix::process::Pid::from_raw(id).map(Self)
    }
}

#[cfg(unix)]
impl Drop for ProcessGroup {
    fn drop(&mut self) {
        // None may be left.
        let _ = rustix::process::kill_process_group(self.0, rustix::process::Signal::KILL);
    }
}

#[cfg(not(windows))]
fn program(command: &str) -> Result<Command, ProcessError> {
    let words = split_words(command).ok_or(ProcessError::Quotes)?;
    let (program, arguments) = words.split_first().ok_or(ProcessError::Quotes)?;
    let mut command = Command::new(program);
    command.args(arguments);
    Ok(command)
}

/// `cmd.exe` takes one more pair of quotes around the whole off, and understands no other
/// escapes; so does the SDK give it (aws-config 1.13, `credential_process.rs`). It looks for
/// programs in the working folder before `PATH`, unless this variable is set (Microsoft's reference
/// of `NeedCurrentDirectoryForExePathW`).
#[cfg(windows)]
fn program(command: &str) -> Result<Command, ProcessError> {
    let mut shell = Command::new("cmd.exe");
    shell
        .env("NoDefaultCurrentDirectoryInExePath", "1")
        .arg("/C")
        .raw_arg(format!("\"{command}\""));
    Ok(shell)
}

/// What the process has printed on stderr, without secrets.
fn complaint(command: &str, env: &Env, printed: &Printed) -> String {
    let mut redactor = Redactor::default();
    process_secrets::add_command(&mut redactor, command, env);
    process_secrets::add_environment(&mut redactor, env);
    redacted(redactor, &printed.stderr.borrow(), &printed.stdout.borrow())
}

/// The complaint, also without the secrets that the process has printed itself.
fn redacted(mut redactor: Redactor, complaint: &[u8], output: &[u8]) -> String {
    let complaint = String::from_utf8_lossy(complaint);
    if complaint.trim().is_empty() {
        return String::new();
    }
    output_secrets::add_stderr(&mut redactor, &complaint);
    output_secrets::add_stdout(&mut redactor, &String::from_utf8_lossy(output));
    if let Ok(credentials) = parse(output) {
        redactor.add(credentials.secret_access_key());
        redactor.add(credentials.session_token().unwrap_or_default());
    }
    // Before the text is cut: a secret is recognized by the label before it.
    let end = complaint.ceil_char_boundary(complaint.len().saturating_sub(MAX_OUTPUT));
    let complaint = redactor.redact(&complaint[end..]);
    let start = complaint.ceil_char_boundary(complaint.len().saturating_sub(MAX_COMPLAINT));
    complaint[start..].trim().to_owned()
}

/// Whether an output is the beginning of some JSON. What is not JSON will not become it.
fn is_cut(output: &[u8]) -> bool {
    let json = serde_json::from_slice::<IgnoredAny>(output);
    json.is_err_and(|error| error.is_eof())
}

fn parse(output: &[u8]) -> Result<Credentials, ProcessError> {
    let object: Map<String, Value> =
        serde_json::from_slice(output).map_err(|_| ProcessError::NotJson)?;
    // 1.0 and `true` are equal to 1 in the AWS CLI (botocore 1.44, `ProcessProvider`).
    let version = object.get("Version").unwrap_or(&Value::Null);
    if version.as_f64() != Some(1.0) && *version != true {
        return Err(ProcessError::Version);
    }
    let text = |name: &'static str| {
        let text = object.get(name).and_then(Value::as_str);
        let text = text.filter(|text| !text.is_empty());
        text.ok_or(ProcessError::Missing(name))
    };
    if object.get("Expiration").and_then(Value::as_str) == Some("") {
        return Err(ProcessError::Missing("Expiration"));
    }
    if let Some(expiration) = text("Expiration").ok().filter(|time| is_past(time)) {
        return Err(ProcessError::Expired(expiration.to_owned()));
    }
    Ok(Credentials::new(
        text("AccessKeyId")?,
        text("SecretAccessKey")?,
        // Blank counts as absent.
        text("SessionToken").ok().map(str::to_owned),
        None,
        "Process",
    ))
}

/// Credentials that are read are whole, and a complaint with them does not repeat them.
#[cfg(any(test, fuzzing))]
pub(super) fn fuzz(bytes: &[u8]) {
    let _ = is_cut(bytes);
    let Ok(credentials) = parse(bytes) else {
        return;
    };
    assert!(!credentials.access_key_id().is_empty());
    assert!(!credentials.secret_access_key().is_empty());
    assert!(credentials.session_token() != Some(""));
    let secret = credentials.secret_access_key();
    if secret.len() >= 8 && secret.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        let shown = redacted(Redactor::default(), format!("x {secret}").as_bytes(), bytes);
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_read_as_the_aws_cli_reads_it() {
        let credentials = parse(
            br#"{"Version": 1, "AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "s",
                "SessionToken": "t", "Expiration": "2099-01-01T00:00:00Z", "More": {}}"#,
        )
        .unwrap();
        assert_eq!(credentials.access_key_id(), "AKIAIOSFODNN7EXAMPLE");
        assert_eq!(credentials.secret_access_key(), "s");
        assert_eq!(credentials.session_token(), Some("t"));
        for one in ["1.0", "true"] {
            let output =
                format!(r#"{{"Version": {one}, "AccessKeyId": "a", "SecretAccessKey": "s"}}"#);
            assert!(parse(output.as_bytes()).is_ok(), "{one}");
        }
        for blank in [r#""""#, "null"] {
            let output = format!(
                r#"{{"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "s", "SessionToken": {blank}}}"#
            );
            assert_eq!(parse(output.as_bytes()).unwrap().session_token(), None);
        }
    }

    #[test]
    fn an_output_is_cut_if_more_of_it_could_make_it_json() {
        for cut in [
            "",
            " \n",
            "{",
            r#"{"Version": 1"#,
            r#"{"Version": 1, "Acc"#,
            "[1",
            "tr",
        ] {
            assert!(is_cut(cut.as_bytes()), "{cut}");
        }
        for whole in [
            "{}",
            "{}\n",
            "[]",
            "null",
            "hunter2",
            "{} hunter2",
            "{]",
            "\u{fffd}",
        ] {
            assert!(!is_cut(whole.as_bytes()), "{whole}");
        }
    }

    #[test]
    fn what_is_wrong_with_an_output_is_told_without_showing_it() {
        for (output, expected) in [
            ("", "its output is not a JSON object"),
            ("hunter2", "its output is not a JSON object"),
            ("[]", "its output is not a JSON object"),
            ("{}", "its output does not have Version 1"),
            (r#"{"Version":"1"}"#, "its output does not have Version 1"),
            (r#"{"Version":2}"#, "its output does not have Version 1"),
            (
                r#"{"Version":1,"SecretAccessKey":"hunter2"}"#,
                "its output has no string AccessKeyId",
            ),
            (
                r#"{"Version":1,"accesskeyid":"a","SecretAccessKey":"s"}"#,
                "its output has no string AccessKeyId",
            ),
            (
                r#"{"Version":1,"AccessKeyId":"a","SecretAccessKey":"s","Expiration":"2020-01-01T00:00:00Z"}"#,
                "its output contains credentials that expired at 2020-01-01T00:00:00Z",
            ),
            (
                r#"{"Version":1,"AccessKeyId":"a","SecretAccessKey":7}"#,
                "its output has no string SecretAccessKey",
            ),
        ] {
            let error = parse(output.as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), expected, "{output}");
        }
    }
}
