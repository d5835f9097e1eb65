//! What a registry says no to, and what people are told of it.

use crate::commands::target::Image;
use crate::doctor::distribution::{
    LayerProbe, Operation, RegistryError, RegistryErrorKind, StorageProbe,
};
use crate::registry::Registry;

use super::denial::Denial;
use super::registry::Outcome;
use super::report::Finding;

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
