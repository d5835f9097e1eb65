//! `kubelet install --executable-only` and `kubelet uninstall --executable-only`, for a pod that has only
//! the node's folder of providers.

use std::path::Path;

use crate::cli::{KubeletInstall, KubeletUninstall};
use crate::commands::page::CheckMark;
use crate::commands::{Page, Verdict};
use crate::configure::user_file::Locks;
use crate::error::{Error, escaped_path};

use super::executable::{Executable, Occupant, check_chain, make_folder};
use super::install::{DRY_RUN, InstallError, copy, show_copy};
use super::uninstall::{remove, show_absence, show_removal};

pub(super) fn install(
    arguments: &KubeletInstall,
    bin_dir: &Path,
    page: &mut Page,
) -> Result<Verdict, Error> {
    let name = &arguments.name;
    let files = escaped_path(bin_dir).to_string();
    if let Some(other) = arguments.replace.as_ref().filter(|it| *it != name) {
        let name = other.clone();
        return Err(InstallError::Nothing { name, files }.into());
    }
    check_chain(bin_dir).map_err(Error::failure)?;
    let mut locks = Locks::default();
    if !arguments.dry_run {
        make_folder(bin_dir).map_err(Error::failure)?;
        // Also removes what a killed process has left there.
        let folder = locks.take_folder_of(&bin_dir.join(name));
        folder.map_err(Error::failure)?;
    }
    let executable = Executable::find(bin_dir, name).map_err(Error::failure)?;
    match executable.occupant {
        Occupant::Current => {
            let text = format!("already installed: {}", escaped_path(&executable.path));
            page.marked(CheckMark::Good, &text);
        }
        Occupant::Foreign if arguments.replace.is_none() => {
            let name = name.clone();
            return Err(InstallError::Foreign { name, files }.into());
        }
        _ if arguments.dry_run => {
            show_copy(&executable, page);
            page.marked(CheckMark::Unknown, DRY_RUN);
        }
        _ => {
            copy(&executable, page)?;
        }
    }
    Ok(Verdict::Good)
}

pub(super) fn uninstall(
    arguments: &KubeletUninstall,
    bin_dir: &Path,
    page: &mut Page,
) -> Result<Verdict, Error> {
    let mut locks = Locks::default();
    if bin_dir.exists() && !arguments.dry_run {
        let folder = locks.take_folder_of(&bin_dir.join(&arguments.name));
        folder.map_err(Error::failure)?;
    }
    let executable = Executable::find(bin_dir, &arguments.name).map_err(Error::failure)?;
    if !executable.is_installed() {
        show_absence(&arguments.name, page);
    } else if arguments.dry_run {
        show_removal(&executable, page);
        page.marked(CheckMark::Unknown, DRY_RUN);
    } else {
        remove(&executable, page)?;
    }
    Ok(Verdict::Good)
}
