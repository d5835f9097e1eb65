//! The change of one file: shown as `diff -u` shows it, and applied. The files of a client, opened and
//! edited, become changes.

use std::path::Path;

use anstyle::{AnsiColor, Style};
use similar::{ChangeTag, TextDiff};

use crate::cli::ConfigureDocker;
use crate::commands::Page;
use crate::commands::page::CheckMark;
use crate::commands::target::shown;
use crate::configure::clients::{
    ClientConfig, ClientConfigError, ClientProblem, ContainerClient, EarlierConfig, Undo,
    problems_in,
};
use crate::configure::user_file::{Locks, Replaced, UserFile};
use crate::env::Env;
use crate::error::{Error, is_unsafe, one_line};
use crate::helper_name::is_ours;
use crate::registry::MfaDevice;
use crate::shell_word::shell_word;

/// One file, before and after the change.
#[derive(Debug)]
pub(super) struct Change {
    pub file: UserFile,
    pub after: Vec<u8>,
    /// Without secrets, as is the next.
    pub shown_before: Option<String>,
    pub shown_after: String,
    /// Changes that the difference does not show, one line each.
    pub remarks: Vec<String>,
    /// Logins are removed, which the backup still contains.
    pub drops_logins: bool,
    /// Whether two states of the file differ in nothing but what this program writes, so that one
    /// backup is enough for both.
    pub is_but_for_us: fn(&[u8], &[u8]) -> bool,
}

impl Change {
    pub(super) fn show(&self, page: &mut Page) {
        let (before, after) = (self.shown_before.as_deref(), &self.shown_after);
        show_difference(page, self.file.path(), before, Some(after));
    }

    pub(super) fn apply(&self, page: &mut Page) -> Result<(), Error> {
        let before = self.file.bytes().unwrap_or_default();
        let suffices = |kept: &[u8]| (self.is_but_for_us)(kept, before);
        let replaced = self.file.replace(&self.after, suffices);
        let replaced = replaced.map_err(Error::failure)?;
        let path = self.file.path().display();
        let path = match self.file.link_target() {
            Some(target) => format!("{path} (symbolic link to {})", target.display()),
            None => path.to_string(),
        };
        let text = match &replaced.backup {
            Some(backup) => {
                let kept = if backup.is_whole {
                    "backup"
                } else {
                    "backup from before the first change"
                };
                format!("changed {path}; {kept}: {}", backup.path.display())
            }
            None => format!("created {path}"),
        };
        page.marked(CheckMark::Good, &text);
        self.warn(&replaced, page);
        Ok(())
    }

    /// Warns of what is not obvious after a file was replaced.
    fn warn(&self, replaced: &Replaced, page: &mut Page) {
        let mut warn = |text: &str| page.marked(CheckMark::Warning, text);
        if replaced.is_mounted {
            warn("the file is a mount point, so it was overwritten in place instead of replaced");
        }
        if replaced.had_other_names {
            warn("other hard links to this file still have the old content");
        }
        if self.drops_logins
            && let Some(backup) = &replaced.backup
        {
            let backup = backup.path.display();
            warn(&format!(
                "{backup} still contains the removed logins; delete it after you have verified that pulls work"
            ));
        }
    }
}

/// Shows the change of a file as `diff -u` does. `None`: there is no file.
pub(crate) fn show_difference(
    page: &mut Page,
    path: &Path,
    before: Option<&str>,
    after: Option<&str>,
) {
    let path = path.display().to_string();
    let path = one_line(&path);
    let name = |text: Option<&str>| text.map_or("/dev/null", |_| &path).to_owned();
    page.raw(&format!("--- {}\n+++ {}\n", name(before), name(after)));
    let diff = TextDiff::from_lines(before.unwrap_or_default(), after.unwrap_or_default());
    let (red, green) = (AnsiColor::Red.on_default(), AnsiColor::Green.on_default());
    for hunk in diff.unified_diff().context_radius(3).iter_hunks() {
        line(
            page,
            AnsiColor::Cyan.on_default(),
            &hunk.header().to_string(),
        );
        for change in hunk.iter_changes() {
            let (sign, style) = match change.tag() {
                ChangeTag::Equal => (' ', Style::new()),
                ChangeTag::Delete => ('-', red),
                ChangeTag::Insert => ('+', green),
            };
            line(page, style, &format!("{sign}{}", safe(change.value())));
            if change.missing_newline() {
                page.raw("\\ No newline at end of file\n");
            }
        }
    }
}

fn line(page: &mut Page, style: Style, text: &str) {
    page.raw(&format!("{style}{text}{style:#}\n"));
}

/// A line of a file without the characters that could control a terminal.
fn safe(line: &str) -> String {
    // As git shows a byte order mark.
    line.replace('\u{feff}', "<U+FEFF>")
        .chars()
        .filter(|character| *character == '\t' || !is_unsafe(*character))
        .collect()
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

/// The arguments of this command, quoted for a shell.
fn typed(arguments: &ConfigureDocker) -> String {
    // Every field, so that none is left out when one is added.
    let ConfigureDocker {
        hosts,
        profile,
        sso_session,
        sso_role_name,
        web_identity,
        role_arn,
        external_id,
        mfa_serial,
        role_session_name,
        replace,
        identity,
        podman,
        all,
        creds_store,
        fix,
        dry_run,
        undo,
    } = arguments;
    let switches = [
        ("--replace", replace),
        ("--podman", podman),
        ("--all", all),
        ("--creds-store", creds_store),
        ("--fix", fix),
        ("--dry-run", dry_run),
        ("--undo", undo),
    ];
    let switches = switches.into_iter().filter(|(_, is_set)| **is_set);
    let mut words: Vec<String> = switches.map(|(name, _)| name.to_owned()).collect();
    let external_id = external_id.as_ref().map(|_| "…");
    for (name, value) in [
        ("--profile", profile.as_deref()),
        ("--sso-session", sso_session.as_deref()),
        ("--sso-role-name", sso_role_name.as_deref()),
        ("--web-identity", web_identity.as_deref()),
        ("--role-arn", role_arn.as_deref()),
        ("--external-id", external_id),
        ("--mfa-serial", mfa_serial.as_ref().map(MfaDevice::as_str)),
        ("--role-session-name", role_session_name.as_deref()),
        ("--identity", identity.as_deref()),
    ] {
        let value = value.iter().map(|value| format!("{name}={value}"));
        words.extend(value);
    }
    words.extend(hosts.iter().map(|host| shown(host)));
    let words = words.iter().map(|word| shell_word(word));
    let command = ["configure-docker".into()].into_iter().chain(words);
    command.collect::<Vec<_>>().join(" ")
}

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

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use crate::cli::{Cli, Command};

    use super::*;

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
            "configure-docker --identity=release public.ecr.aws",
            "configure-docker --replace --role-arn=arn:aws:iam::999999999999:role/pull --mfa-serial=arn:aws:iam::999999999999:mfa/alice --role-session-name=build 999999999999/eu-west-1",
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
