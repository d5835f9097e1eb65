//! A user's file and its replacement: read under a lock, replaced whole or not at all, with a
//! backup next to it.
//!
//! - A link is followed and its target replaced, so that links into dotfiles stay links.
//! - A file that is a mount point (a dev container, a Kubernetes `subPath`) cannot be renamed over.
//!   It is written in place, after the backup.
//! - Mode and owner stay. New files get mode 0600 (folders 0700), and if root makes them, the owner
//!   of their folder.
//! - As root, links that another user controls are not followed elsewhere (`held_folder.rs`).
//! - No change of another program is lost: just before the file is replaced, it is compared with
//!   the content that was read. Processes of this program lock the folder itself, so that no lock
//!   file remains, and on Windows a file in it.

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

use crate::fs::{is_contended, open_without_following};

pub(crate) use error::UserFileError;
#[cfg(unix)]
pub(crate) use error::user_name;
use resolved_path::{ResolvedPath, open};

/// Prefix and suffix of the names of temporary files.
const TEMPORARY: (&str, &str) = (".ecrx-", ".tmp");

/// The name of the file that is locked if folders cannot be.
#[cfg(not(unix))]
const LOCK: &str = ".ecrx.lock";

/// Suffix of the name of the first backup.
pub(crate) const BACKUP: &str = ".before-ecrx";

/// How long to wait for another process, which changes its files within milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// A file as it was found.
#[derive(Debug)]
pub(crate) struct UserFile {
    path: PathBuf,
    resolved: ResolvedPath,
    target: PathBuf,
    before: Option<Vec<u8>>,
    /// The metadata of the file that was read.
    seen: Option<Metadata>,
}

/// The result of replacing a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Replaced {
    /// `None` if there was no file.
    pub backup: Option<Backup>,
    /// The file had other hard links, which still have the old content.
    pub had_other_names: bool,
    /// The file is a mount point, and was written in place.
    pub is_mounted: bool,
}

/// A copy of the earlier content of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Backup {
    /// Next to the file.
    pub path: PathBuf,
    /// It has the whole content just before the change, not an earlier one that is enough.
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

    /// Reads a file after locking its folder. While `locks` live, no other process of this program
    /// changes files in it. Makes the folder if it is missing.
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

    /// Refuses a read-only file or folder.
    pub(crate) fn check_writable(&self) -> Result<(), UserFileError> {
        let read_only = |path: &Path| UserFileError::ReadOnly {
            path: path.to_owned(),
        };
        let target = self.resolved.at(self.resolved.name());
        match &self.seen {
            // Root could write to it, but it was made read-only on purpose.
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

    /// Replaces the content with these bytes. `suffices` says whether an existing backup makes a
    /// new one unnecessary; an equal one always does.
    ///
    /// # Errors
    /// When that fails, or the file has changed since it was read. Then nothing is changed.
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
                // If this process is killed meanwhile, the backup must have the whole content.
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
            // If written in place, all hard links have the new content.
            had_other_names: has_other_names && !is_mounted,
            is_mounted,
        })
    }

    /// Deletes the file.
    ///
    /// # Errors
    /// When that fails, or the file has changed since it was read.
    pub(crate) fn remove(&self) -> Result<(), UserFileError> {
        self.check_unchanged()?;
        let removed = fs::remove_file(self.resolved.at(self.resolved.name()));
        removed.map_err(|error| self.not_written(error))?;
        sync_folder(&self.resolved.folder_at());
        Ok(())
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

    /// Makes the backup next to the file, with the first name that is free or whose file suffices.
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
                // Not a backup of this state, so it is not replaced.
                Ok((Some(_), _)) | Err(_) => {}
                Ok((None, _)) => {
                    let backup = self.temporary(before)?;
                    // By the same clock as in `make_latest`, which is finer than the file system's.
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

    /// Backups are ordered by the times at which they were last used.
    fn make_latest(&self, name: &OsStr) {
        let now = SystemTime::now();
        let touched = open(&self.resolved.at(name)).and_then(|file| file.set_modified(now));
        if let Err(error) = touched {
            log::debug!(
                "cannot set the time of {}: {error}",
                self.resolved.path(name).display()
            );
        }
    }

    /// The contents of the backups, that of the last change first.
    pub(crate) fn backups(&self) -> Vec<Vec<u8>> {
        let mut found = self.named_backups();
        found.sort_by_key(|(_, time, number, _)| std::cmp::Reverse((*time, *number)));
        found.into_iter().map(|(.., bytes)| bytes).collect()
    }

    /// Deletes the backups with such paths and contents. One that cannot be deleted stays.
    pub(crate) fn remove_backups(&self, mut is_meant: impl FnMut(&Path, &[u8]) -> bool) {
        for (name, .., bytes) in self.named_backups() {
            let path = self.resolved.path(&name);
            if is_meant(&path, &bytes)
                && let Err(error) = fs::remove_file(self.resolved.at(&name))
            {
                log::warn!("cannot delete {}: {error}", path.display());
            }
        }
    }

    /// The backups, with their names, times and numbers.
    fn named_backups(&self) -> Vec<(OsString, Option<SystemTime>, u32, Vec<u8>)> {
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
                Ok(Some((bytes, seen))) => found.push((name, seen.modified().ok(), number, bytes)),
                Ok(None) => {}
                Err(error) => log::debug!("not used as a backup: {error}"),
            }
        }
        found
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

    /// A temporary file in the same folder with these bytes, synced to the disk, with the mode and
    /// owner of this file.
    fn temporary(&self, bytes: &[u8]) -> Result<tempfile::NamedTempFile, UserFileError> {
        let folder = self.resolved.folder_at();
        let wrong = |source| self.not_written(source);
        let mut file = temporary().tempfile_in(&folder).map_err(wrong)?;
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

/// Writes `after` over a file with the content `before`, of which a backup exists.
///
/// # Errors
/// When that fails, or the file has other content by now. If writing fails halfway, the content is
/// restored; if that fails too, the error names the backup.
///
/// `target` is the path for the system, `named` the path for messages.
fn overwrite(
    (target, named): (&Path, &Path),
    before: &[u8],
    after: &[u8],
    backup: &Path,
) -> Result<(), UserFileError> {
    let path = named.to_owned();
    // Links have been followed already: a link or a pipe in this place was made meanwhile, and is
    // neither followed nor waited for.
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

/// The bytes that make the file longer come first: if the disk is full, nothing else has changed.
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
pub(crate) fn may_write(path: &Path) -> bool {
    use rustix::fs::{Access, AtFlags, CWD, accessat};

    accessat(CWD, path, Access::WRITE_OK, AtFlags::EACCESS).is_ok()
}

#[cfg(not(unix))]
pub(crate) fn may_write(_: &Path) -> bool {
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

/// Gives a file the mode and owner of the one that it replaces, without set-user-ID and
/// set-group-ID bits. A new file has mode 0600 already.
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
        // Only root can change the owner; users can change the group to one of their own.
        if owner != own.uid() {
            return Err(error);
        }
        // Another group must not get the rights of the old one.
        mode &= 0o707;
    }
    file.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn make_alike(_: &File, _: Option<&Metadata>, _: &Path) -> io::Result<()> {
    Ok(())
}

/// Makes the new name survive a power failure, if the file system can.
#[cfg(unix)]
pub(crate) fn sync_folder(folder: &Path) {
    if let Err(error) = File::open(folder).and_then(|folder| folder.sync_all()) {
        log::debug!("cannot sync {}: {error}", folder.display());
    }
}

#[cfg(not(unix))]
pub(crate) fn sync_folder(_: &Path) {}

/// The folders that are locked, until this is dropped.
///
/// Several are always locked in the same order, so that two processes do not wait for each other.
#[derive(Debug, Default)]
pub(crate) struct Locks(Vec<(PathBuf, File)>);

impl Locks {
    /// Locks the folder of a file, which has to exist.
    pub(crate) fn take_folder_of(&mut self, file: &Path) -> Result<(), UserFileError> {
        self.take(&ResolvedPath::resolve(file)?)
    }

    /// Waits until no other process has locked the folder. Locking it again has no effect.
    fn take(&mut self, resolved: &ResolvedPath) -> Result<(), UserFileError> {
        let at = resolved.folder_at();
        let folder = dunce::canonicalize(&at).unwrap_or_else(|_| at.clone());
        if self.0.iter().any(|(taken, _)| *taken == folder) {
            return Ok(());
        }
        // Some file systems cannot lock. There, only the check for changes protects the file.
        let Ok(file) = open_for_lock(&at) else {
            return Ok(());
        };
        let started = Instant::now();
        loop {
            match file.try_lock_exclusive() {
                Ok(()) => break,
                Err(error) if is_contended(&error) => {
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

/// What is locked for a folder: the folder itself.
#[cfg(unix)]
fn open_for_lock(folder: &Path) -> io::Result<File> {
    File::open(folder)
}

/// Windows cannot lock folders: a file in it, which stays.
#[cfg(not(unix))]
fn open_for_lock(folder: &Path) -> io::Result<File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    options.open(folder.join(LOCK))
}

/// A builder of temporary files, which are deleted if their process is killed.
pub(crate) fn temporary() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY.0).suffix(TEMPORARY.1);
    builder
}

/// Deletes temporary files of killed processes, which may contain logins. No other process writes
/// such a file while this one has the lock.
fn sweep(folder: &Path) {
    let items = fs::read_dir(folder).into_iter().flatten().flatten();
    for item in items {
        let name = item.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(TEMPORARY.0)
            && name.ends_with(TEMPORARY.1)
            && let Err(error) = fs::remove_file(item.path())
        {
            log::debug!("cannot delete {}: {error}", item.path().display());
        }
    }
}
