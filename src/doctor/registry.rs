//! The registry: whether it takes the token, and what may be done with the image.

use std::time::{Duration, Instant};

use time::OffsetDateTime;

use super::distribution::{
    LayerProbe, Operation, RegistryClient, RegistryError, RegistryErrorKind, StorageProbe,
};
use crate::cache::CacheError;
use crate::clock;
use crate::commands::page::CheckMark;
use crate::commands::target::Image;
use crate::http::EcrxClient;
use crate::registry::{Registry, Service};
use crate::secret::Secret;
use crate::token::AuthorizationToken;

use super::denial::Denial;
use super::report::{Area, AreaReport, Check};

/// A registry that is asked without a token must not use up what the rest needs.
const FIRST_REQUEST: Duration = Duration::from_secs(5);

/// What the registry, or the storage of its layers, allows.
#[derive(Clone, Debug, Default)]
pub(super) enum Outcome {
    /// It could not be asked, or there was no token to ask it with.
    #[default]
    NotAsked,
    Refused(Rejection),
    Allowed(Allowed),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Rejection {
    /// The action of IAM; `None` if no operation was denied, or it has none.
    pub action: Option<&'static str>,
    pub denial: Option<Denial>,
    /// Pushing was denied, alone or with pulling.
    pub is_for_a_push: bool,
}

impl Rejection {
    /// The outcome of a denied pull, with that of the push.
    fn with_push(self, pushed: Option<&Outcome>) -> Outcome {
        let is_for_a_push =
            matches!(pushed, Some(Outcome::Refused(refused)) if refused.denial.is_some());
        Outcome::Refused(Self {
            is_for_a_push,
            ..self
        })
    }
}

impl From<&RegistryError> for Rejection {
    fn from(error: &RegistryError) -> Self {
        // What S3 denies has nothing to do with policies about ECR.
        let is_denied = matches!(error.kind, RegistryErrorKind::Denied)
            && error.operation != Operation::Storage;
        let words = error.message.as_deref().filter(|_| is_denied);
        Self {
            action: error.operation.action(),
            denial: words.and_then(Denial::parse),
            is_for_a_push: matches!(error.operation, Operation::Upload),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Allowed {
    /// The token was accepted; no image was named.
    Token,
    Pull,
    /// Pushing an image that does not exist yet.
    Push,
    PullAndPush,
}

/// Whether there is a registry, asked without a token.
pub(super) struct Presence {
    /// The registry's time, and this machine's at the same moment.
    pub clocks: Option<(OffsetDateTime, OffsetDateTime)>,
    pub error: Option<RegistryError>,
}

/// Asks for `limit` at most. `None` if the system refuses what that takes.
pub(super) fn presence(
    client: &EcrxClient,
    registry: &Registry,
    limit: Duration,
) -> Option<Presence> {
    let client = registry_client(client, registry, Instant::now() + limit.min(FIRST_REQUEST))?;
    let (date, error) = match client.ping(None) {
        Ok(pong) => (pong.response.date, None),
        Err(error) => (error.date, Some(error)),
    };
    Some(Presence {
        clocks: date.map(|theirs| (theirs, clock::now())),
        error,
    })
}

fn registry_client<'a>(
    client: &'a EcrxClient,
    registry: &Registry,
    ends_at: Instant,
) -> Option<RegistryClient<'a>> {
    let time_left = ends_at.saturating_duration_since(Instant::now());
    RegistryClient::new(client, registry, time_left).ok()
}

/// Everything that is asked of the registry, mostly with a token.
pub(super) struct RegistryExamination<'a> {
    pub client: &'a EcrxClient,
    pub registry: &'a Registry,
    pub image: Option<&'a Image>,
    pub push: bool,
    pub ends_at: Instant,
    /// The token that a client would be given now.
    pub cached: Option<&'a AuthorizationToken>,
    /// Requested to compare the cached one with.
    pub new: Option<&'a AuthorizationToken>,
    /// Drops a cached token that the registry does not take.
    pub drop_dead: &'a dyn Fn(&AuthorizationToken) -> Result<(), CacheError>,
}

impl<'a> RegistryExamination<'a> {
    pub(super) fn report(&self, presence: Option<&Presence>) -> (AreaReport, Outcome) {
        let mut checks = Vec::new();
        let outcome = self.ask(presence, &mut checks);
        (AreaReport::new(Area::Registry, checks), outcome)
    }

    fn ask(&self, presence: Option<&Presence>, checks: &mut Vec<Check>) -> Outcome {
        let refused = || Outcome::Refused(Rejection::default());
        if let Some(error) = presence.and_then(|presence| presence.error.as_ref()) {
            checks.push(error_check(error));
            return refused();
        }
        let Some(client) = registry_client(self.client, self.registry, self.ends_at) else {
            let text = "not asked: the system refuses what it takes";
            checks.push(Check::unknown(text));
            return Outcome::NotAsked;
        };
        checks.push(Check::good(format!("{} answers", self.registry)));
        let is_public = self.registry.service == Service::Public;
        let password = match self.cached.or(self.new) {
            Some(first) => match self.accepted_token(&client, first, checks) {
                Some(token) => Some(token.password()),
                None => return refused(),
            },
            // Public ECR can be asked for an image without a token.
            None if is_public && self.image.is_some() => None,
            None => {
                let text = "not asked for more: there is no token to ask with";
                checks.push(Check::unknown(text));
                return Outcome::NotAsked;
            }
        };
        let Some(image) = self.image else {
            return Outcome::Allowed(Allowed::Token);
        };
        let mut examination = ImageExamination {
            client,
            registry: self.registry,
            image,
            password,
            // A push always takes a token.
            push: self.push && password.is_some(),
            checks,
        };
        examination.pull_and_push()
    }

    /// The token that the registry accepts: the first, or if that is the cached one, a new one.
    fn accepted_token(
        &self,
        client: &RegistryClient<'_>,
        first: &'a AuthorizationToken,
        checks: &mut Vec<Check>,
    ) -> Option<&'a AuthorizationToken> {
        let Err(error) = client.ping(Some(first.password())) else {
            checks.push(Check::good(match self.cached {
                Some(_) => "it takes the cached token",
                None => "it takes the new token",
            }));
            return Some(first);
        };
        let is_refused = matches!(error.kind, RegistryErrorKind::TokenRefused);
        let new = self.new.filter(|_| is_refused && self.cached.is_some());
        let Some(new) = new else {
            checks.push(error_check(&error));
            return None;
        };
        match client.ping(Some(new.password())) {
            Ok(_) => {
                checks.push(self.dead_token_check(first, &error));
                Some(new)
            }
            Err(second) => {
                checks.push(error_check(&second).fix([
                    "it takes neither the cached token nor a new one: that is not a matter of age",
                ]));
                None
            }
        }
    }

    /// Of a cached token, if the registry accepts a new one.
    fn dead_token_check(&self, token: &AuthorizationToken, error: &RegistryError) -> Check {
        let what = "it takes a new token, but not the cached one, which";
        match (self.drop_dead)(token) {
            Ok(()) => Check::bad(format!("{what} has been dropped from the cache ({error})"))
                .fix(["pull again: a new token is bought then"]),
            Err(why) => Check::bad(format!(
                "{what} could not be dropped from the cache ({error})"
            ))
            .fix([format!(
                "clients are given it until it is deleted by who may do so: {why}"
            )]),
        }
    }
}

/// An image, its layers, and pushes to its repository.
struct ImageExamination<'a> {
    client: RegistryClient<'a>,
    registry: &'a Registry,
    image: &'a Image,
    password: Option<&'a Secret>,
    push: bool,
    checks: &'a mut Vec<Check>,
}

impl ImageExamination<'_> {
    /// Up to the first error. Without the right to pull, a caller may still have the right to push.
    fn pull_and_push(&mut self) -> Outcome {
        let Image {
            repository,
            reference,
        } = self.image;
        let manifest = match self.client.manifest(repository, reference, self.password) {
            Ok(manifest) => manifest,
            Err(error) => return self.without_a_manifest(&error),
        };
        let digest = &manifest.descriptor.digest;
        self.add(Check::good(format!("{} is there: {digest}", self.image)));
        if let Some(image) = manifest.image {
            let platform = image.platform.as_deref().unwrap_or("one platform");
            self.add(Check::good(format!(
                "of an index, the image for {platform}"
            )));
        }
        let refused = match manifest.layer {
            Some(layer) => self.pull_layer(&layer.digest),
            None => {
                self.add(Check::unknown("it has no layer here to look at"));
                None
            }
        };
        match (refused, self.push()) {
            (Some(refused), pushed) => refused.with_push(pushed.as_ref()),
            (None, Some(Outcome::Allowed(_))) => Outcome::Allowed(Allowed::PullAndPush),
            (None, Some(refused)) => refused,
            (None, None) => Outcome::Allowed(Allowed::Pull),
        }
    }

    fn add(&mut self, check: Check) {
        self.checks.push(check);
    }

    /// What is denied of a layer, by the registry or by the storage that it leads to.
    fn pull_layer(&mut self, digest: &str) -> Option<Rejection> {
        let repository = &self.image.repository;
        let error = match self.client.layer(repository, digest, self.password) {
            Ok(layer) => {
                self.add(layer_check(&layer));
                layer.storage?.response.err()?
            }
            Err(error) => {
                self.add(error_check(&error));
                error
            }
        };
        Some(Rejection::from(&error))
    }

    /// What is left to ask if the registry does not give the image.
    fn without_a_manifest(&mut self, error: &RegistryError) -> Outcome {
        let is_new = matches!(error.kind, RegistryErrorKind::ImageAbsent);
        let mut absent = absence_check(self.registry, self.image, error);
        if self.push && is_new {
            // As it is before a first push.
            absent.mark = CheckMark::Warning;
        }
        self.add(absent);
        let pushed = if self.would_make_a_repository(error) {
            self.add(Check::unknown(
                "a push was not tried: where a repository creation template fits, it would \
                 make the repository",
            ));
            None
        } else {
            self.push()
        };
        match (pushed, is_new) {
            (Some(pushed), true) => pushed,
            (pushed, _) => Rejection::from(error).with_push(pushed.as_ref()),
        }
    }

    /// ECR creates a repository for a push if a template says so (`CREATE_ON_PUSH`), and doctor
    /// must not change anything.
    fn would_make_a_repository(&self, error: &RegistryError) -> bool {
        let is_absent = matches!(error.kind, RegistryErrorKind::RepositoryAbsent);
        self.push && is_absent && self.registry.private().is_some()
    }

    /// Whether an upload can be opened; `None` if no push is wanted.
    fn push(&mut self) -> Option<Outcome> {
        if !self.push {
            return None;
        }
        match self.client.upload(&self.image.repository, self.password) {
            Ok(upload) => {
                self.add(Check::good("an upload can be opened, and was cancelled; ecr:PutImage is asked at the end of a push alone"));
                if let Err(error) = upload.cancelled {
                    // Whether ECR knows how to is not documented.
                    self.add(Check::unknown(format!(
                        "the upload could not be cancelled, and ends by itself: {error}"
                    )));
                }
                Some(Outcome::Allowed(Allowed::Push))
            }
            Err(error) => {
                let check = error_check(&error);
                self.add(match error.kind {
                    // aws/containers-roadmap#1970.
                    RegistryErrorKind::Transport(_) => check.fix([
                        "ECR closes the connection of a push into a repository that does not exist",
                    ]),
                    _ => check,
                });
                Some(Outcome::Refused(Rejection::from(&error)))
            }
        }
    }
}

/// A repository or image that does not exist here may exist elsewhere.
fn absence_check(registry: &Registry, image: &Image, error: &RegistryError) -> Check {
    let check = error_check(error);
    let Some(private) = registry.private() else {
        return check;
    };
    let (account, region) = (&private.account, &private.region);
    match error.kind {
        RegistryErrorKind::RepositoryAbsent => check.fix([
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
        RegistryErrorKind::ImageAbsent => check.fix([
            format!(
                "the repository is there, and may be pulled from; it has nothing called {}: \
                 check the tag, or push it",
                image.reference
            ),
            "in a pull through cache, fetching it takes ecr:BatchImportUpstreamImage".to_owned(),
        ]),
        _ => check,
    }
}

fn layer_check(layer: &LayerProbe) -> Check {
    match &layer.storage {
        None => Check::good("its smallest layer can be pulled"),
        Some(StorageProbe {
            host,
            response: Ok(_),
        }) => Check::good(format!("its smallest layer can be pulled, from {host}")),
        Some(StorageProbe {
            response: Err(error),
            ..
        }) => error_check(error).fix([
            "ECR allows it, and keeps its layers in S3: in a VPC, the policy of the S3 endpoint \
             must let s3:GetObject on that bucket through; elsewhere, a proxy or firewall the host",
        ]),
    }
}

/// An error of the registry, and what to do about it.
fn error_check(error: &RegistryError) -> Check {
    let check = Check::bad(error.to_string());
    match error.kind {
        RegistryErrorKind::Throttled => check.fix(["try again in a minute"]),
        RegistryErrorKind::Unavailable => check.fix(["try again; AWS's health page says more"]),
        RegistryErrorKind::NotARegistry(_) => check.fix([
            "something between here and the registry answers in its place: check HTTPS_PROXY, and \
             what the name resolves to",
        ]),
        RegistryErrorKind::Transport(_) | RegistryErrorKind::Timeout => check.fix([
            "check the network, the VPN, the firewall, HTTPS_PROXY and NO_PROXY, and the region \
             in the host",
        ]),
        _ => check,
    }
}
