//! The AWS identity that requests a registry's token: exactly one credential source, the roles on
//! top of it, and the configuration layer that selected them. Resolved first, and offline.

mod aws_files;
mod chosen_by;
mod endpoint;
mod error;
mod layers;
mod local_state;
mod misspelled;
mod profile;
mod resolver;
mod searched_files;
mod session_policy;
mod sign_in;
mod source;

#[cfg(any(test, fuzzing))]
pub(crate) use aws_files::fuzz;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use time::OffsetDateTime;

pub(crate) use chosen_by::{ChosenBy, LayerName};
pub(crate) use endpoint::{Endpoint, UrlOrigin};
pub(crate) use error::{IdentityError, SIGN_IN};
pub(crate) use layers::ExplainedLayer;
pub(crate) use local_state::{LocalState, MAX_TOKEN_LENGTH};
pub(crate) use misspelled::Misspelled;
pub(crate) use resolver::Resolver;
pub(crate) use searched_files::SearchedFiles;
pub(crate) use session_policy::SessionPolicy;
pub(crate) use sign_in::{RenewedSso, SignIn, SignInState, SsoToken};
pub(crate) use source::{
    Container, GitHubRequest, InstanceMetadata, MORE_TIME, ON_EC2, ServiceAccount, SignInMethod,
    Source, Sso, Trouble, WebIdentity, WebIdentityToken,
};

use crate::digest::{Digest, DigestParts};
use crate::env::Env;
use crate::registry::{MfaDevice, RoleArn};
use crate::secret::Secret;

use source::{DEFAULT_SESSION_NAME, Properties};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Role {
    pub arn: RoleArn,
    /// The external ID that the role's trust policy may require.
    pub external_id: Option<Secret>,
    pub session_name: Option<String>,
    /// How long the session lives; AWS's default is an hour.
    pub duration: Option<Duration>,
    /// The MFA device whose code the role requires.
    pub mfa_device: Option<MfaDevice>,
}

impl Role {
    /// The session's name, never absent.
    pub(crate) fn session_name(&self) -> &str {
        self.session_name.as_deref().unwrap_or(DEFAULT_SESSION_NAME)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub chosen_by: ChosenBy,
    /// The profile that was chosen, when one was.
    pub profile: Option<String>,
    /// Where the first credentials come from.
    pub source: Source,
    /// The roles on top, the first to be assumed first.
    pub roles: Vec<Role>,
    /// What the last role is assumed with, or else the role of a web identity.
    pub session_policy: Option<SessionPolicy>,
    /// Where ECR is asked.
    pub api: Endpoint,
    /// Where roles are assumed; there when one is.
    pub sts: Option<Endpoint>,
    /// Where a sign-in is turned into credentials.
    pub sign_in_api: Endpoint,
    /// Where an SSO sign-in is renewed.
    pub renewal_api: Endpoint,
    /// What else the identity depends on, on this machine.
    pub local_state: LocalState,
    /// `ca_bundle` of the profile.
    pub ca_bundle: Option<std::path::PathBuf>,
    /// How old a token may become, where a rule for the registry says so.
    pub max_age: Option<Duration>,
    /// Variables that would have chosen, had nothing more explicit spoken.
    pub passed_over: Vec<Cow<'static, str>>,
}

impl Identity {
    /// The digest of the identity. It covers the source with its local state, the roles and where
    /// they are assumed. The ECR endpoint is not covered: it is a part of the cache key itself.
    pub(crate) fn fingerprint(&self) -> Digest {
        let mut parts = DigestParts::named("identity");
        self.feed_source_state(&mut parts);
        self.feed_roles(&mut parts);
        parts.digest()
    }

    /// As [`Identity::fingerprint`], without what changes when temporary credentials are renewed.
    pub(crate) fn lineage(&self) -> Digest {
        let mut parts = DigestParts::named("lineage");
        self.source
            .feed_lineage(&mut parts, self.profile.as_deref());
        self.feed_roles(&mut parts);
        parts.digest()
    }

    /// The digest of the source alone, whatever roles lie on top.
    pub(crate) fn source_fingerprint(&self) -> Digest {
        let mut parts = DigestParts::named("source");
        self.source.get().fingerprint(&mut parts);
        parts.digest()
    }

    /// The digest of the source with its local state.
    pub(crate) fn source_state(&self) -> Digest {
        let mut parts = DigestParts::named("source state");
        self.feed_source_state(&mut parts);
        parts.digest()
    }

    /// Feeds the source with its local state, and the endpoints that are set for its sign-in: the
    /// same role at another server is another identity.
    fn feed_source_state(&self, parts: &mut DigestParts) {
        self.source.get().fingerprint(parts);
        self.local_state.fingerprint(parts);
        for api in [&self.sign_in_api, &self.renewal_api] {
            parts.option(api.url.as_deref());
        }
    }

    fn feed_roles(&self, parts: &mut DigestParts) {
        for role in &self.roles {
            parts.text("role");
            parts.text(role.arn.as_str());
            parts.option(role.external_id.as_ref().map(Secret::expose));
            parts.text(role.session_name());
            parts.option(role.mfa_device.as_ref().map(MfaDevice::as_str));
        }
        // Without one nothing is fed, so that tokens from before there were any are still found.
        if let Some(policy) = self.policy() {
            parts.text("session policy");
            parts.text(policy);
        }
        if let Some(sts) = &self.sts {
            parts.text("sts");
            parts.text(sts.region.as_str());
            parts.option(sts.url.as_deref());
            parts.add(&[u8::from(sts.fips), u8::from(sts.dual_stack)]);
        }
    }

    /// The document of the session policy.
    pub(crate) fn policy(&self) -> Option<&str> {
        Some(&self.session_policy.as_ref()?.document)
    }

    /// The principal of the first credentials: the identity without the roles on top.
    pub(crate) fn first_caller(&self) -> String {
        match &self.profile {
            Some(profile) => format!("profile {profile} ({})", self.source),
            None => self.source.to_string(),
        }
    }

    /// The identity, what selected it and what was not used: the line below every credential error.
    pub(crate) fn explain(&self) -> String {
        let mut text = format!("identity: {self}; selected by {}", self.chosen_by);
        if !self.passed_over.is_empty() {
            text.push_str("; not used: ");
            text.push_str(&self.passed_over.join(", "));
        }
        text
    }

    /// The sign-in on disk that the source draws on.
    pub(crate) fn sign_in(&self) -> Option<&SignIn> {
        self.local_state.sign_in.as_ref()
    }

    /// The current content of what the source depends on, and that the user or the platform
    /// renews: the file of a sign-in or a token, or a variable with a token.
    pub(crate) fn proof(&self) -> Vec<u8> {
        let Properties {
            token_file,
            web_identity,
            ..
        } = self.source.properties();
        let proof = match (token_file, web_identity) {
            (Some(file), _) => local_state::read_token(file),
            (None, Some(token)) => token.proof(),
            (None, None) => self.sign_in().map(SignIn::contents),
        };
        proof.unwrap_or_default()
    }

    /// Whether the sign-in that the source needs has been deleted: the user has signed out, and the
    /// tokens of that sign-in must not be used any more.
    pub(crate) fn is_signed_out(&self) -> bool {
        match self.sign_in() {
            Some(sign_in) => !sign_in.exists(),
            // Without a home folder there is no place for one.
            None => self.source.properties().sign_in.is_some(),
        }
    }

    /// Whether no code could get a token: the sign-in below the roles is gone or over.
    pub(crate) fn needs_a_sign_in(&self, now: OffsetDateTime) -> bool {
        self.is_signed_out()
            || self
                .sign_in()
                .is_some_and(|sign_in| sign_in.state(now) != SignInState::Usable)
    }

    /// Whether the local state is still as it was when this identity was resolved. The provider of
    /// the credentials has read it again, and may have found another identity's.
    pub(crate) fn is_where_it_was(&self, env: &Env) -> bool {
        self.local_state == self.source.get().local_state(env)
    }

    /// Whether the user has to enter a code.
    pub(crate) fn wants_codes(&self) -> bool {
        self.codes_wanted().next().is_some()
    }

    /// The roles that want a code, with their devices.
    pub(crate) fn codes_wanted(&self) -> impl Iterator<Item = (&Role, &MfaDevice)> {
        self.roles
            .iter()
            .filter_map(|role| Some((role, role.mfa_device.as_ref()?)))
    }
}

/// The identity as the user knows it: no secrets.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.first_caller())?;
        for role in &self.roles {
            write!(f, ", then role {}", role.arn)?;
        }
        match &self.session_policy {
            Some(policy) => write!(f, ", {policy}"),
            None => Ok(()),
        }
    }
}
