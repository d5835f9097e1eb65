//! The files of the recipes, parsed.

#![allow(dead_code, reason = "the tests with real clients use a part")]

use std::path::Path;

use saphyr::{LoadableYamlNode as _, ScalarOwned, YamlOwned};
use serde_json::Value;

/// A file of the folder `packaging`.
pub fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("packaging")
        .join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A YAML file with one document.
pub fn yaml(path: &str) -> Value {
    let documents = YamlOwned::load_from_str(&read(path)).expect("YAML");
    let [document] = &documents[..] else {
        panic!("{path} has {} documents", documents.len());
    };
    json(document)
}

fn json(node: &YamlOwned) -> Value {
    match node {
        YamlOwned::Mapping(pairs) => pairs
            .iter()
            .map(|(key, value)| (key.as_str().expect("a text as key").to_owned(), json(value)))
            .collect(),
        YamlOwned::Sequence(items) => items.iter().map(json).collect(),
        YamlOwned::Value(ScalarOwned::String(text)) => text.as_str().into(),
        YamlOwned::Value(ScalarOwned::Boolean(value)) => (*value).into(),
        YamlOwned::Value(ScalarOwned::Integer(value)) => (*value).into(),
        YamlOwned::Value(ScalarOwned::FloatingPoint(value)) => value.into_inner().into(),
        YamlOwned::Value(ScalarOwned::Null) => Value::Null,
        other => panic!("not plain data: {other:?}"),
    }
}

/// A JSON file after lines of comments.
pub fn json_with_comments(path: &str) -> Value {
    let text = read(path);
    let lines = text.lines().filter(|line| !line.starts_with("//"));
    let json: String = lines.collect();
    serde_json::from_str(&json).expect("JSON")
}

/// The items of a list of texts.
pub fn texts(list: &Value) -> Vec<&str> {
    let items = list.as_array().expect("a list");
    items
        .iter()
        .map(|item| item.as_str().expect("a text"))
        .collect()
}

/// The commands of a step, a text.
pub fn text<'a>(node: &'a Value, name: &str) -> &'a str {
    node[name]
        .as_str()
        .unwrap_or_else(|| panic!("no {name} in {node}"))
}
