//! The programs that run against each other, and what a run of one takes.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike as _};
use serde_json::Value;

use super::Result;
use super::common::{HOST, Outcome, TestEnvironment};

/// What is there to be measured.
pub struct Programs {
    /// The executable as it is shipped.
    pub ours: PathBuf,
    /// `docker-credential-ecr-login`, where it is installed.
    pub peer: Option<PathBuf>,
}

impl Programs {
    pub fn find() -> Result<Self> {
        let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("dist/docker-credential-ecrx");
        let ours = std::env::var_os("ECRX_TEST_DIST").map_or(built, PathBuf::from);
        let ours = ours.canonicalize().map_err(|error| {
            let ours = ours.display();
            format!("{ours}: {error}: packaging/build-binary makes dist/docker-credential-ecrx")
        })?;
        let peer = find_on_path("docker-credential-ecr-login");
        Ok(Self { ours, peer })
    }
}

/// Where a program is, if it is.
pub fn find_on_path(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    let mut paths = std::env::split_paths(&folders).map(|folder| folder.join(name));
    paths.find(|path| path.is_file())
}

/// One program in the environment of one case.
pub struct Contestant<'a> {
    pub environment: &'a TestEnvironment,
    pub program: &'a Path,
    /// `get`, or nothing for a program that is asked nothing.
    pub action: Option<&'static str>,
    /// A folder of the home that is removed before each run: the cache, for a cold one.
    pub forgets: Option<&'static str>,
}

/// What a run took, from before the process is made until its end is known.
#[derive(Clone, Copy, Default)]
pub struct Spent {
    pub wall: Duration,
    /// User and system time of the process and its threads.
    pub cpu: Duration,
}

impl Contestant<'_> {
    /// Removes the cache, if that is to be forgotten.
    pub fn forget(&self) -> Result<()> {
        if let Some(folder) = self.forgets {
            let folder = self.environment.home().join(folder);
            if folder.exists() {
                std::fs::remove_dir_all(folder)?;
            }
        }
        Ok(())
    }

    /// Runs once, and looks at the answer.
    pub fn run(&self) -> Result<Spent> {
        self.forget()?;
        let arguments: Vec<&str> = self.action.into_iter().collect();
        let mut command = self.environment.command_of(self.program, &arguments);
        command.stdin(match self.action {
            Some(_) => File::open(question(self.environment)?)?.into(),
            None => Stdio::null(),
        });
        let before = cpu_of_children()?;
        let started = Instant::now();
        let mut child = command.spawn()?;
        // An answer fits into a pipe, so no process waits for a reader.
        let status = child.wait()?;
        let wall = started.elapsed();
        let cpu = cpu_of_children()?.saturating_sub(before);

        let mut outcome = Outcome {
            code: status.code(),
            stdout: String::new(),
            stderr: String::new(),
        };
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        stdout
            .ok_or("no stdout")?
            .read_to_string(&mut outcome.stdout)?;
        stderr
            .ok_or("no stderr")?
            .read_to_string(&mut outcome.stderr)?;
        if self.action.is_some() {
            check(&outcome, HOST)
                .map_err(|why| format!("{}: {why}: {outcome:?}", self.program.display()))?;
        }
        Ok(Spent { wall, cpu })
    }
}

/// Runs each in turn, as often as said; another one is the first each time. The medians.
pub fn interleaved<const N: usize>(
    rounds: usize,
    contestants: [Option<&Contestant<'_>>; N],
) -> Result<[Option<Spent>; N]> {
    let mut runs: [Vec<Spent>; N] = std::array::from_fn(|_| Vec::with_capacity(rounds));
    for round in 0..rounds {
        for turn in 0..N {
            let at = (round + turn) % N;
            if let Some(contestant) = contestants[at] {
                runs[at].push(contestant.run()?);
            }
        }
    }
    Ok(runs.map(|runs| {
        let wall = median(runs.iter().map(|run| run.wall))?;
        let cpu = median(runs.iter().map(|run| run.cpu))?;
        Some(Spent { wall, cpu })
    }))
}

pub fn median(times: impl IntoIterator<Item = Duration>) -> Option<Duration> {
    let mut times: Vec<Duration> = times.into_iter().collect();
    times.sort_unstable();
    times.get(times.len() / 2).copied()
}

/// The file that a client's question is read from.
fn question(environment: &TestEnvironment) -> Result<PathBuf> {
    let path = environment.home().join("question");
    if !path.exists() {
        std::fs::write(&path, HOST)?;
    }
    Ok(path)
}

/// Whether it is the answer for this host.
pub fn check(outcome: &Outcome, host: &str) -> std::result::Result<(), &'static str> {
    if outcome.code != Some(0) {
        return Err("failed");
    }
    if !outcome.stderr.is_empty() {
        return Err("not silent");
    }
    let Ok(answer) = serde_json::from_str::<Value>(&outcome.stdout) else {
        return Err("no JSON");
    };
    let has_secret = answer["Secret"]
        .as_str()
        .is_some_and(|secret| !secret.is_empty());
    if answer["ServerURL"] != host || answer["Username"] != "AWS" || !has_secret {
        return Err("a wrong answer");
    }
    Ok(())
}

/// Of all that have ended so far. One runs at a time, so the difference is its own.
fn cpu_of_children() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let time = |time: TimeVal| u64::try_from(time.num_microseconds());
    let total = time(usage.user_time())? + time(usage.system_time())?;
    Ok(Duration::from_micros(total))
}
