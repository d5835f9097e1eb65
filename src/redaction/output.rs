//! The secrets that a process has printed, such as the keys that a `credential_process` shows when it
//! complains: those that look like keys or tokens, and those that have a label, such as
//! `SecretAccessKey: …` and `aws_session_token=…`.

use super::{Redactor, View, is_file};

/// A word without a label that is shorter is not taken for a secret. A secret access key has 40
/// characters (AWS IAM, "Access key IDs and secret access keys").
const SHORTEST_UNLABELLED: usize = 16;

/// The same of words whose parts are joined by `-` and `_`.
const SHORTEST_JOINED: usize = 20;

/// Adds the secrets of the standard output of a process, which is nothing but credentials: whatever
/// is long.
pub(crate) fn add_stdout(redactor: &mut Redactor, output: &str) {
    add(redactor, output, is_long);
}

/// Adds the secrets of an error message: what has a label such as `SecretAccessKey`, what looks like a
/// key or a token, and the secrets of URLs. The sentences around them stay.
pub(crate) fn add_stderr(redactor: &mut Redactor, message: &str) {
    add(redactor, message, is_key);
}

fn add(redactor: &mut Redactor, text: &str, is_secret: impl Fn(&str) -> bool) {
    for view in View::levels(&without_controls(text)) {
        let text = without_arns(&view.text());
        add_labelled(redactor, &text);
        add_urls(redactor, &text);
        add_words(redactor, &text, &is_secret);
    }
}

/// Whether a word of a text looks like a key or a token.
pub(crate) fn holds_key(text: &str) -> bool {
    text.split(|c| !is_of_base64(c)).any(is_key)
}

/// A text without the user parts and queries of the URLs in it.
pub(crate) fn without_urls(text: &str) -> String {
    let mut redactor = Redactor::default();
    add_urls(&mut redactor, text);
    redactor.redact(text)
}

/// Without colours (ECMA-48, 5.4), and without the zeros that UTF-16 has for each other byte.
fn without_controls(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| ('@'..='~').contains(&c));
        plain.push_str(end.map_or("", |end| &part[end + 1..]));
    }
    plain.replace('\0', "")
}

/// ARNs are shown: denials cannot be understood without them.
fn without_arns(text: &str) -> String {
    let mut parts = text.split("arn:aws");
    let mut rest = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let behind = behind_arn(part);
        rest.push_str(if behind.is_some() { " " } else { "arn:aws" });
        rest.push_str(behind.unwrap_or(part));
    }
    rest
}

/// What follows an ARN, of which the text lacks the first letters: `:iam::111122223333:role/pull`.
fn behind_arn(text: &str) -> Option<&str> {
    let mut rest = text;
    for _ in 0..4 {
        let is_of_field = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        rest = rest.trim_start_matches(is_of_field).strip_prefix(':')?;
    }
    let is_of_resource = |c: char| c.is_ascii_alphanumeric() || "+.@_/*-".contains(c);
    let behind = rest.trim_start_matches(is_of_resource);
    // `secret:NAME`
    let kind = &rest[..rest.len() - behind.len()];
    let is_kind = kind.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    Some(match behind.strip_prefix(':') {
        Some(name) if is_kind => name.trim_start_matches(is_of_resource),
        _ => behind,
    })
}

fn add_urls(redactor: &mut Redactor, text: &str) {
    for chunk in text.split(|c: char| c.is_whitespace() || "\"'`<>()".contains(c)) {
        for (at, _) in chunk.match_indices("://") {
            let scheme = chunk[..at].trim_end_matches(|c: char| c.is_ascii_alphanumeric());
            redactor
                .add_url(chunk[scheme.len()..].trim_end_matches(['.', ',', ':', ';', ']', '}']));
        }
    }
}

/// Adds what may be a key or a token.
pub(super) fn add_long_words(redactor: &mut Redactor, text: &str) {
    for view in View::levels(text) {
        add_words(redactor, &view.text(), &is_long);
    }
}

fn add_words(redactor: &mut Redactor, text: &str, is_secret: &impl Fn(&str) -> bool) {
    for chunk in text.split(|c: char| c.is_whitespace() || "\"'`,;:=&|()[]{}<>".contains(c)) {
        let keys = chunk.split(|c| !is_of_base64(c));
        let keys = keys.filter(|key| key.contains('/') && is_secret(key));
        // Of a URL, each part of the path is looked at by itself.
        let keys = keys.filter(|_| !chunk.starts_with("//"));
        // The parts of base64url and of a JSON Web Token are joined by these.
        let tokens = chunk.split(|c: char| !(is_of_base64(c) || "-_.".contains(c)) || c == '/');
        let is_token =
            |token: &&str| token.split(|c| !is_of_base64(c)).any(is_secret) || is_joined_key(token);
        let mut found = keys.chain(tokens.filter(is_token)).peekable();
        if found.peek().is_some() && !is_file(chunk.trim_end_matches('.')) {
            found.for_each(|secret| redactor.add(secret.trim_matches(['.', '-', '_'])));
        }
    }
}

/// Without the padding: `=` also precedes values.
fn is_of_base64(c: char) -> bool {
    c.is_ascii_alphanumeric() || "+/".contains(c)
}

/// Whether a word is a key or a token, and not a path.
fn is_key(word: &str) -> bool {
    is_like_key(word) && !is_like_path(word)
}

/// Whether a word is long, and of all kinds of letters.
fn is_like_key(word: &str) -> bool {
    word.len() >= SHORTEST_UNLABELLED
        && has(word, u8::is_ascii_digit)
        && has(word, u8::is_ascii_lowercase)
        && has(word, u8::is_ascii_uppercase)
}

fn has(word: &str, is: fn(&u8) -> bool) -> bool {
    word.as_bytes().iter().any(is)
}

fn is_long(word: &str) -> bool {
    is_like_key(word) || word.len() >= SHORTEST_UNLABELLED && !word.contains('/') && !is_label(word)
}

/// Whether a word is a key but for the `-` and `_` in it, which keep its parts short.
fn is_joined_key(token: &str) -> bool {
    let is_mixed =
        |part: &&str| has(part, u8::is_ascii_digit) && has(part, u8::is_ascii_alphabetic);
    let parts = || token.split(['-', '_', '.']);
    token.len() >= SHORTEST_JOINED
        && parts().filter(is_mixed).count() > 1
        && is_like_key(&parts().collect::<String>())
}

/// Whether a word looks like a name rather than a random value: `/v1/DeployRole`.
fn is_like_path(word: &str) -> bool {
    let is_name = |part: &str| {
        let mut pairs = part.as_bytes().array_windows();
        let is_odd = |[one, two]: &[u8; 2]| match one {
            one if one.is_ascii_uppercase() => two.is_ascii_uppercase(),
            one => one.is_ascii_digit() && two.is_ascii_alphabetic(),
        };
        !part.bytes().any(|b| b.is_ascii_uppercase()) || !pairs.any(is_odd)
    };
    word.contains('/') && word.split('/').all(is_name)
}

/// `SecretAccessKey` is no secret.
fn is_label(word: &str) -> bool {
    let name = word.trim_matches('/');
    let is_name = name.chars().all(|c| c.is_ascii_alphabetic());
    is_name && (name.ends_with("Key") || name.ends_with("Token") || name.ends_with("Id"))
}

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
const VALUE_SEPARATORS: &str = " \t\r\n\"'\\=:>,`|[](){}*-$<";

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
struct LabelledValue<'a> {
    text: &'a str,
    rest: &'a str,
    /// Whether it can be nothing but a value: not so in `token: expired`.
    is_assigned: bool,
}

/// Adds what has a label.
fn add_labelled(redactor: &mut Redactor, text: &str) {
    let mut at = 0;
    while let Some(start) = text[at..].find(is_of_name) {
        let start = at + start;
        let (name, behind) = split_name(&text[start..]);
        at = start + name.len();
        let is_option = text[..start].ends_with('-');
        if let Some(value) = read_labelled(name, behind, is_option).filter(LabelledValue::is_secret)
        {
            redactor.add(value.text);
            at = text.len() - value.rest.len();
        }
    }
}

fn read_labelled<'a>(name: &str, behind: &'a str, is_option: bool) -> Option<LabelledValue<'a>> {
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

impl LabelledValue<'_> {
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

fn read_word(behind: &str) -> Option<LabelledValue<'_>> {
    let word = behind.strip_prefix(' ')?;
    let (text, rest) = word.split_at(word.find(is_end_of_value).unwrap_or(word.len()));
    let is_option = text.starts_with('-');
    (!is_option).then_some(LabelledValue {
        text,
        rest,
        is_assigned: false,
    })
}

fn read_value(behind: &str, is_end: fn(char) -> bool) -> Option<LabelledValue<'_>> {
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
    Some(LabelledValue {
        text,
        rest,
        is_assigned,
    })
}

/// Splits a text into what precedes a value and the rest, which begins with the value. `b'` and
/// `Some("` precede a value too.
fn split_separators(behind: &str) -> (&str, &str) {
    let value = behind.trim_start_matches(|c| VALUE_SEPARATORS.contains(c));
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
    fn a_key_in_a_message_is_masked_whatever_precedes_it() {
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
    fn a_secret_is_masked_whatever_it_is_joined_to() {
        const KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        for (message, expected) in [
            (format!("/etc/hostname:{KEY}"), "/etc/hostname:…"),
            (
                format!("arn:aws:iam::111122223333:user/alice:{KEY}"),
                "arn:aws:iam::111122223333:user/alice:…",
            ),
            (
                "Arn=arn:aws:iam::111122223333:role/x&Password=hunter22x".to_owned(),
                "Arn=arn:aws:iam::111122223333:role/x&Password=…",
            ),
            (
                "Get \"https://alice:hunter22x@vault.example.com/v1/x?sig=0123abcd4567ef\": no"
                    .to_owned(),
                "Get \"https://…@vault.example.com/v1/x?sig=…\": no",
            ),
            (
                "token glpat-aB3_dE6gH9-kL2mN5pQ8 refused".to_owned(),
                "token … refused",
            ),
            (
                "mytool --password hunter22x".to_owned(),
                "mytool --password …",
            ),
            ("{password%3Dhunter22x}".to_owned(), "{password%3D…}"),
            (
                r"{\u0022password\u0022:\u0022hunter22x\u0022}".to_owned(),
                r"{\u0022password\u0022:\u0022…\u0022}",
            ),
            (
                "\u{1b}[1mpassword\u{1b}[0m: \u{1b}[32mhunter22x\u{1b}[0m".to_owned(),
                "\u{1b}[1mpassword\u{1b}[0m: \u{1b}[32m…\u{1b}[0m",
            ),
            (
                r#"{"Authorization":["Bearer 0123456789abcdef0123"]}"#.to_owned(),
                r#"{"Authorization":["…"]}"#,
            ),
            (
                "{'Authorization': b'Bearer 0123456789abcdef0123'}".to_owned(),
                "{'Authorization': b'…'}",
            ),
            (
                "config[\"password\"]: hunter22x".to_owned(),
                "config[\"password\"]: …",
            ),
            (
                "otp=123456 passcode: 998877".to_owned(),
                "otp=… passcode: …",
            ),
            (
                "{\"credentials\":\"hunter22x\"}".to_owned(),
                "{\"credentials\":\"…\"}",
            ),
        ] {
            assert_eq!(shown(&message), expected, "{message}");
        }
    }

    #[test]
    fn thousands_of_labels_are_read_in_a_moment() {
        let distinct = |text: &str| {
            (0..5000)
                .map(|n| format!("{text}{n:06}"))
                .collect::<String>()
        };
        for message in [
            "secret=".repeat(9000),
            "secret=value=".repeat(5000),
            distinct(";cookie:"),
            distinct(" token="),
            format!("authorization:{}", distinct(" ")),
            "arn:aws:".repeat(8000),
            "%25".repeat(20_000),
        ] {
            let mut redactor = Redactor::default();
            add_stderr(&mut redactor, &message);
            let length = redactor.secrets.iter().map(String::len).sum::<usize>();
            // Each reading of the escapes may add all of the text once.
            assert!(length <= 6 * message.len(), "{length}");
            redactor.redact(&message);
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
            "oauth2: cannot fetch token: invalid_grant",
            "URL: GET https://vault.example.com/v1/aws/creds/DeployRole",
            "decrypt with key: arn:aws:kms:eu-west-1:111122223333:key/x: AccessDenied",
            "missing required key: role_arn in section",
            "Authorization: header is missing; check the configuration of the proxy",
            "missing header Authorization: please log in with mytool login first",
            "github.com/AlecAivazis/survey/v2/terminal.(*RuneReader)",
            "the --password is wrong",
            "Unexpected token 'a' in JSON",
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
    fn what_follows_the_name_of_a_secret_is_a_secret() {
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
