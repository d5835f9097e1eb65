//! `~/.aws/config` and `~/.aws/credentials`, read as the AWS CLI reads them.
//!
//! The syntax is that of Python's `configparser` (3.8 to 3.13, `RawConfigParser._read`), and what
//! sections mean is botocore's (1.43, `configloader.py`, and `Session.full_config`). The two files
//! stay apart, as some settings count in one of them only, and each value knows its line. One pass
//! checks every line, because the AWS CLI refuses a file for one wrong line in any section; only
//! the sections that are asked for are taken apart.
//!
//! Two things are read that the AWS CLI refuses, as every AWS SDK reads them: a byte order mark,
//! and a section that is repeated. Both are in the manual's table of differences.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ffi::OsString;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use memchr::{memchr, memchr2, memchr3};

use crate::env::{Env, var};
use crate::fs::{self, Pipes, ReadError};
use crate::secret::Secret;
use crate::shell_word::split_words;

/// The profile that counts when nothing names one.
pub(super) const DEFAULT_PROFILE: &str = "default";

/// A longer file is not read. One with 5,000 profiles has about 1 MiB.
const MAX_LENGTH: u64 = 16 << 20;

/// From so many settings in one section on, a repeated one is found by a table.
const MANY: usize = 32;

/// The two files.
#[derive(Debug)]
pub(crate) struct AwsFiles {
    config: AwsFile,
    credentials: AwsFile,
}

/// One of the two files.
#[derive(Debug)]
struct AwsFile {
    path: PathBuf,
    text: Secret,
    sections: Vec<Section>,
    passed_over: Option<PassedOver>,
}

/// A file that counts as empty though something has its name, as for the AWS CLI.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the AWS file {} was ignored: {reason}", path.display())]
pub(crate) struct PassedOver {
    path: PathBuf,
    reason: String,
}

impl PassedOver {
    /// `PATH (REASON)`.
    pub(super) fn short(&self) -> String {
        format!("{} ({})", self.path.display(), self.reason)
    }
}

/// Where a section is in its file's text.
#[derive(Debug)]
struct Section {
    /// What is between the brackets.
    header: Range<usize>,
    /// What follows up to the next section.
    body: Range<usize>,
    /// The second of the header's two words, if it is quoted.
    quoted_name: Option<String>,
    /// The line of the header, counted from 1.
    line: usize,
}

/// Why the files cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum AwsFilesError {
    #[error("the AWS file {} cannot be read: it is larger than {} MiB", path.display(), MAX_LENGTH >> 20)]
    TooLarge { path: PathBuf },
    #[error("the AWS file {} is not UTF-8 text: line {line}", path.display())]
    NotText { path: PathBuf, line: usize },
    /// A line that the AWS CLI refuses.
    #[error("the AWS file {} cannot be read: line {line} {problem}", path.display())]
    Malformed {
        path: PathBuf,
        line: usize,
        problem: SyntaxProblem,
    },
}

/// What is wrong with a line. It never shows the line, which may hold a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SyntaxProblem {
    #[error("is before the first [section]")]
    BeforeSection,
    #[error("is neither a [section] nor `name = value`")]
    NoSeparator,
    #[error("has no name before its `=` or `:`")]
    NoName,
    #[error("sets {name} again; line {first} sets it already")]
    Repeated { name: String, first: usize },
    #[error("is indented below a name without a value, but is not `name = value`")]
    NotNested,
}

impl AwsFilesError {
    pub(super) fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::TooLarge { .. } => "Remove the profiles that you do not use",
            Self::NotText { .. } => "Save the file as UTF-8",
            Self::Malformed { problem, .. } => match problem {
                SyntaxProblem::BeforeSection => {
                    "Put [default] or [profile NAME] on the line above; in the credentials file, put [NAME]"
                }
                SyntaxProblem::NoSeparator => {
                    "Complete the line, delete it, or begin it with # to make it a comment"
                }
                SyntaxProblem::NoName => "Put the name of the setting before the `=`",
                SyntaxProblem::Repeated { .. } => "Delete one of the two lines",
                SyntaxProblem::NotNested => {
                    "Remove the indentation, or write the line as `name = value`"
                }
            },
        };
        vec![hint.to_owned()]
    }
}

impl AwsFiles {
    /// Reads and checks both files. As for the AWS CLI, a file holds nothing if it does not exist,
    /// may not be read, or is a folder, a pipe or a device.
    ///
    /// # Errors
    /// When a file is too large, is not text, or has a line that the AWS CLI refuses.
    pub(crate) fn load(env: &Env) -> Result<Self, AwsFilesError> {
        let [config, credentials] = Self::paths(env);
        Ok(Self {
            config: AwsFile::load(config)?,
            credentials: AwsFile::load(credentials)?,
        })
    }

    /// Where the two files are; empty for no file.
    pub(super) fn paths(env: &Env) -> [PathBuf; 2] {
        [
            path(env, var::AWS_CONFIG_FILE, "config"),
            path(env, var::AWS_SHARED_CREDENTIALS_FILE, "credentials"),
        ]
    }

    /// What the two files contain.
    pub(crate) fn texts(&self) -> [&Secret; 2] {
        [&self.config.text, &self.credentials.text]
    }

    /// The files that were ignored though something has their names.
    pub(crate) fn passed_over(&self) -> impl Iterator<Item = &PassedOver> {
        let files = [&self.config, &self.credentials].into_iter();
        files.filter_map(|file| file.passed_over.as_ref())
    }

    /// A profile, if one of the files has it.
    pub(crate) fn profile(&self, name: &str) -> Option<Profile<'_>> {
        let is_default =
            |header: Header<'_>| header.text == DEFAULT_PROFILE && name == DEFAULT_PROFILE;
        let config = self
            .config
            .settings(|header| is_default(header) || header.is("profile", name));
        let credentials = self.credentials.settings(|header| header.text == name);
        if config.is_none() && credentials.is_none() {
            return None;
        }
        Some(Profile {
            name: name.to_owned(),
            config: config.unwrap_or_default(),
            credentials: credentials.unwrap_or_default(),
        })
    }

    /// An `[sso-session NAME]` section.
    pub(crate) fn sso_session(&self, name: &str) -> Option<Settings<'_>> {
        self.config
            .settings(|header| header.is("sso-session", name))
    }

    /// The names of all profiles, sorted.
    pub(crate) fn profile_names(&self) -> Vec<&str> {
        let config = self
            .config
            .headers()
            .filter_map(|header| match header.text {
                DEFAULT_PROFILE => Some(DEFAULT_PROFILE),
                _ => header.name("profile"),
            });
        let credentials = self.credentials.headers().map(|header| header.text);
        let mut names: Vec<_> = config.chain(credentials).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Where a user would look for profiles: `PATH and PATH`.
    pub(crate) fn places(&self) -> String {
        let place = |file: &AwsFile| match &file.passed_over {
            Some(passed_over) => passed_over.short(),
            None => shown(&file.path),
        };
        format!("{} and {}", place(&self.config), place(&self.credentials))
    }

    /// `endpoint_url` of a service in the `[services NAME]` section that a profile points at.
    pub(crate) fn service_endpoint(&self, profile: &Profile<'_>, service: &str) -> Option<String> {
        let name = profile.get("services")?;
        let services = self.config.settings(|header| header.is("services", name))?;
        let block = services.get(service)?.strip_prefix('\n')?;
        block
            .lines()
            .filter_map(|line| line.split_once('='))
            .rfind(|(name, _)| name.trim() == "endpoint_url")
            .map(|(_, url)| url.trim().to_owned())
    }
}

/// A path of one of the files.
pub(super) fn shown(path: &Path) -> String {
    if path.as_os_str().is_empty() {
        return "(no file)".to_owned();
    }
    path.display().to_string()
}

/// Where a file is: what the variable says, else below the home directory; empty for no file.
fn path(env: &Env, variable: &str, name: &str) -> PathBuf {
    if let Some(path) = env.get_os(variable) {
        return env.expand_home(expand_variables(path, env).into());
    }
    if env.is_set_but_blank(variable) {
        // It names no file (botocore, `EnvironmentProvider`).
        return PathBuf::new();
    }
    // Without a home directory there are no such files. A `~` in the working directory is not it: a
    // `credential_process` of a stranger's checkout may be there.
    let home = env.home();
    home.map_or_else(PathBuf::new, |home| home.join(".aws").join(name))
}

/// Replaces `$NAME` and `${NAME}` where the variable is set, as Python's `posixpath.expandvars`.
fn expand_variables(path: OsString, env: &Env) -> OsString {
    let Some(text) = path.to_str().filter(|text| text.contains('$')) else {
        return path;
    };
    let mut expanded = OsString::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push(before);
        let (name, length) = match after.strip_prefix('{').and_then(|in_| in_.split_once('}')) {
            Some((name, _)) => (name, name.len() + 2),
            None => {
                let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
                let length = after.find(|c| !is_part(c)).unwrap_or(after.len());
                (&after[..length], length)
            }
        };
        match env.get_os(name).filter(|_| !name.is_empty()) {
            Some(value) => expanded.push(value),
            None => {
                expanded.push("$");
                expanded.push(&after[..length]);
            }
        }
        rest = &after[length..];
    }
    expanded.push(rest);
    expanded
}

impl AwsFile {
    fn load(path: PathBuf) -> Result<Self, AwsFilesError> {
        let mut passed_over = None;
        let bytes = match fs::read(&path, MAX_LENGTH, Pipes::Refused) {
            Ok(bytes) => bytes,
            Err(ReadError::TooLarge(_)) => return Err(AwsFilesError::TooLarge { path }),
            Err(error) => {
                if !error.is_absence() {
                    passed_over = Some(PassedOver {
                        path: path.clone(),
                        reason: error.to_string(),
                    });
                }
                Vec::new()
            }
        };
        Self::read(path, bytes, passed_over)
    }

    fn read(
        path: PathBuf,
        bytes: Vec<u8>,
        passed_over: Option<PassedOver>,
    ) -> Result<Self, AwsFilesError> {
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                let line = 1 + valid.iter().filter(|byte| **byte == b'\n').count();
                return Err(AwsFilesError::NotText { path, line });
            }
        };
        match sections(&text) {
            Ok(sections) => Ok(Self {
                path,
                text: Secret::new(text),
                sections,
                passed_over,
            }),
            Err((line, problem)) => Err(AwsFilesError::Malformed {
                path,
                line,
                problem,
            }),
        }
    }

    fn header<'a>(&'a self, section: &'a Section) -> Header<'a> {
        Header {
            text: &self.text.expose()[section.header.clone()],
            quoted_name: section.quoted_name.as_deref(),
        }
    }

    fn headers(&self) -> impl Iterator<Item = Header<'_>> {
        self.sections
            .iter()
            .map(|section| self.header(section))
            .filter(|header| header.text != DEFAULTS)
    }

    /// The settings of the section with such a header. Of several headers, as `[profile a]` and
    /// `[profile "a"]`, the last one counts, and all sections with this same header.
    fn settings(&self, is_wanted: impl Fn(Header<'_>) -> bool) -> Option<Settings<'_>> {
        let (mut defaults, mut found) = (Vec::new(), Vec::new());
        for section in &self.sections {
            let header = self.header(section);
            if header.text == DEFAULTS {
                defaults.push(section);
            } else if is_wanted(header) {
                found.push((header.text, section));
            }
        }
        let mut headers: Vec<&str> = Vec::new();
        for (header, _) in &found {
            if !headers.contains(header) {
                headers.push(header);
            }
        }
        let wanted = *headers.last()?;
        found.retain(|(header, _)| *header == wanted);
        let mut settings = Settings {
            path: Some(&self.path),
            ..Settings::default()
        };
        let found = found.into_iter().map(|(_, section)| section);
        for section in defaults.into_iter().chain(found) {
            settings.header = section.line;
            settings.read(&self.text.expose()[section.body.clone()], section.line);
        }
        Some(settings)
    }
}

/// The section whose settings count in every section of the file (Python's `DEFAULTSECT`).
const DEFAULTS: &str = "DEFAULT";

/// What the two files say of a profile. A setting in the credentials file comes before one in the
/// config file.
#[derive(Debug)]
pub(crate) struct Profile<'a> {
    name: String,
    pub config: Settings<'a>,
    pub credentials: Settings<'a>,
}

impl<'a> Profile<'a> {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.credentials.get(key).or_else(|| self.config.get(key))
    }

    /// Where a setting is.
    pub(crate) fn place_of(&self, key: &str) -> Option<Place> {
        [&self.credentials, &self.config]
            .into_iter()
            .find_map(|settings| settings.place(settings.find(key)?.line))
            .or_else(|| self.place())
    }

    /// Where the profile is.
    pub(crate) fn place(&self) -> Option<Place> {
        [&self.config, &self.credentials]
            .into_iter()
            .find_map(|settings| settings.place(settings.header))
    }

    /// The default profile of files that have none.
    pub(crate) fn empty(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            config: Settings::default(),
            credentials: Settings::default(),
        }
    }
}

/// The settings of a section.
#[derive(Debug, Default)]
pub(crate) struct Settings<'a> {
    list: Vec<Setting<'a>>,
    path: Option<&'a Path>,
    /// The line of the header.
    header: usize,
}

#[derive(Debug)]
struct Setting<'a> {
    name: &'a str,
    /// The lines of the value, trimmed, with line breaks between them. A nested block begins with
    /// a line break.
    value: Cow<'a, str>,
    line: usize,
}

impl<'a> Settings<'a> {
    /// The value of a setting, whose name is in lower case.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.find(name).map(|setting| &*setting.value)
    }

    /// All settings.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.list
            .iter()
            .map(|setting| (setting.name, &*setting.value))
    }

    fn find(&self, name: &str) -> Option<&Setting<'a>> {
        let mut settings = self.list.iter();
        settings.rfind(|setting| setting.name.eq_ignore_ascii_case(name))
    }

    fn place(&self, line: usize) -> Option<Place> {
        let path = self.path?.to_owned();
        Some(Place { path, line })
    }

    /// Reads the body of a section, whose header is in this line.
    fn read(&mut self, body: &'a str, header: usize) {
        let mut lines = Lines::of_body(body, header);
        let mut blank = 0;
        while let Some(line) = lines.read() {
            let text = match line {
                Ok(Line::Setting { name, value }) => {
                    blank = 0;
                    self.list.push(Setting {
                        name,
                        value: value.into(),
                        line: lines.number,
                    });
                    continue;
                }
                Ok(Line::Blank) => {
                    blank += 1;
                    continue;
                }
                Ok(Line::More(text)) => text,
                // The file was checked.
                Ok(Line::Comment | Line::Section { .. }) | Err(_) => continue,
            };
            if let Some(setting) = self.list.last_mut() {
                let value = setting.value.to_mut();
                value.extend(std::iter::repeat_n('\n', blank + 1));
                value.push_str(text);
                blank = 0;
            }
        }
    }
}

/// A file and line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    path: PathBuf,
    line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}", self.path.display(), self.line)
    }
}

/// The header of a section.
#[derive(Clone, Copy)]
struct Header<'a> {
    text: &'a str,
    quoted_name: Option<&'a str>,
}

impl<'a> Header<'a> {
    /// The name in a header such as `profile NAME`: of two words the second. The first need only
    /// begin with `word` (botocore, `build_profile_map`).
    fn name(self, word: &str) -> Option<&'a str> {
        if !self.text.starts_with(word) {
            return None;
        }
        if self.quoted_name.is_some() || is_quoted(self.text) {
            return self.quoted_name;
        }
        let mut words = self.text.split([' ', '\t']).filter(|word| !word.is_empty());
        let name = words.by_ref().nth(1)?;
        words.next().is_none().then_some(name)
    }

    /// Whether it is this word and this name.
    fn is(self, word: &str, name: &str) -> bool {
        // Most headers of a long file fail here.
        let may_be = self.quoted_name.is_some()
            || match self.text.as_bytes().last() {
                Some(b' ' | b'\t') => true,
                _ => self.text.ends_with(name),
            };
        may_be && self.name(word) == Some(name)
    }
}

/// Whether a header has quotes as those of a shell, which may join words.
fn is_quoted(header: &str) -> bool {
    let mut bytes = header.bytes();
    bytes.any(|byte| matches!(byte, b'"' | b'\'' | b'\\'))
}

/// The second of two words.
fn quoted_name(header: &str) -> Option<String> {
    if !is_quoted(header) {
        return None;
    }
    let [_, name] = <[String; 2]>::try_from(split_words(header)?).ok()?;
    Some(name)
}

/// Finds the sections, and checks every line.
fn sections(text: &str) -> Result<Vec<Section>, (usize, SyntaxProblem)> {
    let mut sections: Vec<Section> = Vec::new();
    let mut names = Names::default();
    let mut is_block = false;
    // Few files have quotes or backslashes at all.
    let has_quotes = memchr3(b'"', b'\'', b'\\', text.as_bytes()).is_some();
    let mut lines = Lines::of_file(text);
    while let Some(line) = lines.read() {
        match line.map_err(|problem| (lines.number, problem))? {
            Line::Blank | Line::Comment => {}
            Line::Section { header } => {
                let start = header.as_ptr().addr() - text.as_ptr().addr();
                if let Some(before) = sections.last_mut() {
                    before.body.end = lines.start;
                }
                sections.push(Section {
                    header: start..start + header.len(),
                    body: lines.end..text.len(),
                    quoted_name: has_quotes.then(|| quoted_name(header)).flatten(),
                    line: lines.number,
                });
                names.clear();
            }
            Line::Setting { name, value } => {
                is_block = value.is_empty();
                if let Some(first) = names.add(name, lines.number) {
                    let name = name.to_lowercase();
                    return Err((lines.number, SyntaxProblem::Repeated { name, first }));
                }
            }
            Line::More(text) => {
                if is_block && !text.contains('=') {
                    return Err((lines.number, SyntaxProblem::NotNested));
                }
            }
        }
    }
    Ok(sections)
}

/// The names of a section's settings.
#[derive(Default)]
struct Names<'a> {
    in_order: Vec<(&'a str, usize)>,
    /// A bit for each name, by its length and first letter. Of a name whose bit is not set, there is
    /// no other.
    bits: u64,
    /// Filled once there are many.
    known: HashSet<String>,
}

impl<'a> Names<'a> {
    fn clear(&mut self) {
        self.in_order.clear();
        self.bits = 0;
        if !self.known.is_empty() {
            self.known.clear();
        }
    }

    /// Adds a name. If it is known already, says in which line it is.
    fn add(&mut self, name: &'a str, line: usize) -> Option<usize> {
        let first = name.as_bytes().first().map_or(0, u8::to_ascii_lowercase);
        let bit = 1 << ((name.len() + 7 * usize::from(first)) % 64);
        let is_new = self.bits & bit == 0;
        self.bits |= bit;
        let is_known = if self.in_order.len() < MANY {
            !is_new && self.first(name).is_some()
        } else {
            if self.known.is_empty() {
                let names = self.in_order.iter();
                self.known
                    .extend(names.map(|(name, _)| name.to_lowercase()));
            }
            !self.known.insert(name.to_lowercase())
        };
        if is_known {
            return self.first(name).or(Some(line));
        }
        self.in_order.push((name, line));
        None
    }

    fn first(&self, name: &str) -> Option<usize> {
        let found = self
            .in_order
            .iter()
            .find(|(known, _)| known.len() == name.len() && known.eq_ignore_ascii_case(name));
        found.map(|(_, line)| *line)
    }
}

/// What a line is.
#[derive(Debug, PartialEq)]
enum Line<'a> {
    Blank,
    Comment,
    Section {
        header: &'a str,
    },
    Setting {
        name: &'a str,
        value: &'a str,
    },
    /// One more line of the setting above: it is indented deeper.
    More(&'a str),
}

/// Reads a text line by line.
struct Lines<'a> {
    text: &'a str,
    /// Where the last line that was read begins.
    start: usize,
    /// Where the next line begins.
    end: usize,
    /// The number of the last line that was read, counted from 1.
    number: usize,
    /// Whether a carriage return may end a line, which is rare.
    has_returns: bool,
    in_section: bool,
    in_setting: bool,
    /// How far the last setting or header is indented, in characters.
    indentation: usize,
}

impl<'a> Lines<'a> {
    fn of_file(text: &'a str) -> Self {
        Self {
            text,
            // Windows editors put a byte order mark there.
            start: 0,
            end: if text.starts_with('\u{feff}') { 3 } else { 0 },
            number: 0,
            has_returns: memchr(b'\r', text.as_bytes()).is_some(),
            in_section: false,
            in_setting: false,
            indentation: 0,
        }
    }

    /// The body of a section whose header is in this line.
    fn of_body(body: &'a str, header: usize) -> Self {
        Self {
            number: header,
            end: 0,
            in_section: true,
            ..Self::of_file(body)
        }
    }

    /// The next line; `None` at the end.
    fn read(&mut self) -> Option<Result<Line<'a>, SyntaxProblem>> {
        let rest = &self.text[self.end..];
        let bytes = rest.as_bytes();
        let first = *bytes.first()?;
        let end = if self.has_returns {
            memchr2(b'\n', b'\r', bytes)
        } else {
            memchr(b'\n', bytes)
        };
        let length = end.unwrap_or(bytes.len());
        let is_pair = self.has_returns && bytes[length..].starts_with(b"\r\n");
        self.start = self.end;
        self.end += (length + 1 + usize::from(is_pair)).min(bytes.len());
        self.number += 1;
        let line = &rest[..length];
        let plain = if first.is_ascii_alphabetic() {
            self.plain_setting(line, bytes)
        } else {
            self.plain_header(line)
        };
        Some(plain.map_or_else(|| self.classify(line), Ok))
    }

    /// A setting that is written as most are: not indented, and without white space but blanks at
    /// its separator. [`Self::classify`] says the same in more steps. `rest` begins with the line.
    fn plain_setting(&mut self, line: &'a str, rest: &[u8]) -> Option<Line<'a>> {
        if !self.in_section {
            return None;
        }
        // A search in a text as short as a line is slower. One that leaves the line is the last, as
        // the line is an error.
        let separator = memchr2(b'=', b':', rest).filter(|found| *found < line.len())?;
        let bytes = line.as_bytes();
        let end = separator - usize::from(bytes[separator.checked_sub(1)?] == b' ');
        let start = separator + 1 + usize::from(*bytes.get(separator + 1)? == b' ');
        let is_trimmed = bytes[end.checked_sub(1)?].is_ascii_graphic()
            && bytes.get(start)?.is_ascii_graphic()
            && bytes[bytes.len() - 1].is_ascii_graphic();
        if !is_trimmed {
            return None;
        }
        let (name, value) = (line.get(..end)?, line.get(start..)?);
        self.indentation = 0;
        self.in_setting = true;
        Some(Line::Setting { name, value })
    }

    /// The same for a header, and for an empty line.
    fn plain_header(&mut self, line: &'a str) -> Option<Line<'a>> {
        if line.is_empty() {
            return Some(Line::Blank);
        }
        let header = line.strip_prefix('[')?.strip_suffix(']')?;
        if header.is_empty() {
            return None;
        }
        self.indentation = 0;
        self.in_section = true;
        self.in_setting = false;
        Some(Line::Section { header })
    }

    fn classify(&mut self, line: &'a str) -> Result<Line<'a>, SyntaxProblem> {
        let from_text = trim_start(line);
        let text = trim_end(from_text);
        match text.as_bytes().first() {
            None => return Ok(Line::Blank),
            Some(b'#' | b';') => return Ok(Line::Comment),
            Some(_) => {}
        }
        let indentation = match line.len() - from_text.len() {
            0 => 0,
            length => line[..length].chars().count(),
        };
        if self.in_setting && indentation > self.indentation {
            return Ok(Line::More(text));
        }
        self.indentation = indentation;
        if let Some(header) = header(text) {
            self.in_section = true;
            self.in_setting = false;
            return Ok(Line::Section { header });
        }
        if !self.in_section {
            return Err(SyntaxProblem::BeforeSection);
        }
        let mut bytes = text.bytes();
        let separator = bytes
            .position(|byte| matches!(byte, b'=' | b':'))
            .ok_or(SyntaxProblem::NoSeparator)?;
        let name = trim_end(&text[..separator]);
        if name.is_empty() {
            return Err(SyntaxProblem::NoName);
        }
        self.in_setting = true;
        let value = trim_start(&text[separator + 1..]);
        Ok(Line::Setting { name, value })
    }
}

/// What is between the first bracket of a line and the last one. What follows is not looked at.
fn header(text: &str) -> Option<&str> {
    let header = text.strip_prefix('[')?;
    let header = &header[..header.rfind(']')?];
    (!header.is_empty()).then_some(header)
}

/// What Python's `str.isspace` takes for white space.
fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// Without white space at the start. Most lines have none, or some blanks.
fn trim_start(text: &str) -> &str {
    let bytes = text.as_bytes();
    let blanks = bytes.iter().take_while(|byte| matches!(byte, b' ' | b'\t'));
    let blanks = blanks.count();
    match bytes.get(blanks) {
        Some(byte) if byte.is_ascii_graphic() => &text[blanks..],
        _ => text.trim_start_matches(is_space),
    }
}

/// Without white space at the end.
fn trim_end(text: &str) -> &str {
    match text.as_bytes().last() {
        Some(byte) if byte.is_ascii_graphic() => text,
        _ => text.trim_end_matches(is_space),
    }
}

/// A profile that is listed is found.
#[cfg(any(test, fuzzing))]
pub(crate) fn fuzz(bytes: &[u8]) {
    let (config, credentials) = match bytes.iter().position(|byte| *byte == 0) {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &b""[..]),
    };
    let read = |bytes: &[u8]| AwsFile::read(PathBuf::from("/config"), bytes.to_vec(), None);
    let (config, credentials) = match (read(config), read(credentials)) {
        (Ok(config), Ok(credentials)) => (config, credentials),
        (Err(error), _) | (_, Err(error)) => {
            return assert!(!error.to_string().contains(char::is_control), "{error}");
        }
    };
    let files = AwsFiles {
        config,
        credentials,
    };
    for name in files.profile_names() {
        let profile = files.profile(name).expect("a profile that is listed");
        let _ = (profile.get("role_arn"), profile.place_of("region"));
        let _ = files.service_endpoint(&profile, "ecr");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(config: &str, credentials: &str) -> Result<AwsFiles, AwsFilesError> {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().to_str().unwrap();
        std::fs::create_dir(folder.path().join(".aws")).unwrap();
        std::fs::write(folder.path().join(".aws/config"), config).unwrap();
        std::fs::write(folder.path().join(".aws/credentials"), credentials).unwrap();
        AwsFiles::load(&Env::from_variables([("HOME", home)]))
    }

    /// The settings of the default profile, as the AWS CLI would read them.
    fn default_profile(config: &str) -> Vec<(String, String)> {
        let files = load(config, "").unwrap();
        let profile = files.profile("default").expect("a default profile");
        let settings = profile.config.iter();
        settings
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    fn problem(config: &str) -> String {
        let error = load(config, "").unwrap_err().to_string();
        error.split_once(": ").expect("a path").1.to_owned()
    }

    #[test]
    #[cfg_attr(windows, ignore = "its paths are those of Unix")]
    fn both_files_make_one_set_of_profiles() {
        let files = load(
            "[profile work]\nregion = eu-west-1\noutput = json\nservices = local\n[services local]\necr =\n  endpoint_url = http://localhost:1\n",
            "[work]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\noutput = text\n[other]\nregion = us-east-1\n",
        )
        .unwrap();
        let work = files.profile("work").unwrap();
        assert_eq!(work.get("region"), Some("eu-west-1"));
        assert_eq!(work.get("aws_access_key_id"), Some("AKIAIOSFODNN7EXAMPLE"));
        assert_eq!(work.get("output"), Some("text"));
        assert_eq!(work.config.get("aws_access_key_id"), None);
        assert_eq!(
            files.service_endpoint(&work, "ecr").as_deref(),
            Some("http://localhost:1")
        );
        assert_eq!(files.service_endpoint(&work, "sts"), None);
        assert_eq!(files.profile_names(), ["other", "work"]);
        let place = work.place_of("output").unwrap().to_string();
        assert!(place.ends_with(".aws/credentials, line 3"), "{place}");
    }

    // What follows was compared with `configparser` and `botocore.configloader` by hand, and is
    // compared anew with each run of `tests/as_the_cli`.

    #[test]
    fn a_plain_line_is_read_as_the_long_way_reads_it() {
        for line in [
            "a = b", "a=b", "a =b", "a= b", "a: b", "a\t= b", "a  = b", "a =  b", "a == b", "a =",
            "a = ", "a", "a = b ", "a = é", "é = b", "aé = b", "= b", "[a]", "[a] b", "[a] b]",
            "[]", "[a", "a]", "", " ", " [a]", " a = b", "# a", "; a", "a = b]", "a = [b", "0 = b",
            "[\0]", "a = \0",
        ] {
            for in_section in [true, false] {
                let text = format!("{line}\nb = c\n");
                let lines = || Lines {
                    in_section,
                    ..Lines::of_file(&text)
                };
                let (mut plain, mut long) = (lines(), lines());
                assert_eq!(plain.read(), Some(long.classify(line)), "{line:?}");
                let state = |lines: &Lines<'_>| (lines.in_section, lines.in_setting);
                assert_eq!(state(&plain), state(&long), "{line:?}");
                assert_eq!(plain.indentation, long.indentation, "{line:?}");
            }
        }
    }

    #[test]
    fn settings_may_be_indented() {
        for config in [
            "[default]\n  region = x\n  output = y\n",
            "  [default]\n  region = x\n  output = y\n",
            "[default]\n    region = x\n  output = y\n",
            "[default]\n\tregion = x\n\toutput = y\n",
            "[default]\n\u{a0}region = x\n\u{a0}output = y",
        ] {
            let expected = [("region", "x"), ("output", "y")];
            let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
            assert_eq!(default_profile(config), expected, "{config:?}");
        }
    }

    #[test]
    fn a_value_goes_on_in_lines_that_are_indented_deeper() {
        for (config, value) in [
            ("[default]\na = b\n  c\n", "b\nc"),
            ("[default]\na = b\n  c = d\n", "b\nc = d"),
            ("[default]\na =\n  c = d\n  e = f\n", "\nc = d\ne = f"),
            ("[default]\na = b\n\n  c\n", "b\n\nc"),
            ("[default]\na = b\n# d\n  c\n", "b\nc"),
            ("[default]\na = b\n  # d\n", "b"),
            ("[default]\na = b\n\n\n", "b"),
            (" [default]\n  a = b\n   c\n", "b\nc"),
            ("[default]\na = b\n [no section]\n", "b\n[no section]"),
        ] {
            let expected = [("a".to_owned(), value.to_owned())];
            assert_eq!(default_profile(config), expected, "{config:?}");
        }
    }

    #[test]
    fn only_a_whole_line_is_a_comment() {
        for (config, value) in [
            ("; x\n[default]\n# y = z\n   ; z\na = b\n", "b"),
            ("[default] # x\na = b ; c # d\n", "b ; c # d"),
            ("[default]\na = #b\n", "#b"),
            ("[default]\na:b=c\n", "b=c"),
            ("[default]\na = b:c\n", "b:c"),
            ("[default]\r\na = b\r\n", "b"),
            ("[default]\ra = b\r", "b"),
            ("\u{feff}[default]\na = b", "b"),
            ("[default]\na =\u{3000}b\u{85}", "b"),
            ("[default]\na = \"b\"", "\"b\""),
        ] {
            let expected = [("a".to_owned(), value.to_owned())];
            assert_eq!(default_profile(config), expected, "{config:?}");
        }
    }

    #[test]
    fn names_of_settings_count_in_any_case() {
        let files = load("[default]\nRegion = x\n", "").unwrap();
        assert_eq!(files.profile("default").unwrap().get("region"), Some("x"));
        let repeated = "[default]\nRegion = x\nregion = y\n";
        assert_eq!(
            problem(repeated),
            "line 3 sets region again; line 2 sets it already"
        );
    }

    #[test]
    fn headers_name_profiles_as_the_aws_cli_reads_them() {
        for (header, expected) in [
            ("profile a", "a"),
            ("profile   a ", "a"),
            ("profile\ta", "a"),
            ("profile \"a b\"", "a b"),
            ("profile 'a'", "a"),
            ("profile a\\ b", "a b"),
            ("profile \"\"", ""),
            ("profile ü", "ü"),
            ("profiles a", "a"),
            ("profile a#b", "a#b"),
            ("default", "default"),
            ("profile default", "default"),
        ] {
            let files = load(&format!("[{header}]\n"), "").unwrap();
            assert_eq!(files.profile_names(), [expected], "{header}");
            assert!(files.profile(expected).is_some(), "{header}");
        }
        for header in [
            "profile",
            "profile a b",
            "a",
            " profile a",
            "profile \"a",
            "Profile a",
        ] {
            let files = load(&format!("[{header}]\n"), "").unwrap();
            assert_eq!(files.profile_names().len(), 0, "{header}");
        }
        let files = load("", "[profile a]\n[b c]\n").unwrap();
        assert_eq!(files.profile_names(), ["b c", "profile a"]);
    }

    #[test]
    fn of_two_headers_for_one_profile_the_last_one_counts() {
        let files = load("[profile \"a\"]\nx = 1\ny = 2\n[profile a]\nx = 3\n", "").unwrap();
        let profile = files.profile("a").unwrap();
        assert_eq!((profile.get("x"), profile.get("y")), (Some("3"), None));
    }

    #[test]
    fn a_section_that_is_repeated_goes_on() {
        let files = load("[default]\nx = 1\ny = 2\n[other]\n[default]\nx = 3\n", "").unwrap();
        let profile = files.profile("default").unwrap();
        assert_eq!((profile.get("x"), profile.get("y")), (Some("3"), Some("2")));
    }

    #[test]
    fn settings_of_the_section_named_default_in_capitals_count_in_all() {
        let files = load("[DEFAULT]\nx = 1\ny = 2\n[default]\ny = 3\n", "").unwrap();
        let profile = files.profile("default").unwrap();
        assert_eq!((profile.get("x"), profile.get("y")), (Some("1"), Some("3")));
        assert_eq!(files.profile_names(), ["default"]);
    }

    #[test]
    fn a_wrong_line_in_any_section_is_told_with_its_number() {
        for (config, expected) in [
            ("region = x\n", "line 1 is before the first [section]"),
            ("\n[]\n", "line 2 is before the first [section]"),
            (
                "[a]\nregion\n",
                "line 2 is neither a [section] nor `name = value`",
            ),
            (
                "[a]\n[b\n",
                "line 2 is neither a [section] nor `name = value`",
            ),
            ("[a]\n = x\n", "line 2 has no name before its `=` or `:`"),
            (
                "[a]\ns3 =\n  x\n",
                "line 3 is indented below a name without a value, but is not `name = value`",
            ),
            (
                "[a]\nb = 1\n[c]\nB = 2\nb = 3\n",
                "line 5 sets b again; line 4 sets it already",
            ),
        ] {
            assert_eq!(problem(config), expected, "{config:?}");
        }
        let mut many: String = (0..100).map(|n| format!("k{n} = 1\n")).collect();
        many.insert_str(0, "[a]\n");
        assert!(load(&many, "").is_ok());
        many.push_str("K70 = 1\n");
        assert_eq!(
            problem(&many),
            "line 102 sets k70 again; line 72 sets it already"
        );
    }

    #[test]
    fn a_file_that_is_not_utf_8_is_told_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        std::fs::write(&path, b"[default]\nregion = \xff\n").unwrap();
        let path = path.to_str().unwrap();
        let env = Env::from_variables([("AWS_CONFIG_FILE", path)]);
        let error = AwsFiles::load(&env).unwrap_err().to_string();
        assert_eq!(
            error,
            format!("the AWS file {path} is not UTF-8 text: line 2")
        );
    }

    #[test]
    fn variables_in_the_path_of_a_file_are_replaced() {
        let env = Env::from_variables([("HOME", "/home/alice"), ("A", "x"), ("A_1", "y")]);
        for (path, expected) in [
            ("$HOME/config", "/home/alice/config"),
            ("${HOME}/config", "/home/alice/config"),
            ("~/config", "/home/alice/config"),
            ("/$A-$A_1/${A}1", "/x-y/x1"),
            ("/$B/${B}/$/${", "/$B/${B}/$/${"),
        ] {
            let expanded = env.expand_home(expand_variables(path.into(), &env).into());
            assert_eq!(expanded, Path::new(expected), "{path}");
        }
    }

    #[test]
    fn no_files_are_no_profiles() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().display().to_string();
        let files = AwsFiles::load(&Env::from_variables([("HOME", &*home)])).unwrap();
        assert_eq!(files.profile_names().len(), 0);
        assert_eq!(files.passed_over().count(), 0);
    }

    #[test]
    fn without_a_home_folder_the_working_folder_is_not_looked_at() {
        let files = AwsFiles::load(&Env::from_variables([])).unwrap();
        assert_eq!(files.config.path, Path::new(""));
    }

    #[test]
    #[cfg_attr(windows, ignore = "its paths are those of Unix")]
    fn a_folder_in_place_of_the_file_holds_nothing_and_is_told() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join(".aws/config")).unwrap();
        let home = folder.path().to_str().unwrap();
        let files = AwsFiles::load(&Env::from_variables([("HOME", home)])).unwrap();
        let told: Vec<String> = files.passed_over().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [format!(
                "the AWS file {home}/.aws/config was ignored: it is a folder, not a file"
            )]
        );
    }
}
