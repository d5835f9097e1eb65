//! IAM, as far as ECR needs it: principals, repositories, and the documents that name them.
//!
//! Nothing here makes a network call, and a policy made from parsed values allows no more than they
//! say. There is no way to write a `Deny`, an `ecr:*`, or a wildcard principal without a
//! condition.
//!
//! The documents are structs of our own. The crates that model IAM's documents were looked at:
//! they hold principals, actions and conditions as plain texts, so that all that matters here
//! would have to be checked anyway, and bring an evaluator (iam-rs), or regexes, random ids and a
//! log subscriber (aws-iam), for the two structs of `iam/document.rs`.

mod document;
mod principal;
mod repository;

pub(crate) use document::{
    Access, Document, Statement, assume_role, get_token, in_identity_policy, in_registry_policy,
    in_repository_policy, in_trust_policy, read_inspector,
};
pub(crate) use principal::{
    Callers, OrganizationId, OrganizationIdError, Principal, PrincipalError, PrincipalKind,
    friendly_name, permission_set, role_name, role_path,
};
pub(crate) use repository::{Repositories, RepositoryArn, RepositoryError};
