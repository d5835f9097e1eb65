//! A person at a terminal: a real pseudo-terminal, and the executable in a session that it
//! controls. Only `/dev/tty` leads to it; stdin, stdout and stderr are files, as a client's pipes
//! would be.

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Signal, kill_process_group};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp, tcsetattr,
};
use tempfile::TempDir;

use super::{Outcome, PROGRAM, TestEnvironment};

/// The Enter key.
pub const ENTER: &str = "\r";
pub const CTRL_C: &str = "\x03";
pub const CTRL_D: &str = "\x04";

/// Far above what anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// The person's side of a terminal, and what it has shown.
pub struct Terminal {
    keyboard_and_screen: File,
    /// Held, so that the terminal stays open when no other process has it open.
    device: File,
    shown: RefCell<Vec<u8>>,
    /// How much of it [`Terminal::wait_for`] has passed.
    passed: RefCell<usize>,
}

/// Where a program runs in its session.
#[derive(Clone, Copy, Debug)]
pub enum Place {
    /// It may read from the terminal, as the only program there.
    Foreground,
    /// The same, and started twice at once, in one process group.
    ForegroundTwice,
    /// A shell is in front: reading from the terminal, or changing its settings, would stop it.
    Background,
    /// In front of a shell that, when it is stopped, lets it go on in the background.
    Job,
}

impl Place {
    /// Runs `"$@"` after the names of the three files.
    fn script(self) -> &'static str {
        match self {
            Self::Foreground => {
                r#"in=$1 out=$2 err=$3; shift 3; exec "$@" <"$in" >"$out" 2>"$err""#
            }
            Self::ForegroundTwice => {
                r#"in=$1 out=$2 err=$3; shift 3; : >"$out" >"$err"
                "$@" <"$in" >>"$out" 2>>"$err" & "$@" <"$in" >>"$out" 2>>"$err" & wait"#
            }
            // With job control (`set -m`) each job has a process group of its own.
            Self::Background => {
                r#"in=$1 out=$2 err=$3; shift 3; set -m; "$@" <"$in" >"$out" 2>"$err" & wait $!"#
            }
            Self::Job => {
                r#"in=$1 out=$2 err=$3; shift 3; set -m
                "$@" <"$in" >"$out" 2>"$err"; bg >/dev/null; wait %1"#
            }
        }
    }
}

impl Terminal {
    pub fn open() -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let keyboard_and_screen = openpt(flags).expect("a pseudo-terminal");
        grantpt(&keyboard_and_screen).expect("grantpt");
        unlockpt(&keyboard_and_screen).expect("unlockpt");
        let path = ptsname(&keyboard_and_screen, Vec::new()).expect("a name");
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let device = rustix::fs::open(path.as_c_str(), flags, Mode::empty()).expect("a terminal");
        Self {
            keyboard_and_screen: keyboard_and_screen.into(),
            device: device.into(),
            shown: RefCell::default(),
            passed: RefCell::default(),
        }
    }

    /// Presses these keys.
    pub fn type_text(&self, keys: &str) {
        let mut keyboard = &self.keyboard_and_screen;
        keyboard.write_all(keys.as_bytes()).expect("typing");
    }

    /// The same, and Enter.
    pub fn type_line(&self, keys: &str) {
        self.type_text(&format!("{keys}{ENTER}"));
    }

    /// Waits until the terminal shows this, after what was waited for before.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        let until = Instant::now() + PATIENCE;
        loop {
            self.look(Duration::from_millis(50));
            let shown = self.shown.borrow();
            let mut passed = self.passed.borrow_mut();
            let found = shown[*passed..]
                .windows(text.len())
                .position(|window| window == text.as_bytes());
            if let Some(at) = found {
                *passed += at + text.len();
                return;
            }
            let shown = String::from_utf8_lossy(&shown);
            assert!(Instant::now() < until, "in vain: {text:?} in {shown:?}");
        }
    }

    /// Everything the terminal has shown so far. Its line ends are `\r\n`.
    pub fn shown(&self) -> String {
        while self.look(Duration::ZERO) {}
        String::from_utf8(self.shown.borrow().clone()).expect("UTF-8")
    }

    /// Whether what is typed now is shown.
    pub fn echoes(&self) -> bool {
        self.termios().local_modes.contains(LocalModes::ECHO)
    }

    /// All the settings, for comparing.
    pub fn settings(&self) -> String {
        format!("{:?}", self.termios())
    }

    /// Switches off all that the line discipline does, as a full-screen program does, and takes
    /// their meaning from Ctrl-C and Ctrl-D.
    pub fn make_raw(&self) {
        let mut settings = self.termios();
        settings.make_raw();
        settings.special_codes[SpecialCodeIndex::VINTR] = 0;
        settings.special_codes[SpecialCodeIndex::VEOF] = 0;
        tcsetattr(&self.device, OptionalActions::Now, &settings).expect("settings");
    }

    /// Stops (SIGSTOP) the program in the foreground.
    pub fn stop_what_is_in_front(&self) {
        let group = tcgetpgrp(&self.keyboard_and_screen).expect("a process group");
        kill_process_group(group, Signal::STOP).expect("stop");
    }

    /// The line that a program would read now. There must be one.
    pub fn line_for_the_next_program(&self) -> String {
        let mut line = [0; 4096];
        let length = (&self.device).read(&mut line).expect("read");
        String::from_utf8(line[..length].to_vec()).expect("UTF-8")
    }

    fn termios(&self) -> Termios {
        tcgetattr(&self.device).expect("settings")
    }

    /// Reads what is to be seen, and says whether there was anything in this time.
    fn look(&self, time: Duration) -> bool {
        let mut screen = [PollFd::new(&self.keyboard_and_screen, PollFlags::IN)];
        let time = Timespec::try_from(time).expect("a short time");
        if poll(&mut screen, Some(&time)).expect("poll") == 0 {
            return false;
        }
        let mut part = [0; 4096];
        let length = (&self.keyboard_and_screen).read(&mut part).expect("read");
        self.shown.borrow_mut().extend(&part[..length]);
        true
    }
}

/// A program that was started on a terminal.
pub struct OnTerminal {
    child: Child,
    files: TempDir,
}

impl TestEnvironment {
    /// Starts the executable with its whole input, in the foreground of this terminal.
    pub fn start_on(&self, terminal: &Terminal, arguments: &[&str], input: &str) -> OnTerminal {
        self.start_program_on(terminal, Place::Foreground, PROGRAM, arguments, input)
    }

    /// Starts any program in a new session that this terminal controls. The session before must
    /// have ended.
    pub fn start_program_on(
        &self,
        terminal: &Terminal,
        place: Place,
        program: &str,
        arguments: &[&str],
        input: &str,
    ) -> OnTerminal {
        let files = tempfile::tempdir().expect("a temporary folder");
        let [stdin, stdout, stderr] =
            ["stdin", "stdout", "stderr"].map(|name| files.path().join(name));
        fs::write(&stdin, input).expect("a file");
        let child = self
            // The one way without `unsafe`: setsid makes its stdin the controlling terminal.
            .command_of("setsid", &["-c", "sh", "-c", place.script(), "sh"])
            .args([stdin, stdout, stderr])
            .arg(program)
            .args(arguments)
            .stdin(terminal.device.try_clone().expect("a descriptor"))
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("setsid");
        OnTerminal { child, files }
    }
}

impl OnTerminal {
    /// Waits for the end.
    #[track_caller]
    pub fn outcome(mut self) -> Outcome {
        let until = Instant::now() + PATIENCE;
        let status = loop {
            match self.child.try_wait().expect("wait") {
                Some(status) => break status,
                None => std::thread::sleep(Duration::from_millis(10)),
            }
            assert!(Instant::now() < until, "it does not end: {}", self.output());
        };
        Outcome {
            code: status.code(),
            stdout: self.file("stdout"),
            stderr: self.file("stderr"),
        }
    }

    /// Ends it at once (SIGKILL).
    pub fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn output(&self) -> String {
        format!("{:?} {:?}", self.file("stdout"), self.file("stderr"))
    }

    fn file(&self, name: &str) -> String {
        // The shell makes it, perhaps not yet.
        fs::read_to_string(self.files.path().join(name)).unwrap_or_default()
    }
}

impl Drop for OnTerminal {
    fn drop(&mut self) {
        self.end();
    }
}
