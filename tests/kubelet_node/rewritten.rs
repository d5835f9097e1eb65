//! A configuration or executable that the platform, or an administrator, has written anew since the
//! installation, for example by an upgrade of the node.

use std::fs;

use crate::common::PROGRAM;

use super::{Node, UPSTREAM, names};

const NAME: &str = "ecr-credential-provider";
const REPLACING: [&str; 5] = ["install", "--name", NAME, "--replace", NAME];

#[test]
fn if_the_platform_has_written_its_entry_anew_its_executable_comes_back() {
    let Some(node) = Node::new("config.yaml", UPSTREAM) else {
        return;
    };
    let upstream = node.executable(NAME);
    fs::write(&upstream, "#!/bin/sh\n").unwrap();
    node.succeeds(&REPLACING);
    fs::write(&node.config, UPSTREAM).unwrap();
    node.succeeds(&["uninstall", "--name", NAME]);
    assert_eq!(fs::read_to_string(&upstream).unwrap(), "#!/bin/sh\n");
    assert_eq!(node.text(), UPSTREAM);
    assert_eq!(names(&node.bin_dir()), [NAME]);
    assert_eq!(backups(&node), Vec::<String>::new());
}

#[test]
fn a_file_that_has_changed_since_keeps_its_changes() {
    let Some(node) = Node::new("config.yaml", UPSTREAM) else {
        return;
    };
    node.succeeds(&["install", "--replace", "ecr-credential-provider"]);
    let added = "- name: other\n  matchImages: [quay.io]\n";
    fs::write(&node.config, format!("{}{added}", node.text())).unwrap();
    let told = node.succeeds(&["uninstall"]);
    assert!(told.contains("no earlier provider is restored"), "{told}");
    assert!(
        node.text().ends_with(&format!("providers:\n{added}")),
        "{}",
        node.text()
    );
    assert!(
        told.contains(" was not deleted: it has a provider that the configuration does not have"),
        "{told}"
    );
    assert_eq!(backups(&node), ["config.yaml.before-ecrx"]);
}

fn backups(node: &Node) -> Vec<String> {
    let mut names = names(node.environment.home());
    names.retain(|name| name.contains(".before-ecrx"));
    names
}

/// As a later release of the platform has it.
fn upgraded() -> String {
    UPSTREAM.replace("defaultCacheDuration: 12h", "defaultCacheDuration: 6h")
}

#[test]
fn a_file_without_the_entry_stays_and_its_backup_is_deleted() {
    for before in [UPSTREAM.to_owned(), upgraded()] {
        let Some(node) = Node::new("config.yaml", UPSTREAM) else {
            return;
        };
        node.succeeds(&["install"]);
        assert_eq!(backups(&node), ["config.yaml.before-ecrx"]);
        fs::write(&node.config, &before).unwrap();
        node.succeeds(&["uninstall"]);
        assert_eq!(node.text(), before);
        assert_eq!(names(&node.bin_dir()), Vec::<String>::new());
        assert_eq!(backups(&node), Vec::<String>::new());
    }
}

#[test]
fn the_entry_of_the_upgrade_comes_back_not_the_one_before_it() {
    let Some(node) = Node::new("config.yaml", UPSTREAM) else {
        return;
    };
    let upstream = node.executable(NAME);
    fs::write(&upstream, "old").unwrap();
    node.succeeds(&REPLACING);
    fs::write(&node.config, upgraded()).unwrap();
    fs::write(&upstream, "new").unwrap();
    node.succeeds(&REPLACING);
    assert_eq!(fs::read(&upstream).unwrap(), fs::read(PROGRAM).unwrap());
    node.succeeds(&["uninstall", "--name", NAME]);
    assert_eq!(node.text(), upgraded());
    assert_eq!(fs::read_to_string(&upstream).unwrap(), "new");
    assert_eq!(names(&node.bin_dir()), [NAME]);
    assert_eq!(backups(&node), Vec::<String>::new());
}

#[test]
fn an_executable_of_the_upgrade_stays() {
    let Some(node) = Node::new("config.yaml", UPSTREAM) else {
        return;
    };
    let upstream = node.executable(NAME);
    fs::write(&upstream, "old").unwrap();
    node.succeeds(&REPLACING);
    fs::write(&upstream, "new").unwrap();
    node.succeeds(&["uninstall", "--name", NAME]);
    assert_eq!(node.text(), UPSTREAM);
    assert_eq!(fs::read_to_string(&upstream).unwrap(), "new");
    assert_eq!(names(&node.bin_dir()), [NAME]);
}

#[test]
fn a_provider_that_was_removed_since_does_not_come_back() {
    let other = "- name: other\n  matchImages: [quay.io]\n";
    let Some(node) = Node::new("config.yaml", &format!("{UPSTREAM}{other}")) else {
        return;
    };
    node.succeeds(&["install"]);
    let (start, ours) = node
        .text()
        .split_once(other)
        .map(|(start, ours)| (start.to_owned(), ours.to_owned()))
        .unwrap();
    let start = start.split_once("- name").unwrap().0;
    fs::write(&node.config, format!("{start}{other}{ours}")).unwrap();
    node.succeeds(&["uninstall"]);
    assert_eq!(node.text(), format!("{start}{other}"));
}

#[test]
fn a_provider_that_a_second_installation_replaces_comes_back() {
    let other = "- name: other\n  matchImages: [quay.io]\n";
    let before = format!("{UPSTREAM}{other}");
    let Some(node) = Node::new("config.yaml", &before) else {
        return;
    };
    node.succeeds(&["install"]);
    node.succeeds(&["install", "--replace", NAME]);
    assert!(!node.text().contains(NAME), "{}", node.text());
    node.succeeds(&["uninstall"]);
    assert_eq!(node.text(), before);
    assert_eq!(backups(&node), Vec::<String>::new());
}
