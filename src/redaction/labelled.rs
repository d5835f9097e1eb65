//! Secrets that have a label, such as `SecretAccessKey: …` and `aws_session_token=…`.

use super::{Redactor, is_file};

/// Words of identifiers whose values are secret, in lower case: `SecretAccessKey`, `session_token`,
/// `db_password`.
const SECRET_WORDS: [&str; 14] = [
    "auth",
    "authorization",
    "credential",
    "credentials",
    "mfa",
    "otp",
    "passcode",
    "passphrase",
    "passwd",
    "password",
    "pwd",
    "secret",
    "signature",
    "token",
];

/// Between identifiers and their values, in the formats that tools print.
const SEPARATORS: &str = " \t\r\n\"'\\=:>,`|[](){}*-$<";

/// What is no value, or the label of one.
const NO_VALUES: [&str; 11] = [
    "empty",
    "expired",
    "false",
    "invalid",
    "missing",
    "nil",
    "none",
    "not",
    "null",
    "true",
    "undefined",
];

/// Shorter values are not secret.
const SHORTEST_VALUE: usize = 4;

/// Letters alone are a sentence, `ExpiredTokenException` too, unless there are more.
const LONGEST_WORD: usize = 31;

/// What follows a label in a text.
#[derive(Clone, Copy)]
struct Value<'a> {
    text: &'a str,
    rest: &'a str,
    /// Whether it can be nothing but a value: not so in `token: expired`.
    is_assigned: bool,
}

pub(super) fn add(redactor: &mut Redactor, text: &str) {
    let mut at = 0;
    while let Some(start) = text[at..].find(is_of_name) {
        let start = at + start;
        let (name, behind) = split_name(&text[start..]);
        at = start + name.len();
        let is_option = text[..start].ends_with('-');
        if let Some(value) = read(name, behind, is_option).filter(Value::is_secret) {
            redactor.add(value.text);
            at = text.len() - value.rest.len();
        }
    }
}

fn read<'a>(name: &str, behind: &'a str, is_option: bool) -> Option<Value<'a>> {
    let lower = name.to_ascii_lowercase();
    match &*lower {
        "cookie" => read_value(behind, |c| matches!(c, '\n' | '"' | '\'')),
        // `Authorization: Bearer …`
        "basic" | "bearer" => read_word(behind),
        _ if !is_label_of_secret(name) => None,
        _ if is_option && behind.starts_with(' ') => read_word(behind),
        _ => {
            let value = read_value(behind, is_end_of_value)?;
            // `{"Name": "SecretAccessKey", "Value": "…"}`
            if value.text.eq_ignore_ascii_case("value") {
                read_value(value.rest, is_end_of_value)
            } else {
                Some(value)
            }
        }
    }
}

fn is_label_of_secret(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let is_word = |part: &str| {
        let is = |word: &str| {
            SECRET_WORDS
                .iter()
                .any(|known| word.eq_ignore_ascii_case(known))
        };
        is(part) || part.strip_suffix('s').is_some_and(is)
    };
    let ends = |word: &&str| lower.ends_with(*word);
    // `AccessKeyId`
    let is_id = name.ends_with("Id") || lower.ends_with("_id") && lower != "secret_id";
    // A key alone is that of a map: `missing key: role_arn`.
    let is_key = lower.ends_with("key") && lower != "key";
    !is_id && (is_key || parts_of_name(name).any(is_word) || SECRET_WORDS.iter().any(ends))
}

/// `session`, `Token` and `1` of `sessionToken_1`.
fn parts_of_name(name: &str) -> impl Iterator<Item = &str> {
    name.split('_').flat_map(|part| {
        let starts = part.match_indices(|c: char| c.is_ascii_uppercase());
        let starts: Vec<_> = [0].into_iter().chain(starts.map(|(at, _)| at)).collect();
        let ends: Vec<_> = starts.iter().skip(1).copied().chain([part.len()]).collect();
        let ranges = starts.into_iter().zip(ends);
        ranges.map(|(start, end)| &part[start..end])
    })
}

impl Value<'_> {
    fn is_secret(&self) -> bool {
        let is_none = NO_VALUES
            .iter()
            .any(|word| self.text.eq_ignore_ascii_case(word));
        self.text.len() >= SHORTEST_VALUE
            && !is_none
            && (self.is_assigned || !self.is_word())
            && !is_file(self.text.trim_end_matches([':', '.']))
    }

    /// Whether it is a part of a sentence, or a name: `expired`, `AccessDenied`, `role_arn`.
    fn is_word(&self) -> bool {
        let is_of_word = |c: char| c.is_alphabetic() || "….!?:".contains(c);
        let is_of_path = |c: char| c.is_ascii_lowercase() || "_-./:".contains(c);
        self.text.len() <= LONGEST_WORD && self.text.chars().all(is_of_word)
            || self.text.chars().all(is_of_path)
    }
}

fn read_word(behind: &str) -> Option<Value<'_>> {
    let word = behind.strip_prefix(' ')?;
    let (text, rest) = word.split_at(word.find(is_end_of_value).unwrap_or(word.len()));
    let is_option = text.starts_with('-');
    (!is_option).then_some(Value {
        text,
        rest,
        is_assigned: false,
    })
}

fn read_value(behind: &str, is_end: fn(char) -> bool) -> Option<Value<'_>> {
    let (between, value) = split_separators(behind);
    if !between.contains(['=', ':', '>', ',', '\t']) {
        return None;
    }
    let quote = between.chars().next_back();
    let quote = quote.filter(|c| ['"', '\''].contains(c));
    let (text, rest) = match quote {
        Some(quote) => split_at_quote(value, quote, &between[..between.len() - 1]),
        None => value.split_at(value.find(is_end).unwrap_or(value.len())),
    };
    let is_assigned = quote.is_some() || between.contains(['=', '>', '\t']);
    Some(Value {
        text,
        rest,
        is_assigned,
    })
}

/// Splits a text into what precedes a value and the rest, which begins with the value. `b'` and
/// `Some("` precede a value too.
fn split_separators(behind: &str) -> (&str, &str) {
    let value = behind.trim_start_matches(|c| SEPARATORS.contains(c));
    let is_quoted = behind[..behind.len() - value.len()].ends_with(['"', '\'']);
    let wrapper = value.trim_start_matches(is_of_name);
    let inner = wrapper.trim_start_matches(['(', '"', '\'']);
    let value = if inner.len() < wrapper.len() && !is_quoted {
        inner
    } else {
        value
    };
    behind.split_at(behind.len() - value.len())
}

/// A value, and what begins with the quote at its end. In text that is quoted itself, each quote is
/// escaped.
fn split_at_quote<'a>(value: &'a str, quote: char, before: &str) -> (&'a str, &'a str) {
    let is_escaped = |at: usize| {
        let backslashes = value[..at].bytes().rev().take_while(|&b| b == b'\\');
        backslashes.count() % 2 == 1
    };
    let is_end = |at: usize| before.ends_with('\\') || quote == '\'' || !is_escaped(at);
    let mut ends = value.match_indices(quote).map(|(at, _)| at);
    let end = ends.find(|&at| is_end(at)).unwrap_or(value.len());
    let (value, rest) = value.split_at(end);
    if before.ends_with('\\') {
        (value.trim_end_matches('\\'), rest)
    } else {
        (value, rest)
    }
}

fn is_end_of_value(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '"' | '\'' | ',' | ';' | '&' | '<' | '>' | '}' | ')' | ']'
        )
}

pub(super) fn split_name(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c| !is_of_name(c)).unwrap_or(text.len()))
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}
