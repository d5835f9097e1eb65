//! The real executable in an environment of its own: an empty one but for a home folder of the
//! test's, with AWS on loopback.

#![allow(dead_code, reason = "each test file uses a part")]

#[cfg(unix)]
pub mod cost;
pub mod crowd;
pub mod dependencies;
#[path = "../fake_aws/mod.rs"]
pub mod fake_aws;
pub mod files;
#[cfg(target_os = "linux")]
pub mod network;
#[cfg(target_os = "linux")]
pub mod pty;
pub mod random;
pub mod sources;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use fake_aws::{ALICE, FakeAws, FakeRegistry, Grant};

/// The executable under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_docker-credential-ecrx");

/// A registry of another account than the caller's.
pub const HOST: &str = "999999999999.dkr.ecr.us-west-2.amazonaws.com";

/// What clients compare with to go on anonymously.
pub const NOT_FOUND: &str = "credentials not found in native keychain\n";

/// A home folder, and the variables that the executable will see. Nothing is inherited.
pub struct TestEnvironment {
    home: TempDir,
    variables: BTreeMap<String, String>,
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl TestEnvironment {
    /// Without any credentials, and without instance metadata.
    pub fn new() -> Self {
        let machine = Path::new("/etc/docker-credential-ecrx/config.toml");
        assert!(
            !machine.exists(),
            "{} would have a say in every test: move it away for as long",
            machine.display()
        );
        let home = temporary_folder();
        let mut environment = Self {
            variables: BTreeMap::new(),
            home,
        };
        let home = environment.home().display().to_string();
        environment.set("HOME", &home);
        environment.set("AWS_EC2_METADATA_DISABLED", "true");
        environment
    }

    /// Every AWS service is the fake one; no credentials yet.
    pub fn with_aws(aws: &FakeAws) -> Self {
        let mut environment = Self::new();
        environment.set("AWS_ENDPOINT_URL", &aws.url());
        environment
    }

    /// As [`TestEnvironment::with_aws`], with Alice's keys in the environment.
    pub fn of_alice(aws: &FakeAws) -> Self {
        let mut environment = Self::with_aws(aws);
        environment.set("AWS_ACCESS_KEY_ID", ALICE.0);
        environment.set("AWS_SECRET_ACCESS_KEY", ALICE.1);
        environment
    }

    /// Leads the names of this registry to it, and trusts its authority alone.
    pub fn trust_registry(&mut self, registry: &FakeRegistry) -> &mut Self {
        let bundle = self.write("authority.pem", registry.ca_pem());
        self.set("AWS_CA_BUNDLE", &bundle.display().to_string());
        self.set("HTTPS_PROXY", &registry.proxy().url())
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    pub fn set(&mut self, name: &str, value: &str) -> &mut Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    pub fn unset(&mut self, name: &str) -> &mut Self {
        self.variables.remove(name);
        self
    }

    /// Writes a file below the home folder, and makes the folders above it.
    pub fn write(&self, path: &str, contents: &str) -> PathBuf {
        // With the separators of the system.
        let path: PathBuf = self.home().join(path).components().collect();
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        std::fs::write(&path, contents).expect("a file");
        path
    }

    /// The hint of an error without credentials.
    pub fn searched_files(&self) -> String {
        let folder = self.home().join(".aws");
        let [config, credentials] = ["config", "credentials"].map(|name| folder.join(name));
        format!(
            "AWS profiles were looked for in {} and {}",
            config.display(),
            credentials.display()
        )
    }

    /// `~/.aws/config`.
    pub fn aws_config(&self, contents: &str) -> PathBuf {
        self.write(".aws/config", contents)
    }

    /// `config.toml` of the user.
    pub fn config(&self, contents: &str) -> PathBuf {
        self.write(".config/docker-credential-ecrx/config.toml", contents)
    }

    /// The folder in which the entries lie when nothing else is configured.
    pub fn cache(&self) -> PathBuf {
        self.home().join(".cache/docker-credential-ecrx/v1")
    }

    /// The entries in the cache.
    pub fn entries(&self) -> Vec<PathBuf> {
        self.cached("json")
    }

    /// The failures that are remembered.
    pub fn marks(&self) -> Vec<PathBuf> {
        self.cached("mark")
    }

    /// The files of the cache whose names end so, in order.
    pub fn cached(&self, extension: &str) -> Vec<PathBuf> {
        let Ok(folder) = std::fs::read_dir(self.cache()) else {
            return Vec::new();
        };
        let mut files: Vec<PathBuf> = folder
            .map(|item| item.expect("a file").path())
            .filter(|path| path.extension().is_some_and(|found| found == extension))
            .collect();
        files.sort();
        files
    }

    /// Shifts the times of every cached token, as if `seconds` had passed.
    pub fn age_cache(&self, seconds: i64) {
        age_entries(&self.entries(), seconds);
    }

    /// The same for the failures that are remembered.
    pub fn age_marks(&self, seconds: i64) {
        age(&self.marks(), ["made_at", "until"], seconds);
    }

    /// Lets every failure that is remembered be so for ten minutes at least. For what a memory is
    /// good for, and not how long it lasts: five seconds go by between two runs where a machine is
    /// busy.
    pub fn keep_marks(&self) {
        for path in self.marks() {
            let text = std::fs::read(&path).expect("a mark");
            let mut mark: Value = serde_json::from_slice(&text).expect("JSON");
            let [made_at, until] =
                ["made_at", "until"].map(|key| mark[key].as_i64().expect("epoch seconds"));
            assert!(until - made_at >= 5, "too short for a herd: {mark}");
            mark["until"] = until.max(made_at + 600).into();
            std::fs::write(&path, mark.to_string()).expect("a mark");
        }
    }

    /// For how many seconds each failure is remembered, in order.
    pub fn lives_of_marks(&self) -> Vec<i64> {
        let life = |path: PathBuf| {
            let text = std::fs::read(path).expect("a mark");
            let mark: Value = serde_json::from_slice(&text).expect("JSON");
            let moment = |key: &str| mark[key].as_i64().expect("epoch seconds");
            moment("until") - moment("made_at")
        };
        let mut lives: Vec<i64> = self.marks().into_iter().map(life).collect();
        lives.sort_unstable();
        lives
    }

    /// The executable as `docker-credential-ecrx-NAME`.
    pub fn called_as(&self, name: &str) -> PathBuf {
        self.link(&format!("docker-credential-ecrx-{name}"))
    }

    /// A link to the executable in the folder `bin` of the home folder.
    pub fn link(&self, program: &str) -> PathBuf {
        let folder = self.home().join("bin");
        std::fs::create_dir_all(&folder).expect("a folder");
        let link = folder.join(format!("{program}{}", std::env::consts::EXE_SUFFIX));
        if std::fs::symlink_metadata(&link).is_err() {
            #[cfg(unix)]
            std::os::unix::fs::symlink(PROGRAM, &link).expect("a link");
            #[cfg(not(unix))]
            std::fs::copy(PROGRAM, &link).expect("a copy");
        }
        link
    }

    /// A command that has not been started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.command_of(PROGRAM, arguments)
    }

    /// Another program in this environment: a shell or a tracer around the executable, or a peer.
    pub fn command_of(&self, program: impl AsRef<OsStr>, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .envs(self.windows_variables())
            .envs(&self.variables)
            .current_dir(self.home())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// On Windows, what a socket needs, and the names that the folders of the home folder have there;
    /// none elsewhere.
    fn windows_variables(&self) -> Vec<(&str, OsString)> {
        if !cfg!(windows) {
            return Vec::new();
        }
        let root = std::env::var_os("SystemRoot").map(|root| ("SystemRoot", root));
        let home = self.variables.get("HOME").map(Path::new);
        let folders = home.into_iter().flat_map(|home| {
            [
                ("USERPROFILE", home.to_owned()),
                ("APPDATA", home.join(".config")),
                ("LOCALAPPDATA", home.join(".cache")),
            ]
        });
        let folders = folders.map(|(name, folder)| (name, folder.into_os_string()));
        root.into_iter().chain(folders).collect()
    }

    /// Starts the executable with its whole input.
    pub fn start(&self, arguments: &[&str], input: &[u8]) -> Child {
        self.start_program(PROGRAM, arguments, input)
    }

    /// Starts another program with its whole input.
    pub fn start_program(
        &self,
        program: impl AsRef<OsStr>,
        arguments: &[&str],
        input: &[u8],
    ) -> Child {
        let mut command = self.command_of(program, arguments);
        let mut child = command.spawn().expect("start");
        let mut stdin = child.stdin.take().expect("piped");
        // A program that refuses the input may have closed the pipe.
        let _ = stdin.write_all(input);
        child
    }

    /// Runs the executable to its end.
    pub fn run(&self, arguments: &[&str], input: impl AsRef<[u8]>) -> Outcome {
        Outcome::of(self.start(arguments, input.as_ref()))
    }

    /// Runs another program to its end.
    pub fn run_program(
        &self,
        program: impl AsRef<OsStr>,
        arguments: &[&str],
        input: impl AsRef<[u8]>,
    ) -> Outcome {
        Outcome::of(self.start_program(program, arguments, input.as_ref()))
    }

    pub fn get(&self, server: &str) -> Outcome {
        self.run(&["get"], server)
    }

    /// `get` of [`HOST`] by a shell that has done this line before: `ulimit -f 0`.
    #[cfg(unix)]
    pub fn get_behind(&self, line: &str) -> Outcome {
        let script = format!(r#"{line}; exec "$0" get"#);
        self.run_program("/bin/sh", &["-c", &script, PROGRAM], HOST)
    }

    /// `get`, called as `docker-credential-ecrx-NAME`.
    pub fn get_as(&self, name: &str, server: &str) -> Outcome {
        self.run_program(self.called_as(name), &["get"], server)
    }
}

/// One with a short name: lines for people are wrapped at 100 columns, paths and all.
fn temporary_folder() -> TempDir {
    const LONGEST: usize = 30;
    let (usual, short) = (std::env::temp_dir(), Path::new("/tmp"));
    let is_long = usual.as_os_str().len() > LONGEST && cfg!(unix);
    let folder = if is_long && short.is_dir() {
        short
    } else {
        &usual
    };
    tempfile::tempdir_in(folder).expect("a temporary folder")
}

/// Shifts the times of these entries, as if `seconds` had passed.
pub fn age_entries(entries: &[PathBuf], seconds: i64) {
    age(entries, ["obtained_at", "expires_at"], seconds);
}

fn age(files: &[PathBuf], moments: [&str; 2], seconds: i64) {
    for path in files {
        let text = std::fs::read(path).expect("a file");
        let mut object: Value = serde_json::from_slice(&text).expect("JSON");
        for key in moments {
            let moment = object[key].as_i64().expect("epoch seconds");
            object[key] = (moment - seconds).into();
        }
        std::fs::write(path, object.to_string()).expect("a file");
    }
}

/// The beginning of a remembered failure.
pub const PREVIOUS: &str = "(previous attempt";

/// The same, as [`without_retry`] returns it.
pub const PREVIOUS_ATTEMPT: &str = "(previous attempt) ";

/// A remembered failure without the time until the retry.
pub fn without_retry(text: &str) -> String {
    let start = format!("{PREVIOUS}, retry in ");
    let Some((before, after)) = text.split_once(&start) else {
        return text.to_owned();
    };
    let (seconds, after) = after.split_once(" s) ").expect("seconds");
    let seconds: u64 = seconds.parse().expect("a number");
    assert!((1..=3600).contains(&seconds), "{seconds}");
    format!("{before}{PREVIOUS}) {after}")
}

impl Outcome {
    pub fn of(child: Child) -> Self {
        let output = child.wait_with_output().expect("output");
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    /// Success with silence on stderr, or a panic that shows everything.
    #[track_caller]
    pub fn answer(&self) -> Value {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""), "{self:?}");
        assert!(self.stdout.ends_with("}\n"), "{self:?}");
        serde_json::from_str(&self.stdout).expect("JSON")
    }

    /// Which principal requested the token that was answered, where and for which registry.
    #[track_caller]
    pub fn grant(&self) -> Grant {
        let answer = self.answer();
        assert_eq!(answer["Username"], "AWS");
        Grant::from_password(answer["Secret"].as_str().expect("a text"))
    }

    /// Failure with exactly this on stdout and stderr.
    #[track_caller]
    pub fn failed_with(&self, stdout: &str, stderr: &str) {
        assert_eq!(
            (self.code, self.stdout.as_str(), self.stderr.as_str()),
            (Some(1), stdout, stderr)
        );
    }

    /// Failure whose one line on stdout is this, repeated with hints on stderr; the hints. A
    /// remembered failure begins with [`PREVIOUS_ATTEMPT`], for any time until the retry.
    #[track_caller]
    pub fn failure(&self, line: &str) -> Vec<&str> {
        let line = without_retry(line);
        assert_eq!(
            (self.code, without_retry(&self.stdout)),
            (Some(1), format!("{line}\n")),
            "{self:?}"
        );
        let mut lines = self.stderr.lines();
        assert_eq!(
            lines.next().map(without_retry),
            Some(format!("docker-credential-ecrx: {line}"))
        );
        lines
            .map(|hint| hint.strip_prefix("  ").expect("an indented hint"))
            .collect()
    }
}

/// A `get` of [`HOST`] under strace with these options, in all of its threads and processes; what
/// came of it, and what strace has seen.
#[cfg(target_os = "linux")]
pub fn get_under_strace(environment: &TestEnvironment, options: &[&str]) -> (Outcome, String) {
    let log = environment.home().join("trace");
    let log_name = log.display().to_string();
    let mut arguments = vec!["-f", "-qq", "-o", &log_name];
    arguments.extend(options);
    arguments.extend(["--", PROGRAM, "get"]);
    let outcome = environment.run_program("strace", &arguments, HOST);
    let trace = std::fs::read_to_string(&log).expect("strace");
    (outcome, trace)
}

/// Runs `get` under strace; what came of it, and these calls ("network,clone").
#[cfg(target_os = "linux")]
pub fn traced(environment: &TestEnvironment, calls: &str) -> (Outcome, Vec<String>) {
    let calls = format!("trace={calls}");
    let options = ["-s", "4096", "-e", &calls, "-e", "signal=none"];
    let (outcome, trace) = get_under_strace(environment, &options);
    (outcome, trace.lines().map(str::to_owned).collect())
}

/// The login works, three times, by a token requested for it each time; and the user is told why
/// nothing is cached, in exactly these words. `get` is one of [`HOST`], by whatever means.
#[track_caller]
pub fn costs_only_the_caching_of(
    environment: &mut TestEnvironment,
    get: impl Fn(&TestEnvironment) -> Outcome,
    reasons: &[String],
) {
    let first = get(environment).grant().serial;
    assert_eq!(get(environment).grant().serial, first + 1);
    environment.set("ECRX_LOG", "warn");
    let told = get(environment);
    environment.unset("ECRX_LOG");
    let lines: Vec<&str> = told.stderr.lines().collect();
    let expected: Vec<String> = reasons
        .iter()
        .map(|reason| format!("docker-credential-ecrx: warn: {reason}"))
        .collect();
    assert_eq!(lines, expected);
    let silent = Outcome {
        stderr: String::new(),
        ..told
    };
    assert_eq!(silent.grant().serial, first + 2);
}

/// An address of this machine at which no process listens, for as long as the socket is held: a port
/// that was free a moment ago may be another test's by now.
pub fn refusing() -> (tokio::net::TcpSocket, std::net::SocketAddr) {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    let any = (std::net::Ipv4Addr::LOCALHOST, 0).into();
    socket.bind(any).expect("a port");
    let address = socket.local_addr().expect("an address");
    (socket, address)
}

/// Who assumed which role, in order.
pub fn assumed(aws: &fake_aws::FakeAws) -> Vec<(String, String)> {
    aws.calls_of(fake_aws::Operation::StsAssumeRole)
        .iter()
        .map(|call| {
            let by = call.principal.clone().expect("a known key");
            (by, call.param("RoleArn").expect("a role").to_owned())
        })
        .collect()
}
