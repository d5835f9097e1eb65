//! Public ECR, when there is no token: pulls are anonymous.

use std::time::{Duration, Instant};

use super::common::fake_aws::{ALICE, BOB, FakeAws, Fault, Operation, SSO_ACCESS_TOKEN};
use super::common::{HOST, NOT_FOUND, Outcome, TestEnvironment};
use super::{PUBLIC, PUBLIC_DUAL_STACK, with_keys};

#[track_caller]
fn is_anonymous(environment: &TestEnvironment, why: &str) {
    let Outcome {
        code,
        stdout,
        stderr,
    } = environment.get(PUBLIC);
    assert_eq!(
        (code, stdout.as_str(), stderr.as_str()),
        (Some(1), NOT_FOUND, ""),
        "{why}"
    );
}

/// Not found, in silence, and AWS is not asked a second time.
#[track_caller]
fn is_remembered(aws: &FakeAws, environment: &TestEnvironment, why: &str) {
    aws.clear();
    is_anonymous(environment, why);
    assert!(aws.connections() > 0, "{why}: it was tried");
    // A last try may have been under way when its time was over.
    aws.settle_what_ends();
    aws.clear();
    is_anonymous(environment, why);
    assert_eq!(aws.connections(), 0, "{why}: it was remembered");
}

/// As [`is_remembered`], for ten minutes and no longer.
#[track_caller]
fn stays_anonymous(aws: &FakeAws, environment: &TestEnvironment, why: &str) {
    is_remembered(aws, environment, why);
    assert_eq!(environment.lives_of_marks(), [600]);
    environment.age_marks(500);
    is_anonymous(environment, why);
    assert_eq!(aws.connections(), 0, "{why}: not yet ten minutes later");
    environment.age_marks(101);
    is_anonymous(environment, why);
    assert!(aws.connections() > 0, "{why}: ten minutes later");
}

/// Alice's keys, and a role on top that she may not assume.
fn of_denied_role(aws: &FakeAws) -> TestEnvironment {
    let role = "arn:aws:iam::111122223333:role/ci";
    aws.deny_role(role);
    let mut environment = TestEnvironment::with_aws(aws);
    environment.aws_config(&format!(
        "[profile ci]\nrole_arn = {role}\nsource_profile = base\n[profile base]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        ALICE.0, ALICE.1
    ));
    environment.set("AWS_PROFILE", "ci");
    environment
}

#[test]
fn without_credentials_public_ecr_is_anonymous_and_aws_is_not_called() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::with_aws(&aws);
    for host in [PUBLIC, PUBLIC_DUAL_STACK] {
        environment.get(host).failed_with(NOT_FOUND, "");
    }
    assert_eq!(aws.connections(), 0);
    assert!(!environment.home().join(".cache").exists());
}

#[test]
fn an_instance_without_a_role_pulls_anonymously_and_asks_its_metadata_once() {
    let aws = FakeAws::start();
    aws.set_instance_role(None);
    let mut environment = TestEnvironment::with_aws(&aws);
    environment
        .unset("AWS_EC2_METADATA_DISABLED")
        .set("AWS_EC2_METADATA_SERVICE_ENDPOINT", &aws.url());
    stays_anonymous(&aws, &environment, "no role");
    assert_eq!(aws.count(Operation::EcrPublicGetAuthorizationToken), 0);
}

#[test]
fn a_denial_leaves_public_ecr_anonymous() {
    let aws = FakeAws::start();
    aws.deny_ecr(ALICE.2);
    let environment = TestEnvironment::of_alice(&aws);
    stays_anonymous(&aws, &environment, "denied");
}

#[test]
fn a_denied_role_leaves_public_ecr_anonymous() {
    let aws = FakeAws::start();
    let environment = of_denied_role(&aws);
    stays_anonymous(&aws, &environment, "a denied role");
    assert_eq!(aws.count(Operation::EcrPublicGetAuthorizationToken), 0);
}

#[test]
fn keys_of_another_partition_leave_public_ecr_anonymous() {
    let aws = FakeAws::start();
    aws.check_partitions(true);
    for (partition, region) in [("aws-cn", "cn-north-1"), ("aws-us-gov", "us-gov-east-1")] {
        let arn = format!("arn:{partition}:iam::111122223333:user/alice");
        aws.add_user(ALICE.0, ALICE.1, &arn);
        let environment = TestEnvironment::of_alice(&aws);
        stays_anonymous(&aws, &environment, partition);
        // The same keys are good at home.
        let suffix = if partition == "aws-cn" { ".cn" } else { "" };
        let host = format!("999999999999.dkr.ecr.{region}.amazonaws.com{suffix}");
        assert_eq!(environment.get(&host).grant().principal, arn);
    }
}

#[test]
fn a_role_of_another_partition_leaves_public_ecr_anonymous() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    let token = environment.write("token", "a web identity token");
    environment
        .set("AWS_ROLE_ARN", "arn:aws-cn:iam::111122223333:role/node")
        .set("AWS_WEB_IDENTITY_TOKEN_FILE", &token.display().to_string());
    environment.get(PUBLIC).failed_with(NOT_FOUND, "");
    assert_eq!(aws.connections(), 0);
}

#[test]
fn an_aws_that_answers_badly_leaves_public_ecr_anonymous() {
    let aws = FakeAws::start();
    for fault in [
        Fault::UnrecognizedClient,
        Fault::SignatureMismatch,
        Fault::ExpiredToken,
        Fault::Garbage,
        Fault::EmptyAuthorizationData,
        Fault::UndecodableToken,
        Fault::RawResponse(403, Vec::new(), "blocked by the firewall".to_owned()),
    ] {
        let name = format!("{fault:?}");
        aws.on(Operation::EcrPublicGetAuthorizationToken, fault);
        let environment = TestEnvironment::of_alice(&aws);
        stays_anonymous(&aws, &environment, &name);
    }
}

#[test]
fn an_aws_that_is_down_leaves_public_ecr_anonymous() {
    let aws = FakeAws::start();
    for fault in [
        Fault::Status(500),
        Fault::Status(503),
        Fault::Throttle,
        Fault::CloseConnection,
        Fault::TruncatedAnswer,
    ] {
        let name = format!("{fault:?}");
        aws.on(Operation::EcrPublicGetAuthorizationToken, fault);
        let environment = TestEnvironment::of_alice(&aws);
        is_remembered(&aws, &environment, &name);
    }
}

#[test]
fn an_aws_that_hangs_holds_up_no_anonymous_pull() {
    let aws = FakeAws::start();
    aws.on(Operation::EcrPublicGetAuthorizationToken, Fault::Hang);
    let environment = TestEnvironment::of_alice(&aws);
    let started = Instant::now();
    stays_anonymous(&aws, &environment, "hang");
    // Tried twice, 2 s each; a whole `get` of a private registry may take 30 s.
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[test]
fn an_endpoint_that_is_not_there_leaves_public_ecr_anonymous() {
    let (_held, address) = super::common::refusing();
    let nowhere = format!("http://{address}");
    let mut environment = with_keys();
    environment.set("AWS_ENDPOINT_URL", &nowhere);
    environment.get(PUBLIC).failed_with(NOT_FOUND, "");
    assert_eq!(environment.marks().len(), 1);
}

#[test]
fn settings_that_fail_a_private_registry_leave_public_ecr_anonymous() {
    let aws = FakeAws::start();
    for (name, value) in [
        ("AWS_PROFILE", "missing"),
        ("AWS_SECRET_ACCESS_KEY", "half-of-a-pair"),
        ("AWS_ENDPOINT_URL", "localhost:1"),
        ("HTTPS_PROXY", "ftp://proxy"),
        ("AWS_CA_BUNDLE", "/nonexistent/ca.pem"),
        ("ECRX_CONFIG", "/nonexistent/config.toml"),
    ] {
        let mut environment = TestEnvironment::of_alice(&aws);
        if matches!(name, "AWS_PROFILE" | "AWS_SECRET_ACCESS_KEY") {
            environment
                .unset("AWS_ACCESS_KEY_ID")
                .unset("AWS_SECRET_ACCESS_KEY");
        }
        environment.set(name, value);
        let private = environment.get(HOST);
        assert_eq!(private.code, Some(1), "{name}");
        assert_ne!(private.stdout, NOT_FOUND, "{name}");
        let public = environment.get(PUBLIC);
        assert_eq!(
            (public.stdout.as_str(), public.stderr.as_str()),
            (NOT_FOUND, ""),
            "{name}"
        );
    }
    assert_eq!(aws.connections(), 0);
}

#[test]
fn public_ecr_is_anonymous_without_a_cache_too() {
    let aws = FakeAws::start();
    aws.deny_ecr(ALICE.2);
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.set("AWS_ECR_DISABLE_CACHE", "1");
    for calls in 1..3 {
        environment.get(PUBLIC).failed_with(NOT_FOUND, "");
        assert_eq!(aws.calls().len(), calls, "nothing can be remembered");
    }
}

#[test]
fn an_anonymous_answer_of_public_ecr_delays_no_private_registry() {
    let aws = FakeAws::start();
    aws.on(
        Operation::EcrPublicGetAuthorizationToken,
        Fault::AccessDenied,
    );
    let environment = TestEnvironment::of_alice(&aws);
    environment.get(PUBLIC).failed_with(NOT_FOUND, "");
    environment.get(HOST).answer();
}

// What ends the ten minutes before their time.

#[test]
fn other_keys_end_the_wait_for_public_ecr() {
    let aws = FakeAws::start();
    aws.deny_ecr(ALICE.2);
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.get(PUBLIC).failed_with(NOT_FOUND, "");
    environment
        .set("AWS_ACCESS_KEY_ID", BOB.0)
        .set("AWS_SECRET_ACCESS_KEY", BOB.1);
    assert_eq!(environment.get(PUBLIC).grant().principal, BOB.2);
    environment
        .set("AWS_ACCESS_KEY_ID", ALICE.0)
        .set("AWS_SECRET_ACCESS_KEY", ALICE.1);
    aws.clear();
    environment.get(PUBLIC).failed_with(NOT_FOUND, "");
    assert_eq!(aws.connections(), 0, "Alice still waits");
}

#[test]
fn another_role_ends_the_wait_for_public_ecr() {
    let aws = FakeAws::start();
    let mut environment = of_denied_role(&aws);
    is_remembered(&aws, &environment, "a denied role");
    environment.set("AWS_PROFILE", "base");
    assert_eq!(environment.get(PUBLIC).grant().principal, ALICE.2);
}

#[test]
fn an_erase_ends_the_wait_for_public_ecr() {
    let aws = FakeAws::start();
    aws.on(
        Operation::EcrPublicGetAuthorizationToken,
        Fault::AccessDenied,
    );
    let environment = TestEnvironment::of_alice(&aws);
    environment.get(PUBLIC).failed_with(NOT_FOUND, "");
    aws.heal_all();
    environment.get(PUBLIC).failed_with(NOT_FOUND, "");
    assert_eq!(environment.run(&["erase"], PUBLIC).code, Some(0));
    environment.get(PUBLIC).answer();
}

#[test]
fn a_new_sign_in_ends_the_wait_for_public_ecr() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.aws_config(
        "[profile work]\nsso_session = company\nsso_account_id = 111122223333\nsso_role_name = Developer\n[sso-session company]\nsso_start_url = https://company.awsapps.com/start\nsso_region = us-east-1\n",
    );
    environment.set("AWS_PROFILE", "work");
    // `aws sso login` names its file by the SHA-1 of the session's name, here `company`.
    let sign_in = |access_token: &str, expires_at: &str| {
        environment.write(
            ".aws/sso/cache/71b21161ffa1e6516bcc072aaf5ef38cbe85b511.json",
            &format!(
                r#"{{"startUrl":"https://company.awsapps.com/start","region":"us-east-1","accessToken":"{access_token}","expiresAt":"{expires_at}"}}"#
            ),
        );
    };
    environment.get(PUBLIC).failed_with(NOT_FOUND, "");
    sign_in("expired", "2020-01-01T00:00:00Z");
    environment.get(PUBLIC).failed_with(NOT_FOUND, "");
    assert_eq!(aws.connections(), 0);
    sign_in(SSO_ACCESS_TOKEN, "2099-01-01T00:00:00Z");
    assert_eq!(
        environment.get(PUBLIC).grant().principal,
        aws.sso_principal("111122223333", "Developer")
    );
}
