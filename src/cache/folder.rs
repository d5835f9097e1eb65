//! The private folder: finding it, and making it where it may be made. What must hold of it is in
//! `trust.rs`.

use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::error::CacheError;
use super::key::Digest;
use super::trust::{User, close_to_readers};

/// The name of our folder. It changes when the format of the files becomes one that this
/// version could not live beside.
pub(super) const NAME: &str = "v1";

/// What a file of the cache is for, as its name ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum Role {
    Entry,
    Lock,
    SecondLock,
    ThirdLock,
    Mark,
}

impl Role {
    pub(super) fn extension(self) -> &'static str {
        match self {
            Role::Entry => "json",
            Role::Lock => "lock",
            Role::SecondLock => "2.lock",
            Role::ThirdLock => "3.lock",
            Role::Mark => "mark",
        }
    }
}

/// Our private folder, as it was found good.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    me: User,
}

impl Folder {
    /// Our folder under `dir`; `None` when there is none yet. Creates nothing.
    pub(super) fn find(dir: &Path) -> Result<Option<Self>, CacheError> {
        let me = User::effective();
        let path = dir.join(NAME);
        match look_at(&path)? {
            None => Ok(None),
            Some(seen) => match me.judge_own_folder(&path, &seen) {
                Ok(()) => Ok(Some(Self { path, me })),
                Err(CacheError::ForeignOwner { .. }) if me.shares(dir)? => {
                    let path = me.folder_in_shared(dir);
                    match look_at(&path)? {
                        None => Ok(None),
                        Some(seen) => {
                            me.judge_own_folder(&path, &seen)?;
                            Ok(Some(Self { path, me }))
                        }
                    }
                }
                Err(error) => Err(error),
            },
        }
    }

    /// Our folder under `dir`, made when there is none.
    pub(super) fn make(dir: &Path) -> Result<Self, CacheError> {
        // Without a trailing slash, which would follow a link.
        let dir: PathBuf = dir.components().collect();
        let me = User::effective();
        let seen = match look_at(&dir)? {
            Some(seen) => seen,
            None => {
                if let Some((path, seen)) = above(&dir) {
                    me.judge_folder_above(path, &seen)?;
                }
                make_folder(&dir, true)?;
                look_at(&dir)?.ok_or_else(|| vanished(&dir))?
            }
        };
        me.judge_outer_folder(&dir, &seen)?;
        let own = Self::make_own(dir.join(NAME), me);
        match own {
            Err(CacheError::ForeignOwner { .. }) if me.shares(&dir)? => {
                Self::make_own(me.folder_in_shared(&dir), me)
            }
            own => own,
        }
    }

    /// Whether our folder under `dir` can be used, or made where there is none. Creates nothing.
    pub(super) fn judge(dir: &Path) -> Result<(), CacheError> {
        let dir: PathBuf = dir.components().collect();
        if let Some(folder) = Self::find(&dir)? {
            return judge_writable(&folder.path);
        }
        let me = User::effective();
        match look_at(&dir)? {
            Some(seen) => {
                me.judge_outer_folder(&dir, &seen)?;
                judge_writable(&dir)
            }
            None => match above(&dir) {
                Some((path, seen)) => {
                    me.judge_folder_above(path, &seen)?;
                    judge_writable(path)
                }
                None => Ok(()),
            },
        }
    }

    fn make_own(path: PathBuf, me: User) -> Result<Self, CacheError> {
        let seen = match look_at(&path)? {
            Some(seen) => seen,
            None => {
                make_folder(&path, false)?;
                look_at(&path)?.ok_or_else(|| vanished(&path))?
            }
        };
        me.judge_own_folder(&path, &seen)?;
        close_to_readers(&path, &seen)?;
        Ok(Self { path, me })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the file of that slot and role lives.
    pub(super) fn file(&self, slot: Digest, role: Role) -> PathBuf {
        self.path.join(format!("{slot}.{}", role.extension()))
    }

    /// Refuses an open file that is not a regular one, not ours, or open to others.
    pub(super) fn judge_file(&self, path: &Path, seen: &Metadata) -> Result<(), CacheError> {
        if !seen.is_file() {
            return Err(CacheError::NotAFile {
                path: path.to_owned(),
            });
        }
        self.me.judge_owner(path, seen)?;
        self.me.judge_mode(path, seen, 0o077)
    }

    /// Whether there is something of ours at `path` that may be replaced or removed. Another
    /// user's file is an error, and is left alone. A link of ours is only itself, not its target.
    ///
    /// The folder is looked at once more: since it was found good a whole call to AWS may have
    /// passed, and what stands there now (a link, say) would be followed.
    pub(super) fn may_replace(&self, path: &Path) -> Result<bool, CacheError> {
        match look_at(&self.path)? {
            None => return Ok(false),
            Some(seen) => self.me.judge_own_folder(&self.path, &seen)?,
        }
        match look_at(path)? {
            None => Ok(false),
            Some(seen) if seen.is_dir() => Err(CacheError::NotAFile {
                path: path.to_owned(),
            }),
            Some(seen) => self.me.judge_owner(path, &seen).map(|()| true),
        }
    }
}

/// The first folder above `dir` that is there. A link is followed: what counts is where a folder
/// would be made.
fn above(dir: &Path) -> Option<(&Path, Metadata)> {
    dir.ancestors()
        .skip(1)
        .find_map(|path| Some((path, fs::metadata(path).ok()?)))
}

/// Whether files can be made in a folder. On a read-only file system not even by root.
#[cfg(unix)]
fn judge_writable(path: &Path) -> Result<(), CacheError> {
    use rustix::fs::Access;

    rustix::fs::access(path, Access::WRITE_OK | Access::EXEC_OK).map_err(|error| {
        CacheError::Write {
            path: path.to_owned(),
            source: error.into(),
        }
    })
}

#[cfg(not(unix))]
fn judge_writable(_: &Path) -> Result<(), CacheError> {
    Ok(())
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

/// Makes a folder, and with `parents` what is missing above it, all with mode 0700. It is no
/// error when another process was faster.
fn make_folder(path: &Path, parents: bool) -> Result<(), CacheError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(parents);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(CacheError::Write {
            path: path.to_owned(),
            source: error,
        }),
        _ => Ok(()),
    }
}

fn vanished(path: &Path) -> CacheError {
    CacheError::Write {
        path: path.to_owned(),
        source: ErrorKind::NotFound.into(),
    }
}
