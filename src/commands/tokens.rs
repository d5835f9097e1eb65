//! The commands for tokens: `password` prints one, `cache` lists and deletes those in the cache.

use serde::Serialize;
use time::OffsetDateTime;

use crate::cache::{
    Cache, CacheError, CacheLocation, CacheOff, ClearScope, Cleared, END_OF_TIME, Entry,
};
use crate::cli::{CacheArguments, CacheCommand, Password};
use crate::clock;
use crate::config::Config;
use crate::env::Env;
use crate::error::{Error, one_line};
use crate::get::{Held, Tokens};
use crate::registry::{Registry, ServerName, Service};
use crate::stdout;

use super::facts::TokenFacts;
use super::page::{CheckMark, from_now, iso, span};
use super::{Page, Target, Verdict};

/// `password`: prints only the password for a registry, as `aws ecr get-login-password` does.
pub(crate) fn password(arguments: &Password, env: &Env, page: &mut Page) -> Result<Verdict, Error> {
    stdout::check().map_err(Error::failure)?;
    let config = Config::from_env(env).map_err(Error::failure)?;
    let target = Target::parse(&arguments.host, &config).map_err(|error| error.told(env))?;
    let tokens = Tokens::new(env, &config);
    let least = arguments.min_lifetime.unwrap_or_default();
    let token = tokens.get_living(target.lookup(), least)?;
    page.raw(token.password().expose());
    page.raw("\n");
    Ok(Verdict::Good)
}

/// `cache`: lists cached tokens, deletes them, and prints the cache folder.
pub(crate) fn cache(
    arguments: &CacheArguments,
    env: &Env,
    page: &mut Page,
) -> Result<Verdict, Error> {
    let config = Config::from_env(env).map_err(Error::failure)?;
    match &arguments.command {
        CacheCommand::List { json } => list(env, &config, *json, page),
        CacheCommand::Clear { host } => clear(env, &config, host.as_deref(), page),
        CacheCommand::Path => {
            page.path(&configured_cache(env, &config)?.folder());
            Ok(Verdict::Good)
        }
    }
}

/// Why there is no cache folder.
#[derive(Debug, thiserror::Error)]
#[error("there is no cache folder: {0}")]
struct NoFolder(CacheOff);

/// The cache, even if it is disabled: it may contain earlier tokens.
fn configured_cache(env: &Env, config: &Config) -> Result<Cache, Error> {
    let place = CacheLocation::find(env, config);
    place.dir.map(Cache::at).ok_or_else(|| {
        Error::failure(NoFolder(place.off.unwrap_or(CacheOff::NoHome)))
            .hint("Set `dir` under [cache] in config.toml, or AWS_ECR_CACHE_DIR")
    })
}

#[derive(Serialize)]
struct CacheReport {
    /// The private folder; `None` without a home directory.
    folder: Option<String>,
    state: CacheUse,
    /// Why the cache is not used.
    reason: Option<String>,
    tokens: Vec<ListedToken>,
    /// The number of entry files that are damaged or of another version.
    unusable: usize,
    failures: Vec<RememberedFailure>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum CacheUse {
    Used,
    /// Disabled by configuration, or without a home directory.
    Off,
    /// The folder cannot be used.
    Unusable,
}

#[derive(Serialize)]
struct ListedToken {
    registry: String,
    identity: String,
    #[serde(flatten)]
    token: TokenFacts,
}

/// A remembered failure: the request is not repeated until then.
#[derive(Serialize)]
struct RememberedFailure {
    until: String,
    message: String,
}

fn list(env: &Env, config: &Config, json: bool, page: &mut Page) -> Result<Verdict, Error> {
    let report = CacheReport::read(env, config);
    if json {
        page.json(&report)
    } else {
        report.print(page)
    }
    Ok(Verdict::good_if(report.state != CacheUse::Unusable))
}

impl CacheReport {
    fn read(env: &Env, config: &Config) -> Self {
        let place = CacheLocation::find(env, config);
        let cache = place.dir.map(Cache::at);
        let mut report = Self {
            folder: cache
                .as_ref()
                .map(|cache| cache.folder().display().to_string()),
            state: match place.off {
                Some(_) => CacheUse::Off,
                None => CacheUse::Used,
            },
            reason: place.off.map(|off| off.to_string()),
            tokens: Vec::new(),
            unusable: 0,
            failures: Vec::new(),
        };
        if let Some(cache) = cache
            && let Err(error) = report.read_cache(&cache, &Tokens::new(env, config))
        {
            // If the cache is disabled, it does not matter that its folder cannot be used.
            if report.state == CacheUse::Used {
                report.state = CacheUse::Unusable;
                report.reason = Some(error.to_string());
            }
        }
        report
    }

    fn read_cache(&mut self, cache: &Cache, tokens: &Tokens<'_>) -> Result<(), CacheError> {
        let now = clock::now();
        let mut held = tokens.judge(cache.list(now)?);
        held.sort_by(|one, other| {
            let key = |held: &Held| (held.entry.registry.clone(), held.entry.identity.clone());
            key(one).cmp(&key(other))
        });
        self.tokens = held
            .iter()
            .map(|held| ListedToken::new(held, now))
            .collect();
        self.unusable = cache.doubtful(self.tokens.len())?;
        let mut failures = cache.marks(now)?;
        failures.sort();
        self.failures = failures
            .into_iter()
            .map(|(until, message)| RememberedFailure {
                until: iso(until),
                message: one_line(&message),
            })
            .collect();
        cache.judge()
    }

    fn print(&self, page: &mut Page) {
        if let Some(reason) = &self.reason {
            let (mark, state) = match self.state {
                CacheUse::Unusable => (CheckMark::Bad, "cannot be used"),
                CacheUse::Used | CacheUse::Off => (CheckMark::Warning, "is disabled"),
            };
            let unused = if self.tokens.is_empty() {
                ""
            } else {
                ". These tokens are not used:"
            };
            page.marked(mark, &format!("the cache {state}: {reason}{unused}"));
        }
        self.print_tokens(page);
        if self.unusable > 0 {
            page.gap();
            page.marked(CheckMark::Warning, &unusable_text(self.unusable));
        }
        if !self.failures.is_empty() {
            page.gap();
            page.heading("Remembered failures");
            for failure in &self.failures {
                page.paragraph(
                    2,
                    &format!("retry at {}: {}", failure.until, failure.message),
                );
            }
        }
    }

    fn print_tokens(&self, page: &mut Page) {
        if self.tokens.is_empty() {
            let text = match &self.folder {
                Some(folder) => format!("no cached tokens in {folder}"),
                None => "no cached tokens".to_owned(),
            };
            return page.paragraph(0, &text);
        }
        let is_used = self.state == CacheUse::Used;
        let tokens = self.tokens.iter();
        let rows: Vec<Vec<String>> = tokens.flat_map(|token| token.rows(is_used)).collect();
        page.table(&["AGE", "RENEWAL", "EXPIRY", "REGISTRY, IDENTITY"], &rows);
        let is_others = |token: &TokenFacts| !token.expired && token.refresh_at.is_none();
        if is_used && self.tokens.iter().any(|listed| is_others(&listed.token)) {
            page.gap();
            page.paragraph(
                0,
                "No renewal time: the token belongs to an identity not currently selected for that \
                 registry.",
            );
        }
    }
}

fn unusable_text(count: usize) -> String {
    let (files, them) = match count {
        1 => ("1 cached token".to_owned(), "it"),
        many => (format!("{many} cached tokens"), "them"),
    };
    format!(
        "{files} cannot be read. The next request replaces {them}, and `cache clear` deletes {them}. \
         ECRX_LOG=warn logs the reason"
    )
}

impl ListedToken {
    fn new(held: &Held, now: OffsetDateTime) -> Self {
        Self {
            registry: one_line(&held.entry.registry),
            identity: one_line(&held.entry.identity),
            token: TokenFacts::from_held(held, now),
        }
    }

    /// A row for the registry, and a row for the identity. A token of a disabled cache is not
    /// renewed.
    fn rows(&self, is_used: bool) -> [Vec<String>; 2] {
        let token = &self.token;
        let renewal = match token.renewed_in {
            _ if !is_used || token.expired || token.refresh_at.is_none() => "-".to_owned(),
            Some(ahead) => from_now(ahead),
            None => "next get".to_owned(),
        };
        let end = from_now(token.time_left);
        let end = if token.expired {
            format!("expired {end}")
        } else {
            end
        };
        let blank = String::new;
        [
            vec![span(token.age), renewal, end, self.registry.clone()],
            vec![blank(), blank(), blank(), self.identity.clone()],
        ]
    }
}

fn clear(
    env: &Env,
    config: &Config,
    host: Option<&str>,
    page: &mut Page,
) -> Result<Verdict, Error> {
    let cache = configured_cache(env, config)?;
    let cleared = match host {
        None => cache.clear(&ClearScope::All),
        Some(host) => match Target::parse(host, config) {
            Ok(Target { registry, .. }) => cache.clear(&ClearScope::Entries(&|entry| {
                is_token_for(&registry, entry, config)
            })),
            Err(error) => match FormerHost::parse(host, config) {
                Some(former) if former.has_token(&cache).map_err(Error::failure)? => {
                    cache.clear(&ClearScope::Entries(&|entry| former.is_named_by(entry)))
                }
                // If the host is mistyped, nothing is deleted, not even remembered failures.
                _ => return Err(error.told(env)),
            },
        },
    };
    let cleared = cleared.map_err(Error::failure)?;
    print_cleared(&cleared, page);
    Ok(Verdict::good_if(cleared.left.is_empty()))
}

/// Whether an entry is for a registry. FIPS, dual-stack and custom hosts name the same registry.
fn is_token_for(registry: &Registry, entry: &Entry, config: &Config) -> bool {
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

/// A custom host that no rule names any more. Its registry is unknown, but the tokens that were
/// requested under its name are still cached.
struct FormerHost<'a> {
    name: ServerName,
    config: &'a Config,
}

impl<'a> FormerHost<'a> {
    fn parse(host: &str, config: &'a Config) -> Option<Self> {
        let name = ServerName::parse(host)?;
        Some(Self { name, config })
    }

    fn has_token(&self, cache: &Cache) -> Result<bool, CacheError> {
        let entries = cache.list(END_OF_TIME)?;
        Ok(entries.iter().any(|(_, entry)| self.is_named_by(entry)))
    }

    /// A name without a port matches every port, as in a rule.
    fn is_named_by(&self, entry: &Entry) -> bool {
        let is_named = |cached: &ServerName| {
            cached.host == self.name.host
                && (self.name.port.is_none()
                    || cached.port.is_none()
                    || cached.port == self.name.port)
        };
        self.config.registry(&entry.registry).is_none()
            && ServerName::parse(&entry.registry)
                .as_ref()
                .is_some_and(is_named)
    }
}

fn print_cleared(cleared: &Cleared, page: &mut Page) {
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
            "file without a usable token",
            "files without a usable token",
        ),
        (cleared.temporary, "incomplete file", "incomplete files"),
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
            CheckMark::Warning,
            &format!(
                "a token for {} is being requested and will be cached",
                entry.registry
            ),
        );
    }
    for error in &cleared.left {
        page.marked(CheckMark::Bad, &error.to_string());
    }
}
