//! `cache clear`: out with the tokens of a registry, whoever bought them, or with all.

use crate::cache::{Cleared, Entry, Which};
use crate::commands::page::Mark;
use crate::commands::{Page, Target, Verdict};
use crate::config::Config;
use crate::env::Env;
use crate::error::Error;
use crate::registry::{Registry, Service};

pub fn run(
    env: &Env,
    config: &Config,
    host: Option<&str>,
    page: &mut Page,
) -> Result<Verdict, Error> {
    let cache = super::there(env, config)?;
    let cleared = match host {
        None => cache.clear(&Which::All),
        Some(host) => {
            let target = Target::parse(host, config).map_err(Error::failure)?;
            let registry = target.registry;
            cache.clear(&Which::Entries(&|entry: &Entry| {
                is_of(entry, &registry, config)
            }))
        }
    };
    let cleared = cleared.map_err(Error::failure)?;
    print(&cleared, page);
    Ok(match cleared.left.is_empty() {
        true => Verdict::Good,
        false => Verdict::Bad,
    })
}

/// Whether an entry is of a registry, by whatever name: FIPS, dual-stack and hosts of one's own
/// are the same.
fn is_of(entry: &Entry, registry: &Registry, config: &Config) -> bool {
    let same = |other: &Registry| match (&other.service, &registry.service) {
        (Service::Private(one), Service::Private(other)) => {
            (&one.account, &one.region) == (&other.account, &other.region)
        }
        (Service::Public, Service::Public) => true,
        _ => false,
    };
    match config.registry(&entry.registry) {
        Some(other) => same(&other),
        // A host of one's own that no rule names any more.
        None => entry.registry == registry.host(),
    }
}

fn print(cleared: &Cleared, page: &mut Page) {
    let mut tokens: Vec<String> = cleared
        .entries
        .iter()
        .map(|entry| {
            format!(
                "deleted the token for {}: {}",
                entry.registry, entry.identity
            )
        })
        .collect();
    tokens.sort();
    for token in &tokens {
        page.paragraph(0, token);
    }
    let counts = [
        (
            cleared.unreadable,
            "file that held no token",
            "files that held no token",
        ),
        (cleared.temporary, "half-written file", "half-written files"),
        (cleared.marks, "remembered failure", "remembered failures"),
    ];
    for (count, one, many) in counts {
        match count {
            0 => {}
            1 => page.paragraph(0, &format!("deleted 1 {one}")),
            _ => page.paragraph(0, &format!("deleted {count} {many}")),
        }
    }
    if tokens.is_empty() && counts.iter().all(|(count, ..)| *count == 0) {
        page.paragraph(0, "nothing to delete");
    }
    for entry in &cleared.busy {
        page.marked(
            Mark::Warning,
            &format!(
                "a token for {} is being bought, and will be kept",
                entry.registry
            ),
        );
    }
    for error in &cleared.left {
        page.marked(Mark::Bad, &error.to_string());
    }
}
