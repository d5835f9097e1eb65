//! The words that are recognised before clap is touched, as help and manual tell of them.

/// A word that is recognised before any of what is below is built.
#[derive(Debug)]
pub struct FirstWord {
    pub name: &'static str,
    pub about: &'static str,
    /// The same for the manual page: what is read and what is printed.
    pub long_about: &'static str,
}

impl FirstWord {
    /// Whether a word is one of them.
    pub fn has(word: &str) -> bool {
        Self::all().any(|known| known == word)
    }

    /// All of them.
    pub fn all() -> impl Iterator<Item = &'static str> {
        FOR_CLIENTS.iter().chain(&FOR_ALL).map(|first| first.name)
    }
}

/// What clients call.
pub const FOR_CLIENTS: [FirstWord; 4] = [
    FirstWord {
        name: "get",
        about: "print the credentials of a server as JSON",
        long_about: "Reads a server from stdin, a host in any spelling, and prints \
            `{\"ServerURL\":…,\"Username\":\"AWS\",\"Secret\":…}`. Where there are none, it prints \
            `credentials not found in native keychain`, and the client goes on anonymously. Any \
            other failure is one line on stdout, and the same with hints on stderr.",
    },
    FirstWord {
        name: "store",
        about: "accept a login to an ECR registry (nothing is kept)",
        long_about: "Reads `{\"ServerURL\":…,\"Username\":…,\"Secret\":…}` from stdin, as \
            `docker login` sends it. Of an ECR registry nothing is kept: its passwords are bought \
            when they are needed.",
    },
    FirstWord {
        name: "erase",
        about: "drop the cached token of a server",
        long_about: "Reads a server from stdin, and drops what `get` would answer for it from the \
            cache. Never fails at an ECR registry.",
    },
    FirstWord {
        name: "list",
        about: "print the registries that the cache could answer for now",
        long_about: "Prints a JSON object of servers and user names. No AWS is asked.",
    },
];

/// What both may ask for.
pub const FOR_ALL: [FirstWord; 2] = [
    FirstWord {
        name: "version",
        about: "print the version; also -v, --version",
        long_about: "Prints the name, the package and the version. Also `-v` and `--version`.",
    },
    FirstWord {
        name: "help",
        about: "print this, or with a command behind it, the help of that",
        long_about: "Prints an overview, or with a command behind it, the help of that. Also `-h` \
            and `--help`.",
    },
];

const NAMED: &str = "\
Called as docker-credential-ecrx-NAME, by a link or a copy, it asks as
[identity.NAME] of config.toml or as the AWS profile NAME. Other registries
are handed to the helper that other_registries_helper names in config.toml.

ECRX_PROFILE and ECRX_ROLE_ARN say who asks, ECRX_LOG=error|warn|info|debug
logs to stderr. The manual pages docker-credential-ecrx(1) and
docker-credential-ecrx-config(5) have the rest.
";

/// What stands below the commands for people.
pub(super) fn after_help() -> String {
    let lines = |words: &[FirstWord]| -> String {
        words
            .iter()
            .map(|word| format!("  {:<9}{}\n", word.name, word.about))
            .collect()
    };
    format!(
        "Commands for clients, which send their question on stdin:\n{}\n{}\n{NAMED}",
        lines(&FOR_CLIENTS),
        lines(&FOR_ALL)
    )
}
