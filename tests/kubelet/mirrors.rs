//! Hosts that are not ECR's, but have an ECR registry behind them.

use serde_json::json;

use crate::common::TestEnvironment;
use crate::common::fake_aws::FakeAws;

use super::{login, request};

const ECR: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";

fn environment(aws: &FakeAws, settings: &str) -> TestEnvironment {
    let environment = TestEnvironment::of_alice(aws);
    let hosts = environment.home().join("certs.d");
    environment.kubelet_config(&format!("hosts_dir = \"{}\"\n{settings}", hosts.display()));
    environment
}

#[test]
fn a_mirror_in_containerds_hosts_toml_is_given_its_registrys_token_under_the_images_host() {
    let aws = FakeAws::start();
    let environment = environment(&aws, "");
    environment.write(
        "certs.d/docker.io/hosts.toml",
        &format!(
            "server = \"https://registry-1.docker.io\"\n\
             [host.\"https://mirror.example\"]\ncapabilities = [\"pull\", \"resolve\"]\n\
             [host.\"https://{ECR}/v2/docker-hub\"]\ncapabilities = [\"pull\", \"resolve\"]\noverride_path = true\n\
             [host.\"https://444455556666.dkr.ecr.eu-west-1.amazonaws.com\"]\n"
        ),
    );
    let image = "docker.io/library/busybox";
    let (key, grant) = login(&environment.kubelet(&request(image)).answer());
    assert_eq!(key, "docker.io");
    assert_eq!(grant.registry_ids, ["111122223333"]);
    let log = environment.kubelet_log();
    let start = format!("{image}: credentials for its mirror {ECR} from AWS, ");
    assert!(log[0].starts_with(&start), "{log:?}");
}

#[test]
fn the_folder_of_a_host_is_the_one_that_containerd_reads() {
    let aws = FakeAws::start();
    let file = format!("[host.\"https://{ECR}\"]\n");
    for (folder, image, is_read) in [
        ("registry.example_5000_", "registry.example:5000/app", true),
        ("registry.example:5000", "registry.example:5000/app", true),
        ("registry.example", "registry.example:5000/app", false),
        ("_default", "registry.example/app", true),
        ("other.example", "registry.example/app", false),
    ] {
        let environment = environment(&aws, "");
        environment.write(&format!("certs.d/{folder}/hosts.toml"), &file);
        let answer = environment.kubelet(&request(image)).answer();
        assert_eq!(answer["auth"] != json!({}), is_read, "{folder} for {image}");
    }
}

#[test]
fn a_mirror_that_is_not_pulled_from_or_has_no_tls_is_none() {
    let aws = FakeAws::start();
    for file in [
        format!("[host.\"https://{ECR}\"]\ncapabilities = [\"push\"]\n"),
        format!("[host.\"http://{ECR}\"]\n"),
        "[host.\"https://public.ecr.aws\"]\n".to_owned(),
        format!("[host.\"https://{ECR}\"\n"),
        format!("host = \"{ECR}\"\n"),
        "\0".to_owned(),
        String::new(),
    ] {
        let environment = environment(&aws, "");
        environment.write("certs.d/docker.io/hosts.toml", &file);
        let answer = environment
            .kubelet(&request("docker.io/library/busybox"))
            .answer();
        assert_eq!(answer["auth"], json!({}), "{file}");
    }
    assert_eq!(aws.calls().len(), 0);
}

#[test]
fn the_folder_of_a_host_without_a_file_replaces_the_one_for_all_hosts() {
    let aws = FakeAws::start();
    let environment = environment(&aws, "");
    environment.write("certs.d/registry.example/ca.crt", "");
    environment.write(
        "certs.d/_default/hosts.toml",
        &format!("[host.\"https://{ECR}\"]\n"),
    );
    let answer = |image| environment.kubelet(&request(image)).answer();
    assert_eq!(answer("registry.example/app")["auth"], json!({}));
    assert_ne!(answer("other.example/app")["auth"], json!({}));
}

#[test]
fn an_image_cannot_name_a_folder_outside() {
    let aws = FakeAws::start();
    let environment = environment(&aws, "");
    environment.write("hosts.toml", &format!("[host.\"https://{ECR}\"]\n"));
    for image in ["../app", "..", ".:80/app", "a/../../app"] {
        let answer = environment.kubelet(&request(image)).answer();
        assert_eq!(answer["auth"], json!({}), "{image}");
    }
}

#[test]
fn a_rule_can_name_the_registry_behind_a_host() {
    let aws = FakeAws::start();
    let environment = environment(
        &aws,
        "[[registry]]\nmatch = \"docker.io\"\naccount = \"111122223333\"\nregion = \"eu-west-1\"\n",
    );
    let answer = environment
        .kubelet(&request("docker.io/library/busybox"))
        .answer();
    let (key, grant) = login(&answer);
    assert_eq!(key, "docker.io");
    assert_eq!(grant.registry_ids, ["111122223333"]);
}

#[test]
fn other_hosts_get_the_credentials_of_one_registry_if_that_is_set() {
    let aws = FakeAws::start();
    let environment = environment(&aws, "other_hosts = \"111122223333/eu-west-1\"");
    let answer = environment
        .kubelet(&request("registry.k8s.io/pause"))
        .answer();
    let (key, grant) = login(&answer);
    assert_eq!(key, "registry.k8s.io");
    assert_eq!(grant.registry_ids, ["111122223333"]);
    // ECR's own hosts are not affected.
    let ecr = "999999999999.dkr.ecr.us-west-2.amazonaws.com/app";
    let (_, grant) = login(&environment.kubelet(&request(ecr)).answer());
    assert_eq!(grant.registry_ids, ["999999999999"]);
}
