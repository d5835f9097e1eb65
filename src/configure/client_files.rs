//! A client's files, opened, edited and compared with what they were.

use std::path::Path;

use super::change::{Change, open};
use crate::cli::ConfigureDocker;
use crate::configure::clients::{
    ClientConfig, ClientConfigError, ClientProblem, ContainerClient, EarlierConfig, Undo,
    problems_in, split_byte_order_mark,
};
use crate::configure::user_file::{Locks, UserFile};
use crate::env::Env;
use crate::error::Error;
use crate::helper_name::is_ours;

/// A client's file, and what is to become of it.
pub(super) struct OpenFile {
    pub file: UserFile,
    pub config: ClientConfig,
    pub drops_logins: bool,
    /// The byte order mark that it is to begin with, as it did before, or nothing.
    mark: &'static str,
}

impl OpenFile {
    fn read(file: UserFile, without_mark: bool) -> Result<Self, ClientConfigError> {
        let bytes = file.bytes().unwrap_or_default();
        let bytes = if without_mark {
            split_byte_order_mark(bytes).1
        } else {
            bytes
        };
        let config = ClientConfig::read(file.path(), bytes)?;
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

    /// Takes this program out. Returns whether that was done without a backup.
    pub(super) fn undo(&mut self, undo: &Undo<'_>) -> Result<bool, Error> {
        let backups: Vec<EarlierConfig> = self
            .file
            .backups()
            .iter()
            .filter_map(|bytes| {
                let (mark, text) = split_byte_order_mark(bytes);
                let config = ClientConfig::read(self.file.path(), text).ok()?;
                Some(EarlierConfig { config, mark })
            })
            .collect();
        let before = undo.apply(&self.config, &backups).map_err(Error::failure)?;
        let is_changed = before.config.text() != self.config.text();
        if is_changed {
            self.mark = before.mark;
        }
        self.config = before.config;
        Ok(is_changed && backups.is_empty())
    }

    /// `None` where nothing is to be changed.
    fn change(self) -> Option<Change> {
        let mark = self.mark;
        let after = format!("{mark}{}", self.config.text().expose()).into_bytes();
        let before = self.file.bytes();
        if before.unwrap_or_default() == after {
            return None;
        }
        let shown_before = before.map(|bytes| {
            let (mark, text) = split_byte_order_mark(bytes);
            ClientConfig::read(self.file.path(), text)
                .map_or_else(|_| String::new(), |it| format!("{mark}{}", it.masked()))
        });
        Some(Change {
            shown_before,
            shown_after: format!("{mark}{}", self.config.masked()),
            drops_logins: self.drops_logins,
            is_but_for_us: is_but_for_entries,
            after,
            file: self.file,
        })
    }
}

/// The files of a client that decide before the one to be changed, and that one.
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
            // --undo knows no --fix.
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

    pub(super) fn changes(self) -> Vec<Change> {
        // The one that it is about first.
        let all = [self.target].into_iter().chain(self.earlier);
        all.filter_map(OpenFile::change).collect()
    }
}

/// Two configurations of a client differ in nothing but this program's entries.
fn is_but_for_entries(one: &[u8], other: &[u8]) -> bool {
    let rest = |bytes: &[u8]| {
        // The path would be for errors.
        let config = ClientConfig::read(Path::new(""), bytes).ok()?;
        let config = config.without_helpers(|_, helper| is_ours(helper)).ok()?;
        config.without_creds_store(is_ours).ok()
    };
    rest(one).is_some_and(|one| rest(other).is_some_and(|other| one.text() == other.text()))
}
