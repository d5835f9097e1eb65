//! `ECRX_*` variables, as a CI job sets them.

use super::common::fake_aws::{ALICE, BOB, FakeAws, Operation};
use super::common::{HOST, NOT_FOUND, TestEnvironment, sources};
use super::{BEIJING, IRELAND, PUBLIC, assumed, explained, session};

const PULL: &str = "arn:aws:iam::999999999999:role/pull";
const OTHER: &str = "arn:aws:iam::111122223333:role/other";

/// Alice's keys in variables, Bob's in a profile `work`, and a profile `role` on top of these.
fn runner(aws: &FakeAws) -> TestEnvironment {
    let mut environment = TestEnvironment::of_alice(aws);
    sources::keys(&mut environment, aws, "work");
    environment.add_aws_config(
        "[profile role]\nrole_arn = arn:aws:iam::111122223333:role/profile\nsource_profile = work\n",
    );
    environment
}

/// The caller that requests the token of a registry, and the callers that assume roles for it.
fn callers(environment: &TestEnvironment, aws: &FakeAws, host: &str) -> (String, Vec<String>) {
    aws.clear();
    let principal = environment.get(host).grant().principal;
    let chain = assumed(aws).into_iter();
    (
        principal,
        chain.map(|(by, role)| format!("{by} {role}")).collect(),
    )
}

#[test]
fn each_variable_alone_and_both_together_choose_before_rules_and_aws_variables() {
    for (variables, principal, chain) in [
        (vec![("ECRX_PROFILE", "work")], BOB.2.to_owned(), vec![]),
        (
            vec![("ECRX_ROLE_ARN", PULL)],
            session("999999999999", "pull"),
            vec![format!("{} {PULL}", ALICE.2)],
        ),
        (
            vec![("ECRX_PROFILE", "work"), ("ECRX_ROLE_ARN", PULL)],
            session("999999999999", "pull"),
            vec![format!("{} {PULL}", BOB.2)],
        ),
        (
            vec![("ECRX_PROFILE", "role"), ("ECRX_ROLE_ARN", PULL)],
            session("999999999999", "pull"),
            vec![
                format!("{} arn:aws:iam::111122223333:role/profile", BOB.2),
                format!("{} {PULL}", session("111122223333", "profile")),
            ],
        ),
        // Blanks around a value are no part of it.
        (
            vec![("ECRX_PROFILE", " work\t"), ("ECRX_ROLE_ARN", "\n")],
            BOB.2.to_owned(),
            vec![],
        ),
    ] {
        let aws = FakeAws::start();
        let mut environment = runner(&aws);
        environment.config(&format!(
            "[[registry]]\nmatch = \"*\"\nprofile = \"never\"\nrole_arn = \"{OTHER}\"\n[defaults]\nprofile = \"never\"\n"
        ));
        for (name, value) in &variables {
            environment.set(name, value);
        }
        let found = callers(&environment, &aws, HOST);
        assert_eq!(found, (principal, chain), "{variables:?}");
    }
}

#[test]
fn the_variable_of_an_account_comes_before_that_of_all() {
    let aws = FakeAws::start();
    let mut environment = runner(&aws);
    environment
        .set("ECRX_PROFILE", "never")
        .set("ECRX_PROFILE_999999999999", "work")
        .set("ECRX_PROFILE_111122223333", "role")
        .set("ECRX_PROFILE_444455556666", " ")
        .set("ECRX_ROLE_ARN", "arn:aws:iam::{account}:role/{region}")
        .set("ECRX_ROLE_ARN_999999999999", PULL);
    assert_eq!(
        callers(&environment, &aws, HOST),
        (
            session("999999999999", "pull"),
            vec![format!("{} {PULL}", BOB.2)]
        )
    );
    // Each variable for itself.
    assert_eq!(
        callers(&environment, &aws, IRELAND).0,
        session("111122223333", "eu-west-1")
    );
    let never = environment.get("444455556666.dkr.ecr.eu-west-1.amazonaws.com");
    assert!(
        never
            .stdout
            .ends_with("(selected by the variable ECRX_PROFILE)\n"),
        "{never:?}"
    );
}

#[test]
fn what_goes_with_a_role_goes_to_sts() {
    let aws = FakeAws::start();
    aws.require_external_id(PULL, "id+=,.@:/-_");
    let mut environment = runner(&aws);
    environment
        .set("ECRX_ROLE_ARN", PULL)
        .set("ECRX_EXTERNAL_ID", " id+=,.@:/-_ ")
        .set("ECRX_ROLE_SESSION_NAME", "job-17")
        .set("ECRX_REGION", "eu-west-1")
        .set("AWS_REGION", "eu-west-2");
    let grant = environment.get(HOST).grant();
    assert_eq!(
        grant.principal,
        "arn:aws:sts::999999999999:assumed-role/pull/job-17"
    );
    // Where the role is assumed is not where the registry is.
    assert_eq!(grant.region, "us-west-2");
    let region = |aws: &FakeAws| {
        let calls = aws.calls_of(Operation::StsAssumeRole);
        assert_eq!(calls.len(), 1, "{calls:?}");
        calls[0].signed_region.clone().expect("a region")
    };
    assert_eq!(region(&aws), "eu-west-1");
    // One of another partition would be of no use there.
    for (variable, expected) in [("cn-north-1", "eu-west-2"), (" ", "eu-west-2")] {
        aws.clear();
        environment.run(&["erase"], HOST);
        environment.set("ECRX_REGION", variable);
        let _ = environment.get(HOST);
        assert_eq!(region(&aws), expected, "{variable}");
        environment.run(&["erase"], HOST);
    }
}

#[test]
fn settings_of_a_role_select_no_identity_and_apply_to_no_other_role() {
    let aws = FakeAws::start();
    let mut environment = runner(&aws);
    environment
        .set("ECRX_EXTERNAL_ID", "not told")
        .set("ECRX_ROLE_SESSION_NAME", "no name/")
        .set("ECRX_REGION", "nowhere")
        .set("ECRX_PROFILE_111122223333", "work");
    assert_eq!(environment.get(HOST).grant().principal, ALICE.2);
    environment.config(&format!(
        "[[registry]]\nmatch = \"*\"\nrole_arn = \"{PULL}\"\n"
    ));
    aws.clear();
    assert_eq!(
        environment.get(HOST).grant().principal,
        session("999999999999", "pull")
    );
    let calls = aws.calls_of(Operation::StsAssumeRole);
    assert_eq!(calls[0].param("ExternalId"), None);
    assert_eq!(calls[0].signed_region.as_deref(), Some("us-west-2"));
}

#[test]
fn role_alone_is_assumed_by_what_the_later_layers_say() {
    let aws = FakeAws::start();
    let mut environment = runner(&aws);
    let default = format!(
        "[default]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        ALICE.0, ALICE.1
    );
    environment.add_aws_config(&default);
    environment.set("ECRX_ROLE_ARN", PULL);
    let by = |environment: &TestEnvironment| {
        environment.run(&["erase"], HOST);
        let (principal, chain) = callers(environment, &aws, HOST);
        assert_eq!(principal, session("999999999999", "pull"));
        chain
    };
    environment.unset_keys();
    environment.set("AWS_PROFILE", "work");
    assert_eq!(by(&environment), [format!("{} {PULL}", BOB.2)]);
    environment.unset("AWS_PROFILE");
    assert_eq!(by(&environment), [format!("{} {PULL}", ALICE.2)]);
    environment.config(
        "[defaults]\nprofile = \"work\"\n[[registry]]\nmatch = \"*\"\nprofile = \"never\"\n",
    );
    assert_eq!(by(&environment), [format!("{} {PULL}", BOB.2)]);
    let web = environment.set_web_identity();
    assert_eq!(by(&environment), [format!("{} {PULL}", web.principal)]);
}

#[test]
fn failure_says_which_variable_chose() {
    let aws = FakeAws::start();
    let mut environment = runner(&aws);
    aws.deny_ecr(BOB.2);
    aws.deny_ecr(&session("999999999999", "pull"));
    environment
        .set("ECRX_PROFILE", "never")
        .set("ECRX_PROFILE_999999999999", "work");
    let as_bob = format!("identity: profile work (the access key {})", BOB.0);
    assert_eq!(
        explained(&environment.get(HOST)),
        format!(
            "{as_bob}; selected by the variable ECRX_PROFILE_999999999999; not used: AWS_ACCESS_KEY_ID"
        )
    );
    environment.set("ECRX_ROLE_ARN", PULL);
    assert_eq!(
        explained(&environment.get(HOST)),
        format!(
            "{as_bob}, then role {PULL}; selected by the variables ECRX_PROFILE_999999999999 and ECRX_ROLE_ARN; not used: AWS_ACCESS_KEY_ID"
        )
    );
    environment
        .unset("ECRX_PROFILE")
        .unset("ECRX_PROFILE_999999999999")
        .set("ECRX_ROLE_ARN", "arn:aws:iam::{account}:role/pull")
        .set("AWS_PROFILE", "work");
    assert_eq!(
        explained(&environment.get(HOST)),
        format!(
            "identity: the access key {}, then role {PULL}; selected by the variable ECRX_ROLE_ARN; not used: AWS_PROFILE",
            ALICE.0
        )
    );
}

/// It would be told to whatever account an image's name holds.
#[test]
fn external_id_goes_to_accounts_that_are_written_down_alone() {
    let aws = FakeAws::start();
    let mut environment = runner(&aws);
    environment
        .set("ECRX_EXTERNAL_ID", "hush")
        .set("ECRX_ROLE_ARN", "arn:aws:iam::{account}:role/pull");
    environment.get(HOST).failure(&format!(
        "no credentials for {HOST}: the variable ECRX_EXTERNAL_ID: would be sent to the account of any image, because `role_arn` contains {{account}}; set the role of each account in its own variable, ECRX_ROLE_ARN_<account>"
    ));
    assert_eq!(aws.connections(), 0);
    environment.set(
        "ECRX_ROLE_ARN_999999999999",
        "arn:aws:iam::{account}:role/pull",
    );
    environment.get(HOST).answer();
    let calls = aws.calls_of(Operation::StsAssumeRole);
    assert_eq!(calls[0].param("RoleArn"), Some(PULL));
    assert_eq!(calls[0].param("ExternalId"), Some("hush"));
}

#[test]
fn role_with_blanks_is_silent_on_public_ecr() {
    let aws = FakeAws::start();
    let mut environment = runner(&aws);
    environment.set("ECRX_ROLE_ARN", "arn:aws:iam::{account}:role/pull");
    assert_eq!(environment.get(PUBLIC).grant().principal, ALICE.2);
    // As a whole: the profile goes with the role.
    environment.set("ECRX_PROFILE", "work");
    assert_eq!(environment.get(PUBLIC).grant().principal, ALICE.2);
    environment.set("ECRX_ROLE_ARN", OTHER);
    assert_eq!(
        environment.get(PUBLIC).grant().principal,
        session("111122223333", "other")
    );
    environment.set("ECRX_ROLE_ARN", "wrong");
    environment.get(PUBLIC).failed_with(NOT_FOUND, "");
}

#[test]
fn one_runner_has_a_role_per_account_and_the_cache_hits_for_each() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.set_web_identity();
    environment
        .set("ECRX_ROLE_ARN", "arn:{partition}:iam::{account}:role/ci")
        .set("ECRX_ROLE_ARN_111122223333", OTHER);
    let other = "444455556666.dkr.ecr.eu-west-1.amazonaws.com";
    for (host, principal) in [
        (HOST, session("999999999999", "ci")),
        (IRELAND, session("111122223333", "other")),
        (other, session("444455556666", "ci")),
    ] {
        assert_eq!(environment.get(host).grant().principal, principal);
        aws.clear();
        assert_eq!(environment.get(host).grant().principal, principal);
        assert_eq!(aws.connections(), 0);
    }
    assert_eq!(environment.entries().len(), 3);
    // The web identity is of `aws`.
    environment.get(BEIJING).failure(&format!(
        "no credentials for {BEIJING}: the role arn:aws:iam::111122223333:role/irsa is in the partition aws, but the registry {BEIJING} is in aws-cn; roles, keys and tokens work only in their own partition (selected by the variable ECRX_ROLE_ARN)"
    ));
}
