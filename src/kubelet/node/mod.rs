//! The commands for a Kubernetes node: `kubelet install`, `uninstall`, `check` and `pause`.
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
mod executable_only;
mod image_pattern;
mod install;
mod mask;
mod paths;
mod pause;
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
        KubeletCommand::Install(arguments) => match &arguments.paths.bin_dir {
            Some(bin_dir) if arguments.executable_only => {
                executable_only::install(arguments, bin_dir, page)
            }
            _ => install::run(arguments, env, page),
        },
        KubeletCommand::Uninstall(arguments) => match &arguments.paths.bin_dir {
            Some(bin_dir) if arguments.executable_only => {
                executable_only::uninstall(arguments, bin_dir, page)
            }
            _ => uninstall::run(arguments, env, page),
        },
        KubeletCommand::Check(arguments) => check::run(arguments, env, page),
        KubeletCommand::Pause(_) => pause::run(),
    }
}
