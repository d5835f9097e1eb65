//! `__complete KIND`: the configured values that the shell completions offer, a line each. It makes
//! no network calls, and prints nothing if a file cannot be read.

use crate::config::Config;
use crate::env::Env;
use crate::error::is_unsafe;
use crate::identity::Resolver;
use crate::stdout;

use super::registries;

/// The command's name. Users do not run it, so no help names it.
pub(crate) const COMMAND: &str = "__complete";

pub(crate) fn print(kind: &str, env: &Env) {
    let config = Config::from_env(env).unwrap_or_default();
    let mut values = match kind {
        "registries" => registries::hosts(env, &config),
        "profiles" => profiles(env, &config),
        "identities" => config.identity_names().map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    values.retain(|value| is_one_word(value));
    values.sort_unstable();
    values.dedup();
    let lines: String = values.iter().map(|value| format!("{value}\n")).collect();
    if let Err(error) = stdout::print(&lines) {
        log::debug!("{error}");
    }
}

fn profiles(env: &Env, config: &Config) -> Vec<String> {
    let resolver = Resolver::new(env, config);
    let names = resolver.profile_names().unwrap_or_default();
    names.into_iter().map(str::to_owned).collect()
}

/// Shells split the lines at blanks.
fn is_one_word(value: &str) -> bool {
    let splits = |letter: char| letter.is_whitespace() || is_unsafe(letter);
    !value.is_empty() && !value.contains(splits)
}
