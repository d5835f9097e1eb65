//! botocore, the library of the AWS CLI: its answer is the right one.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use super::answer::Answer;
use super::common::TestEnvironment;
use super::common::fake_aws::Grant;
use super::common::files::am_root;
use super::programs::OBEY_MODES;

const PROGRAM: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/as_the_cli/botocore_answers.py"
);
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
