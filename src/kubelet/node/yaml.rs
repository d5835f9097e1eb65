//! YAML as kubelet reads it: `sigs.k8s.io/yaml` 1.6 turns it into JSON, with the plain scalars of
//! YAML 1.1, and refuses repeated keys.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, StrInput};
use serde_json::{Map, Value};

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
pub(super) fn parse(text: &str) -> Result<Value, YamlError> {
    let mut reader = Reader {
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

struct Reader<'t> {
    parser: Parser<'t, StrInput<'t>>,
    /// The values with an anchor, by its number.
    anchors: HashMap<usize, Value>,
    /// How many values there are so far.
    values: usize,
}

impl<'t> Reader<'t> {
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
                self.count(size(&value))?;
                return Ok(value);
            }
            Event::Scalar(text, style, anchor, tag) => {
                let is_plain = style == ScalarStyle::Plain && tag.is_none();
                let value = match is_plain {
                    true => plain(&text),
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
fn size(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(entries) => entries.values().map(size).sum(),
        _ => 0,
    }
}

/// A scalar without quotes and tag.
fn plain(text: &str) -> Value {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
            let found = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
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
            let error = parse(text).expect_err(text).to_string();
            assert!(error.starts_with(start), "{text:.40}: {error}");
        }
    }
}
