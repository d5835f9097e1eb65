//! The program under kubelet 1.37's own code, with the configurations of `packaging/kubernetes`:
//! `tests/clients/go/kubelet-plugin` registers the provider and looks up images as kubelet does before
//! a pull.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

#[cfg(unix)]
use crate::common::PROGRAM;
use crate::common::fake_aws::{ALICE, FakeAws, Fault, Grant, Operation};
use crate::common::{Outcome, TestEnvironment};

use super::repositories::node_with_rules;
use super::workloads::{KEY, token_of};
use super::{IMAGE, V1, go_program, node, request};

const NODES: &str = "credential-provider-config.yaml";

const WORKLOADS: &str = "workload-identity.yaml";

const HOST: &str = "999999999999.dkr.ecr.us-west-2.amazonaws.com";

/// A file of `packaging/kubernetes`.
pub fn packaged(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("packaging/kubernetes")
        .join(name)
}

/// A file of `packaging/kubernetes` with the home folder of the test, and more patterns of images.
fn configuration(environment: &TestEnvironment, name: &str, patterns: &[&str]) -> PathBuf {
    let text = std::fs::read_to_string(packaged(name)).expect("a file");
    let home = environment.home().display().to_string();
    let mut images = "matchImages:\n".to_owned();
    for pattern in patterns {
        images.push_str(&format!("      - \"{pattern}\"\n"));
    }
    let text = text
        .replace("value: /root", &format!("value: {home}"))
        .replace("matchImages:\n", &images);
    assert!(text.contains(&home), "{text}");
    environment.write(name, &text)
}

/// What kubelet pulls with.
struct Lookups {
    /// The logins of each image, in order.
    logins: Vec<Vec<Value>>,
    /// kubelet's own log.
    log: String,
}

impl Lookups {
    /// The one login of an image: whose token it is, and the service account that may use it.
    #[track_caller]
    fn grant(&self, index: usize) -> (Grant, &Value) {
        let [login] = &*self.logins[index] else {
            panic!("{:?}: {}", self.logins[index], self.log);
        };
        assert_eq!(login["username"], "AWS");
        let password = login["password"].as_str().expect("a text");
        (Grant::from_password(password), &login["serviceAccount"])
    }
}

/// kubelet's lookups of these pulls, with our executable under the name in the configuration.
fn look_up(
    environment: &TestEnvironment,
    options: &[&str],
    configuration: &Path,
    pulls: &[Value],
) -> Lookups {
    let folder = environment.link("docker-credential-ecrx");
    environment.link("ecrx-workload-identity");
    let folder = folder.parent().expect("a folder").display().to_string();
    let configuration = configuration.display().to_string();
    let arguments = [&["run"], options, &[&configuration, &folder]].concat();
    let input: String = pulls.iter().map(|pull| format!("{pull}\n")).collect();
    let outcome = environment.run_program(go_program("kubelet-plugin"), &arguments, input);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let logins: Vec<Vec<Value>> = outcome
        .stdout
        .lines()
        .map(|line| {
            let lookup: Value = serde_json::from_str(line).expect("JSON");
            assert_eq!(lookup["error"], Value::Null, "{lookup}");
            lookup["logins"].as_array().expect("a list").clone()
        })
        .collect();
    assert_eq!(logins.len(), pulls.len(), "{outcome:?}");
    Lookups {
        logins,
        log: outcome.stderr,
    }
}

/// The lookups of images that no pod is needed for.
fn look_up_images(environment: &TestEnvironment, patterns: &[&str], images: &[&str]) -> Lookups {
    let configuration = configuration(environment, NODES, patterns);
    let pulls: Vec<Value> = images.iter().map(|image| json!({"image": image})).collect();
    look_up(environment, &[], &configuration, &pulls)
}

/// The pull of [`IMAGE`] for a pod of the service account `team-a/NAME` with this role.
fn pull_of(name: &str, role: &str) -> Value {
    json!({
        "image": IMAGE,
        "namespace": "team-a",
        "pod": format!("{name}-0"),
        "podUID": format!("pod-{name}"),
        "serviceAccount": name,
        "serviceAccountUID": format!("account-{name}"),
        "serviceAccountAnnotations": {KEY: role},
        "serviceAccountToken": token_of("team-a", name),
    })
}

/// The documents as kubelet's types hold them, if kubelet's strict decoder takes them.
pub fn decode(arguments: &[&str], input: &str) -> Outcome {
    let arguments = [&["decode"], arguments].concat();
    TestEnvironment::new().run_program(go_program("kubelet-plugin"), &arguments, input)
}

#[test]
#[ignore = "needs kubelet's own code: .ci/run builds it"]
fn kubelet_pulls_an_image_of_another_account_with_its_token() {
    let (_aws, environment) = node();
    let found = look_up_images(&environment, &[], &[&format!("{IMAGE}:1.0")]);
    let (grant, account) = found.grant(0);
    assert_eq!(grant.principal, ALICE.2);
    assert_eq!(grant.registry_ids, ["999999999999"]);
    assert_eq!(account, &Value::Null);
}

#[test]
#[ignore = "needs kubelet's own code: .ci/run builds it"]
fn kubelet_runs_the_program_once_for_two_images_of_one_registry() {
    let (_aws, environment) = node();
    let other = format!("{HOST}/other");
    let found = look_up_images(&environment, &[], &[IMAGE, &other, IMAGE]);
    assert_eq!(environment.kubelet_log().len(), 1);
    for index in 0..3 {
        assert_eq!(found.grant(index).0.serial, 1, "{index}");
    }
}

#[test]
#[ignore = "needs kubelet's own code: .ci/run builds it"]
fn kubelet_keeps_the_token_of_a_rule_for_repositories_for_its_image_only() {
    let aws = FakeAws::start();
    let environment = node_with_rules(&aws, "");
    let images = [
        "team/app:1.0",
        "team2/app",
        "team/app",
        "team",
        "v2/app",
        "v1/app",
    ];
    let images = images.map(|path| format!("{HOST}/{path}"));
    let images: Vec<&str> = images.iter().map(String::as_str).collect();
    let found = look_up_images(&environment, &[], &images);
    let team = "arn:aws:sts::999999999999:assumed-role/team/docker-credential-ecrx";
    let principals = [team, ALICE.2, team, ALICE.2, ALICE.2, ALICE.2];
    for (index, principal) in principals.into_iter().enumerate() {
        assert_eq!(found.grant(index).0.principal, principal, "{index}");
    }
    // The tag is not a part of kubelet's key.
    assert_eq!(found.grant(0).0.serial, found.grant(2).0.serial);
    assert_eq!(environment.kubelet_log().len(), 5);
}

#[test]
#[ignore = "needs kubelet's own code: .ci/run builds it"]
fn kubelet_keeps_the_answer_that_another_registry_has_no_credentials() {
    let (aws, environment) = node();
    let found = look_up_images(&environment, &["docker.io"], &["busybox", "nginx:1"]);
    assert_eq!(found.logins, [Vec::<Value>::new(), Vec::new()]);
    assert_eq!(environment.kubelet_log().len(), 1);
    assert!(!found.log.contains("rror"), "{}", found.log);
    assert_eq!(aws.calls().len(), 0);
}

#[test]
#[ignore = "needs kubelet's own code: .ci/run builds it"]
fn kubelet_uses_the_token_for_a_host_with_a_port_for_that_port_only() {
    let (_aws, environment) = node();
    let with_port = format!("{HOST}:443/team/app");
    let pattern = "*.dkr.ecr.*.amazonaws.com:443";
    let found = look_up_images(&environment, &[pattern], &[&with_port, IMAGE, &with_port]);
    let serials = [0, 1, 2].map(|index| found.grant(index).0.serial);
    assert_eq!(serials, [1, 2, 1]);
}

#[test]
#[ignore = "needs kubelet's own code: .ci/run builds it"]
fn forty_images_that_kubelet_pulls_at_once_take_one_call_with_a_cache() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let dir = environment.home().join("run");
    environment.kubelet_config(&format!("cache_dir = \"{}\"", dir.display()));
    let configuration = configuration(&environment, NODES, &[]);
    let pulls: Vec<Value> = (0..40)
        .map(|number| json!({"image": format!("{IMAGE}-{number}")}))
        .collect();
    aws.on(
        Operation::EcrGetAuthorizationToken,
        Fault::Delay(std::time::Duration::from_millis(300)),
    );
    let found = look_up(&environment, &["-parallel"], &configuration, &pulls);
    for index in 0..40 {
        assert_eq!(found.grant(index).0.serial, 1, "{index}");
    }
    assert_eq!(aws.count(Operation::EcrGetAuthorizationToken), 1);
}

#[test]
#[ignore = "needs kubelet's own code: .ci/run builds it"]
fn two_service_accounts_get_the_tokens_of_their_own_roles_and_never_each_others() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let dir = environment.home().join("run");
    environment.kubelet_config(&format!("cache_dir = \"{}\"", dir.display()));
    let configuration = configuration(&environment, WORKLOADS, &[]);
    let accounts = ["builder", "runner"];
    let pulls: Vec<Value> = accounts
        .iter()
        .cycle()
        .take(8)
        .map(|name| pull_of(name, &format!("arn:aws:iam::444455556666:role/{name}")))
        .collect();
    for options in [&[][..], &["-parallel"]] {
        let found = look_up(&environment, options, &configuration, &pulls);
        for (index, name) in accounts.iter().cycle().take(8).enumerate() {
            let (grant, account) = found.grant(index);
            let principal = format!("arn:aws:sts::444455556666:assumed-role/{name}/team-a.{name}");
            assert_eq!(grant.principal, principal, "{options:?}");
            assert_eq!(account, &json!(format!("team-a/{name}")), "{options:?}");
        }
    }
    // Each time, kubelet has run the program once for each account.
    assert_eq!(aws.count(Operation::StsAssumeRoleWithWebIdentity), 4);
}

#[test]
#[ignore = "needs kubelet's own code: .ci/run builds it"]
fn a_refused_role_gives_no_login_and_kubelets_log_has_our_line() {
    let (aws, environment) = node();
    aws.on(Operation::StsAssumeRoleWithWebIdentity, Fault::AccessDenied);
    let role = "arn:aws:iam::444455556666:role/builder";
    let configuration = configuration(&environment, WORKLOADS, &[]);
    let pulls = [pull_of("builder", role)];
    let found = look_up(&environment, &[], &configuration, &pulls);
    assert_eq!(found.logins, [Vec::<Value>::new()]);
    let line = format!("docker-credential-ecrx: cannot get credentials for {IMAGE}: ");
    let (_, line) = found.log.split_once(&line).expect(&found.log);
    assert!(line.contains(role), "{line}");
    assert_eq!(aws.count(Operation::EcrGetAuthorizationToken), 0);
}

#[test]
#[ignore = "needs kubelet's own code: .ci/run builds it"]
fn kubelet_decodes_each_packaged_file_strictly() {
    let kinds = |name: &str| -> Vec<String> {
        let outcome = decode(&[&packaged(name).display().to_string()], "");
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        let kind = |line: &str| {
            let object: Value = serde_json::from_str(line).expect("JSON");
            object["kind"].as_str().expect("a text").to_owned()
        };
        outcome.stdout.lines().map(kind).collect()
    };
    assert_eq!(kinds(NODES), ["CredentialProviderConfig"]);
    assert_eq!(kinds(WORKLOADS), ["CredentialProviderConfig"]);
    let roles = ["ClusterRole", "ClusterRoleBinding"];
    assert_eq!(kinds("workload-identity-rbac.yaml"), roles);
}

#[test]
#[ignore = "needs kubelet's own code: .ci/run builds it"]
fn kubelet_decodes_each_kind_of_answer_strictly() {
    let (aws, environment) = node();
    let mut answers = Vec::new();
    let mut ask = |request: &str| answers.push(environment.kubelet(request).answer());
    for version in ["v1", "v1beta1", "v1alpha1"] {
        let version = format!("credentialprovider.kubelet.k8s.io/{version}");
        for image in [IMAGE, "public.ecr.aws/app", "docker.io/library/busybox"] {
            ask(&request(image).replace(V1, &version));
        }
    }
    ask(&request(&format!("{HOST}:443/app")));
    let with_rules = node_with_rules(&aws, "");
    answers.push(with_rules.kubelet(&request(IMAGE)).answer());
    let mut ask = |request: &str| answers.push(environment.kubelet(request).answer());
    aws.set_token_expires_in(1);
    ask(&request(IMAGE));
    for answer in &answers {
        let outcome = decode(&[], &answer.to_string());
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        let decoded: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
        for field in ["kind", "apiVersion", "cacheKeyType"] {
            assert_eq!(decoded[field], answer[field], "{decoded}");
        }
        // An empty object is left out when kubelet's type is written as JSON.
        let auth = decoded.get("auth").cloned().unwrap_or(json!({}));
        assert_eq!(auth, answer["auth"], "{decoded}");
        assert!(decoded["cacheDuration"].is_string(), "{decoded}");
    }
    // The decoder is strict.
    answers[0]["note"] = json!("x");
    let outcome = decode(&[], &answers[0].to_string());
    assert_ne!(outcome.code, Some(0), "{outcome:?}");
}

#[cfg(unix)]
#[test]
#[ignore = "needs kubelet's own code: .ci/run builds it"]
fn the_requests_of_these_tests_are_those_that_kubelet_writes() {
    use std::os::unix::fs::PermissionsExt as _;

    let (_aws, environment) = node();
    let script = format!("#!/bin/sh\ntee -a \"$HOME/requests\" | {PROGRAM} \"$@\"\n");
    for name in ["docker-credential-ecrx", "ecrx-workload-identity"] {
        let file = environment.write(&format!("bin/{name}"), &script);
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(file, mode).expect("a mode");
    }
    let role = "arn:aws:iam::444455556666:role/builder";
    for (name, pull) in [
        (
            NODES,
            json!({"image": format!("{IMAGE}:1.0@sha256:{}", "a".repeat(64))}),
        ),
        (WORKLOADS, pull_of("builder", role)),
    ] {
        let configuration = configuration(&environment, name, &[]);
        look_up(&environment, &[], &configuration, &[pull]).grant(0);
    }
    let written = std::fs::read_to_string(environment.home().join("requests")).expect("a file");
    assert!(written.ends_with('\n'), "{written}");
    let written: Vec<Value> = written
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let of_a_pod = super::workloads::request(json!({KEY: role}));
    let expected =
        [request(IMAGE), of_a_pod].map(|text| serde_json::from_str::<Value>(&text).expect("JSON"));
    assert_eq!(written, expected);
}
