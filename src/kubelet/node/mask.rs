//! The text of a configuration as it may be shown: without the environment of other programs'
//! providers, which may contain secrets.

use std::ops::Range;

use saphyr_parser::{Event, Parser, ScanError, StrInput};
use serde_json::Value;

use super::document::Document;
use super::entry::is_ours;

const VALUE: &str = "\"…\"";
const COMMENT: &str = "# …";

/// The masked text. It is empty if the text cannot be masked.
pub(super) fn masked(document: &Document) -> String {
    let text = document.text();
    let mut reader = Reader {
        parser: Parser::new_from_str(text),
        offsets: text.char_indices().map(|(offset, _)| offset).collect(),
        text,
        providers: document.providers(),
        scalars: Vec::new(),
        environments: Vec::new(),
        end: 0,
        has_alias: false,
    };
    if reader.read().is_err() {
        return String::new();
    }
    let mut masks: Vec<(Range<usize>, &str)> = Vec::new();
    for scalar in &reader.scalars {
        // The value of an alias can be anywhere.
        if scalar.is_secret || reader.has_alias && scalar.is_value {
            let length = text[scalar.range.clone()].trim_end().len();
            let end = scalar.range.start + length;
            masks.push((scalar.range.start..end, VALUE));
        }
    }
    for environment in &reader.environments {
        let comments = comments(text, environment, &reader.scalars);
        masks.extend(comments.into_iter().map(|range| (range, COMMENT)));
    }
    masks.sort_by_key(|(range, _)| range.start);
    let mut masked = text.to_owned();
    for (range, mask) in masks.into_iter().rev() {
        masked.replace_range(range, mask);
    }
    masked
}

/// The comments in a range.
fn comments(text: &str, range: &Range<usize>, scalars: &[Scalar]) -> Vec<Range<usize>> {
    let mut start = range.start;
    let mut found = Vec::new();
    for line in text[range.clone()].split_inclusive('\n') {
        let signs = line.match_indices('#').map(|(at, _)| start + at);
        let is_in_scalar = |at: &usize| scalars.iter().any(|it| it.range.contains(at));
        let comment = signs.into_iter().find(|at| !is_in_scalar(at));
        found.extend(comment.map(|at| at..start + line.trim_end().len()));
        start += line.len();
    }
    found
}

/// A scalar of the text.
struct Scalar {
    range: Range<usize>,
    /// It is not a key.
    is_value: bool,
    is_secret: bool,
}

/// What a value is a part of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Top,
    Providers,
    Foreign,
    Environment,
    /// The name of a variable, or anything that is not in an environment.
    Shown,
}

impl Part {
    fn of_key(self, key: &str) -> Self {
        match (self, key) {
            (Self::Top, "providers") => Self::Providers,
            (Self::Foreign, "env") => Self::Environment,
            (Self::Environment, "name") => Self::Shown,
            (Self::Environment, _) => Self::Environment,
            _ => Self::Shown,
        }
    }
}

struct Reader<'t> {
    parser: Parser<'t, StrInput<'t>>,
    /// The offset of each character, in bytes.
    offsets: Vec<usize>,
    text: &'t str,
    providers: &'t [Value],
    scalars: Vec<Scalar>,
    /// With the rest of the line after them.
    environments: Vec<Range<usize>>,
    /// Where the last event ends.
    end: usize,
    /// An alias may have a secret.
    has_alias: bool,
}

impl<'t> Reader<'t> {
    fn read(&mut self) -> Result<(), ScanError> {
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(()),
                (Event::DocumentStart(_), _) => {
                    let (event, span) = self.next()?;
                    self.value(&event, span, Part::Top)?;
                }
                _ => {}
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'t>, Range<usize>), ScanError> {
        let Some(event) = self.parser.next_event() else {
            return Ok((Event::StreamEnd, self.end..self.end));
        };
        let (event, span) = event?;
        let offset = |index: usize| self.offsets.get(index).copied().unwrap_or(self.text.len());
        let range = offset(span.start.index())..offset(span.end.index());
        self.end = range.end;
        Ok((event, range))
    }

    fn value(
        &mut self,
        event: &Event<'t>,
        range: Range<usize>,
        part: Part,
    ) -> Result<(), ScanError> {
        match event {
            Event::Scalar(..) => self.scalars.push(Scalar {
                range,
                is_value: true,
                is_secret: part == Part::Environment,
            }),
            Event::Alias(_) => self.has_alias |= part != Part::Shown,
            Event::SequenceStart(..) => self.sequence(part)?,
            Event::MappingStart(..) => self.mapping(part)?,
            _ => {}
        }
        Ok(())
    }

    fn sequence(&mut self, part: Part) -> Result<(), ScanError> {
        for index in 0.. {
            let (event, range) = self.next()?;
            if matches!(event, Event::SequenceEnd | Event::StreamEnd) {
                break;
            }
            let provider = self.providers.get(index);
            let part = match part {
                Part::Providers if provider.is_none_or(|it| !is_ours(it)) => Part::Foreign,
                Part::Environment => Part::Environment,
                _ => Part::Shown,
            };
            self.value(&event, range, part)?;
        }
        Ok(())
    }

    fn mapping(&mut self, part: Part) -> Result<(), ScanError> {
        loop {
            let (key, range) = self.next()?;
            let of_key = match &key {
                Event::MappingEnd | Event::StreamEnd => return Ok(()),
                Event::Scalar(key, ..) => part.of_key(key),
                _ => part,
            };
            let start = range.start;
            self.scalars.push(Scalar {
                range,
                is_value: false,
                is_secret: false,
            });
            let (event, range) = self.next()?;
            self.value(&event, range, of_key)?;
            if part == Part::Foreign && of_key == Part::Environment {
                let rest = &self.text[self.end..];
                let line = rest.find('\n').unwrap_or(rest.len());
                self.environments.push(start..self.end + line);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked_text(text: &str) -> String {
        masked(&Document::parse(text.as_bytes()).expect(text))
    }

    #[test]
    fn values_and_comments_in_the_environment_of_other_providers_are_masked_in_every_style() {
        for (value, expected) in [
            ("s3cret", "\"…\""),
            ("'s3cret'", "\"…\""),
            ("\"s3\\u0063ret # s3cret\"", "\"…\""),
            ("s3cret # s3cret", "\"…\" # …"),
            ("!!str s3cret", "\"…\""),
            ("|\n        s3cret\n         s3cret", "|\n        \"…\""),
            (
                ">- # s3cret\n        s3cret\n\n        s3cret",
                ">- # …\n        \"…\"",
            ),
            ("s3cret\n        s3cret", "\"…\""),
            (
                "\n        s3cret\n      # s3cret",
                "\n        \"…\"\n      # …",
            ),
            ("[s3cret, {a: s3cret}]", "[\"…\", {a: \"…\"}]"),
            ("7", "\"…\""),
        ] {
            let text = |value: &str, comment: &str| {
                format!(
                    "é: s3cret\nproviders:\n- name: a\n  env: {comment}\n    - name: KEY\n      value: {value}\n    {comment}\n  args: [x]\n"
                )
            };
            let found = masked_text(&text(value, "# s3cret"));
            assert_eq!(found, text(expected, "# …"), "{value}");
        }
    }

    #[test]
    fn json_is_masked_as_well() {
        let text = "{\n\t\"providers\": [{\"env\": [{\"value\": \"s3cret\", \"name\": \"KEY\"}]}]}";
        assert_eq!(masked_text(text), text.replace("\"s3cret\"", "\"…\""));
        let text = "providers: [{name: a, env: [{value: s3cret}]}] # shown\n";
        assert_eq!(
            masked_text(text),
            "providers: [{name: a, env: [{value: \"…\"}]}] # …\n"
        );
    }

    #[test]
    fn the_environment_of_this_program_is_shown() {
        let text = "providers:\n- env:\n  - {name: HOME, value: /root} # home\n  args: [kubelet]\n";
        assert_eq!(masked_text(text), text);
    }

    #[test]
    fn with_an_alias_every_value_is_masked() {
        let text = "x: &x s3cret\nproviders:\n- name: a\n  env: [{name: KEY, value: *x}]\n";
        let found = masked_text(text);
        assert!(!found.contains("s3cret"), "{found}");
        assert!(found.contains("value: *x"), "{found}");
    }
}
