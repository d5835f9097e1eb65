//! The location of a file after following links, for messages and for the system.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::fs::{ReadError, open_without_following, read_open_file};

use super::error::{MOST_LINKS, UserFileError};
#[cfg(unix)]
use super::held_folder::HeldFolder;

/// A larger file is not read.
const MAX_LENGTH: u64 = 8 << 20;

/// The target of a path after all links. It need not exist.
#[derive(Debug)]
pub(super) struct ResolvedPath {
    folder: PathBuf,
    name: OsString,
    /// For root.
    #[cfg(unix)]
    held: Option<HeldFolder>,
}

impl ResolvedPath {
    /// Follows links; as root, only as `HeldFolder` allows.
    pub(super) fn resolve(path: &Path) -> Result<Self, UserFileError> {
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

    pub(super) fn name(&self) -> &OsStr {
        &self.name
    }

    /// The folder, for messages.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A file in the folder, for messages.
    pub(super) fn path(&self, name: &OsStr) -> PathBuf {
        if self.folder == Path::new(".") {
            name.into()
        } else {
            self.folder.join(name)
        }
    }

    /// The file, for messages.
    pub(super) fn target(&self) -> PathBuf {
        self.path(&self.name)
    }

    /// The folder, for the system.
    pub(super) fn folder_at(&self) -> PathBuf {
        #[cfg(unix)]
        if let Some(held) = &self.held {
            return held.with_missing(held.at());
        }
        self.folder.clone()
    }

    /// A file in the folder, for the system.
    pub(super) fn at(&self, name: &OsStr) -> PathBuf {
        self.folder_at().join(name)
    }

    /// Makes the folder and its missing parents.
    pub(super) fn make_folder(&mut self) -> Result<(), UserFileError> {
        #[cfg(unix)]
        if let Some(held) = &mut self.held {
            return held.make_missing();
        }
        make_folder(&self.folder)
    }

    /// Whether both are the same name in the same folder.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        #[cfg(unix)]
        if let (Some(one), Some(other)) = (&self.held, &other.held)
            && !one.is_same(other)
        {
            return false;
        }
        self.target() == other.target()
    }

    /// A regular file in the folder; `None` if there is none. No link is followed.
    pub(super) fn read(&self, name: &OsStr) -> Result<Option<(Vec<u8>, Metadata)>, UserFileError> {
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
        match read_open_file(file, found.len(), MAX_LENGTH) {
            Ok(bytes) => Ok(Some((bytes, found))),
            Err(ReadError::TooLarge(_)) => Err(UserFileError::TooLarge { path }),
            Err(error) => Err(wrong(error.into())),
        }
    }
}

/// Opens a file without following a link or waiting for a pipe.
pub(super) fn open(path: &Path) -> std::io::Result<File> {
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
