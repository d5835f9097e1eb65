//! Why there is no token.

use crate::aws::{Failure, FetchError};
use crate::cache::CacheError;
use crate::config::ConfigError;
use crate::identity::IdentityError;
use crate::registry::{MfaDevice, Registry, RoleArn};
use crate::terminal::{Absence, TerminalError};

#[derive(Debug, thiserror::Error)]
pub(super) enum Obstacle {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(ConfigError),
    /// Nobody to ask as.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A role wants a code, and none was given.
    #[error("the role {role} wants an MFA code from {device}: {cause}")]
    Code {
        role: RoleArn,
        /// The device that shows it.
        device: MfaDevice,
        /// What the program was called as.
        program: String,
        /// Why there is none.
        cause: TerminalError,
    },
    /// A role wants a code, which nobody is asked for at public ECR.
    #[error("the role {role} wants an MFA code from {device}, and for public ECR nobody is asked")]
    CodeForPublic {
        role: RoleArn,
        /// The device that shows it.
        device: MfaDevice,
    },
    /// All who have locked the entry keep it too long.
    #[error(transparent)]
    Overdue(CacheError),
    /// It was tried a short while ago.
    #[error("remembered for a while: {0}")]
    Remembered(String),
}

impl Obstacle {
    /// The failure of a call, where it is one.
    pub(super) fn failure(&self) -> Option<&Failure> {
        match self {
            Obstacle::Fetch(FetchError::Failure(failure)) => Some(failure),
            _ => None,
        }
    }

    pub(super) fn hints(&self, registry: &Registry) -> Vec<String> {
        match self {
            Obstacle::Identity(error) => error.hints(),
            Obstacle::Fetch(FetchError::Failure(failure)) => failure.hints(),
            Obstacle::Code {
                program,
                cause:
                    TerminalError::Absent {
                        why: Absence::NoTerminal | Absence::Background,
                    },
                ..
            } => vec![format!(
                "get a token on a terminal first, it serves for half a day: echo {registry} | {program} get >/dev/null"
            )],
            Obstacle::Config(_)
            | Obstacle::Fetch(_)
            | Obstacle::Code { .. }
            | Obstacle::CodeForPublic { .. }
            | Obstacle::Overdue(_)
            | Obstacle::Remembered(_) => Vec::new(),
        }
    }
}
