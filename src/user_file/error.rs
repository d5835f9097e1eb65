//! Why a file of a person's was not changed.

use std::io;
use std::path::PathBuf;

use super::owner::UserName;

/// Why a file was not read or not replaced. In each case but [`Self::HalfWritten`] it is as it
/// was.
#[derive(Debug, thiserror::Error)]
pub enum UserFileError {
    /// The system does not let us read it.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A folder, pipe or device where a file should be.
    #[error("{} is not a regular file", path.display())]
    NotAFile {
        /// What should have been the file.
        path: PathBuf,
    },
    /// Something else where a folder should be, or a link to nothing.
    #[error("{} is not a folder", path.display())]
    NotAFolder {
        /// What should have been the folder.
        path: PathBuf,
    },
    /// More than anybody has in such a file.
    #[error("{} is larger than 8 MiB, the most that is read of it", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Links that lead in a circle.
    #[error("{} is a link that leads nowhere", path.display())]
    TooManyLinks {
        /// The first of them.
        path: PathBuf,
    },
    /// Root would change what another user has chosen.
    #[error(
        "{} is a symbolic link that {user} controls, and {} does not belong to {user}: as root, this program does not follow it",
        link.display(), target.display()
    )]
    ForeignLink {
        /// The link.
        link: PathBuf,
        /// The user who controls it.
        user: UserName,
        /// What it leads to, or the folder that this would be in.
        target: PathBuf,
    },
    /// The same, by several users.
    #[error(
        "{} is a symbolic link in a folder that several users may write to: as root, this program does not follow it",
        link.display()
    )]
    OpenLink {
        /// The link.
        link: PathBuf,
    },
    /// It may be a hard link to a file that only root may read.
    #[error(
        "{} belongs to {owner} and may be a hard link, and its folder belongs to {folder_owner}: as root, this program does not change it",
        path.display()
    )]
    ForeignFile {
        /// The file.
        path: PathBuf,
        /// Its owner.
        owner: UserName,
        /// Its folder's owner.
        folder_owner: UserName,
    },
    /// Not to be written to.
    #[error("{} is read-only: nothing was changed", path.display())]
    ReadOnly {
        /// The file, or its folder.
        path: PathBuf,
    },
    /// The system does not let us write it.
    #[error("cannot write {}: it is as it was", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A mounted file, which can only be written in place, and was neither written whole nor put
    /// back.
    #[error("{} was not written whole: as it was, it is at {}", path.display(), backup.display())]
    HalfWritten {
        /// The file.
        path: PathBuf,
        /// What to put back.
        backup: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody else has changed it meanwhile.
    #[error("{} was changed by somebody else just now, and is left as it is: run this again", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// Another process of this program does not come to its end.
    #[error("another docker-credential-ecrx is changing files in {}", path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
    },
}

impl UserFileError {
    /// What to do about it, if root is not to do it: `command` is this program's that runs now.
    pub fn hint(&self, command: &str) -> Option<String> {
        let user = match self {
            Self::ForeignLink { user, .. } => user,
            Self::ForeignFile { folder_owner, .. } => folder_owner,
            Self::OpenLink { .. } => return Some("name the file that it leads to".to_owned()),
            _ => return None,
        };
        Some(format!(
            "run this command as that user: sudo -u {} docker-credential-ecrx {command} …",
            user.for_sudo()
        ))
    }
}
