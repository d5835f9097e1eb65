//! A client's configuration as it may be shown: without what could be a secret.

use std::ops::Range;

use super::document::{CRED_HELPERS, CREDS_STORE, Document};
use super::json::{Kind, Property, Value};

/// What stands in place of a text.
const MASKED: &str = "\"…\"";

/// The settings whose texts are names of helpers and contexts, as those in `credHelpers` are. All
/// others may hold anything: logins, headers, proxies with passwords in them.
const HARMLESS: [&str; 2] = [CREDS_STORE, "currentContext"];

impl Document {
    /// The text, with every text in it masked that is not known to be harmless.
    pub(crate) fn masked(&self) -> String {
        let mut masked = Vec::new();
        for setting in self.top.iter().flat_map(Value::properties) {
            mask_name(setting, &mut masked);
            match &setting.value.kind {
                Kind::Object(hosts) if setting.is_called(CRED_HELPERS) => {
                    hosts.iter().for_each(|host| mask_name(host, &mut masked));
                }
                Kind::Text(_) if HARMLESS.iter().any(|name| setting.is_called(name)) => {}
                _ => mask(&setting.value, &mut masked),
            }
        }
        let mut text = self.text().expose().to_owned();
        masked.sort_by_key(|range| range.start);
        for range in masked.into_iter().rev() {
            text.replace_range(range, MASKED);
        }
        text
    }
}

fn mask(value: &Value, masked: &mut Vec<Range<usize>>) {
    match &value.kind {
        Kind::Text(_) => masked.push(value.range.clone()),
        Kind::List(values) => values.iter().for_each(|value| mask(value, masked)),
        Kind::Object(properties) => {
            for property in properties {
                mask_name(property, masked);
                mask(&property.value, masked);
            }
        }
        Kind::Null | Kind::Other => {}
    }
}

/// A server may be named with a password before it (`https://alice:secret@host`).
fn mask_name(property: &Property, masked: &mut Vec<Range<usize>>) {
    if property.name.contains('@') {
        masked.push(property.name_range.clone());
    }
}
