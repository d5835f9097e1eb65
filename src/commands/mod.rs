//! The small commands, and what all commands share: the [`Target`] on the command line,
//! the [`Page`] to print on, and the [`facts`] to print.
//!
//! A command takes the arguments that `cli.rs` has parsed and follows the same path as the protocol.
//! It returns errors, and `run.rs` prints them. `doctor`, `policy` and `configure` have modules of
//! their own.

pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod facts;
pub(crate) mod page;
mod registries;
pub(crate) mod target;
pub(crate) mod tokens;
pub(crate) mod whoami;

pub(crate) use page::Page;
pub(crate) use target::{Target, TargetError};

/// The result of a command that has completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Good,
    /// It has found a problem: exit code 1.
    Bad,
}

impl Verdict {
    pub(crate) fn good_if(is_good: bool) -> Self {
        if is_good { Self::Good } else { Self::Bad }
    }
}
