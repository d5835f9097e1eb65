//! The small commands for people, a file each, and what all commands share: the [`Target`] that is
//! named on the command line, the [`Page`] that is written to, the [`facts`] that are told.
//!
//! A command reads what `cli.rs` has parsed and follows the same path as the protocol. Errors are
//! returned; `run.rs` prints them. `doctor`, `policy` and `configure` are rooms of their own.

pub(crate) mod cache;
pub(crate) mod config;
pub(crate) mod facts;
pub(crate) mod page;
pub(crate) mod password;
pub(crate) mod target;
pub(crate) mod whoami;

pub(crate) use page::Page;
pub(crate) use target::{Target, TargetError};

/// The result of a command that did its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Good,
    /// What it found is not well: exit code 1.
    Bad,
}

impl Verdict {
    pub(crate) fn good_if(is_good: bool) -> Self {
        if is_good { Self::Good } else { Self::Bad }
    }
}
