//! The text of a configuration file and its tables: keys, values and bounds, and errors that name
//! the line.
//!
//! serde would be shorter, but its errors contain neither the nearest key nor the line of a value that
//! has the right type and is wrong.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, Excerpt, Origin, Problem};
use crate::error::nearest;
use crate::fs::{self, Pipes, ReadError};

/// The maximum size of a configuration file: 1 MiB, some 8000 rules.
pub const MAX_FILE_BYTES: u64 = 1 << 20;

/// The text of one file, with its lines.
#[derive(Debug)]
pub(super) struct ConfigText {
    pub path: Arc<Path>,
    pub text: String,
    /// The start of each line but the first, so that the lines of 1000 rules are found without reading
    /// the text 1000 times.
    line_starts: Vec<usize>,
    /// The mistakes found so far, in the order in which the file is checked.
    mistakes: RefCell<Vec<ConfigError>>,
}

impl ConfigText {
    /// Reads a file; `None` if it does not exist.
    ///
    /// # Errors
    /// If it is not a readable regular file of UTF-8 text, or is too large.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, ConfigError> {
        let bytes = match fs::read(path, MAX_FILE_BYTES, Pipes::Refused) {
            Ok(bytes) => bytes,
            Err(error) if error.is_absence() => return Ok(None),
            Err(error) => {
                let path = path.to_owned();
                return Err(match error {
                    ReadError::NotAFile(_) => ConfigError::NotAFile { path },
                    ReadError::TooLarge(_) => ConfigError::TooLarge { path },
                    error => ConfigError::Unreadable {
                        path,
                        cause: error.into(),
                    },
                });
            }
        };
        Self::new(path, bytes).map(Some)
    }

    /// Reads the bytes of a file, without the byte order mark that some editors write.
    pub(super) fn new(path: &Path, mut bytes: Vec<u8>) -> Result<Self, ConfigError> {
        if bytes.starts_with(b"\xef\xbb\xbf") {
            bytes.drain(..3);
        }
        let path = Arc::from(path);
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
                let origin = Origin { file: path, line };
                return Err(ConfigError::NotUtf8 { origin });
            }
        };
        let bytes = text.bytes().enumerate();
        let line_starts = bytes
            .filter_map(|(at, byte)| (byte == b'\n').then_some(at + 1))
            .collect();
        Ok(Self {
            path,
            text,
            line_starts,
            mistakes: RefCell::default(),
        })
    }

    /// Keeps a mistake, unless its line has a syntax error, which may be its cause, or it is recorded
    /// already.
    pub(super) fn record(&self, mistake: ConfigError) {
        let mut mistakes = self.mistakes.borrow_mut();
        let on_line = mistakes
            .iter()
            .filter(|known| known.line() == mistake.line());
        let is_known = |known: &ConfigError| {
            matches!(known, ConfigError::Syntax { .. }) || known.to_string() == mistake.to_string()
        };
        if !on_line.into_iter().any(is_known) {
            mistakes.push(mistake);
        }
    }

    /// Whether the text between this header and the next one has a syntax error, so that keys may be
    /// missing from the table.
    fn has_syntax_errors(&self, header: &Range<usize>) -> bool {
        let mistakes = self.mistakes.borrow();
        let mut errors = mistakes
            .iter()
            .filter(|mistake| matches!(mistake, ConfigError::Syntax { .. }))
            .filter_map(ConfigError::line)
            .peekable();
        if errors.peek().is_none() {
            return false;
        }
        let body = self.text.get(header.end..).unwrap_or_default();
        let length = match body.find("\n[") {
            _ if header.is_empty() && body.starts_with('[') => 0,
            Some(length) => length,
            None => body.len(),
        };
        let first = self.origin(header.start).line;
        let last = self.origin(header.end + length).line;
        errors.any(|line| (first..=last).contains(&line))
    }

    pub(super) fn take_mistakes(&self) -> Vec<ConfigError> {
        self.mistakes.take()
    }

    /// The source line of a range with the range marked; `None` if the line may hold a secret.
    pub(super) fn excerpt(&self, range: &Range<usize>) -> Option<Box<Excerpt>> {
        let index = self
            .line_starts
            .partition_point(|start| *start <= range.start);
        let start = index.checked_sub(1).map_or(0, |at| self.line_starts[at]);
        let rest = self.text.get(start..)?;
        let line = rest.lines().next().unwrap_or_default();
        let before = line.get(..range.start - start).unwrap_or(line);
        let marked = line.get(before.len()..).unwrap_or_default();
        let marked = marked
            .get(..range.len().min(marked.len()))
            .unwrap_or(marked);
        Excerpt::new(self.text.get(..start)?, before, line, marked).map(Box::new)
    }

    /// The file and the line of a byte of the text.
    pub(super) fn origin(&self, offset: usize) -> Origin {
        Origin {
            file: Arc::clone(&self.path),
            line: 1 + self.line_starts.partition_point(|start| *start <= offset),
        }
    }

    /// As [`ConfigText::origin`], for the start of a range.
    pub(super) fn origin_of(&self, range: &Range<usize>) -> Origin {
        self.origin(range.start)
    }
}

/// The name of a kind of table and the keys it may hold.
#[derive(Debug)]
pub(super) struct Shape {
    /// The name; empty for the top of the file.
    pub name: &'static str,
    /// How it is written in a file.
    pub written: &'static str,
    /// Its keys in groups, in the order in which messages list them.
    pub groups: &'static [&'static [&'static str]],
}

impl Shape {
    pub(super) fn keys(&self) -> impl Iterator<Item = &'static str> + Clone {
        self.groups.iter().copied().flatten().copied()
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.keys().any(|known| known == key)
    }
}

/// A table of a file.
#[derive(Debug)]
pub(super) struct Section<'a> {
    source: &'a ConfigText,
    shape: &'static Shape,
    /// Its name in errors; empty for the top of the file.
    name: Cow<'static, str>,
    /// The shapes of all tables, for a key in the wrong one.
    all: &'static [&'static Shape],
    table: &'a DeTable<'a>,
    span: Range<usize>,
    /// Whether it has a mistake. Then a missing key may be a misspelled one.
    is_flawed: Cell<bool>,
}

impl<'a> Section<'a> {
    /// Records the keys of a table that `shape` does not have. They are recorded before the other
    /// mistakes of the table, as a misspelled key is the usual reason for a missing one.
    pub(super) fn new(
        source: &'a ConfigText,
        table: &'a DeTable<'a>,
        span: Range<usize>,
        shape: &'static Shape,
        all: &'static [&'static Shape],
    ) -> Self {
        Self::named(shape.name.into(), source, table, span, shape, all)
    }

    fn named(
        name: Cow<'static, str>,
        source: &'a ConfigText,
        table: &'a DeTable<'a>,
        span: Range<usize>,
        shape: &'static Shape,
        all: &'static [&'static Shape],
    ) -> Self {
        let section = Self {
            source,
            shape,
            name,
            all,
            table,
            is_flawed: Cell::new(source.has_syntax_errors(&span)),
            span,
        };
        let mut unknown: Vec<_> = table
            .keys()
            .filter(|key| !shape.has(key.get_ref()))
            .collect();
        unknown.sort_by_key(|key| key.span().start);
        for key in unknown {
            let problem = section.unknown(key.get_ref());
            section.record(section.error_at(&key.span(), key.get_ref(), problem));
        }
        section
    }

    pub(super) fn record(&self, mistake: ConfigError) {
        self.is_flawed.set(true);
        self.source.record(mistake);
    }

    /// The value, or `None` after its mistake is recorded.
    pub(super) fn keep<T>(&self, result: Result<T, ConfigError>) -> Option<T> {
        result.map_err(|mistake| self.record(mistake)).ok()
    }

    /// The same for a value that may be absent.
    pub(super) fn keep_some<T>(&self, result: Result<Option<T>, ConfigError>) -> Option<T> {
        self.keep(result).flatten()
    }

    pub(super) fn is_flawed(&self) -> bool {
        self.is_flawed.get()
    }

    fn unknown(&self, key: &str) -> Problem {
        let elsewhere = |word: &str| {
            let shapes = self.all.iter().filter(|shape| shape.has(word));
            let place = |shape: &&'static Shape| match shape.name {
                "" => format!("at {}", shape.written),
                _ => format!("in {}", shape.written),
            };
            shapes.map(place).collect::<Vec<_>>()
        };
        let known_elsewhere = self.all.iter().flat_map(|shape| shape.keys());
        let here = || nearest(key, self.shape.keys());
        let exact = known_elsewhere.clone().find(|known| *known == key);
        if exact.is_none()
            && let Some(nearest) = here()
        {
            return Problem::UnknownNear { nearest };
        }
        match exact.or_else(|| nearest(key, known_elsewhere)) {
            Some(word) => Problem::Misplaced {
                word,
                tables: elsewhere(word).join(" or "),
            },
            None => Problem::Unknown {
                known: self.shape.keys().collect::<Vec<_>>().join(", "),
            },
        }
    }

    /// The error for a key of the section, at the key's line, or at the section's if the key is
    /// missing.
    pub(super) fn error(&self, key: &str, problem: impl Into<Problem>) -> ConfigError {
        let span = match self.table.get_key_value(key) {
            Some((key, _)) => key.span(),
            None => self.span.clone(),
        };
        self.error_at(&span, key, problem)
    }

    /// The error for a text, at its own line, as lists may have several.
    pub(super) fn error_in(
        &self,
        text: &Text<'_>,
        key: &str,
        problem: impl Into<Problem>,
    ) -> ConfigError {
        self.error_at(&text.span, key, problem)
    }

    /// The error for the section as a whole.
    pub(super) fn error_of_all(&self, problem: Problem) -> ConfigError {
        ConfigError::Setting {
            origin: self.origin(),
            key: self.name.to_string(),
            problem,
            excerpt: self.source.excerpt(&self.span),
        }
    }

    /// The error at a place in the file.
    pub(super) fn error_at(
        &self,
        span: &Range<usize>,
        key: &str,
        problem: impl Into<Problem>,
    ) -> ConfigError {
        ConfigError::Setting {
            origin: self.source.origin_of(span),
            key: self.key_name(key),
            problem: problem.into(),
            excerpt: self.source.excerpt(span),
        }
    }

    /// The name of a key in errors: `cache.dir`.
    fn key_name(&self, key: &str) -> String {
        match &*self.name {
            "" => key.to_owned(),
            name => format!("{name}.{key}"),
        }
    }

    pub(super) fn origin(&self) -> Origin {
        self.source.origin_of(&self.span)
    }

    pub(super) fn origin_of(&self, text: &Text<'_>) -> Origin {
        self.source.origin_of(&text.span)
    }

    /// The section's name; empty for the top of the file.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Whether it has a key that begins with one of these.
    pub(super) fn has_key_with(&self, beginnings: &[&str]) -> bool {
        let begins = |key: &str| beginnings.iter().any(|begin| key.starts_with(begin));
        self.table.keys().any(|key| begins(key.get_ref()))
    }

    pub(super) fn get(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        // A key that is not in the shape is always refused as unknown.
        debug_assert!(self.shape.has(key), "{key}");
        self.table.get(key)
    }

    pub(super) fn table(&self, shape: &'static Shape) -> Option<Self> {
        let value = self.get(shape.name)?;
        match value.get_ref() {
            DeValue::Table(table) => {
                let section = Self::new(self.source, table, value.span(), shape, self.all);
                Some(section)
            }
            _ => {
                self.record(self.not_section(shape, value));
                None
            }
        }
    }

    /// The tables of this name in the section, in the file's order.
    pub(super) fn tables(&self, shape: &'static Shape) -> Vec<Self> {
        let Some(value) = self.get(shape.name) else {
            return Vec::new();
        };
        let DeValue::Array(list) = value.get_ref() else {
            self.record(self.not_section(shape, value));
            return Vec::new();
        };
        let section = |value: &'a Spanned<DeValue<'a>>| match value.get_ref() {
            DeValue::Table(table) => {
                Ok(Self::new(self.source, table, value.span(), shape, self.all))
            }
            _ => Err(self.not_section(shape, value)),
        };
        let sections = list.iter().map(section);
        sections.filter_map(|section| self.keep(section)).collect()
    }

    /// The tables with names chosen by the user, with these names.
    pub(super) fn named_tables(&self, shape: &'static Shape) -> Vec<(&'a str, Self)> {
        let Some(value) = self.get(shape.name) else {
            return Vec::new();
        };
        let DeValue::Table(tables) = value.get_ref() else {
            self.record(self.not_section(shape, value));
            return Vec::new();
        };
        let section = |(key, value): (&'a Spanned<Cow<'a, str>>, &'a Spanned<DeValue<'a>>)| {
            let chosen: &'a str = key.get_ref();
            let DeValue::Table(table) = value.get_ref() else {
                return Err(self.not_section(shape, value));
            };
            let within = table
                .iter()
                .find(|(key, value)| value.get_ref().is_table() && !shape.has(key.get_ref()));
            if let Some((within, _)) = within {
                let (table, name) = (shape.name, format!("{chosen}.{}", within.get_ref()));
                let key_name = format!("{table}.{name}");
                let problem = Problem::DottedName { table, name };
                return Err(self.error_at(&key.span(), &key_name, problem));
            }
            let name = format!("{}.{chosen}", shape.name).into();
            let section = Self::named(name, self.source, table, key.span(), shape, self.all);
            Ok((chosen, section))
        };
        // By line, not by name.
        let mut tables: Vec<_> = tables.iter().collect();
        tables.sort_by_key(|(key, _)| key.span().start);
        let sections = tables.into_iter().map(section);
        sections.filter_map(|section| self.keep(section)).collect()
    }

    fn not_section(&self, shape: &Shape, value: &Spanned<DeValue<'_>>) -> ConfigError {
        let (written, found) = (shape.written, found(value.get_ref()));
        self.error_at(
            &value.span(),
            shape.name,
            Problem::NotSection { written, found },
        )
    }
}

/// The longest text that any key takes, in bytes: role ARNs are at most 2048.
const LONGEST_TEXT: usize = 2048;

/// A text and its place.
#[derive(Debug, Clone)]
pub(super) struct Text<'a> {
    pub text: &'a str,
    pub span: Range<usize>,
}

/// Reads values. Each function returns `None` if the key is absent, and an error with the key and its
/// line if the value is wrong.
impl<'a> Section<'a> {
    /// A text that is not empty and has no control characters.
    pub(super) fn text(&self, key: &'static str) -> Result<Option<Text<'a>>, ConfigError> {
        self.get(key)
            .map(|value| self.read_text(key, value, "text in quotes"))
            .transpose()
    }

    /// A text that is parsed, such as an account ID or a URL.
    pub(super) fn parsed<T>(&self, key: &'static str) -> Result<Option<T>, ConfigError>
    where
        T: FromStr<Err: Into<Problem>>,
    {
        let parse = |text: Text<'_>| {
            text.text
                .parse()
                .map_err(|error: T::Err| self.error_in(&text, key, error))
        };
        self.text(key)?.map(parse).transpose()
    }

    /// An absolute path: a relative one would depend on the caller's working folder.
    pub(super) fn absolute_path(&self, key: &'static str) -> Result<Option<PathBuf>, ConfigError> {
        let Some(text) = self.text(key)? else {
            return Ok(None);
        };
        let path = PathBuf::from(text.text);
        if path.is_absolute() {
            Ok(Some(path))
        } else {
            let problem = Problem::RelativePath(text.text.to_owned());
            Err(self.error_in(&text, key, problem))
        }
    }

    /// A list of texts, not empty.
    pub(super) fn texts(&self, key: &'static str) -> Result<Option<Vec<Text<'a>>>, ConfigError> {
        self.list(key, "a list of text", false)
    }

    /// One text or a list of them, not empty.
    pub(super) fn one_or_more_texts(
        &self,
        key: &'static str,
    ) -> Result<Option<Vec<Text<'a>>>, ConfigError> {
        self.list(key, "text or a list of text", true)
    }

    fn list(
        &self,
        key: &'static str,
        expected: &'static str,
        one: bool,
    ) -> Result<Option<Vec<Text<'a>>>, ConfigError> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let list = match value.get_ref() {
            DeValue::Array(list) => list,
            DeValue::String(_) if one => {
                return Ok(Some(vec![self.read_text(key, value, expected)?]));
            }
            _ => return Err(self.wrong_type(key, value, expected)),
        };
        if list.is_empty() {
            return Err(self.error(key, Problem::EmptyList));
        }
        let read = |value| self.read_text(key, value, "a list of text in quotes");
        list.iter().map(read).collect::<Result<_, _>>().map(Some)
    }

    fn read_text(
        &self,
        key: &str,
        value: &'a Spanned<DeValue<'a>>,
        expected: &'static str,
    ) -> Result<Text<'a>, ConfigError> {
        let DeValue::String(text) = value.get_ref() else {
            return Err(self.wrong_type(key, value, expected));
        };
        let problem = if text.is_empty() {
            Problem::Empty
        } else if text.len() > LONGEST_TEXT {
            Problem::TooLong { most: LONGEST_TEXT }
        } else if text.trim().len() != text.len() || text.contains(char::is_control) {
            Problem::Unclean
        } else {
            let span = value.span();
            return Ok(Text { text, span });
        };
        Err(self.error_at(&value.span(), key, problem))
    }

    pub(super) fn number(
        &self,
        key: &'static str,
        bounds: RangeInclusive<u64>,
    ) -> Result<Option<u64>, ConfigError> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let DeValue::Integer(integer) = value.get_ref() else {
            return Err(self.wrong_type(key, value, "a whole number without quotes"));
        };
        match u64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(number) if bounds.contains(&number) => Ok(Some(number)),
            _ => {
                let (least, most) = bounds.into_inner();
                let found = integer.to_string();
                Err(self.error(key, Problem::OutOfRange { least, most, found }))
            }
        }
    }

    pub(super) fn seconds(
        &self,
        key: &'static str,
        bounds: RangeInclusive<u64>,
    ) -> Result<Option<Duration>, ConfigError> {
        Ok(self.number(key, bounds)?.map(Duration::from_secs))
    }

    pub(super) fn switch(&self, key: &'static str) -> Result<Option<bool>, ConfigError> {
        self.get(key)
            .map(|value| match value.get_ref() {
                DeValue::Boolean(on) => Ok(*on),
                _ => Err(self.wrong_type(key, value, "true or false without quotes")),
            })
            .transpose()
    }

    fn wrong_type(
        &self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        expected: &'static str,
    ) -> ConfigError {
        let found = found(value.get_ref());
        self.error_at(&value.span(), key, Problem::WrongType { expected, found })
    }
}

/// The type of a value in words.
pub(super) fn found(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a decimal number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(list) if list.iter().any(|item| item.get_ref().is_table()) => {
            "a list of tables"
        }
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
