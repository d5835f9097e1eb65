//! `--executable-only`: what a DaemonSet runs, with nothing but the folder of providers.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Child;

use crate::common::files::{chmod, give_away, mode};
use crate::common::{Outcome, PROGRAM};

use super::{Node, UPSTREAM, names};

const NAME: &str = "docker-credential-ecrx";

const UPSTREAM_NAME: &str = "ecr-credential-provider";

impl Node {
    /// `kubelet` with these words and only the folder.
    fn run_only(&self, words: &[&str]) -> Outcome {
        let bin_dir = self.bin_dir().display().to_string();
        let only = ["--executable-only", "--bin-dir", &bin_dir];
        self.environment
            .run(&[&["kubelet"], words, &only].concat(), "")
    }

    #[track_caller]
    fn only(&self, words: &[&str]) -> String {
        let outcome = self.run_only(words);
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        super::on_one_line(&outcome.stdout)
    }

    #[track_caller]
    fn only_fails(&self, words: &[&str]) -> String {
        let outcome = self.run_only(words);
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        outcome.stderr
    }

    /// Another version of this program, which is installed.
    fn other_version(&self) -> Vec<u8> {
        let mut bytes = fs::read(PROGRAM).expect("the program");
        bytes.extend(b"another version");
        fs::write(self.executable(NAME), &bytes).expect("a file");
        chmod(&self.executable(NAME), 0o755);
        bytes
    }
}

fn is_this_program(path: &Path) -> bool {
    fs::read(path).expect("a file") == fs::read(PROGRAM).expect("the program")
}

/// Ends a process that `kubelet pause` keeps running.
fn end(child: Child) -> Outcome {
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("a signal");
    Outcome::of(child)
}

/// Waits until the process has a handler for SIGTERM (`SigCgt` of proc(5)), for at most a minute.
#[track_caller]
fn wait_until_it_pauses(pid: u32) {
    for _ in 0..6000 {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = u64::from_str_radix(caught.expect("a mask").trim(), 16).expect("a number");
        if caught & (1 << 14) != 0 {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("the process {pid} does not wait for SIGTERM");
}

#[test]
fn it_copies_the_executable_without_kubelets_configuration_and_writes_nothing_again() {
    let Some(node) = Node::new("config.yaml", "not: [a configuration") else {
        return;
    };
    let told = node.only(&["install"]);
    assert!(told.contains("copied this program to "), "{told}");
    let program = node.executable(NAME);
    assert!(is_this_program(&program));
    assert_eq!(mode(&program), 0o755);
    assert_eq!(names(&node.bin_dir()), [NAME]);
    let state = || {
        let [file, folder] = [&program, &node.bin_dir()].map(|it| fs::metadata(it).unwrap());
        let times = [&file, &folder].map(|it| (it.ctime(), it.ctime_nsec()));
        (file.ino(), times)
    };
    let before = state();
    let again = node.only(&["install"]);
    assert!(again.contains("already installed: "), "{again}");
    assert_eq!(state(), before);
    assert!(node.text().starts_with("not: "));
}

#[test]
fn a_copy_that_is_killed_in_the_middle_leaves_the_earlier_executable() {
    let Some(node) = Node::new("config.yaml", UPSTREAM) else {
        return;
    };
    let earlier = node.other_version();
    // SIGXFSZ ends the process in the middle of a write (setrlimit(2)). The unit is 512 bytes.
    let script = r#"ulimit -f 100; exec "$0" kubelet install --executable-only --bin-dir "$1""#;
    let bin_dir = node.bin_dir().display().to_string();
    let arguments = ["-c", script, PROGRAM, &bin_dir];
    let killed = node.environment.run_program("/bin/sh", &arguments, "");
    assert_eq!(killed.code, None, "{killed:?}");
    let left = names(&node.bin_dir());
    let [half, NAME] = [&*left[0], &*left[1]] else {
        panic!("{left:?}");
    };
    let length = fs::metadata(node.executable(half)).unwrap().len();
    assert_eq!(length, 100 * 512);
    assert!(fs::read(node.executable(NAME)).unwrap() == earlier);

    node.only(&["install"]);
    assert!(is_this_program(&node.executable(NAME)));
    assert_eq!(names(&node.bin_dir()), [NAME]);
}

#[test]
fn an_executable_that_runs_is_replaced_and_runs_on() {
    let Some(node) = Node::new("config.yaml", UPSTREAM) else {
        return;
    };
    node.other_version();
    let program = node.executable(NAME);
    let running = node
        .environment
        .start_program(&program, &["kubelet", "pause"], b"");
    wait_until_it_pauses(running.id());
    node.only(&["install"]);
    assert!(is_this_program(&program));
    let outcome = end(running);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
}

#[test]
fn a_folder_that_is_not_roots_or_that_others_can_write_to_is_refused() {
    let Some(node) = Node::new("config.yaml", UPSTREAM) else {
        return;
    };
    chmod(&node.bin_dir(), 0o777);
    let error = node.only_fails(&["install"]);
    assert!(error.contains("all users can write to "), "{error}");
    chmod(&node.bin_dir(), 0o755);
    give_away(&node.bin_dir());
    let error = node.only_fails(&["install"]);
    assert!(error.contains(" belongs to user 12345"), "{error}");
    assert_eq!(names(&node.bin_dir()), Vec::<String>::new());
}

#[test]
fn another_programs_executable_is_replaced_only_by_its_name_and_restored() {
    let Some(node) = Node::new("config.yaml", UPSTREAM) else {
        return;
    };
    let upstream = node.executable(UPSTREAM_NAME);
    fs::write(&upstream, "#!/bin/sh\n").unwrap();
    let name = ["--name", UPSTREAM_NAME];
    let replace = ["--replace", UPSTREAM_NAME];
    let error = node.only_fails(&[&["install"], &name[..]].concat());
    assert!(
        error.contains("Pass --replace ecr-credential-provider to replace it"),
        "{error}"
    );
    let error = node.only_fails(&[&["install"], &replace[..]].concat());
    assert!(
        error.contains("there is no provider `ecr-credential-provider` to replace"),
        "{error}"
    );
    assert_eq!(fs::read_to_string(&upstream).unwrap(), "#!/bin/sh\n");
    let told = node.only(&[&["uninstall"], &name[..]].concat());
    assert!(told.contains("nothing to remove: "), "{told}");

    let install = [&["install"], &name[..], &replace].concat();
    let told = node.only(&[&install[..], &["--dry-run"]].concat());
    assert!(told.contains("would copy this program to "), "{told}");
    assert_eq!(names(&node.bin_dir()), [UPSTREAM_NAME]);
    node.only(&install);
    assert!(is_this_program(&upstream));
    assert!(node.only(&install).contains("already installed: "));

    let uninstall = [&["uninstall"], &name[..]].concat();
    let told = node.only(&[&uninstall[..], &["--dry-run"]].concat());
    assert!(told.contains("would remove "), "{told}");
    let told = node.only(&uninstall);
    assert!(told.contains("restored the earlier "), "{told}");
    assert_eq!(fs::read_to_string(&upstream).unwrap(), "#!/bin/sh\n");
    assert_eq!(names(&node.bin_dir()), [UPSTREAM_NAME]);
    assert_eq!(node.text(), UPSTREAM);
}

#[test]
fn uninstalling_removes_any_version_of_this_program() {
    let Some(node) = Node::new("config.yaml", UPSTREAM) else {
        return;
    };
    node.other_version();
    assert!(node.only(&["uninstall"]).contains("removed "));
    assert_eq!(names(&node.bin_dir()), Vec::<String>::new());
    assert!(node.only(&["uninstall"]).contains("nothing to remove: "));
}

#[test]
fn the_folder_has_to_be_named_and_options_of_the_configuration_are_refused() {
    let Some(node) = Node::new("config.yaml", UPSTREAM) else {
        return;
    };
    for command in ["install", "uninstall"] {
        let words = ["kubelet", command, "--executable-only"];
        let outcome = node.environment.run(&words, "");
        assert_eq!(outcome.code, Some(2), "{outcome:?}");
        for option in ["--restart-kubelet", "--config=/etc/x"] {
            let outcome = node.run_only(&[command, option]);
            assert_eq!(outcome.code, Some(2), "{outcome:?}");
        }
    }
    assert_eq!(names(&node.bin_dir()), Vec::<String>::new());
}

#[test]
fn as_the_first_process_of_a_container_pause_ends_at_sigterm() {
    let Some(node) = Node::new("config.yaml", UPSTREAM) else {
        return;
    };
    let arguments = ["--pid", "--fork", PROGRAM, "kubelet", "pause"];
    let around = node.environment.start_program("unshare", &arguments, b"");
    let children = format!("/proc/{0}/task/{0}/children", around.id());
    let child = (0..6000).find_map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        let children = fs::read_to_string(&children).expect("children");
        children.trim().parse().ok()
    });
    let child: i32 = child.expect("a child");
    wait_until_it_pauses(child.cast_unsigned());
    let pid = rustix::process::Pid::from_raw(child).expect("a process");
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("a signal");
    let outcome = Outcome::of(around);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
}
