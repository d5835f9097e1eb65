//! Keys that AWS does not take, and what it takes them for.

use std::time::Duration;

use super::common::fake_aws::{ALICE, BOB, FakeAws, Fault, Operation};
use super::common::{HOST, TestEnvironment};
use super::{AS_ALICE, of_alice_with_rule, of_profile, shown, told};

const PULL: &str = "arn:aws:iam::999999999999:role/pull";
const CAUSES: [&str; 3] = [
    "Check that the key belongs to the partition aws, as the registry does; aws, aws-cn and aws-us-gov have separate keys",
    "Check that the region is enabled in the caller's account",
    "Check that the key is correct, active and not deleted",
];
const ANEW: &str = "Copy the access key ID and the secret access key again, both from the same source; the secret may be truncated or belong to another key";
const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.";

fn as_alice_then(environment: &TestEnvironment, role: &str) -> String {
    format!(
        "identity: the access key {}, then role {role}; selected by the rule at {}:1",
        ALICE.0,
        shown(environment, ".config/docker-credential-ecrx/config.toml")
    )
}

fn with_keys(aws: &FakeAws, id: &str, secret: &str, token: Option<&str>) -> TestEnvironment {
    let mut environment = TestEnvironment::with_aws(aws);
    environment.set("AWS_ACCESS_KEY_ID", id);
    environment.set("AWS_SECRET_ACCESS_KEY", secret);
    if let Some(token) = token {
        environment.set("AWS_SESSION_TOKEN", token);
    }
    environment
}

#[test]
fn key_unknown_to_ecr_has_three_causes() {
    let aws = FakeAws::start();
    aws.remove_key(ALICE.0);
    told(
        &TestEnvironment::of_alice(&aws).get(HOST),
        "AWS rejected the access key AKIAIOSFODNN7EXAMPLE: UnrecognizedClientException: The security token included in the request is invalid.",
        &[CAUSES[0], CAUSES[1], CAUSES[2], AS_ALICE],
    );
}

#[test]
fn key_unknown_to_sts_has_three_causes() {
    let aws = FakeAws::start();
    aws.remove_key(ALICE.0);
    let environment = of_alice_with_rule(&aws, &format!("role_arn = \"{PULL}\""));
    told(
        &environment.get(HOST),
        "AWS rejected the access key AKIAIOSFODNN7EXAMPLE: InvalidClientTokenId: The security token included in the request is invalid.",
        &[
            CAUSES[0],
            CAUSES[1],
            CAUSES[2],
            &as_alice_then(&environment, PULL),
        ],
    );
}

#[test]
fn key_of_a_profile_is_told_with_the_profile() {
    let aws = FakeAws::start();
    aws.remove_key(BOB.0);
    let config = format!(
        "aws_access_key_id = {}\naws_secret_access_key = {}",
        BOB.0, BOB.1
    );
    told(
        &of_profile(&aws, &config).get(HOST),
        "AWS rejected the access key of profile work (the access key AKIAI44QH8DHBEXAMPLE): UnrecognizedClientException: The security token included in the request is invalid.",
        &[
            CAUSES[0],
            CAUSES[1],
            CAUSES[2],
            "identity: profile work (the access key AKIAI44QH8DHBEXAMPLE); selected by the variable AWS_PROFILE",
        ],
    );
}

#[test]
fn temporary_key_without_its_token_is_told_so() {
    let aws = FakeAws::start();
    let session = aws.temporary_credentials(ALICE.2, Duration::from_secs(3600));
    let id = session.access_key_id.as_str();
    let reason = format!(
        "AWS rejected the access key {id}: UnrecognizedClientException: The security token included in the request is invalid."
    );
    let asked =
        format!("identity: the access key {id}; selected by the variable AWS_ACCESS_KEY_ID");
    for (token, cause) in [
        (
            None,
            "Check that the session token is set; a key that begins with ASIA requires one",
        ),
        (
            Some("another"),
            "Check that the session token belongs to this key",
        ),
    ] {
        told(
            &with_keys(&aws, id, &session.secret_access_key, token).get(HOST),
            &reason,
            &[CAUSES[0], CAUSES[1], CAUSES[2], cause, &asked],
        );
    }
}

#[test]
fn wrong_secret_is_told_from_an_unknown_key() {
    let aws = FakeAws::start();
    told(
        &with_keys(&aws, ALICE.0, BOB.1, None).get(HOST),
        &format!(
            "wrong secret access key for the access key AKIAIOSFODNN7EXAMPLE: InvalidSignatureException: {MISMATCH}"
        ),
        &[ANEW, AS_ALICE],
    );
}

#[test]
fn wrong_secret_is_told_from_an_unknown_key_by_sts_too() {
    let aws = FakeAws::start();
    let mut environment = of_alice_with_rule(&aws, &format!("role_arn = \"{PULL}\""));
    environment.set("AWS_SECRET_ACCESS_KEY", BOB.1);
    told(
        &environment.get(HOST),
        &format!(
            "wrong secret access key for the access key AKIAIOSFODNN7EXAMPLE: SignatureDoesNotMatch: {MISMATCH}"
        ),
        &[ANEW, &as_alice_then(&environment, PULL)],
    );
}

#[test]
fn temporary_credentials_that_are_over_are_to_be_renewed() {
    let aws = FakeAws::start();
    let session = aws.expired_credentials(ALICE.2);
    let id = session.access_key_id.as_str();
    told(
        &with_keys(
            &aws,
            id,
            &session.secret_access_key,
            session.session_token.as_deref(),
        )
        .get(HOST),
        &format!(
            "the temporary credentials of the access key {id} have expired: ExpiredTokenException: The security token included in the request is expired"
        ),
        &[
            "Get new temporary credentials from the same source, and replace the expired ones",
            &format!("identity: the access key {id}; selected by the variable AWS_ACCESS_KEY_ID"),
        ],
    );
}

#[test]
fn half_a_pair_of_keys_does_not_select_another_identity() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.unset("AWS_SECRET_ACCESS_KEY");
    told(
        &environment.get(HOST),
        "AWS_ACCESS_KEY_ID is set but AWS_SECRET_ACCESS_KEY is not; both are required",
        &[],
    );
    assert_eq!(aws.connections(), 0);
}

#[test]
fn denied_token_names_the_action_and_says_whose_policy() {
    let aws = FakeAws::start();
    aws.deny_ecr(ALICE.2);
    let words = "AccessDeniedException: User: arn:aws:iam::111122223333:user/alice is not authorized to perform: ecr:GetAuthorizationToken on resource: * because";
    told(
        &TestEnvironment::of_alice(&aws).get(HOST),
        &format!(
            "ecr:GetAuthorizationToken is denied to the access key AKIAIOSFODNN7EXAMPLE: {words} no identity-based policy allows the ecr:GetAuthorizationToken action"
        ),
        &[
            "In the caller's account, allow ecr:GetAuthorizationToken on resource \"*\" (the managed policy AmazonEC2ContainerRegistryPullOnly does). The registry's own policies do not affect this action",
            AS_ALICE,
        ],
    );
    let reason = "with an explicit deny in a service control policy";
    aws.on(
        Operation::EcrGetAuthorizationToken,
        Fault::AccessDeniedBecause(reason.to_owned()),
    );
    told(
        &TestEnvironment::of_alice(&aws).get(HOST),
        &format!(
            "ecr:GetAuthorizationToken is denied to the access key AKIAIOSFODNN7EXAMPLE: {words} {reason}"
        ),
        &[
            "Change the policy named after \"because\"; other policies cannot override it",
            AS_ALICE,
        ],
    );
}

#[test]
fn variables_that_were_passed_over_are_named() {
    let aws = FakeAws::start();
    aws.remove_key(ALICE.0);
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.aws_config("[profile work]\nregion = eu-west-1\n");
    environment.set("AWS_PROFILE", "work");
    environment.set("AWS_WEB_IDENTITY_TOKEN_FILE", "/token");
    told(
        &environment.get(HOST),
        "AWS rejected the access key AKIAIOSFODNN7EXAMPLE: UnrecognizedClientException: The security token included in the request is invalid.",
        &[
            CAUSES[0],
            CAUSES[1],
            CAUSES[2],
            &format!("{AS_ALICE}; not used: AWS_PROFILE, AWS_WEB_IDENTITY_TOKEN_FILE"),
        ],
    );
}
