//! botocore, the library of the AWS CLI: its answer is the right one.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::answer::Answer;
use super::bench::OBEY_MODES;
use super::common::TestEnvironment;
use super::common::fake_aws::Grant;
use super::common::files::am_root;

const PROGRAM: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/as_the_cli/botocore_answers.py"
);
const REQUIREMENTS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/as_the_cli/requirements.txt"
);

/// A Python that has botocore, installed from PyPI once for each version of the requirements.
pub fn python() -> Result<PathBuf, String> {
    let requirements = fs::read(REQUIREMENTS).map_err(|error| error.to_string())?;
    let digest = Sha256::digest(&requirements);
    let version: String = digest[..8].iter().map(|b| format!("{b:02x}")).collect();
    let folder = cache_folder()?.join(format!("botocore-{version}"));
    let python = folder.join("bin/python");
    let works = || succeed(Command::new(&python).args(["-c", "import botocore, awscrt"]));
    if works().is_err() {
        // One of a Python that was here before.
        let _ = fs::remove_dir_all(&folder);
        install(&folder)?;
        works()?;
    }
    Ok(python)
}

/// Outside the checkout: a clean one need not install it again.
fn cache_folder() -> Result<PathBuf, String> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let cache = match (variable("XDG_CACHE_HOME"), variable("HOME")) {
        (Some(folder), _) => PathBuf::from(folder),
        (None, Some(home)) => PathBuf::from(home).join(".cache"),
        (None, None) => return Err("HOME is not set".to_owned()),
    };
    Ok(cache.join("docker-credential-ecrx-tests"))
}

/// Installs into a folder next to it, which then gets its name: what exists is complete.
fn install(folder: &Path) -> Result<(), String> {
    let partial = folder.with_extension(format!("partial-{}", std::process::id()));
    fs::create_dir_all(&partial).map_err(|error| error.to_string())?;
    let python = partial.join("bin/python");
    let made = succeed(Command::new("python3").args(["-m", "venv"]).arg(&partial)).and_then(|()| {
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--no-input"])
            .args(["--disable-pip-version-check", "--require-hashes"])
            .args(["--only-binary", ":all:", "--requirement", REQUIREMENTS]);
        succeed(&mut pip)
    });
    // If another run was faster, its folder stays.
    if made.is_ok() && fs::rename(&partial, folder).is_ok() {
        return Ok(());
    }
    let _ = fs::remove_dir_all(&partial);
    if folder.is_dir() { Ok(()) } else { made }
}

fn succeed(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().display().to_string();
    let output = command.stdin(Stdio::null()).output();
    let Output { status, stderr, .. } = output.map_err(|error| format!("{name}: {error}"))?;
    if status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&stderr);
    Err(format!("{name}: {status}: {}", stderr.trim()))
}

/// A running `botocore_answers.py`.
pub struct Oracle {
    child: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Oracle {
    pub fn start(python: &Path) -> Self {
        let mut command = Command::new(python);
        if am_root() {
            command = Command::new(OBEY_MODES[0]);
            command.args(&OBEY_MODES[1..]).arg(python);
        }
        let mut child = command
            .arg(PROGRAM)
            .env_clear()
            .env("PYTHONUTF8", "1")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python");
        let questions = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().expect("piped"));
        Self {
            child,
            questions,
            answers,
        }
    }

    /// What botocore gets in this environment, for a registry of this region.
    pub fn ask(&mut self, environment: &TestEnvironment, region: &str) -> Answer {
        let command = environment.command(&[]);
        let variables = command.get_envs().filter_map(|(name, value)| {
            let text = |text: &std::ffi::OsStr| text.to_str().expect("UTF-8").to_owned();
            Some((text(name), Value::from(text(value?))))
        });
        let question = json!({
            "home": environment.home(),
            "env": variables.collect::<serde_json::Map<_, _>>(),
            "region": region,
        });
        let questions = self.questions.as_mut().expect("running");
        writeln!(questions, "{question}").expect("python reads");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("python answers");
        let answer: Value = serde_json::from_str(&line).expect("JSON");
        let text = |name: &str| answer.get(name).and_then(Value::as_str);
        if let Some(password) = text("password") {
            return Answer::of_principal(&Grant::from_password(password).principal);
        }
        match (text("none"), text("error")) {
            (Some(reason), _) => Answer::Nothing(format!("NoCredentialsError: {reason}")),
            (None, Some(error)) => Answer::Nothing(error.to_owned()),
            (None, None) if answer["hang"] == true => Answer::Hang,
            (None, None) => panic!("{answer}"),
        }
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        // It ends with its input.
        drop(self.questions.take());
        let _ = self.child.wait();
    }
}
