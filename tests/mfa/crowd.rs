//! A client that runs several of us at once, on one terminal.

use std::fs::{self, File};
use std::io::Write as _;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, Mode};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::common::pty::{OnTerminal, Place, Terminal};
use super::common::{Outcome, PROGRAM, TestEnvironment};

/// Starts a `get` for each line of the orders, and writes down what comes of it.
const SCRIPT: &str = r#"
program=$1 folder=$2 count=0
while read -r server; do
    echo "$server" >"$folder/$count.stdin"
    "$program" get <"$folder/$count.stdin" >"$folder/$count.stdout" 2>"$folder/$count.stderr" &
    eval "pid$count=$!"
    echo $! >"$folder/$count.pid"
    count=$((count + 1))
done <"$folder/orders"
number=0
while [ "$number" -lt "$count" ]; do
    eval "wait \$pid$number"
    echo $? >"$folder/$number.code"
    number=$((number + 1))
done
"#;

const PATIENCE: Duration = Duration::from_secs(30);

pub struct Crowd {
    client: OnTerminal,
    folder: TempDir,
    orders: File,
    count: usize,
}

impl Crowd {
    pub fn on(terminal: &Terminal, environment: &TestEnvironment) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let orders = folder.path().join("orders");
        let mode = Mode::RUSR | Mode::WUSR;
        rustix::fs::mknodat(CWD, &orders, rustix::fs::FileType::Fifo, mode, 0).expect("a fifo");
        let path = folder.path().to_str().expect("UTF-8").to_owned();
        let arguments = ["-c", SCRIPT, "sh", PROGRAM, &path];
        let client =
            environment.start_program_on(terminal, Place::Foreground, "sh", &arguments, "");
        // Opened for reading too, so that it waits for no reader.
        let orders = File::options().read(true).write(true).open(orders);
        Self {
            client,
            orders: orders.expect("a fifo"),
            folder,
            count: 0,
        }
    }

    /// Starts one more `get`, and says which process it is.
    #[track_caller]
    pub fn get(&mut self, server: &str) -> Pid {
        writeln!(self.orders, "{server}").expect("an order");
        let path = self.folder.path().join(format!("{}.pid", self.count));
        self.count += 1;
        let until = Instant::now() + PATIENCE;
        loop {
            let text = fs::read_to_string(&path).unwrap_or_default();
            if let Some(pid) = text.strip_suffix('\n').filter(|pid| !is_shell(pid)) {
                return Pid::from_raw(pid.parse().expect("a process id")).expect("not 0");
            }
            assert!(Instant::now() < until, "it does not start");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits for all of them. Who was killed has the code that a shell gives to that.
    #[track_caller]
    pub fn outcomes(self) -> Vec<Outcome> {
        let Self {
            client,
            folder,
            orders,
            count,
        } = self;
        drop(orders);
        assert_eq!(client.outcome().code, Some(0));
        let read = |number: usize, what: &str| {
            let path = folder.path().join(format!("{number}.{what}"));
            fs::read_to_string(path).expect("a file")
        };
        let outcome = |number| Outcome {
            code: read(number, "code").trim().parse().ok(),
            stdout: read(number, "stdout"),
            stderr: read(number, "stderr"),
        };
        (0..count).map(outcome).collect()
    }
}

/// Whether a process is still the shell that becomes the program.
fn is_shell(pid: &str) -> bool {
    let program = fs::read_link(format!("/proc/{pid}/exe"));
    // Of one that has ended there is none.
    program.is_ok_and(|program| !program.ends_with("docker-credential-ecrx"))
}

/// Ends one of them at once.
pub fn kill(process: Pid) {
    kill_process(process, Signal::KILL).expect("kill");
}

/// What a shell says of a process that was ended by SIGKILL.
pub const KILLED: Option<i32> = Some(137);
