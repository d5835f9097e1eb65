//! Why there is no token, and what to do about it.

use std::time::Duration;

use crate::aws::{Failure, FetchError};
use crate::cache::CacheError;
use crate::config::ConfigError;
use crate::error::Error;
use crate::identity::{Identity, IdentityError};
use crate::registry::{MfaDevice, Registry, RoleArn, Service};
use crate::terminal::{Absence, TerminalError};

/// The error for a client, which shows or at least logs it.
#[derive(Debug, thiserror::Error)]
#[error("no credentials for {registry}")]
pub(crate) struct NoCredentials {
    registry: Registry,
    #[source]
    cause: Obstacle,
    /// [`Identity::explain`]; `None` if there is no identity.
    asked_as: Option<String>,
    /// Whether the hints say that pulls work without a token.
    allows_anonymous: bool,
}

impl NoCredentials {
    pub(super) fn new(registry: &Registry, cause: impl Into<Obstacle>) -> Self {
        Self {
            registry: registry.clone(),
            cause: cause.into(),
            asked_as: None,
            allows_anonymous: false,
        }
    }

    pub(super) fn asked_as(self, identity: &Identity) -> Self {
        Self {
            asked_as: Some(identity.explain()),
            ..self
        }
    }

    /// For the user, who learns from it that pulls from public ECR need no token.
    pub(super) fn for_user(self) -> Self {
        Self {
            allows_anonymous: self.registry.service == Service::Public,
            ..self
        }
    }

    /// The answer for a client. For public ECR, the client can go on anonymously, and the cause is
    /// only logged: a mistake in a file as a warning, missing permissions as information.
    pub(super) fn for_client(self) -> Error {
        if !self.is_public() {
            return self.into();
        }
        let Self {
            registry, cause, ..
        } = &self;
        let level = cause.level();
        log::log!(
            level,
            "{registry}: no token, so pulls are anonymous: {cause}"
        );
        Error::not_found()
    }

    /// Whether images can be pulled without a token.
    pub(crate) fn is_public(&self) -> bool {
        self.registry.service == Service::Public
    }

    /// Why there is no token.
    pub(crate) fn cause(&self) -> String {
        self.cause.to_string()
    }

    fn hints(&self) -> Vec<String> {
        let registry = &self.registry;
        let mut hints = self.cause.hints(registry);
        if self.allows_anonymous {
            hints.push(format!(
                "Pulls from {registry} do not require a token; without one, they are anonymous"
            ));
        }
        hints.extend(self.asked_as.clone());
        hints
    }
}

impl From<NoCredentials> for Error {
    fn from(error: NoCredentials) -> Self {
        let hints = error.hints();
        Self::failure(error).hints(hints)
    }
}

/// A token with a shorter lifetime than requested.
#[derive(Debug, thiserror::Error)]
#[error(
    "the new token for {registry} expires in {}, less than the requested {}",
    humantime::format_duration(*.life),
    humantime::format_duration(*.least)
)]
pub(super) struct TooShort {
    pub(super) registry: Registry,
    pub(super) life: Duration,
    pub(super) least: Duration,
}

impl From<TooShort> for Error {
    fn from(error: TooShort) -> Self {
        Self::failure(error).hint("AWS sets the token lifetime; use a shorter --min-lifetime")
    }
}

#[derive(Debug, thiserror::Error)]
pub(super) enum Obstacle {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There is no identity to request a token with.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A role requires an MFA code, and none was entered.
    #[error("the role {role} requires an MFA code from {device}: {cause}")]
    Code {
        role: RoleArn,
        /// The device that shows it.
        device: MfaDevice,
        /// What the program was called as.
        program: String,
        /// Why there is none.
        cause: TerminalError,
    },
    /// A role requires an MFA code, for which there is no prompt at public ECR.
    #[error(
        "the role {role} requires an MFA code from {device}, and there is no MFA prompt for public ECR"
    )]
    CodeForPublic {
        role: RoleArn,
        /// The device that shows it.
        device: MfaDevice,
    },
    /// The other processes have held the locks of the entry for too long.
    #[error(transparent)]
    Overdue(CacheError),
    /// A recent attempt has failed.
    #[error("(previous attempt, retry in {retry_in} s) {message}")]
    Remembered {
        message: String,
        hints: Vec<String>,
        /// The time until a new attempt, in seconds.
        retry_in: u64,
    },
}

impl Obstacle {
    /// The failure of a call to AWS, if it is one.
    pub(super) fn failure(&self) -> Option<&Failure> {
        match self {
            Obstacle::Fetch(FetchError::Failure(failure)) => Some(failure),
            Obstacle::Fetch(FetchError::Http(_) | FetchError::Runtime(_))
            | Obstacle::Config(_)
            | Obstacle::Identity(_)
            | Obstacle::Code { .. }
            | Obstacle::CodeForPublic { .. }
            | Obstacle::Overdue(_)
            | Obstacle::Remembered { .. } => None,
        }
    }

    /// Whether AWS has denied the identity.
    pub(super) fn is_denial(&self) -> bool {
        self.failure().is_some_and(Failure::is_denial)
    }

    /// The log level, if the client does not get the error.
    fn level(&self) -> log::Level {
        match self {
            Obstacle::Identity(IdentityError::NotSignedIn { .. }) => log::Level::Info,
            Obstacle::Config(_) | Obstacle::Identity(_) => log::Level::Warn,
            Obstacle::Fetch(_)
            | Obstacle::Code { .. }
            | Obstacle::CodeForPublic { .. }
            | Obstacle::Overdue(_)
            | Obstacle::Remembered { .. } => log::Level::Info,
        }
    }

    pub(super) fn hints(&self, registry: &Registry) -> Vec<String> {
        match self {
            Obstacle::Identity(error) => error.hints(),
            Obstacle::Fetch(error) => error.hints(),
            Obstacle::Code {
                program,
                cause:
                    TerminalError::Absent {
                        why: Absence::NoTerminal | Absence::Background,
                    },
                ..
            } => vec![format!(
                "First get a token on a terminal (it is cached for up to 12 hours). Run: echo {registry} | {program} get >/dev/null"
            )],
            Obstacle::Config(_)
            | Obstacle::Code { .. }
            | Obstacle::CodeForPublic { .. }
            | Obstacle::Overdue(_) => Vec::new(),
            Obstacle::Remembered { hints, .. } => hints.clone(),
        }
    }
}
