//! One process of this program at a time in a folder. The folder itself is locked, so that no
//! file is left behind.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use fs2::FileExt as _;

use super::TEMPORARY;
use super::error::UserFileError;
use super::resolved_path::ResolvedPath;

/// How long another process is waited for: it changes its files within milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// The folders that are locked, until this is dropped.
///
/// Whoever takes several takes them in the same order, or two processes could wait for each other
/// until their patience ends.
#[derive(Debug, Default)]
pub(crate) struct Locks(Vec<(PathBuf, File)>);

impl Locks {
    /// Waits until no other process has the folder. Taking it twice is taking it once.
    pub(super) fn take(&mut self, resolved: &ResolvedPath) -> Result<(), UserFileError> {
        let at = resolved.folder_at();
        let folder = at.canonicalize().unwrap_or_else(|_| at.clone());
        if self.0.iter().any(|(taken, _)| *taken == folder) {
            return Ok(());
        }
        // Windows opens no folders. There, and on file systems that lock none, what is left is
        // that a file which somebody else has changed is not replaced.
        let Ok(file) = File::open(&at) else {
            return Ok(());
        };
        let started = Instant::now();
        loop {
            match file.try_lock_exclusive() {
                Ok(()) => break,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    if started.elapsed() > PATIENCE {
                        return Err(UserFileError::Locked { path: folder });
                    }
                    thread::sleep(Duration::from_millis(10));
                }
                Err(error) => {
                    log::warn!("{} cannot be locked: {error}", folder.display());
                    return Ok(());
                }
            }
        }
        sweep(&at);
        self.0.push((folder, file));
        Ok(())
    }
}

/// Deletes what processes that were killed have left, which may hold logins. Nobody writes such a
/// file while this process has the lock.
fn sweep(folder: &Path) {
    let items = fs::read_dir(folder).into_iter().flatten().flatten();
    for item in items {
        let name = item.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(TEMPORARY.0)
            && name.ends_with(TEMPORARY.1)
            && let Err(error) = fs::remove_file(item.path())
        {
            log::debug!("{} stays: {error}", item.path().display());
        }
    }
}
