//! `kubelet pause`: keeps a pod running that has nothing left to do.

use crate::commands::Verdict;
use crate::error::Error;

/// Waits for SIGTERM or SIGINT. The kernel discards both for the first process of a container unless they
/// are handled (`pid_namespaces(7)`), and the pod would end only after its grace period.
#[cfg(unix)]
pub(super) fn run() -> Result<Verdict, Error> {
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
pub(super) fn run() -> Result<Verdict, Error> {
    loop {
        std::thread::park();
    }
}
