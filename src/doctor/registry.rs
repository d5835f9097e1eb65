//! The registry: whether it accepts the token, and whether the image can be pulled or pushed.

use std::time::{Duration, Instant};

use time::OffsetDateTime;

use super::distribution::{
    LayerProbe, Operation, RegistryClient, RegistryError, RegistryErrorKind, StorageProbe,
    UploadProbe,
};
use crate::cache::CacheError;
use crate::clock;
use crate::commands::target::Image;
use crate::config::AccessLimit;
use crate::http::EcrxClient;
use crate::registry::{Registry, Service};
use crate::secret::Secret;
use crate::token::AuthorizationToken;

use super::access::AccessExamination;
use super::denial::Denial;
use super::report::{Area, AreaReport, Check};

/// A slow first request must leave time for the other checks.
const FIRST_REQUEST: Duration = Duration::from_secs(5);

/// The result of the requests to the registry and its layer storage.
#[derive(Clone, Debug, Default)]
pub(super) enum Outcome {
    /// No request was possible, or no token was available.
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
    /// The image or its repository does not exist: no action was denied.
    pub is_absent: bool,
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
        // A denial by S3 does not concern ECR policies.
        let is_denied = matches!(error.kind, RegistryErrorKind::Denied)
            && error.operation != Operation::Storage;
        let words = error.message.as_deref().filter(|_| is_denied);
        let is_absent = matches!(
            error.kind,
            RegistryErrorKind::ImageAbsent | RegistryErrorKind::RepositoryAbsent
        );
        Self {
            action: error.operation.action().filter(|_| !is_absent),
            is_absent,
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

/// Whether the host responds as a registry, to a request without a token.
pub(super) struct Presence {
    /// The registry's time, and this machine's at the same moment.
    pub clocks: Option<(OffsetDateTime, OffsetDateTime)>,
    pub error: Option<RegistryError>,
}

/// Waits for `limit` at most. `None` if the system refuses the resources for a request.
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

/// All requests to the registry, most of them with a token.
pub(super) struct RegistryExamination<'a> {
    pub client: &'a EcrxClient,
    pub registry: &'a Registry,
    pub image: Option<&'a Image>,
    pub push: bool,
    /// What the token is limited to.
    pub limit: Option<&'a AccessLimit>,
    pub ends_at: Instant,
    /// The token that a client would be given now.
    pub cached: Option<&'a AuthorizationToken>,
    /// Requested to compare the cached one with.
    pub new: Option<&'a AuthorizationToken>,
    /// Drops a cached token that the registry rejects.
    pub drop_dead: &'a dyn Fn(&AuthorizationToken) -> Result<(), CacheError>,
}

impl<'a> RegistryExamination<'a> {
    pub(super) fn report(&self, presence: Option<&Presence>) -> (AreaReport, Outcome) {
        let mut checks = Vec::new();
        let outcome = self.check(presence, &mut checks);
        (AreaReport::new(Area::Registry, checks), outcome)
    }

    fn check(&self, presence: Option<&Presence>, checks: &mut Vec<Check>) -> Outcome {
        let refused = || Outcome::Refused(Rejection::default());
        if let Some(error) = presence.and_then(|presence| presence.error.as_ref()) {
            checks.push(error_check(error));
            return refused();
        }
        let Some(client) = registry_client(self.client, self.registry, self.ends_at) else {
            let text = "skipped: the HTTP client could not be started";
            checks.push(Check::unknown(text));
            return Outcome::NotAsked;
        };
        checks.push(Check::good(format!("{} is reachable", self.registry)));
        let is_public = self.registry.service == Service::Public;
        let password = match self.cached.or(self.new) {
            Some(first) => match self.accepted_token(&client, first, checks) {
                Some(token) => Some(token.password()),
                None => return refused(),
            },
            // An image of public ECR can be requested without a token.
            None if is_public && self.image.is_some() => None,
            None => {
                let text = "other checks skipped: no authorization token";
                checks.push(Check::unknown(text));
                return Outcome::NotAsked;
            }
        };
        let Some(image) = self.image else {
            checks.extend(self.access_checks(&client, password, false));
            return Outcome::Allowed(Allowed::Token);
        };
        let mut examination = ImageExamination {
            client: &client,
            registry: self.registry,
            image,
            password,
            // A push always takes a token.
            push: self.push && password.is_some(),
            is_absent: false,
            checks,
        };
        let outcome = examination.pull_and_push();
        let is_absent = examination.is_absent;
        checks.extend(self.access_checks(&client, password, is_absent));
        outcome
    }

    /// Whether a limited token is held to its limit.
    fn access_checks(
        &self,
        client: &RegistryClient<'_>,
        password: Option<&Secret>,
        is_absent: bool,
    ) -> Vec<Check> {
        let (Some(limit), Some(password)) = (self.limit, password) else {
            return Vec::new();
        };
        let examination = AccessExamination {
            client,
            registry: self.registry,
            repository: self.image.map(|image| image.repository.as_str()),
            is_absent,
            password,
            limit,
        };
        examination.checks()
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
                Some(_) => "the cached token is accepted",
                None => "the new token is accepted",
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
                    "The registry rejected the cached token and a new one, so the cause is not the token's age",
                ]));
                None
            }
        }
    }

    /// Of a cached token, if the registry accepts a new one.
    fn dead_token_check(&self, token: &AuthorizationToken, error: &RegistryError) -> Check {
        let text = format!("the cached token was rejected, but a new one was accepted ({error})");
        let fix = match (self.drop_dead)(token) {
            Ok(()) => "The rejected token has been removed from the cache. Pull again".to_owned(),
            Err(why) => format!(
                "The rejected token could not be removed from the cache, so clients still receive \
                 it: {why}"
            ),
        };
        Check::bad(text)
            .summary("the cached token was rejected")
            .fix([fix])
    }
}

/// An image, its layers, and pushes to its repository.
struct ImageExamination<'a> {
    client: &'a RegistryClient<'a>,
    registry: &'a Registry,
    image: &'a Image,
    password: Option<&'a Secret>,
    push: bool,
    /// The repository does not exist.
    is_absent: bool,
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
        self.add(Check::good(format!("{} exists: {digest}", self.image)));
        if let Some(image) = manifest.image {
            let platform = image.platform.as_deref().unwrap_or("one of its platforms");
            self.add(Check::good(format!(
                "multi-platform image: checked {platform}"
            )));
        }
        let refused = match manifest.layer {
            Some(layer) => self.pull_layer(&layer.digest),
            None => {
                self.add(Check::unknown(
                    "layer check skipped: the registry stores no layer of this image",
                ));
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

    /// The rejection of a layer, by the registry or by its storage.
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

    /// The checks that remain without a manifest.
    fn without_a_manifest(&mut self, error: &RegistryError) -> Outcome {
        let is_new = matches!(error.kind, RegistryErrorKind::ImageAbsent);
        self.is_absent = matches!(error.kind, RegistryErrorKind::RepositoryAbsent);
        self.add(if self.push && is_new {
            let image = self.image;
            Check::good(format!(
                "{image} does not exist yet; a push would create it"
            ))
        } else {
            absence_check(self.registry, self.image, error)
        });
        let pushed = if self.would_make_a_repository() {
            self.add(Check::unknown(
                "push check skipped: a matching repository creation template would create the \
                 repository",
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

    /// ECR creates a repository for a push if a template has `CREATE_ON_PUSH`, and doctor
    /// must not change anything.
    fn would_make_a_repository(&self) -> bool {
        self.push && self.is_absent && self.registry.private().is_some()
    }

    /// Whether an upload can be opened; `None` if no push is wanted.
    fn push(&mut self) -> Option<Outcome> {
        if !self.push {
            return None;
        }
        match self.client.upload(&self.image.repository, self.password) {
            Ok(upload) => {
                self.add(Check::good("an upload was started and cancelled; ecr:PutImage cannot be checked without a push"));
                upload_left_open(&upload)
                    .into_iter()
                    .for_each(|check| self.add(check));
                Some(Outcome::Allowed(Allowed::Push))
            }
            Err(error) => {
                let check = error_check(&error);
                self.add(match error.kind {
                    // aws/containers-roadmap#1970.
                    RegistryErrorKind::Transport(_) => check.fix([
                        "Check that the repository exists: ECR closes the connection of a push to a missing repository",
                    ]),
                    _ => check,
                });
                Some(Outcome::Refused(Rejection::from(&error)))
            }
        }
    }
}

/// An upload that was not cancelled. Whether ECR supports that is not documented.
pub(super) fn upload_left_open(upload: &UploadProbe) -> Option<Check> {
    let error = upload.cancelled.as_ref().err()?;
    Some(Check::unknown(format!(
        "the upload could not be cancelled, so it expires by itself: {error}"
    )))
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
                "Account {account} has no repository {} in {region}",
                image.repository
            ),
            "Check the repository name, and the account and region in the host".to_owned(),
            // The ECR user guide, "IAM permissions required to sync an upstream registry".
            "If a pull through cache rule applies, the first pull creates the repository. It requires \
             ecr:CreateRepository and ecr:BatchImportUpstreamImage"
                .to_owned(),
        ]),
        RegistryErrorKind::ImageAbsent => check.fix([
            format!(
                "The repository exists, but has no image {}. Check the tag, or push the image",
                image.reference
            ),
            "If a pull through cache rule applies, importing the image requires ecr:BatchImportUpstreamImage"
                .to_owned(),
        ]),
        _ => check,
    }
}

fn layer_check(layer: &LayerProbe) -> Check {
    match &layer.storage {
        None => Check::good("the smallest layer can be downloaded"),
        Some(StorageProbe {
            host,
            response: Ok(_),
        }) => Check::good(format!("the smallest layer can be downloaded from {host}")),
        Some(StorageProbe {
            response: Err(error),
            ..
        }) => error_check(error).fix([
            "ECR allowed the download, but stores layers in S3. In a VPC, allow s3:GetObject on \
             that bucket in the S3 endpoint policy",
            "Elsewhere, allow the host in your proxy or firewall",
        ]),
    }
}

/// An error of the registry in a few words, for the verdict.
fn summary(error: &RegistryError) -> String {
    let host = &error.host;
    match (&error.kind, error.operation.action()) {
        (RegistryErrorKind::TokenRefused, _) => "the token was rejected".to_owned(),
        (RegistryErrorKind::LoginRequired, _) => "the registry requires a login".to_owned(),
        (RegistryErrorKind::Denied, Some(action)) => format!("{action} was denied"),
        (RegistryErrorKind::RepositoryAbsent, _) => "the repository does not exist".to_owned(),
        (RegistryErrorKind::ImageAbsent, _) => "the image does not exist".to_owned(),
        (RegistryErrorKind::LayerAbsent, _) => "a layer of the image does not exist".to_owned(),
        (RegistryErrorKind::Throttled, _) => "requests are throttled".to_owned(),
        (RegistryErrorKind::Unavailable, _) => format!("{host} is unavailable"),
        (RegistryErrorKind::NotARegistry(_), _) => format!("{host} did not respond as a registry"),
        (RegistryErrorKind::Location(_), _) => "a location was not followed".to_owned(),
        (RegistryErrorKind::Transport(_), _) => format!("{host} is unreachable"),
        (RegistryErrorKind::Timeout, _) => format!("{host} did not respond in time"),
        (RegistryErrorKind::InvalidName, _) => "the name is not valid".to_owned(),
        (RegistryErrorKind::Denied, None) | (RegistryErrorKind::Refused, _) => {
            "the request was rejected".to_owned()
        }
    }
}

/// An error of the registry, and what to do about it.
fn error_check(error: &RegistryError) -> Check {
    let check = Check::bad(error.to_string()).summary(summary(error));
    match error.kind {
        RegistryErrorKind::Throttled => check.fix(["Try again in a minute"]),
        RegistryErrorKind::Unavailable => {
            check.fix(["Try again later. For the service status, see https://health.aws.amazon.com"])
        }
        RegistryErrorKind::NotARegistry(_) => check.fix([
            "Another server responded instead of the registry. Check HTTPS_PROXY and the host's DNS \
             records",
        ]),
        RegistryErrorKind::Transport(_) | RegistryErrorKind::Timeout => check.fix([
            "Check the network, VPN, firewall, HTTPS_PROXY, NO_PROXY, and the region in the host \
             name",
        ]),
        _ => check,
    }
}
