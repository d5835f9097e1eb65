//! The commands for a Kubernetes node: `kubelet install`, `uninstall`, `check` and `pause`.
//!
//! ```text
//! paths ─▶ configuration (document) ─▶ changes ─┐
//!     └──▶ executable ──────────────────────────┴▶ service (restart)
//! ```

mod check;
mod configuration;
mod document;
mod executable;
mod install;
mod paths;
mod rules;
mod service;
mod uninstall;

#[cfg(any(test, fuzzing))]
pub(crate) use document::fuzz;

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
                install::executable_only(arguments, bin_dir, page)
            }
            _ => install::run(arguments, env, page),
        },
        KubeletCommand::Uninstall(arguments) => match &arguments.paths.bin_dir {
            Some(bin_dir) if arguments.executable_only => {
                uninstall::executable_only(arguments, bin_dir, page)
            }
            _ => uninstall::run(arguments, env, page),
        },
        KubeletCommand::Check(arguments) => check::run(arguments, env, page),
        KubeletCommand::Pause(_) => pause(),
    }
}

/// Keeps a pod running that has nothing left to do: waits for SIGTERM or SIGINT. The kernel discards both for the first process of a container unless they
/// are handled (`pid_namespaces(7)`), and the pod would end only after its grace period.
#[cfg(unix)]
fn pause() -> Result<Verdict, Error> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot wait for signals")]
    struct PauseError(#[from] std::io::Error);

    let signals = Signals::new([SIGINT, SIGTERM]).map_err(PauseError);
    signals.map_err(Error::failure)?.forever().next();
    Ok(Verdict::Good)
}

#[cfg(not(unix))]
fn pause() -> Result<Verdict, Error> {
    loop {
        std::thread::park();
    }
}
