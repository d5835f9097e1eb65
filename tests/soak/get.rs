//! One `get` of the real executable, disturbed or not, and what is known of it afterwards.

use std::io::{Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::common::TestEnvironment;
use super::common::fake_aws::{Call, Grant};
use super::days::Days;
use super::identities::{Identity, host};

/// Twice the longest that a `get` may take, and more: who takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(90);

/// How often it is checked whether a `get` has ended.
const PAUSE: Duration = Duration::from_millis(10);

/// What is done to a process on its way, after so long.
#[derive(Clone, Copy, Debug)]
pub enum Disturbance {
    Kill(Duration),
    /// Stopped, and continued so much later.
    Stop(Duration, Duration),
}

/// What became of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Undisturbed,
    Stopped,
    Killed,
    Hung,
}

/// What it said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Token(Grant),
    /// Exit code 1, with this line on stdout.
    Failure(String),
    /// What it must never say, or nothing.
    Other(String),
}

/// A `get`, from before its start to after its end, in simulated seconds since 1970.
#[derive(Clone, Debug)]
pub struct Get {
    pub number: usize,
    pub identity: usize,
    pub registry: usize,
    pub began_at: f64,
    pub ended_at: f64,
    pub fate: Fate,
    pub answer: Answer,
}

/// Where a process says which `get` it is: the SDK puts it into every call, as `exec-env/NAME` of
/// the user agent (aws-runtime 1.10, `user_agent.rs`).
const MARK: &str = "AWS_EXECUTION_ENV";

/// Which `get` made a call.
pub fn number_of(call: &Call) -> usize {
    let agent = call.header("x-amz-user-agent").unwrap_or_default();
    let behind = agent.split_once("exec-env/get-");
    let number = behind.and_then(|(_, behind)| behind.split(' ').next()?.parse().ok());
    number.unwrap_or_else(|| panic!("a call that does not say whose it is: {call:?}"))
}

/// What all gets have in common.
pub struct Lab<'a> {
    pub environment: &'a TestEnvironment,
    pub identities: &'a [Identity],
    pub days: Days,
}

impl Lab<'_> {
    /// Runs one to its end.
    pub fn get(
        &self,
        number: usize,
        identity: usize,
        registry: usize,
        disturbance: Option<Disturbance>,
    ) -> Get {
        let mut command = self.environment.command(&["get"]);
        command
            .envs(self.identities[identity].variables.iter().cloned())
            .env(MARK, format!("get-{number}"));
        let began_at = self.days.now();
        let mut child = command.spawn().expect("start");
        let mut stdin = child.stdin.take().expect("piped");
        // One that was killed does not read.
        let _ = stdin.write_all(host(registry).as_bytes());
        drop(stdin);
        let (fate, status) = attend(&mut child, disturbance);
        let answer = read(child, status);
        Get {
            number,
            identity,
            registry,
            began_at,
            ended_at: self.days.now(),
            fate,
            answer,
        }
    }
}

/// Waits for the end, and disturbs on the way. Output is less than a pipe holds.
fn attend(child: &mut Child, disturbance: Option<Disturbance>) -> (Fate, ExitStatus) {
    let start = Instant::now();
    let mut signals = match disturbance {
        None => Vec::new(),
        Some(Disturbance::Kill(after)) => vec![(after, Signal::KILL)],
        Some(Disturbance::Stop(after, pause)) => {
            vec![(after, Signal::STOP), (after + pause, Signal::CONT)]
        }
    };
    signals.push((PATIENCE, Signal::KILL));
    signals.reverse();
    let mut fate = Fate::Undisturbed;
    loop {
        if let Some(status) = child.try_wait().expect("a child") {
            return match (fate, status.signal()) {
                // It had come to its end before.
                (Fate::Killed, None) => (Fate::Undisturbed, status),
                _ => (fate, status),
            };
        }
        let (after, passed) = (signals.last().map(|(after, _)| *after), start.elapsed());
        let left = after.map_or(PAUSE, |after| after.saturating_sub(passed));
        if !left.is_zero() {
            thread::sleep(left.min(PAUSE));
            continue;
        }
        if let Some((after, signal)) = signals.pop() {
            fate = match signal {
                Signal::KILL if after == PATIENCE => Fate::Hung,
                Signal::KILL => Fate::Killed,
                _ => Fate::Stopped,
            };
            // It is not waited for yet, so the number is still its own.
            kill_process(Pid::from_child(child), signal).expect("a signal");
        }
    }
}

fn read(mut child: Child, status: ExitStatus) -> Answer {
    let (mut stdout, mut stderr) = (String::new(), String::new());
    let mut out = child.stdout.take().expect("piped");
    let mut err = child.stderr.take().expect("piped");
    out.read_to_string(&mut stdout).expect("UTF-8");
    err.read_to_string(&mut stderr).expect("UTF-8");
    answer(status.code(), &stdout, &stderr)
}

/// What an exit code and two texts amount to.
pub fn answer(code: Option<i32>, stdout: &str, stderr: &str) -> Answer {
    let token = || {
        let object: Value = serde_json::from_str(stdout.strip_suffix('\n')?).ok()?;
        let is_quiet = stderr.is_empty() && object["Username"] == "AWS";
        let grant = Grant::parse(object["Secret"].as_str()?)?;
        is_quiet.then_some(Answer::Token(grant))
    };
    let failure = || {
        let line = stdout.strip_suffix('\n')?;
        let told = stderr.starts_with(&format!("docker-credential-ecrx: {stdout}"));
        let is_failure = told && line.starts_with("no credentials for ") && !line.contains('\n');
        is_failure.then(|| Answer::Failure(line.to_owned()))
    };
    let answer = match code {
        Some(0) => token(),
        Some(1) => failure(),
        _ => None,
    };
    answer.unwrap_or_else(|| Answer::Other(format!("{code:?} {stdout:?} {stderr:?}")))
}
