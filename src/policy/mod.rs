//! `policy`: the IAM documents for access to a registry from other accounts. It makes no network
//! calls and changes nothing in AWS.
//!
//! A [`Grant`] is the access that is wanted. The [`Setup`] for it has several policies, each of them
//! a document of `iam` and the resource or identity that it is attached to. `terraform`, `shell` and
//! `cloudformation` write them for other programs, and `files` writes them to files.

mod cloudformation;
mod files;
mod grant;
mod notes;
mod setup;
mod shell;
mod target;
mod terraform;

use serde::Serialize;

use crate::cli::{Policy, PolicyForm};
use crate::commands::{Page, Verdict};
use crate::env::Env;
use crate::error::Error;

use files::Written;
use grant::Grant;
use notes::{NOTES, Note, general_comments, wrapped};
use setup::{Setup, SetupPolicy};

/// All policies, and the notes on the whole set-up.
#[derive(Debug, Serialize)]
struct SetupReport<'a, P> {
    policies: &'a [P],
    notes: &'a [Note],
}

/// A policy and its file.
#[derive(Debug, Serialize)]
struct WithFile<'a> {
    #[serde(flatten)]
    policy: &'a SetupPolicy,
    file: String,
}

pub(super) fn run(arguments: &Policy, env: &Env, page: &mut Page) -> Result<Verdict, Error> {
    let grant = Grant::read(arguments, env)?;
    let setup = Setup::new(&grant);
    let form = match arguments.json {
        true => PolicyForm::Json,
        false => arguments.format,
    };
    match &arguments.out {
        Some(folder) => print_files(&setup, form, &files::write(&setup, form, folder)?, page),
        None => print(&setup, form, page),
    }
    Ok(Verdict::Good)
}

fn print(setup: &Setup, form: PolicyForm, page: &mut Page) {
    match form {
        PolicyForm::Json => page.json(&SetupReport {
            policies: &setup.policies,
            notes: &setup.notes,
        }),
        PolicyForm::Text => print_text(setup, page, |_, policy| format!("{}\n", policy.document)),
        PolicyForm::Terraform => page.raw(&terraform::write(setup)),
        PolicyForm::Cli => page.raw(&shell::write(setup)),
        PolicyForm::CloudFormation => page.raw(&cloudformation::write(setup)),
    }
}

/// Prints the files that were written, and the notes that are not in them.
fn print_files(setup: &Setup, form: PolicyForm, files: &[Written], page: &mut Page) {
    let lines: Vec<String> = files.iter().map(file_line).collect();
    match form {
        PolicyForm::Json => {
            let policies = setup.policies.iter().zip(files);
            let list: Vec<WithFile<'_>> = policies
                .map(|(policy, written)| WithFile {
                    policy,
                    file: written.path.display().to_string(),
                })
                .collect();
            page.json(&SetupReport {
                policies: &list,
                notes: &setup.notes,
            });
        }
        PolicyForm::Text => print_text(setup, page, |number, _| lines[number].clone()),
        PolicyForm::Cli => page.raw(&(lines.concat() + &shell::general_notes(setup))),
        PolicyForm::Terraform | PolicyForm::CloudFormation => {
            page.raw(&(lines.concat() + &general_comments(&setup.notes)));
        }
    }
}

fn file_line(written: &Written) -> String {
    let state = match written.is_unchanged {
        true => "unchanged",
        false => "written",
    };
    format!("{state}: {}\n", written.path.display())
}

/// Prints each policy under its heading and notes. `body` is the document or the file: it begins at
/// the first column, so that it can be copied.
fn print_text(setup: &Setup, page: &mut Page, body: impl Fn(usize, &SetupPolicy) -> String) {
    for (number, policy) in setup.policies.iter().enumerate() {
        if number > 0 {
            page.gap();
        }
        page.heading(&policy.target.heading());
        print_notes(&policy.notes, page);
        page.raw(&body(number, policy));
    }
    if !setup.notes.is_empty() {
        page.gap();
        page.heading(NOTES);
        print_notes(&setup.notes, page);
    }
}

/// Prints each note with its commands below it, each on one line.
fn print_notes(notes: &[Note], page: &mut Page) {
    for note in notes {
        page.raw(&wrapped(page.width(), "  - ", "    ", &note.text));
        for command in &note.commands {
            page.raw(&format!("      {command}\n"));
        }
    }
}
