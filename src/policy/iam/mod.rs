//! The parts of IAM that ECR needs: principals, repositories, and policy documents.
//!
//! Nothing here makes a network call. A policy made from parsed values allows only these values. A
//! `Deny`, an `ecr:*`, or a wildcard principal without a condition cannot be written.
//!
//! The documents are our own structs. Crates that model IAM documents hold principals, actions and
//! conditions as strings, which would have to be checked anyway. They also bring an evaluator
//! (iam-rs), or regexes, random IDs and a log subscriber (aws-iam).

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
