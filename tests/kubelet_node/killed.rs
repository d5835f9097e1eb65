//! `kubelet install` and `kubelet uninstall`, killed after each of their steps.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::common::PROGRAM;
use crate::common::files::skipped;

use super::{Node, UPSTREAM, names};

const NAME: &str = "ecr-credential-provider";
const PROVIDER: &str = "#!/bin/sh\n";
const INSTALL: [&str; 5] = ["install", "--name", NAME, "--replace", NAME];
const UNINSTALL: [&str; 3] = ["uninstall", "--name", NAME];

/// How long a command goes on after a step before it is killed, in milliseconds.
const DELAYS: [u64; 4] = [0, 1, 4, 16];

/// Whether a command has done a step.
type Step = fn(&Node) -> bool;

const STEPS: [(Step, Step); 6] = [
    (|_| true, |_| true),
    (has_temporary_file, |node| node.text() == UPSTREAM),
    (|node| kept(node).exists(), |node| !backup(node).exists()),
    (has_program, |node| !kept(node).exists()),
    (|node| backup(node).exists(), |node| node.text() == UPSTREAM),
    (|node| node.text() != UPSTREAM, |node| !kept(node).exists()),
];

fn has_temporary_file(node: &Node) -> bool {
    names(&node.bin_dir())
        .iter()
        .any(|name| name.ends_with(".tmp"))
}

fn has_program(node: &Node) -> bool {
    fs::metadata(node.executable(NAME)).unwrap().len() != PROVIDER.len() as u64
}

fn kept(node: &Node) -> PathBuf {
    node.executable(&format!("{NAME}.before-ecrx"))
}

fn backup(node: &Node) -> PathBuf {
    node.config.with_extension("yaml.before-ecrx")
}

/// Kills a command some time after a step, if it has not ended by then.
fn kill(node: &Node, words: &[&str], step: Step, delay: u64) {
    let mut child = node.start(words);
    while child.try_wait().expect("a child").is_none() && !step(node) {
        thread::sleep(Duration::from_micros(100));
    }
    thread::sleep(Duration::from_millis(delay));
    child.kill().expect("a child");
    child.wait().expect("a child");
}

/// A smaller copy of the program, which is written in less time.
fn stripped(node: &Node) -> Option<PathBuf> {
    let copy = node.environment.home().join("ecrx");
    let arguments = [OsStr::new("-o"), copy.as_ref(), PROGRAM.as_ref()];
    let is_made = Command::new("strip").args(arguments).status();
    is_made.is_ok_and(|it| it.success()).then_some(copy)
}

#[test]
fn no_file_is_ever_half_written_and_the_next_run_leaves_no_leftovers() {
    let Some(mut node) = Node::new("config.yaml", UPSTREAM) else {
        return;
    };
    match stripped(&node) {
        Some(copy) => node.program = copy,
        None => return skipped("there is no strip"),
    }
    let program = fs::read(&node.program).unwrap();
    let provider = node.executable(NAME);
    fs::write(&provider, PROVIDER).unwrap();
    let files = || [node.environment.home(), &node.bin_dir()].map(names);
    let without = files();
    node.succeeds(&INSTALL);
    let (installed, with) = (node.text(), files());

    let check = |moment: &str| {
        let found = fs::read(&provider).unwrap();
        let is_program = found == program;
        assert!(
            is_program || found == PROVIDER.as_bytes(),
            "{moment}: {}",
            found.len()
        );
        let text = node.text();
        assert!(text == installed || text == UPSTREAM, "{moment}: {text}");
        assert!(
            is_program || text == UPSTREAM,
            "{moment}: an entry without its executable"
        );
        is_program
    };
    for (number, (of_install, of_uninstall)) in STEPS.into_iter().enumerate() {
        for delay in DELAYS {
            let moment = format!("{delay} ms after step {number}");
            node.succeeds(&UNINSTALL);
            assert!(!check(&moment));
            assert_eq!(
                (&*node.text(), files()),
                (UPSTREAM, without.clone()),
                "{moment}"
            );

            kill(&node, &INSTALL, of_install, delay);
            check(&moment);
            if delay == 1 {
                // It can be undone, too.
                continue;
            }
            node.succeeds(&INSTALL);
            assert!(check(&moment));
            assert_eq!(
                (node.text(), files()),
                (installed.clone(), with.clone()),
                "{moment}"
            );

            kill(&node, &UNINSTALL, of_uninstall, delay);
            check(&moment);
        }
    }
    node.succeeds(&UNINSTALL);
    assert_eq!((&*node.text(), files()), (UPSTREAM, without));
}
