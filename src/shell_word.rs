//! Quoting for commands in messages.

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
}
