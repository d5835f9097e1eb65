//! `policy`: what it prints, what it refuses, and what others say of its documents.

mod common;

#[path = "policy/outputs.rs"]
mod outputs;
#[path = "policy/refused.rs"]
mod refused;
#[path = "policy/set_ups.rs"]
mod set_ups;
#[cfg(unix)]
#[path = "policy/shell.rs"]
mod shell;
#[cfg(unix)]
#[path = "policy/tools.rs"]
mod tools;
