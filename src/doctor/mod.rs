//! `doctor`: why an image cannot be pulled.
//!
//! It goes the way that a pull goes, from this machine to the registry, and says at each place what
//! it found ([`report`]). What can be looked at without a network is looked at first, so that
//! something is said even where there is none. It changes nothing, but for one thing: a cached
//! token that the registry refuses, while it takes a new one, is dropped.

mod clients;
mod conclusion;
mod credentials;
mod denial;
pub mod distribution;
mod evidence;
mod machine;
mod policy_change;
mod registry;
mod report;

use std::time::Instant;

use crate::aws::{PurchaseError, Survey};
use crate::cli::Doctor;
use crate::clock;
use crate::config::{Config, ConfigError};
use crate::env::Env;
use crate::error::Error;
use crate::get::{Held, Provider, load_config};
use crate::http::EcrxClient;
use crate::identity::{Identity, IdentityError};
use crate::registry::{Registry, Service};
use crate::token::AuthorizationToken;

use crate::commands::page::Mark;
use crate::commands::{Page, Target, TargetError, Verdict};
use conclusion::verdict;
use evidence::Case;
use machine::Machine;
use registry::Visit;
use report::{Finding, Place, Report, Step};

/// A third of the time is what the first question may take at most, and a third is kept for the
/// registry.
const SHARE: u32 = 3;

/// A push without a repository to push to.
#[derive(Debug, thiserror::Error)]
#[error("--push looks at the repository of an image: give {0}/REPOSITORY[:TAG]")]
struct PushWhere(String);

/// Runs the command.
///
/// # Errors
/// When the target is none.
pub(super) fn run(arguments: &Doctor, env: &Env, page: &mut Page) -> Result<Verdict, Error> {
    let loaded = load_config(env);
    let config = loaded.as_ref().ok().cloned().unwrap_or_default();
    let target = match &arguments.target {
        Some(text) => match Target::parse(text, &config) {
            Ok(target) => Some(target),
            // It may be a host that a rule names: why no rule counts is what is to be told.
            Err(TargetError::Registry(_)) if loaded.is_err() => None,
            Err(error) => return Err(error.told(env)),
        },
        None => None,
    };
    if arguments.push
        && let Some(Target {
            registry,
            image: None,
        }) = &target
    {
        return Err(Error::usage(PushWhere(registry.to_string())));
    }
    let mut examination = Examination {
        arguments,
        env,
        config: &config,
        config_error: loaded.as_ref().err(),
        provider: Provider::new(env, &config),
        ends_at: Instant::now() + config.timeout,
        steps: Vec::new(),
        page,
    };
    let verdict = match &target {
        // Without the configuration it is not known who asks.
        Some(target) if loaded.is_ok() => examination.of(target),
        _ => examination.machine_alone(target.as_ref()),
    };
    let outcome = match verdict.mark {
        Mark::Bad => Verdict::Bad,
        Mark::Good | Mark::Warning | Mark::Unknown => Verdict::Good,
    };
    if !arguments.json {
        verdict.print(examination.page)
    } else {
        let target = arguments.target.clone();
        let report = Report::new(target, examination.steps, verdict);
        examination.page.json(&report);
    }
    Ok(outcome)
}

/// One way from this machine to a registry, under way.
struct Examination<'a> {
    arguments: &'a Doctor,
    env: &'a Env,
    config: &'a Config,
    config_error: Option<&'a ConfigError>,
    provider: Provider<'a>,
    ends_at: Instant,
    steps: Vec<Step>,
    page: &'a mut Page,
}

impl Examination<'_> {
    /// What has been found is told at once: what comes next may take a while.
    fn tell(&mut self, step: Step) {
        if !self.arguments.json {
            step.print(self.page);
        }
        self.steps.push(step);
    }

    /// What fails on the way to a token keeps nobody from pulling from public ECR.
    fn tell_of_token(&mut self, registry: &Registry, step: Step) {
        self.tell(match registry.service {
            Service::Private(_) => step,
            Service::Public => step.without_harm(),
        });
    }

    fn machine_alone(&mut self, target: Option<&Target>) -> report::Verdict {
        let client = self.provider.client(None);
        let machine = self.machine(None, &client, None);
        self.tell(machine);
        let registry = target.map(|target| &target.registry);
        self.tell(clients::step(self.env, registry));
        verdict(&self.steps, None)
    }

    fn machine(
        &self,
        identity: Option<&Result<Identity, IdentityError>>,
        client: &Result<EcrxClient, PurchaseError>,
        presence: Option<&registry::Presence>,
    ) -> Step {
        let machine = Machine {
            env: self.env,
            config: self.config,
            config_error: self.config_error,
            provider: &self.provider,
            identity,
            client,
            clocks: presence.and_then(|presence| presence.clocks),
        };
        machine.step()
    }

    fn of(&mut self, target: &Target) -> report::Verdict {
        let registry = &target.registry;
        let identity = self.provider.resolver().resolve(registry);
        // One for all that is asked: a pipe of certificates can be read only once.
        let client = self.provider.client(identity.as_ref().ok());
        // Asked first of all, since its clock is a matter of this machine.
        // Should it be silent, there is still to be time for AWS.
        let limit = self.config.timeout / SHARE;
        let presence = client
            .as_ref()
            .ok()
            .and_then(|client| registry::find(client, registry, limit));
        let machine = self.machine(Some(&identity), &client, presence.as_ref());
        self.tell(machine);
        self.tell(clients::step(self.env, Some(registry)));
        let identity = match identity {
            Ok(identity) => identity,
            Err(error) => return self.of_nobody(target, &error, client.ok(), presence.as_ref()),
        };
        let cached = self
            .provider
            .held(registry, &identity)
            // What is wrong with the cache has been told.
            .unwrap_or_default()
            .filter(|held| !identity.is_signed_out() && !held.entry.token.is_expired(clock::now()));
        let of_registry = client.as_ref().ok().cloned();
        let survey = self.survey(target, &identity, client, cached.as_ref());
        let token = credentials::token_step(registry, cached.as_ref(), survey.as_ref());
        self.tell_of_token(registry, token);
        let new = survey.as_ref().and_then(|survey| survey.token.as_ref());
        let outcome = of_registry.map(|client| {
            let drop_dead =
                |dead: &AuthorizationToken| self.provider.drop_dead(registry, &identity, dead);
            let visit = Visit {
                cached: cached.as_ref().map(|held| &held.entry.token),
                new: new.and_then(|token| token.as_ref().ok()),
                drop_dead: &drop_dead,
                ..self.visit(&client, target)
            };
            let (step, outcome) = visit.pay(presence.as_ref());
            self.tell(step);
            outcome
        });
        let case = Case {
            target,
            identity: Some(&identity),
            survey: survey.as_ref(),
            outcome: outcome.unwrap_or_default(),
        };
        verdict(&self.steps, Some(&case))
    }

    /// Without anybody who could ask for a token. Public ECR lets everybody pull.
    fn of_nobody(
        &mut self,
        target: &Target,
        error: &IdentityError,
        client: Option<EcrxClient>,
        presence: Option<&registry::Presence>,
    ) -> report::Verdict {
        let is_public = target.registry.service == Service::Public;
        let finding = if is_public {
            Finding::unknown(format!("pulls are anonymous: {error}"))
        } else {
            Finding::bad(error.to_string()).mend(error.hints())
        };
        self.tell(Step::new(Place::Identity, vec![finding]));
        let outcome = client.map(|client| {
            let (step, outcome) = self.visit(&client, target).pay(presence);
            self.tell(step);
            outcome
        });
        let case = Case {
            target,
            identity: None,
            survey: None,
            outcome: outcome.unwrap_or_default(),
        };
        verdict(&self.steps, Some(&case))
    }

    /// A visit without a token.
    fn visit<'v>(&self, client: &'v EcrxClient, target: &'v Target) -> Visit<'v> {
        Visit {
            client,
            registry: &target.registry,
            image: target.image.as_ref(),
            push: self.arguments.push,
            ends_at: self.ends_at,
            cached: None,
            new: None,
            drop_dead: &|_| Ok(()),
        }
    }

    /// Who asks, by asking. Nobody is asked for a code while there is a token.
    fn survey(
        &mut self,
        target: &Target,
        identity: &Identity,
        client: Result<EcrxClient, PurchaseError>,
        cached: Option<&Held>,
    ) -> Option<Survey> {
        if identity.wants_codes() && cached.is_some() {
            self.tell(credentials::identity_step_without_codes(identity));
            return None;
        }
        // The registry is asked in what is left.
        let rest = self.config.timeout / SHARE;
        let ends_at = self.ends_at - rest;
        let survey = self
            .provider
            .survey(&target.registry, identity, client, ends_at);
        if identity.wants_codes() {
            // What a person took to type counts for nobody.
            self.ends_at = self.ends_at.max(Instant::now() + rest);
        }
        match survey {
            Ok(survey) => {
                self.tell_of_token(
                    &target.registry,
                    credentials::identity_step(identity, &survey),
                );
                Some(survey)
            }
            Err(error) => {
                let findings = vec![credentials::error(&error)];
                self.tell_of_token(&target.registry, Step::new(Place::Identity, findings));
                None
            }
        }
    }
}
