//! The restart of kubelet, with a double of `systemctl` that notes its calls.

use std::fs;

use super::{Node, UPSTREAM, names};

/// A unit that runs, unless the configuration has an entry of this program and `$HOME/refuses` exists.
const SYSTEMCTL: &str = r#"#!/bin/sh
echo "$*" >>"$HOME/calls"
case $1 in
show)
    if [ -e "$HOME/refuses" ] && grep -q 'docker-credential-ecrx' "$HOME/config.yaml"; then
        echo ActiveState=failed
    else
        printf 'ActiveState=active\nMainPID=7\n'
    fi ;;
esac
"#;

fn node() -> Option<Node> {
    let mut node = Node::new("config.yaml", UPSTREAM)?;
    node.program("systemctl", SYSTEMCTL);
    Some(node)
}

fn restarts(node: &Node) -> Vec<String> {
    let calls = fs::read_to_string(node.environment.home().join("calls")).unwrap_or_default();
    let restarts = calls.lines().filter(|call| call.starts_with("restart"));
    restarts.map(str::to_owned).collect()
}

#[test]
fn kubelet_is_restarted_once_and_not_again_without_a_change() {
    let Some(node) = node() else {
        return;
    };
    let told = node.succeeds(&["install", "--restart-kubelet"]);
    assert!(told.contains("restarted kubelet, and it runs"), "{told}");
    let told = node.succeeds(&["install", "--restart-kubelet"]);
    assert!(told.contains("kubelet was not restarted"), "{told}");
    assert_eq!(restarts(&node), ["restart kubelet"]);
}

#[test]
fn without_the_option_kubelet_is_not_restarted() {
    let Some(node) = node() else {
        return;
    };
    let told = node.succeeds(&["install"]);
    assert!(told.contains("restart it"), "{told}");
    assert_eq!(restarts(&node), Vec::<String>::new());
}

#[test]
fn if_kubelet_does_not_run_everything_is_restored_and_it_is_restarted_again() {
    let Some(node) = node() else {
        return;
    };
    node.environment.write("refuses", "");
    let before = names(node.environment.home());
    let error = node.fails(&["install", "--restart-kubelet", "--unit", "k3s"]);
    assert!(
        error.contains("the earlier configuration was restored, and kubelet runs with it"),
        "{error}"
    );
    assert_eq!(node.text(), UPSTREAM);
    assert_eq!(names(&node.bin_dir()), Vec::<String>::new());
    assert_eq!(restarts(&node), ["restart k3s", "restart k3s"]);
    let after: Vec<String> = names(node.environment.home())
        .into_iter()
        .filter(|name| name != "calls")
        .collect();
    assert_eq!(after, before);
}

#[test]
fn without_systemd_nothing_is_changed() {
    let Some(node) = Node::new("config.yaml", UPSTREAM) else {
        return;
    };
    let error = node.fails(&["install", "--restart-kubelet"]);
    assert!(error.contains("systemctl is not on PATH"), "{error}");
    assert_eq!(node.text(), UPSTREAM);
    assert_eq!(names(&node.bin_dir()), Vec::<String>::new());
}
