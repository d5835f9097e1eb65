//! The pods of the DaemonSet in `packaging/kubernetes`, as static pods: they replace the provider of a
//! running kubelet, and restore it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use crate::common::PROGRAM;
use crate::common::files::{chmod, go_program, names};
use crate::process::finish;

use super::node::{Node, OWN, OWN_IN_EUROPE, on_a_node};

const NAME: &str = "docker-credential-ecrx";

impl Node<'_> {
    /// A pod of the DaemonSet, whose init container has these arguments after `kubelet`.
    fn daemonset_pod(&self, name: &str, image: &str, arguments: &[&str]) -> Value {
        let file = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("packaging/kubernetes/daemonset/install/daemonset.yaml");
        let mut decode = Command::new(go_program("kubelet-plugin"));
        decode.arg("decode").arg(file);
        let decoded = finish(decode, "").success().expect("a DaemonSet");
        let daemonset: Value = serde_json::from_str(&decoded.stdout).expect("JSON");
        let mut spec = daemonset["spec"]["template"]["spec"].clone();
        // The node has no network for pods.
        spec["hostNetwork"] = json!(true);
        spec["volumes"][0]["hostPath"]["path"] = json!(self.providers());
        for container in ["/initContainers/0", "/containers/0"] {
            spec.pointer_mut(container).expect("a container")["image"] = json!(image);
        }
        spec["initContainers"][0]["args"] = json!([&["kubelet"], arguments].concat());
        json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": name}, "spec": spec})
    }
}

#[test]
#[ignore = "needs root, kubelet, containerd, runc and ECRX_TEST_DIST: .ci/run builds them"]
fn a_pod_replaces_the_provider_of_a_running_kubelet_and_another_one_restores_it() {
    let program = PathBuf::from(std::env::var_os("ECRX_TEST_DIST").expect("ECRX_TEST_DIST"));
    on_a_node(|node| {
        node.config("");
        node.start_kubelet("credential-provider-config.yaml", &[], &[]);
        let provider = node.providers().join(NAME);
        let runs = node.providers().join("runs");
        let earlier = format!(
            "#!/bin/sh\necho >>{}\nexec {PROGRAM} \"$@\"\n",
            runs.display()
        );
        fs::remove_file(&provider).expect("a program");
        fs::write(&provider, &earlier).expect("a file");
        chmod(&provider, 0o755);

        let image = format!("{OWN}/ecrx:1");
        node.add_program_image(&image, &program);
        let only = ["--executable-only", "--bin-dir=/providers"];
        let replace = ["--replace=docker-credential-ecrx"];
        let install = [&["install"], &only[..], &replace].concat();
        node.add_manifest(&node.daemonset_pod("ecrx", &image, &install));
        node.wait_until_running(&["ecrx-node"]);
        assert!(fs::read(&provider).expect("a file") == fs::read(&program).expect("a file"));
        assert_eq!(fs::read_to_string(&runs).expect("runs"), "\n");

        // The next answer is of the new one.
        let late = format!("{OWN_IN_EUROPE}/team/late:1");
        node.add_image(&late);
        node.add_static_pod("late", &late);
        node.wait_until_running(&["late-node"]);
        assert_eq!(fs::read_to_string(&runs).expect("runs"), "\n");
        assert_eq!(node.provider_log().len(), 2);

        let uninstall = [&["uninstall"], &only[..]].concat();
        node.add_manifest(&node.daemonset_pod("ecrx-uninstall", &image, &uninstall));
        node.wait_until_running(&["ecrx-uninstall-node"]);
        assert_eq!(fs::read_to_string(&provider).expect("a file"), earlier);
        let left = [NAME, "ecrx-workload-identity", "runs"];
        assert_eq!(names(&node.providers()), left);
    });
}
