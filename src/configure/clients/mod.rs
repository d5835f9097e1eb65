//! The configuration files of docker, podman and their kin: where they are, what they say, what
//! in them would keep this program from being asked, and changes that leave all else as it is.
//!
//! ```text
//! client ─▶ file ─ json ─▶ Document ─ edit ─▶ Document ─ masked ─▶ what may be shown
//!                              ├─ undo, with backups ─▶ Document
//!                              └─ checks, environment ─▶ Finding ─▶ Repair
//! ```
//!
//! Nothing here writes a file.

mod checks;
mod client;
mod client_config;
mod edit;
mod environment;
mod json;
mod problem;
mod undo;

#[cfg(test)]
mod tests;

pub(crate) use checks::{findings, findings_in};
pub(crate) use client::{Asked, Client, ECR_LOGIN, asked, own_name};
pub(crate) use client_config::{
    ClientConfigError, Document, Login, is_same_server, without_byte_order_mark,
};
pub(crate) use environment::is_first_on_path;
pub(crate) use problem::{Finding, Repair, Severity};
pub(crate) use undo::{Before, Undo};
