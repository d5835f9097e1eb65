//! IAM, as far as ECR needs it: who a policy is about, what it allows, and the documents.
//!
//! Nothing here asks anybody; and what is parsed here cannot make a policy that opens more than
//! it says. There is no way to write a `Deny`, an `ecr:*`, or a wildcard principal without a
//! condition.
//!
//! The documents are structs of our own. The crates that model IAM's documents were looked at:
//! they hold principals, actions and conditions as plain texts, so that all that matters here
//! would have to be checked anyway, and bring an evaluator (iam-rs), or regexes, random ids and a
//! log subscriber (aws-iam), for the two structs of `iam/document.rs`.

mod callers;
mod document;
mod organization;
mod principal;
mod repository;
mod statements;

pub(crate) use callers::Callers;
pub(crate) use document::{Document, Statement};
pub(crate) use organization::{OrganizationId, OrganizationIdError};
pub(crate) use principal::{Principal, PrincipalError, PrincipalKind, permission_set, role_name};
pub(crate) use repository::{Repositories, RepositoryArn, RepositoryError};
pub(crate) use statements::{
    Access, assume_role, get_token, in_identity_policy, in_registry_policy, in_repository_policy,
    in_trust_policy, read_inspector,
};
