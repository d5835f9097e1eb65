//! A table in Markdown, as wide as its cells, and the cells.

use std::fmt;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// What stands where nothing was measured.
pub const NOTHING: &str = "–";

/// Rows of as many cells; the first is the heading.
pub struct Table(Vec<Vec<String>>);

impl Table {
    pub fn new(heading: &[&str]) -> Self {
        Self(vec![heading.iter().map(|&cell| cell.to_owned()).collect()])
    }

    pub fn add(&mut self, row: Vec<String>) {
        self.0.push(row);
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.0.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or_default()
    }
}

/// Names to the left, numbers to the right.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (line, row) in self.0.iter().enumerate() {
            for (column, cell) in row.iter().enumerate() {
                let width = self.width(column);
                match column {
                    0 => write!(f, "| {cell:<width$} |")?,
                    _ => write!(f, " {cell:>width$} |")?,
                }
            }
            writeln!(f)?;
            if line == 0 {
                for column in 0..row.len() {
                    let rule = "-".repeat(self.width(column));
                    match column {
                        0 => write!(f, "| {rule} |")?,
                        _ => write!(f, " {}: |", &rule[1..])?,
                    }
                }
                writeln!(f)?;
            }
        }
        Ok(())
    }
}

pub fn milliseconds(time: Option<Duration>) -> String {
    time.map_or_else(
        || NOTHING.to_owned(),
        |time| format!("{:.2}", time.as_secs_f64() * 1000.0),
    )
}

/// The size of a file, in millions of bytes.
pub fn megabytes(file: Option<&Path>) -> String {
    let size = file.and_then(|file| fs::metadata(file).ok());
    size.map_or_else(
        || NOTHING.to_owned(),
        |size| format!("{:.1}", size.len() as f64 / 1e6),
    )
}

/// One time over another, with as many digits behind the point.
pub fn ratio(time: Option<Duration>, other: Option<Duration>, digits: usize) -> String {
    time.zip(other.filter(|other| !other.is_zero()))
        .map_or_else(
            || NOTHING.to_owned(),
            |(time, other)| format!("{:.digits$}", time.as_secs_f64() / other.as_secs_f64()),
        )
}

/// A number as people read it: `1,234,567`.
pub fn grouped(number: Option<u64>) -> String {
    let Some(number) = number else {
        return NOTHING.to_owned();
    };
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of ours, and the peer's.
pub fn with_peers(ours: u64, peers: Option<u64>) -> String {
    match peers {
        Some(peers) => format!("{ours}, peer {peers}"),
        None => ours.to_string(),
    }
}
