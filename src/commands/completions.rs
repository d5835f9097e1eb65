//! `completions`: the files under `packaging/completions`, which are made from `cli.rs`.

use crate::cli::{Completions, Shell};
use crate::error::Error;

use super::{Page, Verdict};

pub(crate) fn run(arguments: &Completions, page: &mut Page) -> Result<Verdict, Error> {
    page.raw(match arguments.shell {
        Shell::Bash => include_str!("../../packaging/completions/docker-credential-ecrx.bash"),
        Shell::Zsh => include_str!("../../packaging/completions/_docker-credential-ecrx"),
        Shell::Fish => include_str!("../../packaging/completions/docker-credential-ecrx.fish"),
        Shell::PowerShell => {
            include_str!("../../packaging/completions/docker-credential-ecrx.ps1")
        }
    });
    Ok(Verdict::Good)
}
