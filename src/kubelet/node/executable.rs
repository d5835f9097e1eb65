//! The executable in the folder of kubelet's providers, which kubelet runs as root.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use memchr::memmem;
use tempfile::TempPath;

use crate::configure::user_file::{BACKUP, Locks, sync_folder, temporary};
use crate::error::{Error, escaped_path};
use crate::fs::{Pipes, read};

/// Only executables of this program contain it.
const MARK: &[u8] = b"\x01docker-credential-ecrx executable\x01";

/// Executables of providers have at most some hundred MiB.
const MAX_LENGTH: u64 = 1 << 30;

/// Why the executable was not installed or removed.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExecutableError {
    #[error("kubelet would run an executable as root that other users can replace: {0}")]
    Unsafe(String),
    #[error("cannot read {}", escaped_path(path))]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write {}", escaped_path(path))]
    Write { path: PathBuf, source: io::Error },
}

/// What has the name of the executable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Occupant {
    Nothing,
    /// The running executable, as it is to be.
    Current,
    /// This program in another version, or not executable.
    Ours,
    Foreign,
}

/// The executable under a name of kubelet's configuration.
#[derive(Debug)]
pub(super) struct Executable {
    pub path: PathBuf,
    pub occupant: Occupant,
}

/// What the executable has replaced, until this is dropped.
#[derive(Debug)]
pub(super) struct Previous {
    target: PathBuf,
    file: Option<TempPath>,
    /// The copy for `uninstall` that was made.
    kept: Option<PathBuf>,
}

impl Executable {
    pub(super) fn find(bin_dir: &Path, name: &str) -> Result<Self, ExecutableError> {
        let path = bin_dir.join(name);
        let occupant = match read(&path, MAX_LENGTH, Pipes::Refused) {
            Ok(bytes) if memmem::find(&bytes, MARK).is_none() => Occupant::Foreign,
            Ok(bytes) => {
                let own = own_path()?;
                let ours = fs::read(&own).map_err(|source| ExecutableError::Read {
                    path: own.clone(),
                    source,
                })?;
                if bytes == ours && is_executable(&path) {
                    Occupant::Current
                } else {
                    Occupant::Ours
                }
            }
            Err(error) if error.is_absence() => Occupant::Nothing,
            Err(error) => {
                let source = error.into();
                return Err(ExecutableError::Read { path, source });
            }
        };
        Ok(Self { path, occupant })
    }

    /// Copies the running executable there: under another name first, so that kubelet never runs half
    /// a file. An executable of another program is kept.
    pub(super) fn install(&self) -> Result<Previous, ExecutableError> {
        let write = |source| ExecutableError::Write {
            path: self.path.clone(),
            source,
        };
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        let own = own_path()?;
        let mut own =
            File::open(&own).map_err(|source| ExecutableError::Read { path: own, source })?;
        let mut new = temporary().tempfile_in(folder).map_err(write)?;
        io::copy(&mut own, &mut new).map_err(write)?;
        make_executable(new.as_file()).map_err(write)?;
        new.as_file().sync_all().map_err(write)?;
        let mut previous = Previous {
            target: self.path.clone(),
            file: None,
            kept: None,
        };
        if self.occupant != Occupant::Nothing {
            let link = temporary().make_in(folder, |path| fs::hard_link(&self.path, path));
            previous.file = Some(link.map_err(write)?.into_temp_path());
        }
        if self.occupant == Occupant::Foreign {
            // That of an earlier installation is obsolete: the platform has written its program anew.
            match fs::remove_file(self.kept()) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(write(error)),
                _ => {}
            }
            fs::hard_link(&self.path, self.kept()).map_err(write)?;
            previous.kept = Some(self.kept());
        }
        new.persist(&self.path)
            .map_err(|error| write(error.error))?;
        sync_folder(folder);
        Ok(previous)
    }

    /// The copy of the executable that this program has replaced.
    pub(super) fn kept(&self) -> PathBuf {
        let mut name = OsString::from(&self.path);
        name.push(BACKUP);
        name.into()
    }

    /// Whether there is anything to uninstall.
    pub(super) fn is_installed(&self) -> bool {
        match self.occupant {
            Occupant::Nothing => false,
            Occupant::Current | Occupant::Ours => true,
            Occupant::Foreign => self.kept().exists(),
        }
    }

    /// The file that [`Self::uninstall`] removes: this program, or the copy of an earlier one if another
    /// program has been installed under its name since.
    pub(super) fn removed(&self) -> PathBuf {
        match self.occupant {
            Occupant::Foreign => self.kept(),
            _ => self.path.clone(),
        }
    }

    /// Removes this program, and restores the executable that it has replaced. Returns what was done.
    pub(super) fn uninstall(&self) -> Result<String, ExecutableError> {
        let kept = self.kept();
        let is_restored = self.occupant != Occupant::Foreign && kept.exists();
        let result = match is_restored {
            true => fs::rename(kept, &self.path),
            false => fs::remove_file(self.removed()),
        };
        result.map_err(|source| ExecutableError::Write {
            path: self.path.clone(),
            source,
        })?;
        sync_folder(self.path.parent().unwrap_or(Path::new("/")));
        let verb = if is_restored {
            "restored the earlier"
        } else {
            "removed"
        };
        Ok(format!("{verb} {}", escaped_path(&self.removed())))
    }
}

impl Previous {
    pub(super) fn kept(&self) -> Option<&Path> {
        self.kept.as_deref()
    }

    /// Restores what the executable has replaced.
    pub(super) fn restore(self) -> Result<(), ExecutableError> {
        let Self { target, file, kept } = self;
        let result = match file {
            Some(file) => file.persist(&target).map_err(|error| error.error),
            None => fs::remove_file(&target),
        };
        result
            .and_then(|()| kept.map_or(Ok(()), fs::remove_file))
            .map_err(|source| ExecutableError::Write {
                path: target,
                source,
            })
    }
}

/// The running executable.
fn own_path() -> Result<PathBuf, ExecutableError> {
    std::env::current_exe().map_err(|source| ExecutableError::Read {
        path: "this executable".into(),
        source,
    })
}

/// Makes the missing folders, which only root can write to.
pub(super) fn make_folder(folder: &Path) -> Result<(), ExecutableError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o755);
    builder
        .create(folder)
        .map_err(|source| ExecutableError::Write {
            path: folder.to_owned(),
            source,
        })
}

/// Locks the folder of an executable, and removes what a killed process has left there.
pub(super) fn lock_folder_of(executable: &Path, locks: &mut Locks) -> Result<(), Error> {
    locks.take_folder_of(executable).map_err(Error::failure)
}

#[cfg(unix)]
fn make_executable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    file.set_permissions(fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn make_executable(_: &File) -> io::Result<()> {
    Ok(())
}

/// Whether kubelet can run it.
#[cfg(unix)]
pub(super) fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;

    fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
pub(super) fn is_executable(path: &Path) -> bool {
    path.is_file()
}

/// Refuses a path that other users than root can replace.
pub(super) fn check_chain(path: &Path) -> Result<(), ExecutableError> {
    match chain_problems(path).into_iter().next() {
        Some(problem) => Err(ExecutableError::Unsafe(problem)),
        None => Ok(()),
    }
}

/// Who other than root can replace a file or folder, or a folder that it is in. What does not exist
/// is left out.
#[cfg(unix)]
pub(super) fn chain_problems(path: &Path) -> Vec<String> {
    use std::os::unix::fs::MetadataExt as _;

    use crate::configure::user_file::user_name;

    const STICKY: u32 = 0o1000;
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let real = fs::canonicalize(&absolute).unwrap_or_else(|_| absolute.clone());
    let mut problems = Vec::new();
    for path in [&absolute, &real] {
        for (index, part) in path.ancestors().enumerate() {
            let Ok(found) = fs::metadata(part) else {
                continue;
            };
            let shown = escaped_path(part);
            let mode = found.mode();
            // In a sticky folder, others cannot rename what is root's.
            let is_sticky = found.is_dir() && mode & STICKY != 0 && index > 0;
            let problem = if found.uid() != 0 {
                format!("{shown} belongs to {}", user_name(found.uid()))
            } else if mode & 0o002 != 0 && !is_sticky {
                format!(
                    "all users can write to {shown} (mode {:04o})",
                    mode & 0o7777
                )
            } else if mode & 0o020 != 0 && !is_sticky {
                format!(
                    "its group can write to {shown} (mode {:04o})",
                    mode & 0o7777
                )
            } else {
                continue;
            };
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
    }
    problems
}

#[cfg(not(unix))]
pub(super) fn chain_problems(_: &Path) -> Vec<String> {
    Vec::new()
}
