//! A person with a home folder, AWS keys in the environment, and clients to run.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::lab::{self, Lab, MOTO};
use crate::namespace::SYSTEM_PATH;
use crate::process::{Finished, finish, limit};

/// The executable under test.
const HELPER: &str = env!("CARGO_BIN_EXE_docker-credential-ecrx");

/// Passes a call on to the helper and keeps what was said, both ways.
const RECORDER: &str = r#"#!/bin/bash
call="@CALLS@/${EPOCHREALTIME/[.,]/}-$$"
mkdir -p "$call"
echo "$1" >"$call/verb"
cat >"$call/stdin"
"@HELPER@" "$@" <"$call/stdin" >"$call/stdout" 2>"$call/stderr"
code=$?
cat "$call/stdout"
cat "$call/stderr" >&2
exit "$code"
"#;

/// One call of the helper by a client.
pub struct Call {
    /// `get`, `store`, `erase` or `list`.
    pub verb: String,
    /// What the client wrote.
    pub stdin: String,
    /// What the helper answered.
    pub stdout: String,
    /// What the helper told people.
    pub stderr: String,
}

/// Runs `test` once for every release of `client` at hand, each time as another person.
pub fn with_every(client: &str, test: impl Fn(&Lab, Home)) {
    let lab = lab::enter();
    for release in lab.releases_of(client) {
        test(&lab, Home::new(&lab, &release));
    }
}

/// A home folder of its own and an environment of its own.
pub struct Home<'a> {
    lab: &'a Lab,
    dir: PathBuf,
    env: Vec<(String, String)>,
}

impl<'a> Home<'a> {
    /// A person with the keys of AWS's documentation, moto as AWS, and the clients of
    /// `release` (a folder) first on the PATH. No region is set: it has to come from the
    /// host's name.
    pub fn new(lab: &'a Lab, release: &Path) -> Self {
        static HOMES: AtomicU32 = AtomicU32::new(0);
        let number = HOMES.fetch_add(1, Ordering::Relaxed);
        let dir = lab.namespace().dir().join(format!("home-{number}"));
        make_dir(&dir.join("bin"));
        make_dir(&dir.join(".docker"));
        make_dir(&dir.join("tmp"));
        let helper = dir.join("bin/docker-credential-ecrx");
        link(Path::new(HELPER), &helper);
        // Overlay file systems do not stack on every machine, and releases of podman do
        // not read one another's storage.
        let storage = dir.join("storage.conf");
        let images = dir.join("images").display().to_string();
        write(
            &storage,
            &format!("[storage]\ndriver='vfs'\ngraphroot='{images}'\nrunroot='/run{images}'\n"),
        );
        let path = format!("{}/bin:{}:{SYSTEM_PATH}", dir.display(), release.display());
        let mut home = Self {
            lab,
            dir,
            env: Vec::new(),
        };
        home.set("PATH", &path);
        home.set("HOME", &home.dir.display().to_string());
        home.set("TMPDIR", &home.dir.join("tmp").display().to_string());
        home.set("CONTAINERS_STORAGE_CONF", &storage.display().to_string());
        // podman wants to see its network program, even for a pull.
        home.set(
            "CONTAINERS_HELPER_BINARY_DIR",
            &release.display().to_string(),
        );
        home.set("AWS_ENDPOINT_URL", MOTO);
        home.set("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE");
        home.set(
            "AWS_SECRET_ACCESS_KEY",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        );
        home.set("AWS_EC2_METADATA_DISABLED", "true");
        home
    }

    /// A tag that no other person uses.
    pub fn tag(&self) -> &str {
        self.dir
            .file_name()
            .and_then(OsStr::to_str)
            .unwrap_or_default()
    }

    /// Lets AWS be a port where nothing listens.
    pub fn break_aws(&mut self) {
        self.set("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    }

    /// Sets a variable of the environment.
    pub fn set(&mut self, name: &str, value: &str) {
        self.unset(name);
        self.env.push((name.to_owned(), value.to_owned()));
    }

    /// Removes a variable from the environment.
    pub fn unset(&mut self, name: &str) {
        self.env.retain(|(known, _)| known != name);
    }

    /// Writes the lines that people write, into `~/.docker/config.json`.
    pub fn cred_helpers(&self, hosts: &[&str]) {
        let lines: Vec<_> = hosts
            .iter()
            .map(|host| format!("\"{host}\":\"ecrx\""))
            .collect();
        self.docker_config(&format!("{{\"credHelpers\":{{{}}}}}", lines.join(",")));
    }

    /// Writes `~/.docker/config.json`.
    pub fn docker_config(&self, json: &str) {
        write(&self.dir.join(".docker/config.json"), json);
    }

    /// What `~/.docker/config.json` says now.
    pub fn read_docker_config(&self) -> String {
        fs::read_to_string(self.dir.join(".docker/config.json")).unwrap_or_default()
    }

    /// The path of a file in the home folder.
    pub fn path(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }

    /// Writes a file into the home folder, with the folders above it, and gives its path.
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.dir.join(name);
        make_dir(path.parent().expect("the home folder"));
        write(&path, text);
        self.path(name)
    }

    /// A file of the home folder.
    pub fn read(&self, name: &str) -> String {
        let path = self.path(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Makes a folder in the home folder that no other user may read, and lets a variable
    /// name it.
    pub fn private_dir(&mut self, name: &str, variable: &str) {
        let path = self.dir.join(name);
        make_dir(&path);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700))
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        self.set(variable, &path.display().to_string());
    }

    /// Gives this person Docker's buildx plugin.
    pub fn install_buildx(&self) {
        let plugins = self.dir.join(".docker/cli-plugins");
        make_dir(&plugins);
        link(&self.lab.buildx(), &plugins.join("docker-buildx"));
    }

    /// A folder with a Dockerfile that starts from `image`.
    pub fn build_context(&self, image: &str) -> String {
        let context = self.dir.join("context");
        make_dir(&context);
        write(
            &context.join("Dockerfile"),
            &format!("FROM {image}\nCOPY Dockerfile /copied\n"),
        );
        context.display().to_string()
    }

    /// Builds a [`Home::build_context`] as docker did before BuildKit.
    #[track_caller]
    pub fn builds_classically(&self, context: &str) -> Finished {
        let docker = ["DOCKER_BUILDKIT=0", "docker", "build"];
        let build = [&docker[..], &["--no-cache", "--pull", context]].concat();
        self.succeeds("env", build)
    }

    /// Puts a recorder in the helper's place.
    pub fn record(&self) {
        let path = self.dir.join("bin/docker-credential-ecrx");
        let calls = self.dir.join("calls").display().to_string();
        let script = RECORDER
            .replace("@CALLS@", &calls)
            .replace("@HELPER@", HELPER);
        // Through the link, this would overwrite the executable under test.
        fs::remove_file(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        // By a process of its own: while this one has it open for writing, another thread's child
        // may inherit that, and no client could run it ("text file busy").
        let mut install = Command::new("install");
        install.args(["-m", "755", "/dev/stdin"]).arg(&path);
        finish(install, &script)
            .success()
            .unwrap_or_else(|why| panic!("{why}"));
    }

    /// The calls of the helper since [`Home::record`], in order.
    pub fn calls(&self) -> Vec<Call> {
        let mut folders: Vec<_> = fs::read_dir(self.dir.join("calls"))
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()))
            .collect();
        folders.sort();
        let read = |folder: &Path, name| fs::read_to_string(folder.join(name)).unwrap_or_default();
        folders
            .iter()
            .map(|folder| Call {
                verb: read(folder, "verb").trim().to_owned(),
                stdin: read(folder, "stdin"),
                stdout: read(folder, "stdout"),
                stderr: read(folder, "stderr"),
            })
            .collect()
    }

    /// Forgets the [`Home::calls`] until now.
    pub fn forget_calls(&self) {
        // There need not have been any.
        let _ = fs::remove_dir_all(self.dir.join("calls"));
    }

    /// The latest of [`Home::calls`].
    #[track_caller]
    pub fn last_call(&self) -> Call {
        self.calls().pop().expect("a client asked the helper")
    }

    /// What the [`Home::calls`] asked for.
    pub fn verbs(&self) -> Vec<String> {
        self.calls().into_iter().map(|call| call.verb).collect()
    }

    /// Asserts that the helper told people nothing. It may at a login, which it does not
    /// keep.
    #[track_caller]
    pub fn assert_silent(&self) {
        for call in self.calls() {
            assert!(
                call.verb == "store" || call.stderr.is_empty(),
                "{}: {}",
                call.verb,
                call.stderr
            );
        }
    }

    /// Runs a client; it has 60 seconds.
    pub fn run<'s>(&self, program: &str, args: impl AsRef<[&'s str]>) -> Finished {
        self.run_with_input(program, args, "")
    }

    /// Runs a client that reads `input`; it has 60 seconds.
    pub fn run_with_input<'s>(
        &self,
        program: &str,
        args: impl AsRef<[&'s str]>,
        input: &str,
    ) -> Finished {
        let mut command = self.lab.namespace().command("timeout");
        limit(&mut command, 60);
        // Set inside, so that the PATH with the helper is not the one that finds `nsenter`.
        command.arg("env").args(
            self.env
                .iter()
                .map(|(name, value)| format!("{name}={value}")),
        );
        command.arg(program).args(args.as_ref());
        finish(command, input)
    }

    /// Runs a client that has to succeed, and without a word of the helper's.
    #[track_caller]
    pub fn succeeds<'s>(&self, program: &str, args: impl AsRef<[&'s str]>) -> Finished {
        let finished = self.run(program, args);
        assert_eq!(finished.code, Some(0), "{}", finished.report());
        assert!(
            !finished.stderr.contains("ecrx"),
            "not silent: {}",
            finished.report()
        );
        finished
    }

    /// Runs a client that has to fail by itself, not by our limit.
    #[track_caller]
    pub fn fails<'s>(&self, program: &str, args: impl AsRef<[&'s str]>) -> Finished {
        let finished = self.run(program, args);
        let by_itself = !matches!(finished.code, None | Some(0 | 124 | 137));
        assert!(by_itself, "{}", finished.report());
        finished
    }
}

fn make_dir(path: &Path) {
    fs::create_dir_all(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

fn link(to: &Path, at: &Path) {
    symlink(to, at).unwrap_or_else(|error| panic!("{}: {error}", at.display()));
}
