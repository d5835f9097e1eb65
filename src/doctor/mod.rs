//! `doctor`: why an image cannot be pulled.
//!
//! It follows the steps of a pull, from this machine to the registry, and reports on each area
//! ([`report`]). What needs no network comes first, so that there is a report even without one. It
//! changes nothing, but for one thing: a cached token that the registry refuses is dropped if the
//! registry accepts a new one.
//!
//! Imports run one way: [`report`] ← areas ([`machine`], [`credentials`], [`registry`])
//! ← [`evidence`] ← [`policy_change`] ← [`conclusion`]. Registries are asked by
//! [`distribution`]; AWS's sentences about denials are parsed by [`denial`].

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

use crate::aws::{FetchError, Survey};
use crate::cli::Doctor;
use crate::clock;
use crate::commands::page::CheckMark;
use crate::commands::{Page, Target, TargetError, Verdict};
use crate::config::{Config, ConfigError};
use crate::env::Env;
use crate::error::Error;
use crate::get::{Held, Tokens};
use crate::http::EcrxClient;
use crate::identity::{Identity, IdentityError};
use crate::registry::{Registry, Service};
use crate::token::AuthorizationToken;
use conclusion::conclude;
use evidence::Evidence;
use machine::MachineExamination;
use registry::{Presence, RegistryExamination};
use report::{Area, AreaReport, Check, Conclusion, Diagnosis};

/// The first question may take a third of the time, and a third is kept for the registry.
const SHARE: u32 = 3;

/// A push without a repository to push to.
#[derive(Debug, thiserror::Error)]
#[error("--push looks at the repository of an image: give {0}/REPOSITORY[:TAG]")]
struct PushWhere(String);

/// # Errors
/// If the target is not a registry or image.
pub(super) fn run(arguments: &Doctor, env: &Env, page: &mut Page) -> Result<Verdict, Error> {
    let loaded = Config::from_env(env);
    let config = loaded.as_ref().ok().cloned().unwrap_or_default();
    let target = match &arguments.target {
        Some(text) => match Target::parse(text, &config) {
            Ok(target) => Some(target),
            // It may be a host that a rule names: the report says why no rule counts.
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
        tokens: Tokens::new(env, &config),
        ends_at: Instant::now() + config.timeout,
        areas: Vec::new(),
        page,
    };
    let conclusion = match &target {
        // Without the configuration it is not known who asks.
        Some(target) if loaded.is_ok() => examination.whole_path(target),
        _ => examination.machine_alone(target.as_ref()),
    };
    let verdict = match conclusion.mark {
        CheckMark::Bad => Verdict::Bad,
        CheckMark::Good | CheckMark::Warning | CheckMark::Unknown => Verdict::Good,
    };
    if arguments.json {
        let target = arguments.target.clone();
        let diagnosis = Diagnosis::new(target, examination.areas, conclusion);
        examination.page.json(&diagnosis);
    } else {
        conclusion.print(examination.page);
    }
    Ok(verdict)
}

/// The way from this machine to a registry, as far as it has been looked at.
struct Examination<'a> {
    arguments: &'a Doctor,
    env: &'a Env,
    config: &'a Config,
    config_error: Option<&'a ConfigError>,
    tokens: Tokens<'a>,
    ends_at: Instant,
    areas: Vec<AreaReport>,
    page: &'a mut Page,
}

impl Examination<'_> {
    /// Prints what has been found at once, as the next area may take a while.
    fn add(&mut self, report: AreaReport) {
        if !self.arguments.json {
            report.print(self.page);
        }
        self.areas.push(report);
    }

    /// Without a token, public ECR can still be pulled from.
    fn add_credentials(&mut self, registry: &Registry, report: AreaReport) {
        self.add(match registry.service {
            Service::Private(_) => report,
            Service::Public => report.into_warnings(),
        });
    }

    fn machine_alone(&mut self, target: Option<&Target>) -> Conclusion {
        let client = self.tokens.client(None);
        let machine = self.machine(None, &client, None);
        self.add(machine);
        let registry = target.map(|target| &target.registry);
        self.add(machine::clients_report(self.env, registry));
        conclude(&self.areas, None)
    }

    fn machine(
        &self,
        identity: Option<&Result<Identity, IdentityError>>,
        client: &Result<EcrxClient, FetchError>,
        presence: Option<&Presence>,
    ) -> AreaReport {
        let machine = MachineExamination {
            env: self.env,
            config: self.config,
            config_error: self.config_error,
            tokens: &self.tokens,
            identity,
            client,
            clocks: presence.and_then(|presence| presence.clocks),
        };
        machine.report()
    }

    fn whole_path(&mut self, target: &Target) -> Conclusion {
        let registry = &target.registry;
        let identity = self.tokens.resolver().resolve(registry);
        // One client for all requests: a pipe of certificates can be read only once.
        let client = self.tokens.client(identity.as_ref().ok());
        // Asked first, since its clock is compared with this machine's. If it does not respond,
        // there must be time left for AWS.
        let limit = self.config.timeout / SHARE;
        let presence = client
            .as_ref()
            .ok()
            .and_then(|client| registry::presence(client, registry, limit));
        let machine = self.machine(Some(&identity), &client, presence.as_ref());
        self.add(machine);
        self.add(machine::clients_report(self.env, Some(registry)));
        let identity = match identity {
            Ok(identity) => identity,
            Err(error) => {
                return self.without_identity(target, &error, client.ok(), presence.as_ref());
            }
        };
        let cached = self.cached(registry, &identity);
        let of_registry = client.as_ref().ok().cloned();
        let survey = self.survey(target, &identity, client, cached.as_ref());
        let token = credentials::token_report(registry, cached.as_ref(), survey.as_ref());
        self.add_credentials(registry, token);
        let new = survey.as_ref().and_then(|survey| survey.token.as_ref());
        let outcome = of_registry.map(|client| {
            let drop_dead =
                |dead: &AuthorizationToken| self.tokens.drop_dead(registry, &identity, dead);
            let examination = RegistryExamination {
                cached: cached.as_ref().map(|held| &held.entry.token),
                new: new.and_then(|token| token.as_ref().ok()),
                drop_dead: &drop_dead,
                ..self.registry(&client, target)
            };
            let (report, outcome) = examination.report(presence.as_ref());
            self.add(report);
            outcome
        });
        let evidence = Evidence {
            target,
            identity: Some(&identity),
            survey: survey.as_ref(),
            outcome: outcome.unwrap_or_default(),
        };
        conclude(&self.areas, Some(&evidence))
    }

    /// The token that a client would be given now. If the cache is unusable, the report on this
    /// machine says so.
    fn cached(&self, registry: &Registry, identity: &Identity) -> Option<Held> {
        let held = self.tokens.held(registry, identity).unwrap_or_default();
        held.filter(|held| !identity.is_signed_out() && !held.entry.token.is_expired(clock::now()))
    }

    /// Without an identity to request a token for. Public ECR allows anonymous pulls.
    fn without_identity(
        &mut self,
        target: &Target,
        error: &IdentityError,
        client: Option<EcrxClient>,
        presence: Option<&Presence>,
    ) -> Conclusion {
        let is_public = target.registry.service == Service::Public;
        let check = if is_public {
            Check::unknown(format!("pulls are anonymous: {error}"))
        } else {
            Check::bad(error.to_string()).fix(error.hints())
        };
        self.add(AreaReport::new(Area::Identity, vec![check]));
        let outcome = client.map(|client| {
            let (report, outcome) = self.registry(&client, target).report(presence);
            self.add(report);
            outcome
        });
        let evidence = Evidence {
            target,
            identity: None,
            survey: None,
            outcome: outcome.unwrap_or_default(),
        };
        conclude(&self.areas, Some(&evidence))
    }

    /// Without a token.
    fn registry<'v>(&self, client: &'v EcrxClient, target: &'v Target) -> RegistryExamination<'v> {
        RegistryExamination {
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

    /// Asks AWS who the caller is, and for a token. Nobody is asked for an MFA code while a token is
    /// cached.
    fn survey(
        &mut self,
        target: &Target,
        identity: &Identity,
        client: Result<EcrxClient, FetchError>,
        cached: Option<&Held>,
    ) -> Option<Survey> {
        if identity.wants_codes() && cached.is_some() {
            self.add(credentials::identity_without_codes(identity));
            return None;
        }
        let rest = self.config.timeout / SHARE;
        let ends_at = self.ends_at - rest;
        let survey = self
            .tokens
            .survey(&target.registry, identity, client, ends_at);
        if identity.wants_codes() {
            // The time that a person took to type the code does not count.
            self.ends_at = self.ends_at.max(Instant::now() + rest);
        }
        match survey {
            Ok(survey) => {
                let report = credentials::identity_report(identity, &survey);
                self.add_credentials(&target.registry, report);
                Some(survey)
            }
            Err(error) => {
                let checks = vec![credentials::error_check(&error)];
                self.add_credentials(&target.registry, AreaReport::new(Area::Identity, checks));
                None
            }
        }
    }
}
