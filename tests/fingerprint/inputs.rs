//! Sources of which it cannot be known offline who they are: what is seen of them counts.

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::common::fake_aws::{FakeAws, Fault, Operation};
use super::common::{HOST, Outcome, TestEnvironment, sources};
use super::{ECR, hits_for, requests_for};

/// A container endpoint that requires the token in a file: EKS Pod Identity.
fn of_pod(aws: &FakeAws) -> TestEnvironment {
    let mut environment = TestEnvironment::with_aws(aws);
    let url = format!("{}/v1/credentials", aws.url());
    let file = environment.write("pod.token", "token of the first pod");
    environment.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url);
    let file = file.display().to_string();
    environment.set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &file);
    environment
}

#[test]
fn another_pods_token_file_is_another_identity_and_replaces_the_entry() {
    let aws = FakeAws::start();
    let environment = of_pod(&aws);
    let first = aws.container_principal();
    requests_for(&environment, &aws, &first);
    assert_eq!(aws.count(Operation::EksCredentials), 1);
    hits_for(&environment, &aws, &first);

    aws.set_container_role("arn:aws:iam::111122223333:role/second");
    environment.write("pod.token", "token of the second pod");
    requests_for(&environment, &aws, &aws.container_principal());
    assert_eq!(environment.entries().len(), 1);
}

#[test]
fn another_command_line_of_a_process_is_another_identity_and_replaces_the_entry() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    let principal = sources::process(&mut environment, &aws, "default").principal;
    requests_for(&environment, &aws, &principal);
    hits_for(&environment, &aws, &principal);
    let config = environment.home().join(".aws/config");
    let text = std::fs::read_to_string(config).expect("a file");
    environment.aws_config(&text.replace("process.sh'", "process.sh' other"));
    requests_for(&environment, &aws, &principal);
}

#[test]
fn what_a_process_sees_of_aws_variables_is_part_of_who_it_is() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    let principal = sources::process(&mut environment, &aws, "work").principal;
    environment.set("ECRX_PROFILE", "work");
    requests_for(&environment, &aws, &principal);
    hits_for(&environment, &aws, &principal);
    // `aws configure export-credentials`, say, goes by it.
    environment.set("AWS_PROFILE", "audit");
    requests_for(&environment, &aws, &principal);
    // What has no part in it does not count.
    environment.set("AWS_PAGER", "less");
    hits_for(&environment, &aws, &principal);
}

/// An OIDC token.
fn token(subject: &str, expires_at: u32) -> String {
    let claims = format!(
        r#"{{"iss":"https://ci.example","sub":"{subject}","aud":"sts.amazonaws.com","exp":{expires_at}}}"#
    );
    format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
}

#[test]
fn a_web_identity_is_whom_its_token_is_about() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    let principal = environment.set_web_identity().principal;
    environment.write("environment.jwt", &token("repo:one", 1));
    requests_for(&environment, &aws, &principal);
    environment.write("environment.jwt", &token("repo:one", 2));
    hits_for(&environment, &aws, &principal);
    // A job of another repository, which the role may not trust at all.
    environment.write("environment.jwt", &token("repo:other", 2));
    requests_for(&environment, &aws, &principal);
}

#[test]
fn a_token_of_an_identity_that_changed_during_the_request_is_not_cached() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    let principal = environment.set_web_identity().principal;
    environment.write("environment.jwt", &token("repo:one", 1));
    aws.on(ECR, Fault::Delay(Duration::from_secs(3)));
    let asked = environment.start(&["get"], HOST.as_bytes());
    aws.wait_for(ECR, 1);
    environment.write("environment.jwt", &token("repo:other", 1));
    assert_eq!(Outcome::of(asked).grant().principal, principal);
    assert_eq!(environment.entries(), [] as [PathBuf; 0]);
    aws.heal_all();
    requests_for(&environment, &aws, &principal);
}
