//! `whoami`: the AWS identity that would be used for a registry, and why. It makes no network calls.

use serde::Serialize;

use crate::cli::Whoami;
use crate::config::Config;
use crate::env::Env;
use crate::error::Error;
use crate::identity::Identity;
use crate::registry::Registry;

use super::facts::{
    CacheFacts, ChoiceFacts, EndpointFacts, Facts, RoleFacts, SignInFacts, SourceFacts, USABLE,
};
use super::page::CheckMark;
use super::registries::{Columns, RegistriesReport};
use super::{Page, Target, Verdict};

#[derive(Serialize)]
struct WhoamiReport {
    registry: String,
    /// Only private registries have account and region.
    account: Option<String>,
    region: Option<String>,
    chosen_by: ChoiceFacts,
    profile: Option<String>,
    source: SourceFacts,
    sign_in: Option<SignInFacts>,
    roles: Vec<RoleFacts>,
    ecr: EndpointFacts,
    sts: Option<EndpointFacts>,
    passed_over: Vec<String>,
    cache: CacheFacts,
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
    let facts = Facts::read(env, &config, &target.registry);
    if facts.identity.is_err() && arguments.json {
        page.json(&NoIdentity {
            registry: facts.registry.to_string(),
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
    let sign_in = report.sign_in.as_ref();
    Ok(Verdict::good_if(
        sign_in.is_none_or(|sign_in| sign_in.state == USABLE),
    ))
}

impl WhoamiReport {
    fn new(facts: &Facts<'_>, identity: &Identity) -> Self {
        let private = facts.registry.private();
        Self {
            registry: facts.registry.to_string(),
            account: private.map(|private| private.account.to_string()),
            region: private.map(|private| private.region.to_string()),
            chosen_by: ChoiceFacts::from_chosen_by(&identity.chosen_by),
            profile: identity.profile.clone(),
            source: SourceFacts::from_source(&identity.source),
            sign_in: SignInFacts::from_identity(identity),
            roles: identity.roles.iter().map(RoleFacts::from_role).collect(),
            ecr: EndpointFacts::from_endpoint(&identity.api),
            sts: identity.sts.as_ref().map(EndpointFacts::from_endpoint),
            passed_over: identity
                .passed_over
                .iter()
                .map(ToString::to_string)
                .collect(),
            cache: facts.cache(identity),
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
        facts.push(("selected by".to_owned(), self.chosen_by.by.clone()));
        if let Some(profile) = &self.profile {
            facts.push(("profile".to_owned(), profile.clone()));
        }
        facts.push(("source".to_owned(), self.source.is.clone()));
        for (index, role) in self.roles.iter().enumerate() {
            let name = match self.roles.len() {
                1 => "role".to_owned(),
                _ => format!("role {}", index + 1),
            };
            facts.push((name, role.text()));
        }
        facts.push(("ECR".to_owned(), self.ecr.text()));
        if let Some(sts) = &self.sts {
            facts.push(("STS".to_owned(), sts.text()));
        }
        if !self.passed_over.is_empty() {
            facts.push(("not used".to_owned(), self.passed_over.join(", ")));
        }
        facts.push(("token".to_owned(), self.cache.text.clone()));
        page.facts(0, &facts);
        if let Some(sign_in) = &self.sign_in {
            let mark = if sign_in.state == USABLE {
                CheckMark::Good
            } else {
                CheckMark::Bad
            };
            page.marked(mark, &sign_in.text);
        }
    }
}
