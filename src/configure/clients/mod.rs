//! The configuration files of docker, podman and compatible clients: where they are, what they
//! contain, what in them keeps clients from using this program, and changes that leave all else as
//! it is.
//!
//! ```text
//! client ─▶ file ─ json ─▶ ClientConfig ─ edit ─▶ ClientConfig ─ masked ─▶ what may be shown
//!                              ├─ undo, with backups ─▶ ClientConfig
//!                              └─ problems ─▶ ClientProblem ─▶ Repair
//! ```
//!
//! Nothing here writes a file.

mod client;
mod client_config;
mod problems;
mod undo;

#[cfg(test)]
mod tests;

pub(crate) use client::{
    ContainerClient, ECR_LOGIN, HelperLookup, OwnEntries, look_up, own_entries, own_name,
};
pub(crate) use client_config::{
    ClientConfig, ClientConfigError, SavedLogin, is_one_of_servers, line_end, split_byte_order_mark,
};
pub(crate) use problems::{
    ClientProblem, Repair, Severity, is_first_on_path, is_installed, named_programs_on_path,
    problems, problems_in,
};
pub(crate) use undo::{EarlierConfig, Undo};
