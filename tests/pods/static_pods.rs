//! Pods whose manifests are files on the node, which pull with the node's identity and rules.

use crate::common::fake_aws::Operation;

use super::node::{Node, OTHER, OTHER_IN_EUROPE, OWN, OWN_IN_EUROPE, PULL_ROLE, on_a_node};

const PROVIDER: &str = "credential-provider-config.yaml";

impl Node<'_> {
    /// The node uses the other account by a role, and pulls docker.io through a cache in its own.
    fn start_with_rules(&mut self) {
        self.config(&format!(
            "[[registry]]\nmatch = \"444455556666\"\nrole_arn = \"{PULL_ROLE}\"\n"
        ));
        self.write(
            "/etc/containerd/certs.d/docker.io/hosts.toml",
            &format!("[host.\"https://{OWN}/v2/docker-hub\"]\noverride_path = true\n"),
        );
        self.start_kubelet(PROVIDER, &["docker.io"], &[]);
    }
}

#[test]
#[ignore = "needs root, kubelet, containerd and runc: .ci/run builds them"]
fn pods_of_two_accounts_and_a_mirror_start_and_aws_is_called_once_for_each_registry() {
    on_a_node(|node| {
        let pods = [
            ("web", format!("{OWN}/team/web"), format!("{OWN}/team/web")),
            ("api", format!("{OWN}/team/api"), format!("{OWN}/team/api")),
            (
                "jobs",
                format!("{OWN_IN_EUROPE}/team/jobs"),
                format!("{OWN_IN_EUROPE}/team/jobs"),
            ),
            (
                "data",
                format!("{OTHER}/data/app"),
                format!("{OTHER}/data/app"),
            ),
            (
                "report",
                format!("{OTHER}/data/report"),
                format!("{OTHER}/data/report"),
            ),
            (
                "nginx",
                "docker.io/library/nginx".to_owned(),
                format!("{OWN}/docker-hub/library/nginx"),
            ),
        ];
        node.start_with_rules();
        for (name, image, repository) in &pods {
            node.add_image(&format!("{repository}:1"));
            node.add_static_pod(name, &format!("{image}:1"));
        }
        let names = pods.each_ref().map(|(name, ..)| format!("{name}-node"));
        node.wait_until_running(&names.each_ref().map(String::as_str));

        let of_node = node.aws.instance_principal();
        let session = PULL_ROLE
            .replace(":iam:", ":sts:")
            .replace(":role/", ":assumed-role/");
        let pulled_by = node.pulled_by();
        for (name, _, repository) in &pods {
            let principal = &pulled_by[repository];
            if repository.starts_with(OTHER) {
                assert!(principal.starts_with(&session), "{name}: {principal}");
            } else {
                assert_eq!(principal, &of_node, "{name}");
            }
        }
        assert_eq!(node.aws.count(Operation::StsAssumeRole), 1);
        assert_eq!(node.aws.count(Operation::EcrGetAuthorizationToken), 3);
        // kubelet asks for each registry, or for each image if they come at once.
        let answers = node.provider_log();
        assert!((4..=6).contains(&answers.len()), "{answers:#?}");

        // Later pods use what kubelet has cached.
        node.add_image(&format!("{OWN}/team/late:1"));
        node.add_static_pod("late", &format!("{OWN}/team/late:1"));
        node.wait_until_running(&["late-node"]);
        assert_eq!(node.pulled_by()[&format!("{OWN}/team/late")], of_node);
        assert_eq!(node.provider_log(), answers);
        assert_eq!(node.aws.count(Operation::EcrGetAuthorizationToken), 3);
    });
}

#[test]
#[ignore = "needs root, kubelet, containerd and runc: .ci/run builds them"]
fn while_aws_is_unreachable_pods_wait_and_kubelets_log_says_why() {
    on_a_node(|node| {
        let own = (
            "own",
            format!("{OWN}/team/app"),
            "requesting an authorization token: cannot reach api.ecr.us-west-2.amazonaws.com"
                .to_owned(),
            String::new(),
        );
        let other = (
            "other",
            format!("{OTHER_IN_EUROPE}/data/app"),
            format!("assuming the role {PULL_ROLE}: cannot reach sts.eu-central-1.amazonaws.com"),
            format!(", then role {PULL_ROLE}"),
        );
        node.set_aws_reachable(false);
        node.start_with_rules();
        for (name, image, ..) in [&own, &other] {
            node.add_image(&format!("{image}:1"));
            node.add_static_pod(name, &format!("{image}:1"));
        }
        for (name, image, cause, role) in [&own, &other] {
            let start = format!("docker-credential-ecrx: cannot get credentials for {image}: ");
            let line = node.log_line(&start);
            let identity = format!(
                "; identity: instance metadata at http://169.254.169.254{role}; selected by "
            );
            for part in [cause, "; Check the network, ", &identity] {
                assert!(line.contains(part), "{part}: {line}");
            }
            assert_eq!(node.pods()[&format!("{name}-node")], "Pending");
        }
        node.set_aws_reachable(true);
        node.wait_until_running(&["own-node", "other-node"]);
    });
}
