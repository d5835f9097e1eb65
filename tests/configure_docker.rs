//! `configure-docker` on real files: its changes, the files that it leaves alone, and the problems
//! that it finds.

#![cfg(unix)]

#[path = "configure_docker/as_root.rs"]
mod as_root;
mod common;
#[path = "configure_docker/corpus.rs"]
mod corpus;
#[path = "configure_docker/creds_store.rs"]
mod creds_store;
#[path = "configure_docker/findings.rs"]
mod findings;
#[path = "configure_docker/fix_and_undo.rs"]
mod fix_and_undo;
#[path = "configure_docker/hosts.rs"]
mod hosts;
#[path = "configure_docker/identities.rs"]
mod identities;
#[cfg(target_os = "linux")]
#[path = "configure_docker/mounted.rs"]
mod mounted;
#[path = "configure_docker/podman.rs"]
mod podman;
#[path = "configure_docker/rules.rs"]
mod rules;
#[path = "configure_docker/undo.rs"]
mod undo;
#[path = "configure_docker/writing.rs"]
mod writing;

use std::fs;
use std::path::PathBuf;

use common::{Outcome, TestEnvironment};

/// A registry of another account than the caller's.
const HOST: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";
const OTHER_HOST: &str = "999999999999.dkr.ecr.us-west-2.amazonaws.com";

/// A secret that no output may hold: `bob:correct-horse`, and its two halves.
const AUTH: &str = "Ym9iOmNvcnJlY3QtaG9yc2U=";
const PASSWORD: &str = "correct-horse";

/// The AWS profiles that exist.
const PROFILES: &str = "[profile work]\n[profile p]\n";

/// The marks that lines of output begin with.
const MARKS: [char; 4] = ['✓', '!', '✗', '·'];

/// A home folder with the program on PATH, and docker's file at its default location.
struct Setup {
    environment: TestEnvironment,
}

impl Setup {
    fn new() -> Self {
        let mut environment = TestEnvironment::new();
        environment.link("docker-credential-ecrx");
        let home = environment.home().display().to_string();
        environment.set("PATH", &format!("{home}/bin"));
        // Not the machine's.
        environment.set("XDG_RUNTIME_DIR", &format!("{home}/run"));
        let setup = Self { environment };
        fs::create_dir(setup.path(".aws")).expect("a folder");
        fs::write(setup.path(".aws/config"), PROFILES).expect("a file");
        setup
    }

    /// With this content of docker's file.
    fn with(config: impl AsRef<[u8]>) -> Self {
        let setup = Self::new();
        fs::create_dir(setup.path(".docker")).expect("a folder");
        fs::write(setup.docker_file(), config).expect("a file");
        setup
    }

    fn path(&self, path: &str) -> PathBuf {
        self.environment.home().join(path)
    }

    fn docker_file(&self) -> PathBuf {
        self.path(".docker/config.json")
    }

    fn backup(&self) -> PathBuf {
        self.path(".docker/config.json.before-ecrx")
    }

    fn docker(&self) -> String {
        fs::read_to_string(self.docker_file()).expect("docker's file")
    }

    fn rules_file(&self) -> PathBuf {
        self.path(".config/docker-credential-ecrx/config.toml")
    }

    fn rules(&self) -> String {
        fs::read_to_string(self.rules_file()).expect("config.toml")
    }

    fn configure(&self, arguments: &[&str]) -> Outcome {
        let outcome = self
            .environment
            .run(&[&["configure-docker"], arguments].concat(), "");
        for secret in [AUTH, PASSWORD] {
            let told = format!("{}{}", outcome.stdout, outcome.stderr);
            assert!(!told.contains(secret), "{told}");
        }
        outcome
    }

    /// Runs it successfully. Returns stdout, with `~` for the home folder.
    #[track_caller]
    fn configured(&self, arguments: &[&str]) -> String {
        let outcome = self.configure(arguments);
        assert_eq!(
            (outcome.code, &*outcome.stderr),
            (Some(0), ""),
            "{outcome:?}"
        );
        self.shortened(&outcome.stdout)
    }

    /// Runs it, which fails and changes nothing. Returns stderr.
    #[track_caller]
    fn refused(&self, arguments: &[&str]) -> String {
        self.fails(arguments, 1)
    }

    /// Runs it with invalid arguments, which changes nothing. Returns stderr.
    #[track_caller]
    fn misused(&self, arguments: &[&str]) -> String {
        self.fails(arguments, 2)
    }

    #[track_caller]
    fn fails(&self, arguments: &[&str], code: i32) -> String {
        let before = self.files();
        let outcome = self.configure(arguments);
        assert_eq!(
            (outcome.code, &*outcome.stdout),
            (Some(code), ""),
            "{outcome:?}"
        );
        assert_eq!(self.files(), before);
        self.shortened(&outcome.stderr)
    }

    /// Runs it when everything is already configured.
    #[track_caller]
    fn nothing_to_do(&self, arguments: &[&str]) {
        let before = self.files();
        let told = self.configured(arguments);
        let has = |argument| arguments.contains(&argument);
        let has_rule = has("--profile") || has("--sso-session") || has("--role-arn");
        let rules = if has_rule || (has("--creds-store") && has("--fix")) {
            ", ~/.config/docker-credential-ecrx/config.toml"
        } else {
            ""
        };
        assert_eq!(
            told,
            format!("✓ already configured: ~/.docker/config.json{rules}\n")
        );
        assert_eq!(self.files(), before);
    }

    /// With `~` for the home folder. Line breaks depend on its length, so the lines of a mark are
    /// joined.
    fn shortened(&self, text: &str) -> String {
        let home = self.environment.home().canonicalize().expect("a folder");
        let text = text.replace(&self.environment.home().display().to_string(), "~");
        let text = text.replace(&home.display().to_string(), "~");
        let mut lines: Vec<String> = Vec::new();
        for line in text.lines() {
            match lines.last_mut() {
                Some(marked) if line.starts_with("  ") && marked.starts_with(MARKS) => {
                    marked.push(' ');
                    marked.push_str(line.trim_start());
                }
                _ => lines.push(line.to_owned()),
            }
        }
        lines.push(String::new());
        lines.join("\n")
    }

    /// Every file in the home folder with its content, and every folder.
    fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        let mut folders = vec![self.environment.home().to_owned()];
        while let Some(folder) = folders.pop() {
            for item in fs::read_dir(&folder).expect("a folder") {
                let path = item.expect("an item").path();
                if path.is_dir() {
                    folders.push(path.clone());
                    files.push((path, Vec::new()));
                } else if !path.starts_with(self.path("bin")) {
                    let bytes = fs::read(&path).unwrap_or_default();
                    files.push((path, bytes));
                }
            }
        }
        files.sort();
        files
    }
}

/// The text that was inserted into `before` to get `after`; nothing else may differ.
#[track_caller]
fn inserted(before: &str, after: &str) -> String {
    let same = |(one, other): &(u8, u8)| one == other;
    let start = before.bytes().zip(after.bytes()).take_while(same).count();
    assert!(
        after.ends_with(&before[start..]),
        "not only added to: {before:?} became {after:?}"
    );
    after[start..after.len() - (before.len() - start)].to_owned()
}
