use std::fmt::Write as _;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

fn redactor(secrets: &[&str]) -> Redactor {
    let mut redactor = Redactor::default();
    secrets.iter().for_each(|secret| redactor.add(secret));
    redactor
}

/// The text with each byte that is not in `kept` written so.
fn escaped(text: &str, kept: impl Fn(char) -> bool, write: impl Fn(&mut String, u32)) -> String {
    let mut result = String::new();
    for character in text.chars() {
        if kept(character) {
            result.push(character)
        } else {
            write(&mut result, character.into())
        }
    }
    result
}

fn percent_but(text: &str, kept: impl Fn(u8) -> bool) -> String {
    let mut result = String::new();
    for byte in text.bytes() {
        let _ = if kept(byte) {
            write!(result, "{}", char::from(byte))
        } else {
            write!(result, "%{byte:02X}")
        };
    }
    result
}

/// As AWS's canonical strings have it.
fn percent(text: &str) -> String {
    percent_but(text, |byte| {
        byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
    })
}

/// Every character, in lower case.
fn percent_all(text: &str) -> String {
    percent_but(text, |_| false).to_ascii_lowercase()
}

fn json(text: &str) -> String {
    escaped(
        text,
        |character| !"/\"".contains(character),
        |result, code| {
            let _ = write!(result, "\\{}", char::from_u32(code).unwrap_or_default());
        },
    )
}

fn json_codes(text: &str) -> String {
    escaped(text, char::is_alphanumeric, |result, code| {
        let _ = write!(result, "\\u{code:04x}");
    })
}

fn xml(text: &str) -> String {
    let entities = [
        ("&", "&amp;"),
        ("<", "&lt;"),
        (">", "&gt;"),
        ("\"", "&quot;"),
        ("'", "&apos;"),
    ];
    entities
        .iter()
        .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

fn xml_codes(text: &str) -> String {
    escaped(text, char::is_alphanumeric, |result, code| {
        let _ = write!(result, "&#{code};");
    })
}

fn form_decoded(text: &str) -> String {
    text.replace('+', " ")
}

/// With characters between its own that no message shows.
fn scattered(text: &str) -> String {
    let characters: Vec<String> = text.chars().map(String::from).collect();
    characters.join("\u{200b}")
}

/// Everything that an answer may have done to a secret.
const ECHOES: [fn(&str) -> String; 16] = [
    |text| text.to_owned(),
    percent,
    percent_all,
    |text| percent(&percent(text)),
    |text| percent_all(&percent_all(text)),
    |text| percent(&percent(&percent(text))),
    json,
    json_codes,
    |text| json(&percent(text)),
    xml,
    xml_codes,
    |text| xml(&xml(text)),
    |text| xml(&json(&percent(text))),
    |text| text.to_ascii_uppercase(),
    form_decoded,
    scattered,
];

proptest! {
    /// What is around is of letters that no secret has, and stays.
    #[test]
    fn of_a_secret_no_piece_is_left_however_it_is_escaped(
        secret in r#"[A-Za-z0-9+/=_.,@:<>"'-]{8,60}"#,
        cut in any::<(prop::sample::Index, prop::sample::Index)>(),
        echo in 0..ECHOES.len(),
        before in "[б-я]{0,9}",
        after in "[б-я]{0,9}",
    ) {
        let start = cut.0.index(secret.len() - 7);
        let end = start + 8 + cut.1.index(secret.len() - start - 7);
        let echo = ECHOES[echo](&secret[start..end]);
        let shown = redactor(&[&secret]).redact(&format!("{before}{echo}{after}"));
        prop_assert_eq!(shown, format!("{before}…{after}"));
    }

    /// A secret may look like an escape itself.
    #[test]
    fn no_secret_is_shown_whatever_it_is_made_of(
        secret in r"[ -~]{8,40}|\PC{8,20}",
        before in r"[ -~]{0,9}",
        after in r"\PC{0,9}",
    ) {
        let redactor = redactor(&[&secret]);
        for echo in [secret.clone(), percent(&secret), percent(&percent(&secret))] {
            let shown = redactor.redact(&format!("{before}{echo}{after}"));
            prop_assert!(!shown.contains(&echo), "{shown}");
        }
    }

    #[test]
    fn a_text_without_a_secret_is_not_changed(
        secret in "[a-m]{1,40}",
        text in r"[n-z ,:%&;\\/Ü]{0,200}",
    ) {
        prop_assert_eq!(redactor(&[&secret]).redact(&text), text);
    }

    #[test]
    fn whatever_is_said_there_is_no_panic(
        secrets in prop::collection::vec(r"\PC{0,12}", 0..4),
        text in r"(\PC|%[0-9a-f]|\\u|&#|[\x00-\x1f]){0,60}",
    ) {
        let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
        redactor(&secrets).redact(&text);
    }
}

#[test]
fn a_short_secret_is_masked_where_it_is_a_whole_word() {
    let redactor = redactor(&["907531", "build", ""]);
    for (text, shown) in [
        ("Value '907531' at 'tokenCode'", "Value '…' at 'tokenCode'"),
        ("Value %27907531%27", "Value %27…%27"),
        ("907531", "…"),
        ("19075310", "19075310"),
        (
            "BUILD is not to rebuild the builder",
            "… is not to rebuild the builder",
        ),
    ] {
        assert_eq!(redactor.redact(text), shown);
    }
}

#[test]
fn what_is_shown_in_any_case_is_no_secret() {
    let mut redactor = redactor(&[
        "arn:aws:iam::999999999999:role/pull",
        "build",
        "secret-of-pull",
    ]);
    redactor.show("role arn:aws:iam::999999999999:role/pull, session build");
    for (text, shown) in [
        (
            "to assume arn:aws:iam::999999999999:role/pull as build",
            "to assume arn:aws:iam::999999999999:role/pull as build",
        ),
        ("secret-of-pull", "…"),
    ] {
        assert_eq!(redactor.redact(text), shown);
    }
}

#[test]
fn an_account_id_that_is_an_external_id_stays_in_arns() {
    let redactor = redactor(&["111122223333", "client-444455556666"]);
    let denial = "User: arn:aws:iam::111122223333:user/alice is not authorized to perform: \
                  sts:AssumeRole on resource: arn:aws:iam::444455556666:role/pull";
    assert_eq!(redactor.redact(denial), denial);
    for (text, shown) in [
        (
            "Value '111122223333' at 'externalId'",
            "Value '…' at 'externalId'",
        ),
        ("Value 'client-444455556666'", "Value '…'"),
        (":client-444455556666:", ":…:"),
        (":1111222233334:", ":…4:"),
    ] {
        assert_eq!(redactor.redact(text), shown);
    }
}

#[test]
fn the_request_that_aws_repeats_is_cut() {
    let redactor = Redactor::default();
    let cause = "SignatureDoesNotMatch: The signature does not match.";
    for request in [
        "\n\nThe Canonical String for this request should have been\n'POST\n/\n'",
        " the canonical string is x",
        "\n\nThe String-to-Sign should have been\n'AWS4-HMAC-SHA256\n'\nThe Canonical String is",
        "",
    ] {
        assert_eq!(redactor.redact(&format!("{cause}{request}")), cause);
    }
    let bare = redactor.redact("SignatureDoesNotMatch: The Canonical String is");
    assert_eq!(bare, "SignatureDoesNotMatch");
}

#[test]
fn pieces_that_meet_are_one_mask() {
    let redactor = redactor(&["first-secret", "second-secret"]);
    assert_eq!(redactor.redact("ü first-secretsecond-secret ü"), "ü … ü");
    assert_eq!(redactor.redact("first-secret"), "…");
    assert_eq!(redactor.redact("irst-sec, ret"), "…, ret");
}

/// Far above what it takes, and far below what anything quadratic would.
#[test]
fn a_text_of_any_length_takes_little_time() {
    let secret: String = (0..20_000).map(|number: u32| number.to_string()).collect();
    let redactor = redactor(&[&secret, "7"]);
    let start = Instant::now();
    for text in [
        "x".repeat(1 << 20),
        secret.repeat(10),
        format!("%{}", "25".repeat(1 << 19)),
        "&#37;".repeat(1 << 18),
        "\\".repeat(1 << 20),
        "ü".repeat(1 << 19),
    ] {
        redactor.redact(&text);
    }
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn of_a_url_user_query_and_fragment_are_not_shown() {
    for (url, shown) in [
        ("https://host", "https://host"),
        ("http://127.0.0.1:4566/a/b", "http://127.0.0.1:4566/a/b"),
        ("http://[::1]:80/", "http://[::1]:80/"),
        ("http://[fe80::1%25eth0]", "http://[fe80::1%25eth0]"),
        ("example.com", "example.com"),
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("fd00::/8", "fd00::/8"),
        ("*.example.com:8443", "*.example.com:8443"),
        ("", ""),
        ("https://host?key=secret", "https://host?…"),
        ("https://host/path#secret", "https://host/path#…"),
        (
            "https://alice:secret@host.example:1/path",
            "https://…@host.example:1/path",
        ),
        ("https://alice:secret@127.0.0.1", "https://…@127.0.0.1"),
        ("https://alice:secret@[::1]:80", "https://…@[::1]:80"),
        ("https://alice:7@secret", "https://…"),
        ("https://secret@host.example", "https://…@host.example"),
        ("alice:secret@host.example", "…@host.example"),
        // Where the host is missing or the password is not escaped.
        ("http://alice:secret", "http://…"),
        ("http://alice:sec/ret", "http://…"),
        ("alice:secret", "…"),
        ("http://[::1]:secret", "http://…"),
        ("http://alice:secret@", "http://…"),
        ("http://alice:sec/ret@host.example", "http://…@host.example"),
        ("http://alice:1?ret@host", "http://…"),
        ("http://host?key=x@secret", "http://…"),
        ("alice:x://secret@host.example", "…@host.example"),
        ("http:/alice:secret", "…"),
        ("http:///alice:secret", "http://…"),
        ("http//alice:secret", "http/…"),
        ("http://http//alice:secret", "http://http/…"),
        ("http://host/alice%3Asecret", "http://host/…"),
        ("http://alice%3Asecret", "http://…"),
        ("http://alice;secret", "http://…"),
        ("http://alice secret", "http://…"),
        ("http:\\\\alice:secret", "…"),
        ("http://alice:1234567", "http://…"),
        ("http://", "http://"),
    ] {
        assert_eq!(shown_url(url), shown, "{url}");
    }
}

#[test]
fn of_a_url_password_and_values_are_secrets() {
    let url = "http://alice:secret-1@host.example/path-to-it?a=secret-2&b=x&secret-3#secret-4";
    let expected = [
        "alice:secret-1",
        "secret-1",
        "secret-2",
        "secret-3",
        "secret-4",
    ];
    assert_eq!(url::secrets(url), expected);
    assert_eq!(url::secrets("http://host:80/path-to-it"), [""; 0]);
}

#[test]
fn of_a_half_written_url_everything_is_secret() {
    assert_eq!(
        url::secrets("http://alice:secret"),
        ["alice:secret", "secret"]
    );
    for url in [
        "http:/alice:secret",
        "http:///alice:secret",
        "http//alice:secret",
        "http://alice;secret",
        "http://alice secret",
    ] {
        assert!(url::secrets(url).contains(&"secret"), "{url}");
    }
}
