//! Changing a file that belongs to a person: seen under a lock, replaced whole or not at all, and
//! kept beside the new one as it was.
//!
//! - A link is followed, and what it leads to is replaced, so that a folder of dotfiles stays one.
//! - A file that is mounted by itself (a dev container, a Kubernetes `subPath`) has no name that
//!   could be given to another one. It is written in place, with the backup made before.
//! - Mode and owner stay. What is new gets mode 0600 (folders 0700), and from root the owner of
//!   the folder that it is made in.
//! - Nobody else's change is lost: the file is compared with what was read just before it is
//!   replaced. Between two processes of this program, a lock on the folder keeps the order.

mod error;
mod in_place;
mod lock;
mod owner;
#[cfg(test)]
mod tests;

use std::fs::{self, File, Metadata};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

pub use error::UserFileError;
pub use lock::Locks;
use owner::{give_to_owner_of, has_other_names, make_alike, may_write, sync_folder};

/// A larger file is not read.
const MAX_LENGTH: u64 = 8 << 20;

/// What files are called that are being written.
const TEMPORARY: (&str, &str) = (".ecrx-", ".tmp");

/// Links that lead from one to the next.
const MOST_LINKS: usize = 40;

/// A file as it was found.
#[derive(Debug)]
pub struct UserFile {
    path: PathBuf,
    target: PathBuf,
    before: Option<Vec<u8>>,
}

/// What replacing a file has left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// `None` where there was none.
    pub backup: Option<Backup>,
    /// It had other names (hard links), by which it is as it was.
    pub had_other_names: bool,
    /// It is mounted by itself, and was written in place.
    pub is_mounted: bool,
}

/// Where a file is kept as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// It lies beside the file.
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
    pub fn read(path: &Path) -> Result<Self, UserFileError> {
        let target = behind_links(path)?;
        let before = read(&target)?;
        Ok(Self {
            path: path.to_owned(),
            target,
            before,
        })
    }

    /// Reads a file when nobody else of this program changes it, or one beside it, for as long
    /// as `locks` live. Makes the folder where it is missing.
    pub fn lock(path: &Path, locks: &mut Locks) -> Result<Self, UserFileError> {
        let target = behind_links(path)?;
        let folder = folder_of(&target);
        make_folder(folder)?;
        locks.take(folder)?;
        Self::read(path)
    }

    /// The file as it is named.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it is a link to.
    pub fn link_target(&self) -> Option<&Path> {
        (self.path != self.target).then_some(&*self.target)
    }

    /// Its bytes; `None` when there is no file.
    pub fn bytes(&self) -> Option<&[u8]> {
        self.before.as_deref()
    }

    /// Refuses a file or a folder that is not to be written to.
    pub fn check_writable(&self) -> Result<(), UserFileError> {
        let read_only = |path: &Path| UserFileError::ReadOnly {
            path: path.to_owned(),
        };
        match fs::metadata(&self.target) {
            // Root may write to it all the same, but somebody has meant it.
            Ok(found) if found.permissions().readonly() => return Err(read_only(&self.target)),
            Ok(_) if !may_write(&self.target) => return Err(read_only(&self.target)),
            _ => {}
        }
        let folder = folder_of(&self.target);
        match folder.is_dir() && !may_write(folder) {
            true => Err(read_only(folder)),
            false => Ok(()),
        }
    }

    /// Puts these bytes in its place. `suffices` says whether a backup that is there already
    /// keeps all that there is to keep; one that is equal always does.
    ///
    /// # Errors
    /// When that cannot be done, or the file is no longer as it was read. Nothing is changed then.
    pub fn replace(
        &self,
        after: &[u8],
        suffices: impl Fn(&[u8]) -> bool,
    ) -> Result<Replaced, UserFileError> {
        self.check_writable()?;
        let seen = fs::metadata(&self.target).ok();
        let new = self.temporary(after, seen.as_ref())?;
        let mut backup = match &self.before {
            Some(before) => Some(self.keep(before, seen.as_ref(), suffices)?),
            None => None,
        };
        if read(&self.target)? != self.before || behind_links(&self.path)? != self.target {
            return Err(UserFileError::Changed {
                path: self.path.clone(),
            });
        }
        let is_mounted = match (new.persist(&self.target), &self.before) {
            (Ok(_), _) => false,
            (Err(error), Some(before)) if error.error.kind() == ErrorKind::ResourceBusy => {
                // Who is killed meanwhile must find all of it.
                let whole = self.keep(before, seen.as_ref(), |_| false)?;
                in_place::write(&self.target, before, after, &whole.path)?;
                backup = Some(whole);
                true
            }
            (Err(error), _) => return Err(self.not_written(error.error)),
        };
        sync_folder(folder_of(&self.target));
        let has_other_names = seen.is_some_and(|seen| has_other_names(&seen));
        Ok(Replaced {
            backup,
            // In place, all of its names see the change.
            had_other_names: has_other_names && !is_mounted,
            is_mounted,
        })
    }

    /// Where the file is kept: beside it, by the first name that is free or holds it already.
    fn keep(
        &self,
        before: &[u8],
        seen: Option<&Metadata>,
        suffices: impl Fn(&[u8]) -> bool,
    ) -> Result<Backup, UserFileError> {
        let name = self.target.file_name().unwrap_or_default().to_os_string();
        for number in 1..=u32::MAX {
            let mut name = name.clone();
            name.push(".before-ecrx");
            if number > 1 {
                name.push(format!("-{number}"));
            }
            let path = folder_of(&self.target).join(name);
            match read(&path) {
                Ok(Some(kept)) if kept == before => return Ok(Backup::whole(path)),
                Ok(Some(kept)) if suffices(&kept) => {
                    return Ok(Backup {
                        path,
                        is_whole: false,
                    });
                }
                // Whatever it is, it is not ours to replace.
                Ok(Some(_)) | Err(_) => {}
                Ok(None) => {
                    let backup = self.temporary(before, seen)?;
                    match backup.persist_noclobber(&path) {
                        Ok(_) => return Ok(Backup::whole(path)),
                        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => {}
                        Err(error) => return Err(self.not_written(error.error)),
                    }
                }
            }
        }
        Err(self.not_written(ErrorKind::AlreadyExists.into()))
    }

    /// A file in the same folder that holds these bytes, on the disk, with the mode and owner
    /// that the one it is for has.
    fn temporary(
        &self,
        bytes: &[u8],
        like: Option<&Metadata>,
    ) -> Result<tempfile::NamedTempFile, UserFileError> {
        let folder = folder_of(&self.target);
        let wrong = |source| self.not_written(source);
        let mut file = tempfile::Builder::new()
            .prefix(TEMPORARY.0)
            .suffix(TEMPORARY.1)
            .tempfile_in(folder)
            .map_err(wrong)?;
        file.write_all(bytes).map_err(wrong)?;
        make_alike(file.as_file(), like, folder).map_err(wrong)?;
        file.as_file().sync_all().map_err(wrong)?;
        Ok(file)
    }

    fn not_written(&self, source: std::io::Error) -> UserFileError {
        UserFileError::Write {
            path: self.target.clone(),
            source,
        }
    }
}

/// The bytes of a regular file; `None` when there is none.
fn read(path: &Path) -> Result<Option<Vec<u8>>, UserFileError> {
    let wrong = |source| UserFileError::Read {
        path: path.to_owned(),
        source,
    };
    // Looked at before it is opened: opening a pipe would wait for a writer.
    match fs::metadata(path) {
        Ok(found) if !found.is_file() => {
            return Err(UserFileError::NotAFile {
                path: path.to_owned(),
            });
        }
        Ok(_) => {}
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(wrong(error)),
    }
    let mut bytes = Vec::new();
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(wrong(error)),
    };
    file.take(MAX_LENGTH + 1)
        .read_to_end(&mut bytes)
        .map_err(wrong)?;
    match bytes.len() as u64 > MAX_LENGTH {
        true => Err(UserFileError::TooLarge {
            path: path.to_owned(),
        }),
        false => Ok(Some(bytes)),
    }
}

fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// What a chain of links leads to, which need not be there.
fn behind_links(path: &Path) -> Result<PathBuf, UserFileError> {
    let mut target = path.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&target) {
            Ok(next) => target = folder_of(&target).join(next),
            Err(_) if target == path => return Ok(target),
            // Links say `../../dotfiles`, which nobody wants to read.
            Err(_) => {
                let folder = folder_of(&target).canonicalize();
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

/// Makes a folder and what is missing above it.
fn make_folder(folder: &Path) -> Result<(), UserFileError> {
    if folder.is_dir() {
        return Ok(());
    }
    let above = folder_of(folder);
    if above != folder {
        make_folder(above)?;
    }
    let wrong = |source| UserFileError::Write {
        path: folder.to_owned(),
        source,
    };
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        Ok(()) => give_to_owner_of(above, folder).map_err(wrong),
        // Another process was faster.
        Err(error) if error.kind() == ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(UserFileError::NotAFolder {
            path: folder.to_owned(),
        }),
        Err(error) => Err(wrong(error)),
    }
}
