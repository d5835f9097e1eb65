//! Edits of a client's configuration, made in its text: every other byte stays.
//!
//! Additions follow the style of the file: its indentation, its line ends, or all on one line.

use std::ops::Range;

use super::client_config::{
    AUTHS, CRED_HELPERS, CREDS_STORE, ClientConfig, ClientConfigError, Property, Value,
};

/// How docker itself indents.
const INDENT: &str = "\t";

/// The text that docker itself writes between a name and its value.
const COLON: &str = ": ";

impl ClientConfig {
    /// Sets the helper of this host.
    pub(crate) fn set_helper(&self, host: &str, helper: &str) -> Result<Self, ClientConfigError> {
        if self.helper_of(host) == Some(helper) {
            return Ok(self.clone());
        }
        if let Some(entry) = self
            .entries(CRED_HELPERS)
            .into_iter()
            .find(|entry| entry.name == host)
        {
            return self.with(entry.value.range.clone(), &quoted(helper));
        }
        self.with_entry(CRED_HELPERS, host, &NewValue::Text(helper))
    }

    /// Removes the entries of `credHelpers` that `is_meant` selects by host and helper, and
    /// `credHelpers` itself if it had no others.
    pub(crate) fn without_helpers(
        &self,
        is_meant: impl Fn(&str, &str) -> bool,
    ) -> Result<Self, ClientConfigError> {
        let is_meant = |entry: &Property| {
            let helper = entry.value.text().unwrap_or_default();
            is_meant(&entry.name, helper)
        };
        let is_concerned = |setting: &Property| setting.value.properties().iter().any(is_meant);
        self.without_in(CRED_HELPERS, is_concerned, |config, setting| {
            if setting.value.properties().iter().all(is_meant) {
                config.without_setting(setting)
            } else {
                config.without_properties(&setting.value, is_meant)
            }
        })
    }

    /// Sets the helper of all hosts that `credHelpers` does not name.
    pub(crate) fn set_creds_store(&self, helper: &str) -> Result<Self, ClientConfigError> {
        if self.creds_store() == Some(helper) {
            return Ok(self.clone());
        }
        match self.settings(CREDS_STORE).last() {
            Some(setting) => self.with(setting.value.range.clone(), &quoted(helper)),
            None => self.with_setting(CREDS_STORE, &NewValue::Text(helper)),
        }
    }

    /// Removes every `credsStore` that `is_meant` selects.
    pub(crate) fn without_creds_store(
        &self,
        is_meant: impl Fn(&str) -> bool,
    ) -> Result<Self, ClientConfigError> {
        let is_concerned = |setting: &Property| setting.value.text().is_some_and(&is_meant);
        self.without_in(CREDS_STORE, is_concerned, Self::without_setting)
    }

    /// Removes a login, including repetitions.
    pub(crate) fn without_login(&self, key: &str) -> Result<Self, ClientConfigError> {
        let is_meant = |login: &Property| login.name == key;
        let is_concerned = |setting: &Property| setting.value.properties().iter().any(is_meant);
        self.without_in(AUTHS, is_concerned, |config, setting| {
            config.without_properties(&setting.value, is_meant)
        })
    }

    /// Removes something from the settings of this name until none is concerned. The text is read
    /// again after each removal, as later ranges have moved.
    fn without_in(
        &self,
        name: &str,
        is_concerned: impl Fn(&Property) -> bool,
        without: impl Fn(&Self, &Property) -> Result<Self, ClientConfigError>,
    ) -> Result<Self, ClientConfigError> {
        let mut config = self.clone();
        loop {
            let setting = config.settings(name).find(|setting| is_concerned(setting));
            let Some(setting) = setting else {
                return Ok(config);
            };
            config = without(&config, setting)?;
        }
    }

    /// Adds a login that the file does not have, as JSON.
    pub(super) fn with_login(&self, key: &str, json: &str) -> Result<Self, ClientConfigError> {
        self.with_entry(AUTHS, key, &NewValue::Raw(json))
    }

    /// Adds an entry to the object that is the last setting of this name.
    fn with_entry(
        &self,
        setting: &str,
        key: &str,
        new: &NewValue<'_>,
    ) -> Result<Self, ClientConfigError> {
        match self.settings(setting).last() {
            Some(found) if found.value.is_null() => {
                let range = found.value.range.clone();
                let object = self.style_of_new(&range).object(key, new);
                self.with(range, &object)
            }
            Some(found) => self.with_property(&found.value, key, new),
            None => self.with_setting(setting, &NewValue::Object(key, new)),
        }
    }

    /// The configuration with one range of its text replaced.
    fn with(&self, range: Range<usize>, words: &str) -> Result<Self, ClientConfigError> {
        let mut text = self.text.expose().to_owned();
        text.replace_range(range, words);
        Self::read(&self.path, text.as_bytes())
    }

    /// Adds a setting at the end of the file's object.
    fn with_setting(&self, name: &str, new: &NewValue<'_>) -> Result<Self, ClientConfigError> {
        match &self.top {
            Some(top) => self.with_property(top, name, new),
            None => {
                let object = ObjectStyle::many_lines(COLON, "\n", INDENT, "").object(name, new);
                let text = format!("{object}\n");
                Self::read(&self.path, text.as_bytes())
            }
        }
    }

    fn without_setting(&self, setting: &Property) -> Result<Self, ClientConfigError> {
        let Some(top) = &self.top else {
            return Ok(self.clone());
        };
        let at = setting.name_range.start;
        self.without_properties(top, |property| property.name_range.start == at)
    }

    /// Adds a property at the end of an object.
    fn with_property(
        &self,
        object: &Value,
        name: &str,
        new: &NewValue<'_>,
    ) -> Result<Self, ClientConfigError> {
        let style = self.style_in(object);
        match object.properties().last() {
            None => self.with(object.range.clone(), &style.object(name, new)),
            Some(last) => {
                let end = last.value.range.end;
                let property = style.property(name, new);
                self.with(end..end, &format!(",{}{property}", style.gap))
            }
        }
    }

    /// Removes properties, each with its comma and white space.
    fn without_properties(
        &self,
        object: &Value,
        is_meant: impl Fn(&Property) -> bool,
    ) -> Result<Self, ClientConfigError> {
        let properties = object.properties();
        let Some(last_to_stay) = properties.iter().rposition(|it| !is_meant(it)) else {
            return self.with(object.range.start + 1..object.range.end - 1, "");
        };
        let mut text = self.text.expose().to_owned();
        // From the last to the first, so that ranges stay valid.
        if let [stays, .., last] = &properties[last_to_stay..] {
            text.replace_range(stays.range().end..last.range().end, "");
        }
        for pair in properties[..=last_to_stay].windows(2).rev() {
            if is_meant(&pair[0]) {
                text.replace_range(pair[0].range().start..pair[1].range().start, "");
            }
        }
        Self::read(&self.path, text.as_bytes())
    }

    /// The style of a further property of an object.
    fn style_in(&self, object: &Value) -> ObjectStyle {
        let Some(last) = object.properties().last() else {
            return self.style_of_new(&object.range);
        };
        let colon = self.colon_of(last);
        let before = &self.text.expose()[..last.name_range.start];
        let gap = &before[before.trim_end_matches(is_white_space).len()..];
        match gap.rfind('\n') {
            Some(at) => {
                let indent = &gap[at + 1..];
                ObjectStyle {
                    gap: format!("{}{indent}", self.line_end()),
                    ..ObjectStyle::many_lines(colon, self.line_end(), &self.indent(), indent)
                }
            }
            None if object.properties().len() > 1 => ObjectStyle::one_line(colon, gap),
            None => ObjectStyle::one_line(colon, gap_by_colon(colon)),
        }
    }

    /// The style of the properties of a new object in this range.
    fn style_of_new(&self, range: &Range<usize>) -> ObjectStyle {
        let text = self.text.expose();
        let colon = self.colon();
        let top = self.top.as_ref().map_or(0..0, |top| top.range.clone());
        let is_whole = top == *range;
        let is_on_lines = text[top].contains('\n');
        if !is_whole && !is_on_lines {
            return ObjectStyle::one_line(colon, gap_by_colon(colon));
        }
        let line = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
        let indent = white_space_at(&text[line..]);
        ObjectStyle::many_lines(colon, self.line_end(), &self.indent(), indent)
    }

    fn line_end(&self) -> &'static str {
        line_end(self.text.expose())
    }

    /// One step of the file's indentation.
    fn indent(&self) -> String {
        let Some(first) = self.top.as_ref().and_then(|top| top.properties().first()) else {
            return INDENT.to_owned();
        };
        let before = &self.text.expose()[..first.name_range.start];
        match before.rfind('\n') {
            Some(at) if !before[at + 1..].is_empty() => {
                white_space_at(&before[at + 1..]).to_owned()
            }
            _ => INDENT.to_owned(),
        }
    }

    /// The text between a name and its value, as in the file's first setting.
    fn colon(&self) -> &str {
        let first = self.top.as_ref().and_then(|top| top.properties().first());
        first.map_or(COLON, |first| self.colon_of(first))
    }

    fn colon_of(&self, property: &Property) -> &str {
        &self.text.expose()[property.name_range.end..property.value.range.start]
    }
}

/// The line end of a text.
pub(crate) fn line_end(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

enum NewValue<'a> {
    Text(&'a str),
    /// JSON, written unchanged.
    Raw(&'a str),
    /// An object with one property.
    Object(&'a str, &'a NewValue<'a>),
}

/// How the properties of an object are laid out.
struct ObjectStyle {
    /// Between a comma and the next name.
    gap: String,
    /// Between a name and its value.
    colon: String,
    /// Before the closing brace.
    end: String,
    /// A line end and one step of indentation; `None` on one line.
    deeper: Option<(String, String)>,
}

impl ObjectStyle {
    fn one_line(colon: &str, gap: &str) -> Self {
        Self {
            gap: gap.to_owned(),
            colon: colon.to_owned(),
            end: String::new(),
            deeper: None,
        }
    }

    /// `indent` is the indentation of the line on which the object begins.
    fn many_lines(colon: &str, line_end: &str, unit: &str, indent: &str) -> Self {
        Self {
            gap: format!("{line_end}{indent}{unit}"),
            colon: colon.to_owned(),
            end: format!("{line_end}{indent}"),
            deeper: Some((line_end.to_owned(), unit.to_owned())),
        }
    }

    fn property(&self, name: &str, new: &NewValue<'_>) -> String {
        let value = match new {
            NewValue::Text(text) => quoted(text),
            NewValue::Raw(json) => (*json).to_owned(),
            NewValue::Object(name, new) => self.nested().object(name, new),
        };
        format!("{}{}{value}", quoted(name), self.colon)
    }

    /// The style of an object that is the value of such a property.
    fn nested(&self) -> Self {
        match &self.deeper {
            None => Self::one_line(&self.colon, &self.gap),
            Some((line_end, unit)) => {
                let indent = self.gap.rsplit('\n').next().unwrap_or_default();
                Self::many_lines(&self.colon, line_end, unit, indent)
            }
        }
    }

    /// An object with one property.
    fn object(&self, name: &str, new: &NewValue<'_>) -> String {
        let start = match self.deeper {
            Some(_) => &*self.gap,
            None => "",
        };
        format!("{{{start}{}{}}}", self.property(name, new), self.end)
    }
}

/// The text between a comma and the next name, on one line.
fn gap_by_colon(colon: &str) -> &'static str {
    if colon.ends_with(is_white_space) {
        " "
    } else {
        ""
    }
}

fn is_white_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n')
}

fn white_space_at(text: &str) -> &str {
    &text[..text.len() - text.trim_start_matches([' ', '\t']).len()]
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
