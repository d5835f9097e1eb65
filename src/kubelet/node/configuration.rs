//! The files of kubelet's configuration of providers, and their changes.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::{Map, Value};

use crate::commands::Page;
use crate::commands::page::CheckMark;
use crate::configure::show_difference;
use crate::configure::user_file::{Locks, UserFile, UserFileError};
use crate::error::{Error, escaped_path};

use super::document::{Document, DocumentError, name_of};
use super::entry::is_ours;
use super::mask;

/// The files that kubelet reads in a folder (kubernetes 1.37, `pkg/credentialprovider/plugin/config.go`).
const EXTENSIONS: [&str; 3] = ["json", "yaml", "yml"];

#[derive(Debug, thiserror::Error)]
#[error("cannot use {}: {cause}", escaped_path(path))]
struct FileError {
    path: PathBuf,
    cause: DocumentError,
}

/// The error of a file, with the remedy.
pub(super) fn file_error(path: &Path, cause: DocumentError) -> Error {
    let hint = match cause {
        DocumentError::Layout => {
            Some("Edit the file yourself; docker-credential-ecrx-kubernetes(7) has the entry")
        }
        _ => None,
    };
    let path = path.to_owned();
    Error::failure(FileError { path, cause }).hints(hint.map(str::to_owned))
}

/// A file, or all files of a folder in the order in which kubelet reads them.
#[derive(Debug)]
pub(super) struct Configuration {
    folder: Option<PathBuf>,
    pub files: Vec<ConfigFile>,
}

#[derive(Debug)]
pub(super) struct ConfigFile {
    pub file: UserFile,
    /// `None` if there is no file.
    pub document: Option<Document>,
}

/// The place of an entry: the index of its file, and its own in there.
pub(super) type EntryPlace = (usize, usize);

impl Configuration {
    /// Reads the files. While `locks` are held, no other process of this program changes them.
    pub(super) fn open(
        path: &Path,
        mut locks: Option<&mut Locks>,
        command: &str,
    ) -> Result<Self, Error> {
        let folder = path.is_dir().then(|| path.to_owned());
        let paths = match &folder {
            Some(folder) => files_of(folder)?,
            None => vec![path.to_owned()],
        };
        let files = paths.into_iter().map(|path| {
            let file = open(&path, locks.as_deref_mut(), command)?;
            ConfigFile::new(file)
        });
        Ok(Self {
            files: files.collect::<Result<_, Error>>()?,
            folder,
        })
    }

    pub(super) fn find(&self, name: &str) -> Option<EntryPlace> {
        let mut files = self.files.iter().enumerate();
        files.find_map(|(index, file)| Some((index, file.document.as_ref()?.find(name)?)))
    }

    pub(super) fn entry(&self, place: EntryPlace) -> Option<&Value> {
        self.files[place.0]
            .document
            .as_ref()?
            .providers()
            .get(place.1)
    }

    /// All entries, in order.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Value> {
        let documents = self.files.iter().filter_map(|file| file.document.as_ref());
        documents.flat_map(Document::providers)
    }

    /// The index of the file for a new entry: in a folder, a file of its own.
    pub(super) fn file_for(
        &mut self,
        name: &str,
        locks: Option<&mut Locks>,
        command: &str,
    ) -> Result<usize, Error> {
        let Some(folder) = &self.folder else {
            return Ok(0);
        };
        let file = open(&folder.join(format!("{name}.yaml")), locks, command)?;
        self.files.push(ConfigFile::new(file)?);
        Ok(self.files.len() - 1)
    }

    /// For messages.
    pub(super) fn paths(&self) -> String {
        let paths = self.files.iter().map(|it| escaped_path(it.file.path()));
        paths.collect::<Vec<_>>().join(", ")
    }
}

impl ConfigFile {
    fn new(file: UserFile) -> Result<Self, Error> {
        let document = file.bytes().map(Document::parse).transpose();
        let document = document.map_err(|cause| file_error(file.path(), cause))?;
        Ok(Self { file, document })
    }
}

fn open(path: &Path, locks: Option<&mut Locks>, command: &str) -> Result<UserFile, Error> {
    let opened = match locks {
        Some(locks) => UserFile::lock(path, locks),
        None => UserFile::read(path),
    };
    opened.map_err(|error| {
        let hint = error.hint(command);
        Error::failure(error).hints(hint)
    })
}

/// The files of a folder that kubelet reads, in its order.
pub(super) fn files_of(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let wrong = |source| {
        let path = folder.to_owned();
        Error::failure(UserFileError::Read { path, source })
    };
    let items = fs::read_dir(folder).map_err(wrong)?.flatten();
    let is_read = |path: &PathBuf| {
        let extension = path.extension().and_then(|it| it.to_str());
        extension.is_some_and(|it| EXTENSIONS.contains(&it)) && !path.is_dir()
    };
    let mut files: Vec<PathBuf> = items.map(|item| item.path()).filter(is_read).collect();
    files.sort();
    Ok(files)
}

/// When a configuration was last changed: a file, its link, or a folder and its files. `None` if there is
/// none.
pub(super) fn changed_at(path: &Path) -> Option<SystemTime> {
    let files = files_of(path).unwrap_or_default();
    let paths = files.iter().map(PathBuf::as_path).chain([path]);
    let found = paths.flat_map(|path| [fs::metadata(path), fs::symlink_metadata(path)]);
    found.filter_map(|found| time_of_change(&found.ok()?)).max()
}

/// Unlike the time of modification, a program that copies or moves the file cannot set it.
#[cfg(unix)]
fn time_of_change(found: &fs::Metadata) -> Option<SystemTime> {
    use std::os::unix::fs::MetadataExt as _;
    use std::time::Duration;

    let seconds = Duration::from_secs(found.ctime().try_into().ok()?);
    let rest = Duration::from_nanos(found.ctime_nsec().try_into().ok()?);
    Some(SystemTime::UNIX_EPOCH + seconds + rest)
}

#[cfg(not(unix))]
fn time_of_change(found: &fs::Metadata) -> Option<SystemTime> {
    found.modified().ok()
}

/// The change of one file.
#[derive(Debug)]
pub(super) struct FileChange {
    file: UserFile,
    /// `None`: it is deleted.
    after: Option<Document>,
}

impl FileChange {
    pub(super) fn new(file: UserFile, after: Option<Document>) -> Self {
        Self { file, after }
    }

    pub(super) fn show(&self, page: &mut Page) {
        let before = self.file.bytes().map(|bytes| {
            let document = Document::parse(bytes);
            document.map_or_else(|_| String::new(), |it| mask::masked(&it))
        });
        let after = self.after.as_ref().map(mask::masked);
        show_difference(page, self.file.path(), before.as_deref(), after.as_deref());
    }

    pub(super) fn check_writable(&self) -> Result<(), Error> {
        self.file.check_writable().map_err(Error::failure)
    }

    /// Applies the change. A backup is made unless there is one that differs only in this program's entry
    /// `name`, or in what the entry has replaced.
    pub(super) fn apply(&self, name: &str, page: &mut Page) -> Result<(), Error> {
        let path = escaped_path(self.file.path());
        let after = self.after.as_ref().map(Document::bytes).unwrap_or_default();
        let before = self.file.bytes().map(Document::parse).and_then(Result::ok);
        let suffices = |kept: &[u8]| {
            before
                .as_ref()
                .zip(Document::parse(kept).ok())
                .is_some_and(|(before, kept)| {
                    let own = own_entry(before, name);
                    let rest = before.value_without(own);
                    kept.value_without(own_entry(&kept, name)) == rest
                        || own.is_some_and(|own| replaced(&kept, &rest, own).is_some())
                })
        };
        let replaced = self.file.replace(&after, suffices);
        let replaced = replaced.map_err(Error::failure)?;
        let text = match &replaced.backup {
            Some(backup) => format!("changed {path}; backup: {}", escaped_path(&backup.path)),
            None => format!("created {path}"),
        };
        page.marked(CheckMark::Good, &text);
        Ok(())
    }

    /// Applies the change of an earlier one that is taken back, whose backup is there.
    pub(super) fn take_back(&self, page: &mut Page) -> Result<(), Error> {
        let path = escaped_path(self.file.path());
        let verb = match &self.after {
            Some(after) => {
                let replaced = self.file.replace(&after.bytes(), |_| true);
                replaced.map(|_| "changed")
            }
            None => self.file.remove().map(|()| "deleted"),
        };
        let verb = verb.map_err(Error::failure)?;
        page.marked(CheckMark::Good, &format!("{verb} {path}"));
        Ok(())
    }

    /// As [`remove_backups`], after the change.
    pub(super) fn remove_backups(&self, page: &mut Page) -> bool {
        remove_backups(&self.file, self.after.as_ref(), page)
    }

    /// Restores the earlier content, if no other process has changed the file since.
    pub(super) fn restore(&self, page: &mut Page) -> Result<(), Error> {
        let path = self.file.path();
        let now = UserFile::read(path).map_err(Error::failure)?;
        if now.bytes() != self.after.as_ref().map(Document::bytes).as_deref() {
            let path = path.to_owned();
            return Err(Error::failure(UserFileError::Changed { path }));
        }
        match self.file.bytes() {
            Some(before) => {
                now.replace(before, |_| true).map_err(Error::failure)?;
                now.remove_backups(|_, kept| kept == before);
            }
            None => now.remove().map_err(Error::failure)?,
        }
        page.marked(CheckMark::Good, &format!("restored {}", escaped_path(path)));
        Ok(())
    }
}

/// The index of this program's entry with a name.
fn own_entry(document: &Document, name: &str) -> Option<usize> {
    let index = document.find(name)?;
    is_ours(&document.providers()[index]).then_some(index)
}

/// Whether an earlier state of a file is `rest`, which is the file without this program's entry at `own`,
/// but for at most one entry that this program has replaced: its name, if it has one.
pub(super) fn replaced<'d>(
    kept: &'d Document,
    rest: &Map<String, Value>,
    own: usize,
) -> Option<Option<&'d str>> {
    if kept.value_without(None) == *rest {
        return Some(None);
    }
    let entry = kept.providers().get(own).filter(|entry| !is_ours(entry))?;
    (kept.value_without(Some(own)) == *rest).then(|| name_of(entry))
}

/// Whether all providers of an earlier state of a file, but for this program's entries, are in it by name.
pub(super) fn has_providers_of(kept: &Document, now: Option<&Document>) -> bool {
    let mut foreign = kept.providers().iter().filter(|entry| !is_ours(entry));
    foreign.all(|entry| {
        name_of(entry).is_some_and(|name| now.is_some_and(|now| now.find(name).is_some()))
    })
}

/// Deletes the backups of a file without entries of this program, and says so. Returns whether there were
/// any. A backup with a provider that the file does not have stays.
pub(super) fn remove_backups(file: &UserFile, now: Option<&Document>, page: &mut Page) -> bool {
    if now.is_some_and(|now| now.providers().iter().any(is_ours)) {
        return false;
    }
    let mut has_removed = false;
    file.remove_backups(|path, bytes| {
        let Ok(kept) = Document::parse(bytes) else {
            return false;
        };
        let is_obsolete = has_providers_of(&kept, now);
        let path = escaped_path(path);
        if is_obsolete {
            page.marked(CheckMark::Good, &format!("deleted {path}"));
        } else {
            let text = format!(
                "{path} was not deleted: it has a provider that the configuration does not have"
            );
            page.marked(CheckMark::Unknown, &text);
        }
        has_removed |= is_obsolete;
        is_obsolete
    });
    has_removed
}
