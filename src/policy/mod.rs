//! `policy`: the documents of a set-up across accounts. It asks nobody and changes nothing.
//!
//! [`Request`] is what is wanted, with all that makes no sense refused; [`plan()`] makes of it the
//! parts of the set-up, each a document and the place it goes to; and `text`, `terraform` and
//! `shell` write them down.

pub(crate) mod iam;
mod notes;
mod place;
mod plan;
mod request;
mod shell;
mod terraform;
mod text;

use crate::cli::{Policy, PolicyForm};
use crate::env::Env;
use crate::error::Error;

use crate::commands::page::MAX_WIDTH;
use crate::commands::{Page, Verdict};

use plan::plan;
use request::Request;

/// What stands above the notes that belong to no document.
const NOTES: &str = "To know";

/// Runs the command.
pub(super) fn run(arguments: &Policy, env: &Env, page: &mut Page) -> Result<Verdict, Error> {
    let request = Request::read(arguments, env)?;
    let plan = plan(&request);
    match arguments.format {
        _ if arguments.json => page.json(&plan.parts),
        PolicyForm::Json => text::write(&plan, page),
        PolicyForm::Terraform => page.raw(&terraform::write(&plan)),
        PolicyForm::Cli => page.raw(&shell::write(&plan)),
    }
    Ok(Verdict::Good)
}

/// A heading and what is to be known below it, as comments: Terraform and shells take `#`.
fn comments(heading: &str, notes: &[String]) -> String {
    let mut text = wrapped(MAX_WIDTH, "# ", "# ", heading);
    for note in notes {
        text.push_str(&wrapped(MAX_WIDTH, "# - ", "#   ", note));
    }
    text
}

/// Lines of at most so many columns, with these texts before the first and the others.
fn wrapped(width: usize, first: &str, others: &str, text: &str) -> String {
    let options = textwrap::Options::new(width)
        .initial_indent(first)
        .subsequent_indent(others)
        // ARNs are copied: they stay whole.
        .break_words(false)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    textwrap::fill(text, options) + "\n"
}
