//! Why a user's file was not changed.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::shell_word::shell_word;

/// A user, for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UserName {
    /// `None` if `/etc/passwd` does not have the user.
    name: Option<String>,
    id: u32,
}

impl UserName {
    /// The name for `sudo -u`, which refuses a number unless `sudoers` allows it
    /// (`runas_allow_unknown_id`).
    fn for_sudo(&self) -> Option<Cow<'_, str>> {
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

/// Reads only `/etc/passwd`, which is enough for a message.
#[cfg(unix)]
pub(crate) fn user_name(id: u32) -> UserName {
    let users = std::fs::read("/etc/passwd").unwrap_or_default();
    let users = String::from_utf8_lossy(&users);
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == id.to_string()).then(|| name.to_owned())
    });
    UserName { name, id }
}

/// How a user controls a symbolic link.
#[cfg_attr(windows, expect(dead_code, reason = "there is no root"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Control {
    /// The user owns the link.
    Link,
    /// The user owns the folder, and root the link.
    Folder,
}

impl fmt::Display for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Link => "that belongs to",
            Self::Folder => "in a folder that belongs to",
        })
    }
}

/// The longest chain of links that is followed.
pub(super) const MOST_LINKS: usize = 40;

/// Why a file was not read or not replaced. Except for [`Self::HalfWritten`], it is unchanged.
#[cfg_attr(windows, expect(dead_code, reason = "some errors are those of root"))]
#[derive(Debug, thiserror::Error)]
pub(crate) enum UserFileError {
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    /// A folder, pipe or device instead of a file.
    #[error("{} is not a regular file", path.display())]
    NotAFile { path: PathBuf },
    /// Something else instead of a folder, or a dangling link.
    #[error("{} is not a folder", path.display())]
    NotAFolder { path: PathBuf },
    #[error("{} is larger than the limit of 8 MiB", path.display())]
    TooLarge { path: PathBuf },
    #[error("{} leads through more than {MOST_LINKS} symbolic links", path.display())]
    TooManyLinks { path: PathBuf },
    /// Another user would choose the file that root changes.
    #[error(
        "{} is a symbolic link {controlled_by} {user}, and {} does not belong to {user}: as root, docker-credential-ecrx does not follow it",
        link.display(), target.display()
    )]
    ForeignLink {
        link: PathBuf,
        user: UserName,
        controlled_by: Control,
        /// The target, or the folder that a missing target would be in.
        target: PathBuf,
    },
    /// Two users would choose it.
    #[error(
        "{} is a symbolic link that belongs to {owner}, in a folder that belongs to {folder_owner}: as root, docker-credential-ecrx does not follow it",
        link.display()
    )]
    SharedLink {
        link: PathBuf,
        owner: UserName,
        folder_owner: UserName,
    },
    /// Several users could choose it.
    #[error(
        "{} is a symbolic link in a folder that several users can write to: as root, docker-credential-ecrx does not follow it",
        link.display()
    )]
    OpenLink { link: PathBuf },
    /// It may be a hard link to a file that only root may read.
    #[error(
        "{} belongs to {owner} and has more than one hard link, and {writers} can change its folder: as root, docker-credential-ecrx does not change it",
        path.display()
    )]
    HardLink {
        path: PathBuf,
        owner: UserName,
        /// The users who may have made the hard link.
        writers: String,
    },
    /// The file belongs neither to root nor to the owner of its folder.
    #[error(
        "{} belongs to {owner}, and its folder belongs to {folder_owner}: as root, docker-credential-ecrx does not change it",
        path.display()
    )]
    ForeignFile {
        path: PathBuf,
        owner: UserName,
        folder_owner: UserName,
    },
    #[error("{} is read-only; nothing was changed", path.display())]
    ReadOnly {
        /// The file, or its folder.
        path: PathBuf,
    },
    #[error("cannot write {} (not changed)", path.display())]
    Write { path: PathBuf, source: io::Error },
    /// A mount point, which can only be written in place, was neither written whole nor restored.
    #[error("{} was only partly written; its previous content is in {}", path.display(), backup.display())]
    HalfWritten {
        path: PathBuf,
        backup: PathBuf,
        source: io::Error,
    },
    /// Another program changed it meanwhile.
    #[error("{} was changed by another process in the meantime and was not overwritten: run this command again", path.display())]
    Changed { path: PathBuf },
    /// Another process of this program has held the lock for too long.
    #[error("another docker-credential-ecrx process is changing files in {}: run this command again later", path.display())]
    Locked { path: PathBuf },
}

impl UserFileError {
    /// The remedy for files that root must not change; `command` is the running command of this
    /// program with its arguments.
    pub(crate) fn hint(&self, command: &str) -> Option<String> {
        Some(match self {
            Self::ForeignLink { user, .. } => match user.for_sudo() {
                Some(name) => format!("Run: sudo -u {name} docker-credential-ecrx {command}"),
                None => format!("Run this command as {user}"),
            },
            Self::SharedLink { .. } | Self::OpenLink { .. } => {
                "Use the path of the file that the link points to".to_owned()
            }
            Self::HardLink { .. } => {
                "Replace the file with a copy if you intend to change it".to_owned()
            }
            Self::ForeignFile { folder_owner, .. } => {
                format!("Replace the file with a copy that belongs to {folder_owner}")
            }
            _ => return None,
        })
    }
}
