//! Who may have touched a folder or a file, and whether it is used then.
//!
//! The cache folder DIR that a person names may be open to others: it may be the `~/.ecr` of the
//! established helper, or a folder that several users share. What is ours lives in a folder of
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
//! nobody else may write them, so what is in them was written by us, whoever can rename the
//! folders above.

use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::error::CacheError;
use platform::{effective_user, mode, owner, set_private};

/// The name of our folder. It changes when the format of the files becomes one that this
/// version could not live beside.
pub(super) const NAME: &str = "v1";

const ROOT: u32 = 0;
const STICKY: u32 = 0o1000;
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// The user whose files the cache believes.
#[derive(Clone, Copy, Debug)]
pub(super) struct User(u32);

impl User {
    /// Whom the system takes this process for: it is the owner of the files we make.
    pub(super) fn effective() -> Self {
        Self(effective_user())
    }

    pub(super) fn judge_owner(self, path: &Path, seen: &Metadata) -> Result<(), CacheError> {
        if owner(seen) == self.0 {
            Ok(())
        } else {
            Err(CacheError::ForeignOwner {
                path: path.to_owned(),
                owner: owner(seen),
            })
        }
    }

    pub(super) fn judge_mode(
        self,
        path: &Path,
        seen: &Metadata,
        forbidden: u32,
    ) -> Result<(), CacheError> {
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
    pub(super) fn judge_own_folder(self, path: &Path, seen: &Metadata) -> Result<(), CacheError> {
        self.judge_owner(path, seen)?;
        judge_is_folder(path, seen)?;
        self.judge_mode(path, seen, WRITABLE_BY_OTHERS)
    }

    pub(super) fn judge_outer_folder(self, path: &Path, seen: &Metadata) -> Result<(), CacheError> {
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
    pub(super) fn judge_folder_above(self, path: &Path, seen: &Metadata) -> Result<(), CacheError> {
        match self.0 {
            ROOT => self.judge_owner(path, seen),
            _ => Ok(()),
        }
    }

    /// Whether `dir` is one that several users may share: judged good, and writable by others.
    pub(super) fn shares(self, dir: &Path) -> Result<bool, CacheError> {
        Ok(look_at(dir)?.is_some_and(|seen| {
            self.judge_outer_folder(dir, &seen).is_ok() && mode(&seen) & WRITABLE_BY_OTHERS != 0
        }))
    }

    pub(super) fn folder_in_shared(self, dir: &Path) -> PathBuf {
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

pub(super) fn close_to_readers(path: &Path, seen: &Metadata) -> Result<(), CacheError> {
    if mode(seen) & 0o077 == 0 {
        return Ok(());
    }
    set_private(path).map_err(|source| CacheError::Write {
        path: path.to_owned(),
        source,
    })
}

/// Looks without following a link; `None` when nothing is there.
pub(super) fn look_at(path: &Path) -> Result<Option<Metadata>, CacheError> {
    match fs::symlink_metadata(path) {
        Ok(seen) => Ok(Some(seen)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == ErrorKind::NotADirectory => Err(CacheError::NotAFolder {
            path: path.parent().unwrap_or(path).to_owned(),
        }),
        Err(source) => Err(CacheError::Read {
            path: path.to_owned(),
            source,
        }),
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
/// with the standard library alone: all files are this user's, and open to nobody else.
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
