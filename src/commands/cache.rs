//! `cache list`: the tokens that are kept, for whom, and for how long.

use serde::Serialize;
use time::OffsetDateTime;

use crate::cache::CacheError;
use crate::clock;
use crate::commands::moment::{from_now, iso, span};
use crate::commands::page::Mark;
use crate::commands::{Page, Verdict};
use crate::config::Config;
use crate::env::Env;
use crate::error::Error;
use crate::get::{CachePlace, Held, Provider};

/// What is found.
#[derive(Serialize)]
struct Report {
    /// The private folder; `None` where there is no place for one.
    folder: Option<String>,
    state: State,
    /// Why nothing is kept, where that is so.
    reason: Option<String>,
    tokens: Vec<Token>,
    /// How many files of entries there are that cannot be believed or read.
    unusable: usize,
    failures: Vec<Failure>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    /// Tokens are kept.
    Used,
    /// By configuration, or without a home folder, none are.
    Off,
    /// The folder is refused.
    Unusable,
}

#[derive(Serialize)]
struct Token {
    registry: String,
    identity: String,
    obtained_at: String,
    /// `None` where it belongs to somebody who does not ask now.
    refresh_at: Option<String>,
    expires_at: String,
    expired: bool,
    #[serde(skip)]
    row: Vec<String>,
}

/// A failure that is remembered, so that it is not repeated at once.
#[derive(Serialize)]
struct Failure {
    until: String,
    message: String,
}

pub(super) fn run(
    env: &Env,
    config: &Config,
    json: bool,
    page: &mut Page,
) -> Result<Verdict, Error> {
    let report = Report::make(env, config);
    if json {
        page.json(&report)
    } else {
        report.print(page)
    }
    Ok(match report.state {
        State::Unusable => Verdict::Bad,
        State::Used | State::Off => Verdict::Good,
    })
}

impl Report {
    fn make(env: &Env, config: &Config) -> Self {
        let place = CachePlace::find(env, config);
        let cache = place.dir.map(crate::cache::Cache::at);
        let mut report = Self {
            folder: cache
                .as_ref()
                .map(|cache| cache.folder().display().to_string()),
            state: place.off.map_or(State::Used, |_| State::Off),
            reason: place.off.map(|off| off.to_string()),
            tokens: Vec::new(),
            unusable: 0,
            failures: Vec::new(),
        };
        if let Some(cache) = cache
            && let Err(error) = report.read(&cache, &Provider::new(env, config))
        {
            // One that is switched off anyway need not be mended.
            if report.state == State::Used {
                report.state = State::Unusable;
                report.reason = Some(error.to_string());
            }
        }
        report
    }

    fn read(
        &mut self,
        cache: &crate::cache::Cache,
        provider: &Provider<'_>,
    ) -> Result<(), CacheError> {
        let now = clock::now();
        let mut held = provider.judge(cache.list(now)?);
        held.sort_by(|one, other| {
            let key = |held: &Held| (held.entry.registry.clone(), held.entry.identity.clone());
            key(one).cmp(&key(other))
        });
        self.tokens = held.iter().map(|held| Token::of(held, now)).collect();
        self.unusable = cache.doubtful(self.tokens.len())?;
        let mut failures = cache.marks(now)?;
        failures.sort();
        self.failures = failures
            .into_iter()
            .map(|(until, message)| Failure {
                until: iso(until),
                message: crate::error::one_line(&message),
            })
            .collect();
        cache.judge()
    }

    fn print(&self, page: &mut Page) {
        if let Some(reason) = &self.reason {
            let mark = match self.state {
                State::Unusable => Mark::Bad,
                State::Used | State::Off => Mark::Warning,
            };
            page.marked(mark, &format!("nothing is cached: {reason}"));
        }
        match &self.tokens[..] {
            [] => page.paragraph(
                0,
                &match &self.folder {
                    Some(folder) => format!("no tokens in {folder}"),
                    None => "no tokens".to_owned(),
                },
            ),
            tokens => {
                let rows: Vec<Vec<String>> = tokens.iter().flat_map(Token::rows).collect();
                page.table(
                    &["AGE", "RENEWAL", "END", "REGISTRY, AND WHO BOUGHT"],
                    &rows,
                );
                let is_others = |token: &Token| !token.expired && token.refresh_at.is_none();
                if tokens.iter().any(is_others) {
                    page.gap();
                    page.paragraph(
                        0,
                        "A token with no renewal is not of who asks now: it goes by the settings of \
                         who does.",
                    );
                }
            }
        }
        if self.unusable > 0 {
            page.gap();
            let (files, them) = match self.unusable {
                1 => ("1 file holds a token".to_owned(), "it"),
                many => (format!("{many} files hold tokens"), "them"),
            };
            let text = format!(
                "{files} that cannot be used: the next purchase for the same replaces {them}, and \
                 `cache clear` deletes {them}; ECRX_LOG=warn says what is wrong"
            );
            page.marked(Mark::Warning, &text);
        }
        if !self.failures.is_empty() {
            page.gap();
            page.heading("Failures that are not repeated at once");
            for failure in &self.failures {
                page.paragraph(2, &format!("until {}: {}", failure.until, failure.message));
            }
        }
    }
}

impl Token {
    fn of(held: &Held, now: OffsetDateTime) -> Self {
        let token = &held.entry.token;
        let expired = token.is_expired(now);
        let renewal = match held.refresh_at {
            // Of an expired one nobody asks.
            None => "-".to_owned(),
            Some(_) if expired => "-".to_owned(),
            Some(moment) if moment > now => from_now(moment, now),
            Some(_) => "next get".to_owned(),
        };
        let end = if expired {
            format!("expired {}", from_now(token.expires_at, now))
        } else {
            from_now(token.expires_at, now)
        };
        Self {
            registry: crate::error::one_line(&held.entry.registry),
            identity: crate::error::one_line(&held.entry.identity),
            obtained_at: iso(token.obtained_at),
            refresh_at: held.refresh_at.map(iso),
            expires_at: iso(token.expires_at),
            expired,
            row: vec![span(now - token.obtained_at), renewal, end],
        }
    }

    /// Who bought it stands below the registry.
    fn rows(&self) -> [Vec<String>; 2] {
        let mut first = self.row.clone();
        first.push(self.registry.clone());
        let mut second = vec![String::new(); self.row.len()];
        second.push(self.identity.clone());
        [first, second]
    }
}
