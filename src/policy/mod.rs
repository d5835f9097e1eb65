//! `policy`: the IAM documents of a set-up across accounts. It makes no network calls and changes
//! nothing.
//!
//! A [`Grant`] is what is wanted; the [`Setup`] that it takes has several policies, each of them a
//! document and what it is attached to; and `terraform` and `shell` write them down for programs.

mod grant;
pub(crate) mod iam;
mod notes;
mod setup;
mod shell;
mod target;
mod terraform;

use crate::cli::{Policy, PolicyForm};
use crate::commands::{Page, Verdict};
use crate::env::Env;
use crate::error::Error;

use grant::Grant;
use notes::{NOTES, wrapped};
use setup::Setup;
use target::PolicyTarget;

pub(super) fn run(arguments: &Policy, env: &Env, page: &mut Page) -> Result<Verdict, Error> {
    let grant = Grant::read(arguments, env)?;
    let setup = Setup::new(&grant);
    match arguments.format {
        _ if arguments.json => page.json(&setup.policies),
        PolicyForm::Json => write_text(&setup, page),
        PolicyForm::Terraform => page.raw(&terraform::write(&setup)),
        PolicyForm::Cli => page.raw(&shell::write(&setup)),
    }
    Ok(Verdict::Good)
}

/// Each document can be copied out as it stands: nothing is before it on its lines.
fn write_text(setup: &Setup, page: &mut Page) {
    for (number, policy) in setup.policies.iter().enumerate() {
        if number > 0 {
            page.gap();
        }
        page.heading(&policy.target.heading());
        write_notes(&policy.notes, page);
        if let PolicyTarget::Registry { region, .. } = &policy.target {
            let [look, switch] = shell::scope(region);
            page.raw(&format!("    Look:    {look}\n    Switch:  {switch}\n"));
        }
        page.raw(&format!("{}\n", policy.document));
    }
    if !setup.notes.is_empty() {
        page.gap();
        page.heading(NOTES);
        write_notes(&setup.notes, page);
    }
}

fn write_notes(notes: &[String], page: &mut Page) {
    for note in notes {
        page.raw(&wrapped(page.width(), "  - ", "    ", note));
    }
}
