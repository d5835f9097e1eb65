//! `whoami`: who would ask for a registry's token, and why. Nobody is asked.

mod facts;

use serde::Serialize;

use crate::cli::Whoami;
use crate::env::Env;
use crate::error::Error;
use crate::get::{CachePlace, Provider, load_config};
use crate::registry::Registry;

use super::page::Mark;
use super::{Page, Target, Verdict};
use facts::{CacheFacts, Choice, EndpointFacts, RoleFacts, SignInFacts, SourceFacts, USABLE};

/// What is found out.
#[derive(Serialize)]
struct Report {
    registry: String,
    /// Those of a private registry.
    account: Option<String>,
    region: Option<String>,
    chosen_by: Choice,
    profile: Option<String>,
    source: SourceFacts,
    sign_in: Option<SignInFacts>,
    roles: Vec<RoleFacts>,
    ecr: EndpointFacts,
    sts: Option<EndpointFacts>,
    passed_over: Vec<String>,
    cache: CacheFacts,
}

/// That nobody could ask, for programs.
#[derive(Serialize)]
struct Nobody {
    registry: String,
    error: String,
    hints: Vec<String>,
}

/// Runs the command.
pub(crate) fn run(arguments: &Whoami, env: &Env, page: &mut Page) -> Result<Verdict, Error> {
    let config = load_config(env).map_err(Error::failure)?;
    let target = Target::parse(&arguments.host, &config).map_err(|error| error.told(env))?;
    let provider = Provider::new(env, &config);
    let identity = match provider.identity(&target.registry) {
        Ok(identity) => identity,
        Err(error) if arguments.json => {
            page.json(&Nobody {
                registry: target.registry.to_string(),
                error: error.line(),
                hints: error.hint_lines().collect(),
            });
            return Ok(Verdict::Bad);
        }
        Err(error) => return Err(error),
    };
    let cache = match CachePlace::find(env, &config).off {
        Some(off) => CacheFacts::off(&off),
        None => match provider.held(&target.registry, &identity) {
            Ok(held) => CacheFacts::of(held.as_ref()),
            Err(error) => CacheFacts::off(&error),
        },
    };
    let private = target.registry.private();
    let report = Report {
        registry: target.registry.to_string(),
        account: private.map(|private| private.account.to_string()),
        region: private.map(|private| private.region.to_string()),
        chosen_by: Choice::of(&identity.chosen_by),
        profile: identity.profile.clone(),
        source: SourceFacts::of(&identity.source),
        sign_in: SignInFacts::of(&identity),
        roles: identity.roles.iter().map(RoleFacts::of).collect(),
        ecr: EndpointFacts::of(&identity.api),
        sts: identity.sts.as_ref().map(EndpointFacts::of),
        passed_over: identity
            .passed_over
            .iter()
            .map(ToString::to_string)
            .collect(),
        cache,
    };
    if arguments.json {
        page.json(&report)
    } else {
        report.print(page)
    }
    // Nobody who is not signed in can ask.
    let is_good = report
        .sign_in
        .as_ref()
        .is_none_or(|sign_in| sign_in.state == USABLE);
    Ok(if is_good { Verdict::Good } else { Verdict::Bad })
}

impl Report {
    fn print(&self, page: &mut Page) {
        page.heading(&self.registry);
        let mut facts = Vec::new();
        // ECR's own hosts say it themselves.
        if let (Some(account), Some(region), None) =
            (&self.account, &self.region, Registry::parse(&self.registry))
        {
            facts.push(("registry".to_owned(), format!("{account}/{region}")));
        }
        facts.push(("chosen by".to_owned(), self.chosen_by.by.clone()));
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
            facts.push(("passed over".to_owned(), self.passed_over.join(", ")));
        }
        facts.push(("token".to_owned(), self.cache.text.clone()));
        page.facts(0, &facts);
        if let Some(sign_in) = &self.sign_in {
            let mark = if sign_in.state == USABLE {
                Mark::Good
            } else {
                Mark::Bad
            };
            page.marked(mark, &sign_in.text);
        }
    }
}
