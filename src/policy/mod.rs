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

use crate::commands::{Page, Verdict};

use plan::plan;
use request::Request;

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
