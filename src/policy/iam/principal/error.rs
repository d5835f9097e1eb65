//! What is refused as a principal, and why.

use crate::registry::Partition;

/// Why a text names no principal that ECR's policies could let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PrincipalError {
    /// Something else.
    #[error(
        "`{0}` is no principal: give an account by its 12 digits, or the ARN of a role, of a user \
         or of an account's root"
    )]
    Neither(String),
    /// `*`.
    #[error(
        "the principal `{0}` is every AWS account there is: name accounts, roles or users, or an \
         organization"
    )]
    Everybody(String),
    /// `arn:aws:iam::111122223333:role/*`.
    #[error(
        "`{0}` has a wildcard, which AWS does not take in a principal: name each role or user, or \
         the whole account"
    )]
    Wildcard(String),
    /// `arn:aws:sts::111122223333:federated-user/alice`.
    #[error(
        "`{0}` is the session of a federated user: its rights are those of the user who began it, \
         so name that user"
    )]
    FederatedUser(String),
    /// `ecs-tasks.amazonaws.com`.
    #[error(
        "`{0}` is a service of AWS: name the role that it assumes, such as the execution role of an \
         ECS task. Those that pull as themselves (Lambda; CodeBuild with its own credentials) take \
         a statement of their own, with aws:SourceArn, which AWS's guides to them have"
    )]
    Service(String),
    /// A SAML or OpenID Connect provider.
    #[error(
        "`{0}` is an identity provider: its users come as the role that they assume, so name that \
         role"
    )]
    Provider(String),
    /// `arn:aws:iam::111122223333:group/team`.
    #[error(
        "`{0}` is a group, which AWS does not take as principal: name its users, or the account"
    )]
    Group(String),
    /// `arn:aws:iam::111122223333:instance-profile/node`.
    #[error("`{0}` is an instance profile: name the role that is in it")]
    InstanceProfile(String),
    /// `AROAEXAMPLEID`.
    #[error(
        "`{0}` is the unique id of a role or user: AWS writes it where the one that was named has \
         been deleted. Name the one there is now, by its ARN"
    )]
    UniqueId(String),
    /// Of another partition than the registry.
    #[error(
        "`{principal}` is in the partition {theirs}, and the registry in {ours}: no policy reaches \
         from one to the other. Name a principal of {ours}"
    )]
    Partition {
        /// As it was given.
        principal: String,
        /// Its partition.
        theirs: Partition,
        /// The registry's.
        ours: Partition,
    },
}
