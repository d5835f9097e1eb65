//! A machine inside the machine: network, mount and process namespaces of the tests' own.

#![allow(dead_code, reason = "each test file uses a part")]

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns};

use crate::process::{Finished, finish, limit};

/// Where programs are looked for inside; the caller's own PATH is left outside.
pub const SYSTEM_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Runs outside the namespaces: waits for them to end, then removes the folder `$1`, and the control
/// groups of its name.
const KEEPER: &str = r#"
unshare --net --mount --propagation private --pid --fork --kill-child -- \
    sh -c "$2" namespace "$1" && code=0 || code=$?
find /sys/fs/cgroup -depth -type d -path "*/${1##*/}*" -exec rmdir {} + || code=1
rm -rf -- "$1"
exit "$code"
"#;

/// The first process inside. It reports its pid as seen from outside, then sleeps until
/// its stdin is closed; when it ends, the kernel kills every other process inside.
///
/// The folders that dockerd, podman and skopeo write to by default are empty and in
/// memory, so the clients need no options that people would not use, and cannot meet an
/// engine or the images of the machine around them.
const FIRST_PROCESS: &str = r#"
set -e
read -r pid rest </proc/self/stat
mount -t proc proc /proc
for folder in /run /var/lib /var/tmp /dev/shm /etc/cni; do
    [ ! -d "$folder" ] || mount -t tmpfs tmpfs "$folder"
done
mount --bind "$1/hosts" /etc/hosts
mount --bind "$1/ca.pem" /etc/ssl/certs/ca-certificates.crt
ip link set lo up
while read -r address; do ip address add "$address/32" dev lo; done <"$1/addresses"
echo "$pid"
exec cat >/dev/null
"#;

/// Runs a server until its own stdin is closed, or the server ends by itself.
///
/// Killing `nsenter` from outside would not reach the server, and would not wait for it.
const SERVER: &str = r#"
"$@" </dev/null &
cat <&0 >/dev/null &
wait -n
kill -KILL $(jobs -p)
wait
"#;

/// Namespaces and the folder that belongs to them.
///
/// They live as long as this value and never longer than the test process: their first
/// process reads from a pipe that ends with it, however it ends. Nothing has to be
/// unmounted or killed one by one.
pub struct Namespace {
    keeper: Child,
    pid: String,
    dir: PathBuf,
}

impl Namespace {
    /// Makes the namespaces around a folder that holds `hosts`, `ca.pem` and `addresses`
    /// (one IPv4 address a line, for `lo`). The folder is theirs from now on and is
    /// removed with them.
    pub fn around(dir: PathBuf) -> Result<Self, String> {
        let mut keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(&dir)
            .arg(FIRST_PROCESS)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Out of reach of Ctrl-C, which would leave the folder behind.
            .process_group(0)
            .spawn()
            .map_err(|error| format!("sh: {error}"))?;

        let mut pid = String::new();
        if let Some(stdout) = keeper.stdout.take() {
            // An error reads like an early end: no pid.
            let _ = BufReader::new(stdout).read_line(&mut pid);
        }
        let pid = pid.trim().to_owned();
        let mut namespace = Self { keeper, pid, dir };
        if namespace.pid.is_empty() {
            namespace.end();
            let mut why = String::new();
            if let Some(mut stderr) = namespace.keeper.stderr.take() {
                let _ = stderr.read_to_string(&mut why);
            }
            return Err(format!("no namespaces (are you root?): {}", why.trim()));
        }
        Ok(namespace)
    }

    /// The folder, which inside and outside see under the same name.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// `program`, to be run inside, with nothing of the test's own environment.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command
            .args(["--target", &self.pid, "--net", "--mount", "--pid", "--"])
            .arg(program)
            .env_clear()
            .env("PATH", SYSTEM_PATH)
            .stdin(Stdio::null());
        command
    }

    /// Runs `program` inside to its end, or to the limit of `seconds`.
    pub fn run<'a>(&self, seconds: u32, program: &str, args: impl AsRef<[&'a str]>) -> Finished {
        let mut command = self.command("timeout");
        limit(&mut command, seconds);
        command.arg(program).args(args.as_ref());
        finish(command, "")
    }

    /// Runs `body` in a thread inside the network. Its sockets and threads stay inside.
    pub fn within<T: Send>(&self, body: impl FnOnce() -> T + Send) -> T {
        let network = File::open(format!("/proc/{}/ns/net", self.pid)).expect("a network");
        let inside = || {
            setns(network, CloneFlags::CLONE_NEWNET).expect("enter the network");
            body()
        };
        let ended = thread::scope(|scope| scope.spawn(inside).join());
        ended.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// Whether something accepts connections there, inside.
    pub fn listens(&self, address: &str, port: u16) -> bool {
        let open = format!("exec 3<>/dev/tcp/{address}/{port}");
        self.run(5, "bash", ["-c", &open]).code == Some(0)
    }

    /// Starts a server inside; it ends with the returned value.
    pub fn start(&self, name: &str, command: impl FnOnce(&mut Command)) -> Result<Service, String> {
        let log = self.dir.join(format!("{name}.log"));
        let file = File::create(&log).map_err(|error| format!("{}: {error}", log.display()))?;
        let copy = file.try_clone().map_err(|error| error.to_string())?;
        let mut server = self.command("bash");
        server.args(["-c", SERVER, name]).stdin(Stdio::piped());
        server.env("HOME", &self.dir).env("TMPDIR", &self.dir);
        command(&mut server);
        let child = server
            .stdout(file)
            .stderr(copy)
            .spawn()
            .map_err(|error| format!("{name}: {error}"))?;
        Ok(Service { child, log })
    }

    fn end(&mut self) {
        drop(self.keeper.stdin.take());
        let deadline = Instant::now() + Duration::from_secs(20);
        while matches!(self.keeper.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                let _ = self.keeper.kill();
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        self.end();
    }
}

/// A server inside; it has ended when this value is dropped.
pub struct Service {
    child: Child,
    log: PathBuf,
}

impl Service {
    /// Waits until `ready`, at most three minutes: several servers start at once, and one of them
    /// is Python from a cold disk.
    pub fn wait_until(&mut self, ready: impl Fn() -> bool) -> Result<(), String> {
        let deadline = Instant::now() + Duration::from_secs(180);
        while !ready() {
            let ended = !matches!(self.child.try_wait(), Ok(None));
            if ended || Instant::now() > deadline {
                let what = if ended { "ended" } else { "is not ready" };
                return Err(format!("a server {what}: {}", self.log()));
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// What the server has written so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// No process, no mount, no folder survives it.
#[test]
#[ignore = "needs root"]
fn a_namespace_takes_everything_with_it() {
    let dir = tempfile::tempdir().expect("a folder").keep();
    for (name, text) in [("hosts", ""), ("ca.pem", ""), ("addresses", "192.0.2.10\n")] {
        fs::write(dir.join(name), text).expect("a file");
    }
    let namespace = Namespace::around(dir.clone()).expect("namespaces");
    let marker = dir.display().to_string();
    let server = namespace
        .start("sleep", |command| {
            command.args(["sh", "-c", "sleep 600 & wait", &marker]);
        })
        .expect("a server");
    while !is_running(&marker) {
        thread::sleep(Duration::from_millis(20));
    }
    // As if the test process had been killed: nothing stops the server by name.
    std::mem::forget(server);
    drop(namespace);

    assert!(!dir.exists());
    let mounts = fs::read_to_string("/proc/self/mounts").expect("mounts");
    assert!(!mounts.contains(&marker), "{mounts}");
    // What entered them from outside learns only now that there is nothing left to wait for.
    let deadline = Instant::now() + Duration::from_secs(20);
    while is_running(&marker) {
        assert!(Instant::now() < deadline, "it is still there");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Whether a process, inside or outside, has `marker` among its arguments.
fn is_running(marker: &str) -> bool {
    let processes = fs::read_dir("/proc").expect("/proc").flatten();
    processes.into_iter().any(|process| {
        let arguments = fs::read(process.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&arguments).contains(marker)
    })
}
