//! Whose a file is, and who may read and write it.

use std::borrow::Cow;
use std::fmt;
use std::fs::{File, Metadata};
use std::path::Path;

use crate::shell_word::shell_word;

/// A user as messages name them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UserName {
    /// As in `/etc/passwd`, if it is there.
    name: Option<String>,
    id: u32,
}

impl UserName {
    /// As `sudo -u` takes it. A user by number alone is refused unless `sudoers` allows it
    /// (`runas_allow_unknown_id`).
    pub(super) fn for_sudo(&self) -> Option<Cow<'_, str>> {
        self.name.as_deref().map(shell_word)
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => f.write_str(name),
            None => write!(f, "user {}", self.id),
        }
    }
}

/// Looks in `/etc/passwd` alone: it is for a message.
#[cfg(unix)]
pub(super) fn user_name(id: u32) -> UserName {
    let users = std::fs::read("/etc/passwd").unwrap_or_default();
    let users = String::from_utf8_lossy(&users);
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == id.to_string()).then(|| name.to_owned())
    });
    UserName { name, id }
}

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

/// Gives a file the mode and the owner of the one that it replaces, without the bits that let a
/// program run as somebody else. As what is new it has mode 0600 already.
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
    let Some(mode) = like.map(|like| like.mode() & 0o777) else {
        return if (owner, group) == (own.uid(), own.gid()) {
            Ok(())
        } else {
            fchown(file, Some(owner), Some(group))
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

/// Makes the new name outlive a power cut. Not every file system can.
#[cfg(unix)]
pub(super) fn sync_folder(folder: &Path) {
    if let Err(error) = File::open(folder).and_then(|folder| folder.sync_all()) {
        log::debug!("cannot sync {}: {error}", folder.display());
    }
}

#[cfg(not(unix))]
pub(super) fn sync_folder(_: &Path) {}
