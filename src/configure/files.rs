//! A client's files, opened, edited and compared with what they were.

use std::path::Path;

use super::backup::is_but_for_entries;
use crate::cli::ConfigureDocker;
use crate::commands::target::shown;
use crate::configure::clients::{
    ClientConfig, ClientConfigError, ClientProblem, ContainerClient, EarlierConfig, Severity, Undo,
    problems_in, without_byte_order_mark,
};
use crate::configure::user_file::{Locks, UserFile};
use crate::env::Env;
use crate::error::Error;
use crate::shell_word::shell_word;

/// What editors put in front of UTF-8.
const MARK: &str = "\u{feff}";

/// One file, as it is and as it is to be.
#[derive(Debug)]
pub(super) struct Change {
    pub file: UserFile,
    pub after: Vec<u8>,
    /// Both without secrets.
    pub shown_before: Option<String>,
    pub shown_after: String,
    /// Logins are taken out, which the backup still holds.
    pub drops_logins: bool,
    /// Whether two states of it differ in nothing but what this program puts there, so that a
    /// backup of the one is enough for both.
    pub is_but_for_us: fn(&[u8], &[u8]) -> bool,
}

/// A client's file, and what is to become of it.
pub(super) struct Open {
    pub file: UserFile,
    pub config: ClientConfig,
    pub drops_logins: bool,
    /// It begins with a byte order mark when this is done, as it did before.
    with_byte_order_mark: bool,
}

impl Open {
    fn of(file: UserFile, without_mark: bool) -> Result<Self, ClientConfigError> {
        let bytes = file.bytes().unwrap_or_default();
        let bytes = match without_byte_order_mark(bytes) {
            Some(rest) if without_mark => rest,
            _ => bytes,
        };
        let config = ClientConfig::read(file.path(), bytes)?;
        Ok(Self {
            file,
            config,
            drops_logins: false,
            with_byte_order_mark: false,
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
                let rest = without_byte_order_mark(bytes);
                let config = ClientConfig::read(self.file.path(), rest.unwrap_or(bytes)).ok()?;
                Some(EarlierConfig {
                    config,
                    had_byte_order_mark: rest.is_some(),
                })
            })
            .collect();
        let before = undo.apply(&self.config, &backups).map_err(Error::failure)?;
        let is_changed = before.config.text() != self.config.text();
        self.with_byte_order_mark = is_changed && before.had_byte_order_mark;
        self.config = before.config;
        Ok(is_changed && backups.is_empty())
    }

    /// `None` where nothing is to be changed.
    fn change(self) -> Option<Change> {
        let mark = if self.with_byte_order_mark { MARK } else { "" };
        let after = format!("{mark}{}", self.config.text().expose()).into_bytes();
        let before = self.file.bytes();
        if before.unwrap_or_default() == after {
            return None;
        }
        let shown_before = before.map(|bytes| {
            let rest = without_byte_order_mark(bytes);
            let mark = rest.map_or("", |_| MARK);
            ClientConfig::read(self.file.path(), rest.unwrap_or(bytes))
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
pub(super) struct Files {
    pub earlier: Vec<Open>,
    pub target: Open,
    pub unreadable: Vec<ClientProblem>,
}

impl Files {
    pub(super) fn open(
        client: ContainerClient,
        env: &Env,
        path: &Path,
        arguments: &ConfigureDocker,
        mut locks: Option<&mut Locks>,
    ) -> Result<Self, Error> {
        let target = open(path, arguments, locks.as_deref_mut())?;
        let target = Open::of(target, arguments.fix).map_err(|error| {
            // --undo knows no --fix.
            let is_mark = matches!(error, ClientConfigError::ByteOrderMark { .. });
            match (is_mark && !arguments.undo, Error::failure(error)) {
                (true, error) => error.hint("--fix takes the mark out"),
                (false, error) => error.hint("correct the file, and run this again"),
            }
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
                Ok(file) => Open::of(file, false).map_err(Error::failure),
                Err(error) => Err(error),
            };
            match opened {
                Ok(open) => files.earlier.push(open),
                Err(error) => files.unreadable.push(ClientProblem {
                    severity: Severity::Bad,
                    text: error.line(),
                    fix: "correct the file, which is read before the one that is changed here"
                        .to_owned(),
                    repair: None,
                }),
            }
        }
        Ok(files)
    }

    pub(super) fn get(&mut self, path: &Path) -> Option<&mut Open> {
        let all = self.earlier.iter_mut().chain([&mut self.target]);
        all.into_iter().find(|open| open.file.path() == path)
    }

    pub(super) fn all(&mut self) -> impl Iterator<Item = &mut Open> {
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
        all.filter_map(Open::change).collect()
    }
}

pub(super) fn open(
    path: &Path,
    arguments: &ConfigureDocker,
    locks: Option<&mut Locks>,
) -> Result<UserFile, Error> {
    match locks {
        Some(locks) => UserFile::lock(path, locks),
        None => UserFile::read(path),
    }
    .map_err(|error| {
        let hint = error.hint(&typed(arguments));
        Error::failure(error).hints(hint)
    })
}

/// This command once more, for a shell.
fn typed(arguments: &ConfigureDocker) -> String {
    // Every field, so that none is left out when one is added.
    let ConfigureDocker {
        hosts,
        profile,
        role_arn,
        podman,
        all,
        creds_store,
        fix,
        dry_run,
        undo,
    } = arguments;
    let switches = [
        ("--podman", podman),
        ("--all", all),
        ("--creds-store", creds_store),
        ("--fix", fix),
        ("--dry-run", dry_run),
        ("--undo", undo),
    ];
    let switches = switches.into_iter().filter(|(_, is_set)| **is_set);
    let mut words: Vec<String> = switches.map(|(name, _)| name.to_owned()).collect();
    for (name, value) in [("--profile", profile), ("--role-arn", role_arn)] {
        let value = value.iter().map(|value| format!("{name}={value}"));
        words.extend(value);
    }
    words.extend(hosts.iter().map(|host| shown(host)));
    let words = words.iter().map(|word| shell_word(word));
    let command = ["configure-docker".into()].into_iter().chain(words);
    command.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    fn typed_again(command: &str) -> String {
        let words = ["docker-credential-ecrx"]
            .into_iter()
            .chain(command.split(' '));
        match Cli::try_parse_from(words).expect("a command").command {
            Command::ConfigureDocker(arguments) => typed(&arguments),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_command_is_typed_again_with_all_its_arguments() {
        for command in [
            "configure-docker 111122223333/eu-west-1 public.ecr.aws",
            "configure-docker --podman --fix public.ecr.aws",
            "configure-docker --all --creds-store --fix --dry-run",
            "configure-docker --undo",
            "configure-docker --profile=work 111122223333/eu-west-1",
            "configure-docker --role-arn=arn:aws:iam::999999999999:role/pull 999999999999/eu-west-1",
        ] {
            assert_eq!(typed_again(command), command);
        }
    }

    #[test]
    fn a_command_is_typed_again_without_passwords_and_for_a_shell() {
        let typed =
            typed_again("configure-docker --profile=it's https://alice:secret@public.ecr.aws");
        assert!(!typed.contains("secret"), "{typed}");
        assert!(typed.contains(r"'--profile=it'\''s'"), "{typed}");
    }
}
