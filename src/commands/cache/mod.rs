//! `cache`: what is in the cache of tokens, and out with it.

mod clear;
mod list;

use crate::cache::Cache;
use crate::cli::{self, CacheCommand};
use crate::config::Config;
use crate::env::Env;
use crate::error::Error;
use crate::get::{CacheOff, CachePlace, load_config};

use super::{Page, Verdict};

/// Runs the command.
pub(crate) fn run(arguments: &cli::Cache, env: &Env, page: &mut Page) -> Result<Verdict, Error> {
    let config = load_config(env).map_err(Error::failure)?;
    match &arguments.command {
        CacheCommand::List { json } => list::run(env, &config, *json, page),
        CacheCommand::Clear { host } => clear::run(env, &config, host.as_deref(), page),
        CacheCommand::Path => {
            page.path(&there(env, &config)?.folder());
            Ok(Verdict::Good)
        }
    }
}

/// The cache, though it may be switched off: what it holds is there all the same.
fn there(env: &Env, config: &Config) -> Result<Cache, Error> {
    let place = CachePlace::find(env, config);
    place.dir.map(Cache::at).ok_or_else(|| {
        Error::failure(place.off.unwrap_or(CacheOff::NoHome))
            .hint("name a folder with `dir` under [cache] in config.toml, or AWS_ECR_CACHE_DIR")
    })
}
