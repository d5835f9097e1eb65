//! Roles that cannot be assumed: who tried, which role, and which side is to be mended.

use super::common::fake_aws::{ALICE, FakeAws, Fault, Operation};
use super::common::{HOST, TestEnvironment};
use super::{answer, of_alice_with_rule, of_profile, shown, told};

const HUB: &str = "arn:aws:iam::111122223333:role/hub";
const PULL: &str = "arn:aws:iam::999999999999:role/pull";
const OTHER_POLICY: &str =
    "Change the policy named after \"because\"; other policies cannot override it";

fn callers_side(role: &str) -> String {
    format!(
        "In the caller's account, allow sts:AssumeRole on resource \"{role}\" in the caller's identity policy"
    )
}

fn roles_side(account: &str, id: &str) -> String {
    format!(
        "In account {account}, check that the role exists and that its trust policy allows the caller {id}"
    )
}

fn asked_as(environment: &TestEnvironment, roles: &[&str]) -> String {
    let roles: String = roles
        .iter()
        .map(|role| format!(", then role {role}"))
        .collect();
    format!(
        "identity: the access key {}{roles}; selected by the rule at {}:1",
        ALICE.0,
        shown(environment, ".config/docker-credential-ecrx/config.toml")
    )
}

fn denial(caller: &str, role: &str, words: &str) -> String {
    format!(
        "the role {role} cannot be assumed by {caller}: AccessDenied: User: {words} is not authorized to perform: sts:AssumeRole on resource: {role}"
    )
}

#[test]
fn denied_role_names_the_caller_the_role_and_both_sides() {
    let aws = FakeAws::start();
    aws.deny_role(PULL);
    let environment = of_alice_with_rule(&aws, &format!("role_arn = \"{PULL}\""));
    told(
        &environment.get(HOST),
        &denial("the access key AKIAIOSFODNN7EXAMPLE", PULL, ALICE.2),
        &[
            &callers_side(PULL),
            &roles_side("999999999999", "without an external ID (none was sent)"),
            &asked_as(&environment, &[PULL]),
        ],
    );
}

#[test]
fn role_with_another_external_id_hints_at_the_one_that_was_sent() {
    let aws = FakeAws::start();
    aws.require_external_id(PULL, "build");
    let rule = format!("role_arn = \"{PULL}\"\nexternal_id = \"wrong-id\"");
    let environment = of_alice_with_rule(&aws, &rule);
    let outcome = environment.get(HOST);
    told(
        &outcome,
        &denial("the access key AKIAIOSFODNN7EXAMPLE", PULL, ALICE.2),
        &[
            &callers_side(PULL),
            &roles_side("999999999999", "with the external ID that was sent"),
            &asked_as(&environment, &[PULL]),
        ],
    );
    assert!(!outcome.stderr.contains("wrong-id"), "{outcome:?}");
}

#[test]
fn only_the_side_that_aws_names_is_to_be_mended() {
    let aws = FakeAws::start();
    let environment = of_alice_with_rule(&aws, &format!("role_arn = \"{PULL}\""));
    let asked = asked_as(&environment, &[PULL]);
    for (reason, hint) in [
        (
            "no identity-based policy allows the sts:AssumeRole action",
            callers_side(PULL),
        ),
        (
            "no resource-based policy allows the sts:AssumeRole action",
            roles_side("999999999999", "without an external ID (none was sent)"),
        ),
        (
            "no VPC endpoint policy allows the sts:AssumeRole action",
            OTHER_POLICY.to_owned(),
        ),
    ] {
        // What failed before is no longer remembered.
        environment.age_marks(6);
        aws.on(
            Operation::StsAssumeRole,
            answer(
                403,
                &format!(
                    "<ErrorResponse><Error><Code>AccessDenied</Code><Message>User: {} is not authorized to perform: sts:AssumeRole on resource: {PULL} because {reason}</Message></Error></ErrorResponse>",
                    ALICE.2
                ),
            ),
        );
        told(
            &environment.get(HOST),
            &format!(
                "{} because {reason}",
                denial("the access key AKIAIOSFODNN7EXAMPLE", PULL, ALICE.2)
            ),
            &[&hint, &asked],
        );
    }
}

#[test]
fn in_a_chain_the_caller_is_the_role_before() {
    let aws = FakeAws::start();
    aws.deny_role(PULL);
    let environment = of_alice_with_rule(&aws, &format!("role_arn = [\"{HUB}\", \"{PULL}\"]"));
    told(
        &environment.get(HOST),
        &denial(
            &format!("the role {HUB}"),
            PULL,
            "arn:aws:sts::111122223333:assumed-role/hub/docker-credential-ecrx",
        ),
        &[
            &callers_side(PULL),
            &roles_side("999999999999", "without an external ID (none was sent)"),
            &asked_as(&environment, &[HUB, PULL]),
        ],
    );
}

#[test]
fn first_role_of_a_chain_is_refused_to_the_first_caller() {
    let aws = FakeAws::start();
    aws.deny_role(HUB);
    let environment = of_alice_with_rule(&aws, &format!("role_arn = [\"{HUB}\", \"{PULL}\"]"));
    told(
        &environment.get(HOST),
        &denial("the access key AKIAIOSFODNN7EXAMPLE", HUB, ALICE.2),
        &[
            &callers_side(HUB),
            &roles_side("111122223333", "without an external ID (none was sent)"),
            &asked_as(&environment, &[HUB, PULL]),
        ],
    );
    assert_eq!(aws.count(Operation::StsAssumeRole), 1);
}

#[test]
fn role_of_a_profile_fails_by_the_names_of_both() {
    let aws = FakeAws::start();
    aws.deny_role(PULL);
    let environment = of_profile(
        &aws,
        &format!(
            "role_arn = {PULL}\nsource_profile = base\n[profile base]\n\
             aws_access_key_id = {}\naws_secret_access_key = {}",
            ALICE.0, ALICE.1
        ),
    );
    told(
        &environment.get(HOST),
        &denial(
            "profile work (the access key AKIAIOSFODNN7EXAMPLE)",
            PULL,
            ALICE.2,
        ),
        &[
            &callers_side(PULL),
            &roles_side("999999999999", "without an external ID (none was sent)"),
            &format!(
                "identity: profile work (the access key AKIAIOSFODNN7EXAMPLE), then role {PULL}; selected by the variable AWS_PROFILE"
            ),
        ],
    );
}

#[test]
fn token_denied_to_a_role_names_the_role() {
    let aws = FakeAws::start();
    let session = "arn:aws:sts::999999999999:assumed-role/pull/docker-credential-ecrx";
    aws.deny_ecr(session);
    let environment = of_alice_with_rule(&aws, &format!("role_arn = [\"{HUB}\", \"{PULL}\"]"));
    told(
        &environment.get(HOST),
        &format!(
            "ecr:GetAuthorizationToken is denied to the role {PULL}: AccessDeniedException: User: {session} is not authorized to perform: ecr:GetAuthorizationToken on resource: * because no identity-based policy allows the ecr:GetAuthorizationToken action"
        ),
        &[
            "In the caller's account, allow ecr:GetAuthorizationToken on resource \"*\" (the managed policy AmazonEC2ContainerRegistryPullOnly does). The registry's own policies do not affect this action",
            &asked_as(&environment, &[HUB, PULL]),
        ],
    );
}

#[test]
fn session_longer_than_the_role_allows_is_told_in_awss_words() {
    let aws = FakeAws::start();
    aws.set_max_session(PULL, std::time::Duration::from_secs(3600));
    let rule = format!("role_arn = \"{PULL}\"\nduration_seconds = 7200");
    let environment = of_alice_with_rule(&aws, &rule);
    told(
        &environment.get(HOST),
        &format!(
            "assuming the role {PULL}: ValidationError: The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        ),
        &[&asked_as(&environment, &[PULL])],
    );
}

#[test]
fn sts_without_credentials_in_its_answer_is_malformed() {
    let aws = FakeAws::start();
    let environment = of_alice_with_rule(&aws, &format!("role_arn = \"{PULL}\""));
    for (fault, what) in [
        (
            Fault::EmptyAuthorizationData,
            "the response contains no credentials",
        ),
        (
            Fault::Garbage,
            "HTTP status 200, with a response that is not from AWS",
        ),
    ] {
        aws.on(Operation::StsAssumeRole, fault);
        told(
            &environment.get(HOST),
            &format!("assuming the role {PULL}: malformed response: {what}"),
            &[
                "Another server responded instead of AWS; check HTTPS_PROXY and any custom endpoint",
                &asked_as(&environment, &[PULL]),
            ],
        );
    }
}
