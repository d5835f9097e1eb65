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

use std::fs::Metadata;
use std::path::Path;

use super::error::CacheError;

#[cfg(not(unix))]
pub(super) use elsewhere::{User, close_to_readers};
#[cfg(unix)]
pub(super) use unix::{User, close_to_readers};

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

#[cfg(unix)]
mod unix {
    use std::fs::{self, Metadata, Permissions};
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    use std::path::{Path, PathBuf};

    use super::super::folder::{NAME, look_at};
    use super::{CacheError, judge_is_folder};

    const ROOT: u32 = 0;
    const STICKY: u32 = 0o1000;
    const WRITABLE_BY_OTHERS: u32 = 0o022;

    /// The user whose files the cache believes.
    #[derive(Clone, Copy, Debug)]
    pub(in super::super) struct User(u32);

    impl User {
        /// Whom the system takes this process for: it is the owner of the files we make.
        pub(in super::super) fn effective() -> Self {
            Self(rustix::process::geteuid().as_raw())
        }

        pub(in super::super) fn judge_owner(
            self,
            path: &Path,
            seen: &Metadata,
        ) -> Result<(), CacheError> {
            if seen.uid() == self.0 {
                Ok(())
            } else {
                Err(CacheError::ForeignOwner {
                    path: path.to_owned(),
                    owner: seen.uid(),
                })
            }
        }

        pub(in super::super) fn judge_mode(
            self,
            path: &Path,
            seen: &Metadata,
            forbidden: u32,
        ) -> Result<(), CacheError> {
            if seen.mode() & forbidden == 0 {
                Ok(())
            } else {
                Err(CacheError::OpenToOthers {
                    path: path.to_owned(),
                    mode: seen.mode() & 0o7777,
                })
            }
        }

        /// The owner comes first: another user's link or file in our place is above all foreign.
        pub(in super::super) fn judge_own_folder(
            self,
            path: &Path,
            seen: &Metadata,
        ) -> Result<(), CacheError> {
            self.judge_owner(path, seen)?;
            judge_is_folder(path, seen)?;
            self.judge_mode(path, seen, WRITABLE_BY_OTHERS)
        }

        pub(in super::super) fn judge_outer_folder(
            self,
            path: &Path,
            seen: &Metadata,
        ) -> Result<(), CacheError> {
            judge_is_folder(path, seen)?;
            if seen.uid() != ROOT {
                self.judge_owner(path, seen)?;
            }
            if seen.mode() & STICKY == 0 {
                self.judge_mode(path, seen, WRITABLE_BY_OTHERS)?;
            }
            Ok(())
        }

        /// What is to be made in a folder: root makes nothing in another user's (`sudo -E`), as its
        /// owner could never use or mend it.
        pub(in super::super) fn judge_folder_above(
            self,
            path: &Path,
            seen: &Metadata,
        ) -> Result<(), CacheError> {
            match self.0 {
                ROOT => self.judge_owner(path, seen),
                _ => Ok(()),
            }
        }

        /// Whether `dir` is one that several users may share: judged good, and writable by others.
        pub(in super::super) fn shares(self, dir: &Path) -> Result<bool, CacheError> {
            Ok(look_at(dir)?.is_some_and(|seen| {
                self.judge_outer_folder(dir, &seen).is_ok() && seen.mode() & WRITABLE_BY_OTHERS != 0
            }))
        }

        pub(in super::super) fn folder_in_shared(self, dir: &Path) -> PathBuf {
            dir.join(format!("{NAME}-{}", self.0))
        }
    }

    pub(in super::super) fn close_to_readers(
        path: &Path,
        seen: &Metadata,
    ) -> Result<(), CacheError> {
        if seen.mode() & 0o077 == 0 {
            return Ok(());
        }
        fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(|source| {
            CacheError::Write {
                path: path.to_owned(),
                source,
            }
        })
    }
}

/// Elsewhere a user's profile folder is private by inheritance, and nothing here can be asked
/// with the standard library alone.
#[cfg(not(unix))]
mod elsewhere {
    use std::fs::Metadata;
    use std::path::{Path, PathBuf};

    use super::super::folder::NAME;
    use super::{CacheError, judge_is_folder};

    #[derive(Clone, Copy, Debug)]
    pub(in super::super) struct User;

    impl User {
        pub(in super::super) fn effective() -> Self {
            Self
        }

        pub(in super::super) fn judge_owner(
            self,
            _: &Path,
            _: &Metadata,
        ) -> Result<(), CacheError> {
            Ok(())
        }

        pub(in super::super) fn judge_mode(
            self,
            _: &Path,
            _: &Metadata,
            _: u32,
        ) -> Result<(), CacheError> {
            Ok(())
        }

        pub(in super::super) fn judge_own_folder(
            self,
            path: &Path,
            seen: &Metadata,
        ) -> Result<(), CacheError> {
            judge_is_folder(path, seen)
        }

        pub(in super::super) fn judge_outer_folder(
            self,
            path: &Path,
            seen: &Metadata,
        ) -> Result<(), CacheError> {
            judge_is_folder(path, seen)
        }

        pub(in super::super) fn judge_folder_above(
            self,
            _: &Path,
            _: &Metadata,
        ) -> Result<(), CacheError> {
            Ok(())
        }

        pub(in super::super) fn shares(self, _: &Path) -> Result<bool, CacheError> {
            Ok(false)
        }

        pub(in super::super) fn folder_in_shared(self, dir: &Path) -> PathBuf {
            dir.join(NAME)
        }
    }

    pub(in super::super) fn close_to_readers(_: &Path, _: &Metadata) -> Result<(), CacheError> {
        Ok(())
    }
}
