//! `config`: what is wrong with the configuration, and what it decides.

mod check;
mod show;

use crate::cli::{ConfigArguments, ConfigCommand};
use crate::env::Env;
use crate::error::Error;

use super::{Page, Verdict};

pub(crate) fn run(
    arguments: &ConfigArguments,
    env: &Env,
    page: &mut Page,
) -> Result<Verdict, Error> {
    match &arguments.command {
        ConfigCommand::Check { json } => check::run(env, *json, page),
        ConfigCommand::Show { host, json } => show::run(env, host, *json, page),
    }
}
