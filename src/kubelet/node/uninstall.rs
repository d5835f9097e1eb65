//! `kubelet uninstall`: removes what `kubelet install` has added, and restores what it has replaced.

use std::path::Path;

use serde_json::{Map, Value};

use crate::cli::KubeletUninstall;
use crate::commands::page::CheckMark;
use crate::commands::{Page, Verdict};
use crate::configure::user_file::Locks;
use crate::env::Env;
use crate::error::{Error, escaped, escaped_path};

use super::configuration::{ConfigFile, Configuration, FileChange, file_error};
use super::document::{Document, Edit, name_of};
use super::entry::is_ours;
use super::executable::{Executable, Occupant};
use super::paths::NodePaths;
use super::restart::restart;
use super::service::{RESTART_NEEDED, Service};

const COMMAND: &str = "kubelet uninstall";

/// Everything that is changed.
struct Plan {
    change: Option<FileChange>,
    /// The configuration without the entry, by which its backups are known.
    rest: Option<Map<String, Value>>,
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
    let is_there = paths.config.exists() && !arguments.dry_run;
    let plan = Plan::make(arguments, &paths, is_there.then_some(&mut locks))?;
    if let Some(executable) = plan.executable.as_ref().filter(|_| !arguments.dry_run) {
        locks
            .take_folder_of(&executable.path)
            .map_err(Error::failure)?;
    }
    if let Some(change) = &plan.change {
        change.show(page);
        page.gap();
    }
    for note in &plan.notes {
        page.marked(CheckMark::Unknown, note);
    }
    if plan.change.is_none() && plan.executable.is_none() {
        let text = format!(
            "nothing to remove: {} is not installed",
            escaped(&arguments.name)
        );
        page.marked(CheckMark::Good, &text);
        return Ok(Verdict::Good);
    }
    if arguments.dry_run {
        if let Some(executable) = &plan.executable {
            let text = format!("would remove {}", escaped_path(&executable.path));
            page.marked(CheckMark::Unknown, &text);
        }
        page.marked(CheckMark::Unknown, "dry run: nothing was changed");
        return Ok(Verdict::Good);
    }
    let service = Service::wanted(&arguments.restart, env)?;
    if let Some(change) = &plan.change {
        change.check_writable()?;
        change.take_back(page)?;
        if let Some(service) = &service {
            restart(service, std::slice::from_ref(change), None, page)?;
        }
        plan.remove_backups(&arguments.name);
    }
    // After the restart: until then, kubelet runs it.
    if let Some(executable) = &plan.executable {
        let is_restored = executable.kept().exists();
        executable.uninstall().map_err(Error::failure)?;
        let verb = if is_restored {
            "restored the earlier"
        } else {
            "removed"
        };
        page.marked(
            CheckMark::Good,
            &format!("{verb} {}", escaped_path(&executable.path)),
        );
    }
    if plan.change.is_some() && service.is_none() {
        page.marked(CheckMark::Unknown, RESTART_NEEDED);
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
        let is_own = matches!(executable.occupant, Occupant::Current | Occupant::Ours);
        let mut plan = Self {
            change: None,
            rest: None,
            executable: is_own.then_some(executable),
            notes: Vec::new(),
        };
        let mut configuration = Configuration::open(&paths.config, locks, COMMAND)?;
        let Some((file, index)) = configuration.find(name) else {
            return Ok(plan);
        };
        if !configuration.entry((file, index)).is_some_and(is_ours) {
            // The platform may have written its own entry anew. Its executable comes back, but kubelet does
            // not start without any.
            plan.executable = plan.executable.filter(|it| it.kept().exists());
            let files = configuration.paths();
            let name = escaped(name);
            plan.notes.push(format!(
                "the provider {name} in {files} is another program's"
            ));
            return Ok(plan);
        }
        plan.remove(configuration.files.swap_remove(file), index)?;
        Ok(plan)
    }

    fn remove(&mut self, opened: ConfigFile, index: usize) -> Result<(), Error> {
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
            .find_map(|kept| Some((kept, replaced(kept, &rest)?)));
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
                if !backups.is_empty() {
                    self.notes.push("the file has changed since its backup was made, so no earlier provider is restored".to_owned());
                }
                let edited = document.edited(Edit::Remove(index));
                Some(edited.map_err(|cause| file_error(file.path(), cause))?)
            }
        };
        if after
            .as_ref()
            .is_none_or(|after| after.providers().is_empty())
        {
            self.notes.push("no provider remains: remove --image-credential-provider-config and --image-credential-provider-bin-dir from kubelet's command line before it starts again".to_owned());
        }
        self.change = Some(FileChange::new(file, after));
        self.rest = Some(rest);
        Ok(())
    }

    /// Deletes the backups of states that differ only in the entries of this program or in those that
    /// were restored.
    fn remove_backups(&self, name: &str) {
        if let (Some(change), Some(rest)) = (&self.change, &self.rest) {
            change.remove_backups(|bytes| {
                Document::parse(bytes).is_ok_and(|kept| {
                    kept.value_without(kept.find(name)) == *rest || replaced(&kept, rest).is_some()
                })
            });
        }
    }
}

/// Whether an earlier state of the file is this one but for at most one entry, which this program has
/// replaced: its name, if it has one.
fn replaced<'d>(kept: &'d Document, rest: &Map<String, Value>) -> Option<Option<&'d str>> {
    if kept.value_without(None) == *rest {
        return Some(None);
    }
    let providers = kept.providers().iter().enumerate();
    let mut foreign = providers.filter(|(_, entry)| !is_ours(entry));
    let (_, entry) = foreign.find(|(index, _)| kept.value_without(Some(*index)) == *rest)?;
    Some(name_of(entry))
}
