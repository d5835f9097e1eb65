//! `kubelet install`: copies this program to a node's folder of providers, and adds it to kubelet's
//! configuration.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::cli::KubeletInstall;
use crate::commands::page::CheckMark;
use crate::commands::{Page, Verdict};
use crate::config::Config;
use crate::configure::user_file::Locks;
use crate::env::Env;
use crate::error::{Error, escaped, escaped_path};

use super::configuration::{
    Configuration, FileChange, file_error, is_ours, patterns, wanted_entry,
};
use super::document::{Document, Edit, name_of};
use super::executable::{Executable, Occupant, Previous, check_chain, lock_folder_of, make_folder};
use super::paths::NodePaths;
use super::rules::{OTHER_KIND, broken, pattern_matches, sample_hosts};
use super::service::{RESTART_NEEDED, Service, is_outdated, restart_or_restore};

const COMMAND: &str = "kubelet install";

/// The end of a dry run.
pub(super) const DRY_RUN: &str = "dry run: nothing was changed";

#[derive(Debug, thiserror::Error)]
enum InstallError {
    #[error("the provider `{}` in {files} is another program's", escaped(name))]
    Foreign { name: String, files: String },
    #[error("there is no provider `{}` to replace in {files}", escaped(name))]
    Nothing { name: String, files: String },
    #[error("kubelet would not start with {}: {rule}", escaped_path(path))]
    Refused { path: PathBuf, rule: String },
    #[error("{} is another program", escaped_path(path))]
    ForeignExecutable { path: PathBuf },
}

impl From<InstallError> for Error {
    fn from(error: InstallError) -> Self {
        let hint = match &error {
            InstallError::Foreign { name, .. } => {
                format!("Pass --replace {name} to replace it, or --name with another name")
            }
            InstallError::Nothing { .. } => "Omit --replace, or correct its name".to_owned(),
            InstallError::Refused { .. } => {
                "Correct the option, or the file; run: docker-credential-ecrx kubelet check"
                    .to_owned()
            }
            InstallError::ForeignExecutable { .. } => {
                "Pass --name with another name, or move that file".to_owned()
            }
        };
        Self::failure(error).hint(hint)
    }
}

/// Everything that is changed.
struct Plan {
    executable: Executable,
    changes: Vec<FileChange>,
    remarks: Vec<String>,
    /// For messages.
    files: String,
}

pub(super) fn run(
    arguments: &KubeletInstall,
    env: &Env,
    page: &mut Page,
) -> Result<Verdict, Error> {
    let paths = NodePaths::find(&arguments.paths, Path::new("/"))?;
    check_chain(&paths.bin_dir).map_err(Error::failure)?;
    let looked = Plan::make(arguments, &paths, env, None)?;
    let mut locks = Locks::default();
    let plan = if arguments.dry_run {
        looked
    } else {
        make_folder(&paths.bin_dir).map_err(Error::failure)?;
        // Each command takes this lock first, and looks at the executable only then.
        lock_folder_of(&looked.executable.path, &mut locks)?;
        Plan::make(arguments, &paths, env, Some(&mut locks))?
    };
    for change in &plan.changes {
        change.show(page);
        page.gap();
    }
    for remark in &plan.remarks {
        page.marked(CheckMark::Unknown, remark);
    }
    if plan.is_empty() {
        let text = format!(
            "already configured: {}, {}",
            plan.files,
            escaped_path(&plan.executable.path)
        );
        page.marked(CheckMark::Good, &text);
    } else if arguments.dry_run {
        if plan.copies() {
            show_copy(&plan.executable, page);
        }
        page.marked(CheckMark::Unknown, DRY_RUN);
        return Ok(Verdict::Good);
    }
    let service = match arguments.dry_run {
        true => None,
        false => Service::wanted(&arguments.restart, env)?,
    };
    let previous = plan.apply(&arguments.name, page)?;
    if let Some(service) = &service
        && (!plan.changes.is_empty() || is_outdated(service, &paths.config)?)
    {
        restart_or_restore(service, &plan.changes, previous, page).map_err(|error| {
            let unit = &service.unit;
            let hint = format!("To restore the earlier configuration, run: docker-credential-ecrx kubelet uninstall --restart-kubelet --unit {unit}");
            error.hints(plan.changes.is_empty().then_some(hint))
        })?;
        return Ok(Verdict::Good);
    }
    if let Some(unused) = paths.unused() {
        page.marked(CheckMark::Warning, &unused);
    }
    if !plan.changes.is_empty() {
        page.marked(CheckMark::Unknown, RESTART_NEEDED);
    } else if service.is_some() {
        let text = "kubelet was not restarted, as it was started after the last change of its configuration";
        page.marked(CheckMark::Unknown, text);
    }
    Ok(Verdict::Good)
}

/// `kubelet install --executable-only`, for a pod that has only the node's folder of providers.
pub(super) fn executable_only(
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
        lock_folder_of(&bin_dir.join(name), &mut locks)?;
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

impl Plan {
    fn make(
        arguments: &KubeletInstall,
        paths: &NodePaths,
        env: &Env,
        mut locks: Option<&mut Locks>,
    ) -> Result<Self, Error> {
        let name = &arguments.name;
        let mut configuration = Configuration::open(&paths.config, locks.as_deref_mut(), COMMAND)?;
        let own = configuration.find(name);
        let replaced = arguments
            .replace
            .as_deref()
            .and_then(|name| configuration.find(name));
        let existing = own.and_then(|place| configuration.entry(place));
        let files = configuration.paths();
        if let Some(replace) = &arguments.replace
            && replaced.is_none()
            && own.is_none()
        {
            let name = replace.clone();
            return Err(InstallError::Nothing { name, files }.into());
        }
        let is_replaced = own.is_some() && own == replaced;
        if existing.is_some_and(|entry| !is_ours(entry)) && !is_replaced {
            let name = name.clone();
            return Err(InstallError::Foreign { name, files }.into());
        }
        let annotations = match arguments.workload_identity {
            true => {
                Config::from_env(env)
                    .map_err(Error::failure)?
                    .kubelet
                    .role_annotations
            }
            false => Vec::new(),
        };
        let entry = wanted_entry(arguments, &annotations, existing);
        let mut remarks =
            other_providers(&configuration, &entry.value(), arguments.replace.as_deref());
        remarks.extend(paths.note.map(str::to_owned));
        let mut edits = Vec::new();
        match (own, replaced) {
            (Some((file, index)), None) => edits.push((file, Edit::Replace(index, &entry))),
            (None, Some((file, index))) => edits.push((file, Edit::Replace(index, &entry))),
            (Some(own), Some(replaced)) => {
                // In the place of the replaced one, by which `uninstall` knows it.
                let is_same_file = own.0 == replaced.0;
                let (kept, removed) = if is_same_file {
                    (replaced, own)
                } else {
                    (own, replaced)
                };
                edits.push((kept.0, Edit::Replace(kept.1, &entry)));
                if own != replaced {
                    edits.push((removed.0, Edit::Remove(removed.1)));
                }
            }
            (None, None) => {
                let file = configuration.file_for(name, locks, COMMAND)?;
                edits.push((file, Edit::Append(&entry)));
            }
        }
        let mut changes = Vec::new();
        for (index, opened) in configuration.files.into_iter().enumerate() {
            let path = opened.file.path().to_owned();
            let wrong = |cause| file_error(&path, cause);
            let mut after = opened.document.clone();
            for (_, edit) in edits.iter().filter(|(file, _)| *file == index) {
                after = Some(match (&after, edit) {
                    (Some(document), edit) => document.edited(*edit).map_err(wrong)?,
                    (None, _) => {
                        let is_json = path.extension().is_some_and(|it| it == "json");
                        Document::new(&entry, is_json).map_err(wrong)?
                    }
                });
            }
            let value =
                |document: &Option<Document>| document.as_ref().map(|it| it.value().clone());
            if value(&after) != value(&opened.document) {
                let of =
                    |document: &Option<Document>| document.as_ref().map_or_else(Vec::new, broken);
                // What was wrong before is no reason, but for a file of another kind.
                let before = of(&opened.document);
                let mut rules = of(&after).into_iter();
                if let Some(rule) = rules.find(|rule| rule == OTHER_KIND || !before.contains(rule))
                {
                    return Err(InstallError::Refused { path, rule }.into());
                }
                changes.push(FileChange::new(opened.file, after));
            }
        }
        let executable = Executable::find(&paths.bin_dir, name).map_err(Error::failure)?;
        let path = executable.path.clone();
        if executable.occupant == Occupant::Foreign && own.is_none() && arguments.replace.is_none()
        {
            return Err(InstallError::ForeignExecutable { path }.into());
        }
        Ok(Self {
            executable,
            changes,
            remarks,
            files,
        })
    }

    fn copies(&self) -> bool {
        self.executable.occupant != Occupant::Current
    }

    fn is_empty(&self) -> bool {
        !self.copies() && self.changes.is_empty()
    }

    /// The executable first: kubelet does not start if one that it is configured with is missing.
    fn apply(&self, name: &str, page: &mut Page) -> Result<Option<Previous>, Error> {
        for change in &self.changes {
            change.check_writable()?;
        }
        let mut previous = None;
        if self.copies() {
            previous = Some(copy(&self.executable, page)?);
        }
        for (index, change) in self.changes.iter().enumerate() {
            if let Err(error) = change.apply(name, page) {
                if index == 0
                    && let Some(previous) = previous
                {
                    previous.restore().map_err(Error::failure)?;
                }
                return Err(error);
            }
        }
        Ok(previous)
    }
}

/// Copies this program, and says so.
fn copy(executable: &Executable, page: &mut Page) -> Result<Previous, Error> {
    let previous = executable.install().map_err(Error::failure)?;
    let path = escaped_path(&executable.path);
    let text = match previous.kept() {
        Some(kept) => format!(
            "replaced {path}; the earlier program is {}",
            escaped_path(kept)
        ),
        None => format!("copied this program to {path}"),
    };
    page.marked(CheckMark::Good, &text);
    Ok(previous)
}

/// What [`copy`] would do.
fn show_copy(executable: &Executable, page: &mut Page) {
    let path = escaped_path(&executable.path);
    let text = format!("would copy this program to {path}");
    page.marked(CheckMark::Unknown, &text);
}

/// The other providers that kubelet asks for the same images.
fn other_providers(
    configuration: &Configuration,
    ours: &Value,
    replaced: Option<&str>,
) -> Vec<String> {
    let hosts: Vec<String> = sample_hosts()
        .filter(|host| patterns(ours).any(|it| pattern_matches(it, host)))
        .collect();
    let others = configuration.entries().filter(|entry| {
        let is_other = name_of(entry) != name_of(ours) && name_of(entry) != replaced;
        let mut patterns = patterns(entry);
        is_other && patterns.any(|it| hosts.iter().any(|host| pattern_matches(it, host)))
    });
    others
        .filter_map(name_of)
        .map(|name| {
            let name = escaped(name);
            format!(
                "the provider {name} is for the same images: kubelet asks both, and tries the credentials of each in the order of the list. To replace it, pass --replace {name}"
            )
        })
        .collect()
}
