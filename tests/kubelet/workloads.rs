//! Pods with a role of their own.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::common::TestEnvironment;
use crate::common::fake_aws::{ALICE, FakeAws, Fault, Operation};

use super::{IMAGE, V1, login, node};

pub(super) const KEY: &str = "eks.amazonaws.com/ecr-role-arn";

const ROLE: &str = "arn:aws:iam::444455556666:role/team-a";

/// A token of the service account `team-a/builder`.
fn token() -> String {
    token_of("team-a", "builder")
}

/// A token of the service account `NAMESPACE/NAME`.
pub(super) fn token_of(namespace: &str, name: &str) -> String {
    let subject = format!("system:serviceaccount:{namespace}:{name}");
    let claims = json!({"iss": "https://oidc.example", "sub": subject});
    format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

/// The request for [`IMAGE`] with the token and these annotations.
pub(super) fn request(annotations: serde_json::Value) -> String {
    json!({
        "kind": "CredentialProviderRequest",
        "apiVersion": V1,
        "image": IMAGE,
        "serviceAccountToken": token(),
        "serviceAccountAnnotations": annotations,
    })
    .to_string()
}

#[test]
fn a_pod_gets_the_token_of_its_own_role_and_the_session_has_its_name() {
    let (aws, environment) = node();
    let answer = environment.kubelet(&request(json!({KEY: ROLE}))).answer();
    let (_, grant) = login(&answer);
    assert_eq!(
        grant.principal,
        "arn:aws:sts::444455556666:assumed-role/team-a/team-a.builder"
    );
    let calls = aws.calls();
    assert_eq!(calls[0].operation, Operation::StsAssumeRoleWithWebIdentity);
    assert_eq!(calls[0].param("WebIdentityToken"), Some(&*token()));
    let log = environment.kubelet_log();
    let end = format!(
        "identity: the web identity token of the service account team-a/builder for {ROLE}; selected by the annotation {KEY} of the service account; not used: AWS_ACCESS_KEY_ID"
    );
    assert!(log[0].ends_with(&end), "{log:?}");
}

#[test]
fn if_sts_refuses_a_pod_the_nodes_identity_is_not_used() {
    let (aws, environment) = node();
    for fault in [
        Fault::AccessDenied,
        Fault::InvalidGrant,
        Fault::ExpiredToken,
        Fault::Garbage,
    ] {
        aws.on(Operation::StsAssumeRoleWithWebIdentity, fault.clone());
        let outcome = environment.kubelet(&request(json!({KEY: ROLE})));
        assert_eq!((outcome.code, &*outcome.stdout), (Some(1), ""), "{fault:?}");
        assert_eq!(outcome.stderr.lines().count(), 1, "{}", outcome.stderr);
        assert!(outcome.stderr.contains(ROLE), "{}", outcome.stderr);
        assert_eq!(
            aws.count(Operation::EcrGetAuthorizationToken),
            0,
            "{fault:?}"
        );
    }
}

#[test]
fn if_sts_refuses_a_pod_an_image_of_public_ecr_is_not_pulled_anonymously() {
    let (aws, environment) = node();
    aws.on(Operation::StsAssumeRoleWithWebIdentity, Fault::AccessDenied);
    let public = request(json!({KEY: ROLE})).replace(IMAGE, "public.ecr.aws/docker/busybox");
    let outcome = environment.kubelet(&public);
    assert_eq!((outcome.code, &*outcome.stdout), (Some(1), ""));
    assert!(outcome.stderr.contains(ROLE), "{}", outcome.stderr);
}

#[test]
fn a_pod_without_a_role_gets_the_nodes_credentials_which_the_log_says() {
    let (_aws, environment) = node();
    for annotations in [json!({}), json!({KEY: ""}), json!({"other": ROLE})] {
        let (_, grant) = login(&environment.kubelet(&request(annotations)).answer());
        assert_eq!(grant.principal, ALICE.2);
    }
    let end = format!(
        "; not the pod's, as the service account team-a/builder has no role in its annotation {KEY}"
    );
    for line in environment.kubelet_log() {
        assert!(line.ends_with(&end), "{line}");
    }
}

#[test]
fn if_required_a_pod_without_a_role_gets_nothing() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.kubelet_config("workload = \"required\"");
    let outcome = environment.kubelet(&request(json!({})));
    outcome.failed_with(
        "",
        &format!(
            "docker-credential-ecrx: cannot get credentials for {IMAGE}: the service account team-a/builder has no role in its annotation {KEY}, and workload = \"required\" is set under [kubelet]\n"
        ),
    );
    let outcome = environment.kubelet(&super::request(IMAGE));
    outcome.failed_with(
        "",
        &format!(
            "docker-credential-ecrx: cannot get credentials for {IMAGE}: kubelet sent no service account token, and workload = \"required\" is set under [kubelet]\n"
        ),
    );
    assert_eq!(aws.calls().len(), 0);
}

#[test]
fn the_variable_of_upstreams_provider_names_a_role_only_for_pods() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.kubelet_config("");
    environment.set("AWS_ECR_ROLE_ARN", "arn:aws:iam::444455556666:role/pods");
    let (_, grant) = login(&environment.kubelet(&request(json!({}))).answer());
    assert_eq!(
        grant.principal,
        "arn:aws:sts::444455556666:assumed-role/pods/team-a.builder"
    );
    let (_, grant) = login(&environment.kubelet(&super::request(IMAGE)).answer());
    assert_eq!(grant.principal, ALICE.2);
}

#[test]
fn nothing_of_a_pod_is_stored_even_if_the_node_has_a_cache() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let dir = environment.home().join("cache");
    environment.kubelet_config(&format!("cache_dir = \"{}\"", dir.display()));
    for _ in 0..2 {
        login(&environment.kubelet(&request(json!({KEY: ROLE}))).answer());
    }
    assert_eq!(aws.count(Operation::StsAssumeRoleWithWebIdentity), 2);
    aws.on(Operation::StsAssumeRoleWithWebIdentity, Fault::AccessDenied);
    assert_eq!(
        environment.kubelet(&request(json!({KEY: ROLE}))).code,
        Some(1)
    );
    assert!(!dir.exists());
    assert!(!environment.cache().exists());
    for line in environment.kubelet_log() {
        assert!(!line.contains(&token()[4..20]), "{line}");
    }
}

#[test]
fn a_role_in_another_partition_is_refused_before_any_call() {
    let (aws, environment) = node();
    let role = "arn:aws-cn:iam::444455556666:role/team-a";
    let outcome = environment.kubelet(&request(json!({KEY: role})));
    assert_eq!((outcome.code, &*outcome.stdout), (Some(1), ""));
    assert!(
        outcome
            .stderr
            .contains("Set the annotation to a role in the registry's partition (aws)"),
        "{}",
        outcome.stderr
    );
    assert_eq!(aws.calls().len(), 0);
}

/// The resources of the one session policy of a call to STS, after `repository/`.
fn limited_to(aws: &FakeAws) -> String {
    let calls = aws.calls();
    let policies: Vec<&str> = calls
        .iter()
        .filter_map(|call| call.param("Policy"))
        .collect();
    let [policy] = policies[..] else {
        panic!("{policies:?}");
    };
    let policy: serde_json::Value = serde_json::from_str(policy).expect("JSON");
    let statement = &policy["Statement"][1];
    assert_eq!(statement["Sid"], "PullImages", "{policy}");
    let arn = statement["Resource"].as_str().expect("one resource");
    let (_, name) = arn.split_once(":repository/").expect("a repository");
    name.to_owned()
}

#[test]
fn one_rule_limits_pods_with_a_role_and_the_node() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.kubelet_config(
        "[[registry]]\nmatch = \"*\"\nrole_arn = \"arn:aws:iam::111122223333:role/node\"\naccess = \"pull\"",
    );
    for (request, role) in [
        (
            request(json!({KEY: ROLE})),
            "444455556666:assumed-role/team-a/",
        ),
        (super::request(IMAGE), "111122223333:assumed-role/node/"),
    ] {
        aws.clear();
        let answer = environment.kubelet(&request).answer();
        assert_eq!(answer["cacheKeyType"], "Registry");
        assert!(login(&answer).1.principal.contains(role), "{answer}");
        assert_eq!(limited_to(&aws), "*");
    }
    let log = environment.kubelet_log();
    assert!(
        log[0].contains(", limited to pull; selected by "),
        "{log:?}"
    );
}

#[test]
fn without_a_role_for_the_node_its_pulls_fail_and_those_of_pods_do_not() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.kubelet_config("[[registry]]\nmatch = \"*\"\naccess = \"pull\"");
    login(&environment.kubelet(&request(json!({KEY: ROLE}))).answer());
    aws.clear();
    let outcome = environment.kubelet(&super::request(IMAGE));
    assert_eq!((outcome.code, &*outcome.stdout), (Some(1), ""));
    assert!(
        outcome.stderr.contains("access = \"pull\" at ")
            && outcome.stderr.contains("; Add role_arn to the rule"),
        "{}",
        outcome.stderr
    );
    assert_eq!(aws.calls().len(), 0);
}

#[test]
fn a_pods_token_that_is_limited_for_some_repositories_is_cached_for_the_image() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.kubelet_config(
        "[[registry]]\nmatch = \"999999999999/us-west-2/team/*\"\naccess = \"pull\"\naccess_repositories = \"team/*\"",
    );
    let answer = environment.kubelet(&request(json!({KEY: ROLE}))).answer();
    assert_eq!(answer["cacheKeyType"], "Image");
    assert_eq!(limited_to(&aws), "team/*");
}
