//! `--out`: one file for each document.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::cli::PolicyForm;
use crate::error::Error;
use crate::fs::{Pipes, ReadError, read};

use super::setup::Setup;
use super::{cloudformation, numbered, shell, terraform};

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
    #[error("cannot write {}", .0.display())]
    Write(PathBuf, #[source] io::Error),
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

/// Writes all documents, or none if one would overwrite a file with different content.
pub(super) fn write(setup: &Setup, form: PolicyForm, folder: &Path) -> Result<Vec<Written>, Error> {
    write_all(documents(setup, form, folder), folder).map_err(|error| {
        let hint = match &error {
            FileError::Differs(_) => Some("Delete the file, or use another directory with --out"),
            _ => None,
        };
        Error::failure(error).hints(hint.map(str::to_owned))
    })
}

/// In text and JSON, the files are in the order of the policies.
fn documents(setup: &Setup, form: PolicyForm, folder: &Path) -> Vec<Document> {
    let stems = setup.policies.iter().map(|it| it.target.file_stem());
    let named: Vec<(String, String)> = match form {
        PolicyForm::Text | PolicyForm::Json => {
            let documents = setup.policies.iter().map(|it| format!("{}\n", it.document));
            stems.zip(documents).collect()
        }
        PolicyForm::Cli => stems.zip(shell::policies(setup)).collect(),
        PolicyForm::Terraform => {
            let configuration = terraform::configuration(setup);
            let shared = ("providers".to_owned(), configuration.shared);
            let policies = stems.zip(configuration.policies);
            std::iter::once(shared).chain(policies).collect()
        }
        PolicyForm::CloudFormation => cloudformation::templates(setup)
            .into_iter()
            .map(|template| (template.stem, template.text))
            .collect(),
    };
    let extension = match form {
        PolicyForm::Text | PolicyForm::Json => "json",
        PolicyForm::Cli => "sh",
        PolicyForm::Terraform => "tf",
        PolicyForm::CloudFormation => "yaml",
    };
    let mut taken = BTreeSet::new();
    named
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
    for (document, written) in documents.iter().zip(&written) {
        if !written.is_unchanged {
            create(document).map_err(|error| FileError::Write(document.path.clone(), error))?;
        }
    }
    Ok(written)
}

/// Whether the file exists with this content; other content is an error.
fn is_written(document: &Document) -> Result<bool, FileError> {
    let length = document.content.len() as u64;
    match read(&document.path, length, Pipes::Refused) {
        Ok(content) if content == document.content.as_bytes() => Ok(true),
        Ok(_) | Err(ReadError::TooLarge(_)) => Err(FileError::Differs(document.path.clone())),
        Err(error) if error.is_absence() => Ok(false),
        Err(error) => Err(FileError::Read(document.path.clone(), error)),
    }
}

/// Creates a file with all of its content, so that an interruption leaves none that is in the way of
/// the next run.
fn create(document: &Document) -> io::Result<()> {
    let folder = document.path.parent().unwrap_or(Path::new("."));
    let mut file = new_file(folder)?;
    file.write_all(document.content.as_bytes())?;
    file.persist_noclobber(&document.path)?;
    Ok(())
}

/// A file with the usual mode, as policies are no secrets.
fn new_file(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}
