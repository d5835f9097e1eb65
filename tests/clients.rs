//! End to end: the clients that people use, the real executable, and registries under
//! real ECR names.
//!
//! Everything runs in one [`lab::Lab`]: namespaces of the tests' own with TLS registries
//! on port 443, moto, ministack or our own fake as AWS, and a Docker Engine. Each test is a
//! person with a [`person::Home`] of their own and one `credHelpers` line in it; nothing
//! outside the lab is touched or reached. Needs root, and what `.ci/install-clients` and
//! `.ci/install-go-clients` install.

#![cfg(target_os = "linux")]

#[path = "clients/caching.rs"]
mod caching;
#[path = "clients/ci_recipes.rs"]
mod ci_recipes;
mod common;
#[path = "clients/configure_docker.rs"]
mod configure_docker;
#[path = "clients/containers.rs"]
mod containers;
#[path = "clients/creds_store.rs"]
mod creds_store;
#[path = "clients/docker.rs"]
mod docker;
#[path = "clients/doctor.rs"]
mod doctor;
#[path = "ci_recipes/files.rs"]
mod files;
#[path = "clients/go_clients/mod.rs"]
mod go_clients;
#[path = "clients/lab.rs"]
mod lab;
#[path = "clients/namespace.rs"]
mod namespace;
#[path = "clients/person.rs"]
mod person;
#[path = "clients/process.rs"]
mod process;
#[path = "clients/registry.rs"]
mod registry;
