//! `kubelet install`, `uninstall`, `check` and `pause` against the files of a node. kubelet executes what is
//! installed as root, so that only root can run them.
#![cfg(target_os = "linux")]

#[path = "kubelet_node/check.rs"]
mod check;
mod common;
#[path = "kubelet_node/concurrent.rs"]
mod concurrent;
#[path = "kubelet_node/executable_only.rs"]
mod executable_only;
#[path = "kubelet_node/files.rs"]
mod files;
#[path = "kubelet_node/install.rs"]
mod install;
#[path = "kubelet_node/killed.rs"]
mod killed;
#[path = "kubelet_node/restart.rs"]
mod restart;
#[path = "kubelet_node/rewritten.rs"]
mod rewritten;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;

use common::files::{am_root, chmod, skipped};
use common::{Outcome, PROGRAM, TestEnvironment};

/// A configuration of another provider, with a comment and a vendor's layout.
const UPSTREAM: &str = "\
# from the vendor
apiVersion: kubelet.config.k8s.io/v1
kind: CredentialProviderConfig
providers:
- name: ecr-credential-provider  # upstream
  apiVersion: credentialprovider.kubelet.k8s.io/v1
  defaultCacheDuration: 12h
  matchImages: [\"*.dkr.ecr.*.amazonaws.com\"]
";

/// A node with a folder for providers, which only root can write to.
struct Node {
    environment: TestEnvironment,
    config: PathBuf,
    /// The program that is run and installed.
    program: PathBuf,
}

impl Node {
    /// `None` if the tests are not run by root.
    fn new(config: &str, text: &str) -> Option<Self> {
        Self::of(TestEnvironment::new(), config, text)
    }

    fn of(environment: TestEnvironment, config: &str, text: &str) -> Option<Self> {
        if !am_root() {
            skipped("only root can install an executable that kubelet runs");
            return None;
        }
        let config = environment.write(config, text);
        fs::create_dir(environment.home().join("providers")).expect("a folder");
        Some(Self {
            environment,
            config,
            program: PROGRAM.into(),
        })
    }

    fn bin_dir(&self) -> PathBuf {
        self.environment.home().join("providers")
    }

    fn executable(&self, name: &str) -> PathBuf {
        self.bin_dir().join(name)
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.config).expect("a configuration")
    }

    /// `kubelet` with these words, and the paths of the node.
    fn run(&self, words: &[&str]) -> Outcome {
        Outcome::of(self.start(words))
    }

    fn start(&self, words: &[&str]) -> Child {
        let config = self.config.display().to_string();
        let bin_dir = self.bin_dir().display().to_string();
        let paths = ["--config", &config, "--bin-dir", &bin_dir];
        let words = [&["kubelet"], words, &paths].concat();
        self.environment.start_program(&self.program, &words, b"")
    }

    /// The same; `--executable-only` takes no configuration.
    fn start_any(&self, words: &[&str]) -> Child {
        if !words.contains(&"--executable-only") {
            return self.start(words);
        }
        let bin_dir = self.bin_dir().display().to_string();
        let words = [&["kubelet"], words, &["--bin-dir", &bin_dir]].concat();
        self.environment.start_program(&self.program, &words, b"")
    }

    #[track_caller]
    fn succeeds(&self, words: &[&str]) -> String {
        let outcome = self.run(words);
        assert_eq!(
            (outcome.code, &*outcome.stderr),
            (Some(0), ""),
            "{outcome:?}"
        );
        on_one_line(&outcome.stdout)
    }

    #[track_caller]
    fn fails(&self, words: &[&str]) -> String {
        let outcome = self.run(words);
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        outcome.stderr
    }

    /// A program of the node's PATH.
    fn program(&mut self, name: &str, script: &str) {
        let file = self.environment.write(&format!("path/{name}"), script);
        chmod(&file, 0o755);
        let folder = file.parent().expect("a folder").display().to_string();
        self.environment
            .set("PATH", &format!("{folder}:/usr/bin:/bin"));
    }
}

/// A text without the line breaks of its wrapping.
fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The names in a folder.
fn names(folder: &Path) -> Vec<String> {
    common::files::names(folder)
}
