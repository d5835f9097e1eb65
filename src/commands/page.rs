//! Prints the output of commands, wrapped and aligned, with colours only on a terminal that supports
//! them. Formats moments and spans of time.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Effects, Style};
use serde::Serialize;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::env::{Env, var};
use crate::error::{Error, is_unsafe, one_line};
use crate::stdout::StdoutError;

/// In columns.
pub(crate) const MAX_WIDTH: usize = 100;

/// In columns: text is not wrapped for fewer.
const MIN_WIDTH: usize = 40;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CheckMark {
    /// As it should be.
    Good,
    /// Works, but may not be intended.
    Warning,
    Bad,
    /// Not checked, or not known.
    Unknown,
}

impl CheckMark {
    fn sign(self) -> &'static str {
        match self {
            CheckMark::Good => "✓",
            CheckMark::Warning => "!",
            CheckMark::Bad => "✗",
            CheckMark::Unknown => "·",
        }
    }

    fn style(self) -> Style {
        match self {
            CheckMark::Good => AnsiColor::Green.on_default(),
            CheckMark::Warning => AnsiColor::Yellow.on_default(),
            CheckMark::Bad => AnsiColor::Red.on_default().effects(Effects::BOLD),
            CheckMark::Unknown => Style::new().dimmed(),
        }
    }
}

/// The output of a command. It keeps the first error of the stream, for [`Page::finish`].
pub(crate) struct Page {
    out: AutoStream<Box<dyn Write>>,
    is_terminal: bool,
    width: usize,
    broken: Option<io::Error>,
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page")
            .field("width", &self.width)
            .finish_non_exhaustive()
    }
}

impl Page {
    pub(crate) fn stdout(env: &Env) -> Self {
        Self::on(io::stdout(), env)
    }

    pub(crate) fn stderr(env: &Env) -> Self {
        Self::on(io::stderr(), env)
    }

    fn on(stream: impl Write + IsTerminal + 'static, env: &Env) -> Self {
        let is_terminal = stream.is_terminal();
        // <https://no-color.org>: set and not empty, with any value.
        let is_plain = !is_terminal
            || env.get_os(var::NO_COLOR).is_some()
            || env.get(var::TERM).as_deref() == Some("dumb");
        let width = if is_terminal {
            let columns = terminal_size::terminal_size().map(|(width, _)| width.0.into());
            columns.unwrap_or(MAX_WIDTH).clamp(MIN_WIDTH, MAX_WIDTH)
        } else {
            let columns = env
                .get(var::COLUMNS)
                .and_then(|columns| columns.parse().ok());
            columns.unwrap_or(MAX_WIDTH).max(MIN_WIDTH)
        };
        let choice = if is_plain {
            ColorChoice::Never
        } else {
            ColorChoice::Always
        };
        Self {
            out: AutoStream::new(Box::new(stream), choice),
            is_terminal,
            width,
            broken: None,
        }
    }

    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// Prints text unchanged and without a line break: users paste it, and programs read it.
    pub(crate) fn raw(&mut self, text: &str) {
        if self.broken.is_none()
            && let Err(error) = self.out.write_all(text.as_bytes())
        {
            self.broken = Some(error);
        }
    }

    /// Prints the bytes of a path, which may not be text, and a line break: for `cd "$(…)"`.
    pub(crate) fn path(&mut self, path: &Path) {
        let mut line = path.as_os_str().as_encoded_bytes().to_vec();
        line.push(b'\n');
        if self.broken.is_none()
            && let Err(error) = self
                .out
                .flush()
                .and_then(|()| io::stdout().write_all(&line))
        {
            self.broken = Some(error);
        }
    }

    pub(crate) fn gap(&mut self) {
        self.raw("\n");
    }

    pub(crate) fn heading(&mut self, text: &str) {
        let style = Style::new().bold();
        self.raw(&format!("{style}{}{style:#}\n", one_line(text)));
    }

    /// Prints a paragraph, wrapped, with `indent` blanks before each line.
    pub(crate) fn paragraph(&mut self, indent: usize, text: &str) {
        let blanks = " ".repeat(indent);
        self.wrapped(&blanks, &blanks, text);
    }

    /// Prints a line to copy, which is never wrapped.
    pub(crate) fn command(&mut self, indent: usize, text: &str) {
        let text: String = text.chars().filter(|c| !is_unsafe(*c)).collect();
        self.raw(&format!("{}{text}\n", " ".repeat(indent)));
    }

    /// Prints a line after a mark, wrapped below its own text.
    pub(crate) fn marked(&mut self, mark: CheckMark, text: &str) {
        let style = mark.style();
        let first = format!("{style}{}{style:#} ", mark.sign());
        self.wrapped(&first, "  ", text);
    }

    /// Prints facts, a line each, their names aligned.
    pub(crate) fn facts<N: AsRef<str>, V: AsRef<str>>(&mut self, indent: usize, facts: &[(N, V)]) {
        let width = |text: &str| textwrap::core::display_width(text);
        let longest = facts
            .iter()
            .map(|(name, _)| width(name.as_ref()))
            .max()
            .unwrap_or(0);
        for (name, value) in facts {
            let name = name.as_ref();
            let fill = longest - width(name);
            let first = format!("{}{name}{}  ", " ".repeat(indent), " ".repeat(fill));
            let rest = " ".repeat(indent + longest + 2);
            self.wrapped(&first, &rest, value.as_ref());
        }
    }

    /// Prints a table with a heading. Only the last column is wrapped.
    pub(crate) fn table(&mut self, heading: &[&str], rows: &[Vec<String>]) {
        let width = |text: &str| textwrap::core::display_width(text);
        let widths: Vec<usize> = (0..heading.len())
            .map(|column| {
                let cells = rows
                    .iter()
                    .filter_map(|row| row.get(column))
                    .map(|cell| width(cell));
                cells.max().unwrap_or(0).max(width(heading[column]))
            })
            .collect();
        let line = |cells: Vec<&str>| {
            let (last, others) = cells.split_last().expect("a column");
            let mut start = String::new();
            for (cell, wide) in others.iter().zip(&widths) {
                start.push_str(cell);
                start.push_str(&" ".repeat(wide - width(cell) + 2));
            }
            (start, (*last).to_owned())
        };
        let style = Style::new().bold();
        let (start, last) = line(heading.to_vec());
        self.raw(&format!("{style}{start}{last}{style:#}\n"));
        for row in rows {
            let (start, last) = line(row.iter().map(String::as_str).collect());
            let rest = " ".repeat(width(&start));
            self.wrapped(&start, &rest, &last);
        }
    }

    /// Prints a failure and its hints. It is wrapped only on a terminal, as programs look for lines.
    pub(crate) fn failure(&mut self, error: &Error) {
        if !self.is_terminal {
            return self.raw(&error.text());
        }
        self.wrapped(
            "",
            "  ",
            &format!("docker-credential-ecrx: {}", error.line()),
        );
        for hint in error.hint_lines() {
            self.paragraph(2, &hint);
        }
    }

    /// Prints a value as JSON, with indentation.
    pub(crate) fn json(&mut self, value: &impl Serialize) {
        let text = serde_json::to_string_pretty(value).expect("a value of ours is JSON");
        self.raw(&text);
        self.raw("\n");
    }

    fn wrapped(&mut self, first: &str, rest: &str, text: &str) {
        let options = textwrap::Options::new(self.width)
            .initial_indent(first)
            .subsequent_indent(rest)
            // ARNs and URLs are copied: they stay whole.
            .break_words(false)
            .word_splitter(textwrap::WordSplitter::NoHyphenation);
        let text = textwrap::fill(&with_whole_command(&one_line(text)), options);
        self.raw(&text.trim_end().replace(COMMAND_BLANK, " "));
        self.raw("\n");
    }

    /// Whether everything was written. A reader that has closed its end (`| head`) is not a failure.
    ///
    /// # Errors
    /// If the stream could not be written to.
    pub(crate) fn finish(mut self) -> Result<(), StdoutError> {
        let flushed = self.out.flush();
        match self.broken.map_or(flushed, Err) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// Stands for a blank in a command while a text is wrapped. It is not in texts: it is a noncharacter.
const COMMAND_BLANK: char = '\u{fdd0}';

/// The text with the command in it as one word: a command that is copied has to be one line.
fn with_whole_command(text: &str) -> String {
    let command = ["Run: ", "run: "]
        .iter()
        .filter_map(|word| Some(text.find(word)? + word.len()))
        .min();
    match command {
        Some(start) => {
            let (before, command) = text.split_at(start);
            let command = command.replace(' ', &COMMAND_BLANK.to_string());
            format!("{before}{command}")
        }
        None => text.to_owned(),
    }
}

/// A span of time in two units at most: `45 s`, `3 min`, `2 h 3 min`. The sign is dropped.
pub(crate) fn span(span: Duration) -> String {
    let seconds = span.whole_seconds().unsigned_abs();
    match (seconds / 3600, seconds / 60 % 60, seconds) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, _) => format!("{minutes} min"),
        (hours, 0, _) => format!("{hours} h"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// A moment by its distance from now, negative if it has passed: `in 2 h 3 min`, `5 min ago`.
pub(crate) fn from_now(ahead: Duration) -> String {
    if ahead.is_positive() {
        format!("in {}", span(ahead))
    } else {
        format!("{} ago", span(ahead))
    }
}

/// A moment as a date in UTC: `2027-01-15T08:00:00Z`.
pub(crate) fn iso(moment: OffsetDateTime) -> String {
    let second = moment.replace_nanosecond(0).unwrap_or(moment);
    second.format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_in_a_text_is_one_word_to_the_wrapping() {
        for (text, words) in [
            ("not signed in; run: aws sso login --profile work", 5),
            ("Run: aws sso login --profile work", 2),
            ("no command, not even a run", 6),
        ] {
            let text = with_whole_command(text);
            assert_eq!(text.split(' ').count(), words, "{text}");
        }
    }

    #[test]
    fn moments_are_told_from_now() {
        for (seconds, expected) in [
            (0, "0 s ago"),
            (1, "in 1 s"),
            (-59, "59 s ago"),
            (60, "in 1 min"),
            (3600, "in 1 h"),
            (-7380, "2 h 3 min ago"),
            (43_199, "in 11 h 59 min"),
            (90_000, "in 25 h"),
        ] {
            assert_eq!(from_now(Duration::seconds(seconds)), expected, "{seconds}");
        }
    }

    #[test]
    fn programs_get_whole_seconds_of_utc() {
        let second = OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap();
        let moment = second + Duration::milliseconds(999);
        assert_eq!(iso(moment), "2027-01-15T08:00:00Z");
    }
}
