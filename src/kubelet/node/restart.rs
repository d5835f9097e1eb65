//! The restart of kubelet with a new configuration, or with the earlier one if it does not run with it.

use std::path::Path;

use crate::commands::Page;
use crate::commands::page::CheckMark;
use crate::error::Error;

use super::configuration::{FileChange, changed_at};
use super::executable::Previous;
use super::service::{Service, ServiceError};

#[derive(Debug, thiserror::Error)]
enum RestartError {
    #[error("the earlier configuration was restored, and kubelet runs with it")]
    Restored(#[source] ServiceError),
    #[error("the earlier configuration was restored, but kubelet does not run with it either")]
    Down(#[source] ServiceError),
}

/// Whether kubelet does not run with its configuration as it is now: an earlier process of this program
/// may have been killed before the restart.
pub(super) fn is_outdated(service: &Service, config: &Path) -> Result<bool, ServiceError> {
    changed_at(config).map_or(Ok(false), |changed| service.is_older_than(changed))
}

/// Restarts kubelet. If it does not run then, restores everything that this process has changed, and
/// restarts it again.
pub(super) fn restart(
    service: &Service,
    changes: &[FileChange],
    previous: Option<Previous>,
    page: &mut Page,
) -> Result<(), Error> {
    if changes.is_empty() {
        let text = "kubelet has not been started since the last change of its configuration";
        page.marked(CheckMark::Unknown, text);
    }
    let Err(error) = service.restart() else {
        let text = format!("restarted {}, and it runs", service.unit);
        page.marked(CheckMark::Good, &text);
        return Ok(());
    };
    if changes.is_empty() {
        return Err(error.into());
    }
    page.marked(CheckMark::Bad, &error.to_string());
    for change in changes {
        change.restore(page)?;
    }
    previous
        .map_or(Ok(()), Previous::restore)
        .map_err(Error::failure)?;
    let hint = format!("Run: journalctl --unit {} --lines 50", service.unit);
    let error = match service.restart() {
        Ok(()) => RestartError::Restored(error),
        Err(_) => RestartError::Down(error),
    };
    Err(Error::failure(error).hint(hint))
}
