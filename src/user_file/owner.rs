//! Whose a file is, and who may read and write it.

use std::fs::{File, Metadata};
use std::path::Path;

/// Whether the system lets this process write there.
#[cfg(unix)]
pub(super) fn may_write(path: &Path) -> bool {
    use rustix::fs::{Access, AtFlags, CWD, accessat};

    accessat(CWD, path, Access::WRITE_OK, AtFlags::EACCESS).is_ok()
}

#[cfg(not(unix))]
pub(super) fn may_write(_: &Path) -> bool {
    true
}

/// Whether a file has hard links.
#[cfg(unix)]
pub(super) fn has_other_names(file: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(file) > 1
}

#[cfg(not(unix))]
pub(super) fn has_other_names(_: &Metadata) -> bool {
    false
}

/// Gives a file the mode and the owner of the one that it replaces. As what is new it has mode
/// 0600 already.
#[cfg(unix)]
pub(super) fn make_alike(
    file: &File,
    like: Option<&Metadata>,
    folder: &Path,
) -> std::io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};

    let own = file.metadata()?;
    let (owner, group) = match like {
        Some(like) => (like.uid(), like.gid()),
        None if rustix::process::geteuid().is_root() => {
            let folder = std::fs::metadata(folder)?;
            (folder.uid(), folder.gid())
        }
        None => (own.uid(), own.gid()),
    };
    let Some(mode) = like.map(|like| like.mode() & 0o7777) else {
        return match (owner, group) == (own.uid(), own.gid()) {
            true => Ok(()),
            false => fchown(file, Some(owner), Some(group)),
        };
    };
    let mut mode = mode;
    if (owner, group) != (own.uid(), own.gid())
        && let Err(error) = fchown(file, Some(owner), Some(group))
    {
        // Only root gives files away, and others only to groups that they are in.
        if owner != own.uid() {
            return Err(error);
        }
        // What the one group may read is not the other's.
        mode &= 0o707;
    }
    file.set_permissions(std::fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
pub(super) fn make_alike(_: &File, _: Option<&Metadata>, _: &Path) -> std::io::Result<()> {
    Ok(())
}

/// What root makes in another user's folder becomes that user's.
#[cfg(unix)]
pub(super) fn give_to_owner_of(folder: &Path, new: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, lchown};

    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let folder = std::fs::metadata(folder)?;
    lchown(new, Some(folder.uid()), Some(folder.gid()))
}

#[cfg(not(unix))]
pub(super) fn give_to_owner_of(_: &Path, _: &Path) -> std::io::Result<()> {
    Ok(())
}

/// Makes the new name outlive a power cut. Not every file system can.
#[cfg(unix)]
pub(super) fn sync_folder(folder: &Path) {
    if let Err(error) = File::open(folder).and_then(|folder| folder.sync_all()) {
        log::debug!("cannot sync {}: {error}", folder.display());
    }
}

#[cfg(not(unix))]
pub(super) fn sync_folder(_: &Path) {}
