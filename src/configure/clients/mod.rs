//! The configuration files of docker, podman and compatible clients: where they are, what they say, what
//! in them would keep this program from being asked, and changes that leave all else as it is.
//!
//! ```text
//! client ─▶ file ─ json ─▶ ClientConfig ─ edit ─▶ ClientConfig ─ masked ─▶ what may be shown
//!                              ├─ undo, with backups ─▶ ClientConfig
//!                              └─ checks, environment ─▶ ClientProblem ─▶ Repair
//! ```
//!
//! Nothing here writes a file.

mod checks;
mod client;
mod client_config;
mod edit;
mod environment;
mod problem;
mod undo;

#[cfg(test)]
mod tests;

pub(crate) use checks::{problems, problems_in};
pub(crate) use client::{
    ContainerClient, ECR_LOGIN, HelperLookup, OwnEntries, look_up, own_entries, own_name,
};
pub(crate) use client_config::{
    ClientConfig, ClientConfigError, SavedLogin, is_one_of_servers, split_byte_order_mark,
};
pub(crate) use environment::{is_first_on_path, is_installed, named_programs_on_path};
pub(crate) use problem::{ClientProblem, Repair, Severity};
pub(crate) use undo::{EarlierConfig, Undo};
