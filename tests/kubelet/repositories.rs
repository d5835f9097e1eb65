//! Rules for repositories: an answer is for one image if another image of its registry may need another
//! identity.

use serde_json::json;

use crate::common::TestEnvironment;
use crate::common::fake_aws::{ALICE, FakeAws, Operation};

use super::workloads::{KEY, request as request_of_a_pod};
use super::{login, request};

const HOST: &str = "999999999999.dkr.ecr.us-west-2.amazonaws.com";

const RULES: &str = r#"
[[registry]]
match = "999999999999/us-west-2/team/*"
role_arn = "arn:aws:iam::999999999999:role/team"

[[registry]]
match = "999999999999/us-west-2/docker-hub/library/*"
role_arn = "arn:aws:iam::999999999999:role/hub"
"#;

const TEAM: &str = "arn:aws:sts::999999999999:assumed-role/team/docker-credential-ecrx";

const HUB: &str = "arn:aws:sts::999999999999:assumed-role/hub/docker-credential-ecrx";

/// A node with these rules and settings of `[kubelet]`.
pub(super) fn node_with_rules(aws: &FakeAws, settings: &str) -> TestEnvironment {
    let environment = TestEnvironment::of_alice(aws);
    environment.kubelet_config(&format!("{settings}\n{RULES}"));
    environment
}

/// The kind of the answer for an image, the key of its login, and whose token that is.
#[track_caller]
fn answer(environment: &TestEnvironment, image: &str) -> (String, String, String) {
    let answer = environment.kubelet(&request(image)).answer();
    let (key, grant) = login(&answer);
    let kind = answer["cacheKeyType"].as_str().expect("a text").to_owned();
    (kind, key, grant.principal)
}

#[test]
fn the_rule_for_the_repository_of_the_image_is_used_and_the_answer_is_for_this_image_only() {
    let aws = FakeAws::start();
    let environment = node_with_rules(&aws, "");
    for (path, principal) in [
        ("team/app", TEAM),
        ("team/sub/app", TEAM),
        // Those that no rule matches, too: the answer must not be used for `team/app`.
        ("team", ALICE.2),
        ("team2/app", ALICE.2),
        ("app", ALICE.2),
    ] {
        let image = format!("{HOST}/{path}");
        let expected = ("Image".to_owned(), image.clone(), principal.to_owned());
        assert_eq!(answer(&environment, &image), expected);
    }
}

#[test]
fn the_key_has_neither_tag_nor_digest_but_the_port() {
    let aws = FakeAws::start();
    let environment = node_with_rules(&aws, "");
    let image = format!("{HOST}:443/team/app");
    let expected = ("Image".to_owned(), image.clone(), TEAM.to_owned());
    for end in ["", ":v1", "@sha256:00", ":v1@sha256:00"] {
        let written = format!("{image}{end}");
        assert_eq!(answer(&environment, &written), expected, "{written}");
    }
}

#[test]
fn a_registry_without_rules_for_its_repositories_is_answered_as_a_whole() {
    let aws = FakeAws::start();
    let environment = node_with_rules(&aws, "");
    for host in [
        "999999999999.dkr.ecr.eu-west-1.amazonaws.com",
        "111122223333.dkr.ecr.us-west-2.amazonaws.com",
        "public.ecr.aws",
    ] {
        let expected = ("Registry".to_owned(), host.to_owned(), ALICE.2.to_owned());
        let image = format!("{host}/team/app");
        assert_eq!(answer(&environment, &image), expected);
    }
}

#[test]
fn a_pod_with_a_role_of_its_own_is_answered_for_the_whole_registry() {
    let aws = FakeAws::start();
    let environment = node_with_rules(&aws, "");
    let role = "arn:aws:iam::444455556666:role/team-a";
    let of_a_pod = environment.kubelet(&request_of_a_pod(json!({KEY: role})));
    let of_a_pod = of_a_pod.answer();
    assert_eq!(of_a_pod["cacheKeyType"], "Registry");
    assert_eq!(login(&of_a_pod).0, HOST);
    // Without the role, it has the node's identities.
    let of_the_node = environment.kubelet(&request_of_a_pod(json!({"other": role})));
    let of_the_node = of_the_node.answer();
    assert_eq!(of_the_node["cacheKeyType"], "Image");
    let (key, grant) = login(&of_the_node);
    assert_eq!((key, &*grant.principal), (format!("{HOST}/team/app"), TEAM));
}

#[test]
fn the_repository_of_a_mirrored_image_is_that_in_ecr_and_the_key_that_of_the_image() {
    let aws = FakeAws::start();
    let home = TestEnvironment::new();
    let hosts = home.home().join("certs.d");
    let environment = node_with_rules(&aws, &format!("hosts_dir = \"{}\"", hosts.display()));
    for (path, principal) in [("/v2/docker-hub", HUB), ("/v2", ALICE.2), ("", ALICE.2)] {
        let file = format!("[host.\"https://{HOST}{path}\"]\noverride_path = true\n");
        home.write("certs.d/docker.io/hosts.toml", &file);
        let image = "docker.io/library/busybox";
        let expected = ("Image".to_owned(), image.to_owned(), principal.to_owned());
        assert_eq!(answer(&environment, image), expected, "{path}");
    }
}

#[test]
fn the_registry_of_other_hosts_is_answered_as_a_whole() {
    let aws = FakeAws::start();
    let environment = node_with_rules(&aws, "other_hosts = \"999999999999/us-west-2\"");
    // It is not known which repository mirrors the image.
    let host = "registry.example".to_owned();
    let expected = ("Registry".to_owned(), host, ALICE.2.to_owned());
    assert_eq!(answer(&environment, "registry.example/team/app"), expected);
}

#[test]
fn images_with_one_identity_share_a_cached_token_and_others_do_not() {
    let aws = FakeAws::start();
    let cache = TestEnvironment::new();
    let dir = cache.home().join("run");
    let environment = node_with_rules(&aws, &format!("cache_dir = \"{}\"", dir.display()));
    let serial = |path: &str| {
        let image = format!("{HOST}/{path}");
        login(&environment.kubelet(&request(&image)).answer())
            .1
            .serial
    };
    let serials = ["team/one", "other", "team/two", "app"].map(serial);
    assert_eq!(serials[0], serials[2]);
    assert_eq!(serials[1], serials[3]);
    assert_ne!(serials[0], serials[1]);
    assert_eq!(aws.count(Operation::EcrGetAuthorizationToken), 2);
}
