//! What kubelet is answered.

use serde_json::json;

use crate::common::TestEnvironment;
use crate::common::fake_aws::{ALICE, FakeAws, Fault, Operation};

use super::{IMAGE, V1, cache_seconds, login, node, request};

const HOUR: u64 = 3600;

#[test]
fn an_image_of_another_account_gets_the_callers_token_for_its_registry() {
    let (aws, environment) = node();
    let answer = environment.kubelet(&request(IMAGE)).answer();
    let (key, grant) = login(&answer);
    assert_eq!(key, "999999999999.dkr.ecr.us-west-2.amazonaws.com");
    assert_eq!(grant.principal, ALICE.2);
    assert_eq!(aws.calls()[0].registry_ids(), ["999999999999"]);
    let fields: Vec<&String> = answer.as_object().expect("an object").keys().collect();
    assert_eq!(
        fields,
        [
            "apiVersion",
            "auth",
            "cacheDuration",
            "cacheKeyType",
            "kind"
        ]
    );
    assert_eq!(answer["kind"], "CredentialProviderResponse");
    assert_eq!(answer["apiVersion"], V1);
    assert_eq!(answer["cacheKeyType"], "Registry");
}

#[test]
fn kubelet_keeps_a_token_for_45_to_50_percent_of_its_lifetime() {
    let (aws, environment) = node();
    for (life, least, most) in [
        (12 * HOUR, 12 * HOUR * 44 / 100, 6 * HOUR),
        (1000, 440, 500),
        (1, 0, 0),
    ] {
        aws.set_token_expires_in(life.try_into().expect("small"));
        let seconds = cache_seconds(&environment.kubelet(&request(IMAGE)).answer());
        assert!((least..=most).contains(&seconds), "{seconds} of {life}");
    }
}

#[test]
fn the_port_of_an_image_stays_in_the_key() {
    let (_aws, environment) = node();
    let image = "999999999999.dkr.ecr.us-west-2.amazonaws.com:443/team/app";
    let (key, _) = login(&environment.kubelet(&request(image)).answer());
    assert_eq!(key, "999999999999.dkr.ecr.us-west-2.amazonaws.com:443");
}

#[test]
fn the_answer_has_the_version_of_the_request() {
    let (_aws, environment) = node();
    for version in ["v1", "v1beta1", "v1alpha1"] {
        let version = format!("credentialprovider.kubelet.k8s.io/{version}");
        let request = request(IMAGE).replace(V1, &version);
        assert_eq!(
            environment.kubelet(&request).answer()["apiVersion"],
            version
        );
    }
}

#[test]
fn a_registry_that_is_not_ecr_gets_no_credentials_and_no_call_is_made() {
    let (aws, environment) = node();
    let expected = json!({
        "kind": "CredentialProviderResponse",
        "apiVersion": V1,
        "cacheKeyType": "Registry",
        "cacheDuration": "300s",
        "auth": {},
    });
    for image in [
        "docker.io/library/busybox",
        "registry.k8s.io/pause",
        "ghcr.io/public.ecr.aws/app",
        "1234567890123.dkr.ecr.us-west-2.amazonaws.com/app",
        "999999999999.dkr.ecr.us-west-2.amazonaws.hacker.com/app",
        "foobar",
    ] {
        assert_eq!(
            environment.kubelet(&request(image)).answer(),
            expected,
            "{image}"
        );
    }
    assert_eq!(aws.calls().len(), 0);
}

#[test]
fn public_ecr_without_rights_gets_an_answer_so_that_pulls_are_anonymous() {
    let (aws, environment) = node();
    let image = "public.ecr.aws/docker/library/busybox";
    let (key, grant) = login(&environment.kubelet(&request(image)).answer());
    assert_eq!(
        (key.as_str(), &*grant.principal),
        ("public.ecr.aws", ALICE.2)
    );
    aws.on(
        Operation::EcrPublicGetAuthorizationToken,
        Fault::AccessDenied,
    );
    let answer = environment.kubelet(&request(image)).answer();
    assert_eq!((&answer["auth"], cache_seconds(&answer)), (&json!({}), 300));
    let log = environment.kubelet_log();
    let why = "no credentials, so the pull is anonymous: ";
    assert!(
        log[1].contains(why) && log[1].contains("is denied"),
        "{log:?}"
    );
}

#[test]
fn a_failure_is_one_line_with_the_image_the_cause_and_what_to_do() {
    let (aws, environment) = node();
    aws.on(Operation::EcrGetAuthorizationToken, Fault::AccessDenied);
    let outcome = environment.kubelet(&request(IMAGE));
    assert_eq!((outcome.code, &*outcome.stdout), (Some(1), ""));
    let line = outcome.stderr.strip_suffix('\n').expect("a line");
    assert!(!line.contains('\n'), "{line}");
    let start = format!(
        "docker-credential-ecrx: cannot get credentials for {IMAGE}: no credentials for \
         999999999999.dkr.ecr.us-west-2.amazonaws.com: ecr:GetAuthorizationToken is denied to "
    );
    assert!(line.starts_with(&start), "{line}");
    assert!(line.contains("; identity: "), "{line}");
    assert!(line.contains(ALICE.0), "{line}");
}

#[test]
fn each_answer_is_noted_in_the_log_with_image_identity_and_origin() {
    let (_aws, environment) = node();
    environment.kubelet(&request(IMAGE)).answer();
    environment
        .kubelet(&request("docker.io/library/busybox"))
        .answer();
    let log = environment.kubelet_log();
    assert_eq!(log.len(), 2, "{log:?}");
    let start = format!(
        "{IMAGE}: credentials for 999999999999.dkr.ecr.us-west-2.amazonaws.com from AWS, to be cached by kubelet for 5h "
    );
    assert!(log[0].starts_with(&start), "{}", log[0]);
    let end =
        "identity: the access key AKIAIOSFODNN7EXAMPLE; selected by the variable AWS_ACCESS_KEY_ID";
    assert!(log[0].ends_with(end), "{}", log[0]);
    assert_eq!(
        log[1],
        "docker.io/library/busybox: no credentials, as its registry is not ECR"
    );
}

#[test]
fn a_log_that_cannot_be_written_costs_no_pull() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.config("[kubelet]\nlog_file = \"/proc/none/kubelet.log\"\n");
    login(&environment.kubelet(&request(IMAGE)).answer());
    environment.set("ECRX_LOG", "warn");
    let outcome = environment.kubelet(&request(IMAGE));
    assert_eq!(outcome.code, Some(0));
    assert!(
        outcome
            .stderr
            .contains("cannot write to /proc/none/kubelet.log"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn a_rule_selects_the_role_as_for_a_get() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.kubelet_config(
        r#"
        [[registry]]
        match = "999999999999"
        role_arn = "arn:aws:iam::{account}:role/pull"
        external_id = "nodes"
        "#,
    );
    let (_, grant) = login(&environment.kubelet(&request(IMAGE)).answer());
    assert_eq!(
        grant.principal,
        "arn:aws:sts::999999999999:assumed-role/pull/docker-credential-ecrx"
    );
}

#[test]
fn a_wrong_configuration_is_a_failure_with_file_and_line() {
    let environment = TestEnvironment::new();
    let path = environment.config("[kubelet]\nworkload = \"always\"\n");
    let outcome = environment.kubelet(&request(IMAGE));
    let line = format!(
        "docker-credential-ecrx: cannot get credentials for {IMAGE}: {}:2: kubelet.workload: must be `optional` or `required`, not `always`\n",
        path.display()
    );
    outcome.failed_with("", &line);
}
