//! `cache clear`: out with the tokens of a registry, whoever bought them, or with all.

use crate::cache::{Cache, CacheError, Cleared, END_OF_TIME, Entry, Which};
use crate::commands::page::Mark;
use crate::commands::{Page, Target, Verdict};
use crate::config::Config;
use crate::env::Env;
use crate::error::Error;
use crate::registry::{Registry, ServerName, Service};

pub(super) fn run(
    env: &Env,
    config: &Config,
    host: Option<&str>,
    page: &mut Page,
) -> Result<Verdict, Error> {
    let cache = super::there(env, config)?;
    let cleared = match host {
        None => cache.clear(&Which::All),
        Some(host) => match Target::parse(host, config) {
            Ok(Target { registry, .. }) => {
                cache.clear(&Which::Entries(&|entry| is_of(entry, &registry, config)))
            }
            Err(error) => {
                let former = Former::parse(host, config);
                let former = former.ok_or_else(|| error.clone().told(env))?;
                // Nothing is deleted, no memory of a failure either, for a host that is mistyped.
                if !former.is_kept(&cache).map_err(Error::failure)? {
                    return Err(error.told(env));
                }
                cache.clear(&Which::Entries(&|entry| former.is_of(entry)))
            }
        },
    };
    let cleared = cleared.map_err(Error::failure)?;
    print(&cleared, page);
    Ok(if cleared.left.is_empty() {
        Verdict::Good
    } else {
        Verdict::Bad
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
    config
        .registry(&entry.registry)
        .is_some_and(|other| same(&other))
}

/// A host of one's own that no rule names any more. Which registry was behind it is forgotten, but
/// what was bought by its name is still kept.
struct Former<'a> {
    name: ServerName,
    config: &'a Config,
}

impl<'a> Former<'a> {
    fn parse(host: &str, config: &'a Config) -> Option<Self> {
        let name = ServerName::parse(host)?;
        Some(Self { name, config })
    }

    fn is_kept(&self, cache: &Cache) -> Result<bool, CacheError> {
        let entries = cache.list(END_OF_TIME)?;
        Ok(entries.iter().any(|(_, entry)| self.is_of(entry)))
    }

    /// A name without a port stands for every port, as in a rule.
    fn is_of(&self, entry: &Entry) -> bool {
        let is_named = |bought: &ServerName| {
            bought.host == self.name.host
                && (self.name.port.is_none()
                    || bought.port.is_none()
                    || bought.port == self.name.port)
        };
        self.config.registry(&entry.registry).is_none()
            && ServerName::parse(&entry.registry)
                .as_ref()
                .is_some_and(is_named)
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
