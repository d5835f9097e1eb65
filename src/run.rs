//! Selects the command from the arguments. Only this module prints errors and sets exit codes.

use std::borrow::Cow;
use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write};
use std::panic::{self, PanicHookInfo};
use std::path::Path;
use std::process::{self, ExitCode};

use serde::Serialize;

use crate::cli::{Cli, Command, CommandError, PlainCommand};
use crate::commands::{Page, Verdict, completions, config, tokens, whoami};
use crate::docker::{self, Action};
use crate::env::{Env, USER_PROFILE, var};
use crate::error::{Error, Kind};
use crate::helper_name;
use crate::logger;
use crate::memory;
use crate::stdout;
use crate::{configure, doctor, kubelet, policy};

/// Runs the program. The first of the `arguments` is the name that it was run by.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    panic::set_hook(Box::new(panicked));
    // AWS's variables already hold secrets.
    memory::protect();
    if let Err(error) = memory::check_stack() {
        report(&error);
        return ExitCode::FAILURE;
    }
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let name = arguments.first().and_then(|it| helper_name::called_as(it));
    let env = Env::process().called_as(name);
    logger::start(&env);
    if let [_, word] = &*arguments
        && let Some(action) = word.to_str().and_then(Action::parse)
    {
        go_home(&env, &arguments);
        return helper(action, &env);
    }
    let words = arguments.iter().skip(1).map(|word| word.to_string_lossy());
    let words: Vec<Cow<'_, str>> = words.collect();
    let words: Vec<&str> = words.iter().map(|word| &**word).collect();
    if is_run_by_kubelet(&arguments, &words) {
        go_home(&env, &arguments);
        return kubelet::run(&env);
    }
    plain_command(&words, &env).unwrap_or_else(|| clap_command(&words, &arguments, &env))
}

/// Whether the arguments or the program's name are those of kubelet's configuration, in which both can
/// be chosen: its own plugin ignores arguments, and is often replaced by this program.
fn is_run_by_kubelet(arguments: &[OsString], words: &[&str]) -> bool {
    let is_foreign = || {
        arguments
            .first()
            .is_some_and(|it| helper_name::is_foreign(it))
    };
    match *words {
        ["kubelet"] => true,
        [] => is_foreign() && !io::stdin().is_terminal(),
        [word, ..] => is_foreign() && !is_command(word) && !io::stdin().is_terminal(),
    }
}

/// Whether the word, as the first argument, selects a command.
fn is_command(word: &str) -> bool {
    const OPTIONS: [&str; 4] = ["--version", "-v", "--help", "-h"];
    OPTIONS.contains(&word)
        || PlainCommand::has(word)
        || word == completions::VALUES_COMMAND
        || Cli::has(word)
}

/// Runs a command that is recognised without clap; `None` for all others.
fn plain_command(words: &[&str], env: &Env) -> Option<ExitCode> {
    let code = match *words {
        ["--version" | "-v"] => show(&VersionReport::of_this_program().line(), env),
        ["version"] => show(&VersionReport::of_this_program().text(), env),
        ["version", "--json"] => show(&VersionReport::of_this_program().json(), env),
        ["help" | "--help" | "-h"] => show(&Cli::help(), env),
        [word, "--help" | "-h"] | ["help" | "--help" | "-h", word] => {
            show(&PlainCommand::help(word)?, env)
        }
        [completions::VALUES_COMMAND, kind] => show(&completions::values(kind, env), env),
        _ => return None,
    };
    Some(code)
}

fn clap_command(words: &[&str], arguments: &[OsString], env: &Env) -> ExitCode {
    match *words {
        // The usage is for Docker's protocol, the line for kubelet, which shows only stderr.
        [] if !io::stdin().is_terminal() => {
            Page::stderr(env).failure(&Error::failure(CommandError::Absent));
            incomplete(&Cli::help(), env)
        }
        // Without options, as clap would take `--help` after `--` for an argument.
        ["help" | "--help" | "-h", word, ref more @ ..]
            if Cli::has(word) && !more.iter().any(|word| word.starts_with('-')) =>
        {
            help_of(arguments, 1, env)
        }
        [word, "help", ref more @ ..]
            if Cli::is_group(word) && !more.iter().any(|word| word.starts_with('-')) =>
        {
            help_of(arguments, 2, env)
        }
        [word] if Cli::is_group(word) => incomplete(&Cli::help_of(word), env),
        [word, ..] if Cli::has(word) => {
            go_home(env, arguments);
            command(arguments, env)
        }
        _ => match CommandError::from_words(words) {
            Some(error) => {
                let hint = error.hint().map(str::to_owned);
                Page::stderr(env).failure(&Error::failure(error).hints(hint));
                ExitCode::FAILURE
            }
            None => incomplete(&Cli::help(), env),
        },
    }
}

/// Prints the help of the command in the arguments, of which the one at `index` asks for it.
fn help_of(arguments: &[OsString], index: usize, env: &Env) -> ExitCode {
    let mut words = arguments.to_vec();
    words.remove(index);
    words.push("--help".into());
    command(&words, env)
}

/// The help of a command that needs another word, and a failure, as the credential-helper protocol
/// requires.
fn incomplete(help: &str, env: &Env) -> ExitCode {
    show(help, env);
    ExitCode::FAILURE
}

/// The caller prints the error on stderr.
fn run_command(command: &Command, env: &Env, page: &mut Page) -> Result<Verdict, Error> {
    match command {
        Command::ConfigureDocker(arguments) => configure::run(arguments, env, page),
        Command::Doctor(arguments) => doctor::run(arguments, env, page),
        Command::Kubelet(arguments) => kubelet::node::run(arguments, env, page),
        Command::Policy(arguments) => policy::run(arguments, env, page),
        Command::Password(arguments) => tokens::password(arguments, env, page),
        Command::Whoami(arguments) => whoami::run(arguments, env, page),
        Command::Cache(arguments) => tokens::cache(arguments, env, page),
        Command::Config(arguments) => config::run(arguments, env, page),
        Command::Completions(arguments) => completions::run(arguments, env, page),
    }
}

/// The exit code for wrong arguments of a command that clap parses.
const USAGE: u8 = 2;

/// Runs a command that clap parses. Exits 0 on success, 1 if the command failed or found a
/// problem, and 2 if the arguments are wrong.
fn command(arguments: &[OsString], env: &Env) -> ExitCode {
    panic::set_hook(Box::new(panicked_in_command));
    let cli = match Cli::read(arguments) {
        Ok(cli) => cli,
        Err(error) => return usage(&error, env),
    };
    let mut page = Page::stdout(env);
    let verdict = run_command(&cli.command, env, &mut page);
    let verdict = match page.finish() {
        Ok(()) => verdict,
        Err(error) => verdict.and(Err(error.into())),
    };
    match verdict {
        Ok(Verdict::Good) => ExitCode::SUCCESS,
        Ok(Verdict::Bad) => ExitCode::FAILURE,
        Err(error) => {
            Page::stderr(env).failure(&error);
            match error.kind() {
                Kind::Usage => ExitCode::from(USAGE),
                _ => ExitCode::FAILURE,
            }
        }
    }
}

/// Prints clap's text: help on stdout, errors on stderr.
fn usage(error: &clap::Error, env: &Env) -> ExitCode {
    let text = error.render().ansi().to_string();
    if error.use_stderr() {
        Page::stderr(env).raw(&text);
        return ExitCode::from(USAGE);
    }
    show(&text, env)
}

fn show(text: &str, env: &Env) -> ExitCode {
    let mut page = Page::stdout(env);
    page.raw(text);
    match page.finish() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            Page::stderr(env).failure(&error.into());
            ExitCode::FAILURE
        }
    }
}

/// A panic is a bug in this program or the SDK. It is reported like every failure, with its source
/// location only: its message could contain a secret.
fn panicked(panic: &PanicHookInfo<'_>) {
    report(&bug(panic));
    process::exit(1);
}

/// The same for commands outside of the protocol, whose stdout may be piped into `docker login`.
fn panicked_in_command(panic: &PanicHookInfo<'_>) {
    tell(&bug(panic));
    process::exit(1);
}

fn bug(panic: &PanicHookInfo<'_>) -> Error {
    let place = panic
        .location()
        .map_or_else(String::new, |location| format!(" at {location}"));
    Error::failure(Bug { place }).hint("Report this bug with the command that you ran")
}

#[derive(Debug, thiserror::Error)]
#[error("internal error{place}: this is a bug in docker-credential-ecrx")]
struct Bug {
    place: String,
}

fn helper(action: Action, env: &Env) -> ExitCode {
    let checked = match action {
        Action::Get => stdout::check(),
        // A list may be discarded: a caller may only check whether the program works.
        Action::List => stdout::check_writable(),
        Action::Store | Action::Erase => Ok(()),
    };
    if let Err(error) = checked {
        tell(&error.into());
        return ExitCode::FAILURE;
    }
    match docker::handle(action, env, io::stdin(), io::stdout(), io::stderr()) {
        Ok(code) => code,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

/// Prints one line on stdout, which the protocol and most clients read. Prints the same line and
/// the hints on stderr, the only stream that docker shows. If the client continues anonymously or
/// prints an error of its own, stderr stays empty.
fn report(error: &Error) {
    let line = error.line();
    // If neither stream can be written to, only the exit code reports the failure.
    let _ = writeln!(io::stdout(), "{line}");
    if error.kind() == Kind::Failure {
        tell(error);
    }
}

/// Prints an error and its hints on stderr.
fn tell(error: &Error) {
    let _ = io::stderr().write_all(error.text().as_bytes());
}

/// The AWS SDK finds the sign-ins of `aws login` by variables only (aws-runtime 1.7, `fs_util.rs`). If
/// these do not name our home folder, the program runs itself again with it, so that the SDK's files
/// and its own are in one home folder. On Unix, `HOME` can be absent (systemd, Nomad). On Windows,
/// the SDK takes `HOME` first, which Git Bash sets, perhaps to another folder.
fn go_home(env: &Env, arguments: &[OsString]) {
    let sdks = env.get_os(var::HOME);
    let sdks = sdks.or_else(|| env.get_os(USER_PROFILE).filter(|_| cfg!(windows)));
    if sdks.is_some() && cfg!(unix) {
        return;
    }
    let (Some(home), Ok(program)) = (env.home(), std::env::current_exe()) else {
        return;
    };
    if sdks.is_some_and(|sdks| Path::new(&sdks) == home) {
        return;
    }
    let mut command = process::Command::new(program);
    command.args(arguments.iter().skip(1)).env(var::HOME, home);
    let error = run_instead(command, arguments);
    log::warn!("cannot start again with a home folder: {error}");
}

/// Returns only if that fails.
#[cfg(unix)]
fn run_instead(mut command: process::Command, arguments: &[OsString]) -> io::Error {
    use std::os::unix::process::CommandExt as _;

    if let Some(name) = arguments.first() {
        command.arg0(name);
    }
    command.exec()
}

/// Windows cannot replace a process.
#[cfg(not(unix))]
fn run_instead(mut command: process::Command, _: &[OsString]) -> io::Error {
    match command.status() {
        Ok(status) => process::exit(status.code().unwrap_or(1)),
        Err(error) => error,
    }
}

/// The output of `version`. `build.rs` sets the commit; a build outside of git has none.
#[derive(Serialize)]
struct VersionReport {
    name: &'static str,
    version: &'static str,
    commit: Option<&'static str>,
    /// The commit's date.
    date: Option<&'static str>,
    target: &'static str,
}

impl VersionReport {
    fn of_this_program() -> Self {
        Self {
            name: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            commit: option_env!("ECRX_BUILD_COMMIT"),
            date: option_env!("ECRX_BUILD_DATE"),
            target: env!("ECRX_BUILD_TARGET"),
        }
    }

    /// `NAME (PACKAGE) VERSION`, which clients parse.
    fn line(&self) -> String {
        format!("docker-credential-ecrx ({}) {}\n", self.name, self.version)
    }

    /// The line, then the commit and the target.
    fn text(&self) -> String {
        let commit = match (self.commit, self.date) {
            (Some(commit), Some(date)) => format!("{commit} ({date})"),
            _ => "unknown (built outside of git)".to_owned(),
        };
        format!("{}commit: {commit}\ntarget: {}\n", self.line(), self.target)
    }

    fn json(&self) -> String {
        let text = serde_json::to_string_pretty(self).expect("a report of ours is JSON");
        format!("{text}\n")
    }
}
