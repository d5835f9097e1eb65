//! The registry: whether it takes the token, and what may be done with the image.

use std::time::{Duration, Instant};

use time::OffsetDateTime;

use crate::cache::CacheError;
use crate::clock;
use crate::commands::page::Mark;
use crate::commands::target::Image;
use crate::doctor::distribution::{
    LayerProbe, Operation, RegistryClient, RegistryError, RegistryErrorKind, StorageProbe,
};
use crate::http::EcrxClient;
use crate::registry::{Registry, Service};
use crate::secret::Secret;
use crate::token::AuthorizationToken;

use super::denial::Denial;
use super::report::{Finding, Place, Step};

/// A registry that is asked without a token must not use up what the rest needs.
const FIRST_QUESTION: Duration = Duration::from_secs(5);

/// How it ended, at the registry or at where its layers are.
#[derive(Clone, Debug, Default)]
pub(super) enum Outcome {
    /// It could not be asked, or there was nothing to ask it with.
    #[default]
    NotAsked,
    /// It said no.
    Refused(Refused),
    /// It said yes to this.
    Allowed(Allowed),
}

/// What it said no to.
#[derive(Clone, Debug, Default)]
pub(super) struct Refused {
    /// What it would have taken, as IAM spells it; `None` where it did not come to that.
    pub action: Option<&'static str>,
    /// AWS's sentence about it.
    pub denial: Option<Denial>,
    /// Pushing was denied: alone, or with pulling.
    pub is_for_a_push: bool,
}

impl Refused {
    /// Of a pull, with what came of the push.
    pub(super) fn with(self, pushed: Option<&Outcome>) -> Outcome {
        let is_for_a_push =
            matches!(pushed, Some(Outcome::Refused(refused)) if refused.denial.is_some());
        Outcome::Refused(Self {
            is_for_a_push,
            ..self
        })
    }

    /// Of one refusal.
    pub(super) fn of(refusal: &RegistryError) -> Self {
        // What S3 denies is no matter of policies about ECR.
        let is_denied = matches!(refusal.kind, RegistryErrorKind::Denied)
            && refusal.operation != Operation::Storage;
        let words = refusal.message.as_deref().filter(|_| is_denied);
        Self {
            action: refusal.operation.action(),
            denial: words.and_then(Denial::read),
            is_for_a_push: matches!(refusal.operation, Operation::Upload),
        }
    }
}

/// What it said yes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Allowed {
    /// The token.
    Token,
    /// Pulling the image.
    Pull,
    /// Pushing an image that is not there yet.
    Push,
    /// Pulling the image, and pushing it.
    PullAndPush,
}

/// Whether there is a registry at all, asked without a token.
pub(super) struct Presence {
    /// What time it is there, and what it was here when it said so.
    pub clocks: Option<(OffsetDateTime, OffsetDateTime)>,
    /// Why it is not known to be there.
    pub refusal: Option<RegistryError>,
}

/// Asks whether there is a registry, for so long at most.
pub(super) fn find(client: &EcrxClient, registry: &Registry, limit: Duration) -> Option<Presence> {
    let client = asking(client, registry, Instant::now() + limit.min(FIRST_QUESTION))?;
    let (date, refusal) = match client.ping(None) {
        Ok(pong) => (pong.response.date, None),
        Err(refusal) => (refusal.date, Some(refusal)),
    };
    Some(Presence {
        clocks: date.map(|theirs| (theirs, clock::now())),
        refusal,
    })
}

fn asking<'a>(
    client: &'a EcrxClient,
    registry: &Registry,
    ends_at: Instant,
) -> Option<RegistryClient<'a>> {
    let time_left = ends_at.saturating_duration_since(Instant::now());
    RegistryClient::new(client, registry, time_left).ok()
}

/// Everything that is asked with a token.
pub(super) struct Visit<'a> {
    pub client: &'a EcrxClient,
    pub registry: &'a Registry,
    pub image: Option<&'a Image>,
    pub push: bool,
    pub ends_at: Instant,
    /// The token that a client would be given now.
    pub cached: Option<&'a AuthorizationToken>,
    /// One that was bought to compare it with.
    pub new: Option<&'a AuthorizationToken>,
    /// Drops a cached token that the registry does not take.
    pub drop_dead: &'a dyn Fn(&AuthorizationToken) -> Result<(), CacheError>,
}

impl Visit<'_> {
    /// Asks all of it.
    pub(super) fn pay(&self, presence: Option<&Presence>) -> (Step, Outcome) {
        let mut findings = Vec::new();
        let outcome = self.ask(presence, &mut findings);
        (Step::new(Place::Registry, findings), outcome)
    }

    fn ask(&self, presence: Option<&Presence>, findings: &mut Vec<Finding>) -> Outcome {
        let refused = || Outcome::Refused(Refused::default());
        if let Some(refusal) = presence.and_then(|presence| presence.refusal.as_ref()) {
            findings.push(told(refusal));
            return refused();
        }
        let Some(client) = asking(self.client, self.registry, self.ends_at) else {
            findings.push(Finding::unknown(
                "not asked: the system refuses what it takes",
            ));
            return Outcome::NotAsked;
        };
        findings.push(Finding::good(format!("{} answers", self.registry)));
        let Some(first) = self.cached.or(self.new) else {
            return self.without_a_token(&client, findings);
        };
        let mut token = first;
        if let Err(refusal) = client.ping(Some(first.password())) {
            let is_refused = matches!(refusal.kind, RegistryErrorKind::TokenRefused);
            let other = self.new.filter(|_| is_refused && self.cached.is_some());
            match other.map(|other| (other, client.ping(Some(other.password())))) {
                Some((other, Ok(_))) => {
                    findings.push(self.dead(first, &refusal));
                    token = other;
                }
                Some((_, Err(second))) => {
                    findings.push(told(&second).mend([
                        "it takes neither the cached token nor a new one: that is not a matter of age",
                    ]));
                    return refused();
                }
                None => {
                    findings.push(told(&refusal));
                    return refused();
                }
            }
        } else {
            findings.push(Finding::good(match self.cached {
                Some(_) => "it takes the cached token",
                None => "it takes the new token",
            }));
        }
        match self.image {
            Some(image) => self.look_at(&client, image, Some(token.password()), findings),
            None => Outcome::Allowed(Allowed::Token),
        }
    }

    /// Of a cached token, where a new one is taken.
    fn dead(&self, token: &AuthorizationToken, refusal: &RegistryError) -> Finding {
        let what = "it takes a new token, but not the cached one, which";
        match (self.drop_dead)(token) {
            Ok(()) => Finding::bad(format!(
                "{what} has been dropped from the cache ({refusal})"
            ))
            .mend(["pull again: a new token is bought then"]),
            Err(error) => Finding::bad(format!(
                "{what} could not be dropped from the cache ({refusal})"
            ))
            .mend([format!(
                "clients are given it until it is deleted by who may do so: {error}"
            )]),
        }
    }

    /// Public ECR can be asked for an image all the same.
    fn without_a_token(&self, client: &RegistryClient<'_>, findings: &mut Vec<Finding>) -> Outcome {
        match (&self.registry.service, self.image) {
            (Service::Public, Some(image)) => self.look_at(client, image, None, findings),
            _ => {
                let text = "not asked for more: there is no token to ask with";
                findings.push(Finding::unknown(text));
                Outcome::NotAsked
            }
        }
    }

    /// The image and its layers. The first refusal ends it, save that who may not pull may still
    /// be allowed to push.
    fn look_at(
        &self,
        client: &RegistryClient<'_>,
        image: &Image,
        password: Option<&Secret>,
        findings: &mut Vec<Finding>,
    ) -> Outcome {
        let Image {
            repository,
            reference,
        } = image;
        let push =
            |findings: &mut Vec<Finding>| self.push_to(client, repository, password, findings);
        let manifest = match client.manifest(repository, reference, password) {
            Ok(manifest) => manifest,
            Err(refusal) => {
                return self.without_a_manifest(image, &refusal, password, findings, push);
            }
        };
        let digest = &manifest.descriptor.digest;
        findings.push(Finding::good(format!("{image} is there: {digest}")));
        if let Some(chosen) = &manifest.image {
            let platform = chosen.platform.as_deref().unwrap_or("one platform");
            findings.push(Finding::good(format!(
                "of an index, the image for {platform}"
            )));
        }
        let refused = match manifest.layer.map(|layer| layer.digest) {
            None => {
                findings.push(Finding::unknown("it has no layer here to look at"));
                None
            }
            Some(digest) => match client.layer(repository, &digest, password) {
                Err(refusal) => {
                    findings.push(told(&refusal));
                    Some(Refused::of(&refusal))
                }
                Ok(found) => {
                    findings.push(stored(&found));
                    let elsewhere = found.storage.as_ref();
                    let refusal = elsewhere.and_then(|place| place.response.as_ref().err());
                    refusal.map(Refused::of)
                }
            },
        };
        let push = push(findings);
        match (refused, push) {
            (Some(refused), pushed) => refused.with(pushed.as_ref()),
            (None, Some(Outcome::Allowed(_))) => Outcome::Allowed(Allowed::PullAndPush),
            (None, Some(refused)) => refused,
            (None, None) => Outcome::Allowed(Allowed::Pull),
        }
    }

    /// What is left to ask when an image is not given.
    fn without_a_manifest(
        &self,
        image: &Image,
        refusal: &RegistryError,
        password: Option<&Secret>,
        findings: &mut Vec<Finding>,
        push: impl Fn(&mut Vec<Finding>) -> Option<Outcome>,
    ) -> Outcome {
        let is_new = matches!(refusal.kind, RegistryErrorKind::ImageAbsent);
        let mut absent = absent(self.registry, image, refusal);
        if self.push && password.is_some() && is_new {
            // As it is before a first push.
            absent.mark = Mark::Warning;
        }
        findings.push(absent);
        let pushed = if self.would_make_a_repository(refusal) {
            findings.push(Finding::unknown(
                "a push was not tried: where a repository creation template fits, it would \
                 make the repository",
            ));
            None
        } else {
            push(findings)
        };
        match (pushed, is_new) {
            (Some(pushed), true) => pushed,
            (pushed, _) => Refused::of(refusal).with(pushed.as_ref()),
        }
    }

    /// ECR makes repositories for pushes where a template says so (`CREATE_ON_PUSH`), and nothing
    /// is to be changed here.
    fn would_make_a_repository(&self, refusal: &RegistryError) -> bool {
        let is_absent = matches!(refusal.kind, RegistryErrorKind::RepositoryAbsent);
        self.push && is_absent && self.registry.private().is_some()
    }

    /// Whether an upload can be opened, where that was asked.
    fn push_to(
        &self,
        client: &RegistryClient<'_>,
        repository: &str,
        password: Option<&Secret>,
        findings: &mut Vec<Finding>,
    ) -> Option<Outcome> {
        // Nobody pushes without a token.
        if !self.push || password.is_none() {
            return None;
        }
        match client.upload(repository, password) {
            Ok(upload) => {
                findings.push(Finding::good("an upload can be opened, and was cancelled; ecr:PutImage is asked at the end of a push alone"));
                if let Err(refusal) = upload.cancelled {
                    // Whether ECR knows how to is not documented.
                    findings.push(Finding::unknown(format!(
                        "the upload could not be cancelled, and ends by itself: {refusal}"
                    )));
                }
                Some(Outcome::Allowed(Allowed::Push))
            }
            Err(refusal) => {
                let finding = told(&refusal);
                findings.push(match refusal.kind {
                    // aws/containers-roadmap#1970.
                    RegistryErrorKind::Transport(_) => finding.mend([
                        "ECR closes the connection of a push into a repository that does not exist",
                    ]),
                    _ => finding,
                });
                Some(Outcome::Refused(Refused::of(&refusal)))
            }
        }
    }
}

/// What is not there may be somewhere else.
pub(super) fn absent(registry: &Registry, image: &Image, refusal: &RegistryError) -> Finding {
    let finding = told(refusal);
    let Some(private) = registry.private() else {
        return finding;
    };
    let (account, region) = (&private.account, &private.region);
    match refusal.kind {
        RegistryErrorKind::RepositoryAbsent => finding.mend([
            format!(
                "account {account} has no repository {} in {region}",
                image.repository
            ),
            "check its name, and account and region in the host: each region has its own"
                .to_owned(),
            // The ECR user guide, "IAM permissions required to sync an upstream registry".
            "in a pull through cache, the first pull makes it: that takes ecr:CreateRepository and \
             ecr:BatchImportUpstreamImage"
                .to_owned(),
        ]),
        RegistryErrorKind::ImageAbsent => finding.mend([
            format!(
                "the repository is there, and may be pulled from; it has nothing called {}: \
                 check the tag, or push it",
                image.reference
            ),
            "in a pull through cache, fetching it takes ecr:BatchImportUpstreamImage".to_owned(),
        ]),
        _ => finding,
    }
}

/// What is known of a layer that the registry has.
pub(super) fn stored(layer: &LayerProbe) -> Finding {
    match &layer.storage {
        None => Finding::good("its smallest layer can be pulled"),
        Some(StorageProbe {
            host,
            response: Ok(_),
        }) => Finding::good(format!("its smallest layer can be pulled, from {host}")),
        Some(StorageProbe {
            response: Err(refusal),
            ..
        }) => told(refusal).mend([
            "ECR allows it, and keeps its layers in S3: in a VPC, the policy of the S3 endpoint \
             must let s3:GetObject on that bucket through; elsewhere, a proxy or firewall the host",
        ]),
    }
}

/// What a registry does not do, and what to do about it.
pub(super) fn told(refusal: &RegistryError) -> Finding {
    let finding = Finding::bad(refusal.to_string());
    match refusal.kind {
        RegistryErrorKind::Throttled => finding.mend(["try again in a minute"]),
        RegistryErrorKind::Unavailable => finding.mend(["try again; AWS's health page says more"]),
        RegistryErrorKind::NotARegistry(_) => finding.mend([
            "something between here and the registry answers in its place: check HTTPS_PROXY, and \
             what the name resolves to",
        ]),
        RegistryErrorKind::Transport(_) | RegistryErrorKind::Timeout => finding.mend([
            "check the network, the VPN, the firewall, HTTPS_PROXY and NO_PROXY, and the region \
             in the host",
        ]),
        _ => finding,
    }
}
