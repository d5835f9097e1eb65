//! The next steps, a line each.

use crate::http::{ProxyFault, TlsFault, TransportCause, TransportFailure};
use crate::identity::{MORE_TIME, ON_EC2, Trouble};
use crate::registry::Partition;

use crate::aws::fetch::Stage;

use super::{Failure, FailureKind};

const SIGN_IN: &str = "sign in (`aws sso login`, `aws login`, `aws configure`), or name a profile in config.toml or AWS_PROFILE";
const NETWORK: &str = "check the network, the VPN, the firewall, HTTPS_PROXY and NO_PROXY";
const IN_BETWEEN: &str = "something between here and AWS answers in its place: check HTTPS_PROXY, and the endpoint if one is configured";

impl Failure {
    pub(crate) fn hints(&self) -> Vec<String> {
        match &self.kind {
            FailureKind::SignIn(_) => {
                let method = self.identity.source.properties().sign_in;
                method
                    .and_then(|method| method.hint())
                    .into_iter()
                    .collect()
            }
            FailureKind::CodeRefused => said(&[
                "type the code that the device shows when you are asked: each works once, for half a minute",
                "check that mfa_serial names the device of the user who asks",
            ]),
            FailureKind::NotSignedIn => said(&[SIGN_IN, ON_EC2]),
            FailureKind::Source => self.source_hints(Trouble::NoCredentials),
            FailureKind::Loop => said(&[
                "set credential_process to a program that prints AWS credentials without calling docker-credential-ecrx or pulling an image from ECR",
            ]),
            FailureKind::RoleDenied => self.role_hints(),
            FailureKind::TokenDenied => self.token_hints(),
            FailureKind::KeysRefused => self.key_hints(),
            FailureKind::WrongSecret => said(&[
                "write key and secret anew, both from the same place: a secret that was cut off, or that belongs to another key, looks like this",
            ]),
            FailureKind::CredentialsExpired => match self.stage {
                Stage::WebIdentity { .. } => said(&[
                    "whoever writes that file (EKS, a CI system) has to renew it; a CI job may have to be started anew",
                ]),
                _ => said(&[
                    "get new temporary credentials where these came from, and put them in their place",
                ]),
            },
            FailureKind::Transport(transport) => self.transport_hints(transport),
            FailureKind::Timeout => {
                self.hints_at_source_or(Trouble::NoAnswer, &[NETWORK, MORE_TIME])
            }
            FailureKind::Throttled => {
                said(&["too many calls in this account and region: try again in a minute"])
            }
            FailureKind::ClockSkew => {
                said(&["set this machine's clock: AWS refuses requests that are some minutes off"])
            }
            FailureKind::Malformed => {
                self.hints_at_source_or(Trouble::MalformedAnswer, &[IN_BETWEEN])
            }
            FailureKind::Unavailable => {
                said(&["AWS has trouble: try again; https://health.aws.amazon.com tells more"])
            }
            FailureKind::Refused => Vec::new(),
        }
    }

    /// What the source says of a trouble with it.
    fn source_hints(&self, trouble: Trouble) -> Vec<String> {
        let profile = self.identity.profile.as_deref();
        self.identity.source.get().hints(trouble, profile)
    }

    /// The same, unless somebody else was asked than the source.
    fn hints_at_source(&self, trouble: Trouble) -> Vec<String> {
        match self.stage {
            Stage::Source => self.source_hints(trouble),
            Stage::WebIdentity { .. } | Stage::Role { .. } | Stage::Token | Stage::Caller => {
                Vec::new()
            }
        }
    }

    fn hints_at_source_or(&self, trouble: Trouble, general: &[&str]) -> Vec<String> {
        let own = self.hints_at_source(trouble);
        if own.is_empty() { said(general) } else { own }
    }

    fn role_hints(&self) -> Vec<String> {
        if let Stage::WebIdentity { role } = &self.stage {
            return vec![format!(
                "in account {}: the trust policy of {role} must name this identity provider, and its conditions must fit the token's subject and audience",
                role.account()
            )];
        }
        let Stage::Role { role, .. } = &self.stage else {
            return said(&[
                "ask those who manage IAM Identity Center to assign this role to you, or correct sso_account_id and sso_role_name of the profile",
            ]);
        };
        let sends_id = self
            .identity
            .roles
            .iter()
            .any(|known| known.arn == *role && known.external_id.is_some());
        let id = if sends_id {
            "the external id that was sent"
        } else {
            "no external id, as none was sent"
        };
        let callers_side = format!(
            "in the caller's account: allow sts:AssumeRole on resource \"{role}\" in the caller's identity policy"
        );
        let roles_side = format!(
            "in account {}: the role must exist, and its trust policy must name the caller and ask for {id}",
            role.account()
        );
        match self.reason() {
            None => vec![callers_side, roles_side],
            Some(reason) if reason.starts_with("no identity-based policy") => vec![callers_side],
            Some(reason) if reason.starts_with("no resource-based policy") => vec![roles_side],
            Some(_) => said(&[OTHER_POLICY]),
        }
    }

    fn token_hints(&self) -> Vec<String> {
        match self.reason() {
            Some(reason) if !reason.starts_with("no identity-based policy") => {
                said(&[OTHER_POLICY])
            }
            _ if self.is_public => said(&[
                "in the caller's account: allow ecr-public:GetAuthorizationToken and sts:GetServiceBearerToken on resource \"*\" (the managed policy AmazonElasticContainerRegistryPublicReadOnly does)",
            ]),
            _ => said(&[
                "in the caller's account: allow ecr:GetAuthorizationToken on resource \"*\" (the managed policy AmazonEC2ContainerRegistryPullOnly does); the registry's own policy has no part in it",
            ]),
        }
    }

    /// What AWS gives as the reason of a denial.
    fn reason(&self) -> Option<&str> {
        self.detail
            .split_once(" because ")
            .map(|(_, reason)| reason)
    }

    fn key_hints(&self) -> Vec<String> {
        let partition = Partition::of_region(&self.identity.api.region);
        let mut hints = vec![format!(
            "the key belongs to another partition than {partition}, the registry's (aws, aws-cn and aws-us-gov have keys of their own)"
        )];
        hints.extend(said(&[
            "or the region is not enabled in the caller's account",
            "or the key is mistyped, deactivated or deleted",
        ]));
        hints.extend(self.source_hints(Trouble::UnknownKey));
        hints
    }

    fn transport_hints(&self, transport: &TransportFailure) -> Vec<String> {
        let own = self.hints_at_source(Trouble::Unreachable);
        if !own.is_empty() {
            return own;
        }
        match &transport.cause {
            TransportCause::NameNotResolved { .. } => said(&[
                "check the region in the registry's name, the network, the VPN, the name server, and the endpoint if one is configured",
                "in a VPC without internet: the interface endpoints for ecr.api and sts need private DNS, or AWS_ENDPOINT_URL_ECR and AWS_ENDPOINT_URL_STS",
            ]),
            // These say themselves what to do.
            TransportCause::Setup(_)
            | TransportCause::Tls(TlsFault::UnknownIssuer)
            | TransportCause::Proxy(ProxyFault::LoginRequired) => Vec::new(),
            TransportCause::Tls(TlsFault::Expired | TlsFault::NotYetValid) => {
                said(&["compare this machine's clock with another"])
            }
            TransportCause::Tls(_) => said(&[IN_BETWEEN]),
            TransportCause::Proxy(ProxyFault::Refused | ProxyFault::Broken { .. }) => {
                said(&["check HTTPS_PROXY; hosts that NO_PROXY names are reached without it"])
            }
            TransportCause::Proxy(_) => {
                said(&["hosts that NO_PROXY names are reached without a proxy"])
            }
            _ => said(&[NETWORK]),
        }
    }
}

const OTHER_POLICY: &str =
    "AWS names behind \"because\" what has to change; allowing more elsewhere does not help";

fn said(hints: &[&str]) -> Vec<String> {
    hints.iter().map(|hint| (*hint).to_owned()).collect()
}
