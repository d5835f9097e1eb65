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

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use fs2::FileExt as _;

use crate::fs::{ReadError, is_contended, open_without_following, read_open_file};

use error::MOST_LINKS;
pub(crate) use error::UserFileError;
#[cfg(unix)]
pub(crate) use error::user_name;
#[cfg(unix)]
use held_folder::HeldFolder;

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

/// A larger file is not read.
const MAX_FILE_LENGTH: u64 = 8 << 20;

/// The target of a path after all links. It need not exist.
#[derive(Debug)]
struct ResolvedPath {
    folder: PathBuf,
    name: OsString,
    /// For root.
    #[cfg(unix)]
    held: Option<HeldFolder>,
}

impl ResolvedPath {
    /// Follows links; as root, only as `HeldFolder` allows.
    fn resolve(path: &Path) -> Result<Self, UserFileError> {
        #[cfg(unix)]
        if rustix::process::geteuid().is_root() {
            let held = HeldFolder::find(path)?;
            return Ok(Self {
                folder: held.with_missing(held.path.clone()),
                name: held.name.clone(),
                held: Some(held),
            });
        }
        let target = follow_links(path)?;
        Ok(Self {
            folder: folder_of(&target).to_owned(),
            name: target.file_name().unwrap_or_default().to_owned(),
            #[cfg(unix)]
            held: None,
        })
    }

    fn name(&self) -> &OsStr {
        &self.name
    }

    /// The folder, for messages.
    fn folder(&self) -> &Path {
        &self.folder
    }

    /// A file in the folder, for messages.
    fn path(&self, name: &OsStr) -> PathBuf {
        if self.folder == Path::new(".") {
            name.into()
        } else {
            self.folder.join(name)
        }
    }

    /// The file, for messages.
    fn target(&self) -> PathBuf {
        self.path(&self.name)
    }

    /// The folder, for the system.
    fn folder_at(&self) -> PathBuf {
        #[cfg(unix)]
        if let Some(held) = &self.held {
            return held.with_missing(held.at());
        }
        self.folder.clone()
    }

    /// A file in the folder, for the system.
    fn at(&self, name: &OsStr) -> PathBuf {
        self.folder_at().join(name)
    }

    /// Makes the folder and its missing parents.
    fn make_folder(&mut self) -> Result<(), UserFileError> {
        #[cfg(unix)]
        if let Some(held) = &mut self.held {
            return held.make_missing();
        }
        make_folder(&self.folder)
    }

    /// Whether both are the same name in the same folder.
    fn is_same(&self, other: &Self) -> bool {
        #[cfg(unix)]
        if let (Some(one), Some(other)) = (&self.held, &other.held)
            && !one.is_same(other)
        {
            return false;
        }
        self.target() == other.target()
    }

    /// A regular file in the folder; `None` if there is none. No link is followed.
    fn read(&self, name: &OsStr) -> Result<Option<(Vec<u8>, Metadata)>, UserFileError> {
        let (path, at) = (self.path(name), self.at(name));
        let wrong = |source| UserFileError::Read {
            path: path.clone(),
            source,
        };
        // Checked before it is opened, as opening a device can have effects.
        let opened = fs::symlink_metadata(&at)
            .and_then(|found| found.is_file().then(|| open(&at)).transpose());
        let file = match opened {
            Ok(Some(file)) => file,
            Ok(None) => return Err(UserFileError::NotAFile { path }),
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(wrong(error)),
        };
        let found = file.metadata().map_err(wrong)?;
        if !found.is_file() {
            return Err(UserFileError::NotAFile { path });
        }
        #[cfg(unix)]
        if let Some(held) = &self.held {
            held.check_owner(name, &found)?;
        }
        match read_open_file(file, found.len(), MAX_FILE_LENGTH) {
            Ok(bytes) => Ok(Some((bytes, found))),
            Err(ReadError::TooLarge(_)) => Err(UserFileError::TooLarge { path }),
            Err(error) => Err(wrong(error.into())),
        }
    }
}

/// Opens a file without following a link or waiting for a pipe.
fn open(path: &Path) -> std::io::Result<File> {
    open_without_following(fs::OpenOptions::new().read(true), path)
}

fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// The target of a chain of links, which need not exist.
fn follow_links(path: &Path) -> Result<PathBuf, UserFileError> {
    let mut target = path.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&target) {
            Ok(next) => target = folder_of(&target).join(next),
            Err(_) if target == path => return Ok(target),
            // Messages should not contain relative targets such as `../../dotfiles`.
            Err(_) => {
                let folder = dunce::canonicalize(folder_of(&target));
                let name = target.file_name().unwrap_or_default();
                return Ok(folder.map_or_else(|_| target.clone(), |folder| folder.join(name)));
            }
        }
    }
    Err(UserFileError::TooManyLinks {
        path: path.to_owned(),
    })
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Makes a folder and its missing parents.
fn make_folder(folder: &Path) -> Result<(), UserFileError> {
    if folder.is_dir() {
        return Ok(());
    }
    let above = folder_of(folder);
    if above != folder {
        make_folder(above)?;
    }
    #[cfg_attr(windows, expect(unused_mut, reason = "folders have no mode"))]
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let path = folder.to_owned();
    match builder.create(folder) {
        Ok(()) => Ok(()),
        // Another process was faster.
        Err(error) if error.kind() == ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            Err(UserFileError::NotAFolder { path })
        }
        Err(source) => Err(UserFileError::Write { path, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_another_process_changes_meanwhile_is_not_overwritten() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config.json");
        let replace = |file: &UserFile| file.replace(b"ours", |_| false);

        let absent = UserFile::read(&path).expect("a look");
        fs::write(&path, "theirs").expect("a file");
        assert!(matches!(
            replace(&absent),
            Err(UserFileError::Changed { .. })
        ));
        let seen = UserFile::read(&path).expect("a look");
        fs::write(&path, "theirs too").expect("a file");
        assert!(matches!(replace(&seen), Err(UserFileError::Changed { .. })));
        let seen = UserFile::read(&path).expect("a look");
        fs::remove_file(&path).expect("to remove");
        assert!(matches!(replace(&seen), Err(UserFileError::Changed { .. })));
        assert!(!path.exists());
        for item in fs::read_dir(folder.path()).expect("a folder") {
            let name = item.expect("an item").file_name();
            assert!(!name.to_string_lossy().ends_with(".tmp"), "{name:?}");
        }
    }

    #[test]
    fn every_state_is_kept_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("f");
        let mut backups = Vec::new();
        for (before, after) in [("1", "2"), ("1", "3"), ("2", "3"), ("3", "4"), ("2", "5")] {
            fs::write(&path, before).expect("a file");
            let file = UserFile::read(&path).expect("a look");
            let replaced = file
                .replace(after.as_bytes(), |_| false)
                .expect("to replace");
            let backup = replaced.backup.expect("a backup").path;
            assert_eq!(fs::read(&backup).expect("a file"), before.as_bytes());
            backups.push(
                backup
                    .file_name()
                    .expect("a name")
                    .to_string_lossy()
                    .into_owned(),
            );
        }
        let [one, two, three] = ["f.before-ecrx", "f.before-ecrx-2", "f.before-ecrx-3"];
        assert_eq!(backups, [one, one, two, three, two]);
    }

    #[test]
    fn one_process_takes_a_folder_once_and_gives_it_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut locks = Locks::default();
        for name in ["a", "b", "a"] {
            UserFile::lock(&folder.path().join(name), &mut locks).expect("a lock");
        }
        drop(locks);
        UserFile::lock(&folder.path().join("a"), &mut Locks::default()).expect("a lock");
    }

    #[test]
    fn a_folder_that_is_locked_is_waited_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        let mut locks = Locks::default();
        UserFile::lock(&path, &mut locks).expect("a lock");
        let other = thread::spawn(move || {
            UserFile::lock(&path, &mut Locks::default()).expect("a lock");
        });
        thread::sleep(Duration::from_millis(100));
        assert!(!other.is_finished());
        drop(locks);
        other.join().expect("the lock");
    }

    #[test]
    fn files_that_a_killed_process_has_left_are_deleted() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        for name in [".ecrx-abcdef.tmp", ".ecrx-mine", "x.tmp", "config.json"] {
            fs::write(path(name), "").expect("a file");
        }
        UserFile::read(&path("config.json")).expect("a look");
        assert!(path(".ecrx-abcdef.tmp").exists(), "reading deletes nothing");
        UserFile::lock(&path("config.json"), &mut Locks::default()).expect("a lock");
        assert!(!path(".ecrx-abcdef.tmp").exists());
        for name in [".ecrx-mine", "x.tmp", "config.json"] {
            assert!(path(name).exists(), "{name}");
        }
    }

    #[test]
    fn a_backup_name_that_is_taken_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("f");
        fs::write(&path, "1").expect("a file");
        fs::create_dir(folder.path().join("f.before-ecrx")).expect("a folder");
        let file = UserFile::read(&path).expect("a look");
        let replaced = file.replace(b"2", |_| false).expect("to replace");
        let backup = folder.path().join("f.before-ecrx-2");
        assert_eq!(replaced.backup, Some(Backup::whole(backup)));
    }

    const BEFORE: &[u8] = b"before";

    fn file() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        fs::write(&file, BEFORE).expect("a file");
        (folder, file)
    }

    fn write(file: &Path, after: &[u8]) -> Result<(), UserFileError> {
        overwrite((file, file), BEFORE, after, Path::new("backup"))
    }

    #[test]
    fn content_of_any_length_is_written_whole() {
        for after in [&b"and now much longer"[..], b"", b"after", b"behind"] {
            let (_folder, file) = file();
            write(&file, after).expect("written");
            assert_eq!(fs::read(&file).expect("a file"), after);
        }
    }

    #[test]
    fn a_file_with_other_content_is_not_overwritten() {
        for changed in [&b"befor"[..], b"before and after", b"behind", b""] {
            let (_folder, file) = file();
            fs::write(&file, changed).expect("a file");
            let written = write(&file, b"after");
            assert!(matches!(written, Err(UserFileError::Changed { .. })));
            assert_eq!(fs::read(&file).expect("a file"), changed);
        }
    }

    #[cfg(unix)]
    #[test]
    fn no_link_is_followed_and_no_pipe_waited_for() {
        let (folder, file) = file();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&file, &link).expect("a link");
        let written = write(&link, b"after");
        assert!(matches!(written, Err(UserFileError::Write { .. })));
        assert_eq!(fs::read(&file).expect("a file"), BEFORE);

        let pipe = folder.path().join("pipe");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, mode).expect("a pipe");
        let written = write(&pipe, b"after");
        assert!(matches!(written, Err(UserFileError::Changed { .. })));
    }
}
