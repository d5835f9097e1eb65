//! A client's files: opened, edited, and compared with their earlier content.

use std::path::Path;

use super::change::{Change, open};
use crate::cli::ConfigureDocker;
use crate::configure::clients::{
    ClientConfig, ClientConfigError, ClientProblem, ContainerClient, EarlierConfig, Undo,
    problems_in,
};
use crate::configure::user_file::{Locks, UserFile};
use crate::env::Env;
use crate::error::Error;
use crate::helper_name::is_ours;

/// A client's file and its edited configuration.
pub(super) struct OpenFile {
    pub file: UserFile,
    pub config: ClientConfig,
    pub drops_logins: bool,
    /// The byte order mark to write, which `--undo` restores, or nothing.
    mark: &'static str,
}

impl OpenFile {
    fn read(file: UserFile, without_mark: bool) -> Result<Self, ClientConfigError> {
        let bytes = file.bytes().unwrap_or_default();
        let config = if without_mark {
            EarlierConfig::read(file.path(), bytes)?.config
        } else {
            ClientConfig::read(file.path(), bytes)?
        };
        Ok(Self {
            file,
            config,
            drops_logins: false,
            mark: "",
        })
    }

    pub(super) fn edit(
        &mut self,
        edit: impl FnOnce(&ClientConfig) -> Result<ClientConfig, ClientConfigError>,
    ) -> Result<(), Error> {
        self.config = edit(&self.config).map_err(Error::failure)?;
        Ok(())
    }

    /// Removes this program's entries. Returns whether that was done without a backup.
    pub(super) fn undo(&mut self, undo: &Undo<'_>) -> Result<bool, Error> {
        let backups: Vec<EarlierConfig> = self
            .file
            .backups()
            .iter()
            .filter_map(|bytes| EarlierConfig::read(self.file.path(), bytes).ok())
            .collect();
        let before = undo.apply(&self.config, &backups).map_err(Error::failure)?;
        let is_changed = before.config.text() != self.config.text();
        if is_changed {
            self.mark = before.mark;
        }
        self.config = before.config;
        Ok(is_changed && backups.is_empty())
    }

    /// `None` if nothing changes.
    fn change(self) -> Option<Change> {
        let mark = self.mark;
        let after = format!("{mark}{}", self.config.text().expose()).into_bytes();
        let before = self.file.bytes();
        if before.unwrap_or_default() == after {
            return None;
        }
        let shown_before = before.map(|bytes| {
            EarlierConfig::read(self.file.path(), bytes).map_or_else(
                |_| String::new(),
                |before| format!("{}{}", before.mark, before.config.masked()),
            )
        });
        Some(Change {
            shown_before,
            shown_after: format!("{mark}{}", self.config.masked()),
            remarks: Vec::new(),
            drops_logins: self.drops_logins,
            is_but_for_us: is_but_for_entries,
            after,
            file: self.file,
        })
    }
}

/// The file of a client that is changed, and the files that take precedence over it.
pub(super) struct ClientFiles {
    pub earlier: Vec<OpenFile>,
    pub target: OpenFile,
    pub unreadable: Vec<ClientProblem>,
}

impl ClientFiles {
    pub(super) fn open(
        client: ContainerClient,
        env: &Env,
        path: &Path,
        arguments: &ConfigureDocker,
        mut locks: Option<&mut Locks>,
    ) -> Result<Self, Error> {
        let target = open(path, arguments, locks.as_deref_mut())?;
        let target = OpenFile::read(target, arguments.fix).map_err(|error| {
            // --undo cannot be combined with --fix.
            let is_mark = matches!(error, ClientConfigError::ByteOrderMark { .. });
            let hint = if is_mark && !arguments.undo {
                "Pass --fix to remove the byte order mark"
            } else {
                "Correct the file, then run this command again"
            };
            Error::failure(error).hint(hint)
        })?;
        let mut files = Self {
            earlier: Vec::new(),
            target,
            unreadable: Vec::new(),
        };
        let earlier = client.files(env).into_iter();
        for path in earlier.take_while(|earlier| earlier != path) {
            let locks = locks
                .as_deref_mut()
                .filter(|_| (arguments.fix || arguments.undo) && path.is_file());
            let opened = match open(&path, arguments, locks) {
                Ok(file) if file.bytes().is_none() => continue,
                Ok(file) => OpenFile::read(file, false).map_err(Error::failure),
                Err(error) => Err(error),
            };
            match opened {
                Ok(open) => files.earlier.push(open),
                Err(error) => files.unreadable.push(ClientProblem::bad(
                    error.line(),
                    "Correct the file: it takes precedence over the one changed here",
                )),
            }
        }
        Ok(files)
    }

    pub(super) fn get(&mut self, path: &Path) -> Option<&mut OpenFile> {
        let all = self.earlier.iter_mut().chain([&mut self.target]);
        all.into_iter().find(|open| open.file.path() == path)
    }

    pub(super) fn all(&mut self) -> impl Iterator<Item = &mut OpenFile> {
        [&mut self.target].into_iter().chain(&mut self.earlier)
    }

    pub(super) fn problems(
        &self,
        env: &Env,
        client: ContainerClient,
        hosts: &[String],
    ) -> Vec<ClientProblem> {
        let all = self.earlier.iter().chain([&self.target]);
        let configs: Vec<&ClientConfig> = all.map(|open| &open.config).collect();
        problems_in(env, client, &configs, hosts)
    }

    /// The files that were read, beginning with the one that is changed.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        let all = [&self.target].into_iter().chain(&self.earlier);
        all.map(|open| open.file.path())
    }

    pub(super) fn changes(self) -> Vec<Change> {
        // The changed file first.
        let all = [self.target].into_iter().chain(self.earlier);
        all.filter_map(OpenFile::change).collect()
    }
}

/// Whether two configurations differ in nothing but this program's entries.
fn is_but_for_entries(one: &[u8], other: &[u8]) -> bool {
    let rest = |bytes: &[u8]| {
        // Errors are dropped, so they need no path.
        let config = ClientConfig::read(Path::new(""), bytes).ok()?;
        let config = config.without_helpers(|_, helper| is_ours(helper)).ok()?;
        config.without_creds_store(is_ours).ok()
    };
    rest(one).is_some_and(|one| rest(other).is_some_and(|other| one.text() == other.text()))
}
