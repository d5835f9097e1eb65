//! Pods of an API server, which pull with the role of their service account.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::common::fake_aws::{FakeCluster, Fault, Operation};

use super::node::{NAME, Node, OTHER, OWN, on_a_node, pod};

const PROVIDER: &str = "workload-identity.yaml";

const ROLE: &str = "arn:aws:iam::444455556666:role/team-a";

/// The namespace of the pods.
const TEAM: &str = "team-a";

/// A cluster with this node, whose service account `builder` has a role.
fn cluster() -> FakeCluster {
    let cluster = FakeCluster::start();
    let room = json!({"cpu": "4", "memory": "4Gi", "pods": "110"});
    cluster.add(
        "nodes",
        json!({
            "metadata": {"name": NAME, "labels": {"kubernetes.io/os": "linux"}},
            "status": {"capacity": room, "allocatable": room},
        }),
    );
    for (name, annotations) in [
        ("builder", json!({"eks.amazonaws.com/ecr-role-arn": ROLE})),
        ("default", json!({})),
    ] {
        cluster.add(
            "serviceaccounts",
            json!({"metadata": {"name": name, "namespace": TEAM, "annotations": annotations}}),
        );
    }
    cluster
}

/// Adds a pod as an API server has it once it is scheduled, defaults and all.
fn add_pod(cluster: &FakeCluster, name: &str, account: &str, image: &str) {
    let mut pod = pod(name, image);
    pod["metadata"]["namespace"] = json!(TEAM);
    let spec = &mut pod["spec"];
    spec["nodeName"] = json!(NAME);
    spec["serviceAccountName"] = json!(account);
    spec["automountServiceAccountToken"] = json!(false);
    spec["dnsPolicy"] = json!("Default");
    spec["enableServiceLinks"] = json!(false);
    spec["restartPolicy"] = json!("Always");
    spec["securityContext"] = json!({});
    let container = &mut spec["containers"][0];
    container["imagePullPolicy"] = json!("IfNotPresent");
    container["terminationMessagePath"] = json!("/dev/termination-log");
    container["terminationMessagePolicy"] = json!("File");
    cluster.add("pods", pod);
}

impl Node<'_> {
    fn start_in(&mut self, cluster: &FakeCluster) {
        self.config("");
        let kubeconfig = json!({
            "kind": "Config",
            "apiVersion": "v1",
            "clusters": [{"name": "fake", "cluster": {"server": cluster.url()}}],
            "contexts": [{"name": "fake", "context": {"cluster": "fake"}}],
            "current-context": "fake",
        });
        let file = "/etc/kubernetes/kubeconfig";
        self.write(file, &kubeconfig.to_string());
        let options = [&*format!("--kubeconfig={file}"), "--register-node=false"];
        self.start_kubelet(PROVIDER, &[], &options);
    }
}

fn phase(cluster: &FakeCluster, name: &str) -> Value {
    let pod = cluster.get("pods", TEAM, name).expect("a pod");
    pod["status"]["phase"].clone()
}

#[test]
#[ignore = "needs root, kubelet, containerd and runc: .ci/run builds them"]
fn a_pod_pulls_with_the_role_of_its_service_account_and_the_others_with_the_nodes() {
    on_a_node(|node| {
        let cluster = cluster();
        let pods = [
            ("builder", format!("{OTHER}/team/builder")),
            ("default", format!("{OWN}/team/app")),
        ];
        for (account, image) in &pods {
            node.add_image(&format!("{image}:1"));
            add_pod(&cluster, account, account, &format!("{image}:1"));
        }
        // A static pod has no service account.
        let image = format!("{OWN}/team/static");
        node.add_image(&format!("{image}:1"));
        node.add_static_pod("static", &format!("{image}:1"));
        node.start_in(&cluster);
        node.wait_until_running(&["static-node"]);
        for (name, _) in &pods {
            node.wait_until(&format!("{name} runs"), || {
                phase(&cluster, name) == "Running"
            });
        }
        let pulled_by = node.pulled_by();
        let session = "arn:aws:sts::444455556666:assumed-role/team-a/team-a.builder";
        assert_eq!(pulled_by[&pods[0].1], session);
        for image in [&pods[1].1, &image] {
            assert_eq!(pulled_by[image], node.aws.instance_principal());
        }

        let calls = node.aws.calls_of(Operation::StsAssumeRoleWithWebIdentity);
        assert_eq!(calls.len(), 1);
        let token = calls[0].param("WebIdentityToken").expect("a token");
        let claims = URL_SAFE_NO_PAD
            .decode(token.split('.').nth(1).expect("claims"))
            .expect("base64");
        let claims: Value = serde_json::from_slice(&claims).expect("JSON");
        assert_eq!(claims["aud"], json!(["sts.amazonaws.com"]));
        assert_eq!(claims["kubernetes.io"]["pod"]["name"], "builder");
    });
}

#[test]
#[ignore = "needs root, kubelet, containerd and runc: .ci/run builds them"]
fn a_pod_whose_role_is_refused_does_not_start_with_the_nodes_identity() {
    on_a_node(|node| {
        let cluster = cluster();
        let image = format!("{OWN}/team/builder");
        node.add_image(&format!("{image}:1"));
        add_pod(&cluster, "builder", "builder", &format!("{image}:1"));
        node.aws
            .on(Operation::StsAssumeRoleWithWebIdentity, Fault::AccessDenied);
        node.start_in(&cluster);
        let start = format!("docker-credential-ecrx: cannot get credentials for {image}: ");
        let line = node.log_line(&start);
        assert!(line.contains(ROLE), "{line}");
        // kubelet has tried to pull, without credentials.
        node.log_line("ErrImagePull");
        assert_ne!(phase(&cluster, "builder"), "Running");
        assert_eq!(node.pulled_by().get(&image), None);
        assert_eq!(node.aws.count(Operation::EcrGetAuthorizationToken), 0);
    });
}
