//! Picks the mode by the arguments. The only place that prints errors and sets exit codes.

use std::ffi::OsString;
use std::io::{self, Write};
use std::panic::{self, PanicHookInfo};
use std::process::ExitCode;

use crate::cli::{Cli, Command, CommandError, PlainCommand};
use crate::commands::{Page, Verdict, cache, config, password, whoami};
use crate::docker::{self, Action};
use crate::env::{Env, var};
use crate::error::{Error, Kind};
use crate::helper_name;
use crate::logger;
use crate::stdout;
use crate::{configure, doctor, policy};

/// Runs the program: `arguments` as the system gave them, the name it was called by first.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    panic::set_hook(Box::new(panicked));
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let name = arguments.first().and_then(|it| helper_name::called_as(it));
    let env = Env::process().called_as(name);
    logger::start(&env);
    let words: Vec<&str> = arguments
        .iter()
        .skip(1)
        .map(|word| word.to_str().unwrap_or_default())
        .collect();
    if let [word] = *words
        && let Some(action) = Action::parse(word)
    {
        go_home(&env, &arguments);
        return helper(action, &env);
    }
    match *words {
        ["version" | "--version" | "-v"] => print(&version()),
        ["help" | "--help" | "-h"] | ["help", "--help" | "-h"] => help(&env),
        ["help", word] if PlainCommand::has(word) => help(&env),
        // No options: behind a `--` the `--help` would be no option either.
        ["help", word, ref more @ ..]
            if Cli::has(word) && !more.iter().any(|word| word.starts_with('-')) =>
        {
            let name = arguments.first().cloned();
            let asked = arguments.iter().skip(2).cloned();
            let words = name.into_iter().chain(asked).chain(["--help".into()]);
            command(&words.collect::<Vec<OsString>>(), &env)
        }
        [word, ..] if Cli::has(word) => {
            go_home(&env, &arguments);
            command(&arguments, &env)
        }
        _ => {
            if let Some(error) = CommandError::from_words(&words) {
                Page::stderr(&env).failure(&Error::failure(error));
            }
            help(&env);
            ExitCode::FAILURE
        }
    }
}

/// Errors are for stderr; the caller prints them.
fn run_command(command: &Command, env: &Env, page: &mut Page) -> Result<Verdict, Error> {
    match command {
        Command::ConfigureDocker(arguments) => configure::run(arguments, env, page),
        Command::Doctor(arguments) => doctor::run(arguments, env, page),
        Command::Policy(arguments) => policy::run(arguments, env, page),
        Command::Password(arguments) => password::run(arguments, env, page),
        Command::Whoami(arguments) => whoami::run(arguments, env, page),
        Command::Cache(arguments) => cache::run(arguments, env, page),
        Command::Config(arguments) => config::run(arguments, env, page),
        Command::Completions(arguments) => {
            page.raw(arguments.shell.completions());
            Ok(Verdict::Good)
        }
    }
}

/// The exit code of a command for people whose arguments are wrong.
const USAGE: u8 = 2;

/// A command for people: 0 when all is well, 1 when it is not or the command failed, 2 when the
/// arguments are wrong.
fn command(arguments: &[OsString], env: &Env) -> ExitCode {
    panic::set_hook(Box::new(panicked_before_people));
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

/// clap's own text: help goes to stdout, everything else to stderr.
fn usage(error: &clap::Error, env: &Env) -> ExitCode {
    let text = error.render().ansi().to_string();
    if error.use_stderr() {
        Page::stderr(env).raw(&text);
        return ExitCode::from(USAGE);
    }
    show(&text, env)
}

/// The help of the whole program.
fn help(env: &Env) -> ExitCode {
    show(&Cli::help(), env)
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

/// A panic is a bug, ours or the SDK's. It is told as every failure is, by its place alone: its
/// words could hold what must not be shown.
fn panicked(panic: &PanicHookInfo<'_>) {
    report(&bug(panic));
    std::process::exit(1);
}

/// The same in a command for people, whose stdout somebody may pipe into a login.
fn panicked_before_people(panic: &PanicHookInfo<'_>) {
    tell(&bug(panic));
    std::process::exit(1);
}

fn bug(panic: &PanicHookInfo<'_>) -> Error {
    let place = panic
        .location()
        .map_or_else(String::new, |location| format!(" at {location}"));
    Bug { place }.into()
}

#[derive(Debug, thiserror::Error)]
#[error("this is a bug: the program came to an impossible point{place}")]
struct Bug {
    place: String,
}

impl Bug {
    fn hints() -> Vec<String> {
        vec!["please report it, with what you did".to_owned()]
    }
}

impl From<Bug> for Error {
    fn from(bug: Bug) -> Self {
        Self::failure(bug).hints(Bug::hints())
    }
}

/// `NAME (PACKAGE) VERSION`, as the protocol wants it.
fn version() -> String {
    let (package, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    format!("docker-credential-ecrx ({package}) {version}\n")
}

fn print(text: &str) -> ExitCode {
    match stdout::print(text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&error.into());
            ExitCode::FAILURE
        }
    }
}

fn helper(action: Action, env: &Env) -> ExitCode {
    let checked = match action {
        Action::Get => stdout::check(),
        // A list that is discarded is no loss: a caller may only want to know whether this works.
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

/// One line on stdout, which the protocol and most clients read; the same line and the hints on
/// stderr, which is all that docker shows. Where the client goes on anonymously or complains in
/// words of its own, stderr stays empty.
fn report(error: &Error) {
    let line = error.line();
    // When neither stream can be written to, the exit code is all that is left to say it with.
    let _ = writeln!(io::stdout(), "{line}");
    if error.kind() == Kind::Failure {
        tell(error);
    }
}

/// An error with its hints on stderr.
fn tell(error: &Error) {
    let _ = io::stderr().write_all(error.text().as_bytes());
}

/// Without `HOME` (systemd, Nomad) the AWS SDK finds neither SSO nor `aws login` sign-ins, and
/// takes it from the environment alone. So the program starts itself again with the home folder
/// of the password database, and there is one home for the SDK's files and ours.
#[cfg(unix)]
fn go_home(env: &Env, arguments: &[OsString]) {
    use std::os::unix::process::CommandExt as _;

    if env.get_os(var::HOME).is_some() {
        return;
    }
    let (Some(home), Ok(program)) = (env.home(), std::env::current_exe()) else {
        return;
    };
    let mut command = std::process::Command::new(program);
    if let Some(name) = arguments.first() {
        command.arg0(name);
    }
    let error = command
        .args(arguments.iter().skip(1))
        .env(var::HOME, home)
        .exec();
    log::warn!("cannot start again with a home folder: {error}");
}

#[cfg(not(unix))]
fn go_home(_: &Env, _: &[OsString]) {}
