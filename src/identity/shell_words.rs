//! The words of a line as Python's `shlex.split` finds them, by which the AWS CLI takes section
//! headers and `credential_process` apart (CPython 3.13, `shlex.py`: POSIX mode, no comments).

/// The words; `None` when a quote is not closed or a backslash is the last character.
pub(crate) fn split(line: &str) -> Option<Vec<String>> {
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
                split(line).as_deref(),
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
