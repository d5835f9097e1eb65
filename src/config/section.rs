//! One table of a configuration file: its keys, the tables in it, and errors that name the
//! line. Reading the values of keys is in `value.rs`.
//!
//! serde would be shorter here and say less: its errors know neither the nearest key nor, for
//! a value that is of the right type and wrong all the same, the line.

use std::borrow::Cow;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, Origin};
use super::file::Source;
use super::problem::Problem;
use super::value::{Text, found};
use crate::nearest::nearest;

/// The name of a kind of table and the keys it may hold.
#[derive(Debug)]
pub(super) struct Shape {
    /// The name; empty for the top of the file.
    pub name: &'static str,
    /// How a person would write it.
    pub written: &'static str,
    /// Its keys in groups, in the order in which they should be explained.
    pub groups: &'static [&'static [&'static str]],
}

impl Shape {
    /// Its keys.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'static str> + Clone {
        self.groups.iter().copied().flatten().copied()
    }

    /// It has this key.
    pub(super) fn has(&self, key: &str) -> bool {
        self.keys().any(|known| known == key)
    }
}

/// A table of a file, of which all keys are known.
#[derive(Debug)]
pub(super) struct Section<'a> {
    source: &'a Source,
    shape: &'static Shape,
    /// What errors call it; empty for the top of the file.
    name: Cow<'static, str>,
    /// The shapes of all tables, for a key that stands in the wrong one.
    all: &'static [&'static Shape],
    table: &'a DeTable<'a>,
    span: Range<usize>,
}

impl<'a> Section<'a> {
    /// Looks at the keys of a table.
    ///
    /// # Errors
    /// When there is one that `shape` does not have. This comes before anything else is said
    /// of the table, as a misspelled key is the usual reason why another seems to be missing.
    pub(super) fn new(
        source: &'a Source,
        table: &'a DeTable<'a>,
        span: Range<usize>,
        shape: &'static Shape,
        all: &'static [&'static Shape],
    ) -> Result<Self, ConfigError> {
        Self::named(shape.name.into(), source, table, span, shape, all)
    }

    fn named(
        name: Cow<'static, str>,
        source: &'a Source,
        table: &'a DeTable<'a>,
        span: Range<usize>,
        shape: &'static Shape,
        all: &'static [&'static Shape],
    ) -> Result<Self, ConfigError> {
        let section = Self {
            source,
            shape,
            name,
            all,
            table,
            span,
        };
        let unknown = table
            .keys()
            .filter(|key| !shape.has(key.get_ref()))
            .min_by_key(|key| key.span().start);
        match unknown {
            None => Ok(section),
            Some(key) => {
                let problem = section.unknown(key.get_ref());
                Err(section.error_at(&key.span(), key.get_ref(), problem))
            }
        }
    }

    fn unknown(&self, key: &str) -> Problem {
        let elsewhere = |word: &str| {
            let shapes = self.all.iter().filter(|shape| shape.has(word));
            shapes.map(|shape| shape.written).collect::<Vec<_>>()
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

    /// The error for one of the section's keys, at the key's line, or at the section's where
    /// the key is missing.
    pub(super) fn error(&self, key: &str, problem: impl Into<Problem>) -> ConfigError {
        let span = match self.table.get_key_value(key) {
            Some((key, _)) => key.span(),
            None => self.span.clone(),
        };
        self.error_at(&span, key, problem)
    }

    /// The error for a text, at its own line: lists may go over many.
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
        }
    }

    /// The name of a key as errors have it: `cache.dir`.
    fn key_name(&self, key: &str) -> String {
        match &*self.name {
            "" => key.to_owned(),
            name => format!("{name}.{key}"),
        }
    }

    /// Where the section begins.
    pub(super) fn origin(&self) -> Origin {
        self.source.origin_of(&self.span)
    }

    /// Where a text stands.
    pub(super) fn origin_of(&self, text: &Text<'_>) -> Origin {
        self.source.origin_of(&text.span)
    }

    /// The section's name; empty for the top of the file.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The section says nothing at all.
    pub(super) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// The key is there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// A key's value.
    pub(super) fn get(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        // A key that a shape does not list would always be refused as unknown.
        debug_assert!(self.shape.has(key), "{key}");
        self.table.get(key)
    }

    /// A table within this one.
    pub(super) fn table(&self, shape: &'static Shape) -> Result<Option<Self>, ConfigError> {
        let Some(value) = self.get(shape.name) else {
            return Ok(None);
        };
        match value.get_ref() {
            DeValue::Table(table) => {
                Self::new(self.source, table, value.span(), shape, self.all).map(Some)
            }
            _ => Err(self.not_section(shape, value)),
        }
    }

    /// The tables of one name within this one, in the file's order.
    pub(super) fn tables(&self, shape: &'static Shape) -> Result<Vec<Self>, ConfigError> {
        let Some(value) = self.get(shape.name) else {
            return Ok(Vec::new());
        };
        let DeValue::Array(list) = value.get_ref() else {
            return Err(self.not_section(shape, value));
        };
        let section = |value: &'a Spanned<DeValue<'a>>| match value.get_ref() {
            DeValue::Table(table) => Self::new(self.source, table, value.span(), shape, self.all),
            _ => Err(self.not_section(shape, value)),
        };
        list.iter().map(section).collect()
    }

    /// The tables of a table whose keys are names that the file's author chose, with those names.
    pub(super) fn named_tables(
        &self,
        shape: &'static Shape,
    ) -> Result<Vec<(&'a str, Self)>, ConfigError> {
        let Some(value) = self.get(shape.name) else {
            return Ok(Vec::new());
        };
        let DeValue::Table(tables) = value.get_ref() else {
            return Err(self.not_section(shape, value));
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
            Self::named(name, self.source, table, key.span(), shape, self.all)
                .map(|section| (chosen, section))
        };
        // The first that is wrong, by line and not by letter.
        let mut tables: Vec<_> = tables.iter().collect();
        tables.sort_by_key(|(key, _)| key.span().start);
        tables.into_iter().map(section).collect()
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
