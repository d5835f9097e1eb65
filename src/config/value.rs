//! The values of a table's keys: types, bounds, and text without surprises.

use std::ops::{Range, RangeInclusive};
use std::str::FromStr;
use std::time::Duration;

use toml::Spanned;
use toml::de::DeValue;

use super::error::ConfigError;
use super::problem::Problem;
use super::section::Section;

/// The longest text that any key takes, in bytes: role ARNs are at most 2048.
const LONGEST_TEXT: usize = 2048;

/// A text and the place it stands at.
#[derive(Debug, Clone)]
pub(super) struct Text<'a> {
    pub text: &'a str,
    pub span: Range<usize>,
}

/// The readers. Each gives `None` when the key is absent, and an error that names the key and
/// its line when the value is not what the key takes.
impl<'a> Section<'a> {
    /// A text that is neither empty nor holds anything invisible.
    pub(super) fn text(&self, key: &'static str) -> Result<Option<Text<'a>>, ConfigError> {
        self.get(key)
            .map(|value| self.read_text(key, value, "a text in quotes"))
            .transpose()
    }

    /// A text that is one of AWS's names, or a URL.
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

    /// A list of texts, not empty.
    pub(super) fn texts(&self, key: &'static str) -> Result<Option<Vec<Text<'a>>>, ConfigError> {
        self.list(key, "a list of texts", false)
    }

    /// One text or a list of them, not empty.
    pub(super) fn one_or_more_texts(
        &self,
        key: &'static str,
    ) -> Result<Option<Vec<Text<'a>>>, ConfigError> {
        self.list(key, "a text or a list of texts", true)
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
        let read = |value| self.read_text(key, value, "a list of texts in quotes");
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

    /// A whole number within bounds.
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

    /// A number of seconds within bounds.
    pub(super) fn seconds(
        &self,
        key: &'static str,
        bounds: RangeInclusive<u64>,
    ) -> Result<Option<Duration>, ConfigError> {
        Ok(self.number(key, bounds)?.map(Duration::from_secs))
    }

    /// `true` or `false`.
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

/// What a value is, in words.
pub(super) fn found(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
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
