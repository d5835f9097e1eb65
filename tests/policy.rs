//! `policy`: its output, its errors, and its documents as other programs read them.

mod common;

#[path = "policy/cloudformation.rs"]
mod cloudformation;
#[path = "policy/files.rs"]
mod files;
#[path = "policy/notes.rs"]
mod notes;
#[path = "policy/outputs.rs"]
mod outputs;
#[path = "policy/refused.rs"]
mod refused;
#[path = "policy/set_ups.rs"]
mod set_ups;
#[cfg(unix)]
#[path = "policy/shell.rs"]
mod shell;
#[path = "policy/terraform.rs"]
mod terraform;
#[cfg(unix)]
#[path = "policy/tools.rs"]
mod tools;
