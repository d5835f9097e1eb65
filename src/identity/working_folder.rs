//! The folder that a `credential_process` is run in, where it decides whose credentials come.

use std::path::{Path, PathBuf};

use crate::env::Env;

use super::source::Source;

/// Where a `credential_process` is run, when that decides what is run: `./get-credentials` is
/// another program in another checkout.
pub(super) fn of(source: &Source, env: &Env) -> Option<PathBuf> {
    let Source::Process { command } = source else {
        return None;
    };
    let folder = env.working_folder()?;
    goes_by(command.expose(), &folder).then_some(folder)
}

/// Whether a command has a word that leads to a file of the folder it is run in, or makes a path
/// while it runs. What its programs do with that folder by themselves cannot be seen.
fn goes_by(command: &str, folder: &Path) -> bool {
    let leads_there = |word: &str| {
        let is_relative = ["./", "../", ".\\", "..\\"]
            .iter()
            .any(|start| word.starts_with(start));
        is_relative || folder.join(word).exists()
    };
    ["$PWD", "${PWD", "$(", "`"]
        .iter()
        .any(|made| command.contains(made))
        || command
            .split(|end: char| end.is_whitespace() || "\"'=:;&|()<>".contains(end))
            .filter(|word| !word.is_empty() && !word.starts_with(['/', '~', '-']))
            .any(leads_there)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_goes_by_its_folder_is_seen() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("tools")).expect("a folder");
        for file in ["get.sh", "tools/get"] {
            std::fs::write(folder.path().join(file), "").expect("a file");
        }
        for command in [
            "./get",
            "../get --all",
            "'./a folder/get'",
            ". ./get",
            "sh \"../get\"",
            ".\\get.exe",
            "tools/get --all",
            "sh get.sh",
            "python3 'tools/get'",
            "get --file=get.sh",
            "TOOLS=tools get",
            "cd .. && bin/get",
            "$PWD/bin/get",
            "${PWD}/bin/get",
            "$(git rev-parse --show-toplevel)/get",
            "sh -c 'cat `ls`'",
        ] {
            assert!(goes_by(command, folder.path()), "{command}");
        }
        for command in [
            "",
            "get --role a/b",
            "bin/get",
            "/opt/get",
            "\"/opt/a b/get\" --all",
            "~/bin/get",
            "$HOME/bin/get",
        ] {
            assert!(!goes_by(command, folder.path()), "{command}");
        }
    }
}
