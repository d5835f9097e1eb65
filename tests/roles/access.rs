//! Tokens that are requested with fewer rights than the role has.

use super::common::fake_aws::{FakeAws, Fault, Operation};
use super::common::{HOST, TestEnvironment, sources};
use super::{PUBLIC, rule};

const ROLE: &str = "arn:aws:iam::111122223333:role/ecr";

/// A session policy as STS gets it, with the statements for repositories after the one for a token.
fn policy(statements: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Sid":"GetToken","Effect":"Allow","Action":"ecr:GetAuthorizationToken","Resource":"*"}},{statements}]}}"#
    )
}

/// The statement for pulls of these resources, as JSON.
fn pull(resources: &str) -> String {
    format!(
        r#"{{"Sid":"PullImages","Effect":"Allow","Action":["ecr:BatchCheckLayerAvailability","ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"],"Resource":{resources}}}"#
    )
}

const ALL: &str = r#""arn:aws:ecr:us-west-2:999999999999:repository/*""#;

/// The session policies of the calls to STS.
fn policies(aws: &FakeAws) -> Vec<Option<String>> {
    let calls = aws.calls();
    let roles = calls.iter().filter(|call| call.param("RoleArn").is_some());
    roles
        .map(|call| call.param("Policy").map(str::to_owned))
        .collect()
}

#[test]
fn a_role_is_assumed_with_exactly_the_rights_of_its_rule() {
    let team = r#"["arn:aws:ecr:us-west-2:999999999999:repository/team/*","arn:aws:ecr:us-west-2:999999999999:repository/base"]"#;
    let push = r#"{"Sid":"PushImages","Effect":"Allow","Action":["ecr:BatchCheckLayerAvailability","ecr:BatchGetImage","ecr:CompleteLayerUpload","ecr:GetDownloadUrlForLayer","ecr:InitiateLayerUpload","ecr:PutImage","ecr:UploadLayerPart"],"Resource":"arn:aws:ecr:us-west-2:999999999999:repository/team/app"}"#;
    let through = format!(
        r#"{},{{"Sid":"PullThroughCache","Effect":"Allow","Action":["ecr:BatchImportUpstreamImage","ecr:CreateRepository"],"Resource":{ALL}}}"#,
        pull(ALL)
    );
    for (lines, expected) in [
        ("access = \"pull\"", policy(&pull(ALL))),
        (
            "access = \"pull\"\naccess_repositories = [\"team/*\", \"base\"]",
            policy(&pull(team)),
        ),
        (
            "access = \"push\"\naccess_repositories = \"team/app\"",
            policy(push),
        ),
        (
            "access = \"pull\"\naccess_pull_through = true",
            policy(&through),
        ),
    ] {
        let aws = FakeAws::start();
        let environment = TestEnvironment::of_alice(&aws);
        rule(&environment, &format!("role_arn = \"{ROLE}\"\n{lines}"));
        environment.get(HOST).grant();
        assert_eq!(policies(&aws), [Some(expected)], "{lines}");
    }
}

#[test]
fn only_the_last_role_of_a_chain_is_limited_whatever_selects_it() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let limited = Some(policy(&pull(ALL)));
    rule(
        &environment,
        &format!(
            "role_arn = [\"arn:aws:iam::111122223333:role/hub\", \"{ROLE}\"]\naccess = \"pull\""
        ),
    );
    environment.get(HOST).grant();
    assert_eq!(policies(&aws), [None, limited.clone()]);

    // A profile's role, of a rule that says nothing else.
    aws.clear();
    let mut environment = TestEnvironment::with_aws(&aws);
    sources::role(&mut environment, &aws, "work");
    environment.set("AWS_PROFILE", "work");
    rule(&environment, "access = \"pull\"");
    environment.get(HOST).grant();
    assert_eq!(policies(&aws), [limited]);
}

#[test]
fn a_web_identity_is_limited_unless_another_role_is_on_top() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.set("CI_TOKEN", "e30.e30.c2ln");
    let web = "web_identity = \"env:CI_TOKEN\"\naccess = \"pull\"";
    let limited = Some(policy(&pull(ALL)));
    rule(&environment, &format!("{web}\nrole_arn = \"{ROLE}\""));
    environment.get(HOST).grant();
    assert_eq!(aws.count(Operation::StsAssumeRoleWithWebIdentity), 1);
    assert_eq!(policies(&aws), std::slice::from_ref(&limited));

    aws.clear();
    let hub = "arn:aws:iam::111122223333:role/hub";
    rule(
        &environment,
        &format!("{web}\nrole_arn = [\"{hub}\", \"{ROLE}\"]"),
    );
    environment.get(HOST).grant();
    assert_eq!(policies(&aws), [None, limited]);
}

#[test]
fn public_ecr_has_actions_of_its_own() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.config(&format!(
        "[[registry]]\nmatch = \"{PUBLIC}\"\nrole_arn = \"{ROLE}\"\naccess = \"push\"\naccess_repositories = \"team/app\"\n"
    ));
    environment.get(PUBLIC).grant();
    let expected = r#"{"Version":"2012-10-17","Statement":[{"Sid":"GetToken","Effect":"Allow","Action":["ecr-public:GetAuthorizationToken","sts:GetServiceBearerToken"],"Resource":"*"},{"Sid":"PushImages","Effect":"Allow","Action":["ecr-public:BatchCheckLayerAvailability","ecr-public:CompleteLayerUpload","ecr-public:InitiateLayerUpload","ecr-public:PutImage","ecr-public:UploadLayerPart"],"Resource":"arn:aws:ecr-public::111122223333:repository/team/app"}]}"#;
    assert_eq!(policies(&aws), [Some(expected.to_owned())]);
}

#[test]
fn a_token_is_only_used_by_rules_with_the_same_rights() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let all = [
        "",
        "access = \"pull\"",
        "access = \"push\"",
        "access = \"pull\"\naccess_repositories = \"team/*\"",
        "access = \"pull\"\naccess_repositories = \"team/app\"",
        "access = \"pull\"\naccess_pull_through = true",
    ];
    let mut passwords = Vec::new();
    for calls in [1, 0] {
        for lines in all {
            aws.clear();
            rule(&environment, &format!("role_arn = \"{ROLE}\"\n{lines}"));
            let answer = environment.get(HOST).answer();
            assert_eq!(
                aws.count(Operation::EcrGetAuthorizationToken),
                calls,
                "{lines}"
            );
            passwords.push(answer["Secret"].to_string());
        }
    }
    let (first, second) = passwords.split_at(all.len());
    assert_eq!(first, second);
    assert_eq!(environment.entries().len(), all.len());
}

#[test]
fn a_list_that_is_too_long_for_sts_is_refused_before_sts_is_called() {
    let names: Vec<String> = (0..30).map(|at| format!("\"team/app-{at:02}\"")).collect();
    let lines = format!(
        "role_arn = \"{ROLE}\"\naccess = \"pull\"\naccess_repositories = [{}]",
        names.join(", ")
    );
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let config = rule(&environment, &lines);
    let line = format!(
        "no credentials for {HOST}: {config}:5: registry.access_repositories: results in a session policy of 2071 characters, but AWS accepts at most 2048; use fewer repositories, with wildcards (team/*)"
    );
    assert_eq!(environment.get(HOST).failure(&line), [""; 0]);
    assert_eq!(aws.connections(), 0);

    // The region decides, which the rule does not name.
    let names = &names[..29];
    let lines = format!(
        "role_arn = \"{ROLE}\"\naccess = \"pull\"\naccess_repositories = [{}]",
        names.join(", ")
    );
    let config = rule(&environment, &lines);
    environment.get(HOST).grant();
    aws.clear();
    let far = "999999999999.dkr.ecr.ap-southeast-1.amazonaws.com";
    let line = format!(
        "no credentials for {far}: {config}:1: registry.access_repositories: results in a session policy of 2156 characters, but AWS accepts at most 2048; use fewer repositories, with wildcards (team/*)"
    );
    let outcome = environment.get(far);
    assert_eq!(outcome.failure(&line).len(), 0);
    assert_eq!(aws.connections(), 0);
}

#[test]
fn a_policy_that_is_too_large_when_packed_is_told_with_a_way_out() {
    let aws = FakeAws::start();
    let body = "<ErrorResponse><Error><Type>Sender</Type><Code>PackedPolicyTooLarge</Code><Message>Packed policy consumes 110% of allotted space, please use smaller policy.</Message></Error></ErrorResponse>";
    let fault = Fault::RawResponse(400, Vec::new(), body.to_owned());
    aws.on(Operation::StsAssumeRole, fault);
    let environment = TestEnvironment::of_alice(&aws);
    rule(
        &environment,
        &format!("role_arn = \"{ROLE}\"\naccess = \"pull\""),
    );
    let outcome = environment.get(HOST);
    let hints = outcome.failure(&format!(
        "no credentials for {HOST}: assuming the role {ROLE}: the session policy is too large: PackedPolicyTooLarge: Packed policy consumes 110% of allotted space, please use smaller policy."
    ));
    assert_eq!(
        hints[0],
        "List fewer repositories in access_repositories, with wildcards (team/*). AWS packs the policy, and does not document how: shorter names help"
    );
}

#[test]
fn public_ecr_without_a_role_is_pulled_from_anonymously() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.config(&format!(
        "[[registry]]\nmatch = \"{PUBLIC}\"\naccess = \"pull\"\n"
    ));
    let outcome = environment.get(PUBLIC);
    assert_eq!(
        (outcome.code, outcome.stdout.trim()),
        (Some(1), "credentials not found in native keychain")
    );
    assert_eq!(aws.connections(), 0);
}
