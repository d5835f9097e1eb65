//! `policy`: the documents of a set-up across accounts. It asks nobody and changes nothing.
//!
//! [`Request`] is what is wanted, with all that makes no sense refused; [`plan()`] makes of it the
//! parts of the set-up, each a document and the place it goes to; `terraform` and `shell` write
//! them down for programs.

pub(crate) mod iam;
mod notes;
mod place;
mod plan;
mod request;
mod shell;
mod terraform;

use crate::cli::{Policy, PolicyForm};
use crate::env::Env;
use crate::error::Error;

use crate::commands::{Page, Verdict};

use notes::{NOTES, wrapped};
use place::Place;
use plan::{Plan, plan};
use request::Request;

pub(super) fn run(arguments: &Policy, env: &Env, page: &mut Page) -> Result<Verdict, Error> {
    let request = Request::read(arguments, env)?;
    let plan = plan(&request);
    match arguments.format {
        _ if arguments.json => page.json(&plan.parts),
        PolicyForm::Json => write_text(&plan, page),
        PolicyForm::Terraform => page.raw(&terraform::write(&plan)),
        PolicyForm::Cli => page.raw(&shell::write(&plan)),
    }
    Ok(Verdict::Good)
}

/// Each document can be copied out as it stands: nothing is before it on its lines.
fn write_text(plan: &Plan, page: &mut Page) {
    for (number, part) in plan.parts.iter().enumerate() {
        if number > 0 {
            page.gap();
        }
        page.heading(&part.place.heading());
        write_notes(&part.notes, page);
        if let Place::Registry { region, .. } = &part.place {
            let [look, switch] = shell::scope(region);
            page.raw(&format!("    Look:    {look}\n    Switch:  {switch}\n"));
        }
        page.raw(&format!("{}\n", part.document));
    }
    if !plan.notes.is_empty() {
        page.gap();
        page.heading(NOTES);
        write_notes(&plan.notes, page);
    }
}

fn write_notes(notes: &[String], page: &mut Page) {
    for note in notes {
        page.raw(&wrapped(page.width(), "  - ", "    ", note));
    }
}
