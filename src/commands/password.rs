//! `password`: prints only the password for a registry, as `aws ecr get-login-password` does.

use crate::cli::Password;
use crate::config::Config;
use crate::env::Env;
use crate::error::Error;
use crate::get::Tokens;
use crate::stdout;

use super::{Page, Target, Verdict};

pub(crate) fn run(arguments: &Password, env: &Env, page: &mut Page) -> Result<Verdict, Error> {
    stdout::check().map_err(Error::failure)?;
    let config = Config::from_env(env).map_err(Error::failure)?;
    let target = Target::parse(&arguments.host, &config).map_err(|error| error.told(env))?;
    let tokens = Tokens::new(env, &config);
    let least = arguments.min_lifetime.unwrap_or_default();
    let token = tokens.get_living(&target.registry, least)?;
    page.raw(token.password().expose());
    page.raw("\n");
    Ok(Verdict::Good)
}
