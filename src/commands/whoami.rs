//! `whoami`: the AWS identity that would be used for a registry, and why. It makes no network calls.

use serde::Serialize;

use crate::cli::Whoami;
use crate::config::Config;
use crate::env::Env;
use crate::error::Error;
use crate::identity::Identity;
use crate::registry::{Lookup, Registry};

use super::facts::{CacheFacts, Facts, HostOnly, IdentityFacts, USABLE};
use super::page::CheckMark;
use super::registries::{Columns, RegistriesReport};
use super::{Page, Target, Verdict};

#[derive(Serialize)]
struct WhoamiReport {
    registry: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    repository: Option<String>,
    /// Only private registries have account and region.
    account: Option<String>,
    region: Option<String>,
    #[serde(flatten)]
    identity: IdentityFacts,
    cache: CacheFacts,
    #[serde(skip_serializing_if = "Option::is_none")]
    host_only: Option<HostOnly>,
}

/// Why no identity can be used, as JSON.
#[derive(Serialize)]
struct NoIdentity {
    registry: String,
    error: String,
    hints: Vec<String>,
}

pub(crate) fn run(arguments: &Whoami, env: &Env, page: &mut Page) -> Result<Verdict, Error> {
    let config = Config::from_env(env).map_err(Error::failure)?;
    let Some(host) = &arguments.host else {
        let report = RegistriesReport::read(env, &config);
        return Ok(report.show(Columns::Identity, arguments.json, page));
    };
    let target = Target::parse(host, &config).map_err(|error| error.told(env))?;
    let facts = Facts::read(env, &config, target.lookup());
    if facts.identity.is_err() && arguments.json {
        page.json(&NoIdentity {
            registry: facts.lookup.registry.to_string(),
            error: facts.error().unwrap_or_default(),
            hints: facts.hints(),
        });
        return Ok(Verdict::Bad);
    }
    let report = match &facts.identity {
        Ok(identity) => WhoamiReport::new(&facts, identity),
        Err(_) => return facts.identity.map(|_| Verdict::Bad),
    };
    if arguments.json {
        page.json(&report)
    } else {
        report.print(page)
    }
    let sign_in = report.identity.sign_in.as_ref();
    Ok(Verdict::good_if(
        sign_in.is_none_or(|sign_in| sign_in.state == USABLE),
    ))
}

impl WhoamiReport {
    fn new(facts: &Facts<'_>, identity: &Identity) -> Self {
        let Lookup {
            registry,
            repository,
        } = facts.lookup;
        let private = registry.private();
        Self {
            registry: registry.to_string(),
            repository: repository.map(str::to_owned),
            account: private.map(|private| private.account.to_string()),
            region: private.map(|private| private.region.to_string()),
            identity: IdentityFacts::from_identity(identity),
            cache: facts.cache(identity),
            host_only: facts.host_only(),
        }
    }

    fn print(&self, page: &mut Page) {
        page.heading(&self.registry);
        let mut facts = Vec::new();
        // The hosts of ECR contain both.
        if let (Some(account), Some(region), None) =
            (&self.account, &self.region, Registry::parse(&self.registry))
        {
            facts.push(("registry".to_owned(), format!("{account}/{region}")));
        }
        let repository = self.repository.clone();
        facts.extend(repository.map(|name| ("repository".to_owned(), name)));
        facts.extend(self.identity.lines());
        let not_used = self.identity.not_used();
        facts.extend(not_used.map(|variables| ("not used".to_owned(), variables)));
        facts.push(("token".to_owned(), self.cache.text.clone()));
        page.facts(0, &facts);
        if let Some(sign_in) = &self.identity.sign_in {
            let mark = if sign_in.state == USABLE {
                CheckMark::Good
            } else {
                CheckMark::Bad
            };
            page.marked(mark, &sign_in.text);
            if let Some(hint) = &sign_in.hint {
                page.paragraph(2, hint);
            }
        }
        if let Some(host_only) = &self.host_only {
            page.marked(host_only.mark, &host_only.text);
        }
    }
}
