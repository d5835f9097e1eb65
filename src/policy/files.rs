//! `--out`: one file for each document, or for the commands of each account.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::cli::PolicyForm;
use crate::error::Error;
use crate::fs::{Pipes, ReadError, read};

use super::setup::{OutputFile, Setup, numbered};
use super::{cloudformation, shell, terraform};

/// The longest stem of a file name, in bytes: file systems allow 255 for the whole name.
const MAX_STEM_LENGTH: usize = 200;

#[derive(Debug, thiserror::Error)]
enum FileError {
    #[error("cannot create the directory {}", .0.display())]
    Directory(PathBuf, #[source] io::Error),
    #[error("{} already exists with different content. No file was written", .0.display())]
    Differs(PathBuf),
    #[error("cannot read {}", .0.display())]
    Read(PathBuf, #[source] ReadError),
    #[error("{} is a link to a file that does not exist. No file was written", .0.display())]
    Link(PathBuf),
    #[error("cannot write {}", .path.display())]
    Write {
        path: PathBuf,
        /// The files that were written before, and cannot be removed again.
        left: Vec<PathBuf>,
        #[source]
        error: io::Error,
    },
}

impl FileError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Differs(_) => {
                Some("Delete the file, or use another directory with --out".to_owned())
            }
            Self::Link(_) => {
                Some("Delete the link, or use another directory with --out".to_owned())
            }
            Self::Write { left, .. } if left.is_empty() => Some("No file was written".to_owned()),
            Self::Write { left, .. } => {
                let left: Vec<String> =
                    left.iter().map(|path| path.display().to_string()).collect();
                Some(format!("Other files were written: {}", left.join(", ")))
            }
            Self::Directory(..) | Self::Read(..) => None,
        }
    }
}

/// A file to write.
#[derive(Debug)]
struct Document {
    path: PathBuf,
    content: String,
}

/// A file of a set-up.
#[derive(Debug)]
pub(super) struct Written {
    pub path: PathBuf,
    /// The file existed with the same content.
    pub is_unchanged: bool,
}

/// Writes all documents, or none if one cannot be written or would overwrite a file with different
/// content.
pub(super) fn write(setup: &Setup, form: PolicyForm, folder: &Path) -> Result<Vec<Written>, Error> {
    write_all(documents(setup, form, folder), folder).map_err(|error| {
        let hint = error.hint();
        Error::failure(error).hints(hint)
    })
}

/// In text and JSON, the files are in the order of the policies.
fn documents(setup: &Setup, form: PolicyForm, folder: &Path) -> Vec<Document> {
    let named = |files: Vec<OutputFile>| files.into_iter().map(|it| (it.stem, it.text)).collect();
    let stems = setup.policies.iter().map(|it| it.target.file_stem());
    let contents: Vec<(String, String)> = match form {
        PolicyForm::Text | PolicyForm::Json => {
            let documents = setup.policies.iter().map(|it| format!("{}\n", it.document));
            stems.zip(documents).collect()
        }
        PolicyForm::Cli => named(shell::scripts(setup)),
        PolicyForm::Terraform => {
            let configuration = terraform::configuration(setup);
            let shared = ("providers".to_owned(), configuration.shared);
            let policies = stems.zip(configuration.policies);
            std::iter::once(shared).chain(policies).collect()
        }
        PolicyForm::CloudFormation => named(cloudformation::templates(setup)),
    };
    let extension = match form {
        PolicyForm::Text | PolicyForm::Json => "json",
        PolicyForm::Cli => "sh",
        PolicyForm::Terraform => "tf",
        PolicyForm::CloudFormation => "yaml",
    };
    let mut taken = BTreeSet::new();
    contents
        .into_iter()
        .map(|(stem, content)| Document {
            path: folder.join(format!("{}.{extension}", free(&mut taken, &stem))),
            content,
        })
        .collect()
}

/// The stem, cut to a length that file systems allow, with a number added if it is in use. File
/// systems may ignore case.
fn free(taken: &mut BTreeSet<String>, stem: &str) -> String {
    // Names of AWS that are part of it are ASCII.
    let stem: String = stem.chars().take(MAX_STEM_LENGTH).collect();
    numbered(&stem, "-", |stem| taken.insert(stem.to_ascii_lowercase()))
}

fn write_all(documents: Vec<Document>, folder: &Path) -> Result<Vec<Written>, FileError> {
    fs::create_dir_all(folder).map_err(|error| FileError::Directory(folder.to_owned(), error))?;
    let written = documents
        .iter()
        .map(|document| {
            Ok(Written {
                path: document.path.clone(),
                is_unchanged: is_written(document)?,
            })
        })
        .collect::<Result<Vec<_>, FileError>>()?;
    let new = documents
        .iter()
        .zip(&written)
        .filter(|(_, written)| !written.is_unchanged)
        .map(|(document, _)| prepare(document))
        .collect::<Result<Vec<_>, FileError>>()?;
    name_all(new)?;
    Ok(written)
}

/// Whether the file exists with this content; other content is an error.
fn is_written(document: &Document) -> Result<bool, FileError> {
    let length = document.content.len() as u64;
    match read(&document.path, length, Pipes::Refused) {
        Ok(content) if content == document.content.as_bytes() => Ok(true),
        Ok(_) | Err(ReadError::TooLarge(_)) => Err(FileError::Differs(document.path.clone())),
        Err(error) if error.is_absence() => match document.path.symlink_metadata() {
            Ok(_) => Err(FileError::Link(document.path.clone())),
            Err(_) => Ok(false),
        },
        Err(error) => Err(FileError::Read(document.path.clone(), error)),
    }
}

/// Writes the content under a temporary name, so that a full disk or an interruption leaves no file
/// that is in the way of the next run.
fn prepare(document: &Document) -> Result<(NamedTempFile, &Path), FileError> {
    let folder = document.path.parent().unwrap_or(Path::new("."));
    let written = new_file(folder).and_then(|mut file| {
        file.write_all(document.content.as_bytes())?;
        Ok(file)
    });
    match written {
        Ok(file) => Ok((file, &document.path)),
        Err(error) => Err(FileError::Write {
            path: document.path.clone(),
            left: Vec::new(),
            error,
        }),
    }
}

/// Gives all files their names. If that fails for one, those before it are removed again.
fn name_all(files: Vec<(NamedTempFile, &Path)>) -> Result<(), FileError> {
    let mut named: Vec<&Path> = Vec::new();
    for (file, path) in files {
        if let Err(failed) = file.persist_noclobber(path) {
            let left = named
                .into_iter()
                .filter(|path| fs::remove_file(path).is_err());
            return Err(FileError::Write {
                path: path.to_owned(),
                left: left.map(Path::to_owned).collect(),
                error: failed.error,
            });
        }
        named.push(path);
    }
    Ok(())
}

/// A file with the usual mode, as policies are no secrets.
fn new_file(folder: &Path) -> io::Result<NamedTempFile> {
    #[cfg_attr(windows, expect(unused_mut, reason = "files have no mode"))]
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}
