//! `kubelet uninstall`: removes what `kubelet install` has added, and restores what it has replaced.

use std::path::Path;

use crate::cli::KubeletUninstall;
use crate::commands::page::CheckMark;
use crate::commands::{Page, Verdict};
use crate::configure::user_file::Locks;
use crate::env::Env;
use crate::error::{Error, escaped, escaped_path};

use super::configuration::{
    ConfigFile, Configuration, FileChange, file_error, has_providers_of, is_ours, remove_backups,
    replaced,
};
use super::document::{Document, Edit};
use super::executable::{Executable, lock_folder_of};
use super::install::DRY_RUN;
use super::paths::NodePaths;
use super::service::{RESTART_NEEDED, Service, is_outdated, restart_or_restore};

const COMMAND: &str = "kubelet uninstall";

/// Everything that is changed.
struct Plan {
    change: Option<FileChange>,
    /// The files that are not changed, but may have backups.
    others: Vec<ConfigFile>,
    executable: Option<Executable>,
    notes: Vec<String>,
}

pub(super) fn run(
    arguments: &KubeletUninstall,
    env: &Env,
    page: &mut Page,
) -> Result<Verdict, Error> {
    let paths = NodePaths::find(&arguments.paths, Path::new("/"))?;
    let mut locks = Locks::default();
    // As in `install`, before the executable is looked at.
    if paths.bin_dir.is_dir() && !arguments.dry_run {
        lock_folder_of(&paths.bin_dir.join(&arguments.name), &mut locks)?;
    }
    let is_there = paths.config.exists() && !arguments.dry_run;
    let plan = Plan::make(arguments, &paths, is_there.then_some(&mut locks))?;
    if let Some(change) = &plan.change {
        change.show(page);
        page.gap();
    }
    for note in &plan.notes {
        page.marked(CheckMark::Unknown, note);
    }
    if arguments.dry_run && !plan.is_empty() {
        if let Some(executable) = &plan.executable {
            show_removal(executable, page);
        }
        page.marked(CheckMark::Unknown, DRY_RUN);
        return Ok(Verdict::Good);
    }
    let service = match plan.is_empty() {
        true => None,
        false => Service::wanted(&arguments.restart, env)?,
    };
    if let Some(change) = &plan.change {
        change.check_writable()?;
        change.take_back(page)?;
    }
    if let Some(service) = &service
        && (plan.change.is_some() || is_outdated(service, &paths.config)?)
    {
        restart_or_restore(service, plan.change.as_slice(), None, page)?;
    }
    let has_backups = !arguments.dry_run && plan.remove_backups(page);
    // After the restart: until then, kubelet runs it.
    if let Some(executable) = &plan.executable {
        remove(executable, page)?;
    }
    if plan.is_empty() && !has_backups {
        show_absence(&arguments.name, page);
    }
    if plan.change.is_some() && service.is_none() {
        page.marked(CheckMark::Unknown, RESTART_NEEDED);
    }
    Ok(Verdict::Good)
}

/// `kubelet uninstall --executable-only`, for a pod that has only the node's folder of providers.
pub(super) fn executable_only(
    arguments: &KubeletUninstall,
    bin_dir: &Path,
    page: &mut Page,
) -> Result<Verdict, Error> {
    let mut locks = Locks::default();
    if bin_dir.exists() && !arguments.dry_run {
        lock_folder_of(&bin_dir.join(&arguments.name), &mut locks)?;
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

impl Plan {
    fn make(
        arguments: &KubeletUninstall,
        paths: &NodePaths,
        locks: Option<&mut Locks>,
    ) -> Result<Self, Error> {
        let name = &arguments.name;
        let executable = Executable::find(&paths.bin_dir, name).map_err(Error::failure)?;
        let mut plan = Self {
            change: None,
            others: Vec::new(),
            executable: Some(executable).filter(Executable::is_installed),
            notes: Vec::new(),
        };
        let mut configuration = Configuration::open(&paths.config, locks, COMMAND)?;
        match configuration.find(name) {
            Some((file, index)) if configuration.entry((file, index)).is_some_and(is_ours) => {
                let opened = configuration.files.swap_remove(file);
                let is_only = configuration.entries().next().is_none();
                plan.remove(opened, index, is_only)?;
            }
            Some(_) => {
                // The platform may have written its own entry anew. Its executable comes back, but kubelet
                // does not start without any.
                plan.executable = plan.executable.filter(|it| it.kept().exists());
                let files = configuration.paths();
                let name = escaped(name);
                plan.notes.push(format!(
                    "the provider {name} in {files} is another program's"
                ));
            }
            None => {}
        }
        plan.others = configuration.files;
        Ok(plan)
    }

    fn is_empty(&self) -> bool {
        self.change.is_none() && self.executable.is_none()
    }

    /// `is_only`: whether no other file has providers.
    fn remove(&mut self, opened: ConfigFile, index: usize, is_only: bool) -> Result<(), Error> {
        let ConfigFile {
            file,
            document: Some(document),
        } = opened
        else {
            return Ok(());
        };
        let rest = document.value_without(Some(index));
        let backups: Vec<Document> = file
            .backups()
            .iter()
            .filter_map(|bytes| Document::parse(bytes).ok())
            .collect();
        let backup = backups
            .iter()
            .find_map(|kept| Some((kept, replaced(kept, &rest, index)?)));
        let is_last = document.providers().len() == 1;
        let after = match backup {
            Some((kept, replaced)) => {
                let name =
                    replaced.map(|name| format!("the provider {} is restored", escaped(name)));
                self.notes.extend(name);
                Some(kept.clone())
            }
            // The file is of `install`.
            None if is_last
                && backups
                    .iter()
                    .all(|kept| kept.providers().iter().all(is_ours)) =>
            {
                None
            }
            None => {
                let edited = document.edited(Edit::Remove(index));
                let edited = edited.map_err(|cause| file_error(file.path(), cause))?;
                if !backups
                    .iter()
                    .all(|kept| has_providers_of(kept, Some(&edited)))
                {
                    self.notes.push("the file has changed since its backup was made, so no earlier provider is restored".to_owned());
                }
                Some(edited)
            }
        };
        let is_empty = after
            .as_ref()
            .is_none_or(|after| after.providers().is_empty());
        if is_empty && is_only {
            self.notes.push("no provider remains: remove --image-credential-provider-config and --image-credential-provider-bin-dir from kubelet's command line before it starts again".to_owned());
        }
        self.change = Some(FileChange::new(file, after));
        Ok(())
    }

    /// Deletes the backups that are no longer needed. Returns whether there were any.
    fn remove_backups(&self, page: &mut Page) -> bool {
        let mut has_removed = match &self.change {
            Some(change) => change.remove_backups(page),
            None => false,
        };
        for ConfigFile { file, document } in &self.others {
            has_removed |= remove_backups(file, document.as_ref(), page);
        }
        has_removed
    }
}

/// Removes this program, or restores the executable that it has replaced, and says so.
fn remove(executable: &Executable, page: &mut Page) -> Result<(), Error> {
    let text = executable.uninstall().map_err(Error::failure)?;
    page.marked(CheckMark::Good, &text);
    Ok(())
}

/// What [`remove`] would do.
fn show_removal(executable: &Executable, page: &mut Page) {
    let text = format!("would remove {}", escaped_path(&executable.removed()));
    page.marked(CheckMark::Unknown, &text);
}

/// Says that there is nothing to remove.
fn show_absence(name: &str, page: &mut Page) {
    let text = format!("nothing to remove: {} is not installed", escaped(name));
    page.marked(CheckMark::Good, &text);
}
