//! How root finds a file, so that no link of another user decides which file that is.
//!
//! Root goes from folder to folder and holds each one open, so that it cannot be swapped. A link is
//! followed in two cases only:
//!
//! - Root made it, in a folder that no other user may write to.
//! - It leads to something of the user who controls the link. That user could have changed it
//!   without root.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata};
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::{MetadataExt as _, fchown};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::error::{Control, MOST_LINKS, UserFileError, user_name};

const STICKY: u32 = 0o1000;

/// A folder that is held open, and the rest of the path.
#[derive(Debug)]
pub(super) struct HeldFolder {
    folder: OwnedFd,
    /// Without links.
    pub path: PathBuf,
    /// Folders that do not exist yet.
    missing: Vec<OsString>,
    /// The last name of the path.
    pub name: OsString,
    /// Links of users that lead to the file, which has to belong to each of them.
    links: Vec<Link>,
}

/// A link that a user other than root controls.
#[derive(Debug)]
struct Link {
    path: PathBuf,
    controller: Controller,
}

/// The user who controls where a link leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Controller {
    user: u32,
    by: Control,
}

/// A step of a path.
enum PathStep {
    Root,
    Up,
    Name(OsString),
    /// The end of a link's target.
    EndOf(PathBuf, Option<Controller>),
}

/// The state of resolving a path.
struct Resolution {
    folder: OwnedFd,
    path: PathBuf,
    steps: VecDeque<PathStep>,
    links: usize,
    /// Not a folder, and so the last of the path.
    last: Option<OsString>,
    missing: Vec<OsString>,
    user_links: Vec<Link>,
}

impl Resolution {
    fn take(&mut self, step: PathStep, whole: &Path) -> Result<(), UserFileError> {
        match step {
            PathStep::EndOf(link, controller) => self.end_of(link, controller),
            PathStep::Root | PathStep::Up if self.is_past_folders() => Err(self.not_a_folder()),
            PathStep::Root => self.enter(OsStr::new("/"), "/".into()),
            PathStep::Up => {
                let above = self.path.parent().unwrap_or(&self.path).to_owned();
                self.enter(OsStr::new(".."), above)
            }
            // A file has no children, and none can be made.
            PathStep::Name(name) if self.is_past_folders() => {
                self.missing.extend(self.last.take());
                self.missing.push(name);
                Ok(())
            }
            PathStep::Name(name) => self.name(name, whole),
        }
    }

    fn name(&mut self, name: OsString, whole: &Path) -> Result<(), UserFileError> {
        let path = self.path.join(&name);
        let found = match rustix::fs::statat(&self.folder, &name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => found,
            Err(Errno::NOENT) => {
                self.missing.push(name);
                return Ok(());
            }
            Err(errno) => return Err(read_error(&path, errno)),
        };
        match FileType::from_raw_mode(found.st_mode) {
            FileType::Symlink => self.follow(&name, &found, whole),
            FileType::Directory if self.goes_on() => self.enter(&name, path),
            _ => {
                self.last = Some(name);
                Ok(())
            }
        }
    }

    /// Puts the target of a link before the remaining steps.
    fn follow(&mut self, name: &OsStr, link: &Stat, whole: &Path) -> Result<(), UserFileError> {
        let path = self.path.join(name);
        self.links += 1;
        if self.links > MOST_LINKS {
            let path = whole.to_owned();
            return Err(UserFileError::TooManyLinks { path });
        }
        let folder = self.stat()?;
        let controller = controller(link, &folder)
            .ok_or_else(|| shared_link_error(path.clone(), link, &folder))?;
        let target = rustix::fs::readlinkat(&self.folder, name, Vec::new())
            .map_err(|errno| read_error(&path, errno))?;
        let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
        self.steps.push_front(PathStep::EndOf(path, controller));
        for step in steps(&target).collect::<Vec<_>>().into_iter().rev() {
            self.steps.push_front(step);
        }
        Ok(())
    }

    fn end_of(
        &mut self,
        link: PathBuf,
        controller: Option<Controller>,
    ) -> Result<(), UserFileError> {
        if !self.missing.is_empty() && self.goes_on() {
            return Err(UserFileError::NotAFolder { path: link });
        }
        let Some(controller) = controller else {
            return Ok(());
        };
        let link = Link {
            path: link,
            controller,
        };
        if self.last.is_some() {
            // Its owner is checked when it is open.
            self.user_links.push(link);
            return Ok(());
        }
        let owner = self.stat()?.st_uid;
        link.check(&self.path, owner)
    }

    fn enter(&mut self, name: &OsStr, path: PathBuf) -> Result<(), UserFileError> {
        self.folder = open_folder(&self.folder, name).map_err(|errno| read_error(&path, errno))?;
        self.path = path;
        Ok(())
    }

    fn stat(&self) -> Result<Stat, UserFileError> {
        rustix::fs::fstat(&self.folder).map_err(|errno| read_error(&self.path, errno))
    }

    fn goes_on(&self) -> bool {
        let mut steps = self.steps.iter();
        steps.any(|step| !matches!(step, PathStep::EndOf(..)))
    }

    fn is_past_folders(&self) -> bool {
        self.last.is_some() || !self.missing.is_empty()
    }

    fn not_a_folder(&self) -> UserFileError {
        let mut path = self.path.clone();
        path.extend(self.missing.first().or(self.last.as_ref()));
        UserFileError::NotAFolder { path }
    }
}

impl Link {
    /// Checks that the target belongs to the user who controls the link.
    fn check(&self, target: &Path, owner: u32) -> Result<(), UserFileError> {
        let Controller { user, by } = self.controller;
        if owner == user {
            Ok(())
        } else {
            Err(UserFileError::ForeignLink {
                link: self.path.clone(),
                user: user_name(user),
                controlled_by: by,
                target: target.to_owned(),
            })
        }
    }
}

impl HeldFolder {
    /// Finds a file, which need not exist.
    ///
    /// # Errors
    /// When a link of another user leads to something that does not belong to that user.
    pub(super) fn find(path: &Path) -> Result<Self, UserFileError> {
        let absolute = std::path::absolute(path).map_err(|error| read_error(path, error))?;
        let mut resolution = Resolution {
            folder: open_folder(CWD, OsStr::new("/")).map_err(|errno| read_error(path, errno))?,
            path: "/".into(),
            steps: steps(&absolute).collect(),
            links: 0,
            last: None,
            missing: Vec::new(),
            user_links: Vec::new(),
        };
        while let Some(step) = resolution.steps.pop_front() {
            resolution.take(step, path)?;
        }
        let mut missing = resolution.missing;
        let name = resolution.last.or_else(|| missing.pop());
        let not_a_file = || UserFileError::NotAFile {
            path: path.to_owned(),
        };
        Ok(Self {
            name: name.ok_or_else(not_a_file)?,
            folder: resolution.folder,
            path: resolution.path,
            missing,
            links: resolution.user_links,
        })
    }

    /// A path to the held folder, which links made meanwhile do not affect. Without `/proc`, it is
    /// the path that was checked.
    pub(super) fn at(&self) -> PathBuf {
        let held = PathBuf::from(format!("/proc/self/fd/{}", self.folder.as_raw_fd()));
        let is_it = match (fs::metadata(&held), rustix::fs::fstat(&self.folder)) {
            // Their types differ between systems.
            #[allow(
                clippy::useless_conversion,
                clippy::unnecessary_cast,
                reason = "see above"
            )]
            (Ok(one), Ok(other)) => {
                (one.dev(), one.ino()) == (other.st_dev as u64, other.st_ino as u64)
            }
            _ => false,
        };
        if is_it { held } else { self.path.clone() }
    }

    /// A path to the folder of the file, from the path of the held folder.
    pub(super) fn with_missing(&self, folder: PathBuf) -> PathBuf {
        self.missing.iter().fold(folder, |it, name| it.join(name))
    }

    /// Whether it is the same folder.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let stat = |held: &Self| rustix::fs::fstat(&held.folder).map(|it| (it.st_dev, it.st_ino));
        self.path == other.path && stat(self).is_ok_and(|one| stat(other) == Ok(one))
    }

    /// Refuses a file that another user may have made as a hard link.
    pub(super) fn check_owner(&self, name: &OsStr, file: &Metadata) -> Result<(), UserFileError> {
        let path = self.path.join(name);
        for link in self.links.iter().filter(|_| *name == *self.name) {
            link.check(&path, file.uid())?;
        }
        let folder =
            rustix::fs::fstat(&self.folder).map_err(|errno| read_error(&self.path, errno))?;
        let is_fine = match folder.st_uid {
            0 if !is_open(&folder) => true,
            0 => file.nlink() == 1,
            owner => file.uid() == owner || (file.uid() == 0 && file.nlink() == 1),
        };
        if is_fine {
            Ok(())
        } else {
            Err(foreign_file_error(path, file, &folder))
        }
    }

    /// Makes the missing folders, each for the owner of its parent.
    pub(super) fn make_missing(&mut self) -> Result<(), UserFileError> {
        for name in std::mem::take(&mut self.missing) {
            let path = self.path.join(&name);
            self.folder = self.make(&name).map_err(|source| match source.kind() {
                io::ErrorKind::NotADirectory => UserFileError::NotAFolder { path: path.clone() },
                _ => UserFileError::Write {
                    path: path.clone(),
                    source,
                },
            })?;
            self.path = path;
        }
        Ok(())
    }

    fn make(&self, name: &OsStr) -> io::Result<OwnedFd> {
        let above = rustix::fs::fstat(&self.folder)?;
        match rustix::fs::mkdirat(&self.folder, name, Mode::RWXU) {
            // Another process was faster.
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno.into()),
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = match rustix::fs::openat(&self.folder, name, flags, Mode::empty()) {
            // The errors of Linux and macOS for a link.
            Err(Errno::LOOP | Errno::NOTDIR) => Err(Errno::NOTDIR),
            opened => opened,
        }?;
        let new = rustix::fs::fstat(&folder)?;
        // It could have been swapped for a folder of root's that is not empty.
        if new.st_uid == 0 && above.st_uid != 0 && is_empty(&folder)? {
            fchown(&folder, Some(above.st_uid), Some(above.st_gid))?;
        }
        Ok(folder)
    }
}

/// The error for a file, by its owner, its links and its folder.
fn foreign_file_error(path: PathBuf, file: &Metadata, folder: &Stat) -> UserFileError {
    let owner = user_name(file.uid());
    let folder_owner = user_name(folder.st_uid);
    match folder.st_uid {
        0 => UserFileError::HardLink {
            path,
            owner,
            writers: "several users".to_owned(),
        },
        _ if file.uid() == 0 => UserFileError::HardLink {
            path,
            owner,
            writers: folder_owner.to_string(),
        },
        _ => UserFileError::ForeignFile {
            path,
            owner,
            folder_owner,
        },
    }
}

/// The error for a link without a single [`controller`].
fn shared_link_error(link: PathBuf, found: &Stat, folder: &Stat) -> UserFileError {
    match (found.st_uid, folder.st_uid) {
        (0, 0) => UserFileError::OpenLink { link },
        (owner, folder_owner) => UserFileError::SharedLink {
            link,
            owner: user_name(owner),
            folder_owner: user_name(folder_owner),
        },
    }
}

/// The user who controls where a link leads, or `Some(None)` for root alone; `None` if several do.
fn controller(link: &Stat, folder: &Stat) -> Option<Option<Controller>> {
    let of = |user, by| Some(Some(Controller { user, by }));
    match (link.st_uid, folder.st_uid) {
        (0, 0) if !is_open(folder) => Some(None),
        // No other user can remove or rename it. It could be a hard link.
        (0, 0) if is_sticky(folder) && link.st_nlink == 1 => Some(None),
        (0, 0) => None,
        (0, user) => of(user, Control::Folder),
        (user, 0) => of(user, Control::Link),
        (user, other) if user == other => of(user, Control::Link),
        _ => None,
    }
}

/// Whether users other than the owner may write to a folder. Root's group is root.
fn is_open(folder: &Stat) -> bool {
    let mode = bits(folder);
    mode & 0o002 != 0 || (mode & 0o020 != 0 && folder.st_gid != 0)
}

fn is_sticky(folder: &Stat) -> bool {
    bits(folder) & STICKY != 0
}

#[allow(clippy::useless_conversion, reason = "it is narrower on macOS")]
fn bits(found: &Stat) -> u32 {
    found.st_mode.into()
}

fn is_empty(folder: &OwnedFd) -> io::Result<bool> {
    let mut items = rustix::fs::Dir::read_from(folder)?;
    let other = items.find(|item| match item {
        Ok(item) => !matches!(item.file_name().to_bytes(), b"." | b".."),
        Err(_) => true,
    });
    Ok(other.is_none())
}

fn open_folder(folder: impl std::os::fd::AsFd, name: &OsStr) -> Result<OwnedFd, Errno> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    // Entering a folder does not require permission to read it.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let flags = flags | OFlags::PATH;
    rustix::fs::openat(folder, name, flags, Mode::empty())
}

fn steps(path: &Path) -> impl Iterator<Item = PathStep> + '_ {
    path.components().filter_map(|component| match component {
        Component::RootDir => Some(PathStep::Root),
        Component::ParentDir => Some(PathStep::Up),
        Component::Normal(name) => Some(PathStep::Name(name.to_owned())),
        Component::CurDir | Component::Prefix(_) => None,
    })
}

fn read_error(path: &Path, source: impl Into<io::Error>) -> UserFileError {
    UserFileError::Read {
        path: path.to_owned(),
        source: source.into(),
    }
}
