//! What a line from the terminal means.

use crate::secret::Secret;

/// Ends a line like Enter while a question stands on the terminal.
pub(super) const CTRL_C: u8 = 0x03;

/// No line discipline keeps a longer line: Linux has room for 4,095 bytes and the end of line,
/// others for less. What is typed beyond it is lost there.
pub(super) const LONGEST_LINE: usize = 4096;

/// A line, judged.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Six ASCII digits; blanks around and within do not count.
    Code(Secret),
    /// Ctrl-C somewhere, or nothing but an end: Ctrl-D, Enter.
    Cancel,
    /// No code.
    Other,
}

impl Answer {
    pub(super) fn of(line: &[u8]) -> Self {
        let answer: Vec<u8> = line
            .iter()
            .copied()
            .filter(|byte| !byte.is_ascii_whitespace())
            .collect();
        if answer.is_empty() || answer.contains(&CTRL_C) {
            return Self::Cancel;
        }
        match String::from_utf8(answer) {
            Ok(code) if code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()) => {
                Self::Code(Secret::new(code))
            }
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_digits_are_a_code_whatever_blanks_there_are() {
        for line in ["123456\n", "123 456\n", "  1 2\t3 4 5 6 \n", "123456"] {
            let code = Answer::Code(Secret::new("123456"));
            assert_eq!(Answer::of(line.as_bytes()), code, "{line:?}");
        }
    }

    #[test]
    fn no_other_line_is_a_code() {
        for line in ["12345\n", "1234567\n", "12345a\n", "+12345\n", "١٢٣٤٥٦\n"] {
            assert_eq!(Answer::of(line.as_bytes()), Answer::Other, "{line:?}");
        }
        assert_eq!(Answer::of(b"123456\xff\n"), Answer::Other);
        assert_eq!(Answer::of(&[b'1'; LONGEST_LINE]), Answer::Other);
    }

    #[test]
    fn nothing_and_ctrl_c_cancel() {
        for line in ["", "\n", "  \n", "\x03", "123456\x03", "12\x0334\n"] {
            assert_eq!(Answer::of(line.as_bytes()), Answer::Cancel, "{line:?}");
        }
    }
}
