//! The commands for people: one file each, or one folder.
//!
//! Each reads what `cli.rs` has parsed, walks the same path as the protocol, and writes to a
//! [`Page`]. Errors are returned; `run.rs` prints them.

mod cache;
mod completions;
mod config;
mod configure_docker;
mod doctor;
mod moment;
pub(crate) mod page;
mod password;
mod policy;
pub(crate) mod target;
mod whoami;

use crate::cli::Command;
use crate::env::Env;
use crate::error::Error;

pub(crate) use page::Page;
pub(crate) use target::{Target, TargetError};

/// What a command has come to, when it did not fail at doing its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All is well: exit code 0.
    Good,
    /// It did what it was asked, and what it found is not well: exit code 1.
    Bad,
}

/// Runs a command.
///
/// # Errors
/// When it cannot do what it was asked: exit code 1, and the error on stderr.
pub(crate) fn run(command: &Command, env: &Env, page: &mut Page) -> Result<Verdict, Error> {
    match command {
        Command::ConfigureDocker(arguments) => configure_docker::run(arguments, env, page),
        Command::Doctor(arguments) => doctor::run(arguments, env, page),
        Command::Policy(arguments) => policy::run(arguments, env, page),
        Command::Password(arguments) => password::run(arguments, env, page),
        Command::Whoami(arguments) => whoami::run(arguments, env, page),
        Command::Cache(arguments) => cache::run(arguments, env, page),
        Command::Config(arguments) => config::run(arguments, env, page),
        Command::Completions(arguments) => completions::run(arguments, page),
    }
}
