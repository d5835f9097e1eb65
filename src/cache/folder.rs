//! The private folder: finding it, and making it where it may be made; and its files, read only
//! when they are ours alone, and written whole or not at all.
//!
//! The cache folder DIR that the user configures may be open to others: it may be the `~/.ecr` of
//! the established helper, or a folder that several users share. What is ours lives in a folder of
//! our own inside it, and the rules are:
//!
//! - **Ours** is `DIR/v1`. It must be a real folder, owned by the effective user, and not
//!   writable by group or others. It is made with mode 0700, and made 0700 again before anything
//!   is written when others may look into it.
//! - **DIR** is judged before anything is made or written in it: a real folder, owned by us or
//!   by root, and writable by others only with the sticky bit, since without it they could put
//!   another `v1` in place of ours. It may be readable by all. When it is missing, it is made
//!   with its parents, all 0700; by root, only where the folder above them is root's too.
//! - In a **shared** DIR (writable by others, sticky) the first user has `v1`; the others have
//!   `v1-UID`.
//!
//! Reading judges only our own folder and the file in it. That is enough: both belong to us and
//! no other user may write to them, so their content is ours, even if others can rename the folders
//! above.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::error::CacheError;
use crate::digest::Digest;
use crate::fs::open_without_following;
use platform::{effective_user, mode, owner, set_private};

/// The name of our folder. It changes when the format of the files becomes one that this
/// version cannot share a folder with.
pub(super) const NAME: &str = "v1";

/// What the name of a file ends with, which tells what it is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Suffix {
    Entry,
    Lock,
    SecondLock,
    ThirdLock,
    Mark,
}

impl Suffix {
    pub(super) fn extension(self) -> &'static str {
        match self {
            Suffix::Entry => "json",
            Suffix::Lock => "lock",
            Suffix::SecondLock => "2.lock",
            Suffix::ThirdLock => "3.lock",
            Suffix::Mark => "mark",
        }
    }
}

/// A longer file is not read. A token has at most 64 KiB, real ones 2–4 KiB.
pub(super) const MAX_LENGTH: u64 = 128 * 1024;

/// How names of half-written files end. A file that a killed process has left is never read.
const TEMPORARY: &str = ".tmp";

/// Whether a file is called as one of ours that is being written: `.XXXXXX.tmp`.
pub(super) fn is_temporary(name: &str) -> bool {
    name.strip_prefix('.')
        .and_then(|name| name.strip_suffix(TEMPORARY))
        .is_some_and(|random| {
            random.len() == 6 && random.bytes().all(|b| b.is_ascii_alphanumeric())
        })
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum FileContent {
    Absent,
    TooLarge,
    Bytes(Vec<u8>),
}

/// Our private folder, as it was found good.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    me: User,
}

impl Folder {
    /// Our folder under `dir`; `None` when there is none yet. Creates nothing.
    pub(super) fn find(dir: &Path) -> Result<Option<Self>, CacheError> {
        let me = User::effective();
        match Self::find_own(dir.join(NAME), me) {
            Err(CacheError::ForeignOwner { .. }) if me.shares(dir)? => {
                Self::find_own(me.folder_in_shared(dir), me)
            }
            own => own,
        }
    }

    /// Our folder under `dir`, made when there is none.
    pub(super) fn make(dir: &Path) -> Result<Self, CacheError> {
        // Without a trailing slash, which would follow a link.
        let dir: PathBuf = dir.components().collect();
        let me = User::effective();
        let seen = match look_at(&dir)? {
            Some(seen) => seen,
            None => {
                if let Some((path, seen)) = above(&dir) {
                    me.judge_folder_above(path, &seen)?;
                }
                make_folder(&dir, true)?;
                look_at(&dir)?.ok_or_else(|| vanished(&dir))?
            }
        };
        me.judge_outer_folder(&dir, &seen)?;
        match Self::make_own(dir.join(NAME), me) {
            Err(CacheError::ForeignOwner { .. }) if me.shares(&dir)? => {
                Self::make_own(me.folder_in_shared(&dir), me)
            }
            own => own,
        }
    }

    /// Whether our folder under `dir` can be used, or made where there is none. Creates nothing.
    pub(super) fn judge(dir: &Path) -> Result<(), CacheError> {
        let dir: PathBuf = dir.components().collect();
        if let Some(folder) = Self::find(&dir)? {
            return judge_writable(&folder.path);
        }
        let me = User::effective();
        match look_at(&dir)? {
            Some(seen) => {
                me.judge_outer_folder(&dir, &seen)?;
                judge_writable(&dir)
            }
            None => match above(&dir) {
                Some((path, seen)) => {
                    me.judge_folder_above(path, &seen)?;
                    judge_writable(path)
                }
                None => Ok(()),
            },
        }
    }

    fn find_own(path: PathBuf, me: User) -> Result<Option<Self>, CacheError> {
        let Some(seen) = look_at(&path)? else {
            return Ok(None);
        };
        me.judge_own_folder(&path, &seen)?;
        Ok(Some(Self { path, me }))
    }

    fn make_own(path: PathBuf, me: User) -> Result<Self, CacheError> {
        let seen = match look_at(&path)? {
            Some(seen) => seen,
            None => {
                make_folder(&path, false)?;
                look_at(&path)?.ok_or_else(|| vanished(&path))?
            }
        };
        me.judge_own_folder(&path, &seen)?;
        close_to_readers(&path, &seen)?;
        Ok(Self { path, me })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the file of that slot lives.
    pub(super) fn file(&self, slot: Digest, suffix: Suffix) -> PathBuf {
        self.path.join(format!("{slot}.{}", suffix.extension()))
    }

    /// The slots that have a file of this kind.
    pub(super) fn slots(&self, suffix: Suffix) -> Result<Vec<Digest>, CacheError> {
        let mut slots = Vec::new();
        let wrong = |source| CacheError::read(&self.path, source);
        for item in fs::read_dir(&self.path).map_err(wrong)? {
            let name = item.map_err(wrong)?.file_name();
            let slot = name
                .to_str()
                .and_then(|name| name.strip_suffix(suffix.extension())?.strip_suffix('.'));
            slots.extend(slot.and_then(|slot| slot.parse::<Digest>().ok()));
        }
        Ok(slots)
    }

    /// Refuses an open file that is not a regular one, not ours, or open to others.
    fn judge_file(&self, path: &Path, seen: &Metadata) -> Result<(), CacheError> {
        if !seen.is_file() {
            return Err(CacheError::NotAFile {
                path: path.to_owned(),
            });
        }
        self.me.judge_owner(path, seen)?;
        self.me.judge_mode(path, seen, 0o077)
    }

    /// Whether there is something of ours at `path` that may be replaced or removed. Another
    /// user's file is an error, and is left alone. A link of ours is only itself, not its target.
    ///
    /// The folder is looked at once more: since it was found good a whole call to AWS may have
    /// passed, and a link that has replaced it would be followed.
    fn may_replace(&self, path: &Path) -> Result<bool, CacheError> {
        match look_at(&self.path)? {
            None => return Ok(false),
            Some(seen) => self.me.judge_own_folder(&self.path, &seen)?,
        }
        match look_at(path)? {
            None => Ok(false),
            Some(seen) if seen.is_dir() => Err(CacheError::NotAFile {
                path: path.to_owned(),
            }),
            Some(seen) => self.me.judge_owner(path, &seen).map(|()| true),
        }
    }

    /// Reads a file of the folder: one open, one look at what was opened, one read. `crate::fs::read`
    /// follows links, looks before it opens, and looks for more at the end, on the warm path.
    pub(super) fn read(&self, path: &Path) -> Result<FileContent, CacheError> {
        let wrong = |source| CacheError::read(path, source);
        let mut options = OpenOptions::new();
        options.read(true);
        let file = match open_without_following(&mut options, path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(FileContent::Absent),
            Err(error) if is_link_error(&error) => {
                return Err(CacheError::SymbolicLink {
                    path: path.to_owned(),
                });
            }
            Err(error) => return Err(wrong(error)),
        };
        let seen = file.metadata().map_err(wrong)?;
        self.judge_file(path, &seen)?;
        if seen.len() > MAX_LENGTH {
            return Ok(FileContent::TooLarge);
        }
        // Files are replaced, never written to, so the length cannot have grown; asking whether there
        // is more would be one more system call.
        let length = usize::try_from(seen.len()).unwrap_or(0);
        let mut bytes = Vec::with_capacity(length);
        file.take(seen.len())
            .read_to_end(&mut bytes)
            .map_err(wrong)?;
        Ok(FileContent::Bytes(bytes))
    }

    /// Opens or creates a file that only its owner may touch, for locking.
    pub(super) fn open_lock(&self, path: &Path) -> Result<File, CacheError> {
        let mut options = OpenOptions::new();
        // Over NFS an exclusive lock is one on bytes, which needs a file open for writing.
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = open_without_following(&mut options, path).map_err(|source| match source {
            source if is_link_error(&source) => CacheError::SymbolicLink {
                path: path.to_owned(),
            },
            source => CacheError::write(path, source),
        })?;
        let seen = file
            .metadata()
            .map_err(|source| CacheError::read(path, source))?;
        self.judge_file(path, &seen)?;
        Ok(file)
    }

    /// Puts a whole file in place, with mode 0600, and replaces what was there if it is ours.
    ///
    /// A process that is killed on the way leaves the old file and a temporary one. Nothing is
    /// synced to the disk: that would cost each cold `get` milliseconds, and what it protects can be
    /// requested again. After a power cut the new name may hold less than was written, missing or as
    /// zeros, neither of which is the JSON of an entry, so it counts as absent.
    pub(super) fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), CacheError> {
        self.may_replace(path)?;
        let wrong = |source| CacheError::write(path, source);
        may_be_as_long_as(bytes.len()).map_err(wrong)?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(".").suffix(TEMPORARY);
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600));
        let mut file = builder.tempfile_in(&self.path).map_err(wrong)?;
        file.write_all(bytes).map_err(wrong)?;
        file.persist(path).map_err(|error| wrong(error.error))?;
        Ok(())
    }

    /// Removes a file if it is ours, and says whether it was there.
    pub(super) fn remove(&self, path: &Path) -> Result<bool, CacheError> {
        if !self.may_replace(path)? {
            return Ok(false);
        }
        match fs::remove_file(path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(source) => Err(CacheError::write(path, source)),
        }
    }
}

/// The nearest folder above `dir` that exists. A link is followed: what counts is where a folder
/// would be created.
fn above(dir: &Path) -> Option<(&Path, Metadata)> {
    dir.ancestors()
        .skip(1)
        .find_map(|path| Some((path, fs::metadata(path).ok()?)))
}

/// Whether files can be made in a folder. On a read-only file system not even by root.
#[cfg(unix)]
fn judge_writable(path: &Path) -> Result<(), CacheError> {
    use rustix::fs::Access;

    rustix::fs::access(path, Access::WRITE_OK | Access::EXEC_OK)
        .map_err(|error| CacheError::write(path, error.into()))
}

#[cfg(not(unix))]
fn judge_writable(_: &Path) -> Result<(), CacheError> {
    Ok(())
}

/// Makes a folder, and with `parents` what is missing above it, all with mode 0700. It is no
/// error when another process was faster.
fn make_folder(path: &Path, parents: bool) -> Result<(), CacheError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(parents);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(CacheError::write(path, error))
        }
        _ => Ok(()),
    }
}

fn vanished(path: &Path) -> CacheError {
    CacheError::write(path, ErrorKind::NotFound.into())
}

/// Whether files may be so long, by the limit of this process (`ulimit -f`). Writing beyond it ends
/// the process by a signal, SIGXFSZ, and a login must not fail for the cache's sake.
#[cfg(unix)]
pub(super) fn may_be_as_long_as(length: usize) -> io::Result<()> {
    use rustix::process::{Resource, getrlimit};

    match getrlimit(Resource::Fsize).current {
        Some(limit) if limit < length as u64 => Err(rustix::io::Errno::FBIG.into()),
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
pub(super) fn may_be_as_long_as(_: usize) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn is_link_error(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

#[cfg(not(unix))]
fn is_link_error(_: &io::Error) -> bool {
    false
}

const ROOT: u32 = 0;
const STICKY: u32 = 0o1000;
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// The user whose files the cache believes.
#[derive(Clone, Copy, Debug)]
struct User(u32);

impl User {
    /// The effective user of this process, who owns the files that it creates.
    fn effective() -> Self {
        Self(effective_user())
    }

    fn judge_owner(self, path: &Path, seen: &Metadata) -> Result<(), CacheError> {
        if owner(seen) == self.0 {
            Ok(())
        } else {
            Err(CacheError::ForeignOwner {
                path: path.to_owned(),
                owner: owner(seen),
            })
        }
    }

    fn judge_mode(self, path: &Path, seen: &Metadata, forbidden: u32) -> Result<(), CacheError> {
        if mode(seen) & forbidden == 0 {
            Ok(())
        } else {
            Err(CacheError::OpenToOthers {
                path: path.to_owned(),
                mode: mode(seen) & 0o7777,
            })
        }
    }

    /// The owner comes first: another user's link or file in our place is above all foreign.
    fn judge_own_folder(self, path: &Path, seen: &Metadata) -> Result<(), CacheError> {
        self.judge_owner(path, seen)?;
        judge_is_folder(path, seen)?;
        self.judge_mode(path, seen, WRITABLE_BY_OTHERS)
    }

    fn judge_outer_folder(self, path: &Path, seen: &Metadata) -> Result<(), CacheError> {
        judge_is_folder(path, seen)?;
        if owner(seen) != ROOT {
            self.judge_owner(path, seen)?;
        }
        if mode(seen) & STICKY == 0 {
            self.judge_mode(path, seen, WRITABLE_BY_OTHERS)?;
        }
        Ok(())
    }

    /// What is to be made in a folder: root makes nothing in another user's (`sudo -E`), as its
    /// owner could never use or mend it.
    fn judge_folder_above(self, path: &Path, seen: &Metadata) -> Result<(), CacheError> {
        match self.0 {
            ROOT => self.judge_owner(path, seen),
            _ => Ok(()),
        }
    }

    /// Whether `dir` is one that several users may share: judged good, and writable by others.
    fn shares(self, dir: &Path) -> Result<bool, CacheError> {
        Ok(look_at(dir)?.is_some_and(|seen| {
            self.judge_outer_folder(dir, &seen).is_ok() && mode(&seen) & WRITABLE_BY_OTHERS != 0
        }))
    }

    fn folder_in_shared(self, dir: &Path) -> PathBuf {
        dir.join(format!("{NAME}-{}", self.0))
    }
}

fn judge_is_folder(path: &Path, seen: &Metadata) -> Result<(), CacheError> {
    if seen.is_symlink() {
        Err(CacheError::SymbolicLink {
            path: path.to_owned(),
        })
    } else if !seen.is_dir() {
        Err(CacheError::NotAFolder {
            path: path.to_owned(),
        })
    } else {
        Ok(())
    }
}

fn close_to_readers(path: &Path, seen: &Metadata) -> Result<(), CacheError> {
    if mode(seen) & 0o077 == 0 {
        return Ok(());
    }
    set_private(path).map_err(|source| CacheError::write(path, source))
}

/// Looks without following a link; `None` if there is no file.
pub(super) fn look_at(path: &Path) -> Result<Option<Metadata>, CacheError> {
    match fs::symlink_metadata(path) {
        Ok(seen) => Ok(Some(seen)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == ErrorKind::NotADirectory => Err(CacheError::NotAFolder {
            path: path.parent().unwrap_or(path).to_owned(),
        }),
        Err(source) => Err(CacheError::read(path, source)),
    }
}

#[cfg(unix)]
mod platform {
    use std::fs::{self, Metadata, Permissions};
    use std::io;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    use std::path::Path;

    pub(super) fn effective_user() -> u32 {
        rustix::process::geteuid().as_raw()
    }

    pub(super) fn owner(seen: &Metadata) -> u32 {
        seen.uid()
    }

    pub(super) fn mode(seen: &Metadata) -> u32 {
        seen.mode()
    }

    pub(super) fn set_private(path: &Path) -> io::Result<()> {
        fs::set_permissions(path, Permissions::from_mode(0o700))
    }
}

/// Elsewhere a user's profile folder is private by inheritance, and nothing here can be asked
/// with the standard library alone: all files are this user's, and closed to others.
#[cfg(not(unix))]
mod platform {
    use std::fs::Metadata;
    use std::io;
    use std::path::Path;

    pub(super) fn effective_user() -> u32 {
        super::ROOT
    }

    pub(super) fn owner(_: &Metadata) -> u32 {
        super::ROOT
    }

    pub(super) fn mode(_: &Metadata) -> u32 {
        0
    }

    pub(super) fn set_private(_: &Path) -> io::Result<()> {
        Ok(())
    }
}
