//! The kinds of failures to get a token. Each has its message and its next steps, and says whether
//! an older token may still be used.

mod reading;

pub(super) use reading::{unfinished_token, unreadable_token};

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use crate::error::hints;
use crate::http::{ProxyFault, TlsFault, TransportCause, TransportFailure};
use crate::identity::{
    Identity, MORE_TIME, ON_EC2, SIGN_IN, SearchedFiles, SignInMethod, Trouble, WebIdentityToken,
};
use crate::registry::{Partition, Service};

use super::fetch::{Fetch, Stage};

#[derive(Clone, Debug)]
pub(crate) enum FailureKind {
    /// SSO or `aws login` without a valid sign-in.
    SignIn(SignInFault),
    /// No source has credentials: there is no instance metadata, or no role on the instance.
    NotSignedIn(SearchedFiles),
    /// The process, container endpoint or token file failed.
    Source,
    /// The `credential_process` has called this program, which would start the process again.
    Loop,
    /// STS, or the SSO portal, denies the role.
    RoleDenied,
    /// STS does not take the MFA code.
    CodeRefused,
    /// The session policy is too large in the format that STS packs it into.
    PolicyTooLarge,
    TokenDenied,
    KeysRefused,
    /// AWS knows the access key ID, but the secret does not belong to it.
    WrongSecret,
    /// The session of the key has expired, or the web identity token has.
    CredentialsExpired,
    /// The name of the endpoint, the connection, TLS or the proxy.
    Transport(TransportFailure),
    /// The deadline passed.
    Timeout,
    Throttled,
    /// The clocks differ, and the SDK's own correction did not help.
    ClockSkew,
    /// A response that cannot be parsed.
    Malformed,
    /// AWS, or GitHub for its OIDC token, answered 5xx, after all attempts.
    Unavailable,
    /// AWS refused for another reason.
    Refused,
}

/// What a failure means for older tokens and for other attempts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// AWS denies the identity.
    Denial,
    /// Every attempt with the same source would fail alike.
    Source,
    /// It says nothing of any other attempt.
    Attempt,
}

/// What is wrong with a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignInFault {
    Absent,
    Expired,
    /// Its file cannot be understood.
    Unreadable,
}

impl fmt::Display for SignInFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SignInFault::Absent => "is missing",
            SignInFault::Expired => "has expired",
            SignInFault::Unreadable => "cannot be read",
        })
    }
}

/// A failure, with AWS's words.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// What was being done.
    pub stage: Stage,
    pub kind: FailureKind,
    identity: Box<Identity>,
    /// The token was for public ECR, which has actions of its own.
    is_public: bool,
    /// What AWS, the source or the network said, without secrets.
    detail: String,
}

impl Failure {
    /// Every failure is made here, so that no detail keeps a secret of the request.
    fn new(fetch: &Fetch<'_>, kind: FailureKind, detail: impl AsRef<str>) -> Self {
        Self {
            stage: fetch.stage.borrow().clone(),
            kind,
            identity: Box::new(fetch.request.identity.clone()),
            is_public: fetch.request.registry.service == Service::Public,
            detail: fetch.redact(detail.as_ref()),
        }
    }

    pub(super) fn timeout(fetch: &Fetch<'_>, after: Duration) -> Self {
        let after = after.as_secs_f32();
        let digits = usize::from(after < 0.5);
        let mut detail = format!("no response within {after:.digits$} s");
        if let Some(complaint) = fetch.unfinished_complaint() {
            detail.push_str("; the command printed: ");
            detail.push_str(&complaint);
        }
        Self::new(fetch, FailureKind::Timeout, detail)
    }

    /// A request of ours that is not to AWS got no answer.
    pub(super) fn transport(fetch: &Fetch<'_>, failure: TransportFailure) -> Self {
        Self::new(fetch, FailureKind::Transport(failure), "")
    }

    pub(super) fn malformed(fetch: &Fetch<'_>, detail: &str) -> Self {
        Self::new(fetch, FailureKind::Malformed, detail)
    }

    pub(super) fn unavailable(fetch: &Fetch<'_>, detail: &str) -> Self {
        Self::new(fetch, FailureKind::Unavailable, detail)
    }

    pub(super) fn no_credentials(fetch: &Fetch<'_>, detail: &str) -> Self {
        Self::new(fetch, FailureKind::Source, detail)
    }

    pub(super) fn process_loop(fetch: &Fetch<'_>) -> Self {
        Self::new(fetch, FailureKind::Loop, "")
    }

    pub(super) fn sign_in(fetch: &Fetch<'_>, fault: SignInFault) -> Self {
        let kind = match fetch.request.identity.source.properties().sign_in {
            Some(_) => FailureKind::SignIn(fault),
            None => FailureKind::Source,
        };
        Self::new(fetch, kind, "")
    }

    /// What it means for older tokens and for other attempts.
    fn scope(&self) -> Scope {
        match self.kind {
            FailureKind::RoleDenied
            | FailureKind::TokenDenied
            | FailureKind::KeysRefused
            | FailureKind::WrongSecret => Scope::Denial,
            FailureKind::CodeRefused | FailureKind::PolicyTooLarge | FailureKind::Refused => {
                Scope::Attempt
            }
            FailureKind::SignIn(_)
            | FailureKind::NotSignedIn(_)
            | FailureKind::Source
            | FailureKind::Loop
            | FailureKind::CredentialsExpired
            | FailureKind::Transport(_)
            | FailureKind::Timeout
            | FailureKind::Throttled
            | FailureKind::ClockSkew
            | FailureKind::Malformed
            | FailureKind::Unavailable => Scope::Source,
        }
    }

    /// Whether AWS has denied this identity: an older token must not be used any longer.
    pub(crate) fn is_denial(&self) -> bool {
        self.scope() == Scope::Denial
    }

    /// Whether the next attempt with the same source would fail alike, whatever registry and role
    /// it is for.
    pub(crate) fn concerns_the_source(&self) -> bool {
        self.scope() == Scope::Source
    }

    /// Whether another code may be all it takes.
    pub(crate) fn is_about_the_code(&self) -> bool {
        matches!(self.kind, FailureKind::CodeRefused)
    }

    /// The principal that made the call that failed. For a role, that is the principal before it.
    fn caller(&self) -> String {
        let role = match &self.stage {
            Stage::Role { caller, .. } => caller.as_ref(),
            Stage::Token => self.identity.roles.last().map(|role| &role.arn),
            Stage::Source | Stage::WebIdentity { .. } | Stage::Caller => None,
        };
        match role {
            Some(role) => format!("the role {role}"),
            None => self.identity.first_caller(),
        }
    }

    /// Whether GitHub was asked for its OIDC token.
    fn is_of_github(&self) -> bool {
        matches!(
            (&self.stage, self.identity.source.properties().web_identity),
            (Stage::Source, Some(WebIdentityToken::GitHub(_)))
        )
    }

    /// The key of [`Failure::caller`].
    fn key(&self) -> String {
        let Identity {
            profile, source, ..
        } = &*self.identity;
        let caller = self.caller();
        let is_named = profile.is_none() && source.properties().access_key_id.is_some();
        if is_named && caller == source.to_string() {
            caller
        } else {
            format!("the access key of {caller}")
        }
    }

    fn role_denied(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (caller, detail) = (self.caller(), &self.detail);
        match (&self.stage, self.identity.source.properties().web_identity) {
            (Stage::WebIdentity { role }, Some(token)) => write!(
                f,
                "the web identity token {token} cannot assume the role {role}: {detail}"
            ),
            (Stage::Role { role, .. } | Stage::WebIdentity { role }, _) => {
                write!(f, "the role {role} cannot be assumed by {caller}: {detail}")
            }
            _ => write!(f, "{caller} was denied access: {detail}"),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stage, detail, .. } = self;
        let source = self.identity.source.properties();
        // Whose credentials these are, if the stage does not say it.
        let stage = match stage {
            Stage::Source => format!("{stage} from {}", self.identity.first_caller()),
            _ => stage.to_string(),
        };
        match &self.kind {
            FailureKind::SignIn(fault) => {
                // Only such a source has this kind of failure.
                source
                    .sign_in
                    .map_or(Ok(()), |method| sign_in_failed(f, &method, *fault))
            }
            FailureKind::NotSignedIn(searched) => {
                let remark = searched.remark();
                write!(f, "no AWS credentials found: {detail}{remark}")
            }
            FailureKind::Source => {
                write!(
                    f,
                    "{} returned no credentials: {detail}",
                    self.identity.first_caller()
                )
            }
            FailureKind::Loop => write!(
                f,
                "credential loop: {} called docker-credential-ecrx, which would start it again",
                self.identity.first_caller()
            ),
            FailureKind::RoleDenied => self.role_denied(f),
            FailureKind::CodeRefused => write!(f, "{stage}: the MFA code was rejected: {detail}"),
            FailureKind::PolicyTooLarge => {
                write!(f, "{stage}: the session policy is too large: {detail}")
            }
            FailureKind::TokenDenied if self.is_public => write!(
                f,
                "ecr-public:GetAuthorizationToken is denied to {}: {detail}",
                self.caller()
            ),
            FailureKind::TokenDenied => write!(
                f,
                "ecr:GetAuthorizationToken is denied to {}: {detail}",
                self.caller()
            ),
            FailureKind::KeysRefused => {
                write!(f, "AWS rejected {}: {detail}", self.key())
            }
            FailureKind::WrongSecret => {
                write!(f, "wrong secret access key for {}: {detail}", self.caller())
            }
            FailureKind::CredentialsExpired => match (&self.stage, source.web_identity) {
                (Stage::WebIdentity { .. }, Some(token)) => {
                    write!(f, "the web identity token {token} has expired: {detail}")
                }
                _ => write!(
                    f,
                    "the temporary credentials of {} have expired: {detail}",
                    self.caller()
                ),
            },
            FailureKind::Transport(transport) => write!(f, "{stage}: {transport}"),
            FailureKind::Timeout | FailureKind::Refused => write!(f, "{stage}: {detail}"),
            FailureKind::Throttled => write!(f, "{stage}: AWS is throttling requests: {detail}"),
            FailureKind::ClockSkew => {
                write!(f, "{stage}: this machine's clock is wrong: {detail}")
            }
            FailureKind::Malformed => write!(f, "{stage}: malformed response: {detail}"),
            FailureKind::Unavailable if self.is_of_github() => {
                write!(f, "{stage}: GitHub is unavailable: {detail}")
            }
            FailureKind::Unavailable => write!(f, "{stage}: AWS is unavailable: {detail}"),
        }
    }
}

/// Most clients show only this line, so it contains the command.
fn sign_in_failed(
    f: &mut fmt::Formatter<'_>,
    method: &SignInMethod<'_>,
    fault: SignInFault,
) -> fmt::Result {
    write!(f, "the {} sign-in for ", method.name)?;
    match (method.profile, method.session) {
        (Some(profile), None) => write!(f, "profile {profile}")?,
        (Some(profile), Some(session)) => write!(f, "profile {profile} (session {session})")?,
        (None, Some(session)) => write!(f, "session {session}")?,
        (None, None) => f.write_str(method.start_url.unwrap_or_default())?,
    }
    write!(f, " {fault}; run: {}", method.command())
}

impl StdError for Failure {}

const NETWORK: &str = "Check the network, VPN, firewall, HTTPS_PROXY and NO_PROXY";
const IN_BETWEEN: &str =
    "Another server responded instead of AWS; check HTTPS_PROXY and any custom endpoint";
const OTHER_POLICY: &str =
    "Change the policy named after \"because\"; other policies cannot override it";

impl Failure {
    /// The next steps, a line each.
    pub(crate) fn hints(&self) -> Vec<String> {
        match &self.kind {
            FailureKind::SignIn(_) => {
                let method = self.identity.source.properties().sign_in;
                method
                    .and_then(|method| method.hint())
                    .into_iter()
                    .collect()
            }
            FailureKind::CodeRefused => hints(&[
                "Enter the current code from the device; each code works once, for about 30 seconds",
                "Check that mfa_serial is the MFA device of the calling user",
            ]),
            FailureKind::PolicyTooLarge => hints(&[
                "List fewer repositories in access_repositories, with wildcards (team/*). AWS packs the policy, and does not document how: shorter names help",
            ]),
            FailureKind::NotSignedIn(searched) => {
                let mut all = hints(&[SIGN_IN, ON_EC2]);
                all.extend(searched.hints());
                all
            }
            FailureKind::Source => self.source_hints(Trouble::NoCredentials),
            FailureKind::Loop => hints(&[
                "Set credential_process to a program that prints AWS credentials without calling docker-credential-ecrx or pulling an image from ECR",
            ]),
            FailureKind::RoleDenied => self.role_hints(),
            FailureKind::TokenDenied => self.token_hints(),
            FailureKind::KeysRefused => self.key_hints(),
            FailureKind::WrongSecret => hints(&[
                "Copy the access key ID and the secret access key again, both from the same source; the secret may be truncated or belong to another key",
            ]),
            FailureKind::CredentialsExpired => match self.stage {
                Stage::WebIdentity { .. } => hints(&[
                    "Renew the token, which EKS or the CI system issues; in CI, restart the job",
                ]),
                _ => hints(&[
                    "Get new temporary credentials from the same source, and replace the expired ones",
                ]),
            },
            FailureKind::Transport(transport) => self.transport_hints(transport),
            FailureKind::Timeout => {
                self.hints_at_source_or(Trouble::NoAnswer, &[NETWORK, MORE_TIME])
            }
            FailureKind::Throttled => hints(&[
                "This account and region exceeded the API rate limit; try again in a minute",
            ]),
            FailureKind::ClockSkew => hints(&[
                "Set this machine's clock; AWS rejects requests whose time is off by more than a few minutes",
            ]),
            FailureKind::Malformed => {
                self.hints_at_source_or(Trouble::MalformedAnswer, &[IN_BETWEEN])
            }
            FailureKind::Unavailable if self.is_of_github() => hints(&[
                "Try again later; for the service status, see https://www.githubstatus.com",
            ]),
            FailureKind::Unavailable => hints(&[
                "Try again later; for the service status, see https://health.aws.amazon.com",
            ]),
            FailureKind::Refused => Vec::new(),
        }
    }

    /// The source's own hints for a problem with it.
    fn source_hints(&self, trouble: Trouble) -> Vec<String> {
        let profile = self.identity.profile.as_deref();
        self.identity.source.get().hints(trouble, profile)
    }

    /// The same, if the call that failed was to the source.
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
        if own.is_empty() { hints(general) } else { own }
    }

    fn role_hints(&self) -> Vec<String> {
        if let Stage::WebIdentity { role } = &self.stage {
            return vec![format!(
                "In account {}, change the trust policy of {role}: it must trust this identity provider, with conditions that match the token's subject and audience",
                role.account()
            )];
        }
        let Stage::Role { role, .. } = &self.stage else {
            let place = match self.identity.profile {
                Some(_) => "the profile",
                None => "config.toml",
            };
            return vec![format!(
                "Ask an IAM Identity Center administrator to assign this role to you, or correct sso_account_id and sso_role_name in {place}"
            )];
        };
        let sends_id = self
            .identity
            .roles
            .iter()
            .any(|known| known.arn == *role && known.external_id.is_some());
        let id = if sends_id {
            "with the external ID that was sent"
        } else {
            "without an external ID (none was sent)"
        };
        let callers_side = format!(
            "In the caller's account, allow sts:AssumeRole on resource \"{role}\" in the caller's identity policy"
        );
        let roles_side = format!(
            "In account {}, check that the role exists and that its trust policy allows the caller {id}",
            role.account()
        );
        match self.reason() {
            None => vec![callers_side, roles_side],
            Some(reason) if reason.starts_with("no identity-based policy") => vec![callers_side],
            Some(reason) if reason.starts_with("no resource-based policy") => vec![roles_side],
            Some(_) => hints(&[OTHER_POLICY]),
        }
    }

    fn token_hints(&self) -> Vec<String> {
        match self.reason() {
            Some(reason) if !reason.starts_with("no identity-based policy") => {
                hints(&[OTHER_POLICY])
            }
            _ if self.is_public => hints(&[
                "In the caller's account, allow ecr-public:GetAuthorizationToken and sts:GetServiceBearerToken on resource \"*\" (the managed policy AmazonElasticContainerRegistryPublicReadOnly does)",
            ]),
            _ => hints(&[
                "In the caller's account, allow ecr:GetAuthorizationToken on resource \"*\" (the managed policy AmazonEC2ContainerRegistryPullOnly does). The registry's own policies do not affect this action",
            ]),
        }
    }

    /// The reason that AWS gives for a denial.
    fn reason(&self) -> Option<&str> {
        self.detail
            .split_once(" because ")
            .map(|(_, reason)| reason)
    }

    fn key_hints(&self) -> Vec<String> {
        let partition = Partition::of_region(&self.identity.api.region);
        let mut all = vec![format!(
            "Check that the key belongs to the partition {partition}, as the registry does; aws, aws-cn and aws-us-gov have separate keys"
        )];
        all.extend(hints(&[
            "Check that the region is enabled in the caller's account",
            "Check that the key is correct, active and not deleted",
        ]));
        all.extend(self.source_hints(Trouble::UnknownKey));
        all
    }

    fn transport_hints(&self, transport: &TransportFailure) -> Vec<String> {
        let own = self.hints_at_source(Trouble::Unreachable);
        if !own.is_empty() {
            return own;
        }
        match &transport.cause {
            TransportCause::NameNotResolved { .. } => hints(&[
                "Check the region in the registry's host name, the network, VPN and name server, and any custom endpoint",
                "In a VPC without internet access, enable private DNS for the ecr.api and sts interface endpoints, or set AWS_ENDPOINT_URL_ECR and AWS_ENDPOINT_URL_STS",
            ]),
            // The messages of these say what to do.
            TransportCause::Setup(_)
            | TransportCause::Tls(TlsFault::UnknownIssuer)
            | TransportCause::Proxy(ProxyFault::LoginRequired) => Vec::new(),
            TransportCause::Tls(TlsFault::Expired | TlsFault::NotYetValid) => {
                hints(&["Check this machine's clock"])
            }
            TransportCause::Tls(
                TlsFault::NameMismatch
                | TlsFault::Certificate { .. }
                | TlsFault::NotTls
                | TlsFault::Handshake { .. },
            ) => hints(&[IN_BETWEEN]),
            TransportCause::Proxy(ProxyFault::Refused | ProxyFault::Broken { .. }) => hints(&[
                "Check HTTPS_PROXY; to bypass the proxy for a host, add the host to NO_PROXY",
            ]),
            TransportCause::Proxy(
                ProxyFault::NameNotResolved { .. }
                | ProxyFault::Unreachable { .. }
                | ProxyFault::Tls(_),
            ) => hints(&["To bypass the proxy for a host, add the host to NO_PROXY"]),
            TransportCause::ConnectTimeout
            | TransportCause::ReadTimeout { .. }
            | TransportCause::OperationTimeout
            | TransportCause::ConnectionRefused
            | TransportCause::Connection { .. } => hints(&[NETWORK]),
        }
    }
}
