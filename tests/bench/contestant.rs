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
use super::common::fake_aws::Grant;
use super::common::files::go_programs;
use super::common::{HOST, Outcome, TestEnvironment};
use super::table::{milliseconds, ratio};

/// What is there to be measured.
pub struct Programs {
    /// The executable as it is shipped.
    pub ours: PathBuf,
    /// `docker-credential-ecr-login`, where it is installed.
    pub peer: Option<PathBuf>,
    /// `ecr-credential-provider`, where `.ci/install-go-clients` has built it.
    pub kubelets_peer: Option<PathBuf>,
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
        let kubelets_peer = go_programs().join("ecr-credential-provider");
        let kubelets_peer = kubelets_peer.exists().then_some(kubelets_peer);
        Ok(Self {
            ours,
            peer,
            kubelets_peer,
        })
    }
}

/// Where a program is, if it is.
fn find_on_path(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    let mut paths = std::env::split_paths(&folders).map(|folder| folder.join(name));
    paths.find(|path| path.is_file())
}

/// What a tool counts, if it is installed and can.
pub fn counted(
    tool: &str,
    count: impl FnOnce() -> std::result::Result<u64, String>,
) -> Option<u64> {
    find_on_path(tool)?;
    match count() {
        Ok(count) => Some(count),
        Err(why) => {
            eprintln!("{tool}: {why}");
            None
        }
    }
}

/// One program in the environment of one case.
pub struct Contestant<'a> {
    pub environment: &'a TestEnvironment,
    pub program: &'a Path,
    pub request: Request,
    /// A folder of the home that is removed before each run: the cache, for a cold one.
    pub forgets: Option<&'static str>,
}

/// What a program is asked, on its command line and on stdin.
#[derive(Clone, Copy)]
pub enum Request {
    None,
    /// docker's `get`.
    Get,
    /// kubelet's request for an image.
    Image,
}

impl Request {
    /// `ecr-credential-provider` ignores its arguments.
    pub fn argument(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Get => Some("get"),
            Self::Image => Some("kubelet"),
        }
    }

    pub fn text(self) -> String {
        match self {
            Self::None => String::new(),
            Self::Get => HOST.to_owned(),
            Self::Image => format!(
                r#"{{"kind":"CredentialProviderRequest","apiVersion":"credentialprovider.kubelet.k8s.io/v1","image":"{HOST}/app"}}"#
            ),
        }
    }

    fn check(self, outcome: &Outcome) -> std::result::Result<(), &'static str> {
        match self {
            Self::None => Ok(()),
            Self::Get => check(outcome, HOST),
            Self::Image => check_image(outcome),
        }
    }
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
        let arguments: Vec<&str> = self.request.argument().into_iter().collect();
        let mut command = self.environment.command_of(self.program, &arguments);
        command.stdin(match self.request {
            Request::None => Stdio::null(),
            request => Stdio::from(File::open(stdin_file(self.environment, request)?)?),
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
        self.request
            .check(&outcome)
            .map_err(|why| format!("{}: {why}: {outcome:?}", self.program.display()))?;
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

/// Six cells: CPU time and wall time in milliseconds, each of ours, of the peer, and as a ratio.
pub fn times(
    rounds: usize,
    ours: &Contestant<'_>,
    peer: Option<&Contestant<'_>>,
) -> Result<[String; 6]> {
    let spent = interleaved(rounds, [Some(ours), peer])?;
    let [cpu, peers_cpu] = spent.map(|run| run.map(|run| run.cpu));
    let [wall, peers_wall] = spent.map(|run| run.map(|run| run.wall));
    Ok([
        milliseconds(cpu),
        milliseconds(peers_cpu),
        ratio(cpu, peers_cpu, 2),
        milliseconds(wall),
        milliseconds(peers_wall),
        ratio(wall, peers_wall, 2),
    ])
}

pub fn median(times: impl IntoIterator<Item = Duration>) -> Option<Duration> {
    let mut times: Vec<Duration> = times.into_iter().collect();
    times.sort_unstable();
    times.get(times.len() / 2).copied()
}

/// The file that a request is read from.
fn stdin_file(environment: &TestEnvironment, request: Request) -> Result<PathBuf> {
    let path = environment.home().join("stdin");
    if !path.exists() {
        std::fs::write(&path, request.text())?;
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

/// Whether it has credentials for [`Request::Image`]. `ecr-credential-provider` logs to stderr.
fn check_image(outcome: &Outcome) -> std::result::Result<(), &'static str> {
    if outcome.code != Some(0) {
        return Err("failed");
    }
    let Ok(answer) = serde_json::from_str::<Value>(&outcome.stdout) else {
        return Err("no JSON");
    };
    match answer["auth"][HOST]["password"].as_str() {
        Some(password) if Grant::from_password(password).region == "us-west-2" => Ok(()),
        _ => Err("a wrong answer"),
    }
}

/// Of all that have ended so far. One runs at a time, so the difference is its own.
fn cpu_of_children() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let time = |time: TimeVal| u64::try_from(time.num_microseconds());
    let total = time(usage.user_time())? + time(usage.system_time())?;
    Ok(Duration::from_micros(total))
}
