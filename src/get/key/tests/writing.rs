//! The files of a situation, in plain writing or in any other that means the same.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::situation::{InputPlace, Situation};

/// How things are written where it makes no difference.
pub(super) struct Pen {
    /// `None`: plainly.
    dice: Option<u64>,
}

impl Pen {
    /// In order, without anything that is not needed.
    pub(super) fn plain() -> Self {
        Self { dice: None }
    }

    /// In the way of this number.
    pub(super) fn whimsical(seed: u64) -> Self {
        Self {
            dice: Some(seed | 1),
        }
    }

    /// A number below `bound`; always 0 in plain writing. Xorshift64* (Vigna, 2014).
    fn throw(&mut self, bound: usize) -> usize {
        let Some(dice) = &mut self.dice else { return 0 };
        *dice ^= *dice >> 12;
        *dice ^= *dice << 25;
        *dice ^= *dice >> 27;
        let number = dice.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(number).unwrap() % bound
    }

    /// One of these, the first in plain writing.
    fn one_of<'t>(&mut self, spellings: &[&'t str]) -> &'t str {
        spellings[self.throw(spellings.len())]
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        if self.dice.is_some() {
            for at in (1..items.len()).rev() {
                items.swap(at, self.throw(at + 1));
            }
        }
    }

    fn remark(&mut self) -> &'static str {
        self.one_of(&["", "", "\n", "# region = us-gov-west-1\n", "#\n\n"])
    }

    /// Puts the mark of some editors in front, and other line ends behind.
    fn finish(&mut self, text: &str) -> String {
        let mark = self.one_of(&["", "\u{feff}"]);
        let end = self.one_of(&["\n", "\r\n"]);
        format!("{mark}{}", text.replace('\n', end))
    }
}

/// The settings of an access key.
const KEY_SETTINGS: [&str; 3] = [
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
];

/// `~/.aws/config` and `~/.aws/credentials`. Profiles may stand in either, and in pieces.
pub(super) fn aws_files(situation: &Situation, pen: &mut Pen) -> [String; 2] {
    let mut sections: BTreeMap<(&str, usize), Vec<(&str, &str)>> = BTreeMap::new();
    // Those of a section that must be in one file and piece, as a key and its secret must.
    let mut key_pieces: BTreeMap<&str, usize> = BTreeMap::new();
    for input in &situation.inputs {
        if let (InputPlace::Aws(section, key), Some(value)) = (&input.place, &input.value) {
            // Which file, and which piece in it.
            let piece = match section.split_once(' ') {
                Some(("profile", _)) | None if KEY_SETTINGS.contains(key) => {
                    *key_pieces.entry(*section).or_insert_with(|| pen.throw(3))
                }
                Some(("profile", _)) | None => pen.throw(3),
                _ => 0,
            };
            let lines = sections.entry((*section, piece)).or_default();
            lines.push((*key, value.as_str()));
        }
    }
    let headers: BTreeMap<&str, String> = sections
        .keys()
        .map(|(section, _)| {
            // The pieces of a section have the same header.
            let space = pen.one_of(&[" ", "  ", "\t"]);
            (*section, section.replace(' ', space))
        })
        .collect();
    let mut sections: Vec<_> = sections.into_iter().collect();
    pen.shuffle(&mut sections);
    let mut files = [String::new(), String::new()];
    for ((section, piece), mut lines) in sections {
        let in_credentials = piece == 2;
        let file = &mut files[usize::from(in_credentials)];
        let name = if in_credentials {
            section.trim_start_matches("profile ")
        } else {
            &headers[section]
        };
        let after = pen.one_of(&["", "  ", " # here", " ; here"]);
        let _ = writeln!(file, "{}[{name}]{after}", pen.remark());
        pen.shuffle(&mut lines);
        for (key, value) in lines {
            file.push_str(pen.remark());
            let equals = pen.one_of(&[" = ", "=", "  =\t", "= ", ": "]);
            let end = pen.one_of(&["", "", "  ", "\n  # here", "\n\t; here"]);
            let _ = match key.split_once('.') {
                Some((service, key)) => {
                    writeln!(file, "{service}{equals}\n  {key} = {value}")
                }
                None => writeln!(file, "{key}{equals}{value}{end}"),
            };
        }
    }
    files.map(|text| pen.finish(&text))
}

/// config.toml. The order of rules counts, that of all else does not.
pub(super) fn toml_file(situation: &Situation, pen: &mut Pen) -> String {
    let mut tables: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
    for input in &situation.inputs {
        if let (InputPlace::Toml(table, key), Some(value)) = (&input.place, &input.value) {
            tables.entry(table).or_default().push((key, value));
        }
    }
    let mut tables: Vec<_> = tables.into_iter().collect();
    pen.shuffle(&mut tables);
    let mut rules = tables
        .iter()
        .filter(|(name, _)| is_rule(name))
        .cloned()
        .collect::<Vec<_>>();
    rules.sort_by_key(|(name, _)| *name);
    let mut rules = rules.into_iter();
    // Keys outside of all tables come first.
    tables.sort_by_key(|(name, _)| !name.is_empty());
    let mut file = String::new();
    for (name, lines) in tables {
        let (name, mut lines) = if is_rule(name) {
            rules.next().unwrap()
        } else {
            (name, lines)
        };
        file.push_str(pen.remark());
        let space = pen.one_of(&["", " "]);
        let _ = match (name, is_rule(name)) {
            ("", _) => Ok(()),
            (_, true) => writeln!(file, "[[{space}registry{space}]]"),
            (_, false) => writeln!(file, "[{space}{name}{space}]"),
        };
        pen.shuffle(&mut lines);
        for (key, value) in lines {
            let equals = pen.one_of(&[" = ", "=", "\t=  "]);
            let quote = if key.ends_with("_seconds") || key == "access_pull_through" {
                ""
            } else {
                pen.one_of(&["\"", "'", "\"\"\"", "'''"])
            };
            let end = pen.one_of(&["", "  ", " # profile = \"x\""]);
            let _ = writeln!(
                file,
                "{}{key}{equals}{quote}{value}{quote}{end}",
                pen.remark()
            );
        }
    }
    pen.finish(&file)
}

fn is_rule(name: &str) -> bool {
    name.starts_with("registry")
}
