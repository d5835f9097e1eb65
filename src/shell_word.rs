//! Words of shells: quoted for commands in messages, and split as the AWS CLI splits them.

use std::borrow::Cow;

/// One word for a POSIX shell, quoted if necessary: names of profiles and files may contain blanks and
/// characters with a meaning for the shell.
pub(crate) fn shell_word(text: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:=@+,%".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        text.into()
    } else {
        format!("'{}'", text.replace('\'', r"'\''")).into()
    }
}

/// One word for PowerShell. It takes typographic quotation marks for apostrophes, too
/// (about_Quoting_Rules).
pub(crate) fn powershell_word(text: &str) -> String {
    let mut word = String::from("'");
    for character in text.chars() {
        if matches!(character, '\'' | '\u{2018}'..='\u{201b}') {
            word.push(character);
        }
        word.push(character);
    }
    word.push('\'');
    word
}

/// The words of a line as Python's `shlex.split` finds them, by which the AWS CLI takes section headers
/// and `credential_process` apart (CPython 3.13, `shlex.py`: POSIX mode, no comments). `None` if a
/// quote is not closed or a backslash is the last character.
pub(crate) fn split_words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        match c {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\\' => word.get_or_insert_default().push(rest.next()?),
            '\'' | '"' => quoted(c, &mut rest, word.get_or_insert_default())?,
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Some(words)
}

/// Reads up to the closing quote. In double quotes a backslash keeps the next character if that is
/// a quote or a backslash, and else stands for itself.
fn quoted(quote: char, rest: &mut std::str::Chars<'_>, word: &mut String) -> Option<()> {
    loop {
        match rest.next()? {
            c if c == quote => return Some(()),
            '\\' if quote == '"' => match rest.next()? {
                c @ ('"' | '\\') => word.push(c),
                c => word.extend(['\\', c]),
            },
            c => word.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_powershell_word_has_each_apostrophe_twice() {
        assert_eq!(powershell_word("/a b/$x"), "'/a b/$x'");
        assert_eq!(powershell_word("it's\u{2019}"), "'it''s\u{2019}\u{2019}'");
    }

    #[test]
    fn a_word_stays_one_word() {
        for (text, word) in [
            ("team/app", "team/app"),
            ("", "''"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("$HOME `x` \"y\" \\", "'$HOME `x` \"y\" \\'"),
            ("~", "'~'"),
        ] {
            assert_eq!(shell_word(text), word);
        }
    }

    #[test]
    fn words_are_those_of_pythons_shlex() {
        // python3 -c 'import shlex, sys; print(shlex.split(sys.stdin.read()))'
        let table: [(&str, Option<&[&str]>); 16] = [
            ("", Some(&[])),
            ("  a  b\t", Some(&["a", "b"])),
            ("'a b' \"c d\"", Some(&["a b", "c d"])),
            ("a' 'b", Some(&["a b"])),
            ("''", Some(&[""])),
            ("a '' b", Some(&["a", "", "b"])),
            (r"a\ b", Some(&["a b"])),
            (r"'a\ b'", Some(&[r"a\ b"])),
            (r#""a\"b\\c\d""#, Some(&[r#"a"b\c\d"#])),
            (
                "sh -c 'true ; cat p.json'",
                Some(&["sh", "-c", "true ; cat p.json"]),
            ),
            ("a # b", Some(&["a", "#", "b"])),
            ("a;b|c", Some(&["a;b|c"])),
            ("~/a $B `c`", Some(&["~/a", "$B", "`c`"])),
            ("'a", None),
            ("\"a", None),
            ("a\\", None),
        ];
        for (line, expected) in table {
            let expected = expected.map(<[&str]>::to_vec);
            assert_eq!(
                split_words(line).as_deref(),
                expected
                    .as_ref()
                    .map(|words| words
                        .iter()
                        .map(|word| (*word).to_owned())
                        .collect::<Vec<_>>())
                    .as_deref(),
                "{line}"
            );
        }
    }
}
