//! The commands for people: one file each, or one folder.
//!
//! Each reads what `cli.rs` has parsed, walks the same path as the protocol, and writes to a
//! [`Page`]. Errors are returned; `run.rs` prints them.

pub(crate) mod cache;
pub(crate) mod config;
pub(crate) mod facts;
pub(crate) mod page;
pub(crate) mod password;
pub(crate) mod target;
pub(crate) mod whoami;

pub(crate) use page::Page;
pub(crate) use target::{Target, TargetError};

/// What a command has come to, when it did not fail at doing its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Good,
    /// It did what it was asked, and what it found is not well: exit code 1.
    Bad,
}
