//! The files of kubelet's configuration of providers: this program's entry in them, their changes, and
//! their text as it may be shown.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use saphyr_parser::{Event, Parser, ScanError, StrInput};
use serde_json::{Map, Value, json};

use crate::cli::KubeletInstall;
use crate::commands::Page;
use crate::commands::page::CheckMark;
use crate::configure::show_difference;
use crate::configure::user_file::{Locks, UserFile, UserFileError};
use crate::error::{Error, escaped_path};

use super::document::{Document, DocumentError, Entry, name_of, parse_yaml};

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
        DocumentError::Layout => Some(
            "Edit the file yourself; docker-credential-ecrx-kubernetes(7) names a file with the entry",
        ),
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
            document.map_or_else(|_| String::new(), |it| masked(&it))
        });
        let after = self.after.as_ref().map(masked);
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

/// The entry without options: that of the configuration for users who write it themselves.
const PACKAGED_CONFIG: &str =
    include_str!("../../../packaging/kubernetes/credential-provider-config.yaml");

/// The order in which the keys of an entry are written.
const ENTRY_KEYS: [&str; 7] = [
    "name",
    "apiVersion",
    "args",
    "defaultCacheDuration",
    "matchImages",
    "tokenAttributes",
    "env",
];

/// The argument that makes the program answer kubelet. `ecr-credential-provider` takes none, so that
/// an entry with it is one of this program.
const ARGUMENT: &str = "kubelet";

/// Whether kubelet runs this program by an entry, as far as the entry says so.
pub(super) fn is_ours(entry: &Value) -> bool {
    items(entry, "args").any(|it| it == ARGUMENT)
}

/// The patterns of an entry.
pub(super) fn patterns(entry: &Value) -> impl Iterator<Item = &str> {
    items(entry, "matchImages").filter_map(Value::as_str)
}

/// The items of a list in an entry. What is not a list has none.
pub(super) fn items<'v>(entry: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    let items = entry.get(key).and_then(Value::as_array);
    items.into_iter().flatten()
}

/// The entry that is wanted. Of an entry of this program, everything stays that no option sets.
///
/// `annotations` are the keys of service accounts' annotations that name a role.
pub(super) fn wanted_entry(
    arguments: &KubeletInstall,
    annotations: &[String],
    existing: Option<&Value>,
) -> Entry {
    let existing = existing.filter(|entry| is_ours(entry)).cloned();
    let mut entry = existing.unwrap_or_else(packaged_entry);
    let mut set = |key: &str, value: Value| entry[key] = value;
    set("name", json!(arguments.name));
    if !arguments.match_image.is_empty() {
        set("matchImages", json!(arguments.match_image));
    }
    if arguments.workload_identity {
        // Static pods have no service account: for them, kubelet sends no token.
        let attributes = json!({
            "serviceAccountTokenAudience": arguments.audience,
            "requireServiceAccount": false,
            "cacheType": "ServiceAccount",
            "optionalServiceAccountAnnotationKeys": annotations,
        });
        set("tokenAttributes", attributes);
    }
    in_order(entry)
}

/// The entry of the packaged configuration.
pub(super) fn packaged_entry() -> Value {
    let mut config = parse_yaml(PACKAGED_CONFIG).expect("the packaged configuration is YAML");
    config["providers"][0].take()
}

/// The keys that kubelet knows in their usual order, then all others.
fn in_order(entry: Value) -> Entry {
    let Value::Object(mut entry) = entry else {
        return Entry(Vec::new());
    };
    let known = ENTRY_KEYS.iter().filter_map(|key| entry.remove_entry(*key));
    let mut keys: Vec<(String, Value)> = known.collect();
    keys.extend(entry);
    Entry(keys)
}

const MASKED_VALUE: &str = "\"…\"";
const MASKED_COMMENT: &str = "# …";

/// The masked text. It is empty if the text cannot be masked.
fn masked(document: &Document) -> String {
    let text = document.text();
    let mut reader = MaskReader {
        parser: Parser::new_from_str(text),
        offsets: text.char_indices().map(|(offset, _)| offset).collect(),
        text,
        providers: document.providers(),
        scalars: Vec::new(),
        environments: Vec::new(),
        end: 0,
        has_alias: false,
    };
    if reader.read().is_err() {
        return String::new();
    }
    let mut masks: Vec<(Range<usize>, &str)> = Vec::new();
    for scalar in &reader.scalars {
        // The value of an alias can be anywhere.
        if scalar.is_secret || reader.has_alias && scalar.is_value {
            let length = text[scalar.range.clone()].trim_end().len();
            let end = scalar.range.start + length;
            masks.push((scalar.range.start..end, MASKED_VALUE));
        }
    }
    for environment in &reader.environments {
        let comments = comments(text, environment, &reader.scalars);
        masks.extend(comments.into_iter().map(|range| (range, MASKED_COMMENT)));
    }
    masks.sort_by_key(|(range, _)| range.start);
    let mut masked = text.to_owned();
    for (range, mask) in masks.into_iter().rev() {
        masked.replace_range(range, mask);
    }
    masked
}

/// The comments in a range.
fn comments(text: &str, range: &Range<usize>, scalars: &[Scalar]) -> Vec<Range<usize>> {
    let mut start = range.start;
    let mut found = Vec::new();
    for line in text[range.clone()].split_inclusive('\n') {
        let signs = line.match_indices('#').map(|(at, _)| start + at);
        let is_in_scalar = |at: &usize| scalars.iter().any(|it| it.range.contains(at));
        let comment = signs.into_iter().find(|at| !is_in_scalar(at));
        found.extend(comment.map(|at| at..start + line.trim_end().len()));
        start += line.len();
    }
    found
}

/// A scalar of the text.
struct Scalar {
    range: Range<usize>,
    /// It is not a key.
    is_value: bool,
    is_secret: bool,
}

/// What a value is a part of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum MaskedPart {
    Top,
    Providers,
    Foreign,
    Environment,
    /// The name of a variable, or anything that is not in an environment.
    Shown,
}

impl MaskedPart {
    fn of_key(self, key: &str) -> Self {
        match (self, key) {
            (Self::Top, "providers") => Self::Providers,
            (Self::Foreign, "env") => Self::Environment,
            (Self::Environment, "name") => Self::Shown,
            (Self::Environment, _) => Self::Environment,
            _ => Self::Shown,
        }
    }
}

struct MaskReader<'t> {
    parser: Parser<'t, StrInput<'t>>,
    /// The offset of each character, in bytes.
    offsets: Vec<usize>,
    text: &'t str,
    providers: &'t [Value],
    scalars: Vec<Scalar>,
    /// With the rest of the line after them.
    environments: Vec<Range<usize>>,
    /// Where the last event ends.
    end: usize,
    /// An alias may have a secret.
    has_alias: bool,
}

impl<'t> MaskReader<'t> {
    fn read(&mut self) -> Result<(), ScanError> {
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(()),
                (Event::DocumentStart(_), _) => {
                    let (event, span) = self.next()?;
                    self.value(&event, span, MaskedPart::Top)?;
                }
                _ => {}
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'t>, Range<usize>), ScanError> {
        let Some(event) = self.parser.next_event() else {
            return Ok((Event::StreamEnd, self.end..self.end));
        };
        let (event, span) = event?;
        let offset = |index: usize| self.offsets.get(index).copied().unwrap_or(self.text.len());
        let range = offset(span.start.index())..offset(span.end.index());
        self.end = range.end;
        Ok((event, range))
    }

    fn value(
        &mut self,
        event: &Event<'t>,
        range: Range<usize>,
        part: MaskedPart,
    ) -> Result<(), ScanError> {
        match event {
            Event::Scalar(..) => self.scalars.push(Scalar {
                range,
                is_value: true,
                is_secret: part == MaskedPart::Environment,
            }),
            Event::Alias(_) => self.has_alias |= part != MaskedPart::Shown,
            Event::SequenceStart(..) => self.sequence(part)?,
            Event::MappingStart(..) => self.mapping(part)?,
            _ => {}
        }
        Ok(())
    }

    fn sequence(&mut self, part: MaskedPart) -> Result<(), ScanError> {
        for index in 0.. {
            let (event, range) = self.next()?;
            if matches!(event, Event::SequenceEnd | Event::StreamEnd) {
                break;
            }
            let provider = self.providers.get(index);
            let part = match part {
                MaskedPart::Providers if provider.is_none_or(|it| !is_ours(it)) => {
                    MaskedPart::Foreign
                }
                MaskedPart::Environment => MaskedPart::Environment,
                _ => MaskedPart::Shown,
            };
            self.value(&event, range, part)?;
        }
        Ok(())
    }

    fn mapping(&mut self, part: MaskedPart) -> Result<(), ScanError> {
        loop {
            let (key, range) = self.next()?;
            let of_key = match &key {
                Event::MappingEnd | Event::StreamEnd => return Ok(()),
                Event::Scalar(key, ..) => part.of_key(key),
                _ => part,
            };
            let start = range.start;
            self.scalars.push(Scalar {
                range,
                is_value: false,
                is_secret: false,
            });
            let (event, range) = self.next()?;
            self.value(&event, range, of_key)?;
            if part == MaskedPart::Foreign && of_key == MaskedPart::Environment {
                let rest = &self.text[self.end..];
                let line = rest.find('\n').unwrap_or(rest.len());
                self.environments.push(start..self.end + line);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked_text(text: &str) -> String {
        masked(&Document::parse(text.as_bytes()).expect(text))
    }

    #[test]
    fn values_and_comments_in_the_environment_of_other_providers_are_masked_in_every_style() {
        for (value, expected) in [
            ("s3cret", "\"…\""),
            ("'s3cret'", "\"…\""),
            ("\"s3\\u0063ret # s3cret\"", "\"…\""),
            ("s3cret # s3cret", "\"…\" # …"),
            ("!!str s3cret", "\"…\""),
            ("|\n        s3cret\n         s3cret", "|\n        \"…\""),
            (
                ">- # s3cret\n        s3cret\n\n        s3cret",
                ">- # …\n        \"…\"",
            ),
            ("s3cret\n        s3cret", "\"…\""),
            (
                "\n        s3cret\n      # s3cret",
                "\n        \"…\"\n      # …",
            ),
            ("[s3cret, {a: s3cret}]", "[\"…\", {a: \"…\"}]"),
            ("7", "\"…\""),
        ] {
            let text = |value: &str, comment: &str| {
                format!(
                    "é: s3cret\nproviders:\n- name: a\n  env: {comment}\n    - name: KEY\n      value: {value}\n    {comment}\n  args: [x]\n"
                )
            };
            let found = masked_text(&text(value, "# s3cret"));
            assert_eq!(found, text(expected, "# …"), "{value}");
        }
    }

    #[test]
    fn json_is_masked_as_well() {
        let text = "{\n\t\"providers\": [{\"env\": [{\"value\": \"s3cret\", \"name\": \"KEY\"}]}]}";
        assert_eq!(masked_text(text), text.replace("\"s3cret\"", "\"…\""));
        let text = "providers: [{name: a, env: [{value: s3cret}]}] # shown\n";
        assert_eq!(
            masked_text(text),
            "providers: [{name: a, env: [{value: \"…\"}]}] # …\n"
        );
    }

    #[test]
    fn the_environment_of_this_program_is_shown() {
        let text = "providers:\n- env:\n  - {name: HOME, value: /root} # home\n  args: [kubelet]\n";
        assert_eq!(masked_text(text), text);
    }

    #[test]
    fn with_an_alias_every_value_is_masked() {
        let text = "x: &x s3cret\nproviders:\n- name: a\n  env: [{name: KEY, value: *x}]\n";
        let found = masked_text(text);
        assert!(!found.contains("s3cret"), "{found}");
        assert!(found.contains("value: *x"), "{found}");
    }
}
