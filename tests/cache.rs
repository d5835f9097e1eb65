//! The token cache as the whole executable uses it: herds, half-life, refreshes that fail,
//! folders that cannot be trusted, locks that nobody gives back, and identities that share a home.

#[path = "cache/ages.rs"]
mod ages;
mod common;
#[path = "cache/denials.rs"]
mod denials;
#[path = "cache/herds.rs"]
mod herds;
#[path = "cache/identities.rs"]
mod identities;
#[path = "cache/place.rs"]
mod place;
#[path = "cache/refreshes.rs"]
mod refreshes;
#[cfg(unix)]
#[path = "cache/unix/mod.rs"]
mod unix;

use std::process::Child;

use common::fake_aws::Operation;
use common::{HOST, Outcome, TestEnvironment};

/// A second registry with the same endpoint as [`HOST`].
const OTHER: &str = "444455556666.dkr.ecr.us-west-2.amazonaws.com";

const ECR: Operation = Operation::EcrGetAuthorizationToken;
const STS: Operation = Operation::StsAssumeRole;
const HOUR: i64 = 3600;

/// A rule that gives every registry a role in its own account.
const ROLE_PER_ACCOUNT: &str = r#"
[[registry]]
match = "*"
role_arn = "arn:aws:iam::{account}:role/ecr-pull"
"#;

/// Starts all of them before it waits for the first.
fn at_once<'a>(gets: impl IntoIterator<Item = (&'a TestEnvironment, &'a str)>) -> Vec<Outcome> {
    let children: Vec<Child> = gets
        .into_iter()
        .map(|(environment, host)| environment.start(&["get"], host.as_bytes()))
        .collect();
    children.into_iter().map(Outcome::of).collect()
}

/// Buys tokens for both registries and lets 7 hours pass: past half of their life.
fn hold_stale_tokens(environment: &TestEnvironment) -> [Outcome; 2] {
    let held = [HOST, OTHER].map(|host| {
        let outcome = environment.get(host);
        outcome.grant();
        outcome
    });
    environment.age_cache(7 * HOUR);
    held
}

/// Keys as a section of `~/.aws/credentials`.
fn keys(profile: &str, (id, secret, _): (&str, &str, &str)) -> String {
    format!("[{profile}]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n")
}

fn no_credentials(cause: &str) -> String {
    format!("no credentials for {HOST}: {cause}")
}
