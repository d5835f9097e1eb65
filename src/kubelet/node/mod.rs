//! The commands for a Kubernetes node: `kubelet install`, `kubelet uninstall` and `kubelet check`.
//!
//! ```text
//! paths ─▶ configuration (document) ─▶ changes ─┐
//!     └──▶ executable ──────────────────────────┴▶ restart (service)
//! ```

mod check;
mod configuration;
mod document;
mod entry;
mod executable;
mod image_pattern;
mod install;
mod mask;
mod paths;
mod process;
mod program;
mod restart;
mod rules;
mod service;
mod trial;
mod uninstall;
mod yaml;

use crate::cli::{KubeletArguments, KubeletCommand};
use crate::commands::{Page, Verdict};
use crate::env::Env;
use crate::error::Error;

/// # Errors
/// When the paths of the node are not known, or a file cannot be used.
pub(crate) fn run(
    arguments: &KubeletArguments,
    env: &Env,
    page: &mut Page,
) -> Result<Verdict, Error> {
    match &arguments.command {
        KubeletCommand::Install(arguments) => install::run(arguments, env, page),
        KubeletCommand::Uninstall(arguments) => uninstall::run(arguments, env, page),
        KubeletCommand::Check(arguments) => check::run(arguments, env, page),
    }
}
