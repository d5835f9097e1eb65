//! A JSON text as objects and texts, each with the bytes that it stands in.

use std::borrow::Cow;
use std::ops::Range;

use jsonc_parser::ast;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

/// A value and where it stands.
#[derive(Clone)]
pub(super) struct Value {
    pub range: Range<usize>,
    pub kind: ValueKind,
}

/// What a value is. Nothing is read of numbers and lists but where they stand.
#[derive(Clone)]
pub(super) enum ValueKind {
    Object(Vec<Property>),
    List(Vec<Value>),
    Text(String),
    Null,
    Other,
}

/// A name and its value. Names may be there several times.
#[derive(Clone)]
pub(super) struct Property {
    pub name: String,
    /// The name with its quotes.
    pub name_range: Range<usize>,
    pub value: Value,
}

impl Property {
    /// As Go's `encoding/json` finds the field of a structure: in any case.
    pub(super) fn is_called(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// From the name to the end of the value.
    pub(super) fn range(&self) -> Range<usize> {
        self.name_range.start..self.value.range.end
    }
}

impl Value {
    /// The properties of an object, none of anything else.
    pub(super) fn properties(&self) -> &[Property] {
        match &self.kind {
            ValueKind::Object(properties) => properties,
            _ => &[],
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.kind {
            ValueKind::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self.kind, ValueKind::Null)
    }
}

/// Where a text stops being JSON, and why.
#[derive(Debug)]
pub(super) struct NotJson {
    pub line: usize,
    pub column: usize,
    pub reason: String,
    /// The clients read it all the same.
    pub is_ours: bool,
}

/// Reads a text as strictly as the clients do; `None` where it is blank.
pub(super) fn parse(text: &str) -> Result<Option<Value>, NotJson> {
    if text.trim_matches([' ', '\t', '\r', '\n']).is_empty() {
        return Ok(None);
    }
    // It is the stricter one, and says where. It does not say which bytes a value stands in.
    serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|error| {
        let reason = error.to_string();
        let place = reason.rfind(" at line ").unwrap_or(reason.len());
        NotJson {
            line: error.line(),
            column: error.column(),
            is_ours: false,
            reason: reason[..place].to_owned(),
        }
    })?;
    let strict = ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    let parsed =
        parse_to_ast(text, &CollectOptions::default(), &strict).map_err(|error| NotJson {
            line: error.line_display(),
            column: error.column_display(),
            reason: error.kind().to_string(),
            // More than 512 levels, or half a surrogate pair (`\ud800`), which the clients replace.
            is_ours: true,
        })?;
    Ok(parsed.value.map(value))
}

fn value(parsed: ast::Value<'_>) -> Value {
    use jsonc_parser::common::Ranged as _;

    let range = parsed.range();
    let range = range.start..range.end;
    let kind = match parsed {
        ast::Value::Object(object) => {
            ValueKind::Object(object.properties.into_iter().map(property).collect())
        }
        ast::Value::Array(list) => ValueKind::List(list.elements.into_iter().map(value).collect()),
        ast::Value::StringLit(text) => ValueKind::Text(text.value.into_owned()),
        ast::Value::NullKeyword(_) => ValueKind::Null,
        _ => ValueKind::Other,
    };
    Value { range, kind }
}

fn property(property: ast::ObjectProp<'_>) -> Property {
    let (range, name) = match property.name {
        ast::ObjectPropName::String(name) => (name.range, name.value),
        ast::ObjectPropName::Word(name) => (name.range, Cow::Borrowed(name.value)),
    };
    Property {
        name: name.into_owned(),
        name_range: range.start..range.end,
        value: value(property.value),
    }
}
