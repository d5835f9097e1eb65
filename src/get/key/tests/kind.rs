//! The kinds of credential sources.

/// A kind of source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SourceKind {
    Keys,
    Session,
    SsoSession,
    SsoOldForm,
    Login,
    Process,
    WebIdentity,
    /// `credential_source = Environment`.
    BorrowedKeys,
    /// `credential_source = EcsContainer`.
    BorrowedContainer,
    /// `credential_source = Ec2InstanceMetadata`.
    BorrowedInstance,
    EnvironmentKeys,
    EnvironmentSession,
    EnvironmentWebIdentity,
    EnvironmentContainer,
    EnvironmentContainerFile,
    InstanceMetadata,
}

use SourceKind::*;

impl SourceKind {
    pub(super) const ALL: [Self; 16] = [
        Keys,
        Session,
        SsoSession,
        SsoOldForm,
        Login,
        Process,
        WebIdentity,
        BorrowedKeys,
        BorrowedContainer,
        BorrowedInstance,
        EnvironmentKeys,
        EnvironmentSession,
        EnvironmentWebIdentity,
        EnvironmentContainer,
        EnvironmentContainerFile,
        InstanceMetadata,
    ];

    /// Not from a profile.
    pub(super) fn is_ambient(self) -> bool {
        matches!(
            self,
            EnvironmentKeys
                | EnvironmentSession
                | EnvironmentWebIdentity
                | EnvironmentContainer
                | EnvironmentContainerFile
                | InstanceMetadata
        )
    }

    /// By `credential_source`.
    pub(super) fn is_borrowed(self) -> bool {
        matches!(self, BorrowedKeys | BorrowedContainer | BorrowedInstance)
    }

    /// Its `credential_source`, and another.
    pub(super) fn borrowed_from(self) -> [&'static str; 2] {
        match self {
            BorrowedKeys => ["Environment", "EcsContainer"],
            BorrowedContainer => ["EcsContainer", "Environment"],
            _ => ["Ec2InstanceMetadata", "Environment"],
        }
    }

    pub(super) fn is_web_identity(self) -> bool {
        matches!(self, WebIdentity | EnvironmentWebIdentity)
    }

    pub(super) fn is_sso(self) -> bool {
        matches!(self, SsoSession | SsoOldForm)
    }
}
