//! A user's file and its replacement: read under a lock, replaced whole or not at all, with a
//! backup next to it.
//!
//! - A link is followed, and what it leads to is replaced, so that a folder of dotfiles stays one.
//! - A file that is mounted by itself (a dev container, a Kubernetes `subPath`) has no name that
//!   could be given to another one. It is written in place, with the backup made before.
//! - Mode and owner stay. What is new gets mode 0600 (folders 0700), and from root the owner of
//!   the folder that it is made in.
//! - As root, no link decides that another user controls (`held_folder.rs`).
//! - No other program's change is lost: the file is compared with what was read just before it is
//!   replaced. Between two processes of this program, a lock on the folder keeps the order. It is
//!   the folder itself that is locked, so that no lock file is left.

mod error;
#[cfg(unix)]
mod held_folder;
mod resolved_path;
#[cfg(test)]
mod tests;

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use fs2::FileExt as _;

use crate::fs::open_without_following;

pub(crate) use error::UserFileError;
use resolved_path::{ResolvedPath, open};

/// What files are called that are being written.
const TEMPORARY: (&str, &str) = (".ecrx-", ".tmp");

/// What is added to a file's name for its first backup.
const BACKUP: &str = ".before-ecrx";

/// How long another process is waited for: it changes its files within milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// A file as it was found.
#[derive(Debug)]
pub(crate) struct UserFile {
    path: PathBuf,
    resolved: ResolvedPath,
    target: PathBuf,
    before: Option<Vec<u8>>,
    /// Of the very file that was read.
    seen: Option<Metadata>,
}

/// What replacing a file has left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Replaced {
    /// `None` where there was none.
    pub backup: Option<Backup>,
    /// It had other names (hard links), by which it is as it was.
    pub had_other_names: bool,
    /// It is mounted by itself, and was written in place.
    pub is_mounted: bool,
}

/// Where a file is kept as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Backup {
    /// It is next to the file.
    pub path: PathBuf,
    /// It holds all of it, and not only what suffices.
    pub is_whole: bool,
}

impl Backup {
    fn whole(path: PathBuf) -> Self {
        Self {
            path,
            is_whole: true,
        }
    }
}

impl UserFile {
    /// Reads a file, which may be absent. Creates nothing.
    pub(crate) fn read(path: &Path) -> Result<Self, UserFileError> {
        let resolved = ResolvedPath::resolve(path)?;
        let (before, seen) = resolved.read(resolved.name())?.unzip();
        Ok(Self {
            path: path.to_owned(),
            target: resolved.target(),
            resolved,
            before,
            seen,
        })
    }

    /// Reads a file when nobody else of this program changes it, or one beside it, for as long
    /// as `locks` live. Makes the folder where it is missing.
    pub(crate) fn lock(path: &Path, locks: &mut Locks) -> Result<Self, UserFileError> {
        let mut resolved = ResolvedPath::resolve(path)?;
        resolved.make_folder()?;
        locks.take(&resolved)?;
        Self::read(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn link_target(&self) -> Option<&Path> {
        (self.path != self.target).then_some(&*self.target)
    }

    /// Its bytes; `None` when there is no file.
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        self.before.as_deref()
    }

    /// Refuses a file or a folder that is not to be written to.
    pub(crate) fn check_writable(&self) -> Result<(), UserFileError> {
        let read_only = |path: &Path| UserFileError::ReadOnly {
            path: path.to_owned(),
        };
        let target = self.resolved.at(self.resolved.name());
        match &self.seen {
            // Root could write to it all the same, but it was made read-only on purpose.
            Some(seen) if seen.permissions().readonly() => return Err(read_only(&self.target)),
            Some(_) if fs::symlink_metadata(&target).is_ok() && !may_write(&target) => {
                return Err(read_only(&self.target));
            }
            _ => {}
        }
        let folder = self.resolved.folder_at();
        if folder.is_dir() && !may_write(&folder) {
            Err(read_only(self.resolved.folder()))
        } else {
            Ok(())
        }
    }

    /// Puts these bytes in its place. `suffices` says whether a backup that is there already
    /// keeps all that there is to keep; one that is equal always does.
    ///
    /// # Errors
    /// When that cannot be done, or the file is no longer as it was read. Nothing is changed then.
    pub(crate) fn replace(
        &self,
        after: &[u8],
        suffices: impl Fn(&[u8]) -> bool,
    ) -> Result<Replaced, UserFileError> {
        self.check_writable()?;
        let new = self.temporary(after)?;
        let mut backup = match &self.before {
            Some(before) => Some(self.keep(before, suffices)?),
            None => None,
        };
        self.check_unchanged()?;
        let target = self.resolved.at(self.resolved.name());
        let is_mounted = match (new.persist(&target), &self.before) {
            (Ok(_), _) => false,
            (Err(error), Some(before)) if error.error.kind() == ErrorKind::ResourceBusy => {
                // If this process is killed meanwhile, the backup must hold all of it.
                let whole = self.keep(before, |_| false)?;
                overwrite((&target, &self.target), before, after, &whole.path)?;
                backup = Some(whole);
                true
            }
            (Err(error), _) => return Err(self.not_written(error.error)),
        };
        sync_folder(&self.resolved.folder_at());
        let has_other_names = self.seen.as_ref().is_some_and(has_other_names);
        Ok(Replaced {
            backup,
            // In place, all of its names see the change.
            had_other_names: has_other_names && !is_mounted,
            is_mounted,
        })
    }

    fn check_unchanged(&self) -> Result<(), UserFileError> {
        let now = Self::read(&self.path)?;
        if now.before == self.before && now.resolved.is_same(&self.resolved) {
            Ok(())
        } else {
            Err(UserFileError::Changed {
                path: self.path.clone(),
            })
        }
    }

    /// Makes the backup: next to the file, by the first name that is free or holds it already.
    fn keep(
        &self,
        before: &[u8],
        suffices: impl Fn(&[u8]) -> bool,
    ) -> Result<Backup, UserFileError> {
        for number in 1..=u32::MAX {
            let name = self.backup_name(number);
            let path = self.resolved.path(&name);
            let found = self.resolved.read(&name).map(Option::unzip);
            match found {
                Ok((Some(kept), _)) if kept == before || suffices(&kept) => {
                    self.make_latest(&name);
                    return Ok(Backup {
                        path,
                        is_whole: kept == before,
                    });
                }
                // Whatever it is, it is not ours to replace.
                Ok((Some(_), _)) | Err(_) => {}
                Ok((None, _)) => {
                    let backup = self.temporary(before)?;
                    // By the same clock as in `make_latest`, which is finer than the system's own.
                    let _ = backup.as_file().set_modified(SystemTime::now());
                    match backup.persist_noclobber(self.resolved.at(&name)) {
                        Ok(_) => return Ok(Backup::whole(path)),
                        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => {}
                        Err(error) => return Err(self.not_written(error.error)),
                    }
                }
            }
        }
        Err(self.not_written(ErrorKind::AlreadyExists.into()))
    }

    /// `FILE.before-ecrx`, then `…-2`.
    fn backup_name(&self, number: u32) -> OsString {
        let mut name = self.resolved.name().to_os_string();
        name.push(BACKUP);
        if number > 1 {
            name.push(format!("-{number}"));
        }
        name
    }

    /// The order in which backups were of use is that of their times.
    fn make_latest(&self, name: &OsStr) {
        let now = SystemTime::now();
        let touched = open(&self.resolved.at(name)).and_then(|file| file.set_modified(now));
        if let Err(error) = touched {
            log::debug!(
                "{} keeps its time: {error}",
                self.resolved.path(name).display()
            );
        }
    }

    /// What the backups hold, that of the last change first.
    pub(crate) fn backups(&self) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        for item in fs::read_dir(self.resolved.folder_at())
            .into_iter()
            .flatten()
            .flatten()
        {
            let name = item.file_name();
            let Some(number) = self.backup_number(&name) else {
                continue;
            };
            match self.resolved.read(&name) {
                Ok(Some((bytes, seen))) => found.push((seen.modified().ok(), number, bytes)),
                Ok(None) => {}
                Err(error) => log::debug!("not used as a backup: {error}"),
            }
        }
        found.sort_by_key(|(time, number, _)| std::cmp::Reverse((*time, *number)));
        found.into_iter().map(|(.., bytes)| bytes).collect()
    }

    fn backup_number(&self, name: &OsStr) -> Option<u32> {
        let number = name
            .to_str()?
            .strip_prefix(self.resolved.name().to_str()?)?
            .strip_prefix(BACKUP)?;
        match number.strip_prefix('-') {
            Some(number) => number.parse().ok().filter(|number| *number > 1),
            None => number.is_empty().then_some(1),
        }
    }

    /// A file in the same folder that holds these bytes, on the disk, with the mode and owner
    /// that the one it is for has.
    fn temporary(&self, bytes: &[u8]) -> Result<tempfile::NamedTempFile, UserFileError> {
        let folder = self.resolved.folder_at();
        let wrong = |source| self.not_written(source);
        let mut file = tempfile::Builder::new()
            .prefix(TEMPORARY.0)
            .suffix(TEMPORARY.1)
            .tempfile_in(&folder)
            .map_err(wrong)?;
        file.write_all(bytes).map_err(wrong)?;
        make_alike(file.as_file(), self.seen.as_ref(), &folder).map_err(wrong)?;
        file.as_file().sync_all().map_err(wrong)?;
        Ok(file)
    }

    fn not_written(&self, source: io::Error) -> UserFileError {
        UserFileError::Write {
            path: self.target.clone(),
            source,
        }
    }
}

/// Writes `after` over a file that holds `before`, which a backup keeps.
///
/// # Errors
/// When that cannot be done, or the file holds something else by now. Half written, it is put back
/// as it was, and where even that cannot be done, the error names the backup.
///
/// The file is given as the system finds it, and as messages name it.
fn overwrite(
    (target, named): (&Path, &Path),
    before: &[u8],
    after: &[u8],
    backup: &Path,
) -> Result<(), UserFileError> {
    let path = named.to_owned();
    // Links have been followed: one that is found now was put there meanwhile, and so was a pipe,
    // which nothing may wait for.
    let mut options = fs::OpenOptions::new();
    options.read(true).write(true);
    let mut file = match open_without_following(&mut options, target) {
        Ok(file) => file,
        Err(source) => return Err(UserFileError::Write { path, source }),
    };
    match holds(&file, before) {
        Ok(true) => {}
        Ok(false) => return Err(UserFileError::Changed { path }),
        Err(source) => return Err(UserFileError::Write { path, source }),
    }
    let Err(source) = write_over(&mut file, before.len(), after) else {
        return Ok(());
    };
    Err(match write_over(&mut file, after.len(), before) {
        Ok(()) => UserFileError::Write { path, source },
        Err(_) => UserFileError::HalfWritten {
            path,
            backup: backup.to_owned(),
            source,
        },
    })
}

fn holds(file: &File, bytes: &[u8]) -> io::Result<bool> {
    let mut found = Vec::new();
    if file.metadata()?.is_file() {
        file.take(bytes.len() as u64 + 1).read_to_end(&mut found)?;
        return Ok(found == bytes);
    }
    Ok(false)
}

/// What makes the file longer comes first: on a disk that is full, nothing else has been touched.
fn write_over(file: &mut File, length: usize, bytes: &[u8]) -> io::Result<()> {
    let (over, beyond) = bytes.split_at(length.min(bytes.len()));
    file.seek(SeekFrom::Start(over.len() as u64))?;
    file.write_all(beyond)?;
    file.rewind()?;
    file.write_all(over)?;
    file.set_len(bytes.len() as u64)?;
    file.sync_all()
}

/// Whether the system lets this process write there.
#[cfg(unix)]
fn may_write(path: &Path) -> bool {
    use rustix::fs::{Access, AtFlags, CWD, accessat};

    accessat(CWD, path, Access::WRITE_OK, AtFlags::EACCESS).is_ok()
}

#[cfg(not(unix))]
fn may_write(_: &Path) -> bool {
    true
}

/// Whether a file has hard links.
#[cfg(unix)]
fn has_other_names(file: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(file) > 1
}

#[cfg(not(unix))]
fn has_other_names(_: &Metadata) -> bool {
    false
}

/// Gives a file the mode and the owner of the one that it replaces, without the bits that let a
/// program run as somebody else. As what is new it has mode 0600 already.
#[cfg(unix)]
fn make_alike(file: &File, like: Option<&Metadata>, folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};

    let own = file.metadata()?;
    let (owner, group) = match like {
        Some(like) => (like.uid(), like.gid()),
        None if rustix::process::geteuid().is_root() => {
            let folder = fs::metadata(folder)?;
            (folder.uid(), folder.gid())
        }
        None => (own.uid(), own.gid()),
    };
    let given = if (owner, group) == (own.uid(), own.gid()) {
        Ok(())
    } else {
        fchown(file, Some(owner), Some(group))
    };
    let Some(like) = like else {
        return given;
    };
    let mut mode = like.mode() & 0o777;
    if let Err(error) = given {
        // Only root gives files away, and others only to groups that they are in.
        if owner != own.uid() {
            return Err(error);
        }
        // What the one group may read is not the other's.
        mode &= 0o707;
    }
    file.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn make_alike(_: &File, _: Option<&Metadata>, _: &Path) -> io::Result<()> {
    Ok(())
}

/// Makes the new name outlive a power cut. Not every file system can.
#[cfg(unix)]
fn sync_folder(folder: &Path) {
    if let Err(error) = File::open(folder).and_then(|folder| folder.sync_all()) {
        log::debug!("cannot sync {}: {error}", folder.display());
    }
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) {}

/// The folders that are locked, until this is dropped.
///
/// Several are always taken in the same order, or two processes could wait for each other until
/// their patience ends.
#[derive(Debug, Default)]
pub(crate) struct Locks(Vec<(PathBuf, File)>);

impl Locks {
    /// Waits until no other process has the folder. Taking it twice is taking it once.
    fn take(&mut self, resolved: &ResolvedPath) -> Result<(), UserFileError> {
        let at = resolved.folder_at();
        let folder = at.canonicalize().unwrap_or_else(|_| at.clone());
        if self.0.iter().any(|(taken, _)| *taken == folder) {
            return Ok(());
        }
        // Windows opens no folders. There, and on file systems that lock none, what is left is
        // that a file which has changed meanwhile is not replaced.
        let Ok(file) = File::open(&at) else {
            return Ok(());
        };
        let started = Instant::now();
        loop {
            match file.try_lock_exclusive() {
                Ok(()) => break,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
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

/// Deletes what processes that were killed have left, which may hold logins. No other process
/// writes such a file while this one has the lock.
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
