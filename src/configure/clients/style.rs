//! What is added to a configuration, laid out like what is there.

/// A value that is added.
pub(super) enum New<'a> {
    Text(&'a str),
    /// JSON as it is.
    Raw(&'a str),
    /// An object with one property.
    Object(&'a str, &'a New<'a>),
}

/// What properties of an object look like.
pub(super) struct Style {
    /// Between a comma and the next name.
    pub gap: String,
    /// Between a name and its value.
    pub colon: String,
    /// Before the closing brace.
    pub end: String,
    /// A line end and one step of indentation. On one line, nothing.
    pub deeper: Option<(String, String)>,
}

impl Style {
    pub(super) fn one_line(colon: String, gap: String) -> Self {
        Self {
            gap,
            colon,
            end: String::new(),
            deeper: None,
        }
    }

    /// `indent` is that of the line that the object begins on.
    pub(super) fn many_lines(line_end: &str, unit: &str, indent: &str) -> Self {
        Self {
            gap: format!("{line_end}{indent}{unit}"),
            colon: ": ".to_owned(),
            end: format!("{line_end}{indent}"),
            deeper: Some((line_end.to_owned(), unit.to_owned())),
        }
    }

    pub(super) fn property(&self, name: &str, new: &New<'_>) -> String {
        let value = match new {
            New::Text(text) => quoted(text),
            New::Raw(json) => (*json).to_owned(),
            New::Object(name, new) => self.within().object(&[(name, new)]),
        };
        format!("{}{}{value}", quoted(name), self.colon)
    }

    /// The style of an object that is the value of such a property.
    fn within(&self) -> Self {
        match &self.deeper {
            None => Self::one_line(self.colon.clone(), self.gap.clone()),
            Some((line_end, unit)) => {
                let indent = self.gap.rsplit('\n').next().unwrap_or_default();
                Self {
                    colon: self.colon.clone(),
                    ..Self::many_lines(line_end, unit, indent)
                }
            }
        }
    }

    pub(super) fn object(&self, properties: &[(&str, &New<'_>)]) -> String {
        let properties: Vec<String> = properties
            .iter()
            .map(|(name, new)| self.property(name, new))
            .collect();
        let between = format!(",{}", self.gap);
        let start = match self.deeper {
            Some(_) => &*self.gap,
            None => "",
        };
        format!("{{{start}{}{}}}", properties.join(&between), self.end)
    }
}

pub(super) fn gap_by_colon(colon: &str) -> String {
    if colon.ends_with(is_white_space) {
        " ".to_owned()
    } else {
        String::new()
    }
}

pub(super) fn is_white_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n')
}

pub(super) fn white_space_at(text: &str) -> &str {
    &text[..text.len() - text.trim_start_matches([' ', '\t']).len()]
}

pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
