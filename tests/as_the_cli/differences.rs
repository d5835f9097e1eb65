//! The intended differences from the AWS CLI.
//!
//! A row takes its cause out of a set-up. It excuses a difference only if there is none without
//! that cause: so a row cannot hide another difference in the same set-up.

use super::set_up::SetUp;

/// One row.
pub struct Intended {
    pub name: &'static str,
    /// The set-up without the cause; `None` if the cause is not in it.
    pub without: fn(&SetUp) -> Option<SetUp>,
}

// The manual's page on configuration (packaging/man/*config.5.md) is to list the same names; a
// test compares them once the page has its table.
pub const INTENDED: [Intended; 1] = [Intended {
    name: "a byte order mark at the start of a file is skipped",
    without: without_bom,
}];

fn without_bom(set_up: &SetUp) -> Option<SetUp> {
    let mut without = set_up.clone();
    without.config.has_bom = false;
    without.credentials.has_bom = false;
    (without != *set_up).then_some(without)
}
