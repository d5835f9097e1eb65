//! A small disk, in memory, that only the programs see which are run on it.

use std::fs;
use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use super::super::common::files::{am_root, own_mounts, skipped};
use super::super::common::{HOST, Outcome, PROGRAM, TestEnvironment};

/// Mounts the disk at `$1` with the options `$2`, and stays until its stdin is closed.
const KEEPER: &str = r#"mount -t tmpfs -o "$2" tmpfs "$1" && echo mounted && exec cat"#;

/// A file system in a mount namespace of its own, as `~/.cache`.
pub struct Disk {
    keeper: Child,
    pid: String,
}

impl Disk {
    /// An empty one for an environment, with options of tmpfs; `None` where none can be mounted,
    /// which is said.
    pub fn new(environment: &TestEnvironment, options: &str) -> Option<Self> {
        let folder = environment.home().join(".cache");
        fs::create_dir(&folder).expect("a folder");
        let folder = folder.display().to_string();
        let options = format!("mode=700,{options}");
        let mut arguments = own_mounts();
        arguments.extend(["--", "sh", "-c", KEEPER, "keeper", &folder, &options]);
        let mut command = environment.command_of("unshare", &arguments);
        let mut keeper = command.stderr(Stdio::inherit()).spawn().expect("unshare");
        let mut line = String::new();
        let stdout = keeper.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let pid = keeper.id().to_string();
        let disk = Self { keeper, pid };
        if line.is_empty() {
            skipped("no disk can be mounted here (neither root nor user namespaces)");
            return None;
        }
        Some(disk)
    }

    /// `get` of [`HOST`] on the disk.
    pub fn get(&self, environment: &TestEnvironment) -> Outcome {
        self.run(environment, &["get"], HOST)
    }

    pub fn run(&self, environment: &TestEnvironment, words: &[&str], input: &str) -> Outcome {
        let words = [&[PROGRAM], words].concat();
        self.run_program(environment, &words, input)
    }

    /// Mounts it once more, `ro` or `rw`.
    pub fn remount(&self, environment: &TestEnvironment, how: &str) {
        let folder = environment.home().join(".cache").display().to_string();
        let options = format!("remount,bind,{how}");
        let words = ["mount", "-o", &options, &folder];
        let outcome = self.run_program(environment, &words, "");
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
    }

    fn run_program(&self, environment: &TestEnvironment, words: &[&str], input: &str) -> Outcome {
        let mut arguments = vec!["--target", &self.pid, "--mount"];
        if !am_root() {
            arguments.extend(["--user", "--preserve-credentials"]);
        }
        arguments.push("--");
        arguments.extend(words);
        environment.run_program("nsenter", &arguments, input)
    }

    /// Where this process finds what is at `path` on the disk.
    pub fn seen(&self, path: &Path) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.pid));
        root.join(path.strip_prefix("/").expect("an absolute path"))
    }

    /// Fills a file in this folder of the disk until not a byte more can be written.
    pub fn fill(&self, folder: &Path) -> PathBuf {
        let path = self.seen(folder).join("filler");
        let mut file = fs::File::create(&path).expect("a file");
        loop {
            match file.write_all(&[b'x'; 512]) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => return path,
                Err(error) => panic!("{path:?}: {error}"),
            }
        }
    }

    /// Makes files in this folder of the disk until no more can be made.
    pub fn use_up_inodes(&self, folder: &Path) -> Vec<PathBuf> {
        let mut made = Vec::new();
        loop {
            let path = self.seen(folder).join(format!("filler-{}", made.len()));
            match fs::File::create_new(&path) {
                Ok(_) => made.push(path),
                Err(error) if error.kind() == ErrorKind::StorageFull => return made,
                Err(error) => panic!("{path:?}: {error}"),
            }
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}
