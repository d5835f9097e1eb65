//! The token cache as the whole executable uses it: herds, half-life, refreshes that fail,
//! folders that cannot be trusted, locks that are not released, and identities that share a home.
//!
//! Whatever is wrong with the cache, the login works if AWS does, other users' files are neither
//! read nor deleted, and the log reports it. Where each fault is shown:
//!
//! | fault | tests |
//! |---|---|
//! | killed at any moment of a write | `unix/kills.rs`, `linux/each_call.rs` |
//! | full disk, quota, limit on sizes, errors of any kind | `linux/full_disk.rs`, `linux/each_call.rs`, `unix/folders.rs` |
//! | read-only home or file system, no home | `unix/folders.rs`, `linux/full_disk.rs`, `../protocol/home.rs` |
//! | folder of another user, open to others, a link, a file | `unix/folders.rs` |
//! | folder removed, exchanged or opened meanwhile | `unix/meanwhile.rs` |
//! | entry truncated, garbage, newer, misplaced, without a token, eternal | `unix/entries.rs`, `ages.rs` |
//! | entry or lock read-only, a pipe or a folder in place of a file | `unix/entries.rs` |
//! | clock five minutes off, set back, set forward, asleep | `ages.rs`, `../clock.rs` |
//! | no lock support | `linux/no_locks.rs` |
//! | lock held by a stopped process, a killed one, a stranger; lock removed | `unix/locks.rs`, `unix/meanwhile.rs` |
//! | two versions side by side, the established helper's files | `unix/versions.rs`, `../moving_over.rs` |
//! | 100,000 entries | `unix/crowd.rs` |

#[path = "cache/ages.rs"]
mod ages;
mod common;
#[path = "cache/denials.rs"]
mod denials;
#[path = "cache/herds.rs"]
mod herds;
#[cfg(unix)]
#[path = "cache/housekeeping.rs"]
mod housekeeping;
#[path = "cache/identities.rs"]
mod identities;
#[cfg(target_os = "linux")]
#[path = "cache/linux/mod.rs"]
mod linux;
#[path = "cache/place.rs"]
mod place;
#[path = "cache/refreshes.rs"]
mod refreshes;
#[path = "cache/rotation.rs"]
mod rotation;
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

/// Gets tokens for both registries and lets 7 hours pass, more than half of their lifetime.
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
