//! The recipes of `packaging/ci` and the action of `packaging/action`: the shell parts of the files
//! themselves, with the variables that the CI system sets, a fake AWS, and a client that calls the
//! helper as docker does. The systems themselves are not run.

#![cfg(target_os = "linux")]

#[path = "ci_recipes/action.rs"]
mod action;
mod common;
#[path = "ci_recipes/download.rs"]
mod download;
#[path = "ci_recipes/files.rs"]
mod files;
#[path = "ci_recipes/job.rs"]
mod job;
#[path = "ci_recipes/kubernetes.rs"]
mod kubernetes;
#[path = "ci_recipes/systems.rs"]
mod systems;

/// The registry to which the recipes push, and the one of the base image.
const PUSHED: &str = "444455556666.dkr.ecr.eu-central-1.amazonaws.com";
const PULLED: &str = common::HOST;
