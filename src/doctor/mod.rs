//! `doctor`: why an image cannot be pulled.
//!
//! It follows the steps of a pull, from this machine to the registry, and reports on each area
//! (`report`). Checks that need no network come first, so that they are reported even without one.
//! Doctor changes one thing only: it drops a cached token that the registry rejects, if the registry
//! accepts a new one. With `--push`, or if a rule limits the token, it starts an upload and cancels it.
//!
//! Imports run one way: `report` ← areas (`machine`, `clients`, `credentials`, `registry`) ←
//! `conclusion`. [`distribution`] sends requests to registries, and `denial` parses AWS's sentences
//! about denials.

mod access;
mod clients;
mod conclusion;
mod credentials;
mod denial;
pub mod distribution;
mod machine;
mod registry;
pub(crate) mod report;

use std::fmt;
use std::io::{self, IsTerminal, Write as _};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use crate::aws::{FetchError, Survey};
use crate::cli::Doctor;
use crate::clock;
use crate::commands::facts::{HostOnly, IdentityFacts};
use crate::commands::page::CheckMark;
use crate::commands::{Page, Target, TargetError, Verdict};
use crate::config::{Config, ConfigError};
use crate::configure::clients::ContainerClient;
use crate::env::Env;
use crate::error::Error;
use crate::get::{Held, Tokens};
use crate::http::EcrxClient;
use crate::identity::{Identity, IdentityError};
use crate::registry::{Registry, Service};

use clients::{checked_clients, clients_report};
use conclusion::{Evidence, conclude};
use machine::MachineExamination;
use registry::{Presence, RegistryExamination};
use report::{AreaReport, Check, Conclusion, Diagnosis};

/// The first request may take a third of the time, and a third is kept for the registry.
const SHARE: u32 = 3;

/// A step that is shorter needs no line.
const PATIENCE: Duration = Duration::from_secs(1);

/// A push without a repository to push to.
#[derive(Debug, thiserror::Error)]
#[error("--push requires an image: {0}/REPOSITORY[:TAG]")]
struct MissingRepository(String);

/// # Errors
/// If the target is not a registry or image.
pub(super) fn run(arguments: &Doctor, env: &Env, page: &mut Page) -> Result<Verdict, Error> {
    let loaded = Config::from_env(env);
    let config = loaded.as_ref().ok().cloned().unwrap_or_default();
    let target = match &arguments.target {
        Some(text) => match Target::parse(text, &config) {
            Ok(target) => Some(target),
            // It may be a host that a rule names: the report has the error of the configuration.
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
        return Err(Error::usage(MissingRepository(registry.to_string())));
    }
    let mut examination = Examination {
        arguments,
        env,
        config: &config,
        config_error: loaded.as_ref().err(),
        clients: checked_clients(env, arguments.client),
        tokens: Tokens::new(env, &config),
        ends_at: Instant::now() + config.timeout,
        identity: None,
        areas: Vec::new(),
        page,
    };
    let conclusion = match &target {
        // Without the configuration, the identity is not known.
        Some(target) if loaded.is_ok() => examination.whole_path(target),
        _ => examination.machine_alone(target.as_ref()),
    };
    let verdict = Verdict::good_if(conclusion.mark != CheckMark::Bad);
    if arguments.json {
        let target = arguments.target.clone();
        let identity = examination.identity;
        let diagnosis = Diagnosis::new(target, identity, examination.areas, conclusion);
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
    /// Those to check.
    clients: Vec<ContainerClient>,
    tokens: Tokens<'a>,
    ends_at: Instant,
    /// What is known about the identity without network calls.
    identity: Option<IdentityFacts>,
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

    fn add_identity(&mut self, target: &Target, identity: &Identity, checks: Vec<Check>) {
        let facts = IdentityFacts::from_identity(identity);
        let host_only = HostOnly::read(target.lookup(), self.config, &self.tokens);
        let host_only = host_only.map(credentials::host_only_check);
        let checks = host_only.into_iter().chain(checks).collect();
        let report = credentials::identity_report(&facts, checks);
        self.add_credentials(&target.registry, report);
        self.identity = Some(facts);
    }

    fn machine_alone(&mut self, target: Option<&Target>) -> Conclusion {
        let client = self.tokens.client(None);
        let machine = self.machine(None, &client, None);
        self.add(machine);
        let registry = target.map(|target| &target.registry);
        self.add(clients_report(self.env, &self.clients, registry));
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
        let identity = self.tokens.resolver().resolve(target.lookup());
        // One client for all requests: a pipe of certificates can be read only once.
        let client = self.tokens.client(identity.as_ref().ok());
        // First, since its clock is compared with this machine's.
        let presence = self.presence(registry, client.as_ref().ok());
        let machine = self.machine(Some(&identity), &client, presence.as_ref());
        self.add(machine);
        self.add(clients_report(self.env, &self.clients, Some(registry)));
        let registry_client = client.as_ref().ok().cloned();
        let (cached, survey) = match &identity {
            Ok(identity) => self.credentials(target, identity, client),
            Err(error) => {
                self.add(credentials::no_identity_report(registry, error));
                (None, None)
            }
        };
        let identity = identity.as_ref().ok();
        let new = survey.as_ref().and_then(|survey| survey.token.as_ref());
        let outcome = registry_client.map(|client| {
            let examination = RegistryExamination {
                client: &client,
                registry,
                image: target.image.as_ref(),
                push: self.arguments.push,
                limit: identity
                    .and_then(|identity| identity.session_policy.as_ref())
                    .map(|policy| &policy.limit),
                ends_at: self.ends_at,
                cached: cached.as_ref().map(|held| &held.entry.token),
                new: new.and_then(|token| token.as_ref().ok()),
                drop_dead: &|dead| match identity {
                    Some(identity) => self.tokens.drop_dead(registry, identity, dead),
                    None => Ok(()),
                },
            };
            let waiting = self.waiting_for(registry);
            let (report, outcome) = examination.report(presence.as_ref());
            drop(waiting);
            self.add(report);
            outcome
        });
        let evidence = Evidence {
            target,
            identity,
            survey: survey.as_ref(),
            outcome: outcome.unwrap_or_default(),
        };
        conclude(&self.areas, Some(&evidence))
    }

    /// Waits for a share of the time: if the registry does not respond, AWS needs the rest.
    fn presence(&self, registry: &Registry, client: Option<&EcrxClient>) -> Option<Presence> {
        let _waiting = self.waiting_for(registry);
        registry::presence(client?, registry, self.config.timeout / SHARE)
    }

    /// Prints what a step that takes long waits for, unless it is dropped before.
    fn waiting_for(&self, what: impl fmt::Display) -> Option<Waiting> {
        (!self.arguments.json).then(|| Waiting::start(what.to_string()))?
    }

    /// The token in the cache, and the responses of AWS on the way to a new one.
    fn credentials(
        &mut self,
        target: &Target,
        identity: &Identity,
        client: Result<EcrxClient, FetchError>,
    ) -> (Option<Held>, Option<Survey>) {
        let registry = &target.registry;
        let cached = self.cached(registry, identity);
        let survey = self.survey(target, identity, client, cached.as_ref());
        let token = credentials::token_report(registry, identity, cached.as_ref(), survey.as_ref());
        self.add_credentials(registry, token);
        (cached, survey)
    }

    /// The token that a client would get now. An unusable cache is in the report on this machine.
    fn cached(&self, registry: &Registry, identity: &Identity) -> Option<Held> {
        let held = self.tokens.held(registry, identity).unwrap_or_default();
        held.filter(|held| !held.entry.token.is_expired(clock::now()))
    }

    /// Requests the caller's identity and a token from AWS. While a token is cached, no MFA code is
    /// requested.
    fn survey(
        &mut self,
        target: &Target,
        identity: &Identity,
        client: Result<EcrxClient, FetchError>,
        cached: Option<&Held>,
    ) -> Option<Survey> {
        if identity.wants_codes() && cached.is_some() {
            let checks = credentials::unasked_identity_checks(identity);
            self.add_identity(target, identity, checks);
            return None;
        }
        let rest = self.config.timeout / SHARE;
        let ends_at = self.ends_at - rest;
        // A prompt for a code must stay on its line.
        let waiting = match identity.wants_codes() {
            true => None,
            false => self.waiting_for("AWS"),
        };
        let survey = self
            .tokens
            .survey(target.lookup(), identity, client, ends_at);
        drop(waiting);
        if identity.wants_codes() {
            // The time it took to type the code does not count.
            self.ends_at = self.ends_at.max(Instant::now() + rest);
        }
        match survey {
            Ok((survey, sts)) => {
                let checks = credentials::identity_checks(identity, &survey, &sts);
                self.add_identity(target, identity, checks);
                Some(survey)
            }
            Err(error) => {
                self.add_identity(target, identity, vec![credentials::error_check(&error)]);
                None
            }
        }
    }
}

/// Prints what is waited for once a second has passed, unless it is dropped before.
#[derive(Debug)]
struct Waiting {
    /// Its end wakes the thread.
    _end: Sender<()>,
}

impl Waiting {
    /// `None` if stderr is not a terminal, or no thread can be started.
    fn start(what: String) -> Option<Self> {
        let mut terminal = io::stderr();
        if !terminal.is_terminal() {
            return None;
        }
        let (end, ended) = mpsc::channel();
        let wait = move || {
            if ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                // The line is a courtesy: the report does not depend on it.
                let _ = writeln!(terminal, "Waiting for a response from {what}...");
            }
        };
        thread::Builder::new().spawn(wait).ok()?;
        Some(Self { _end: end })
    }
}

/// What a registry answers, and the denials in it.
#[cfg(any(test, fuzzing))]
pub(crate) fn fuzz(bytes: &[u8]) {
    distribution::fuzz(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = denial::Denial::parse(text);
    }
}
