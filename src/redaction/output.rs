//! The secrets that a process has printed, such as the keys that a `credential_process` shows when it
//! complains.

use std::path::Path;

use super::Redactor;
use super::view::View;

/// Words of identifiers whose values are secret, in lower case: `SecretAccessKey`, `session_token`,
/// `db_password`.
const SECRET_WORDS: [&str; 7] = [
    "credential",
    "passphrase",
    "passwd",
    "password",
    "pwd",
    "secret",
    "token",
];

/// Identifiers whose values take the rest of the line (RFC 9110, 11.6.2).
const HEADERS: [&str; 2] = ["authorization", "cookie"];

/// Between identifiers and their values, in the formats that tools print.
const SEPARATORS: &str = " \t\r\n\"'\\=:>,`|[({*-$<";

/// Values that are none.
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

/// A word without a label that is shorter is not taken for a secret. A secret access key has 40
/// characters (AWS IAM, "Access key IDs and secret access keys").
const SHORTEST_UNLABELLED: usize = 16;

/// Letters alone behind a `:` are a sentence, `ExpiredTokenException` too, unless there are more.
const LONGEST_WORD: usize = 31;

/// Adds the secrets of the standard output of a process, which is nothing but credentials: whatever
/// is long.
pub(crate) fn add_stdout(redactor: &mut Redactor, output: &str) {
    // It may be UTF-16, of which each other byte is zero.
    let output = output.replace('\0', "");
    add_labelled(redactor, &output);
    add_long_words(redactor, &output);
}

/// Adds the secrets of an error message: what has a label such as `SecretAccessKey`, and what looks
/// like a key or a token. The sentences around them stay.
pub(crate) fn add_stderr(redactor: &mut Redactor, message: &str) {
    let message = message.replace('\0', "");
    add_labelled(redactor, &message);
    add_words(redactor, &message, is_like_key);
}

/// Adds what may be a key or a token: long, and no path.
pub(super) fn add_long_words(redactor: &mut Redactor, text: &str) {
    add_words(redactor, text, |word| {
        is_like_key(word)
            || word.len() >= SHORTEST_UNLABELLED && !word.contains('/') && !is_label(word)
    });
}

/// Adds the words that are secret, with what is joined to them by `-`, `_` and `.`, as the parts of
/// base64url and of a JSON Web Token are.
fn add_words(redactor: &mut Redactor, text: &str, is_secret: impl Fn(&str) -> bool) {
    for view in View::of(text) {
        let text = view.text();
        for chunk in text.split(|c: char| c.is_whitespace() || "\"'`,;()[]{}<>".contains(c)) {
            let tokens = chunk.split(|c: char| !(is_of_key(c) || "-_.".contains(c)));
            let mut tokens = tokens
                .filter(|token| token.split(|c| !is_of_key(c)).any(&is_secret))
                .peekable();
            if tokens.peek().is_some() && !is_arn(chunk) && !is_path(chunk) {
                tokens.for_each(|token| redactor.add(token.trim_matches('.')));
            }
        }
    }
}

/// The alphabet of base64, without the padding: `=` also stands before values.
fn is_of_key(c: char) -> bool {
    c.is_ascii_alphanumeric() || "+/".contains(c)
}

/// Whether a word is long, and no word: of all kinds of letters.
fn is_like_key(word: &str) -> bool {
    let has = |is: fn(&u8) -> bool| word.as_bytes().iter().any(is);
    let is_mixed =
        has(u8::is_ascii_digit) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
    word.len() >= SHORTEST_UNLABELLED && is_mixed
}

/// `SecretAccessKey` is no secret.
fn is_label(word: &str) -> bool {
    let name = word.trim_matches('/');
    let is_name = name.chars().all(|c| c.is_ascii_alphabetic());
    is_name && (name.ends_with("Key") || name.ends_with("Token") || name.ends_with("Id"))
}

/// The path of a file, also as `--option=PATH` and `PATH:LINE`.
fn is_path(chunk: &str) -> bool {
    let path = chunk.split_once('=').map_or(chunk, |(_, value)| value);
    let path = path.trim_end_matches(['.', ':']);
    let of_line = path.split_once(':').map_or(path, |(path, _)| path);
    is_file(path) || is_file(of_line)
}

/// Adds what stands behind labels such as `SecretAccessKey` and `aws_session_token`.
fn add_labelled(redactor: &mut Redactor, text: &str) {
    let mut rest = text;
    while let Some(start) = rest.find(is_of_name) {
        rest = &rest[start..];
        // In the ARN of a secret stands `:secret:`, and then its name.
        if is_arn(rest) {
            rest = &rest[rest.find(is_end_of_value).unwrap_or(rest.len())..];
            continue;
        }
        let (name, behind) = split_name(rest);
        rest = behind;
        if HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
            add_header(redactor, behind);
        } else if is_label_of_secret(name) {
            add_value(redactor, behind);
        }
    }
}

fn is_label_of_secret(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let is_word = |part: &str| {
        SECRET_WORDS
            .iter()
            .any(|word| part.eq_ignore_ascii_case(word))
    };
    let ends = |word: &&str| lower.ends_with(*word);
    // `AccessKeyId`
    let is_id = name.ends_with("Id") || lower.ends_with("_id");
    !is_id
        && (parts_of_name(name).any(is_word)
            || lower.ends_with("key")
            || SECRET_WORDS.iter().any(ends))
}

/// `session`, `Token` and `1` of `sessionToken_1`.
fn parts_of_name(name: &str) -> impl Iterator<Item = &str> {
    name.split('_').flat_map(|part| {
        let starts = part.match_indices(|c: char| c.is_ascii_uppercase());
        let starts: Vec<_> = [0].into_iter().chain(starts.map(|(at, _)| at)).collect();
        let ends: Vec<_> = starts.iter().skip(1).copied().chain([part.len()]).collect();
        starts
            .into_iter()
            .zip(ends)
            .map(|(start, end)| &part[start..end])
    })
}

/// `: Basic dXNlcjpwYXNz`, to the end of the line or of the quoted text.
fn add_header(redactor: &mut Redactor, behind: &str) {
    if !behind
        .trim_start_matches(['"', '\'', ' '])
        .starts_with([':', '='])
    {
        return;
    }
    let value = behind.trim_start_matches(['"', '\'', ' ', ':', '=']);
    let value = value
        .split(['\r', '\n', '"', '\''])
        .next()
        .unwrap_or_default();
    for word in value.split([' ', ';']).filter(|word| !is_scheme(word)) {
        redactor.add(word);
    }
}

/// The name of a way to authenticate, which is letters alone (RFC 9110, 11.1).
fn is_scheme(word: &str) -> bool {
    word.len() < SHORTEST_VALUE
        || ["basic", "bearer", "token"].contains(&&*word.to_ascii_lowercase())
}

fn add_value(redactor: &mut Redactor, behind: &str) {
    let value = read_value(behind);
    // `{"Name": "SecretAccessKey", "Value": "…"}`
    let is_label = |value: &Value| value.text.eq_ignore_ascii_case("value");
    let value = match value.filter(is_label) {
        Some(label) => read_value(label.rest),
        None => value,
    };
    if let Some(value) = value.filter(Value::is_secret) {
        redactor.add(value.text);
    }
}

/// What stands behind a label.
#[derive(Clone, Copy)]
struct Value<'a> {
    text: &'a str,
    rest: &'a str,
    /// Whether it can be nothing but a value: not so in `token: expired`.
    is_assigned: bool,
}

impl Value<'_> {
    fn is_secret(&self) -> bool {
        let is_none = NO_VALUES
            .iter()
            .any(|word| self.text.eq_ignore_ascii_case(word));
        let is_word = self.text.len() <= LONGEST_WORD
            && self
                .text
                .chars()
                .all(|c| c.is_alphabetic() || "….!?:".contains(c));
        self.text.len() >= SHORTEST_VALUE && !is_none && (self.is_assigned || !is_word)
    }
}

fn read_value(behind: &str) -> Option<Value<'_>> {
    let (between, value) = split_separators(behind);
    if !between.contains(['=', ':', '>', ',', '\t']) {
        return None;
    }
    let quote = between.chars().next_back();
    let quote = quote.filter(|c| ['"', '\''].contains(c));
    let (text, rest) = match quote {
        Some(quote) => split_at_quote(value, quote, &between[..between.len() - 1]),
        None => value.split_at(value.find(is_end_of_value).unwrap_or(value.len())),
    };
    let is_assigned = quote.is_some() || between.contains(['=', '>', '\t']);
    Some(Value {
        text,
        rest,
        is_assigned,
    })
}

/// What stands before a value, and what begins with the value. `b'` and `Some("` stand before one,
/// too.
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
    c.is_whitespace() || matches!(c, '"' | '\'' | ',' | ';' | '<' | '>' | '}' | ')' | ']')
}

pub(super) fn split_name(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c| !is_of_name(c)).unwrap_or(text.len()))
}

pub(super) fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

pub(super) fn is_arn(text: &str) -> bool {
    text.starts_with("arn:aws") && text.split(':').count() >= 6
}

/// Whether it is the path of a file, or an absolute one in a folder that exists. `/` holds too many
/// to tell by.
pub(super) fn is_file(text: &str) -> bool {
    let path = Path::new(text);
    let is_in_a_folder = |folder: &Path| folder.parent().is_some() && folder.is_dir();
    path.exists() || path.is_absolute() && path.parent().is_some_and(is_in_a_folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_an_output_are_known_whole_or_not() {
        let key = "Quixotic/7jackdaw+vexed/zephyr";
        for output in [
            format!(r#"{{"SecretAccessKey": "{key}""#),
            format!(r#"{{"SecretAccessKey": "{}"#, key.replace('/', "\\/")),
            format!("export AWS_SECRET_ACCESS_KEY={key}\nmore"),
            format!("<SecretAccessKey>{key}</SecretAccessKey>"),
            format!("AKIAIOSFODNN7EXAMPLE {key}"),
            format!("SecretAccessKey\t{key}"),
            format!("('SecretAccessKey', '{key}')"),
            format!("SecretKey={key}"),
            format!(r#"{{"Version":1,"Token":["{key}"]}}"#),
            format!("SecretAccessKey: {key}").replace("", "\0"),
        ] {
            let mut redactor = Redactor::default();
            add_stdout(&mut redactor, &output);
            let shown = redactor.redact(&format!("{key} is no SecretAccessKey"));
            assert_eq!(shown, "… is no SecretAccessKey", "{output}");
        }
    }

    #[test]
    fn a_long_word_of_an_output_is_a_secret_without_a_name() {
        for secret in [
            "0123456789abcdef0123456789abcdef",
            "abcdefghijklmnopqrstuvwxyz",
        ] {
            let mut redactor = Redactor::default();
            add_stdout(&mut redactor, &format!("key {secret}"));
            assert_eq!(redactor.redact(&format!("bad {secret}")), "bad …");
        }
        let mut redactor = Redactor::default();
        let text = "docker-credential-ecrx: set credential_process in /usr/share/config";
        add_stdout(&mut redactor, text);
        assert_eq!(redactor.redact(text), text);
    }

    fn shown(message: &str) -> String {
        let mut redactor = Redactor::default();
        add_stderr(&mut redactor, message);
        redactor.redact(message)
    }

    #[test]
    fn a_key_in_a_message_is_masked_whatever_stands_before_it() {
        const KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_w";
        for secret in [KEY, JWT, &KEY.replace('/', "%2F"), &KEY.replace('/', "\\/")] {
            for before in [
                "",
                "SecretAccessKey:\n",
                "SecretAccessKey: b'",
                "secret: Some(\"",
                "secret=SecretStr('",
                "SecretAccessKey: >-\n  ",
                "SecretAccessKey = <",
                "credentials[0]=",
                "SecretAccessKey -> ",
                "**SecretAccessKey**: ",
                "{\"Name\":\"SecretAccessKey\",\"Value\":\"",
                "\"SessionToken\": [\n\"",
                "AWS_SECRET_ACCESS_KEY=$'",
                "the secret access key: ",
                "AccessKey: ",
                "api_key=",
                "Authorization: Bearer ",
                "GET https://localhost/?token=",
            ] {
                let message = format!("{before}{secret}");
                let shown = shown(&message);
                assert_eq!(shown, format!("{before}…"), "{message}");
            }
        }
    }

    #[test]
    fn sentences_about_secrets_stay_readable() {
        for message in [
            "error reading token: permission denied",
            "password: incorrect",
            "KeyError: 'AccessKeyId'",
            "secretsmanager: AccessDeniedException: no",
            "arn:aws:secretsmanager:eu-west-1:111122223333:secret:prod/db-AbC123 not found",
            "{\"Arn\":\"arn:aws:iam::111122223333:role/Deploy2024ProductionRole\"}",
            "GET https://127.0.0.1/token: connection refused",
            "The security token: ExpiredTokenException",
            "session token: expired",
            "the session token has expired",
            "token=null",
            "AccessKeyId: AKIAIOSFODNN7EXAMPLE",
            "An error occurred (InvalidClientTokenId) when calling GetCallerIdentity",
            "ü SecretAccessKey",
        ] {
            assert_eq!(shown(message), message);
        }
    }

    #[test]
    fn the_path_of_a_file_is_no_key() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("Project1/Tool2");
        std::fs::create_dir(file.parent().unwrap()).unwrap();
        let file = file.display();
        for message in [
            format!("cannot open {file}: no such file"),
            format!("  File \"{file}\", line 7"),
            format!("{file}:12: --config={file}."),
        ] {
            assert_eq!(shown(&message), message);
        }
    }

    #[test]
    fn what_stands_behind_the_name_of_a_secret_is_one() {
        for (message, expected) in [
            ("SessionToken='vexed7' is old", "SessionToken='…' is old"),
            (
                r#"{\"SessionToken\":\"vexed7\",\"a\":1}"#,
                r#"{\"SessionToken\":\"…\",\"a\":1}"#,
            ),
            (r#"password: "vexed\"ze7", next"#, r#"password: "…", next"#),
            ("aws_session_token = vexed7", "aws_session_token = …"),
            ("password=vexed", "password=…"),
            ("dbpassword: vexed7", "dbpassword: …"),
            (
                "Authorization: Basic dmV4ZWQ=\nnext",
                "Authorization: Basic …\nnext",
            ),
            ("{'Cookie': 'vexed=zephyr'}", "{'Cookie': '…'}"),
            (
                r#"{"SecretAccessKey": "vexed zephyr bold fox"#,
                r#"{"SecretAccessKey": "…"#,
            ),
        ] {
            assert_eq!(shown(message), expected);
        }
    }
}
