//! `credential_process` of a profile. The SDKs' reference guide, "Process credential provider",
//! says what it is.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::digest::DigestParts;
use crate::env::{Env, var};
use crate::error::hints;
use crate::identity::aws_files::Profile;
use crate::identity::error::ProfileError;
use crate::identity::local_state::{LocalState, machine, values};
use crate::redaction::Redactor;
use crate::registry::Partition;
use crate::secret::Secret;

use super::{CredentialSource, Lineage, MORE_TIME, Properties, Trouble, UNKNOWN_PRINCIPAL_MAX_AGE};

/// A program that prints credentials.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    /// The command line, which is split into words and run without a shell. May hold secrets.
    pub command: Secret,
}

/// The variables from which a program that is itself an AWS tool determines its identity.
const READ_BY_TOOLS: [&str; 16] = [
    var::HOME,
    var::AWS_PROFILE,
    var::AWS_DEFAULT_PROFILE,
    var::AWS_CONFIG_FILE,
    var::AWS_SHARED_CREDENTIALS_FILE,
    var::AWS_ACCESS_KEY_ID,
    var::AWS_SECRET_ACCESS_KEY,
    var::AWS_SESSION_TOKEN,
    var::AWS_ROLE_ARN,
    var::AWS_ROLE_SESSION_NAME,
    var::AWS_WEB_IDENTITY_TOKEN_FILE,
    var::AWS_CONTAINER_CREDENTIALS_RELATIVE_URI,
    var::AWS_CONTAINER_CREDENTIALS_FULL_URI,
    var::AWS_CONTAINER_AUTHORIZATION_TOKEN,
    var::AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE,
    var::AWS_LOGIN_CACHE_DIRECTORY,
];

impl Process {
    pub(crate) fn from_profile(profile: &Profile<'_>) -> Result<Option<Self>, ProfileError> {
        match profile.get("credential_process") {
            None => Ok(None),
            Some("") => Err(ProfileError::incomplete(
                profile,
                "credential_process is empty",
            )),
            Some(command) => Ok(Some(Self {
                command: Secret::new(command),
            })),
        }
    }

    /// Where it is run, when that decides what is run: `./get-credentials` is another program in
    /// another checkout.
    fn working_folder(&self, env: &Env) -> Option<PathBuf> {
        let folder = env.working_folder()?;
        goes_by(self.command.expose(), &folder).then_some(folder)
    }
}

impl CredentialSource for Process {
    fn properties(&self) -> Properties<'_> {
        Properties {
            kind: "process",
            remark: "",
            lineage: Lineage::KindInProfile("process"),
            max_age: Some(UNKNOWN_PRINCIPAL_MAX_AGE),
            sign_in: None,
            token_file: None,
            web_identity: None,
            role: None,
            access_key_id: None,
            local_endpoint: None,
            runs_a_program: true,
        }
    }

    fn fingerprint(&self, parts: &mut DigestParts) {
        parts.text("process");
        parts.text(self.command.expose());
    }

    fn local_state(&self, env: &Env) -> LocalState {
        let folder = self.working_folder(env);
        LocalState {
            machine: machine(env),
            variables: Some(values(&READ_BY_TOOLS, folder.as_deref(), env)),
            ..LocalState::default()
        }
    }

    fn foreign_part(&self, _: Partition, _: &str) -> Option<(String, Partition)> {
        None
    }

    fn is_from(&self, _: &str, _: bool, _: &Env) -> bool {
        false
    }

    /// Its secrets are sent only to the program itself. `aws::process` masks what it repeats.
    fn add_secrets(&self, _: &mut Redactor) {}

    fn hints(&self, trouble: Trouble, _: Option<&str>) -> Vec<String> {
        match trouble {
            Trouble::NoCredentials => hints(&[
                "Run the credential_process command yourself, as this user, and check its output",
            ]),
            Trouble::NoAnswer => hints(&[
                "Run the credential_process command yourself; it may be waiting for input",
                MORE_TIME,
            ]),
            Trouble::MalformedAnswer | Trouble::Unreachable | Trouble::UnknownKey => Vec::new(),
        }
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("credential_process")
    }
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
