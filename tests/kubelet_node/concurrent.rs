//! Several commands at once, as a DaemonSet and a person run them.

use std::fs;

use crate::common::Outcome;

use super::{Node, UPSTREAM, names};

const NAME: &str = "ecr-credential-provider";

const VENDORS: &str = "#!/bin/sh\n";

const INSTALL: [&str; 5] = ["install", "--name", NAME, "--replace", NAME];
const EXECUTABLE_ONLY: [&str; 6] = [
    "install",
    "--executable-only",
    "--name",
    NAME,
    "--replace",
    NAME,
];
const UNINSTALL: [&str; 3] = ["uninstall", "--name", NAME];

/// A node on which the vendor's program is the provider.
fn node() -> Option<Node> {
    let node = Node::new("config.yaml", UPSTREAM)?;
    fs::write(node.executable(NAME), VENDORS).expect("a program");
    Some(node)
}

fn is_the_vendors(node: &Node) {
    assert_eq!(node.text(), UPSTREAM);
    assert_eq!(
        fs::read_to_string(node.executable(NAME)).expect("a program"),
        VENDORS
    );
    assert_eq!(names(&node.bin_dir()), [NAME]);
}

/// Runs all of these at once.
fn run(node: &Node, commands: &[&[&str]]) -> Vec<Outcome> {
    let started: Vec<_> = commands.iter().map(|words| node.start_any(words)).collect();
    started.into_iter().map(Outcome::of).collect()
}

#[test]
fn of_two_uninstallations_at_once_one_finds_nothing_to_do() {
    let Some(node) = node() else {
        return;
    };
    for _ in 0..10 {
        node.succeeds(&INSTALL);
        for outcome in run(&node, &[&UNINSTALL, &UNINSTALL]) {
            assert_eq!(outcome.code, Some(0), "{outcome:?}");
        }
        is_the_vendors(&node);
    }
}

#[test]
fn whatever_runs_at_once_the_vendors_program_comes_back() {
    let Some(node) = node() else {
        return;
    };
    for commands in [
        &[&INSTALL[..], &EXECUTABLE_ONLY][..],
        &[&INSTALL, &UNINSTALL, &INSTALL, &UNINSTALL],
        &[&EXECUTABLE_ONLY, &UNINSTALL, &EXECUTABLE_ONLY],
    ] {
        for _ in 0..6 {
            for outcome in run(&node, commands) {
                assert_eq!(outcome.code, Some(0), "{outcome:?}");
            }
            node.succeeds(&UNINSTALL);
            // The copy of `--executable-only` has no entry in the configuration.
            is_the_vendors(&node);
        }
    }
}
