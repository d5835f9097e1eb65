//! The restart of kubelet, with a double of `systemctl` that notes its calls.

use std::fs;
use std::ops::Deref;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::{Node, UPSTREAM, names};

/// A unit whose process is in `$HOME/kubelet`. It fails if the configuration has an entry of this program
/// and `$HOME/refuses` exists. While `$HOME/hangs` exists, a restart does not end.
const SYSTEMCTL: &str = r#"#!/bin/sh
echo "$*" >>"$HOME/calls"
case $1 in
restart)
    if [ -e "$HOME/hangs" ]; then
        echo $$ >"$HOME/hangs"
        exec sleep 60
    fi
    kill "$(cat "$HOME/kubelet")" 2>/dev/null
    sleep 600 </dev/null >/dev/null 2>&1 &
    echo $! >"$HOME/kubelet" ;;
show)
    if [ -e "$HOME/refuses" ] && grep -q 'docker-credential-ecrx' "$HOME/config.yaml"; then
        echo ActiveState=failed
    else
        printf 'ActiveState=active\nMainPID=%s\n' "$(cat "$HOME/kubelet")"
    fi ;;
esac
"#;

/// A node with a kubelet, which is killed in the end.
struct KubeletNode(Node);

impl Deref for KubeletNode {
    type Target = Node;

    fn deref(&self) -> &Node {
        &self.0
    }
}

impl Drop for KubeletNode {
    fn drop(&mut self) {
        self.kill("kubelet");
        self.kill("hangs");
    }
}

impl KubeletNode {
    /// The process whose id is in a file.
    fn process(&self, file: &str) -> Option<Pid> {
        let text = fs::read_to_string(self.environment.home().join(file)).ok()?;
        Pid::from_raw(text.trim().parse().ok()?)
    }

    fn kill(&self, file: &str) {
        if let Some(process) = self.process(file) {
            let _ = kill_process(process, Signal::KILL);
        }
    }

    /// Starts this command, and kills it while it restarts kubelet.
    fn kill_at_restart(&self, word: &str) {
        let hangs = self.environment.write("hangs", "");
        let mut child = self.start(&[word, "--restart-kubelet"]);
        let ends_at = Instant::now() + Duration::from_secs(60);
        while self.process("hangs").is_none() {
            assert!(Instant::now() < ends_at, "no restart");
            thread::sleep(Duration::from_millis(10));
        }
        child.kill().expect("a child");
        child.wait().expect("a child");
        self.kill("hangs");
        fs::remove_file(hangs).expect("a file");
    }
}

fn node() -> Option<KubeletNode> {
    let mut node = Node::new("config.yaml", UPSTREAM)?;
    node.program("systemctl", SYSTEMCTL);
    let home = node.environment.home();
    let systemctl = home.join("path/systemctl");
    node.environment.run_program(systemctl, &["restart"], "");
    fs::remove_file(home.join("calls")).expect("a file");
    // Longer than the resolution of its start.
    thread::sleep(Duration::from_millis(100));
    Some(KubeletNode(node))
}

fn restarts(node: &KubeletNode) -> Vec<String> {
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
fn an_installation_that_was_killed_before_the_restart_is_completed_by_the_next() {
    let Some(node) = node() else {
        return;
    };
    node.kill_at_restart("install");
    assert!(node.text().contains("docker-credential-ecrx"));
    let told = node.succeeds(&["install", "--restart-kubelet"]);
    for expected in [
        "already configured: ",
        "kubelet has not been started since the last change of its configuration",
        "restarted kubelet, and it runs",
    ] {
        assert!(told.contains(expected), "{told}");
    }
    let told = node.succeeds(&["install", "--restart-kubelet"]);
    assert!(told.contains("kubelet was not restarted"), "{told}");
    assert_eq!(restarts(&node), ["restart kubelet", "restart kubelet"]);
}

#[test]
fn if_kubelet_does_not_run_it_is_restarted_without_a_change_and_the_error_has_the_way_back() {
    let Some(node) = node() else {
        return;
    };
    node.succeeds(&["install"]);
    node.environment.write("refuses", "");
    let words = ["install", "--restart-kubelet", "--unit", "k3s"];
    let error = node.fails(&words);
    for expected in [
        "k3s did not keep running after the restart: failed",
        "docker-credential-ecrx kubelet uninstall --restart-kubelet --unit k3s",
    ] {
        assert!(error.contains(expected), "{error}");
    }
    node.succeeds(&["uninstall", "--restart-kubelet", "--unit", "k3s"]);
    assert_eq!(node.text(), UPSTREAM);
    assert_eq!(restarts(&node), ["restart k3s", "restart k3s"]);
}

#[test]
fn an_uninstallation_that_was_killed_before_the_restart_is_completed_by_the_next() {
    let Some(node) = node() else {
        return;
    };
    let before = names(node.environment.home());
    node.succeeds(&["install"]);
    node.kill_at_restart("uninstall");
    assert_eq!(node.text(), UPSTREAM);
    assert_ne!(names(&node.bin_dir()), Vec::<String>::new());
    let told = node.succeeds(&["uninstall", "--restart-kubelet"]);
    assert!(told.contains("restarted kubelet, and it runs"), "{told}");
    assert_eq!(names(&node.bin_dir()), Vec::<String>::new());
    fs::remove_file(node.environment.home().join("calls")).unwrap();
    assert_eq!(names(node.environment.home()), before);
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
