//! A `CredentialProviderConfig` of kubelet, edited in its text: other entries, unknown fields, comments
//! and the order stay.
//!
//! A text that begins with `{` and is JSON is edited with `jsonc_parser`, and other text by lines of
//! YAML. Each edit is verified: the new text has to have the old values, but for the entry.
//!
//! YAML is read as kubelet reads it: `sigs.k8s.io/yaml` 1.6 turns it into JSON, with the plain scalars of
//! YAML 1.1, and refuses repeated keys.

use std::collections::HashMap;

use jsonc_parser::cst::{CstArray, CstInputValue, CstNode, CstRootNode};
use jsonc_parser::{ParseOptions, json};
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, StrInput};
use serde_json::{Map, Value};

use crate::configure::clients::{line_end, split_byte_order_mark};

const PROVIDERS: &str = "providers";

/// Why a configuration is not read or not edited.
#[derive(Debug, thiserror::Error)]
pub(super) enum DocumentError {
    #[error("it is not UTF-8 text")]
    NotUtf8,
    #[error("it is not JSON: {0}")]
    Json(String),
    #[error("the key `{0}` is repeated")]
    Repeated(String),
    #[error(transparent)]
    Yaml(#[from] YamlError),
    #[error("it is not a CredentialProviderConfig: {0}")]
    Shape(&'static str),
    /// The layout is valid, but the edit would change more than the entry.
    #[error("its layout is not supported: `providers` has to be a list with an entry per line")]
    Layout,
}

/// The text of a configuration, and its values.
#[derive(Clone, Debug)]
pub(super) struct Document {
    mark: &'static str,
    text: String,
    is_json: bool,
    value: Map<String, Value>,
}

/// A change of the list of providers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Edit<'e> {
    Append(&'e Entry),
    Replace(usize, &'e Entry),
    Remove(usize),
}

/// An entry of the list, with its keys in the order in which they are written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry(pub Vec<(String, Value)>);

impl Entry {
    pub(super) fn value(&self) -> Value {
        let entries = self.0.iter();
        Value::Object(entries.cloned().collect())
    }
}

impl Document {
    /// A configuration with no other entry.
    pub(super) fn new(entry: &Entry, is_json: bool) -> Result<Self, DocumentError> {
        let text = if is_json {
            "{\n  \"apiVersion\": \"kubelet.config.k8s.io/v1\",\n  \"kind\": \"CredentialProviderConfig\"\n}\n"
        } else {
            "apiVersion: kubelet.config.k8s.io/v1\nkind: CredentialProviderConfig\n"
        };
        Self::parse(text.as_bytes())?.edited(Edit::Append(entry))
    }

    /// # Errors
    /// When it is neither JSON nor YAML, or has not the shape of a configuration.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, DocumentError> {
        let (mark, rest) = split_byte_order_mark(bytes);
        let text = str::from_utf8(rest).map_err(|_| DocumentError::NotUtf8)?;
        let is_json =
            text.trim_start().starts_with('{') && serde_json::from_str::<Value>(text).is_ok();
        let value = match is_json {
            true => json_value(text)?,
            false => parse_yaml(text)?,
        };
        let value = match value {
            Value::Object(value) => value,
            Value::Null => return Err(DocumentError::Shape("it is empty")),
            _ => return Err(DocumentError::Shape("it is not an object")),
        };
        match value.get(PROVIDERS) {
            None | Some(Value::Null | Value::Array(_)) => {}
            Some(_) => return Err(DocumentError::Shape("`providers` is not a list")),
        }
        Ok(Self {
            mark,
            text: text.to_owned(),
            is_json,
            value,
        })
    }

    pub(super) fn value(&self) -> &Map<String, Value> {
        &self.value
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        format!("{}{}", self.mark, self.text).into_bytes()
    }

    pub(super) fn providers(&self) -> &[Value] {
        let providers = self.value.get(PROVIDERS).and_then(Value::as_array);
        providers.map_or(&[], Vec::as_slice)
    }

    /// The index of the provider with a name.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.providers()
            .iter()
            .position(|entry| name_of(entry) == Some(name))
    }

    /// Without the entry, for comparisons.
    pub(super) fn value_without(&self, index: Option<usize>) -> Map<String, Value> {
        edited_value(&self.value, index.map(Edit::Remove))
    }

    /// # Errors
    /// When the layout of the text does not allow it.
    pub(super) fn edited(&self, edit: Edit<'_>) -> Result<Self, DocumentError> {
        let text = match self.is_json {
            true => edited_json(&self.text, edit),
            false => edited_yaml(&self.text, edit),
        };
        let text = format!("{}{}", self.mark, text.ok_or(DocumentError::Layout)?);
        let edited = Self::parse(text.as_bytes()).map_err(|_| DocumentError::Layout)?;
        if edited.value == edited_value(&self.value, Some(edit)) {
            Ok(edited)
        } else {
            Err(DocumentError::Layout)
        }
    }
}

pub(super) fn name_of(entry: &Value) -> Option<&str> {
    entry.get("name").and_then(Value::as_str)
}

/// The values after an edit. An absent list is an empty one.
fn edited_value(value: &Map<String, Value>, edit: Option<Edit<'_>>) -> Map<String, Value> {
    let mut value = value.clone();
    let providers = value.entry(PROVIDERS).or_insert(Value::Null);
    if providers.is_null() {
        *providers = Value::Array(Vec::new());
    }
    if let Value::Array(providers) = providers {
        match edit {
            Some(Edit::Append(entry)) => providers.push(entry.value()),
            Some(Edit::Replace(index, entry)) => providers[index] = entry.value(),
            Some(Edit::Remove(index)) => drop(providers.remove(index)),
            None => {}
        }
    }
    value
}

/// The value of a JSON text, in which no key is repeated.
fn json_value(text: &str) -> Result<Value, DocumentError> {
    let root = json_root(text).map_err(DocumentError::Json)?;
    if let Some(key) = root.value().and_then(|value| repeated_key(&value)) {
        return Err(DocumentError::Repeated(key));
    }
    serde_json::from_str(text).map_err(|error| DocumentError::Json(error.to_string()))
}

fn json_root(text: &str) -> Result<CstRootNode, String> {
    // serde_json has accepted it, which is strict.
    CstRootNode::parse(text, &ParseOptions::default()).map_err(|error| error.to_string())
}

fn repeated_key(node: &CstNode) -> Option<String> {
    if let Some(object) = node.as_object() {
        let mut keys = std::collections::HashSet::new();
        return object.properties().into_iter().find_map(|property| {
            let key = property.decoded_name()?;
            match keys.insert(key.clone()) {
                true => repeated_key(&property.value()?),
                false => Some(key),
            }
        });
    }
    let elements = node.as_array()?.elements();
    elements.iter().find_map(repeated_key)
}

fn edited_json(text: &str, edit: Edit<'_>) -> Option<String> {
    let root = json_root(text).ok()?;
    let object = root.object_value()?;
    let providers: CstArray = object.array_value_or_set(PROVIDERS);
    let element = |index: usize| providers.elements().get(index).cloned();
    match edit {
        Edit::Append(entry) => {
            providers.append(json_entry(entry));
            if providers.elements().len() == 1 {
                providers.ensure_multiline();
            }
        }
        Edit::Replace(index, entry) => {
            // With the indentation of a new element, unlike `replace_with`.
            let old = element(index)?;
            providers.insert(index, json_entry(entry));
            old.remove();
        }
        Edit::Remove(index) => element(index)?.remove(),
    }
    Some(root.to_string())
}

fn json_entry(entry: &Entry) -> CstInputValue {
    let entries = entry.0.iter();
    CstInputValue::Object(
        entries
            .map(|(key, value)| (key.clone(), json_input(value)))
            .collect(),
    )
}

fn json_input(value: &Value) -> CstInputValue {
    match value {
        Value::Null => json!(null),
        Value::Bool(value) => CstInputValue::Bool(*value),
        Value::Number(number) => CstInputValue::Number(number.to_string()),
        Value::String(text) => CstInputValue::String(text.clone()),
        Value::Array(items) => CstInputValue::Array(items.iter().map(json_input).collect()),
        Value::Object(entries) => CstInputValue::Object(
            entries
                .iter()
                .map(|(key, value)| (key.clone(), json_input(value)))
                .collect(),
        ),
    }
}

/// The lines of the list of providers in a YAML text.
struct YamlList {
    /// The line with the key.
    header: usize,
    /// What precedes the dashes.
    indent: String,
    /// The first line of each entry.
    starts: Vec<usize>,
    /// The line after the last entry.
    end: usize,
}

impl YamlList {
    fn find(lines: &[&str]) -> Option<Self> {
        let header = lines.iter().position(|line| value_of_key(line).is_some())?;
        let mut list = Self {
            header,
            indent: "  ".to_owned(),
            starts: Vec::new(),
            end: header + 1,
        };
        for (number, line) in lines.iter().enumerate().skip(header + 1) {
            let content = line.trim_start_matches(' ');
            if is_blank(content) {
                continue;
            }
            let indent = line.len() - content.len();
            let is_entry = content.starts_with("- ") || content.trim_end() == "-";
            if list.starts.is_empty() && is_entry {
                list.indent = " ".repeat(indent);
            }
            if is_entry && indent == list.indent.len() {
                list.starts.push(number);
            } else if list.starts.is_empty() || indent <= list.indent.len() {
                break;
            }
            list.end = number + 1;
        }
        Some(list)
    }

    /// The lines of an entry, without blank lines and comments after it.
    fn range(&self, index: usize, lines: &[&str]) -> Option<std::ops::Range<usize>> {
        let start = *self.starts.get(index)?;
        let limit = self.starts.get(index + 1).copied().unwrap_or(self.end);
        let last = (start..limit)
            .rev()
            .find(|line| !is_blank(lines[*line].trim_start()))?;
        Some(start..last + 1)
    }
}

/// What follows `providers:`, without a comment.
fn value_of_key(line: &str) -> Option<&str> {
    let rest = ["providers:", "\"providers\":", "'providers':"]
        .iter()
        .find_map(|key| line.strip_prefix(key))?;
    let rest = rest.split_once(" #").map_or(rest, |(value, _)| value);
    Some(rest.trim())
}

/// Whether a line without its indentation has no content.
fn is_blank(content: &str) -> bool {
    content.trim().is_empty() || content.starts_with('#')
}

fn edited_yaml(text: &str, edit: Edit<'_>) -> Option<String> {
    let end = line_end(text);
    let mut whole = text.to_owned();
    if !whole.is_empty() && !whole.ends_with('\n') {
        whole.push_str(end);
    }
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    let Some(list) = YamlList::find(&lines) else {
        let Edit::Append(entry) = edit else {
            return None;
        };
        return Some(format!(
            "{whole}{PROVIDERS}:{end}{}",
            yaml_entry(entry, "  ", end)
        ));
    };
    let mut parts: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    let empty = format!("{PROVIDERS}: []{end}");
    match (edit, value_of_key(lines[list.header])?) {
        (Edit::Append(entry), "[]" | "~" | "null") if list.starts.is_empty() => {
            parts[list.header] = format!("{PROVIDERS}:{end}{}", yaml_entry(entry, "  ", end));
        }
        (Edit::Append(entry), "") => {
            parts.insert(list.end, yaml_entry(entry, &list.indent, end));
        }
        (Edit::Replace(index, entry), "") => {
            let entry = yaml_entry(entry, &list.indent, end);
            parts.splice(list.range(index, &lines)?, [entry]);
        }
        (Edit::Remove(index), "") => {
            parts.drain(list.range(index, &lines)?);
            if list.starts.len() == 1 {
                parts[list.header] = empty;
            }
        }
        _ => return None,
    }
    Some(parts.concat())
}

/// An entry as lines, the first of which begins with a dash.
fn yaml_entry(entry: &Entry, indent: &str, end: &str) -> String {
    let mut text = String::new();
    for (index, (key, value)) in entry.0.iter().enumerate() {
        let start = if index == 0 { "- " } else { "  " };
        text.push_str(&format!("{indent}{start}{key}:"));
        yaml_value(value, &format!("{indent}    "), end, &mut text);
    }
    text
}

/// What follows a key, with its line end.
fn yaml_value(value: &Value, indent: &str, end: &str, text: &mut String) {
    match value {
        Value::Array(items) if !items.is_empty() => {
            text.push_str(end);
            for item in items {
                text.push_str(&format!("{indent}-"));
                match item {
                    Value::Object(entries) => {
                        for (index, (key, value)) in entries.iter().enumerate() {
                            let start = if index == 0 {
                                " "
                            } else {
                                &format!("{indent}  ")
                            };
                            text.push_str(&format!("{start}{key}:"));
                            yaml_value(value, &format!("{indent}    "), end, text);
                        }
                    }
                    _ => yaml_value(item, indent, end, text),
                }
            }
        }
        Value::Object(entries) if !entries.is_empty() => {
            text.push_str(end);
            for (key, value) in entries {
                text.push_str(&format!("{indent}{key}:"));
                yaml_value(value, &format!("{indent}  "), end, text);
            }
        }
        Value::String(word) if is_plain(word) => text.push_str(&format!(" {word}{end}")),
        // JSON is YAML.
        _ => text.push_str(&format!(" {value}{end}")),
    }
}

/// Whether a text needs no quotes.
fn is_plain(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._/-".contains(&byte);
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/')
        && text.bytes().all(allowed)
        && parse_yaml(text).is_ok_and(|value| value.is_string())
}

/// kubelet's configuration has five levels.
const MAX_DEPTH: usize = 64;

/// The most values of a document, with the copies that aliases make.
const MAX_VALUES: usize = 100_000;

/// Why a text is not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum YamlError {
    #[error("it is not YAML: {0}")]
    Syntax(#[from] ScanError),
    #[error("line {line}: the key `{key}` is repeated")]
    Repeated { key: String, line: usize },
    #[error("line {0}: a key is not text")]
    Key(usize),
    #[error("line {0}: merge keys (`<<`) are not supported")]
    Merge(usize),
    #[error("line {0}: the alias refers to a value that it is a part of")]
    Alias(usize),
    #[error("it is nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    #[error("it has more than {MAX_VALUES} values")]
    TooMany,
    #[error("it has several documents, of which kubelet reads only the first")]
    Documents,
}

/// Reads the only document; `null` if there is none.
pub(super) fn parse_yaml(text: &str) -> Result<Value, YamlError> {
    let mut reader = YamlReader {
        parser: Parser::new_from_str(text),
        anchors: HashMap::new(),
        values: 0,
    };
    let mut document = None;
    loop {
        match reader.next()? {
            (Event::StreamEnd, _) => return Ok(document.unwrap_or(Value::Null)),
            (Event::DocumentStart(_), _) if document.is_some() => return Err(YamlError::Documents),
            (Event::DocumentStart(_), _) => {
                let (event, line) = reader.next()?;
                document = Some(reader.value(event, line, 0)?);
            }
            _ => {}
        }
    }
}

struct YamlReader<'t> {
    parser: Parser<'t, StrInput<'t>>,
    /// The values with an anchor, by its number.
    anchors: HashMap<usize, Value>,
    /// How many values there are so far.
    values: usize,
}

impl<'t> YamlReader<'t> {
    /// The next event, and its line.
    fn next(&mut self) -> Result<(Event<'t>, usize), YamlError> {
        match self.parser.next_event() {
            Some(event) => {
                let (event, span) = event?;
                Ok((event, span.start.line()))
            }
            None => Ok((Event::StreamEnd, 0)),
        }
    }

    fn value(&mut self, event: Event<'t>, line: usize, depth: usize) -> Result<Value, YamlError> {
        if depth > MAX_DEPTH {
            return Err(YamlError::TooDeep);
        }
        self.count(1)?;
        let (value, anchor) = match event {
            Event::Alias(anchor) => {
                let value = self.anchors.get(&anchor).ok_or(YamlError::Alias(line))?;
                let value = value.clone();
                self.count(count_values(&value))?;
                return Ok(value);
            }
            Event::Scalar(text, style, anchor, tag) => {
                let is_plain = style == ScalarStyle::Plain && tag.is_none();
                let value = match is_plain {
                    true => plain_scalar(&text),
                    false => Value::String(text.into_owned()),
                };
                (value, anchor)
            }
            Event::SequenceStart(anchor, _) => (self.sequence(depth)?, anchor),
            Event::MappingStart(anchor, _) => (self.mapping(depth)?, anchor),
            _ => (Value::Null, 0),
        };
        if anchor > 0 {
            self.anchors.insert(anchor, value.clone());
        }
        Ok(value)
    }

    fn sequence(&mut self, depth: usize) -> Result<Value, YamlError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd | Event::StreamEnd, _) => return Ok(Value::Array(items)),
                (event, line) => items.push(self.value(event, line, depth + 1)?),
            }
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Value, YamlError> {
        let mut entries = Map::new();
        loop {
            let (key, line) = match self.next()? {
                (Event::MappingEnd | Event::StreamEnd, _) => return Ok(Value::Object(entries)),
                (Event::Scalar(key, ScalarStyle::Plain, ..), line) if key == "<<" => {
                    return Err(YamlError::Merge(line));
                }
                (Event::Scalar(key, ..), line) => (key.into_owned(), line),
                (_, line) => return Err(YamlError::Key(line)),
            };
            let (event, value_line) = self.next()?;
            let value = self.value(event, value_line, depth + 1)?;
            if entries.insert(key.clone(), value).is_some() {
                return Err(YamlError::Repeated { key, line });
            }
        }
    }

    fn count(&mut self, more: usize) -> Result<(), YamlError> {
        self.values += more;
        if self.values > MAX_VALUES {
            Err(YamlError::TooMany)
        } else {
            Ok(())
        }
    }
}

/// How many values there are in a value, itself included.
fn count_values(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count_values).sum(),
        Value::Object(entries) => entries.values().map(count_values).sum(),
        _ => 0,
    }
}

/// A scalar without quotes and tag.
fn plain_scalar(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "y" | "Y" => {
            Value::Bool(true)
        }
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "n" | "N" => {
            Value::Bool(false)
        }
        _ => match (text.parse::<i64>(), text.parse::<f64>()) {
            (Ok(number), _) => number.into(),
            (Err(_), Ok(number))
                if text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) =>
            {
                serde_json::Number::from_f64(number).map_or_else(|| text.into(), Value::Number)
            }
            _ => text.into(),
        },
    }
}

/// An entry that is appended and removed leaves all values as they were.
#[cfg(any(test, fuzzing))]
pub(crate) fn fuzz(bytes: &[u8]) {
    let Ok(before) = Document::parse(bytes) else {
        return;
    };
    let entry = Entry(vec![("name".to_owned(), Value::from("ecrx"))]);
    let Ok(after) = before.edited(Edit::Append(&entry)) else {
        return;
    };
    let index = before.providers().len();
    assert_eq!(after.providers()[index], entry.value());
    if let Ok(again) = after.edited(Edit::Remove(index)) {
        assert_eq!(again.value_without(None), before.value_without(None));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(name: &str) -> Entry {
        let keys = [
            ("name", json!(name)),
            (
                "matchImages",
                json!(["*.dkr.ecr.*.amazonaws.com", "public.ecr.aws"]),
            ),
            ("env", json!([{"name": "HOME", "value": "/root"}])),
            ("tokenAttributes", json!({"requireServiceAccount": false})),
        ];
        Entry(keys.map(|(key, value)| (key.to_owned(), value)).into())
    }

    const NEW: &str = "\
- name: ours
  matchImages:
    - \"*.dkr.ecr.*.amazonaws.com\"
    - public.ecr.aws
  env:
    - name: HOME
      value: /root
  tokenAttributes:
    requireServiceAccount: false
";

    fn indented(text: &str, indent: &str) -> String {
        text.lines()
            .map(|line| format!("{indent}{line}\n"))
            .collect()
    }

    fn edited(text: &str, edit: Edit<'_>) -> Result<String, DocumentError> {
        let document = Document::parse(text.as_bytes())?.edited(edit)?;
        Ok(String::from_utf8(document.bytes()).expect("UTF-8"))
    }

    #[test]
    fn of_yaml_all_other_bytes_stay() {
        let ours = &entry("ours");
        let before = "# top\nvendor: {x: 1}\nproviders: # all\n- name: a\n  args: [x]\n\n# of b\n-\n  name: b\n# end\nkind: K\n";
        let at_0 = NEW.to_owned();
        for (edit, expected) in [
            (
                Edit::Append(ours),
                before.replace("  name: b\n", &format!("  name: b\n{at_0}")),
            ),
            (
                Edit::Replace(0, ours),
                before.replace("- name: a\n  args: [x]\n", &at_0),
            ),
            (
                Edit::Remove(0),
                before.replace("- name: a\n  args: [x]\n", ""),
            ),
            (Edit::Remove(1), before.replace("-\n  name: b\n", "")),
        ] {
            assert_eq!(edited(before, edit).expect("an edit"), expected, "{edit:?}");
        }
    }

    #[test]
    fn indentation_line_ends_and_the_mark_are_those_of_the_file() {
        let ours = &entry("ours");
        let at_4 = indented(NEW, "    ");
        let at_2 = indented(NEW, "  ");
        for (before, expected) in [
            (
                "providers:\n    - name: a\nx: y",
                format!("providers:\n    - name: a\n{at_4}x: y\n"),
            ),
            (
                "providers:\n  - name: a",
                format!("providers:\n  - name: a\n{at_2}"),
            ),
            (
                "\u{feff}a: b\r\n",
                format!("\u{feff}a: b\nproviders:\n{at_2}").replace('\n', "\r\n"),
            ),
            ("providers: []\n", format!("providers:\n{at_2}")),
            (
                "---\nproviders:\n...\n",
                format!("---\nproviders:\n{at_2}...\n"),
            ),
            (
                "a: |\n  providers:\n   - x\n",
                format!("a: |\n  providers:\n   - x\nproviders:\n{at_2}"),
            ),
        ] {
            assert_eq!(
                edited(before, Edit::Append(ours)).expect(before),
                expected,
                "{before}"
            );
        }
    }

    #[test]
    fn a_text_that_cannot_be_edited_by_lines_is_refused() {
        let ours = &entry("ours");
        for before in [
            "providers: [{name: a}]\n",
            "providers: &all\n- name: a\nother: *all\n",
            "{providers: [{name: a}]}\n",
            "? providers\n: - name: a\n",
        ] {
            let error = edited(before, Edit::Append(ours)).expect_err(before);
            assert!(matches!(error, DocumentError::Layout), "{before}: {error}");
        }
    }

    #[test]
    fn what_is_not_a_configuration_is_refused_with_the_reason() {
        for (before, start) in [
            ("", "it is not a CredentialProviderConfig: it is empty"),
            (
                "[]",
                "it is not a CredentialProviderConfig: it is not an object",
            ),
            (
                "providers: x",
                "it is not a CredentialProviderConfig: `providers` is not a list",
            ),
            ("a: 1\n---\nb: 1\n", "it has several documents"),
            ("{\"a\": {\"b\": 1, \"b\": 2}}", "the key `b` is repeated"),
            ("a:\n\t- b", "it is not YAML: "),
        ] {
            let error = Document::parse(before.as_bytes())
                .expect_err(before)
                .to_string();
            assert!(error.starts_with(start), "{before}: {error}");
        }
        assert!(matches!(
            Document::parse(b"\xff"),
            Err(DocumentError::NotUtf8)
        ));
    }

    #[test]
    fn of_json_all_other_bytes_stay() {
        let keys = [("name", json!("ours")), ("args", json!(["kubelet"]))];
        let ours = &Entry(keys.map(|(key, value)| (key.to_owned(), value)).into());
        let before = "{\n    \"vendor\": 1e3,\n    \"providers\": [\n        {\"name\": \"a\"},\n        {\n            \"name\": \"b\"\n        }\n    ]\n}";
        let new =
            "{\n            \"name\": \"ours\",\n            \"args\": [\"kubelet\"]\n        }";
        for (edit, expected) in [
            (
                Edit::Append(ours),
                before.replace(
                    "\"b\"\n        }",
                    &format!("\"b\"\n        }},\n        {new}"),
                ),
            ),
            (
                Edit::Replace(0, ours),
                before.replace("{\"name\": \"a\"}", new),
            ),
            (
                Edit::Remove(0),
                before.replace("        {\"name\": \"a\"},\n", ""),
            ),
        ] {
            assert_eq!(edited(before, edit).expect("an edit"), expected, "{edit:?}");
        }
    }

    #[test]
    fn an_added_entry_that_is_removed_leaves_the_text_as_it_was() {
        let ours = &entry("ours");
        for before in [
            "a: b\nproviders:\n  - name: a\n    env: []\n# end\n",
            "providers:\n- name: a\nz: 1\n",
            "{\n  \"providers\": [\n    {\n      \"name\": \"a\"\n    }\n  ]\n}\n",
            "{\"providers\":[{\"name\":\"a\"}]}",
        ] {
            let added = Document::parse(before.as_bytes()).expect(before);
            let added = added.edited(Edit::Append(ours)).expect(before);
            let index = added.find("ours").expect("an entry");
            let removed = added.edited(Edit::Remove(index)).expect(before);
            assert_eq!(
                removed.value(),
                Document::parse(before.as_bytes()).expect(before).value()
            );
            if before.contains('\n') {
                assert_eq!(removed.text(), before);
            }
        }
    }

    #[test]
    fn a_new_configuration_is_one_that_can_be_read() {
        for is_json in [true, false] {
            let new = Document::new(&entry("ours"), is_json).expect("a configuration");
            assert_eq!(new.providers(), [entry("ours").value()]);
            assert_eq!(new.value()["kind"], "CredentialProviderConfig");
        }
    }

    #[test]
    fn it_is_read_as_kubelet_reads_it() {
        for (text, expected) in [
            ("", Value::Null),
            ("# nothing\n", Value::Null),
            ("---\na: 1\n", json!({"a": 1})),
            (
                "a: [x, \"1\", 1.5, yes, ~]",
                json!({"a": ["x", "1", 1.5, true, null]}),
            ),
            (
                "a: &a {b: c}\nd: *a\n",
                json!({"a": {"b": "c"}, "d": {"b": "c"}}),
            ),
            ("a: 0s\r\nb:\r\n- 'x'\r\n", json!({"a": "0s", "b": ["x"]})),
            ("{\n\t\"a\": {\"b\": null}\n}", json!({"a": {"b": null}})),
            ("a: |\n  x\n  y\n", json!({"a": "x\ny\n"})),
            ("a: !!str 1", json!({"a": "1"})),
        ] {
            let found = parse_yaml(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn hostile_text_is_refused_in_bounded_time() {
        let deep = "[".repeat(100);
        let levels: String = ('b'..='z')
            .zip('a'..='y')
            .map(|(this, before)| {
                format!("{this}: &{this} [{}]\n", format!("*{before},").repeat(9))
            })
            .collect();
        let bomb = format!("a: &a [x]\n{levels}");
        for (text, start) in [
            ("a: 1\na: 2\n", "line 2: the key `a` is repeated"),
            ("{\"a\": 1, \"a\": 1}", "line 1: the key `a` is repeated"),
            ("a: 1\n---\nb: 2\n", "it has several documents"),
            ("a:\n\t- b\n", "it is not YAML: "),
            ("a: *nothing\n", "it is not YAML: "),
            ("a: &a {<<: {b: c}}\n", "line 1: merge keys"),
            ("a: &a [*a]\n", "line 1: the alias refers to"),
            ("[a]: b\n", "line 1: a key is not text"),
            (&deep, "it is nested deeper"),
            (&bomb, "it has more than 100000 values"),
        ] {
            let error = parse_yaml(text).expect_err(text).to_string();
            assert!(error.starts_with(start), "{text:.40}: {error}");
        }
    }
}
